"""Do an episode's still surroundings stand as in the other episodes', or flipped? Shows one mirrored episode.

A gripper in the middle of the picture looks the same when mirrored; the room about it does not. Flipping a picture negates
its antisymmetric part (picture minus flipped picture): that part of a flipped episode's still picture correlates
with the others' exactly as badly as it would correlate well.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from para.demos.check_views import Views, median
from para.geometry import Pose

_SIDE = 128
_BLUR = 6.0  # [px of _SIDE]: wider changes of brightness are light, not things
_CONTRAST = 20.0  # grey levels beyond which an edge counts no more
_FEWEST = 4  # episodes that were seen by about the same camera
_NEAR_METRES, _NEAR_RADIANS, _NEAR_FOCAL = 0.08, np.deg2rad(6.0), 0.05


def still_agreement(
    views: list[Views], pictures: list[np.ndarray | None], flips: Sequence[tuple[bool, bool]]
) -> np.ndarray:
    """(episodes, flips) correlation in [-1, 1] of each episode's part that is antisymmetric under a flip (across, down) with
    the others'; negative where the pictures are flipped so. NaN where cameras move or fewer than four others are alike.
    `pictures` are the `still_picture` of each of `views`."""
    found = np.full((len(views), len(flips)), np.nan)
    for episode, picture in enumerate(pictures):
        alike = [
            other
            for i, other in enumerate(pictures)
            if i != episode and other is not None and picture is not None and _same_camera(views[episode], views[i])
        ]
        if len(alike) < _FEWEST:
            continue
        wanted = median(np.stack(alike))
        for place, flip in enumerate(flips):
            a, b = _antisymmetric(picture, flip), _antisymmetric(wanted, flip)
            found[episode, place] = (a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-6)
    return found


def still_picture(view: Views) -> np.ndarray | None:
    """(_SIDE, _SIDE) edges of what does not move; None with a moving camera."""
    if np.ptp(view.T_world_camera, axis=0).max() > 1e-3:
        return None
    small = [cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for image in np.asarray(view.images)[::2]]
    picture = median(np.stack([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in small]).astype(np.float32))
    return np.clip(picture - cv2.GaussianBlur(picture, (0, 0), _BLUR), -_CONTRAST, _CONTRAST)


def _antisymmetric(picture: np.ndarray, flip: tuple[bool, bool]) -> np.ndarray:
    across, down = flip
    return picture - picture[:: -1 if down else 1, :: -1 if across else 1]


def _same_camera(a: Views, b: Views) -> bool:
    """About: an error of a few degrees or centimetres in one of the two must not hide the comparison."""
    pose_a, pose_b = Pose.from_matrix(a.T_world_camera[0]), Pose.from_matrix(b.T_world_camera[0])
    cosine = (np.trace(pose_a.rotation.T @ pose_b.rotation) - 1) / 2
    focal = a.intrinsics[0, :2] / b.intrinsics[0, :2]
    return bool(
        np.linalg.norm(pose_a.translation - pose_b.translation) < _NEAR_METRES
        and np.arccos(np.clip(cosine, -1, 1)) < _NEAR_RADIANS
        and np.abs(focal - 1).max() < _NEAR_FOCAL
    )
