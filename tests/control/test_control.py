"""The servo and the executors against an arm that lags, sags and closes slowly."""

from dataclasses import replace

import numpy as np
import pytest

from control.toy_arm import DOWN, Arm, Plans, chunk
from para.control import AgentFailure, ChunkExecutor, ExecutorConfig, OraclePolicy, Servo, ServoConfig, Trajectory
from para.geometry import HeightBins, Pose, VolumeGrid, relative_angle, rotation_from_vector, turn_towards
from para.types import Observation, RobotState, View
from toy import toy_camera


def test_the_servo_removes_the_steady_state_error():
    arm, servo, goal = Arm(), Servo(), np.array([0.1, -0.05, 0.2])
    servo.aim(Pose(DOWN, goal), 1.0)
    while (command := servo.command(arm.state())) is not None:
        arm.step(command)
    assert np.linalg.norm(arm.position - goal) < 0.006
    assert arm.steps < 40


def test_the_set_point_never_jumps():
    arm, servo = Arm(), Servo()
    servo.aim(Pose(rotation_from_vector(np.array([0, 0, 1.5])) @ DOWN, np.array([0.3, 0.2, 0.1])), 1.0)
    last = arm.state().T_world_ee
    while (command := servo.command(arm.state())) is not None:
        now = command.T_world_ee
        assert np.linalg.norm(now.translation - last.translation) <= 0.02 + 1e-9
        assert relative_angle(now.rotation, last.rotation) <= 0.15 + 1e-6
        last = now
        arm.step(command)
    assert relative_angle(arm.rotation, rotation_from_vector(np.array([0, 0, 1.5])) @ DOWN) < 1e-6


def test_an_unreachable_target_times_out():
    arm, servo = Arm(sag=(0.0, 0.0, 0.2)), Servo()
    servo.aim(Pose(DOWN, np.array([0.0, 0.0, 0.2])), 1.0)
    steps = 0
    while (command := servo.command(arm.state())) is not None:
        arm.step(command)
        steps += 1
        assert steps <= 41
    assert np.linalg.norm(arm.position - [0, 0, 0.2]) > 0.05


def test_the_gripper_works_at_the_target_and_is_waited_for():
    arm, executor = Arm(), None
    goal = [0.05, 0.0, 0.25]
    plan = Plans(chunk([goal, goal, [0.05, 0.0, 0.35]], [1, 0, 0]))
    executor = ChunkExecutor(plan, ExecutorConfig(execute=3))
    while plan.asked < 2:
        command = executor.act(arm.state(), arm.observe)
        if command.gripper < 0.5:
            if arm.gripper > 0.9:
                assert np.linalg.norm(arm.position - goal) < 0.008, "it closes where it was told to"
            if command.T_world_ee.translation[2] > 0.29:
                assert arm.gripper < 0.05, "it lifts only when the fingers rest"
        arm.step(command)
        assert arm.steps < 200
    assert abs(arm.position[2] - 0.35) < 0.01


def test_a_plan_to_stay_holds_instead_of_hanging():
    arm = Arm(sag=(0, 0, 0))
    plan = Plans(chunk([arm.position] * 6, [1] * 6))
    executor = ChunkExecutor(plan)
    for _ in range(5):
        command = executor.act(arm.state(), arm.observe)
        np.testing.assert_allclose(command.T_world_ee.translation, arm.position, atol=1e-3)
        arm.step(command)


@pytest.mark.parametrize("mode", ["servo", "realtime"])
def test_a_target_that_is_not_finite_is_the_policys_failure(mode):
    arm = Arm()
    executor = ChunkExecutor(Plans(chunk([[np.nan, 0, 0]] * 6, [1] * 6)), ExecutorConfig(mode=mode))
    with pytest.raises(AgentFailure, match="not finite"):
        executor.act(arm.state(), arm.observe)


@pytest.mark.parametrize("mode", ["servo", "realtime"])
def test_a_hand_that_holds_something_is_not_opened_by_the_start(mode):
    """Only a target opens it: a policy may begin with an object in hand."""
    arm = Arm()
    arm.gripper = 0.3
    plans = Plans(chunk(np.linspace([0, 0, 0.3], [0.1, 0, 0.3], 6), [0, 0, 0, 0, 0, 0]))
    executor = ChunkExecutor(plans, ExecutorConfig(mode, latency=0.3))
    for _ in range(25):
        command = executor.act(arm.state(), arm.observe)
        assert command.gripper == 0.0
        arm.step(command)
    executor.reset()
    arm.gripper = 1.0  # the next episode begins with an open hand
    assert executor.act(arm.state(), arm.observe).gripper == 1.0


