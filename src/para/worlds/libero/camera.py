"""LIBERO's camera: where it stands, how test views are made from it, and the one place where MuJoCo's camera axes
(x right, y up, z backward) become OpenCV's (x right, y down, z forward)."""

from __future__ import annotations

import numpy as np

from para.geometry import Camera, Pose, rotation_from_vector
from para.worlds.libero.layout import CameraError, rigid_plate

CAMERA_NAME = "agentview"
FOV_Y = 45.0
"""Vertical field of view of LIBERO's agentview [deg]."""
AIM = np.array([-0.13, 0.0, 0.92])
"""The fixed point [m], world: the training camera looks at it and test views turn about it."""
HOME_POSITION = np.array([0.6586131746834771, 0.0, 1.6103500240372423])
"""Centre of LIBERO's agentview [m], world."""
LOWEST_ELEVATION = 15.0
"""Views from lower down are not scored [deg]."""
HOVER_HEIGHTS = (0.92, 1.02)
"""World z of bowl, plate and the targets above them [m], which a scored view must see."""

_MUJOCO_FROM_OPENCV = np.diag([1.0, -1.0, -1.0])


def training_pose() -> Pose:
    """T_world_camera of the training camera: the home camera turned about its own centre until it looks at `AIM`.

    The home camera already stands upright in the plane y = 0, so this is a pure tilt; image right stays world +y.
    """
    forward = AIM - HOME_POSITION
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right = right / np.linalg.norm(right)
    return Pose(np.stack([right, np.cross(forward, right), forward], axis=1), HOME_POSITION.copy())


def view_pose(polar_deg: float, azimuth_deg: float) -> Pose:
    """T_world_camera of a test view: ONE rotation about `AIM` applied to the training camera, never a new look-at.

    `polar_deg` is the angle between the two optical axes. `azimuth_deg` says towards which direction of the training
    image the camera's centre moves: 0 right, 90 up, 180 left, 270 down (lower elevation).
    """
    train = training_pose()
    right, down, forward = (train.rotation[:, i] for i in range(3))
    azimuth = np.deg2rad(azimuth_deg)
    towards = np.cos(azimuth) * right - np.sin(azimuth) * down
    axis = np.cross(-forward, towards)
    turn = rotation_from_vector(np.deg2rad(polar_deg) * axis)
    T_world_turned = Pose(turn, AIM - turn @ AIM)
    return T_world_turned @ train


def reported_pose(T_world_camera: Pose, error: CameraError | None) -> Pose:
    """T_world_reported: where a calibration with this error says that the camera stands; exactly the truth for None."""
    if error is None:
        return T_world_camera
    turn = rotation_from_vector(np.deg2rad(np.array(error.rotation)))
    return T_world_camera @ Pose(turn, np.array(error.translation))


def pinhole(T_world_camera: Pose, width: int, height: int, fov_y: float = FOV_Y) -> Camera:
    """The `Camera` of a MuJoCo picture of `width` x `height` pixels: square pixels, axis through the image's middle."""
    focal = 0.5 * height / np.tan(np.deg2rad(fov_y) / 2)
    return Camera(np.array([focal, focal, width / 2, height / 2]), T_world_camera, width, height)


def training_camera(width: int, height: int) -> Camera:
    """The training camera of a picture of `width` x `height` pixels."""
    return pinhole(training_pose(), width, height)


def is_scored(polar_deg: float, azimuth_deg: float, bowl_xy: tuple[float, float]) -> bool:
    """Whether a view is high enough above the table and has all hover targets of a `rigid` layout in its picture."""
    T_world_camera = view_pose(polar_deg, azimuth_deg)
    if elevation(T_world_camera) < LOWEST_ELEVATION:
        return False
    targets = np.array([(x, y, z) for x, y in (bowl_xy, rigid_plate(bowl_xy)) for z in HOVER_HEIGHTS])
    camera = pinhole(T_world_camera, 448, 448)
    return bool(np.all(camera.sees(*camera.project(targets))))


def elevation(T_world_camera: Pose) -> float:
    """Angle of the camera's centre above the horizontal, seen from the point it looks at [deg]."""
    out = T_world_camera.translation - AIM
    return float(np.degrees(np.arcsin(out[2] / np.linalg.norm(out))))


def mujoco_quaternion(T_world_camera: Pose) -> np.ndarray:
    """(4,) wxyz orientation of the MuJoCo camera that stands at `T_world_camera` (OpenCV axes)."""
    return Pose(T_world_camera.rotation @ _MUJOCO_FROM_OPENCV, T_world_camera.translation).quaternion()


def from_mujoco(position: np.ndarray, rotation: np.ndarray) -> Pose:
    """T_world_camera (OpenCV axes) from MuJoCo's ``cam_xpos`` (3,) and ``cam_xmat`` (9,)."""
    return Pose(np.asarray(rotation).reshape(3, 3) @ _MUJOCO_FROM_OPENCV, np.array(position))
