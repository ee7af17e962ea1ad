"""The `para` command."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import tyro

from para.control import Mode


def _listed(names: Callable[[], Iterable[str]]) -> Callable[[str], str]:
    """For help texts: the default and all that there is, looked up when help is asked for."""
    return lambda default: f"(default: {default}; there are: {', '.join(names())})"


def _axes() -> Iterable[str]:
    from para.evaluation.axes import axis_names

    return axis_names()


def _policies() -> Iterable[str]:
    from para.presets import POLICIES, RECIPES

    return [*POLICIES, *RECIPES]


def _experiments() -> Iterable[str]:
    from para.presets import EXPERIMENTS

    return [*EXPERIMENTS, *_axes()]


Workers = Annotated[int, tyro.conf.arg(help="Processes; one per core is best.")]
Axis = Annotated[str, tyro.conf.arg(help_behavior_hint=_listed(_axes))]
PolicyPreset = Annotated[str, tyro.conf.arg(help_behavior_hint=_listed(_policies))]
ExperimentPreset = Annotated[str, tyro.conf.arg(help_behavior_hint=_listed(_experiments))]


def demos(
    out: Path,
    axis: Axis = "lr_independent",
    split: Literal["test", "validation"] = "test",
    count: int | None = None,
    image_size: tuple[int, int] = (256, 256),
    workers: Workers = 2,
) -> None:
    """Record scripted demonstrations in LIBERO as a LeRobotDataset v3 with camera columns.

    Stop it with Ctrl-C and repeat the command to go on.

    Args:
        out: Folder of the dataset.
        axis: Whose training layouts to demonstrate; a size and a draw are part of its name. `para axes` says what each
            asks, and which share their demonstrations.
        split: The training set for the test, or the smaller one to validate on.
        count: How many of the layouts; all by default.
        image_size: Width and height of the pictures [px].
    """
    from para.evaluation.axes import axis_named
    from para.reproduce import record

    record(axis_named(axis).training_layouts(split, count), out, image_size, workers)


def axes() -> None:
    """List the benchmark's axes: their demonstrations, and what they ask.

    Axes with the same demonstrations need one training only: evaluate the same policy on each of them.
    """
    from para.evaluation.axes import AXES

    rows = [("axis", "demonstrations", "to validate", "what changes")]
    for axis in AXES.values():
        plan, part = axis.plan(), axis.plan("validation")
        count = f"{plan.name} ({len(plan)})"
        rows.append((axis.name, count, "" if part.name == plan.name else part.name, axis.title))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[3]]))


def check(dataset: tyro.conf.Positional[Path], pictures: Path | None = None) -> None:
    """Decide from the pictures whether every episode's camera is right; exit code 1 when not.

    Args:
        dataset: Folder of the dataset.
        pictures: Where to draw the suspicious episodes; beside the dataset by default.
    """
    from para.demos import DemoDataset
    from para.demos.check import check_dataset

    report = check_dataset(DemoDataset.open(dataset), pictures or Path(f"{dataset.resolve()}-check"))
    print(report.text())
    if not report.ok:
        raise SystemExit(1)


def camera(dataset: Path | None = None, preset: PolicyPreset = "para", name: str | None = None) -> None:
    """Print what a policy sees of a workspace through a camera, and where the camera would stand better.

    Millimetres per cell, millimetres per millimetre of height error, visible share of the workspace.

    Args:
        dataset: Whose camera and workspace; by default LIBERO's training camera and table.
        preset: Which policy is to look through it.
        name: Which of the dataset's cameras; its first by default.
    """
    from para.demos import DemoDataset
    from para.demos.camera_report import camera_report, dataset_camera
    from para.presets import for_demos, policy_preset

    config = policy_preset(preset)
    if dataset is not None:
        demonstrations = DemoDataset.open(dataset)
        name, seen, workspace = dataset_camera(demonstrations, name)
        config = for_demos(config, demonstrations.meta, name)
    else:
        from para.worlds.libero.camera import training_camera

        name, seen, workspace = "agentview", training_camera(256, 256), config.policy.workspace
    cell_pixels = getattr(config.policy.head, "cell_pixels", 4)
    print(camera_report(seen, workspace, cell_pixels, config.policy.input_camera).text(name))


def train(
    dataset: Path,
    out: Path,
    preset: PolicyPreset = "para",
    steps: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    precision: Literal["auto", "bf16", "no"] | None = None,
    demos: int | None = None,
    resume: bool = True,
    tracker: Literal["wandb", "tensorboard"] | None = None,
    videos: Path | None = None,
    start_from: Path | None = None,
    cache: Path | None = None,
    weights: str | None = None,
    camera: str | None = None,
) -> None:
    """Train a policy on a dataset. Ctrl-C saves; the same command resumes.

    On several GPUs: torchrun --standalone --nproc-per-node 8 -m para.cli train ...; the batch is shared out over them.
    A recipe (video_two_stage, ...) trains stage after stage into folders of their own below `out`, and recipes with the same
    `out` share their common stages.

    Args:
        dataset: Folder of the dataset.
        out: Folder of the run: policy/, log.jsonl, first_batch.png.
        preset: Which policy. Names that begin with reg_ are the cells of the factorial, those with video_ are recipes.
        steps: Optimiser steps (of a recipe's last stage); the preset's by default.
        batch_size: Samples of a step (of a recipe's last stage), over all processes; the preset's by default.
        seed: Of weights, order and augmentation.
        precision: Of the forward pass (of a recipe's last stage); the preset's by default, which is mostly `auto`: bf16
            where that is faster (of x86 processors, with AMX).
        demos: Learn from the first so many demonstrations only: of an axis such as scaling_n128_d1, whose smaller
            sets are beginnings of larger ones.
        resume: Go on from the folder's last state.
        tracker: Also log there.
        videos: Folder of a dataset whose videos the first stages of video_all learn from, beside the demonstrations'.
        start_from: Folder of a saved policy whose backbone to begin with.
        cache: Folder for decoded pictures; in the dataset's own folder by default.
        weights: Of video_svd: folder of a saved StableVideoDiffusionPipeline, or Hub repository, in place of the preset's.
        camera: Which of the dataset's cameras to learn through; the only one, or the preset's, by default.
    """
    from para.dataset import build_samples, joined
    from para.demos import DemoDataset
    from para.presets import RECIPES, fitted, for_demos, policy_preset, recipe, with_weights
    from para.training import train as run
    from para.training.recipe import train_recipe

    provenance = {"preset": preset, "dataset": dataset.name}
    plan, config = (recipe(preset), None) if preset in RECIPES else (None, policy_preset(preset))
    if weights is not None:
        if plan is None:
            raise ValueError(f"--weights goes with video_svd; the preset is {preset!r}")
        plan = with_weights(plan, weights)
    if (plan is not None and plan.needs_videos) != (videos is not None):
        raise ValueError(f"the preset video_all needs --videos, and no other does; the preset is {preset!r}")
    demonstrations = DemoDataset.open(dataset)
    others = None if videos is None else DemoDataset.open(videos)
    if demos is not None and not 1 <= demos <= len(demonstrations):
        raise ValueError(f"--demos {demos}: {dataset} holds {len(demonstrations)} demonstrations")
    chosen = None if demos is None else list(range(demos))
    provenance |= {} if demos is None else {"demos": str(demos)}

    def load(config, with_videos=False):
        config = for_demos(config, demonstrations.meta, camera)
        policy = config.policy
        tables = [build_samples(demonstrations, policy.camera, policy.horizon, config.stride, chosen, cache)]
        if with_videos:
            tables.append(build_samples(others, policy.camera, policy.horizon, config.stride, cache=cache))
        samples = joined(tables)
        return fitted(config, samples), samples

    if plan is not None:
        if start_from is not None:
            raise ValueError(f"the stages of {preset!r} follow each other; --start-from is for single policies")
        plan = plan.with_changes(seed, steps=steps, batch_size=batch_size, precision=precision)
        train_recipe(plan, load, out, resume, provenance, tracker)
        _part_processes()
        return
    changes = {"steps": steps, "batch_size": batch_size, "seed": seed, "precision": precision}
    config, samples = load(replace(config, **{k: v for k, v in changes.items() if v is not None}))
    run(config, samples, out, resume, provenance, tracker, start_from=start_from)
    _part_processes()


def _part_processes() -> None:
    """Threads that connect the processes of one training may else outlive the interpreter, which then sometimes aborts."""
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def evaluate(
    records: Path,
    policy: Path | None = None,
    name: str | None = None,
    oracle: bool = False,
    locator: Path | None = None,
    axis: Axis = "lr_independent",
    split: Literal["test", "validation", "in_distribution"] = "validation",
    episodes: int = 50,
    mode: Mode = "servo",
    image_size: tuple[int, int] = (256, 256),
    videos: Path | None = None,
    workers: Workers = 2,
    ledger: Path = Path("results/ledger.jsonl"),
) -> None:
    """Run a policy on an axis's conditions and append to a records file. Repeat the command to go on.

    The command stands in every record. In an empty folder it gives the same episodes again, except in realtime mode, where
    the machine's speed decides how late a prediction comes.

    Args:
        records: JSON-lines file of episode records.
        policy: Folder of the saved policy; without it the scripted expert runs.
        name: Row name in the records; the folder's name by default (oracle_NAME, NAME_corrected with a locator).
        oracle: Play the expert's future through this policy's grid instead of its predictions.
        locator: Folder of a saved locator (`para train --preset locator`) that corrects the camera while the policy runs.
        axis: Whose conditions; `para axes` says what each asks.
        split: Tune on `validation`; `test` is noted in the ledger.
        episodes: How many conditions, one episode each.
        mode: servo (drive to each target) or realtime (20 Hz, measured latency).
        image_size: Width and height of the camera's pictures [px].
        videos: Folder for the first rollouts' films.
        ledger: Where test evaluations are noted.
    """
    from para.evaluation.agents import AgentSpec
    from para.evaluation.axes import axis_named
    from para.evaluation.evaluate import evaluate as run
    from para.evaluation.rates import rate_of

    if oracle and policy is None:
        raise ValueError("--oracle plays the expert's future through a policy's grid: give its --policy")
    if episodes < 1:
        raise ValueError(f"--episodes {episodes}: at least 1")
    if policy is None and name and name != "expert":
        raise ValueError(f"--name {name} without --policy: the scripted expert's row is called expert")
    kind = "expert" if policy is None else "oracle" if oracle else "policy"
    conditions = getattr(axis_named(axis), f"{split}_conditions")(episodes)
    spec = AgentSpec.named_by_folder(kind, policy, mode, locator)
    spec, noted = replace(spec, name=name or spec.name), ledger if split == "test" else None
    found = run(spec, conditions, records, workers=workers, image_size=image_size, videos=videos, ledger=noted)
    stages = [r.stage.value for r in found.records]
    counts = ", ".join(f"{stage} {stages.count(stage)}" for stage in ("PLACE", "GRASP", "MISS"))
    rate = rate_of(found.records, lambda r: r.placed)
    print(f"{spec.name} on {axis}/{split}: {counts}; PLACE {rate.value:.0%} [{rate.low:.0%}, {rate.high:.0%}]")
    print(f"records: {records}")
    if found.errors:
        raise SystemExit(f"{len(found.errors)} episodes have unresolved errors; repeat the command to try them again")


def report(run: tyro.conf.Positional[Path], figures: Path | None = None) -> None:
    """Write the self-contained HTML page of a run, or of a folder of runs.

    Args:
        run: Folder of the run, as `para reproduce` makes it, or a folder of such folders, as `results`.
        figures: Folder for every figure as PDF and SVG, to put into a paper.
    """
    from para.report import build_report

    print(f"report: {build_report(run)}")
    if figures is not None:
        from para.report.vector import write_figures

        written = write_figures(run, figures)
        print(f"figures: {len(written)} files in {figures}")
        if not any(path.name.startswith("method") for path in written):
            print(
                "no picture of the method: no prediction is kept in the run's pictures/pointing.npz (`para show pointing`)"
            )


def show(
    what: tyro.conf.Positional[Literal["dataset", "targets", "volume", "pointing", "video", "rollout"]],
    out: Path,
    dataset: Path | None = None,
    policy: Path | None = None,
    episode: int = 0,
    frame: int = 0,
    axis: Axis = "lr_independent",
) -> None:
    """Look at anything: writes a PNG, JPEG or MP4, for `pointing` also an SVG, PDF or NPZ.

    Args:
        what: `dataset` (film of an episode with the projected end effector), `targets` (a moment with its targets),
            `volume` (a policy's volume at a moment), `pointing` (the same as a figure of the method),
            `video` (what a video policy foresees beside what happened, and whether actions can be read off that as it is),
            `rollout` (film of a policy on a validation condition).
        out: Picture or film to write.
        dataset: Folder of the dataset.
        policy: Folder of the saved policy.
        episode: Which episode, or which validation condition for a rollout.
        frame: Which frame of it.
        axis: Whose validation conditions.
    """
    from para.report import show as views

    print(f"wrote {views.show(what, out, dataset, policy, episode, frame, axis)}")


def reproduce(preset: ExperimentPreset = "quick", out: Path | None = None, workers: Workers = 2) -> None:
    """Demonstrations, training, evaluation and report in one go. Ctrl-C stops; the same command goes on.

    Args:
        preset: Which experiment: quick takes half an hour on two cores, factorial hours, and tiny checks the machinery. An
            axis's name trains and tests `para` and `cls_regression` on it.
        out: Folder of the run; outputs/<preset> by default.
    """
    from para.presets import experiment
    from para.reproduce import reproduce as run

    run(experiment(preset), out or Path("outputs") / preset, workers)


COMMANDS: dict[str, Callable[..., None]] = {
    f.__name__: f for f in (axes, demos, check, camera, train, evaluate, report, show, reproduce)
}


def main(arguments: list[str] | None = None) -> None:
    """Parse and run. Expected errors print their message alone; PARA_DEBUG=1 shows where they came from.

    A polite kill (SIGTERM, as job schedulers send it) stops as Ctrl-C does. Output that nobody reads any more
    (`para axes | head -1`) ends the command in silence.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if (sys.argv[1:] if arguments is None else arguments) == ["--version"]:
        print(f"para {version('para-policy')}")
        return
    try:
        try:
            tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="para", description=_description(), args=arguments)
        finally:
            sys.stdout.flush()  # here, where a closed pipe can be answered, and not at the interpreter's end
    except BrokenPipeError:
        if not _nobody_reads():
            raise
        raise SystemExit(141) from None  # what a shell reports of a command that SIGPIPE ended
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        raise SystemExit(130) from None
    except (ValueError, OSError, ModuleNotFoundError, RuntimeError, FloatingPointError) as error:
        ours = not isinstance(error, RuntimeError) or type(error).__module__.startswith("para.")
        if os.environ.get("PARA_DEBUG") or not ours:
            raise
        print(f"para: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _nobody_reads() -> bool:
    """Whether it is standard output that is closed, not a pipe to a worker; then the interpreter's last flush goes nowhere."""
    watch = select.poll()
    watch.register(sys.stdout.fileno(), 0)
    closed = any(event & select.POLLERR for _, event in watch.poll(0))
    if closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return closed


def _description() -> str:
    return "Pixel-aligned robot actions: demonstrations, training, evaluation and report."


if __name__ == "__main__":
    main()
