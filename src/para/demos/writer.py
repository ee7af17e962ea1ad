"""Writing a demonstration set episode by episode so that a kill at any moment leaves a valid set.

Workers stage finished episodes (`stage_episode`); the one parent commits them in the order of the recording plan, one
data file and one video file per episode, and then replaces ``meta/`` in one step. A set that was interrupted is opened
again with the same plan: what is committed stays, what is staged is used, what failed is not tried again.

LeRobot reads every parquet file under ``data/``. In the microseconds between a data file's rename and the exchange of
``meta/`` a kill leaves rows behind the end that ``meta/info.json`` states; readers ignore them, the next open
removes them.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from para.atomic import link_or_copy, replace_folder, write_file
from para.demos import stats
from para.demos.episodes_table import EpisodeRow, read_rows, write_rows
from para.demos.schema import (
    CHUNK_SIZE,
    CODEBASE_VERSION,
    DATA_PATH,
    EPISODES_PATH,
    VIDEO_PATH,
    DemoError,
    DemoMeta,
)
from para.demos.staging import StagedEpisode, as_arrow

_WORK = ".staging"
# Later files may only speak of what earlier ones already hold; info.json states how many episodes count.
_META_ORDER = ("tasks.parquet", "stats.json", "plan.json", "episodes/chunk-000/file-000.parquet", "info.json")


class DatasetWriter:
    """The single writer of one demonstration set; use it as a context manager.

    `plan_hash` names the recording plan (seeds, layouts, versions) and `plan_size` its number of entries; a plan of the same
    name that has grown since goes on. `DemoError` when `root` holds something else, another plan, another schema, or is being
    written by another process.
    """

    def __init__(self, root: str | Path, meta: DemoMeta, plan_hash: str, plan_size: int) -> None:
        self.root, self.meta, self.plan_size = Path(root), meta, plan_size
        self._plan_hash = plan_hash
        self._refuse_foreign_folder()
        self._work = self.root / _WORK
        self._work.mkdir(parents=True, exist_ok=True)
        self._lock = (self._work / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise DemoError(f"{self.root}: another process is writing this set. Wait for it or stop it.") from None
        self._rows: list[EpisodeRow] = []
        self._failed: dict[int, str] = {}
        try:
            if (self.root / "meta/info.json").exists():
                self._resume()
            else:
                self._replace_meta()
            self._tidy()
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ---- what is done -----------------------------------------------------------------------------------------------

    @property
    def committed(self) -> list[int]:
        """Plan indices in the set, in its order."""
        return [row.plan_index for row in self._rows]

    @property
    def failed(self) -> dict[int, str]:
        """Plan index -> why it yields no episode."""
        return dict(self._failed)

    @property
    def staged(self) -> list[int]:
        """Plan indices that wait to be committed."""
        known = set(self.committed) | set(self._failed)
        found = (int(path.name) for path in self._work.iterdir() if path.is_dir() and path.name.isdigit())
        return sorted(i for i in found if i not in known)

    def pending(self) -> list[int]:
        """Plan indices still to be recorded, in order."""
        known = {*self.committed, *self._failed, *self.staged}
        return [i for i in range(self.plan_size) if i not in known]

    # ---- doing ------------------------------------------------------------------------------------------------------

    def staging_folder(self, plan_index: int) -> Path:
        """Where `stage_episode` puts the episode of this plan entry."""
        return self._work / f"{plan_index:06d}"

    def fail(self, plan_index: int, reason: str) -> None:
        """Note that this plan entry yields no episode; kept at once, also through a kill."""
        self._failed[plan_index] = reason
        write_file(self._work / f"{plan_index:06d}.failed", lambda partial: partial.write_text(reason))

    def commit(self) -> int:
        """Take over all staged episodes that are next in the plan's order; returns how many. Cheap: call it often."""
        ready, staged = [], set(self.staged)
        committed, index = set(self.committed), 0
        while index in staged or index in committed or index in self._failed:
            if index in staged:
                ready.append(index)
            index += 1
        if not ready and self._noted_failures() == len(self._failed):
            return 0
        rows, files = list(self._rows), []
        tasks = self._tasks(rows)
        for plan_index in ready:
            episode = StagedEpisode.load(self.staging_folder(plan_index))
            if episode.cameras != self.meta.cameras:
                raise DemoError(
                    f"{episode.folder}: cameras are {episode.cameras}, the set's are {self.meta.cameras}. All episodes "
                    "of a set have the same cameras and image sizes; delete this folder and stage the episode again."
                )
            if episode.fps != self.meta.fps:
                raise DemoError(
                    f"{episode.folder}: staged at {episode.fps} Hz, but DemoMeta.fps is {self.meta.fps} Hz. Stage it again: "
                    f"stage_episode(episode, folder, fps={self.meta.fps})."
                )
            start = rows[-1].dataset_to_index if rows else 0
            row = EpisodeRow.new(len(rows), start, plan_index, episode)
            tasks.setdefault(row.task, len(tasks))
            files.append(self._place_files(row, episode, tasks[row.task]))
            rows.append(row)
        for partial, final in files:
            partial.replace(final)
        self._rows = rows
        self._replace_meta()
        for plan_index in ready:
            shutil.rmtree(self.staging_folder(plan_index))
        for marker in self._work.glob("*.failed"):
            marker.unlink()
        return len(ready)

    def close(self) -> None:
        """Commit what is ready, remove the work folder when the plan is finished, let the next writer in."""
        if self._lock.closed:
            return
        self.commit()
        if not self.pending() and not self.staged:
            shutil.rmtree(self._work)
        self._lock.close()

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _refuse_foreign_folder(self) -> None:
        if not self.root.exists() or (self.root / "meta/info.json").exists() or (self.root / _WORK).exists():
            return
        if any(self.root.iterdir()):
            raise DemoError(f"{self.root}: the folder is not empty and holds no dataset. Choose another folder.")

    def _resume(self) -> None:
        plan_path, info = self.root / "meta/plan.json", json.loads((self.root / "meta/info.json").read_text())
        if not plan_path.exists():
            raise DemoError(
                f"{self.root}: this dataset is finished and was edited or made elsewhere (no meta/plan.json). "
                "Choose another folder; join sets with LeRobot's merge."
            )
        plan = json.loads(plan_path.read_text())
        if plan["hash"] != self._plan_hash or plan["size"] > self.plan_size:
            raise DemoError(
                f"{self.root}: the set was begun with another plan (hash {plan['hash']}, {plan['size']} entries; now "
                f"{self._plan_hash}, {self.plan_size}). Choose another folder, or delete this one to begin again."
            )
        if info["features"] != self.meta.features():
            raise DemoError(
                f"{self.root}: cameras, frames or workspace differ from those the set was begun with. "
                "Choose another folder, or delete this one to begin again."
            )
        rows, total = read_rows(self.root / "meta/episodes", self.meta), info["total_episodes"]
        if len(rows) < total or any(row.plan_index < 0 for row in rows[:total]):
            raise DemoError(
                f"{self.root}: the set was extended or edited elsewhere (episodes that are in no plan); nothing was touched. "
                "Choose another folder; join sets with LeRobot's merge."
            )
        self._rows = rows[:total]
        self._failed = {int(index): reason for index, reason in plan["failed"].items()}
        for marker in self._work.glob("*.failed"):
            self._failed[int(marker.stem)] = marker.read_text()

    def _tidy(self) -> None:
        """Remove what a killed run left: half-staged episodes and files that meta does not list."""
        for path in self._work.iterdir():
            committed = path.name.isdigit() and int(path.name) in self.committed
            if committed or path.name == "meta" or path.name.endswith(".part"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        listed = {self.root / row.data_file for row in self._rows}
        listed |= {self.root / row.video_file(name) for row in self._rows for name in self.meta.camera_names}
        for top in ("data", "videos"):
            for path in (self.root / top).rglob("*"):
                if path.is_file() and path not in listed:
                    path.unlink()

    def _place_files(self, row: EpisodeRow, episode: StagedEpisode, task_index: int) -> tuple[Path, Path]:
        """Link the videos, write the data file under a temporary name; returns (temporary, final) data file."""
        for name in self.meta.camera_names:
            link_or_copy(episode.video(name), self.root / row.video_file(name))
        indices = {
            "episode_index": np.full(row.length, row.episode_index),
            "index": np.arange(row.dataset_from_index, row.dataset_to_index),
            "task_index": np.full(row.length, task_index),
        }
        for name, values in indices.items():
            row.stats[name] = stats.column_stats(values)
        arrays = episode.columns | {name: as_arrow(values.astype(np.int64)) for name, values in indices.items()}
        final = self.root / row.data_file
        partial = final.with_name(f".{final.name}.part")
        partial.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(arrays), partial, compression="snappy")
        return partial, final

    def _tasks(self, rows: list[EpisodeRow]) -> dict[str, int]:
        return {task: i for i, task in enumerate(dict.fromkeys(row.task for row in rows))}

    def _noted_failures(self) -> int:
        return len(json.loads((self.root / "meta/plan.json").read_text())["failed"])

    def _replace_meta(self) -> None:
        new = self._work / "meta"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        tasks = self._tasks(self._rows)
        frames = self._rows[-1].dataset_to_index if self._rows else 0
        info = {
            "codebase_version": CODEBASE_VERSION,
            "robot_type": self.meta.robot_type,
            "total_episodes": len(self._rows),
            "total_frames": frames,
            "total_tasks": len(tasks),
            "chunks_size": CHUNK_SIZE,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "fps": self.meta.fps,
            "splits": {"train": f"0:{len(self._rows)}"},
            "data_path": DATA_PATH,
            "video_path": VIDEO_PATH,
            "features": self.meta.features(),
        }
        plan = {"hash": self._plan_hash, "size": self.plan_size, "failed": self._failed}
        total: dict[str, Any] = {}
        if self._rows:
            total = {key: stats.combine([row.stats[key] for row in self._rows]) for key in self._rows[0].stats}
        write_rows(new / EPISODES_PATH.removeprefix("meta/"), self._rows, self.meta)
        _write_tasks(new / "tasks.parquet", tasks)
        (new / "stats.json").write_text(json.dumps(stats.to_json(total), indent=1))
        (new / "plan.json").write_text(json.dumps(plan, indent=1))
        (new / "info.json").write_text(json.dumps(info, indent=1))
        replace_folder(new, self.root / "meta", _META_ORDER)


def _write_tasks(path: Path, tasks: dict[str, int]) -> None:
    """Columns task_index and task, with `task` as pandas' index: without that mark LeRobot finds numbers for names."""
    table = pa.table(
        {"task_index": pa.array(list(tasks.values()), pa.int64()), "task": pa.array(list(tasks), pa.string())}
    )
    columns = [
        {
            "name": "task_index",
            "field_name": "task_index",
            "pandas_type": "int64",
            "numpy_type": "int64",
            "metadata": None,
        },
        {"name": "task", "field_name": "task", "pandas_type": "unicode", "numpy_type": "object", "metadata": None},
    ]
    pandas = {"index_columns": ["task"], "column_indexes": [], "columns": columns, "pandas_version": "2.0.0"}
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), path)
