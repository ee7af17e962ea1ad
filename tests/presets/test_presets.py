"""Every named policy can be built, survives JSON, and is trained on warped pictures only when it is told the camera."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from para.backbones import DinoConfig
from para.config import from_json, to_json
from para.dataset import SampleTable, collate
from para.evaluation.test_conditions import VIEW_AZIMUTHS, VIEW_RINGS
from para.heads import FittedConfig, World
from para.policy import PolicyNetwork
from para.presets import POLICIES, experiment, fitted, policy_preset
from para.presets.policies import FEET, FRAMING
from para.training import TrainConfig
from para.worlds.libero.camera import is_scored, pinhole, view_pose
from para.worlds.libero.layout import BOWL_X, BOWL_Y, rigid_plate
from toy import WORKSPACE, toy_samples

OTHERS = sorted(name for name in POLICIES if not name.startswith("para"))
RIVALS = [name for name in OTHERS if name != "locator"]  # which is no policy: it finds the hand


def samples(horizon) -> SampleTable:
    return replace(toy_samples(4, horizon), instruction=("go to the red disc",) * 4)


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_network_can_be_built_and_decodes(name):
    config = policy_preset(name)
    if name.startswith("diffusion"):
        pytest.importorskip("diffusers")
    table = samples(config.policy.horizon)
    small = replace(config.policy, image_size=(80, 64), workspace=WORKSPACE)
    small = replace(small, backbone=replace(small.backbone, pretrained=False))
    config = fitted(replace(config, policy=small), table)
    assert from_json(TrainConfig, json.loads(json.dumps(to_json(config)))) == config
    network = PolicyNetwork(config.policy).eval()
    batch = collate(table, [0, 1], (80, 64))
    with torch.inference_mode():
        outputs = network(batch.inputs)
        assert torch.isfinite(network.head.loss(outputs, batch.inputs, batch.targets).total)
        chunk = network.head.decode(outputs, batch.inputs)
        with torch.autocast("cpu", torch.bfloat16):  # as the training loop runs it
            rough = network(batch.inputs)
        assert torch.isfinite(network.head.loss(rough, batch.inputs, batch.targets).total)
    assert chunk.positions.shape == (2, config.policy.horizon, 3)


@pytest.mark.parametrize("name", RIVALS)
def test_pictures_are_warped_only_for_those_who_are_told_the_camera(name):
    config = policy_preset(name)
    assert bool(config.augmentation.geometric) == config.policy.head.camera_input


def test_the_rivals_share_backbone_and_pictures():
    ours = policy_preset("para").policy
    for name in RIVALS:
        policy = policy_preset(name).policy
        assert type(policy.backbone) is type(ours.backbone) and not isinstance(policy.backbone, DinoConfig)
        assert policy.backbone.frozen_stages == ours.backbone.frozen_stages
        assert (policy.image_size, policy.camera, policy.workspace) == (ours.image_size, ours.camera, ours.workspace)


def test_what_is_fitted_comes_from_the_demonstrations():
    config = policy_preset("act")
    assert isinstance(config.policy.head, FittedConfig)
    head = fitted(config, samples(32)).policy.head
    assert (
        head.normalisation != config.policy.head.normalisation
        and replace(head, normalisation=config.policy.head.normalisation) == config.policy.head
    )
    plain, table = policy_preset("cls_regression"), samples(6)
    once = fitted(plain, table)
    steps = np.linalg.norm(np.diff(table.target_positions, axis=1), axis=2)[table.target_valid[:, 1:]]
    longest = np.ceil(1000 * steps.max()) / 1000
    assert plain.policy.execution.stride is None
    assert once.policy.execution.stride == pytest.approx(1.5 * longest), "the README's figure"
    assert once.policy.head == plain.policy.head and fitted(once, samples(32)) is once


def test_the_mechanisms_of_yaw_differ_in_how_rotations_are_told_and_augmentation_alone():
    rows = experiment("yaw_mechanisms").rows
    assert len(rows) == 8 == len({json.dumps(to_json(row.train)) for row in rows})
    plain = policy_preset("para").policy
    for row in rows:
        told = ("rotation_frame", "rotation_at", "rotation_weight", "hand_rotation", "hand_rotation_open", "top_view")
        same = {name: getattr(row.train.policy.head, name) for name in told}
        head = replace(plain.head, **same)
        assert row.train.policy == replace(plain, head=head)
        assert from_json(TrainConfig, json.loads(json.dumps(to_json(row.train)))) == row.train
    assert experiment("yaw").axis == "yaw" and experiment("yaw").rows[1].train.policy == rows[0].train.policy


def test_the_factorial_has_every_cell_once_and_the_published_form_is_one_of_them():
    rows = experiment("factorial").rows
    names = [row.name for row in rows]
    assert len(names) == len(set(names)) == 11 and names[0] == "para"
    heads = [json.dumps(to_json(row.train.policy.head)) for row in rows]
    assert len(set(heads)) == 11
    assert policy_preset("reg_pooled_world") == policy_preset("cls_regression_camera")
    assert policy_preset("reg_pooled_world").policy.head.space == World()
    assert len({row.train.steps for row in rows}) == 1, "all get the same steps"


def test_every_target_of_the_table_lies_in_the_framed_picture():
    """Feet of grasps and releases anywhere on the table, for the training camera and every scored view of the rings."""
    rim = 0.055  # the hand holds the bowl beside its middle
    for polar, azimuth in [(0.0, 0.0), *((p, a) for p in VIEW_RINGS[1:] for a in VIEW_AZIMUTHS)]:
        camera = FRAMING(pinhole(view_pose(polar, azimuth), 256, 256), 224, 224)
        corners = [(x, y) for x in BOWL_X for y in BOWL_Y if is_scored(polar, azimuth, (x, y))]
        feet = np.array([(x, y + d, FEET) for c in corners for x, y in (c, rigid_plate(c)) for d in (0, rim)])
        assert camera.sees(*camera.project(feet)).all(), (polar, azimuth)
