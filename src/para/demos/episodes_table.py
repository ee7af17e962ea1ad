"""meta/episodes: one row per episode, saying where its frames lie in the data and video files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from para.demos import stats
from para.demos.schema import (
    CHUNK_SIZE,
    DATA_PATH,
    NOTES_COLUMN,
    PLAN_INDEX_COLUMN,
    VIDEO_PATH,
    DemoError,
    DemoMeta,
    image_key,
)
from para.demos.staging import StagedEpisode


@dataclass(frozen=True)
class FilePlace:
    """Where an episode lies in files that may hold several: ``chunk-<chunk>/file-<file>``."""

    chunk: int
    file: int
    from_timestamp: float = 0.0
    """Start inside a video file [s]."""


@dataclass(frozen=True)
class EpisodeRow:
    """One row."""

    episode_index: int
    task: str
    length: int
    dataset_from_index: int
    data: FilePlace
    videos: dict[str, FilePlace]
    """Camera name -> place of its video."""
    plan_index: int = -1
    """Entry of the recording plan; -1 when the set was not recorded by para."""
    notes: dict[str, object] = field(default_factory=dict)
    stats: dict[str, stats.Stats] = field(default_factory=dict)

    @classmethod
    def new(cls, episode_index: int, start: int, plan_index: int, episode: StagedEpisode) -> EpisodeRow:
        """The row of a staged episode that becomes number `episode_index`, with files of its own."""
        place = FilePlace(episode_index // CHUNK_SIZE, episode_index % CHUNK_SIZE)
        return cls(
            episode_index=episode_index,
            task=episode.instruction,
            length=episode.length,
            dataset_from_index=start,
            data=place,
            videos={camera.name: place for camera in episode.cameras},
            plan_index=plan_index,
            notes=episode.notes,
            stats=dict(episode.stats),
        )

    @property
    def dataset_to_index(self) -> int:
        """One past the last frame's index in the set."""
        return self.dataset_from_index + self.length

    @property
    def data_file(self) -> str:
        """Path below the root."""
        return DATA_PATH.format(chunk_index=self.data.chunk, file_index=self.data.file)

    def video_file(self, camera: str) -> str:
        """Path below the root."""
        place = self.videos[camera]
        return VIDEO_PATH.format(video_key=image_key(camera), chunk_index=place.chunk, file_index=place.file)


def write_rows(path: Path, rows: list[EpisodeRow], meta: DemoMeta) -> None:
    """Write the table with every column LeRobot writes, and para's two."""
    columns: dict[str, pa.Array] = {
        "episode_index": _ints(row.episode_index for row in rows),
        "tasks": pa.array([[row.task] for row in rows], pa.list_(pa.string())),
        "length": _ints(row.length for row in rows),
        "data/chunk_index": _ints(row.data.chunk for row in rows),
        "data/file_index": _ints(row.data.file for row in rows),
        "dataset_from_index": _ints(row.dataset_from_index for row in rows),
        "dataset_to_index": _ints(row.dataset_to_index for row in rows),
    }
    for camera in meta.camera_names:
        places, key = [row.videos[camera] for row in rows], f"videos/{image_key(camera)}"
        ends = [place.from_timestamp + row.length / meta.fps for place, row in zip(places, rows)]
        columns[f"{key}/chunk_index"] = _ints(place.chunk for place in places)
        columns[f"{key}/file_index"] = _ints(place.file for place in places)
        columns[f"{key}/from_timestamp"] = pa.array([place.from_timestamp for place in places], pa.float64())
        columns[f"{key}/to_timestamp"] = pa.array(ends, pa.float64())
    for key in rows[0].stats if rows else ():
        for name in stats.NAMES:
            columns[f"stats/{key}/{name}"] = _lists([row.stats[key][name] for row in rows])
    columns["meta/episodes/chunk_index"] = _ints(0 for _ in rows)
    columns["meta/episodes/file_index"] = _ints(0 for _ in rows)
    columns[PLAN_INDEX_COLUMN] = _ints(row.plan_index for row in rows)
    columns[NOTES_COLUMN] = pa.array([json.dumps(row.notes, sort_keys=True) for row in rows], pa.string())
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def read_rows(folder_or_file: Path, meta: DemoMeta) -> list[EpisodeRow]:
    """Read one file, or all files below meta/episodes, in the order of their episodes."""
    files = [folder_or_file] if folder_or_file.is_file() else sorted(folder_or_file.glob("*/*.parquet"))
    if not files:
        raise DemoError(f"{folder_or_file}: no episodes table. The dataset is incomplete; copy or download it again.")
    rows = []
    for file in files:
        try:
            rows += [_parse(row, meta) for row in pq.read_table(file).to_pylist()]
        except (pa.ArrowException, KeyError, OSError) as error:
            raise DemoError(f"{file}: not a readable episodes table ({error}). Copy or download it again.") from None
    return sorted(rows, key=lambda row: row.episode_index)


def _parse(row: dict[str, Any], meta: DemoMeta) -> EpisodeRow:
    videos = {}
    for camera in meta.camera_names:
        key = f"videos/{image_key(camera)}"
        videos[camera] = FilePlace(
            row[f"{key}/chunk_index"], row[f"{key}/file_index"], float(row[f"{key}/from_timestamp"])
        )
    statistics: dict[str, stats.Stats] = {}
    for name, value in row.items():
        if name.startswith("stats/") and value is not None:
            _, key, statistic = name.split("/")
            dtype = np.int64 if statistic == "count" else np.float64
            statistics.setdefault(key, {})[statistic] = np.array(value, dtype)
    plan_index = row.get(PLAN_INDEX_COLUMN)
    return EpisodeRow(
        episode_index=row["episode_index"],
        task=(row["tasks"] or [""])[0],
        length=row["length"],
        dataset_from_index=row["dataset_from_index"],
        data=FilePlace(row["data/chunk_index"], row["data/file_index"]),
        videos=videos,
        plan_index=-1 if plan_index is None else plan_index,
        notes=json.loads(row.get(NOTES_COLUMN) or "{}"),
        stats=statistics,
    )


def _ints(values: Any) -> pa.Array:
    return pa.array(list(values), pa.int64())


def _lists(values: list[np.ndarray]) -> pa.Array:
    """Equally shaped arrays -> a column of (nested) lists."""
    stacked = np.stack(values)
    column = pa.array(stacked.reshape(-1))
    for size in reversed(stacked.shape[1:]):
        column = pa.ListArray.from_arrays(np.arange(0, len(column) + 1, size, dtype=np.int32), column)
    return column
