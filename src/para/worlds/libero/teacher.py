"""The scripted expert: takes hold as the scene's `Grasp` says, carries onto the target, lets go and leaves.

Privileged: it reads the objects' true positions. It is the source of demonstrations and the row ``expert`` of the
tables; a policy never sees what it sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from para.types import Command, Observation, RobotState
from para.worlds.libero.among_objects import among_objects
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.motion import RETREAT, Motion, Variation

TEACHER_VERSION = 3
"""Raised whenever the motion changes, so that no demonstration set mixes two teachers."""


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
        start, how = world.state().T_world_ee, world.grasp
        if world.layout.official is not None:
            yield from among_objects(world, Motion(world, start, start.rotation, v.speed), v)
            return
        T_world_grasp = how.pose(world.carried_pose, start)
        grasp, target = T_world_grasp.translation, world.target_pose.translation
        motion = Motion(world, start, T_world_grasp.rotation, v.speed)

        yield from motion.go(grasp + [v.lean, 0.0, v.hover], 1.0, tolerance=0.012, corrections=1)
        yield from motion.go(grasp, 1.0, tolerance=0.005, patience=14)
        yield from motion.hold(0.0, v.close_steps)
        up = motion.position() + [0.0, 0.0, v.lift]
        yield from motion.go(up, 0.0, tolerance=0.03, corrections=0)
        # A bowl hangs from its rim, so that each target is corrected by where it really is in the hand.
        hanging = world.carried_pose.translation - motion.position()
        yield from motion.go(np.array([*(target - hanging)[:2], up[2]]), 0.0, tolerance=0.008)
        hanging = world.carried_pose.translation - motion.position()
        yield from motion.go(target - hanging + [0.0, 0.0, how.release_height], 0.0, tolerance=0.008, patience=14)
        yield from motion.hold(1.0, 8)
        yield from motion.go(motion.position() + [0.0, 0.0, RETREAT], 1.0, tolerance=0.02, corrections=1)
        yield from motion.hold(1.0, 20)
