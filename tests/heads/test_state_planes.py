"""What is drawn for the network: it moves with the picture, and distances have no direction."""

import pytest
import torch

from para.dataset import Augmentation, collate
from para.heads.state_planes import plane_count, state_planes
from toy import toy_samples

ROWS, COLUMNS = 16, 20


def planes(inputs, offsets="signed", displacement=False):
    return state_planes(inputs, ROWS, COLUMNS, 0.0, 0.4, offsets, displacement)


def batch(du=0.0, dv=0.0):
    """Four moments, the picture moved by whole pixels of an 80 x 64 image."""
    move = Augmentation((lambda camera, points, rng: camera.crop(-du, -dv, camera.width, camera.height),))
    return collate(toy_samples(4), [0, 1, 2, 3], (80, 64), move, [None] * 4).inputs


@pytest.mark.parametrize("offsets", ["signed", "distance"])
@pytest.mark.parametrize("displacement", [True, False])
def test_there_are_as_many_planes_as_promised(offsets, displacement):
    drawn = planes(batch(), offsets, displacement)
    assert drawn.shape == (4, plane_count(offsets, displacement), ROWS, COLUMNS)
    assert torch.isfinite(drawn).all()


def test_distances_are_the_lengths_of_the_offsets():
    signed, distance = planes(batch()), planes(batch(), "distance")
    for k in range(2):
        length = torch.hypot(signed[:, 2 + 2 * k], signed[:, 3 + 2 * k])
        torch.testing.assert_close(distance[:, 2 + k], length.clamp(max=2), atol=1e-5, rtol=0)


@pytest.mark.parametrize("offsets", ["signed", "distance"])
def test_planes_move_with_the_picture(offsets):
    """Cells are 4 px wide: a picture moved by 8 px right and 4 px down moves the planes by two columns and a row."""
    still, moved = planes(batch(), offsets), planes(batch(8.0, 4.0), offsets)
    torch.testing.assert_close(moved[..., 1:, 2:], still[..., :-1, :-2], atol=1e-4, rtol=0)


def test_distances_do_not_tell_left_from_right():
    """In the end effector's row, cells as far left as right of it are told the same."""
    inputs = batch()
    pixel, _ = inputs.camera.project(inputs.T_world_ee.translation[:, None])
    drawn = planes(inputs, "distance")[:, 2]
    column = (pixel[:, 0, 0] / 4).long().clamp(1, COLUMNS - 2)
    for plane, c in zip(drawn, column):
        row = plane[8]  # any row: the vertical part of the way is the same on both sides
        reach = int(min(c, COLUMNS - 1 - c))
        left, right = row[c - reach : c].flip(0), row[c + 1 : c + 1 + reach]
        assert (left - right).abs().max() < 2 * 2 * 0.5 / COLUMNS + 1e-6, "the same but for the place inside the cell"
