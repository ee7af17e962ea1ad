"""One training loop."""

from para.training.config import TrainConfig
from para.training.loop import train

__all__ = ["TrainConfig", "train"]
