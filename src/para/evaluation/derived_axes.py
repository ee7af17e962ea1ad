"""Axes that take another axis's layouts and change something else: what stands around, what is told, what it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from para.evaluation import test_conditions
from para.evaluation.conditions import Condition
from para.evaluation.disturbances import Disturbance, For, disturbed
from para.evaluation.plans import Demonstrations, in_scene
from para.evaluation.position_axes import PositionAxis
from para.worlds.libero.layout import Layout


@dataclass(frozen=True)
class DisturbedAxis:
    """The conditions of `base`, disturbed. Trained as `base` is, undisturbed; the pair of both shows what it costs."""

    name: str
    title: str
    base: PositionAxis
    disturbance: Disturbance

    @property
    def family(self) -> str:
        """See `Axis.family`."""
        return self.name

    @property
    def grade_title(self) -> str:
        """See `Axis.grade_title`."""
        return self.disturbance.grade_title

    def plan(self, split: For = "test") -> Demonstrations:
        """See `Axis.plan`; that of `base`."""
        return self.base.plan(split)

    def training_layouts(self, split: For = "test", n: int | None = None, draw: int = 0) -> list[Layout]:
        """See `Axis.training_layouts`."""
        return self.base.training_layouts(split, n, draw)

    def test_conditions(self, n: int = 100) -> list[Condition]:
        """See `Axis.test_conditions`; 100 times the number of levels gives 100 a level."""
        base = self.base.test_conditions(test_conditions.DISTURBED_POSITIONS)
        return test_conditions.disturbed_conditions(self.name, base, self.disturbance, n)

    def validation_conditions(self, n: int = 48) -> list[Condition]:
        """See `Axis.validation_conditions`."""
        base = self.base.validation_conditions(1 + (n - 1) // len(self.disturbance.levels))
        return disturbed(self.name, "validation", base, self.disturbance, n)

    def in_distribution_conditions(self, n: int = 100, split: For = "test") -> list[Condition]:
        """See `Axis.in_distribution_conditions`: those of `base`, which nothing disturbs."""
        return [replace(c, axis=self.name) for c in self.base.in_distribution_conditions(n, split)]

    def grade(self, layout: Layout, split: For = "test") -> float:
        """How far the layout is disturbed, in the unit of `grade_title`."""
        return self.disturbance.measure(layout)


@dataclass(frozen=True)
class FullSceneAxis:
    """`base` among all of the task's objects, in training as in the test: see `clutter.furnish` for where they stand."""

    name: str
    title: str
    base: PositionAxis
    test_plan: Demonstrations
    validation_plan: Demonstrations

    @property
    def family(self) -> str:
        """See `Axis.family`."""
        return self.name

    @property
    def grade_title(self) -> str:
        """See `Axis.grade_title`."""
        return self.base.grade_title

    def plan(self, split: For = "test") -> Demonstrations:
        """See `Axis.plan`."""
        return self.test_plan if split == "test" else self.validation_plan

    def training_layouts(self, split: For = "test", n: int | None = None, draw: int = 0) -> list[Layout]:
        """See `Axis.training_layouts`."""
        return self.plan(split).layouts(n, draw)

    def test_conditions(self, n: int = test_conditions.POSITIONS) -> list[Condition]:
        """See `Axis.test_conditions`."""
        return self._furnished(self.base.test_conditions(n))

    def validation_conditions(self, n: int = 50) -> list[Condition]:
        """See `Axis.validation_conditions`."""
        return self._furnished(self.base.validation_conditions(n))

    def in_distribution_conditions(self, n: int = 100, split: For = "test") -> list[Condition]:
        """See `Axis.in_distribution_conditions`."""
        return self._furnished(self.base.in_distribution_conditions(n, split))

    def grade(self, layout: Layout, split: For = "test") -> float:
        """As `base`."""
        return self.base.grade(layout, split)

    def _furnished(self, found: Sequence[Condition]) -> list[Condition]:
        return [replace(c, axis=self.name, layout=in_scene(c.layout, "full")) for c in found]
