"""One episode in one worker process."""

from __future__ import annotations

import signal
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from para.evaluation.agents import AgentSpec, Setup
from para.evaluation.conditions import Condition
from para.evaluation.provenance import Provenance
from para.evaluation.records import EpisodeError, EpisodeRecord, Settings, Subject
from para.evaluation.video import VideoRecorder
from para.types import Command
from para.worlds.world import Agent, Outcome, Rollout, Stage, World, rollout


@dataclass(frozen=True)
class Task:
    """Everything a worker needs for one episode."""

    spec: AgentSpec
    subject: Subject
    condition: Condition
    settings: Settings
    setup: Setup
    video: Path | None
    provenance: Provenance
    attempts: int = 1
    """1 + the errors so far."""


def initialise() -> None:
    """Run once in a new worker: Ctrl-C belongs to the parent, and one worker uses one core."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


_built: dict[tuple[AgentSpec, Settings, Setup], tuple[World, Agent]] = {}
"""The world and agent of this worker; one entry at most, because a world holds a renderer."""


def run_episode(task: Task) -> EpisodeRecord | EpisodeError:
    """Run the episode; an exception before the agent's first command is an error, afterwards the agent's failure."""
    begin, watch, world = time.perf_counter(), _Watch(), None
    try:
        world, agent = _world_and_agent(task)
        subscribers = [watch] if task.video is None else [watch, VideoRecorder(task.video)]
        result = rollout(world, agent, task.condition.layout, subscribers, task.settings.max_steps)
    except Exception as cause:  # the process's border: the benchmark tells errors from failures by who had acted
        traceback.print_exc()
        outcome = _outcome(world) if watch.steps else None
        _forget()  # neither world nor agent can be trusted after an unforeseen exception
        words = f"{type(cause).__name__}: {cause}"
        if not watch.steps:
            place = traceback.extract_tb(cause.__traceback__)[-1]
            words = f"{words} ({Path(place.filename).name}:{place.lineno})"
            return EpisodeError(task.subject, task.condition, task.settings, words, task.attempts, task.provenance)
        outcome = outcome or Outcome(Stage.MISS, official=False, finished=False)
        result = Rollout(outcome, watch.steps, f"failure: {words}", acted=True)
    return EpisodeRecord(
        subject=task.subject,
        condition=task.condition,
        settings=task.settings,
        stage=result.outcome.stage,
        official=result.outcome.official,
        steps=result.steps,
        ended_by=result.ended_by,
        wall_seconds=round(time.perf_counter() - begin, 3),
        attempts=task.attempts,
        provenance=task.provenance,
    )


class _Watch:
    """Knows whether the agent has acted, also when the rollout does not return."""

    def __init__(self) -> None:
        self.steps = 0

    def start(self, world: World, agent: Agent) -> None:
        pass

    def before_step(self, world: World, agent: Agent, command: Command) -> None:
        self.steps += 1

    def end(self, world: World, agent: Agent, outcome: Outcome) -> None:
        pass


def _world_and_agent(task: Task) -> tuple[World, Agent]:
    key = (task.spec, task.settings, task.setup)
    if key not in _built:
        _forget()
        _built[key] = task.setup(task.spec, task.settings)
    return _built[key]


def _outcome(world: World | None) -> Outcome | None:
    """The judgement of a world that may be broken."""
    try:
        return None if world is None else world.outcome()
    except Exception:  # the episode has failed already; its cause is the first exception
        return None


def _forget() -> None:
    while _built:
        _, (world, _) = _built.popitem()
        try:
            world.close()
        except Exception:  # a broken renderer may refuse; the process goes on with a new one
            traceback.print_exc()
