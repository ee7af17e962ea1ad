"""The published project's own figures, for orientation only.

Another expert, layout and success rule make them no statistical comparators. They count LIBERO's bare success predicate.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A published rate [percent] and its number of episodes."""

    percent: int
    n: int


_PARA, _REGRESSION = "para", "cls_regression"

_FIGURES: dict[tuple[str, str], Published] = {
    ("lr", _PARA): Published(54, 100),
    ("lr", _REGRESSION): Published(1, 100),
    ("nf", _PARA): Published(46, 100),
    ("nf", _REGRESSION): Published(7, 100),
    ("view", _PARA): Published(61, 192),
    ("view", _REGRESSION): Published(24, 192),
    ("dense", _PARA): Published(55, 192),
    ("dense", _REGRESSION): Published(70, 192),
}

VIEW_CURVES: dict[str, tuple[tuple[float, int], ...]] = {
    _PARA: ((0, 88), (3.6, 79), (7.1, 62), (10.7, 63), (14.3, 62), (17.9, 62), (21.4, 33), (25, 38)),
    _REGRESSION: ((0, 67), (3.6, 54), (7.1, 42), (10.7, 17), (14.3, 12), (17.9, 0), (21.4, 0), (25, 0)),
}
"""(camera turned [deg], percent) of the published rings, 24 episodes each."""


def published(axis: str, policy: str) -> Published | None:
    """The published figure for our row's counterpart; its "ACT" is our `cls_regression`."""
    return _FIGURES.get((axis, counterpart(policy)))


def counterpart(policy: str) -> str:
    """The published method that a policy of ours is compared with, or an empty string."""
    for method in (_PARA, _REGRESSION):
        if policy == method or policy.startswith(f"{method}_"):
            return method
    return ""
