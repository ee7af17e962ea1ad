"""Runs' folders with made-up records, to look at the page; the numbers mean nothing."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from para.evaluation import AXES, Condition, EpisodeError, EpisodeRecord, Settings, Subject
from para.evaluation.ledger import append_ledger
from para.evaluation.plans import DEFAULT64, Plan
from para.evaluation.provenance import Provenance
from para.evaluation.records import FORMAT, _to_json, append_record
from para.evaluation.video import video_path, write_video
from para.report import RunFolder
from para.worlds.libero.layout import Layout, ObjectPlacement
from para.worlds.world import Stage

MADE_UP = Provenance(
    "para reproduce --preset quick", "0123456789ab", (("python", "3.11.7"), ("torch", "2.7.0")), "made-up machine"
)
SKILL = {
    # policy: (at the training region, lost from the nearest to the farthest test condition)
    "para": (0.96, 0.12),
    "para_paper_lite0_224": (0.9, 0.5),
    "cls_regression": (0.9, 1.1),
    "act": (0.93, 1.0),
    "diffusion": (0.6, 0.8),
    "expert": (0.99, 0.0),
    "oracle": (0.98, 0.02),
}
FEW = ("para", "cls_regression", "expert")
VIDEO = {
    "video_two_stage": (0.9, 0.3),
    "video_two_stage_global": (0.85, 0.8),
    "video_frozen": (0.3, 0.2),
    "video_then_actions_long": (0.95, 0.2),
    "video_then_actions_long_global": (0.1, 0.1),
}
"""The same for recipes of the video table."""
FACTORIAL = {
    "reg_pooled_world": (0.92, 1.1),
    "reg_pooled_offset": (0.92, 0.9),
    "reg_pooled_camera": (0.9, 1.0),
    "reg_pooled_pixel": (0.9, 0.6),
    "reg_dense_world": (0.93, 0.8),
    "reg_dense_offset": (0.92, 0.5),
    "reg_dense_camera": (0.5, 0.5),
    "reg_dense_pixel": (0.95, 0.2),
    "reg_dense_pixel_shift": (0.95, 0.15),
    "reg_soft_argmax": (0.95, 0.3),
}


@dataclass(frozen=True)
class LevelAxis:
    """An axis that this version does not have: as many boxes on the table as its level says."""

    name: str = "made_up_boxes"
    title: str = "empty table → boxes on it"
    grade_title: str = "boxes on the table"
    levels: tuple[int, ...] = (3, 6, 10)

    def plan(self, split: str = "test") -> Plan:
        return DEFAULT64

    def training_layouts(self, split: str = "test", n: int | None = None, draw: int = 0) -> list[Layout]:
        return DEFAULT64.layouts(n, draw)

    def test_conditions(self, n: int) -> list[Condition]:
        return [self._condition(c, self.levels[i % 3]) for i, c in enumerate(AXES["dense"].test_conditions(n))]

    def in_distribution_conditions(self, n: int, split: str = "test") -> list[Condition]:
        return [replace(c, axis=self.name) for c in AXES["dense"].in_distribution_conditions(n)]

    def grade(self, layout: Layout, split: str = "test") -> float:
        return float(len(layout.objects))

    def _condition(self, condition: Condition, level: int) -> Condition:
        boxes = tuple(ObjectPlacement(f"box_{i}", (0.0, 0.1 * i)) for i in range(level))
        return replace(condition, axis=self.name, layout=replace(condition.layout, objects=boxes))


def episode(policy: str, condition: Condition, mode: str = "servo", far: float | None = None) -> EpisodeRecord:
    """How a made-up episode of this policy ended; `far` is the condition's place among all, 0 nearest, 1 farthest."""
    rng = np.random.default_rng([condition.seed, condition.index, len(policy)])
    best, loss = (SKILL | FACTORIAL | VIDEO)[policy]
    chance = best - loss * (far or 0.0) - (0.08 if mode == "realtime" else 0)
    draw = rng.random()
    stage = Stage.PLACE if draw < chance else Stage.GRASP if draw < chance + 0.5 * (1 - chance) else Stage.MISS
    ended = "finished" if stage == Stage.PLACE else ["limit", "stuck", "failure: physics"][int(rng.integers(3))]
    steps = int(rng.integers(90, 130)) if stage == Stage.PLACE else 600
    return EpisodeRecord(
        Subject(policy, checkpoint(policy)), condition, Settings(mode, 600, (256, 256)), stage,
        stage == Stage.PLACE or rng.random() < 0.03, steps, ended, 4.0, 1, MADE_UP,
    )  # fmt: skip


def checkpoint(policy: str) -> str:
    """A made-up hash; a reference has none."""
    return policy if policy == "expert" else f"{zlib.crc32(policy.encode()):012x}"


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


