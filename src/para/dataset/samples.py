"""Demonstrations -> a table of moments to learn from, with decoded pictures at hand.

A policy's steps are 0.2 s apart. A moment t to learn from lies at every `stride`-th twentieth of a second, and its targets are
the *measured* poses at t + k x 0.2 s, for k = 1 to T. Demonstrations may be recorded at any rate: the nearest frame is taken,
which at 20 Hz is the very moment.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from para.demos import DemoDataset
from para.dataset.pictures import decoded_pictures
from para.geometry import Camera, Pose
from para.types import CONTROL_HZ, STEP_SECONDS


class JoinedImages:
    """Picture arrays one after the other, still on their disks; indexed by one row at a time."""

    def __init__(self, parts: list[np.ndarray]) -> None:
        self.parts = parts
        self.starts = np.cumsum([0, *(len(p) for p in parts)])
        self.shape = (int(self.starts[-1]), *parts[0].shape[1:])

    def __getitem__(self, row: int) -> np.ndarray:
        part = int(np.searchsorted(self.starts, row, "right")) - 1
        return self.parts[part][row - self.starts[part]]


@dataclass(frozen=True)
class SampleTable:
    """N moments of demonstrations seen by one camera, as arrays."""

    images: np.ndarray | JoinedImages
    """(N, H, W, 3) uint8, mapped from a cache file: workers share it and memory stays small."""
    intrinsics: np.ndarray
    """(N, 4) [px] of these images."""
    T_world_camera: np.ndarray
    """(N, 3, 4)."""
    ee_position: np.ndarray
    """(N, 3) [m], world."""
    ee_rotation: np.ndarray
    """(N, 3, 3)."""
    gripper: np.ndarray
    """(N,) measured opening."""
    target_positions: np.ndarray
    """(N, T, 3) [m], world."""
    target_rotations: np.ndarray
    """(N, T, 3, 3)."""
    target_gripper: np.ndarray
    """(N, T) commanded opening."""
    target_valid: np.ndarray
    """(N, T) bool: False after the end of the episode."""
    grip_position: np.ndarray
    """(N, 3) the end effector when the gripper is next told to open or close; at the episode's end if it is not [m]."""
    grip_rotation: np.ndarray
    """(N, 3, 3) its rotation then."""
    episode: np.ndarray
    """(N,) which demonstration."""
    instruction: tuple[str, ...] = ()
    """N sentences that say what the demonstration does; without any, N empty ones."""

    def __post_init__(self) -> None:
        if not self.instruction:
            object.__setattr__(self, "instruction", ("",) * len(self.episode))

    def __len__(self) -> int:
        return len(self.episode)

    def camera(self, i: int) -> Camera:
        """The camera of moment i."""
        height, width = self.images.shape[1:3]
        return Camera(self.intrinsics[i], Pose.from_matrix(self.T_world_camera[i]), width, height)

    def holding(self, i: int) -> bool:
        """Whether the gripper of moment i is more than half closed: about something, or about nothing."""
        return bool(self.gripper[i] < 0.5)


def build_samples(
    dataset: DemoDataset,
    camera: str,
    horizon: int,
    stride: int = 4,
    episodes: list[int] | None = None,
    cache: Path | None = None,
) -> SampleTable:
    """Read moments of `episodes` (all by default), decoding each picture once into a cache file beside the dataset.

    `horizon` is T; moments are `stride` / 20 s apart. ValueError when the dataset has no such camera (the reader names those
    it has).
    """
    chosen = list(range(len(dataset))) if episodes is None else list(episodes)
    columns: dict[str, list[np.ndarray]] = {}
    frames_of: list[np.ndarray] = []
    for index in chosen:
        demo = dataset.columns(index, camera)
        last = len(demo.time) - 1
        moments = np.arange(0, last * CONTROL_HZ / dataset.meta.fps - 1e-6, stride) / CONTROL_HZ
        frames = np.minimum(dataset.frame_after(0, moments), last - 1)
        future = dataset.frame_after(0, moments[:, None] + STEP_SECONDS * np.arange(1, horizon + 1))
        valid, future = future <= last, np.minimum(future, last)
        rotation = Pose.from_quaternion(demo.ee_quaternion, demo.ee_position).rotation
        grip = _next_change(demo.command_gripper > 0.5)[frames]
        row = {
            "intrinsics": demo.intrinsics[frames],
            "T_world_camera": demo.T_world_camera[frames],
            "ee_position": demo.ee_position[frames],
            "ee_rotation": rotation[frames],
            "gripper": demo.gripper[frames],
            "target_positions": demo.ee_position[future],
            "target_rotations": rotation[future],
            "target_gripper": demo.command_gripper[future].clip(0.0, 1.0),  # a command may overshoot a little
            "target_valid": valid,
            "grip_position": demo.ee_position[grip],
            "grip_rotation": rotation[grip],
            "episode": np.full(len(frames), index),
        }
        for name, values in row.items():
            columns.setdefault(name, []).append(values)
        frames_of.append(frames)
    sentences = [dataset.episodes[e].task for e, frames in zip(chosen, frames_of) for _ in frames]
    images = decoded_pictures(dataset, camera, chosen, frames_of, cache or dataset.root / ".cache")
    arrays = {name: np.concatenate(values) for name, values in columns.items()}
    for name, values in arrays.items():
        if values.dtype == np.float64:
            arrays[name] = values.astype(np.float32)
    return SampleTable(images=images, instruction=tuple(sentences), **arrays)


def joined(tables: list[SampleTable]) -> SampleTable:
    """Several sets as one. ValueError when their pictures differ in size; they are not resized here."""
    if len(tables) == 1:
        return tables[0]
    sizes = {t.images.shape[1:3] for t in tables}
    if len(sizes) > 1:
        raise ValueError(
            f"sets with pictures of different sizes (H, W) {sorted(sizes)} cannot be joined; record them alike"
        )
    apart = ("images", "episode", "instruction")
    names = [f.name for f in dataclasses.fields(SampleTable) if f.name not in apart]
    arrays = {name: np.concatenate([getattr(t, name) for t in tables]) for name in names}
    starts = np.cumsum([0, *(int(t.episode.max()) + 1 for t in tables)])
    episode = np.concatenate([t.episode + start for t, start in zip(tables, starts)])
    sentences = tuple(sentence for t in tables for sentence in t.instruction)
    return SampleTable(
        images=JoinedImages([t.images for t in tables]), episode=episode, instruction=sentences, **arrays
    )


def _next_change(state: np.ndarray) -> np.ndarray:
    """(N,) values -> (N,) the first later index whose value is not that of the one before; N - 1 where none is."""
    changed = np.append(np.flatnonzero(state[1:] != state[:-1]) + 1, len(state) - 1)
    return changed[np.searchsorted(changed[:-1], np.arange(len(state)), "right")]
