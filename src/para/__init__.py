"""Pixel-aligned robot actions: a policy that points at cells of the picture and at heights, and unprojects to 3D targets.

from para import Policy, ChunkExecutor
policy = Policy.from_pretrained("outputs/quick/train/para/policy")
chunk = policy.predict(observation)          # T end-effector targets in the world
"""

from para.control import ChunkExecutor, ExecutorConfig
from para.demos import DemoDataset
from para.geometry import Camera, DepthBins, FootBins, HeightBins, LevelFraming, Pose, VolumeGrid, warp_image
from para.policy import CheckpointError, Policy, PolicyConfig
from para.training import TrainConfig, train
from para.types import ActionChunk, Box, Command, Episode, Observation, RecordedCamera, RobotState, View

__all__ = [
    "ActionChunk",
    "Box",
    "Camera",
    "CheckpointError",
    "ChunkExecutor",
    "Command",
    "DemoDataset",
    "DepthBins",
    "Episode",
    "ExecutorConfig",
    "FootBins",
    "HeightBins",
    "LevelFraming",
    "Observation",
    "Policy",
    "PolicyConfig",
    "Pose",
    "RecordedCamera",
    "RobotState",
    "TrainConfig",
    "View",
    "VolumeGrid",
    "train",
    "warp_image",
]
__version__ = "0.1.0"
