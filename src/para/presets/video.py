"""Recipes for video backbones: the rows of the video table, from scratch in sizes that two CPU cores can train.

What they show says nothing about pretrained video models: these learned from our own few videos alone. `video_svd` is the same
two stages on the published weights, for those who have a GPU and have accepted their licence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from para.backbones import SvdConfig
from para.dataset import Augmentation
from para.heads import GlobalRegressionConfig, StepwiseConfig
from para.policy import Execution, PolicyConfig
from para.presets.names import look_up
from para.presets.policies import CAMERA, TURNED, para
from para.training import TrainConfig
from para.training.objectives import ActionObjective
from para.training.recipe import Recipe, Stage
from para.training.video_objectives import JointObjective, VaeObjective, VideoObjective

POLICY = para().policy
"""What the policy on a picture has, the ones on videos have, too: bins at targets' feet, the level virtual camera."""

POINTING = StepwiseConfig(replace(POLICY.head, cell_pixels=2, widths=(32, 32, 64, 96)))
"""The volume head at two pixels a cell, twice as fine as the finest features: 19 mm on the table at 96 px."""

GLOBAL = StepwiseConfig(GlobalRegressionConfig(camera_input=True))
"""The regressing rival on the same features of each step; told the camera, which training turns."""

GLOBAL_FIXED = StepwiseConfig(GlobalRegressionConfig())
"""The regressing rival that is not told the camera, so that its training must not turn it."""

SMALL = replace(POLICY, backbone=SvdConfig(), head=POINTING, image_size=(96, 96), execution=Execution())
"""From scratch: 0.8 M weights of the autoencoder, 4.4 M of the U-Net, latents of 24 x 24 x 16."""

MOVED = Augmentation(TURNED.geometric)
"""As for `para`, the same for all frames of a clip; no colours, which the video would have to foresee, and no carried
cameras, whose pictures are right in one plane alone."""

NOISE = VideoObjective(log_sigma_mean=2.5)
"""More of it than published models learn with (0.7 and 1.0): features are read where the future is all noise, and small
latents of several frames, which are all but alike, show through it (Hoogeboom et al. 2023, simple diffusion)."""

JOINT_STEPS = 1600
"""Of a recipe's last stage, whatever its head; more where there is no video stage before it, to as many passes in all."""

LONG_STEPS = 3200
"""Of the last stage of recipes called long. After 1600 steps of actions alone every bowl is found, and one in five has stood on
the plate and is not left there: the ends of tasks are learned last."""


def _stage(name: str, policy: PolicyConfig, objective, steps: int, **changes: object) -> Stage:
    after, videos = changes.pop("after", None), changes.pop("videos", False)
    if objective.teaches_actions:  # the stages before act on nothing
        policy = replace(policy, execution=POLICY.execution)
    train = TrainConfig(policy, MOVED, objective, steps=steps, batch_size=4, stride=2, save_every=100)
    return Stage(name, replace(train, **changes), after, videos)


def _vae(**changes: object) -> Stage:
    name = "vae_all" if changes.get("videos") else "vae"
    return _stage(name, SMALL, VaeObjective(), 800, batch_size=6, backbone_learning_rate=1e-3, **changes)


def _video(**changes: object) -> Stage:
    name, after = ("video_all", "vae_all") if changes.get("videos") else ("video", "vae")
    return _stage(name, SMALL, NOISE, 3000, backbone_learning_rate=1e-3, after=after, **changes)


def _actions(name: str, head: StepwiseConfig, after: str, **changes: object) -> Stage:
    policy, objective = replace(SMALL, head=head), JointObjective(noise=NOISE)
    return _stage(name, policy, objective, JOINT_STEPS, batch_size=8, after=after, **changes)


def _actions_alone(name: str, head: StepwiseConfig, after: str, steps: int = JOINT_STEPS) -> Stage:
    """No video to foresee any more: the U-Net learns to act, from carried cameras and changed colours, too, as `para` does."""
    return _stage(
        name, replace(SMALL, head=head), ActionObjective(), steps, batch_size=8, after=after, augmentation=CAMERA
    )


def _as_long(stage: Stage, passes: int) -> Stage:
    """A stage without a video stage before it, given as many steps more as that one would have been passes of the U-Net."""
    video = _video().train
    steps = stage.train.steps + video.steps * video.batch_size // passes
    return replace(stage, train=replace(stage.train, steps=steps))


def video_joint() -> Recipe:
    """Video and actions together from the beginning, with as many passes of the U-Net as the two-stage recipe has in all."""
    stage = _actions("joint", POINTING, "vae")
    return Recipe("video_joint", (_vae(), _as_long(stage, stage.train.batch_size + stage.train.objective.video_clips)))


def video_frozen() -> Recipe:
    """The video model as it is; only the head learns."""
    frozen = replace(SMALL, backbone=replace(SMALL.backbone, frozen=True))
    stage = _stage("frozen", frozen, ActionObjective(), JOINT_STEPS, batch_size=8, after="video")
    return Recipe("video_frozen", (_vae(), _video(), stage))


def video_two_stage() -> Recipe:
    """Video first, then video and actions together."""
    return Recipe("video_two_stage", (_vae(), _video(), _actions("two_stage", POINTING, "video")))


