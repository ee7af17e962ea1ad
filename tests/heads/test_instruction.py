"""Instructions: what they change, and that without one nothing is different."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from heads.learning import LITE
from para.dataset import Augmentation, collate, joined
from para.geometry import HeightBins, Pose
from para.heads import ActConfig, GlobalRegressionConfig, TaskId, VolumeHeadConfig, Words
from para.heads.instruction import split_words
from para.policy import Policy, PolicyConfig, PolicyNetwork
from para.presets import fitted, policy_preset
from para.training import TrainConfig, train
from para.types import Observation, RobotState, View
from para.worlds.libero.camera import pinhole
from para.worlds.libero.plus_views import named_view
from toy import WORKSPACE, toy_samples

STAY, GO = "Stay with the white mark.", "go to the red disc"
VOLUME = VolumeHeadConfig(bins=HeightBins(0.0, 0.4, 8), widths=(16, 24))


def two_tasks(count=4):
    """The same pictures twice: one sentence leads to the disc, the other one keeps the hand where it is."""
    go = toy_samples(count, horizon=2)
    here = np.repeat(go.ee_position[:, None], 2, 1)
    stay = replace(go, target_positions=here, instruction=(STAY,) * count)
    return joined([replace(go, instruction=(GO,) * count), stay])


def config(head):
    return PolicyConfig(LITE, head, (80, 64), 2, "toy", WORKSPACE)


@pytest.mark.parametrize(
    ("head", "instruction"),
    [(VOLUME, Words()), (VOLUME, TaskId()), (GlobalRegressionConfig(width=32), Words())],
    ids=["volume-words", "volume-task_id", "regression-words"],
)
def test_the_sentence_alone_tells_two_tasks_apart(tmp_path, head, instruction):
    table = two_tasks()
    plan = TrainConfig(
        config(replace(head, instruction=instruction)), Augmentation(), steps=60, batch_size=8, learning_rate=3e-3,
        warmup_steps=5, ema_decay=0.9, precision="no", save_every=1000, loader_workers=0,
    )  # fmt: skip
    train(fitted(plan, table), table, tmp_path, quiet=True)
    policy = Policy.from_pretrained(tmp_path / "policy")
    for i in range(4):
        state = RobotState(Pose(table.ee_rotation[i], table.ee_position[i]), 1.0, 0.0)
        seen = Observation((View("toy", table.images[i], table.camera(i)),), state)
        go, stay = (policy.predict(replace(seen, instruction=s)).positions[-1] for s in (GO, STAY))
        goal, other = table.target_positions[i, -1], table.target_positions[i + 4, -1]
        assert np.linalg.norm(go - goal) < np.linalg.norm(go - other)
        assert np.linalg.norm(stay - other) < np.linalg.norm(stay - goal)


@pytest.mark.parametrize("head", [VOLUME, GlobalRegressionConfig(width=32), ActConfig()], ids=["volume", "regr", "act"])
def test_without_an_instruction_nothing_is_built(head):
    """Weights have the names of before, whatever is said is not heard, and configurations take nothing from sentences."""
    network = PolicyNetwork(config(head)).eval()
    assert not [name for name in network.state_dict() if "instruction" in name or "told" in name or "modulate" in name]
    batch = collate(two_tasks(2), [0, 1], (80, 64))
    said, silent = batch.inputs, replace(batch.inputs, instruction=())
    with torch.no_grad():
        a, b = (network.head.decode(network(x), x).positions for x in (said, silent))
    assert torch.equal(a, b)


def test_a_volume_head_with_an_instruction_begins_as_one_without():
    torch.manual_seed(0)
    plain = PolicyNetwork(config(VOLUME)).eval()
    told = PolicyNetwork(config(replace(VOLUME, instruction=Words(("go",))))).eval()
    told.load_state_dict(plain.state_dict(), strict=False)
    inputs = collate(two_tasks(2), [0, 1], (80, 64)).inputs
    with torch.no_grad():
        assert torch.allclose(plain(inputs).logits, told(inputs).logits)


def test_batches_carry_the_sentence_of_each_moment():
    batch = collate(two_tasks(2), [3, 0, 1], (80, 64))
    assert batch.inputs.instruction == (STAY, GO, GO) == batch.to("cpu").inputs.instruction
    assert collate(toy_samples(2), [0, 1], (80, 64)).inputs.instruction == ("", "")


def test_words_are_fitted_and_unknown_ones_share_an_entry():
    words = Words(unknown_share=0.5).fitted([STAY, GO])
    assert words.vocabulary == tuple(sorted({"stay", "with", "the", "white", "mark", "go", "to", "red", "disc"}))
    torch.manual_seed(0)
    read = words.build().eval()
    with torch.no_grad():
        same = read(["GO to the   red disc!", GO, "", "go to the green disc", "go to the blue disc"])
        assert torch.allclose(same[0], same[1]) and torch.allclose(same[3], same[4])
        assert not torch.allclose(same[1], same[3]) and same.shape == (5, 64)
        # What stands beside it in a batch changes nothing.
        assert torch.allclose(read([GO]), read([GO, f"{STAY} {STAY}"])[:1], atol=1e-6)
        assert not torch.allclose(read(["the disc to the mark"]), read(["the mark to the disc"]))  # order counts
        assert not torch.allclose(read.train()([GO] * 2)[0], read([GO] * 2)[0])  # words are hidden in training
    assert split_words("Put it: there, now-2!") == ["put", "it", "there", "now", "2"]
    assert split_words("Schüssel, миску: 红色_1") == ["schüssel", "миску", "红色", "1"]


def test_a_task_number_knows_its_sentences_and_no_other():
    one_hot = TaskId().fitted([STAY, GO, GO]).build()
    assert torch.equal(one_hot([GO, STAY, GO]), torch.tensor([[0.0, 1], [1, 0], [0, 1]]))
    with pytest.raises(
        ValueError, match=r"no task 'dance'; it knows\n  Stay with the white mark.\n  go to the red disc"
    ):
        one_hot(["dance"])
    with pytest.raises(ValueError, match="TaskId knows no sentence"):
        TaskId().build()
    with pytest.raises(ValueError, match="Words has no vocabulary"):
        Words().build()


@pytest.mark.parametrize("name", ["para_suite", "para_suite_task_id", "cls_regression_suite"])
def test_presets_differ_from_the_plain_ones_in_instruction_and_framing_alone(name):
    told, plain = policy_preset(name), policy_preset("para" if name.startswith("para") else "cls_regression")
    head = told.policy.head
    assert head.instruction is not None and replace(head, instruction=None) == plain.policy.head
    assert replace(told, policy=plain.policy) == plain
    assert replace(told.policy, head=plain.policy.head, framing=plain.policy.framing) == plain.policy
    assert fitted(told, two_tasks()).policy.head.instruction != head.instruction


def test_the_wide_framing_sees_every_target_of_liberos_own_tasks():
    """Hands over bowls beside the ramekin, on the cabinet, in the drawer and at the table's edge, seen by LIBERO's camera."""
    camera = policy_preset("para_suite").policy.input_camera(pinhole(named_view("0_0_100_0_0"), 256, 256))
    hands = np.array(
        [(-0.19, 0.37, 1.05), (0.06, 0.25, 1.25), (0.03, -0.22, 1.25), (0.14, -0.07, 0.93), (-0.21, 0.0, 1.18)]
    )
    assert np.all(camera.sees(*camera.project(hands)))
