"""The networks of a video diffusion model: loaded as diffusers saves them, or small ones from scratch.

Loading reads the folders of a `StableVideoDiffusionPipeline`: vae, unet, and image_encoder where there is one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class VideoBackboneError(ValueError):
    """A video model that cannot be loaded or does not fit into memory."""


@dataclass(frozen=True)
class SvdSize:
    """A small video model, for training from scratch. Channels are multiples of 32 (group norm)."""

    vae_channels: tuple[int, ...] = (32, 32, 64)
    """Channels of the autoencoder's levels; each but the last halves the picture."""
    latent_channels: int = 16
    """Channels of a latent. Published models have 4, with which the small autoencoder's error falls more slowly."""
    unet_channels: tuple[int, ...] = (32, 64, 96)
    """Channels of the U-Net's levels, finest first."""
    attention: tuple[bool, ...] = (False, False, True)
    """Which of these levels attend over the picture; at the finer ones it would be much of the cost."""
    heads: tuple[int, ...] = (2, 4, 6)
    """Attention heads of the levels."""
    layers: int = 1
    """Residual blocks of a level."""
    group_channels: int = 8
    """Channels that are normalised together. diffusers always makes 32 groups, which in layers as narrow as these are single
    channels: what is the same all over a picture is then lost, and the decoder smuggles it through in a bright blot."""
    change_scale: float = 0.3
    """What is diffused is how a clip differs from its first picture, divided by this to have about unit variance (latents have
    it, too), so that what does not move need not be learned. Published models diffuse the whole clip."""
    context: int = 32
    """Width of the vector about the first picture that the U-Net attends to."""


@dataclass(frozen=True)
class SvdParts:
    """What a video model consists of."""

    vae: nn.Module
    unet: nn.Module
    image_encoder: nn.Module | None
    """Gives the U-Net a vector about the first picture; small models have none."""


class TimeConv(nn.Conv3d):
    """A convolution over time alone, computed over a flat picture of frames times places: on CPUs twice as fast and more."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, F, H, W) -> the same with other channels."""
        flat = F.conv2d(x.flatten(3), self.weight.flatten(3), self.bias, padding=(self.padding[0], 0))
        return flat.unflatten(3, x.shape[3:])

    @staticmethod
    def put_in(network: nn.Module) -> None:
        """In place of every `nn.Conv3d` that mixes frames alone; the weights stay what they are."""
        for parent in list(network.modules()):
            for name, conv in parent.named_children():
                if type(conv) is not nn.Conv3d or conv.kernel_size[1:] != (1, 1) or conv.padding[1:] != (0, 0):
                    continue
                if (conv.stride, conv.dilation, conv.groups, conv.padding_mode) != ((1, 1, 1), (1, 1, 1), 1, "zeros"):
                    continue
                fast = TimeConv(
                    conv.in_channels, conv.out_channels, conv.kernel_size, padding=conv.padding, device="meta"
                )
                fast.weight, fast.bias = conv.weight, conv.bias
                setattr(parent, name, fast)


def small_parts(size: SvdSize, frames: int) -> SvdParts:
    """Random weights of the given size."""
    from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel

    levels = len(size.vae_channels)
    vae = AutoencoderKLTemporalDecoder(
        block_out_channels=size.vae_channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        layers_per_block=1,
        latent_channels=size.latent_channels,
    )
    # Of one layer diffusers never calls the decoder's attention, and several processes wait for every weight's gradient.
    vae.decoder.mid_block.attentions = nn.ModuleList()
    _see_frames_apart(vae)
    kinds = [("CrossAttn" if attends else "") for attends in size.attention]
    unet = UNetSpatioTemporalConditionModel(
        in_channels=2 * size.latent_channels,
        out_channels=size.latent_channels,
        block_out_channels=size.unet_channels,
        down_block_types=tuple(f"{kind}DownBlockSpatioTemporal" for kind in kinds),
        up_block_types=tuple(f"{kind}UpBlockSpatioTemporal" for kind in reversed(kinds)),
        layers_per_block=size.layers,
        num_attention_heads=size.heads,
        cross_attention_dim=size.context,
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=96,
        num_frames=frames,
    )
    for network in (vae, unet):
        for layer in network.modules():
            if isinstance(layer, nn.GroupNorm):
                layer.num_groups = layer.num_channels // size.group_channels
    return SvdParts(vae, unet, None)


