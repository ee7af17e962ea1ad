"""A training batch of the right shapes with made-up contents, for benchmarks: no demonstrations needed."""

from __future__ import annotations

import torch

from para.dataset import Batch, Clip, ModelInput, Targets
from para.geometry import Camera, Pose
from para.training import TrainConfig
from para.worlds.libero.camera import training_camera


def made_up_batch(config: TrainConfig, device: str = "cpu") -> Batch:
    """What a step of this training gets: seen by LIBERO's training camera, with a clip where the objective asks for one."""
    n, steps, (width, height) = config.batch_size, config.policy.horizon, config.policy.image_size
    camera, frames = training_camera(width, height), config.objective.clip_frames(config.policy)

    def repeat(array) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.float32).expand(n, *array.shape).contiguous()

    pose = Pose(repeat(camera.T_world_camera.rotation), repeat(camera.T_world_camera.translation))
    positions = torch.rand(n, steps, 3) * torch.tensor([0.3, 0.4, 0.2]) + torch.tensor([-0.3, -0.2, 0.95])
    pictures = torch.randint(0, 255, (n, frames, height, width, 3), dtype=torch.uint8).permute(0, 1, 4, 2, 3)
    hand = Pose(torch.eye(3).expand(n, 3, 3), positions[:, 0])
    return Batch(
        ModelInput(pictures[:, 0], Camera(repeat(camera.intrinsics), pose, width, height), hand, torch.rand(n)),
        Targets(
            positions,
            torch.eye(3).expand(n, steps, 3, 3),
            (torch.rand(n, steps) > 0.5).float(),
            torch.ones(n, steps, dtype=torch.bool),
            Pose(torch.eye(3).expand(n, 3, 3), positions[:, -1]),
        ),
        Clip(pictures, torch.ones(n, frames, dtype=torch.bool)) if frames > 1 else None,
    ).to(device)
