"""Saved policies: the same after loading, clear errors when something is wrong with them."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from mutations import mutations
from para.config import from_json, to_json
from para.geometry import Pose
from para.heads import GlobalRegressionConfig
from para.policy import CheckpointError, Execution, Policy, PolicyConfig, PolicyNetwork, checkpoint_hash
from para.presets import EXPERIMENTS, POLICIES, experiment, policy_preset
from para.types import Observation, RobotState, View
from policy.small import CONFIG, observation
from toy import toy_camera


@pytest.mark.parametrize("head", [CONFIG.head, GlobalRegressionConfig(width=32)], ids=["volume", "regression"])
def test_a_loaded_policy_predicts_the_same(tmp_path, head):
    config = replace(CONFIG, head=head)
    policy = Policy(config, PolicyNetwork(config), {"steps": 3})
    policy.save_pretrained(tmp_path / "p")
    loaded = Policy.from_pretrained(tmp_path / "p")
    assert loaded.config == config and loaded.provenance == {"steps": 3}
    for size in ((80, 64), (130, 99)):
        before, after = policy.predict(observation(size)), loaded.predict(observation(size))
        np.testing.assert_array_equal(before.positions, after.positions)
        np.testing.assert_array_equal(before.rotations, after.rotations)
    first = checkpoint_hash(tmp_path / "p")
    policy.save_pretrained(tmp_path / "p")
    assert checkpoint_hash(tmp_path / "p") == first
    other = Policy(config, PolicyNetwork(config))
    other.save_pretrained(tmp_path / "q")
    assert checkpoint_hash(tmp_path / "q") != first


def test_a_policy_says_what_it_is():
    assert repr(Policy(CONFIG, PolicyNetwork(CONFIG))) == (
        "Policy(VolumeHeadConfig on Lite0Config, 0.1 M parameters, 3 steps, camera 'toy' at 80 x 64 px, grip_site)"
    )


def test_an_optional_tuple_survives_json():
    @dataclass(frozen=True)
    class Example:
        place: tuple[float, float] | None = None

    hints = {"place": tuple[float, float] | None}
    for example in (Example(), Example((1.0, 2.0))):
        data = json.loads(json.dumps(to_json(example)))
        assert from_json(hints["place"], data["place"]) == example.place


def saved(tmp_path):
    return Policy(CONFIG, PolicyNetwork(CONFIG)).save_pretrained(tmp_path / "p")


def edit(folder, change):
    path = folder / "config.json"
    description = json.loads(path.read_text())
    change(description)
    path.write_text(json.dumps(description))


def test_what_is_wrong_with_a_checkpoint_is_said(tmp_path):
    with pytest.raises(CheckpointError, match="is not a saved policy: there is no config.json in it"):
        Policy.from_pretrained(tmp_path)
    folder = saved(tmp_path)
    edit(folder, lambda d: d.update(format=99))
    with pytest.raises(CheckpointError, match="saved in format 99, this version of para reads format 1"):
        Policy.from_pretrained(folder)
    folder = saved(tmp_path)
    edit(folder, lambda d: d["conventions"].update(camera="OpenGL"))
    with pytest.raises(CheckpointError, match="its conventions .* are not this version's"):
        Policy.from_pretrained(folder)
    folder = saved(tmp_path)
    edit(folder, lambda d: d["policy"]["head"].update(widths=[16, 32]))
    with pytest.raises(CheckpointError, match=r"model.safetensors.* does not fit its config.json"):
        Policy.from_pretrained(folder)
    folder = saved(tmp_path)
    edit(folder, lambda d: d["policy"]["head"].update(colour="red"))
    with pytest.raises(ValueError, match="VolumeHeadConfig has no field 'colour'; it has"):
        Policy.from_pretrained(folder)

    folder = saved(tmp_path)
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"has a config.json but no model.safetensors"):
        Policy.from_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"type": "act", "n_obs_steps": 1}))
    with pytest.raises(CheckpointError, match=r"config.json: not the config.json of a policy of para .* LeRobot"):
        Policy.from_pretrained(folder)


def test_no_damage_to_a_configuration_is_a_traceback():
    """Whatever is missing, or is of another kind: it is read as it was meant, or refused in words."""
    refused = 0
    for config in (CONFIG, policy_preset("para").policy, policy_preset("diffusion").policy):
        for damaged in mutations(json.loads(json.dumps(to_json(config)))):
            try:
                assert isinstance(from_json(PolicyConfig, damaged), PolicyConfig)
            except ValueError:
                refused += 1
    assert refused > 200


def test_a_policy_saved_before_executions_were_still_loads(tmp_path):
    folder = saved(tmp_path)
    edit(folder, lambda d: d["policy"].pop("execution"))
    assert Policy.from_pretrained(folder).config == CONFIG


def test_a_missing_camera_is_named():
    policy = Policy(CONFIG, PolicyNetwork(CONFIG))
    with pytest.raises(ValueError, match=r"no camera 'toy' in this observation; it has \['wrist'\]"):
        policy.predict(observation(name="wrist"))


def test_matrices_may_be_lists():
    matrix = toy_camera().T_world_camera.matrix()
    np.testing.assert_array_equal(Pose.from_matrix(matrix.tolist()).matrix(), matrix)


OPENGL = np.diag([1.0, -1.0, -1.0])
MISPLACED = {
    "the wrong way round": (lambda T: T.inverse(), r"sees 11% of the workspace, which lies outside its picture"),
    "OpenGL's axes": (
        lambda T: Pose(T.rotation @ OPENGL, T.translation),
        "sees 0% of the workspace, which lies behind it",
    ),
    "millimetres": (
        lambda T: Pose(T.rotation, 1000 * T.translation),
        r"the camera is said to be \d+ m from the workspace",
    ),
}


@pytest.mark.parametrize("mistake", MISPLACED)
def test_a_camera_that_cannot_see_the_workspace_is_refused(mistake):
    """It would be answered with confidence: the usual mistakes with a camera's matrix."""
    seen, policy = observation(), Policy(CONFIG, PolicyNetwork(CONFIG))
    change, message = MISPLACED[mistake]
    camera = replace(seen.views[0].camera, T_world_camera=change(seen.views[0].camera.T_world_camera))
    with pytest.raises(ValueError, match=message):
        policy.predict(replace(seen, views=(replace(seen.views[0], camera=camera),)))


