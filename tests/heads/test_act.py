"""ACT: it learns in the real loop, its latent costs and helps as it should, and nothing after the end matters."""

from dataclasses import replace

import torch

from heads.learning import LITE, learn
from para.dataset import collate
from para.geometry import relative_angle
from para.heads import ActConfig, CameraFrame, PixelHeight, World
from para.heads.act import TransformerConfig
from para.heads.act.style import Style
from para.heads.normalised_actions import Normalisation, decode_actions, demonstrated_actions, encode_actions
from para.heads.plucker import plucker_planes
from para.heads.proprioception import pixel_state, pose_state
from para.policy import PolicyConfig, PolicyNetwork
from toy import WORKSPACE, toy_samples

SMALL = TransformerConfig(width=64, attention_heads=2, feedforward=64, dropout=0.0)
TINY = ActConfig(SMALL, style_layers=1, encoder_layers=1, decoder_layers=1, latent=4)


def network_of(head, horizon=3):
    return PolicyNetwork(PolicyConfig(LITE, head, (80, 64), horizon, "toy", WORKSPACE))


def batch(count=4, horizon=3):
    return collate(toy_samples(count, horizon), list(range(count)), (80, 64))


def test_it_learns_in_the_training_loop(tmp_path):
    learned = learn(TINY.fitted(toy_samples(16)), tmp_path, steps=160)
    assert learned.after < 0.5 * learned.before, learned


def test_camera_aware_forms_learn():
    for head in (replace(TINY, camera_input=True, plucker=True), replace(TINY, camera_input=True, space=CameraFrame())):
        network, b = network_of(head.fitted(toy_samples(16))).train(), batch()
        optimizer = torch.optim.Adam(network.head.parameters(), 3e-3)
        losses = []
        for _ in range(80):
            loss = network.head.loss(network(b.inputs), b.inputs, b.targets)
            optimizer.zero_grad()
            loss.total.backward()
            optimizer.step()
            losses.append(loss.parts["action"].item())
        assert losses[-1] < 0.6 * losses[0], (head, losses[0], losses[-1])
        network.eval()
        with torch.inference_mode():
            chunk = network.head.decode(network(b.inputs), b.inputs)
        assert torch.isfinite(chunk.positions).all()
        assert relative_angle(chunk.rotations, b.targets.rotations).mean() < 0.8


def test_without_camera_input_the_camera_changes_nothing():
    b = batch()
    other = replace(b.inputs, camera=b.inputs.camera.crop(9.0, -4.0, 80, 64).rotate(torch.tensor([0.1, 0.2, 0.3])))
    for camera_input in (False, True):
        network = network_of(replace(TINY, camera_input=camera_input)).eval()
        with torch.inference_mode():
            one, two = (network.head.decode(network(x), x).positions for x in (b.inputs, other))
        assert torch.equal(one, two) != camera_input


def test_geometry_is_not_rounded_by_autocast():
    b = batch()
    for space in (World(), CameraFrame()):
        exact = [pose_state(b.inputs, WORKSPACE, space), pixel_state(b.inputs, WORKSPACE)]
        exact.append(plucker_planes(b.inputs.camera, 4, 5, WORKSPACE))
        with torch.autocast("cpu", torch.bfloat16):
            rough = [pose_state(b.inputs, WORKSPACE, space), pixel_state(b.inputs, WORKSPACE)]
            rough.append(plucker_planes(b.inputs.camera, 4, 5, WORKSPACE))
        for one, other in zip(exact, rough):
            assert torch.equal(one, other)


def test_the_divergence_is_the_gaussians():
    zero = torch.zeros(3, 4)
    assert Style(zero, zero).divergence() == 0
    mean, log_variance = torch.randn(3, 4), torch.randn(3, 4)
    normal = torch.distributions.Normal
    exact = torch.distributions.kl_divergence(normal(mean, (0.5 * log_variance).exp()), normal(0.0, 1.0))
    torch.testing.assert_close(Style(mean, log_variance).divergence(), exact.sum(-1).mean())


def test_the_divergence_has_its_weight_and_can_be_turned_off():
    b = batch()
    for weight in (0.0, 10.0):
        torch.manual_seed(0)
        network = network_of(replace(TINY, kl_weight=weight))
        loss = network.head.loss(network(b.inputs), b.inputs, b.targets)
        assert loss.parts["kl"] > 0
        torch.testing.assert_close(loss.total.detach(), loss.parts["action"] + weight * loss.parts["kl"])


def test_the_latent_is_used_in_training_and_zero_in_use():
    network, b = network_of(TINY).eval(), batch()
    outputs = network(b.inputs)
    assert torch.equal(
        network.head.decode(outputs, b.inputs).positions, network.head.decode(outputs, b.inputs).positions
    )
    zero = torch.zeros(4, TINY.latent)
    assert not torch.allclose(network.head.plan(outputs, zero), network.head.plan(outputs, zero + 1))
    loss = network.head.loss(outputs, b.inputs, b.targets)
    loss.total.backward()
    assert all(p.grad is not None for p in network.head.parameters()), "every part is trained"


def test_steps_after_the_end_do_not_matter():
    network, b = network_of(TINY), batch()
    valid = torch.tensor([[True, True, False], [True, False, False], [True, True, True], [False, False, False]])
    clean = replace(b.targets, valid=valid)
    rubbish = torch.where(valid[..., None], b.targets.positions, torch.full_like(b.targets.positions, torch.nan))
    dirty = replace(clean, positions=rubbish, gripper=torch.where(valid, b.targets.gripper, 7.0))
    found = []
    for targets in (clean, dirty):
        torch.manual_seed(0)
        network.zero_grad()
        loss = network.head.loss(network(b.inputs), b.inputs, targets)
        loss.total.backward()
        found.append((loss.total.detach(), network.head.style.actions.weight.grad.clone()))
    assert torch.isfinite(found[0][0])
    torch.testing.assert_close(found[0], found[1])


def test_normalisation_comes_from_the_demonstrations_and_inverts():
    samples, b = toy_samples(32), batch()
    for space in (World(), CameraFrame(), PixelHeight()):
        actions = demonstrated_actions(space, samples)
        standard = Normalisation.standard(actions)
        unit = standard.apply(actions)
        varied = actions.std(0) > 0.2
        torch.testing.assert_close(unit.mean(0), torch.zeros(10), atol=1e-3, rtol=0)
        torch.testing.assert_close(unit.std(0)[varied], torch.ones(int(varied.sum())), atol=1e-3, rtol=0)
        bounded = Normalisation.min_max(actions).apply(actions)
        assert bounded.abs().max() < 1.001 and bounded[:, 0].abs().max() > 0.999
        torch.testing.assert_close(standard.undo(unit), actions, atol=1e-5, rtol=0)
        chunk = decode_actions(space, b.inputs, encode_actions(space, b.inputs, b.targets))
        torch.testing.assert_close(chunk.positions, b.targets.positions, atol=1e-4, rtol=0)
        torch.testing.assert_close(chunk.rotations, b.targets.rotations, atol=1e-4, rtol=0)
        assert torch.equal(chunk.gripper, b.targets.gripper)


def test_steps_after_the_end_are_no_part_of_the_normalisation():
    samples = toy_samples(8)
    valid = samples.target_valid.copy()
    valid[:, 2] = False
    far = samples.target_positions.copy()
    far[:, 2] += 100.0
    cut = replace(samples, target_valid=valid, target_positions=far)
    assert demonstrated_actions(World(), cut)[:, :3].abs().max() < 1 and len(demonstrated_actions(World(), cut)) == 16
