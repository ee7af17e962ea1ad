"""Named policies: what each row of a table is, as a training configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from para.backbones import DinoConfig, Lite0Config
from para.dataset import Augmentation, Photometric, SampleTable, Shift, Zoom
from para.geometry import HeightBins
from para.heads import GlobalRegressionConfig, PaperVolumeConfig, StepwiseConfig, VolumeHeadConfig
from para.policy import PolicyConfig
from para.presets.names import look_up
from para.training import TrainConfig
from para.worlds.libero.layout import WORKSPACE

LIBERO = PolicyConfig(
    head=VolumeHeadConfig(bins=HeightBins(WORKSPACE.low[2], WORKSPACE.high[2], 32)),
    workspace=WORKSPACE,
)
"""Our default policy at LIBERO's table."""

COLOURS = Augmentation((), Photometric())
"""Label-preserving: for policies that do not see the camera."""

CAMERA = Augmentation((Shift(40.0), Zoom(0.85, 1.2)), Photometric())
"""Camera-consistent: picture, camera and labels move together."""


def para() -> TrainConfig:
    """Our default: EfficientNet-Lite0, sub-cell offsets, camera-consistent augmentation, state and camera as planes."""
    return TrainConfig(LIBERO, CAMERA)


def para_paper_lite0_224() -> TrainConfig:
    """The published head, conditioning and decoding on our offline backbone at 224 px (nobody has run it with DINO here)."""
    backbone = Lite0Config(stages=(4,), frozen_stages=0)
    return TrainConfig(replace(LIBERO, backbone=backbone, head=PaperVolumeConfig()), Augmentation())


def para_dino() -> TrainConfig:
    """Our head on DINOv3 ViT-S/16 at 448 px; needs its weights from the Hugging Face Hub."""
    head = replace(LIBERO.head, cell_pixels=8, widths=(64, 128))
    policy = replace(LIBERO, backbone=DinoConfig(), head=head, image_size=(448, 448))
    return TrainConfig(policy, CAMERA, learning_rate=5e-4, backbone_learning_rate=5e-5)


def cls_regression() -> TrainConfig:
    """What the published project calls ACT: one pooled token to absolute coordinates; colours alone are augmented."""
    policy = replace(LIBERO, backbone=Lite0Config(stages=(4,)), head=GlobalRegressionConfig())
    return TrainConfig(policy, COLOURS)


def cls_regression_camera() -> TrainConfig:
    """The same with the camera as input, and camera-consistent augmentation."""
    policy = replace(LIBERO, backbone=Lite0Config(stages=(4,)), head=GlobalRegressionConfig(camera_input=True))
    return TrainConfig(policy, CAMERA)


POLICIES: dict[str, Callable[[], TrainConfig]] = {
    f.__name__: f for f in (para, para_paper_lite0_224, para_dino, cls_regression, cls_regression_camera)
}


def policy_preset(name: str) -> TrainConfig:
    """The named policy's training configuration; ValueError suggests the nearest name."""
    return look_up(name, POLICIES, "policy preset")()


def fitted(config: TrainConfig, samples: SampleTable) -> TrainConfig:
    """The configuration with what a head takes from the demonstrations' statistics."""
    head = config.policy.head
    if isinstance(head, PaperVolumeConfig):
        head = head.fitted(samples)
    elif isinstance(head, StepwiseConfig) and isinstance(head.head, PaperVolumeConfig):
        head = replace(head, head=head.head.fitted(samples))
    return replace(config, policy=replace(config.policy, head=head))
