"""One finished episode in a folder of its own, made by a worker process, waiting for the writer to commit it.

    data.parquet      the frames' columns, without the indices that depend on the place in the set
    <cam>.mp4         one video for each camera
    episode.json      length, instruction, notes, cameras, statistics

The folder appears whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from para.demos import stats
from para.demos.schema import (
    ACTION,
    QUATERNION_TOLERANCE,
    STATE,
    CameraSize,
    DemoError,
    image_key,
    intrinsics_key,
    pose_key,
)
from para.demos.video import encode_video
from para.types import CONTROL_HZ, Episode, is_opening


def stage_episode(episode: Episode, folder: Path, fps: int = CONTROL_HZ) -> None:
    """Encode and write one episode to `folder`, e.g. `DatasetWriter.staging_folder(i)`; replaces an earlier one.

    Runs in a worker process. `fps` is the set's (`DemoMeta.fps`). `DemoError` names the episode's first defect (shape, NaN,
    an opening that is no share, frame times off that rate), or a folder that holds something else.
    """
    folder, episode = Path(folder), _as_arrays(episode)
    notes = _validate(episode, folder.name, fps)
    if folder.exists() and any(folder.iterdir()) and not (folder / "episode.json").exists():
        raise DemoError(
            f"{folder} holds something else than a staged episode; nothing was written. Choose another folder."
        )
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    columns = _columns(episode, fps)
    statistics = {key: stats.column_stats(values) for key, values in columns.items()}
    for camera in episode.cameras:
        encode_video(partial / f"{camera.name}.mp4", camera.images, fps)
        statistics[image_key(camera.name)] = stats.image_stats(camera.images)
    arrays = {name: as_arrow(values) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), partial / "data.parquet")
    head = {
        "length": len(episode),
        "fps": fps,
        "instruction": episode.instruction,
        "notes": notes,
        "cameras": [asdict(CameraSize(c.name, c.images.shape[2], c.images.shape[1])) for c in episode.cameras],
        "stats": stats.to_json(statistics),
    }
    (partial / "episode.json").write_text(json.dumps(head))
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(partial, folder)


def resampled(episode: Episode, fps: int = CONTROL_HZ, largest_gap: float = 0.25) -> Episode:
    """The episode at exactly `fps` [Hz]: of every moment the recorded frame nearest in time, for loops that do not keep their
    rate. DemoError where time runs backwards, or stands still for more than `largest_gap` [s]: nothing was seen meanwhile, and
    a policy would learn to wait there."""
    episode = _as_arrays(episode)
    time = episode.time.astype(float)
    if len(time) < 2 or not (np.diff(time) > 0).all():
        raise DemoError(
            f"an episode's times must rise from frame to frame, got {len(time)} frames: {time[:5].tolist()} ..."
        )
    if np.diff(time).max() > largest_gap:
        frame = int(np.diff(time).argmax())
        raise DemoError(
            f"nothing was recorded for {np.diff(time).max():.2f} s after frame {frame} ({time[frame] - time[0]:.2f} s from the "
            "start); record the episode again, or allow it: resampled(episode, largest_gap=...)"
        )
    moments = time[0] + np.arange(int((time[-1] - time[0]) * fps + 1e-6) + 1) / fps
    nearest = np.abs(time[None] - moments[:, None]).argmin(1)
    own = ("time", "cameras", "instruction", "notes")
    taken = {f.name: getattr(episode, f.name)[nearest] for f in fields(episode) if f.name not in own}
    cameras = tuple(
        replace(c, images=c.images[nearest], intrinsics=c.intrinsics[nearest], T_world_camera=c.T_world_camera[nearest])
        for c in episode.cameras
    )
    return replace(episode, time=moments - time[0], cameras=cameras, **taken)


@dataclass(frozen=True)
class StagedEpisode:
    """What `stage_episode` left behind."""

    folder: Path
    length: int
    fps: int
    instruction: str
    notes: dict[str, object]
    cameras: tuple[CameraSize, ...]
    stats: dict[str, stats.Stats]
    columns: dict[str, pa.Array]

    @classmethod
    def load(cls, folder: Path) -> StagedEpisode:
        """Read a folder written by `stage_episode`."""
        head = json.loads((folder / "episode.json").read_text())
        table = pq.read_table(folder / "data.parquet")
        return cls(
            folder=folder,
            length=head["length"],
            fps=head.get("fps", CONTROL_HZ),
            instruction=head["instruction"],
            notes=head["notes"],
            cameras=tuple(CameraSize(**camera) for camera in head["cameras"]),
            stats=stats.from_json(head["stats"]),
            columns={name: table[name].combine_chunks() for name in table.column_names},
        )

    def video(self, camera: str) -> Path:
        """The staged video of one camera."""
        return self.folder / f"{camera}.mp4"


def as_arrow(values: np.ndarray) -> pa.Array:
    """(F,) -> a plain column, (F, C) -> a column of fixed-size lists, as LeRobot stores them."""
    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).reshape(-1)), values.shape[1])


def _columns(episode: Episode, fps: int) -> dict[str, np.ndarray]:
    columns = {}
    for camera in episode.cameras:
        columns[intrinsics_key(camera.name)] = camera.intrinsics
        columns[pose_key(camera.name)] = camera.T_world_camera.reshape(len(episode), 12)
    columns[STATE] = np.column_stack([episode.ee_position, episode.ee_quaternion, episode.gripper])
    columns[ACTION] = np.column_stack([episode.command_position, episode.command_quaternion, episode.command_gripper])
    columns["timestamp"] = np.arange(len(episode)) / fps
    columns = {name: values.astype(np.float32) for name, values in columns.items()}
    columns["frame_index"] = np.arange(len(episode), dtype=np.int64)
    return columns


def _as_arrays(episode: Episode) -> Episode:
    """The same with lists taken for arrays."""
    own = ("cameras", "instruction", "notes")
    arrays = {f.name: np.asarray(getattr(episode, f.name)) for f in fields(episode) if f.name not in own}
    cameras = tuple(
        replace(c, **{name: np.asarray(getattr(c, name)) for name in ("images", "intrinsics", "T_world_camera")})
        for c in episode.cameras
    )
    return replace(episode, cameras=cameras, **arrays)


def _validate(episode: Episode, name: str, fps: int) -> dict[str, object]:
    """The episode's notes, as JSON can keep them."""
    frames = len(episode.time)
    if frames < 2:
        raise DemoError(f"episode {name}: {frames} frames; an episode has at least 2")
    shapes = {
        "ee_position": (3,), "ee_quaternion": (4,), "gripper": (),
        "command_position": (3,), "command_quaternion": (4,), "command_gripper": (),
    }  # fmt: skip
    values = {field: (getattr(episode, field), shape) for field, shape in shapes.items()}
    for camera in episode.cameras:
        values[f"camera {camera.name} intrinsics"] = (camera.intrinsics, (4,))
        values[f"camera {camera.name} T_world_camera"] = (camera.T_world_camera, (3, 4))
        images = camera.images
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[0] != frames or images.shape[3] != 3:
            raise DemoError(
                f"episode {name}, camera {camera.name}: images are {images.dtype} {images.shape}, needed is uint8 "
                f"({frames}, H, W, 3)"
            )
    for field, (array, shape) in values.items():
        if array.shape != (frames, *shape):
            raise DemoError(f"episode {name}: {field} has shape {array.shape}, needed is {(frames, *shape)}")
        bad = ~np.isfinite(array.reshape(frames, -1)).all(1)
        if bad.any():
            raise DemoError(f"episode {name}: {field} is not finite at frame {int(bad.argmax())}")
    for field in ("ee_quaternion", "command_quaternion"):
        off = np.abs(np.linalg.norm(getattr(episode, field), axis=1) - 1)
        if off.max() > QUATERNION_TOLERANCE:
            raise DemoError(
                f"episode {name}: {field} at frame {int(off.argmax())} is {getattr(episode, field)[off.argmax()].tolist()}, "
                "not of length 1. Store unit quaternions as (w, x, y, z); an arm that reports no rotation has (1, 0, 0, 0)."
            )
    for field in ("gripper", "command_gripper"):
        opening = getattr(episode, field)
        if not is_opening(opening):
            raise DemoError(
                f"episode {name}: {field} runs from {opening.min():.4g} to {opening.max():.4g}; it is the opening from 0 "
                "(closed) to 1 (open). Scale it by your gripper's own range (LeRobot counts 0 to 100)."
            )
    drift = np.abs(episode.time - episode.time[0] - np.arange(frames) / fps)
    if not (drift < 0.5 / fps).all():
        frame = int((~(drift < 0.5 / fps)).argmax())
        raise DemoError(
            f"episode {name}: frame {frame} lies {drift[frame]:.3f} s off {fps} Hz; frames are stored at "
            f"exactly {fps} Hz. Take `resampled(episode)`, or slow the robot down until it keeps the rate."
        )
    try:
        return json.loads(json.dumps(episode.notes))
    except (TypeError, ValueError) as error:
        raise DemoError(
            f"episode {name}: notes are not JSON: {error}. Take plain numbers, texts, lists and dicts."
        ) from None
