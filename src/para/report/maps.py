"""Maps of the episodes, as SVG: the table from above, and for moved cameras the sky of views."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians, sin

from markupsafe import Markup, escape

from para.report.figure_data import Map, Mark, Sector, TableMap, ViewMap, sector_span
from para.worlds.libero.layout import BOWL_X, BOWL_Y
from para.worlds.world import Stage

_SCALE, _MARGIN = 500.0, 0.035  # px/m, m
_TOP, _BOTTOM = 20.0, 18.0
_SIZE, _REACH = 335.0, 150.0
STAGE_WORDS = {Stage.PLACE: "placed", Stage.GRASP: "grasped, not placed", Stage.MISS: "not grasped"}


def draw_map(what: Map) -> Markup:
    """Whichever map it is."""
    return view_map(what) if isinstance(what, ViewMap) else table_map(what)


def table_map(shown: TableMap) -> Markup:
    """Bowl positions from above, turned as the camera sees the table: the robot at the top, y to the right.

    Training positions are dots on a tinted rectangle; each episode is a mark by its stage.
    """
    training, marks = shown.training, shown.marks
    width = (BOWL_Y[1] - BOWL_Y[0] + 2 * _MARGIN) * _SCALE
    height = (BOWL_X[1] - BOWL_X[0] + 2 * _MARGIN) * _SCALE + _TOP + _BOTTOM
    parts = [
        f'<rect class="table" x="0.5" y="{_TOP}" width="{width - 1:.1f}" height="{height - _TOP - _BOTTOM:.1f}" rx="6"/>'
    ]
    if training:
        xs, ys = [p[0] for p in training], [p[1] for p in training]
        (left, top), (right, bottom) = _place((min(xs), min(ys))), _place((max(xs), max(ys)))
        parts.append(
            f'<rect class="seen" x="{left - 7:.1f}" y="{top - 7:.1f}" width="{right - left + 14:.1f}" '
            f'height="{bottom - top + 14:.1f}" rx="4"/>'
        )
        dots = (_place(xy) for xy in training)
        parts += [f'<circle class="demo" cx="{u:.1f}" cy="{v:.1f}" r="1.5"/>' for u, v in dots]
    order = {Stage.PLACE: 0, Stage.GRASP: 1, Stage.MISS: 2}  # failures on top, so that none is hidden
    for mark in sorted(marks, key=lambda m: order[m.stage]):
        u, v = _place(mark.xy)
        parts.append(f"<g>{_mark(mark.stage, u, v)}<title>{escape(_words(mark))}</title></g>")
    parts.append(f'<text class="where" x="{width / 2:.1f}" y="13">robot</text>')
    parts.append(f'<text class="where" x="{width / 2:.1f}" y="{height - 4:.1f}">camera</text>')
    counts = ", ".join(f"{sum(m.stage == s for m in marks)} {s.value}" for s in Stage)
    return _svg(width, height, parts, f"Map of {len(training)} training positions and {len(marks)} episodes: {counts}")


def view_map(shown: ViewMap) -> Markup:
    """Camera directions around the training camera in the middle: outer rings are turned further, up is a higher camera.

    Each sector is filled in proportion to its success rate; rings are equally wide and labelled with their angle.
    """
    rings, middle = shown.rings, _SIZE / 2
    core = 14.0 if rings and rings[0] == 0 else 20.0
    outer = [ring for ring in rings if ring > 0]
    wide = (_REACH - core) / max(1, len(outer))
    parts = [f'<circle class="table" cx="{middle}" cy="{middle}" r="{_REACH + 5:.1f}"/>']
    for sector in shown.sectors:
        words = f"{sector.polar:g} deg towards {sector.azimuth:g} deg: {sector.placed} of {sector.n}"
        inner = core + wide * outer.index(sector.polar) if sector.polar > 0 else 0.0
        shape = _sector(sector, sector_span(sector, shown), inner, inner + (wide if sector.polar > 0 else core), middle)
        rate = sector.placed / max(1, sector.n)
        parts.append(
            f'<g><path class="view-back" d="{shape}"/><path class="view" d="{shape}" fill-opacity="{rate:.2f}"/>'
            f"<title>{words}</title></g>"
        )
    for i, ring in enumerate(outer):
        radius, angle = core + wide * (i + 0.5), radians(67.5)
        u, v = middle + radius * cos(angle), middle - radius * sin(angle)
        parts.append(f'<text class="ring-label" x="{u:.1f}" y="{v + 3:.1f}">{ring:g}°</text>')
    parts.append(f'<text class="where" x="{middle}" y="9">camera higher</text>')
    parts.append(f'<text class="where" x="{middle}" y="{_SIZE - 2:.0f}">camera lower</text>')
    count = sum(s.n for s in shown.sectors)
    return _svg(_SIZE, _SIZE, parts, f"Success by camera direction, {count} episodes")


def legend_mark(stage: Stage) -> Markup:
    """The map's mark of a stage, for a legend."""
    return Markup(f'<svg class="key" viewBox="0 0 12 12" aria-hidden="true">{_mark(stage, 6, 6)}</svg>')


def _sector(sector: Sector, span: float, inner: float, outer: float, middle: float) -> str:
    """SVG path of an annular sector, a hair smaller than its place."""
    if sector.polar == 0:
        r = outer - 1
        return (
            f"M{middle - r:.1f} {middle:.1f}a{r:.1f} {r:.1f} 0 1 0 {2 * r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {-2 * r:.1f} 0Z"
        )
    inner, outer = inner + 0.6, outer - 0.6
    a, b = sector.azimuth - span / 2, sector.azimuth + span / 2

    def at(radius: float, degrees: float) -> str:
        trim = 0.6 / radius  # [rad]: the gap between neighbours is as wide at every radius
        angle = radians(degrees) + (trim if degrees == a else -trim)
        return f"{middle + radius * cos(angle):.1f} {middle - radius * sin(angle):.1f}"

    return (
        f"M{at(outer, a)}A{outer:.1f} {outer:.1f} 0 0 0 {at(outer, b)}"
        f"L{at(inner, b)}A{inner:.1f} {inner:.1f} 0 0 1 {at(inner, a)}Z"
    )


def _place(xy: tuple[float, float]) -> tuple[float, float]:
    """World (x, y) [m] -> SVG (u, v)."""
    x, y = xy
    return (y - BOWL_Y[0] + _MARGIN) * _SCALE, (x - BOWL_X[0] + _MARGIN) * _SCALE + _TOP


def _mark(stage: Stage, u: float, v: float) -> str:
    if stage == Stage.PLACE:
        return f'<circle class="place" cx="{u:.1f}" cy="{v:.1f}" r="3.4"/>'
    if stage == Stage.GRASP:
        return f'<circle class="grasp" cx="{u:.1f}" cy="{v:.1f}" r="3.1"/>'
    a, b, c, d = u - 2.9, v - 2.9, u + 2.9, v + 2.9
    return f'<path class="miss" d="M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}M{a:.1f} {d:.1f}L{c:.1f} {b:.1f}"/>'


def _words(mark: Mark) -> str:
    x, y = mark.xy
    return f"{mark.label}: {mark.stage.value}, {mark.ended_by}, bowl at x {x:.3f}, y {y:.3f} m"


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> Markup:
    return Markup(
        f'<svg class="map" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
