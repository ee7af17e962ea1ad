"""The scene `box`: the long object is taken across its short side, whichever way it lies, and in no other way."""

import numpy as np
import pytest

pytest.importorskip("libero")

from para.geometry import Pose, relative_angle, rotation_from_vector
from para.worlds.libero.layout import Layout
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.motion import TURN
from para.worlds.libero.scenes import BOX_GRASP, find_scene
from para.worlds.libero.teacher import ScriptedTeacher
from para.worlds.world import Stage, rollout

HOME = Pose(np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]), np.array([-0.21, 0.0, 1.17]))
"""About the end effector's pose at the start: z down, the fingers travelling along world y."""


@pytest.fixture(scope="module")
def world():
    world = LiberoWorld((96, 96))
    yield world
    world.close()


def box(yaw_deg: float, seed: int = 1) -> Layout:
    return Layout((-0.12, 0.05), (-0.02, -0.2), scene="box", bowl_yaw=float(np.radians(yaw_deg)), seed=seed)


def about_z(degrees: float) -> np.ndarray:
    return rotation_from_vector(np.array([0.0, 0.0, np.radians(degrees)]))


# ---- the grasp, without a simulator ------------------------------------------------------------------------------------


@pytest.mark.parametrize("yaw", [-170.0, -89.0, -30.0, 0.0, 20.0, 60.0, 89.0, 91.0, 135.0, 250.0])
def test_the_fingers_close_across_the_short_side_after_the_shorter_turn(yaw):
    T_world_object = Pose(about_z(yaw), np.array([0.0, 0.1, 0.91]))
    grasp = BOX_GRASP.pose(T_world_object, HOME)
    fingers, short = grasp.rotation[:, 0], T_world_object.rotation[:, 1]
    assert abs(fingers @ short) == pytest.approx(1.0)
    assert relative_angle(grasp.rotation, HOME.rotation) <= np.pi / 2 + 1e-9
    np.testing.assert_allclose(grasp.rotation[:, 2], HOME.rotation[:, 2], atol=1e-12)  # still from above


def test_half_a_turn_of_the_object_changes_nothing():
    for yaw in (10.0, 80.0, 100.0, 170.0):
        poses = [BOX_GRASP.pose(Pose(about_z(y), np.zeros(3)), HOME) for y in (yaw, yaw + 180)]
        np.testing.assert_allclose(poses[0].rotation, poses[1].rotation, atol=1e-12)


def test_the_two_quarters_ask_for_opposite_turns():
    turns = [BOX_GRASP.turn(Pose(about_z(y), np.zeros(3)), HOME) for y in (5.0, 45.0, 85.0, 95.0, 135.0, 175.0)]
    np.testing.assert_allclose(np.degrees(turns), [5, 45, 85, -85, -45, -5], atol=1e-9)


# ---- in the simulator --------------------------------------------------------------------------------------------------


def test_the_box_lies_flat_and_only_its_short_side_fits_between_the_fingers(world):
    world.reset(box(0.0))
    simulation = world._running()
    body = simulation.object_body(find_scene("box").carried)
    model = simulation.model
    solid = next(g for g in np.flatnonzero(model.geom_bodyid == body) if model.geom_contype[g])
    turned = simulation.data.geom_xmat[solid].reshape(3, 3)
    length, width, height = 2 * np.abs(turned) @ model.geom_size[solid]
    opening = 0.078
    assert width < 0.6 * opening and length > opening and height < width
    np.testing.assert_allclose(world.carried_pose.rotation[:, 2], [0, 0, 1], atol=0.01)
    assert world.instruction == "Pick the chocolate pudding and place it on the plate"


class Attitudes:
    """Keeps the commanded rotations."""

    def start(self, world, agent):
        self.rotations = []

    def before_step(self, world, agent, command):
        self.rotations.append(command.T_world_ee.rotation)

    def end(self, world, agent, outcome):
        pass


@pytest.mark.parametrize("yaw", [50.0, 130.0])
def test_the_teacher_places_the_box_from_either_quarter(world, yaw):
    watch = Attitudes()
    result = rollout(world, ScriptedTeacher(world), box(yaw), [watch])
    assert result.outcome.stage is Stage.PLACE and result.outcome.official and result.steps < 250
    turns = [relative_angle(a, b) for a, b in zip(watch.rotations, watch.rotations[1:])]
    assert max(turns) <= TURN + 1e-9  # no jump
    whole = np.degrees(relative_angle(watch.rotations[0], watch.rotations[-1]))
    assert whole == pytest.approx(50 - np.degrees(TURN), abs=2)  # the first command has turned by one step already


class WrongTeacher(ScriptedTeacher):
    """Takes the right place at a yaw of its own."""

    def __init__(self, world, off_deg: float) -> None:
        super().__init__(WrongWorld(world, off_deg))


class WrongWorld:
    """The world as it would be with the object turned."""

    def __init__(self, world, off_deg: float) -> None:
        self._world, self._off = world, about_z(off_deg)

    def __getattr__(self, name):
        return getattr(self._world, name)

    @property
    def carried_pose(self) -> Pose:
        pose = self._world.carried_pose
        return Pose(self._off @ pose.rotation, pose.translation)


@pytest.mark.parametrize("off", [45.0, 90.0])
def test_a_hand_that_is_turned_wrongly_does_not_place_the_box(world, off):
    result = rollout(world, WrongTeacher(world, off), box(20.0))
    assert result.outcome.stage is not Stage.PLACE
