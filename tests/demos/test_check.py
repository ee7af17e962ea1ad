"""The pictures decide whether a camera is right: laws on drawn demonstrations."""

import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from demos.synthetic import WORKSPACE, default_camera, make_episode, meta_for
from para.demos import DatasetWriter, DemoDataset, DemoError, stage_episode
from para.demos.check import _set_findings, check_dataset, check_views
from para.demos.check_still import still_agreement, still_picture
from para.demos.check_structure import structural_findings
from para.demos.check_views import FRAMES, Views
from para.demos.staging import as_arrow
from para.geometry import Pose
from para.types import Box

CAMERA = default_camera(192, 144)
EPISODES = 12


def views_of(seed: int) -> Views:
    """As `read_views`, without a detour over files."""
    episode = make_episode(seed, FRAMES, CAMERA)
    camera = episode.cameras[0]
    rotation = Pose.from_quaternion(episode.ee_quaternion, episode.ee_position).rotation
    return Views(
        camera.images, camera.intrinsics, camera.T_world_camera, episode.ee_position, rotation, episode.gripper
    )


@pytest.fixture(scope="module")
def views():
    return [views_of(seed) for seed in range(EPISODES)]


def turned(view: Views, degrees: list[float]) -> Views:
    """The recorded camera turned about its own centre, the pictures unchanged."""
    camera = view.cameras.rotate(np.deg2rad(np.tile(degrees, (FRAMES, 1))))
    return replace(view, T_world_camera=camera.T_world_camera.matrix())


def shifted(view: Views, metres: list[float]) -> Views:
    """The recorded camera shifted along its own axes, the pictures unchanged."""
    pose = Pose.from_matrix(view.T_world_camera)
    moved = pose.translation + pose.rotation @ np.array(metres)
    return replace(view, T_world_camera=Pose(pose.rotation, moved).matrix())


def errors(views: list[Views], pictures=None) -> list[int | None]:
    findings, _ = check_views(views, "front", pictures)
    return [finding.episode for finding in findings if finding.level == "error"]


def test_no_alarm_on_a_clean_set(views):
    assert errors(views) == []


