"""Short clips out of a table of moments: which rows follow a row at a chunk's pace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from para.dataset.samples import SampleTable
from para.types import CONTROL_HZ, STEP_SECONDS


@dataclass(frozen=True)
class ClipPlan:
    """How clips are cut out of a table whose moments are `stride` / `CONTROL_HZ` apart."""

    frames: int
    """Pictures of a clip, `STEP_SECONDS` apart, the moment itself included."""
    stride: int

    def __post_init__(self) -> None:
        step = round(STEP_SECONDS * CONTROL_HZ)
        if self.frames < 1 or step % self.stride:
            raise ValueError(
                f"frames of a clip are {step} control steps apart, so the stride must divide {step}; got stride "
                f"{self.stride} and {self.frames} frames"
            )

    @property
    def spacing(self) -> int:
        """Rows of the table from one frame of a clip to the next."""
        return round(STEP_SECONDS * CONTROL_HZ) // self.stride

    def rows(self, samples: SampleTable, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows (F,) of the clip that begins at row i, and whether each exists (F,) bool; the last one stands in for those
        after the end of the episode."""
        rows = i + self.spacing * np.arange(self.frames)
        last = int(np.searchsorted(samples.episode[i:] != samples.episode[i], True)) + i - 1
        return np.minimum(rows, last), rows <= last

    def check(self, samples: SampleTable) -> None:
        """ValueError when no episode is as long as a clip."""
        lengths = np.diff(np.flatnonzero(np.diff(samples.episode, prepend=-1, append=-1)))
        needed = self.spacing * (self.frames - 1) + 1
        if lengths.max() < needed:
            seconds = (self.frames - 1) * STEP_SECONDS
            raise ValueError(
                f"no demonstration is as long as a clip of {self.frames} frames, {seconds:.1f} s; the longest has "
                f"{(lengths.max() - 1) * self.stride / CONTROL_HZ:.1f} s. Record longer ones, or take fewer `frames` and a "
                "shorter `horizon`."
            )
