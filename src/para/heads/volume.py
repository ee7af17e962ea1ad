"""The pointing head: scores every cell of the image and every bin along its ray, for each future step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from para.dataset import ModelInput, SampleTable, Targets, volume_labels
from para.geometry import Bins, Camera, FootBins, HeightBins, VolumeGrid
from para.heads.head import ChunkBatch, Loss, full_precision, gripper_loss, masked_mean
from para.heads.instruction import Instruction
from para.heads.neck import Neck
from para.heads.rotations import RotationFrame, rotation_code
from para.heads.scores import read_scores
from para.heads.state_planes import Offsets
from para.heads.top_view import WIDE_OPEN, TopView
from para.types import Box


@dataclass(frozen=True)
class VolumeHeadConfig:
    """One softmax over cells and bins per step; gripper and rotation read at the chosen pixel."""

    bins: Bins = HeightBins(0.88, 1.36, 32)
    """What the third axis counts; LIBERO's table top is at 0.90 m."""
    cell_pixels: int = 4
    """Pixels of the network's input to a cell; a backbone whose finest map is coarser has it upsampled."""
    widths: tuple[int, ...] = (32, 64, 96)
    """Channels of the neck's maps, finest first: one for each backbone map, and one before when it is upsampled."""
    offset_planes: Offsets = "signed"
    """How each cell is told where it lies from the end effector. With signs a network can learn that targets always lie
    to one side of the hand, which holds on one half of a table alone; a distance leaves the direction to the picture."""
    displacement_planes: bool = True
    """Whether the network sees how far 10 cm of the world go in the picture at each cell. That tells it how the camera
    stands, but with one fixed camera also where on the table each cell lies."""
    query_noise: float = 3.0
    """Standard deviation of the noise on the pixel at which gripper and rotation are read in training [px]."""
    gripper_dropout: float = 0.0
    """Share of training moments whose measured opening is replaced by a random one. Demonstrations nearly always keep the
    gripper as it is, so a policy that trusts the measurement copies it, and never opens a hand that closed on nothing."""
    reach: tuple[float, ...] = ()
    """How far from where it is the end effector can be at each step [m]; decoding points nowhere else. Taken from the
    demonstrations by `fitted`; empty allows everything."""
    smoothing: float = 0.6
    """Standard deviation of the soft target around the true place [cells]; 0 is a one-hot target."""
    gripper_weight: float = 1.0
    rotation_weight: float = 1.0
    rotation_frame: RotationFrame = "ray"
    """Rotations are told relative to the ray at the chosen pixel, to gravity and the camera's heading, or by the direction of
    the fingers in the picture."""
    rotation_at: Literal["step", "next_grip"] = "step"
    """Where the rotation is read: of each step at its own pixel, or of all at the place where the gripper will next open or
    close, which is then pointed at as well. A hand that turns at once to how it will grasp has to know it far away from what
    it will grasp, and the features that show it best are there."""
    hand_rotation: bool = False
    """Whether rotations are read with the hand's present one beside the features. A hand that has turned to grasp keeps its
    turn while it carries, which the place that it carries to does not show."""
    hand_rotation_open: bool = True
    """Also while the hand is wide open. Demonstrations turn the hand early and keep it so, so that a policy which is told may
    read the turn off the hand instead of off what it is about to grasp."""
    top_view: TopView | None = None
    """How the hand is turned about the vertical is read from above, at the place of the next grip; None: with the rest."""
    factorised: bool = False
    """One softmax over cells and one over bins, told by the whole picture, in place of one over both: a step's bin then does
    not depend on its cell."""
    within_cells: bool = True
    """Decoded to a place between the centres of cells and bins; False: to the best cell's own centre."""
    instruction: Instruction | None = None
    """How the sentence that says what to do is read; None: it is not."""

    def fitted(self, samples: SampleTable) -> VolumeHeadConfig:
        """With the reach that the demonstrations show (their farthest move in so many steps, and a quarter more) and the
        sentences that they have."""
        way = np.linalg.norm(samples.target_positions - samples.ee_position[:, None], axis=-1)
        farthest = np.where(samples.target_valid, way, 0.0).max(0)
        reach = tuple(round(1.25 * float(x) + 0.01, 4) for x in farthest)
        return replace(self, reach=reach, instruction=self.instruction and self.instruction.fitted(samples.instruction))

    def build(self, channels: tuple[int, ...], strides: tuple[int, ...], horizon: int, workspace: Box) -> VolumeHead:
        """The head for a backbone with these feature maps."""
        return VolumeHead(self, channels, strides, horizon, workspace)