def axis_records(axis: str, policies: Sequence[str], n: int = 120, seen: int = 40) -> list[EpisodeRecord]:
    """Test and in-distribution episodes of an axis."""
    tests, fresh = AXES[axis].test_conditions(n), AXES[axis].in_distribution_conditions(seen)
    grades = [AXES[axis].grade(c.layout) for c in tests]
    low, span = min(grades), (max(grades) - min(grades)) or 1.0
    lines = []
    for policy in policies:
        lines += [episode(policy, c, far=(g - low) / span) for c, g in zip(tests, grades)]
        lines += [episode(policy, c) for c in fresh] if policy not in ("expert", "oracle") else []
    return lines


def write_records(path: Path, records: Sequence[EpisodeRecord]) -> None:
    """All at once; `append_record` waits for the disk after every line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ({"format": FORMAT, "kind": "episode", **_to_json(record)} for record in records)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def make_run(
    root: Path,
    axes: tuple[str, ...] = ("lr_independent", "view"),
    n: int = 120,
    policies: Sequence[str] = FEW,
    factorial: bool = False,
) -> RunFolder:
    """Write the whole folder; the first axis has realtime episodes and, where asked for, policies that have
    tables of their own."""
    run = RunFolder(root)
    for axis in axes:
        first = axis == axes[0]
        lines = axis_records(axis, [*policies, *(FACTORIAL | VIDEO if factorial and first else ())], n)
        mine = [line.condition for line in lines if line.subject.policy == "para"]
        lines += [episode("para", c, "realtime") for c in mine[: n // 2]] if first else []
        write_records(run.records(axis), lines)
        for line in lines:
            c, policy = line.condition, line.subject.policy
            if c.split == "test" and c.index < 3 and line.settings.mode == "servo" and policy in FEW:
                film(video_path(run.videos, axis, policy, c.split, c.index), c.index, line.placed)
        for policy in ("para", "cls_regression"):
            append_ledger(run.ledger, Subject(policy, checkpoint(policy)), axis, n)
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
    make_notes(root, axes[0])
    run.pictures.mkdir()
    ramp = np.linspace(0, 255, 300).astype(np.uint8)
    Image.fromarray(np.stack([np.add.outer(ramp, ramp)] * 3, -1)).save(run.pictures / "volume-start.png")
    (run.pictures / "volume-start.txt").write_text("The volume at the start, made up.")
    return run


def make_notes(folder: Path, axis: str) -> None:
    """Ablations and failures, written down."""
    rows = [
        {"change": "without the state's planes", "axis": axis, "split": "validation", "with": {"placed": 31, "n": 50},
         "without": {"placed": 42, "n": 50}, "verdict": "dropped", "note": "The gripper closes too late."},
        {"change": "soft targets", "axis": axis, "split": "validation", "with": {"placed": 45, "n": 50},
         "without": {"placed": 41, "n": 50}, "verdict": "kept", "commit": "0123456789ab"},
    ]  # fmt: skip
    (folder / "ablations.json").write_text(json.dumps({"format": 1, "rows": rows}))
    causes = [
        {"policy": "para", "axis": axis, "split": "test", "cause": "bowl set down beside the plate", "count": 6, "of": 9,
         "example": 4},
        {"policy": "para", "axis": axis, "split": "test", "cause": "gripper never opened", "count": 3, "of": 9},
    ]  # fmt: skip
    (folder / "failures.json").write_text(json.dumps({"format": 1, "rows": causes}))


def make_scaling(folder: Path) -> None:
    """Runs of 4, 8 and 16 demonstrations, two draws each, which are axes named after number and draw."""
    base = AXES["dense"].test_conditions(30)
    for n, loss in ((4, 0.8), (8, 0.5), (16, 0.25)):
        for draw in (0, 1):
            axis = f"scaling_n{n}_d{draw}"
            lines = [episode(p, replace(c, axis=axis), far=loss + 0.3 * draw) for p in FEW[:2] for c in base]
            lines = [replace(r, subject=replace(r.subject, checkpoint=f"weights{n:02d}{draw}")) for r in lines]
            write_records(RunFolder(folder / f"scaling_{n}").records(axis), lines)


def make_collection(root: Path) -> Path:
    """Two runs of one axis (a small one and a full one), one of views, a trial, draws, one ledger for all."""
    make_run(root / "small", axes=("lr_independent",), n=20)
    make_run(root / "full", axes=("lr_independent",), n=120, policies=tuple(SKILL), factorial=True)
    write_records(RunFolder(root / "views").records("view"), axis_records("view", FEW, 64))
    trial = [episode("para", c) for c in AXES["lr"].validation_conditions(12)]
    write_records(RunFolder(root / "trials" / "other_frame").records("lr"), trial)
    make_scaling(root)
    append_ledger(root / "ledger.jsonl", Subject("para", checkpoint("para")), "lr_independent", 120)
    return root


def make_error(run: RunFolder, axis: str, policy: str) -> None:
    """Add an unresolved error to a cell."""
    condition = AXES[axis].test_conditions(200)[199]
    subject, settings = Subject(policy, checkpoint(policy)), Settings("servo", 600, (256, 256))
    append_record(run.records(axis), EpisodeError(subject, condition, settings, "OSError: made up", 3, MADE_UP))
