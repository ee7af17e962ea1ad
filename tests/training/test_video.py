"""The video recipes' real code path in miniature: stages follow each other, move what they should, resume exactly, and end in
a policy that acts in a world."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from backbones.tiny_svd import SCRATCH, loaded, save
from evaluation.fake_world import FakeWorld
from para.backbones import VideoBackboneError
from para.config import from_json, to_json
from para.control import ChunkExecutor
from para.dataset import Augmentation, BatchStream, ClipPlan, Shift
from para.geometry import HeightBins
from para.heads import GlobalRegressionConfig, StepwiseConfig, VolumeHeadConfig
from para.policy import CheckpointError, Policy, PolicyConfig, PolicyNetwork
from para.presets import RECIPES, recipe, with_weights
from para.training import TrainConfig, train
from para.training.objectives import ActionObjective, LossBalance
from para.training.recipe import Recipe, Stage, train_recipe
from para.training.video_objectives import JointObjective, VaeObjective, VideoObjective
from para.worlds.libero.layout import rigid_layout
from para.worlds.world import rollout
from toy import WORKSPACE, toy_samples

HEAD = StepwiseConfig(VolumeHeadConfig(HeightBins(0.0, 0.4, 8), cell_pixels=1, widths=(16, 16, 16)))
TINY = PolicyConfig(SCRATCH, HEAD, (32, 24), 3, "agentview", WORKSPACE)
QUICK = TrainConfig(
    TINY,
    Augmentation((Shift(20.0),)),
    steps=2,
    batch_size=2,
    warmup_steps=1,
    precision="no",
    log_every=1,
    loader_workers=0,
)


def samples(count=24):
    return replace(toy_samples(count), episode=np.arange(count) // 8)


def batch(count=2):
    return BatchStream(samples(), Augmentation((Shift(20.0),)), (32, 24), count, 0, clips=ClipPlan(4, 4))[0]


def weights(folder, part):
    network = Policy.from_pretrained(folder / "policy").network
    return torch.cat([p.flatten() for p in network.get_submodule(part).parameters()])


def test_stages_follow_each_other_and_the_policy_acts(tmp_path):
    stages = (
        Stage("vae", replace(QUICK, objective=VaeObjective())),
        Stage("video", replace(QUICK, objective=VideoObjective()), "vae"),
        Stage("joint", replace(QUICK, objective=JointObjective(video_clips=1)), "video"),
    )
    small = Recipe("tiny", stages)
    policy = train_recipe(small, lambda config, videos: (config, samples()), tmp_path, quiet=True)
    vae, unet = (
        [weights(tmp_path / s, f"backbone.{part}") for s in ("vae", "video", "joint")] for part in ("vae", "unet")
    )
    assert torch.equal(vae[0], vae[1]) and torch.equal(vae[1], vae[2])
    assert not torch.equal(unet[0], unet[1]) and not torch.equal(unet[1], unet[2])
    assert policy.provenance["recipe"] == "tiny" and policy.provenance["stage"] == "joint"
    scales = [Policy.from_pretrained(tmp_path / s / "policy").network.backbone.latent_scale for s in ("vae", "joint")]
    assert scales[0] != 1 and scales[0] == scales[1]

    world = FakeWorld()
    agent = ChunkExecutor(Policy.from_pretrained(tmp_path / "joint/policy"))
    world.reset(rigid_layout((0.0, 0.1), 0))
    chunk = agent.policy.predict(world.observe())
    np.testing.assert_array_equal(chunk.positions, policy.predict(world.observe()).positions)
    assert chunk.positions.shape == (3, 3) and np.isfinite(chunk.positions).all()
    done = rollout(world, agent, rigid_layout((0.0, 0.1), 0), max_steps=6)
    assert agent.queries >= 1 and done.acted and done.ended_by == "limit" and done.steps == 6

    # A second recipe with the same folder finds the common stages done; another backbone is no beginning.
    log = (tmp_path / "video/log.jsonl").read_text()
    other = Stage(
        "global", replace(QUICK, policy=replace(TINY, head=StepwiseConfig(GlobalRegressionConfig(width=32)))), "video"
    )
    train_recipe(replace(small, stages=(*stages[:2], other)), lambda c, v: (c, samples()), tmp_path, quiet=True)
    assert (tmp_path / "video/log.jsonl").read_text() == log and (tmp_path / "global/policy").exists()
    wrong = replace(TINY, backbone=replace(SCRATCH, size=replace(SCRATCH.size, unet_channels=(32, 64))))
    with pytest.raises(CheckpointError, match="is not the one to begin with"):
        train(replace(QUICK, policy=wrong), samples(), tmp_path / "x", quiet=True, start_from=tmp_path / "vae/policy")
    with pytest.raises(CheckpointError, match="is not a saved policy to begin with"):
        train(QUICK, samples(), tmp_path / "y", quiet=True, start_from=tmp_path)


def test_a_joint_run_resumes_exactly(tmp_path, monkeypatch):
    """Weights, optimiser, noise and the running means of the losses all go on where they were."""
    import para.training.loop as loop

    config = replace(QUICK, steps=4, objective=JointObjective(video_clips=1))
    train(config, samples(), tmp_path / "whole", quiet=True)
    original = loop.Progress.step

    def stop_at_two(self, step, *args, **kwargs):
        original(self, step, *args, **kwargs)
        if step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop.Progress, "step", stop_at_two)
    with pytest.raises(KeyboardInterrupt):
        train(config, samples(), tmp_path / "parts", quiet=True)
    monkeypatch.setattr(loop.Progress, "step", original)
    train(config, samples(), tmp_path / "parts", quiet=True)
    logs = [[json.loads(x) for x in (tmp_path / n / "log.jsonl").read_text().splitlines()] for n in ("whole", "parts")]
    assert len(logs[0]) == len(logs[1]) == 4
    for name in ("loss", "video", "volume", "gripper"):
        np.testing.assert_allclose([r[name] for r in logs[0]], [r[name] for r in logs[1]], atol=1e-5)


@pytest.mark.parametrize(
    ("objective", "parts"),
    [
        (VaeObjective(), {"backbone.vae"}),
        (VideoObjective(), {"backbone.unet"}),
        (JointObjective(video_clips=1), {"backbone.unet", "head"}),
    ],
    ids=["vae", "video", "joint"],
)
def test_a_stage_moves_its_own_weights_alone_and_learns(objective, parts):
    network = PolicyNetwork(TINY)
    step = objective.build(network).train()
    moving = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
    assert {next(k for k in ("backbone.vae", "backbone.unet", "head") if n.startswith(k)) for n, _ in moving} == parts
    optimizer, b, losses = torch.optim.Adam([p for _, p in moving], 3e-3), batch(), []
    for i in range(12):
        torch.manual_seed(i % 2)  # the same few draws of noise, so that the loss can be compared
        loss = step(b)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
        losses.append({k: v.item() for k, v in loss.parts.items()})
    key = next(k for k in ("l1", "actions", "video") if k in losses[0])
    assert losses[-1][key] < 0.9 * losses[1][key]
    if "actions" in losses[0]:
        assert losses[-1]["video"] < losses[1]["video"]
    assert not [n for n, p in moving if p.grad is None], "several processes wait for every weight's gradient"


def test_low_rank_corrections_begin_with_a_video_model_trained_whole(tmp_path):
    video = train(replace(QUICK, objective=VideoObjective()), samples(), tmp_path / "video", quiet=True)
    low_rank = replace(TINY, backbone=replace(SCRATCH, lora_rank=2))
    corrected = replace(
        QUICK, policy=low_rank, objective=ActionObjective(), learning_rate=0.0, backbone_learning_rate=0.0
    )
    start = tmp_path / "video/policy"
    policy = train(corrected, samples(), tmp_path / "corrected", quiet=True, start_from=start)
    with pytest.raises(CheckpointError, match="began with the backbone of policy [0-9a-f]{12}, not with fresh weights"):
        train(corrected, samples(), tmp_path / "corrected", quiet=True)
    image = batch().inputs.image.float() / 255.0
    with torch.no_grad():
        for expected, actual in zip(video.network.eval().backbone(image), policy.network.eval().backbone(image)):
            torch.testing.assert_close(actual, expected)


def test_frames_after_the_end_do_not_count():
    step = VideoObjective().build(PolicyNetwork(TINY)).eval()
    b = batch()
    valid = b.clip.valid.clone()
    valid[:, 2:] = False
    noise = replace(b.clip, frames=b.clip.frames.clone())
    noise.frames[:, 2:] = 255 - noise.frames[:, 2:]
    losses = []
    for clip in (replace(b.clip, valid=valid), replace(noise, valid=valid), replace(noise, valid=b.clip.valid)):
        torch.manual_seed(0)
        for module in step.svd.unet.modules():
            if hasattr(module, "mix_factor"):
                module.mix_factor.data.fill_(40.0)
        losses.append(step(replace(b, clip=clip)).total.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-4) and losses[2] != pytest.approx(losses[1], rel=1e-3)


def test_losses_are_brought_to_one_size():
    balance = LossBalance(("a", "b"), 0.5).train()
    a, b = torch.tensor(100.0, requires_grad=True), torch.tensor(0.01, requires_grad=True)
    even = balance((a, b))
    torch.testing.assert_close(torch.stack(even), torch.ones(2))
    sum(even).backward()
    assert a.grad == pytest.approx(0.01) and b.grad == pytest.approx(100)
    later = balance((torch.tensor(50.0), torch.tensor(0.01)))  # mean of 100 and 50 is 75
    assert later[0] == pytest.approx(50 / 75) and later[1] == pytest.approx(1)


def test_published_weights_skip_the_autoencoder_stage_and_train(tmp_path):
    backbone = loaded(save(tmp_path / "svd"), lora_rank=2)
    policy = replace(TINY, backbone=backbone, head=HEAD)
    with pytest.raises(ValueError, match="published video models bring their autoencoder"):
        VaeObjective().build(PolicyNetwork(policy))
    config = replace(QUICK, policy=policy, objective=JointObjective(video_clips=1))
    trained = train(config, samples(), tmp_path / "run", quiet=True)
    again = Policy.from_pretrained(tmp_path / "run/policy")
    inputs = batch().inputs
    with torch.inference_mode():
        before, after = (p.network.head.decode(p.network(inputs), inputs) for p in (trained, again))
    torch.testing.assert_close(before.positions, after.positions)


def test_published_weights_may_lie_in_a_folder(tmp_path):
    found = with_weights(recipe("video_svd"), str(save(tmp_path / "svd")))
    assert {(s.train.policy.backbone.model, s.train.policy.backbone.variant) for s in found.stages} == {
        (str(tmp_path / "svd"), None)
    }
    (tmp_path / "svd/unet/diffusion_pytorch_model.fp16.safetensors").touch()
    assert with_weights(recipe("video_svd"), str(tmp_path / "svd")).stages[0].train.policy.backbone.variant == "fp16"
    assert with_weights(recipe("video_svd"), "someone/else").stages[0].train.policy.backbone.variant == "fp16"
    with pytest.raises(ValueError, match="video_two_stage trains a small video model from scratch"):
        with_weights(recipe("video_two_stage"), "someone/else")


def test_video_stages_need_a_video_backbone():
    from para.backbones import Lite0Config

    with pytest.raises(ValueError, match="trains a video backbone; the policy has a Lite0Config"):
        VideoObjective().clip_frames(replace(TINY, backbone=Lite0Config(), head=HEAD.head))


def test_running_out_of_memory_ends_in_advice(tmp_path, monkeypatch):
    config = replace(QUICK, objective=VideoObjective())
    for error, ends_in in (
        (torch.OutOfMemoryError("CUDA out of memory"), VideoBackboneError),
        (RuntimeError("[enforce fail] can't allocate memory: 9 GB"), VideoBackboneError),
        (RuntimeError("shapes differ"), RuntimeError),
    ):

        def fails(*arguments, error=error):
            raise error

        monkeypatch.setattr("accelerate.Accelerator.backward", fails)
        with pytest.raises(ends_in) as raised:
            train(config, samples(), tmp_path / "run", quiet=True)
        advised = "memory ran out" in str(raised.value) and "gradient_checkpointing" in str(raised.value)
        assert advised == (ends_in is VideoBackboneError)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_consistent(name):
    found = recipe(name)
    for stage in found.stages:
        assert from_json(TrainConfig, json.loads(json.dumps(to_json(stage.train)))) == stage.train
    backbones = {replace(s.train.policy.backbone, frozen=False) for s in found.stages}
    assert len(backbones) == 1  # one model goes through all stages


def test_the_comparison_is_fair():
    """Both heads: the same stages before, the same steps, data and augmentation in the last one."""
    pointing, regressing = recipe("video_two_stage").stages, recipe("video_two_stage_global").stages
    assert pointing[:2] == regressing[:2]
    last = replace(regressing[2].train, policy=pointing[2].train.policy)
    assert last == pointing[2].train and regressing[2].after == pointing[2].after
    fixed = recipe("video_two_stage_global_fixed").stages
    assert fixed[:2] == pointing[:2] and not fixed[2].train.policy.head.head.camera_input
    unturned = replace(regressing[2].train, policy=fixed[2].train.policy, augmentation=Augmentation())
    assert fixed[2].train == unturned  # who is not told the camera must not see it turn
    assert isinstance(recipe("video_frozen").stages[2].train.objective, ActionObjective)
    assert recipe("video_frozen").stages[2].train.steps == pointing[2].train.steps
    joint, two = recipe("video_joint").stages[-1].train, pointing[2].train
    per_step = two.batch_size + two.objective.video_clips  # passes of the U-Net
    passes = pointing[1].train.steps * pointing[1].train.batch_size + two.steps * per_step
    assert joint.steps * per_step == passes and replace(joint, steps=two.steps) == two
    then, long = recipe("video_then_actions").stages, recipe("video_then_actions_long").stages
    assert then[:2] == long[:2] == pointing[:2] and then[2].train.steps == two.steps
    assert long[2].train == replace(then[2].train, steps=2 * two.steps)
    long_global = recipe("video_then_actions_long_global").stages
    assert long_global[:2] == long[:2] and long[2].train == replace(long_global[2].train, policy=long[2].train.policy)
    alone, passes = recipe("video_actions_alone").stages[-1].train, passes - two.steps * two.objective.video_clips
    assert alone.steps * alone.batch_size == passes and replace(alone, steps=two.steps) == then[2].train
    assert recipe("video_all").needs_videos and not recipe("video_two_stage").needs_videos
    with pytest.raises(ValueError, match="comes after 'video', which is not before it"):
        Recipe("wrong", (Stage("joint", QUICK, "video"),))
