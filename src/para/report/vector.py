"""Every figure of the page for print: vector PDF and SVG, the same data drawn by matplotlib."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from para.evaluation.agents import is_reference
from para.report.build import Contents, read_contents
from para.report.figure_data import LossChart, Map, RateChart, Series, TableMap, ViewMap, sector_span
from para.report.headline import Headline
from para.report.maps import STAGE_WORDS
from para.report.method import draw_method
from para.report.pointing import FILE, load_pointing
from para.report.styles import LIGHT, MARKS, STAGE_LIGHT
from para.report.vector_tables import draw_ablations, draw_differences, draw_factorial
from para.worlds.libero.layout import BOWL_X, BOWL_Y
from para.worlds.world import Stage

_LOOK = {
    "font.family": "sans-serif", "font.size": 8, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": "#5e6468", "axes.labelcolor": "#1d2023", "xtick.color": "#5e6468", "ytick.color": "#5e6468",
    "axes.grid": True, "grid.color": "#e4e0d6", "grid.linewidth": 0.6, "axes.axisbelow": True, "legend.frameon": False,
    "pdf.fonttype": 42, "svg.hashsalt": "para", "savefig.bbox": "tight", "savefig.pad_inches": 0.04,
}  # fmt: skip
"""TrueType in PDFs, which publishers ask for; a fixed salt, so that the same data gives the same file."""


def write_figures(folder: Path, out: Path, ledger: Path | None = None) -> list[Path]:
    """Draw all figures of a run, or of a folder of runs, into `out`; returns the files, two of each figure.

    The picture of the method needs a prediction, which the folder or a run in it keeps as pictures/pointing.npz.
    """
    contents = read_contents(folder, ledger)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    with matplotlib.rc_context(_LOOK):
        for name, figure in _figures(contents):
            for kind in ("pdf", "svg"):
                path = out / f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', name)}.{kind}"
                figure.savefig(path, metadata={"CreationDate" if kind == "pdf" else "Date": None}, dpi=200)
                written.append(path)
    return written


def _figures(contents: Contents) -> Iterator[tuple[str, Figure]]:
    if any(row.cells for row in contents.head.run):
        yield "headline", draw_headline(contents.head, contents.styles)
    for factorial in contents.factorials:
        yield f"factorial-{factorial.axis}", draw_factorial(factorial)
    differences = [(row.entry.axis, comparison) for row in contents.head.run for comparison in row.comparisons]
    if differences:
        yield "differences", draw_differences(differences)
    for table in contents.tables:
        figures = contents.figures[table.axis]
        if figures.curve:
            yield f"{table.axis}-curve", draw_chart(figures.curve)
        for policy, shown in figures.maps:
            yield f"{table.axis}-map-{policy}", draw_map(shown, LIGHT[contents.styles[policy]], policy)
    if contents.expert:
        yield "expert-map", draw_map(contents.expert.map, LIGHT["reference"], "expert")
    if contents.scaling:
        yield "scaling", draw_chart(contents.scaling)
    if contents.training:
        yield "training", draw_chart(contents.training)
    if contents.source.ablations:
        yield "ablations", draw_ablations(contents.source.ablations)
    for folder in contents.source.folders:
        if (folder.pictures / FILE).exists():
            name = "method" if folder.root == contents.source.root else f"method-{folder.root.name}"
            yield name, draw_method(load_pointing(folder.pictures / FILE))


def draw_headline(head: Headline, styles: dict[str, str]) -> Figure:
    """A dot with its interval for each policy and axis, one line of dots for each axis."""
    rows = [row for row in head.run if row.table is not None]
    figure = Figure(figsize=(6.4, 0.7 + 0.16 * sum(1 + sum(c is not None for c in row.cells) for row in rows)))
    axes = figure.add_subplot()
    y, ticks = 0.0, []
    for row in rows:
        cells = [cell for cell in row.cells if cell is not None and cell.row.main.publishable]
        ticks.append((y + (len(cells) - 1) / 2, row.table.axis))
        for cell in cells:
            place, style = cell.row.main.place, styles[cell.row.policy]
            hollow = {"markerfacecolor": "white"} if cell.standing else {}
            axes.errorbar(
                100 * place.value, y, xerr=[[100 * (place.value - place.low)], [100 * (place.high - place.value)]],
                fmt=MARKS[style], color=LIGHT[style], markersize=4.5, linewidth=1.4, **hollow,
            )  # fmt: skip
            y += 1
        y += 0.8
    for policy in head.policies:
        axes.plot([], [], MARKS[styles[policy]], color=LIGHT[styles[policy]], markersize=4.5, label=policy)
    axes.set(xlim=(-2, 102), ylim=(y - 0.4, -0.8), xlabel="PLACE [%], 95 % interval; hollow: not a comparison")
    axes.set_yticks([at for at, _ in ticks], [name for _, name in ticks])
    axes.grid(axis="y", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def draw_chart(chart: RateChart | LossChart) -> Figure:
    """A chart of the page, one column wide."""
    figure = Figure(figsize=(3.5, 2.4))
    axes = figure.add_subplot()
    for series in chart.series:
        _line(axes, series, 100.0 if isinstance(chart, RateChart) else 1.0)
    if isinstance(chart, RateChart):
        axes.set(ylim=(-2, 102), ylabel="PLACE [%]")
        if chart.log_x:
            axes.set_xscale("log", base=2)
        if chart.ticks:
            axes.set_xticks(chart.ticks, [f"{x:g}" for x in chart.ticks])
            axes.minorticks_off()
    else:
        axes.set(yscale="log", ylabel="loss / first loss")
    axes.set_xlabel(chart.x_title)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7)
    return figure


def draw_map(shown: Map, colour: str, title: str) -> Figure:
    """A map of the page."""
    return _view_map(shown, colour, title) if isinstance(shown, ViewMap) else _table_map(shown, title)


def _line(axes, series: Series, scale: float) -> None:
    colour, x = LIGHT[series.style], [p.x for p in series.points]
    style = ":" if series.dashed else "--" if is_reference(series.name) else "-"
    marker = None if series.dashed or len(x) > 40 else MARKS[series.style]
    y, look = [scale * p.y for p in series.points], {"color": colour, "marker": marker, "markersize": 3.5}
    axes.plot(x, y, style, linewidth=1.4, label=series.name, **look)
    if not series.dashed and any(p.low != p.high for p in series.points):
        low, high = ([scale * value for value in values] for values in zip(*((p.low, p.high) for p in series.points)))
        axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
    if series.scatter:
        axes.scatter(*zip(*((x, scale * y) for x, y in series.scatter)), s=7, color=colour, alpha=0.5, linewidths=0)


def _table_map(shown: TableMap, title: str) -> Figure:
    """The table from above, the robot at the top, y to the right."""
    figure = Figure(figsize=(3.3, 2.6))
    axes = figure.add_subplot()
    if shown.training:
        x, y = zip(*shown.training)
        axes.scatter(y, x, s=2, color="#7d8a88", linewidths=0, label="demonstrations")
    looks = {
        Stage.PLACE: {"marker": "o", "color": STAGE_LIGHT[Stage.PLACE], "linewidths": 0},
        Stage.GRASP: {"marker": "o", "facecolors": "white", "edgecolors": STAGE_LIGHT[Stage.GRASP], "linewidths": 1.1},
        Stage.MISS: {"marker": "x", "color": STAGE_LIGHT[Stage.MISS], "linewidths": 1.1},
    }
    for stage, look in looks.items():
        found = np.array([mark.xy for mark in shown.marks if mark.stage == stage]).reshape(-1, 2)
        axes.scatter(found[:, 1], found[:, 0], s=12, label=f"{STAGE_WORDS[stage]} ({len(found)})", **look)
    axes.set(xlim=(BOWL_Y[0] - 0.03, BOWL_Y[1] + 0.03), ylim=(BOWL_X[1] + 0.03, BOWL_X[0] - 0.03), aspect="equal")
    axes.set(xlabel="y [m]; camera below", ylabel="x [m]", title=f"{title}; robot above")
    axes.grid(visible=False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncol=2, fontsize=7)
    return figure


def _view_map(shown: ViewMap, colour: str, title: str) -> Figure:
    """Sectors of the camera's directions; rings are equally wide and labelled with their angle."""
    figure = Figure(figsize=(3.0, 3.0))
    axes = figure.add_subplot(projection="polar")
    outer = [ring for ring in shown.rings if ring > 0]
    for sector in shown.sectors:
        inner = 0.0 if sector.polar == 0 else 0.8 + outer.index(sector.polar)
        width, rate = 0.8 if sector.polar == 0 else 1.0, sector.placed / max(1, sector.n)
        axes.bar(
            np.radians(sector.azimuth), width, width=np.radians(sector_span(sector, shown)), bottom=inner, color=colour,
            alpha=max(rate, 0.001), edgecolor="none",
        )  # fmt: skip
        axes.bar(
            np.radians(sector.azimuth), width, width=np.radians(sector_span(sector, shown)), bottom=inner, color="none",
            edgecolor="#8c9194", linewidth=0.4,
        )  # fmt: skip
    axes.set_yticks([0.8 + i + 0.5 for i in range(len(outer))], [f"{ring:g}°" for ring in outer], fontsize=5.5)
    axes.set_xticks(np.radians((0, 90, 180, 270)), ["right", "higher", "left", "lower"])
    axes.set_rlabel_position(67.5)
    axes.set_title(f"{title}: deeper is more often placed", fontsize=8)
    axes.grid(visible=False)
    axes.spines["polar"].set_visible(False)
    return figure
