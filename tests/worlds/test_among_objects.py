"""The expert among other objects: which rim it takes, what it measures, and that it does it."""

import numpy as np
import pytest

pytest.importorskip("libero")

from para.worlds.libero.among_objects import ANGLES, ENOUGH, Grip, choose_grip, highest_between
from para.worlds.libero.layout import OfficialEpisode
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.official import official_layout
from para.worlds.libero.teacher import ScriptedTeacher
from para.worlds.world import Stage, rollout

BOWL = np.array([-0.1, 0.0, 0.9])


@pytest.fixture(scope="module")
def world():
    return LiberoWorld()


def block(x=(-9.0, 9.0), y=(-9.0, 9.0), top=1.0):
    """A table with a block on it."""

    def heights(places):
        inside = (places[:, 0] >= x[0]) & (places[:, 0] <= x[1]) & (places[:, 1] >= y[0]) & (places[:, 1] <= y[1])
        return np.where(inside, top, 0.9)

    return heights


def test_on_a_bare_table_it_is_the_rim_of_always():
    grip = choose_grip([BOWL], block(top=0.9))
    assert np.degrees(grip.angle) == pytest.approx(90) and grip.yaw == 0 and grip.room > ENOUGH
    np.testing.assert_allclose(grip.offset, [0, 0.049, 0.034], atol=1e-12)


def test_a_wall_beside_the_bowl_is_avoided_where_it_is_taken_and_where_it_is_put():
    wall = block(y=(0.07, 0.2))
    for places in ([BOWL], [BOWL + [0, -0.4, 0], BOWL]):
        grip = choose_grip(places, wall)
        assert grip.room > 0 and np.sin(grip.angle) < 0.5
    between = block(y=(0.07, 0.2), top=0.92)  # the hand fits over it, and so do the fingers
    assert choose_grip([BOWL], between).room > 0


def test_far_from_the_arm_the_near_rim_is_taken():
    grip = choose_grip([np.array([0.137, -0.07, 0.9])], block(top=0.9))
    assert grip.offset[0] < -0.02 and grip.room >= ENOUGH


@pytest.mark.parametrize("angle", ANGLES)
def test_the_fingers_travel_through_the_rim(angle):
    grip = Grip(angle, 0.0)
    assert -np.pi / 2 < grip.yaw <= np.pi / 2 + 1e-12
    travel = np.array([-np.sin(grip.yaw), np.cos(grip.yaw)])  # world y, turned
    assert abs(travel @ grip.offset[:2]) == pytest.approx(0.049)


def test_a_strip_is_as_high_as_what_stands_in_it():
    tall = block(x=(-0.02, 0.02), y=(0.05, 0.06), top=1.1)
    start, end = np.array([-0.2, 0.0]), np.array([0.2, 0.0])
    assert highest_between(start, end, 0.055, tall) == 1.1 and highest_between(start, end, 0.04, tall) == 0.9


def test_heights_are_measured_without_the_arm_and_without_what_is_carried(world):
    state = world.reset(official_layout(OfficialEpisode("libero_spatial", 2, 0), 0))
    bowl, hand = world.carried_pose.translation, state.T_world_ee.translation
    assert world.heights(np.array([bowl[:2], hand[:2]])) == pytest.approx(0.90, abs=0.01)
    cabinet = world.heights(np.array([[0.03, -0.27]]))[0]
    assert cabinet == pytest.approx(1.129, abs=0.02)
    assert world.heights(np.array([[5.0, 5.0]]))[0] < 0.1


@pytest.mark.parametrize("episode", [(4, 30), (5, 30)], ids=["drawer", "ramekin"])
def test_the_bowl_is_placed_from_where_it_stands(world, episode):
    layout = official_layout(OfficialEpisode("libero_spatial", *episode), 3)
    result = rollout(world, ScriptedTeacher(world), layout)
    assert result.outcome.stage is Stage.PLACE and result.outcome.official
