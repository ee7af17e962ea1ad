"""Maps of the episodes, as SVG: the table from above, and for moved cameras the sky of views."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import cos, radians, sin

from markupsafe import Markup, escape

from para.evaluation.records import EpisodeRecord
from para.worlds.libero.layout import BOWL_X, BOWL_Y
from para.worlds.world import Stage

_SCALE, _MARGIN = 500.0, 0.035  # px/m, m
_TOP, _BOTTOM = 20.0, 18.0


def table_map(training: Sequence[tuple[float, float]], episodes: Sequence[EpisodeRecord]) -> Markup:
    """Bowl positions from above, turned as the camera sees the table: the robot at the top, y to the right.

    Training positions [m] are dots on a tinted rectangle; each episode is a mark by its stage.
    """
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
    for record in sorted(episodes, key=lambda r: order[r.stage]):
        u, v = _place(record.condition.layout.bowl_xy)
        parts.append(f"<g>{_mark(record.stage, u, v)}<title>{escape(_words(record))}</title></g>")
    parts.append(f'<text class="where" x="{width / 2:.1f}" y="13">robot</text>')
    parts.append(f'<text class="where" x="{width / 2:.1f}" y="{height - 4:.1f}">camera</text>')
    counts = ", ".join(f"{sum(r.stage == s for r in episodes)} {s.value}" for s in Stage)
    return _svg(
        width, height, parts, f"Map of {len(training)} training positions and {len(episodes)} episodes: {counts}"
    )


def view_map(episodes: Sequence[EpisodeRecord]) -> Markup:
    """Camera directions around the training camera in the middle: distance is the angle turned, up is a higher camera.

    Each disc is filled in proportion to its success rate, which is written in it in percent.
    """
    by_view: dict[tuple[float, float], list[bool]] = defaultdict(list)
    for record in episodes:
        by_view[record.condition.layout.view].append(record.placed)
    furthest = max((polar for polar, _ in by_view), default=1.0) or 1.0
    size, reach, core = 335.0, 150.0, 26.0  # the rings begin outside a core, or the inner discs would overlap
    middle, parts = size / 2, []

    def radius_of(polar: float) -> float:
        return core + (reach - core) * polar / furthest if polar else 0.0

    for ring in sorted({polar for polar, _ in by_view} - {0.0}):
        parts.append(f'<circle class="ring" cx="{middle}" cy="{middle}" r="{radius_of(ring):.1f}"/>')
    for (polar, azimuth), placed in by_view.items():
        radius, rate = radius_of(polar), sum(placed) / len(placed)
        u, v = middle + radius * cos(radians(azimuth)), middle - radius * sin(radians(azimuth))
        words = f"{polar:g} deg towards {azimuth:g} deg: {sum(placed)} of {len(placed)}"
        parts.append(
            f'<g><circle class="view-back" cx="{u:.1f}" cy="{v:.1f}" r="8.2"/>'
            f'<circle class="view" cx="{u:.1f}" cy="{v:.1f}" r="8.2" fill-opacity="{rate:.2f}"/>'
            f'<text class="tiny{" on" if rate > 0.55 else ""}" x="{u:.1f}" y="{v + 2.7:.1f}">{100 * rate:.0f}</text>'
            f"<title>{words}</title></g>"
        )
    return _svg(size, size, parts, f"Success by camera direction, {len(episodes)} episodes")


def legend_mark(stage: Stage) -> Markup:
    """The map's mark of a stage, for a legend."""
    return Markup(f'<svg class="key" viewBox="0 0 12 12" aria-hidden="true">{_mark(stage, 6, 6)}</svg>')


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


def _words(record: EpisodeRecord) -> str:
    x, y = record.condition.layout.bowl_xy
    return f"{record.condition.label}: {record.stage.value}, {record.ended_by}, bowl at x {x:.3f}, y {y:.3f} m"


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> Markup:
    return Markup(
        f'<svg class="map" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
