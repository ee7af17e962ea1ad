"""One line of JSON for each episode, appended when it is over and never changed.

A records file may hold several policies, splits and checkpoints. Episodes that could not be run at all stand in the
same file as `EpisodeError`s; one is unresolved as long as no episode record of the same condition follows it. A file that
is complete may be kept packed (``gzip lr.jsonl``): it is read as before, and no longer added to.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from para.evaluation.conditions import Condition
from para.evaluation.provenance import Provenance
from para.worlds.libero.layout import Layout
from para.worlds.world import Stage

R = TypeVar("R", "EpisodeRecord", "EpisodeError")

FORMAT = 1
"""Version of a line; a reader refuses lines of a later one."""

PACKED = ".gz"
"""Last suffix of a packed file."""


@dataclass(frozen=True)
class Settings:
    """What must be the same for all episodes of one table."""

    mode: str
    """``servo`` | ``realtime``: how chunks become commands."""
    max_steps: int
    """Limit of control steps."""
    image_size: tuple[int, int]
    """Width and height of the camera picture [px]."""


@dataclass(frozen=True)
class Subject:
    """Who is evaluated: the name in the table and the exact weights behind it."""

    policy: str
    checkpoint: str
    """Hash of the checkpoint's files; the word ``expert`` where there are none."""


@dataclass(frozen=True)
class EpisodeRecord:
    """One finished episode."""

    subject: Subject
    condition: Condition
    settings: Settings
    stage: Stage
    official: bool
    """The benchmark's bare success predicate was true at some moment."""
    steps: int
    """Control steps taken."""
    ended_by: str
    """As `Rollout.ended_by`, e.g. ``finished``, ``limit``, ``failure: <cause>``."""
    wall_seconds: float
    attempts: int
    """1 + the number of errors before this run of the episode, those on record from earlier calls among them."""
    provenance: Provenance

    @property
    def placed(self) -> bool:
        """The benchmark's success."""
        return self.stage == Stage.PLACE


@dataclass(frozen=True)
class EpisodeError:
    """An episode that did not reach the policy's first action, as often as it was tried."""

    subject: Subject
    condition: Condition
    settings: Settings
    cause: str
    attempts: int
    """How often it was tried, in earlier calls, too."""
    provenance: Provenance


@dataclass(frozen=True)
class Records:
    """What a records file holds, later lines replacing earlier ones of the same episode."""

    episodes: tuple[EpisodeRecord, ...]
    errors: tuple[EpisodeError, ...]
    """Unresolved ones only."""


class RecordsError(ValueError):
    """A records file is damaged, or was written under other settings than asked for now."""


