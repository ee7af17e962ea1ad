"""The regressing rivals: each learns and answers in the world, dense pixels move with the picture, old settings load."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from heads.learning import LITE, learn
from para.backbones import Lite0Config
from para.config import from_json, to_json
from para.dataset import Augmentation, Shift, collate
from para.geometry import relative_angle, rotation_to_6d
from para.heads import (
    CameraFrame,
    Dense,
    EndEffectorOffset,
    GlobalRegressionConfig,
    PixelHeight,
    Pooled,
    SoftArgmax,
    World,
)
from para.heads.regression.head import RegressionOutputs
from para.heads.regression.soft_argmax import mean_place
from para.policy import PolicyConfig, PolicyNetwork
from toy import WORKSPACE, toy_samples

TINY = GlobalRegressionConfig(width=32, camera_input=True)
CELLS = [
    (reading, space)
    for reading in (Pooled(), Dense())
    for space in (World(), EndEffectorOffset(), CameraFrame(), PixelHeight())
]
CELLS += [(Dense(absolute=False), PixelHeight()), (SoftArgmax(), PixelHeight())]


def head(reading, space):
    return replace(TINY, reading=reading, space=space)


def network_of(config):
    return PolicyNetwork(PolicyConfig(LITE, config, (80, 64), 3, "toy", WORKSPACE))


def names(cell):
    return "-".join(type(part).__name__ for part in cell)


def batch(count=6, shift=None):
    """Toy moments; `shift`: each seen by a camera of its own."""
    augmentation = Augmentation((Shift(40.0),)) if shift else None
    rngs = [np.random.default_rng(i) for i in range(count)]
    return collate(toy_samples(count), list(range(count)), (80, 64), augmentation, rngs)


@pytest.mark.parametrize("cell", CELLS, ids=names)
def test_every_cell_learns(cell):
    network, b = network_of(head(*cell)).train(), batch()
    optimizer = torch.optim.Adam(network.head.parameters(), 1e-2)
    with torch.no_grad():
        features = network.backbone(b.inputs.image.float() / 255)
    parts = []
    for _ in range(40):
        loss = network.head.loss(network.head(features, b.inputs), b.inputs, b.targets)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
        parts.append(loss.parts["position"].item())
    assert parts[-1] < 0.5 * parts[0]
    with torch.inference_mode():
        chunk = network.head.decode(network.head(features, b.inputs), b.inputs)
    # The loss is 10 times the mean error of a coordinate, whichever the coordinates are.
    error = (chunk.positions - b.targets.positions).norm(dim=-1).mean()
    assert error < 0.5 * parts[0] / 10 * 3, error
    assert relative_angle(chunk.rotations, b.targets.rotations).mean() < 0.6


def test_a_dense_rival_learns_in_the_training_loop(tmp_path):
    learned = learn(head(Dense(), World()), tmp_path, steps=40)
    assert learned.after < 0.6 * learned.before, learned


@pytest.mark.parametrize("cell", CELLS, ids=names)
def test_true_coordinates_decode_to_the_true_targets(cell):
    """Outputs that are the targets themselves: no loss, and the world's positions and rotations come back, in every view."""
    b = batch(shift=True)
    network = network_of(head(*cell))
    space = cell[1]
    low, high = (torch.tensor(x) for x in space.range(WORKSPACE))
    unit = (space.encode(b.targets.positions, b.inputs.camera, b.inputs.T_world_ee) - low) / (high - low)
    frame = space.rotation_frame(b.inputs.camera).transpose(-1, -2)
    six = rotation_to_6d(frame @ b.targets.rotations)
    outputs = RegressionOutputs(unit, 20 * (2 * b.targets.gripper - 1), six)
    loss = network.head.loss(outputs, b.inputs, b.targets)
    assert loss.parts["position"] < 1e-4 and loss.parts["rotation"] < 1e-8 and loss.total < 1e-4
    chunk = network.head.decode(outputs, b.inputs)
    torch.testing.assert_close(chunk.positions, b.targets.positions, atol=1e-4, rtol=0)
    assert relative_angle(chunk.rotations, b.targets.rotations).max() < 1e-3
    # 1 cm of error along any coordinate costs the same 0.1 / 3 in every space.
    metres = space.metres(space.encode(b.targets.positions, b.inputs.camera, b.inputs.T_world_ee), b.inputs.camera)
    for axis in range(3):
        off = unit.clone()
        off[..., axis] += 0.01 / metres[..., axis] / (high - low)[axis]
        loss = network.head.loss(replace(outputs, unit=off), b.inputs, b.targets)
        assert loss.parts["position"].item() == pytest.approx(0.1 / 3, rel=1e-3)


