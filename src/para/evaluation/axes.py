"""The benchmark's axes: what a policy is trained on, what it is then asked, and how far away that is.

To add an axis: a `Plan` in plans.py where the demonstrations are new, its test conditions in test_conditions.py, and an
entry in `AXES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, Protocol

from para.evaluation import plans, test_conditions
from para.evaluation.conditions import Condition
from para.evaluation.plans import Plan
from para.evaluation.sampling import condition, distance_outside, distance_to_nearest, sample_positions, stable_seed
from para.evaluation.test_conditions import TestRegion
from para.worlds.libero.layout import TABLE, Layout, Region

For = Literal["test", "validation"]
"""Which training: on all of the axis's demonstrations, to be tested; or on a part, to be validated on the rest."""


class Axis(Protocol):
    """One row group of the table."""

    name: str
    title: str
    """What changes, for people."""
    grade_title: str
    """What `grade` measures, with its unit."""

    def plan(self, split: For = "test") -> Plan:
        """The demonstrations for a policy that will be tested, or validated."""

    def training_layouts(self, split: For = "test", n: int | None = None, draw: int = 0) -> list[Layout]:
        """Their layouts; `n` gives a nested, spread-out part for quick runs."""

    def validation_conditions(self, n: int) -> list[Condition]:
        """Outside the validation plan's region, clear of every test condition."""

    def test_conditions(self, n: int) -> list[Condition]:
        """The first `n` test conditions."""

    def in_distribution_conditions(self, n: int, split: For = "test") -> list[Condition]:
        """Fresh positions in the training region, seen by the training camera."""

    def grade(self, layout: Layout, split: For = "test") -> float:
        """How far a layout is from the training conditions of `split`, in `grade_title`'s unit."""


@dataclass(frozen=True)
class PositionAxis:
    """The objects stand where no demonstration was."""

    name: str
    title: str
    test_plan: Plan
    validation_plan: Plan
    test_region: Region
    validation_region: Region
    grade_title: str = "distance from the training region [m]"

    def plan(self, split: For = "test") -> Plan:
        """See `Axis.plan`."""
        return self.test_plan if split == "test" else self.validation_plan

    def training_layouts(self, split: For = "test", n: int | None = None, draw: int = 0) -> list[Layout]:
        """See `Axis.training_layouts`."""
        return self.plan(split).layouts(n, draw)

    def test_conditions(self, n: int = test_conditions.POSITIONS) -> list[Condition]:
        """See `Axis.test_conditions`."""
        return test_conditions.position_conditions(TestRegion(self.name, self.test_region, self.test_plan), n)

    def validation_conditions(self, n: int = 50) -> list[Condition]:
        """See `Axis.validation_conditions`."""
        avoid = [c.layout.bowl_xy for c in self.test_conditions()] + self.validation_plan.positions()
        bowls = sample_positions(stable_seed(self.name, "validation"), self.validation_region, n, avoid)
        return self._conditions("validation", bowls, self.validation_region)

    def in_distribution_conditions(self, n: int = 100, split: For = "test") -> list[Condition]:
        """See `Axis.in_distribution_conditions`."""
        region = self.plan(split).region
        bowls = sample_positions(stable_seed(self.name, "in_distribution", split), region, n)
        return self._conditions("in_distribution", bowls, region)

    def grade(self, layout: Layout, split: For = "test") -> float:
        """Distance of the farther object from the bowls' training rectangle; where that is the whole table, of the bowl
        from the nearest demonstration."""
        plan = self.plan(split)
        if plan.region == TABLE:
            return distance_to_nearest(layout.bowl_xy, plan.positions())
        moved = [layout.bowl_xy] if plan.arrangement == "rigid" else [layout.bowl_xy, layout.plate_xy]
        return max(distance_outside(xy, plan.region) for xy in moved)

    def _conditions(self, split, bowls, plates: Region) -> list[Condition]:
        arrangement = self.test_plan.arrangement
        return [condition(self.name, split, i, xy, arrangement, plates) for i, xy in enumerate(bowls)]


