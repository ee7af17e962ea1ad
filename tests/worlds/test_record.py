"""Recorded demonstrations: what stands in an episode, and a recording that survives a killed worker."""

import multiprocessing

import numpy as np
import pytest

pytest.importorskip("libero")

from para.demos import DemoDataset
from para.worlds.libero.layout import Layout, independent_layout, rigid_layout
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.record import record_episode
from para.worlds.libero.record_demos import record_demos

SIZE = (64, 48)


@pytest.fixture(scope="module")
def world():
    world = LiberoWorld(SIZE)
    yield world
    world.close()


def test_an_episode_holds_what_was_seen_before_each_command(world):
    layout = rigid_layout((-0.1, -0.15), seed=1)
    episode = record_episode(world, layout)
    assert episode is not None and 60 < len(episode) < 200
    np.testing.assert_allclose(np.diff(episode.time), 0.05)
    assert episode.time[0] == 0
    camera = episode.cameras[0]
    assert camera.images.shape == (len(episode), 48, 64, 3) and camera.images.dtype == np.uint8
    start = world.reset(layout)
    np.testing.assert_array_equal(episode.ee_position[0], start.T_world_ee.translation)
    np.testing.assert_array_equal(camera.images[0], world.observe().views[0].image)
    np.testing.assert_allclose(camera.camera(0).T_world_camera.matrix(), world.camera.T_world_camera.matrix())
    # the arm follows its commands with a lag, and the gripper opens, closes, opens
    assert np.linalg.norm(episode.command_position - episode.ee_position, axis=1).max() < 0.12
    assert set(episode.command_gripper) == {0.0, 1.0}
    assert episode.gripper[0] > 0.9 and episode.gripper.min() < 0.3 and episode.gripper[-1] > 0.4
    assert Layout.from_json(episode.notes["layout"]) == layout


def test_a_teacher_that_cannot_place_yields_no_episode(world):
    assert record_episode(world, Layout((0.45, 0.0), (0.0, 0.2))) is None


def test_a_killed_worker_costs_nothing(tmp_path):
    layouts = [independent_layout(k) for k in range(3)]
    recording = record_demos(layouts, tmp_path / "set", SIZE, workers=1)
    done = [next(recording)]
    for child in multiprocessing.active_children():
        child.kill()
    done += list(recording)
    assert sorted(r.index for r in done) == [0, 1, 2]
    assert len(DemoDataset.open(tmp_path / "set")) == sum(r.frames is not None for r in done) == 3
    assert list(record_demos(layouts, tmp_path / "set", SIZE, workers=1)) == []  # nothing is left to do
