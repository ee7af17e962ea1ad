"""Seconds from an observation to a chunk, on one CPU core (and on the GPU when there is one).

Limit: 60 ms for `para` at 256 px, so that four 0.2 s steps hide a prediction many times over.
Usage: python benchmarks/policy_latency.py
"""

from __future__ import annotations

import platform
import statistics
import time

import numpy as np
import torch

from para.policy import Policy, PolicyNetwork
from para.presets import policy_preset
from para.types import Observation, RobotState, View
from para.worlds.libero.camera import training_camera

PRESETS = ("para", "cls_regression", "para_paper_lite0_224")


def latency(preset: str, size: int, device: str, repeats: int = 30) -> list[float]:
    """Milliseconds of each of `repeats` predictions on a random picture of `size` px, without the first five."""
    config = policy_preset(preset).policy
    policy = Policy(config, PolicyNetwork(config).to(device))
    camera = training_camera(size, size)
    image = np.random.default_rng(0).integers(0, 255, (size, size, 3), np.uint8)
    observation = Observation((View("agentview", image, camera),), RobotState(camera.T_world_camera, 1.0, 0.0))
    times = []
    for _ in range(repeats + 5):
        began = time.perf_counter()
        policy.predict(observation)
        times.append(1000 * (time.perf_counter() - began))
    return times[5:]


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    devices = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
    print(f"torch {torch.__version__}, {platform.processor() or platform.machine()}, 1 thread")
    print(f"{'policy':24}{'picture':>9}{'device':>8}{'median ms':>11}{'p90 ms':>9}")
    for preset in PRESETS:
        for size in (256, 448):
            for device in devices:
                times = latency(preset, size, device)
                p90 = statistics.quantiles(times, n=10)[-1]
                print(f"{preset:24}{size:>9}{device:>8}{statistics.median(times):>11.1f}{p90:>9.1f}")


if __name__ == "__main__":
    main()
