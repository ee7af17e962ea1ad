"""The real loop with a tiny network: it learns, it resumes exactly, a run of another configuration is refused."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from para.backbones import Lite0Config
from para.dataset import Augmentation, Photometric, Shift, Turn, Zoom
from para.geometry import HeightBins, Pose
from para.heads import GlobalRegressionConfig, VolumeHeadConfig
from para.policy import CheckpointError, Execution, Policy, PolicyConfig, PolicyNetwork
from para.training import TrainConfig, train
from para.training.checkpoint import Ema, fingerprint, save_state
from para.training.progress import Progress, keep_log
from para.types import Observation, RobotState, View
from patience import PATIENCE, wait_for
from toy import WORKSPACE, toy_camera, toy_samples

TINY = PolicyConfig(
    backbone=Lite0Config(stages=(1, 2), pretrained=True, frozen_stages=1),
    head=VolumeHeadConfig(bins=HeightBins(0.0, 0.4, 8), widths=(16, 24)),
    image_size=(80, 64),
    horizon=3,
    camera="toy",
    workspace=WORKSPACE,
)
WAITING = Path(__file__).parent / "waiting.py"
QUICK = TrainConfig(
    policy=TINY,
    augmentation=Augmentation((Shift(20.0), Zoom(), Turn(2.0, 4.0)), Photometric()),
    steps=8,
    batch_size=4,
    warmup_steps=2,
    precision="no",
    log_every=1,
    save_every=100,
    loader_workers=0,
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def signals_as_in_a_terminal():
    """As the command line has them; what runs in the background ignores SIGINT."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_the_average_copies_only_what_moves(tmp_path):
    network = PolicyNetwork(TINY)
    ema, before = Ema(network, 0.5), {k: v.clone() for k, v in network.state_dict().items()}
    still = {k for k, v in network.named_parameters() if not v.requires_grad}
    own = network.state_dict()
    assert still and all((ema.state[k].data_ptr() == own[k].data_ptr()) == (k in still) for k in own)
    with torch.no_grad():
        for weight in network.parameters():
            if weight.requires_grad:
                weight.add_(1.0)
    ema.update(network)
    for name, value in ema.state.items():
        if name in still:
            assert torch.equal(value, before[name])
        elif value.dtype.is_floating_point and name in dict(network.named_parameters()):
            torch.testing.assert_close(value, before[name] + 1 - 2 / 11)
    other = Ema(PolicyNetwork(TINY), 0.5)
    other.load({k: v.clone() for k, v in ema.state.items()}, ema.steps)
    assert other.steps == 1 and all(torch.equal(other.state[k], ema.state[k]) for k in own)


def test_numbers_too_small_for_a_cpus_fast_path_are_zeros_in_training_and_there_alone(tmp_path, monkeypatch):
    tiny = torch.full((4,), 1e-38)
    within = []
    monkeypatch.setattr("para.training.loop.save_state", lambda *_: within.append(bool((tiny * 0.1).any())))
    train(replace(QUICK, steps=1), toy_samples(8), tmp_path, quiet=True)
    assert within == [False] and (tiny * 0.1).any()


