"""One prediction of a pointing policy, taken apart: picture, volume, ray, target. Small enough to stand with the results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from para.dataset import ModelInput
from para.geometry import Camera, DepthBins, Pose
from para.policy import Policy
from para.types import Box, Observation

FILE = "pointing.npz"
"""Its name in a folder of pictures, a run's or a collection's."""


@dataclass(frozen=True)
class Pointing:
    """What a policy saw and where it pointed, for one of its steps."""

    image: np.ndarray
    """(H, W, 3) uint8, the policy's input."""
    camera: Camera
    """Of that picture, which may be a virtual one."""
    ee: np.ndarray
    """(3,) end effector [m], world."""
    targets: np.ndarray
    """(T, 3) of all steps [m], world."""
    anchor: np.ndarray
    """(3,) the point of that step that its pixel shows [m], world: the target itself, or the foot below it."""
    step: int
    """Which of them is taken apart."""
    volume: np.ndarray
    """(D, v, u) probability of the step's cells and bins, float16 precision."""
    heights: np.ndarray
    """(D,) what the bins stand for, in the unit of `axis`."""
    axis: str
    """What the bins count, e.g. ``height [m]``."""
    workspace: Box
    """Where targets can lie [m], world."""

    @property
    def target(self) -> np.ndarray:
        """(3,) of the step [m], world."""
        return self.targets[self.step]

    @property
    def pixel(self) -> np.ndarray:
        """(2,) (u, v) that the policy pointed at [px]."""
        return self.camera.project(self.anchor[None])[0][0]

    @property
    def cell(self) -> tuple[int, int, int]:
        """(bin, row, column) of the highest score."""
        return tuple(int(i) for i in np.unravel_index(self.volume.argmax(), self.volume.shape))


@torch.inference_mode()
def point(policy: Policy, observation: Observation, step: int | None = None) -> Pointing:
    """Ask a policy; `step` is the farthest one by default. ValueError for a policy that does not point."""
    if not hasattr(policy.config.head, "bins"):
        raise ValueError(f"this policy's head ({type(policy.config.head).__name__}) points at nothing")
    outputs, inputs = policy.outputs(observation)
    chunk = policy.chunk(policy.network.head.decode(outputs, inputs))
    step = len(chunk) - 1 if step is None else step
    logits = logits_in_reach(policy, outputs, inputs)[0, step]  # (D, v, u)
    bins = policy.config.head.bins
    camera = policy.config.input_camera(observation.view(policy.config.camera).camera)
    return Pointing(
        image=inputs.image[0].permute(1, 2, 0).cpu().numpy().clip(0, 255).astype(np.uint8),
        camera=camera,
        ee=np.asarray(observation.state.T_world_ee.translation, float),
        targets=np.asarray(chunk.positions, float),
        anchor=np.asarray(bins.anchor(chunk.positions[step][None])[0], float),
        step=step,
        volume=logits.flatten().softmax(0).view_as(logits).cpu().numpy().astype(np.float32),
        heights=np.array([float(bins.value(i + 0.5)) for i in range(bins.count)]),
        axis="depth [m]" if isinstance(bins, DepthBins) else "height [m]",
        workspace=policy.config.workspace,
    )


def logits_in_reach(policy: Policy, outputs: Any, inputs: ModelInput) -> torch.Tensor:
    """(B, S, D, v, u) scores that the policy chooses its best from: -inf where it points nowhere."""
    head = policy.network.head
    return head.within_reach(outputs.logits, inputs) if hasattr(head, "within_reach") else outputs.logits


def save_pointing(pointing: Pointing, path: Path) -> Path:
    """Write one file of about 100 KB: the picture as PNG, the volume as half floats with its smallest parts cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    volume = np.where(pointing.volume > 1e-5, pointing.volume, 0).astype(np.float16)
    camera = pointing.camera
    _, png = cv2.imencode(".png", pointing.image[..., ::-1])
    words = {
        "step": pointing.step,
        "axis": pointing.axis,
        "size": [camera.width, camera.height],
        "low": list(pointing.workspace.low),
        "high": list(pointing.workspace.high),
    }
    np.savez_compressed(
        path,
        image=png,
        intrinsics=camera.intrinsics,
        rotation=camera.T_world_camera.rotation,
        translation=camera.T_world_camera.translation,
        ee=pointing.ee,
        targets=pointing.targets,
        anchor=pointing.anchor,
        volume=volume,
        heights=pointing.heights,
        words=json.dumps(words),
    )
    return path


def load_pointing(path: Path) -> Pointing:
    """The inverse of `save_pointing`. ValueError for a file that is something else."""
    try:
        with np.load(path, allow_pickle=False) as data:
            words = json.loads(str(data["words"]))
            pose = Pose(data["rotation"], data["translation"])
            return Pointing(
                cv2.imdecode(data["image"], cv2.IMREAD_COLOR)[..., ::-1].copy(),
                Camera(data["intrinsics"], pose, *words["size"]),
                data["ee"],
                data["targets"],
                data["anchor"],
                words["step"],
                data["volume"].astype(np.float32),
                data["heights"],
                words["axis"],
                Box(tuple(words["low"]), tuple(words["high"])),
            )
    except (KeyError, ValueError, OSError, TypeError) as cause:
        raise ValueError(
            f"{path} holds no prediction ({type(cause).__name__}: {cause}); delete it and draw it again"
        ) from cause
