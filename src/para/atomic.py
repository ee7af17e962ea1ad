"""Files and folders that appear whole or not at all, also when the process is killed at any moment."""

from __future__ import annotations

import ctypes
import glob
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_STALE_SECONDS = 600


def write_file(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` make a neighbouring file, then put it in place of `path`; where `write` fails nothing is left of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(partial)
        os.replace(partial, path)
    finally:  # a write that failed, for want of room perhaps, must not keep what room it took
        partial.unlink(missing_ok=True)


def remove_stale(path: Path) -> None:
    """Remove the neighbouring files of `write_file` that killed processes left, by their age: a living one's grows."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with suppress(FileNotFoundError):  # put in place meanwhile
            if time.time() - partial.stat().st_mtime > _STALE_SECONDS:
                partial.unlink()


def link_or_copy(source: Path, target: Path) -> None:
    """A second name for `source`, or a copy where the file system has no hard links. `target` appears whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        write_file(target, lambda partial: shutil.copyfile(source, partial))


def replace_folder(new: Path, current: Path, order: tuple[str, ...]) -> None:
    """Put folder `new` in place of folder `current`, on the same file system; `new` is gone afterwards.

    Where the kernel can exchange two folders this is one step. Elsewhere files are replaced one by one in `order`
    (paths inside the folder): choose it so that every state on the way is valid.
    """
    if not current.exists():
        os.rename(new, current)
        return
    if not _exchange(new, current):
        for name in order:
            (current / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(new / name, current / name)
    shutil.rmtree(new)


def _exchange(a: Path, b: Path) -> bool:
    """Swap two folders in one step (Linux renameat2); False where that is not to be had."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    return renameat2(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), ctypes.c_uint(_RENAME_EXCHANGE)) == 0
