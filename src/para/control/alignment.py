"""Where in a chunk the arm is: the steps behind it are left out.

A policy reads the moment of the task off one picture, and far from its demonstrations it may be a few steps late: its
path is right and begins behind the hand. Carried out from the start it sends the arm back, again and again.
"""

from __future__ import annotations

import numpy as np


def first_ahead(
    positions: np.ndarray, gripper: np.ndarray, here: np.ndarray, opening: float, slack: float
) -> tuple[int, int]:
    """The first of (T, 3) `positions` [m] that lies ahead of `here` (3,) on the way, and how many before it are `here`.

    Where the path comes within two `slack` [m] of `here`, that is the one after the last step no more than `slack` farther
    than its nearest; elsewhere the first. Steps up to the first change of the gripper's command (T,) from the present one
    alone are looked at: what the gripper does is never left out. No more than half of the steps are: a path that leaves and
    comes back later passes here twice.
    """
    same = (gripper > 0.5) == (opening > 0.5)
    leading = len(same) if same.all() else int(np.argmin(same))
    leading = min(leading, len(positions) // 2)
    if leading == 0:
        return 0, 0
    distance = np.linalg.norm(positions[:leading] - here, axis=1)
    nearest = distance.min()
    if nearest > 2 * slack:
        return 0, 0
    standing = np.flatnonzero(distance <= nearest + slack)
    return int(standing[-1]) + 1, len(standing)
