"""The test conditions: this module alone makes them, and nothing but a published evaluation may run them.

To choose settings or checkpoints use an axis's validation conditions. Every evaluation on these is entered in the
ledger. Changing a number here changes the benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from para.evaluation.conditions import Condition
from para.evaluation.plans import Plan
from para.evaluation.sampling import condition, sample_positions, stable_seed
from para.geometry import Pose
from para.worlds.libero.camera import AIM, pinhole, view_pose
from para.worlds.libero.layout import BOWL_X, BOWL_Y, TABLE, Region, rigid_plate

POSITIONS = 200
"""Test positions of a position axis."""

INSET = 0.02
"""Least distance of a test bowl from the line that halves the table [m]."""

MIDDLE_X, MIDDLE_Y = sum(BOWL_X) / 2, sum(BOWL_Y) / 2
RIGHT = Region(BOWL_X, (MIDDLE_Y + INSET, BOWL_Y[1]))
FAR = Region((MIDDLE_X + INSET, BOWL_X[1]), BOWL_Y)

VIEW_RINGS = (0.0, 3.6, 7.1, 10.7, 14.3, 17.9, 21.4, 25.0)
"""Polar angles of the view axis [deg]."""
VIEW_AZIMUTHS = tuple(45.0 * i for i in range(8))
"""[deg]; 0 carries the camera to the image's right, 90 up, 270 down."""
VIEW_POSITIONS = 100
"""Bowl positions of the view axis; every ring has the same ones."""
LOWEST_ELEVATION = 15.0
"""Views from lower down are not scored [deg]."""
HOVER_HEIGHTS = (0.92, 1.02)
"""World z of bowl, plate and the targets above them [m], which a scored view must see."""


@dataclass(frozen=True)
class TestRegion:
    """Where the bowls of an axis's test conditions lie, and the demonstrations they keep away from."""

    axis: str
    region: Region
    plan: Plan


def position_conditions(test: TestRegion, n: int = POSITIONS) -> list[Condition]:
    """The first `n` test conditions of a position axis, one episode each."""
    if not 1 <= n <= POSITIONS:
        raise ValueError(f"axis {test.axis!r} has {POSITIONS} test conditions; asked for {n}")
    bowls = sample_positions(stable_seed(test.axis, "test"), test.region, n, avoid=test.plan.positions())
    return [condition(test.axis, "test", i, xy, test.plan.arrangement, test.region) for i, xy in enumerate(bowls)]


def view_conditions(axis: str, plan: Plan, n: int = 200) -> list[Condition]:
    """The first `n` test conditions of a view axis: ring by turns, azimuths by turns within a ring."""
    most = len(VIEW_RINGS) * VIEW_POSITIONS
    if not 1 <= n <= most:
        raise ValueError(f"axis {axis!r} has {most} test conditions; asked for {n}")
    bowls = view_positions(axis, plan)
    found = []
    for i in range(n):
        place, ring = divmod(i, len(VIEW_RINGS))
        view = scored_view(VIEW_RINGS[ring], VIEW_AZIMUTHS, place, bowls[place])
        found.append(condition(axis, "test", i, bowls[place], plan.arrangement, TABLE, view))
    return found


def view_positions(axis: str, plan: Plan) -> list[tuple[float, float]]:
    """The bowl positions of a view axis's test conditions [m]."""
    return sample_positions(stable_seed(axis, "test"), TABLE, VIEW_POSITIONS, avoid=plan.positions())


def scored_view(
    polar_deg: float, azimuths_deg: Sequence[float], turn: int, bowl_xy: tuple[float, float]
) -> tuple[float, float]:
    """(polar, azimuth) [deg] whose azimuth is the first scored one from place `turn` of the list on, cyclically."""
    if polar_deg == 0:
        return 0.0, 0.0  # at the training camera all azimuths are one
    count = len(azimuths_deg)
    for k in range(count):
        azimuth = azimuths_deg[(turn + k) % count]
        if is_scored(polar_deg, azimuth, bowl_xy):
            return polar_deg, azimuth
    raise ValueError(f"no view at {polar_deg} deg sees a bowl at {bowl_xy} from {LOWEST_ELEVATION} deg or higher")


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
