"""The scripted expert: grasps the bowl by its rim, carries it onto the plate, lets go and leaves.

Privileged: it reads the objects' true positions. It is the source of demonstrations and the row ``expert`` of the
tables; a policy never sees what it sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from para.geometry import Pose, rotation_from_vector
from para.types import Command, Observation, RobotState
from para.worlds.libero.among_objects import among_objects
from para.worlds.libero.libero_world import LiberoWorld

TEACHER_VERSION = 3
"""Raised whenever the motion changes, so that no demonstration set mixes two teachers."""
RIM_RADIUS = 0.049
"""Distance of the bowl's rim from its centre [m]."""
GRASP_HEIGHT = 0.034
"""Grip site above the bowl's origin while grasping [m]."""
RELEASE_HEIGHT = 0.012
"""Bowl's origin above the plate's when letting go [m]."""
RETREAT = 0.10
"""Straight up after letting go [m]; PLACE asks for 5 cm from the bowl."""
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


class ScriptedTeacher:
    """An `Agent` that needs the world it acts in. Gives None when it is through."""

    def __init__(self, world: LiberoWorld) -> None:
        self._world = world
        self._plan: Iterator[Command] = iter(())

    def reset(self) -> None:
        """Plan the world's running episode."""
        self._plan = self._script()

    def act(self, state: RobotState, observe: Callable[[], Observation]) -> Command | None:
        """The script's next command; never renders."""
        return next(self._plan, None)

    # ---- the script --------------------------------------------------------------------------------------------------

    def _script(self) -> Iterator[Command]:
        world, v = self._world, Variation.draw(self._world.layout.seed)
        start = world.state().T_world_ee
        motion = _Motion(world, start.rotation, start.translation, v.speed)
        if world.layout.official is not None:
            yield from among_objects(world, motion, v)
            return
        bowl, plate = world.carried_pose.translation, world.target_pose.translation
        # The same rim wherever the bowl stands, as the published demonstrations are one motion shifted: a side chosen by
        # place would be a rule about the table that no policy can know beyond its demonstrations.
        grasp = bowl + [0.0, RIM_RADIUS, GRASP_HEIGHT]

        yield from motion.go(grasp + [v.lean, 0.0, v.hover], 1.0, tolerance=0.012, corrections=1)
        yield from motion.go(grasp, 1.0, tolerance=0.005, patience=14)
        yield from motion.hold(0.0, v.close_steps)
        up = motion.position() + [0.0, 0.0, v.lift]
        yield from motion.go(up, 0.0, tolerance=0.03, corrections=0)
        # The bowl hangs from its rim, so that each target is corrected by where it really is in the hand.
        hanging = world.carried_pose.translation - motion.position()
        yield from motion.go(np.array([*(plate - hanging)[:2], up[2]]), 0.0, tolerance=0.008)
        hanging = world.carried_pose.translation - motion.position()
        yield from motion.go(plate - hanging + [0.0, 0.0, RELEASE_HEIGHT], 0.0, tolerance=0.008, patience=14)
        yield from motion.hold(1.0, 8)
        yield from motion.go(motion.position() + [0.0, 0.0, RETREAT], 1.0, tolerance=0.02, corrections=1)
        yield from motion.hold(1.0, 20)


class _Motion:
    """Straight lines at a bounded speed, with correction of the arm's steady-state error at their ends."""

    def __init__(self, world: LiberoWorld, rotation: np.ndarray, position: np.ndarray, speed: float) -> None:
        self._world, self._rotation, self._speed = world, rotation, speed
        self._target = position.copy()

    def position(self) -> np.ndarray:
        """(3,) measured end-effector position [m], world."""
        return self._world.state().T_world_ee.translation

    def _command(self, opening: float, correction: np.ndarray | float = 0.0) -> Command:
        return Command(Pose(self._rotation, self._target + correction), opening)

    def hold(self, opening: float, steps: int) -> Iterator[Command]:
        """Stay at the present target."""
        for _ in range(steps):
            yield self._command(opening)

    def turn(self, yaw: float, opening: float, rate: float) -> Iterator[Command]:
        """Turn the hand by `yaw` [rad] about the vertical at its place, by at most `rate` in one control step."""
        begin, steps = self._rotation, int(np.ceil(abs(yaw) / rate))
        for step in range(1, steps + 1):
            self._rotation = rotation_from_vector(np.array([0.0, 0.0, yaw * step / steps])) @ begin
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
