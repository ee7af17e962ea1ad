"""What each part of the method is worth: variants trained on the left quarter of the table, tried on the next quarter.

All of it lies inside the training half of `lr`, so no test condition is touched. The quarter is a harder step than the
axis's own validation (which goes on by 12 cm): the policy must go on by as much as it was shown. For every variant: errors
on demonstrations of the second quarter, the same with the picture moved (equivariance), and episodes there.

    para demos --axis lr --out outputs/lr/demos
    python runs/ablations.py base recentre ...     # about 15 minutes a variant on one core; again to go on
    python runs/ablations.py                       # the table of what there is
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from para.dataset import Augmentation, Photometric, Recentre, Shift, Turn, Zoom, build_samples
from para.demos import DemoDataset
from para.evaluation.agents import AgentSpec
from para.evaluation.axes import axis_named
from para.evaluation.evaluate import evaluate
from para.evaluation.offline import Move, prediction_errors
from para.evaluation.plans import GRID, LEFT
from para.evaluation.provenance import provenance
from para.evaluation.sampling import condition, sample_positions, stable_seed
from para.evaluation.statistics import wilson
from para.geometry import FootBins, HeightBins, LevelFraming
from para.presets import policy_preset
from para.training import TrainConfig, train
from para.worlds.libero.layout import BOWL_X, BOWL_Y, TABLE_HEIGHT, WORKSPACE, Region

RESULTS = Path("results/ablations")
QUARTER = 4  # columns of the training grid
MOVES = (Move(), Move(du=40), Move(du=80), Move(du=110), Move(dv=40), Move(dv=-40))
LOW = 0.975  # targets under this height are those of grasp and release [m]


def variants() -> dict[str, TrainConfig]:
    """Name -> configuration; each differs from `base` by what its name says."""
    base = replace(policy_preset("para"), augmentation=Augmentation((Shift(40.0), Zoom(0.85, 1.2)), Photometric()))
    heights = HeightBins(WORKSPACE.low[2], WORKSPACE.high[2], 32)
    plain = replace(base.policy.head, rotation_frame="ray", bins=heights, gripper_dropout=0.0)
    base = replace(base, policy=replace(base.policy, head=plain, framing=None))

    def geometric(config: TrainConfig, *changes) -> TrainConfig:
        return replace(config, augmentation=replace(config.augmentation, geometric=changes))

    def head(config: TrainConfig, **changes) -> TrainConfig:
        return replace(config, policy=replace(config.policy, head=replace(config.policy.head, **changes)))

    def framed(config: TrainConfig) -> TrainConfig:
        return replace(config, policy=replace(config.policy, framing=LevelFraming((-0.13, 0.0, 0.95), 0.74)))

    feet = FootBins(heights.low, heights.high, heights.count, TABLE_HEIGHT)
    turned = (Turn(3.0, 12.0), Recentre(), Zoom(0.85, 1.2))
    heading = head(base, rotation_frame="heading")
    lean = framed(head(heading, bins=feet))
    return {
        "base": base,
        "heading": heading,
        "heading_framed": framed(heading),
        "heading_framed_feet": lean,
        "everything": geometric(lean, *turned),
        "lean_turned": geometric(lean, Turn(3.0, 8.0), Shift(40.0), Zoom(0.85, 1.2)),
        "lean_gripper_dropped": head(lean, gripper_dropout=0.3),
    }


def conditions(n: int):
    """Episodes of the second quarter, 2 cm and more beyond the first; the training half's edge ends them."""
    ys = np.linspace(*BOWL_Y, GRID)
    bowls = sample_positions(
        stable_seed("lr", "quarter"), Region(BOWL_X, (ys[QUARTER - 1] + 0.02, -0.02)), n, LEFT.positions()
    )
    return [condition("lr", "validation", 10_000 + i, xy, "rigid", Region()) for i, xy in enumerate(bowls)]


def run(name: str, axis: str, steps: int, episodes: int, workers: int, dataset: DemoDataset, out: Path) -> None:
    config = replace(variants()[name], steps=steps)
    edge = np.linspace(*BOWL_Y, GRID)[QUARTER - 1] + 1e-6 if axis == "lr" else np.inf
    bowls = [dataset.episodes[i].notes["layout"]["bowl_xy"][1] for i in range(len(dataset))]
    inside = [i for i, y in enumerate(bowls) if y <= edge]
    beyond = [i for i, y in enumerate(bowls) if y > edge]
    policy = config.policy
    samples = build_samples(dataset, policy.camera, policy.horizon, config.stride, inside)
    trained = train(config, samples, out / axis / name, provenance={"ablation": name})
    seen = np.arange(0, len(samples), 5)
    errors = {f"du{move.du:+.0f}_dv{move.dv:+.0f}": prediction_errors(trained, samples, seen, move) for move in MOVES}
    offline = {key: found.summary() for key, found in errors.items()}
    if beyond:
        held_out = build_samples(dataset, policy.camera, policy.horizon, config.stride, beyond)
        found = prediction_errors(trained, held_out, np.arange(0, len(held_out), 4))
        offline |= {"second_quarter": found.summary(), "second_quarter_low": found.summary(LOW)}
    asked = conditions(episodes) if axis == "lr" else axis_named(axis).validation_conditions(episodes)
    spec = AgentSpec(name, "policy", out / axis / name / "policy")
    result = evaluate(spec, asked, RESULTS / axis / "records.jsonl", workers=workers)
    stages = [r.stage.value for r in result.records]
    row = {
        "variant": name,
        "axis": axis,
        "steps": steps,
        "demonstrations": len(inside),
        "stages": {stage: stages.count(stage) for stage in ("PLACE", "GRASP", "MISS")},
        "place": asdict(wilson(stages.count("PLACE"), len(stages))),
        "offline": offline,
        "training_seconds": trained.provenance.get("training_seconds"),
        "provenance": asdict(provenance()),
    }
    (RESULTS / axis / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n")


def table() -> None:
    print(f"{'variant':32}{'PLACE':>20}   second quarter [mm]    low [mm]      turned [deg]   moved 80 px [mm]")
    for path in sorted(RESULTS.glob("*/*.json")):
        row = json.loads(path.read_text())
        place, off = row["place"], row["offline"]
        nothing = {"median_mm": "-", "p90_mm": "-", "rotation_deg": "-"}
        beyond, low = off.get("second_quarter", nothing), off.get("second_quarter_low", nothing)
        moved = off["du+80_dv+0"]
        print(
            f"{row['axis'] + ' ' + row['variant']:32}"
            f"{place['successes']:>6}/{place['n']} [{place['low']:.0%}, {place['high']:.0%}]"
            f"{beyond['median_mm']:>12} / {beyond['p90_mm']:<8}{low['median_mm']:>6} / {low['p90_mm']:<8}"
            f"{beyond['rotation_deg']:>6}{moved['median_mm']:>14} / {moved['p90_mm']}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*")
    parser.add_argument(
        "--axis", default="lr", help="lr (the quarters), or an axis whose validation conditions to take"
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/ablations"))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--episodes", type=int, default=60)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.variants:
        run(
            name,
            arguments.axis,
            arguments.steps,
            arguments.episodes,
            arguments.workers,
            DemoDataset.open(Path("outputs") / arguments.axis / "demos"),
            arguments.out,
        )
    table()


if __name__ == "__main__":
    main()
