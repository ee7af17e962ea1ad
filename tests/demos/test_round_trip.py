"""What is written comes back: columns exactly (to float32), pictures closely, facts and notes unchanged."""

import json
from fractions import Fraction

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from demos.synthetic import default_camera, make_episode, meta_for
from para.demos import DatasetWriter, DemoDataset, DemoError, stage_episode
from para.demos.camera_report import camera_report, dataset_camera
from para.demos.video import decode_video, encode_video

CAMERA = default_camera()
NAMES = ("front", "side")


@pytest.fixture(scope="module")
def episodes():
    return [make_episode(seed, 40 + 7 * seed, CAMERA, NAMES) for seed in range(3)]


@pytest.fixture(scope="module")
def dataset(episodes, tmp_path_factory):
    root = tmp_path_factory.mktemp("demos") / "set"
    with DatasetWriter(root, meta_for(CAMERA, NAMES), "plan", 4) as writer:
        writer.fail(1, "the drawing hand slipped")
        for plan_index, episode in zip((0, 2, 3), episodes):
            stage_episode(episode, writer.staging_folder(plan_index))
    return DemoDataset.open(root)


def test_columns_come_back(dataset, episodes):
    assert len(dataset) == 3 and dataset.frames == sum(len(e) for e in episodes)
    for i, written in enumerate(episodes):
        read = dataset.columns(i, "side")
        for name in (
            "ee_position",
            "ee_quaternion",
            "gripper",
            "command_position",
            "command_quaternion",
            "command_gripper",
        ):
            np.testing.assert_array_equal(getattr(read, name), getattr(written, name).astype(np.float32), err_msg=name)
        np.testing.assert_array_equal(read.intrinsics, written.cameras[1].intrinsics.astype(np.float32))
        np.testing.assert_array_equal(read.T_world_camera, written.cameras[1].T_world_camera.astype(np.float32))
        np.testing.assert_allclose(read.time, written.time, atol=1e-9)


def test_whole_episodes_come_back(dataset, episodes):
    read = dataset.episode(2)
    assert (read.instruction, read.notes) == (episodes[2].instruction, episodes[2].notes)
    for written, camera in zip(episodes[2].cameras, read.cameras):
        error = (camera.images.astype(float) - written.images) ** 2
        assert 10 * np.log10(255**2 / error.mean()) > 28  # dB; yuv420p halves the drawing's colour noise
        gray = (camera.images.astype(float).mean(-1) - written.images.mean(-1)) ** 2
        assert 10 * np.log10(255**2 / gray.mean()) > 36


def test_facts_come_back(dataset):
    meta = meta_for(CAMERA, NAMES)
    assert (dataset.meta.cameras, dataset.meta.ee_frame, dataset.meta.workspace) == (
        meta.cameras,
        meta.ee_frame,
        meta.workspace,
    )
    np.testing.assert_array_equal(dataset.meta.T_world_base.matrix(), meta.T_world_base.matrix())
    assert dataset.image_size("front") == (CAMERA.width, CAMERA.height)
    assert [row.plan_index for row in dataset.episodes] == [0, 2, 3]
    assert dataset.fingerprint(0) != dataset.fingerprint(1)


def test_any_frames_in_any_order(dataset):
    everything = dataset.decode(2, "front")
    wanted = [50, 3, 3, 17, 0]
    np.testing.assert_array_equal(dataset.decode(2, "front", wanted), everything[wanted])


