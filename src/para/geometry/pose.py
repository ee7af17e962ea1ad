"""Rigid transforms.

A variable named ``T_a_b`` maps coordinates in frame b to coordinates in frame a, so that ``T_a_b @ T_b_c == T_a_c`` and
``T_a_b @ p_b == p_a``. Quaternions are (w, x, y, z). All arrays may be NumPy or torch and may carry leading batch axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace

Array = Any
"""A NumPy array or a torch tensor."""


@dataclass(frozen=True)
class Pose:
    """A rigid transform T_a_b, one or a batch of them. Arrays of integers become floating ones."""

    rotation: Array
    """(..., 3, 3) R_a_b."""
    translation: Array
    """(..., 3) origin of b in a [m]."""

    def __post_init__(self) -> None:
        shapes = [tuple(getattr(x, "shape", ())) for x in (self.rotation, self.translation)]
        if shapes[0][-2:] != (3, 3) or shapes[1][-1:] != (3,):
            raise ValueError(
                f"a pose needs a rotation (..., 3, 3) and a translation (..., 3), "
                f"as arrays, got {shapes[0]} and {shapes[1]}. From a 3x4 or 4x4 matrix: Pose.from_matrix(T)"
            )
        rotation, translation = self.rotation, self.translation
        object.__setattr__(self, "rotation", as_floating(rotation, translation))
        object.__setattr__(self, "translation", as_floating(translation, rotation))

    @classmethod
    def identity(cls) -> Pose:
        """The NumPy transform that changes nothing."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def from_matrix(cls, matrix: Array) -> Pose:
        """From (..., 3, 4) or (..., 4, 4) homogeneous matrices; lists are taken for NumPy arrays."""
        matrix = np.asarray(matrix, float) if isinstance(matrix, (list, tuple)) else matrix
        if tuple(matrix.shape[-2:]) not in ((3, 4), (4, 4)):
            raise ValueError(f"a pose's matrix is (..., 3, 4) or (..., 4, 4), got {tuple(matrix.shape)}")
        return cls(matrix[..., :3, :3], matrix[..., :3, 3])

    @classmethod
    def from_quaternion(cls, quaternion: Array, translation: Array) -> Pose:
        """From (..., 4) quaternions (w, x, y, z), normalised here, and (..., 3) translations [m]."""
        xp = array_namespace(quaternion)
        q = quaternion / xp.sqrt(xp.sum(quaternion * quaternion, axis=-1, keepdims=True))
        w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
        rows = [
            xp.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], axis=-1),
            xp.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=-1),
            xp.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=-1),
        ]
        return cls(xp.stack(rows, axis=-2), translation)

    def defect(self) -> str | None:
        """What keeps these numbers from being a rotation and a translation; None where nothing does.

        R R^T = 1 to 1e-3 and det R > 0. It looks at values, which may have to be waited for on a GPU, so it is asked where
        a pose comes in from outside, not of every pose.
        """
        rotation, translation = np.asarray(self.rotation, float), np.asarray(self.translation, float)
        if not (np.isfinite(rotation).all() and np.isfinite(translation).all()):
            return "it is not finite"
        if np.abs(rotation @ np.swapaxes(rotation, -1, -2) - np.eye(3)).max(initial=0.0) > 1e-3:
            return "its 3x3 part is no rotation (columns of length 1, perpendicular to each other)"
        if (np.linalg.det(rotation) < 0).any():
            return "its 3x3 part mirrors (determinant -1)"
        return None

    def matrix(self) -> Array:
        """(..., 3, 4) matrix [R | t]."""
        xp = array_namespace(self.rotation)
        return xp.concat([self.rotation, self.translation[..., None]], axis=-1)

    def quaternion(self) -> Array:
        """(..., 4) unit quaternion (w, x, y, z) with w >= 0.

        Shepperd's method: the largest of the four squared components is taken as the pivot, so that no rotation divides
        by a small number (S. W. Shepperd, "Quaternion from rotation matrix", J. Guidance and Control 1(3), 1978).
        """
        r = self.rotation
        xp = array_namespace(r)
        xx, yy, zz = r[..., 0, 0], r[..., 1, 1], r[..., 2, 2]
        a, b, c = r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]
        d, e, f = r[..., 1, 0] + r[..., 0, 1], r[..., 0, 2] + r[..., 2, 0], r[..., 2, 1] + r[..., 1, 2]
        candidates = xp.stack(  # row i is 4 q_i q
            [
                xp.stack([1 + xx + yy + zz, a, b, c], axis=-1),
                xp.stack([a, 1 + xx - yy - zz, d, e], axis=-1),
                xp.stack([b, d, 1 - xx + yy - zz, f], axis=-1),
                xp.stack([c, e, f, 1 - xx - yy + zz], axis=-1),
            ],
            axis=-2,
        )
        squared = xp.stack([candidates[..., i, i] for i in range(4)], axis=-1)
        pivot = xp.argmax(squared, axis=-1)
        chosen = xp.astype(pivot[..., None] == xp.arange(4, device=device_of(r)), r.dtype)
        q = xp.sum(candidates * chosen[..., None], axis=-2)
        q = q / xp.sqrt(xp.sum(q * q, axis=-1, keepdims=True))
        return xp.where(q[..., :1] < 0, -q, q)

    def inverse(self) -> Pose:
        """T_b_a."""
        xp = array_namespace(self.rotation)
        rotation = xp.matrix_transpose(self.rotation)
        return Pose(rotation, -(rotation @ self.translation[..., None])[..., 0])

    def __matmul__(self, other: Pose | Array) -> Any:
        """Compose with a pose, or map (..., N, 3) or (3,) points from b into a."""
        if isinstance(other, Pose):
            rotated = (self.rotation @ other.translation[..., None])[..., 0]
            return Pose(self.rotation @ other.rotation, rotated + self.translation)
        if other.ndim == 1:
            return self.rotation @ other + self.translation
        xp = array_namespace(other)
        return other @ xp.matrix_transpose(self.rotation) + self.translation[..., None, :]

    def __getitem__(self, index: Any) -> Pose:
        """One pose (or some) of a batch."""
        return Pose(self.rotation[index], self.translation[index])


