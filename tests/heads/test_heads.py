"""Laws of the heads: rotations roll with the camera, masks hold, labels decode to themselves, features move with the image."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from para.backbones import DinoConfig, Lite0Config
from para.dataset import collate, volume_labels
from para.geometry import (
    DepthBins,
    FootBins,
    HeightBins,
    heading_rotation,
    ray_rotation,
    relative_angle,
    rotation_from_vector,
)
from para.heads import GlobalRegressionConfig, PaperVolumeConfig, VolumeHeadConfig
from para.policy import PolicyConfig, PolicyNetwork
from toy import WORKSPACE, toy_camera, toy_samples

VOLUME = VolumeHeadConfig(bins=HeightBins(0.0, 0.4, 8), widths=(16, 24))
LITE = Lite0Config(stages=(1, 2), pretrained=False, frozen_stages=0)


def config(head, backbone=LITE):
    return PolicyConfig(backbone, head, (80, 64), 3, "toy", WORKSPACE)


def batch(count=4):
    return collate(toy_samples(count), list(range(count)), (80, 64))


@pytest.mark.parametrize(
    "head",
    [
        VOLUME,
        replace(VOLUME, smoothing=0.0),
        replace(VOLUME, factorised=True),
        replace(VOLUME, rotation_frame="heading", hand_rotation=True),
        replace(VOLUME, rotation_frame="image", hand_rotation=True),
        replace(VOLUME, rotation_frame="image", rotation_at="next_grip", reach=(0.2, 0.3, 0.4)),
        replace(VOLUME, bins=DepthBins(0.5, 1.8, 8)),
        PaperVolumeConfig(bins=HeightBins(0.0, 0.4, 8), grid=16),
        GlobalRegressionConfig(width=32),
        GlobalRegressionConfig(width=32, camera_input=True),
    ],
    ids=[
        "height",
        "one-hot",
        "factorised",
        "heading",
        "image",
        "next-grip",
        "depth",
        "paper",
        "regression",
        "regression-camera",
    ],
)
def test_every_head_learns_and_decodes(head):
    network = PolicyNetwork(config(head)).train()
    b = batch()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    first = last = None
    for _ in range(20):
        loss = network.head.loss(network(b.inputs), b.inputs, b.targets)
        optimizer.zero_grad()
        loss.total.backward()
        assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())
        optimizer.step()
        first, last = first or loss.total.item(), loss.total.item()
    assert last < 0.8 * first
    network.eval()
    with torch.inference_mode():
        chunk = network.head.decode(network(b.inputs), b.inputs)
    assert chunk.positions.shape == (4, 3, 3) and torch.isfinite(chunk.positions).all()
    identity = chunk.rotations @ chunk.rotations.transpose(-1, -2)
    torch.testing.assert_close(identity, torch.eye(3).expand_as(identity), atol=1e-5, rtol=0)
    for share in (chunk.gripper, chunk.confidence, chunk.out_of_view):
        assert ((share >= 0) & (share <= 1)).all()


def test_a_factorised_volume_ranks_bins_alike_in_all_cells():
    network = PolicyNetwork(config(replace(VOLUME, factorised=True))).eval()
    torch.nn.init.normal_(network.head.bin_score.weight)
    b = batch()
    with torch.inference_mode():
        logits = network(b.inputs).logits
    step = logits[:, :, 3] - logits[:, :, 2]  # (B, T, v, u), NaN where both are forbidden
    known = torch.isfinite(step)
    spread = torch.where(known, step, -torch.inf).amax((2, 3)) - torch.where(known, step, torch.inf).amin((2, 3))
    assert known.any() and spread.max() < 1e-4 and step[known].abs().max() > 0.01


def test_decoded_targets_lie_in_the_workspace():
    network = PolicyNetwork(config(VOLUME)).eval()
    b = batch()
    with torch.inference_mode():
        outputs = network(b.inputs)
        points, valid = network.head.grid(*outputs.logits.shape[-2:]).centres(b.inputs.camera)
    possible = torch.isfinite(outputs.logits[:, 0])
    assert torch.equal(possible, valid & WORKSPACE.contains(points))
    assert 0 < possible.float().mean() < 1


def test_geometry_keeps_full_precision_under_autocast():
    """In bfloat16 a projection is off by about a pixel; training would see other planes and masks than use does."""
    network, b = PolicyNetwork(config(VOLUME)).eval(), batch()
    seen = []
    network.head.neck.planes[0].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].float()))
    with torch.inference_mode():
        plain = network(b.inputs)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = network(b.inputs)
    assert torch.equal(torch.isfinite(plain.logits), torch.isfinite(rounded.logits))
    assert torch.equal(*seen)


def test_decoding_points_nowhere_beyond_the_demonstrations_reach():
    samples = toy_samples(12)
    head = VOLUME.fitted(samples)
    way = np.linalg.norm(samples.target_positions - samples.ee_position[:, None], axis=-1)
    np.testing.assert_allclose(head.reach, 1.25 * way.max(0) + 0.01, atol=1e-4)
    near = replace(head, reach=(0.06, 0.12, 0.5))
    network, b = PolicyNetwork(config(near)).eval(), batch()
    with torch.inference_mode():
        outputs = network(b.inputs)
        chunk = network.head.decode(outputs, b.inputs)
        moved = (chunk.positions - b.inputs.T_world_ee.translation[:, None]).norm(dim=-1)
        network.head.config = replace(near, reach=())
        free = network.head.decode(outputs, b.inputs)
    far = (free.positions - b.inputs.T_world_ee.translation[:, None]).norm(dim=-1)
    limit = torch.tensor(near.reach) + 0.05  # the place inside the cell is beyond its centre
    assert (moved[:, 0] < far[:, 0] - 0.05).any()
    inside = (far <= torch.tensor(near.reach) - 0.05).all(1)
    assert torch.equal(moved[inside], far[inside])
    assert (moved <= limit).float().mean() > 0.9  # but where no cell is within reach


def test_the_hands_foot_is_drawn_where_a_target_below_it_would_be_pointed_at():
    feet = FootBins(0.0, 0.4, 8, ground=0.06)
    network, b = PolicyNetwork(config(replace(VOLUME, bins=feet))).eval(), batch()
    seen = []
    network.head.neck.planes[0].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    with torch.inference_mode():
        network(b.inputs)
    below = b.inputs.T_world_ee.translation[:, None] * torch.tensor([1.0, 1.0, 0.3])
    index = network.head.grid(*seen[0].shape[-2:]).locate(below, b.inputs.camera)
    drawn = seen[0][:, 1].flatten(1).argmax(1)
    assert index.valid.all() and torch.equal(drawn, index.row[:, 0] * seen[0].shape[-1] + index.column[:, 0])


def test_targets_outside_the_image_train_the_outside_probability():
    network = PolicyNetwork(config(VOLUME))
    b = batch()
    far = b.inputs.camera.crop(500.0, 0.0, 80, 64)  # nothing of the table is left in the picture
    inputs = replace(b.inputs, camera=far)
    outputs = network(inputs)
    loss = network.head.loss(outputs, inputs, b.targets)
    assert loss.parts["outside_share"] == 1.0
    normaliser = torch.logaddexp(outputs.logits.flatten(2).logsumexp(-1), outputs.outside)
    torch.testing.assert_close(loss.parts["volume"], (normaliser - outputs.outside).mean())


def test_the_trained_distribution_decodes_to_the_true_targets():
    """Logits that are the soft target itself: the local soft-argmax finds the true place, far below a cell's size."""
    network = PolicyNetwork(config(VOLUME)).eval()
    b = batch()
    outputs = network(b.inputs)
    grid = network.head.grid(*outputs.logits.shape[-2:])
    index = volume_labels(b.inputs, b.targets, grid).index
    rows, columns, bins = *outputs.logits.shape[-2:], VOLUME.bins.count
    place = torch.stack([index.bin, index.row, index.column], -1) + index.offset.flip(-1)  # (B, T, 3)
    axes = [torch.arange(float(n)) for n in (bins, rows, columns)]
    cells = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)  # (D, v, u, 3)
    logits = -((cells - place[:, :, None, None, None]) ** 2).sum(-1) / (2 * VOLUME.smoothing**2)
    logits = logits.masked_fill(~torch.isfinite(outputs.logits), -torch.inf)
    with torch.inference_mode():
        chunk = network.head.decode(replace(outputs, logits=logits), b.inputs)
    # Clear of the volume's borders, where half of the distribution is missing.
    inner = index.valid & (index.bin > 0) & (index.bin < bins - 1)
    inner = inner & (index.row > 1) & (index.row < rows - 2) & (index.column > 1) & (index.column < columns - 2)
    assert inner.float().mean() > 0.4
    error = (chunk.positions - b.targets.positions).norm(dim=-1)[inner]
    centre, _ = grid.unproject(index.row, index.column, index.bin, 0 * index.offset, b.inputs.camera)
    rounding = (centre - b.targets.positions).norm(dim=-1)[inner]
    assert error.max() < 0.35 * rounding.max()
    assert (chunk.confidence[inner] > 0.5).all()
    whole = PolicyNetwork(config(replace(VOLUME, within_cells=False))).eval()
    whole.load_state_dict(network.state_dict())
    with torch.inference_mode():
        rounded = whole.head.decode(replace(outputs, logits=logits), b.inputs)
    torch.testing.assert_close(rounded.positions[inner], centre[inner])


