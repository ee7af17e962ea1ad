"""Line charts as SVG that takes its colours from the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, log10

from markupsafe import Markup, escape

from para.report.figure_data import LossChart, Point, RateChart, Series

_WIDTH, _HEIGHT = 360.0, 230.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 10.0, 24.0, 36.0


def rate_chart(chart: RateChart) -> Markup:
    """Rates over x, with their intervals as bands."""
    xs = [p.x for s in chart.series for p in s.points] + [x for s in chart.series for x, _ in s.scatter]
    frame = _Frame(min(xs, default=0.0), max(xs, default=1.0), 0.0, 1.0, chart.log_x)
    parts = [frame.horizontal(y, f"{100 * y:.0f}") for y in (0, 0.25, 0.5, 0.75, 1.0)]
    parts += [frame.left("PLACE [%]"), *frame.bottom(chart.x_title, chart.ticks)]
    for s in chart.series:
        if len(s.points) > 1 and not s.dashed:
            there = [f"{frame.u(p.x):.1f} {frame.v(p.high):.1f}" for p in s.points]
            back = [f"{frame.u(p.x):.1f} {frame.v(p.low):.1f}" for p in reversed(s.points)]
            parts.append(f'<path class="band {s.style}" d="M{"L".join([*there, *back])}Z"/>')
    for s in chart.series:
        parts += [
            f'<circle class="draw {s.style}" cx="{frame.u(x):.1f}" cy="{frame.v(y):.1f}" r="2"/>' for x, y in s.scatter
        ]
        parts.append(_line(frame, s))
        if not s.dashed:
            parts += [_point(frame, s, p) for p in s.points]
    return _svg(parts, chart.label)


def loss_chart(chart: LossChart) -> Markup:
    """Positive values over x; nothing where there are none."""
    points = [p for s in chart.series for p in s.points if p.y > 0]
    if not points:
        return Markup("")
    low, high = log10(min(p.y for p in points)), log10(max(p.y for p in points))
    pad = 0.06 * (high - low) + 0.02
    frame = _Frame(min(p.x for p in points), max(p.x for p in points), low - pad, high + pad)
    parts = [frame.horizontal(log10(y), f"{y:g}") for y in _nice_logs(low, high)]
    parts += [frame.left("loss / first loss"), *frame.bottom(chart.x_title)]
    for s in chart.series:
        logs = tuple(Point(p.x, log10(p.y), p.low, p.high) for p in s.points if p.y > 0)
        parts.append(_line(frame, replace(s, points=logs)))
    return _svg(parts, chart.label)


def mark(style: str, u: float, v: float, r: float = 3.0) -> str:
    """The style's sign at (u, v), its shape apart from the others' as its colour is."""
    shapes = {
        "p1": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
        "p2": [(0, -1.25), (1.15, 0.9), (-1.15, 0.9)],
        "p3": [(0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)],
        "p4": [(0, 1.25), (1.15, -0.9), (-1.15, -0.9)],
        "p7": [(0, -1.2), (1.05, -0.6), (1.05, 0.6), (0, 1.2), (-1.05, 0.6), (-1.05, -0.6)],
        "p5": [(-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4), (1.2, 0.4), (0.4, 0.4), (0.4, 1.2), (-0.4, 1.2),
               (-0.4, 0.4), (-1.2, 0.4), (-1.2, -0.4), (-0.4, -0.4)],
        "p6": [(-1.15, -0.6), (-0.6, -1.15), (0, -0.55), (0.6, -1.15), (1.15, -0.6), (0.55, 0), (1.15, 0.6), (0.6, 1.15),
               (0, 0.55), (-0.6, 1.15), (-1.15, 0.6), (-0.55, 0)],
    }  # fmt: skip
    if style not in shapes:
        return f'<circle class="dot {style}" cx="{u:.1f}" cy="{v:.1f}" r="{r:g}"/>'
    corners = "L".join(f"{u + r * x:.1f} {v + r * y:.1f}" for x, y in shapes[style])
    return f'<path class="dot {style}" d="M{corners}Z"/>'


def legend_key(style: str) -> Markup:
    """A style's line and mark for a legend."""
    return Markup(
        f'<svg class="key wide" viewBox="0 0 22 12" aria-hidden="true"><path class="line {style}" d="M1 6H21"/>'
        f"{mark(style, 11, 6)}</svg>"
    )


