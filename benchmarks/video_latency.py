"""Seconds of a video policy's prediction: one pass for features, against first sampling the video, by picture size.

Limit: one pass within 0.8 s, the time that four steps of a chunk take to carry out; a GPU should stay far below. The noise
level is a number that goes in: it should not change the time, and two levels stand in the table to show that it does not.
On a CPU the limit is held against processor time, which a busy machine changes less.
Usage: python benchmarks/video_latency.py [--model FOLDER]   (a saved pipeline; by default the small model, untrained)
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from para.backbones import SvdConfig
from para.policy import PolicyNetwork
from para.presets.video import SMALL

LIMIT = 0.8
"""Seconds."""


def seconds(call: Callable[[], object], device: str, repeats: int) -> tuple[float, float]:
    """Median wall and processor seconds of `call`, after one call to warm up."""
    wall, processor = [], []
    for number in range(repeats + 1):
        began, spent = time.perf_counter(), time.process_time()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        if number:
            wall.append(time.perf_counter() - began)
            processor.append(time.process_time() - spent)
    return statistics.median(wall), statistics.median(processor)


@torch.inference_mode()
def measure(config: SvdConfig, size: int, device: str, repeats: int) -> None:
    """Print the rows of one picture size."""
    small = replace(SMALL, image_size=(size, size), backbone=config)
    image = torch.rand(1, 3, size, size, device=device)
    for sigma in (40.0, 700.0):
        network = PolicyNetwork(replace(small, backbone=replace(config, sigma=sigma))).eval().to(device)
        one = seconds(lambda model=network.backbone: model(image), device, repeats)
        _row(device, size, f"{sigma:g}", "one pass", *one)
    for steps in (1, 5, 25):
        call = seconds(lambda n=steps: (network.backbone.generate(image, n), network.backbone(image)), device, repeats)
        _row(device, size, "700", f"{steps} sampled steps, then one pass", *call)


def _row(device: str, size: int, sigma: str, what: str, wall: float, processor: float) -> None:
    verdict = "within" if (wall if device == "cuda" else processor) <= LIMIT else "over"
    print(
        f"{size:>7}{sigma:>7}  {what:34}{1000 * wall:>9.0f}{1000 * processor:>14.0f}  {verdict} {LIMIT} s", flush=True
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="folder or Hub repository of a saved pipeline")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 96, 128])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = SMALL.backbone
    if arguments.model:
        config = replace(
            config, model=arguments.model, blocks=(2, 1, 0), precision="bf16" if device == "cuda" else "fp32"
        )
    print(f"torch {torch.__version__}, {platform.processor() or platform.machine()}, {device}, 1 thread, batch 1")
    print(f"{'px':>7}{'sigma':>7}  {'':34}{'wall ms':>9}{'processor ms':>14}")
    for size in arguments.sizes:
        measure(config, size, device, arguments.repeats)


if __name__ == "__main__":
    main()