def test_a_gripper_that_is_not_finite_is_the_policys_failure():
    plans = Plans(chunk(np.zeros((6, 3)), [1, np.nan, 1, 1, 1, 1]))
    with pytest.raises(AgentFailure, match="not finite"):
        ChunkExecutor(plans).act(Arm().state(), Arm().observe)


def test_realtime_commands_arrive_after_the_latency():
    arm = Arm(sag=(0, 0, 0))
    there = [[0.0, 0.0, 0.3 + 0.02 * (k + 1)] for k in range(6)]
    executor = ChunkExecutor(Plans(chunk(there, [1] * 6)), ExecutorConfig(mode="realtime", latency=0.12, lead=0.0))
    heights = []
    for _ in range(8):
        command = executor.act(arm.state(), arm.observe)
        heights.append(command.T_world_ee.translation[2])
        arm.step(command)
    assert heights[:3] == [0.3, 0.3, 0.3], "three steps of 50 ms cover 120 ms"
    np.testing.assert_allclose(heights[3], 0.3 + 0.02 * 3 / 4, atol=1e-9)


@pytest.mark.parametrize("ensemble", [None, 0.1])
def test_realtime_never_leaps(ensemble):
    """A chunk that begins far from the hand moves the set-point there at a bounded speed."""
    arm = Arm(sag=(0, 0, 0))
    config = ExecutorConfig(mode="realtime", latency=0.0, ensemble=ensemble)
    executor = ChunkExecutor(Plans(chunk([[0.4, 0.2, 0.3]] * 6, [1] * 6)), config)
    before = arm.position
    for _ in range(40):
        command = executor.act(arm.state(), arm.observe)
        assert np.linalg.norm(command.T_world_ee.translation - before) <= config.fastest + 1e-9
        before = command.T_world_ee.translation
        arm.step(command)
    np.testing.assert_allclose(arm.position, [0.4, 0.2, 0.3], atol=1e-3)


def test_realtime_says_when_time_stands_still():
    """It would ask once and give one set-point for ever."""
    executor, arm = ChunkExecutor(Plans(chunk([[0, 0, 0.3]] * 6, [1] * 6)), ExecutorConfig(mode="realtime")), Arm()
    executor.act(arm.state(), arm.observe)
    with pytest.raises(ValueError, match=r"RobotState.time went from 0.0 to 0.0 s"):
        executor.act(arm.state(), arm.observe)
    executor.reset()
    executor.act(arm.state(), arm.observe)


def test_realtime_asks_again_after_the_executed_steps():
    arm = Arm()
    plan = Plans(chunk([[0, 0, 0.3]] * 6, [1] * 6))
    executor = ChunkExecutor(plan, ExecutorConfig(mode="realtime", execute=3, latency=0.01))
    for _ in range(25):
        arm.step(executor.act(arm.state(), arm.observe))
    assert arm.observed == [0, 12, 24]


@pytest.mark.parametrize("ensemble", [None, 0.1])
def test_realtime_makes_one_prediction_at_a_time(ensemble):
    """A policy that takes 1 s cannot be asked every 0.4 s."""
    arm = Arm()
    plan = Plans(chunk([[0, 0, 0.3]] * 6, [1] * 6))
    executor = ChunkExecutor(plan, ExecutorConfig(mode="realtime", execute=2, latency=1.0, ensemble=ensemble))
    for _ in range(61):
        arm.step(executor.act(arm.state(), arm.observe))
    assert arm.observed == [0, 20, 40, 60]


def test_realtime_leads_the_arm_and_not_the_gripper():
    arm = Arm(sag=(0, 0, 0))
    there = [[0.0, 0.0, 0.3 + 0.02 * (k + 1)] for k in range(6)]
    asked = ExecutorConfig(mode="realtime", latency=0.0, lead=0.2, execute=6)
    executor, commands = ChunkExecutor(Plans(chunk(there, [1, 1, 0, 0, 0, 0])), asked), []
    for _ in range(24):
        commands.append(executor.act(arm.state(), arm.observe))
        arm.step(commands[-1])
    closes = next(i for i, command in enumerate(commands) if command.gripper < 0.5)
    assert closes == 3 * 4, "the third step is due after 0.6 s"
    np.testing.assert_allclose(commands[8].T_world_ee.translation[2], 0.3 + 0.02 * 3, atol=1e-9)


