"""What a video policy depends on, one factor at a time: the last stage trained again from the same video model.

Every variant begins with the video stage that `runs/video.sh` trained and differs from `base` by what its name says. Judged by
errors on demonstrations (every twentieth moment) and by episodes on the validation conditions of `lr`; no test condition.
With `--axis rl` a policy learns on the right half of the table and is tried on the left one, where the validation conditions
of `lr` are too near to tell good policies apart (`runs/ablations.py`); it then begins with the autoencoder alone.

    python runs/video_variants.py base sigma_80 block_2 ...   # 20 minutes a variant on one core (AVX-512); again to go on
    python runs/video_variants.py --axis rl --steps 1600 base carried ...   # 90 minutes a variant, and once the autoencoder
    python runs/video_variants.py                             # the table of what there is
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from ablations import RIGHT, TWIN, write_row
from ablations import conditions as conditions_left

from para.dataset import SampleTable, build_samples
from para.demos import DemoDataset
from para.evaluation.agents import AgentSpec
from para.evaluation.axes import axis_named
from para.evaluation.evaluate import evaluate
from para.evaluation.offline import prediction_errors
from para.policy import Policy
from para.presets import fitted, recipe
from para.presets.policies import CAMERA, COLOURS
from para.reproduce import record
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

    def augmented(config: TrainConfig, **changes) -> TrainConfig:
        return replace(config, augmentation=replace(config.augmentation, **changes))

    size = base.policy.backbone.size
    alone = replace(base, objective=ActionObjective())
    return {
        "base": base,
        "block_2": block(2),
        "block_1": block(1),
        "block_0": block(0),
        "sigma_10": backbone(base, sigma=10.0),
        "sigma_80": backbone(base, sigma=80.0),
        "actions_alone": alone,
        "coloured": augmented(base, photometric=COLOURS.photometric),
        "carried": replace(base, augmentation=CAMERA),
        "carried_actions_alone": replace(alone, augmentation=CAMERA),
        "no_attention": backbone(base, size=replace(size, attention=(False,) * len(size.attention))),
        "lora_16": backbone(base, lora_rank=16),
        "frozen": backbone(alone, frozen=True),
        "frozen_large_head": head(backbone(alone, frozen=True), widths=(64, 64, 128, 192)),
        "frozen_sigma_10": backbone(alone, frozen=True, sigma=10.0),
        "from_nothing": base,
    }


def learn(name: str, asked: argparse.Namespace) -> tuple[Policy, SampleTable]:
    """The trained variant, and the moments it has learned from."""
    config = replace(variants()[name], steps=asked.steps, precision=asked.precision)
    policy, twin = config.policy, asked.axis == TWIN
    out, demos = (asked.out / TWIN, Path("outputs") / TWIN / "demos") if twin else (asked.out, asked.demos)
    if twin:
        record(RIGHT.layouts(), demos, (256, 256), asked.workers)
    samples = build_samples(DemoDataset.open(demos), policy.camera, policy.horizon, config.stride)
    start = out / ("vae" if name == "from_nothing" else "video")
    if twin:  # autoencoders of their own; the U-Net in it, which it does not move, has to be of the variant's shape
        first = replace(recipe("video_two_stage").stages[0].train, precision=asked.precision)
        first = replace(first, policy=replace(first.policy, backbone=policy.backbone))
        start = out / ("vae_no_attention" if name == "no_attention" else "vae")
        train(fitted(first, samples), samples, start)
    folder, made_by = out / "variants" / name, {"variant": name, "axis": asked.axis}
    return train(fitted(config, samples), samples, folder, provenance=made_by, start_from=start / "policy"), samples


def run(name: str, asked: argparse.Namespace) -> None:
    """Train, measure and write one row."""
    trained, samples = learn(name, asked)
    errors = prediction_errors(trained, samples, np.arange(0, len(samples), 20))
    twin, n = asked.axis == TWIN, asked.episodes
    results = RESULTS / TWIN if twin else RESULTS
    spec = AgentSpec(name, "policy", asked.out / (TWIN if twin else "") / "variants" / name / "policy")
    conditions = conditions_left(n) if twin else axis_named("lr").validation_conditions(n)
    result = evaluate(spec, conditions, results / "records.jsonl", workers=asked.workers)
    write_row(results, name, asked, trained, result.finished(), offline=errors.summary())


def table() -> None:
    """Print what is on record."""
    print(
        f"{'commit':9}{'axis':5}{'variant':24}{'steps':>6}{'PLACE':>20}{'GRASP':>7}{'MISS':>6}"
        "   errors [mm], turned [deg], wrong grip"
    )
    for path in sorted([*RESULTS.glob("*.json"), *(RESULTS / TWIN).glob("*.json")]):
        row = json.loads(path.read_text())
        place, seen = row["place"], row["offline"]
        print(
            f"{row['provenance']['commit'][:7]:9}{row.get('axis', 'lr'):5}{row['variant']:24}{row['steps']:>6}"
            f"{place['successes']:>6}/{place['n']} [{place['low']:.0%}, {place['high']:.0%}]"
            f"{row['stages']['GRASP']:>7}{row['stages']['MISS']:>6}"
            f"{seen['median_mm']:>10} / {seen['p90_mm']:<8}{seen['rotation_deg']:>6}{seen['gripper_wrong']:>8}"
        )


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", help=", ".join(variants()))
    parser.add_argument("--axis", default="lr", choices=("lr", TWIN), help="what it learns on and is tried on")
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
