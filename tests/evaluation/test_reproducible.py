"""A cell can be run again: the command in its records gives the same episodes, to the last step and picture."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from para.evaluation import EpisodeRecord, read_records
from para.evaluation.provenance import provenance
from para.policy import Policy, PolicyNetwork
from para.presets import experiment

EVALUATE = "para evaluate --axis lr_independent --split validation --image-size 96 96 --workers 1"


def run(command: str, folder: Path) -> None:
    """Type a command in a folder."""
    program, *arguments = shlex.split(command)
    assert program == "para"
    done = subprocess.run(
        [sys.executable, "-m", "para.cli", *arguments], cwd=folder, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr


def episodes(folder: Path) -> list[EpisodeRecord]:
    """What is on record there, without how long it took."""
    found = read_records(folder / "records.jsonl").episodes
    return [replace(record, wall_seconds=0.0) for record in found]


def test_recorded_commands_give_the_same_episodes_again(tmp_path):
    """Policy and expert, the policy's episodes in one process each at first and then in one process for all."""
    config = experiment("tiny").rows[0].train.policy
    torch.manual_seed(0)
    Policy(config, PolicyNetwork(config)).save_pretrained(tmp_path / "policy")
    for folder in ("first", "again"):
        (tmp_path / folder).mkdir()
    for agent in ("--policy ../policy --name para --videos films --episodes 1", "--episodes 2"):
        run(f"{EVALUATE} --records records.jsonl {agent}", tmp_path / "first")
    run(
        f"{EVALUATE} --records records.jsonl --policy ../policy --name para --videos films --episodes 2",
        tmp_path / "first",
    )
    first = episodes(tmp_path / "first")
    assert [(r.subject.policy, r.condition.index) for r in first] == [
        ("para", 0),
        ("expert", 0),
        ("expert", 1),
        ("para", 1),
    ]
    assert all(r.placed and r.steps > 40 for r in first if r.subject.policy == "expert")
    assert all(r.steps > 40 for r in first if r.subject.policy == "para")

    for command in dict.fromkeys(r.provenance.command for r in first[1:]):
        run(command, tmp_path / "again")
    again = {(r.subject, r.condition): r for r in episodes(tmp_path / "again")}
    for record in first:
        found = again.pop((record.subject, record.condition))
        if record is first[0]:  # run before by a command of its own
            found = replace(found, provenance=record.provenance)
        assert found == record
    assert not again
    films = [path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*.mp4")]
    assert len(films) == 2  # every third picture of both rollouts, equal to the byte
    assert all((tmp_path / "first" / f).read_bytes() == (tmp_path / "again" / f).read_bytes() for f in films)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (["/somewhere/bin/para", "reproduce", "--out", "my run"], "para reproduce --out 'my run'"),
        (["src/para/cli.py", "axes"], "para axes"),
        (["runs/oracle.py"], "python runs/oracle.py"),
        (["/elsewhere/mine.py", "3"], "python mine.py 3"),
        (["-c"], "python"),
    ],
)
def test_commands_are_kept_as_they_can_be_typed_again(typed, kept, monkeypatch, tmp_path):
    checkout = Path(__file__).resolve().parents[2]
    monkeypatch.chdir(checkout)
    if typed[0].startswith("/somewhere"):  # an installed script
        (tmp_path / "para").touch()
        typed = [str(tmp_path / "para"), *typed[1:]]
    monkeypatch.setattr(sys, "argv", typed)
    provenance.cache_clear()
    assert provenance().command == kept
    monkeypatch.undo()
    provenance.cache_clear()
