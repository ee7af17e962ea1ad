"""Memory and time of a training step of `video_svd` at the published model's full size, with random weights.

Nothing is downloaded: 1.5 billion weights of the U-Net, 98 million of the autoencoder and 632 million of the image encoder are
made here. Each size and stage runs in a process of its own; from two sizes follows what a pixel that passes the U-Net costs,
and from that an estimate for the preset's own picture size and batch. A GPU is used when there is one.
Usage: python benchmarks/video_memory.py [--sizes 64 128] [--batch 1]   (on a CPU 15 GB of memory and ten minutes)
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from made_up import made_up_batch

PUBLISHED = {
    "unet": {  # the defaults of the class are the published model's, but for the clip's length
        "_class_name": "UNetSpatioTemporalConditionModel",
        "num_frames": 14,
    },
    "vae": {
        "_class_name": "AutoencoderKLTemporalDecoder",
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "layers_per_block": 2,
        "scaling_factor": 0.18215,
    },
    "image_encoder": {
        "architectures": ["CLIPVisionModelWithProjection"],
        "model_type": "clip_vision_model",
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "patch_size": 14,
        "projection_dim": 1024,
        "hidden_act": "gelu",
    },
}
"""Configurations as `StableVideoDiffusionPipeline.save_pretrained` writes them."""


def training(stage: str):
    """The preset's configuration of a stage."""
    from para.presets import recipe

    return {s.name: s for s in recipe("video_svd").stages}[stage].train


def measure(folder: Path, stage: str, size: int, batch_size: int, precision: str) -> dict[str, float]:
    """Two training steps: seconds of the second one (on a CPU of processor time, which a busy machine changes less), most
    memory [GiB], weights and trained weights [millions]."""
    from para.policy import PolicyNetwork
    from para.training.checkpoint import Ema

    device = "cuda" if torch.cuda.is_available() else "cpu"
    train = training(stage)
    backbone = replace(train.policy.backbone, model=str(folder), variant=None, weights=False, precision=precision)
    policy = replace(train.policy, backbone=backbone, image_size=(size, size))
    torch.manual_seed(0)
    network = PolicyNetwork(policy).to(device).train()
    objective = train.objective.build(network)
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer, ema = torch.optim.AdamW(trained, lr=1e-5), Ema(network, train.ema_decay)

    batch = made_up_batch(replace(train, policy=policy, batch_size=batch_size), device)
    for _ in range(2):
        began, spent = time.perf_counter(), time.process_time()
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            loss = objective(batch)
        loss.total.backward()
        optimizer.step()
        optimizer.zero_grad()
        ema.update(network)
        loss.total.item()  # waits for the device
        seconds = time.perf_counter() - began if device == "cuda" else time.process_time() - spent
    peak = (
        torch.cuda.max_memory_allocated()
        if device == "cuda"
        else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    )
    count = sum(p.numel() for p in network.parameters())
    return {
        "seconds": seconds,
        "gib": peak / 2**30,
        "weights": count / 1e6,
        "trained": sum(p.numel() for p in trained) / 1e6,
    }


def main() -> None:
    """Print the table and the estimate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=[64, 128], help="two picture sizes [px], multiples of 64")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), default="bf16" if torch.cuda.is_available() else "fp32"
    )
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)  # folder, stage, size: what a process of its own does
    arguments = parser.parse_args()
    if arguments.one:
        folder, stage, size = arguments.one
        print(json.dumps(measure(Path(folder), stage, int(size), arguments.batch, arguments.precision)))
        return
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    print(f"torch {torch.__version__}, {device}, {threads} threads, {arguments.precision}, batch {arguments.batch}")
    print(f"{'stage':>10}{'px':>6}{'weights':>9}{'trained':>9}{'memory':>10}{'a step':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for part, config in PUBLISHED.items():
            (Path(folder) / part).mkdir()
            (Path(folder) / part / "config.json").write_text(json.dumps(config))
        for stage in ("video", "two_stage"):
            found = []
            for size in arguments.sizes:
                command = [
                    sys.executable,
                    __file__,
                    "--batch",
                    str(arguments.batch),
                    "--precision",
                    arguments.precision,
                ]
                done = subprocess.run([*command, "--one", folder, stage, str(size)], stdout=subprocess.PIPE, check=True)
                row = json.loads(done.stdout)
                found.append(row)
                print(
                    f"{stage:>10}{size:>6}{row['weights']:>8.0f}M{row['trained']:>8.1f}M{row['gib']:>6.1f} GiB"
                    f"{row['seconds']:>8.1f} s",
                    flush=True,
                )
            _estimate(stage, arguments.sizes, arguments.batch, found)


def _estimate(stage: str, sizes: list[int], batch: int, found: list[dict[str, float]]) -> None:
    """What the preset's own size and batch need, in a straight line from the pixels that pass the U-Net at two sizes:
    attention over a picture grows faster."""
    train = training(stage)
    again = getattr(train.objective, "video_clips", 0)  # go through the U-Net twice

    def passed(size: int, batch_size: int) -> int:
        return size**2 * (batch_size + min(again, batch_size))

    small, large = (passed(size, batch) for size in sizes)
    wanted = passed(train.policy.image_size[0], train.batch_size)
    at = {}
    for what in ("gib", "seconds"):
        slope = (found[1][what] - found[0][what]) / (large - small)
        at[what] = found[1][what] + slope * (wanted - large)
    print(
        f"{stage:>10}{train.policy.image_size[0]:>6}  batch {train.batch_size}, estimated: {at['gib']:>12.1f} GiB"
        f"{at['seconds']:>8.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