def test_the_rotation_of_all_steps_is_read_where_the_gripper_will_next_act():
    head = replace(VOLUME, rotation_frame="heading", rotation_at="next_grip", reach=(1e-3, 1e-3, 1e-3))
    torch.manual_seed(0)
    network = PolicyNetwork(config(head)).eval()
    torch.nn.init.normal_(network.head.rotation.weight)
    b = batch()
    outputs = network(b.inputs)
    assert outputs.logits.shape[1] == 4

    def pointed_at(steps: tuple[int, int], grip: tuple[int, int]) -> torch.Tensor:
        logits = outputs.logits.clone()
        for places, (row, column) in ((slice(0, 3), steps), (slice(3, 4), grip)):
            logits[:, places, :, row, column] += 100.0
        with torch.inference_mode():
            return network.head.decode(replace(outputs, logits=logits), b.inputs).rotations

    here = pointed_at((5, 6), (9, 12))
    assert here.shape == (4, 3, 3, 3) and torch.equal(here[:, 0], here[:, 2])
    assert torch.equal(here, pointed_at((11, 4), (9, 12)))  # wherever the steps themselves lie
    assert not torch.allclose(here, pointed_at((5, 6), (4, 15)), atol=1e-3)


def test_the_next_grip_is_learned_as_a_place_and_not_as_a_step():
    network = PolicyNetwork(config(replace(VOLUME, rotation_at="next_grip", query_noise=0.0)))
    b = batch()
    outputs = network(b.inputs)
    loss = network.head.loss(outputs, b.inputs, b.targets).parts
    turned = b.targets.rotations @ torch.as_tensor(rotation_from_vector(np.array([0.0, 0.0, 1.0]))).float()
    other = network.head.loss(outputs, b.inputs, replace(b.targets, rotations=turned)).parts
    assert other == loss  # the steps' own rotations are not asked
    pose = replace(b.targets.next_grip, translation=b.targets.next_grip.translation + torch.tensor([0.05, 0.05, 0.0]))
    moved = network.head.loss(outputs, b.inputs, replace(b.targets, next_grip=pose)).parts
    assert moved["gripper"] == loss["gripper"] and moved["volume"] != loss["volume"]
    with pytest.raises(ValueError, match="targets that tell the pose of the next grip"):
        network.head.loss(outputs, b.inputs, replace(b.targets, next_grip=None))


