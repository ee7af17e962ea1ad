"""What each part of the method is worth: variants of `para`, trained and tried on conditions that are no test's.

On `lr` itself a policy must not be tuned, and its validation (12 cm on) is too easy to tell good policies apart. So variants
are trained on the *right* half of the table and tried on the left one, the same step the other way round; with `--axis`
they are tried on that axis's own validation conditions. For every variant: errors on demonstrations, the same with the
picture moved (equivariance), errors on demonstrations of the unseen half (of yaws not demonstrated), and episodes.

    python runs/ablations.py base displacement ...                 # 15 to 20 minutes a variant on one core; again to go on
    python runs/ablations.py --slack 0 mild_signed                # the same weights, carried out in another way
    python runs/ablations.py --axis view base                     # needs outputs/view/demos, see `para demos`
    para demos --axis yaw --split validation --out outputs/yaw/demos      # where an axis has a set of its own for validation
    python runs/ablations.py --axis yaw base para_yaw para_yaw_level para_yaw_ray para_yaw_heading
    python runs/ablations.py                                      # the table of what there is
"""

import argparse
import fcntl
import gzip
import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from para.dataset import Erase, Orbit, Recentre, SampleTable, Shift, Turn, Zoom, build_samples
from para.demos import DemoDataset
from para.evaluation.agents import AgentSpec
from para.evaluation.axes import axis_named
from para.evaluation.evaluate import evaluate
from para.evaluation.offline import Move, prediction_errors
from para.evaluation.plans import GRID, HALF_DISC, LEFT, Plan
from para.evaluation.provenance import provenance
from para.evaluation.sampling import condition, sample_positions, stable_seed
from para.evaluation.statistics import wilson
from para.geometry import DepthBins, HeightBins
from para.policy import Policy
from para.presets import fitted, policy_preset
from para.presets.policies import COLOURS, PASTED, RIM, YAW_MECHANISMS
from para.reproduce import record
from para.training import TrainConfig, train
from para.worlds.libero.camera import is_scored
from para.worlds.libero.layout import BOWL_X, BOWL_Y, TABLE_HEIGHT, Layout, Region

