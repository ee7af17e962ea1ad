"""The page's tables as figures for print: the factorial, paired differences and what was tried."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill, shorten

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from para.evaluation.statistics import Rate
from para.report.comparisons import Comparison
from para.report.factorial import SPACES, Factorial
from para.report.formats import interval, percent, points
from para.report.notes import Ablation
from para.report.styles import LIGHT, STAGE_LIGHT
from para.worlds.world import Stage

_FAINT = "#686d70"


def draw_factorial(table: Factorial) -> Figure:
    """Readings times output spaces; the deeper a cell, the more often the bowl was placed."""
    figure = Figure(figsize=(6.4, 0.6 + 0.6 * len(table.grid)))
    axes = figure.add_subplot()
    shades = LinearSegmentedColormap.from_list("place", ["white", STAGE_LIGHT[Stage.PLACE]])
    for y, (_, cells) in enumerate(table.grid):
        for x, cell in enumerate(cells):
            main = cell.row.main if cell is not None else None
            if main is None or not main.publishable or not main.episodes:
                axes.text(x, y, "–", ha="center", va="center", color=_FAINT)
                continue
            axes.fill_between(
                [x - 0.48, x + 0.48], y - 0.46, y + 0.46, color=shades(0.5 * main.place.value), linewidth=0
            )
            mark = "" if cell.row.competent else "‡" if cell.row.competent is None else "†"
            words = f"{percent(main.place.value)} %{mark}\n[{interval(main.place)}], n = {main.place.n}"
            if cell.comparison is not None:
                words += f"\npara {points(cell.comparison.difference.value)}"
            axes.text(x, y, words, ha="center", va="center", fontsize=6.5)
    axes.set(xlim=(-0.5, len(SPACES) - 0.5), ylim=(len(table.grid) - 0.5, -0.5))
    axes.set_xticks(range(len(SPACES)), [fill(words, 16) for words in SPACES.values()])
    axes.set_yticks(range(len(table.grid)), [fill(words, 22) for words, _ in table.grid])
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.text(
        -0.5, len(table.grid) - 0.4, f"PLACE on {table.axis}; † below 80 % where it was trained, ‡ not measured there",
        fontsize=6.5, color=_FAINT, va="top",
    )  # fmt: skip
    return figure


def draw_differences(found: Sequence[tuple[str, Comparison]]) -> Figure:
    """(axis, comparison) -> points of PLACE by which ours is ahead, hollow where the comparison does not count."""
    figure, axes = _rows(len(found))
    for y, (_, comparison) in enumerate(found):
        d = comparison.difference
        axes.errorbar(
            100 * d.value, y, xerr=[[100 * (d.value - d.low)], [100 * (d.high - d.value)]], fmt="o", color=LIGHT["p0"],
            markersize=4, linewidth=1.3, markerfacecolor=LIGHT["p0"] if comparison.counts else "white",
        )  # fmt: skip
    axes.axvline(0, color=_FAINT, linewidth=0.8)
    axes.set_yticks(range(len(found)), [f"{axis}: {c.policy} − {c.rival}" for axis, c in found], fontsize=7)
    axes.set_xlabel("points of PLACE, 95 % interval; hollow: the rival did not learn its training region")
    return figure


def draw_ablations(found: Sequence[Ablation]) -> Figure:
    """Each change with it (filled) and without it (hollow)."""
    figure, axes = _rows(len(found))
    for y, ablation in enumerate(found):
        _rate(axes, ablation.changed, y - 0.16, "o", LIGHT["p0"], LIGHT["p0"])
        _rate(axes, ablation.base, y + 0.16, "s", _FAINT, "white")
    labels = [f"{shorten(a.change, 64, placeholder=' …')} ({a.where}; {a.verdict})" for a in found]
    axes.set_yticks(range(len(found)), labels, fontsize=7)
    axes.set(xlim=(-2, 102), xlabel="PLACE [%], 95 % interval; filled: with the change, hollow: without it")
    return figure


def _rows(count: int) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.2, 0.7 + 0.2 * count))
    axes = figure.add_subplot()
    axes.set_ylim(count - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    return figure, axes


def _rate(axes: Axes, rate: Rate, y: float, mark: str, colour: str, face: str) -> None:
    axes.errorbar(
        100 * rate.value, y, xerr=[[100 * (rate.value - rate.low)], [100 * (rate.high - rate.value)]], fmt=mark,
        color=colour, markerfacecolor=face, markersize=3.5, linewidth=1.1,
    )  # fmt: skip
