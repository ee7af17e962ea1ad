"""Chunks -> commands."""

from para.control.camera_correction import CameraCorrection, CorrectedPolicy, CorrectionConfig
from para.control.executor import AgentFailure, ChunkExecutor, ChunkPolicy, ExecutorConfig, Mode
from para.control.oracle import OraclePolicy, Trajectory
from para.control.servo import Servo, ServoConfig

__all__ = [
    "AgentFailure",
    "CameraCorrection",
    "ChunkExecutor",
    "ChunkPolicy",
    "CorrectedPolicy",
    "CorrectionConfig",
    "ExecutorConfig",
    "Mode",
    "OraclePolicy",
    "Servo",
    "ServoConfig",
    "Trajectory",
]
