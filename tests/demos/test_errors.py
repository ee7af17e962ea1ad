"""Broken sets are refused with words that say what is wrong, where, and what to do."""

import json
import shutil
from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demos.synthetic import default_camera, edit_info, make_episode, meta_for
from mutations import mutations
from para.demos import DatasetWriter, DemoDataset, DemoError, DemoMeta, resampled, stage_episode
from para.demos.schema import EPISODES_PATH, PLAN_INDEX_COLUMN
from para.demos.video import encode_video

CAMERA = default_camera(96, 64)
EPISODE = make_episode(0, 24, CAMERA)
VIDEO = "videos/observation.images.front/chunk-000/file-000.mp4"


def cut_video(root):
    path = root / VIDEO
    path.write_bytes(path.read_bytes()[:-300])


def drop_rows(root):
    path = root / "data/chunk-000/file-001.parquet"
    pq.write_table(pq.read_table(path).slice(0, 20), path)


def forget_camera(info):
    for name in ("intrinsics", "T_world_camera"):
        del info["features"][f"observation.camera.front.{name}"]


def older_conventions(info):
    info["features"]["observation.camera.front.T_world_camera"]["info"]["para"]["conventions"] = 0


def one_frame(root):
    path = root / EPISODES_PATH
    table = pq.read_table(path)
    at = table.schema.get_field_index("length")
    pq.write_table(table.set_column(at, "length", pa.array([24, 1], table.schema.field(at).type)), path)


