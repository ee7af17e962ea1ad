"""Axes whose objects stand where no demonstration was: beyond the trained part of the table, or between few places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from para.evaluation import test_conditions
from para.evaluation.conditions import Condition, Split
from para.evaluation.disturbances import For
from para.evaluation.plans import Demonstrations
from para.evaluation.sampling import (
    XY,
    beyond,
    condition,
    distance_outside,
    distance_to_nearest,
    near_positions,
    sample_positions,
    stable_seed,
)
from para.evaluation.test_conditions import TestRegion
from para.worlds.libero.layout import TABLE, Layout, Region


@dataclass(frozen=True)
class PositionAxis:
    """The objects stand where no demonstration was."""

    name: str
    title: str
    test_plan: Demonstrations
    validation_plan: Demonstrations
    test_region: Region
    validation_region: Region
    grade_title: str = "distance from the training region [m]"

    @property
    def family(self) -> str:
        """See `Axis.family`."""
        return self.name

    def plan(self, split: For = "test") -> Demonstrations:
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
class FewAxis:
    """Few demonstrations, at places of one of several sets; all sets of a family are asked the same."""

    name: str
    title: str
    family: str
    training: Demonstrations
    relatives: tuple[XY, ...]
    """Every position that a set of the family may hold [m]; conditions keep clear of them all."""
    outside: bool = False
    """Ask outside the rectangle that the demonstrations span, not between them."""
    grade_title: str = "distance from the nearest demonstration [m]"

    def plan(self, split: For = "test") -> Demonstrations:
        """See `Axis.plan`; the same for both."""
        return self.training

    def training_layouts(self, split: For = "test", n: int | None = None, draw: int = 0) -> list[Layout]:
        """See `Axis.training_layouts`."""
        return self.training.layouts(n, draw)

    def test_conditions(self, n: int = test_conditions.FEW_POSITIONS) -> list[Condition]:
        """See `Axis.test_conditions`."""
        return test_conditions.few_conditions(self.name, self.family, self.relatives, self._inside(), n)

    def validation_conditions(self, n: int = 50) -> list[Condition]:
        """See `Axis.validation_conditions`: other positions of the same kind."""
        every = test_conditions.few_conditions(
            self.name, self.family, self.relatives, self._inside(), test_conditions.FEW_POSITIONS
        )
        avoid = [*(c.layout.bowl_xy for c in every), *self.relatives]
        accept = beyond(self._inside(), test_conditions.INSET)
        bowls = sample_positions(stable_seed(self.family, "validation"), TABLE, n, avoid, accept=accept)
        return self._conditions("validation", bowls)

    def in_distribution_conditions(self, n: int = 100, split: For = "test") -> list[Condition]:
        """See `Axis.in_distribution_conditions`: within 1.5 cm of a demonstration, since one point spans no region."""
        seed = stable_seed(self.training.name, "in_distribution")
        return self._conditions("in_distribution", near_positions(seed, self.training.positions(), n))

    def grade(self, layout: Layout, split: For = "test") -> float:
        """Distance of the bowl from the nearest demonstration, or from the rectangle they span [m]."""
        inside = self._inside()
        if inside is not None:
            return distance_outside(layout.bowl_xy, inside)
        return distance_to_nearest(layout.bowl_xy, self.training.positions())

    def _inside(self) -> Region | None:
        return self.training.region if self.outside else None

    def _conditions(self, split: Split, bowls: Sequence[XY]) -> list[Condition]:
        found = [condition(self.family, split, i, xy, "rigid", TABLE) for i, xy in enumerate(bowls)]
        return [replace(c, axis=self.name) for c in found]
