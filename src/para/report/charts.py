"""Line charts as SVG that takes its colours from the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 360.0, 230.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 10.0, 12.0, 36.0


@dataclass(frozen=True)
class Point:
    """A value with its interval."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Series:
    """One line."""

    name: str
    style: str
    """CSS class that sets --c, e.g. ``p0``."""
    points: tuple[Point, ...]
    dashed: bool = False
    """Shown without band and dots: somebody else's figures."""


def rate_chart(series: Sequence[Series], x_title: str, label: str) -> Markup:
    """Rates in [0, 1] over x, with their intervals as bands."""
    xs = [p.x for s in series for p in s.points]
    frame = _Frame(min(xs, default=0.0), max(xs, default=1.0), 0.0, 1.0)
    parts = [frame.horizontal(y, f"{100 * y:.0f}") for y in (0, 0.25, 0.5, 0.75, 1.0)]
    parts += frame.bottom(x_title)
    for s in series:
        if len(s.points) > 1 and not s.dashed:
            there = [f"{frame.u(p.x):.1f} {frame.v(p.high):.1f}" for p in s.points]
            back = [f"{frame.u(p.x):.1f} {frame.v(p.low):.1f}" for p in reversed(s.points)]
            parts.append(f'<path class="band {s.style}" d="M{"L".join([*there, *back])}Z"/>')
    for s in series:
        parts.append(_line(frame, s))
        if not s.dashed:
            parts += [
                f'<circle class="dot {s.style}" cx="{frame.u(p.x):.1f}" cy="{frame.v(p.y):.1f}" r="2.6">'
                f"<title>{escape(s.name)} at {p.x:.3g}: {100 * p.y:.0f} % [{100 * p.low:.0f}, {100 * p.high:.0f}]</title>"
                "</circle>"
                for p in s.points
            ]
    return _svg(parts, label)


def loss_chart(series: Sequence[Series], x_title: str, label: str) -> Markup:
    """Positive values over x, on a logarithmic scale."""
    points = [p for s in series for p in s.points if p.y > 0]
    if not points:
        return Markup("")
    low, high = log10(min(p.y for p in points)), log10(max(p.y for p in points))
    pad = 0.06 * (high - low) + 0.02
    frame = _Frame(min(p.x for p in points), max(p.x for p in points), low - pad, high + pad)
    parts = [frame.horizontal(log10(y), f"{y:g}") for y in _nice_logs(low, high)]
    parts += frame.bottom(x_title)
    for s in series:
        logs = tuple(Point(p.x, log10(p.y), p.low, p.high) for p in s.points if p.y > 0)
        parts.append(_line(frame, Series(s.name, s.style, logs, s.dashed)))
    return _svg(parts, label)


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

    def u(self, x: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (x - self.x0) / ((self.x1 - self.x0) or 1.0)

    def v(self, y: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (y - self.y0) / ((self.y1 - self.y0) or 1.0)

    def horizontal(self, y: float, text: str) -> str:
        v = self.v(y)
        return (
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{v:.1f}" y2="{v:.1f}"/>'
            f'<text class="tick end" x="{_LEFT - 5}" y="{v + 3.3:.1f}">{text}</text>'
        )

    def bottom(self, title: str) -> list[str]:
        parts, step = [], _nice_step((self.x1 - self.x0) / 4)
        x = ceil(self.x0 / step - 1e-9) * step
        while x <= self.x1 + 1e-9 * step:
            parts.append(
                f'<text class="tick mid" x="{self.u(x):.1f}" y="{_HEIGHT - _BOTTOM + 14}">{round(x, 9):g}</text>'
            )
            x += step
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        parts.append(f'<text class="tick mid" x="{middle}" y="{_HEIGHT - 4}">{escape(title)}</text>')
        return parts


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
