"""Presets at another table: everything that has a place moves with the workspace."""

from dataclasses import replace

import numpy as np
import pytest

from demos.synthetic import default_camera, make_episode, meta_for
from para.dataset import build_samples, collate, volume_labels
from para.demos import DatasetWriter, DemoDataset, stage_episode
from para.geometry import VolumeGrid
from para.presets import POLICIES, RECIPES, for_demos, policy_preset, recipe
from para.types import Box
from para.worlds.libero.layout import WORKSPACE
from para.worlds.libero.record_demos import EE_NAME

CAMERA = default_camera(256, 192)


def meta(workspace, names=("front",)):
    return replace(meta_for(CAMERA, names), workspace=workspace, ee_frame=EE_NAME)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_at_home_nothing_changes(name):
    config = policy_preset(name)
    assert for_demos(config, meta(WORKSPACE, ("agentview", "wrist"))) == config
    assert for_demos(config, meta(WORKSPACE)).policy == replace(config.policy, camera="front")


def test_a_policy_knows_whose_hand_it_moves():
    arm = replace(meta(WORKSPACE), ee_frame="so101/gripper_frame")
    assert for_demos(policy_preset("para"), arm).policy.ee_frame == "gripper_frame"


def test_of_several_cameras_one_is_chosen():
    two = meta(WORKSPACE, ("front", "wrist"))
    assert for_demos(policy_preset("para"), two, "wrist").policy.camera == "wrist"
    assert (
        for_demos(policy_preset("para"), two).policy.camera == "agentview"
    )  # the preset's, which the reader then misses


def test_a_moved_table_moves_everything_alike():
    way = np.array([0.4, -0.3, -0.88])
    moved = Box(tuple(np.add(WORKSPACE.low, way)), tuple(np.add(WORKSPACE.high, way)))
    there, home = for_demos(policy_preset("para"), meta(moved)), policy_preset("para")
    np.testing.assert_allclose(np.subtract(there.policy.framing.centre, home.policy.framing.centre), way)
    np.testing.assert_allclose(np.subtract(there.augmentation.orbit.centre, home.augmentation.orbit.centre), way)
    np.testing.assert_allclose(np.subtract(there.augmentation.orbit.planes, home.augmentation.orbit.planes), way[2])
    a, b = there.policy.head.bins, home.policy.head.bins
    np.testing.assert_allclose([a.low - b.low, a.high - b.high, a.ground - b.ground], way[2])
    assert there.policy.framing.span == pytest.approx(home.policy.framing.span)
    assert there.policy.workspace == moved


@pytest.mark.parametrize("name", ["para", "para_paper_lite0_224", "video_two_stage"])
def test_another_arms_targets_can_be_pointed_at(tmp_path, name):
    """A smaller and lower workspace seen by another camera: its targets lie inside picture and volume."""
    with DatasetWriter(tmp_path / "set", meta_for(CAMERA), "plan", 2) as writer:
        for seed in range(2):
            stage_episode(make_episode(seed, 60, CAMERA), writer.staging_folder(seed))
    demos = DemoDataset.open(tmp_path / "set")
    home = recipe(name).stages[-1].train if name in RECIPES else policy_preset(name)
    config = for_demos(home, demos.meta)
    policy = config.policy
    table = build_samples(demos, policy.camera, policy.horizon, config.stride)
    batch = collate(table, list(range(len(table))), policy.image_size, framing=policy.framing)
    labels = volume_labels(batch.inputs, batch.targets, VolumeGrid(policy.head.bins, 28, 28))
    assert batch.targets.valid.sum() > 100 and not labels.outside.any()
    away = volume_labels(batch.inputs, batch.targets, VolumeGrid(home.policy.head.bins, 28, 28))
    assert away.outside.sum() == batch.targets.valid.sum()  # where the preset would have looked
