"""Dense features -> actions. Each head has a configuration, a `loss` and a `decode`."""

from para.heads.global_regression import GlobalRegressionConfig, GlobalRegressionHead
from para.heads.head import ChunkBatch, Head, Loss, masked_mean
from para.heads.paper_volume import PaperVolumeConfig, PaperVolumeHead
from para.heads.stepwise import StepwiseConfig, StepwiseHead
from para.heads.volume import VolumeHead, VolumeHeadConfig, VolumeOutputs

HeadConfig = VolumeHeadConfig | PaperVolumeConfig | GlobalRegressionConfig | StepwiseConfig

__all__ = [
    "ChunkBatch",
    "GlobalRegressionConfig",
    "GlobalRegressionHead",
    "Head",
    "HeadConfig",
    "Loss",
    "PaperVolumeConfig",
    "PaperVolumeHead",
    "StepwiseConfig",
    "StepwiseHead",
    "VolumeHead",
    "VolumeHeadConfig",
    "VolumeOutputs",
    "masked_mean",
]
