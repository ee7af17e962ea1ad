"""Axes of LIBERO's own episodes: the ten tasks of LIBERO-Spatial, and other benchmarks' changes to them.

Every task has 50 initial states. `test_conditions.SUITE_STATES` are asked; the rest is divided here. All come from the same
small regions: what is measured is whether one policy knows ten tasks by their sentences, not how far from its training it
works.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from para.evaluation import test_conditions
from para.evaluation.conditions import Condition
from para.evaluation.disturbances import For
from para.evaluation.plans import Arrangement
from para.evaluation.sampling import stable_seed
from para.geometry import relative_angle
from para.worlds.libero.layout import Layout, OfficialEpisode, Region
from para.worlds.libero.official import TASKS, official_layout
from para.worlds.libero.plus_views import named_view

SUITE = "libero_spatial"
IN_DISTRIBUTION_STATES = range(10, 20)
VALIDATION_STATES = range(20, 30)
TRAINING_STATES = range(30, 50)
"""Initial states of each task that demonstrations begin in."""


@dataclass(frozen=True)
class SuitePlan:
    """Demonstrations of all ten tasks; tasks take turns, so that a part of the set has its share of each."""

    name: str = "spatial200"
    arrangement: Arrangement = "independent"

    def __len__(self) -> int:
        return len(TRAINING_STATES) * len(TASKS)

    @property
    def region(self) -> Region:
        """The rectangle that the bowls span [m]."""
        x, y = np.array(self.positions()).T
        return Region((float(x.min()), float(x.max())), (float(y.min()), float(y.max())))

    def positions(self) -> list[tuple[float, float]]:
        """Bowl positions [m]."""
        return [layout.bowl_xy for layout in self.layouts()]

    def layouts(self, n: int | None = None, draw: int = 0) -> list[Layout]:
        """All layouts, or the first `n`; other draws begin with another initial state."""
        every = [(state, task) for state in np.roll(TRAINING_STATES, -draw).tolist() for task in range(len(TASKS))]
        if n is not None and not 1 <= n <= len(every):
            raise ValueError(f"plan {self.name!r} has {len(every)} demonstrations; asked for {n}")
        return [
            official_layout(OfficialEpisode(SUITE, task, state), stable_seed(self.name, task, state))
            for state, task in every[:n]
        ]


@dataclass(frozen=True)
class OfficialAxis:
    """Trained on `SuitePlan`, asked official episodes."""

    name: str
    title: str
    ask: Callable[[str, int], list[Condition]]
    """(axis, n) -> its first n test conditions."""
    most: int
    """Test conditions there are."""
    graded_by: Literal["task", "camera"] = "task"
    reported_only: bool = False
    """Another benchmark's conditions: nothing is chosen by them, so there are none to validate on."""

    @property
    def family(self) -> str:
        """See `Axis.family`."""
        return self.name

    @property
    def grade_title(self) -> str:
        """See `Axis.grade_title`."""
        return "task of LIBERO-Spatial" if self.graded_by == "task" else "camera turned from LIBERO's own [deg]"

    def plan(self, split: For = "test") -> SuitePlan:
        """See `Axis.plan`; the same for both."""
        return SuitePlan()

    def training_layouts(self, split: For = "test", n: int | None = None, draw: int = 0) -> list[Layout]:
        """See `Axis.training_layouts`."""
        return self.plan(split).layouts(n, draw)

    def test_conditions(self, n: int = 100) -> list[Condition]:
        """See `Axis.test_conditions`."""
        if not 1 <= n <= self.most:
            raise ValueError(f"axis {self.name!r} has {self.most} test conditions; asked for {n}")
        return self.ask(self.name, n)

    def validation_conditions(self, n: int = 50) -> list[Condition]:
        """Other initial states; see `Axis.validation_conditions`. ValueError on an axis that is reported only."""
        if self.reported_only:
            raise ValueError(f"axis {self.name!r} is reported only: choose on the validation conditions of 'suite'")
        return self._states("validation", VALIDATION_STATES, n)

    def in_distribution_conditions(self, n: int = 100, split: For = "test") -> list[Condition]:
        """Initial states of LIBERO-Spatial that are neither shown nor tested; see `Axis.in_distribution_conditions`."""
        return self._states("in_distribution", IN_DISTRIBUTION_STATES, n)

    def grade(self, layout: Layout, split: For = "test") -> float:
        """The task's number, or the angle between the camera and LIBERO's own [deg]; 0 for other layouts."""
        official = layout.official
        if official is None:
            return 0.0
        if self.graded_by == "task":
            return float(official.task)
        own, moved = (named_view(name).rotation for name in (OfficialEpisode(SUITE, 0, 0).camera, official.camera))
        return float(np.degrees(relative_angle(own, moved)))

    def _states(self, split: Literal["validation", "in_distribution"], states: range, n: int) -> list[Condition]:
        other = self.name == OTHER_BOWL_AXIS and split == "validation"
        return test_conditions.official_conditions(self.name, split, SUITE, states, n, other)


OTHER_BOWL_AXIS = "suite_other_bowl"

OFFICIAL_AXES = (
    OfficialAxis("suite", "the ten tasks of LIBERO-Spatial, by their instructions", test_conditions.suite_conditions, 100),
    OfficialAxis(
        OTHER_BOWL_AXIS, "the same pictures, told to take the other bowl", test_conditions.other_bowl_conditions, 100
    ),
    OfficialAxis(
        "external_swap", "LIBERO-PRO: two things have changed places", test_conditions.swap_conditions, 500,
        reported_only=True,
    ),
    OfficialAxis(
        "external_views", "LIBERO-Plus: other cameras, by its names", test_conditions.plus_conditions,
        test_conditions.PLUS_CAMERAS, "camera", reported_only=True,
    ),
)  # fmt: skip
"""``suite``, and what is asked of the same policies besides."""
