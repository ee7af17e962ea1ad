"""How numbers are written on the page."""

from __future__ import annotations

from markupsafe import Markup, escape

from para.evaluation.statistics import Rate


def percent(value: float) -> str:
    """0.905 -> ``90``; what is not quite all is not shown as all."""
    if value != value:
        return "–"
    if 0 < value < 1:
        return str(min(99, max(1, round(100 * value))))
    return str(round(100 * value))


def interval(rate: Rate) -> str:
    """``82–91``, in percent."""
    return f"{100 * rate.low:.0f}–{100 * rate.high:.0f}"


def points(value: float) -> str:
    """A signed difference in points, with a true minus."""
    return f"{100 * value:+.0f}".replace("-", "−")


def p_value(value: float) -> str:
    """Three decimals, or that it is smaller."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def breakable(name: str) -> Markup:
    """A name that may go on in the next line after an underscore."""
    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))
