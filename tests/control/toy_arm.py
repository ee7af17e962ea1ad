"""An arm that lags, sags and closes slowly, and a policy with prepared chunks."""

import numpy as np

from para.geometry import Pose
from para.types import CONTROL_HZ, ActionChunk, Observation, RobotState, View
from toy import toy_camera

DOWN = np.diag([1.0, -1.0, -1.0])


class Arm:
    """First-order lag towards the set-point, a constant sag, fingers that take five steps."""

    def __init__(self, sag=(0.0, 0.0, -0.02)):
        self.position, self.rotation, self.gripper = np.array([0.0, 0.0, 0.3]), DOWN, 1.0
        self.sag, self.steps, self.observed = np.array(sag), 0, []

    def state(self):
        return RobotState(Pose(self.rotation, self.position), self.gripper, self.steps / CONTROL_HZ)

    def step(self, command):
        self.position = self.position + 0.4 * (command.T_world_ee.translation + self.sag - self.position)
        self.rotation = command.T_world_ee.rotation
        self.gripper += np.clip(command.gripper - self.gripper, -0.2, 0.2)
        self.steps += 1

    def observe(self):
        self.observed.append(self.steps)
        camera = toy_camera()
        return Observation((View("toy", np.zeros((64, 80, 3), np.uint8), camera),), self.state())


def chunk(positions, gripper):
    n = len(positions)
    return ActionChunk(
        np.array(positions, float), np.repeat(DOWN[None], n, 0), np.array(gripper, float), np.ones(n), np.zeros(n)
    )


class Plans:
    """Gives prepared chunks, one after the other."""

    def __init__(self, *chunks):
        self.chunks, self.asked = list(chunks), 0

    def predict(self, observation):
        self.asked += 1
        return self.chunks[min(self.asked, len(self.chunks)) - 1]
