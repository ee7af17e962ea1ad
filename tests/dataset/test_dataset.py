"""Batches: repeatable, split over processes without change, and augmented so that picture, camera and labels stay together."""

import numpy as np
import pytest
import torch

from para.dataset import (
    Augmentation,
    BatchStream,
    Erase,
    Mirror,
    Photometric,
    Recentre,
    Shift,
    Turn,
    Zoom,
    build_samples,
    collate,
    volume_labels,
)
from para.demos import CameraSize, DatasetWriter, DemoDataset, DemoMeta, stage_episode
from para.geometry import HeightBins, Pose, VolumeGrid
from para.types import Box, Episode, RecordedCamera
from toy import toy_camera, toy_samples

EVERYTHING = Augmentation((Turn(4.0, 8.0), Shift(30.0), Zoom(0.8, 1.3)), Photometric())


def stream(**changes):
    settings = {"image_size": (80, 64), "batch_size": 6, "seed": 3}
    return BatchStream(toy_samples(20), EVERYTHING, **{**settings, **changes})


def test_a_batch_depends_on_seed_and_step_alone():
    a, b = stream()[7], stream()[7]
    assert torch.equal(a.inputs.image, b.inputs.image) and torch.equal(a.targets.positions, b.targets.positions)
    assert not torch.equal(a.inputs.image, stream()[8].inputs.image)
    assert not torch.equal(a.inputs.image, stream(seed=4)[7].inputs.image)


def test_processes_share_the_same_batch():
    whole = stream()[5]
    parts = [stream(rank=r, processes=3)[5] for r in range(3)]
    for rank, part in enumerate(parts):
        assert torch.equal(part.inputs.image, whole.inputs.image[rank::3])
        assert torch.equal(part.inputs.camera.intrinsics, whole.inputs.camera.intrinsics[rank::3])


def test_an_epoch_visits_every_moment_once():
    s = stream(batch_size=5)
    seen = torch.cat([s[i].targets.positions[:, -1] for i in range(4)])
    wanted = toy_samples(20).target_positions[:, -1]
    assert sorted(map(tuple, seen.tolist())) == sorted(map(tuple, wanted.tolist()))


def test_workers_and_the_main_process_make_the_same_batches():
    s = stream()
    for a, b in zip(s.loader(2, 5, workers=0), s.loader(2, 5, workers=1)):
        assert torch.equal(a.inputs.image, b.inputs.image)


@pytest.mark.parametrize(
    "change", [Turn(6.0, 15.0), Shift(40.0), Recentre(), Zoom(0.7, 1.5)], ids=["turn", "shift", "recentre", "zoom"]
)
def test_the_disc_stays_where_the_augmented_camera_projects_it(change):
    """The red disc's centroid in the warped picture against the projection of its true place."""
    samples = toy_samples(24)
    rngs = [np.random.default_rng(i) for i in range(24)]
    batch = collate(samples, list(range(24)), (160, 128), Augmentation((change,)), rngs)
    plain = collate(samples, list(range(24)), (160, 128))
    compared = 0
    for b in range(24):
        places = []
        for one in (plain, batch):
            pixel, _ = one.inputs.camera[b : b + 1].project(one.targets.positions[b : b + 1, -1:])
            image = one.inputs.image[b].numpy().astype(float)
            red = np.clip(image[0] - image[1] - 60, 0, None)
            v, u = np.mgrid[: red.shape[0], : red.shape[1]] + 0.5
            whole = red[0].sum() + red[-1].sum() + red[:, 0].sum() + red[:, -1].sum() == 0 and red.sum() > 3000
            places.append(
                (np.array([(u * red).sum(), (v * red).sum()]) / max(red.sum(), 1), pixel[0, 0].numpy(), whole)
            )
        (before, true_before, whole_before), (after, true_after, whole_after) = places
        if whole_before and whole_after:
            compared += 1
            # The drawn disc is a circle in the picture, so that its centroid carries a small constant error.
            assert np.abs((after - true_after) - (before - true_before)).max() < 1.0
    assert compared >= 8