def _see_frames_apart(vae: nn.Module) -> None:
    """Begin as Stable Video Diffusion's autoencoder did: as one of pictures, whose layers over time do nothing yet.

    Otherwise every frame is at first a random mixture of its neighbours, and what moves keeps coloured fringes.
    """
    last = vae.decoder.time_conv_out
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    with torch.no_grad():
        last.weight[:, :, last.kernel_size[0] // 2, 0, 0] = torch.eye(last.out_channels, last.in_channels)
    for name, layer in vae.decoder.named_modules():
        if name.endswith("temporal_res_block"):
            nn.init.zeros_(layer.conv2.weight)
            nn.init.zeros_(layer.conv2.bias)


def load_parts(model: str, dtype: str, variant: str | None, weights: bool = True) -> SvdParts:
    """The networks in a Hub repository or local folder; without `weights` the same architecture with random ones.

    VideoBackboneError says what the folder lacks, or that the machine's memory is too small.
    """
    from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel

    if os.path.sep in model and not Path(model).is_dir() and (model.startswith((".", os.path.sep)) or _deep(model)):
        raise VideoBackboneError(f"the video model {model!r} is neither a folder here nor a Hub repository's name")
    folder = Path(model)
    if folder.is_dir():
        missing = [name for name in ("unet", "vae") if not (folder / name / "config.json").exists()]
        if missing:
            raise VideoBackboneError(
                f"{folder} is no video model: it has no {' and no '.join(f'{name}/config.json' for name in missing)}. Give "
                "the folder that `StableVideoDiffusionPipeline.save_pretrained` wrote (model_index.json, unet/, vae/)."
            )
    vae = _load(AutoencoderKLTemporalDecoder, model, "vae", dtype, variant, weights)
    unet = _load(UNetSpatioTemporalConditionModel, model, "unet", dtype, variant, weights)
    return SvdParts(vae, unet, _image_encoder(model, dtype, variant, weights, unet.config.cross_attention_dim))


def _load(kind, model: str, subfolder: str, dtype: str, variant: str | None, weights: bool) -> nn.Module:
    options = {"subfolder": subfolder}
    try:
        config = kind.load_config(model, **options)
        saved_as = config.get("_class_name", kind.__name__)
        if saved_as != kind.__name__:
            raise VideoBackboneError(
                f"{model}/{subfolder} is a {saved_as}, not a {kind.__name__}: these are the weights of another kind of model"
            )
        if not weights:
            return kind.from_config(config).to(DTYPES[dtype])
        return kind.from_pretrained(model, torch_dtype=DTYPES[dtype], variant=variant, **options)
    except (OSError, RuntimeError) as error:
        raise VideoBackboneError(
            f"the {subfolder} of video model {model!r} could not be loaded: {error}. Give a Hub repository (for Stable Video "
            "Diffusion you accept its licence there first) or a folder with unet/ and vae/; `variant` is 'fp16' where "
            "the weight files are named so. Without weights, `model=None` trains a small model from scratch."
        ) from error


def _image_encoder(model: str, dtype: str, variant: str | None, weights: bool, width: int) -> nn.Module | None:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    if Path(model).is_dir() and not (Path(model) / "image_encoder/config.json").exists():
        return None
    try:
        if not weights:
            config = CLIPVisionConfig.from_pretrained(model, subfolder="image_encoder")
            return CLIPVisionModelWithProjection(config).to(DTYPES[dtype])
        encoder = CLIPVisionModelWithProjection.from_pretrained(
            model, subfolder="image_encoder", dtype=DTYPES[dtype], variant=variant
        )
    except OSError as error:
        raise VideoBackboneError(f"the image_encoder of {model!r} could not be loaded: {error}") from error
    if encoder.config.projection_dim != width:
        raise VideoBackboneError(
            f"{model}: its image_encoder gives vectors of {encoder.config.projection_dim}, its unet attends to {width}; "
            "the two do not belong together"
        )
    return encoder


def add_lora(unet: nn.Module, rank: int) -> None:
    """Freeze the U-Net and add trainable low-rank corrections to its attention (Hu et al. 2021), in place."""
    from peft import LoraConfig, inject_adapter_in_model

    unet.requires_grad_(False)
    targets = ["to_q", "to_k", "to_v", "to_out.0"]
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=targets), unet)
    for name, parameter in unet.named_parameters():
        if "lora_" in name:
            parameter.requires_grad_(True)
            parameter.data = parameter.data.float()


def _deep(model: str) -> bool:
    return model.count("/") != 1
