"""A policy: backbone and head, from an `Observation` to an `ActionChunk` in the world frame; saved as a folder.

A saved policy is `config.json` (network, camera, workspace, conventions, version, provenance) and `model.safetensors`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from para.atomic import replace_folder
from para.backbones import BackboneConfig, Dino, Lite0Config, SvdConfig
from para.config import from_json, to_json
from para.dataset import ModelInput
from para.geometry import Camera, LevelFraming, Pose, warp_image
from para.heads import ChunkBatch, ConfidenceCalibration, HeadConfig, StepwiseConfig, VolumeHeadConfig
from para.types import ActionChunk, Box, Observation

SAVED = {"config.json", "model.safetensors"}
"""The files of a saved policy."""
FORMAT = 1
"""Version of the saved policy's files; raised when an older reader could misread them."""

CONVENTIONS = {
    "pose": "T_a_b maps b-coordinates into a",
    "camera": "OpenCV axes (x right, y down, z forward); pixel centre of the top-left pixel at (0.5, 0.5)",
    "image": "RGB, upright, un-mirrored",
    "positions": "metres, world frame with z up",
    "gripper": "opening, 0 = closed, 1 = open",
    "step_seconds": 0.2,
}


class CheckpointError(ValueError):
    """A saved policy that cannot be used as it is."""


@dataclass(frozen=True)
class Execution:
    """How the policy's chunks are meant to be carried out; saved with it."""

    execute: int = 4
    """Steps of each chunk that are carried out before the policy is asked again."""
    ensemble: float | None = None
    """Temporal ensembling: ask at every step and average all chunks that name it, the i-th oldest with weight exp(-m i)
    for this m (Zhao et al. 2023, m = 0.01); `execute` then plays no part. None: one chunk at a time."""
    slack: float = 0.015
    """In `servo` mode a chunk is begun at its first step that lies ahead of the end effector, give or take this much [m],
    see `control.alignment`; 0 begins every chunk at its start. Ensembling keeps to the clock and has no use for it."""
    stride: float | None = 0.0
    """And what lies before a jump of more than this between two of its steps is left out: another plan, see there [m]; 0
    leaves it. None: farther than any arm went that was shown, as `presets.fitted` finds out."""


@dataclass(frozen=True)
class PolicyConfig:
    """Everything that fixes a policy network."""

    backbone: BackboneConfig = field(default_factory=Lite0Config)
    head: HeadConfig = field(default_factory=VolumeHeadConfig)
    image_size: tuple[int, int] = (224, 224)
    """(W, H) of the network's input; observations of any size are resized together with their camera."""
    horizon: int = 6
    """Steps of a chunk, T."""
    camera: str = "agentview"
    """The view it looks through."""
    workspace: Box = field(default_factory=lambda: Box((-0.60, -0.50, 0.88), (0.30, 0.50, 1.36)))
    """Where end-effector targets can be [m], world; a property of the task, not of the demonstrations."""
    ee_frame: str = "grip_site"
    """The frame that positions and rotations are of; training takes its name from the demonstrations, without the robot's."""
    framing: LevelFraming | None = None
    """The virtual camera that it looks through; None looks through the real one."""
    execution: Execution = Execution()
    """How its chunks are carried out."""

    def input_camera(self, camera: Camera) -> Camera:
        """The camera of the network's input for a picture taken by `camera`; both have one centre."""
        if self.framing is None:
            return camera.resize(*self.image_size)
        return self.framing(camera, *self.image_size)


class PolicyNetwork(nn.Module):
    """Backbone and head as one module."""

    def __init__(self, config: PolicyConfig, backbone: nn.Module | None = None) -> None:
        """`backbone`, if it is given, is one of the configuration's kind, in place of a new one."""
        super().__init__()
        if isinstance(config.backbone, SvdConfig) != isinstance(config.head, StepwiseConfig):
            raise ValueError(
                f"a video backbone has features of each step and goes with a StepwiseConfig, others go without; got "
                f"{type(config.backbone).__name__} and {type(config.head).__name__}"
            )
        self.backbone = backbone or config.backbone.build()
        self.head = config.head.build(self.backbone.channels, self.backbone.strides, config.horizon, config.workspace)
        for weight in self.parameters():  # convolutions are faster so
            if weight.dim() in (4, 5):
                formats = {4: torch.channels_last, 5: torch.channels_last_3d}
                weight.data = weight.data.to(memory_format=formats[weight.dim()])

    def forward(self, inputs: ModelInput) -> Any:
        """The head's outputs."""
        image = inputs.image.to(memory_format=torch.channels_last).float() / 255.0
        return self.head(self.backbone(image), inputs)


