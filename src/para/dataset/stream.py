"""An endless, exactly resumable stream of training batches.

Batch `step` depends on (seed, step) alone: resuming at step s, or on another number of processes, gives the same samples.
"""

from __future__ import annotations

import signal
from collections.abc import Generator

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from para.dataset.augment import Augmentation
from para.dataset.batch import Batch, Clip, ModelInput, Targets
from para.dataset.clips import ClipPlan
from para.dataset.samples import SampleTable
from para.geometry import Camera, LevelFraming, Pose, Reflection

PLACES = ("ee_position", "target_positions", "grip_position")
ROTATIONS = ("ee_rotation", "target_rotations", "grip_rotation")
"""Columns of a table that a mirror changes."""


class BatchStream(Dataset):
    """`stream[step]` is the batch of that training step, or this process's share of it."""

    def __init__(
        self,
        samples: SampleTable,
        augmentation: Augmentation,
        image_size: tuple[int, int],
        batch_size: int,
        seed: int,
        rank: int = 0,
        processes: int = 1,
        framing: LevelFraming | None = None,
        rows: np.ndarray | None = None,
        clips: ClipPlan | None = None,
    ) -> None:
        """`rows`: the moments to draw from, by index into `samples`; all by default."""
        if batch_size % processes:
            raise ValueError(f"batch size {batch_size} does not divide over {processes} processes")
        self.samples, self.augmentation, self.image_size = samples, augmentation, image_size
        self.framing = framing
        self.batch_size, self.seed, self.rank, self.processes = batch_size, seed, rank, processes
        self.moments = np.arange(len(samples)) if rows is None else rows
        self.clips = clips
        if clips is not None:
            clips.check(samples)

    def __getitem__(self, step: int) -> Batch:
        epoch_of, place = divmod(step * self.batch_size + np.arange(self.batch_size), len(self.moments))
        orders = {e: np.random.default_rng((self.seed, 1, e)).permutation(self.moments) for e in set(epoch_of)}
        rows = range(self.rank, self.batch_size, self.processes)
        return collate(
            self.samples,
            [int(orders[epoch_of[row]][place[row]]) for row in rows],
            self.image_size,
            self.augmentation,
            [np.random.default_rng((self.seed, 2, step, row)) for row in rows],
            self.framing,
            self.clips,
        )

    def loader(self, start: int, stop: int, workers: int = 1) -> Generator[Batch]:
        """Batches of steps start to stop - 1, prepared ahead in `workers` processes (0: in this one), which `close` ends."""
        extra = {"prefetch_factor": 4, "worker_init_fn": _begin_worker} if workers else {}
        batches = iter(DataLoader(self, batch_size=None, sampler=range(start, stop), num_workers=workers, **extra))
        try:
            yield from batches
        finally:
            if workers:  # they answer no signal, so that the interpreter's end would wait for them in vain
                batches._shutdown_workers()


def collate(
    samples: SampleTable,
    indices: list[int],
    image_size: tuple[int, int],
    augmentation: Augmentation | None = None,
    rngs: list[np.random.Generator] | None = None,
    framing: LevelFraming | None = None,
    clips: ClipPlan | None = None,
) -> Batch:
    """Moments `indices` as a batch at `image_size` (W, H), framed, then each augmented with its own generator.

    With `clips` also what follows each moment, through the moment's own camera and with the same augmentation.
    """
    width, height = image_size
    plan, augmentation = clips or ClipPlan(1, 1), augmentation or Augmentation()
    images, cameras = np.empty((len(indices), plan.frames, height, width, 3), np.uint8), []
    exists = np.empty((len(indices), plan.frames), bool)
    world = {name: getattr(samples, name)[indices] for name in (*PLACES, *ROTATIONS)}
    for row, i in enumerate(indices):
        camera = samples.camera(i)
        rng = None if rngs is None else rngs[row]
        mirror = augmentation.reflection(camera, rng)
        if mirror is not None:
            camera = mirror.camera(camera)
            for name, column in world.items():
                column[row] = (mirror.points if name in PLACES else mirror.rotations)(column[row])
        new = augmentation.place(camera, rng)
        new = new.resize(width, height) if framing is None else framing(new, width, height)
        there = samples.target_valid[i]
        points = world["target_positions"][row][there] if there.any() else world["ee_position"][row][None]
        new = augmentation.camera(new, points.astype(np.float64), rng)
        frames, exists[row] = plan.rows(samples, i)
        moments = [_seen(samples, f, mirror) for f in frames]
        seen = [augmentation.warp(image, camera, new, holding) for image, holding in moments]
        if augmentation.shapes is not None:
            way = samples.ee_position[samples.episode == samples.episode[i]].astype(np.float64)
            way = way if mirror is None else mirror.points(way)
            augmentation.paste(seen, camera, new, world["ee_position"][row], way, samples.holding(i), rng)
        strip = augmentation.image(np.concatenate(seen), rng)  # below each other
        images[row] = strip.reshape(images[row].shape)
        cameras.append(new)
    camera = Camera(
        _float(np.stack([c.intrinsics for c in cameras])),
        Pose(
            _float(np.stack([c.T_world_camera.rotation for c in cameras])),
            _float(np.stack([c.T_world_camera.translation for c in cameras])),
        ),
        width,
        height,
    )
    inputs = ModelInput(
        torch.from_numpy(images[:, 0]).permute(0, 3, 1, 2),
        camera,
        Pose(_float(world["ee_rotation"]), _float(world["ee_position"])),
        _float(samples.gripper[indices]),
        tuple(samples.instruction[i] for i in indices),
    )
    targets = Targets(
        _float(world["target_positions"]),
        _float(world["target_rotations"]),
        _float(samples.target_gripper[indices]),
        torch.from_numpy(samples.target_valid[indices]),
        Pose(_float(world["grip_rotation"]), _float(world["grip_position"])),
    )
    clip = Clip(torch.from_numpy(images).permute(0, 1, 4, 2, 3), torch.from_numpy(exists))
    return Batch(inputs, targets, None if clips is None else clip)


def _seen(samples: SampleTable, i: int, mirror: Reflection | None) -> tuple[np.ndarray, bool]:
    """The picture of moment i, as the mirror shows it, and whether the hand holds something."""
    image = samples.images[i]
    return image if mirror is None else np.ascontiguousarray(image[:, ::-1]), samples.holding(i)


def _float(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def _begin_worker(worker: int) -> None:
    import cv2

    # Terminals and schedulers send these to every process of a job; one that died of it would keep the training from ending
    # its step and saving its state.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
