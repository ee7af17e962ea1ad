"""Chunks -> commands."""

from para.control.executor import AgentFailure, ChunkExecutor, ChunkPolicy, ExecutorConfig, Mode
from para.control.oracle import OraclePolicy, Trajectory
from para.control.servo import Servo, ServoConfig

__all__ = [
    "AgentFailure",
    "ChunkExecutor",
    "ChunkPolicy",
    "ExecutorConfig",
    "Mode",
    "OraclePolicy",
    "Servo",
    "ServoConfig",
    "Trajectory",
]
