"""Causes of failure: told from places alone, the same however the table is turned, and none after a success."""

import numpy as np
import pytest

from para.evaluation.causes import CauseWatch, explain
from para.types import Command
from para.worlds.libero.layout import rigid_layout
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.teacher import ScriptedTeacher
from para.worlds.world import rollout

BOWL, PLATE, AWAY = np.array([0.0, 0.0, 0.9]), np.array([0.1, 0.15, 0.9]), np.array([-1.0, 0.0])
UP = np.array([0.0, 0.0, 0.2])


def closing(offset, steps=30):
    """A hand that closes at the bowl plus an offset, and moves nothing."""
    hand = np.linspace(BOWL + UP, BOWL + offset, steps)
    hand = np.concatenate([hand, np.tile(BOWL + offset, (10, 1))])
    return hand, np.tile(BOWL, (steps + 10, 1)), np.arange(steps + 10) >= steps


def carrying(end, opens=True, falls=False):
    """A hand that takes the bowl and lets go of it at `end`."""
    way = np.concatenate([np.linspace(BOWL, BOWL + UP, 20), np.linspace(BOWL + UP, end + UP, 20), [end + UP] * 5])
    bowl = (
        np.concatenate([way, np.tile(end + 0 * UP, (5, 1))]) if opens else np.concatenate([way, way[-1:].repeat(5, 0)])
    )
    hand = bowl + [0.05, 0, 0.02]
    closed = np.arange(len(bowl)) < (len(way) if opens else len(bowl))
    if falls:
        bowl[25:] = [*bowl[25, :2], 0.9]
        closed[:] = True
    return hand, bowl, closed


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (closing([-0.12, 0.02, 0.02]), "closed the hand beyond the bowl"),
        (closing([0.12, 0.02, 0.02]), "closed the hand short of the bowl"),
        (closing([0.02, 0.12, 0.02]), "closed the hand beside the bowl"),
        (closing([0.05, 0.0, 0.15]), "closed the hand above the bowl"),
        (closing([0.05, 0.0, 0.02]), "closed the hand at the bowl and did not hold it"),
        (carrying(PLATE + [-0.08, 0.01, 0]), "let go beyond the plate"),
        (carrying(PLATE + [0.08, 0.01, 0]), "let go short of the plate"),
        (carrying(PLATE + [0.01, -0.08, 0]), "let go beside the plate"),
        (carrying(PLATE), "let go over the plate, and it did not stay or the hand did not leave"),
        (carrying(PLATE, opens=False), "never let go"),
        (carrying(PLATE, falls=True), "lost the bowl on the way"),
    ],
)
@pytest.mark.parametrize("turn", [0.0, 1.0, -2.5])
def test_causes_turn_with_table_and_camera(rows, words, turn):
    hand, bowl, closed = rows
    c, s = np.cos(turn), np.sin(turn)
    turned = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    cause = explain(hand @ turned.T, bowl @ turned.T, closed, turned @ PLATE, turned[:2, :2] @ AWAY)
    assert cause.words == words
    straight = explain(hand, bowl, closed, PLATE, AWAY)
    assert straight.offset == (None if cause.offset is None else pytest.approx(cause.offset, abs=1e-9))


def test_a_hand_that_never_closes():
    hand, bowl, closed = closing([0, 0, 0])
    assert explain(hand, bowl, closed & False, PLATE, AWAY).words == "never closed the hand"


class Shifted:
    """The expert, all of its targets moved: a policy that is wrong by so much."""

    def __init__(self, world, offset):
        self.expert, self.offset = ScriptedTeacher(world), np.array(offset)

    def reset(self):
        self.expert.reset()

    def act(self, state, observe):
        command = self.expert.act(state, observe)
        if command is None:
            return None
        position = command.T_world_ee.translation + self.offset
        return Command(type(command.T_world_ee)(command.T_world_ee.rotation, position), command.gripper)


def test_real_episodes():
    world, watch = LiberoWorld((64, 64)), CauseWatch()
    try:
        layout = rigid_layout((-0.1, -0.1), 0)
        rollout(world, ScriptedTeacher(world), layout, [watch])
        assert watch.cause is None
        rollout(world, Shifted(world, [0.0, 0.12, 0.0]), layout, [watch], 300)  # image right is +y: across
        assert watch.cause.words == "closed the hand beside the bowl"
        assert abs(watch.cause.offset[1]) > 0.06
    finally:
        world.close()
