"""The one interface between policies and whatever they act in, and the one loop that runs them.

A `World` is a simulator or an arm. An `Agent` is a policy with its chunk executor, or a scripted teacher. Recorders,
videos and live views are `Subscriber`s. The same `rollout` makes demonstrations and evaluates policies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from para.control import AgentFailure
from para.types import Command, Observation, RobotState


class Stage(StrEnum):
    """How far an episode got; later members contain earlier ones."""

    MISS = "MISS"
    GRASP = "GRASP"
    PLACE = "PLACE"


@dataclass(frozen=True)
class Outcome:
    """What the world judges of the episode so far."""

    stage: Stage
    """PLACE needs the policy to have let go and left; see the world's own definition."""
    official: bool
    """The benchmark's bare success predicate was true at some moment."""
    finished: bool
    """Nothing more can be gained: the loop may stop."""


class World(Protocol):
    """One environment, stepped at `para.types.CONTROL_HZ`."""

    def reset(self, layout: Any) -> RobotState:
        """Start the episode that `layout` fixes. The same layout gives the same episode."""

    def step(self, command: Command) -> RobotState:
        """Apply one command for one control step."""

    def state(self) -> RobotState:
        """What the robot measures now; cheap."""

    def observe(self) -> Observation:
        """State and camera pictures of this moment; rendering is the expensive part."""

    def outcome(self) -> Outcome:
        """The judgement so far."""

    def close(self) -> None:
        """Free the renderer and the simulator."""


class Agent(Protocol):
    """Whatever gives commands."""

    def reset(self) -> None:
        """Forget the last episode."""

    def act(self, state: RobotState, observe: Callable[[], Observation]) -> Command | None:
        """The next command; None when the agent has nothing more to do. Calls `observe` only when it needs a picture."""


class Subscriber:
    """Watches a rollout: recorder, video, live view. What is not overridden does nothing."""

    def start(self, world: World, agent: Agent) -> None:
        """After the reset, before the first command."""

    def before_step(self, world: World, agent: Agent, command: Command) -> None:
        """`command` has been chosen from the present state and is about to be applied."""

    def end(self, world: World, agent: Agent, outcome: Outcome) -> None:
        """After the last command."""


@dataclass(frozen=True)
class Rollout:
    """How one episode ended."""

    outcome: Outcome
    steps: int
    """Control steps taken."""
    ended_by: str
    """``finished`` | ``limit`` | ``stuck`` | ``agent`` | ``failure: <cause>``."""
    acted: bool
    """Whether the agent gave at least one command; an exception before that is an error, not a failure."""


class PhysicsError(RuntimeError):
    """The simulated state is no longer finite or the solver gave up: the policy's failure, once it has acted."""


STUCK_SECONDS = 6.0
"""An episode in which the end effector stays within 5 mm and the gripper command is unchanged for so long is over [s]."""


def rollout(
    world: World,
    agent: Agent,
    layout: Any,
    subscribers: Sequence[Subscriber] = (),
    max_steps: int = 600,
) -> Rollout:
    """Run one episode.

    Only `PhysicsError` and `AgentFailure` end an episode as a failure; every other exception is a defect of the
    software and propagates to the caller, who decides by `benchmark` rules whether it is re-run.
    """
    world.reset(layout)
    agent.reset()
    for subscriber in subscribers:
        subscriber.start(world, agent)
    steps, ended_by, stillness = 0, "limit", _Stillness()
    try:
        while steps < max_steps:
            command = agent.act(world.state(), world.observe)
            if command is None:
                ended_by = "agent"
                break
            for subscriber in subscribers:
                subscriber.before_step(world, agent, command)
            state = world.step(command)
            steps += 1
            if world.outcome().finished:
                ended_by = "finished"
                break
            if stillness.lasts(state, command):
                ended_by = "stuck"
                break
    except (PhysicsError, AgentFailure) as failure:
        ended_by = f"failure: {failure}"
    outcome = world.outcome()
    for subscriber in subscribers:
        subscriber.end(world, agent, outcome)
    return Rollout(outcome, steps, ended_by, acted=steps > 0)


class _Stillness:
    """Notices that nothing has moved for `STUCK_SECONDS`."""

    def __init__(self) -> None:
        self._anchor: tuple[RobotState, float] | None = None

    def lasts(self, state: RobotState, command: Command) -> bool:
        if self._anchor is not None:
            anchor, gripper = self._anchor
            moved = float(((state.T_world_ee.translation - anchor.T_world_ee.translation) ** 2).sum()) ** 0.5
            if moved <= 0.005 and abs(command.gripper - gripper) < 0.5:
                return state.time - anchor.time >= STUCK_SECONDS
        self._anchor = (state, command.gripper)
        return False
