"""LIBERO-Plus's cameras, by the names that benchmark gives them.

LIBERO-Plus (github.com/sylvestf/LIBERO-plus, commit 4976dc3; "In-depth Robustness Analysis for Vision-Language-Action Models")
names a task with a moved camera ``<task>_view_<turn>_<tilt>_<scale>_<yaw>_<pitch>_initstate_<robot>``, and makes the camera
in ``libero/libero/envs/problems/libero_tabletop_manipulation.py`` out of LIBERO's agentview, in this order:

    tilt   [deg]  about the line parallel to world y through (0, 0, 0.8) m; positive raises the camera
    turn   [deg]  about world z
    scale  [%]    distance from the point (0, 0, 0.8) m, the direction kept
    yaw    [deg]  about world z, in place
    pitch  [deg]  about world y, in place; positive as `tilt`

Angles are whole numbers, 350 for -10. There each stage is rounded to four decimals, here none is: the poses agree to
0.2 mm and 0.02 deg.
"""

from __future__ import annotations

import numpy as np

from para.geometry import Pose, rotation_from_vector
from para.worlds.libero.camera import HOME_POSITION, from_mujoco

HOME_QUATERNION = np.array([0.6380177736282349, 0.3048497438430786, 0.30484986305236816, 0.6380177736282349])
"""(4,) wxyz orientation of LIBERO's agentview, MuJoCo's camera axes."""
PIVOT = np.array([0.0, 0.0, 0.8])
"""What cameras are tilted about and moved away from [m], world."""


def named_view(name: str) -> Pose:
    """T_world_camera of the camera called `name`, e.g. ``26_15_100_0_0``; ``0_0_100_0_0`` is LIBERO's own.

    ValueError for a name that is not five whole numbers.
    """
    parts = name.split("_")
    if len(parts) != 5 or not all(part.isdigit() for part in parts):
        raise ValueError(f"no camera {name!r}; a name is five whole numbers, <turn>_<tilt>_<scale>_<yaw>_<pitch>")
    turn, tilt, scale, yaw, pitch = map(int, parts)
    home = Pose.from_quaternion(HOME_QUATERNION / np.linalg.norm(HOME_QUATERNION), HOME_POSITION)
    swing = _about_z(turn)
    position = swing @ (_raise(tilt) @ (home.translation - PIVOT) + PIVOT)
    position = PIVOT + scale / 100 * (position - PIVOT)
    rotation = _raise(pitch) @ _about_z(yaw) @ swing @ _raise(tilt) @ home.rotation
    return from_mujoco(position, rotation)


def _about_z(degrees: float) -> np.ndarray:
    return rotation_from_vector(np.deg2rad(degrees) * np.array([0.0, 0.0, 1.0]))


def _raise(degrees: float) -> np.ndarray:
    return rotation_from_vector(np.deg2rad(-degrees) * np.array([0.0, 1.0, 0.0]))