def test_steps_after_the_end_do_not_count():
    b = batch()
    network = network_of(TINY).eval()
    outputs = network(b.inputs)
    valid = b.targets.valid.clone()
    valid[:, 2] = False
    wrong = b.targets.positions.clone()
    wrong[:, 2] += 5.0
    a = network.head.loss(outputs, b.inputs, replace(b.targets, valid=valid))
    c = network.head.loss(outputs, b.inputs, replace(b.targets, valid=valid, positions=wrong))
    assert a.total == c.total


@pytest.mark.parametrize("absolute", [False, True])
def test_dense_pixels_move_with_the_picture(absolute):
    """Shift picture and camera by whole cells: each place points as far to its side, unless told where it is."""
    network = PolicyNetwork(
        PolicyConfig(Lite0Config(stages=(4,)), head(Dense(absolute), PixelHeight()), (320, 256), 3, "toy", WORKSPACE)
    ).eval()
    torch.nn.init.normal_(network.head.cells[-1].weight, std=0.3)  # an untrained layer says nearly nothing
    b, cells = batch(1), 2
    image = torch.nn.functional.interpolate(b.inputs.image.float(), (256, 320), mode="bilinear").to(torch.uint8)
    inputs = replace(b.inputs, image=image, camera=b.inputs.camera.resize(320, 256))
    camera = inputs.camera.crop(-16.0 * cells, 0.0, 320, 256)
    moved = replace(inputs, image=torch.roll(image, 16 * cells, -1), camera=camera)
    found = []
    with torch.inference_mode():
        for seen in (inputs, moved):
            answers, _ = network.head.answers(network.backbone(seen.image.float() / 255), seen)
            found.append(answers.unit[0, 0].unflatten(0, (16, 20)))  # (rows, columns, 3)
    span = 1 + 2 * PixelHeight().margin
    wanted = found[0][4:12, 4:14].clone()
    wanted[..., 0] += cells / 20 / span
    error = (found[1][4:12, 4 + cells : 14 + cells] - wanted).abs().mean().item() / found[0].std().item()
    assert (error < 0.1) != absolute, error


def test_the_mean_place_of_one_cell_is_its_centre():
    heat = torch.zeros(1, 2, 4 * 5)
    heat[0, 0, 2 * 5 + 3] = 1.0
    heat[0, 1, [0, 4 * 5 - 1]] = 0.5
    torch.testing.assert_close(mean_place(heat, 4, 5)[0], torch.tensor([[3.5 / 5, 2.5 / 4], [0.5, 0.5]]))


def test_settings_saved_before_readings_and_spaces_still_load():
    old = to_json(GlobalRegressionConfig(width=64))
    del old["reading"], old["space"]
    config = from_json(GlobalRegressionConfig, old)
    assert config == GlobalRegressionConfig(width=64) and config.reading == Pooled() and config.space == World()
    keys = {k.split(".")[0] for k in network_of(config).head.state_dict()}
    assert keys == {"project", "query", "attention", "mlp"}, "the weights of saved policies have these names"


def test_impossible_cells_are_refused():
    with pytest.raises(ValueError, match="a soft-argmax is a pixel, so its action space is PixelHeight, not World"):
        head(SoftArgmax(), World())
    with pytest.raises(ValueError, match="the Dense reading draws the camera's planes: set camera_input=True"):
        GlobalRegressionConfig(reading=Dense())
