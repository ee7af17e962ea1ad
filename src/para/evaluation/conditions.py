"""One entry of the benchmark: which episode, and for what it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from para.worlds.libero.layout import Layout

Split = Literal["validation", "test", "in_distribution"]
"""``validation`` chooses (settings, checkpoints), ``test`` is published, ``in_distribution`` says whether the policy
learnt its own training region."""


@dataclass(frozen=True)
class Condition:
    """An episode of the benchmark; (axis, split, index) names it, the layout fixes it."""

    axis: str
    """Name of the axis in `axes.AXES`."""
    split: Split
    index: int
    """Counts from 0 within (axis, split); a smaller evaluation takes the first ones."""
    seed: int
    """The layout's seed, here again so that a record can be checked at a glance."""
    layout: Layout

    @property
    def label(self) -> str:
        """For people, e.g. ``lr test 17``."""
        return f"{self.axis} {self.split} {self.index}"
