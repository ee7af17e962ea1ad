"""Chunks -> commands: an `Agent` around anything that predicts chunks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from para.control.alignment import first_ahead, last_plan
from para.control.ensemble import average
from para.control.servo import Servo, ServoConfig
from para.geometry import Pose, turn_towards
from para.policy import PolicyConfig
from para.types import CONTROL_HZ, ActionChunk, Command, Observation, RobotState


class ChunkPolicy(Protocol):
    """Whatever predicts chunks: a trained policy, the oracle."""

    def predict(self, observation: Observation) -> ActionChunk:
        """The plan for what is seen."""


class AgentFailure(RuntimeError):
    """The policy gave no usable target (one that is not finite): its failure, not the software's."""


Mode = Literal["servo", "realtime"]


@dataclass(frozen=True)
class ExecutorConfig:
    """How chunks are carried out."""

    mode: Mode = "servo"
    """`servo`: drive to each target before the next. `realtime`: follow the chunk's times; the world does not wait."""
    execute: int = 4
    """Steps of each chunk that are carried out before the policy is asked again."""
    ensemble: float | None = None
    """m of temporal ensembling: ask at every step, and average what all chunks say of it, the i-th oldest with weight
    exp(-m i). None: carry out one chunk at a time."""
    slack: float = 0.0
    """`servo` without ensembling: begin a chunk at its first step ahead of the end effector, see `first_ahead` [m]; 0
    carries out every chunk from its start."""
    stride: float = 0.0
    """Without ensembling: leave out what lies before a jump of more than this between two steps, see `last_plan` [m]; 0
    leaves all. In `realtime` the arm then gets as much time as it needs at this much a step."""
    servo: ServoConfig = ServoConfig()
    latency: float | None = None
    """`realtime`: seconds between a picture and its chunk; None measures each prediction [s]."""
    lead: float = 0.2
    """`realtime`: how far ahead of the measured pose the set-point runs, the controller's lag [s]."""
    grip_within: float = 0.008
    """`realtime` without ensembling: where the gripper is to open or close, the plan stands still until the end effector is
    this near [m]."""
    grip_patience: float = 1.0
    """And for no longer than this, for each chunk, nor for longer over all chunks while the end effector stands still [s]; 0
    keeps to the clock."""
    fastest: float = 0.05
    """`realtime`: the set-point moves by no more than this in a control step [m]; in `servo` by `ServoConfig.speed`. In both
    modes it turns by no more than `ServoConfig.turn`."""

    @classmethod
    def of(cls, policy: ChunkPolicy, mode: Mode = "servo", servo: ServoConfig | None = None) -> ExecutorConfig:
        """As the policy is meant to be carried out; the defaults for what has no `PolicyConfig`."""
        config, servo = getattr(policy, "config", None), servo or ServoConfig()
        if not isinstance(config, PolicyConfig):
            return cls(mode, servo=servo)
        execution = config.execution
        return cls(mode, execution.execute, execution.ensemble, execution.slack, execution.stride or 0.0, servo)

    @property
    def steps(self) -> int:
        """Steps between two queries."""
        return self.execute if self.ensemble is None else 1


