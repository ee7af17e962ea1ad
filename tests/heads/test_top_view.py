"""Laws of the top view: squares show the plane from above, an answer turns with the square, unknown axes stay as they are."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from para.backbones import Lite0Config
from para.dataset import ModelInput, collate
from para.geometry import Camera, HeightBins, Pose, rotation_from_vector
from para.heads import TopView, VolumeHeadConfig
from para.heads.top_view import axis_angle, doubled
from para.policy import PolicyConfig, PolicyNetwork
from toy import WORKSPACE, toy_camera, toy_samples

DOWN = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
CONFIG = TopView(size=0.4, cells=32)


def reader():
    torch.manual_seed(0)
    return CONFIG.build().eval()


def looking_at(bars: np.ndarray, camera=None) -> ModelInput:
    """A picture for each angle [rad] of a dark bar, 20 x 5 cm, that lies on the table's plane z = 0 at the origin."""
    camera = camera or toy_camera()
    b = collate(toy_samples(len(bars)), list(range(len(bars))), (camera.width, camera.height)).inputs
    v, u = np.mgrid[0 : camera.height, 0 : camera.width] + 0.5
    pixels = np.stack([u, v], -1).reshape(-1, 2)
    rays, eye = camera.rays(pixels), camera.T_world_camera.translation
    ground = (eye - rays * (eye[2] / rays[:, 2])[:, None])[:, :2]
    images = []
    for a in bars:
        along, across = ground @ [np.cos(a), np.sin(a)], ground @ [-np.sin(a), np.cos(a)]
        dark = (abs(along) < 0.1) & (abs(across) < 0.025)
        images.append(np.where(dark, 40, 200).reshape(camera.height, camera.width))
    image = torch.from_numpy(np.stack(images).astype(np.uint8))[:, None].expand(-1, 3, -1, -1)
    pose = camera.T_world_camera
    repeated = (
        torch.from_numpy(np.repeat(x[None], len(bars), 0)).float()
        for x in (camera.intrinsics, pose.rotation, pose.translation)
    )
    intrinsics, rotation, translation = repeated
    seen_by = Camera(intrinsics, Pose(rotation, translation), camera.width, camera.height)
    return replace(b, image=image, camera=seen_by)


def direction(square: torch.Tensor) -> float:
    """Angle of what is dark in a square (3, n, n), in the square's own x and y [rad]."""
    n = square.shape[-1]
    dark = square.mean(0) < 0.5
    y, x = (i.float() - i.float().mean() for i in torch.nonzero(dark).unbind(-1))
    assert 20 < len(x) < n * n / 4
    return float(0.5 * torch.atan2(2 * (x * y).mean(), (x * x).mean() - (y * y).mean()))


@pytest.mark.parametrize("azimuth", [0.0, 0.7])
def test_a_square_shows_directions_as_they_are_from_above(azimuth):
    bars = np.radians([0.0, 30.0, 75.0, 120.0])
    inputs = looking_at(bars, toy_camera(azimuth=azimuth))
    turns = torch.tensor([0.0, 0.5, 2.0]).expand(4, -1)
    squares = reader().squares(inputs, torch.zeros(4, 3), turns)
    assert squares.shape == (4, 3, 3, 32, 32)
    for k in range(3):
        found = np.array([direction(squares[i, k]) + float(turns[i, k]) for i in range(4)])
        off = (found - bars + np.pi / 2) % np.pi - np.pi / 2
        assert np.degrees(np.abs(off)).max() < 5


def test_what_was_shown_in_one_sector_is_told_in_all_of_them():
    """A bar of 0 to 45 deg is learned; of 45 to 180 deg it is asked."""
    torch.manual_seed(0)
    network = replace(CONFIG, size=0.3).build()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    rng = np.random.default_rng(0)

    def hands(bars):
        turned = np.stack([rotation_from_vector(np.array([0.0, 0.0, a])) for a in bars])
        return Pose(torch.from_numpy(turned).float() @ DOWN, torch.zeros(len(bars), 3))

    for _ in range(60):
        bars = rng.uniform(0, np.pi / 4, 16)
        loss = network.loss(looking_at(bars), hands(bars))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    bars = np.radians(np.arange(50.0, 180.0, 10.0))
    with torch.no_grad():
        rotations = network.turned(looking_at(bars), torch.zeros(len(bars), 3), DOWN.expand(len(bars), 3, 3))
    off = (axis_angle(rotations).numpy() - bars + np.pi / 2) % np.pi - np.pi / 2
    assert np.degrees(np.abs(off)).max() < 12
    torch.testing.assert_close(rotations[..., 2], DOWN[:, 2].expand(len(bars), 3))  # still pointing down
    assert (rotations[:, 0, 0] * DOWN[0, 0] >= 0).all()  # the nearer of the two turns


def test_what_is_not_known_stays_as_it_was_said_without():
    network, inputs = reader(), looking_at(np.zeros(4))
    inputs = replace(inputs, gripper=torch.ones(4))
    for parameter in network.read[-1].parameters():
        torch.nn.init.zeros_(parameter)
    said = (torch.from_numpy(rotation_from_vector(np.array([0.0, 0.0, 0.6]))).float() @ DOWN).expand(4, 3, 3)
    torch.testing.assert_close(network.turned(inputs, torch.zeros(4, 3), said), said, atol=1e-5, rtol=0)


