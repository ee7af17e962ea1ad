"""Demonstrations on disk: LeRobotDataset v3.0 with camera columns. Write, read, check."""

from para.demos.check import check_dataset
from para.demos.reader import DemoColumns, DemoDataset
from para.demos.report import CheckReport, Finding
from para.demos.schema import CameraSize, DemoError, DemoMeta
from para.demos.staging import resampled, stage_episode
from para.demos.writer import DatasetWriter

__all__ = [
    "CameraSize",
    "CheckReport",
    "DatasetWriter",
    "DemoColumns",
    "DemoDataset",
    "DemoError",
    "DemoMeta",
    "Finding",
    "check_dataset",
    "resampled",
    "stage_episode",
]
