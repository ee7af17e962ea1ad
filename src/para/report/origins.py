"""What makes each row of numbers again: the command, told from the fields of the row's records.

The command on record may name folders and rows of the day it was typed. Printed is the one that `runs/axes.sh` and
`runs/video.sh` type for the row; a stage of ``para reproduce`` is printed as it was, and so is what is no ``para evaluate``.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from para.evaluation.records import EpisodeRecord
from para.report.cells import AxisTable
from para.report.video_table import RECIPES

RUN = "RUN"
"""Stands for the folder of the training and of its records."""

DEFAULT_SIZE = (256, 256)
"""Picture size that ``para evaluate`` takes where none is asked for [px]."""


@dataclass(frozen=True)
class Origin:
    """What makes one row of numbers again."""

    axis: str
    policy: str
    split: str
    run: str
    checkpoint: str
    commit: str
    n: int
    command: str


def origins(tables: Sequence[AxisTable]) -> list[Origin]:
    """One for each axis, training and commit behind each row."""
    found = []
    for table in tables:
        for row in table.rows:
            for cell in filter(None, (row.main, row.realtime, row.in_distribution)):
                counts: dict[tuple[str, str, str, str], int] = {}
                asked: dict[tuple[str, str], int] = {}
                for r in cell.episodes:
                    training = (r.condition.axis, r.subject.policy)
                    asked[training] = max(asked.get(training, 0), r.condition.index + 1)
                for r in cell.episodes:
                    command = evaluate_command(r, asked[r.condition.axis, r.subject.policy])
                    key = (r.condition.axis, r.subject.checkpoint, r.provenance.commit, command)
                    counts[key] = counts.get(key, 0) + 1
                split = cell.split if cell.mode == "servo" else f"{cell.split}, {cell.mode}"
                found += [
                    Origin(axis, row.policy, split, row.run, checkpoint, commit, n, command)
                    for (axis, checkpoint, commit, command), n in counts.items()
                ]
    return list(dict.fromkeys(found))


def evaluate_command(record: EpisodeRecord, episodes: int) -> str:
    """The command for the first `episodes` conditions of the record's row."""
    typed = shlex.split(record.provenance.command)
    if typed[:2] != ["para", "evaluate"] or "--oracle" in typed:  # the grid of an oracle is in no field
        return record.provenance.command
    name, c, settings = record.subject.policy, record.condition, record.settings
    words = ["para", "evaluate"]
    if record.subject.checkpoint != "expert":
        words += ["--policy", f"{RUN}/{_training(name, '+' in record.subject.checkpoint)}/policy"]
        words += ["--locator", f"{RUN}/train/locator/policy"] if "+" in record.subject.checkpoint else []
        words += ["--name", name]
    words += ["--axis", c.axis, "--split", c.split, "--episodes", str(episodes)]
    words += ["--mode", settings.mode] if settings.mode != "servo" else []
    words += ["--image-size", *map(str, settings.image_size)] if settings.image_size != DEFAULT_SIZE else []
    return shlex.join([*words, "--records", f"{RUN}/records/{c.axis}.jsonl"])


def _training(name: str, corrected: bool) -> str:
    """The folder of the weights in the run's: a recipe's stages lie beside each other, and a corrected policy has no weights of
    its own."""
    if name in RECIPES:
        return name.removeprefix("video_")
    return f"train/{name.removesuffix('_corrected') if corrected else name}"
