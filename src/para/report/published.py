"""The published project's own figures, for orientation only.

Another expert, layout and success rule make them no statistical comparators. They count LIBERO's bare success predicate.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A published rate [percent] and its number of episodes."""

    percent: int
    n: int | None
    """None where no number is given."""


@dataclass(frozen=True)
class PublishedPair:
    """The published method and its baseline on one axis."""

    ours: Published
    baseline: Published
    note: str = ""


_PARA, _REGRESSION = "para", "cls_regression"
COUNTERPARTS = (_PARA, _REGRESSION)
"""Our policies that the published method and its baseline are compared with."""


def _pair(ours: int, baseline: int, n: int | None = None, note: str = "") -> PublishedPair:
    return PublishedPair(Published(ours, n), Published(baseline, n), note)


PAIRS: dict[str, PublishedPair] = {
    "lr": _pair(54, 1, 100),
    "nf": _pair(46, 7, 100),
    "view": _pair(61, 24, 192, "57 / 18 without the training view"),
    "dense": _pair(55, 70, 192, "the published method loses"),
    "distractors": _pair(28, 10, None, "60 / 40 and 36 / 8 in other places"),
    "scaling_n32": _pair(54, 33),
    "scaling_n4": _pair(1, 2, None, "on a small grid"),
    "random10": _pair(19, 27, None, "the published method loses"),
    "inner": _pair(65, 19, None, "on a small grid"),
    "view_hemisphere": _pair(40, 10),
}
"""By axis; `scaling_n<N>` stands for N demonstrations."""

VIEW_CURVES: dict[str, tuple[tuple[float, int], ...]] = {
    _PARA: ((0, 88), (3.6, 79), (7.1, 62), (10.7, 63), (14.3, 62), (17.9, 62), (21.4, 33), (25, 38)),
    _REGRESSION: ((0, 67), (3.6, 54), (7.1, 42), (10.7, 17), (14.3, 12), (17.9, 0), (21.4, 0), (25, 0)),
}
"""(camera turned [deg], percent) of the published rings, 24 episodes each."""


def published(axis: str, policy: str) -> Published | None:
    """The published figure for our row's counterpart; its "ACT" is our `cls_regression`."""
    pair, method = PAIRS.get(axis), counterpart(policy)
    if pair is None or not method:
        return None
    return pair.ours if method == _PARA else pair.baseline


def published_curve(axis: str, policy: str) -> tuple[tuple[float, int], ...]:
    """Published (grade, percent) of the very policy that a row is named after; empty where there is none."""
    return VIEW_CURVES.get(policy, ()) if axis == "view" else ()


def counterpart(policy: str) -> str:
    """The published method that a policy of ours is compared with, or an empty string."""
    for method in COUNTERPARTS:
        if policy == method or policy.startswith(f"{method}_"):
            return method
    return ""
