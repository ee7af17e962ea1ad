"""Which regressing rival: how the features are read, and in which coordinates the answer is.

The defaults, one pooled token to absolute world coordinates, are what the published project calls "ACT".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from para.dataset import SampleTable
from para.heads.action_space import ActionSpace, PixelHeight, World
from para.heads.instruction import Instruction
from para.heads.regression.dense import DenseHead
from para.heads.regression.head import RegressionHead
from para.heads.regression.pooled import PooledHead
from para.heads.regression.soft_argmax import SoftArgmaxHead
from para.types import Box


@dataclass(frozen=True)
class Pooled:
    """One token for the whole image."""


@dataclass(frozen=True)
class Dense:
    """Every cell answers, with a weight."""

    absolute: bool = True
    """Cells are told their place in the image and the state vector. Without, the planes of the state alone reach them, and
    with `PixelHeight` the reading shifts with the picture."""


@dataclass(frozen=True)
class SoftArgmax:
    """The mean pixel of one heatmap per step; its space is `PixelHeight`."""


Reading = Pooled | Dense | SoftArgmax


@dataclass(frozen=True)
class GlobalRegressionConfig:
    """Features and state -> coordinates, through a sigmoid over the action space's range."""

    width: int = 192
    """Channels of the pooled token or of the cells."""
    attention_heads: int = 4
    """Of the pooled reading."""
    camera_input: bool = False
    """Also give it K and T_world_camera; needed when the camera changes or images are warped."""
    gripper_weight: float = 0.1
    rotation_weight: float = 0.1
    reading: Reading = field(default_factory=Pooled)
    """How the features become an answer."""
    space: ActionSpace = field(default_factory=World)
    """In which coordinates the answer is."""
    instruction: Instruction | None = None
    """How the sentence that says what to do is read; None: it is not."""

    def __post_init__(self) -> None:
        if self.instruction is not None and self.reading == Dense(absolute=False):
            raise ValueError("a Dense reading with absolute=False is told no state, so no instruction either")
        if isinstance(self.reading, SoftArgmax) and not isinstance(self.space, PixelHeight):
            raise ValueError(
                f"a soft-argmax is a pixel, so its action space is PixelHeight, not {type(self.space).__name__}"
            )
        if not isinstance(self.reading, Pooled) and not self.camera_input:
            raise ValueError(
                f"the {type(self.reading).__name__} reading draws the camera's planes: set camera_input=True"
            )

    def fitted(self, samples: SampleTable) -> GlobalRegressionConfig:
        """With the demonstrations' sentences, where an instruction is read."""
        return (
            self
            if self.instruction is None
            else replace(self, instruction=self.instruction.fitted(samples.instruction))
        )

    def build(
        self, channels: tuple[int, ...], strides: tuple[int, ...], horizon: int, workspace: Box
    ) -> RegressionHead:
        """The head for a backbone with these feature maps (it reads the coarsest)."""
        if isinstance(self.reading, Dense):
            return DenseHead(self, self.reading.absolute, channels[-1], horizon, workspace)
        if isinstance(self.reading, SoftArgmax):
            return SoftArgmaxHead(self, channels[-1], horizon, workspace)
        return PooledHead(self, channels[-1], horizon, workspace)
