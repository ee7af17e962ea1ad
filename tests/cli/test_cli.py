"""The command line: help that names everything, errors in one line, and the main job in its tiny preset."""

import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from typing import get_args, get_type_hints

import numpy as np
import pytest
import tyro

import para
from demos.synthetic import WORKSPACE, at_rate, default_camera, degrade, make_episode, meta_for
from para.cli import COMMANDS, main
from para.demos import DatasetWriter, DemoDataset, stage_episode
from para.evaluation import AXES
from para.evaluation.axes import axis_names
from para.evaluation.conditions import Split
from para.policy import Policy
from para.presets import EXPERIMENTS, POLICIES, RECIPES
from para.report.show import moment
from patience import PATIENCE, wait_for


def run(*arguments, expect=0, timeout=PATIENCE):
    done = subprocess.run(
        [sys.executable, "-m", "para.cli", *map(str, arguments)], capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def squeezed(text: str) -> str:
    """Without blanks and frames: lines are broken anywhere in narrow windows."""
    return re.sub(r"[\s│]", "", text)


def test_the_version_is_told(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"para {para.__version__}\n"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_explains_every_argument(command, capsys):
    """By its name and with the whole sentence that the function has for it."""
    function = COMMANDS[command]
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    text = squeezed(capsys.readouterr().out)
    described = dict(re.findall(r"^    (\w+): ((?:.|\n {5,})+)", inspect.getdoc(function), re.MULTILINE))
    hints = get_type_hints(function, include_extras=True)
    assert squeezed(function.__doc__.splitlines()[0]) in text
    for name in inspect.signature(function).parameters:
        given = next((m.help for m in getattr(hints[name], "__metadata__", ()) if getattr(m, "help", None)), None)
        words = described.get(name) or given
        assert words, f"para {command}: nothing explains {name}"
        assert squeezed(words) in text, f"para {command} --help lacks what explains {name}"
        positional = tyro.conf.Positional in getattr(hints[name], "__metadata__", ())
        flag = f"--{name.replace('_', '-')}"
        assert (flag in text) != positional, f"para {command} --help: {flag}"
    assert set(described) <= set(inspect.signature(function).parameters), "an argument that is gone is explained"


@pytest.mark.parametrize("arguments", [["axes"], ["train", "--help"]])
def test_output_that_nobody_reads_ends_in_silence(arguments):
    """As `para axes | head -1` does when the reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as closed:
        done = subprocess.run(
            [sys.executable, "-m", "para.cli", *arguments], stdout=closed, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("demos", axis_names()),
        ("evaluate", axis_names()),
        ("show", axis_names()),
        ("train", [*POLICIES, *RECIPES]),
        ("reproduce", [*EXPERIMENTS, *axis_names()]),
    ],
)
def test_help_lists_what_there_is(command, names, capsys, monkeypatch):
    """Also what has just been added."""
    monkeypatch.setitem(AXES, "made_up_axis", AXES["lr"])
    monkeypatch.setitem(POLICIES, "made_up_policy", POLICIES["para"])
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = squeezed(capsys.readouterr().out)
    added = "made_up_policy" if command == "train" else "made_up_axis"
    assert [name for name in [*names, added] if name not in shown] == []


def test_splits_are_those_of_the_benchmark():
    asked = get_type_hints(COMMANDS["evaluate"])["split"]
    assert set(get_args(asked)) == set(get_args(Split))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reproduce", "--preset", "quik"], "para: no experiment preset or axis 'quik'. Did you mean 'quick'?"),
        (["train", "--dataset", "nowhere", "--out", "x"], "para: nowhere: not a dataset (no meta/info.json)."),
        (
            ["train", "--dataset", "nowhere", "--out", "x", "--preset", "parra"],
            "para: no policy preset 'parra'. Did you",
        ),
        (["evaluate", "--records", "r.jsonl", "--axis", "lrr"], "para: no axis 'lrr'"),
        (["evaluate", "--records", "r.jsonl", "--policy", "nowhere"], "nowhere"),
        (["show", "volume", "--out", "x.png"], "para: to show a volume, give --dataset"),
        (["report", "nowhere"], "nowhere"),
    ],
)
def test_errors_are_one_clear_message(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_axes_lists_who_shares_demonstrations(capsys):
    main(["axes"])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert sum(" default64 (64) " in line for line in lines.values()) == 6
    assert "grid255_n32_d1 (32)" in lines["scaling_n32_d1"] and "left_outer_full" in lines["lr_full"]


def test_a_mistyped_command_is_answered_with_the_right_one(capsys):
    with pytest.raises(SystemExit):
        main(["evalute"])
    assert "evaluate" in capsys.readouterr().err + capsys.readouterr().out


def test_a_poor_recording_of_another_arm_trains_the_same_video_recipe(tmp_path):
    """Thirty pictures a second, out of focus, noisy and compressed; another workspace, another camera's name."""
    camera = default_camera(160, 128)
    with DatasetWriter(tmp_path / "set", replace(meta_for(camera), fps=30), "plan", 3) as writer:
        for seed in range(3):
            episode = at_rate(make_episode(seed, 75, camera), 30)
            (seen,) = episode.cameras
            poor = replace(seen, images=degrade(seen.images, seed))
            stage_episode(replace(episode, cameras=(poor,)), writer.staging_folder(seed), 30)
    run("train", "--preset", "video_tiny", "--dataset", tmp_path / "set", "--out", tmp_path / "run")
    policy = Policy.from_pretrained(tmp_path / "run/two_stage/policy")
    assert policy.config.camera == "front" and policy.config.workspace == WORKSPACE
    shown = run(
        *("show", "video", "--policy", tmp_path / "run/video/policy", "--dataset", tmp_path / "set"),
        *("--frame", 20, "--out", tmp_path / "foreseen.png"),
    )
    for words in ("PSNR", "a single pass foretells", "too poor to read actions off it"):
        assert words in shown.stdout
    demos = DemoDataset.open(tmp_path / "set")
    observation, _ = moment(demos, 0, 30)
    chunk = policy.predict(observation)
    assert np.isfinite(chunk.positions).all() and WORKSPACE.contains(chunk.positions).all()


def test_a_polite_kill_of_the_whole_job_saves_the_training(tmp_path):
    """SIGTERM to all its processes in the middle of a run leaves a state that the same command goes on from."""
    import signal

    run("demos", "--out", tmp_path / "set", "--count", 1, "--image-size", 64, 64, "--workers", 1)
    command = [sys.executable, "-m", "para.cli", "train", "--dataset", tmp_path / "set", "--out", tmp_path / "run"]
    command = [str(c) for c in (*command, "--preset", "cls_regression", "--batch-size", 1)]
    process = subprocess.Popen(
        [*command, "--steps", "100000"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    log = tmp_path / "run/log.jsonl"
    wait_for(lambda: log.exists() and log.read_text(), process)
    os.killpg(process.pid, signal.SIGTERM)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and "the same command resumes from" in error
    assert (tmp_path / "run/state.pt").exists()


def test_the_main_job_in_miniature(tmp_path):
    """Real LIBERO, real training, real evaluation, real report; then again, when nothing is left to do."""
    folder = tmp_path / "run"
    done = run("reproduce", "--preset", "tiny", "--out", folder)
    assert "report:" in done.stderr
    assert (folder / "report.html").stat().st_size > 20_000
    records = [json.loads(line) for line in (folder / "records/lr_independent.jsonl").read_text().splitlines()]
    assert {r["subject"]["policy"] for r in records} == {"para", "cls_regression", "expert"}
    assert len(records) == 2 * 3 + 1
    assert list((folder / "pictures").glob("volume-*.jpg")) and list(folder.glob("videos/**/*.mp4"))
    times = json.loads((folder / "timings.json").read_text())
    assert {"demonstrations", "training", "evaluation", "report"} <= set(times)
    peaks = json.loads((folder / "memory.json").read_text())
    assert set(peaks) == {"demonstrations", "training", "evaluation", "report"}
    assert all(0.1 < gigabytes < 6 for gigabytes in peaks.values()), peaks
    assert f"at most {max(peaks.values()):.1f} GB of memory, all processes together" in done.stderr

    run("reproduce", "--preset", "tiny", "--out", folder)
    assert len((folder / "records/lr_independent.jsonl").read_text().splitlines()) == len(records)
    for what, more in (
        ("dataset", ["--dataset", folder / "demos", "--out", tmp_path / "d.mp4"]),
        ("targets", ["--dataset", folder / "demos", "--frame", 12, "--out", tmp_path / "t.png"]),
        (
            "volume",
            ["--dataset", folder / "demos", "--policy", folder / "train/para/policy", "--out", tmp_path / "v.png"],
        ),
    ):
        run("show", what, *more)
    assert all((tmp_path / name).stat().st_size > 5_000 for name in ("d.mp4", "t.png", "v.png"))
    train = ["train", "--dataset", folder / "demos", "--out", tmp_path / "few", "--demos", 3]
    assert "demos holds 2 demonstrations" in run(*train, expect=2).stderr
    refused = run("reproduce", "--preset", "quick", "--out", folder, expect=2)
    assert "holds a run of another experiment ('tiny'" in refused.stderr
