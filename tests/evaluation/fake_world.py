"""A world and agents that take no time, for the machinery of evaluation."""

from __future__ import annotations

import os
import time
from concurrent.futures import Executor, Future
from pathlib import Path

import numpy as np

from para.evaluation.agents import AgentSpec
from para.evaluation.conditions import Condition
from para.evaluation.records import Settings
from para.geometry import Pose
from para.types import Command, Observation, RobotState, View
from para.worlds.libero.layout import Layout, rigid_layout
from para.worlds.world import Outcome, Stage
from toy import toy_camera


class FakeWorld:
    """The end effector moves as told; after 30 steps the bowl of every second layout is placed."""

    def reset(self, layout: Layout) -> RobotState:
        self.layout, self.steps = layout, 0
        return self.state()

    def step(self, command: Command) -> RobotState:
        self.steps += 1
        return self.state()

    def state(self) -> RobotState:
        return RobotState(Pose(np.eye(3), np.array([0.01 * self.steps, 0, 1])), 1.0, self.steps / 20)

    def observe(self) -> Observation:
        image = np.full((48, 64, 3), 4 * self.steps % 256, np.uint8)
        return Observation((View("agentview", image, toy_camera(64, 48)),), self.state())

    def outcome(self) -> Outcome:
        placed = self.steps >= 30 and self.layout.seed % 2 == 0
        return Outcome(Stage.PLACE if placed else Stage.GRASP, official=placed, finished=placed)

    def close(self) -> None:
        pass


class FakeAgent:
    """Behaves as its name says."""

    def __init__(self, world: FakeWorld, how: str, folder: Path | None) -> None:
        self.world, self.how, self.folder = world, how, folder

    def reset(self) -> None:
        self._maybe("early")

    def act(self, state, observe):
        if self.world.steps == 5:
            self._maybe("late")
        if "slow" in self.how:
            time.sleep(0.02)
        return Command(state.T_world_ee, 1.0)

    def _maybe(self, when: str) -> None:
        if f"{when}-always" in self.how:
            raise OSError(f"{when} trouble")
        if f"{when}-kill" in self.how and self.world.layout.seed == 3 and self._first_time():
            os._exit(9)
        if f"{when}-once" in self.how and self._first_time():
            raise OSError(f"{when} trouble")

    def _first_time(self) -> bool:
        """Once for each layout, over all processes; with ``forever`` each time."""
        if "forever" in self.how:
            return True
        try:
            (self.folder / f"tried-{self.world.layout.seed}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


class Inline(Executor):
    """Runs a task when it is submitted."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def fake_setup(spec: AgentSpec, settings: Settings) -> tuple[FakeWorld, FakeAgent]:
    if "broken-setup" in spec.name:
        raise RuntimeError("no OpenGL here")
    world = FakeWorld()
    return world, FakeAgent(world, spec.name, Path(os.environ["PARA_TEST_FOLDER"]))


def conditions(n: int, split: str = "validation", axis: str = "lr") -> list[Condition]:
    return [Condition(axis, split, i, i, rigid_layout((0.01 * i, 0.1), i)) for i in range(n)]
