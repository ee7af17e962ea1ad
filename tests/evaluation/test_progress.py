"""What a person sees while waiting."""

from __future__ import annotations

from para.evaluation.progress import Progress, duration


def test_progress_in_one_line():
    shown = str(Progress("para", done=50, total=200, ran=40, placed=30, errors=0, seconds_per_episode=4.0))
    assert shown == "para  50/200  PLACE  75 %  4.0 s an episode  10 min left"


def test_errors_are_not_hidden():
    assert "2 unresolved errors" in str(Progress("para", 2, 10, 0, 0, 2, 1.0))


def test_durations():
    assert [duration(s) for s in (0, 48, 100, 725, 5400, 10_000)] == [
        "0 s",
        "48 s",
        "2 min",
        "12 min",
        "1 h 30 min",
        "2 h 47 min",
    ]
