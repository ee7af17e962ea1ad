"""Dense features -> actions. Each head has a configuration, a `loss` and a `decode`."""

from para.heads.act import ActConfig, ActHead
from para.heads.action_space import ActionSpace, CameraFrame, EndEffectorOffset, PixelHeight, World
from para.heads.confidence import ConfidenceCalibration, PlattScaling, logit
from para.heads.diffusion import DiffusionConfig, DiffusionHead
from para.heads.head import ChunkBatch, FittedConfig, Head, Loss, masked_mean
from para.heads.instruction import Instruction, TaskId, Words
from para.heads.locator import LocatorConfig, LocatorHead, LocatorOutputs
from para.heads.paper_volume import PaperVolumeConfig, PaperVolumeHead
from para.heads.processes import mean_over_processes
from para.heads.regression import Dense, GlobalRegressionConfig, Pooled, Reading, RegressionHead, SoftArgmax
from para.heads.rotations import RotationFrame
from para.heads.stepwise import StepwiseConfig, StepwiseHead
from para.heads.top_view import TopView, TopViewReader
from para.heads.volume import VolumeHead, VolumeHeadConfig, VolumeOutputs

HeadConfig = (
    VolumeHeadConfig
    | PaperVolumeConfig
    | GlobalRegressionConfig
    | ActConfig
    | DiffusionConfig
    | StepwiseConfig
    | LocatorConfig
)

__all__ = [
    "ActConfig",
    "ActHead",
    "ActionSpace",
    "CameraFrame",
    "ChunkBatch",
    "ConfidenceCalibration",
    "Dense",
    "DiffusionConfig",
    "DiffusionHead",
    "EndEffectorOffset",
    "FittedConfig",
    "GlobalRegressionConfig",
    "Head",
    "HeadConfig",
    "Instruction",
    "LocatorConfig",
    "LocatorHead",
    "LocatorOutputs",
    "Loss",
    "PaperVolumeConfig",
    "PaperVolumeHead",
    "PixelHeight",
    "PlattScaling",
    "Pooled",
    "Reading",
    "RegressionHead",
    "RotationFrame",
    "SoftArgmax",
    "StepwiseConfig",
    "StepwiseHead",
    "TaskId",
    "TopView",
    "TopViewReader",
    "VolumeHead",
    "VolumeHeadConfig",
    "VolumeOutputs",
    "Words",
    "World",
    "logit",
    "masked_mean",
    "mean_over_processes",
]
