"""Decoded pictures are kept in a file that is whole or absent, whoever makes it and however that ends."""

from __future__ import annotations

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from para.dataset.pictures import decoded_pictures


class CountingSet:
    """Stands in for an opened dataset where only the pictures matter: each decoding is slow, and noted in a file."""

    def __init__(self, notes: Path, breaks: bool = False) -> None:
        self.notes, self.breaks = notes, breaks

    def image_size(self, camera: str) -> tuple[int, int]:
        return 4, 3

    def fingerprint(self, episode: int) -> str:
        return f"episode {episode}"

    def decode(self, episode: int, camera: str, frames: np.ndarray) -> np.ndarray:
        if self.breaks and episode == 1:
            raise KeyboardInterrupt
        with self.notes.open("a") as file:
            file.write(f"{episode}\n")
        time.sleep(0.2)
        return np.full((len(frames), 3, 4, 3), 10 * episode) + np.asarray(frames)[:, None, None, None]


FRAMES = [np.array([0, 2]), np.array([1])]


def ask(notes: Path, folder: Path) -> np.ndarray:
    return decoded_pictures(CountingSet(notes), "front", [0, 1], FRAMES, folder)


def ask_and_check(notes: Path, folder: Path) -> None:
    assert ask(notes, folder)[:, 0, 0, 0].tolist() == [0, 2, 11]


def test_of_those_that_ask_together_one_decodes(tmp_path):
    with ThreadPoolExecutor(
        3
    ) as pool:  # the lock is of an opened folder, so it keeps threads apart as it does processes
        for asked in [pool.submit(ask_and_check, tmp_path / "notes", tmp_path / "cache") for _ in range(3)]:
            asked.result()
    assert (tmp_path / "notes").read_text().split() == ["0", "1"]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_what_is_interrupted_leaves_nothing_behind(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        decoded_pictures(CountingSet(tmp_path / "notes", breaks=True), "front", [0, 1], FRAMES, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
    ask_and_check(tmp_path / "notes", tmp_path / "cache")


def test_what_a_killed_process_left_is_cleared_away(tmp_path):
    ask_and_check(tmp_path / "notes", tmp_path / "cache")
    (whole,) = (tmp_path / "cache").iterdir()
    whole.rename(whole.with_name("frames-of-another.uint8.part"))
    ask_and_check(tmp_path / "notes", tmp_path / "cache")
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [whole.name]


def test_without_locks_nobody_takes_away_what_another_writes(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError("no locks here")

    monkeypatch.setattr("para.dataset.pictures.fcntl.flock", no_locks)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/frames-of-another.uint8.part").write_bytes(b"half")
    ask_and_check(tmp_path / "notes", tmp_path / "cache")
    assert (tmp_path / "cache/frames-of-another.uint8.part").read_bytes() == b"half"


def test_other_frames_are_another_file(tmp_path):
    ask(tmp_path / "notes", tmp_path / "cache")
    decoded_pictures(CountingSet(tmp_path / "notes"), "front", [0, 1], FRAMES[::-1], tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(OSError) as error:
        ask(tmp_path / "notes", tmp_path / "cache")
    assert str(error.value) == (
        f"{tmp_path}/cache: File exists. 0 MiB of decoded pictures are kept there; name another folder (`cache`, or --cache on "
        "the command line)"
    )

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=f"{tmp_path}/other: No space left on device. .* name another folder"):
        ask(tmp_path / "notes", tmp_path / "other")
    assert not list((tmp_path / "other").iterdir())
