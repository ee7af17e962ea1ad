"""The `para` command with a small policy among its presets, for launching it in several processes."""

import sys

from para.backbones import Lite0Config
from para.cli import main
from para.dataset import Augmentation, Photometric, Shift, Turn, Zoom
from para.geometry import HeightBins
from para.heads import VolumeHeadConfig
from para.policy import PolicyConfig
from para.presets import POLICIES
from para.training import TrainConfig


def small() -> TrainConfig:
    """For the drawn demonstrations. Many targets leave the picture, so that shares of a batch differ in what counts."""
    policy = PolicyConfig(
        backbone=Lite0Config(stages=(1, 2), frozen_stages=1),
        # The noise on the read pixel is the network's own, and so each process's.
        head=VolumeHeadConfig(bins=HeightBins(0.0, 0.3, 8), widths=(16, 24), query_noise=0.0),
        image_size=(80, 64),
        horizon=3,
        camera="front",
    )
    return TrainConfig(
        policy,
        Augmentation((Shift(120.0), Zoom(), Turn(5.0, 10.0)), Photometric()),
        steps=4,
        batch_size=4,
        warmup_steps=1,
        precision="no",
        log_every=1,
        loader_workers=0,
    )


if __name__ == "__main__":
    POLICIES["small"] = small
    main(sys.argv[1:])
