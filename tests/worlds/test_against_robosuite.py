"""Our controller and success rule against robosuite's and LIBERO's own code, on the same physics."""

import numpy as np
import pytest

pytest.importorskip("libero")

from para.types import Command
from para.worlds.libero import assets, scenes
from para.worlds.libero.layout import Layout
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.rendering import mujoco


@pytest.fixture(scope="module")
def env():
    import robosuite.macros

    robosuite.macros.ENABLE_NUMBA = False  # compiling robosuite's functions takes longer than running them
    bddl = assets.write_temporary(scenes.find_scene("clean").bddl, ".bddl")
    env = assets.import_libero()(
        bddl_file_name=str(bddl), has_offscreen_renderer=False, use_camera_obs=False, hard_reset=False, ignore_done=True
    )
    env.seed(0)
    env.reset()
    yield env
    env.close()
    bddl.unlink()


@pytest.fixture(scope="module")
def world():
    return LiberoWorld()


def absolute(env):
    controller = env.robots[0].controller
    controller.use_delta = False
    return controller


def test_torques_equal_robosuites(env, world):
    env.reset()
    theirs = absolute(env)
    world.reset(Layout((-0.1, -0.15), (0.0, 0.1)))
    simulation = world._running()
    ours = simulation.controller
    ours._posture = np.array(theirs.initial_joint)
    rng = np.random.default_rng(0)
    for _ in range(20):
        qpos = simulation.data.qpos.copy()
        qpos[:7] = scenes.HOME_JOINTS + rng.normal(0, 0.3, 7)
        qvel = np.zeros(simulation.model.nv)
        qvel[:9] = rng.normal(0, 0.3, 9)
        position, vector = rng.normal([-0.1, 0, 1.1], 0.2), rng.normal(0, 0.5, 3)
        for model, data in ((simulation.model, simulation.data), (env.sim.model._model, env.sim.data._data)):
            data.qpos[:], data.qvel[:] = qpos, qvel
            mujoco.mj_forward(model, data)
        theirs.new_update = True
        theirs.set_goal(np.concatenate([position, vector]))
        expected = np.clip(theirs.run_controller(), *env.robots[0].torque_limits)
        ours.set_goal(position, theirs.goal_ori)
        np.testing.assert_allclose(ours.torques(simulation.data), expected, atol=1e-6)


def test_a_free_motion_is_robosuites(env, world):
    """Ten control steps from home; the remaining difference is the solver's warm start."""
    layout = Layout((-0.1, -0.15), (0.0, 0.1))
    start = world.reset(layout)
    simulation = world._running()
    env.reset()
    env.sim.data.qpos[:], env.sim.data.qvel[:] = simulation.data.qpos, simulation.data.qvel
    env.sim.forward()
    absolute(env).update_initial_joints(simulation.controller._posture)
    env.robots[0].gripper.current_action = simulation._grip * np.array([-1.0, 1.0])
    import robosuite.utils.transform_utils as T

    vector = T.quat2axisangle(T.mat2quat(start.T_world_ee.rotation))
    goal = start.T_world_ee.translation + [0.06, 0.08, -0.05]
    for _ in range(10):
        env.step(np.concatenate([goal, vector, [1.0]]))
        state = world.step(Command(type(start.T_world_ee)(start.T_world_ee.rotation, goal), 0.0))
    np.testing.assert_allclose(simulation.data.qpos[:9], env.sim.data.qpos[:9], atol=1e-5)
    assert np.linalg.norm(state.T_world_ee.translation - start.T_world_ee.translation) > 0.05


def test_the_official_predicate_is_liberos(env, world):
    layout = Layout((-0.1, -0.15), (0.0, 0.1))
    world.reset(layout)
    simulation = world._running()
    start = int(simulation.model.jnt_qposadr[simulation.objects["akita_black_bowl_1"]])
    plate = world.target_pose.translation
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(200):
        radius, height = rng.uniform(0, 0.05), rng.uniform(-0.012, 0.02)
        angle = rng.uniform(-np.pi, np.pi)
        qpos = simulation.data.qpos.copy()
        qpos[start : start + 3] = plate + [radius * np.cos(angle), radius * np.sin(angle), height]
        for model, data in ((simulation.model, simulation.data), (env.sim.model._model, env.sim.data._data)):
            data.qpos[:], data.qvel[:] = qpos, 0.0
            mujoco.mj_forward(model, data)
        theirs = bool(env.check_success())
        assert world._judge.official_now() == theirs
        seen.add(theirs)
    assert seen == {True, False}
