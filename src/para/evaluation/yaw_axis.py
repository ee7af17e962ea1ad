"""The axis whose object lies in directions that no demonstration showed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from para.evaluation import test_conditions
from para.evaluation.conditions import Condition, Split
from para.evaluation.disturbances import For
from para.evaluation.plans import Demonstrations
from para.evaluation.sampling import XY, condition, sample_positions, stable_seed
from para.evaluation.yaws import TRAINED, TRAINED_OUTER, YawSector, in_sector
from para.worlds.libero.layout import TABLE, Layout


@dataclass(frozen=True)
class YawAxis:
    """A long object that has to be taken across its short side: demonstrated in one quarter turn, asked in the other.

    Open fingers go around it up to some 26 deg off, so that a hand turned as in the nearest demonstration may still hold it
    at small grades: what a policy has to have learnt shows above.
    """

    name: str
    title: str
    test_plan: Demonstrations
    validation_plan: Demonstrations
    grade_title: str = "yaw beyond the training sector [deg]"

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

    def test_conditions(self, n: int = test_conditions.YAW_POSITIONS) -> list[Condition]:
        """See `Axis.test_conditions`: positions over the whole table."""
        return test_conditions.yaw_conditions(self.name, self.test_plan, n)

    def validation_conditions(self, n: int = 50) -> list[Condition]:
        """See `Axis.validation_conditions`: other positions, yaws of the trained sector that its plan leaves out."""
        tested = [c.layout.bowl_xy for c in self.test_conditions()]
        bowls = sample_positions(
            stable_seed(self.name, "validation"), TABLE, n, tested + self.validation_plan.positions()
        )
        inset = test_conditions.YAW_INSET
        return self._conditions("validation", bowls, YawSector(TRAINED_OUTER.high + inset, TRAINED.high - inset))

    def in_distribution_conditions(self, n: int = 100, split: For = "test") -> list[Condition]:
        """See `Axis.in_distribution_conditions`: fresh positions, and fresh yaws of the demonstrated sector."""
        bowls = sample_positions(stable_seed(self.name, "in_distribution", split), TABLE, n)
        return self._conditions("in_distribution", bowls, self._sector(split))

    def grade(self, layout: Layout, split: For = "test") -> float:
        """Yaw beyond the demonstrated sector [deg], either way round; 45 where it is farthest from both its ends."""
        return self._sector(split).distance(float(np.degrees(layout.bowl_yaw)))

    def _sector(self, split: For) -> YawSector:
        return TRAINED if split == "test" else TRAINED_OUTER

    def _conditions(self, split: Split, bowls: list[XY], sector: YawSector) -> list[Condition]:
        found = [condition(self.name, split, i, xy, "independent", TABLE) for i, xy in enumerate(bowls)]
        return in_sector(found, sector)
