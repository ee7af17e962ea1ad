"""The main job, stage after stage: demonstrations -> training -> evaluation -> report. Each stage resumes where it was."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from para.config import from_json, to_json
from para.dataset import build_samples
from para.demos import DemoDataset
from para.evaluation.agents import AgentSpec
from para.evaluation.axes import Axis, axis_named
from para.evaluation.evaluate import evaluate
from para.memory import PeakMemory
from para.presets import Experiment, fitted
from para.report import RunFolder, build_report
from para.report.episode_pictures import draw_episode_volumes
from para.training import train
from para.worlds.libero.layout import Layout
from para.worlds.libero.record_demos import record_demos


def reproduce(experiment: Experiment, folder: Path, workers: int = 2, ledger: Path | None = None) -> Path:
    """Run the whole experiment into `folder`; returns the report's path.

    Every stage skips what is already there, so that the same call continues a run that was stopped. ValueError when the
    folder holds another experiment. Test evaluations are noted in `ledger`, by default the run's own.
    """
    run = RunFolder(folder)
    _claim(run, experiment)
    _note_install(run)
    axis = axis_named(experiment.axis)
    axes = _sharing(axis, experiment.also)
    with _stage(run, "demonstrations", f"record demonstrations of axis {experiment.axis!r}"):
        layouts = axis.training_layouts("test", experiment.demos)
        record(layouts, run.demos, experiment.image_size, workers)
    with _stage(run, "training", f"train {', '.join(r.name for r in experiment.rows)}"):
        dataset = DemoDataset.open(run.demos)
        for row in experiment.rows:
            policy = row.train.policy
            samples = build_samples(dataset, policy.camera, policy.horizon, row.train.stride)
            config = fitted(row.train, samples)
            _say(f"{row.name}: {config.steps} steps on {len(dataset)} demonstrations, {len(samples)} moments")
            with _timed(run, f"train {row.name}"):
                train(config, samples, run.train(row.name), provenance={"experiment": experiment.name})
    with _stage(
        run, "evaluation", f"{experiment.tests} unseen and {experiment.in_distribution} seen-region conditions each"
    ):
        for row in experiment.rows:
            spec = AgentSpec(row.name, "policy", run.train(row.name) / "policy")
            with _timed(run, f"evaluate {row.name}"):
                for asked in axes:
                    _evaluate(spec, asked, experiment, run, workers, ledger)
        for asked in axes if experiment.expert else ():
            expert = asked.test_conditions(experiment.expert)
            evaluate(AgentSpec("expert", "expert"), expert, run.records(asked.name), workers=workers)
    with _stage(run, "report", "draw pictures and write the page"):
        pointing = [r.name for r in experiment.rows if hasattr(r.train.policy.head, "bins")]
        if pointing:
            conditions = axis.test_conditions(1)
            draw_episode_volumes(
                run.train(pointing[0]) / "policy", conditions[0].layout, experiment.image_size, run.pictures
            )
        report = build_report(folder)
    _print_times(run, report)
    return report


def record(layouts: Sequence[Layout], root: Path, image_size: tuple[int, int], workers: int) -> None:
    """Record demonstrations of `layouts` into the dataset at `root`, with progress; goes on with a set that was begun."""
    began, done, kept = time.perf_counter(), 0, 0
    for recorded in record_demos(layouts, root, image_size, workers):
        done, kept = done + 1, kept + (recorded.frames is not None)
        seconds = (time.perf_counter() - began) / done
        if done % 16 == 0:
            left = max(0.0, (len(layouts) - done) * seconds / 60)
            _say(f"  {done}/{len(layouts)} demonstrations  {60 / seconds:.0f} a minute  {left:.1f} min left")
    total = len(DemoDataset.open(root))
    _say(f"  {total} demonstrations of {len(layouts)} layouts (the expert failed on the others) -> {root}")


def _sharing(axis: Axis, also: Sequence[str]) -> list[Axis]:
    """`axis` and the further axes; ValueError for one that is trained on other demonstrations."""
    axes = [axis, *(axis_named(name) for name in also)]
    for other in axes:
        if other.plan().name != axis.plan().name:
            raise ValueError(
                f"axis {other.name!r} is trained on {other.plan().name!r}, axis {axis.name!r} on {axis.plan().name!r}: "
                "one training cannot serve both. `para axes` lists who shares what."
            )
    return axes


def _evaluate(spec, axis: Axis, experiment: Experiment, run, workers: int, ledger: Path | None) -> None:
    conditions = axis.test_conditions(experiment.tests) + axis.in_distribution_conditions(experiment.in_distribution)
    evaluate(
        spec,
        conditions,
        run.records(axis.name),
        workers=workers,
        image_size=experiment.image_size,
        videos=run.videos,
        video_count=experiment.videos,
        ledger=ledger or run.ledger,
    )


def _claim(run: RunFolder, experiment: Experiment) -> None:
    run.root.mkdir(parents=True, exist_ok=True)
    description = to_json(experiment)
    # Compared through the type: a run from before a field was added has that field's default.
    if run.preset.exists() and _claimed(run) != experiment:
        raise ValueError(
            f"{run.root} holds a run of another experiment ({json.loads(run.preset.read_text())['name']!r}, or the same "
            "preset of another version). Choose another folder with --out, or delete this one."
        )
    run.preset.write_text(json.dumps(description, indent=2) + "\n")


def _claimed(run: RunFolder) -> Experiment | None:
    """The experiment that the folder holds; None when it is of another version."""
    try:
        return from_json(Experiment, json.loads(run.preset.read_text()), str(run.preset))
    except ValueError:
        return None


def _note_install(run: RunFolder) -> None:
    """Take over how long the set-up took, when it was the Makefile's: it leaves the seconds in the environment's folder."""
    seconds = Path(sys.prefix) / "install_seconds"
    if seconds.exists() and not run.timings.exists():
        run.timings.write_text(json.dumps({"install": float(seconds.read_text())}) + "\n")


@contextmanager
def _stage(run: RunFolder, name: str, what: str) -> Iterator[None]:
    _say(f"\n[{name}] {what}", bold=True)
    with _timed(run, name), _measured(run, name):
        yield


@contextmanager
def _timed(run: RunFolder, name: str) -> Iterator[None]:
    """Seconds of this part, added up over resumed runs."""
    began = time.perf_counter()
    try:
        yield
    finally:
        times = json.loads(run.timings.read_text()) if run.timings.exists() else {}
        times[name] = round(times.get(name, 0.0) + time.perf_counter() - began, 1)
        run.timings.write_text(json.dumps(times, indent=2) + "\n")


@contextmanager
def _measured(run: RunFolder, name: str) -> Iterator[None]:
    """Peak memory of this stage, over its resumed runs, too."""
    memory = PeakMemory()
    try:
        with memory:
            yield
    finally:
        peaks = json.loads(run.memory.read_text()) if run.memory.exists() else {}
        peaks[name] = round(max(peaks.get(name, 0.0), memory.gigabytes), 2)
        run.memory.write_text(json.dumps(peaks, indent=2) + "\n")


def _print_times(run: RunFolder, report: Path) -> None:
    times = json.loads(run.timings.read_text())
    stages = [n for n in ("install", "demonstrations", "training", "evaluation", "report") if n in times]
    split = ", ".join(f"{name} {times[name] / 60:.1f}" for name in stages)
    peaks = json.loads(run.memory.read_text())
    worst = max(peaks, key=lambda stage: peaks[stage])
    peak = f"at most {peaks[worst]:.1f} GB of memory, all processes together ({worst})"
    _say(f"\n{sum(times[n] for n in stages) / 60:.1f} min in all ({split}); {peak}")
    _say(f"report: {report}", bold=True)


def _say(text: str, bold: bool = False) -> None:
    print(f"\033[1m{text}\033[0m" if bold and sys.stderr.isatty() else text, file=sys.stderr, flush=True)
