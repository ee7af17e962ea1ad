"""Confidence is calibrated on demonstrations that training left out: the fit is right, and it holds on new data."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from para.dataset import BatchStream, Shift
from para.dataset.augment import Augmentation
from para.geometry import Pose
from para.heads import GlobalRegressionConfig, PlattScaling, logit
from para.policy import Policy, PolicyNetwork
from para.training import train
from para.training.confidence import fit_platt, held_out, observe, reliability
from para.types import Box, Observation, RobotState, View
from toy import toy_camera, toy_samples
from training.test_training import QUICK, TINY


def over_confident(temperature: float, n: int = 8000, steps: int = 3):
    """Scores whose logits are `temperature` times the true ones, and what happened; later steps are harder."""
    rng = np.random.default_rng(0)
    true = rng.normal(1.0, 1.2, (n, steps)) - np.arange(steps)
    happened = rng.uniform(size=(n, steps)) < 1 / (1 + np.exp(-true))
    return 1 / (1 + np.exp(-temperature * true)), happened, np.ones((n, steps), bool)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_known_temperature_is_recovered(temperature):
    found = fit_platt(*over_confident(temperature))
    assert 1 / found.slope == pytest.approx(temperature, rel=0.06)
    np.testing.assert_allclose(found.offsets, 0, atol=0.1)


def test_a_step_that_is_wrong_by_itself_gets_its_own_offset():
    scores, happened, counted = over_confident(1.0)
    scores[:, 1] = 1 / (1 + np.exp(-logit(scores[:, 1]) - 1.5))
    np.testing.assert_allclose(fit_platt(scores, happened, counted).offsets, [0, -1.5, 0], atol=0.1)


def test_what_lies_out_of_the_workspace_is_out_of_view():
    """A pointing head has no cell there, and is trained so."""
    table = toy_samples(24)
    whole = Policy(TINY, PolicyNetwork(TINY))
    narrow = replace(TINY, workspace=Box(TINY.workspace.low, (0.0, *TINY.workspace.high[1:])))
    found = observe(Policy(narrow, PolicyNetwork(narrow)), table, np.arange(len(table)))
    beyond = (table.target_positions[..., 0] > 0.0) & table.target_valid
    assert beyond.any() and found.outside[beyond].all()
    assert not observe(whole, table, np.arange(len(table))).outside[table.target_valid].all()


def test_steps_that_do_not_exist_do_not_count():
    scores, happened, counted = over_confident(2.5)
    counted[::2] = False
    found = fit_platt(scores, happened, counted)
    happened[::2] = ~happened[::2]
    assert fit_platt(scores, happened, counted) == found


def test_calibration_brings_the_error_down_and_keeps_the_order():
    scores, happened, counted = over_confident(2.5)
    half = np.arange(len(scores)) % 2 == 0
    found = fit_platt(scores[half], happened[half], counted[half])
    after = found(scores[~half])
    assert reliability(scores[~half].ravel(), happened[~half].ravel()).error > 0.1
    assert reliability(after.ravel(), happened[~half].ravel()).error < 0.02
    for step in range(3):
        assert (np.diff(after[np.argsort(scores[~half, step]), step]) >= 0).all()


def test_scores_that_run_against_the_truth_are_ignored():
    scores, happened, counted = over_confident(1.0)
    found = fit_platt(1 - scores, happened, counted)
    assert found.slope == 0
    np.testing.assert_allclose(found(scores).mean(0), happened.mean(0), atol=0.01)


def test_a_head_that_is_always_sure_gets_the_rate():
    """Regression says 1: what can be said in its place is how often it is right."""
    _, happened, counted = over_confident(1.0)
    found = fit_platt(np.ones(happened.shape), happened, counted)
    np.testing.assert_allclose(found(np.ones((1, 3)))[0], happened.mean(0), atol=0.01)


def test_the_calibration_error_by_hand():
    stated = np.array([0.05, 0.05, 0.95, 0.95])
    found = reliability(stated, np.array([False, False, True, False]))
    assert found.error == pytest.approx((2 * 0.05 + 2 * 0.45) / 4)
    assert [(b.stated, b.happened, b.cases) for b in found.bins] == [(0.05, 0.0, 2), (0.95, 0.5, 2)]


@pytest.mark.parametrize(("demonstrations", "wanted"), [(1, 0), (15, 0), (16, 2), (40, 2), (128, 8)])
def test_how_many_demonstrations_are_held_out(demonstrations, wanted):
    episode = np.repeat(np.arange(demonstrations), 3)
    apart = held_out(episode, 16)
    assert len(np.unique(episode[apart])) == wanted
    assert apart.sum() == 3 * wanted, "whole demonstrations"
    assert not held_out(episode, 0).any()


def test_held_out_moments_are_never_drawn():
    samples = toy_samples(80)
    rows = np.flatnonzero(~held_out(samples.episode, 16))
    stream = BatchStream(samples, Augmentation(), (80, 64), 8, 0, rows=rows)
    seen = torch.cat([stream[step].inputs.T_world_ee.translation for step in range(9)])
    assert len(torch.unique(seen, dim=0)) == 72
    apart = torch.from_numpy(np.delete(samples.ee_position, rows, axis=0))
    assert torch.cdist(seen, apart).min() > 1e-4


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A toy policy, trained until it is right about half of the time."""
    folder = tmp_path_factory.mktemp("trained")
    augmentation = Augmentation((Shift(20.0),))
    config = replace(
        QUICK, augmentation=augmentation, steps=120, batch_size=8, learning_rate=3e-3, holdout_every=4, log_every=50
    )
    train(config, toy_samples(192), folder, quiet=True)
    return Policy.from_pretrained(folder / "policy"), folder


