"""Clips follow their moment at a chunk's pace, through one camera, and stop where the episode does."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from para.dataset import Augmentation, BatchStream, ClipPlan, Photometric, Shift, collate, joined
from toy import toy_samples


def samples(count=24, length=8):
    table = toy_samples(count)
    return replace(table, episode=np.arange(count) // length)


def test_rows_stop_at_the_end_of_the_episode():
    plan = ClipPlan(4, stride=2)
    assert plan.spacing == 2
    for i, rows, exists in (
        (0, [0, 2, 4, 6], [1, 1, 1, 1]),
        (11, [11, 13, 15, 15], [1, 1, 1, 0]),
        (23, [23] * 4, [1, 0, 0, 0]),
    ):
        found, valid = plan.rows(samples(), i)
        assert found.tolist() == rows and valid.tolist() == [bool(x) for x in exists]


def test_a_clip_is_what_its_moments_pictures_show():
    table, plan = samples(), ClipPlan(3, stride=4)
    batch = collate(table, [2, 9], (40, 32), clips=plan)
    for row, i in enumerate((2, 9)):
        for k in range(3):
            alone = collate(table, [i + k], (40, 32)).inputs.image[0]
            assert torch.equal(batch.clip.frames[row, k], alone)
    assert batch.clip.valid.all() and collate(table, [2], (40, 32)).clip is None


def test_augmentation_is_one_for_a_whole_clip():
    table = samples()
    table = replace(table, images=np.repeat(table.images[:1], len(table), 0))  # nothing moves
    augmentation = Augmentation((Shift(30.0),), Photometric(noise=0.0))
    batch = BatchStream(table, augmentation, (40, 32), 4, seed=0, clips=ClipPlan(3, 4))[0]
    assert torch.equal(batch.clip.frames, batch.inputs.image[:, None].expand(-1, 3, -1, -1, -1))
    plain = BatchStream(table, augmentation, (40, 32), 4, seed=0)[0]
    assert torch.equal(plain.inputs.image, batch.inputs.image)  # asking for clips changes nothing else
    assert torch.equal(plain.inputs.camera.intrinsics, batch.inputs.camera.intrinsics)


def test_what_cannot_be_cut_is_said():
    with pytest.raises(ValueError, match="the stride must divide 4; got stride 3"):
        ClipPlan(4, 3)
    with pytest.raises(ValueError, match=r"as long as a clip of 12 frames, 2.2 s; the longest has 1.4 s"):
        BatchStream(samples(), Augmentation(), (40, 32), 4, 0, clips=ClipPlan(12, 4))
    BatchStream(samples(), Augmentation(), (40, 32), 4, 0, clips=ClipPlan(8, 4))


def test_joined_sets_keep_their_episodes_apart():
    one, two = samples(16), samples(24)
    both = joined([one, two])
    assert len(both) == 40 and both.images.shape == (40, 64, 80, 3)
    assert np.array_equal(both.images[16], two.images[0]) and np.array_equal(both.images[15], one.images[15])
    assert both.episode.tolist() == [*one.episode, *(two.episode + 2)]
    rows, exists = ClipPlan(4, 4).rows(both, 14)
    assert rows.tolist() == [14, 15, 15, 15] and exists.tolist() == [True, True, False, False]
    with pytest.raises(ValueError, match="different sizes"):
        joined([one, replace(two, images=two.images[:, :32])])
