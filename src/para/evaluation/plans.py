"""Which demonstrations a policy is trained on: cells of one 16 x 16 grid, in an order whose beginnings spread out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, Protocol

import numpy as np

from para.worlds.libero.camera import is_scored
from para.worlds.libero.clutter import furnish
from para.worlds.libero.layout import MIN_SEPARATION, TABLE, Layout, Region, rigid_layout, training_grid

GRID = 16
"""Rows (x) and columns (y) of the training grid."""

Arrangement = Literal["rigid", "independent"]
"""``rigid``: the plate keeps its place beside the bowl. ``independent``: both are placed on their own."""


class Demonstrations(Protocol):
    """A set of demonstrations, fixed to the last number: what `Plan` and `ListedPlan` have in common.

    Axes whose plans have the same `name` are trained on the same demonstrations: one training serves them all.
    """

    @property
    def name(self) -> str:
        """Tells it from every other plan."""

    @property
    def arrangement(self) -> Arrangement:
        """How bowl and plate stand to each other."""

    @property
    def region(self) -> Region:
        """The rectangle that the bowls span [m]."""

    def __len__(self) -> int:
        """How many."""

    def positions(self) -> list[tuple[float, float]]:
        """Bowl positions [m]."""

    def layouts(self, n: int | None = None, draw: int = 0) -> list[Layout]:
        """All layouts, or the first `n` of an order that spreads out and begins where `draw` says."""


@dataclass(frozen=True)
class Plan:
    """Cells of the training grid."""

    name: str
    cells: tuple[tuple[int, int], ...]
    """(row, column) in the grid: row 0 is nearest to the robot, column 0 leftmost in the image."""
    arrangement: Arrangement = "rigid"
    scene: Literal["clean", "full"] = "clean"
    """``full``: among all of the task's objects, see `clutter.furnish`."""

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def region(self) -> Region:
        """The rectangle that the bowls span [m]."""
        return _spanned(self.positions())

    def positions(self) -> list[tuple[float, float]]:
        """Bowl positions [m], in the order of `cells`."""
        grid = training_grid(GRID, GRID)
        return [grid[row * GRID + column] for row, column in self.cells]

    def layouts(self, n: int | None = None, draw: int = 0) -> list[Layout]:
        """The demonstrations' layouts; `n` of them are the first n of an order that spreads out.

        A cell has the same layout in every plan of one arrangement and extent, so plans can share demonstrations.
        Other draws start the order in another cell: the smaller sets of ``scaling``.
        """
        if n is not None and not 1 <= n <= len(self.cells):
            raise ValueError(f"plan {self.name!r} has {len(self.cells)} demonstrations; asked for {n}")
        positions = self.positions()
        order = spread_order(positions, draw)[:n]
        return [self._layout(self.cells[i], positions[i]) for i in order]

    def _layout(self, cell: tuple[int, int], bowl_xy: tuple[float, float]) -> Layout:
        seed = 1000 + cell[0] * GRID + cell[1]
        if self.arrangement == "rigid":
            return in_scene(rigid_layout(bowl_xy, seed), self.scene)
        return in_scene(independent_at(bowl_xy, self.region, seed), self.scene)


@dataclass(frozen=True)
class ListedPlan:
    """Demonstrations given one by one: off the grid, from cameras of their own, or a part of another plan."""

    name: str
    demonstrations: tuple[Layout, ...]
    arrangement: Arrangement = "rigid"

    def __len__(self) -> int:
        return len(self.demonstrations)

    @property
    def region(self) -> Region:
        """The rectangle that the bowls span [m]."""
        return _spanned(self.positions())

    def positions(self) -> list[tuple[float, float]]:
        """Bowl positions [m], in the order of `demonstrations`."""
        return [layout.bowl_xy for layout in self.demonstrations]

    def layouts(self, n: int | None = None, draw: int = 0) -> list[Layout]:
        """As listed; the first `n` of an order that spreads out where fewer are asked for, or another draw."""
        if n is not None and not 1 <= n <= len(self.demonstrations):
            raise ValueError(f"plan {self.name!r} has {len(self.demonstrations)} demonstrations; asked for {n}")
        if n is None and draw == 0:
            return list(self.demonstrations)
        return [self.demonstrations[i] for i in spread_order(self.positions(), draw)[:n]]


def in_scene(layout: Layout, scene: Literal["clean", "full"]) -> Layout:
    """The same bowl and plate in another scene; ``full`` puts the task's other objects around them."""
    if scene == "clean":
        return layout
    return replace(layout, scene=scene, objects=furnish(layout.bowl_xy, layout.plate_xy))


def _spanned(positions: list[tuple[float, float]]) -> Region:
    xy = np.array(positions)
    (x0, y0), (x1, y1) = xy.min(0).tolist(), xy.max(0).tolist()
    return Region((x0, x1), (y0, y1))


