"""LIBERO's own episodes: states taken apart by joint names, and the same scene as LIBERO's environment makes of them."""

import re
import runpy

import numpy as np
import pytest

pytest.importorskip("libero")

from para.types import Command
from para.worlds.libero import assets, official
from para.worlds.libero.layout import Layout, OfficialEpisode
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.official import OTHER_BOWL, SUITES, TASKS, initial_state, official_layout, scene_name, sentence
from para.worlds.libero.rendering import mujoco
from para.worlds.world import Stage

SPATIAL = "libero_spatial"
DRAWER = OfficialEpisode(SPATIAL, 4, 12)


@pytest.fixture(scope="module")
def world():
    return LiberoWorld()


def bddl(suite: str, task: int) -> str:
    return (official._package() / "bddl_files" / suite / f"{TASKS[task]}.bddl").read_text()


def part(text: str, name: str) -> str:
    return " ".join(re.search(rf"\(:{name}(.*?)\n  \)", text, re.DOTALL)[1].split())


def start(text: str, thing: str) -> str:
    """Where the task's beginning puts a thing."""
    return re.search(rf"\((?:On|In) {thing} (\S+)\)", part(text, "init"))[1]


# ---- what the package says ---------------------------------------------------------------------------------------------


def test_tasks_and_sentences_are_in_liberos_order():
    names = runpy.run_path(str(official._package() / "benchmark/libero_suite_task_map.py"))["libero_task_map"]
    assert all(tuple(names[suite]) == TASKS for suite in SUITES)
    assert sentence(OfficialEpisode(SPATIAL, 7, 0)) == "pick up the black bowl on the stove and place it on the plate"


def test_tasks_differ_in_what_stands_where_alone_so_that_they_share_a_scene():
    first = bddl(SPATIAL, 0)
    for suite in SUITES:
        for task in range(10):
            text = bddl(suite, task)
            assert all(part(text, p) == part(first, p) for p in ("regions", "fixtures", "objects", "goal"))
            furniture = [start(text, f) == start(first, f) for f in ("wooden_cabinet_1", "flat_stove_1")]
            assert all(furniture) == (scene_name(suite, task) == "full")


def test_the_other_bowl_stands_where_another_tasks_sentence_says():
    for task, other in enumerate(OTHER_BOWL):
        assert start(bddl(SPATIAL, task), "akita_black_bowl_2") == start(bddl(SPATIAL, other), "akita_black_bowl_1")


@pytest.mark.parametrize("suite", SUITES)
def test_states_fall_into_joints(suite):
    for task in range(10):
        for state in (0, 49):
            joints = initial_state(OfficialEpisode(suite, task, state))
            for name, joint in joints.items():
                assert np.isfinite(joint.position).all()
                if name.endswith("_joint0"):
                    assert np.linalg.norm(joint.position[3:]) == pytest.approx(1, abs=1e-6)
            assert (joints["wooden_cabinet_1_top_level"].position < -0.1) == (task == 4)


def test_layouts_survive_json_and_what_is_wrong_is_said():
    layout = official_layout(OfficialEpisode(SPATIAL, 3, 5, "26_15_100_0_0", asked=9), seed=1)
    assert Layout.from_json(layout.to_json()) == layout and layout.bowl_xy == pytest.approx((0.03, -0.27), abs=0.03)
    assert "official" not in Layout((0.0, 0.0), (0.1, 0.0)).to_json()
    with pytest.raises(ValueError, match="no task 10 in suite 'libero_spatial'; there are tasks 0 to 9"):
        official_layout(OfficialEpisode(SPATIAL, 10, 0), 0)
    with pytest.raises(ValueError, match="a task has initial states 0 to 49, not 50"):
        official_layout(OfficialEpisode(SPATIAL, 0, 50), 0)
    with pytest.raises(ValueError, match="task 2 says nothing of task 3's other bowl; task 9 does"):
        official_layout(OfficialEpisode(SPATIAL, 3, 0, asked=2), 0)


# ---- the world ---------------------------------------------------------------------------------------------------------


def test_the_world_begins_as_liberos_environment_does(world):
    """The whole model's bodies, in the state of the drawer: fixtures aside, which robosuite places at random."""
    import robosuite.macros

    robosuite.macros.ENABLE_NUMBA = False  # compiling robosuite's functions takes longer than running them
    task = assets.write_temporary(bddl(SPATIAL, DRAWER.task), ".bddl")
    env = assets.import_libero()(
        bddl_file_name=str(task), has_offscreen_renderer=False, use_camera_obs=False, hard_reset=False
    )
    env.seed(0)
    env.reset()
    env.sim.set_state_from_flattened(official.initial_states(SPATIAL, DRAWER.task)[DRAWER.state])
    env.sim.forward()
    theirs_model, theirs = env.sim.model._model, env.sim.data._data
    world.reset(official_layout(DRAWER, 0))
    ours = world._running()
    ours.start_from(initial_state(DRAWER))
    mujoco.mj_forward(ours.model, ours.data)
    compared = 0
    for body in range(theirs_model.nbody):
        name = mujoco.mj_id2name(theirs_model, mujoco.mjtObj.mjOBJ_BODY, body)
        pose = ours.body_pose(name)
        if "cabinet" in name or "stove" in name:
            assert np.linalg.norm(pose.translation - theirs.xpos[body]) < 0.03, name
        else:
            np.testing.assert_allclose(pose.translation, theirs.xpos[body], atol=1e-6, err_msg=name)
            np.testing.assert_allclose(pose.rotation.ravel(), theirs.xmat[body], atol=1e-6, err_msg=name)
            compared += 1
    assert compared > 20
    # An official evaluation judges as ours does.
    start = int(ours.model.jnt_qposadr[ours.objects["akita_black_bowl_1"]])
    plate = world.target_pose.translation
    for height, expected in ((0.004, True), (0.03, False)):
        for model, data in ((ours.model, ours.data), (theirs_model, theirs)):
            data.qpos[start : start + 3] = plate + [0.0, 0.01, height]
            mujoco.mj_forward(model, data)
        assert world._judge.official_now() == bool(env.check_success()) == expected
    env.close()
    task.unlink()


@pytest.mark.parametrize("task", range(10))
def test_what_stands_on_other_things_comes_to_rest(world, task):
    world.reset(official_layout(OfficialEpisode(SPATIAL, task, 0), 0))
    before = world.carried_pose.translation
    hold = Command(world.state().T_world_ee, 1.0)
    for _ in range(5):
        world.step(hold)
    assert np.linalg.norm(world.carried_pose.translation - before) < 0.002
    assert world.outcome().stage is Stage.MISS and not world.outcome().official
    assert world.instruction == TASKS[task].replace("_", " ")


def test_the_other_bowl_is_judged_where_it_is_asked_for(world):
    world.reset(official_layout(OfficialEpisode(SPATIAL, 4, 0, asked=9), 0))
    assert world.instruction == TASKS[9].replace("_", " ")
    assert world.carried_pose.translation[2] == pytest.approx(1.126, abs=0.01)
    simulation = world._running()
    start = simulation.model.jnt_qposadr[simulation.objects["akita_black_bowl_1"]]
    simulation.data.qpos[start + 2] += 0.2
    world.step(Command(world.state().T_world_ee, 1.0))
    assert world.outcome().stage is Stage.MISS  # it was the wrong bowl that flew


def test_a_layout_of_another_scene_is_refused(world):
    with pytest.raises(ValueError, match="scene 'clean' is not that of OfficialEpisode"):
        world.reset(Layout((0.0, 0.0), (0.1, 0.0), official=DRAWER))
