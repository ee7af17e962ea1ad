"""Which demonstrations a policy is trained on: cells of one 16 x 16 grid, in an order whose beginnings spread out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from para.worlds.libero.layout import MIN_SEPARATION, Layout, Region, rigid_layout, training_grid

GRID = 16
"""Rows (x) and columns (y) of the training grid."""

Arrangement = Literal["rigid", "independent"]
"""``rigid``: the plate keeps its place beside the bowl. ``independent``: both are placed on their own."""


@dataclass(frozen=True)
class Plan:
    """A set of demonstrations, fixed to the last number."""

    name: str
    cells: tuple[tuple[int, int], ...]
    """(row, column) in the grid: row 0 is nearest to the robot, column 0 leftmost in the image."""
    arrangement: Arrangement = "rigid"

    @property
    def region(self) -> Region:
        """The rectangle that the bowls span [m]."""
        xy = np.array(self.positions())
        (x0, y0), (x1, y1) = xy.min(0).tolist(), xy.max(0).tolist()
        return Region((x0, x1), (y0, y1))

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
            return rigid_layout(bowl_xy, seed)
        return independent_at(bowl_xy, self.region, seed)


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

PLANS = {
    plan.name: plan
    for plan in (LEFT, LEFT_OUTER, LEFT_INDEPENDENT, LEFT_OUTER_INDEPENDENT, NEAR, NEAR_OUTER, DEFAULT64)
}