def test_recentring_brings_targets_of_one_side_everywhere():
    """Targets of the image's left alone land in every part of it, and by the same crop for all points of the moment."""
    camera, rng = toy_camera(), np.random.default_rng(0)
    points, _ = camera.unproject_height(np.array([[14.0, 30.0], [22.0, 38.0]]), np.array([0.02, 0.1]))
    change, landed = Recentre(share=1.0, margin=0.1, largest=1000.0), []
    for _ in range(400):
        pixels, _ = change(camera, points, rng).project(points)
        np.testing.assert_allclose(pixels[1] - pixels[0], [8.0, 8.0], atol=1e-6)
        landed.append(pixels)
    u, v = np.array(landed).mean(1).T
    inside = (u > 8) & (u < 72) & (v > 6) & (v < 58)
    counts, _, _ = np.histogram2d(u[inside], v[inside], bins=3, range=[(8, 72), (6, 58)])
    assert counts.min() > 0.5 * counts.mean()
    untouched = sum(Recentre(share=0.5)(camera, points, rng) is camera for _ in range(200))
    assert 70 < untouched < 130
    largest = Recentre(share=1.0, largest=11.2)(camera, points, rng).intrinsics - camera.intrinsics
    assert np.abs(largest[2:] / [80, 64]).max() <= 0.05 + 1e-9


def test_labels_follow_the_augmented_camera():
    samples = toy_samples(12)
    rngs = [np.random.default_rng(i) for i in range(12)]
    grid = VolumeGrid(HeightBins(0.0, 0.4, 16), 32, 40)
    batch = collate(samples, list(range(12)), (160, 128), EVERYTHING, rngs)
    labels = volume_labels(batch.inputs, batch.targets, grid)
    index = labels.index
    points, _ = grid.unproject(index.row, index.column, index.bin, index.offset, batch.inputs.camera)
    assert 0.3 < labels.inside.float().mean() <= 1
    torch.testing.assert_close(points[labels.inside], batch.targets.positions[labels.inside], atol=2e-5, rtol=0)
    assert torch.equal(labels.inside, ~labels.outside)


def test_photometric_changes_keep_size_and_type():
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8)
    out = Photometric()(image, np.random.default_rng(1))
    assert out.shape == image.shape and out.dtype == np.uint8
    assert 3 < np.abs(out.astype(int) - image).mean() < 100


def test_erasing_leaves_most_of_the_picture_alone():
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8)
    shares = []
    for seed in range(60):
        before = image.copy()
        out = Erase(share=0.5, most=2, largest=0.4)(image, np.random.default_rng(seed))
        assert np.array_equal(image, before), "pictures are mapped from a file that others read"
        shares.append(float((out != image).any(-1).mean()))
    assert 0.3 < np.mean(np.array(shares) > 0) < 0.7 and max(shares) <= 2 * 0.4**2 + 0.01
    augmentation = Augmentation(erase=Erase(share=1.0))
    assert (augmentation.image(image, np.random.default_rng(1)) != image).any()


