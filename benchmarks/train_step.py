"""Seconds of a training step and where they go, with and without bf16 and glibc's memory kept.

Usage: python benchmarks/train_step.py [preset ...]   (run it on a quiet machine: a second busy process slows a step 3-5 times)
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import torch

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
    """Print medians of forward, loss, backward and optimiser."""
    from para.dataset import Batch, ModelInput, Targets
    from para.geometry import Camera, Pose
    from para.policy import PolicyNetwork
    from para.presets import policy_preset
    from para.training.allocator import keep_freed_memory
    from para.worlds.libero.camera import training_camera

    if keep:
        keep_freed_memory()
    config = policy_preset(preset)
    network = PolicyNetwork(config.policy).train()
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 1e-4)
    n, steps_ahead, size = config.batch_size, config.policy.horizon, config.policy.image_size
    one = training_camera(*size)

    def repeat(array) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.float32).expand(n, *array.shape).contiguous()

    pose = Pose(repeat(one.T_world_camera.rotation), repeat(one.T_world_camera.translation))
    positions = torch.rand(n, steps_ahead, 3) * torch.tensor([0.3, 0.4, 0.2]) + torch.tensor([-0.3, -0.2, 0.95])
    eye = torch.eye(3).expand(n, 3, 3)
    batch = Batch(
        ModelInput(
            torch.randint(0, 255, (n, 3, size[1], size[0]), dtype=torch.uint8),
            Camera(repeat(one.intrinsics), pose, *size),
            Pose(eye, positions[:, 0]),
            torch.rand(n),
        ),
        Targets(
            positions,
            torch.eye(3).expand(n, steps_ahead, 3, 3),
            (torch.rand(n, steps_ahead) > 0.5).float(),
            torch.ones(n, steps_ahead, dtype=torch.bool),
        ),
    )
    times, began = [], time.process_time()
    for _ in range(steps):
        marks = [time.perf_counter()]
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            outputs = network(batch.inputs)
        marks.append(time.perf_counter())
        loss = network.head.loss(outputs, batch.inputs, batch.targets).total
        marks.append(time.perf_counter())
        loss.backward()
        marks.append(time.perf_counter())
        optimizer.step()
        optimizer.zero_grad()
        marks.append(time.perf_counter())
        times.append([b - a for a, b in zip(marks, marks[1:])])
    forward, loss_time, backward, update = (statistics.median(column) for column in zip(*times[3:]))
    total = statistics.median(sum(row) for row in times[3:])
    cpu = (time.process_time() - began) / steps
    print(
        f"{preset:22}{precision:>6}{'kept' if keep else 'freed':>8}{forward:9.3f}{loss_time:8.3f}{backward:10.3f}"
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
    print(
        f"{'policy':22}{'dtype':>6}{'memory':>8}{'forward':>9}{'loss':>8}{'backward':>10}{'update':>8}{'step':>8}{'cpu':>8}"
    )
    for preset in sys.argv[1:] or PRESETS:
        for precision, keep in SETTINGS:
            arguments = [sys.executable, __file__, preset, precision, "kept" if keep else "freed"]
            subprocess.run(arguments, check=True)


if __name__ == "__main__":
    main()
