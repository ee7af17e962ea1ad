"""What a video policy depends on, one factor at a time: the last stage trained again from the same video model.

Every variant begins with the video stage that `runs/video.sh` trained and differs from `base` by what its name says. Judged by
errors on demonstrations (every twentieth moment) and by episodes on the validation conditions of `lr`; no test condition.

    python runs/video_variants.py base sigma_80 block_2 ...   # 20 minutes a variant on one core (AVX-512); again to go on
    python runs/video_variants.py                             # the table of what there is
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from para.dataset import build_samples
from para.demos import DemoDataset
from para.evaluation.agents import AgentSpec
from para.evaluation.axes import axis_named
from para.evaluation.evaluate import evaluate
from para.evaluation.offline import prediction_errors
from para.evaluation.provenance import provenance
from para.evaluation.statistics import wilson
from para.presets import fitted, recipe
from para.training import TrainConfig, train
from para.training.objectives import ActionObjective

RESULTS = Path("results/video/variants")


def variants() -> dict[str, TrainConfig]:
    """Name -> configuration of the last stage."""
    base = recipe("video_two_stage").stages[-1].train

    def policy(config: TrainConfig, **changes) -> TrainConfig:
        return replace(config, policy=replace(config.policy, **changes))

    def backbone(config: TrainConfig, **changes) -> TrainConfig:
        return policy(config, backbone=replace(config.policy.backbone, **changes))

    def head(config: TrainConfig, **changes) -> TrainConfig:
        inner = replace(config.policy.head.head, **changes)
        return policy(config, head=replace(config.policy.head, head=inner))

    def block(number: int) -> TrainConfig:  # one map, and the finer one that the head makes of it
        return head(backbone(base, blocks=(number,)), widths=(32, 64))

    alone = replace(base, objective=ActionObjective())
    return {
        "base": base,
        "block_2": block(2),
        "block_1": block(1),
        "block_0": block(0),
        "sigma_10": backbone(base, sigma=10.0),
        "sigma_80": backbone(base, sigma=80.0),
        "actions_alone": alone,
        "lora_16": backbone(base, lora_rank=16),
        "frozen": backbone(alone, frozen=True),
        "frozen_large_head": head(backbone(alone, frozen=True), widths=(64, 64, 128, 192)),
        "frozen_sigma_10": backbone(alone, frozen=True, sigma=10.0),
        "from_nothing": base,
    }


def run(name: str, asked: argparse.Namespace) -> None:
    """Train, measure and write one row."""
    config = replace(variants()[name], steps=asked.steps, precision=asked.precision)
    dataset, policy = DemoDataset.open(asked.demos), config.policy
    samples = build_samples(dataset, policy.camera, policy.horizon, config.stride)
    start = asked.out / ("vae" if name == "from_nothing" else "video") / "policy"
    folder = asked.out / "variants" / name
    trained = train(fitted(config, samples), samples, folder, provenance={"variant": name}, start_from=start)
    errors = prediction_errors(trained, samples, np.arange(0, len(samples), 20))
    spec = AgentSpec(name, "policy", folder / "policy")
    conditions = axis_named("lr").validation_conditions(asked.episodes)
    result = evaluate(spec, conditions, RESULTS / "records.jsonl", workers=asked.workers)
    stages = [r.stage.value for r in result.records]
    row = {
        "variant": name,
        "steps": asked.steps,
        "trained_on": trained.provenance.get("machine"),
        "stages": {stage: stages.count(stage) for stage in ("PLACE", "GRASP", "MISS")},
        "place": asdict(wilson(stages.count("PLACE"), len(stages))),
        "offline": errors.summary(),
        "training_seconds": trained.provenance.get("training_seconds"),
        "provenance": asdict(provenance()),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n")


def table() -> None:
    """Print what is on record."""
    print(
        f"{'commit':9}{'variant':20}{'steps':>6}{'PLACE':>20}{'GRASP':>7}{'MISS':>6}   errors [mm], turned [deg], wrong grip"
    )
    for path in sorted(RESULTS.glob("*.json")):
        row = json.loads(path.read_text())
        place, seen = row["place"], row["offline"]
        print(
            f"{row['provenance']['commit'][:7]:9}{row['variant']:20}{row['steps']:>6}"
            f"{place['successes']:>6}/{place['n']} [{place['low']:.0%}, {place['high']:.0%}]"
            f"{row['stages']['GRASP']:>7}{row['stages']['MISS']:>6}"
            f"{seen['median_mm']:>10} / {seen['p90_mm']:<8}{seen['rotation_deg']:>6}{seen['gripper_wrong']:>8}"
        )


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", help=", ".join(variants()))
    parser.add_argument("--out", type=Path, default=Path("outputs/video"), help="what runs/video.sh trained into")
    parser.add_argument("--demos", type=Path, default=Path("outputs/video/demos"))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--precision", default="auto", choices=("auto", "bf16", "no"))
    parser.add_argument("--episodes", type=int, default=48)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.variants:
        run(name, arguments)
    table()


if __name__ == "__main__":
    main()