def rotation_from_vector(vector: Array) -> Array:
    """(..., 3) rotation vectors (axis times angle [rad]) -> (..., 3, 3), by Rodrigues' formula."""
    xp = array_namespace(vector)
    angle2 = xp.sum(vector * vector, axis=-1)[..., None, None]
    small = angle2 < 1e-12
    angle = xp.sqrt(xp.where(small, xp.ones_like(angle2), angle2))
    sine = xp.where(small, 1 - angle2 / 6, xp.sin(angle) / angle)
    cosine = xp.where(small, 0.5 - angle2 / 24, (1 - xp.cos(angle)) / (angle * angle))
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    zero = xp.zeros_like(x)
    cross = xp.stack(
        [
            xp.stack([zero, -z, y], axis=-1),
            xp.stack([z, zero, -x], axis=-1),
            xp.stack([-y, x, zero], axis=-1),
        ],
        axis=-2,
    )
    identity = xp.eye(3, dtype=vector.dtype, device=device_of(vector))
    return identity + sine * cross + cosine * (cross @ cross)


def rotation_to_6d(rotation: Array) -> Array:
    """(..., 3, 3) -> (..., 6): the first two columns (Zhou et al., "On the continuity of rotation representations", 2019)."""
    xp = array_namespace(rotation)
    return xp.concat([rotation[..., :, 0], rotation[..., :, 1]], axis=-1)


def rotation_from_6d(six: Array) -> Array:
    """(..., 6) -> (..., 3, 3) by Gram-Schmidt (Zhou et al., 2019)."""
    xp = array_namespace(six)
    a, b = six[..., :3], six[..., 3:]
    x = a / xp.sqrt(xp.sum(a * a, axis=-1, keepdims=True) + 1e-12)
    b = b - xp.sum(x * b, axis=-1, keepdims=True) * x
    y = b / xp.sqrt(xp.sum(b * b, axis=-1, keepdims=True) + 1e-12)
    z = xp.linalg.cross(x, y, axis=-1)
    return xp.stack([x, y, z], axis=-1)


def relative_angle(rotation_a: Array, rotation_b: Array) -> Array:
    """Angle [rad] between rotations (..., 3, 3), accurate near zero: 2 asin(|A - B|_F / (2 sqrt 2))."""
    xp = array_namespace(rotation_a)
    difference = rotation_a - rotation_b
    frobenius = xp.sqrt(xp.sum(difference * difference, axis=(-2, -1)))
    return 2 * xp.asin(xp.clip(frobenius / 8**0.5, 0.0, 1.0))


def device_of(array: Array) -> Any:
    """Of a torch tensor; None for NumPy, whose older versions take no device."""
    return getattr(array, "device", None) if not isinstance(array, np.ndarray) else None


def as_floating(array: Array, like: Array) -> Array:
    """`array` itself where it is floating. Integers, which divide by rounded numbers and which torch multiplies with no others,
    in the dtype of `like` where that is a floating array of the same library, else in the library's own floating one."""
    xp = array_namespace(array)
    if xp.isdtype(array.dtype, "real floating"):
        return array
    alike = isinstance(like, np.ndarray) == isinstance(array, np.ndarray) and xp.isdtype(like.dtype, "real floating")
    return xp.astype(array, like.dtype if alike else xp.asarray(0.0).dtype)


def turn_towards(rotation: np.ndarray, target: np.ndarray, largest: float) -> np.ndarray:
    """`rotation` (3, 3) turned towards `target` (3, 3) along the shortest way, by at most `largest` [rad]. NumPy only."""
    origin = np.zeros(3)
    w, *axis = Pose(rotation.T @ target, origin).quaternion()  # w >= 0: the shorter of the two ways
    sine = float(np.linalg.norm(axis))
    angle = 2 * np.arctan2(sine, w)
    if angle <= largest:
        return target
    return rotation @ rotation_from_vector(np.asarray(axis) / sine * largest)