def test_a_wide_open_hand_says_nothing_of_its_rotation_where_that_is_wanted():
    head = replace(VOLUME, rotation_frame="heading", hand_rotation=True, hand_rotation_open=False)
    torch.manual_seed(0)
    network = PolicyNetwork(config(head)).eval()
    torch.nn.init.normal_(network.head.rotation.weight)
    b = batch()
    for opening, silent in ((1.0, True), (0.5, False)):
        inputs = replace(b.inputs, gripper=torch.full((4,), opening))
        turn = torch.as_tensor(rotation_from_vector(np.array([0.0, 0.0, 1.0]))).float()
        hand = replace(inputs.T_world_ee, rotation=inputs.T_world_ee.rotation @ turn)
        with torch.inference_mode():
            one, other = (
                network.head.decode(network(i), i).rotations for i in (inputs, replace(inputs, T_world_ee=hand))
            )
        assert torch.equal(one, other) == silent


def test_the_heading_frame_is_upright_and_turns_with_the_camera_alone():
    camera = toy_camera(azimuth=0.3)
    frame = heading_rotation(camera)
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(frame[:, 2], [0, 0, 1], atol=1e-12)
    assert np.linalg.det(frame) > 0 and frame[:, 1] @ camera.T_world_camera.rotation[:, 2] > 0
    for turn in ([0.0, 0.0, 0.7], [0.3, 0.0, 0.0]):  # roll, tilt: neither changes where the camera is heading
        np.testing.assert_allclose(heading_rotation(camera.rotate(np.array(turn))), frame, atol=1e-12)
    about_z = rotation_from_vector(np.array([0.0, 0.0, -0.8]))
    np.testing.assert_allclose(heading_rotation(toy_camera(azimuth=-0.5)), about_z @ frame, atol=1e-12)


