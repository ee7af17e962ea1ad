"""Decoded pictures of a dataset, kept in a file beside it: decoded once, whoever asks first, and mapped by all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from para.demos import DemoDataset


def decoded_pictures(
    dataset: DemoDataset, camera: str, episodes: list[int], frames_of: list[np.ndarray], folder: Path
) -> np.ndarray:
    """(N, H, W, 3) uint8: frames `frames_of[i]` of `episodes[i]`, one episode after the other, mapped from a file in `folder`.

    The file is made when it is missing and appears whole or not at all. Of several processes that ask at the same time (one
    for each GPU) one decodes, and the others wait for it. OSError where there is no room, or no permission to write.
    """
    width, height = dataset.image_size(camera)
    shape = (sum(len(f) for f in frames_of), height, width, 3)
    request = {
        "camera": camera,
        "frames": [[e, dataset.fingerprint(e), f.tolist()] for e, f in zip(episodes, frames_of)],
    }
    key = hashlib.sha256(json.dumps(request).encode()).hexdigest()[:16]
    path = folder / f"frames-{key}.uint8"
    if not _whole(path, shape):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder) as alone:
                # Of processes that were killed: a living one would hold the lock, where there are locks.
                for left in folder.glob("frames-*.part") if alone else ():
                    left.unlink()
                if not _whole(path, shape):
                    _decode(dataset, camera, episodes, frames_of, path, shape)
        except OSError as error:
            raise OSError(
                f"{folder}: {error.strerror}. {np.prod(shape) / 2**20:.0f} MiB of decoded pictures are kept there; name "
                "another folder (`cache`, or --cache on the command line)"
            ) from error
    return np.memmap(path, np.uint8, "r", shape=shape)


def _whole(path: Path, shape: tuple[int, ...]) -> bool:
    return path.exists() and path.stat().st_size == int(np.prod(shape))


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock, which the system takes back from a process that ends. False where the file system has none (some
    network file systems): then several processes may decode the same, and the last one's file stays."""
    descriptor, alone = os.open(folder, os.O_RDONLY), False
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            alone = True
        yield alone
    finally:
        os.close(descriptor)


def _decode(
    dataset: DemoDataset,
    camera: str,
    episodes: list[int],
    frames_of: list[np.ndarray],
    path: Path,
    shape: tuple[int, ...],
) -> None:
    partial = path.with_name(f"{path.stem}-{uuid.uuid4().hex}.part")
    try:
        with open(partial, "wb") as file:  # a full disk is told now; written to through a map it would end the process
            size = max(int(np.prod(shape)), 1)
            os.posix_fallocate(file.fileno(), 0, size) if hasattr(os, "posix_fallocate") else file.truncate(size)
        images = np.memmap(partial, np.uint8, "r+", shape=shape)
        start, began, said = 0, time.monotonic(), time.monotonic()
        for done, (episode, frames) in enumerate(zip(episodes, frames_of), 1):
            images[start : start + len(frames)] = dataset.decode(episode, camera, frames)
            start += len(frames)
            now = time.monotonic()
            if now - said > 10 and done < len(episodes):  # most sets take seconds
                left = (now - began) / start * (shape[0] - start)
                print(
                    f"  decoded {done}/{len(episodes)} demonstrations  {left:.0f} s left", file=sys.stderr, flush=True
                )
                said = now
        images.flush()
        del images
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
