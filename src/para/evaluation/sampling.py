"""Random positions on the table that keep clear of others, and the layouts made of them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from para.evaluation.conditions import Condition, Split
from para.evaluation.plans import Arrangement, independent_at
from para.worlds.libero.layout import Region, rigid_layout

CLEARANCE = 0.01
"""Least distance of a test bowl from every demonstration, and of a validation bowl from every test bowl [m]."""
SEPARATION = 0.01
"""Least distance between two bowls of one set [m]."""

XY = tuple[float, float]


def sample_positions(
    seed: int,
    region: Region,
    n: int,
    avoid: Sequence[XY] = (),
    clearance: float = CLEARANCE,
    accept: Callable[[XY], bool] = lambda xy: True,
) -> list[XY]:
    """`n` distinct positions, uniform over what `avoid` and `accept` leave of `region`; fewer are a beginning of more."""
    if n < 0:
        raise ValueError(f"asked for {n} positions")
    rng = np.random.default_rng((seed, 5))
    others, chosen = np.array(avoid, float).reshape(-1, 2), np.empty((0, 2))
    for _ in range(1000 * max(n, 1)):
        if len(chosen) == n:
            break
        point = np.array([region.sample(rng)])
        xy = float(point[0, 0]), float(point[0, 1])
        if accept(xy) and _distance(point, others) >= clearance and _distance(point, chosen) >= SEPARATION:
            chosen = np.concatenate([chosen, point])
    if len(chosen) < n:
        raise ValueError(f"only {len(chosen)} of {n} positions fit into {region} with {clearance} m clearance")
    return [(float(x), float(y)) for x, y in chosen]


def beyond(region: Region | None, margin: float) -> Callable[[XY], bool]:
    """Says whether a position lies at least `margin` [m] outside `region`; always true for None."""
    return lambda xy: region is None or distance_outside(xy, region) >= margin


def near_positions(seed: int, centres: Sequence[XY], n: int, radius: float = 0.015) -> list[XY]:
    """`n` positions, each uniform in the disc of `radius` [m] about one of `centres`, which take turns."""
    rng, found = np.random.default_rng((seed, 12)), []
    for i in range(n):
        r, angle = radius * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        x, y = centres[i % len(centres)]
        found.append((float(x + r * np.cos(angle)), float(y + r * np.sin(angle))))
    return found


def condition(
    axis: str, split: Split, index: int, bowl_xy: XY, arrangement: Arrangement, region: Region, view: XY = (0.0, 0.0)
) -> Condition:
    """The condition with its bowl there; an independent plate is drawn from `region`, which is the bowls' own."""
    seed = stable_seed(axis, split, index)
    layout = rigid_layout(bowl_xy, seed) if arrangement == "rigid" else independent_at(bowl_xy, region, seed)
    return Condition(axis, split, index, seed, replace(layout, view=view))


def stable_seed(*words: object) -> int:
    """The same 32-bit number for the same words, on every machine and in every version of Python."""
    return zlib.crc32("/".join(map(str, words)).encode())


def distance_outside(xy: XY, region: Region) -> float:
    """How far a point lies outside a rectangle [m]; 0 inside."""
    dx = max(region.x[0] - xy[0], 0.0, xy[0] - region.x[1])
    dy = max(region.y[0] - xy[1], 0.0, xy[1] - region.y[1])
    return float(np.hypot(dx, dy))


def distance_to_nearest(xy: XY, positions: Sequence[XY]) -> float:
    """Distance [m] to the nearest of `positions`."""
    return _distance(np.array([xy]), np.array(positions, float))


def _distance(point: np.ndarray, others: np.ndarray) -> float:
    return float(np.linalg.norm(others - point, axis=1).min()) if len(others) else float("inf")