def test_rolling_the_camera_rolls_the_predicted_rotation():
    camera = toy_camera()
    pixels = np.array([[12.0, 50.0], [70.3, 8.1]])
    roll = 0.6
    rolled = camera.rotate(np.array([0.0, 0.0, roll]))
    points, _ = camera.unproject_depth(pixels, np.array([1.0, 1.3]))
    same_points, _ = rolled.project(points)
    before, after = ray_rotation(camera, pixels), ray_rotation(rolled, same_points)
    np.testing.assert_allclose(after, before @ rotation_from_vector(np.array([0.0, 0.0, roll])), atol=1e-9)
    np.testing.assert_allclose(before[..., 2], _unit(camera.rays(pixels)), atol=1e-9)  # z is the ray
    centre = camera.intrinsics[None, 2:]
    np.testing.assert_allclose(ray_rotation(camera, centre)[0], camera.T_world_camera.rotation, atol=1e-12)


def test_a_shift_of_the_picture_shifts_the_scores():
    """Crop by whole strides: away from the borders, the volume's scores move with the picture."""
    torch.manual_seed(0)
    network = PolicyNetwork(
        PolicyConfig(Lite0Config(stages=(1, 2), pretrained=True), VOLUME, (320, 256), 3, "toy", WORKSPACE)
    ).eval()
    for parameter in network.head.outside.parameters():
        torch.nn.init.zeros_(parameter)
    b = batch(1)
    image = torch.nn.functional.interpolate(b.inputs.image.float(), (256, 320), mode="bilinear").to(torch.uint8)
    inputs = replace(b.inputs, image=image, camera=b.inputs.camera.resize(320, 256))
    shift = 32
    moved = replace(inputs, image=torch.roll(image, shift, -1), camera=inputs.camera.crop(-float(shift), 0.0, 320, 256))
    with torch.inference_mode():
        # GroupNorm sees the whole map, and rolling keeps its contents; the state planes move by the camera.
        a, c = network(inputs).logits[0, 0, 3], network(moved).logits[0, 0, 3]
    a, c = a[24:40, 24:48], c[24:40, 24 + shift // 4 : 48 + shift // 4]
    both = torch.isfinite(a) & torch.isfinite(c)
    assert both.float().mean() > 0.8
    assert (a - c)[both].abs().mean() < 0.05 * a[both].std()


def test_relative_angle_of_paper_bins_is_within_half_a_bin():
    head = PaperVolumeConfig(bins=HeightBins(0.0, 0.4, 8), grid=16).fitted(toy_samples())
    assert head.bins.low < 0.03 and head.euler_range >= 0.1
    b = batch()
    angle = relative_angle(b.targets.rotations, torch.diag(torch.tensor([1.0, -1, -1])).expand(4, 3, 3, 3))
    assert angle.max() < 1e-3


def test_dino_feeds_the_volume_head():
    dino = DinoConfig(pretrained=False, hidden_size=48, layers=1, attention_heads=3)
    network = PolicyNetwork(config(replace(VOLUME, widths=(16, 24)), dino)).eval()
    b = batch(2)
    with torch.inference_mode():
        outputs = network(b.inputs)
    assert outputs.logits.shape == (2, 3, 8, 16, 20)


def _unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)