@pytest.mark.parametrize("change", ["closed", "near"])
def test_a_hand_that_holds_or_hides_the_object_keeps_its_turn(change):
    network, inputs = reader(), looking_at(np.zeros(4))
    torch.nn.init.normal_(network.read[-1].weight, std=5.0)  # sure of itself
    places = torch.zeros(4, 3)
    free = network.turned(inputs, places, DOWN.expand(4, 3, 3))
    if change == "closed":
        inputs = replace(inputs, gripper=torch.full((4,), 0.57))
    else:
        places = inputs.T_world_ee.translation + torch.tensor([0.0, 0.0, 0.1])
    kept = network.turned(inputs, places, DOWN.expand(4, 3, 3))
    torch.testing.assert_close(kept, inputs.T_world_ee.rotation, atol=1e-5, rtol=0)
    assert not torch.allclose(free, kept, atol=1e-2)


def lying(turn: float, tilt: float) -> torch.Tensor:
    """R_world_ee of a hand `tilt` [deg] above level, its x `turn` [rad] about the approach axis."""
    up = rotation_from_vector(np.array([0.0, np.radians(90.0 + tilt), 0.0]))
    return torch.from_numpy(up @ rotation_from_vector(np.array([0.0, 0.0, turn]))).float()


@pytest.mark.parametrize("tilt", [0.0, 1.0, -1.0])
@pytest.mark.parametrize("turn", [0.0, 0.7, np.pi / 2])
@pytest.mark.parametrize("gripper", [1.0, 0.2])
def test_a_hand_that_lies_level_is_not_turned(tilt, turn, gripper):
    """From above its turn about its own level axis cannot be seen; an axis read along it left no x at all."""
    network, inputs = reader(), looking_at(np.zeros(4))
    inputs = replace(inputs, gripper=torch.full((4,), gripper))
    network.axes = lambda inputs, places: doubled(
        torch.tensor([0.0, 0.5, 1.5, np.pi])
    )  # sure; the first along the hand
    said = lying(turn, tilt).expand(4, 3, 3)
    torch.testing.assert_close(network.turned(inputs, torch.zeros(4, 3), said), said, atol=0, rtol=0)


@pytest.mark.parametrize("tilt", [-90.0, -60.0, -20.0, -8.0, 8.0])
def test_a_turned_hand_is_a_rotation_about_the_approach_that_was_said(tilt):
    network, inputs = reader(), looking_at(np.zeros(4))
    network.axes = lambda inputs, places: doubled(torch.tensor([0.0, 0.5, 1.5, 3.0]))
    said = lying(0.3, tilt).expand(4, 3, 3)
    turned = network.turned(inputs, torch.zeros(4, 3), said)
    torch.testing.assert_close(turned @ turned.mT, torch.eye(3).expand(4, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(turned), torch.ones(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(turned[..., 2], said[..., 2], atol=0, rtol=0)


def test_a_hand_that_has_no_axis_keeps_the_said_one_and_teaches_none():
    """A hand that lies level with its x upright is seen from above as a point."""
    network, inputs = reader(), looking_at(np.zeros(4))
    upright = lying(0.0, 1e-3)
    assert upright[:2, 0].norm() < 1e-3
    inputs = replace(
        inputs, gripper=torch.zeros(4), T_world_ee=replace(inputs.T_world_ee, rotation=upright.expand(4, 3, 3))
    )
    said = (torch.from_numpy(rotation_from_vector(np.array([0.0, 0.0, 0.6]))).float() @ DOWN).expand(4, 3, 3)
    kept = axis_angle(network.turned(inputs, torch.zeros(4, 3), said))
    torch.testing.assert_close(doubled(kept), doubled(axis_angle(said)), atol=1e-5, rtol=0)
    assert network.loss(inputs, Pose(upright.expand(4, 3, 3), torch.zeros(4, 3))) == 0
    assert network.loss(inputs, Pose(said, torch.zeros(4, 3))) > 0


def test_an_axis_has_no_sign():
    angles = torch.linspace(-3, 3, 13)
    torch.testing.assert_close(doubled(angles), doubled(angles + torch.pi), atol=1e-5, rtol=0)


def test_it_belongs_to_the_next_grip():
    head = VolumeHeadConfig(HeightBins(0.0, 0.4, 8), widths=(16, 24), top_view=TopView())
    lite = Lite0Config(stages=(1, 2), pretrained=False, frozen_stages=0)
    config = PolicyConfig(lite, head, (80, 64), 3, "toy", WORKSPACE)
    with pytest.raises(ValueError, match="set rotation_at='next_grip'"):
        PolicyNetwork(config)
    network = PolicyNetwork(replace(config, head=replace(head, rotation_at="next_grip")))
    b = collate(toy_samples(4), list(range(4)), (80, 64))
    loss = network.head.loss(network(b.inputs), b.inputs, b.targets)
    loss.total.backward()
    assert "top_view" in loss.parts and network.head.top_view.read[0].weight.grad.abs().sum() > 0
