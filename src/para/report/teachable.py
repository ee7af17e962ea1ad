"""Goals stated relative to the expert: on the levels of an axis (tasks, say) that its demonstrator masters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from para.evaluation.axes import AXES
from para.evaluation.records import EpisodeRecord

MASTERED = 0.9
"""PLACE of the expert from which a level counts: what it cannot show, nobody can be asked."""


@dataclass(frozen=True)
class AgainstExpert:
    """A policy's rate as a share of the expert's."""

    share: float
    """PLACE of the policy over PLACE of the expert, on the levels that count."""
    left_out: tuple[float, ...]
    """Grades of the levels that the expert does not master."""

    @property
    def note(self) -> str:
        """For people; empty where nothing is left out."""
        if not self.left_out:
            return ""
        return f"without {', '.join(f'{grade:g}' for grade in self.left_out)}, where the expert is below {MASTERED:.0%}"


def against_expert(episodes: Sequence[EpisodeRecord], expert: Sequence[EpisodeRecord]) -> AgainstExpert | None:
    """None where expert or policy has not run, or the expert masters nothing."""
    ours, theirs = _levels(episodes), _levels(expert)
    counted = [grade for grade, placed in theirs.items() if grade in ours and sum(placed) >= MASTERED * len(placed)]
    if not counted:
        return None
    rates = [sum(sum(level[g]) for g in counted) / sum(len(level[g]) for g in counted) for level in (ours, theirs)]
    failed = [grade for grade, placed in theirs.items() if sum(placed) < MASTERED * len(placed)]
    return AgainstExpert(rates[0] / rates[1], tuple(sorted(failed)))


def _levels(episodes: Sequence[EpisodeRecord]) -> dict[float, list[bool]]:
    found: dict[float, list[bool]] = {}
    for r in episodes:
        if (axis := AXES.get(r.condition.axis)) is not None:
            found.setdefault(axis.grade(r.condition.layout), []).append(r.placed)
    return found
