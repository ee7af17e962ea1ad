"""Directions of a long object: sectors of yaw, and demonstrations whose object lies in one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from para.evaluation.conditions import Condition
from para.evaluation.plans import DEFAULT64, ListedPlan, independent_at
from para.worlds.libero.layout import TABLE, Layout

SCENE = "box"
"""The scene with the long object; its long side lies along world x at yaw 0."""

HALF_TURN = 180.0
"""After so much a box, and two fingers around it, are the same again [deg]."""


@dataclass(frozen=True)
class YawSector:
    """Yaws from `low` to `high` [deg] about the vertical, and those half a turn from them."""

    low: float
    high: float

    def sample(self, rng: np.random.Generator) -> float:
        """A uniform random yaw of the sector, on either side of the half turn [deg]."""
        return float(rng.uniform(self.low, self.high) + HALF_TURN * rng.integers(2))

    def distance(self, yaw_deg: float) -> float:
        """How far a yaw lies outside [deg], at most half of what the sector leaves of the half turn; 0 inside."""
        past = (yaw_deg - self.low) % HALF_TURN
        return max(0.0, min(past - (self.high - self.low), HALF_TURN - past))


def with_yaw(layout: Layout, yaw_deg: float) -> Layout:
    """The layout with the long object in the bowl's place, turned so far."""
    return replace(layout, scene=SCENE, bowl_yaw=float(np.radians(yaw_deg)))


def in_sector(conditions: list[Condition], sector: YawSector) -> list[Condition]:
    """The same conditions with the long object, each at a yaw of the sector drawn from its own seed."""
    yaws = [sector.sample(np.random.default_rng((c.seed, 14))) for c in conditions]
    return [replace(c, layout=with_yaw(c.layout, yaw)) for c, yaw in zip(conditions, yaws)]


TRAINED = YawSector(0.0, 90.0)
"""From home, the teacher's hand turns counter-clockwise to every yaw of this sector, and clockwise to all others."""
TRAINED_OUTER = YawSector(0.0, 45.0)
"""What is demonstrated for validation: the farthest yaw of the trained sector lies as far off as the farthest of all does
from the trained sector."""

_GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)


def yaw_plan(name: str, sector: YawSector) -> ListedPlan:
    """The 64 positions of `default64` with the plate placed anywhere, and yaws of `sector`.

    Along the order in which smaller sets are taken, yaws go by the golden section of the sector: every beginning of it is
    spread out over the sector as well as over the table.
    """
    demonstrations = []
    for i, layout in enumerate(DEFAULT64.layouts()):
        rng = np.random.default_rng((layout.seed, 13))
        share = (0.5 + _GOLDEN * i) % 1.0
        yaw = sector.low + (sector.high - sector.low) * share + HALF_TURN * rng.integers(2)
        demonstrations.append(with_yaw(independent_at(layout.bowl_xy, TABLE, layout.seed), float(yaw)))
    return ListedPlan(name, tuple(demonstrations), "independent")


YAW64 = yaw_plan("yaw64", TRAINED)
YAW64_OUTER = yaw_plan("yaw64_outer", TRAINED_OUTER)
