"""Where the demonstrator itself succeeds: the grid that demonstrations are taken from, and layouts held out of its tuning.

Read from `folder`/expert/expert.json, which ``runs/expert_map.py`` writes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from para.evaluation.statistics import Rate, wilson
from para.report.figure_data import Mark, TableMap
from para.worlds.world import Stage

GRID = "rigid"
"""The set of records that is the grid."""
SETS = {
    GRID: "on the grid, plate beside the bowl",
    "rigid_random": "anywhere, plate beside the bowl",
    "independent": "bowl and plate placed on their own",
}
"""Sets of records -> words."""


@dataclass(frozen=True)
class ExpertMap:
    """What the demonstrator does by itself."""

    map: TableMap
    """The grid."""
    rates: tuple[tuple[str, Rate], ...]
    """(set in words, PLACE)"""
    commit: str


def read_expert_map(folder: Path) -> ExpertMap | None:
    """None where there is no such file, or no grid in it. ValueError for a damaged one."""
    path = folder / "expert" / "expert.json"
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        marks = [(record["set"], _mark(record)) for record in data["records"]]
        commit = str(data["provenance"]["commit"])
    except (ValueError, KeyError, TypeError) as cause:
        raise ValueError(
            f"{path} is no map of the expert ({type(cause).__name__}: {cause}); write it again with runs/expert_map.py"
        ) from cause
    grid = tuple(mark for name, mark in marks if name == GRID)
    if not grid:
        return None
    rates = []
    for name, words in SETS.items():
        stages = [mark.stage for of, mark in marks if of == name]
        if stages:
            rates.append((words, wilson(stages.count(Stage.PLACE), len(stages))))
    return ExpertMap(TableMap((), grid), tuple(rates), commit)


def _mark(record: dict) -> Mark:
    x, y = record["layout"]["bowl_xy"]
    return Mark((x, y), Stage(record["stage"]), f"expert on {record['set']} {record['index']}", record["ended_by"])
