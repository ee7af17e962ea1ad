"""The main job, stage after stage: demonstrations -> training -> evaluation -> report. Each stage resumes where it was."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from para.atomic import write_file
from para.config import from_json, to_json
from para.dataset import build_samples
from para.demos import DemoDataset
from para.evaluation.agents import AgentSpec
from para.evaluation.axes import Axis, axis_named
from para.evaluation.conditions import Condition
from para.evaluation.evaluate import evaluate
from para.evaluation.pool import EvaluationError
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
    folder holds another experiment; EvaluationError, after the page is written, while episodes have no outcome. Test
    evaluations are noted in `ledger`, by default the run's own.
    """
    run = RunFolder(folder)
    _claim(run, experiment)
    _note_install(run)
    axis = axis_named(experiment.axis)
    asked = _conditions(axis, experiment)
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
    episodes, errors = sum(map(len, asked.values())), 0
    with _stage(run, "evaluation", f"{episodes} conditions for each policy, on {', '.join(asked)}"):
        for row in experiment.rows:
            spec = AgentSpec(row.name, "policy", run.train(row.name) / "policy")
            with _timed(run, f"evaluate {row.name}"):
                for conditions in asked.values():
                    errors += _evaluate(spec, conditions, experiment, run, workers, ledger)
        for name, conditions in asked.items() if experiment.expert else ():
            shown = [c for c in conditions if c.split == "test"][: experiment.expert]
            found = evaluate(AgentSpec("expert", "expert"), shown, run.records(name), workers=workers)
            errors += len(found.errors)
    with _stage(run, "report", "draw pictures and write the page"):
        pointing = [r.name for r in experiment.rows if hasattr(r.train.policy.head, "bins")]
        if pointing:
            conditions = axis.test_conditions(1)
            draw_episode_volumes(
                run.train(pointing[0]) / "policy", conditions[0].layout, experiment.image_size, run.pictures
            )
        report = build_report(folder)
    _print_times(run, report)
    if errors:
        raise EvaluationError(f"{errors} episodes have unresolved errors; repeat the command to try them again")
    return report


def record(layouts: Sequence[Layout], root: Path, image_size: tuple[int, int], workers: int) -> None:
    """Record demonstrations of `layouts` into the dataset at `root`, with progress; goes on with a set that was begun."""
    began = time.perf_counter()
    for done, recorded in enumerate(record_demos(layouts, root, image_size, workers), 1):
        seconds = (time.perf_counter() - began) / done
        if done % 16 == 0:
            left, tried = recorded.remaining * seconds / 60, len(layouts) - recorded.remaining
            _say(f"  {tried}/{len(layouts)} demonstrations  {60 / seconds:.0f} a minute  {left:.1f} min left")
    total = len(DemoDataset.open(root))
    _say(f"  {total} demonstrations of {len(layouts)} layouts (the expert failed on the others) -> {root}")


def _conditions(axis: Axis, experiment: Experiment) -> dict[str, list[Condition]]:
    """By axis, what every policy is asked. ValueError for an axis that is trained on other demonstrations, or has fewer test
    conditions than the experiment asks: here, before hours of training."""
    asked = {}
    for name, tests in ((axis.name, experiment.tests), *experiment.also):
        other = axis_named(name)
        if other.plan().name != axis.plan().name:
            raise ValueError(
                f"axis {other.name!r} is trained on {other.plan().name!r}, axis {axis.name!r} on {axis.plan().name!r}: "
                "one training cannot serve both. `para axes` lists who shares what."
            )
        asked[name] = other.test_conditions(tests) + other.in_distribution_conditions(experiment.in_distribution)
    return asked


def _evaluate(spec, conditions, experiment: Experiment, run, workers: int, ledger: Path | None) -> int:
    """Ask the conditions of one axis; how many episodes are left without an outcome."""
    found = evaluate(
        spec,
        conditions,
        run.records(conditions[0].axis),
        workers=workers,
        image_size=experiment.image_size,
        videos=run.videos,
        video_count=experiment.videos,
        ledger=ledger or run.ledger,
    )
    return len(found.errors)


def _claim(run: RunFolder, experiment: Experiment) -> None:
    run.root.mkdir(parents=True, exist_ok=True)
    description = to_json(experiment)
    # Compared through the type: a run from before a field was added has that field's default.
    if run.preset.exists() and _claimed(run) != experiment:
        raise ValueError(
            f"{run.root} holds a run of another experiment ({_read(run.preset).get('name')!r}, or the same "
            "preset of another version). Choose another folder with --out, or delete this one."
        )
    _write(run.preset, description)


def _claimed(run: RunFolder) -> Experiment | None:
    """The experiment that the folder holds; None when it is of another version."""
    found = _read(run.preset)
    try:
        return from_json(Experiment, found, str(run.preset))
    except ValueError:
        return None


def _read(path: Path) -> dict[str, Any]:
    """What stands in a file of the run's folder; {} where there is none, ValueError where it is damaged."""
    try:
        found = json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and repeat the command, which goes on") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is damaged (no JSON object); delete it and repeat the command, which goes on")
    return found


def _write(path: Path, content: object) -> None:
    write_file(path, lambda partial: partial.write_text(json.dumps(content, indent=2) + "\n"))


def _note_install(run: RunFolder) -> None:
    """Take over how long the set-up took, when it was the Makefile's: it leaves the seconds in the environment's folder."""
    seconds = Path(sys.prefix) / "install_seconds"
    if seconds.exists() and not run.timings.exists():
        _write(run.timings, {"install": float(seconds.read_text())})


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
        times = _read(run.timings)
        times[name] = round(times.get(name, 0.0) + time.perf_counter() - began, 1)
        _write(run.timings, times)


@contextmanager
def _measured(run: RunFolder, name: str) -> Iterator[None]:
    """Peak memory of this stage, over its resumed runs, too."""
    memory = PeakMemory()
    try:
        with memory:
            yield
    finally:
        peaks = _read(run.memory)
        peaks[name] = round(max(peaks.get(name, 0.0), memory.gigabytes), 2)
        _write(run.memory, peaks)


def _print_times(run: RunFolder, report: Path) -> None:
    times = _read(run.timings)
    stages = [n for n in ("install", "demonstrations", "training", "evaluation", "report") if n in times]
    split = ", ".join(f"{name} {times[name] / 60:.1f}" for name in stages)
    peaks = _read(run.memory)
    worst = max(peaks, key=lambda stage: peaks[stage])
    peak = f"at most {peaks[worst]:.1f} GB of memory, all processes together ({worst})"
    _say(f"\n{sum(times[n] for n in stages) / 60:.1f} min in all ({split}); {peak}")
    _say(f"report: {report}", bold=True)


def _say(text: str, bold: bool = False) -> None:
    print(f"\033[1m{text}\033[0m" if bold and sys.stderr.isatty() else text, file=sys.stderr, flush=True)