def test_it_holds_on_new_data(trained):
    policy, _ = trained
    test = toy_samples(256, seed=7)
    cases = observe(policy, test, np.arange(len(test)))
    before = reliability(cases.confidence.ravel(), cases.met.ravel())
    after = reliability(policy.calibration.confidence(cases.confidence).ravel(), cases.met.ravel())
    assert 0.1 < cases.met.mean() < 0.95, "or there is nothing to calibrate"
    assert after.error < 0.7 * before.error, (before, after)


def test_what_was_measured_is_in_the_provenance(trained):
    policy, folder = trained
    said = json.loads((folder / "policy/config.json").read_text())["provenance"]["confidence"]
    assert said["radius"] == 0.02 and len(said["episodes"]) == 12 and said["moments"] == 48
    confidence = said["confidence"]
    assert confidence["after"]["error"] < confidence["before"]["error"]
    assert sum(b["cases"] for b in confidence["before"]["bins"]) == 48 * 3
    assert policy.provenance["confidence"] == said


def test_targets_do_not_move(trained, tmp_path):
    """Neither by calibration nor by its loss: a policy saved before there was one still loads."""
    policy, _ = trained
    test = toy_samples(1, seed=3)
    state = RobotState(Pose(test.ee_rotation[0], test.ee_position[0]), 1.0, 0.0)
    observation = Observation((View("toy", np.array(test.images[0]), toy_camera()),), state)
    policy.save_pretrained(tmp_path / "old")
    description = json.loads((tmp_path / "old/config.json").read_text())
    del description["calibration"]
    (tmp_path / "old/config.json").write_text(json.dumps(description))
    old = Policy.from_pretrained(tmp_path / "old")
    assert old.calibration is None and policy.calibration is not None
    now, then = policy.predict(observation), old.predict(observation)
    for name in ("positions", "rotations", "gripper"):
        np.testing.assert_array_equal(getattr(now, name), getattr(then, name))
    np.testing.assert_allclose(now.confidence, policy.calibration.confidence(then.confidence))
    assert np.abs(now.confidence - then.confidence).max() > 0.01


def test_tiny_sets_train_on_everything(tmp_path):
    policy = train(replace(QUICK, steps=1), toy_samples(48), tmp_path, quiet=True)
    assert policy.calibration is None and "confidence" not in policy.provenance


def test_every_head_is_calibrated_and_out_of_view_only_where_it_is_said(tmp_path):
    config = replace(QUICK, policy=replace(TINY, head=GlobalRegressionConfig(width=32)), steps=2)
    policy = train(config, toy_samples(80), tmp_path, quiet=True)
    assert policy.calibration.confidence.slope != 1 and policy.calibration.out_of_view is None
    assert PlattScaling()(np.array([0.3])) == pytest.approx(0.3)
