"""Diffusion Policy: chunks are denoised."""

from para.heads.diffusion.diffusion import DiffusionConfig, DiffusionHead
from para.heads.diffusion.unet import UnetConfig

__all__ = ["DiffusionConfig", "DiffusionHead", "UnetConfig"]
