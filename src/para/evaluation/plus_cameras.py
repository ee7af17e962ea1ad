"""Which cameras LIBERO-Plus asks on the tasks of LIBERO-Spatial: its category "Camera Viewpoints", 376 of its 2402 tasks.

Read off the names in ``libero/libero/benchmark/task_classification.json`` of github.com/sylvestf/LIBERO-plus (commit
4976dc3). No two tasks share a camera; what is missing from a range was left out there. `worlds.libero.plus_views` says how
a name becomes a camera.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PlusCameras:
    """The cameras of one task, as ranges of whole numbers: ``17-19 21`` is 17, 18, 19 and 21."""

    turned: str
    """Turns about the vertical [deg]."""
    raised: str
    """Turns of cameras that are also raised by 15 deg."""
    away: str
    """Distances [% of LIBERO's own]."""
    yaw: int
    """Yaw in place [deg] ..."""
    pitches: str
    """... each with these pitches [deg]."""

    def names(self) -> list[str]:
        """By name."""
        return [
            *(f"{turn}_0_100_0_0" for turn in _numbers(self.turned)),
            *(f"{turn}_15_100_0_0" for turn in _numbers(self.raised)),
            *(f"0_0_{scale}_0_0" for scale in _numbers(self.away)),
            *(f"0_0_100_{self.yaw}_{pitch}" for pitch in _numbers(self.pitches)),
        ]


CAMERAS = (
    PlusCameras("", "11 13-15", "", 2, "352 354"),
    PlusCameras("17-30", "16-27 29-30", "115 119-120", 4, "6 8 10 350 352 354"),
    PlusCameras("34 36-42 44", "31-45", "122 125-127", 6, "6 8 10 350 352 354 356"),
    PlusCameras("46-60", "46-60", "131-140", 8, "4 6 8 10 350 352 354 356 358"),
    PlusCameras("61 63-75", "61-66 68-75", "141-150", 10, "2 4 6 8 10 350 352 354 356 358"),
    PlusCameras("285 287-299", "285-291 293-299", "151-152 154-160", 350, "2 4 6 8 350 352 354 356 358"),
    PlusCameras("300-314", "300-303 305-314", "161-170", 352, "10 350 352"),
    PlusCameras("315-326 328-329", "315-329", "171-180", 354, "8 350 354 356"),
    PlusCameras("330-335 338 340 344", "330-336 338 340 343", "181-190", 356, "6 8 10 350"),
    PlusCameras("345-346 348-349", "345-359", "191-200", 358, "6 8 10 350 352 354 356 358"),
)
"""By the task's number."""


def plus_tasks() -> list[tuple[int, str]]:
    """(task, camera's name) of all, task by task."""
    return [(task, name) for task, cameras in enumerate(CAMERAS) for name in cameras.names()]


def _numbers(ranges: str) -> list[int]:
    found: list[int] = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found
