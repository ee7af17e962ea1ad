"""What goes wrong in practice, through the real command: one message that says what, where and what to do, and nothing
that was already written is touched."""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from demos.synthetic import default_camera, make_episode, meta_for
from para.cli import main
from para.demos import DatasetWriter, DemoDataset, stage_episode
from para.demos.video import encode_video
from patience import PATIENCE, wait_for

CAMERA = default_camera(96, 64)
VIDEO = "videos/observation.images.agentview/chunk-000/file-000.mp4"


def record(root: Path, *names: str) -> Path:
    """A drawn set of two demonstrations, seen by these cameras."""
    with DatasetWriter(root, meta_for(CAMERA, names), "plan", 2) as writer:
        for i in writer.pending():
            stage_episode(make_episode(i, 24, CAMERA, names), writer.staging_folder(i))
    return root


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """Demonstrations, a trained policy with its run, and records: what a user may have when something breaks."""
    place = tmp_path_factory.mktemp("place")
    record(place / "set", "agentview")
    train(place, "--steps", 1)
    shutil.copy(place / "run/log.jsonl", place / "records.jsonl")  # damaged records are a case of their own
    (place / "records.jsonl").write_text("")
    return place


@pytest.fixture
def place(pristine, tmp_path):
    shutil.copytree(pristine, tmp_path / "place")
    return tmp_path / "place"


def train(place: Path, *more) -> None:
    command = ["train", "--dataset", place / "set", "--out", place / "run", "--preset", "cls_regression"]
    main([str(x) for x in (*command, "--batch-size", 2, *more)])


