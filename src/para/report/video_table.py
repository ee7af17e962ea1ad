"""The video table: video models as backbones, one row for each recipe, beside the published figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from para.report.cells import AxisTable, Row
from para.report.comparisons import Comparison, compare
from para.report.factorial import factors

POINTING = "video_two_stage"
"""The row that the others are compared with, but for those that have another one to be compared with."""
LONG = "video_then_actions_long"


@dataclass(frozen=True)
class VideoRecipe:
    """How a video policy was trained."""

    words: str
    published: int | None
    """Published PLACE [percent], of 10 to 20 episodes on pretrained weights; None where nothing is."""
    goals: tuple[int, int] | None = None
    """(in distribution, on `lr`) [percent]."""
    beside: str = POINTING
    """The row that it is compared with."""


RECIPES: dict[str, VideoRecipe] = {
    POINTING: VideoRecipe("video first, then video and actions; points", 90, (95, 80)),
    "video_two_stage_all": VideoRecipe("the same, its videos also show the other half, without actions; points", None),
    "video_then_actions": VideoRecipe("video first, then actions alone, from carried cameras, too; points", None),
    LONG: VideoRecipe("the same, twice the steps of the last stage; points", None, (95, 80)),
    "video_actions_alone": VideoRecipe(
        "actions alone, without the video, as many passes as with 1600 steps; points", None
    ),
    "video_joint": VideoRecipe("video and actions at once, from the beginning; points", 55),
    "video_frozen": VideoRecipe("video first, then the head alone; points", 0),
    "video_two_stage_global": VideoRecipe("video first, then video and actions; one pooled token regressed", 0),
    "video_two_stage_global_fixed": VideoRecipe("the same, not told the camera and never shown a turned one", 0),
    "video_then_actions_long_global": VideoRecipe(
        "video first, then actions alone, twice the steps; one pooled token regressed", None, beside=LONG
    ),
}
"""By the policy's name in the records, in the order of the table."""


@dataclass(frozen=True)
class VideoRow:
    """One recipe on one axis."""

    recipe: VideoRecipe
    row: Row | None
    """None where it was not run."""
    comparison: Comparison | None
    """The row that it is compared with against it, adjusted over all that are compared with that row."""


@dataclass(frozen=True)
class VideoTable:
    """All recipes on one axis."""

    axis: str
    title: str
    rows: tuple[VideoRow, ...]


def has_own_table(policy: str) -> bool:
    """Whether a policy stands in a table of its own kind and not in the headline: cells of the factorial, video recipes."""
    return factors(policy) is not None or policy in RECIPES


def video_tables(tables: Sequence[AxisTable]) -> list[VideoTable]:
    """One table for each axis with such policies on record."""
    found = []
    for table in tables:
        rows = {name: row for name in RECIPES if (row := table.row(name))}
        if rows:
            against = {}
            for beside in {recipe.beside for recipe in RECIPES.values()}:
                rivals = [row for name, row in rows.items() if RECIPES[name].beside == beside != name]
                against |= {c.rival: c for c in compare(rows.get(beside), rivals)}
            lines = (VideoRow(recipe, rows.get(name), against.get(name)) for name, recipe in RECIPES.items())
            found.append(VideoTable(table.axis, table.title, tuple(lines)))
    return found