@contextmanager
def room_for(size):
    """A file grows to `size` bytes and no further, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_finds_no_room_on_the_disk_leaves_none_taken(tmp_path):
    """Neither half a state nor half a policy stays, and those that were there before do."""
    train(replace(QUICK, steps=1), toy_samples(8), tmp_path, quiet=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(before[tmp_path / "state.pt"]) > 200_000 and len(before[tmp_path / "policy/model.safetensors"]) > 200_000
    policy = Policy.from_pretrained(tmp_path / "policy")
    objective = QUICK.objective.build(policy.network)
    optimizer = torch.optim.AdamW(policy.network.parameters())
    with room_for(100_000):
        with pytest.raises((OSError, RuntimeError)):
            save_state(tmp_path / "state.pt", QUICK, "data", 1, objective, Ema(policy.network, 0.5), optimizer)
        with pytest.raises((OSError, SafetensorError)):
            policy.save_pretrained(tmp_path / "policy")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert not list(tmp_path.glob(".*"))


def test_a_training_removes_what_killed_ones_left_half_written(tmp_path):
    old, living = tmp_path / ".state.pt.1.part", tmp_path / ".state.pt.2.part"
    for partial in (old, living):
        partial.write_bytes(b"half a state")
    os.utime(old, (time.time() - 3600,) * 2)
    train(replace(QUICK, steps=1), toy_samples(8), tmp_path, quiet=True)
    assert not old.exists() and living.read_bytes() == b"half a state"


@pytest.mark.parametrize("head", ["volume", "regression"])
def test_resume_is_exact(tmp_path, head, monkeypatch):
    config = QUICK
    if head == "regression":
        config = replace(QUICK, policy=replace(TINY, head=GlobalRegressionConfig(width=32)))
    samples = toy_samples()
    train(config, samples, tmp_path / "whole", quiet=True)
    import para.training.loop as loop

    class Stop(Exception):
        pass

    original = loop.Progress.step

    def stop_at_five(self, step, *args, **kwargs):
        original(self, step, *args, **kwargs)
        if step == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop.Progress, "step", stop_at_five)
    with pytest.raises(KeyboardInterrupt):
        train(config, samples, tmp_path / "parts", quiet=True)
    monkeypatch.setattr(loop.Progress, "step", original)
    train(config, samples, tmp_path / "parts", quiet=True)
    assert len(losses(tmp_path / "parts")) == config.steps
    np.testing.assert_allclose(losses(tmp_path / "parts"), losses(tmp_path / "whole"), atol=1e-6)


def test_a_stop_keeps_the_last_state_when_weights_are_no_longer_finite(tmp_path, monkeypatch, capsys):
    import para.training.loop as loop

    def spoil_and_stop(self, network):
        with torch.no_grad():
            next(p for p in network.parameters() if p.requires_grad).fill_(torch.nan)
        (tmp_path / "state.pt").write_bytes(b"good")  # as if saved a step ago
        raise KeyboardInterrupt

    monkeypatch.setattr(loop.Ema, "update", spoil_and_stop)
    with pytest.raises(KeyboardInterrupt):
        train(QUICK, toy_samples(), tmp_path, resume=False, quiet=True)
    assert (tmp_path / "state.pt").read_bytes() == b"good" and "no longer finite" in capsys.readouterr().err


def test_cameras_that_no_policy_could_use_are_refused_before_training(tmp_path):
    """Level pictures aim at the workspace whatever the camera, so that nothing else would tell: they would be black."""
    samples = toy_samples(8)
    inverted = np.linalg.inv(np.concatenate([samples.T_world_camera, np.tile([[[0, 0, 0, 1.0]]], (8, 1, 1))], 1))[:, :3]
    with pytest.raises(ValueError, match="8 of 8 moments .* cannot be learned from: the camera sees .* needs .inverse"):
        train(QUICK, replace(samples, T_world_camera=inverted.astype(np.float32)), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()
    few = samples.T_world_camera.copy()
    few[:2] = inverted[:2]
    train(replace(QUICK, steps=1), replace(samples, T_world_camera=few), tmp_path / "run", quiet=True)


def test_what_is_begun_anew_and_stopped_is_not_taken_for_the_finished_run_before(tmp_path, monkeypatch, capsys):
    first = replace(QUICK, steps=2)
    train(first, toy_samples(8), tmp_path, quiet=True)
    original = Progress.step

    def stop(self, *row):
        original(self, *row)
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        train(first, toy_samples(8), tmp_path, quiet=True, resume=False)
    assert "stopped at step 1 of 2; the command without --no-resume resumes" in capsys.readouterr().err
    assert not (tmp_path / "policy").exists()
    monkeypatch.undo()
    train(first, toy_samples(8), tmp_path, quiet=True)
    assert len(losses(tmp_path)) == 2 and (tmp_path / "policy/config.json").exists()


def test_another_configuration_is_refused(tmp_path):
    samples = toy_samples()
    train(replace(QUICK, steps=2), samples, tmp_path, quiet=True)
    with pytest.raises(CheckpointError, match="steps: 2 there, 3 now"):
        train(replace(QUICK, steps=3), samples, tmp_path, quiet=True)


def test_a_finished_run_is_known_by_its_policy_alone(tmp_path):
    config, samples = replace(QUICK, steps=2), toy_samples()
    train(config, samples, tmp_path, quiet=True)
    (tmp_path / "state.pt").unlink()
    written = (tmp_path / "policy/model.safetensors").stat().st_mtime_ns
    train(config, samples, tmp_path, quiet=True)
    train(replace(config, precision="bf16", loader_workers=0, save_every=7), samples, tmp_path, quiet=True)
    assert (tmp_path / "policy/model.safetensors").stat().st_mtime_ns == written
    with pytest.raises(CheckpointError, match=r"config.json belongs to a run .* seed: 0 there, 1 now"):
        train(replace(config, seed=1), samples, tmp_path, quiet=True)
    train(replace(config, seed=1), samples, tmp_path, resume=False, quiet=True)
    assert (tmp_path / "policy/model.safetensors").stat().st_mtime_ns > written


@pytest.mark.parametrize("finished", [False, True])
def test_other_demonstrations_are_refused_and_nothing_is_written_over(tmp_path, finished):
    config, samples, others = replace(QUICK, steps=2), toy_samples(), toy_samples(seed=1)
    train(config, samples, tmp_path, quiet=True)
    for gone in ("state.pt",) if finished else ("policy/config.json", "policy/model.safetensors"):
        (tmp_path / gone).unlink()
    kept = {f: f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()}
    with pytest.raises(CheckpointError, match="other demonstrations than these"):
        train(config, others, tmp_path, quiet=True)
    assert {f: f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()} == kept


CORRECTIONS = {
    "camera": lambda s: replace(s, T_world_camera=s.T_world_camera + np.float32(0.001)),
    "lens": lambda s: replace(s, intrinsics=s.intrinsics * np.float32(1.01)),
    "gripper": lambda s: replace(s, target_gripper=1 - s.target_gripper),
    "rotation": lambda s: replace(s, target_rotations=s.target_rotations[..., ::-1]),
    "sentence": lambda s: replace(s, instruction=("pick it up",) * len(s.episode)),
}


@pytest.mark.parametrize("what", CORRECTIONS)
def test_corrected_demonstrations_are_others(what):
    """A finished folder would else give back the policy that learned the mistake."""
    samples = toy_samples()
    assert fingerprint(CORRECTIONS[what](samples)) != fingerprint(samples) == fingerprint(toy_samples())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_inside_a_step_waits_for_its_end(tmp_path, monkeypatch, number, signals_as_in_a_terminal):
    """The optimiser has moved the weights, their average has not: a state saved there would take the step twice."""
    config, samples = QUICK, toy_samples()
    train(config, samples, tmp_path / "whole", quiet=True)
    original, calls = Ema.update, []

    def stopped_before(self, network):
        calls.append(1)
        if len(calls) == 4:
            os.kill(os.getpid(), number)
        original(self, network)

    monkeypatch.setattr(Ema, "update", stopped_before)
    with pytest.raises(KeyboardInterrupt):
        train(config, samples, tmp_path / "parts", quiet=True)
    assert signal.getsignal(number) is signal.default_int_handler
    assert torch.load(tmp_path / "parts/state.pt", weights_only=True)["step"] == 4
    train(config, samples, tmp_path / "parts", quiet=True)
    np.testing.assert_array_equal(losses(tmp_path / "parts"), losses(tmp_path / "whole"))


def test_a_second_stop_comes_through_at_once_and_spares_the_last_state(
    tmp_path, monkeypatch, capsys, signals_as_in_a_terminal
):
    def stopped_twice(self, network):
        (tmp_path / "state.pt").write_bytes(b"good")  # as if saved a step ago
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Ema, "update", stopped_twice)
    with pytest.raises(KeyboardInterrupt):
        train(QUICK, toy_samples(), tmp_path, resume=False, quiet=True)
    assert (tmp_path / "state.pt").read_bytes() == b"good" and "stopped within step 1" in capsys.readouterr().err


def test_ctrl_c_in_a_terminal_reaches_the_loader_too_and_the_state_is_saved(tmp_path):
    """To all processes of the group, while the training waits for data."""
    with subprocess.Popen([sys.executable, WAITING, tmp_path], stderr=subprocess.PIPE, start_new_session=True) as run:
        wait_for(lambda: (tmp_path / "log.jsonl").exists() and losses(tmp_path), run)
        os.killpg(run.pid, signal.SIGINT)
        said = run.communicate(timeout=PATIENCE)[1].decode()
    assert "the same command resumes from" in said, said
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == len(losses(tmp_path))


def test_a_run_that_was_killed_does_not_log_its_steps_twice(tmp_path, monkeypatch):
    """Killed two steps behind its last state, the second of them half logged."""
    config, samples, log = replace(QUICK, save_every=3), toy_samples(), tmp_path / "log.jsonl"
    original = Progress.step

    def killed_at_five(self, step, *row):
        original(self, step, *row)
        if step == 5:
            raise RuntimeError("killed")

    monkeypatch.setattr(Progress, "step", killed_at_five)
    with pytest.raises(RuntimeError, match="killed"):
        train(config, samples, tmp_path, quiet=True)
    monkeypatch.undo()
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 3
    before = log.read_text().splitlines(keepends=True)
    assert len(before) == 5
    log.write_text("".join(before)[:-20])
    train(config, samples, tmp_path, quiet=True)
    after = log.read_text().splitlines(keepends=True)
    assert [json.loads(line)["step"] for line in after] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert after[:3] == before[:3]


def test_a_run_that_goes_on_counts_the_seconds_of_the_part_before(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 3, "seconds": 5000.0}\n{"step": 6, "seconds": 9000.0}\n')
    keep_log(log, 3)
    assert 5000 <= Progress(log, 8, 3, quiet=True).seconds < 9000


def test_a_run_from_before_a_field_was_added_goes_on(tmp_path):
    config, samples = replace(QUICK, steps=2), toy_samples()
    train(config, samples, tmp_path, quiet=True)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    description = json.loads(state["config"])
    del description["policy"]["execution"]
    torch.save({**state, "config": json.dumps(description)}, tmp_path / "state.pt")
    train(config, samples, tmp_path, quiet=True)
    with pytest.raises(CheckpointError, match="policy.execution.execute: 4 there, 2 now"):
        policy = replace(config.policy, execution=Execution(execute=2))
        train(replace(config, policy=policy), samples, tmp_path, quiet=True)


@pytest.mark.parametrize("state_too", [False, True])
def test_a_run_of_a_version_with_other_fields_is_refused_and_not_written_over(tmp_path, state_too):
    config, samples = replace(QUICK, steps=2), toy_samples()
    train(config, samples, tmp_path, quiet=True)
    saved, state = tmp_path / "policy/config.json", tmp_path / "state.pt"
    described = json.loads(saved.read_text())
    described["provenance"]["training"]["no_longer_there"] = 1
    saved.write_text(json.dumps(described))
    if state_too:
        kept = torch.load(state, weights_only=True)
        torch.save({**kept, "config": json.dumps(json.loads(kept["config"]) | {"no_longer_there": 1})}, state)
    else:
        state.unlink()
    written = (tmp_path / "policy/model.safetensors").stat().st_mtime_ns
    with pytest.raises(CheckpointError, match="belongs to a run of another version.*no_longer_there"):
        train(config, samples, tmp_path, quiet=True)
    assert (tmp_path / "policy/model.safetensors").stat().st_mtime_ns == written


def test_it_learns_to_point_and_survives_saving(tmp_path):
    config = replace(QUICK, augmentation=Augmentation((Shift(20.0),)), steps=150, batch_size=8, learning_rate=3e-3)
    train(config, toy_samples(128), tmp_path, quiet=True)
    assert (tmp_path / "first_batch.png").exists()
    policy = Policy.from_pretrained(tmp_path / "policy")
    test = toy_samples(16, seed=1)
    errors = []
    for i in range(len(test)):
        state = RobotState(Pose(test.ee_rotation[i], test.ee_position[i]), float(test.gripper[i]), 0.0)
        chunk = policy.predict(Observation((View("toy", np.array(test.images[i]), toy_camera()),), state))
        errors.append(np.linalg.norm(chunk.positions[-1] - test.target_positions[i, -1]))
        assert ((chunk.confidence >= 0) & (chunk.confidence <= 1)).all()
    assert np.median(errors) < 0.03, f"median error {np.median(errors):.3f} m; the disc is 0.09 m wide"
