"""Killed at any moment, a recording leaves a valid set, and resuming it ends with the same content."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from demos.synthetic import default_camera, make_episode, meta_for
from para import atomic
from para.demos import DatasetWriter, DemoDataset, DemoError, stage_episode

CAMERA = default_camera(96, 64)
PLAN = 10
FAILS = 4


def record(root: Path) -> None:
    """Record the whole plan, or what is left of it."""
    with DatasetWriter(root, meta_for(CAMERA), "plan", PLAN) as writer:
        for plan_index in writer.pending():
            if plan_index == FAILS:
                writer.fail(plan_index, "always")
                continue
            stage_episode(make_episode(plan_index, 24, CAMERA), writer.staging_folder(plan_index))
            writer.commit()


def content(root: Path) -> dict[str, str]:
    """Every file of the set with its digest."""
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("demos") / "whole"
    start = time.monotonic()
    record(root)
    return content(root), time.monotonic() - start


def test_killed_at_random_moments(whole, tmp_path):
    expected, seconds = whole
    root, rng = tmp_path / "set", np.random.default_rng(5)
    kills, most = 0, 0
    while kills < 6:
        command = [sys.executable, "-m", "demos.test_crash", str(root)]
        process = subprocess.Popen(
            command, cwd=Path(__file__).parents[1], start_new_session=True, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "ready\n"
        time.sleep(float(rng.uniform(0.0, 0.6 * seconds)))
        running = process.poll() is None
        os.killpg(process.pid, signal.SIGKILL) if running else None
        process.wait()
        process.stdout.close()
        kills += running
        if (
            not running
        ):  # it was through before: this machine is quieter than it was, and the next ones have to be sooner
            assert process.returncode == 0 and content(root) == expected
            shutil.rmtree(root)
            seconds, most = seconds / 2, 0
            continue
        try:
            found = DemoDataset.open(root)
        except DemoError as error:  # nothing had been committed yet
            assert most == 0 and ("no episodes yet" in str(error) or "not a dataset" in str(error))
            continue
        assert len(found) >= most, "a committed episode is gone"
        most = len(found)
        assert found.decode(most - 1, "front").shape == (24, 64, 96, 3)
        plan = [i for i in range(PLAN) if i != FAILS]
        assert [row.plan_index for row in found.episodes] == plan[:most]
    record(root)
    assert content(root) == expected


@pytest.mark.parametrize("exchange", [True, False])
def test_stopped_at_every_step_of_a_commit(exchange, whole, tmp_path, monkeypatch):
    """The process stops before each file operation in turn; after every one the set opens and keeps what it had."""
    monkeypatch.setattr(atomic, "_exchange", atomic._exchange if exchange else lambda a, b: False)
    root = tmp_path / "set"
    with DatasetWriter(root, meta_for(CAMERA), "plan", PLAN) as writer:
        for i in range(3):
            stage_episode(make_episode(i, 24, CAMERA), writer.staging_folder(i))
        writer.commit()
    staged = tmp_path / "staged"
    stage_episode(make_episode(3, 24, CAMERA), staged)

    for stop_at in range(1, 40):
        countdown = Countdown(stop_at)
        with monkeypatch.context() as patch:
            writer = DatasetWriter(root, meta_for(CAMERA), "plan", PLAN)
            if 3 in writer.pending():
                os.rename(_copy(staged, tmp_path / "copy"), writer.staging_folder(3))
            for name in ("link", "replace", "rename", "unlink", "rmdir"):
                patch.setattr(os, name, countdown.wrap(getattr(os, name)))
            try:
                writer.commit()
            except Stop:
                pass
            writer._lock.close()
        found = DemoDataset.open(root)
        assert len(found) in (3, 4)
        expected = make_episode(2, 24, CAMERA).ee_position
        np.testing.assert_allclose(found.columns(2, "front").ee_position, expected, atol=1e-6)
        found.decode(len(found) - 1, "front", [23])
        if countdown.left > 0:
            break
    assert countdown.left > 0 and len(found) == 4 and stop_at > 3
    record(root)
    assert content(root) == whole[0]


class Stop(BaseException):
    """Stands for SIGKILL."""


class Countdown:
    """Raises `Stop` in place of the n-th wrapped call."""

    def __init__(self, n: int) -> None:
        self.left = n

    def wrap(self, operation):
        def counted(*args, **kwargs):
            self.left -= 1
            if self.left == 0:
                raise Stop
            return operation(*args, **kwargs)

        return counted


def _copy(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target))


def test_failures_are_remembered(tmp_path):
    root = tmp_path / "set"
    writer = DatasetWriter(root, meta_for(CAMERA), "plan", 3)
    writer.fail(1, "the teacher missed")
    writer._lock.close()  # as if killed
    with DatasetWriter(root, meta_for(CAMERA), "plan", 3) as writer:
        assert writer.failed == {1: "the teacher missed"} and writer.pending() == [0, 2]
        stage_episode(make_episode(2, 24, CAMERA), writer.staging_folder(2))
        assert writer.commit() == 0 and writer.staged == [2], "entry 0 comes first"
        stage_episode(make_episode(0, 24, CAMERA), writer.staging_folder(0))
        assert writer.commit() == 2 and writer.committed == [0, 2]
    assert not (root / ".staging").exists()


if __name__ == "__main__":
    print("ready", flush=True)
    record(Path(sys.argv[1]))