def test_a_hand_in_millimetres_is_refused():
    seen, policy = observation(), Policy(CONFIG, PolicyNetwork(CONFIG))
    hand = replace(seen.state, T_world_ee=Pose(np.eye(3), np.array([100.0, 20.0, 300.0])))
    with pytest.raises(ValueError, match="the hand is said to be 317 m from the workspace"):
        policy.predict(replace(seen, state=hand))


def test_a_view_must_fit_its_camera():
    with pytest.raises(ValueError, match=r"image shape \(60, 80, 3\) does not match its camera's size 80 x 64"):
        View("toy", np.zeros((60, 80, 3), np.uint8), toy_camera())


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (np.zeros((64, 80, 3), np.float32), r"float32 \(64, 80, 3\)"),
        (np.zeros((3, 64, 80), np.uint8), r"uint8 \(3, 64, 80\)"),
        (torch.zeros((64, 80, 3), dtype=torch.uint8), r"torch.uint8 \(64, 80, 3\)"),
        ([[0]], r"list \(\)"),
    ],
)
def test_a_view_takes_bytes_in_rgb_alone(image, got):
    """A picture of other numbers would be seen, and answered wrongly, without a word."""
    with pytest.raises(ValueError, match=rf"view 'toy': the image must be a NumPy array .* got {got}"):
        View("toy", image, toy_camera())


@pytest.mark.parametrize("opening", [80.0, float("nan")])
def test_a_gripper_is_an_opening(opening):
    with pytest.raises(ValueError, match="gripper is the opening from 0"):
        RobotState(observation().state.T_world_ee, opening, 0.0)


def test_a_time_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="time is in seconds"):
        RobotState(observation().state.T_world_ee, 1.0, float("nan"))


def test_one_view_is_a_tuple_too():
    seen = observation()
    with pytest.raises(ValueError, match="views is a tuple"):
        Observation(seen.views[0], seen.state)


def test_saving_replaces_a_saved_policy_and_nothing_else(tmp_path):
    policy = Policy(CONFIG, PolicyNetwork(CONFIG))
    (tmp_path / "mine/inner").mkdir(parents=True)
    (tmp_path / "mine/thesis.tex").write_text("years")
    (tmp_path / "file").write_text("mine")
    for taken in ("mine", "file"):
        with pytest.raises(
            CheckpointError, match="(holds something else than a saved policy .*|is a file); nothing was written"
        ):
            policy.save_pretrained(tmp_path / taken)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "inner", "mine", "thesis.tex"]
    (tmp_path / "empty").mkdir()
    for free in ("empty", "new/deep", "empty"):
        Policy.from_pretrained(policy.save_pretrained(tmp_path / free))
    assert sorted(p.name for p in (tmp_path / "empty").iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_experiments_survive_json(name):
    for row in experiment(name).rows:
        assert from_json(type(row.train), json.loads(json.dumps(to_json(row.train)))) == row.train


def test_unknown_presets_suggest_the_nearest():
    with pytest.raises(ValueError, match="no policy preset 'cls_regresion'. Did you mean 'cls_regression'"):
        policy_preset("cls_regresion")
    with pytest.raises(ValueError, match="no experiment preset or axis 'quik'. Did you mean 'quick'"):
        experiment("quik")
    assert set(POLICIES) >= {"para", "para_paper_lite0_224", "cls_regression"}


def test_a_whole_number_where_a_fraction_or_nothing_may_stand_comes_back():
    """JSON knows one kind of number; a saved policy with ``stride=0`` could not be loaded."""
    told = Execution(stride=0, ensemble=1)
    assert from_json(Execution, json.loads(json.dumps(to_json(told))), "execution") == told
