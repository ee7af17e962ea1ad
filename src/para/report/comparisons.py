"""Our policy against each rival on the same conditions: paired differences, adjusted over each table."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from para.evaluation.rates import place_of, training_key
from para.evaluation.statistics import PairedDifference, Rate, holm, not_behind, paired_difference
from para.report.cells import LEAST_EPISODES, Cell, Row
from para.report.names import is_ours
from para.worlds.libero.layout import Layout

Outcomes = dict[tuple[int, Layout], bool]
"""PLACE by (index, layout) of the condition."""

ALPHA = 0.05
"""A difference is one where its adjusted p is below this."""

TURNED = ("view", "view_far")
"""Axes that ask for turned cameras: their episodes from the training camera show where the curve begins, and are no part of a
comparison out of distribution."""


@dataclass(frozen=True)
class Comparison:
    """Our policy against a rival on the same conditions."""

    policy: str
    rival: str
    difference: PairedDifference
    adjusted_p: float
    """Holm over the table that the comparison stands in."""
    counts: bool
    """The rival is competent where it was trained, so the comparison settles something."""
    rival_in_distribution: Rate | None

    @property
    def verdict(self) -> str:
        """In a few words. Ahead or behind needs both, an interval clear of 0 and an adjusted p below `ALPHA`: the interval
        alone is of one comparison and knows nothing of the others."""
        if self.adjusted_p < ALPHA and self.difference.low > 0:
            return "ahead"
        if self.adjusted_p < ALPHA and self.difference.high < 0:
            return "behind"
        return "not behind" if not_behind(self.difference) else "undecided"


def compare(ours: Row | None, rivals: Sequence[Row]) -> list[Comparison]:
    """One comparison for each rival that shares enough conditions with us, adjusted as a table of their own; cells with
    unresolved errors, or of another mode than ours, are left out."""
    found: list[tuple[Row, PairedDifference]] = []
    for rival in rivals if ours is not None and ours.main.publishable else ():
        if rival.main.publishable and rival.main.mode == ours.main.mode:
            a, b, places = paired_outcomes(ours.main, rival.main)
            if a.shape[1] >= LEAST_EPISODES:
                found.append((rival, paired_difference(a, b, places)))
    result = []
    for rival, difference in found:
        seen = rival.in_distribution.place if rival.in_distribution else None
        result.append(
            Comparison(ours.policy, rival.policy, difference, difference.p_value, rival.competent is True, seen)
        )
    return adjust([result])[0]


def adjust(groups: Sequence[Sequence[Comparison]]) -> list[list[Comparison]]:
    """The same comparisons, adjusted by Holm's method over all groups together, which are one table."""
    adjusted = iter(holm([c.difference.p_value for group in groups for c in group]))
    return [[replace(c, adjusted_p=next(adjusted)) for c in group] for group in groups]


def axis_comparisons(rows: Sequence[Row]) -> list[Comparison]:
    """Ours, which stands first, against the other policies of an axis; its own variants are no rivals. Adjusted over the
    axis alone: see `adjust` for a table of several."""
    policies = [row for row in rows if not row.is_reference]
    if not policies or not is_ours(policies[0].policy):
        return []
    return compare(policies[0], [row for row in policies[1:] if not is_ours(row.policy)])


def paired_outcomes(a: Cell, b: Cell) -> tuple[np.ndarray, np.ndarray, list[Hashable]]:
    """PLACE of both, (trainings, n) each, on the n conditions that every training of both has run, and the place of each; of
    `TURNED` axes those with a turned camera."""
    first, second = _by_training(a), _by_training(b)
    shared = set.intersection(*(set(outcomes) for outcomes in (*first, *second)))
    order = sorted(shared, key=lambda key: key[0])

    def table(trainings: list[Outcomes]) -> np.ndarray:
        return np.array([[one[key] for key in order] for one in trainings], float).reshape(len(trainings), len(order))

    places = {(r.condition.index, r.condition.layout): place_of(r) for r in a.episodes}
    return table(first), table(second), [places[key] for key in order]


def _by_training(cell: Cell) -> list[Outcomes]:
    found: dict[tuple[str, int], Outcomes] = {}
    for r in cell.episodes:
        if cell.axis not in TURNED or r.condition.layout.view[0] > 0:
            found.setdefault(training_key(r), {})[r.condition.index, r.condition.layout] = r.placed
    return list(found.values()) or [{}]
