"""Does what moves in the pictures move as the projected end effector does? Shows a set that is mirrored as a whole."""

from __future__ import annotations

import cv2
import numpy as np

from para.demos.check_views import Views

_SIDE = 64


Motion = tuple[np.ndarray, np.ndarray]
"""(m, 2) centre of what moves and (m, 2) projected end effector, as shares of the picture, each less its mean."""


def motion_in(view: Views) -> Motion | None:
    """What moves in the pictures of one episode; None where the camera moves, or too little is seen to move."""
    if np.ptp(view.T_world_camera, axis=0).max() > 1e-3:
        return None
    images = np.asarray(view.images)
    small = np.stack([cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for image in images])
    change = np.abs(small.astype(np.float32) - np.median(small, axis=0)).sum(-1)
    change = np.where(change > 40, change, 0.0)
    mass = change.sum((1, 2))
    height, width = images.shape[1:3]
    pixels, depth = view.project()
    good = (mass > 0) & (depth > 0.05)
    if good.sum() < 6:
        return None
    axis = (np.arange(_SIDE) + 0.5) / _SIDE
    centre = np.stack([change.sum(1) @ axis, change.sum(2) @ axis], -1)[good] / mass[good, None]
    place = pixels[good] / [width, height]
    return centre - centre.mean(0), place - place.mean(0)


def motion_correlation(motions: list[Motion | None]) -> tuple[float, float]:
    """Correlation across and down over all episodes, -1 to 1; NaN along an axis with next to no motion.

    Compares the centre of all that differs from the episode's median picture with the projected end effector, each
    against its mean over the episode. Episodes with a moving camera are left out.
    """
    known = [motion for motion in motions if motion is not None]
    if not known:
        return float("nan"), float("nan")
    a, b = (np.concatenate(parts) for parts in zip(*known))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))
    correlation = np.where(b.std(0) > 0.01, correlation, np.nan)
    return float(correlation[0]), float(correlation[1])
