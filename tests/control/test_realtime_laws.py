"""Laws of realtime execution: a prediction is late by what it took, and turns go the shortest way, no faster than allowed."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.toy_arm import DOWN, Arm, Plans, chunk
from para.control import ChunkExecutor, ExecutorConfig, ServoConfig
from para.geometry import relative_angle, rotation_from_vector
from para.types import CONTROL_HZ

AWAY = chunk([[0.0, 0.0, 0.3 + 0.01 * (k + 1)] for k in range(40)], [1] * 40)
"""Each step is another place than the start."""


class Takes(Plans):
    """A policy that needs so long for a prediction [s]."""

    def __init__(self, seconds):
        super().__init__(AWAY)
        self.seconds = seconds

    def predict(self, observation):
        time.sleep(self.seconds)
        return super().predict(observation)


def arrival(policy, **asked):
    """Control steps until the first command that is not to stay, and how long the call that asked took [s]."""
    arm = Arm(sag=(0, 0, 0))
    executor = ChunkExecutor(policy, ExecutorConfig(mode="realtime", lead=0.0, execute=40, **asked))
    began = time.perf_counter()
    command = executor.act(arm.state(), arm.observe)
    took, start = time.perf_counter() - began, arm.state().T_world_ee.translation
    while np.array_equal(command.T_world_ee.translation, start):
        arm.step(command)
        command = executor.act(arm.state(), arm.observe)
    return arm.steps, took


@pytest.mark.parametrize("ensemble", [None, 0.1])
@pytest.mark.parametrize("seconds", [0.0, 0.12, 0.32])
def test_a_prediction_is_late_by_the_control_steps_that_it_took(seconds, ensemble):
    """Measured from outside: no fewer than the policy slept, no more than the whole call took, and one at least."""
    steps, took = arrival(Takes(seconds), ensemble=ensemble)
    assert max(1, math.ceil(seconds * CONTROL_HZ)) <= steps <= max(1, math.ceil(took * CONTROL_HZ))


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2))
def test_a_slower_policy_is_never_heard_earlier(latencies):
    fast, slow = (arrival(Plans(AWAY), latency=latency)[0] for latency in sorted(latencies))
    assert 1 <= fast <= slow
    for steps, latency in zip((fast, slow), sorted(latencies)):
        assert steps == max(1, math.ceil(latency * CONTROL_HZ))


def test_the_latency_that_is_told_counts_instead_of_the_one_that_is_measured():
    assert arrival(Takes(0.12), latency=0.0)[0] == 1


unit = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.2)


def commanded(rotations, turn, lead, steps=40):
    """The rotations commanded while an arm that starts at `DOWN` is to turn like this; it is planned once."""
    arm = Arm(sag=(0, 0, 0))
    plan = replace(chunk([arm.position] * len(rotations), [1] * len(rotations)), rotations=np.array(rotations))
    asked = ExecutorConfig("realtime", 100, latency=0.0, lead=lead, servo=ServoConfig(turn=turn))
    executor, found = ChunkExecutor(Plans(plan), asked), [arm.rotation]
    for _ in range(steps):
        command = executor.act(arm.state(), arm.observe)
        found.append(command.T_world_ee.rotation)
        arm.step(command)
    return found


@settings(max_examples=25)
@given(unit, st.lists(st.floats(0.0, 0.6), min_size=4, max_size=4), st.floats(0.05, 0.3), st.sampled_from([0.0, 0.2]))
def test_turns_go_the_shortest_way_and_no_faster_than_allowed(axis, turns, turn, lead):
    """A plan that turns about one axis, by other angles from step to step: every command lies on the geodesic from the start to
    its end, each farther than the one before by no more than `ServoConfig.turn`, and the end is reached."""
    axis = np.array(axis) / np.linalg.norm(axis)
    rotations = [DOWN @ rotation_from_vector(axis * angle) for angle in np.cumsum(turns)]
    found, whole = commanded(rotations, turn, lead, steps=math.ceil(2.4 / turn) + 20), float(np.sum(turns))
    before = 0.0
    for rotation in found:
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
        gone, left = (float(relative_angle(rotation, end)) for end in (DOWN, rotations[-1]))
        assert gone + left == pytest.approx(whole, abs=1e-6)
        assert before - 1e-6 <= gone <= before + turn + 1e-6
        before = gone
    assert before == pytest.approx(whole, abs=1e-6)


@settings(max_examples=25)
@given(st.lists(unit, min_size=3, max_size=3), st.floats(0.05, 0.3))
def test_no_command_turns_by_more_than_allowed_whatever_is_planned(vectors, turn):
    found = commanded([DOWN @ rotation_from_vector(2.5 * np.array(v)) for v in vectors], turn, 0.2)
    assert max(float(relative_angle(a, b)) for a, b in zip(found, found[1:])) <= turn + 1e-6
