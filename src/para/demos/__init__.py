"""Demonstrations on disk: LeRobotDataset v3.0 with camera columns. Write, read, check."""

from para.demos.reader import DemoColumns, DemoDataset
from para.demos.schema import CameraSize, DemoError, DemoMeta
from para.demos.staging import stage_episode
from para.demos.writer import DatasetWriter

__all__ = ["CameraSize", "DatasetWriter", "DemoColumns", "DemoDataset", "DemoError", "DemoMeta", "stage_episode"]
