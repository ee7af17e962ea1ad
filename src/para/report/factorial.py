"""The factorial: does density or the output space make the difference? Rivals that vary both, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from para.report.cells import AxisTable, Row
from para.report.comparisons import Comparison, compare

READINGS = {
    "pooled": "one pooled token",
    "dense": "every cell answers",
    "dense_shift": "every cell answers, told no place",
    "soft_argmax": "mean pixel of a heatmap",
}
"""How features become an answer: key in the policy's name -> words."""
SPACES = {
    "world": "absolute world",
    "offset": "offset from the end effector",
    "camera": "camera frame",
    "pixel": "pixel and height",
}
"""In which coordinates the answer is: key in the policy's name -> words."""

_PREFIX = "reg_"
_CORNER = "cls_regression_camera"
"""The same configuration as ``reg_pooled_world``, under its name outside of the factorial."""


@dataclass(frozen=True)
class FactorialCell:
    """One combination on one axis."""

    row: Row
    comparison: Comparison | None
    """Our pointing policy against it, adjusted over this table."""


@dataclass(frozen=True)
class Factorial:
    """Readings (rows) x output spaces (columns) on one axis."""

    axis: str
    title: str
    grid: tuple[tuple[str, tuple[FactorialCell | None, ...]], ...]
    """(reading in words, one cell for each of `SPACES`); None where it was not run."""
    beside: tuple[Row, ...]
    """Our pointing policy and the published baseline, which are the corners to compare with."""


def factors(policy: str) -> tuple[str, str] | None:
    """``reg_dense_camera`` -> ("dense", "camera"); None for a policy that is no cell of the factorial.

    After ``reg_`` the name begins with a key of `READINGS` and names a key of `SPACES`; a soft-argmax is a pixel by itself.
    """
    if not policy.startswith(_PREFIX):
        return None
    name = policy.removeprefix(_PREFIX)
    if name == "soft_argmax":
        return name, "pixel"
    reading, _, rest = name.partition("_")
    space, _, variant = rest.partition("_")
    reading = f"{reading}_{variant}" if variant else reading
    return (reading, space) if reading in READINGS and space in SPACES else None


def factorial_tables(tables: Sequence[AxisTable]) -> list[Factorial]:
    """One table for each axis with such policies on record."""
    return [found for table in tables if (found := _factorial(table))]


def _factorial(table: AxisTable) -> Factorial | None:
    rows = {combination: row for row in table.policies if (combination := factors(row.policy))}
    if not rows:
        return None
    if ("pooled", "world") not in rows and (corner := table.row(_CORNER)):
        rows["pooled", "world"] = corner
    ours = table.row("para")
    comparisons = {c.rival: c for c in compare(ours, list(rows.values()))}
    grid = []
    for reading, words in READINGS.items():
        if not any(combination[0] == reading for combination in rows):
            continue
        line = [rows.get((reading, space)) for space in SPACES]
        grid.append((words, tuple(FactorialCell(r, comparisons.get(r.policy)) if r else None for r in line)))
    beside = tuple(row for name in ("para", "cls_regression") if (row := table.row(name)))
    return Factorial(table.axis, table.title, tuple(grid), beside)
