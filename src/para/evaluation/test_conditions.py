"""The test conditions: this module alone makes them, and nothing but a published evaluation may run them.

To choose settings or checkpoints use an axis's validation conditions. Every evaluation on these is entered in the
ledger. Changing a number here changes the benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from para.evaluation.conditions import Condition, Split
from para.evaluation.disturbances import Disturbance, disturbed
from para.evaluation.plans import Demonstrations
from para.evaluation.plus_cameras import plus_tasks
from para.evaluation.sampling import XY, beyond, condition, sample_positions, stable_seed
from para.evaluation.yaws import HALF_TURN, TRAINED, YawSector, in_sector
from para.worlds.libero.camera import LOWEST_ELEVATION, is_scored
from para.worlds.libero.layout import BOWL_X, BOWL_Y, TABLE, OfficialEpisode, Region
from para.worlds.libero.official import OTHER_BOWL, STATES, TASKS, official_layout

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
"""Bowl positions of the view axes; every ring has the same ones."""
FAR_RINGS = (35.0, 45.0)
"""Polar angles of ``view_far`` [deg], at the positions of ``view``."""
FAR_AZIMUTHS = (0.0, 45.0, 90.0, 135.0, 180.0)
"""[deg]; at 225, 270 and 315 cameras so far away stand lower than `camera.LOWEST_ELEVATION` and are not scored."""
HEMISPHERE_RINGS = (7.1, 14.3, 21.4, 25.0)
HEMISPHERE_AZIMUTHS = (0.0, 30.0, 330.0, 60.0, 300.0)
"""The right half of the disc of views, for policies that have seen the left one [deg]."""

DISTURBED_POSITIONS = 100
"""Positions of an axis that disturbs ``dense``: the first test positions of that axis, each at every level."""
FEW_POSITIONS = 100
"""Positions of the axes with few demonstrations; all sets of one family have the same ones."""
YAW_POSITIONS = 100
"""Positions of ``yaw``, each with a yaw of its own."""
YAW_INSET = 2.0
"""Least difference of a yaw that is asked for from the ends of the sectors [deg]."""
OTHER_YAWS = YawSector(TRAINED.high + YAW_INSET, TRAINED.low + HALF_TURN - YAW_INSET)
"""The quarter turn that no demonstration of ``yaw`` shows [deg]."""
SUITE_STATES = range(10)
"""Initial states of each official task that ``suite`` asks."""
PLUS_CAMERAS = 376
"""Conditions of ``external_views``, each a task with a camera of its own, in the task's first initial state."""


@dataclass(frozen=True)
class TestRegion:
    """Where the bowls of an axis's test conditions lie, and the demonstrations they keep away from."""

    axis: str
    region: Region
    plan: Demonstrations


def position_conditions(test: TestRegion, n: int = POSITIONS) -> list[Condition]:
    """The first `n` test conditions of a position axis, one episode each."""
    if not 1 <= n <= POSITIONS:
        raise ValueError(f"axis {test.axis!r} has {POSITIONS} test conditions; asked for {n}")
    bowls = sample_positions(stable_seed(test.axis, "test"), test.region, n, avoid=test.plan.positions())
    return [condition(test.axis, "test", i, xy, test.plan.arrangement, test.region) for i, xy in enumerate(bowls)]


def view_conditions(
    axis: str,
    plan: Demonstrations,
    n: int = 200,
    rings: Sequence[float] = VIEW_RINGS,
    azimuths: Sequence[float] = VIEW_AZIMUTHS,
) -> list[Condition]:
    """The first `n` test conditions of a view axis: ring by turns, azimuths by turns within a ring."""
    most = len(rings) * VIEW_POSITIONS
    if not 1 <= n <= most:
        raise ValueError(f"axis {axis!r} has {most} test conditions; asked for {n}")
    bowls = view_positions(plan)
    found = []
    for i in range(n):
        place, ring = divmod(i, len(rings))
        view = scored_view(rings[ring], azimuths, place, bowls[place])
        found.append(condition(axis, "test", i, bowls[place], plan.arrangement, TABLE, view))
    return found


