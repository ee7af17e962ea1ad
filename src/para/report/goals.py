"""The benchmark's axes and the goals stated for our default policy, and which of them are met, by it or by a variant of it.

Goals are point estimates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from para.evaluation.axes import AXES
from para.evaluation.records import EpisodeRecord
from para.report.comparisons import Comparison
from para.report.names import axis_title
from para.report.teachable import against_expert

DEFAULT = "para"
"""The policy that goals are stated for."""


@dataclass(frozen=True)
class Goal:
    """A rate to reach on a part of an axis."""

    percent: int
    words: str = ""
    """Where, for people; the whole axis where empty."""
    low: float = -inf
    high: float = inf
    """Grades of the episodes that count, both ends included."""
    over: Literal["episodes", "mean", "each", "expert"] = "episodes"
    """All episodes together, the mean of the levels' rates, or the worst level; ``expert``: the rate as a share of the
    expert's own, on the levels that it masters."""
    standing: Literal["", "not behind", "ahead"] = ""
    """How our policy has to stand to every rival besides."""
    policy: str = DEFAULT
    """Whose rate it is, by the name in the records."""
    preset: str = ""
    """What stands behind that name where it is not the policy of this name."""

    @property
    def variant(self) -> str:
        """The policy that has to be named beside the goal, as it is not the default one; empty for that."""
        return self.preset or (self.policy if self.policy != DEFAULT else "")


@dataclass(frozen=True)
class Entry:
    """One axis of the benchmark, run or not."""

    axis: str
    tier: str
    """A first, then B."""
    what: str
    """What changes; used where this version does not know the axis."""
    goals: tuple[Goal, ...]


@dataclass(frozen=True)
class GoalResult:
    """A goal and what was measured; a figure is None where it was not."""

    goal: Goal
    measured: float | None
    met: bool | None
    """By the goal's policy, which may be a variant."""
    by_default: bool | None
    """By the default policy; None where it was not run on this."""
    default_measured: float | None
    note: str = ""
    """What was left out of the measure."""


def _axis(axis: str, tier: str, what: str, *goals: Goal) -> Entry:
    return Entry(axis, tier, what, goals)


BENCHMARK: tuple[Entry, ...] = (
    _axis("lr_independent", "A", "left half → right half, bowl and plate placed on their own", Goal(92)),
    _axis("lr", "A", "left half → right half", Goal(95)),
    _axis("nf", "A", "near half → far half", Goal(95)),
    _axis(
        "view", "A", "training camera → other cameras",
        Goal(90, "mean of the rings beyond the training view", low=0.1, over="mean"),
        Goal(93, "each ring to 17.9 deg", high=18.0, over="each"),
        Goal(80, "at 25 deg", low=24.0),
    ),
    _axis("dense", "A", "64 positions over the table → positions between them", Goal(97, standing="not behind")),
    _axis(
        "distractors", "A", "clean table → 3, 6, 10 further objects",
        Goal(92, "with 3", 2.5, 3.5), Goal(88, "with 6", 5.5, 6.5), Goal(80, "with 10", 9.5, 10.5),
    ),
    _axis(
        "calibration", "A", "right camera → a wrong one",
        Goal(85, "at 0.25 deg and 0.25 cm", 0.2, 0.3),
        Goal(80, "at 1 deg and 1 cm, with online correction", 0.9, 1.1, policy="para_corrected"),
    ),
    _axis("scaling_n32", "A", "32 demonstrations", Goal(90)),
    _axis("scaling_n8", "A", "8 demonstrations", Goal(50)),
    _axis("scaling_n16", "B", "16 demonstrations", Goal(75)),
    _axis("random10", "B", "10 random positions → the rest of the table", Goal(60, standing="ahead")),
    _axis("inner", "B", "the middle of the table → the rest", Goal(80)),
    _axis("view_hemisphere", "B", "cameras in the left half → in the right half", Goal(90)),
    _axis("view_far", "B", "training camera → 35 and 45 deg", Goal(70, "at 45 deg", 44.0, 46.0)),
    _axis("appearance", "B", "new table, light and background", Goal(90)),
    _axis("lr_full", "B", "left half → right half among all of the task's objects", Goal(90)),
    _axis(
        "yaw", "B", "a box's yaw from 0 to 90 deg → from 90 to 180 deg",
        Goal(85, policy="para_yaw_top_view"),
    ),
    _axis(
        "suite", "B", "the ten official tasks of LIBERO-Spatial, by their instructions",
        Goal(95, "of the expert's own rate on tasks where it reaches 90 %", over="expert", preset="para_suite"),
    ),
    _axis("suite_other_bowl", "B", "the same pictures, told to take the other bowl"),
    _axis("external_swap", "B", "LIBERO-PRO: two things have changed places, official conditions"),
    _axis("external_views", "B", "LIBERO-Plus: other cameras, official conditions"),
)  # fmt: skip
"""In the page's order."""


def goal_results(
    entry: Entry, episodes: Mapping[str, Sequence[EpisodeRecord]], split: str, comparisons: Sequence[Comparison]
) -> list[GoalResult]:
    """What became of an axis's goals, from the episodes of each policy and of the expert, and our comparisons with rivals on
    this axis."""
    if split != "test":
        episodes = {}
    results = []
    for goal in entry.goals:
        measured, note = _measured(goal, goal.policy, episodes)
        by_default = measured if not goal.variant else None if goal.preset else _measured(goal, DEFAULT, episodes)[0]
        met, default_met = (_met(goal, rate, comparisons) for rate in (measured, by_default))
        results.append(GoalResult(goal, measured, met, default_met, by_default, note))
    return results


def entry_of(axis: str) -> Entry:
    """The benchmark's entry of an axis; one without goals where the benchmark states none."""
    for entry in BENCHMARK:
        if entry.axis == axis:
            return entry
    return Entry(axis, "", axis_title(axis), ())


def _measured(goal: Goal, policy: str, episodes: Mapping[str, Sequence[EpisodeRecord]]) -> tuple[float | None, str]:
    """A policy's figure for a goal, and what was left out of it."""
    theirs = episodes.get(policy, ())
    if goal.over != "expert":
        return _measure(goal, theirs), ""
    share = against_expert(theirs, episodes.get("expert", ()))
    return (None, "") if share is None else (share.share, share.note)


def _met(goal: Goal, measured: float | None, comparisons: Sequence[Comparison]) -> bool | None:
    return None if measured is None else round(100 * measured, 9) >= goal.percent and _stands(goal, comparisons)


def _measure(goal: Goal, episodes: Sequence[EpisodeRecord]) -> float | None:
    levels: dict[float, list[bool]] = {}
    for r in episodes:
        axis = AXES.get(r.condition.axis)
        grade = axis.grade(r.condition.layout, "test") if axis is not None else 0.0
        if goal.low <= grade <= goal.high:
            levels.setdefault(grade, []).append(r.placed)
    if not levels:
        return None
    rates = [sum(placed) / len(placed) for placed in levels.values()]
    if goal.over == "mean":
        return sum(rates) / len(rates)
    if goal.over == "each":
        return min(rates)
    placed = [p for level in levels.values() for p in level]
    return sum(placed) / len(placed)


def _stands(goal: Goal, comparisons: Sequence[Comparison]) -> bool:
    """Against every rival that counts; a condition on rivals is not met where none was run."""
    if not goal.standing:
        return True
    verdicts = [c.verdict for c in comparisons if c.counts]
    wanted = {"ahead"} if goal.standing == "ahead" else {"ahead", "not behind"}
    return bool(verdicts) and all(verdict in wanted for verdict in verdicts)
