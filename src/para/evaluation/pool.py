"""The executor that episodes run in: processes spawned here, made by the caller's function, or lent by the caller."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ProcessPoolExecutor

from para.evaluation.worker import Task, initialise, run_episode


class EvaluationError(RuntimeError):
    """The evaluation cannot go on, as no episode gets as far as the first action or the executor that was lent is broken; or
    some episodes have no outcome."""


class Pool:
    """One executor at a time. What was made here, or for us, is ours to end; what was lent stays the caller's."""

    def __init__(self, executor: Executor | Callable[[], Executor] | None, workers: int) -> None:
        """`executor`: lent, or a function that makes one; None spawns `workers` processes."""
        self._lent = isinstance(executor, Executor)
        self._make = executor or (lambda: _spawned(workers))
        self._executor: Executor = executor if self._lent else self._make()

    def submit(self, task: Task) -> Future:
        """Begin an episode. BrokenExecutor where a worker died while idle."""
        return self._executor.submit(run_episode, task)

    def replace(self) -> None:
        """Another executor for a broken one. EvaluationError where it was lent."""
        if self._lent:
            raise EvaluationError(
                "a worker of the executor that was handed in was killed (out of memory?), and a broken executor cannot be "
                "mended. What was finished is on record: call again with a new one, or hand in a function that makes one"
            )
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._make()

    def finish(self) -> None:
        """All is done."""
        if not self._lent:
            self._executor.shutdown()

    def stop(self, running: Iterable[Future]) -> None:
        """Now, without waiting for the episodes in flight; a lent executor ends those that have begun."""
        for future in running:
            future.cancel()
        if self._lent:
            return
        processes = list((getattr(self._executor, "_processes", None) or {}).values())
        self._executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()


def _spawned(workers: int) -> Executor:
    context = multiprocessing.get_context("spawn")  # a forked renderer or torch hangs
    return ProcessPoolExecutor(workers, mp_context=context, initializer=initialise)