def test_moments_of_a_recorded_set(tmp_path):
    """Targets are the measured poses 0.2 s apart; after the end they are masked; pictures are those of their frames."""
    frames, camera = 30, toy_camera()
    images = np.zeros((frames, 64, 80, 3), np.uint8)
    images[:] = (np.arange(frames) * 8)[:, None, None, None]
    positions = np.stack([np.arange(frames) * 0.01, np.zeros(frames), np.full(frames, 0.2)], 1)
    recorded = RecordedCamera(
        "toy", images, np.tile(camera.intrinsics, (frames, 1)), np.tile(camera.T_world_camera.matrix(), (frames, 1, 1))
    )
    quaternion = np.tile([0.0, 1.0, 0.0, 0.0], (frames, 1))
    command = (np.arange(frames) < 20).astype(float)
    episode = Episode(
        np.arange(frames) / 20, positions, quaternion, np.ones(frames), positions + 1, quaternion, command, (recorded,)
    )
    meta = DemoMeta((CameraSize("toy", 80, 64),), "tip", Pose.identity(), Box((-1, -1, 0), (1, 1, 1)), "toy")
    with DatasetWriter(tmp_path / "set", meta, "plan", 1) as writer:
        stage_episode(episode, writer.staging_folder(0))
    samples = build_samples(DemoDataset.open(tmp_path / "set"), "toy", horizon=3, stride=4)
    starts = np.arange(0, frames - 1, 4)
    assert len(samples) == len(starts)
    np.testing.assert_allclose(samples.ee_position[:, 0], starts * 0.01, atol=1e-6)
    future = starts[:, None] + 4 * np.arange(1, 4)
    np.testing.assert_array_equal(samples.target_valid, future < frames)
    np.testing.assert_allclose(
        samples.target_positions[..., 0][samples.target_valid], (future * 0.01)[future < frames], atol=1e-6
    )
    np.testing.assert_array_equal(samples.target_gripper[samples.target_valid], (future < 20)[future < frames])
    grip = np.where(starts < 20, 20, frames - 1)  # let go at frame 20, then nothing more
    np.testing.assert_allclose(samples.grip_position[:, 0], grip * 0.01, atol=1e-6)
    np.testing.assert_allclose(samples.grip_rotation, samples.ee_rotation, atol=1e-6)
    assert np.abs(samples.images[:, 32, 40].astype(int).mean(1) - starts * 8).max() < 4
    again = build_samples(DemoDataset.open(tmp_path / "set"), "toy", horizon=3, stride=4)
    np.testing.assert_array_equal(samples.images, again.images)


def test_a_mirrored_moment_is_the_picture_left_right_with_camera_and_labels():
    samples = toy_samples(6)
    rows, rngs = list(range(6)), [np.random.default_rng(i) for i in range(6)]
    plain = collate(samples, rows, (160, 128))
    mirrored = collate(samples, rows, (160, 128), Augmentation(mirror=Mirror(share=1.0)), rngs)
    difference = mirrored.inputs.image.flip(-1).float() - plain.inputs.image.float()
    assert difference.abs().mean() < 0.5  # resampling alone
    for b in range(6):
        one, other = (batch.inputs.camera[b : b + 1] for batch in (plain, mirrored))
        u, v = one.project(plain.targets.positions[b : b + 1])[0].unbind(-1)
        seen, _ = other.project(mirrored.targets.positions[b : b + 1])
        torch.testing.assert_close(seen, torch.stack([160 - u, v], -1), atol=1e-2, rtol=0)
        grips = [batch.targets.next_grip.translation[b : b + 1, None] for batch in (plain, mirrored)]
        u, v = one.project(grips[0])[0].unbind(-1)
        torch.testing.assert_close(other.project(grips[1])[0], torch.stack([160 - u, v], -1), atol=1e-2, rtol=0)
    assert torch.equal(mirrored.targets.gripper, plain.targets.gripper)
    assert not torch.equal(mirrored.inputs.T_world_ee.translation, plain.inputs.T_world_ee.translation)
    np.testing.assert_array_equal(samples.target_positions, toy_samples(6).target_positions)  # the table is left alone


def test_about_half_of_the_moments_are_mirrored():
    rngs = [np.random.default_rng(i) for i in range(20)]
    samples = toy_samples(20)
    batch = collate(samples, list(range(20)), (80, 64), Augmentation(mirror=Mirror()), rngs)
    plain = collate(samples, list(range(20)), (80, 64))
    moved = (batch.targets.positions != plain.targets.positions).flatten(1).any(1)
    assert 4 <= int(moved.sum()) <= 16