class ChunkExecutor:
    """Asks the policy, carries out the first steps of its chunk, asks again. Without a configuration, the policy's own."""

    def __init__(self, policy: ChunkPolicy, config: ExecutorConfig | None = None) -> None:
        self.policy, self.config = policy, config or ExecutorConfig.of(policy)
        self.servo = Servo(self.config.servo)
        self.reset()

    def reset(self) -> None:
        """Forget the last episode."""
        self.chunk: ActionChunk | None = None
        """The chunk under way, for those who watch."""
        self.observation: Observation | None = None
        """What the chunk was predicted from."""
        self.queries = 0
        self._next_step = self._end = self._wait = 0
        self._past: list[ActionChunk] = []  # with ensembling: the last chunks, oldest first, one for each target
        self._timed: list[_TimedChunk] = []
        self._begun = False
        self._commanded = 1.0  # the gripper's last command (`realtime`)
        self._correction = np.zeros(3)  # added to the set-point (`realtime`) [m]
        self._setpoint: Pose | None = None  # the last one (`realtime`)
        self._stuck = 0.0  # how long the end effector has stood still before a target for the gripper (`realtime`) [s]
        self._time = -math.inf  # of the last state (`realtime`) [s]
        self._before = np.full(3, np.inf)  # where the end effector was a control step ago
        self.servo.reset()
        if hasattr(self.policy, "reset"):
            self.policy.reset()

    @property
    def busy(self) -> bool:
        """Steps of the present chunk are still to be begun (`servo`)."""
        return self.chunk is not None and self._next_step < min(self._end, len(self.chunk))

    def act(self, state: RobotState, observe: Callable[[], Observation]) -> Command | None:
        """The next command. The gripper stays as it is found until a target says otherwise."""
        if not self._begun:
            self._begun, self._commanded = True, float(state.gripper > 0.5)
            self.servo.start(state.gripper)
        if self.config.mode == "servo":
            return self._servo(state, observe)
        return self._realtime(state, observe)

    def _ask(self, observe: Callable[[], Observation]) -> ActionChunk:
        self.observation = observe()
        self.chunk = self.policy.predict(self.observation)
        self.queries += 1
        if not all(np.isfinite(x).all() for x in (self.chunk.positions, self.chunk.rotations, self.chunk.gripper)):
            raise AgentFailure("the policy predicted a target that is not finite")
        return self.chunk

    def _servo(self, state: RobotState, observe: Callable[[], Observation]) -> Command:
        # A target that is already reached takes no control step; a chunk of such targets is a hold, not an endless loop.
        for _ in range(2 * self.config.steps + 1):
            command = self.servo.command(state)
            if command is not None:
                return command
            if not self.busy:
                self._ask(observe)
                self._next_step, here = self._first_step(state)
                self._end = self._next_step + self.config.steps
                self._wait = round(here * self.chunk.step_seconds * CONTROL_HZ)
            if self._wait > 0:
                self._wait -= 1
                return self.servo.rest(state)
            pose, gripper = self._target()
            self.servo.aim(pose, gripper)
            self._next_step += 1
        return Command(state.T_world_ee, float(gripper > 0.5))

    def _first_step(self, state: RobotState) -> tuple[int, int]:
        """The step to begin the new chunk with, and how many of those before it are to be where the hand is already: the
        plan is to stay so long."""
        if self.config.ensemble is not None:
            return 0, 0
        positions, gripper, opening = self.chunk.positions, self.chunk.gripper, self.servo.gripper
        begin = last_plan(positions, gripper, opening, self.config.stride) if self.config.stride > 0 else 0
        if self.config.slack <= 0:
            return begin, 0
        here = state.T_world_ee.translation
        ahead, standing = first_ahead(positions[begin:], gripper[begin:], here, opening, self.config.slack)
        return begin + ahead, standing

    def _target(self) -> tuple[Pose, float]:
        """Pose and opening of the next step; with ensembling, all past chunks that reach it have a say."""
        if self.config.ensemble is None:
            k = self._next_step
            return Pose(self.chunk.rotations[k], self.chunk.positions[k]), float(self.chunk.gripper[k])
        self._past = [*self._past, self.chunk][-len(self.chunk) :]
        said = []
        for age, chunk in reversed(list(enumerate(reversed(self._past)))):  # its step `age` is the one of now
            said.append((Pose(chunk.rotations[age], chunk.positions[age]), float(chunk.gripper[age])))
        return average(said, self.config.ensemble)

    def _realtime(self, state: RobotState, observe: Callable[[], Observation]) -> Command:
        if state.time <= self._time:
            raise ValueError(
                f"RobotState.time went from {self._time} to {state.time} s; realtime execution lives by it"
            )
        self._time = state.time
        command = self._timed_command(state, observe)
        if command.gripper != self._commanded:
            self._commanded, self._stuck = command.gripper, 0.0
        last = self._setpoint or state.T_world_ee
        way = command.T_world_ee.translation - last.translation
        far = float(np.linalg.norm(way))
        position = last.translation + way * min(1.0, self.config.fastest / max(far, 1e-12))
        rotation = turn_towards(last.rotation, command.T_world_ee.rotation, self.config.servo.turn)
        self._setpoint = Pose(rotation, position)
        return Command(self._setpoint, command.gripper)

    def _timed_command(self, state: RobotState, observe: Callable[[], Observation]) -> Command:
        period = self.config.steps * (self.chunk.step_seconds if self.chunk else 0.0)
        # One prediction at a time: what is still being made cannot be overtaken by the next.
        due = not self._timed or state.time >= max(self._timed[-1].seen_at + period, self._timed[-1].ready_at) - 1e-6
        if due:
            began = time.perf_counter()
            chunk = self._ask(observe)
            took = time.perf_counter() - began if self.config.latency is None else self.config.latency
            steps = max(1, math.ceil(took * CONTROL_HZ))
            begin, way = self._behind_jumps(chunk, state)
            self._timed.append(_TimedChunk(chunk, state, state.time + steps / CONTROL_HZ, begin, way))
        ready = [c for c in self._timed if c.ready_at <= state.time + 1e-6]
        if not ready:
            return Command(self._timed[0].start.T_world_ee, self._commanded)
        when = state.time + self.config.lead
        if self.config.ensemble is None:
            self._timed = [self._waiting_to_grip(ready[-1], state), *self._timed[len(ready) :]]
            now, _ = self._timed[0].at(state.time, state.time, self._commanded)
            self._correct(now.translation, state.T_world_ee.translation)
            pose, gripper = self._timed[0].at(when, state.time, self._commanded)
            return _command(Pose(pose.rotation, pose.translation + self._correction), gripper)
        waiting = self._timed[len(ready) :]
        ready = [c for c in ready[:-1] if c.reaches(when)] + ready[-1:]
        self._timed = ready + waiting
        said = [c.at(when, state.time, self._commanded) for c in ready]
        return _command(*average(said, self.config.ensemble))

    def _waiting_to_grip(self, plan: _TimedChunk, state: RobotState) -> _TimedChunk:
        """The plan, its clock held while the gripper is due to work and the end effector not where it is to."""
        due = plan.due(state.time)
        if due == 0 or due != plan.next_grip(due, self._commanded):
            return plan
        here = state.T_world_ee.translation
        off = np.linalg.norm(plan.chunk.positions[plan.begin + due - 1] - here)
        if np.linalg.norm(here - self._before) > _STILL or off <= self.config.grip_within:
            self._stuck = 0.0
        if off <= self.config.grip_within or max(plan.late, self._stuck) >= self.config.grip_patience - 1e-6:
            return plan
        self._stuck += 1 / CONTROL_HZ
        return replace(plan, late=plan.late + 1 / CONTROL_HZ)

    def _correct(self, aim: np.ndarray, here: np.ndarray) -> None:
        """Integral action against the controller's steady-state error, while the end effector hardly moves and is not far
        off: what it is short of where it is to be now is added to the set-point little by little."""
        slow, self._before = np.linalg.norm(here - self._before) < _SLOW, here
        if slow and np.linalg.norm(aim - here) < _NEAR:
            limit = self.config.servo.largest_correction
            self._correction = np.clip(self._correction + _INTEGRAL * (aim - here), -limit, limit)

    def _behind_jumps(self, chunk: ActionChunk, state: RobotState) -> tuple[int, int]:
        """The step to begin a timed chunk with, and how many steps' time the arm gets to be there."""
        if self.config.ensemble is not None or self.config.stride <= 0:
            return 0, 1
        begin = last_plan(chunk.positions, chunk.gripper, self._commanded, self.config.stride)
        if begin == 0:
            return 0, 1
        far = np.linalg.norm(chunk.positions[begin] - state.T_world_ee.translation)
        return begin, max(1, math.ceil(far / self.config.stride))