RESULTS = Path("results/ablations")
TWIN = "rl"
RIGHT = Plan("right", tuple((row, column) for row in range(GRID) for column in range(GRID // 2, GRID)))
LOW = 0.975  # targets under this height are those of grasp and release [m]
DEPTHS = (0.7, 1.35)  # of targets before the cameras that training carries about: 0.76 to 1.25 [m]
EVERY = 15  # of how many moments one is asked for errors
MOVES = (Move(), Move(du=40), Move(du=80), Move(dv=40))
LONGER = {"twice_as_long": 2, "four_times_as_long": 4, "displacement_four_times_as_long": 4}  # times the asked steps
JITTERED = "jittered"  # as `base`, its demonstrations by as many cameras


def variants() -> dict[str, TrainConfig]:
    """Name -> configuration; each differs from `base` by what its name says. `base` is what `para` is now: a row of the
    results has the meaning that its name had at the row's commit."""
    base = policy_preset("para")

    def geometric(config: TrainConfig, *changes) -> TrainConfig:
        return replace(config, augmentation=replace(config.augmentation, geometric=changes))

    def head(config: TrainConfig, **changes) -> TrainConfig:
        return replace(config, policy=replace(config.policy, head=replace(config.policy.head, **changes)))

    def carried(config: TrainConfig, orbit: Orbit | None) -> TrainConfig:
        return replace(config, augmentation=replace(config.augmentation, orbit=orbit))

    def feet(config: TrainConfig, ground: float) -> TrainConfig:
        return head(config, bins=replace(config.policy.head.bins, ground=ground))

    def backbone(config: TrainConfig, **changes) -> TrainConfig:
        found = replace(config.policy.backbone, **changes)
        return replace(config, policy=replace(config.policy, backbone=found))

    low, high = base.policy.head.bins.low, base.policy.head.bins.high

    mild = (Shift(40.0), Zoom(0.85, 1.2))
    return {
        "base": base,
        **dict.fromkeys((*LONGER, JITTERED), base),
        "signed": head(base, offset_planes="signed"),
        "mild": geometric(base, *mild),
        "mild_signed": geometric(head(base, offset_planes="signed"), *mild),
        "mild_turned": geometric(base, Turn(3.0, 12.0), *mild),
        "mild_turned_signed": geometric(head(base, offset_planes="signed"), Turn(3.0, 12.0), *mild),
        "mild_turned_erased": geometric(
            replace(base, augmentation=replace(base.augmentation, erase=Erase())), Turn(3.0, 12.0), *mild
        ),
        "stronger": geometric(base, Turn(8.0, 35.0), Shift(80.0), Zoom(0.65, 1.5)),
        "orbit": carried(feet(base, TABLE_HEIGHT), Orbit((-0.13, 0.0, TABLE_HEIGHT))),
        "feet_on_table": carried(feet(base, TABLE_HEIGHT), None),
        "raised": carried(feet(base, RIM), None),
        "raised_orbit": carried(feet(base, RIM), Orbit((-0.13, 0.0, RIM))),
        "not_carried": carried(base, None),
        "gripper_dropped": head(base, gripper_dropout=0.3),
        "recentred": geometric(base, Turn(5.0, 20.0), Recentre(), Zoom(0.75, 1.3)),
        **dict.fromkeys(("displacement", "displacement_four_times_as_long"), head(base, displacement_planes=True)),
        "height_bins": head(base, bins=HeightBins(low, high, 32)),
        "depth_bins": head(base, bins=DepthBins(*DEPTHS, 32)),
        "bins_16": head(base, bins=replace(base.policy.head.bins, count=16)),
        "bins_64": head(base, bins=replace(base.policy.head.bins, count=64)),
        "cells_2_px": head(base, cell_pixels=2, widths=(32, *base.policy.head.widths)),
        "cells_8_px": head(backbone(base, stages=(2, 4)), cell_pixels=8, widths=base.policy.head.widths[1:]),
        "factorised": head(base, factorised=True),
        "window_4": replace(base, policy=replace(base.policy, horizon=4)),
        "window_12": replace(base, policy=replace(base.policy, horizon=12)),
        "one_hot": head(base, smoothing=0.0),
        "exact_query": head(base, query_noise=0.0),
        "frozen_backbone": backbone(base, frozen_stages=max(base.policy.backbone.stages) + 1),
        "tuned_backbone": backbone(base, frozen_stages=0),
        "backbone_from_scratch": backbone(base, frozen_stages=0, pretrained=False),
        "colours_alone": replace(base, augmentation=COLOURS),
        "pasted": replace(base, augmentation=replace(base.augmentation, shapes=PASTED)),
        "no_colours": replace(base, augmentation=replace(base.augmentation, photometric=None)),
        "not_level": replace(base, policy=replace(base.policy, framing=None)),
        **{name: policy_preset(name) for name in ("para_yaw", *YAW_MECHANISMS)},
    }


def conditions(n: int):
    """Episodes on the left half, for policies that were taught on the right one."""
    bowls = sample_positions(stable_seed(TWIN, "validation"), Region(BOWL_X, (BOWL_Y[0], -0.02)), n)
    return [condition(TWIN, "validation", i, xy, "rigid", Region()) for i, xy in enumerate(bowls)]


def unseen(axis: str) -> tuple[list[Layout], Callable[[Layout], bool]] | None:
    """Layouts that are no test's, whose demonstrations policies trained for validation have not seen, and which are far
    off; None where the axis has none."""
    if axis == TWIN:
        return LEFT.layouts(), lambda layout: layout.bowl_xy[1] < -0.2
    if axis == "yaw":
        beyond = partial(axis_named(axis).grade, split="validation")
        layouts = [layout for layout in axis_named(axis).training_layouts() if beyond(layout) > 0]
        return layouts, lambda layout: beyond(layout) > 20
    return None


def unseen_errors(trained: Policy, axis: str, workers: int) -> dict[str, dict[str, float]]:
    """Errors on one in `EVERY` moments of `unseen` demonstrations: all, low targets, and low ones of those far off."""
    found = unseen(axis)
    if found is None:
        return {}
    layouts, is_far = found
    folder = Path("outputs") / axis / ("left_demos" if axis == TWIN else "unseen_demos")
    record(layouts, folder, (256, 256), workers)
    dataset, config = DemoDataset.open(folder), trained.config
    samples = build_samples(dataset, config.camera, config.horizon)
    far = np.array([is_far(Layout.from_json(dataset.episodes[i].notes["layout"])) for i in range(len(dataset))])
    chosen = np.arange(0, len(samples), EVERY)
    errors = prediction_errors(trained, samples, chosen)
    beyond = prediction_errors(trained, samples, chosen[far[samples.episode[chosen]]])
    return {"unseen": errors.summary(), "unseen_low": errors.summary(LOW), "unseen_low_far": beyond.summary(LOW)}


def any_view(seed: int, bowl_xy: tuple[float, float]) -> tuple[float, float]:
    """(polar, azimuth) [deg] of a scored camera up to `HALF_DISC` from the training camera, uniform over the disc."""
    rng = np.random.default_rng((seed, 9))
    while True:
        polar, azimuth = HALF_DISC * float(np.sqrt(rng.uniform())), float(rng.uniform(0.0, 360.0))
        if is_scored(polar, azimuth, bowl_xy):
            return polar, azimuth


def learn(name: str, asked_for: argparse.Namespace) -> tuple[Policy, SampleTable]:
    """The trained variant, and the moments it has learned from."""
    axis, steps = asked_for.axis, asked_for.steps * LONGER.get(name, 1)
    config = replace(variants()[name], steps=steps, precision=asked_for.precision)
    demos, policy = Path("outputs") / axis / "demos", config.policy
    if axis == TWIN:
        record(RIGHT.layouts(), demos, (256, 256), asked_for.workers)
    if name == JITTERED:
        demos = demos.with_name("jittered_demos")
        layouts = [replace(x, view=any_view(x.seed, x.bowl_xy)) for x in axis_named(axis).training_layouts()]
        record(layouts, demos, (256, 256), asked_for.workers)
    samples = build_samples(DemoDataset.open(demos), policy.camera, policy.horizon, config.stride)
    folder = asked_for.out / axis / name
    return train(fitted(config, samples), samples, folder, provenance={"ablation": name}), samples


def write_row(folder: Path, name: str, asked_for: argparse.Namespace, trained: Policy, records, **measured) -> None:
    """One row of a table as `folder`/`name`.json."""
    stages = [r.stage.value for r in records]
    row = {
        "variant": name,
        "axis": asked_for.axis,
        "steps": trained.provenance["training"]["steps"],
        "trained_on": trained.provenance.get("machine"),
        "training_seconds": trained.provenance.get("training_seconds"),
        "stages": {stage: stages.count(stage) for stage in ("PLACE", "GRASP", "MISS")},
        "place": asdict(wilson(stages.count("PLACE"), len(stages))),
        **measured,
        "provenance": asdict(provenance()),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n")


def run(name: str, asked_for: argparse.Namespace) -> None:
    """Train, measure and write one row."""
    axis, out, workers = asked_for.axis, asked_for.out, asked_for.workers
    trained, samples = learn(name, asked_for)
    changes = {key: value for key in ("slack", "stride", "execute") if (value := getattr(asked_for, key)) is not None}
    if changes or asked_for.whole_cells:
        name += "".join(f"_{key}_{value:g}" for key, value in changes.items()) + "_whole_cells" * asked_for.whole_cells
        config = replace(trained.config, execution=replace(trained.config.execution, **changes))
        if asked_for.whole_cells:
            config = replace(config, head=replace(config.head, within_cells=False))
        changed = Policy(config, trained.network, trained.provenance, trained.calibration)
        trained = Policy.from_pretrained(changed.save_pretrained(out / axis / name / "policy"))
    seen = np.arange(0, len(samples), EVERY)
    errors = {f"du{move.du:+.0f}_dv{move.dv:+.0f}": prediction_errors(trained, samples, seen, move) for move in MOVES}
    offline = {key: found.summary() for key, found in errors.items()}
    offline |= unseen_errors(trained, axis, workers)
    mode = asked_for.mode
    n = asked_for.episodes
    asked = conditions(n) if axis == TWIN else axis_named(axis).validation_conditions(n)
    folder = out / axis / name / "policy"
    name += "" if mode == "servo" else f"_{mode}"
    records = folder.with_name(f"records_{mode}.jsonl")
    result = evaluate(AgentSpec(name, "policy", folder, mode), asked, records, workers=workers)
    keep(records, RESULTS / axis / "records.jsonl.gz")
    taught = len(set(samples.episode.tolist()))
    write_row(RESULTS / axis, name, asked_for, trained, result.finished(), demonstrations=taught, offline=offline)


def keep(records: Path, packed: Path) -> None:
    """Put one variant's episodes in place of those that `packed` has of the same weights; variants may run side by side."""
    packed.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(packed.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # until it is closed
        old = gzip.decompress(packed.read_bytes()).decode().splitlines() if packed.exists() else []
        new = records.read_text().splitlines()
        subjects = [json.loads(line)["subject"] for line in new]
        lines = [line for line in old if json.loads(line)["subject"] not in subjects] + new
        partial = packed.with_suffix(".part")
        partial.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
        partial.replace(packed)
    finally:
        os.close(folder)


def table() -> None:
    print(f"{'commit':9}{'variant':32}{'PLACE':>20}   seen [mm]          moved 80 px [mm]    turned [deg]")
    for path in sorted(RESULTS.glob("*/*.json")):
        row = json.loads(path.read_text())
        place, still, moved = row["place"], row["offline"]["du+0_dv+0"], row["offline"]["du+80_dv+0"]
        print(
            f"{row['provenance']['commit'][:7]:9}{row['axis'] + ' ' + row['variant']:32}"
            f"{place['successes']:>6}/{place['n']} [{place['low']:.0%}, {place['high']:.0%}]"
            f"{still['median_mm']:>8} / {still['p90_mm']:<8}{moved['median_mm']:>8} / {moved['p90_mm']:<8}"
            f"{still['rotation_deg']:>8}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*")
    parser.add_argument(
        "--axis", default=TWIN, help="rl (right half to left half), or an axis whose validation conditions to take"
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/ablations"))
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--precision", default="auto", choices=("auto", "bf16", "no"))
    parser.add_argument("--episodes", type=int, default=80)
    parser.add_argument("--slack", type=float, help="carry chunks out with this slack [m] in place of the policy's own")
    parser.add_argument("--stride", type=float, help="and from behind their last jump of more than this [m]")
    parser.add_argument("--execute", type=int, help="and with so many steps of each")
    parser.add_argument("--whole-cells", action="store_true", help="and decoded to cells' centres, not between them")
    parser.add_argument("--mode", choices=("servo", "realtime"), default="servo", help="how chunks are carried out")
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.variants:
        run(name, arguments)
    table()


if __name__ == "__main__":
    main()
