"""Episodes run in whatever executor is handed in: processes, threads, machines elsewhere."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import chdir
from dataclasses import replace

import pytest
import torch

from evaluation.fake_world import Inline, conditions, fake_setup
from para.evaluation import AgentSpec, EvaluationError, evaluate, read_records
from para.evaluation.worker import initialise
from para.policy import Policy, PolicyNetwork
from para.presets import experiment
from para.worlds.world import Stage


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PARA_TEST_FOLDER", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def run(tmp_path, executor, name="good", n=6, **options):
    spec = options.pop("spec", AgentSpec(name, "expert"))
    return evaluate(
        spec, conditions(n), tmp_path / "lr.jsonl", setup=fake_setup, executor=executor, max_steps=60,
        progress=lambda progress: None, **options,
    )  # fmt: skip


class Elsewhere(Executor):
    """Four workers that share nothing with the caller but the file system: all that goes there and back is pickled."""

    def __init__(self) -> None:
        self.threads, self.open = ThreadPoolExecutor(4), True

    def submit(self, fn, /, *args, **kwargs):
        return self.threads.submit(self._receive, pickle.dumps((fn, args, kwargs)))

    @staticmethod
    def _receive(message: bytes):
        fn, args, kwargs = pickle.loads(message)
        return pickle.loads(pickle.dumps(fn(*args, **kwargs)))

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.open = False
        self.threads.shutdown(wait, cancel_futures=cancel_futures)


def processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"), initializer=initialise)


def test_processes_that_are_handed_in_serve_several_evaluations(tmp_path):
    with processes() as pool:
        for name in ("good", "late-always"):
            found = run(tmp_path, pool, name)
            assert [r.condition.index for r in found.records] == list(range(6)) and not found.errors
        assert pool.submit(os.getpid).result() != os.getpid()  # still open
    assert [r.stage for r in run(tmp_path, pool).records] == [Stage.PLACE, Stage.GRASP] * 3  # nothing left to run


def test_a_broken_executor_that_was_handed_in_is_named_and_another_one_goes_on(tmp_path):
    with processes() as pool, pytest.raises(EvaluationError, match="handed in was killed.*call again with a new one"):
        run(tmp_path, pool, "early-kill")
    before = len(read_records(tmp_path / "lr.jsonl").episodes)
    assert before < 6
    result = run(tmp_path, Inline, "early-kill")
    assert len(result.records) == 6 and not result.errors


def test_any_executor_will_do_and_every_thread_has_a_world_of_its_own(tmp_path):
    pool = Elsewhere()
    result = run(tmp_path, pool, "slow", workers=4)
    assert [r.stage for r in result.records] == [Stage.PLACE, Stage.GRASP] * 3
    assert [r.steps for r in result.records] == [30, 60] * 3
    assert pool.open
    made = []
    again = run(tmp_path, lambda: made.append(Elsewhere()) or made[-1], "good", workers=4)
    assert len(again.records) == 6 and [pool.open for pool in made] == [False]  # what is made for us is shut down


def test_a_worker_in_another_folder_finds_policy_and_films(tmp_path, monkeypatch):
    class There(Inline):
        def submit(self, fn, /, *args, **kwargs):
            with chdir(tmp_path / "there"):
                return super().submit(fn, *args, **kwargs)

    (tmp_path / "there").mkdir()
    save_policy(tmp_path / "policy", 0)
    monkeypatch.chdir(tmp_path)
    spec = AgentSpec("mine", "policy", (tmp_path / "policy").relative_to(tmp_path))
    result = run(tmp_path, There(), spec=spec, n=1, videos=(tmp_path / "films").relative_to(tmp_path))
    assert len(result.records) == 1 and not result.errors
    assert len(list((tmp_path / "films").rglob("*.mp4"))) == 1


def test_a_worker_with_other_weights_refuses(tmp_path):
    class Replaced(Inline):
        def submit(self, fn, /, *args, **kwargs):
            save_policy(tmp_path / "policy", 1)
            return super().submit(fn, *args, **kwargs)

    save_policy(tmp_path / "policy", 0)
    with pytest.raises(EvaluationError, match="holds the weights .* are to be evaluated"):
        run(tmp_path, Replaced(), spec=AgentSpec("mine", "policy", tmp_path / "policy"))
    assert not read_records(tmp_path / "lr.jsonl").episodes


def test_records_tell_of_the_machine_that_ran_the_episode(tmp_path):
    class Far(Inline):
        def submit(self, fn, task):
            return super().submit(fn, replace(task, provenance=replace(task.provenance, machine="the caller's")))

    (record,) = run(tmp_path, Far(), n=1).records
    assert record.provenance.machine != "the caller's" and record.provenance.command


def save_policy(folder, seed: int) -> None:
    config = experiment("tiny").rows[1].train.policy
    torch.manual_seed(seed)
    Policy(config, PolicyNetwork(config)).save_pretrained(folder)