_WAVES = (0.8, 0.4, 0.2, 0.1)
"""Wavelengths in which a target's bin is told to the gripper and the rotation [m]."""


@dataclass(frozen=True)
class VolumeOutputs:
    """What the head computes before decoding."""

    logits: torch.Tensor
    """(B, S, D, v, u); -inf where no target can be. S = T, or T + 1 with the next grip's place behind the steps."""
    outside: torch.Tensor
    """(B, S) logit of 'the target is not in this volume', in the same softmax."""
    maps: list[torch.Tensor]
    """Features to read gripper and rotation from, finest first."""
    opening: torch.Tensor
    """(B,) the opening that the network was told: the measured one, or in training now and then a random one."""


class VolumeHead(nn.Module):
    """See `VolumeHeadConfig`."""

    def __init__(
        self,
        config: VolumeHeadConfig,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        horizon: int,
        workspace: Box,
    ) -> None:
        super().__init__()
        if config.top_view is not None and config.rotation_at != "next_grip":
            raise ValueError("a top view is drawn about the place of the next grip; set rotation_at='next_grip'")
        self.config, self.horizon, self.workspace = config, horizon, workspace
        self.top_view = config.top_view and config.top_view.build()
        self.places = horizon + (config.rotation_at == "next_grip")  # S: what is pointed at
        bins = config.bins
        # The hand's foot is drawn in the plane of the targets' feet, so that no parallax lies between them either.
        heights = (bins.ground if isinstance(bins, FootBins) else workspace.low[2], workspace.high[2])
        self.cell = min(strides[0], config.cell_pixels)
        self.upsampled = strides[0] > config.cell_pixels
        if self.upsampled:
            channels = (channels[0], *channels)
        planes = config.offset_planes, config.displacement_planes
        self.neck = Neck(channels, config.widths, heights, *planes, config.instruction)
        self.score = nn.Conv2d(config.widths[0], self.places * (1 if config.factorised else bins.count), 1)
        self.bin_score = nn.Linear(config.widths[-1], self.places * bins.count) if config.factorised else None
        self.outside = nn.Linear(config.widths[-1], self.places)
        self.rotations = rotation_code(config.rotation_frame)
        read = sum(config.widths[:2]) + self.places + 3 + 2 * len(_WAVES) + 1
        read += self.rotations.size if config.hand_rotation else 0
        self.local = nn.Sequential(nn.Linear(read, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.gripper, self.rotation = nn.Linear(64, 1), nn.Linear(64, self.rotations.size)
        for layer in (self.score, self.bin_score, self.outside, self.gripper, self.rotation):
            if layer is None:
                continue
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        self.rotation.bias.data = torch.tensor(self.rotations.neutral)

    def grid(self, rows: int, columns: int) -> VolumeGrid:
        """The volume over a map of this many cells."""
        return VolumeGrid(self.config.bins, rows, columns)

    def volume(self, width: int, height: int) -> VolumeGrid:
        """The volume over an image of this size [px]."""
        return self.grid(-(-height // self.cell), -(-width // self.cell))

    def forward(self, features: list[torch.Tensor], inputs: ModelInput) -> VolumeOutputs:
        """See `VolumeOutputs`."""
        if self.training and self.config.gripper_dropout > 0:
            drawn = torch.rand_like(inputs.gripper) < self.config.gripper_dropout
            inputs = replace(inputs, gripper=torch.where(drawn, torch.rand_like(inputs.gripper), inputs.gripper))
        if self.upsampled:
            grid = self.volume(inputs.camera.width, inputs.camera.height)
            size = (grid.rows, grid.columns)
            features = [F.interpolate(features[0], size, mode="bilinear", align_corners=False), *features]
        maps = self.neck(features, inputs)
        rows, columns = maps[0].shape[-2:]
        logits = self.score(maps[0]).to(torch.float32, memory_format=torch.contiguous_format)
        pooled = maps[-1].mean((2, 3))
        if self.bin_score is not None:
            bins = self.bin_score(pooled).float().unflatten(1, (self.places, -1))[..., None, None]
            logits = (logits[:, :, None] + bins).flatten(1, 2)
        forbidden = ~self._allowed(inputs.camera, rows, columns).repeat(1, self.places, 1, 1)
        # Filled behind autograd's back: the softmax gives such cells no gradient, and recording it costs a pass more.
        logits.detach().masked_fill_(forbidden, -torch.inf)
        logits = logits.unflatten(1, (self.places, self.config.bins.count))
        return VolumeOutputs(logits, self.outside(pooled).float(), [m.float() for m in maps[:2]], inputs.gripper)

    def loss(self, outputs: VolumeOutputs, inputs: ModelInput, targets: Targets) -> Loss:
        """Cross-entropy over the volume and 'outside'; gripper and rotation are read near the true pixel."""
        rows, columns = outputs.logits.shape[-2:]
        next_grip, targets = targets.next_grip, self._with_next_grip(targets)
        labels = volume_labels(inputs, targets, self.grid(rows, columns))
        row, column, bin = labels.index.row, labels.index.column, labels.index.bin
        flat = outputs.logits.flatten(2)  # (B, S, D v u)
        index, exists = self._neighbours(row, column, bin, rows, columns)
        normaliser, near = read_scores(flat, index)
        normaliser = torch.logaddexp(normaliser, outputs.outside)  # (B, T)
        expected, possible = self._expected_score(torch.where(exists, near, -torch.inf), labels.index.offset)
        inside = labels.inside & possible
        nll_inside = normaliser - torch.where(inside, expected, normaliser)
        nll_outside = normaliser - outputs.outside
        outside = targets.valid & ~inside
        volume = masked_mean(nll_inside * inside + nll_outside * outside, targets.valid)

        cell = torch.stack([(column + 0.5) / columns, (row + 0.5) / rows], -1)
        true = cell + labels.index.offset[..., :2] / cell.new_tensor([columns, rows])  # true pixel in image sizes
        size = cell.new_tensor([inputs.camera.width, inputs.camera.height])
        noise = torch.randn_like(true) * (self.config.query_noise if self.training else 0.0) / size
        value = (bin + 0.5 + labels.index.offset[..., 2]) / self.config.bins.count
        gripper, code = self._read_local(outputs, inputs, true + noise, value)

        wanted = self.rotations.encode(inputs.camera, true * size, targets.rotations)
        off = ((code - wanted) ** 2).mean(-1)
        parts = {
            "volume": volume,
            "gripper": gripper_loss(gripper, targets, inside & self._is_step),
            "rotation": masked_mean(off, inside & self._tells_rotation),
        }
        if self.top_view is not None:
            parts["top_view"] = self.top_view.loss(inputs, next_grip)
        total = (
            parts["volume"]
            + self.config.gripper_weight * parts["gripper"]
            + self.config.rotation_weight * (parts["rotation"] + parts.get("top_view", 0.0))
        )
        parts["outside_share"] = masked_mean(labels.outside.float(), targets.valid)
        return Loss(total, {name: value.detach() for name, value in parts.items()})

    def decode(self, outputs: VolumeOutputs, inputs: ModelInput) -> ChunkBatch:
        """The best cell and bin of each step, refined to the mean place of the 3 x 3 x 3 cells around it (a local
        soft-argmax) unless `within_cells` says no, unprojected through the input's camera."""
        rows, columns = outputs.logits.shape[-2:]
        flat = self.within_reach(outputs.logits, inputs).flatten(2)
        normaliser = torch.logaddexp(flat.logsumexp(-1), outputs.outside)
        best = flat.argmax(-1)  # (B, S)
        column, row, bin = best % columns, best // columns % rows, best // (rows * columns)
        index, exists = self._neighbours(row, column, bin, rows, columns)
        nearby = torch.where(exists, flat.gather(2, index), -torch.inf)
        offset = nearby.softmax(-1) @ _steps(nearby).flip(-1)  # (B, T, 3) as (du, dv, dbin)
        if not self.config.within_cells:
            offset = torch.zeros_like(offset)
        positions, valid = self.grid(rows, columns).unproject(row, column, bin, offset, inputs.camera)
        cell = torch.stack([(column + 0.5) / columns, (row + 0.5) / rows], -1)
        pixel = cell + offset[..., :2] / cell.new_tensor([columns, rows])
        value = (bin + 0.5 + offset[..., 2]) / self.config.bins.count
        gripper, code = self._read_local(outputs, inputs, pixel, value)
        size = cell.new_tensor([inputs.camera.width, inputs.camera.height])
        tells = self._tells_rotation
        rotations = self.rotations.decode(inputs.camera, (pixel * size)[:, tells], code[:, tells], inputs.T_world_ee)
        if self.top_view is not None:
            turned = self.top_view.turned(inputs, positions[:, -1], rotations[:, 0])[:, None]
            rotations = torch.where(valid[:, -1:, None, None], turned, rotations)
        confidence = (nearby.logsumexp(-1) - normaliser).exp()
        steps = self.horizon
        return ChunkBatch(
            torch.where(valid[..., None], positions, torch.full_like(positions, torch.nan))[:, :steps],
            rotations.expand(-1, steps, -1, -1),
            gripper.sigmoid()[:, :steps],
            confidence.clamp(0, 1)[:, :steps],
            (outputs.outside - normaliser).exp()[:, :steps],
        )

    # ---- parts ---------------------------------------------------------------------------------------------------------

    @property
    def _is_step(self) -> torch.Tensor:
        """(S,) bool: which places are steps of the chunk."""
        return torch.arange(self.places, device=self.score.weight.device) < self.horizon

    @property
    def _tells_rotation(self) -> torch.Tensor:
        """(S,) bool: at which places the rotation is read; of one, it is that of all steps."""
        return self._is_step if self.places == self.horizon else ~self._is_step

    def _with_next_grip(self, targets: Targets) -> Targets:
        """With the place of the next grip as one more step, where it is pointed at; its opening counts for nothing."""
        if self.places == self.horizon:
            return targets
        if targets.next_grip is None:
            raise ValueError("rotation_at='next_grip' learns from targets that tell the pose of the next grip")
        return Targets(
            torch.cat([targets.positions, targets.next_grip.translation[:, None]], 1),
            torch.cat([targets.rotations, targets.next_grip.rotation[:, None]], 1),
            F.pad(targets.gripper, (0, 1)),
            F.pad(targets.valid, (0, 1), value=True),
        )

    def _allowed(self, camera: Camera, rows: int, columns: int) -> torch.Tensor:
        """(B, D, v, u): a forward intersection of the ray inside the workspace."""
        first, of = _distinct(camera)
        with torch.no_grad(), full_precision(camera.intrinsics):
            points, valid = self.grid(rows, columns).centres(camera[first])
            return (valid & self.workspace.contains(points))[of]

    def within_reach(self, logits: torch.Tensor, inputs: ModelInput) -> torch.Tensor:
        """The (B, T, D, v, u) logits, -inf where the end effector cannot be by then; as they are where nothing is left.

        A policy that is lost may see the scene as another moment of the task, whose next target is far away. Where B counts
        the steps of each moment, with one target each (`StepwiseHead`), every row has the reach of its own step.
        """
        if not self.config.reach:
            return logits
        hand = inputs.T_world_ee.translation
        first, of = _distinct(inputs.camera, hand)
        points, _ = self.grid(*logits.shape[-2:]).centres(inputs.camera[first])
        way = (points - hand[first][:, None, None, None]).norm(dim=-1)[of]  # (B, D, v, u)
        reach = way.new_tensor(self.config.reach).view(-1, self.horizon)  # (1, T), or (steps, 1) of moments one by one
        reach = F.pad(reach, (0, self.places - self.horizon), value=torch.inf)
        reach = reach.repeat(len(logits) // len(reach), 1)[..., None, None, None]
        near = logits.masked_fill(way[:, None] > reach, -torch.inf)
        possible = torch.isfinite(near).flatten(2).any(-1)[..., None, None, None]
        return torch.where(possible, near, logits)

    def _neighbours(self, row, column, bin, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, 27) places in the flat volume of the 3 x 3 x 3 cells around (B, T) indices, and whether they exist."""
        db, dr, dc = _steps(row).unbind(-1)
        b, r, c = bin[..., None] + db, row[..., None] + dr, column[..., None] + dc  # (B, T, 27)
        exists = (b >= 0) & (b < self.config.bins.count) & (r >= 0) & (r < rows) & (c >= 0) & (c < columns)
        return torch.where(exists, (b * rows + r) * columns + c, torch.zeros_like(b)), exists

    def _expected_score(self, near: torch.Tensor, offset: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T) mean of the (B, T, 27) scores under the target distribution, and whether the true cell is allowed.

        The target is a Gaussian about the true place over the 3 x 3 x 3 cells around it, or the true cell alone.
        """
        middle = near[..., 13]
        possible = torch.isfinite(middle)
        if self.config.smoothing == 0:
            return torch.where(possible, middle, torch.zeros_like(middle)), possible
        step = torch.tensor([-1.0, 0.0, 1.0], device=near.device)
        square = (step - offset[..., None]) ** 2  # (B, T, 3 axes, 3 steps)
        du, dv, db = square.unbind(2)
        distance = db[..., :, None, None] + dv[..., None, :, None] + du[..., None, None, :]
        weight = torch.exp(-distance.flatten(2) / (2 * self.config.smoothing**2)) * torch.isfinite(near)
        weight = weight / weight.sum(-1, keepdim=True).clamp(min=1e-9)
        return (weight * torch.where(torch.isfinite(near), near, torch.zeros_like(near))).sum(-1), possible

    def _read(
        self, outputs: VolumeOutputs, inputs: ModelInput, place: torch.Tensor, value: torch.Tensor
    ) -> torch.Tensor:
        """(B, S, C) features at `place` (B, S, 2) in image sizes, with the state, the bin `value` in [0, 1] (also finer,
        and from where the end effector is), the step and, where wanted, the hand's rotation as it is told there."""
        grid = (place * 2 - 1)[:, :, None]  # (B, T, 1, 2)
        read = [
            F.grid_sample(m, grid, align_corners=False, padding_mode="border")[..., 0].transpose(1, 2)
            for m in outputs.maps
        ]
        low, high = self.workspace.low[2], self.workspace.high[2]
        height = (inputs.T_world_ee.translation[:, 2] - low) / (high - low)
        state = torch.stack([height, outputs.opening], -1)[:, None].expand(-1, self.places, -1)
        step = torch.eye(self.places, device=value.device).expand(len(value), -1, -1)
        # A gripper closes within a centimetre or two of its lowest point: a plain number in [0, 1] would hardly show that.
        bins, value = self.config.bins, value.to(state.dtype)
        way = (value * bins.width * bins.count)[..., None]  # [m]
        phase = 2 * torch.pi * way / way.new_tensor(_WAVES)
        here = bins.measure(inputs.T_world_ee.translation[:, None], inputs.camera) - bins.low
        left = ((way[..., 0] - here) / 0.05).clamp(-3, 3)
        fine = torch.cat([phase.sin(), phase.cos(), left[..., None], value[..., None]], -1)
        read += [state, fine, step]
        if self.config.hand_rotation:
            pixels = place * place.new_tensor([inputs.camera.width, inputs.camera.height])
            present = inputs.T_world_ee.rotation[:, None].expand(-1, self.places, -1, -1)
            code = self.rotations.encode(inputs.camera, pixels, present)
            if not self.config.hand_rotation_open:
                code = code * (outputs.opening < WIDE_OPEN)[:, None, None]
            read.append(code)
        return torch.cat(read, -1)

    def _read_local(self, outputs, inputs, place, value) -> tuple[torch.Tensor, torch.Tensor]:
        """Gripper logits (B, S) and rotations as `rotations` codes them (B, S, size)."""
        local = self.local(self._read(outputs, inputs, place, value))
        return self.gripper(local)[..., 0], self.rotation(local)


def _steps(like: torch.Tensor) -> torch.Tensor:
    """(27, 3) steps to the 3 x 3 x 3 neighbours as (dbin, drow, dcolumn), the cell itself in the middle."""
    step = torch.arange(-1, 2, device=like.device, dtype=like.dtype)
    return torch.stack([d.flatten() for d in torch.meshgrid(step, step, step, indexing="ij")], -1)


def _distinct(camera: Camera, *told: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of a batch of cameras (and of (B, C) `told`) that differ from the row before, and for all B which of those they are.

    The rows of a `StepwiseHead` are the steps of a few moments, and the volume's geometry is the same for all steps.
    """
    pose = camera.T_world_camera
    rows = torch.cat([camera.intrinsics, pose.rotation.flatten(-2), pose.translation, *told], -1)
    changes = torch.cat([rows.new_ones(1, dtype=torch.bool), (rows[1:] != rows[:-1]).any(-1)])
    return changes.nonzero()[:, 0], changes.long().cumsum(0) - 1
