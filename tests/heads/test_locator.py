"""The locator: reads a heatmap to a fraction of a cell, looks at the picture alone, and learns to find the toy hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from heads.learning import LITE
from para.dataset import Augmentation, Shift, collate
from para.geometry import Pose
from para.heads import LocatorConfig, LocatorOutputs
from para.policy import Policy, PolicyConfig, PolicyNetwork
from para.training import TrainConfig, train
from para.training.objectives import LocatorObjective
from toy import WORKSPACE, toy_samples

CONFIG = PolicyConfig(LITE, LocatorConfig(widths=(16,)), (80, 64), 1, "toy", WORKSPACE)


def moments(count=6, shift=20.0):
    rngs = [np.random.default_rng(i) for i in range(count)]
    return collate(toy_samples(count, 1), list(range(count)), (80, 64), Augmentation((Shift(shift),)), rngs).inputs


def hand_pixels(inputs):
    return inputs.camera.project(inputs.T_world_ee.translation[:, None])[0][:, 0]


def test_a_gaussian_heatmap_is_read_to_a_twentieth_of_a_cell():
    inputs, head = moments(4), LocatorConfig().build((8, 8, 8), (4, 8, 16), 1, WORKSPACE)
    rows, columns = 16, 20  # of 64 x 80 px
    true = torch.tensor([[33.1, 20.7], [41.9, 31.0], [12.0, 50.3], [60.6, 44.4]])
    v, u = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
    squared = (u - true[:, 0, None, None] / 4) ** 2 + (v - true[:, 1, None, None] / 4) ** 2
    outputs = LocatorOutputs(-squared / (2 * 0.75**2), torch.full((4,), -20.0))
    pixel, confidence = head.locate(outputs, inputs)
    assert (pixel - true).abs().max() < 4 * 0.05
    assert confidence.min() > 0.95
    outside = replace(outputs, outside=torch.full((4,), 20.0))
    assert head.locate(outside, inputs)[1].max() < 1e-6


def test_it_looks_at_the_picture_alone():
    inputs, network = moments(), PolicyNetwork(CONFIG).eval()
    moved = Pose(inputs.T_world_ee.rotation, inputs.T_world_ee.translation + 0.1)
    told_otherwise = replace(inputs, T_world_ee=moved, camera=inputs.camera.zoom(1.3), gripper=1 - inputs.gripper)
    assert torch.equal(network(inputs).logits, network(told_otherwise).logits)


def test_it_learns_to_find_the_hand(tmp_path):
    config = TrainConfig(
        CONFIG, Augmentation((Shift(10.0),)), LocatorObjective(), steps=150, batch_size=8, learning_rate=3e-3,
        warmup_steps=5, ema_decay=0.9, precision="no", save_every=1000, loader_workers=0,
    )  # fmt: skip
    inputs = moments(12)

    def off(policy):
        with torch.inference_mode():
            seen, _ = policy.network.head.locate(policy.network(inputs), inputs)
        return float((seen - hand_pixels(inputs)).norm(dim=1).median())

    before = off(Policy(CONFIG, PolicyNetwork(CONFIG)))
    train(config, toy_samples(48, 1), tmp_path, quiet=True)
    policy = Policy.from_pretrained(tmp_path / "policy")
    assert policy.calibration is None  # it states no probability of an action
    assert off(policy) < 3.0 < before


def test_there_is_no_future_to_locate():
    with pytest.raises(ValueError, match="horizon is 1, not 6"):
        PolicyNetwork(replace(CONFIG, horizon=6))
