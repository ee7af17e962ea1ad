"""Image warps: exact between cameras that share their centre, and of one plane of the world between any two.

Crop, resize, zoom, flip and a turn about the camera centre are all one homography, so one function serves them all:
make the new `Camera` first, then ask for the picture that it would have taken. Between cameras that stand in different
places only a plane has a homography; what rises above it then leans over.
"""

from __future__ import annotations

import numpy as np
import torch
from array_api_compat import array_namespace, device

from para.geometry.camera import Camera
from para.geometry.pose import Array


def homography(camera: Camera, new_camera: Camera) -> Array:
    """(..., 3, 3) matrix H with ``pixel_old ~ H @ (pixel_new, 1)``, in this package's pixel convention.

    H = K_old R_old^T R_new K_new^-1. ValueError when the two cameras stand in different places: then no warp is exact.
    """
    xp = array_namespace(camera.intrinsics)
    apart = xp.max(xp.abs(camera.T_world_camera.translation - new_camera.T_world_camera.translation))
    if float(apart) > 1e-6:
        raise ValueError(
            f"the two cameras stand {float(apart):.4g} m apart; an image can only be warped exactly between cameras "
            "with one centre (crop, resize, zoom, flip, rotate)"
        )
    turn = xp.matrix_transpose(camera.T_world_camera.rotation) @ new_camera.T_world_camera.rotation
    return _matrix(camera) @ turn @ _inverse_matrix(new_camera)


