"""The examples in README.md run as they stand, with a robot that is drawn."""

import re
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from control.toy_arm import Arm
from demos.synthetic import default_camera, make_episode
from para.demos import DemoDataset, stage_episode
from para.policy import Policy, PolicyNetwork
from policy.small import CONFIG, observation
from toy import toy_camera

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def example(first_line: str) -> str:
    """The Python block of README.md that begins so."""
    found = re.findall(rf"```python\n({re.escape(first_line)}\n.*?)```", README, re.DOTALL)
    assert len(found) == 1, f"README.md has {len(found)} examples that begin with {first_line!r}"
    return found[0]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def save_policy(code: str, **changes) -> None:
    """A small untrained policy where the example looks for one."""
    config = replace(CONFIG, **changes)
    Policy(config, PolicyNetwork(config)).save_pretrained(re.search(r'from_pretrained\("(.*?)"\)', code)[1])


def test_a_prediction():
    code = example("from para import Camera, Observation, Policy, Pose, RobotState, View")
    save_policy(code, camera="agentview")
    camera, state = toy_camera(640, 480), observation().state
    names = {
        "K": camera.opencv_matrix(),
        "T_world_camera": camera.T_world_camera.matrix(),
        "T_world_ee": state.T_world_ee.matrix(),
        "image": np.zeros((480, 640, 3), np.uint8),
    }
    exec(code, names)
    assert names["chunk"].positions.shape == (CONFIG.horizon, 3)


def test_recording_with_an_arm_of_ones_own():
    code = example("from para import Box, Pose")
    assert "plan_size=20" in code
    seeds = count()
    names = {"record": lambda: make_episode(next(seeds), 12, default_camera(640, 480))}
    exec(code.replace("plan_size=20", "plan_size=2"), names)
    demos = DemoDataset.open("my_demos")
    assert len(demos) == 2 and demos.meta.features() == names["meta"].features() and demos.frames == 24


def test_an_episode_of_ones_own(tmp_path):
    drawn = make_episode(0, 12, default_camera(640, 480))
    camera = drawn.cameras[0]
    names = {
        "time": drawn.time,
        "images": camera.images,
        "T_world_camera": np.vstack([camera.T_world_camera[0], [0, 0, 0, 1]]),
        **{name: getattr(drawn, name) for name in ("ee_position", "ee_quaternion", "gripper", "command_gripper")},
    }
    names |= dict(zip(("fx", "fy", "cx", "cy"), camera.intrinsics[0]))
    exec(example("import numpy as np"), names)
    stage_episode(names["episode"], tmp_path / "staged")
    np.testing.assert_array_equal(names["episode"].cameras[0].T_world_camera, camera.T_world_camera)


def test_driving_an_arm_of_ones_own():
    code = example("from para import ChunkExecutor, Policy")
    save_policy(code)
    arm = Arm()
    names = {
        "finished": lambda: arm.steps == 30,
        "state": arm.state,
        "observe": arm.observe,
        "send": lambda pose, gripper: arm.step(names["command"]),
    }
    exec(code, names)
    assert names["executor"].config.servo.largest_correction == 0.01
    assert 1 <= len(arm.observed) < 30  # pictures are taken when the policy is asked, not at every control step
