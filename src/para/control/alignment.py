"""Where in a chunk to begin: steps of another plan, and steps behind the hand, are left out.

A policy reads the moment of the task off one picture, and far from its demonstrations it may be a few steps late: its
path is right and begins behind the hand. Carried out from the start it sends the arm back, again and again. And each step
is read by itself: the first ones may go the way that all demonstrations went, the later ones to where the object is.
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


def last_plan(positions: np.ndarray, gripper: np.ndarray, opening: float, stride: float) -> int:
    """The step at which the last of the plans begins that a chunk of (T, 3) `positions` [m] is made of; 0 where it is one.

    Between two plans lies a jump, more than `stride` [m] from one step to the next: more than the arm could go. The later
    one is of steps that are read off where the object is; the earlier ones go on as the hand does by habit. Looked at are
    the steps up to the first that changes the gripper's command (T,) from the present one: that one is never left out.
    """
    same = (gripper > 0.5) == (opening > 0.5)
    until = len(same) if same.all() else int(np.argmin(same)) + 1
    jumps = np.flatnonzero(np.linalg.norm(np.diff(positions[:until], axis=0), axis=1) > stride)
    return int(jumps[-1]) + 1 if len(jumps) else 0
