"""Diffusion Policy: it learns in the real loop, samples the same chunk twice, and nothing after the end matters."""

import sys
from dataclasses import replace

import pytest
import torch

from heads.learning import LITE, learn
from para.dataset import collate
from para.heads import DiffusionConfig
from para.heads.diffusion import UnetConfig
from para.heads.diffusion.diffusion import hold_last
from para.heads.diffusion.unet import Unet
from para.policy import PolicyConfig, PolicyNetwork
from toy import WORKSPACE, toy_samples

pytest.importorskip("diffusers", reason="needs the extra `diffusion`")

TINY = DiffusionConfig(UnetConfig((32, 64), time_width=16), width=32, keypoints=32, sample_steps=8, noises=8)


def network_of(head, horizon=3):
    return PolicyNetwork(PolicyConfig(LITE, head, (80, 64), horizon, "toy", WORKSPACE))


def batch(count=4, horizon=3):
    return collate(toy_samples(count, horizon), list(range(count)), (80, 64))


@pytest.mark.parametrize("predicts", ["noise", "actions"])
def test_it_learns_in_the_training_loop(tmp_path, predicts):
    # One level is enough for three steps, and learns fastest.
    head = replace(TINY, unet=UnetConfig((64,), time_width=32), predicts=predicts).fitted(toy_samples(8))
    learned = learn(head, tmp_path, samples=8, steps=120, learning_rate=3e-3)
    assert learned.after < 0.08, learned


def test_sampling_is_deterministic_and_does_not_depend_on_the_batch():
    network, b = network_of(replace(TINY, camera_input=True).fitted(toy_samples(16))).eval(), batch()
    with torch.inference_mode():
        condition = network(b.inputs).condition
        torch.manual_seed(1)
        first = network.head.sample(condition)
        torch.manual_seed(2)
        again = network.head.sample(condition)
        alone = network.head.sample(condition[2:3])
    assert torch.equal(first, again)
    torch.testing.assert_close(alone[0], first[2], atol=1e-4, rtol=1e-4)
    other = network_of(replace(network.head.config, seed=1)).eval()
    other.load_state_dict(network.state_dict())
    with torch.inference_mode():
        assert not torch.allclose(other.head.sample(condition), first), "another seed, another chunk"


@pytest.mark.parametrize("predicts", ["noise", "actions"])
def test_a_perfect_denoiser_finds_the_action(predicts):
    """With the exact noise of one known chunk, the sampler ends there: schedules and normalisation belong together."""
    head = replace(TINY, predicts=predicts).fitted(toy_samples(16))
    network, b = network_of(head).eval(), batch()
    from para.heads.normalised_actions import encode_actions

    true = head.normalisation.apply(encode_actions(head.space, b.inputs, b.targets))
    true = torch.cat([true, true[:, -1:]], 1)  # three steps are padded to four
    kept = network.head.noising.alphas_cumprod

    def exact(noisy, level, condition):
        if predicts == "actions":
            return true.expand_as(noisy)
        share = kept[level][:, None, None]
        return (noisy - share.sqrt() * true) / (1 - share).sqrt()

    network.head.unet.forward = exact
    with torch.inference_mode():
        chunk = network.head.decode(network(b.inputs), b.inputs)
    torch.testing.assert_close(chunk.positions, b.targets.positions, atol=1e-3, rtol=0)
    torch.testing.assert_close(chunk.rotations, b.targets.rotations, atol=1e-3, rtol=0)
    assert torch.equal(chunk.gripper.round(), b.targets.gripper)


def test_the_condition_reaches_every_step():
    unet = Unet(UnetConfig((16, 32, 64), time_width=8), 10, 5)
    actions, level = torch.randn(2, 8, 10), torch.tensor([3, 70])
    condition = torch.randn(2, 5)
    out = unet(actions, level, condition)
    assert out.shape == actions.shape
    for changed in (unet(actions, level, condition + 1), unet(actions, level + 5, condition)):
        assert ((changed - out).abs().amax(-1) > 1e-6).all()
    with pytest.raises(ValueError, match="6 steps are no multiple of 4; pad the chunk"):
        unet(actions[:, :6], level, condition)


def test_the_last_step_is_held_after_the_end():
    actions = torch.arange(12.0).reshape(3, 4, 1)
    valid = torch.tensor([[True, True, False, False], [True] * 4, [False] * 4])
    held, exists = hold_last(actions, valid)
    assert held[0, :, 0].tolist() == [0, 1, 1, 1] and held[1, :, 0].tolist() == [4, 5, 6, 7]
    assert exists.tolist() == [True, True, False]


def test_steps_after_the_end_do_not_matter():
    network, b = network_of(TINY), batch()
    valid = torch.tensor([[True, True, False], [True, False, False], [True, True, True], [False, False, False]])
    rubbish = torch.where(valid[..., None], b.targets.positions, torch.full_like(b.targets.positions, torch.nan))
    losses = []
    for positions in (b.targets.positions, rubbish):
        torch.manual_seed(0)
        targets = replace(b.targets, valid=valid, positions=positions)
        losses.append(network.head.loss(network(b.inputs), b.inputs, targets).total)
    assert torch.isfinite(losses[0]) and torch.equal(losses[0], losses[1])


def test_without_camera_input_the_camera_changes_nothing():
    b = batch()
    other = replace(b.inputs, camera=b.inputs.camera.crop(9.0, -4.0, 80, 64).rotate(torch.tensor([0.1, 0.2, 0.3])))
    for camera_input in (False, True):
        network = network_of(replace(TINY, camera_input=camera_input)).eval()
        with torch.inference_mode():
            one, two = (network(x).condition for x in (b.inputs, other))
        assert torch.equal(one, two) != camera_input


def test_a_keypoint_lies_on_the_floor_where_its_ray_ends_whatever_the_camera():
    network, b = network_of(replace(TINY, camera_input=True)), batch()
    low, high = (torch.tensor(x, dtype=torch.float32) for x in (WORKSPACE.low, WORKSPACE.high))
    unit = 1.6 * torch.rand(4, 32, 2, generator=torch.Generator().manual_seed(0)) - 0.8
    on_floor = torch.cat([low[:2] + (unit + 1) / 2 * (high - low)[:2], low[2].expand(4, 32, 1)], -1)
    camera = b.inputs.camera
    for seen_by in (camera, camera.crop(9.0, -4.0, 70, 50), camera.rotate(torch.tensor([0.05, -0.1, 0.3]))):
        places = seen_by.project(on_floor)[0] / torch.tensor([seen_by.width, seen_by.height])
        found = network.head.observe._on_the_floor(places, replace(b.inputs, camera=seen_by))
        torch.testing.assert_close(found, unit, atol=1e-3, rtol=0)
    up = camera.rotate(torch.tensor([torch.pi, 0.0, 0.0]))  # its rays never come down
    assert (network.head.observe._on_the_floor(places, replace(b.inputs, camera=up)) == 0).all()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'para-policy\[diffusion\]'"):
        network_of(TINY)
