"""Staging of outcomes, on positions set by hand."""

import pytest

pytest.importorskip("libero")

from para.geometry import Pose
from para.types import Command
from para.worlds.libero.layout import Layout, OfficialEpisode, independent_layout
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.official import official_layout
from para.worlds.libero.outcome import HOLD_STEPS, LIFT
from para.worlds.libero.teacher import ScriptedTeacher
from para.worlds.world import Stage


@pytest.fixture(scope="module")
def world():
    return LiberoWorld()


def bowl_qpos(world):
    simulation = world._running()
    start = simulation.model.jnt_qposadr[simulation.objects["akita_black_bowl_1"]]
    return simulation.data.qpos[start : start + 7]


def stay(world, steps, opening=1.0):
    target = world.state().T_world_ee
    for _ in range(steps):
        world.step(Command(target, opening))


def lift(world):
    """7 cm up for one step; it falls back."""
    bowl_qpos(world)[2] += 0.07
    stay(world, 1)


def put_on_plate(world):
    """The bowl 1 cm above the plate's middle, at rest."""
    bowl_qpos(world)[:3] = world.target_pose.translation + [0, 0, 0.01]


def test_nothing_happened(world):
    world.reset(independent_layout(0))
    stay(world, 5)
    outcome = world.outcome()
    assert outcome.stage is Stage.MISS and not outcome.official and not outcome.finished


def test_lifted_by_five_centimetres_is_a_grasp_for_good(world):
    world.reset(independent_layout(0))
    lift(world)
    assert world.outcome().stage is Stage.GRASP
    stay(world, 20)
    assert world.outcome().stage is Stage.GRASP and not world.outcome().finished


def test_a_bowl_that_was_never_lifted_is_no_place(world):
    world.reset(independent_layout(0))
    put_on_plate(world)
    stay(world, 30)
    assert world.outcome().official and world.outcome().stage is Stage.MISS and not world.outcome().finished
    lift(world)
    stay(world, 30)
    assert world.outcome().stage is Stage.PLACE


def test_place_needs_ten_steps(world):
    world.reset(independent_layout(0))
    lift(world)
    put_on_plate(world)
    seen = []
    for _ in range(30):
        stay(world, 1)
        seen.append((world.outcome().official, world.outcome().stage))
    official = next(i for i, (o, _) in enumerate(seen) if o)
    placed = next(i for i, (_, s) in enumerate(seen) if s is Stage.PLACE)
    assert placed - official == HOLD_STEPS - 1
    assert world.outcome().finished


def test_a_closed_gripper_is_no_place(world):
    world.reset(independent_layout(0))
    stay(world, 20, opening=0.0)
    lift(world)
    put_on_plate(world)
    stay(world, 30, opening=0.0)
    assert world.outcome().official and world.outcome().stage is Stage.GRASP


def test_an_end_effector_at_the_rim_is_no_place(world):
    """Open fingers still around the bowl's rim: not left yet."""
    world.reset(Layout((-0.05, -0.25), (-0.2, 0.0)))
    lift(world)
    put_on_plate(world)
    stay(world, 3)
    rotation, bowl = world.state().T_world_ee.rotation, world.carried_pose.translation
    rim = bowl + [0.0, 0.049, 0.034]
    for _ in range(45):
        world.step(Command(Pose(rotation, rim + [0.0, 0.0, 0.08]), 1.0))
    for _ in range(20):
        world.step(Command(Pose(rotation, rim), 1.0))
    world._judge._placed = False  # the way here led past: from now on the end effector is at the rim
    for _ in range(20):
        world.step(Command(Pose(rotation, rim), 1.0))
    assert world._judge.official_now() and world.outcome().stage is not Stage.PLACE
    for _ in range(40):
        world.step(Command(Pose(rotation, rim + [0.0, 0.0, 0.09]), 1.0))
    assert world.outcome().stage is Stage.PLACE


def test_beside_the_plate_is_not_official(world):
    world.reset(independent_layout(0))
    put_on_plate(world)
    bowl_qpos(world)[0] += 0.05
    stay(world, 15)
    assert not world.outcome().official


ON_CABINET = official_layout(OfficialEpisode("libero_spatial", 9, 12), seed=0)


def test_a_bowl_that_fell_from_a_cabinet_onto_the_plate_is_no_place(world):
    world.reset(ON_CABINET)
    put_on_plate(world)
    stay(world, 30)
    assert world.outcome().official and world.outcome().stage is Stage.MISS and not world.outcome().finished


def test_a_bowl_carried_off_a_cabinet_need_not_be_raised(world):
    world.reset(ON_CABINET)
    expert, start = ScriptedTeacher(world), world.carried_pose.translation
    expert.reset()
    while world.carried_pose.translation[2] < start[2] + 0.015:
        world.step(expert.act(world.state(), world.observe))
    assert world.outcome().stage is Stage.MISS
    hand = world.state().T_world_ee
    for step in range(40):  # sideways towards the plate, no higher
        away = [0.0, 0.005 * step, 0.0]
        world.step(Command(Pose(hand.rotation, hand.translation + away), 0.0))
        assert world.carried_pose.translation[2] < start[2] + LIFT
    assert world.outcome().stage is Stage.GRASP