_STILL = 0.001
"""Movement in a control step below which the end effector stands still [m]."""
_SLOW, _NEAR, _INTEGRAL = 0.004, 0.05, 0.2
"""`ChunkExecutor._correct`: movement in a control step [m], distance [m], share of the error that is added in a step."""


@dataclass(frozen=True)
class _TimedChunk:
    chunk: ActionChunk
    start: RobotState
    ready_at: float
    begin: int = 0
    """The step to begin with."""
    way: int = 1
    """Where it is to be reached, in steps' times."""
    late: float = 0.0
    """How long the plan has stood still [s]."""

    @property
    def seen_at(self) -> float:
        return self.start.time

    def reaches(self, when: float) -> bool:
        """Whether the chunk says something of this time."""
        return when - self.seen_at <= (self.way + len(self.chunk) - 1 - self.begin) * self.chunk.step_seconds + 1e-6

    def at(self, when: float, now: float, opening: float) -> tuple[Pose, float]:
        """Target at the time `when`, its position linear between the chunk's steps, from the pose it was predicted at; and the
        opening of the last step that is due `now`, before the first one the present `opening`: the arm is led, as it lags, but
        not past a step at which the gripper is still to work, and the gripper works where it was told to."""
        due = self.due(now)
        passed = min(self._passed(when), self.next_grip(max(due, 1), opening))
        segment = min(int(passed), len(self.chunk) - 1 - self.begin)
        k, share = self.begin + segment, passed - segment
        before = (
            self.start.T_world_ee if segment == 0 else Pose(self.chunk.rotations[k - 1], self.chunk.positions[k - 1])
        )
        position = before.translation + share * (self.chunk.positions[k] - before.translation)
        rotation = turn_towards(before.rotation, self.chunk.rotations[k], 0.15 * (1 + 3 * share))
        gripper = opening if due == 0 else self.chunk.gripper[self.begin + due - 1]
        return Pose(rotation, position), float(gripper)

    def due(self, now: float) -> int:
        """How many steps are due."""
        return int(self._passed(now) + 1e-6)

    def next_grip(self, due: int, opening: float) -> int:
        """The first step from the `due`-th on, counted as there, whose command differs from the present `opening`; one
        more than there are where none does."""
        changes = (self.chunk.gripper[self.begin + due - 1 :] > 0.5) != (opening > 0.5)
        return due + int(np.argmax(changes)) if changes.any() else len(self.chunk) - self.begin + 1

    def _passed(self, when: float) -> float:
        """Segments from one step to the next that are behind at that time; the first one takes `way` steps' times."""
        place = max((when - self.seen_at - self.late) / self.chunk.step_seconds, 0.0)
        passed = min(place / self.way, 1.0) + max(place - self.way, 0.0)
        return min(passed, float(len(self.chunk) - self.begin))


def _command(pose: Pose, gripper: float) -> Command:
    return Command(pose, float(gripper > 0.5))
