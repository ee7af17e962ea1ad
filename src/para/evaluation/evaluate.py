"""Conditions -> episodes, in parallel, resumable, each recorded when it is over."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path

from para.evaluation.agents import AgentSpec, Setup, libero_setup
from para.evaluation.conditions import Condition
from para.evaluation.ledger import append_ledger
from para.evaluation.pool import EvaluationError, Pool
from para.evaluation.progress import Progress, print_progress
from para.evaluation.provenance import provenance
from para.evaluation.records import (
    PACKED,
    EpisodeError,
    EpisodeRecord,
    RecordsError,
    Settings,
    append_record,
    read_records,
    remaining,
    sort_records,
)
from para.evaluation.video import video_path
from para.evaluation.worker import Task
from para.worlds.processes import single_threaded_children

MAX_ATTEMPTS = 3
"""Times that a call tries an episode before its error stands as unresolved."""


@dataclass(frozen=True)
class Evaluation:
    """What is on record for the asked conditions."""

    records: tuple[EpisodeRecord, ...]
    errors: tuple[EpisodeError, ...]
    """Unresolved; as long as there is one, the cell may not be published."""

    def finished(self) -> tuple[EpisodeRecord, ...]:
        """The records. EvaluationError while an error is unresolved: a rate of the others would be of chosen conditions."""
        if self.errors:
            first = self.errors[0]
            raise EvaluationError(
                f"{len(self.errors)} episodes have no outcome (the first, {first.condition.axis} {first.condition.index}: "
                f"{first.cause}); start the same again to ask them once more"
            )
        return self.records


def evaluate(
    spec: AgentSpec,
    conditions: Sequence[Condition],
    records_path: Path,
    *,
    workers: int = 2,
    image_size: tuple[int, int] = (256, 256),
    max_steps: int = 600,
    videos: Path | None = None,
    video_count: int = 8,
    ledger: Path | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    setup: Setup = libero_setup,
    progress: Callable[[Progress], None] = print_progress,
) -> Evaluation:
    """Run `conditions` that `spec` has not run yet and append them to `records_path`.

    Ctrl-C stops at once and loses only the episodes in flight; the same call goes on where it stopped. `videos` is a
    folder for the rollouts of the first `video_count` conditions. A policy's looks at conditions of the split ``test``
    are noted in the `ledger`, and not run without one. `setup` builds world and agent in a worker.

    Episodes run in `workers` spawned processes of one thread each, or in any other `concurrent.futures.Executor`, on
    this machine or on others; `workers` is then how many episodes are in flight. An `executor` that is handed in is left
    open; when the death of a worker breaks it, EvaluationError says so, and the same call with another one goes on. A
    function that makes executors is called again instead, and what it makes is shut down here. What workers need:

    - this version of `para`, in a process that was not forked from one that draws (``spawn``, or a program of its own);
      local processes are best begun with `worker.initialise`;
    - the saved policy, and the folder `videos`, under the same absolute paths as here: on other machines that is a shared
      file system. Records and ledger are written by the calling process alone;
    - one episode at a time for each thread: a thread builds its own world and agent, and keeps them.
    """
    for packed in (records_path, records_path.with_name(records_path.name + PACKED)):
        if packed.suffix == PACKED and packed.exists():
            raise RecordsError(f"{packed} is packed, and only read; to add to it, first `gunzip {packed}`")
    if workers < 1:
        raise ValueError(f"{workers} workers: episodes need at least one")
    if ledger is None and spec.kind == "policy" and any(c.split == "test" for c in conditions):
        raise ValueError(
            f"agent {spec.name!r} is asked test conditions without a ledger: name the file that counts such looks "
            "(ledger=Path('ledger.jsonl')), or ask conditions of another split"
        )
    subject, settings = spec.subject(), Settings(spec.mode, max_steps, image_size)
    # A worker's working directory may be another one.
    videos = None if videos is None else videos.absolute()
    sent = replace(spec, path=spec.path and spec.path.absolute(), locator=spec.locator and spec.locator.absolute())
    before = read_records(records_path)
    left = remaining(before, subject, settings, conditions, str(records_path))
    errors = {
        (e.condition.axis, e.condition.split, e.condition.index): e.attempts
        for e in before.errors
        if (e.subject, e.settings.mode) == (subject, settings.mode)
    }
    filmed = {c for c in conditions[:video_count]} if videos is not None else set()
    tasks = [
        Task(
            spec=sent,
            subject=subject,
            condition=c,
            settings=settings,
            setup=setup,
            video=video_path(videos, c.axis, spec.name, c.split, c.index) if videos and c in filmed else None,
            provenance=provenance(),
            attempts=1 + failed,
            errors_before=failed,
        )
        for c in left
        for failed in [errors.get((c.axis, c.split, c.index), 0)]
    ]
    if ledger is not None:
        for axis in sorted({c.axis for c in left if c.split == "test"}):
            append_ledger(ledger, subject, axis, sum(c.axis == axis and c.split == "test" for c in left))
    if tasks:
        with single_threaded_children():
            pool = Pool(executor, min(workers, len(tasks)))
            _run(tasks, pool, workers, records_path, spec.name, len(conditions), progress)
    found = read_records(records_path)
    asked = {(c.axis, c.split, c.index, c.seed) for c in conditions}

    def ours(record: EpisodeRecord | EpisodeError) -> bool:
        c = record.condition
        return (record.subject, record.settings) == (subject, settings) and (c.axis, c.split, c.index, c.seed) in asked

    return Evaluation(
        tuple(sort_records(filter(ours, found.episodes))), tuple(sort_records(filter(ours, found.errors)))
    )


def _run(
    tasks: Sequence[Task],
    pool: Pool,
    width: int,
    path: Path,
    name: str,
    total: int,
    progress: Callable[[Progress], None],
) -> None:
    """Keep `width` episodes in flight until all are recorded.

    When a worker is killed, its pool dies and nobody knows which of the episodes in flight did it: they are suspects
    and run one at a time afterwards, so that the guilty one cannot use up the attempts of the others.
    """
    begin, waiting, suspects = time.monotonic(), deque(tasks), deque[Task]()
    running: dict[Future, Task] = {}
    finished, placed, unresolved, alone = 0, 0, 0, False

    def settle(task: Task, result: EpisodeRecord | EpisodeError, queue: deque[Task]) -> None:
        nonlocal finished, placed, unresolved
        if isinstance(result, EpisodeError) and task.attempts - task.errors_before < MAX_ATTEMPTS:
            queue.append(replace(task, attempts=task.attempts + 1))
            return
        append_record(path, result)
        finished += 1
        unresolved += isinstance(result, EpisodeError)
        placed += isinstance(result, EpisodeRecord) and result.placed
        if len(tasks) == total and finished == unresolved >= min(3, total):
            raise EvaluationError(
                f"{name}: no episode gets as far as the first action; the last cause, after {MAX_ATTEMPTS} attempts: "
                f"{result.cause}. Its traceback stands in the workers' output."
            )
        seconds = (time.monotonic() - begin) / finished
        done = total - len(tasks) + finished
        progress(Progress(name, done, total, finished - unresolved, placed, unresolved, seconds))

    try:
        while waiting or suspects or running:
            broken = False
            if not running:
                alone = bool(suspects)
            while (source := suspects if alone else waiting) and len(running) < (1 if alone else width):
                task = source.popleft()
                try:
                    running[pool.submit(task)] = task
                except BrokenExecutor:  # died while idle
                    source.appendleft(task)
                    broken = True
                    break
            done = wait(running, return_when=FIRST_COMPLETED).done if running else set()
            broken = broken or any(isinstance(_cause(future), BrokenExecutor) for future in done)
            if broken:
                done = wait(running).done  # the rest of a dead pool's futures fail at once
            for future in sorted(done, key=lambda f: running[f].condition.index):
                task, cause = running.pop(future), _cause(future)
                if cause is None:
                    settle(task, future.result(), waiting)
                    continue
                killed = isinstance(cause, BrokenExecutor)
                words = (
                    "the worker process was killed (out of memory?)" if killed else f"{type(cause).__name__}: {cause}"
                )
                error = EpisodeError(task.subject, task.condition, task.settings, words, task.attempts, task.provenance)
                settle(task, error, suspects)
            if broken:
                pool.replace()
    except BaseException:
        pool.stop(running)
        raise
    pool.finish()


def _cause(future: Future) -> BaseException | None:
    """Why a future that is done has no result; None where it has one."""
    return CancelledError("by the executor") if future.cancelled() else future.exception()
