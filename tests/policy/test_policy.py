"""Saved policies: the same after loading, clear errors when something is wrong with them."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from para.backbones import Lite0Config
from para.config import from_json, to_json
from para.geometry import HeightBins, Pose
from para.heads import GlobalRegressionConfig, VolumeHeadConfig
from para.policy import CheckpointError, Policy, PolicyConfig, PolicyNetwork, checkpoint_hash
from para.presets import EXPERIMENTS, POLICIES, experiment, policy_preset
from para.types import Observation, RobotState, View
from toy import WORKSPACE, toy_camera, toy_samples

CONFIG = PolicyConfig(
    Lite0Config(stages=(1, 2), pretrained=False, frozen_stages=0),
    VolumeHeadConfig(bins=HeightBins(0.0, 0.4, 8), widths=(16, 24)),
    (80, 64),
    3,
    "toy",
    WORKSPACE,
)


def observation(size=(80, 64), name="toy"):
    samples = toy_samples(1)
    camera = toy_camera(*size)
    image = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    state = RobotState(Pose(samples.ee_rotation[0], samples.ee_position[0]), 1.0, 0.0)
    return Observation((View(name, image, camera),), state)


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


def test_an_optional_tuple_survives_json():
    @dataclass(frozen=True)
    class Example:
        place: tuple[float, float] | None = None

    hints = {"place": tuple[float, float] | None}
    for example in (Example(), Example((1.0, 2.0))):
        data = json.loads(json.dumps(to_json(example)))
        assert from_json(hints["place"], data["place"]) == example.place


def test_the_example_in_the_readme_runs(tmp_path, monkeypatch):
    """With a small untrained policy at the example's path."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    example = re.search(r"```python\n(from para import Camera.*?)```", readme, re.DOTALL)[1]
    folder = re.search(r'from_pretrained\("(.*?)"\)', example)[1]
    config = replace(CONFIG, camera="agentview")
    Policy(config, PolicyNetwork(config)).save_pretrained(tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    camera, state = toy_camera(640, 480), observation().state
    names = {
        "K": camera.opencv_matrix(),
        "T_world_camera": camera.T_world_camera.matrix(),
        "T_world_ee": state.T_world_ee.matrix(),
        "image": np.zeros((480, 640, 3), np.uint8),
    }
    exec(example, names)
    assert names["chunk"].positions.shape == (CONFIG.horizon, 3)


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


def test_a_policy_saved_before_executions_were_still_loads(tmp_path):
    folder = saved(tmp_path)
    edit(folder, lambda d: d["policy"].pop("execution"))
    assert Policy.from_pretrained(folder).config == CONFIG


def test_a_missing_camera_is_named():
    policy = Policy(CONFIG, PolicyNetwork(CONFIG))
    with pytest.raises(ValueError, match=r"no camera 'toy' in this observation; it has \['wrist'\]"):
        policy.predict(observation(name="wrist"))


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
    with pytest.raises(ValueError, match="no experiment preset 'quik'. Did you mean 'quick'"):
        experiment("quik")
    assert set(POLICIES) >= {"para", "para_paper_lite0_224", "cls_regression"}
