"""A policy small enough to be built in every test, and what it may see."""

import numpy as np

from para.backbones import Lite0Config
from para.geometry import HeightBins, Pose
from para.heads import VolumeHeadConfig
from para.policy import PolicyConfig
from para.types import Observation, RobotState, View
from toy import WORKSPACE, toy_camera, toy_samples

CONFIG = PolicyConfig(
    Lite0Config(stages=(1, 2), pretrained=False, frozen_stages=0),
    VolumeHeadConfig(bins=HeightBins(0.0, 0.4, 8), widths=(16, 24)),
    (80, 64),
    3,
    "toy",
    WORKSPACE,
)


def observation(size=(80, 64), name="toy"):
    samples = toy_samples(1)
    camera = toy_camera(*size)
    image = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    state = RobotState(Pose(samples.ee_rotation[0], samples.ee_position[0]), 1.0, 0.0)
    return Observation((View(name, image, camera),), state)
