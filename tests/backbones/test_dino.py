"""A vision transformer that was trained on is built again from the saved policy alone."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from para.backbones import DinoConfig, Lite0Config
from para.dataset import collate
from para.heads import VolumeHeadConfig
from para.policy import CheckpointError, Policy, PolicyNetwork
from policy.small import CONFIG, observation
from toy import toy_samples

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


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_network_sees_in_training_as_in_use(hub, frozen):
    """DINOv3 rescales the places of its patches at random in training, which is for those who train it."""
    network = PolicyNetwork(replace(CONFIG, backbone=DinoConfig(model=str(hub), frozen=frozen)))
    image = torch.rand(1, 3, 64, 80)
    in_use = network.eval().backbone(image)[0]
    network.train()
    assert network.head.training and network.backbone.training
    seen = [network.backbone(image)[0].detach() for _ in range(3)]
    assert all(torch.equal(features, in_use) for features in seen) == frozen
    assert all(parameter.requires_grad != frozen for parameter in network.backbone.parameters())


def tiny(patch: int) -> DinoConfig:
    return DinoConfig(pretrained=False, hidden_size=16, layers=1, attention_heads=2, patch_size=patch)


@pytest.mark.parametrize("size", [(96, 64), (100, 70), (79, 33), (57, 49), (15, 15)])
@pytest.mark.parametrize("backbone", [tiny(14), tiny(16), Lite0Config(stages=(4,), pretrained=False, frozen_stages=0)])
@pytest.mark.parametrize("cell_pixels", [4, 16])
def test_head_and_backbone_agree_on_the_cells_of_any_picture(backbone, cell_pixels, size):
    """Whether the finest map is upsampled or taken as it is, the volume that is told (an oracle asks for it) has its cells."""
    widths = (8, 8) if cell_pixels == 4 else (8,)
    head = VolumeHeadConfig(CONFIG.head.bins, cell_pixels, widths)
    network = PolicyNetwork(replace(CONFIG, backbone=backbone, head=head, image_size=size)).eval()
    inputs = collate(toy_samples(2), [0, 1], size).inputs
    with torch.no_grad():
        outputs = network(inputs)
        chunk = network.head.decode(outputs, inputs)
    grid = network.head.volume(*size)
    assert outputs.logits.shape[-2:] == (grid.rows, grid.columns)
    cell, stride = network.head.cell, network.backbone.strides[0]
    assert (grid.rows, grid.columns) == (-(-size[1] // cell), -(-size[0] // cell)) and cell == min(cell_pixels, stride)
    assert torch.isfinite(chunk.positions).all()
