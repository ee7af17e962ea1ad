"""ACT, action chunking with transformers (Zhao et al. 2023): a conditional variational autoencoder over whole chunks.

The variational encoder sees the demonstrated chunk, in training alone; at test time z = 0. A transformer encoder mixes
image tokens, state and z; a decoder with one learned query per future step names the chunk. L1 loss and KL divergence on
normalised actions. Smaller than published, so that it trains on two CPU cores, and with norms before attention.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import nn

from para.dataset import ModelInput, SampleTable, Targets
from para.heads.act.style import StyleEncoder
from para.heads.act.transformer import DecoderLayer, EncoderLayer, TransformerConfig
from para.heads.action_space import ActionSpace, World
from para.heads.head import ChunkBatch, Loss, masked_mean
from para.heads.instruction import Instruction
from para.heads.normalised_actions import (
    ACTION_VALUES,
    Normalisation,
    decode_actions,
    demonstrated_actions,
    encode_actions,
)
from para.heads.plucker import PLUCKER_VALUES, plucker_planes
from para.heads.position_embedding import image_positions
from para.heads.proprioception import (
    CAMERA_VALUES,
    PIXEL_STATE_VALUES,
    POSE_STATE_VALUES,
    Told,
    camera_vector,
    pixel_state,
    pose_state,
)
from para.types import Box


@dataclass(frozen=True)
class ActConfig:
    """See the module; `normalisation` is overwritten by `fitted`."""

    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    style_layers: int = 2
    """Layers of the variational encoder (published: 4)."""
    encoder_layers: int = 3
    """Published: 4."""
    decoder_layers: int = 2
    """Published: 7, of which its code uses 1."""
    latent: int = 32
    """Length of z."""
    kl_weight: float = 10.0
    space: ActionSpace = field(default_factory=World)
    """In which coordinates actions are."""
    camera_input: bool = False
    """Also tell it K, T_world_camera and the end effector's pixel. Without, nothing that it sees knows the camera."""
    plucker: bool = False
    """Also concatenate each cell's ray to its feature."""
    normalisation: Normalisation = Normalisation()
    """Mean and standard deviation of the demonstrated actions."""
    instruction: Instruction | None = None
    """How the sentence that says what to do is read; None: it is not."""

    def fitted(self, samples: SampleTable) -> ActConfig:
        """Normalisation, and the sentences, from the demonstrations."""
        normalisation = Normalisation.standard(demonstrated_actions(self.space, samples))
        instruction = self.instruction and self.instruction.fitted(samples.instruction)
        return replace(self, normalisation=normalisation, instruction=instruction)

    def build(self, channels: tuple[int, ...], strides: tuple[int, ...], horizon: int, workspace: Box) -> ActHead:
        """The head for a backbone with these feature maps (it reads the coarsest)."""
        return ActHead(self, channels[-1], horizon, workspace)


@dataclass(frozen=True)
class ActOutputs:
    """What is known before a latent is chosen: training draws one from the demonstrated chunk, decoding takes z = 0."""

    tokens: torch.Tensor
    """(B, N, C) one for each cell of the coarsest map."""
    positions: torch.Tensor
    """(1, N, C) of the tokens."""
    state: torch.Tensor
    """(B, S) proprioception, with the camera and the instruction where they are told."""


class ActHead(nn.Module):
    """See `ActConfig`."""

    def __init__(self, config: ActConfig, channels: int, horizon: int, workspace: Box) -> None:
        super().__init__()
        self.config, self.horizon, self.workspace = config, horizon, workspace
        width = config.transformer.width
        self.told = Told(config.instruction)
        state = (
            POSE_STATE_VALUES + (PIXEL_STATE_VALUES + CAMERA_VALUES if config.camera_input else 0) + self.told.values
        )
        inputs = channels + (PLUCKER_VALUES if config.plucker else 0)
        self.project = nn.Sequential(nn.Conv2d(inputs, width, 1), nn.GroupNorm(1, width))
        self.style = StyleEncoder(config.transformer, config.style_layers, config.latent, state)
        self.from_latent = nn.Linear(config.latent, width)
        self.from_state = nn.Linear(state, width)
        self.extra_positions = nn.Parameter(torch.randn(1, 2, width))
        self.encoder = nn.ModuleList(EncoderLayer(config.transformer) for _ in range(config.encoder_layers))
        self.encoder_norm = nn.LayerNorm(width)
        self.queries = nn.Parameter(torch.randn(1, horizon, width))
        self.decoder = nn.ModuleList(DecoderLayer(config.transformer) for _ in range(config.decoder_layers))
        self.decoder_norm = nn.LayerNorm(width)
        self.action = nn.Linear(width, ACTION_VALUES)

    def forward(self, features: list[torch.Tensor], inputs: ModelInput) -> ActOutputs:
        """See `ActOutputs`."""
        x = features[-1]
        if self.config.plucker:
            x = torch.cat([x, plucker_planes(inputs.camera, *x.shape[-2:], self.workspace).to(x.dtype)], 1)
        x = self.project(x).float()
        positions = image_positions(x).flatten(2).transpose(1, 2)
        state = [pose_state(inputs, self.workspace, self.config.space)]
        if self.config.camera_input:
            state += [pixel_state(inputs, self.workspace), camera_vector(inputs)]
        # Positions are in the tokens too, not in queries and keys alone as published: a convolutional feature hardly
        # knows where it is, and what attention reads out here must be a place.
        told = self.told(torch.cat(state, -1), inputs)
        return ActOutputs(x.flatten(2).transpose(1, 2) + positions, positions, told)

    def loss(self, outputs: ActOutputs, inputs: ModelInput, targets: Targets) -> Loss:
        """L1 over the steps that exist, and the KL divergence of z."""
        wanted = self.config.normalisation.apply(encode_actions(self.config.space, inputs, targets))
        style = self.style(outputs.state, wanted, targets.valid)
        actions = self.plan(outputs, style.sample())
        error = (actions - torch.where(targets.valid[..., None], wanted, torch.zeros_like(wanted))).abs()
        divergence = style.divergence()
        action = masked_mean(error.mean(-1), targets.valid)
        parts = {
            "action": action,
            "position": masked_mean(error[..., :3].mean(-1), targets.valid),
            "gripper": masked_mean(error[..., 9], targets.valid),
            "kl": divergence,
        }
        total = action + self.config.kl_weight * divergence
        return Loss(total, {name: value.detach() for name, value in parts.items()})

    def decode(self, outputs: ActOutputs, inputs: ModelInput) -> ChunkBatch:
        """The chunk of z = 0, the mean of the prior."""
        z = outputs.state.new_zeros(len(outputs.state), self.config.latent)
        actions = self.config.normalisation.undo(self.plan(outputs, z))
        return decode_actions(self.config.space, inputs, actions)

    def plan(self, outputs: ActOutputs, z: torch.Tensor) -> torch.Tensor:
        """(B, L) latent -> (B, T, 10) normalised actions."""
        extra = torch.stack([self.from_latent(z), self.from_state(outputs.state)], 1)
        memory = torch.cat([extra, outputs.tokens], 1)
        positions = torch.cat([self.extra_positions, outputs.positions], 1)
        for layer in self.encoder:
            memory = layer(memory, positions)
        memory = self.encoder_norm(memory)
        x = torch.zeros_like(self.queries).expand(len(z), -1, -1)
        for layer in self.decoder:
            x = layer(x, self.queries, memory, positions)
        return self.action(self.decoder_norm(x))
