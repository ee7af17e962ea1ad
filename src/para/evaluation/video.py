"""A rollout as a small H.264 file: what one camera saw, faster than life."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from para.types import CONTROL_HZ, Command
from para.worlds.world import Agent, Outcome, Subscriber, World


class VideoRecorder(Subscriber):
    """Writes `path` when the episode has ended; an episode that breaks off leaves no file."""

    def __init__(self, path: Path, every: int = 3, speed: float = 4.0, crf: int = 30) -> None:
        """Take a picture every `every` control steps and play `speed` times faster than the episode went."""
        self._path, self._every, self._crf = Path(path), every, crf
        self._rate = Fraction(CONTROL_HZ * speed / every).limit_denominator(1000)
        self._steps = 0
        self._frames: list[np.ndarray] = []  # (H, W, 3) uint8; 200 frames of 448 px are 120 MB at most

    def start(self, world: World, agent: Agent) -> None:
        """Forget the last episode."""
        self._steps, self._frames = 0, []

    def before_step(self, world: World, agent: Agent, command: Command) -> None:
        """Take a picture if it is time for one."""
        if self._steps % self._every == 0:
            self._frames.append(world.observe().views[0].image)
        self._steps += 1

    def end(self, world: World, agent: Agent, outcome: Outcome) -> None:
        """Take the last picture, hold it for a second and write the file."""
        self._frames += [world.observe().views[0].image] * max(1, round(float(self._rate)))
        write_video(self._path, self._frames, self._rate, self._crf)
        self._frames = []


def write_video(path: Path, frames: list[np.ndarray], rate: Fraction, crf: int = 30) -> None:
    """Write (H, W, 3) uint8 frames as H.264 that browsers play; odd sizes lose their last row or column."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = (size - size % 2 for size in frames[0].shape[:2])
    partial = path.with_suffix(".partial.mp4")
    with av.open(str(partial), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            pixels = np.ascontiguousarray(frame[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    partial.replace(path)


def video_path(folder: Path, axis: str, policy: str, split: str, index: int) -> Path:
    """Where the video of one condition stands in a run's folder of videos."""
    return folder / axis / policy / f"{split}_{index:03d}.mp4"
