"""Which step of a chunk to begin with."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from control.toy_arm import Arm, Plans, chunk
from para.control import ChunkExecutor, ExecutorConfig
from para.control.alignment import first_ahead, last_plan
from para.geometry import rotation_from_vector

METRES = st.floats(-0.5, 0.5, width=32)
PATHS = arrays(float, (6, 3), elements=METRES)
HERE = arrays(float, 3, elements=METRES)
GRIPS = arrays(float, 6, elements=st.sampled_from([0.0, 1.0]))


def test_a_path_that_begins_behind_the_hand_is_joined_where_the_hand_is():
    path = np.array([[0.0, 0, 0.1 * k] for k in range(6)])
    assert first_ahead(path, np.ones(6), np.array([0.0, 0.01, 0.2]), 1.0, 0.015) == (3, 1)


def test_waiting_at_one_place_is_over_when_the_hand_is_there():
    path = np.array([[0.0, 0, 0.1], [0.01, 0, 0.1], [0.0, 0.005, 0.1], [0.0, 0, 0.0], [0.0, 0, 0.0], [0.0, 0, 0.0]])
    assert first_ahead(path, np.ones(6), np.array([0.0, 0, 0.1]), 1.0, 0.015) == (3, 3)


def test_a_path_elsewhere_is_begun_at_its_start():
    path = np.array([[0.5, 0, 0.1 * k] for k in range(6)])
    assert first_ahead(path, np.ones(6), np.zeros(3), 1.0, 0.015) == (0, 0)


def test_down_and_up_again_is_two_ways_when_the_gripper_works_between():
    heights, grips = [0.2, 0.1, 0.0, 0.0, 0.1, 0.2], np.array([1, 1, 1, 0, 0, 0.0])
    path = np.array([[0.0, 0, z] for z in heights])
    here = np.array([0.0, 0, 0.1])
    assert first_ahead(path, grips, here, 1.0, 0.015) == (2, 1), "not the step that lifts"


def test_a_path_that_leaves_and_comes_back_is_not_cut_short():
    heights = [0.17, 0.2, 0.2, 0.2, 0.1, 0.11]
    path = np.array([[0.0, 0, z] for z in heights])
    assert first_ahead(path, np.ones(6), np.array([0.0, 0, 0.1]), 1.0, 0.015) == (0, 0)


@given(PATHS, GRIPS, HERE, st.sampled_from([0.0, 1.0]), st.floats(0.001, 0.05))
def test_a_step_that_works_the_gripper_is_never_left_out(path, grips, here, opening, slack):
    first, standing = first_ahead(path, grips, here, opening, slack)
    assert 0 <= standing <= first <= 3
    assert (grips[:first] == opening).all()


@given(PATHS, GRIPS, HERE, HERE, HERE, st.floats(0.001, 0.05))
def test_the_choice_does_not_depend_on_the_world_frame(path, grips, here, turn, shift, slack):
    rotation = rotation_from_vector(turn * 10)
    distance = np.linalg.norm(path - here, axis=1)
    margins = np.concatenate([distance - 2 * slack, (distance[:, None] - distance - slack).ravel()])
    assume(np.abs(margins).min() > 1e-6)  # else rounding decides
    moved = first_ahead(path @ rotation.T + shift, grips, rotation @ here + shift, 1.0, slack)
    assert moved == first_ahead(path, grips, here, 1.0, slack)


def test_a_late_policy_does_not_send_the_arm_back():
    path = [[0.0, 0.0, 0.1], [0.0, 0.0, 0.2], [0.0, 0.0, 0.3], [0.0, 0.0, 0.35], [0.0, 0.0, 0.4], [0.0, 0.0, 0.45]]
    for slack, back, end in ((0.015, False, 0.45), (0.0, True, 0.35)):
        arm, plan = Arm(sag=(0, 0, 0)), Plans(chunk(path, [1] * 6))
        executor, heights = ChunkExecutor(plan, ExecutorConfig(slack=slack)), []
        while plan.asked < 2:
            arm.step(executor.act(arm.state(), arm.observe))
            heights.append(arm.position[2])
        assert (min(heights) < 0.29) == back
        assert abs(arm.position[2] - end) < 0.02


def test_a_plan_to_stay_for_a_while_takes_its_time():
    """Four steps of 0.2 s here, then down: the arm stays for 12 control steps before it goes on with the fourth."""
    arm, plan = Arm(sag=(0, 0, 0)), Plans(chunk([[0.0, 0, 0.3]] * 4 + [[0.0, 0, 0.2]] * 2, [1] * 6))
    executor, heights = ChunkExecutor(plan, ExecutorConfig(slack=0.015)), []
    for _ in range(40):
        arm.step(executor.act(arm.state(), arm.observe))
        heights.append(arm.position[2])
    assert min(heights[:12]) > 0.299 and heights[16] < 0.29


def test_the_plan_behind_the_last_jump_is_taken():
    habit, seen = [[0.0, -0.05 * k, 0.3] for k in range(3)], [[0.0, 0.3 + 0.05 * k, 0.3] for k in range(3)]
    assert last_plan(np.array(habit + seen), np.ones(6), 1.0, 0.13) == 3
    assert last_plan(np.array(habit + seen), np.ones(6), 1.0, 0.5) == 0
    stray = [*habit, [0.5, 0.0, 0.3], *seen[:2]]
    assert last_plan(np.array(stray), np.ones(6), 1.0, 0.13) == 4


@given(PATHS, GRIPS, st.sampled_from([0.0, 1.0]), st.floats(0.01, 0.5))
def test_what_is_begun_with_is_one_plan_and_leaves_no_gripping_out(path, grips, opening, stride):
    begin = last_plan(path, grips, opening, stride)
    assert (grips[:begin] == opening).all()
    until = begin + int(np.argmax(np.append(grips[begin:] != opening, True))) + 1
    assert (np.linalg.norm(np.diff(path[begin:until], axis=0), axis=1) <= stride).all()


@given(PATHS, GRIPS, HERE, HERE, st.floats(0.01, 0.5))
def test_plans_do_not_depend_on_the_world_frame(path, grips, turn, shift, stride):
    rotation = rotation_from_vector(turn * 10)
    assume(np.abs(np.linalg.norm(np.diff(path, axis=0), axis=1) - stride).min() > 1e-6)  # else rounding decides
    assert last_plan(path @ rotation.T + shift, grips, 1.0, stride) == last_plan(path, grips, 1.0, stride)


def test_a_chunk_of_two_plans_is_carried_out_from_the_second():
    path = [[0.0, -0.05, 0.3], [0.0, -0.1, 0.3], [0.0, 0.2, 0.3], [0.0, 0.25, 0.3], [0.0, 0.3, 0.3], [0.0, 0.35, 0.3]]
    for stride, lowest in ((0.13, -0.01), (0.0, -0.08)):
        arm, plan, ways = Arm(sag=(0, 0, 0)), Plans(chunk(path, [1] * 6)), []
        executor = ChunkExecutor(plan, ExecutorConfig(stride=stride))
        while plan.asked < 2:
            arm.step(executor.act(arm.state(), arm.observe))
            ways.append(arm.position[1])
        assert (min(ways) > lowest) == (stride > 0)
        assert ways[-1] > 0.2
