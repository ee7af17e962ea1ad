"""One episode in one worker process."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

from para.evaluation.agents import AgentSpec, Setup
from para.evaluation.conditions import Condition
from para.evaluation.provenance import Provenance, provenance
from para.evaluation.records import EpisodeError, EpisodeRecord, Settings, Subject
from para.evaluation.video import VideoRecorder
from para.types import Command
from para.worlds.world import Agent, Outcome, Rollout, Stage, Subscriber, World, rollout


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
    """Of the process that asks; an episode's record has this command, and the rest from where it ran."""
    attempts: int = 1
    """1 + the errors so far."""
    errors_before: int = 0
    """Those of them that were on record when this call began."""


def initialise() -> None:
    """Run once in a new worker: Ctrl-C belongs to the parent, and one worker uses one core."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


_mine = threading.local()
"""The world and agent of this thread, as `built`, with what they were built from; one pair, as a world holds a renderer."""


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
            return EpisodeError(task.subject, task.condition, task.settings, words, task.attempts, _provenance(task))
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
        provenance=_provenance(task),
    )


class _Watch(Subscriber):
    """Knows whether the agent has acted, also when the rollout does not return."""

    def __init__(self) -> None:
        self.steps = 0

    def before_step(self, world: World, agent: Agent, command: Command) -> None:
        self.steps += 1


def _world_and_agent(task: Task) -> tuple[World, Agent]:
    key = (task.spec, task.subject, task.settings, task.setup)
    if getattr(_mine, "built", (None,))[0] != key:
        _forget()
        here = task.spec.subject()
        if here != task.subject:
            raise ValueError(
                f"{task.spec.path} holds the weights {here.checkpoint}, and {task.subject.checkpoint} are to be evaluated: "
                "they were replaced meanwhile, or this worker's machine has others. Evaluate again, or copy them here"
            )
        _mine.built = key, task.setup(task.spec, task.settings)
    return _mine.built[1]


def _provenance(task: Task) -> Provenance:
    """The machine and the versions are those of this worker, which may be far from the process that asks."""
    return replace(provenance(), command=task.provenance.command)


def _outcome(world: World | None) -> Outcome | None:
    """The judgement of a world that may be broken."""
    try:
        return None if world is None else world.outcome()
    except Exception:  # the episode has failed already; its cause is the first exception
        return None


def _forget() -> None:
    built = _mine.__dict__.pop("built", None)
    if built is None:
        return
    try:
        built[1][0].close()
    except Exception:  # a broken renderer may refuse; the process goes on with a new one
        traceback.print_exc()