class Policy:
    """A trained network and what is needed to use it."""

    def __init__(
        self,
        config: PolicyConfig,
        network: PolicyNetwork,
        provenance: dict[str, Any] | None = None,
        calibration: ConfidenceCalibration | None = None,
    ) -> None:
        self.config, self.network = config, network.eval()
        self.provenance = provenance or {}
        """How it came about (preset, steps, dataset, versions); free JSON, for reports."""
        self.calibration = calibration
        """From the head's scores to probabilities that held on demonstrations left out of training; None: never measured."""

    def __repr__(self) -> str:
        config, (width, height) = self.config, self.config.image_size
        numbers = sum(parameter.numel() for parameter in self.network.parameters())
        return (
            f"Policy({type(config.head).__name__} on {type(config.backbone).__name__}, {numbers / 1e6:.1f} M parameters, "
            f"{config.horizon} steps, camera {config.camera!r} at {width} x {height} px, {config.ee_frame})"
        )

    @torch.inference_mode()
    def predict(self, observation: Observation) -> ActionChunk:
        """The plan for what is seen. ValueError when the policy's camera is missing, or sees nothing of the workspace."""
        return self.chunk(self.network.head.decode(*self.outputs(observation)))

    def outputs(self, observation: Observation) -> tuple[Any, ModelInput]:
        """The head's raw outputs and the network's input, e.g. to draw the volume."""
        inputs = self.model_input(observation)
        return self.network(inputs), inputs

    def model_input(self, observation: Observation) -> ModelInput:
        """An observation as a batch of one, at the network's image size. ValueError where camera or hand cannot be where they
        are said to be."""
        view = observation.view(self.config.camera)
        if getattr(self.config.head, "instruction", None) is not None and not observation.instruction.strip():
            raise ValueError(
                "this policy follows a sentence, and there is none: Observation(views, state, instruction)"
            )
        check_scene(view.camera, observation.state.T_world_ee, self.config.workspace)
        camera = self.config.input_camera(view.camera)
        image = warp_image(view.image, view.camera, camera)
        device = next(self.network.parameters()).device
        state = observation.state
        return ModelInput(
            torch.from_numpy(image).permute(2, 0, 1)[None],
            Camera(
                _batch_of_one(camera.intrinsics),
                Pose(_batch_of_one(camera.T_world_camera.rotation), _batch_of_one(camera.T_world_camera.translation)),
                camera.width,
                camera.height,
            ),
            Pose(_batch_of_one(state.T_world_ee.rotation), _batch_of_one(state.T_world_ee.translation)),
            torch.tensor([state.gripper], dtype=torch.float32),
            (observation.instruction,),
        ).to(device)

    def chunk(self, batch: ChunkBatch) -> ActionChunk:
        """The first chunk of a batch, as NumPy, its probabilities calibrated."""
        fields = (batch.positions, batch.rotations, batch.gripper, batch.confidence, batch.out_of_view)
        positions, rotations, gripper, confidence, out_of_view = (x[0].double().cpu().numpy() for x in fields)
        if self.calibration is not None:
            confidence = self.calibration.confidence(confidence)
            if self.calibration.out_of_view is not None:
                out_of_view = self.calibration.out_of_view(out_of_view)
        return ActionChunk(positions, rotations, gripper, confidence, out_of_view)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> Path:
        """Write config.json and model.safetensors; the folder appears whole, in place of a saved policy that was there.
        CheckpointError, and nothing written, where something else is."""
        folder = Path(folder).absolute()
        if folder.exists() and not folder.is_dir():
            raise CheckpointError(f"{folder} is a file; nothing was written. Choose a folder of its own.")
        if others := sorted({p.name for p in folder.glob("*")} - SAVED):
            raise CheckpointError(
                f"{folder} holds something else than a saved policy ({', '.join(others[:3])}); nothing was written. Choose a "
                "folder of its own."
            )
        partial = folder.with_name(f".{folder.name}.{os.getpid()}.part")
        try:
            partial.mkdir(parents=True, exist_ok=True)
            state = {k: v.detach().contiguous().cpu() for k, v in self.network.state_dict().items()}
            save_file(state, partial / "model.safetensors")
            description = {
                "format": FORMAT,
                "policy": to_json(self.config),
                "architecture": self.network.backbone.architecture if isinstance(self.network.backbone, Dino) else None,
                "conventions": CONVENTIONS,
                "calibration": to_json(self.calibration),
                "provenance": self.provenance,
            }
            (partial / "config.json").write_text(json.dumps(description, indent=2) + "\n")
        except BaseException:  # a full disk above all, which must not keep what room was taken
            shutil.rmtree(partial, ignore_errors=True)
            raise
        replace_folder(partial, folder, ("model.safetensors", "config.json"))
        return folder

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str], device: str = "cpu") -> Policy:
        """Read a saved policy. CheckpointError says what is wrong with the folder."""
        folder = Path(folder)
        path = folder / "config.json"
        description, config = _read_description(path), saved_config(folder)
        # Policies saved before there was one have no entry.
        calibration = from_json(ConfidenceCalibration | None, description.get("calibration"), f"{path}: calibration")
        architecture = description.get("architecture")  # of a ViT; policies saved before it was written have none
        backbone = Dino(config.backbone, architecture) if architecture else None
        network = PolicyNetwork(_without_pretraining(config), backbone)
        if not (folder / "model.safetensors").exists():
            raise CheckpointError(
                f"{folder} has a config.json but no model.safetensors: copy the whole folder, or train again"
            )
        try:
            network.load_state_dict(load_file(folder / "model.safetensors"))
        except (OSError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(f"{folder / 'model.safetensors'} does not fit its config.json: {error}") from error
        return cls(config, network.to(device), description.get("provenance"), calibration)


def saved_config(folder: str | os.PathLike[str]) -> PolicyConfig:
    """A saved policy's configuration alone. CheckpointError as in `from_pretrained`."""
    path = Path(folder) / "config.json"
    try:
        return from_json(PolicyConfig, _read_description(path)["policy"], str(path))
    except CheckpointError:
        raise
    except ValueError as error:  # a field or a type that this version does not know
        raise CheckpointError(str(error)) from None


def checkpoint_hash(folder: str | os.PathLike[str]) -> str:
    """12 hex digits that change when the saved weights or the configuration do. CheckpointError as in `from_pretrained`."""
    description = _read_description(Path(folder) / "config.json")
    digest = hashlib.sha256((Path(folder) / "model.safetensors").read_bytes())
    digest.update(json.dumps(description["policy"]).encode())
    return digest.hexdigest()[:12]


def _read_description(path: Path) -> dict[str, Any]:
    """A saved policy's config.json, of this format and these conventions."""
    if not path.exists():
        inner = path.parent / "policy"
        hint = f"; give {inner}" if (inner / "config.json").exists() else ""
        raise CheckpointError(f"{path.parent} is not a saved policy: there is no config.json in it{hint}")
    try:
        description = json.loads(path.read_text())
    except ValueError as error:
        raise CheckpointError(f"{path}: not JSON ({error}). Copy or save the policy again.") from None
    if (
        not isinstance(description, dict)
        or "format" not in description
        or not isinstance(description.get("policy"), dict)
    ):
        raise CheckpointError(
            f"{path}: not the config.json of a policy of para (it names no format and no policy); policies of LeRobot and of "
            "other libraries cannot be loaded"
        )
    if description["format"] != FORMAT:
        raise CheckpointError(
            f"{path}: saved in format {description['format']!r}, this version of para reads format {FORMAT}. "
            "Load it with the version that wrote it (see 'provenance' in the file), or train it again."
        )
    if description.get("conventions") != CONVENTIONS:
        raise CheckpointError(f"{path}: its conventions {description.get('conventions')} are not this version's")
    return description


def check_scene(camera: Camera, T_world_ee: Pose, workspace: Box) -> None:
    """Refuse a camera and a hand that have nothing to do with the workspace: matrices the wrong way round, in millimetres,
    with another convention's axes. A policy would answer them with confidence. What happens to see the workspace passes;
    `para check` looks at pictures."""
    low, high = np.array(workspace.low), np.array(workspace.high)
    reach = 20 * float(np.linalg.norm(high - low))
    places = {"camera": camera.T_world_camera.translation, "hand": T_world_ee.translation}
    for name, place in places.items():
        distance = float(np.linalg.norm(np.asarray(place, float) - (low + high) / 2))
        if distance > reach:
            raise ValueError(
                f"the {name} is said to be {distance:.0f} m from the workspace (x, y, z from {workspace.low} to "
                f"{workspace.high} m); lengths are in metres, in the world frame of the demonstrations"
            )
    grid = np.stack(np.meshgrid(*np.linspace(low, high, 9).T, indexing="ij"), -1).reshape(-1, 3)
    pixels, depth = camera.project(grid)
    seen = float(np.mean(np.asarray(camera.sees(pixels, depth))))
    if seen < _LEAST_SEEN:
        where = "behind it" if np.mean(np.asarray(depth)) < 0 else "outside its picture"
        raise ValueError(
            f"the camera sees {seen:.0%} of the workspace, which lies {where} (x, y, z from {workspace.low} to "
            f"{workspace.high} m). T_world_camera maps camera to world, in metres, with OpenCV's axes (x right, y down, z "
            "forward): a matrix from world to camera needs .inverse(), one with OpenGL's axes (z backward) its second and "
            "third column negated. `para camera` tells what a camera sees."
        )


_LEAST_SEEN = 0.15
"""Share of the workspace that a camera sees, at least; LIBERO's cameras see 44 % and more."""


def _without_pretraining(config: PolicyConfig) -> PolicyConfig:
    """The same network without loading ImageNet weights that the checkpoint is about to replace."""
    from dataclasses import replace

    if isinstance(config.backbone, Lite0Config):
        return replace(config, backbone=replace(config.backbone, pretrained=False))
    if isinstance(config.backbone, SvdConfig):
        return replace(config, backbone=replace(config.backbone, weights=False))
    return config


def _batch_of_one(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))[None]
