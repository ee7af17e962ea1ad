"""A vision transformer that was trained on is built again from the saved policy alone."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from para.backbones import DinoConfig
from para.policy import CheckpointError, Policy, PolicyNetwork
from policy.small import CONFIG, observation

transformers = pytest.importorskip("transformers")


@pytest.fixture
def hub(tmp_path):
    """A small model as the Hub would give it, of a shape that no default has."""
    shape = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40, patch_size=8)
    torch.manual_seed(0)
    model = transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(num_register_tokens=3, key_bias=True, **shape))
    model.save_pretrained(tmp_path / "hub")
    return tmp_path / "hub"


def test_a_saved_policy_needs_no_hub(hub, tmp_path, monkeypatch):
    config = replace(CONFIG, backbone=DinoConfig(model=str(hub)))
    policy = Policy(config, PolicyNetwork(config))
    policy.save_pretrained(tmp_path / "policy")
    shutil.rmtree(hub)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    loaded = Policy.from_pretrained(tmp_path / "policy")
    assert loaded.config == config
    np.testing.assert_array_equal(loaded.predict(observation()).positions, policy.predict(observation()).positions)
    loaded.save_pretrained(tmp_path / "again")
    assert (tmp_path / "again/config.json").read_text() == (tmp_path / "policy/config.json").read_text()


def test_weights_of_another_shape_are_refused(hub, tmp_path):
    config = replace(CONFIG, backbone=DinoConfig(model=str(hub)))
    Policy(config, PolicyNetwork(config)).save_pretrained(tmp_path / "policy")
    path = tmp_path / "policy/config.json"
    path.write_text(path.read_text().replace('"num_register_tokens": 3', '"num_register_tokens": 4'))
    with pytest.raises(CheckpointError, match="model.safetensors does not fit its config.json"):
        Policy.from_pretrained(tmp_path / "policy")