def plane_homography(camera: Camera, new_camera: Camera, height: float) -> Array:
    """(..., 3, 3) matrix H with ``pixel_old ~ H @ (pixel_new, 1)`` for points of the plane z_world = `height` [m].

    H = P_old P_new^-1 with P = K R^T [e_x, e_y, height e_z - C], which maps the plane's (x, y, 1) to pixels (Hartley and
    Zisserman, Multiple View Geometry, 8.1). The third component is positive where both cameras have the point before them.
    """
    like = camera.intrinsics
    origin, x, y = (_vector(like, v) for v in ((0.0, 0.0, height), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    return _plane_matrix(camera, origin, x, y) @ array_namespace(like).linalg.inv(
        _plane_matrix(new_camera, origin, x, y)
    )


def warp_plane(image: np.ndarray, camera: Camera, new_camera: Camera, height: float, fill: int = 0) -> np.ndarray:
    """(H, W, C) uint8 or float32 -> what `new_camera` would see if everything in the picture lay in the plane z_world =
    `height` [m]; bilinear, `fill` where the old picture shows nothing of it."""
    _check_size(image, camera)
    matrix = plane_homography(camera, new_camera, height)
    image, matrix = _averaged(image, matrix, new_camera)
    return _warp_numpy(image, matrix, (new_camera.width, new_camera.height), fill)


def warp_image(image: Array, camera: Camera, new_camera: Camera, fill: int = 0) -> Array:
    """The image that `new_camera` would have taken, bilinear; outside the old image it is `fill`.

    A NumPy image that shrinks to half or less is averaged over whole pixels first, as a camera with larger pixels would.

    NumPy: (H, W, C) uint8 or float32 with one camera. torch: (B, C, H, W) float with batched cameras.
    """
    _check_size(image, camera)
    matrix = homography(camera, new_camera)
    if isinstance(image, np.ndarray):
        image, matrix = _averaged(image, matrix, new_camera)
        return _warp_numpy(image, matrix, (new_camera.width, new_camera.height), fill)
    return _warp_torch(image, matrix, camera, new_camera, fill)


def _check_size(image: Array, camera: Camera) -> None:
    if tuple(image.shape[:2] if isinstance(image, np.ndarray) else image.shape[-2:]) != (camera.height, camera.width):
        raise ValueError(
            f"image shape {tuple(image.shape)} does not fit a camera of {camera.width} x {camera.height} (W x H)"
        )


def _averaged(image: np.ndarray, matrix: np.ndarray, new_camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """The image at 1/2, 1/3, ... of its size, and `matrix` onto it, when `new_camera` has pixels that much larger in its
    middle."""
    import cv2

    x, y, w = matrix @ [new_camera.width / 2, new_camera.height / 2, 1.0]
    jacobian = matrix[:2, :2] / w - np.outer([x, y], matrix[2, :2]) / w**2
    shrink = int(np.sqrt(abs(np.linalg.det(jacobian))) + 1e-6)
    if shrink < 2 or w <= 0:
        return image, matrix
    height, width = image.shape[:2]
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    scale = np.diag([size[0] / width, size[1] / height, 1.0])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale @ matrix


def _warp_numpy(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], fill: int) -> np.ndarray:
    import cv2

    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV's pixel centres are integers, ours are + 0.5
    matrix = np.linalg.inv(half) @ matrix @ half
    options = {
        "dsize": size,
        "flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        "borderMode": cv2.BORDER_CONSTANT,
        "borderValue": (fill,) * 4,
    }
    if abs(matrix[2, 0]) + abs(matrix[2, 1]) < 1e-12 and matrix[2, 2] > 0:  # no perspective: twice as fast
        return cv2.warpAffine(image, matrix[:2] / matrix[2, 2], **options)
    warped = cv2.warpPerspective(image, matrix, **options)
    last_u, last_v = size[0] - 1, size[1] - 1
    corners = np.array([[0, 0, 1], [last_u, 0, 1], [0, last_v, 1], [last_u, last_v, 1]]) @ matrix[2]
    if corners.min() <= 0:  # some rays point behind the old camera, where OpenCV draws a mirrored ghost
        in_front = np.arange(size[0]) * matrix[2, 0] + np.arange(size[1])[:, None] * matrix[2, 1] + matrix[2, 2] > 0
        warped[~in_front] = fill
    return warped


def _warp_torch(image: torch.Tensor, matrix: torch.Tensor, camera: Camera, new: Camera, fill: int) -> torch.Tensor:
    v, u = torch.meshgrid(
        torch.arange(new.height, dtype=image.dtype, device=image.device) + 0.5,
        torch.arange(new.width, dtype=image.dtype, device=image.device) + 0.5,
        indexing="ij",
    )
    pixels = torch.stack([u, v, torch.ones_like(u)], dim=-1).reshape(1, -1, 3)
    source = pixels @ matrix.to(image.dtype).transpose(-1, -2)
    in_front = source[..., 2] > 0
    source = source[..., :2] / torch.where(in_front, source[..., 2], torch.ones_like(source[..., 2]))[..., None]
    size = torch.tensor([camera.width, camera.height], dtype=image.dtype, device=image.device)
    grid = source / size * 2 - 1  # grid_sample without align_corners spans the image's borders, as our pixels do
    grid = torch.where(in_front[..., None], grid, torch.full_like(grid, 2.0))
    grid = grid.reshape(-1, new.height, new.width, 2).expand(image.shape[0], -1, -1, -1)
    return torch.nn.functional.grid_sample(image - fill, grid, align_corners=False) + fill


def _matrix(camera: Camera) -> Array:
    fx, fy, cx, cy = (camera.intrinsics[..., i] for i in range(4))
    return _rows(fx, cx, fy, cy)


def _plane_matrix(camera: Camera, origin: Array, x: Array, y: Array) -> Array:
    """(..., 3, 3) from (a, b, 1) of the plane's points `origin` + a `x` + b `y` to homogeneous pixels."""
    xp = array_namespace(camera.intrinsics)
    centre, axes = camera.T_world_camera.translation, camera.T_world_camera.rotation
    x, y = (xp.broadcast_to(v, centre.shape) for v in (x, y))
    return _matrix(camera) @ xp.matrix_transpose(axes) @ xp.stack([x, y, origin - centre], axis=-1)


def _vector(like: Array, values: tuple[float, float, float]) -> Array:
    """(3,) of the same kind as `like`."""
    return array_namespace(like).asarray(values, dtype=like.dtype, device=device(like))


def _inverse_matrix(camera: Camera) -> Array:
    fx, fy, cx, cy = (camera.intrinsics[..., i] for i in range(4))
    return _rows(1 / fx, -cx / fx, 1 / fy, -cy / fy)


def _rows(a: Array, b: Array, c: Array, d: Array) -> Array:
    xp = array_namespace(a)
    zero, one = xp.zeros_like(a), xp.ones_like(a)
    rows = [xp.stack(row, axis=-1) for row in ([a, zero, b], [zero, c, d], [zero, zero, one])]
    return xp.stack(rows, axis=-2)
