"""What an `AgentSpec` asks for is what acts in LIBERO: the mode, the locator, the oracle, each seen at work in a short episode
of the real simulator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("libero")

from evaluation.fake_world import Inline
from para.control import OraclePolicy, Trajectory
from para.evaluation import AgentSpec, Condition, evaluate
from para.evaluation.agents import libero_setup
from para.heads import LocatorConfig
from para.policy import Policy, PolicyNetwork
from para.presets import experiment
from para.worlds.libero.layout import CameraError, independent_layout
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.teacher import ScriptedTeacher
from para.worlds.world import Subscriber, rollout

LAYOUT = independent_layout(3)
WRONG = replace(LAYOUT, camera_error=CameraError((1.5, -1.0, 0.5), (0.0, 0.0, 0.0)))
SIZE = (96, 96)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """An untrained policy and an untrained locator."""
    folder, config = tmp_path_factory.mktemp("saved"), experiment("tiny").rows[0].train.policy
    torch.manual_seed(0)
    Policy(config, PolicyNetwork(config)).save_pretrained(folder / "tiny")
    head = LocatorConfig(widths=(16, 16))
    config = replace(config, head=head, horizon=1, framing=None)
    Policy(config, PolicyNetwork(config)).save_pretrained(folder / "locator")
    return folder


class Watched:
    """A set-up that is `libero_setup`, but for what it lets see: world, agent, states and commands, pictures' cameras."""

    def __init__(self, prepare=lambda world, agent: None):
        self.prepare, self.states, self.commands, self.cameras = prepare, [], [], []

    def __call__(self, spec, settings):
        self.world, self.agent = world, agent = libero_setup(spec, settings)
        self.prepare(world, agent)
        step = world.step

        def seen(command):
            self.states.append(world.state())
            self.commands.append(command)
            return step(command)

        world.step = seen
        return world, agent

    def watch_the_policy(self, policy: Policy) -> None:
        predict = policy.predict

        def seen(observation):
            self.cameras.append(observation.view(policy.config.camera).camera)
            return predict(observation)

        policy.predict = seen


def run(folder, spec, watched, layout=LAYOUT, steps=4):
    condition = Condition("lr_independent", "validation", 0, layout.seed, layout)
    found = evaluate(
        spec, [condition], folder / "records.jsonl", executor=Inline, image_size=SIZE, max_steps=steps, setup=watched,
        progress=lambda progress: None,
    )  # fmt: skip
    (record,) = found.finished()
    assert record.steps == steps and record.ended_by == "limit"
    return record


def test_the_mode_that_is_asked_for_is_carried_out_and_recorded(saved, tmp_path):
    """The same weights at the same place: in `servo` the set-point leaves at once, as the world waits; in `realtime` the first
    command can only be to stay, as the prediction is still being made."""
    moved, asked = {}, {}
    for mode in ("servo", "realtime"):
        watched = Watched()
        record = run(tmp_path, AgentSpec("tiny", "policy", saved / "tiny", mode), watched)
        assert record.settings.mode == watched.agent.config.mode == mode
        first = watched.commands[0].T_world_ee.translation - watched.states[0].T_world_ee.translation
        moved[mode], asked[mode] = float(np.linalg.norm(first)), watched.agent.queries
    assert moved["realtime"] == 0.0 < 0.01 < moved["servo"]
    assert min(asked.values()) == 1
    assert len((tmp_path / "records.jsonl").read_text().splitlines()) == 2


def sees_the_hand(world: LiberoWorld, agent) -> None:
    """The untrained locator's answer, in place of which stands where the true camera sees the hand; it is sure of it."""
    locator = agent.policy.locator

    def locate(outputs, inputs):
        pixel, _ = world.camera.resize(*locator.config.image_size).project(world.state().T_world_ee.translation[None])
        return torch.tensor(pixel, dtype=torch.float32), torch.ones(1)

    locator.network.head.locate = locate


