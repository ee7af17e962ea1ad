"""Temporal ensembling: a steady policy is left alone, the right steps are averaged, the oldest chunk counts most."""

from dataclasses import replace

import numpy as np
import pytest

from control.test_control import DOWN, Arm, Plans, chunk
from para.backbones import Lite0Config
from para.control import ChunkExecutor, ExecutorConfig
from para.control.ensemble import average
from para.geometry import Pose, relative_angle, rotation_from_vector
from para.heads import GlobalRegressionConfig
from para.policy import Execution, Policy, PolicyConfig, PolicyNetwork
from para.types import RobotState


class AtOnce:
    """An arm that is where it was told to be; counts the targets that the servo was given."""

    def __init__(self, executor):
        self.state = RobotState(Pose(DOWN, np.zeros(3)), 1.0, 0.0)
        self.executor, self.targets = executor, []
        aim = executor.servo.aim
        executor.servo.aim = lambda pose, gripper: (self.targets.append((pose, gripper)), aim(pose, gripper))

    def run(self, count):
        while len(self.targets) < count:
            command = self.executor.act(self.state, lambda: None)
            self.state = RobotState(command.T_world_ee, command.gripper, self.state.time + 0.05)
        return np.array([pose.translation for pose, _ in self.targets[:count]])


def test_a_constant_policy_gives_the_same_commands():
    arms = []
    for ensemble in (None, 0.01):
        plan = Plans(chunk([[0.1, -0.05, 0.2]] * 6, [1] * 6))
        arm, executor = Arm(), ChunkExecutor(plan, ExecutorConfig(ensemble=ensemble))
        commands = []
        for _ in range(30):
            command = executor.act(arm.state(), arm.observe)
            commands.append([*command.T_world_ee.translation, *command.T_world_ee.rotation.ravel(), command.gripper])
            arm.step(command)
        arms.append(commands)
    np.testing.assert_allclose(arms[0], arms[1], atol=1e-12)


def test_the_right_steps_of_the_right_chunks_are_averaged():
    """Query q says 100 q + k of its step k (in mm): target n then is the weighted mean of 100 q + n - q over q."""
    length, decay, count = 4, 0.3, 7
    chunks = [chunk([[0.1 * q + 0.001 * k, 0, 0] for k in range(length)], [1] * length) for q in range(count)]
    plan = Plans(*chunks)
    executor = ChunkExecutor(plan, ExecutorConfig(ensemble=decay))
    targets = AtOnce(executor).run(count)
    assert plan.asked == count, "one query for each target"
    for n in range(count):
        queries = range(max(0, n - length + 1), n + 1)
        weights = np.exp(-decay * np.arange(len(queries)))
        wanted = np.average([0.1 * q + 0.001 * (n - q) for q in queries], weights=weights)
        assert targets[n, 0] == pytest.approx(wanted, abs=1e-12)


def test_a_reset_forgets_the_last_episodes_chunks():
    plan = Plans(chunk([[0.1, 0, 0]] * 4, [1] * 4), chunk([[-0.1, 0, 0]] * 4, [1] * 4))
    executor = ChunkExecutor(plan, ExecutorConfig(ensemble=0.0))
    AtOnce(executor).run(1)
    executor.reset()
    np.testing.assert_allclose(AtOnce(executor).run(1), [[-0.1, 0, 0]], atol=1e-12)


def test_the_mean_of_rotations_is_a_rotation_between_them():
    turns = [rotation_from_vector(np.array([0.0, 0.0, a])) @ DOWN for a in (0.2, 0.6)]
    pose, gripper = average([(Pose(turns[0], np.zeros(3)), 1.0), (Pose(turns[1], np.ones(3)), 0.0)], 0.0)
    np.testing.assert_allclose(pose.rotation, rotation_from_vector(np.array([0.0, 0.0, 0.4])) @ DOWN, atol=1e-12)
    np.testing.assert_allclose(pose.translation, [0.5] * 3)
    assert gripper == 0.5
    older, _ = average([(Pose(turns[0], np.zeros(3)), 1.0), (Pose(turns[1], np.ones(3)), 0.0)], 0.5)
    assert relative_angle(older.rotation, turns[0]) < relative_angle(older.rotation, turns[1])
    assert (older.translation < 0.5).all(), "the oldest has the largest weight"


def test_realtime_averages_what_the_chunks_say_of_the_same_time():
    """Chunks that agree on where to be when: averaging changes nothing, and every step is asked for."""
    found = []
    for ensemble in (None, 0.1):
        arm, plan = Arm(), None

        class Timed:
            asked = 0

            def predict(self, observation):
                self.asked += 1
                times = observation.state.time + 0.2 * np.arange(1, 9)
                return chunk([[0.1 * t, 0, 0.3] for t in times], [1] * 8)

        plan = Timed()
        executor = ChunkExecutor(
            plan, ExecutorConfig(mode="realtime", execute=4, ensemble=ensemble, latency=0.04, lead=0.3)
        )
        positions = []
        for _ in range(60):
            command = executor.act(arm.state(), arm.observe)
            positions.append(command.T_world_ee.translation)
            arm.step(command)
        found.append((np.array(positions), plan.asked))
    np.testing.assert_allclose(found[1][0][2:], found[0][0][2:], atol=1e-9)
    assert found[0][1] == 4 and found[1][1] == 15


def test_a_policy_carries_how_it_is_executed(tmp_path):
    config = PolicyConfig(
        Lite0Config(stages=(1,), pretrained=False, frozen_stages=0),
        GlobalRegressionConfig(width=16),
        (80, 64),
        3,
        "toy",
    )
    config = replace(config, execution=Execution(execute=2, ensemble=0.01, slack=0.03))
    policy = Policy(config, PolicyNetwork(config))
    loaded = Policy.from_pretrained(policy.save_pretrained(tmp_path / "p"))
    assert loaded.config.execution == Execution(2, 0.01, 0.03)
    assert ChunkExecutor(loaded).config == ExecutorConfig("servo", 2, 0.01, 0.03)
    assert ExecutorConfig.of(loaded, "realtime") == ExecutorConfig("realtime", 2, 0.01, 0.03)
    assert ExecutorConfig.of(Plans()) == ExecutorConfig()
