"""A tiny video pipeline, saved by diffusers as the published one is, and a tiny configuration from scratch."""

from __future__ import annotations

from pathlib import Path

import torch

from para.backbones import SvdConfig, SvdSize

SCRATCH = SvdConfig(
    size=SvdSize(vae_channels=(32, 32), unet_channels=(32, 32), attention=(False, True), heads=(2, 2)),
    frames=4,
    blocks=(1, 0),
)


def pipeline():
    """A `StableVideoDiffusionPipeline` with the published scheduler and random weights."""
    from diffusers import (
        AutoencoderKLTemporalDecoder,
        EulerDiscreteScheduler,
        StableVideoDiffusionPipeline,
        UNetSpatioTemporalConditionModel,
    )
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    vae = AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 32), down_block_types=("DownEncoderBlock2D",) * 2, layers_per_block=1
    )
    unet = UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        layers_per_block=1,
        num_attention_heads=(2, 4),
        cross_attention_dim=16,
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=96,
        num_frames=4,
    )
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=32,
            projection_dim=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=224,
            patch_size=56,
        )
    )
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        interpolation_type="linear",
        use_karras_sigmas=True,
        sigma_min=0.002,
        sigma_max=700.0,
        timestep_type="continuous",
        timestep_spacing="leading",
        steps_offset=1,
    )
    return StableVideoDiffusionPipeline(vae, encoder, unet, scheduler, CLIPImageProcessor())


def save(folder: Path) -> Path:
    """The saved pipeline's folder."""
    pipeline().save_pretrained(folder)
    return folder


def loaded(folder: Path, **changes: object) -> SvdConfig:
    """The configuration that loads it."""
    options = {"model": str(folder), "frames": 4, "blocks": (1, 0), "noise_augmentation": 0.0, "sigma_max": 700.0}
    return SvdConfig(**{**options, **changes})