def video_two_stage_global() -> Recipe:
    """The same with the regressing head, the same joint steps."""
    return Recipe("video_two_stage_global", (_vae(), _video(), _actions("two_stage_global", GLOBAL, "video")))


def video_two_stage_global_fixed() -> Recipe:
    """The same, neither told the camera nor shown turned ones in the last stage: easier to learn where the camera stays."""
    last = _actions("two_stage_global_fixed", GLOBAL_FIXED, "video", augmentation=Augmentation())
    return Recipe("video_two_stage_global_fixed", (_vae(), _video(), last))


def video_then_actions() -> Recipe:
    """Video first, then actions alone, with all of `para`'s augmentation."""
    return Recipe("video_then_actions", (_vae(), _video(), _actions_alone("then_actions", POINTING, "video")))


def video_then_actions_long() -> Recipe:
    """The same, with twice the steps of the last stage."""
    last = _actions_alone("then_actions_long", POINTING, "video", LONG_STEPS)
    return Recipe("video_then_actions_long", (_vae(), _video(), last))


def video_then_actions_long_global() -> Recipe:
    """That, for as long, with the regressing head, which is told the camera."""
    last = _actions_alone("then_actions_long_global", GLOBAL, "video", LONG_STEPS)
    return Recipe("video_then_actions_long_global", (_vae(), _video(), last))


def video_actions_alone() -> Recipe:
    """The same network and last stage without having learned video: what the video is worth. As many passes in all."""
    stage = _actions_alone("actions_alone", POINTING, "vae")
    return Recipe("video_actions_alone", (_vae(), _as_long(stage, stage.train.batch_size)))


def video_all() -> Recipe:
    """Two stages; autoencoder and video stage also see action-free videos of the whole table."""
    stages = (_vae(videos=True), _video(videos=True), _actions("two_stage_all", POINTING, "video_all"))
    return Recipe("video_all", stages)


def video_svd() -> Recipe:
    """Two stages on the published weights: low-rank corrections of the U-Net, 384 px; needs a GPU and those weights."""
    backbone = SvdConfig(
        model="stabilityai/stable-video-diffusion-img2vid",
        variant="fp16",
        blocks=(2, 1),
        sigma_max=700.0,
        lora_rank=32,
        precision="bf16",
        gradient_checkpointing=True,
    )
    head = StepwiseConfig(replace(POLICY.head, cell_pixels=6, widths=(32, 64, 96)))
    policy = replace(POLICY, backbone=backbone, head=head, image_size=(384, 384))
    rates = {"learning_rate": 3e-4, "backbone_learning_rate": 1e-4, "batch_size": 4}
    video = _stage("video", policy, VideoObjective(log_sigma_mean=0.7), 4000, **rates)
    return Recipe("video_svd", (video, _stage("two_stage", policy, JointObjective(), 3000, after="video", **rates)))


def video_tiny() -> Recipe:
    """The two-stage recipe's code path in seconds: for tests, not for numbers."""
    recipe = video_two_stage()
    size = replace(
        SMALL.backbone.size, vae_channels=(32, 32), unet_channels=(32, 32), attention=(False, True), heads=(2, 2)
    )
    backbone = replace(SMALL.backbone, size=size, frames=3, blocks=(1, 0))
    head = StepwiseConfig(replace(POLICY.head, cell_pixels=1, widths=(16, 16, 16)))
    policy = replace(SMALL, backbone=backbone, head=head, image_size=(32, 24), horizon=2)
    small = {"policy": policy, "steps": 2, "batch_size": 2, "warmup_steps": 1, "log_every": 1, "loader_workers": 0}
    return Recipe("video_tiny", tuple(replace(s, train=replace(s.train, **small)) for s in recipe.stages))


def with_weights(recipe: Recipe, model: str) -> Recipe:
    """The recipe on the published video model in this local folder, or Hub repository, of the same kind.

    ValueError for a recipe that trains its own model from scratch.
    """
    folder, stages = Path(model), []
    for stage in recipe.stages:
        backbone = stage.train.policy.backbone
        if backbone.model is None:
            raise ValueError(f"{recipe.name} trains a small video model from scratch; weights go with video_svd")
        variant = backbone.variant
        if folder.is_dir():
            variant = "fp16" if any((folder / "unet").glob("*.fp16.safetensors")) else None
        policy = replace(stage.train.policy, backbone=replace(backbone, model=model, variant=variant))
        stages.append(replace(stage, train=replace(stage.train, policy=policy)))
    return replace(recipe, stages=tuple(stages))


RECIPES: dict[str, Callable[[], Recipe]] = {
    f.__name__: f
    for f in (
        video_joint,
        video_frozen,
        video_two_stage,
        video_two_stage_global,
        video_two_stage_global_fixed,
        video_then_actions,
        video_then_actions_long,
        video_then_actions_long_global,
        video_actions_alone,
        video_all,
        video_svd,
        video_tiny,
    )
}


def recipe(name: str) -> Recipe:
    """The named recipe; ValueError suggests the nearest name."""
    return look_up(name, RECIPES, "recipe")()