WRONG = {
    "tilted 3 deg": lambda v: turned(v, [3, 0, 0]),
    "panned 3 deg": lambda v: turned(v, [0, -3, 0]),
    "rolled 3 deg": lambda v: turned(v, [0, 0, 3]),
    "5 cm right": lambda v: shifted(v, [0.05, 0, 0]),
    "5 cm up": lambda v: shifted(v, [0, -0.05, 0]),
    "5 cm forward": lambda v: shifted(v, [0, 0, 0.05]),
    "mirrored": lambda v: v.flipped(True, False),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_wrong_camera_is_named(name, views, tmp_path):
    episode = (3 + 5 * list(WRONG).index(name)) % EPISODES
    wrong = [WRONG[name](view) if i == episode else view for i, view in enumerate(views)]
    assert errors(wrong, tmp_path) == [episode]
    picture = cv2.imread(str(tmp_path / f"front-episode-{episode:03d}.png"))
    assert picture is not None and picture.shape[1] > 600


def test_an_episode_that_cannot_be_judged_is_named(views):
    """Its camera is so wrong that the hand seems to stay at the picture's border."""
    wrong = [turned(view, [0, -30, 0]) if i == 2 else view for i, view in enumerate(views)]
    findings, evidence = check_views(wrong, "front")
    assert np.isnan(evidence.error[2]).any()
    assert [(f.episode, f.level) for f in findings] == [(2, "error")] and "to judge" in findings[0].what


def test_a_set_mirrored_as_a_whole_is_named(views):
    findings, evidence = check_views([view.flipped(True, False) for view in views], "front")
    assert [f.episode for f in findings] == [None] and "mirrored left-right" in findings[0].what
    assert evidence.motion[0] < -0.5


def test_zoom_and_distance_do_not_matter(views):
    """Another lens at another distance, truthfully recorded, is no error."""
    nearer = replace(CAMERA.zoom(1.15), T_world_camera=shifted_pose(CAMERA.T_world_camera, [0.0, 0.0, -0.06]))
    episode = make_episode(50, FRAMES, nearer)
    camera = episode.cameras[0]
    other = replace(
        views_of(50), images=camera.images, intrinsics=camera.intrinsics, T_world_camera=camera.T_world_camera
    )
    assert errors([*views, other]) == []


def shifted_pose(pose: Pose, metres: list[float]) -> Pose:
    return Pose(pose.rotation, pose.translation + pose.rotation @ np.array(metres))


def test_columns_are_checked_too(tmp_path):
    jump = make_episode(1, 24, CAMERA)
    position = jump.ee_position.copy()
    position[10:] += [0.0, 0.3, 0.0]
    episodes = [make_episode(0, 24, CAMERA), replace(jump, ee_position=position)]
    with DatasetWriter(tmp_path / "set", meta_for(CAMERA), "plan", 2) as writer:
        for i, episode in enumerate(episodes):
            stage_episode(episode, writer.staging_folder(i))
    lengthen_commanded_quaternions(tmp_path / "set/data/chunk-000/file-001.parquet", 1.02)
    report = check_dataset(DemoDataset.open(tmp_path / "set"))
    assert not report.ok and report.wrong_episodes == [1]
    text = report.text()
    assert "the end effector jumps at frame 10 (6" in text
    assert "the commanded quaternion at frame 0 is not of length 1. Store unit quaternions as (w, x, y, z)." in text
    assert "2 episodes are too few to judge the camera from the pictures" in text and text.endswith("NOT ok")


def lengthen_commanded_quaternions(path, factor):
    """As another recorder may have written them; staging refuses what is far from length 1."""
    table = pq.read_table(path)
    action = np.array(table["action"].to_pylist(), np.float32)
    action[:, 3:7] *= factor
    pq.write_table(table.set_column(table.schema.get_field_index("action"), "action", as_arrow(action)), path)


def test_quaternions_that_may_be_recorded_pass_the_check(tmp_path):
    """One tolerance: what is staged without a word must not be an error when the set is finished."""
    episode = make_episode(0, 24, CAMERA)
    found = findings_of(tmp_path, replace(episode, ee_quaternion=1.009 * episode.ee_quaternion))
    assert [f.what for f in found if "quaternion" in f.what] == []
    with pytest.raises(DemoError, match="not of length 1"):
        stage_episode(replace(episode, ee_quaternion=1.011 * episode.ee_quaternion), tmp_path / "x")


def openings(command, measured=None):
    """An episode whose gripper is commanded so over its thirds."""
    episode = make_episode(0, 24, CAMERA)
    commanded = np.repeat(np.asarray(command, float), 8)
    return replace(episode, command_gripper=commanded, gripper=commanded if measured is None else measured)


def findings_of(tmp_path, episode, meta=None):
    with DatasetWriter(tmp_path / "set", meta or meta_for(CAMERA), "plan", 1) as writer:
        stage_episode(episode, writer.staging_folder(0))
    return structural_findings(DemoDataset.open(tmp_path / "set"), "front")


@pytest.mark.parametrize(
    ("command", "levels"),
    [((0.45, 0.05, 0.45), ["error"]), ((1.0, 0.6, 1.0), ["error"]), ((1, 0, 1), []), ((0, 0, 0), []), ((1, 1, 1), [])],
)
def test_a_gripper_that_would_never_work_is_named(tmp_path, command, levels):
    """Of a hand that opens by less than half nothing would be learned but to be closed."""
    found = findings_of(tmp_path, openings(command))
    assert [f.level for f in found if "never crosses 0.5" in f.what] == levels


def test_a_workspace_that_begins_above_the_grasp_is_named(tmp_path):
    episode = openings((1, 0, 1))
    lowest = episode.ee_position[[7, 15], 2].max() + 0.001
    meta = replace(meta_for(CAMERA), workspace=Box((*WORKSPACE.low[:2], lowest), WORKSPACE.high))
    said = [f.what for f in findings_of(tmp_path, episode, meta) if f.level == "error"]
    assert "the hand is outside the stated workspace in 100% of the moments when the gripper works" in said


def test_intrinsics_of_another_picture_size_are_named(tmp_path):
    episode = make_episode(0, 24, CAMERA)
    wrong = replace(episode.cameras[0], intrinsics=episode.cameras[0].intrinsics * 0.5)
    found = findings_of(tmp_path, replace(episode, cameras=(wrong,)))
    assert [f.level for f in found if "the principal point lies at 26% of the picture's width" in f.what] == ["warning"]


@pytest.mark.parametrize(("high", "level"), [(0.3, []), (0.12, ["warning"]), (0.035, ["error"])])
def test_a_workspace_that_misses_the_motion_is_named(tmp_path, high, level):
    """Nothing would be learned of targets outside it."""
    box = Box(WORKSPACE.low, (*WORKSPACE.high[:2], high))
    with DatasetWriter(tmp_path / "set", replace(meta_for(CAMERA), workspace=box), "plan", 1) as writer:
        stage_episode(make_episode(0, 60, CAMERA), writer.staging_folder(0))
    found = structural_findings(DemoDataset.open(tmp_path / "set"), "front")
    assert [f.level for f in found if "outside the stated workspace" in f.what] == level


def test_a_turn_is_measured(views):
    """What is reported is the turn itself."""
    _, clean = check_views(views, "front")
    _, evidence = check_views([turned(views[0], [0.0, 2.0, 0.0]), *views[1:]], "front")
    np.testing.assert_allclose(evidence.error[0, 0], np.deg2rad(2.0), atol=0.006)
    assert np.abs(clean.error).max() < clean.limit.min()


def agreement(views, flips):
    return still_agreement(views, [still_picture(view) for view in views], flips)


def test_the_surroundings_tell_a_flip_and_only_a_flip(views):
    """The part of the still picture that a flip negates: it agrees with the other episodes' unless this one is flipped."""
    flips = [(True, False), (False, True), (True, True)]
    assert agreement(views, flips).min() > 0.3
    for place, flip in enumerate(flips):
        found = agreement([views[0].flipped(*flip), *views[1:]], flips)
        assert found[0, place] < -0.3 and found[1:].min() > 0.3
    wrong = agreement([turned(views[0], [0.0, 3.0, 0.0]), *views[1:]], flips)
    assert wrong[0].min() > 0.3, "the pictures are as they were"


def test_surroundings_of_other_cameras_are_not_compared(views):
    flips = [(True, False)]
    far = shifted(views[0], [0.3, 0.0, 0.0])
    found = agreement([far, *views[1:]], flips)
    assert np.isnan(found[0]).all() and np.isfinite(found[1:]).all()
    swaying = replace(views[0], T_world_camera=views[0].T_world_camera + np.linspace(0, 0.1, FRAMES)[:, None, None])
    assert np.isnan(agreement([swaying, *views[1:]], flips)[0]).all()


def test_a_mirrored_episode_in_which_the_gripper_stays_in_the_middle_is_named(views):
    """Mirrored, a symmetric gripper in the middle of the picture looks right, and hardly moves across."""
    middle = [middle_episode(seed) for seed in range(60, 66)]
    assert errors([*views, *middle]) == []
    assert errors([*views, middle[0].flipped(True, False), *middle[1:]]) == [EPISODES]


def middle_episode(seed: int) -> Views:
    """An episode whose end effector stays on the picture's middle column."""
    import demos.synthetic as synthetic

    way = synthetic.trajectory(seed, FRAMES)
    camera = CAMERA.T_world_camera
    # y such that the camera's x is that of the image centre
    right, ahead = camera.rotation[:, 0], camera.rotation[:, 2]
    offset = (CAMERA.width / 2 - CAMERA.intrinsics[2]) / CAMERA.intrinsics[0]
    normal = right - offset * ahead
    rest = way - camera.translation
    way[:, 1] -= (rest @ normal) / normal[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic, "trajectory", lambda *_: way)
        return views_of(seed)


@pytest.mark.parametrize("motion", [(np.nan, 0.05), (0.05, np.nan)])
def test_motion_along_one_axis_alone_is_judged_by_that(motion):
    (found,) = _set_findings("front", np.zeros(3), motion)
    assert found.level == "error" and "do not belong together" in found.what
    assert _set_findings("front", np.zeros(3), tuple(10 * m for m in motion)) == []


def test_a_long_set_is_checked_in_the_memory_of_a_short_one(tmp_path):
    """Of an episode's pictures patches are kept, not the pictures; those of an episode that may be flipped come and go, too."""
    camera = default_camera(512, 384)
    episode = make_episode(0, FRAMES, camera)
    swaying = episode.cameras[0].T_world_camera + np.linspace(0, 0.01, FRAMES)[:, None, None] * np.eye(3, 4, 3)
    episode = replace(episode, cameras=(replace(episode.cameras[0], T_world_camera=swaying),))
    with DatasetWriter(tmp_path / "set", meta_for(camera), "plan", 9) as writer:
        for i in writer.pending():
            stage_episode(episode, writer.staging_folder(i))
    whole = DemoDataset.open(tmp_path / "set")
    peaks = []
    for count in (5, 9):
        part = DemoDataset(whole.root, whole.meta, whole.episodes[:count], whole._columns)
        tracemalloc.start()
        assert len(check_dataset(part).evidence[0].error) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 4 < 0.4 * episode.cameras[0].images.nbytes