def append_record(path: Path, record: EpisodeRecord | EpisodeError) -> None:
    """Write one line and wait until it is on the disk. A torn last line of an interrupted run is cut off first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "episode" if isinstance(record, EpisodeRecord) else "error"
    line = json.dumps({"format": FORMAT, "kind": kind, **_to_json(record)}, separators=(",", ":")) + "\n"
    with open(path, "a+b") as file:
        _cut_torn_tail(file)
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())


def read_records(path: Path) -> Records:
    """Read a file; a missing one is empty, a torn last line is left out, any other damage is a RecordsError."""
    episodes: dict[tuple, EpisodeRecord] = {}
    errors: dict[tuple, EpisodeError] = {}
    content = path.read_bytes() if path.exists() else b""
    if path.suffix == PACKED and content:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise RecordsError(f"{path}: not a whole gzip file ({error}); pack the records again") from error
    *lines, torn = content.split(b"\n")
    if torn and path.suffix == PACKED:  # nobody was interrupted while appending to it
        raise RecordsError(f"{path}: its last line is cut off; unpack it, see what is missing, and pack it again")
    for number, line in enumerate(lines, start=1):
        record = _parse(line, f"{path}:{number}")
        c = record.condition
        asked = record.subject, record.settings.mode, c.axis, c.split, c.index
        if isinstance(record, EpisodeRecord):
            episodes[episode_key(record)] = record
            errors.pop(asked, None)
        else:  # resolved by any later episode of the condition, also where the settings had been what was wrong
            errors[asked] = record
    return Records(tuple(episodes.values()), tuple(errors.values()))


def remaining(
    records: Records, subject: Subject, settings: Settings, conditions: Sequence[Condition], where: str
) -> list[Condition]:
    """The conditions that `subject` has not run yet.

    Servo and realtime episodes stand beside each other. RecordsError when an earlier episode of the same checkpoint, mode
    and condition was run under other settings or with another layout: the two may not stand in one table. `where` names
    the file in the message.
    """
    done: dict[tuple[str, str, int], EpisodeRecord] = {}
    for record in records.episodes:
        if record.subject == subject and record.settings.mode == settings.mode:
            done[record.condition.axis, record.condition.split, record.condition.index] = record
    left = []
    for condition in conditions:
        record = done.get((condition.axis, condition.split, condition.index))
        if record is None:
            left.append(condition)
            continue
        for what, then, now in (
            ("settings", record.settings, settings),
            ("seed", record.condition.seed, condition.seed),
            ("layout", record.condition.layout, condition.layout),
        ):
            if then != now:
                raise RecordsError(
                    f"{where}: {subject.policy} has {condition.label} recorded under another {what}: then {then}, "
                    f"now {now}. Go on with the old {what}, or write to another records file."
                )
    return left


def select(
    records: Iterable[EpisodeRecord], *, policy: str | None = None, axis: str | None = None, split: str | None = None
) -> list[EpisodeRecord]:
    """The records of one policy, axis and split (None: any), in the order of their conditions."""
    chosen = [
        r
        for r in records
        if (policy is None or r.subject.policy == policy)
        and (axis is None or r.condition.axis == axis)
        and (split is None or r.condition.split == split)
    ]
    return sort_records(chosen)


def sort_records(records: Iterable[R]) -> list[R]:
    """In the order of their conditions, whatever order they finished in."""
    return sorted(records, key=lambda r: (r.condition.axis, r.condition.split, r.condition.index, r.subject.policy))


def episode_key(record: EpisodeRecord | EpisodeError) -> tuple:
    """What makes two lines the same episode, of which the later one counts."""
    c = record.condition
    return record.subject, record.settings, c.axis, c.split, c.index, c.seed


def _to_json(record: EpisodeRecord | EpisodeError) -> dict[str, Any]:
    data = asdict(record)
    data["condition"] = {**data["condition"], "layout": record.condition.layout.to_json()}
    return data


def _parse(line: bytes, where: str) -> EpisodeRecord | EpisodeError:
    try:
        data = json.loads(line)
        version, kind = data.pop("format"), data.pop("kind")
        if version > FORMAT:
            raise RecordsError(f"{where}: line format {version} is newer than this program's {FORMAT}; update para.")
        condition = data.pop("condition")
        shared = {
            "subject": Subject(**data.pop("subject")),
            "condition": Condition(**{**condition, "layout": Layout.from_json(condition["layout"])}),
            "settings": _settings(data.pop("settings")),
            "provenance": Provenance.from_json(data.pop("provenance")),
        }
        if kind == "error":
            return EpisodeError(**shared, **data)
        return EpisodeRecord(**shared, **{**data, "stage": Stage(data["stage"])})
    except RecordsError:
        raise
    except (ValueError, KeyError, TypeError) as cause:
        raise RecordsError(
            f"{where}: not an episode record ({type(cause).__name__}: {cause}). Only the last line of a file may be "
            "torn; remove the damaged line and evaluate again, which re-runs just that episode."
        ) from cause


def _settings(data: dict[str, Any]) -> Settings:
    width, height = data["image_size"]
    return Settings(data["mode"], data["max_steps"], (width, height))


def _cut_torn_tail(file: Any) -> None:
    """Truncate what follows the last newline."""
    end = file.seek(0, os.SEEK_END)
    start = max(0, end - 1_000_000)
    file.seek(start)
    tail = file.read()
    if tail and not tail.endswith(b"\n"):
        file.truncate(start + tail.rfind(b"\n") + 1)