BROKEN = {
    "an episode of one frame": (
        one_frame,
        "{root}: episode 1 has a single frame, which shows no motion: a recording that was broken off? Delete it (LeRobot's "
        "lerobot-edit-dataset).",
    ),
    "no dataset": (
        lambda root: shutil.rmtree(root / "meta"),
        "{root}: not a dataset (no meta/info.json). Give the folder that holds meta/, data/ and videos/.",
    ),
    "old version": (
        lambda root: edit_info(root, lambda info: info.update(codebase_version="v2.1")),
        "{root}: codebase_version is 'v2.1', this reader needs 'v3.0'. Convert it with LeRobot's "
        "convert_dataset_v21_to_v30, or record it again.",
    ),
    "no number of episodes": (
        lambda root: edit_info(root, lambda info: info.pop("total_episodes")),
        "{root}/meta/info.json: total_episodes is None. Copy or download the dataset again.",
    ),
    "no camera columns": (
        lambda root: edit_info(root, forget_camera),
        "{root}: no camera columns. Each video observation.images.<cam> needs observation.camera.<cam>.intrinsics and "
        "observation.camera.<cam>.T_world_camera; videos here: ['observation.images.front']. Calibrate the camera and "
        "attach the columns, or record with para.",
    ),
    "mixed conventions": (
        lambda root: edit_info(root, older_conventions),
        "{root}: mixed or unknown conventions: this reader needs version 1 in every feature's info['para'], but found "
        "{{'observation.camera.front.T_world_camera': 0}}. Do not merge sets of different versions; convert or record "
        "the older one again.",
    ),
    "video missing": (lambda root: (root / VIDEO).unlink(), "{root}/" + VIDEO + ": the video is missing"),
    "video cut short": (
        cut_video,
        "{root}/" + VIDEO + ": the video is cut short or damaged ({size} bytes). Record it again.",
    ),
    "video of another length": (
        lambda root: encode_video(root / VIDEO, EPISODE.cameras[0].images[:20], 20),
        "{root}/" + VIDEO + ": holds 20 frames, episode 0 needs 24. Video and table do not belong together; record or "
        "download the set again.",
    ),
    "video of another size": (
        lambda root: encode_video(root / VIDEO, EPISODE.cameras[0].images[:, :32], 20),
        "{root}/"
        + VIDEO
        + ": pictures are 96 x 32, but meta/info.json says 96 x 64 (W x H). Camera intrinsics would be "
        "wrong; record it again.",
    ),
    "video of another rate": (
        lambda root: encode_video(root / VIDEO, EPISODE.cameras[0].images, 30),
        "{root}/" + VIDEO + ": 30 Hz, but meta/info.json says 20 Hz. Encode it again at the set's rate.",
    ),
    "rows missing": (
        drop_rows,
        "{root}/data/chunk-000/file-001.parquet: holds 20 frames of episode 1, meta/episodes says 24. The dataset is "
        "incomplete; copy, download or record it again.",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_sets_are_refused(name, pristine, tmp_path):
    damage, words = BROKEN[name]
    root = tmp_path / "set"
    shutil.copytree(pristine, root)
    damage(root)
    size = (root / VIDEO).stat().st_size if (root / VIDEO).exists() else 0
    with pytest.raises(DemoError) as error:
        DemoDataset.open(root)
    assert str(error.value) == words.format(root=root, size=size)


def test_no_damage_to_the_description_is_a_traceback(pristine):
    """Whatever is missing in info.json, or is of another kind: it is read as it was meant, or refused in words."""
    refused = 0
    for damaged in mutations(json.loads((pristine / "meta/info.json").read_text())):
        try:
            assert DemoMeta.from_info(damaged, "set").camera_names
        except DemoError:
            refused += 1
    assert refused > 50


def test_a_video_damaged_inside_is_refused_when_decoded(pristine, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(pristine, root)
    content = bytearray((root / VIDEO).read_bytes())
    middle = content.index(b"mdat") + 2000
    content[middle : middle + 4000] = bytes(4000)
    (root / VIDEO).write_bytes(bytes(content))
    with pytest.raises(DemoError, match="video"):
        DemoDataset.open(root).decode(0, "front")


def test_another_plan_is_refused(pristine, tmp_path):
    root = tmp_path / "set"
    shutil.copytree(pristine, root)
    with pytest.raises(DemoError) as error:
        DatasetWriter(root, meta_for(CAMERA), "other plan", 2)
    assert str(error.value) == (
        f"{root}: the set was begun with another plan (hash plan, 2 entries; now other plan, 2). Choose another folder, "
        "or delete this one to begin again."
    )


def split_table(root):
    path = root / EPISODES_PATH
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path.with_name("file-001.parquet"))
    pq.write_table(table.slice(0, 1), path)


def test_a_table_of_several_files_is_read_whole_before_anything_is_tidied(pristine, tmp_path):
    root = shutil.copytree(pristine, tmp_path / "set")
    split_table(root)
    files = {path for top in ("data", "videos") for path in (root / top).rglob("*")}
    with DatasetWriter(root, meta_for(CAMERA), "plan", 3) as writer:
        assert writer.committed == [0, 1] and writer.pending() == [2]
    assert {path for top in ("data", "videos") for path in (root / top).rglob("*")} == files
    assert len(DemoDataset.open(root)) == 2


def test_a_set_that_was_extended_elsewhere_is_left_alone(pristine, tmp_path):
    root = shutil.copytree(pristine, tmp_path / "set")
    table = pq.read_table(root / EPISODES_PATH)
    at = table.schema.get_field_index(PLAN_INDEX_COLUMN)
    pq.write_table(table.set_column(at, PLAN_INDEX_COLUMN, pa.array([0, None], pa.int64())), root / EPISODES_PATH)
    before = {path: path.stat().st_size for path in root.rglob("*") if ".staging" not in path.parts}
    with pytest.raises(DemoError, match="extended or edited elsewhere .*; nothing was touched"):
        DatasetWriter(root, meta_for(CAMERA), "plan", 3)
    assert {path: path.stat().st_size for path in root.rglob("*") if ".staging" not in path.parts} == before


def test_a_writer_that_was_refused_lets_the_next_one_in(pristine, tmp_path):
    root = shutil.copytree(pristine, tmp_path / "set")
    with pytest.raises(
        DemoError, match="begun with another plan"
    ) as kept:  # with its traceback, as a notebook keeps it
        DatasetWriter(root, meta_for(CAMERA), "another", 2)
    with DatasetWriter(root, meta_for(CAMERA), "plan", 3) as writer:
        assert writer.committed == [0, 1] and kept.value is not None


def test_a_plan_may_grow(pristine, tmp_path):
    """Twenty demonstrations were not enough: the same plan with more entries goes on, with fewer it does not."""
    root = tmp_path / "set"
    shutil.copytree(pristine, root)
    with DatasetWriter(root, meta_for(CAMERA), "plan", 3) as writer:
        assert writer.pending() == [2]
        stage_episode(EPISODE, writer.staging_folder(2))
    assert len(DemoDataset.open(root)) == 3
    with pytest.raises(DemoError, match=r"hash plan, 3 entries; now plan, 2"):
        DatasetWriter(root, meta_for(CAMERA), "plan", 2)


def test_a_loop_that_does_not_keep_its_rate_is_resampled(tmp_path):
    """Nearest frame in time for each moment at 20 Hz; what kept its rate stays as it is."""
    late = replace(EPISODE, time=3.0 + np.cumsum(np.where(np.arange(24) % 4 == 3, 0.085, 0.05)))
    with pytest.raises(DemoError, match=r"Take `resampled\(episode\)`"):
        stage_episode(late, tmp_path / "x")
    steady = resampled(late)
    stage_episode(steady, tmp_path / "x")
    np.testing.assert_allclose(steady.time, np.arange(len(steady)) / 20)
    assert len(steady) == 1 + int((late.time[-1] - late.time[0]) * 20)
    chosen = [int(np.abs(late.time - late.time[0] - t).argmin()) for t in steady.time]
    for name in ("ee_position", "command_quaternion", "command_gripper"):
        np.testing.assert_array_equal(getattr(steady, name), getattr(late, name)[chosen])
    np.testing.assert_array_equal(steady.cameras[0].images, late.cameras[0].images[chosen])
    np.testing.assert_array_equal(resampled(EPISODE).ee_position, EPISODE.ee_position)
    with pytest.raises(DemoError, match="times must rise"):
        resampled(replace(EPISODE, time=EPISODE.time[::-1]))


def test_a_stall_of_the_recording_is_no_demonstration_of_waiting():
    stalled = replace(EPISODE, time=EPISODE.time + np.where(np.arange(24) > 9, 3.0, 0.0))
    with pytest.raises(DemoError) as error:
        resampled(stalled)
    assert str(error.value) == (
        "nothing was recorded for 3.05 s after frame 9 (0.45 s from the start); record the episode again, or allow it: "
        "resampled(episode, largest_gap=...)"
    )
    assert len(resampled(stalled, largest_gap=4.0)) == 84


def test_lists_are_taken_for_arrays(tmp_path):
    names = [f.name for f in fields(EPISODE) if isinstance(getattr(EPISODE, f.name), np.ndarray)]
    camera = replace(EPISODE.cameras[0], intrinsics=EPISODE.cameras[0].intrinsics.tolist())
    listed = replace(EPISODE, cameras=(camera,), **{name: getattr(EPISODE, name).tolist() for name in names})
    for name, episode in (("lists", listed), ("arrays", EPISODE)):
        stage_episode(resampled(episode), tmp_path / name)
    tables = [pq.read_table(tmp_path / name / "data.parquet") for name in ("lists", "arrays")]
    assert tables[0].equals(tables[1])


def test_a_set_has_one_rate(tmp_path):
    for fps in (29.97, 0, True):
        with pytest.raises(DemoError, match="fps is a whole number of frames a second"):
            replace(meta_for(CAMERA), fps=fps)
    writer = DatasetWriter(tmp_path / "set", replace(meta_for(CAMERA), fps=30), "plan", 1)
    folder = writer.staging_folder(0)
    stage_episode(EPISODE, folder)
    with pytest.raises(DemoError) as error:
        writer.commit()
    assert str(error.value) == (
        f"{folder}: staged at 20 Hz, but DemoMeta.fps is 30 Hz. Stage it again: stage_episode(episode, folder, fps=30)."
    )
    stage_episode(resampled(EPISODE, 30), folder, fps=30)
    assert writer.commit() == 1
    writer.close()
    assert len(DemoDataset.open(tmp_path / "set")) == 1


@pytest.mark.parametrize("names", [("cam.front",), ("a/b",), ("",), ("front", "front")])
def test_a_camera_needs_a_name_that_columns_can_bear(names):
    with pytest.raises(DemoError, match=r"cannot be a column name|names of their own"):
        meta_for(CAMERA, names)


def test_two_writers_are_refused(tmp_path):
    with DatasetWriter(tmp_path / "set", meta_for(CAMERA), "plan", 2):
        with pytest.raises(DemoError, match="another process is writing this set"):
            DatasetWriter(tmp_path / "set", meta_for(CAMERA), "plan", 2)


def test_an_episode_is_not_staged_over_other_files(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/precious.txt").write_text("mine")
    with pytest.raises(DemoError, match="home holds something else than a staged episode; nothing was written"):
        stage_episode(EPISODE, tmp_path / "home")
    assert (tmp_path / "home/precious.txt").read_text() == "mine"


def test_foreign_folders_are_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(DemoError, match="not empty and holds no dataset"):
        DatasetWriter(tmp_path, meta_for(CAMERA), "plan", 2)
    assert [p.name for p in tmp_path.iterdir()] == ["precious.txt"]


MISTAKES = {
    "nan": (
        dict(ee_position=np.where(np.arange(24)[:, None] == 7, np.nan, EPISODE.ee_position)),
        "episode x: ee_position is not finite at frame 7",
    ),
    "shape": (dict(gripper=np.zeros((24, 1))), "episode x: gripper has shape (24, 1), needed is (24,)"),
    "rate": (
        dict(time=np.arange(24) / 10),
        "episode x: frame 1 lies 0.050 s off 20 Hz; frames are stored at exactly 20 Hz. Take `resampled(episode)`, "
        "or slow the robot down until it keeps the rate.",
    ),
    "gripper in LeRobot's units": (
        dict(command_gripper=np.linspace(5.0, 45.0, 24)),
        "episode x: command_gripper runs from 5 to 45; it is the opening from 0 (closed) to 1 (open). Scale it by your "
        "gripper's own range (LeRobot counts 0 to 100).",
    ),
    "no rotation": (
        dict(ee_quaternion=np.zeros((24, 4))),
        "episode x: ee_quaternion at frame 0 is [0.0, 0.0, 0.0, 0.0], not of length 1. Store unit quaternions as (w, x, y, z); "
        "an arm that reports no rotation has (1, 0, 0, 0).",
    ),
    "notes": (
        dict(notes={"score": np.float32(1.0)}),
        "episode x: notes are not JSON: Object of type float32 is not JSON serializable. Take plain numbers, texts, lists and "
        "dicts.",
    ),
    "images": (
        dict(cameras=(replace(EPISODE.cameras[0], images=EPISODE.cameras[0].images[:23]),)),
        "episode x, camera front: images are uint8 (23, 64, 96, 3), needed is uint8 (24, H, W, 3)",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_bad_episodes_are_refused(name, tmp_path):
    change, words = MISTAKES[name]
    with pytest.raises(DemoError) as error:
        stage_episode(replace(EPISODE, **change), tmp_path / "x")
    assert str(error.value) == words
    assert list(tmp_path.iterdir()) == []
