"""Where the parts of a run stand on the disk, and the small files that describe it.

RUN/preset.json               the experiment, as configuration JSON
RUN/demos/                    demonstrations
RUN/train/<policy>/           policy/, log.jsonl, first_batch.png
RUN/records/<axis>.jsonl      episode records
RUN/videos/<axis>/<policy>/   rollouts of the first test conditions
RUN/pictures/                 PNG, JPEG and SVG pictures for the report; <name>.txt beside one is its caption; a folder of
                              runs may have one, too
RUN/ablations.json            changes tried, with and without (see notes.py)
RUN/failures.json             why episodes failed (see notes.py)
RUN/timings.json              seconds of each stage
RUN/memory.json               peak memory of each stage, all processes together
RUN/ledger.jsonl              test evaluations
RUN/report.html               the page
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from para.evaluation.records import PACKED

STAGES = ("install", "demonstrations", "training", "evaluation", "report")
"""Stages of a run in their order; other entries of timings.json are parts of these."""


@dataclass(frozen=True)
class RunFolder:
    """The layout of one run's folder."""

    root: Path

    @property
    def preset(self) -> Path:
        """The experiment's JSON."""
        return self.root / "preset.json"

    @property
    def demos(self) -> Path:
        """Folder of the demonstrations."""
        return self.root / "demos"

    def train(self, policy: str) -> Path:
        """Folder of one policy's training."""
        return self.root / "train" / policy

    def log(self, policy: str) -> Path:
        """Its log, one JSON object for each logged step: step, loss, seconds."""
        return self.train(policy) / "log.jsonl"

    def records(self, axis: str) -> Path:
        """Episode records of one axis, all policies."""
        return self.root / "records" / f"{axis}.jsonl"

    def all_records(self) -> list[Path]:
        """The records files there are, packed ones too, unless they lie unpacked beside."""
        folder = self.root / "records"
        plain = set(folder.glob("*.jsonl"))
        return sorted(plain | {path for path in folder.glob(f"*.jsonl{PACKED}") if path.with_suffix("") not in plain})

    @property
    def videos(self) -> Path:
        """Folder of the rollouts."""
        return self.root / "videos"

    @property
    def pictures(self) -> Path:
        """Folder of pictures for the report."""
        return self.root / "pictures"

    @property
    def timings(self) -> Path:
        """Seconds of each stage."""
        return self.root / "timings.json"

    @property
    def memory(self) -> Path:
        """Peak memory of each stage [GB], all processes together."""
        return self.root / "memory.json"

    @property
    def ledger(self) -> Path:
        """Test evaluations of this run."""
        return self.root / "ledger.jsonl"

    @property
    def report(self) -> Path:
        """The page."""
        return self.root / "report.html"


@dataclass(frozen=True)
class ExperimentNote:
    """What the report needs to know of the preset."""

    name: str
    axis: str
    demos: int | None
    """Demonstrations used; None: all of the axis's plan."""
    note: str


@dataclass(frozen=True)
class LogLine:
    """One logged training step."""

    step: int
    loss: float
    seconds: float
    """Since the training began [s]."""


def read_note(run: RunFolder) -> ExperimentNote | None:
    """From preset.json; None where there is none (records of several runs put together)."""
    if not run.preset.exists():
        return None
    data = json.loads(run.preset.read_text())
    return ExperimentNote(
        data.get("name", run.root.name), data.get("axis", ""), data.get("demos"), data.get("note", "")
    )


def read_timings(run: RunFolder) -> dict[str, float]:
    """Seconds by stage, in the order they were written; empty where there is no file."""
    if not run.timings.exists():
        return {}
    return {str(name): float(seconds) for name, seconds in json.loads(run.timings.read_text()).items()}


def read_log(path: Path) -> list[LogLine]:
    """A training log; a torn last line is left out."""
    lines = []
    for text in path.read_text().splitlines() if path.exists() else []:
        try:
            data = json.loads(text)
            lines.append(LogLine(int(data["step"]), float(data["loss"]), float(data["seconds"])))
        except (ValueError, KeyError):
            continue
    return lines
