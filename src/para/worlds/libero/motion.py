"""What the scripted expert's ways are made of: straight lines of the hand, and what varies from one episode to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from para.geometry import Pose, rotation_from_vector, turn_towards
from para.types import Command
from para.worlds.libero.libero_world import LiberoWorld

RETREAT = 0.10
"""Straight up after letting go [m]; PLACE asks for 5 cm from what was carried."""
TURN = 0.12
"""Largest turn of the target in one control step [rad]."""
MAX_CORRECTION = 0.06
"""Bound on what may be added to a target to remove the controller's steady-state error [m]."""


@dataclass(frozen=True)
class Variation:
    """What differs from one demonstration to the next; drawn from ``Layout.seed``."""

    speed: float
    """Way of the target in one control step [m]."""
    hover: float
    """Height over the grasp before the descent [m]."""
    lift: float
    """Height gained after the grasp [m]."""
    lean: float
    """Sideways offset of the hover point along x [m], so that descents are not all vertical."""
    close_steps: int
    """Control steps given to the fingers to close."""

    @classmethod
    def draw(cls, seed: int) -> Variation:
        """The variation of `seed`."""
        rng = np.random.default_rng((seed, 3))
        return cls(
            speed=float(rng.uniform(0.015, 0.021)),
            hover=float(rng.uniform(0.08, 0.12)),
            lift=float(rng.uniform(0.14, 0.18)),
            lean=float(rng.uniform(-0.015, 0.015)),
            close_steps=int(rng.integers(11, 14)),
        )


class Motion:
    """Straight lines at a bounded speed, with correction of the arm's steady-state error at their ends. From the first step
    on the hand turns to its one attitude, at a bounded rate."""

    def __init__(self, world: LiberoWorld, start: Pose, attitude: np.ndarray, speed: float) -> None:
        self._world, self._speed = world, speed
        self._rotation, self._target = start.rotation, start.translation.copy()
        self._attitude = attitude

    def position(self) -> np.ndarray:
        """(3,) measured end-effector position [m], world."""
        return self._world.state().T_world_ee.translation

    def _command(self, opening: float, correction: np.ndarray | float = 0.0) -> Command:
        self._rotation = turn_towards(self._rotation, self._attitude, TURN)
        return Command(Pose(self._rotation, self._target + correction), opening)

    def hold(self, opening: float, steps: int) -> Iterator[Command]:
        """Stay at the present target."""
        for _ in range(steps):
            yield self._command(opening)

    def turn(self, yaw: float, opening: float) -> Iterator[Command]:
        """Turn the hand by `yaw` [rad] about the vertical at its place, and keep to that attitude from then on."""
        self._attitude = rotation_from_vector(np.array([0.0, 0.0, yaw])) @ self._rotation
        while self._rotation is not self._attitude:
            yield self._command(opening)

    def go(
        self, goal: np.ndarray, opening: float, tolerance: float = 0.006, patience: int = 12, corrections: int = 2
    ) -> Iterator[Command]:
        """Move to `goal` (3,) [m]; wait up to `patience` steps for the arm, then shift the target by what is missing.

        The shift happens at most `corrections` times: a continuous integral winds up at the edge of the reach.
        """
        while (left := np.linalg.norm(goal - self._target)) > self._speed:
            self._target = self._target + (goal - self._target) / left * self._speed
            yield self._command(opening)
        self._target = np.array(goal, float)
        while self._rotation is not self._attitude:
            yield self._command(opening)
        correction = np.zeros(3)
        for _ in range(corrections + 1):
            before = self.position()
            for waited in range(patience):
                yield self._command(opening, correction)
                now = self.position()
                if np.linalg.norm(now - goal) < tolerance or (waited > 2 and np.linalg.norm(now - before) < 0.0015):
                    break
                before = now
            missing = goal - self.position()
            if np.linalg.norm(missing) < tolerance:
                break
            correction = np.clip(correction + missing, -MAX_CORRECTION, MAX_CORRECTION)
        self._target = self._target + correction