def view_positions(plan: Demonstrations) -> list[XY]:
    """The bowl positions of the view axes' test conditions [m]."""
    return sample_positions(stable_seed("view", "test"), TABLE, VIEW_POSITIONS, avoid=plan.positions())


def disturbed_conditions(axis: str, base: Sequence[Condition], disturbance: Disturbance, n: int) -> list[Condition]:
    """The first `n` test conditions of an axis that disturbs others' layouts: level by turns at each of `base`."""
    most = len(disturbance.levels) * min(DISTURBED_POSITIONS, len(base))
    if not 1 <= n <= most:
        raise ValueError(f"axis {axis!r} has {most} test conditions; asked for {n}")
    return disturbed(axis, "test", base, disturbance, n)


def few_conditions(axis: str, family: str, avoid: Sequence[XY], inside: Region | None, n: int) -> list[Condition]:
    """The first `n` test conditions of an axis with few demonstrations: the family's own positions.

    `avoid`: every demonstration of the family. `inside`: positions lie at least `INSET` outside this region.
    """
    if not 1 <= n <= FEW_POSITIONS:
        raise ValueError(f"axis {axis!r} has {FEW_POSITIONS} test conditions; asked for {n}")
    bowls = sample_positions(stable_seed(family, "test"), TABLE, n, avoid, accept=beyond(inside, INSET))
    found = [condition(family, "test", i, xy, "rigid", TABLE) for i, xy in enumerate(bowls)]
    return [replace(c, axis=axis) for c in found]


def yaw_conditions(axis: str, plan: Demonstrations, n: int) -> list[Condition]:
    """The first `n` test conditions of an axis that turns a long object: anywhere on the table, yaw in `OTHER_YAWS`."""
    if not 1 <= n <= YAW_POSITIONS:
        raise ValueError(f"axis {axis!r} has {YAW_POSITIONS} test conditions; asked for {n}")
    bowls = sample_positions(stable_seed(axis, "test"), TABLE, n, plan.positions())
    found = [condition(axis, "test", i, xy, "independent", TABLE) for i, xy in enumerate(bowls)]
    return in_sector(found, OTHER_YAWS)


def official_conditions(
    axis: str, split: Split, suite: str, states: Sequence[int], n: int, other_bowl: bool = False
) -> list[Condition]:
    """The first `n` of the tasks of a LIBERO suite in these initial states; tasks take turns. With `other_bowl` each is told
    the sentence that speaks of the other black bowl in the same scene."""
    most = len(states) * len(TASKS)
    if not 1 <= n <= most:
        raise ValueError(f"axis {axis!r} has {most} {split.replace('_', '-')} conditions; asked for {n}")
    found = []
    for i in range(n):
        place, task = divmod(i, len(TASKS))
        seed = stable_seed(axis, split, i)
        episode = OfficialEpisode(suite, task, states[place], asked=OTHER_BOWL[task] if other_bowl else None)
        found.append(Condition(axis, split, i, seed, official_layout(episode, seed)))
    return found


def suite_conditions(axis: str, n: int) -> list[Condition]:
    """The first `n` test conditions of ``suite``."""
    return official_conditions(axis, "test", "libero_spatial", SUITE_STATES, n)


def other_bowl_conditions(axis: str, n: int) -> list[Condition]:
    """Those of ``suite`` with the other bowl's sentence: the same pictures to begin with."""
    return official_conditions(axis, "test", "libero_spatial", SUITE_STATES, n, other_bowl=True)


def swap_conditions(axis: str, n: int) -> list[Condition]:
    """LIBERO-PRO's tasks in which two things have changed places, all their initial states."""
    return official_conditions(axis, "test", "libero_spatial_swap", range(STATES), n)


def plus_conditions(axis: str, n: int) -> list[Condition]:
    """LIBERO-Plus's cameras on LIBERO-Spatial, in an order that mixes tasks and kinds of camera."""
    every = plus_tasks()
    found = []
    for i, k in enumerate(np.random.default_rng(stable_seed(axis, "order")).permutation(len(every))[:n].tolist()):
        (task, camera), seed = every[k], stable_seed(axis, "test", i)
        layout = official_layout(OfficialEpisode("libero_spatial", task, 0, camera), seed)
        found.append(Condition(axis, "test", i, seed, layout))
    return found


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
