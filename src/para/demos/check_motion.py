"""Does what moves in the pictures move as the projected end effector does? Shows a set that is mirrored as a whole."""

from __future__ import annotations

import cv2
import numpy as np

from para.demos.check_views import Views

_SIDE = 64


def motion_correlation(views: list[Views]) -> tuple[float, float]:
    """Correlation across and down over all episodes, -1 to 1; NaN along an axis with next to no motion.

    Compares the centre of all that differs from the episode's median picture with the projected end effector, each
    against its mean over the episode. Episodes with a moving camera are left out.
    """
    seen, said = [], []
    for view in views:
        if np.ptp(view.T_world_camera, axis=0).max() > 1e-3:
            continue
        small = np.stack([cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for image in view.images])
        change = np.abs(small.astype(np.float32) - np.median(small, axis=0)).sum(-1)
        change = np.where(change > 40, change, 0.0)
        mass = change.sum((1, 2))
        height, width = view.images.shape[1:3]
        pixels, depth = view.project()
        good = (mass > 0) & (depth > 0.05)
        if good.sum() < 6:
            continue
        axis = (np.arange(_SIDE) + 0.5) / _SIDE
        centre = np.stack([change.sum(1) @ axis, change.sum(2) @ axis], -1)[good] / mass[good, None]
        place = pixels[good] / [width, height]
        seen.append(centre - centre.mean(0))
        said.append(place - place.mean(0))
    if not seen:
        return float("nan"), float("nan")
    a, b = np.concatenate(seen), np.concatenate(said)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))
    correlation = np.where(b.std(0) > 0.01, correlation, np.nan)
    return float(correlation[0]), float(correlation[1])