@dataclass(frozen=True)
class ViewAxis:
    """The camera stands where no demonstration was seen from; the objects stand anywhere."""

    name: str
    title: str
    training: Plan
    grade_title: str = "camera turned from the training view [deg]"

    VALIDATION_RINGS = (5.4, 12.5, 19.6)
    VALIDATION_AZIMUTHS = tuple(11.25 + 45.0 * i for i in range(8))

    def plan(self, split: For = "test") -> Plan:
        """See `Axis.plan`; the same for both, the training camera's views are all there is."""
        return self.training

    def training_layouts(self, split: For = "test", n: int | None = None, draw: int = 0) -> list[Layout]:
        """See `Axis.training_layouts`."""
        return self.training.layouts(n, draw)

    def test_conditions(self, n: int = 200) -> list[Condition]:
        """See `Axis.test_conditions`; n = 800 gives 100 a ring."""
        return test_conditions.view_conditions(self.name, self.training, n)

    def validation_conditions(self, n: int = 48) -> list[Condition]:
        """See `Axis.validation_conditions`."""
        avoid = test_conditions.view_positions(self.name, self.training) + self.training.positions()
        bowls = sample_positions(stable_seed(self.name, "validation"), TABLE, n, avoid)
        found = []
        for i, xy in enumerate(bowls):
            place, ring = divmod(i, len(self.VALIDATION_RINGS))
            polar = self.VALIDATION_RINGS[ring]
            view = test_conditions.scored_view(polar, self.VALIDATION_AZIMUTHS, place, xy)
            found.append(condition(self.name, "validation", i, xy, self.training.arrangement, TABLE, view))
        return found

    def in_distribution_conditions(self, n: int = 100, split: For = "test") -> list[Condition]:
        """See `Axis.in_distribution_conditions`."""
        bowls = sample_positions(stable_seed(self.name, "in_distribution"), TABLE, n)
        arrangement = self.training.arrangement
        return [condition(self.name, "in_distribution", i, xy, arrangement, TABLE) for i, xy in enumerate(bowls)]

    def grade(self, layout: Layout, split: For = "test") -> float:
        """Polar angle [deg]."""
        return layout.view[0]


def _strip(plan: Plan, *, x: bool) -> Region:
    """The inner part of a half: beyond the outer plan by 2 cm, up to the half's own edge."""
    outer, half = plan.region, (plans.NEAR if x else plans.LEFT).region
    if x:
        return Region((outer.x[1] + test_conditions.INSET, half.x[1]), half.y)
    return Region(half.x, (outer.y[1] + test_conditions.INSET, half.y[1]))


AXES: dict[str, Axis] = {
    axis.name: axis
    for axis in (
        PositionAxis(
            "lr", "left half → right half", plans.LEFT, plans.LEFT_OUTER, test_conditions.RIGHT,
            _strip(plans.LEFT_OUTER, x=False),
        ),
        PositionAxis(
            "lr_independent", "left half → right half, bowl and plate placed on their own", plans.LEFT_INDEPENDENT,
            plans.LEFT_OUTER_INDEPENDENT, test_conditions.RIGHT, _strip(plans.LEFT_OUTER, x=False),
        ),
        PositionAxis(
            "nf", "near half → far half", plans.NEAR, plans.NEAR_OUTER, test_conditions.FAR,
            _strip(plans.NEAR_OUTER, x=True),
        ),
        PositionAxis(
            "dense", "64 positions over the table → positions between them", plans.DEFAULT64, plans.DEFAULT64,
            TABLE, TABLE, grade_title="distance from the nearest demonstration [m]",
        ),
        ViewAxis("view", "training camera → other cameras", plans.DEFAULT64),
    )
}  # fmt: skip


def axis_named(name: str) -> Axis:
    """The axis; ValueError lists the names there are."""
    if name not in AXES:
        close = get_close_matches(name, AXES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"no axis {name!r}; there are {', '.join(AXES)}.{hint}")
    return AXES[name]
