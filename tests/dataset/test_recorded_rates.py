"""Demonstrations recorded at another rate: the same motion is the same lesson."""

from dataclasses import replace

import numpy as np
import pytest

from demos.synthetic import at_rate, default_camera, make_episode, meta_for
from para.dataset import build_samples
from para.demos import DatasetWriter, DemoDataset, DemoError, stage_episode
from para.types import STEP_SECONDS

CAMERA = default_camera(64, 48)


def write(root, episode, fps):
    with DatasetWriter(root, replace(meta_for(CAMERA), fps=fps), "plan", 1) as writer:
        stage_episode(at_rate(episode, fps), writer.staging_folder(0), fps)
    return DemoDataset.open(root)


def every_third(episode):
    arrays = {k: v[::3] for k, v in vars(episode).items() if isinstance(v, np.ndarray)}
    cameras = tuple(
        replace(c, images=c.images[::3], intrinsics=c.intrinsics[::3], T_world_camera=c.T_world_camera[::3])
        for c in episode.cameras
    )
    return replace(episode, **arrays, cameras=cameras)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_sixty_frames_a_second_teach_what_twenty_do(tmp_path, stride):
    episode = make_episode(0, 100, CAMERA)
    fast = build_samples(write(tmp_path / "fast", episode, 60), "front", 4, stride)
    slow = build_samples(write(tmp_path / "slow", every_third(episode), 20), "front", 4, stride)
    assert len(fast) == len(slow) == -(-33 // stride)
    for name in ("ee_position", "gripper", "target_positions", "target_gripper", "target_valid"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name), err_msg=name)


def test_at_thirty_a_step_is_still_a_fifth_of_a_second(tmp_path):
    dataset = write(tmp_path / "set", make_episode(1, 91, CAMERA), 30)
    table, demo = build_samples(dataset, "front", 6, 2), dataset.columns(0, "front")
    assert len(table) == 30  # three seconds, ten a second
    moments = [int(np.abs(demo.ee_position - p).sum(-1).argmin()) for p in table.ee_position]
    np.testing.assert_array_equal(np.diff(moments), 3)
    for k in range(6):
        there = table.target_valid[:, k]
        wanted = np.asarray(moments)[there] + round(30 * STEP_SECONDS) * (k + 1)
        np.testing.assert_array_equal(table.target_positions[there, k], demo.ee_position[wanted].astype(np.float32))
    assert table.target_valid[:, 0].sum() == 29


def test_frames_that_keep_another_rate_are_refused(tmp_path):
    with pytest.raises(DemoError, match="off 30 Hz; frames are stored at exactly 30 Hz"):
        stage_episode(make_episode(2, 30, CAMERA), tmp_path / "x", 30)
