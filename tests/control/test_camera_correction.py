"""A wrong camera is found from where the hand is seen: exact sightings mend it, nothing seen changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from para.control import CameraCorrection, CorrectedPolicy, CorrectionConfig, ExecutorConfig
from para.geometry import Pose, rotation_from_vector
from para.heads import LocatorConfig
from para.policy import Execution, Policy, PolicyConfig, PolicyNetwork
from para.types import Observation, RobotState, View
from toy import WORKSPACE, toy_camera

TRUE = toy_camera()
WAY = np.array(
    [[0.0, 0.0, 0.3], [0.1, -0.1, 0.15], [0.1, -0.15, 0.03], [0.05, -0.1, 0.25], [-0.1, 0.1, 0.25], [-0.15, 0.2, 0.05]]
)
"""Where the hand comes by [m]."""


def wrong(rotation_deg, translation_cm):
    """The true camera, reported turned about its centre and moved, both along its own axes."""
    error = Pose(rotation_from_vector(np.radians(np.array(rotation_deg))), 0.01 * np.array(translation_cm))
    return replace(TRUE, T_world_camera=TRUE.T_world_camera @ error)


def seen_from(true, reported, points):
    """World directions in which the reported camera believes to see points that the true camera saw."""
    pixels, _ = true.project(points)
    return reported.rays(pixels)


def off(camera, points):
    """Largest distance at the points between them and their ray in `camera` [m]."""
    rays = camera.rays(TRUE.project(points)[0])
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    away = points - camera.T_world_camera.translation
    return float(np.linalg.norm(away - (away * rays).sum(1, keepdims=True) * rays, axis=1).max())


TABLE = np.array([[x, y, z] for x in (-0.2, 0.15) for y in (-0.2, 0.2) for z in (0.0, 0.2)])
unit = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.2)


@given(unit, unit, st.floats(0.3, 1.5))
def test_a_way_across_the_table_mends_a_wrong_camera(axis, direction, level):
    a, d = (level * np.array(v) / np.linalg.norm(v) for v in (axis, direction))
    reported, correction = wrong(a, d), CameraCorrection()
    for point, ray in zip(WAY, seen_from(TRUE, reported, WAY)):
        correction.see(reported, point, ray)
    before, after = off(reported, TABLE), off(correction.correct(reported), TABLE)
    assert after < max(0.4 * before, 0.004)


@given(st.floats(0.1, 10.0))
def test_the_length_of_a_direction_does_not_matter(length):
    reported = wrong((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    found = []
    for scale in (1.0, length):
        correction = CameraCorrection()
        correction.see(reported, WAY[0], scale * seen_from(TRUE, reported, WAY[:1])[0])
        found.append(correction.T_reported_true.matrix())
    np.testing.assert_allclose(*found, atol=1e-9)


def test_nothing_seen_and_a_true_camera_change_nothing():
    correction = CameraCorrection()
    np.testing.assert_array_equal(correction.correct(TRUE).T_world_camera.matrix(), TRUE.T_world_camera.matrix())
    for point, ray in zip(WAY, seen_from(TRUE, TRUE, WAY)):
        correction.see(TRUE, point, ray)
    assert off(correction.correct(TRUE), TABLE) < 1e-6
    correction.see(wrong((2.0, 0, 0), (0, 0, 0)), WAY[0], seen_from(TRUE, wrong((2.0, 0, 0), (0, 0, 0)), WAY[:1])[0])
    correction.reset()
    np.testing.assert_array_equal(correction.T_reported_true.matrix(), np.eye(4)[:3])


def test_one_false_sighting_does_not_mislead():
    reported, correction = wrong((0.5, 0.5, 0.0), (0.3, 0.0, 0.0)), CameraCorrection()
    rays = seen_from(TRUE, reported, WAY)
    rays[3] = reported.rays(TRUE.project(WAY[3:4])[0] + [25.0, -18.0])[0]  # a third of the picture away
    for point, ray in zip(WAY, rays):
        correction.see(reported, point, ray)
    assert off(correction.correct(reported), TABLE) < 0.5 * off(reported, TABLE)


def test_looking_again_at_one_place_counts_once():
    reported, correction = wrong((1.0, 0.5, 0.0), (0.5, 0.0, 0.0)), CameraCorrection()
    ray = seen_from(TRUE, reported, WAY[:1])[0]
    correction.see(reported, WAY[0], ray)
    once = correction.T_reported_true.matrix()
    for _ in range(5):
        correction.see(reported, WAY[0] + 0.001, ray)
    assert np.abs(correction.T_reported_true.matrix() - once).max() < 2e-3


class Sees(Policy):
    """A locator whose heatmap is where the true camera sees the hand."""

    confidence = 1.0

    def outputs(self, observation):
        inputs = self.model_input(observation)
        pixel = TRUE.project(observation.state.T_world_ee.translation[None])[0]
        seen = torch.tensor(pixel, dtype=torch.float32), torch.tensor([self.confidence])
        self.network.head.locate = lambda *_: seen
        return None, inputs


class Tells:
    """A policy that tells through which camera it looks."""

    def __init__(self):
        self.config, self.camera = PolicyConfig(camera="toy"), None

    def predict(self, observation):
        self.camera = observation.view("toy").camera


def locator(kind=Sees):
    head = LocatorConfig(widths=(16, 16, 16))
    config = PolicyConfig(head=head, image_size=(80, 64), horizon=1, camera="toy", workspace=WORKSPACE)
    return kind(config, PolicyNetwork(config))


def observation(camera, point):
    state = RobotState(Pose(np.diag([1.0, -1, -1]), point), 1.0, 0.0)
    return Observation((View("toy", np.zeros((64, 80, 3), np.uint8), camera),), state)


def test_a_policy_looks_through_the_corrected_camera_until_the_next_episode():
    reported, tells = wrong((1.0, -0.5, 0.3), (0.5, 0.5, -0.5)), Tells()
    policy = CorrectedPolicy(tells, locator(), CorrectionConfig())
    for point in WAY:
        policy.predict(observation(reported, point))
    assert off(tells.camera, TABLE) < 0.3 * off(reported, TABLE)
    policy.reset()
    assert np.array_equal(policy.correction.T_reported_true.matrix(), np.eye(4)[:3])


@pytest.mark.parametrize("least", [0.3, 0.6])
def test_a_locator_that_is_unsure_moves_no_camera(least):
    """Neither before anything is known nor once a correction stands: the gate is the configuration's."""
    reported, tells, sees = wrong((1.0, -0.5, 0.3), (0.5, 0.5, -0.5)), Tells(), locator()
    policy = CorrectedPolicy(tells, sees, CorrectionConfig(least_confidence=least))
    shown = []
    for confidence in (least - 0.01, least + 0.01, least - 0.01):
        sees.confidence = confidence
        policy.predict(observation(reported, WAY[len(shown)]))
        shown.append(tells.camera.T_world_camera.matrix())
    np.testing.assert_array_equal(shown[0], reported.T_world_camera.matrix())
    assert np.abs(shown[1] - shown[0]).max() > 1e-3
    np.testing.assert_array_equal(shown[2], shown[1])


