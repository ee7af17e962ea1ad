"""Dense features -> actions. Each head has a configuration, a `loss` and a `decode`."""

from para.heads.confidence import ConfidenceCalibration, PlattScaling, logit
from para.heads.global_regression import GlobalRegressionConfig, GlobalRegressionHead
from para.heads.head import ChunkBatch, Head, Loss
from para.heads.paper_volume import PaperVolumeConfig, PaperVolumeHead
from para.heads.volume import VolumeHead, VolumeHeadConfig, VolumeOutputs

HeadConfig = VolumeHeadConfig | PaperVolumeConfig | GlobalRegressionConfig

__all__ = [
    "ChunkBatch",
    "ConfidenceCalibration",
    "GlobalRegressionConfig",
    "GlobalRegressionHead",
    "Head",
    "HeadConfig",
    "Loss",
    "PaperVolumeConfig",
    "PaperVolumeHead",
    "PlattScaling",
    "VolumeHead",
    "VolumeHeadConfig",
    "VolumeOutputs",
    "logit",
]