def independent_at(bowl_xy: tuple[float, float], region: Region, seed: int) -> Layout:
    """The bowl as given, the plate anywhere in `region` that is far enough from it, and a random bowl yaw."""
    rng = np.random.default_rng((seed, 3))
    for _ in range(10_000):
        plate_xy = region.sample(rng)
        if np.hypot(bowl_xy[0] - plate_xy[0], bowl_xy[1] - plate_xy[1]) >= MIN_SEPARATION:
            return Layout(bowl_xy, plate_xy, bowl_yaw=float(rng.uniform(-np.pi, np.pi)), seed=seed)
    raise ValueError(f"no place for a plate in {region} beside a bowl at {bowl_xy}")


def spread_order(positions: list[tuple[float, float]], draw: int = 0) -> list[int]:
    """Farthest-first order: each next position is the one farthest from all before it. Draw 0 starts in the middle."""
    xy = np.array(positions)
    if draw == 0:
        first = int(np.argmin(np.linalg.norm(xy - xy.mean(0), axis=1)))
    else:
        first = int(np.random.default_rng((draw, 4)).integers(len(xy)))
    order, distance = [first], np.linalg.norm(xy - xy[first], axis=1)
    while len(order) < len(xy):
        distance[order] = -1.0
        order.append(int(np.argmax(distance.round(9))))
        distance = np.minimum(distance, np.linalg.norm(xy - xy[order[-1]], axis=1))
    return order


def _cells(keep: Callable[[int, int], bool]) -> tuple[tuple[int, int], ...]:
    return tuple((row, column) for row in range(GRID) for column in range(GRID) if keep(row, column))


_EIGHT = frozenset(np.linspace(0, GRID - 1, 8).round().astype(int).tolist())
"""0 2 4 6 9 11 13 15: eight of sixteen lines, both edges among them."""

LEFT = Plan("left", _cells(lambda row, column: column < 8))
LEFT_OUTER = Plan("left_outer", _cells(lambda row, column: column < 5))
LEFT_INDEPENDENT = Plan("left_independent", LEFT.cells, "independent")
LEFT_OUTER_INDEPENDENT = Plan("left_outer_independent", LEFT_OUTER.cells, "independent")
NEAR = Plan("near", _cells(lambda row, column: row < 8))
NEAR_OUTER = Plan("near_outer", _cells(lambda row, column: row < 5))
DEFAULT64 = Plan("default64", _cells(lambda row, column: row in _EIGHT and column in _EIGHT))

LEFT_FULL = Plan("left_full", LEFT.cells, scene="full")
LEFT_OUTER_FULL = Plan("left_outer_full", LEFT_OUTER.cells, scene="full")
INNER16 = Plan("inner16", _cells(lambda row, column: 6 <= row < 10 and 6 <= column < 10))
UNTEACHABLE = (15, 0)
"""The far left corner: the expert fails there, so that a small set with this cell would lack a demonstration."""
GRID255 = Plan("grid255", _cells(lambda row, column: (row, column) != UNTEACHABLE))


def grid_subset(n: int, draw: int) -> ListedPlan:
    """`n` demonstrations of the whole grid; of one draw, smaller sets are the beginnings of larger ones."""
    return ListedPlan(f"grid255_n{n}_d{draw}", _drawn_grid(draw)[:n])


@cache
def _drawn_grid(draw: int) -> tuple[Layout, ...]:
    return tuple(GRID255.layouts(None, draw))


RANDOM_DRAWS = 5
"""Sets of ``random10``."""


def random_set(draw: int, n: int = 10) -> ListedPlan:
    """`n` positions drawn uniformly over the table, without any order to them."""
    rng = np.random.default_rng((draw, 7))
    seeds = range(2000 + 100 * draw, 2000 + 100 * draw + n)
    return ListedPlan(f"random{n}_d{draw}", tuple(rigid_layout(TABLE.sample(rng), seed) for seed in seeds))


HALF_DISC = 25.0
"""Largest polar angle of a camera of ``view_hemisphere`` [deg]."""


def left_view(seed: int, bowl_xy: tuple[float, float], edge: float = 0.0) -> tuple[float, float]:
    """(polar, azimuth) [deg] of a scored camera in the left half of the disc of views, uniform over its area.

    `edge`: at least so far left of the training camera, counted as polar x cos(azimuth) <= -`edge` [deg].
    """
    rng = np.random.default_rng((seed, 8))
    for _ in range(1000):
        polar, azimuth = HALF_DISC * float(np.sqrt(rng.uniform())), float(rng.uniform(90.0, 270.0))
        if polar * np.cos(np.radians(azimuth)) <= -edge and is_scored(polar, azimuth, bowl_xy):
            return polar, azimuth
    raise ValueError(f"no scored camera {edge} deg or more to the left sees a bowl at {bowl_xy}")


def _hemisphere(name: str, edge: float) -> ListedPlan:
    found = [replace(layout, view=left_view(layout.seed, layout.bowl_xy, edge)) for layout in DEFAULT64.layouts()]
    return ListedPlan(name, tuple(found))


OUTER_EDGE = 10.0
"""The cameras of the validation plan of ``view_hemisphere`` stand at least so far to the left [deg]."""
HEMISPHERE64 = _hemisphere("hemisphere64", 0.0)
HEMISPHERE64_OUTER = _hemisphere("hemisphere64_outer", OUTER_EDGE)
