"""Reading a demonstration set: columns as NumPy, pictures on demand.

Reads what para writes, and what LeRobot writes or edits (several episodes per file) as long as it has camera columns.
Camera poses may be 4x4 matrices, whose last row is checked and left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from para.demos.episodes_table import EpisodeRow, read_rows
from para.demos.schema import (
    ACTION,
    MATRIX_NAMES,
    STATE,
    DemoError,
    DemoMeta,
    intrinsics_key,
    pose_key,
    shape_error,
    value_names,
)
from para.demos.video import VideoInfo, decode_video, probe_video
from para.types import Episode, RecordedCamera


@dataclass(frozen=True)
class DemoColumns:
    """All frames of one episode without its pictures. float64; as in `para.types.Episode`."""

    time: np.ndarray
    """(F,) seconds since the start [s]."""
    ee_position: np.ndarray
    """(F, 3) measured [m], world."""
    ee_quaternion: np.ndarray
    """(F, 4) measured R_world_ee, wxyz."""
    gripper: np.ndarray
    """(F,) measured opening."""
    command_position: np.ndarray
    """(F, 3) commanded [m], world."""
    command_quaternion: np.ndarray
    """(F, 4) commanded R_world_ee, wxyz."""
    command_gripper: np.ndarray
    """(F,) commanded opening."""
    intrinsics: np.ndarray
    """(F, 4) fx, fy, cx, cy [px]."""
    T_world_camera: np.ndarray
    """(F, 3, 4) row-major."""

    def __len__(self) -> int:
        return len(self.time)


class DemoDataset:
    """A demonstration set on disk. Make it with `DemoDataset.open`."""

    def __init__(self, root: Path, meta: DemoMeta, episodes: list[EpisodeRow], columns: dict[str, np.ndarray]) -> None:
        self.root, self.meta, self.episodes = root, meta, episodes
        self._columns = columns
        self._start = np.concatenate([[0], np.cumsum([row.length for row in episodes])])

    @classmethod
    def open(cls, path: str | Path) -> DemoDataset:
        """Open and validate: schema, conventions, frame counts, video headers. `DemoError` says what is wrong."""
        root = Path(path)
        info_path = root / "meta/info.json"
        if not info_path.exists():
            raise DemoError(
                f"{root}: not a dataset (no meta/info.json). Give the folder that holds meta/, data/ and videos/."
            )
        try:
            info = json.loads(info_path.read_text())
        except ValueError as error:
            raise DemoError(f"{info_path}: not JSON ({error}). Copy or download the dataset again.") from None
        meta = DemoMeta.from_info(info, str(root))
        # info.json states how many episodes count: a killed recording may have left rows and files behind them.
        if not isinstance(total := info.get("total_episodes"), int):
            raise DemoError(f"{info_path}: total_episodes is {total!r}. Copy or download the dataset again.")
        rows = read_rows(root / "meta/episodes", meta)[:total]
        if not rows:
            raise DemoError(f"{root}: the set holds no episodes yet. Run the recording (again); it resumes.")
        if short := [row.episode_index for row in rows if row.length < 2]:
            raise DemoError(
                f"{root}: episode {short[0]} has a single frame, which shows no motion: a recording that was broken off? "
                "Delete it (LeRobot's lerobot-edit-dataset)."
            )
        dataset = cls(root, meta, rows, _read_columns(root, meta, rows))
        dataset._check_videos()
        return dataset

    def __len__(self) -> int:
        return len(self.episodes)

    @property
    def frames(self) -> int:
        """Number of frames of all episodes."""
        return int(self._start[-1])

    def image_size(self, camera: str) -> tuple[int, int]:
        """(width, height) [px] of a camera's stored images."""
        for size in self.meta.cameras:
            if size.name == camera:
                return size.width, size.height
        raise DemoError(
            f"{self.root}: no camera {camera!r}; there are {list(self.meta.camera_names)} (on the command line: --camera)"
        )

    def frame_after(self, frame: int | np.ndarray, seconds: float | np.ndarray) -> np.ndarray:
        """Number of the recorded frame nearest to the moment `seconds` [s] after `frame`; it may lie beyond the episode."""
        return np.asarray(frame) + np.floor(np.asarray(seconds) * self.meta.fps + 0.5 + 1e-9).astype(np.int64)

    def columns(self, episode: int, camera: str) -> DemoColumns:
        """Everything but the pictures of one episode, with the calibration of `camera`."""
        self.image_size(camera)
        frames = slice(self._start[episode], self._start[episode + 1])
        state, action = self._columns[STATE][frames], self._columns[ACTION][frames]
        return DemoColumns(
            time=np.arange(self.episodes[episode].length) / self.meta.fps,
            ee_position=state[:, :3],
            ee_quaternion=state[:, 3:7],
            gripper=state[:, 7],
            command_position=action[:, :3],
            command_quaternion=action[:, 3:7],
            command_gripper=action[:, 7],
            intrinsics=self._columns[intrinsics_key(camera)][frames],
            T_world_camera=self._columns[pose_key(camera)][frames].reshape(-1, 3, 4),
        )

    def decode(self, episode: int, camera: str, frames: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Pictures of `frames` (n,) of an episode (all by default), in any order -> (n, H, W, 3) uint8 RGB."""
        width, height = self.image_size(camera)
        row = self.episodes[episode]
        numbers = np.arange(row.length) if frames is None else np.asarray(frames, np.int64)
        if numbers.size and (numbers.min() < 0 or numbers.max() >= row.length):
            raise DemoError(
                f"episode {episode} has frames 0 to {row.length - 1}, asked for {numbers.min()} to {numbers.max()}"
            )
        offset = round(row.videos[camera].from_timestamp * self.meta.fps)
        images = decode_video(self.root / row.video_file(camera), numbers + offset, self.meta.fps)
        if images.shape[1:3] != (height, width):
            raise DemoError(
                f"{row.video_file(camera)}: pictures are {images.shape[2]} x {images.shape[1]}, not {width} x {height}"
            )
        return images

    def episode(self, episode: int) -> Episode:
        """One whole episode in memory, pictures included."""
        row = self.episodes[episode]
        cameras = []
        for name in self.meta.camera_names:
            columns = self.columns(episode, name)
            cameras.append(RecordedCamera(name, self.decode(episode, name), columns.intrinsics, columns.T_world_camera))
        return Episode(
            time=columns.time,
            ee_position=columns.ee_position,
            ee_quaternion=columns.ee_quaternion,
            gripper=columns.gripper,
            command_position=columns.command_position,
            command_quaternion=columns.command_quaternion,
            command_gripper=columns.command_gripper,
            cameras=tuple(cameras),
            instruction=row.task,
            notes=row.notes,
        )

    def fingerprint(self, episode: int) -> str:
        """Changes whenever the stored pictures of an episode change; for caches."""
        row = self.episodes[episode]
        parts: list[object] = [row.length]
        for name in self.meta.camera_names:
            stat = (self.root / row.video_file(name)).stat()
            parts += [row.video_file(name), row.videos[name].from_timestamp, stat.st_size, stat.st_mtime_ns]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def _check_videos(self) -> None:
        probed: dict[str, VideoInfo] = {}
        for row in self.episodes:
            for size in self.meta.cameras:
                file = row.video_file(size.name)
                if file not in probed:
                    probed[file] = probe_video(self.root / file)
                video = probed[file]
                if (video.width, video.height) != (size.width, size.height):
                    raise DemoError(
                        f"{self.root / file}: pictures are {video.width} x {video.height}, but meta/info.json says "
                        f"{size.width} x {size.height} (W x H). Camera intrinsics would be wrong; record it again."
                    )
                if abs(video.fps - self.meta.fps) > 1e-3:
                    raise DemoError(
                        f"{self.root / file}: {video.fps:g} Hz, but meta/info.json says {self.meta.fps} Hz. Encode it again "
                        "at the set's rate."
                    )
                needed = round(row.videos[size.name].from_timestamp * self.meta.fps) + row.length
                if video.frames < needed:
                    raise DemoError(
                        f"{self.root / file}: holds {video.frames} frames, episode {row.episode_index} needs {needed}. "
                        "Video and table do not belong together; record or download the set again."
                    )


def _read_columns(root: Path, meta: DemoMeta, rows: list[EpisodeRow]) -> dict[str, np.ndarray]:
    """Feature -> (sum of F, C) float64, episode after episode. Only files that the episodes table names are read."""
    names = [STATE, ACTION]
    for camera in meta.camera_names:
        names += [intrinsics_key(camera), pose_key(camera)]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    opened: dict[str, tuple[np.ndarray, dict[str, np.ndarray]]] = {}
    for row in rows:
        if row.data_file not in opened:
            opened = {row.data_file: _read_file(root / row.data_file, names)}
        episode_index, columns = opened[row.data_file]
        found = np.flatnonzero(episode_index == row.episode_index)
        if len(found) != row.length:
            raise DemoError(
                f"{root / row.data_file}: holds {len(found)} frames of episode {row.episode_index}, meta/episodes says "
                f"{row.length}. The dataset is incomplete; copy, download or record it again."
            )
        for name in names:
            values = columns[name][found]
            if not np.isfinite(values).all():
                frame = int((~np.isfinite(values).all(1)).argmax())
                raise DemoError(
                    f"{root / row.data_file}: {name} is not finite at frame {frame} of episode {row.episode_index}"
                )
            parts[name].append(values)
    return {name: np.concatenate(values) for name, values in parts.items()}


def _read_file(path: Path, names: list[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    try:
        table = pq.read_table(path, columns=["episode_index", *names])
    except (pa.ArrowException, OSError) as error:
        raise DemoError(f"{path}: not a readable data file ({error}). Copy, download or record it again.") from None
    columns = {name: _numbers(path, name, table[name].combine_chunks()) for name in names}
    return table["episode_index"].to_numpy(), columns


def _numbers(path: Path, name: str, column: pa.Array) -> np.ndarray:
    """(F, C) float64 of a column of lists, or of lists of lists, with as many numbers as its name asks for."""
    frames, shape, wanted = len(column), [], len(value_names(name))
    if frames == 0:
        return np.empty((0, wanted))
    while any(
        is_kind(column.type) for is_kind in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    ):
        if column.null_count:
            raise shape_error(str(path), name, f"is empty in {column.null_count} frames")
        counts = np.unique(pc.list_value_length(column).to_numpy(zero_copy_only=False))
        if len(counts) > 1:
            raise shape_error(str(path), name, f"holds {counts[0]} numbers in one frame and {counts[-1]} in another")
        shape += counts.tolist()
        column = column.flatten()
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise shape_error(str(path), name, f"holds entries of type {column.type}")
    values = column.to_numpy(zero_copy_only=False).astype(np.float64).reshape(frames, -1)
    if value_names(name) == MATRIX_NAMES and shape in ([16], [4, 4]):
        other = np.flatnonzero(~(np.abs(values[:, 12:] - [0, 0, 0, 1]) <= 1e-6).all(1))
        if len(other):
            last = values[other[0], 12:].tolist()
            raise shape_error(
                str(path), name, f"has the shape {shape}, with the last row {last} in table row {other[0]}"
            )
        return values[:, :12]
    if shape != [wanted] and not (value_names(name) == MATRIX_NAMES and shape == [3, 4]):
        raise shape_error(str(path), name, f"has the shape {shape}")
    return values
