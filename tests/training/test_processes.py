"""A training in two processes is the training in one: the same batches, shared out, and the same steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from demos.synthetic import default_camera, make_episode, meta_for
from para.config import from_json
from para.demos import DatasetWriter, stage_episode
from para.policy import PolicyConfig, PolicyNetwork
from training.launched import small

SCRIPT = Path(__file__).with_name("launched.py")
LAUNCHERS = {
    "torchrun": ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
    # With --cpu it starts one process unless MPI is there, so the processes are asked for as GPUs are: without any they take
    # CPUs. Every option that its questionnaire asks for is given, so that nobody's own configuration has a say; port 0 is any.
    "accelerate launch": (
        "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1",
        "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0",
    ),
}  # fmt: skip


def train(dataset: Path, folder: Path, *launcher: str) -> None:
    """`para train` as a command, launched or not."""
    command = [sys.executable, *launcher, str(SCRIPT), "train", "--preset", "small"]
    done = subprocess.run(
        [*command, "--dataset", str(dataset), "--out", str(folder)],
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo"}, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def log(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def weights(network: dict[str, torch.Tensor]) -> np.ndarray:
    return torch.cat([network[name].flatten().double() for name in sorted(network)]).numpy()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("drawn") / "set"
    with DatasetWriter(root, meta_for(default_camera()), "plan", 2) as writer:
        for seed in writer.pending():
            stage_episode(make_episode(seed, 40), writer.staging_folder(seed))
    return root


@pytest.fixture(scope="module")
def one(dataset, tmp_path_factory) -> Path:
    """The training in one process, which has the whole batch: twice what each of two has."""
    folder = tmp_path_factory.mktemp("alone") / "one"
    train(dataset, folder)
    return folder


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_take_the_steps_of_one(launcher, dataset, one, tmp_path):
    two = tmp_path / "two"
    train(dataset, two, *LAUNCHERS[launcher])
    assert [row["step"] for row in log(two)] == [row["step"] for row in log(one)] == [1, 2, 3, 4]
    for name in ("loss", "volume", "gripper", "rotation", "outside_share", "grad_norm"):
        np.testing.assert_allclose([r[name] for r in log(two)], [r[name] for r in log(one)], rtol=1e-3, err_msg=name)

    description = json.loads((one / "policy/config.json").read_text())
    torch.manual_seed(small().seed)
    begin = weights(PolicyNetwork(from_json(PolicyConfig, description["policy"], "config")).state_dict())
    ends = [weights(load_file(folder / "policy/model.safetensors")) for folder in (one, two)]
    way = np.linalg.norm(ends[0] - begin)
    assert way > 0.01 and np.linalg.norm(ends[1] - ends[0]) < 0.02 * way
    made_by = json.loads((two / "policy/config.json").read_text())["provenance"]
    assert made_by["processes"] == 2 and description["provenance"]["processes"] == 1
