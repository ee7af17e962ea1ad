"""Seconds of a training step and where they go, with and without bf16 and glibc's memory kept.

Usage: python benchmarks/train_step.py [preset ...]   (run it on a quiet machine: a second busy process slows a step 3-5 times)
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import torch
from made_up import made_up_batch

from para.policy import PolicyNetwork
from para.training import TrainConfig

PRESETS = (
    "para",
    "cls_regression",
    "para_paper_lite0_224",
    "act",
    "act_plucker",
    "diffusion",
    "diffusion_camera",
    "reg_dense_world",
    "reg_dense_pixel_shift",
    "reg_soft_argmax",
)
SETTINGS = (("no", False), ("no", True), ("bf16", False), ("bf16", True))  # precision, keep freed memory


def measure(preset: str, precision: str, keep: bool, steps: int = 12) -> None:
    """Print medians of forward pass with its loss, backward pass and optimiser; of a recipe, of each stage."""
    from para.presets import RECIPES, policy_preset, recipe
    from para.training.allocator import keep_freed_memory

    if keep:
        keep_freed_memory()
    if preset not in RECIPES:
        _measure(preset, policy_preset(preset), precision, keep, steps)
        return
    for stage in recipe(preset).stages:
        _measure(f"{preset}: {stage.name}", stage.train, precision, keep, steps)


def _measure(name: str, config: TrainConfig, precision: str, keep: bool, steps: int) -> None:
    network = PolicyNetwork(config.policy).train()
    objective = config.objective.build(network)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 1e-4)
    batch = made_up_batch(config)
    times, began = [], time.process_time()
    for _ in range(steps):
        marks = [time.perf_counter()]
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = objective(batch).total
        marks.append(time.perf_counter())
        loss.backward()
        marks.append(time.perf_counter())
        optimizer.step()
        optimizer.zero_grad()
        marks.append(time.perf_counter())
        times.append([b - a for a, b in zip(marks, marks[1:])])
    forward, backward, update = (statistics.median(column) for column in zip(*times[3:]))
    total = statistics.median(sum(row) for row in times[3:])
    cpu = (time.process_time() - began) / steps
    print(
        f"{name:28}{precision:>6}{'kept' if keep else 'freed':>8}{forward:9.3f}{backward:10.3f}"
        f"{update:8.3f}{total:8.3f}{cpu:8.3f}",
        flush=True,
    )


def main() -> None:
    """One process for each setting, as memory settings last as long as the process. `cpu` is the mean processor time of a
    step: it says something even where other processes take the machine."""
    if len(sys.argv) == 4 and sys.argv[2] in ("no", "bf16"):
        measure(sys.argv[1], sys.argv[2], sys.argv[3] == "kept")
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, seconds (medians)")
    print(f"{'policy':28}{'dtype':>6}{'memory':>8}{'forward':>9}{'backward':>10}{'update':>8}{'step':>8}{'cpu':>8}")
    for preset in sys.argv[1:] or PRESETS:
        for precision, keep in SETTINGS:
            arguments = [sys.executable, __file__, preset, precision, "kept" if keep else "freed"]
            subprocess.run(arguments, check=True)


if __name__ == "__main__":
    main()
