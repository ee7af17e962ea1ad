"""Named experiments: demonstrations, policies and test of one run of `para reproduce`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from para.backbones import Lite0Config
from para.evaluation.axes import AXES
from para.evaluation.official_axes import OfficialAxis
from para.presets.names import look_up
from para.presets.policies import FACTORIAL, YAW_MECHANISMS, policy_preset
from para.training import TrainConfig


@dataclass(frozen=True)
class Row:
    """One policy of an experiment."""

    name: str
    """Its name in records and report."""
    train: TrainConfig


@dataclass(frozen=True)
class Experiment:
    """One axis, one set of demonstrations, some policies trained on it, one table."""

    name: str
    axis: str
    rows: tuple[Row, ...]
    also: tuple[tuple[str, int], ...] = ()
    """Further axes for the same policies, each with its number of test conditions; their demonstrations must be those of
    `axis` (see `para axes`)."""
    demos: int | None = None
    """How many demonstrations of the axis's plan; None for all."""
    tests: int = 200
    """Test conditions of `axis`; one episode each."""
    in_distribution: int = 100
    """Conditions in the training region."""
    expert: int = 50
    """Test conditions that the scripted expert is shown; what it cannot do nobody can be asked."""
    image_size: tuple[int, int] = (256, 256)
    """(W, H) of the recorded pictures."""
    videos: int = 6
    """Filmed test conditions per policy."""
    note: str = ""
    """For the report: how to read it."""


def _row(name: str, steps: int, **changes: object) -> Row:
    return Row(name, replace(policy_preset(name), steps=steps, **changes))


PUBLISHED_TESTS = {
    "nf": 200, "lr_full": 200, "view": 800, "view_far": 200, "view_hemisphere": 200, "distractors": 300, "calibration": 400,
    "external_views": 376,
}  # fmt: skip
"""Test conditions of the published tables; of axes that are not named, 100."""


def _with_tests(*axes: str) -> tuple[tuple[str, int], ...]:
    return tuple((axis, PUBLISHED_TESTS.get(axis, 100)) for axis in axes)


def quick() -> Experiment:
    """The main job in about half an hour on two cores: 128 demonstrations, pointing against regression, unseen half."""
    rows = (_row("para", 1500), _row("cls_regression", 1500))
    note = "Quick run: both policies have the same backbone, demonstrations and optimiser steps."
    return Experiment("quick", "lr_independent", rows, tests=50, in_distribution=24, expert=24, note=note)


def lr_independent() -> Experiment:
    """The quick run's policy and demonstrations at full size; both are trained longer, the baseline until it is competent."""
    note = "Same backbone and demonstrations."
    rows = (_row("para", 6000), _row("cls_regression", 3500))
    return Experiment("lr_independent", "lr_independent", rows, note=note)


def lr() -> Experiment:
    """The published left-to-right experiment: bowl and plate shifted together; a baseline that is trained longer."""
    return Experiment("lr", "lr", (_row("para", 6000), _row("cls_regression", 3500)))


def dense() -> Experiment:
    """64 demonstrations over the whole table, tested between them: where the published method lost."""
    return Experiment("dense", "dense", (_row("para", 6000), _row("cls_regression", 2500)))


def default64() -> Experiment:
    """One training, six axes: between the demonstrations, other cameras, distractors, a wrong camera, another look."""
    also = _with_tests("view", "view_far", "distractors", "calibration", "appearance")
    rows = (_row("para", 6000), _row("cls_regression", 2500))
    return Experiment("default64", "dense", rows, also, expert=24)


def yaw() -> Experiment:
    """A box in directions that no demonstration showed: ours with the turn read from above, with the fingers' axis pointed at,
    as it is, regression."""
    ours = (_row(name, 1500) for name in ("para_yaw_top_view", "para_yaw", "para"))
    rows = (*ours, _row("cls_regression", 2500))
    return Experiment("yaw", "yaw", rows, tests=100)


def yaw_mechanisms() -> Experiment:
    """Which way of telling rotations makes a hand turn as no demonstration did. Before the test conditions are looked at, the
    same comparison can be had on validation conditions with `runs/ablations.py --axis yaw`."""
    rows = tuple(_row(name, 1500) for name in ("para_yaw", *YAW_MECHANISMS))
    return Experiment("yaw_mechanisms", "yaw", rows, tests=100, videos=2)


def suite() -> Experiment:
    """The ten tasks of LIBERO-Spatial by their instructions, and what other benchmarks ask of the same policies."""
    rows = (
        Row("para", replace(policy_preset("para_suite"), steps=3000)),
        Row("para_task_id", replace(policy_preset("para_suite_task_id"), steps=3000)),
        Row("cls_regression", replace(policy_preset("cls_regression_suite"), steps=5000)),
    )
    also = _with_tests("suite_other_bowl", "external_swap", "external_views")
    return Experiment("suite", "suite", rows, also, tests=100, expert=100)


def on_axis(name: str) -> Experiment:
    """Both policies on any axis of the benchmark, e.g. ``scaling_n32_d1``, trained for as many steps as in the published table;
    told their task where the axis has several."""
    if isinstance(AXES[name], OfficialAxis):
        return replace(suite(), name=name, axis=name, also=(), tests=PUBLISHED_TESTS.get(name, 100))
    pointing = 1500 if name == "lr_full" or name.startswith(("scaling", "random10")) else 6000
    rows = (_row("para", pointing), _row("cls_regression", 3500 if name == "lr_full" else 2500))
    return Experiment(name, name, rows, tests=PUBLISHED_TESTS.get(name, 100), expert=24)


def factorial() -> Experiment:
    """Does density or pixel space win? Ten regressing rivals against pointing, all told the camera and augmented with it."""
    note = (
        "Same backbone, demonstrations and augmentation; every policy is told the camera. The regressing rivals differ in how "
        "the map is read (pooled, dense, soft-argmax) and in which coordinates they answer (world, offset from the end "
        "effector, camera frame, pixel and height)."
    )
    rows = (_row("para", 6000), *(_row(name, 6000) for name in FACTORIAL))
    return Experiment("factorial", "lr_independent", rows, tests=100, in_distribution=50, videos=2, note=note)


def tiny() -> Experiment:
    """The same code path in a minute: for tests, not for numbers."""
    small = Lite0Config(stages=(1, 2), frozen_stages=1)
    rows = []
    for row in (_row("para", 4, batch_size=4, warmup_steps=1), _row("cls_regression", 4, batch_size=4, warmup_steps=1)):
        policy = replace(row.train.policy, image_size=(96, 96), backbone=small)
        if row.name == "para":
            policy = replace(policy, head=replace(policy.head, widths=(16, 16)))
        rows.append(Row(row.name, replace(row.train, policy=policy, log_every=1, loader_workers=0)))
    return Experiment(
        "tiny",
        "lr_independent",
        tuple(rows),
        demos=2,
        tests=2,
        in_distribution=1,
        expert=1,
        videos=1,
        image_size=(128, 128),
    )


EXPERIMENTS = {
    f.__name__: f for f in (quick, lr_independent, lr, dense, default64, yaw, yaw_mechanisms, suite, factorial, tiny)
}


def experiment(name: str) -> Experiment:
    """The named experiment, or the plain one on an axis of that name; ValueError suggests the nearest name."""
    if name not in EXPERIMENTS and name in AXES:
        return on_axis(name)
    return look_up(name, EXPERIMENTS, "experiment preset or axis", AXES)()
