"""A goal relative to the expert: what the expert does not master is left out, and said."""

from dataclasses import replace

import pytest

pytest.importorskip("libero")

from para.evaluation import AXES
from para.report.goals import entry_of, goal_results
from para.report.teachable import against_expert
from para.worlds.world import Stage
from report.sample_run import episode


def episodes(policy, placed):
    """100 episodes of `suite`; `placed`: how many of each task's ten."""
    found = []
    for c in AXES["suite"].test_conditions(100):
        state = c.layout.official.state
        stage = Stage.PLACE if state < placed[c.layout.official.task] else Stage.MISS
        found.append(replace(episode(policy, c), stage=stage))
    return found


EXPERT = episodes("expert", [10, 9, 10, 10, 5, 10, 10, 8, 10, 10])
OURS = episodes("para", [10, 9, 9, 10, 0, 10, 9, 0, 10, 10])


def test_tasks_that_the_expert_does_not_master_are_left_out():
    share = against_expert(OURS, EXPERT)
    assert share.share == pytest.approx((10 + 9 + 9 + 10 + 10 + 9 + 10 + 10) / (7 * 10 + 9))
    assert share.left_out == (4.0, 7.0) and share.note == "without 4, 7, where the expert is below 90%"
    assert against_expert(OURS, ()) is None and against_expert((), EXPERT) is None


def test_the_goal_of_the_suite_is_95_percent_of_the_expert():
    entry = entry_of("suite")
    (met,) = goal_results(entry, {"para": OURS, "expert": EXPERT}, "test", ())
    assert met.met is True and met.note and met.goal.percent == 95
    (missed,) = goal_results(entry, {"para": episodes("para", [9] * 10), "expert": EXPERT}, "test", ())
    assert missed.met is False and missed.measured == pytest.approx(72 / 79)
    (unknown,) = goal_results(entry, {"para": OURS}, "test", ())
    assert unknown.measured is None and unknown.met is None and unknown.note == ""
