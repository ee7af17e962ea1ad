"""The simulator keeps its promises: the same layout gives the same episode, targets are tracked, cameras are true."""

import numpy as np
import pytest

pytest.importorskip("libero")

from para.geometry import Pose, relative_angle, rotation_from_vector
from para.types import Command
from para.worlds.libero.camera import CAMERA_NAME, from_mujoco
from para.worlds.libero.layout import WORKSPACE, Layout, ObjectPlacement, independent_layout, rigid_layout
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.teacher import ScriptedTeacher
from para.worlds.world import AgentFailure, PhysicsError, Stage, rollout


@pytest.fixture(scope="module")
def world():
    world = LiberoWorld((160, 120))
    yield world
    world.close()


class Trace:
    """Keeps the whole physical state of every step."""

    def start(self, world, agent):
        self.states, self.images = [], []

    def before_step(self, world, agent, command):
        data = world._running().data
        self.states.append(np.concatenate([data.qpos, data.qvel, data.ctrl]))
        if len(self.states) % 30 == 1:
            self.images.append(world.observe().views[0].image)

    def end(self, world, agent, outcome):
        pass


def trace(world, layout):
    recorder = Trace()
    result = rollout(world, ScriptedTeacher(world), layout, [recorder])
    return np.array(recorder.states), np.array(recorder.images), result


def test_the_same_layout_gives_the_same_episode_whatever_ran_before(world):
    layout = independent_layout(3, view=(10.0, 30.0))
    first = trace(world, layout)
    trace(world, rigid_layout((0.0, 0.2), seed=1))
    second = trace(world, layout)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert first[2] == second[2]
    fresh = LiberoWorld((160, 120))
    np.testing.assert_array_equal(trace(fresh, layout)[0], first[0])
    fresh.close()


@pytest.mark.parametrize(
    "layout",
    [rigid_layout((-0.1, -0.15), seed=1), rigid_layout((-0.3, 0.2), seed=2), independent_layout(4)],
)
def test_the_teacher_places_the_bowl(world, layout):
    result = rollout(world, ScriptedTeacher(world), layout)
    assert result.outcome.stage is Stage.PLACE and result.outcome.official
    assert result.ended_by == "finished" and result.steps < 250


def test_absolute_targets_are_tracked(world):
    start = world.reset(independent_layout(0)).T_world_ee
    goal = Pose(rotation_from_vector(np.array([0.1, -0.2, 0.3])) @ start.rotation, np.array([-0.15, 0.12, 1.10]))
    for _ in range(40):
        state = world.step(Command(goal, 0.0))
    assert np.linalg.norm(state.T_world_ee.translation - goal.translation) < 0.001
    assert relative_angle(state.T_world_ee.rotation, goal.rotation) < 0.005
    assert state.gripper < 0.05
    assert state.time == pytest.approx(2.0)


def test_the_start_is_at_home_with_an_open_gripper(world):
    state = world.reset(independent_layout(0))
    np.testing.assert_allclose(state.T_world_ee.translation, [-0.2085, 0, 1.1733], atol=0.002)
    assert state.gripper > 0.9 and state.time == 0
    assert WORKSPACE.contains(state.T_world_ee.translation)
    np.testing.assert_allclose(world.T_world_base.translation, [-0.66, 0, 0.912], atol=1e-6)


def test_objects_stand_where_the_layout_says(world):
    layout = independent_layout(7)
    world.reset(layout)
    np.testing.assert_allclose(world.carried_pose.translation[:2], layout.bowl_xy, atol=0.001)
    np.testing.assert_allclose(world.target_pose.translation[:2], layout.plate_xy, atol=0.001)
    yaw = np.arctan2(world.carried_pose.rotation[1, 0], world.carried_pose.rotation[0, 0])
    assert abs(np.angle(np.exp(1j * (yaw - layout.bowl_yaw)))) < 0.01


def test_the_camera_is_mujocos_own(world):
    world.reset(independent_layout(0, view=(21.4, 200.0)))
    observation = world.observe()
    data = world._running().data
    index = world._running().model.camera(CAMERA_NAME).id
    actual = from_mujoco(data.cam_xpos[index], data.cam_xmat[index])
    stated = observation.view(CAMERA_NAME).camera
    np.testing.assert_allclose(stated.T_world_camera.matrix(), actual.matrix(), atol=1e-9)
    assert (stated.width, stated.height) == (160, 120)
    assert observation.instruction.startswith("Pick the akita black bowl")


def test_the_picture_shows_the_bowl_where_it_projects(world):
    """Upright and un-mirrored: hiding the bowl changes the picture around its projection only."""
    world.reset(Layout((-0.05, -0.2), (0.0, 0.2)))
    model = world._running().model
    with_bowl = world.observe().views[0].image.astype(int)
    bowl = model.geom_bodyid == world._running().object_body("akita_black_bowl_1")
    group = model.geom_group.copy()
    model.geom_group[bowl] = 0
    changed = np.abs(world.observe().views[0].image.astype(int) - with_bowl).sum(2) > 30
    model.geom_group[:] = group
    rows, columns = np.nonzero(changed)
    pixel, _ = world.camera.project(world.carried_pose.translation[None] + [0, 0, 0.03])
    np.testing.assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], pixel[0], atol=3)


def test_a_command_that_is_not_finite_is_the_agents_failure(world):
    state = world.reset(independent_layout(0))
    bad = Pose(state.T_world_ee.rotation, np.array([0.0, np.nan, 1.0]))
    with pytest.raises(AgentFailure):
        world.step(Command(bad, 1.0))


def test_unstable_physics_is_noticed(world):
    state = world.reset(independent_layout(0))
    world._running().data.qvel[:] = 1e12
    with pytest.raises(PhysicsError):
        world.step(Command(state.T_world_ee, 1.0))
    assert np.isfinite(world.reset(independent_layout(0)).T_world_ee.translation).all()


def test_wrong_names_are_explained(world):
    with pytest.raises(ValueError, match="known scenes"):
        world.reset(Layout((0.0, 0.0), (0.0, 0.2), scene="kitchen"))
    with pytest.raises(ValueError, match="no movable"):
        world.reset(Layout((0.0, 0.0), (0.0, 0.2), objects=(ObjectPlacement("teapot_1", (0.1, 0.1)),)))