def test_lerobot_finds_its_columns(dataset):
    """The layout that LeRobot 0.6 needs to load the set."""
    info = json.loads((dataset.root / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["total_frames"] == dataset.frames
    statistics = json.loads((dataset.root / "meta/stats.json").read_text())
    table = pq.read_table(dataset.root / "data/chunk-000/file-001.parquet")
    for key, feature in info["features"].items():
        assert set(statistics[key]) == {"min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"}
        if feature["dtype"] == "video":
            assert np.shape(statistics[key]["mean"]) == (3, 1, 1) and 0 < statistics[key]["mean"][0][0][0] < 1
        else:
            assert table.schema.field(key).type == _arrow_type(feature), key
    rows = pq.read_table(dataset.root / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [row["dataset_from_index"] for row in rows] == [0, 40, 87]
    assert rows[1]["videos/observation.images.side/file_index"] == 1 and rows[1]["tasks"] == ["draw the blob"]
    assert table["index"].to_pylist() == list(range(40, 87))
    tasks = pq.read_schema(dataset.root / "meta/tasks.parquet")
    assert json.loads(tasks.metadata[b"pandas"])["index_columns"] == ["task"]


def _arrow_type(feature):
    import pyarrow as pa

    kind = pa.float32() if feature["dtype"] == "float32" else pa.int64()
    return kind if feature["shape"] == [1] else pa.list_(kind, feature["shape"][0])


def test_statistics_of_the_whole_set(dataset, episodes):
    statistics = json.loads((dataset.root / "meta/stats.json").read_text())["observation.state"]
    heights = np.concatenate([e.ee_position[:, 2] for e in episodes])
    np.testing.assert_allclose(statistics["mean"][2], heights.mean(), rtol=1e-5)
    np.testing.assert_allclose(statistics["std"][2], heights.std(), rtol=1e-5)
    np.testing.assert_allclose([statistics["min"][2], statistics["max"][2]], [heights.min(), heights.max()], rtol=1e-6)
    assert statistics["count"] == [len(heights)]


def test_several_episodes_in_one_video(dataset, episodes):
    """LeRobot puts many episodes into one file; frames are then counted from the episode's start in it."""
    path = dataset.root.parent / "joined.mp4"
    images = np.concatenate([e.cameras[0].images for e in episodes])
    encode_video(path, images, 20)
    frames = np.array([40 + 46, 40, 0, 100])
    decoded = decode_video(path, frames, 20)
    error = np.abs(decoded.astype(float) - images[frames]).mean((1, 2, 3))
    assert (error < 6).all()


REORDERED = {
    "HEVC, two frames to a group": ("libx265", {"g": "2", "x265-params": "log-level=none:pools=1"}),
    "HEVC, open groups": ("libx265", {"g": "10", "x265-params": "log-level=none:pools=1:open-gop=1:bframes=4"}),
    "MPEG-4": ("mpeg4", {"g": "4", "bf": "2"}),
    "H.264, open groups": ("libx264", {"g": "4", "bf": "3", "x264-params": "open-gop=1:b-adapt=0:log-level=none"}),
}


@pytest.mark.parametrize("name", REORDERED)
def test_every_frame_is_found_among_frames_stored_out_of_order(name, tmp_path):
    """Sets of others come in codecs whose containers seek to a keyframe that is shown after the wanted frame."""
    codec, options = REORDERED[name]
    path, frames = tmp_path / "reordered.mp4", 70
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=20, options=options)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(frames):
            image = rng.integers(0, 80, (64, 96, 3), np.uint8)
            image[8:40, number : number + 12] = 255
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 20)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    everything = decode_video(path, np.arange(frames), 20)  # one after the other, without a seek
    assert len(np.unique(everything.reshape(frames, -1), axis=0)) == frames
    for number in range(40, frames):
        np.testing.assert_array_equal(decode_video(path, [number], 20)[0], everything[number], err_msg=str(number))
    with pytest.raises(DemoError, match=f"frame {frames} cannot be decoded; the video is damaged or too short"):
        decode_video(path, [3, frames], 20)


def test_report_on_the_sets_camera(dataset):
    name, camera, workspace = dataset_camera(dataset)
    report = camera_report(camera, workspace)
    centre = np.array([0.0, 0.0, 0.0])
    arm = camera.T_world_camera.translation - centre
    elevation = np.arctan2(arm[2], np.hypot(*arm[:2]))
    assert name == "front" and report.now.elevation == pytest.approx(np.rad2deg(elevation), abs=1e-3)
    assert report.now.sideways == pytest.approx(1 / np.tan(elevation), rel=0.15)
    assert report.now.across == pytest.approx(4 * np.linalg.norm(arm) / camera.intrinsics[0], rel=0.1)
    assert report.now.along == pytest.approx(report.now.across / np.sin(elevation), rel=0.15)
    assert "mm across" in report.text(name)
    with pytest.raises(ValueError, match="a cell of 0 px"):
        camera_report(camera, workspace, 0)
    assert report.better is None or report.better.hover >= min(report.now.hover, 0.9)


def test_the_report_is_on_what_the_policy_sees(dataset):
    """A virtual camera of a fifth of the width at the same scale: cells as large, less of the workspace in the picture."""
    _, camera, workspace = dataset_camera(dataset)
    whole = camera_report(camera, workspace)
    part = camera_report(camera, workspace, look=lambda c: c.crop(0.4 * c.width, 0, c.width // 5, c.height))
    assert part.input_size == (camera.width // 5, camera.height) and part.image_size == whole.image_size
    assert part.now.across == pytest.approx(whole.now.across, rel=0.05) and part.now.visible < 0.75 * whole.now.visible
    large = camera_report(camera, workspace, look=lambda c: c.resize(2 * c.width, 2 * c.height))
    assert large.now.across == pytest.approx(whole.now.across / 2) and large.now.visible == whole.now.visible