@pytest.mark.parametrize("sure", [False, True])
def test_the_gate_goes_by_what_the_network_says(sure):
    """A heatmap that is about the same everywhere, as an untrained one is, and one with a single peak."""
    reported, tells, network = wrong((1.0, -0.5, 0.3), (0.5, 0.5, -0.5)), Tells(), locator(Policy)
    if sure:
        with torch.no_grad():
            network.network.head.score.weight.mul_(1e6)
    policy = CorrectedPolicy(tells, network)
    seen = observation(reported, WAY[0])
    picture = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
    policy.predict(replace(seen, views=(replace(seen.views[0], image=picture),)))
    moved = np.abs(tells.camera.T_world_camera.matrix() - reported.T_world_camera.matrix()).max()
    assert moved > 1e-4 if sure else moved == 0.0


def test_a_corrected_policy_is_carried_out_as_the_policy_is():
    tells = Tells()
    tells.config = replace(tells.config, execution=Execution(execute=2, slack=0.03, stride=0.2))
    for mode in ("servo", "realtime"):
        assert ExecutorConfig.of(CorrectedPolicy(tells, locator()), mode) == ExecutorConfig(mode, 2, None, 0.03, 0.2)


def test_what_is_no_locator_is_refused():
    config = PolicyConfig(camera="toy")
    with pytest.raises(ValueError, match="takes a locator; this is a VolumeHeadConfig"):
        CorrectedPolicy(Tells(), Policy(config, PolicyNetwork(config)))
    elsewhere = Tells()
    elsewhere.config = PolicyConfig(camera="wrist")
    with pytest.raises(ValueError, match="looks through 'wrist', the locator through 'toy'"):
        CorrectedPolicy(elsewhere, locator())
    flange = Tells()
    flange.config = replace(flange.config, ee_frame="flange")
    with pytest.raises(ValueError, match="moves the frame 'flange', the locator finds 'grip_site'"):
        CorrectedPolicy(flange, locator())
