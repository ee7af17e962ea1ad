"""Position servo: drives the end effector to one target, then works the gripper.

The same for every policy. The set-point moves at a bounded speed; the controller's steady-state error, which grows near the
arm's reach, is measured when the arm has come to rest and added to the set-point, at most twice for a target.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from para.geometry import Pose, turn_towards
from para.types import Command, RobotState


@dataclass(frozen=True)
class ServoConfig:
    """Limits of the servo."""

    speed: float = 0.02
    """Set-point speed [m per control step]."""
    turn: float = 0.15
    """Set-point turn [rad per control step]."""
    tolerance: float = 0.006
    """A target is reached within this distance [m]."""
    timeout: int = 40
    """Control steps after which the next target is taken anyway."""
    corrections: int = 2
    """How often the steady-state error may be added to the set-point."""
    largest_correction: float = 0.06
    """Bound of the added correction along each axis [m]."""
    grip_steps: int = 12
    """Most control steps to wait for the fingers after the gripper command has changed."""


class Servo:
    """Gives commands until the present target is done: where its position is reached. Its rotation is turned towards on the
    way, and not waited for."""

    def __init__(self, config: ServoConfig | None = None) -> None:
        self.config = config or ServoConfig()
        self.reset()

    def reset(self) -> None:
        """Forget set-point and target: the next target starts from where the arm is."""
        self._goal: Pose | None = None
        self._setpoint: Pose | None = None
        self.start(1.0)
        self._correction = np.zeros(3)

    def start(self, gripper: float) -> None:
        """The opening that the gripper has, which stays until a target changes it."""
        self.gripper = self._wanted_gripper = 1.0 if gripper > 0.5 else 0.0

    def aim(self, goal: Pose, gripper: float) -> None:
        """Take a new target: first go there as the gripper is, then open or close it."""
        self._goal, self._wanted_gripper = goal, 1.0 if gripper > 0.5 else 0.0
        self._steps, self._fixes, self._resting, self._previous = 0, 0, 0, None
        self._correction = np.zeros(3)
        self._grip_left, self._still, self._opening = self.config.grip_steps, 0, None

    def command(self, state: RobotState) -> Command | None:
        """The next command towards the target, or None when it is done."""
        if self._goal is None:
            return None
        if self._setpoint is None:
            self._setpoint = state.T_world_ee
        if not self._arrived(state):
            self._steps += 1
            self._advance()
            return Command(self._setpoint, self.gripper)
        if self._wanted_gripper != self.gripper or self._grip_left < self.config.grip_steps:
            self.gripper = self._wanted_gripper
            if self._grip_left > 0 and not self._fingers_rest(state):
                self._grip_left -= 1
                return Command(self._setpoint, self.gripper)
        self._goal = None
        return None

    def rest(self, state: RobotState) -> Command:
        """Stay where the last target was."""
        return Command(self._setpoint or state.T_world_ee, self.gripper)

    def _advance(self) -> None:
        goal = self._goal.translation + self._correction
        way = goal - self._setpoint.translation
        distance = float(np.linalg.norm(way))
        step = way if distance <= self.config.speed else way / distance * self.config.speed
        rotation = turn_towards(self._setpoint.rotation, self._goal.rotation, self.config.turn)
        self._setpoint = Pose(rotation, self._setpoint.translation + step)

    def _arrived(self, state: RobotState) -> bool:
        """Reached, timed out, or resting with no correction left."""
        if self._grip_left < self.config.grip_steps:
            return True
        here = state.T_world_ee.translation
        moved = np.inf if self._previous is None else float(np.linalg.norm(here - self._previous))
        self._previous = here
        if self._steps >= self.config.timeout:
            return True
        if float(np.linalg.norm(self._goal.translation + self._correction - self._setpoint.translation)) > 1e-9:
            return False
        error = self._goal.translation - here
        if float(np.linalg.norm(error)) < self.config.tolerance:
            return True
        self._resting = self._resting + 1 if moved < 0.0015 else 0
        if self._resting >= 2:
            if self._fixes == self.config.corrections:
                return True
            limit = self.config.largest_correction
            self._correction = np.clip(self._correction + error, -limit, limit)
            self._fixes, self._resting = self._fixes + 1, 0
        return False

    def _fingers_rest(self, state: RobotState) -> bool:
        still = self._opening is not None and abs(state.gripper - self._opening) < 0.01
        self._opening = state.gripper
        waited = self.config.grip_steps - self._grip_left
        self._still = self._still + 1 if still and waited > 2 else 0
        return self._still >= 3
