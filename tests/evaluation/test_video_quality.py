"""Drift finds a displaced gripper, and the verdict follows the better of two bad predictions."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from backbones.tiny_svd import SCRATCH, loaded, save
from demos.synthetic import default_camera, make_episode, meta_for
from para.backbones import edm
from para.dataset import ClipPlan, build_samples, collate
from para.demos import DatasetWriter, DemoDataset, stage_episode
from para.evaluation.video_quality import Clip, compare, cut_clip, foresee, foretold, summarise
from para.geometry import LevelFraming
from para.heads import GlobalRegressionConfig, StepwiseConfig
from para.policy import Policy, PolicyConfig, PolicyNetwork
from para.report.video_pictures import draw_foresight

SIZE = (96, 64)


def scene(place, seed=0):
    """A textured table with a gripper-like mark at (u, v)."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(60, 140, (16, 24, 3), np.uint8), SIZE, interpolation=cv2.INTER_CUBIC)
    u, v = place
    cv2.rectangle(image, (round(u) - 4, round(v) - 7), (round(u) + 4, round(v)), (240, 240, 240), -1)
    cv2.rectangle(image, (round(u) - 2, round(v) - 2), (round(u) + 2, round(v) + 2), (20, 20, 60), -1)
    return image


PLACES = np.array([[20.5, 20.5], [32.5, 26.5], [44.5, 32.5], [52.5, 36.5]])


def clip():
    return Clip(np.stack([scene(p) for p in PLACES]), PLACES, np.ones(4, bool))


def displaced(by):
    return np.stack([scene(PLACES[0]), *(scene(p + by) for p in PLACES[1:])])


def test_a_perfect_prediction_has_no_drift_and_standing_still_has_all_of_it():
    real = clip()
    quality = compare(real, real.frames)
    assert np.all(quality.drift < 0.5) and np.all(quality.psnr > 60)
    moved = np.hypot(*(PLACES[1:] - PLACES[0]).T)
    np.testing.assert_allclose(quality.still_drift, moved, atol=1.5)
    assert np.all(quality.still_psnr < 30)


@pytest.mark.parametrize("by", [(3, -2), (-6, 0), (0, 8)])
def test_drift_is_the_displacement(by):
    quality = compare(clip(), displaced(np.array(by)))
    np.testing.assert_allclose(quality.drift, np.hypot(*by), atol=1.0)


def test_out_of_sight_and_unmoved_do_not_count():
    real = clip()
    hidden = Clip(real.frames, real.pixels, np.array([True, True, False, True]))
    assert np.isnan(compare(hidden, real.frames).drift).tolist() == [False, True, False]
    resting = Clip(np.repeat(real.frames[:1], 4, 0), np.repeat(PLACES[:1], 4, 0), np.ones(4, bool))
    with pytest.raises(ValueError, match="in none of these clips"):
        summarise([compare(resting, resting.frames)])


def test_the_verdict_is_measured_against_standing_still():
    real = clip()
    good, bad = (
        summarise([compare(real, displaced(np.array((2, 1))))]),
        summarise([compare(real, real.frames[[0] * 4])]),
    )
    assert good.enough and "good enough" in good.text()
    assert not bad.enough and "too poor to read actions off it" in bad.text()
    assert "foretells" not in bad.text()
    assert "foretells 31% of" in summarise([compare(real, real.frames)], 0.31).text()
    assert bad.drift == bad.still_drift and good.still_drift == bad.still_drift


@pytest.mark.parametrize("published", [False, True])
def test_a_pass_that_knows_the_clip_foretells_all_and_one_that_repeats_the_picture_nothing(published, tmp_path):
    backbone = replace(loaded(save(tmp_path)) if published else SCRATCH, frames=4)
    config = PolicyConfig(backbone=backbone, head=StepwiseConfig(GlobalRegressionConfig()), horizon=3)
    policy = Policy(config, PolicyNetwork(config))
    video, real = policy.network.backbone, clip()
    happened = video.encode(torch.from_numpy(real.frames).permute(0, 3, 1, 2)[None].float() / 255.0)
    assert happened.std() > 0.01  # something is to be foretold

    def knowing(latents):
        def predict(z, sigma, condition):
            return edm.wanted_output(z, sigma, video.to_diffused(latents, condition)), []

        video.predict = predict
        return foretold(policy, [real, real])

    assert knowing(happened) == pytest.approx(1, abs=1e-3)
    assert knowing(happened[:, :1].expand_as(happened)) == pytest.approx(0, abs=1e-2)
    assert knowing(happened[:, :1] + (happened - happened[:, :1]) / 2) == pytest.approx(0.75, abs=1e-2)
    still = Clip(np.repeat(real.frames[:1], 4, 0), real.pixels, real.seen)
    with pytest.raises(ValueError, match="nothing changes in any of these clips"):
        foretold(policy, [still])


def test_the_picture_and_policies_without_video():
    picture = draw_foresight(clip(), displaced(np.array((3, 0))))
    assert picture.shape == (2 * round(224 * 64 / 96), 4 * 224, 3)
    policy = Policy(PolicyConfig(), PolicyNetwork(PolicyConfig()))
    with pytest.raises(ValueError, match="Lite0Config.* does not predict video"):
        foresee(policy, clip().frames[0], 2)


@pytest.mark.parametrize("framing", [None, LevelFraming((0.0, 0.0, 0.05), 0.8)])
def test_clips_are_judged_as_policies_see_them(tmp_path, framing):
    camera = default_camera(128, 96)
    with DatasetWriter(tmp_path / "set", meta_for(camera), "plan", 1) as writer:
        stage_episode(make_episode(0, 50, camera), writer.staging_folder(0))
    demos = DemoDataset.open(tmp_path / "set")
    table = build_samples(demos, "front", 3, stride=2)
    batch = collate(table, [5], (64, 48), framing=framing, clips=ClipPlan(4, 2))
    found = cut_clip(demos, "front", 0, 10, (64, 48), 4, framing)
    np.testing.assert_array_equal(found.frames, batch.clip.frames[0].permute(0, 2, 3, 1).numpy())
    pixels, _ = batch.inputs.camera.project(batch.targets.positions)
    np.testing.assert_allclose(found.pixels[1:], pixels[0], atol=1e-3)
