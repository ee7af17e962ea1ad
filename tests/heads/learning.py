"""A few steps of the real training loop on the toy task, for the heads' tests."""

from dataclasses import dataclass

import numpy as np
import torch

from para.backbones import Lite0Config
from para.dataset import Augmentation, collate
from para.policy import Policy, PolicyConfig, PolicyNetwork
from para.training import TrainConfig, train
from toy import WORKSPACE, toy_samples

LITE = Lite0Config(stages=(2,), pretrained=True, frozen_stages=3)


@dataclass(frozen=True)
class Learned:
    """Mean distance of the last step from its target on the training samples [m], and the trained policy."""

    before: float
    after: float
    policy: Policy


def learn(head, folder, samples=16, steps=60, learning_rate=3e-3, horizon=3) -> Learned:
    """Train `head` on `samples` toy moments, save, load, and measure."""
    config = TrainConfig(
        PolicyConfig(LITE, head, (80, 64), horizon, "toy", WORKSPACE),
        Augmentation(),
        steps=steps,
        batch_size=8,
        learning_rate=learning_rate,
        warmup_steps=5,
        ema_decay=0.9,
        precision="no",
        save_every=1000,
        loader_workers=0,
    )
    torch.manual_seed(0)
    table = toy_samples(samples, horizon)
    untrained = Policy(config.policy, PolicyNetwork(config.policy))
    train(config, table, folder, quiet=True)
    trained = Policy.from_pretrained(folder / "policy")
    return Learned(error(untrained, table), error(trained, table), trained)


def error(policy, table) -> float:
    """Mean distance of the decoded last steps from their targets [m]."""
    batch = collate(table, list(range(len(table))), policy.config.image_size)
    with torch.inference_mode():
        chunk = policy.network.head.decode(policy.network(batch.inputs), batch.inputs)
    return float(np.linalg.norm(chunk.positions[:, -1] - batch.targets.positions[:, -1], axis=-1).mean())