def smooth(points: Sequence[tuple[float, float]], most: int = 120) -> list[tuple[float, float]]:
    """At most `most` points, each the mean of its neighbours."""
    if len(points) <= most:
        return list(points)
    size = len(points) / most
    groups = [points[floor(i * size) : max(floor(i * size) + 1, floor((i + 1) * size))] for i in range(most)]
    return [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]


@dataclass(frozen=True)
class _Frame:
    x0: float
    x1: float
    y0: float
    y1: float
    log_x: bool = False

    def u(self, x: float) -> float:
        x0, x1 = self.x0, self.x1
        if self.log_x:
            x, x0, x1 = log10(x), log10(x0), log10(x1)
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (x - x0) / ((x1 - x0) or 1.0)

    def v(self, y: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (y - self.y0) / ((self.y1 - self.y0) or 1.0)

    def horizontal(self, y: float, text: str) -> str:
        v = self.v(y)
        return (
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{v:.1f}" y2="{v:.1f}"/>'
            f'<text class="tick end" x="{_LEFT - 5}" y="{v + 3.3:.1f}">{text}</text>'
        )

    def left(self, title: str) -> str:
        return f'<text class="tick" x="0" y="11">{escape(title)}</text>'

    def bottom(self, title: str, ticks: Sequence[float] = ()) -> list[str]:
        parts = []
        for x in self._apart(ticks) if ticks else self._round():
            parts.append(
                f'<text class="tick mid" x="{self.u(x):.1f}" y="{_HEIGHT - _BOTTOM + 14}">{round(x, 9):g}</text>'
            )
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        parts.append(f'<text class="tick mid" x="{middle}" y="{_HEIGHT - 4}">{escape(title)}</text>')
        return parts

    def _round(self) -> list[float]:
        step = _nice_step((self.x1 - self.x0) / 4)
        x, found = ceil(self.x0 / step - 1e-9) * step, []
        while x <= self.x1 + 1e-9 * step:
            found.append(x)
            x += step
        return found

    def _apart(self, ticks: Sequence[float]) -> list[float]:
        """Without those that would touch the one before."""
        kept: list[float] = []
        for x in sorted(ticks):
            if not kept or self.u(x) - self.u(kept[-1]) >= 28:
                kept.append(x)
        return kept


def _point(frame: _Frame, series: Series, p: Point) -> str:
    words = f"{series.name} at {p.x:.3g}: {100 * p.y:.0f} % [{100 * p.low:.0f}, {100 * p.high:.0f}]"
    words += f", n = {p.n}" if p.n else ""
    return f"<g>{mark(series.style, frame.u(p.x), frame.v(p.y))}<title>{escape(words)}</title></g>"


def _line(frame: _Frame, series: Series) -> str:
    path = "L".join(f"{frame.u(p.x):.1f} {frame.v(p.y):.1f}" for p in series.points)
    style = f"{series.style} paper" if series.dashed else series.style
    return f'<path class="line {style}" d="M{path}"/>' if path else ""


def _nice_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, at least `rough`."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** floor(log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))


def _nice_logs(low: float, high: float) -> list[float]:
    """1-2-5 values between 10**low and 10**high; finer ones where these are too few."""
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        values = [m * 10.0**e for e in range(floor(low), ceil(high) + 1) for m in steps]
        inside = [v for v in values if low <= log10(v) <= high]
        if len(inside) >= 3:
            return inside
    return inside


def _svg(parts: Sequence[str], label: str) -> Markup:
    return Markup(
        f'<svg class="chart" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" aria-label="{escape(label)}">'
        f"{''.join(p for p in parts if p)}</svg>"
    )