def content(folder: Path) -> dict[str, str]:
    """Every file with its digest."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def edit_json(path: Path, change) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def forget_camera(info):
    for name in ("intrinsics", "T_world_camera"):
        del info["features"][f"observation.camera.agentview.{name}"]


def cut(path: Path, to: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * to)])


def pictures(place: Path, of) -> None:
    encode_video(place / "set" / VIDEO, of(make_episode(0, 24, CAMERA).cameras[0].images), 20)


def other_camera(place: Path) -> None:
    shutil.rmtree(place / "set")
    record(place / "set", "wrist", "side")  # of one camera alone the name does not matter


POLICY = "run/policy/config.json"
READ = (
    "check {p}/set",
    "train --dataset {p}/set --out {p}/new --steps 1",
    "show dataset --dataset {p}/set --out {p}/x.mp4",
)
TRAIN = "train --dataset {p}/set --out {p}/run --preset cls_regression --batch-size 2"
EVALUATE = "evaluate --policy {p}/run/policy --records {p}/records.jsonl --episodes 1 --workers 1"

CASES = {
    "dataset without cameras": (
        lambda p: edit_json(p / "set/meta/info.json", forget_camera),
        READ,
        "{p}/set: no camera columns. Each video observation.images.<cam> needs observation.camera.<cam>.intrinsics and "
        "observation.camera.<cam>.T_world_camera; videos here: ['observation.images.agentview']. Calibrate the camera and "
        "attach the columns, or record with para.",
    ),
    "wrong camera": (
        other_camera,
        READ[1:2],
        "{p}/set: no camera 'agentview'; there are ['wrist', 'side'] (on the command line: --camera)",
    ),
    "video cut short": (
        lambda p: cut(p / "set" / VIDEO, 0.9),
        READ,
        "{p}/set/" + VIDEO + ": the video is cut short or damaged ({video} bytes). Record it again.",
    ),
    "video with frames missing": (
        lambda p: pictures(p, lambda images: images[:20]),
        READ,
        "{p}/set/" + VIDEO + ": holds 20 frames, episode 0 needs 24. Video and table do not belong together; record or "
        "download the set again.",
    ),
    "wrong image size": (
        lambda p: pictures(p, lambda images: images[:, :32]),
        READ,
        "{p}/set/"
        + VIDEO
        + ": pictures are 96 x 32, but meta/info.json says 96 x 64 (W x H). Camera intrinsics would be "
        "wrong; record it again.",
    ),
    "policy of another version": (
        lambda p: edit_json(p / POLICY, lambda d: d.update(format=99)),
        (EVALUATE, "show volume --dataset {p}/set --policy {p}/run/policy --out {p}/x.png"),
        "{p}/"
        + POLICY
        + ": saved in format 99, this version of para reads format 1. Load it with the version that wrote "
        "it (see 'provenance' in the file), or train it again.",
    ),
    "policy with another field": (
        lambda p: edit_json(p / POLICY, lambda d: d["policy"].update(colour="red")),
        ("show volume --dataset {p}/set --policy {p}/run/policy --out {p}/x.png",),
        "{p}/" + POLICY + ": PolicyConfig has no field 'colour'; it has ['backbone', 'camera', 'ee_frame', "
        "'execution', 'framing', 'head', 'horizon', 'image_size', 'workspace']",
    ),
    "policy's description cut short": (
        lambda p: cut(p / POLICY, 0.5),
        (EVALUATE,),
        "{p}/" + POLICY + ": not JSON (",
    ),
    "weights cut short": (
        lambda p: cut(p / "run/policy/model.safetensors", 0.5),
        ("show volume --dataset {p}/set --policy {p}/run/policy --out {p}/x.png",),
        "{p}/run/policy/model.safetensors does not fit its config.json: ",
    ),
    "state of another configuration": (
        lambda p: None,
        (TRAIN + " --steps 2",),
        "{p}/run/state.pt belongs to a run with another configuration (first difference: steps: 1 there, 2 now). Train into "
        "a new folder, or delete this one to start again.",
    ),
    "state cut short": (
        lambda p: (cut(p / "run/state.pt", 0.5), (p / POLICY).unlink()),  # with its policy it would count as finished
        (TRAIN + " --steps 1",),
        "{p}/run/state.pt cannot be read (",
    ),
    "unknown policy preset": (
        lambda p: None,
        ("train --dataset {p}/set --out {p}/run --preset parra",),
        "no policy preset 'parra'. Did you mean 'para'?",
    ),
    "unknown experiment": (
        lambda p: None,
        ("reproduce --preset quik --out {p}/run",),
        "no experiment preset or axis 'quik'. Did you mean 'quick'?",
    ),
    "no steps": (lambda p: None, (TRAIN + " --steps 0",), "steps is 0: training needs at least 1"),
    "no batch": (lambda p: None, (TRAIN + " --batch-size 0",), "batch_size is 0: training needs at least 1"),
    "no workers": (
        lambda p: None,
        (EVALUATE.replace("--workers 1", "--workers 0"),),
        "0 workers: episodes need at least one",
    ),
    "no episodes": (lambda p: None, (EVALUATE + " --episodes -3",), "--episodes -3: at least 1"),
    "a picture of an unknown kind": (
        lambda p: None,
        ("show targets --dataset {p}/set --out {p}/x.xyz",),
        "cannot show targets in {p}/x.xyz: its name ends with .png or .jpg or .jpeg",
    ),
    "a film as a picture": (
        lambda p: None,
        ("show dataset --dataset {p}/set --out {p}/x.png",),
        "cannot show dataset in {p}/x.png: its name ends with .mp4",
    ),
    "an episode before the first": (
        lambda p: None,
        ("show rollout --policy {p}/run/policy --episode -1 --out {p}/x.mp4",),
        "--episode -1: episodes and conditions are counted from 0",
    ),
    "no volume": (
        lambda p: None,
        ("show volume --dataset {p}/set --policy {p}/run/policy --out {p}/x.png",),
        "this policy's head (GlobalRegressionConfig) has no volume to draw",
    ),
    "a policy as a locator": (
        lambda p: None,
        (EVALUATE + " --locator {p}/run/policy",),
        "agent 'run_corrected': {p}/run/policy is no locator; train one (`para train --preset locator`)",
    ),
    "an oracle without its grid": (
        lambda p: None,
        ("evaluate --records {p}/records.jsonl --oracle",),
        "--oracle plays the expert's future through a policy's grid: give its --policy",
    ),
    "an expert of another name": (
        lambda p: None,
        (EVALUATE.replace("--policy {p}/run/policy", "--name fast"),),
        "--name fast without --policy: the scripted expert's row is called expert",
    ),
    "records that are a folder": (
        lambda p: None,
        ("evaluate --records {p}/set --episodes 1",),
        "[Errno 21] Is a directory: '{p}/set'",
    ),
    "a run in place of its policy": (
        lambda p: None,
        ("show volume --dataset {p}/set --policy {p}/run --out {p}/x.png",),
        "{p}/run is not a saved policy: there is no config.json in it; give {p}/run/policy",
    ),
    "records damaged": (
        lambda p: (p / "records.jsonl").write_text('{"half": 1\n{}\n'),
        (EVALUATE,),
        "{p}/records.jsonl:1: not an episode record",
    ),
    "demonstrations of another plan": (
        lambda p: None,
        ("demos --out {p}/set --count 2 --image-size 64 64 --workers 1",),
        "{p}/set: the set was begun with another plan (hash plan, 2 entries; now ",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_one_message_and_nothing_is_lost(name, place, capsys):
    damage, commands, words = CASES[name]
    damage(place)
    before = content(place)
    video = (place / "set" / VIDEO).stat().st_size if (place / "set" / VIDEO).exists() else 0
    for command in commands:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main(command.format(p=place).split())
        said = capsys.readouterr()
        assert stop.value.code == 2, said.err
        assert said.out == "" and said.err.count("\n") == 1, "one line"
        wanted = "para: " + words.replace("{p}", str(place)).replace("{video}", str(video))
        assert said.err.rstrip("\n") == wanted if words[-1] in ".]" else said.err.startswith(wanted), said.err
        after = content(place)
        assert {name: after.get(name) for name in before} == before, "what was there is as it was"
        assert set(after) - set(before) <= {"set/.staging/lock"}, "and nothing half-made lies beside it"


# ---- killed workers ----------------------------------------------------------------------------------------------------


def start(*arguments) -> subprocess.Popen:
    """The command as a process of its own, in a terminal's place."""
    command = [sys.executable, "-m", "para.cli", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_workers(command: subprocess.Popen, times: int) -> None:
    """SIGKILL for the next so many worker processes, as the kernel does when memory runs out."""
    killed, deadline = set(), time.monotonic() + PATIENCE
    while len(killed) < times and command.poll() is None:
        assert time.monotonic() < deadline, "no worker appears"
        for child in psutil.Process(command.pid).children(recursive=True):
            try:
                worker = any("spawn_main" in word for word in child.cmdline())
                if worker and child.pid not in killed and len(killed) < times:
                    child.kill()
                    killed.add(child.pid)
            except psutil.NoSuchProcess:
                pass
        time.sleep(0.02)


def test_recording_whose_workers_are_killed(tmp_path):
    """Given up with one message after the third death; what was recorded stays, and the same command goes on."""
    root = tmp_path / "set"
    command = ("demos", "--out", root, "--count", 2, "--image-size", 64, 64, "--workers", 1)
    process = start(*command)
    wait_for(lambda: list(root.glob("videos/**/file-000.mp4")), process)
    kill_workers(process, 3)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2 and "Traceback" not in error
    assert error.splitlines()[-1] == (
        "para: a worker process died 3 times around entry 1; use fewer workers, or give the machine more memory"
    )
    kept = content(root)
    assert len(DemoDataset.open(root)) == 1
    main([str(word) for word in command])
    after = content(root)
    first = [name for name in kept if name.startswith(("videos/", "data/"))]
    assert len(first) >= 2 and all(after[name] == kept[name] for name in first)
    assert len(DemoDataset.open(root)) == 2


def test_evaluation_whose_worker_is_killed(tmp_path):
    """The episode is run again, and the records that were there keep their bytes."""
    records = tmp_path / "records.jsonl"
    process = start("evaluate", "--records", records, "--episodes", 2, "--workers", 1, "--name", "expert")
    wait_for(lambda: records.exists() and records.read_bytes().endswith(b"\n"), process)
    first = records.read_bytes()
    kill_workers(process, 1)
    out, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, error
    assert records.read_bytes().startswith(first)
    rows = [json.loads(line) for line in records.read_text().splitlines()]
    assert [row["condition"]["index"] for row in rows] == [0, 1]
    assert [row["attempts"] for row in rows] == [1, 2] and "expert on lr_independent/validation: PLACE" in out
