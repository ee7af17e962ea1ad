"""How far a policy's targets lie from what a demonstrator did: errors on demonstrations, without a simulator.

The same measurement with the picture moved is the policy's equivariance error: when image and camera are shifted by k
pixels, the true 3D targets stay where they are, so a policy that points relative to what it sees keeps its error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from para.dataset import Augmentation, SampleTable, collate
from para.geometry import Camera, relative_angle
from para.policy import Policy


@dataclass(frozen=True)
class Move:
    """A fixed crop: everything in the picture moves by (du, dv) pixels of a 224-pixel image."""

    du: float = 0.0
    dv: float = 0.0

    def __call__(self, camera: Camera, points: np.ndarray, rng: np.random.Generator) -> Camera:
        """The camera whose picture is moved."""
        scale = camera.width / 224.0
        return camera.crop(-self.du * scale, -self.dv * scale, camera.width, camera.height)


@dataclass(frozen=True)
class PredictionErrors:
    """N moments, T steps."""

    position: np.ndarray
    """(N, T) distance between decoded and measured end-effector position [m]."""
    rotation: np.ndarray
    """(N, T) angle between decoded and measured rotation [rad]."""
    gripper: np.ndarray
    """(N, T) bool: the decoded opening is on the wrong side of one half."""
    counted: np.ndarray
    """(N, T) bool: the step exists and its true target is in the picture."""
    height: np.ndarray
    """(N, T) height of the true target [m], world z."""
    out_of_view: np.ndarray
    """(N, T) the policy's probability that the target is not in the picture."""
    confidence: np.ndarray
    """(N, T) the policy's own probability of being right."""

    def summary(self, below: float | None = None) -> dict[str, float]:
        """Median and 90th percentile [mm], median rotation error [deg], share of wrong grips; of targets under `below` [m]."""
        chosen = self.counted if below is None else self.counted & (self.height < below)
        if not chosen.any():
            return {"n": 0}
        position = 1000 * self.position[chosen]
        return {
            "n": int(chosen.sum()),
            "median_mm": round(float(np.median(position)), 2),
            "p90_mm": round(float(np.percentile(position, 90)), 2),
            "rotation_deg": round(float(np.degrees(np.median(self.rotation[chosen]))), 2),
            "rotation_p90_deg": round(float(np.degrees(np.percentile(self.rotation[chosen], 90))), 2),
            "gripper_wrong": round(float(self.gripper[chosen].mean()), 4),
        }


@torch.inference_mode()
def prediction_errors(
    policy: Policy, samples: SampleTable, indices: np.ndarray, move: Move | None = None, batch_size: int = 16
) -> PredictionErrors:
    """Errors at the moments `indices` of `samples`, with the pictures as they are or moved."""
    augmentation = None if move is None else Augmentation((move,))
    rng, device = np.random.default_rng(0), next(policy.network.parameters()).device
    columns: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(indices), batch_size):
        chosen = [int(i) for i in indices[start : start + batch_size]]
        config = policy.config
        batch = collate(samples, chosen, config.image_size, augmentation, [rng] * len(chosen), config.framing).to(
            device
        )
        chunk = policy.network.head.decode(policy.network(batch.inputs), batch.inputs)
        targets, camera = batch.targets, batch.inputs.camera
        seen = camera.sees(*camera.project(targets.positions))
        row = {
            "position": (chunk.positions - targets.positions).norm(dim=-1),
            "rotation": relative_angle(chunk.rotations.double(), targets.rotations.double()),
            "gripper": (chunk.gripper > 0.5) != (targets.gripper > 0.5),
            "counted": targets.valid & seen,
            "height": targets.positions[..., 2],
            "out_of_view": chunk.out_of_view,
            "confidence": chunk.confidence,
        }
        for name, value in row.items():
            columns.setdefault(name, []).append(value.cpu().numpy())
    return PredictionErrors(**{name: np.concatenate(values) for name, values in columns.items()})