class SlowArm(Arm):
    """Never faster than 6 cm a second."""

    def step(self, command):
        before = self.position
        super().step(command)
        way = self.position - before
        self.position = before + way * min(1.0, 0.003 / max(np.linalg.norm(way), 1e-9))


DOWN_TO_GRIP = chunk(
    [[0, 0, 0.3 - 0.02 * min(k + 1, 3)] for k in range(4)] + [[0, 0, 0.3]] * 4, [1, 1, 0, 0, 0, 0, 0, 0]
)
"""Down by 6 cm in 0.6 s, there the gripper closes, and soon up again."""


def gripping(arm, **asked):
    """Each step: distance to where the gripper is to work, how far above there the set-point is [m], whether it closes."""
    config = ExecutorConfig(mode="realtime", latency=0.0, lead=0.4, execute=8, **asked)
    executor, rows = ChunkExecutor(Plans(DOWN_TO_GRIP), config), []
    for _ in range(32):
        command = executor.act(arm.state(), arm.observe)
        goal = command.T_world_ee.translation[2] - 0.24
        rows.append((abs(arm.position[2] - 0.24), goal, command.gripper < 0.5))
        arm.step(command)
    return rows


def test_realtime_works_the_gripper_where_it_is_to_work():
    rows = gripping(SlowArm(sag=(0, 0, 0)), grip_within=0.01)
    first = next(i for i, row in enumerate(rows) if row[2])
    assert first > 12, "by the clock it would close after 0.6 s"
    assert rows[first][0] <= 0.01 < rows[first - 1][0]
    reached = [goal for _, goal, closed in rows[8:] if not closed]
    assert max(reached) < 0.021, "the arm is not led up again before the gripper has closed"
    prompt = gripping(Arm(sag=(0, 0, 0)), grip_within=0.01)
    assert next(i for i, row in enumerate(prompt) if row[2]) == 12, "an arm that is there keeps to the clock"


def test_realtime_learns_how_the_arm_sags():
    """A set-point that only repeats the target leaves an arm that sags by 2 cm 2 cm short of it."""
    arm = Arm(sag=(0.01, 0.0, -0.02))
    executor = ChunkExecutor(Plans(chunk([[0, 0, 0.3]] * 6, [1] * 6)), ExecutorConfig(mode="realtime", latency=0.0))
    for _ in range(60):
        arm.step(executor.act(arm.state(), arm.observe))
    np.testing.assert_allclose(arm.position, [0, 0, 0.3], atol=0.002)
    executor.reset()
    still = executor.act(arm.state(), arm.observe).T_world_ee.translation
    np.testing.assert_allclose(still, arm.position, atol=1e-6)  # what was learned of one episode's place is forgotten


@pytest.mark.parametrize("patience", [0.0, 0.3])
def test_realtime_does_not_wait_for_an_arm_that_never_comes(patience):
    rows = gripping(SlowArm(sag=(0, 0, 0)), grip_within=0.0, grip_patience=patience)
    assert next(i for i, row in enumerate(rows) if row[2]) == 12 + round(patience * 20)


def test_realtime_gives_up_waiting_for_a_hand_that_stands_still_although_it_asks_again():
    """Pressed against the table, the hand never arrives; every new chunk would wait anew and the gripper never close."""
    arm = Arm(sag=(0, 0, -0.03))
    plan = chunk([arm.position] * 6, [1, 1, 0, 0, 0, 0])
    servo = ServoConfig(largest_correction=0.0)
    executor = ChunkExecutor(Plans(plan), ExecutorConfig(mode="realtime", latency=0.05, servo=servo, grip_patience=0.6))
    closed = []
    for _ in range(80):
        command = executor.act(arm.state(), arm.observe)
        closed.append(command.gripper < 0.5)
        arm.step(command)
    assert executor.queries > 2 and any(closed) and not any(closed[:20])


