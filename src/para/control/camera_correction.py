"""A camera's calibration, corrected while the robot works: where the hand is seen against where it is known to be.

Forward kinematics say where the end effector is; a `heads.locator` says where the picture shows it. What lies between
them is an error of the camera (or of its mounting), and a policy that unprojects pixels would carry it into every target.
The correction is the most probable one given all that was seen since `reset`: a small rigid motion of the camera with a
Gaussian prior, as only the whole way of the hand could tell a turn from a shift.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from para.geometry import Camera, Pose, rotation_from_vector
from para.heads import LocatorHead
from para.policy import Policy, PolicyConfig
from para.types import ActionChunk, Observation, View


@dataclass(frozen=True)
class CorrectionConfig:
    """What is believed before anything is seen, and how much a sighting counts."""

    rotation: float = 1.0
    """Standard deviation of the camera's error about each axis [deg]."""
    translation: float = 0.01
    """The same along each axis [m]."""
    noise: float = 0.004
    """Standard deviation of a sighting, in the picture at unit depth: 0.004 are 4 mm at 1 m."""
    least_confidence: float = 0.3
    """A sighting the locator is less sure of is left out."""
    spacing: float = 0.03
    """A sighting replaces those that are so near to it [m]: looking twice at one place tells little more."""


class CameraCorrection:
    """The most probable T_reported_true, from the camera that is reported to the one that sees."""

    def __init__(self, config: CorrectionConfig | None = None) -> None:
        self.config = config or CorrectionConfig()
        self.reset()

    def reset(self) -> None:
        """Forget all sightings."""
        self._points: list[np.ndarray] = []  # in the reported camera's axes
        self._seen: list[np.ndarray] = []
        self.T_reported_true = Pose(np.eye(3), np.zeros(3))

    def see(self, camera: Camera, point: np.ndarray, direction: np.ndarray) -> None:
        """The reported `camera` saw world `point` (3,) [m] along world `direction` (3,), of any length."""
        inward = camera.T_world_camera.rotation.T
        at, ray = camera.T_world_camera.inverse() @ point[None], inward @ direction
        far = [i for i, p in enumerate(self._points) if np.linalg.norm(p - at[0]) > self.config.spacing]
        self._points = [*(self._points[i] for i in far), at[0]]
        self._seen = [*(self._seen[i] for i in far), ray[:2] / ray[2]]
        self.T_reported_true = self._solve(np.array(self._points), np.array(self._seen))

    def correct(self, camera: Camera) -> Camera:
        """The camera as it most probably stands."""
        return replace(camera, T_world_camera=camera.T_world_camera @ self.T_reported_true)

    def _solve(self, points: np.ndarray, seen: np.ndarray, iterations: int = 10) -> Pose:
        """Maximum a posteriori by Gauss-Newton; sightings far off count less (Cauchy's weights), so one cannot mislead."""
        config = self.config
        prior = np.diag([np.radians(config.rotation) ** -2] * 3 + [config.translation**-2] * 3)
        x = np.zeros(6)
        for _ in range(iterations):
            residual = _projected(points, x) - seen  # (N, 2)
            steps = np.eye(6) * 1e-6
            slope = np.stack([(_projected(points, x + d) - _projected(points, x - d)) / 2e-6 for d in steps], -1)
            size = np.linalg.norm(residual, axis=1) / config.noise
            weight = 1 / (config.noise**2 * (1 + (size / 3) ** 2))
            normal = prior + np.einsum("n,nij,nik->jk", weight, slope, slope)
            x = x - np.linalg.solve(normal, prior @ x + np.einsum("n,nij,ni->j", weight, slope, residual))
        return Pose(rotation_from_vector(x[:3]), x[3:])


def _projected(points: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(N, 3) points of the reported camera -> (N, 2) where a camera moved by x (rotation vector, translation) sees them."""
    p = (points - x[3:]) @ rotation_from_vector(x[:3])
    return p[:, :2] / p[:, 2:]


class CorrectedPolicy:
    """A policy whose camera is corrected before each prediction."""

    def __init__(self, policy: Policy, locator: Policy, config: CorrectionConfig | None = None) -> None:
        """ValueError when `locator` is no locator, looks through another camera or for another point of the hand."""
        if not isinstance(locator.network.head, LocatorHead):
            raise ValueError(f"correcting a camera takes a locator; this is a {type(locator.config.head).__name__}")
        if locator.config.camera != policy.config.camera:
            raise ValueError(
                f"the policy looks through {policy.config.camera!r}, the locator through {locator.config.camera!r}"
            )
        if locator.config.ee_frame != policy.config.ee_frame:
            raise ValueError(
                f"the policy moves the frame {policy.config.ee_frame!r}, the locator finds {locator.config.ee_frame!r}: "
                "what lies between them would pass for an error of the camera"
            )
        self.policy, self.locator = policy, locator
        self.correction = CameraCorrection(config)

    @property
    def config(self) -> PolicyConfig:
        """The policy's own, for those who carry its chunks out."""
        return self.policy.config

    def reset(self) -> None:
        """A new episode: nothing is known of the camera's error."""
        self.correction.reset()

    def predict(self, observation: Observation) -> ActionChunk:
        """The policy's plan for what is seen, through the corrected camera."""
        self.look(observation)
        name = self.policy.config.camera
        views = tuple(self._corrected(view) if view.name == name else view for view in observation.views)
        return self.policy.predict(replace(observation, views=views))

    @torch.inference_mode()
    def look(self, observation: Observation) -> None:
        """Find the hand in the picture, and learn from where it is."""
        outputs, inputs = self.locator.outputs(observation)
        pixel, confidence = self.locator.network.head.locate(outputs, inputs)
        if confidence.item() < self.correction.config.least_confidence:
            return
        direction = inputs.camera.rays(pixel[:, None])[0, 0].double().cpu().numpy()
        camera = observation.view(self.locator.config.camera).camera
        self.correction.see(camera, observation.state.T_world_ee.translation, direction)

    def _corrected(self, view: View) -> View:
        return replace(view, camera=self.correction.correct(view.camera))
