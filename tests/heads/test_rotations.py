"""Codes of rotations: they come back, half a turn of the hand is told alike, and rolled pictures show every direction."""

import numpy as np
import pytest
import torch

from para.dataset import Roll
from para.geometry import Camera, Pose, relative_angle, rotation_from_vector
from para.heads.rotations import FingersInImage, rotation_code
from toy import toy_camera

PIXELS = torch.tensor([[[20.0, 30.0], [60.0, 12.0], [44.0, 50.0]]])
DOWN = np.diag([1.0, -1.0, -1.0])


def torch_camera(camera: Camera) -> Camera:
    pose = camera.T_world_camera
    one = [torch.as_tensor(x, dtype=torch.float32)[None] for x in (camera.intrinsics, pose.rotation, pose.translation)]
    return Camera(one[0], Pose(one[1], one[2]), camera.width, camera.height)


CAMERA = torch_camera(toy_camera())


def hands(*yaws_deg: float, tilt: float = 0.0) -> torch.Tensor:
    """(1, T, 3, 3) hands that point down, turned about the vertical, and leaning by `tilt` [rad]."""
    lean = rotation_from_vector(np.array([tilt, 0.0, 0.0]))
    turns = [rotation_from_vector(np.array([0.0, 0.0, np.radians(yaw)])) for yaw in yaws_deg]
    return torch.tensor(np.stack([lean @ turn @ DOWN for turn in turns])[None], dtype=torch.float32)


def pose(rotation: torch.Tensor) -> Pose:
    return Pose(rotation, torch.zeros(len(rotation), 3))


@pytest.mark.parametrize("frame", ["ray", "heading", "image"])
def test_a_rotation_comes_back_from_its_code(frame):
    code = rotation_code(frame)
    rotations = hands(10, 50, 80, tilt=0.1)
    told = code.encode(CAMERA, PIXELS, rotations)
    assert told.shape == (1, 3, code.size) and len(code.neutral) == code.size
    back = code.decode(CAMERA, PIXELS, told, pose(hands(0)[:, 0]))
    assert relative_angle(back.double(), rotations.double()).max() < 1e-3


def test_half_a_turn_of_the_hand_is_told_alike():
    code = FingersInImage()
    for yaw in (0.0, 40.0, 130.0):
        one, other = (code.encode(CAMERA, PIXELS, hands(y, y, y)) for y in (yaw, yaw + 180))
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


@pytest.mark.parametrize("present", [0.0, 60.0, -60.0, 170.0])
def test_the_hand_takes_the_nearer_of_two_equal_turns_and_keeps_to_it(present):
    code = FingersInImage()
    wanted = (present + 20, present + 80, present + 140)  # each within a quarter turn of the one before
    told = code.encode(CAMERA, PIXELS, hands(*(y + 180 for y in wanted)))
    back = code.decode(CAMERA, PIXELS, told, pose(hands(present)[:, 0]))
    assert relative_angle(back.double(), hands(*wanted).double()).max() < 1e-3


def test_an_untrained_answer_is_a_rotation():
    for frame in ("ray", "heading", "image"):
        code = rotation_code(frame)
        told = torch.tensor(code.neutral).expand(1, 3, -1)
        back = code.decode(CAMERA, PIXELS, told, pose(hands(0)[:, 0]))
        torch.testing.assert_close(back @ back.transpose(-1, -2), torch.eye(3).expand(1, 3, 3, 3), atol=1e-5, rtol=0)
        torch.testing.assert_close(torch.linalg.det(back), torch.ones(1, 3), atol=1e-5, rtol=0)


def directions(code, camera: Camera, yaws) -> np.ndarray:
    """Directions of the fingers in the picture, in degrees of the half turn."""
    pixel, _ = camera.project(np.array([[0.0, 0.05, 0.0]]))
    pixel = torch.as_tensor(pixel, dtype=torch.float32)[None]
    told = torch.cat([code.encode(torch_camera(camera), pixel, hands(yaw)) for yaw in yaws])[:, 0].numpy()
    return np.degrees(0.5 * np.arctan2(told[:, 4], told[:, 3])) % 180


def test_rolled_pictures_of_one_quarter_turn_show_the_fingers_in_every_direction():
    """What the mechanism rests on: the numbers that an unseen yaw asks for have all been answered in training. Told
    relative to gravity they are new however the picture is rolled."""
    camera, rng = toy_camera(90, 90), np.random.default_rng(0)
    trained, asked = rng.uniform(0, 90, 400), np.linspace(95, 175, 17)
    fingers, heading = FingersInImage(), rotation_code("heading")
    rolled = [Roll(90.0)(camera, np.zeros((1, 3)), rng) for _ in trained]
    seen = np.concatenate([directions(fingers, c, [yaw]) for c, yaw in zip(rolled, trained)])
    level = directions(fingers, camera, trained)
    new = directions(fingers, camera, asked)

    def farthest(a):
        apart = np.abs(new[:, None] - a[None]) % 180
        return np.minimum(apart, 180 - apart).min(1).max()

    assert farthest(seen) < 4 and farthest(level) > 30

    def six(c, yaw):
        return heading.encode(torch_camera(c), PIXELS[:, :1], hands(yaw))[0, 0]

    answers = torch.stack([six(c, yaw) for c, yaw in zip(rolled, trained)])
    assert min((answers - six(camera, yaw)).norm(dim=-1).min() for yaw in asked[4:-4]) > 0.3
