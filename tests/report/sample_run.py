"""A run's folder with made-up records, to look at the page; the numbers mean nothing."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from para.evaluation import AXES, Condition, EpisodeError, EpisodeRecord, Settings, Subject
from para.evaluation.ledger import append_ledger
from para.evaluation.provenance import Provenance
from para.evaluation.records import append_record
from para.evaluation.video import video_path, write_video
from para.report import RunFolder
from para.worlds.world import Stage

MADE_UP = Provenance(
    "para reproduce quick", "0123456789ab", (("python", "3.11.7"), ("torch", "2.7.0")), "made-up machine"
)
CHECKPOINTS = {"para": "aaaaaaaaaaaa", "cls_regression": "bbbbbbbbbbbb", "expert": "expert"}
SKILL = {
    # policy: (at the training region, lost for each metre or, on views, for each 100 deg)
    "para": (0.96, 0.35),
    "cls_regression": (0.9, 3.2),
    "expert": (0.99, 0.0),
}


def episode(policy: str, condition: Condition, mode: str = "servo") -> EpisodeRecord:
    """How a made-up episode of this policy ended."""
    rng = np.random.default_rng([condition.seed, len(policy)])
    best, loss = SKILL[policy]
    grade = AXES[condition.axis].grade(condition.layout) / (100 if condition.axis == "view" else 1)
    chance = best - loss * grade - (0.08 if mode == "realtime" else 0)
    draw = rng.random()
    stage = Stage.PLACE if draw < chance else Stage.GRASP if draw < chance + 0.5 * (1 - chance) else Stage.MISS
    ended = "finished" if stage == Stage.PLACE else ["limit", "stuck", "failure: physics"][int(rng.integers(3))]
    steps = int(rng.integers(90, 130)) if stage == Stage.PLACE else 600
    return EpisodeRecord(
        Subject(policy, CHECKPOINTS[policy]), condition, Settings(mode, 600, (256, 256)), stage,
        stage == Stage.PLACE or rng.random() < 0.03, steps, ended, 4.0, 1, MADE_UP,
    )  # fmt: skip


def film(path: Path, seed: int, success: bool) -> None:
    """Ten frames of a disc that reaches a ring, or does not."""
    frames = []
    for t in np.linspace(0, 1 if success else 0.5, 10):
        image = Image.new("RGB", (128, 128), (214, 205, 190))
        draw = ImageDraw.Draw(image)
        draw.ellipse((84, 60, 116, 92), outline=(120, 120, 120), width=3)
        x = 20 + 72 * t
        draw.ellipse(
            (x, 20 + 7 * seed + (48 - 7 * seed) * t, x + 16, 36 + 7 * seed + (48 - 7 * seed) * t), fill=(40, 40, 40)
        )
        frames.append(np.array(image))
    write_video(path, frames, Fraction(10))


def make_run(root: Path, axes: tuple[str, ...] = ("lr_independent", "view"), n: int = 120) -> RunFolder:
    """Write the whole folder."""
    run = RunFolder(root)
    for axis in axes:
        conditions = [*AXES[axis].test_conditions(n), *AXES[axis].in_distribution_conditions(40)]
        lines = [episode(policy, c) for policy in SKILL for c in conditions if policy != "expert" or c.split == "test"]
        lines += [episode("para", c, "realtime") for c in conditions[: n // 2]] if axis == axes[0] else []
        run.records(axis).parent.mkdir(parents=True, exist_ok=True)
        for line in lines:
            append_record(run.records(axis), line)
        for line in lines:
            c = line.condition
            if c.split == "test" and c.index < 3 and line.settings.mode == "servo":
                film(video_path(run.videos, axis, line.subject.policy, c.split, c.index), c.index, line.placed)
        for policy in ("para", "cls_regression"):
            append_ledger(run.ledger, Subject(policy, CHECKPOINTS[policy]), axis, n)
    for policy, floor in (("para", 1.2), ("cls_regression", 0.02)):
        run.train(policy).mkdir(parents=True)
        rows = [
            {"step": s, "loss": floor * (1 + 5 * 0.997**s) * (1 + 0.1 * np.sin(s)), "seconds": 0.5 * s}
            for s in range(20, 1500, 20)
        ]
        run.log(policy).write_text("".join(json.dumps(row) + "\n" for row in rows))
    run.timings.write_text(
        json.dumps(
            {"install": 210, "demonstrations": 300, "train para": 480, "training": 960, "evaluation": 540, "report": 12}
        )
    )
    note = "Made-up numbers, for the tests of this page."
    run.preset.write_text(json.dumps({"name": "quick", "axis": axes[0], "demos": None, "note": note}))
    run.pictures.mkdir()
    ramp = np.linspace(0, 255, 300).astype(np.uint8)
    Image.fromarray(np.stack([np.add.outer(ramp, ramp)] * 3, -1)).save(run.pictures / "volume-start.png")
    (run.pictures / "volume-start.txt").write_text("The volume at the start, made up.")
    return run


def make_error(run: RunFolder, axis: str, policy: str) -> None:
    """Add an unresolved error to a cell."""
    condition = AXES[axis].test_conditions(200)[199]
    subject, settings = Subject(policy, CHECKPOINTS[policy]), Settings("servo", 600, (256, 256))
    append_record(run.records(axis), EpisodeError(subject, condition, settings, "OSError: made up", 3, MADE_UP))
