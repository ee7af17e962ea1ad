"""Temporal ensembling: the weighted mean of what several chunks say of one moment (Zhao et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from para.geometry import Pose


def average(said: Sequence[tuple[Pose, float]], decay: float) -> tuple[Pose, float]:
    """Targets T_world_ee and openings of the same moment, the oldest prediction first -> their mean.

    The i-th oldest has weight exp(-decay i), so that the oldest counts most. Rotations are averaged as matrices and
    projected back, the chordal L2 mean (Hartley et al., "Rotation averaging", 2013).
    """
    weights = np.exp(-decay * np.arange(len(said)))
    weights = weights / weights.sum()
    position = weights @ np.array([pose.translation for pose, _ in said])
    gripper = float(weights @ np.array([opening for _, opening in said]))
    mean = np.tensordot(weights, np.array([pose.rotation for pose, _ in said]), 1)
    u, _, vt = np.linalg.svd(mean)
    u[:, -1] *= np.sign(np.linalg.det(u @ vt))  # a rotation, not a reflection
    return Pose(u @ vt, position), gripper
