"""Can the grids do it? The expert's own future, quantised to each preset's cells and bins, then servoed: no learning.

400 episodes, about 10 minutes on two cores. Before this passes 95 %, no training result means anything.
Usage: python runs/oracle.py [episodes per cell, default 100]
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from para.evaluation.agents import AgentSpec
from para.evaluation.axes import axis_named
from para.evaluation.evaluate import evaluate
from para.evaluation.statistics import wilson
from para.policy import Policy, PolicyNetwork
from para.presets import policy_preset

RESULTS = Path("results/oracle")


def main(episodes: int) -> None:
    """Both grids, the training camera (the whole table) and the validation cameras (5 to 20 deg away)."""
    for preset in ("para", "para_paper_lite0_224"):
        config = policy_preset(preset).policy
        torch.manual_seed(0)  # an untrained network, of which only the grid is used; the same one when asked to go on
        folder = Policy(config, PolicyNetwork(config)).save_pretrained(Path("outputs/oracle") / preset)
        for axis, split in (("dense", "in_distribution"), ("view", "validation")):
            conditions = getattr(axis_named(axis), f"{split}_conditions")(episodes)
            spec = AgentSpec(f"oracle_{preset}", "oracle", folder)
            found = evaluate(spec, conditions, RESULTS / f"{axis}.jsonl", workers=2).finished()
            rate = wilson(sum(r.placed for r in found), len(found))
            print(f"oracle on the grid of {preset}, {axis}/{split}: {rate.value:.1%} [{rate.low:.1%}, {rate.high:.1%}]")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
