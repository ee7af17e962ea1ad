"""The scripted expert among other objects, in drawers and on furniture: LIBERO's own episodes.

As on a bare table it grasps the bowl by its rim, but it looks first where fingers and hand have room, at the bowl and at the
plate, and carries the bowl over whatever stands in its way. What is around is measured straight down onto the collision
geometry, without the arm and without the bowl.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from para.types import Command
from para.worlds.libero.grasps import RimGrasp
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.motion import RETREAT, Motion, Variation

Heights = Callable[[np.ndarray], np.ndarray]
"""(N, 2) places [m] -> (N,) world z of the highest thing there [m]."""

MOTION_VERSION = 1
"""Raised whenever the motion among objects changes; the bare table's has a version of its own."""
RIM = RimGrasp()
"""How a bowl is held on a bare table; here the place on the rim is chosen."""
FINGERS_BELOW = 0.014
"""How far the fingers reach below the grip site, and room to spare [m]."""
HAND_ABOVE = 0.028
"""Underside of the hand above the grip site [m]."""
HANGING = 0.085
"""How far a bowl that is held by its rim hangs below the grip site, and room to spare [m]."""
ENOUGH = 0.015
"""More room than this is no better [m]."""
REACH = 0.80
"""Farthest grip site from the arm's base, in plan, at which the arm still turns the hand as it should [m]."""
CEILING = 1.30
"""Highest target [m], world: a little below the top of the workspace."""
CARRY = 1.12
"""Height at which hand and bowl move where nothing asks for more [m], world."""
LEAST_LIFT = 0.07
"""Least rise after the grasp, and least descent before it [m]."""
BASE_XY = np.array([-0.66, 0.0])
"""Where the arm stands [m], world."""


@dataclass(frozen=True)
class Grip:
    """Where the rim is held."""

    angle: float
    """Direction from the bowl's centre to the held place [rad], from world x towards y."""
    room: float
    """Least distance of fingers, hand and reach from what is in their way [m]; negative where something is."""

    @property
    def yaw(self) -> float:
        """Turn of the hand from its home pose, whose fingers travel along world y [rad], in (-pi / 2, pi / 2]."""
        return float(np.pi / 2 - (np.pi - self.angle) % np.pi)

    @property
    def offset(self) -> np.ndarray:
        """(3,) from the bowl's origin to the grip site [m], world."""
        return np.array([RIM.radius * np.cos(self.angle), RIM.radius * np.sin(self.angle), RIM.height])


ANGLES = tuple(np.deg2rad(a) for a in (90, 60, 120, 30, 150, -90, -60, -120, 0, 180, -30, -150))
"""Directions that are tried; the first of equals is taken. 90 deg is the side that is held on a bare table."""


def choose_grip(places: list[np.ndarray], heights: Heights) -> Grip:
    """The rim with most room at each of `places`: origins (3,) of the bowl [m], where it is taken and where it is put."""
    best = None
    for angle in ANGLES:
        room = min(_room(place, angle, heights) for place in places)
        if best is None or min(room, ENOUGH) > min(best.room, ENOUGH) + 1e-6:
            best = Grip(angle, room)
    assert best is not None
    return best


def _room(bowl: np.ndarray, angle: float, heights: Heights) -> float:
    site = bowl + Grip(angle, 0.0).offset
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])

    def over(out: list[float], wide: list[float]) -> float:
        return float(heights(np.array([site[:2] + o * along + w * across for o in out for w in wide])).max())

    fingers = over([-0.064, -0.05, -0.035, 0.035, 0.05, 0.064], [-0.011, 0.0, 0.011])
    hand = over([-0.105, -0.07, -0.035, 0.0, 0.035, 0.07, 0.105], [-0.035, 0.0, 0.035])
    reach = REACH - float(np.linalg.norm(site[:2] - BASE_XY))
    return min(site[2] - FINGERS_BELOW - fingers, site[2] + HAND_ABOVE - hand, reach)


def highest_between(start: np.ndarray, end: np.ndarray, half_width: float, heights: Heights) -> float:
    """World z of the highest thing in a strip on the table from `start` to `end` (2,) [m]."""
    way = end - start
    length = float(np.linalg.norm(way))
    side = np.array([-way[1], way[0]]) / max(length, 1e-9)
    line = start + np.linspace(0, 1, 2 + int(length / 0.02))[:, None] * way
    return float(heights(np.concatenate([line + w * side for w in (-half_width, 0.0, half_width)])).max())


def among_objects(world: LiberoWorld, motion: Motion, v: Variation) -> Iterator[Command]:
    """The commands of one episode."""
    start = motion.position()
    bowl, plate = world.carried_pose.translation, world.target_pose.translation
    put = plate + [0.0, 0.0, RIM.release_height]
    grip = choose_grip([bowl, put], world.heights)
    grasp = bowl + grip.offset
    free = highest_between(start[:2], grasp[:2], 0.1, world.heights) + FINGERS_BELOW + 0.02
    over = _height(grasp[2], v.hover, free)
    carry = highest_between(grasp[:2], put[:2], 0.06, world.heights) + HANGING

    yield from motion.turn(grip.yaw, 1.0)
    if over > start[2]:
        yield from motion.go(np.array([*start[:2], over]), 1.0, tolerance=0.03, corrections=0)
    yield from motion.go(np.array([*grasp[:2], over]), 1.0, tolerance=0.012, corrections=1)
    yield from motion.go(grasp, 1.0, tolerance=0.005, patience=14)
    yield from motion.hold(0.0, v.close_steps)
    held = motion.position()
    up = _height(held[2], v.lift, carry)
    yield from motion.go(np.array([*held[:2], up]), 0.0, tolerance=0.03, corrections=0)
    hanging = world.carried_pose.translation - motion.position()
    yield from motion.go(np.array([*(plate - hanging)[:2], up]), 0.0, tolerance=0.008)
    hanging = world.carried_pose.translation - motion.position()
    yield from motion.go(put - hanging, 0.0, tolerance=0.008, patience=14)
    yield from motion.hold(1.0, 8)
    left = motion.position()
    yield from motion.go(np.array([*left[:2], min(CEILING, left[2] + RETREAT)]), 1.0, tolerance=0.02, corrections=1)
    yield from motion.hold(1.0, 20)


def _height(grasp: float, rise: float, least: float) -> float:
    """World z to move at: `rise` above the grasp, from high places less, but never lower than `least`; all in [m]."""
    return min(CEILING, max(grasp + LEAST_LIFT, least, min(grasp + rise, CARRY)))