@pytest.mark.parametrize("mode", ["servo", "realtime"])
def test_a_policy_is_shown_the_camera_that_the_locator_has_corrected(saved, tmp_path, mode):
    def prepare(world, agent):
        sees_the_hand(world, agent)
        watched.watch_the_policy(agent.policy.policy)

    watched = Watched(prepare)
    run(tmp_path, AgentSpec("it", "policy", saved / "tiny", mode, saved / "locator"), watched, WRONG)
    assert watched.agent.config.mode == mode
    world, hand = watched.world, watched.states[0].T_world_ee.translation[None]

    def off(camera):
        return float(np.linalg.norm(camera.project(hand)[0] - world.camera.project(hand)[0]))

    assert off(world.reported_camera) > 2.0  # [px] of 96
    assert off(watched.cameras[0]) < 0.3 * off(world.reported_camera)
    correction = watched.agent.policy.correction
    np.testing.assert_array_equal(
        watched.cameras[-1].T_world_camera.matrix(), correction.correct(world.reported_camera).T_world_camera.matrix()
    )


@pytest.mark.parametrize("locator", ["without", "unsure"])
def test_a_policy_is_shown_the_reported_camera_where_nothing_corrects_it(saved, tmp_path, locator):
    """Also where the locator's own network has no idea where the hand is, as an untrained one."""

    def prepare(world, agent):
        watched.watch_the_policy(agent.policy if locator == "without" else agent.policy.policy)

    watched = Watched(prepare)
    path = None if locator == "without" else saved / "locator"
    run(tmp_path, AgentSpec("it", "policy", saved / "tiny", "servo", path), watched, WRONG)
    reported = watched.world.reported_camera.T_world_camera.matrix()
    assert np.abs(reported - watched.world.camera.T_world_camera.matrix()).max() > 0.005
    for camera in watched.cameras:
        np.testing.assert_array_equal(camera.T_world_camera.matrix(), reported)


class Tape(Subscriber):
    def start(self, world, agent):
        self.states, self.grips = [], []

    def before_step(self, world, agent, command):
        self.states.append(world.state())
        self.grips.append(command.gripper)


@pytest.fixture(scope="module")
def shown():
    """What the teacher does in the layout, in a world of its own."""
    world, tape = LiberoWorld(SIZE), Tape()
    rollout(world, ScriptedTeacher(world), LAYOUT, [tape])
    world.close()
    poses = [state.T_world_ee for state in tape.states]
    return Trajectory(
        np.array([p.translation for p in poses]), np.array([p.rotation for p in poses]), np.array(tape.grips)
    )


@pytest.mark.parametrize(("mode", "layout"), [("servo", LAYOUT), ("realtime", WRONG)])
def test_the_oracle_foresees_what_the_teacher_will_do(saved, tmp_path, monkeypatch, shown, mode, layout):
    """On the policy's grid, through the camera that a policy is told; where that one is wrong, pixels are right and places are
    not."""
    plans, predict = [], OraclePolicy.predict

    def seen(oracle, observation):
        plans.append((oracle, observation, predict(oracle, observation)))
        return plans[-1][2]

    monkeypatch.setattr(OraclePolicy, "predict", seen)
    watched = Watched()
    record = run(tmp_path, AgentSpec("oracle_tiny", "oracle", saved / "tiny", mode), watched, layout)
    oracle, observation, plan = plans[0]
    policy = Policy.from_pretrained(saved / "tiny")
    assert (oracle.grid.rows, oracle.grid.columns) == (24, 24) and oracle.grid.bins == policy.config.head.bins
    future = 4 * np.arange(1, 1 + policy.config.horizon)
    np.testing.assert_allclose(plan.rotations, shown.rotations[future], atol=1e-9)
    np.testing.assert_array_equal(plan.gripper, shown.gripper[future])
    true, told = watched.world.camera, observation.view("agentview").camera
    np.testing.assert_array_equal(told.T_world_camera.matrix(), watched.world.reported_camera.T_world_camera.matrix())
    feet, wanted = (oracle.grid.bins.anchor(points) for points in (plan.positions, shown.positions[future]))
    np.testing.assert_allclose(told.project(feet)[0], true.project(wanted)[0], atol=1e-6)
    off = np.linalg.norm(plan.positions - shown.positions[future], axis=1)
    assert off.max() < 1e-6 if layout is LAYOUT else off.min() > 0.01
    began = -record.steps  # what the teacher did was seen, too
    first = watched.commands[began].T_world_ee.translation - watched.states[began].T_world_ee.translation
    assert (float(np.linalg.norm(first)) == 0.0) == (mode == "realtime")  # and it is carried out as asked