def test_realtime_turns_at_a_bounded_rate():
    arm = Arm(sag=(0, 0, 0))
    turned = DOWN @ rotation_from_vector(np.array([0.0, 0.0, 1.5]))
    plan = replace(chunk([arm.position] * 6, [1] * 6), rotations=np.repeat(turned[None], 6, 0))
    executor = ChunkExecutor(Plans(plan), ExecutorConfig(mode="realtime", latency=0.05))
    before, turns = arm.rotation, []
    for _ in range(30):
        command = executor.act(arm.state(), arm.observe)
        turns.append(float(relative_angle(before, command.T_world_ee.rotation)))
        before = command.T_world_ee.rotation
        arm.step(command)
    assert max(turns) <= executor.config.servo.turn + 1e-6
    np.testing.assert_allclose(before, turned, atol=1e-6)


def test_realtime_goes_behind_a_jump_no_faster_than_the_stride():
    arm = Arm(sag=(0, 0, 0))
    here = arm.position.copy()
    habit = [here + [-0.02 * (k + 1), 0, 0] for k in range(3)]
    there = [here + [0.4 + 0.02 * k, 0, 0] for k in range(3)]
    asked = ExecutorConfig(mode="realtime", stride=0.1, latency=0.0, lead=0.0, execute=6)
    executor, commands = ChunkExecutor(Plans(chunk(habit + there, [1] * 6)), asked), []
    for _ in range(25):
        command = executor.act(arm.state(), arm.observe)
        commands.append(command.T_world_ee.translation[0] - here[0])
        arm.step(command)
    speeds = np.diff(commands[1:])
    assert (speeds >= -1e-9).all(), "what goes on by habit is left out"
    assert speeds.max() <= 0.1 / 4 + 1e-9, "a step of 0.2 s is four commands"
    np.testing.assert_allclose(commands[16], 0.4, atol=1e-9)
    np.testing.assert_allclose(commands[24], 0.44, atol=1e-9)


def test_the_oracle_returns_the_future_within_half_a_cell():
    frames = 80
    positions = np.stack([np.linspace(-0.1, 0.1, frames), np.zeros(frames), np.full(frames, 0.1)], 1)
    grid = VolumeGrid(HeightBins(0.0, 0.4, 32), 56, 56)
    trajectory = Trajectory(positions, np.repeat(DOWN[None], frames, 0), np.ones(frames))
    oracle = OraclePolicy(trajectory, grid, lambda camera: camera.resize(224, 224), "toy")
    state = RobotState(Pose(DOWN, positions[10] + [0, 0.002, 0]), 1.0, 0.5)
    observation = Observation((View("toy", np.zeros((64, 80, 3), np.uint8), toy_camera()),), state)
    predicted = oracle.predict(observation)
    error = np.linalg.norm(predicted.positions - positions[10 + 4 * np.arange(1, 7)], axis=1)
    assert 0 < error.max() < 0.03


def test_the_oracle_points_with_the_true_camera_and_is_led_astray_by_the_reported_one():
    positions = np.stack([np.linspace(-0.1, 0.1, 80), np.zeros(80), np.full(80, 0.1)], 1)
    trajectory = Trajectory(positions, np.repeat(DOWN[None], 80, 0), np.ones(80))
    true = toy_camera()
    turn = Pose(rotation_from_vector(np.deg2rad([0.0, 2.0, 0.0])), np.zeros(3))
    reported = replace(true, T_world_camera=true.T_world_camera @ turn)
    grid = VolumeGrid(HeightBins(0.0, 0.4, 32), 56, 56)
    oracle = OraclePolicy(
        trajectory, grid, lambda camera: camera.resize(80, 64), "toy", sub_cell=True, true_camera=true
    )
    state = RobotState(Pose(DOWN, positions[10]), 1.0, 0.5)
    predicted = oracle.predict(Observation((View("toy", np.zeros((64, 80, 3), np.uint8), reported),), state))
    wanted = positions[10 + 4 * np.arange(1, 7)]
    np.testing.assert_allclose(reported.project(predicted.positions)[0], true.project(wanted)[0], atol=1e-6)
    assert np.linalg.norm(predicted.positions - wanted, axis=1).min() > 0.02  # 2 deg from more than a metre away


def test_turn_towards_stops_at_the_target():
    goal = rotation_from_vector(np.array([0.3, -0.2, 0.9]))
    here, turns = np.eye(3), 0
    while relative_angle(here, goal) > 1e-9:
        here = turn_towards(here, goal, 0.1)
        turns += 1
    assert turns == 10
