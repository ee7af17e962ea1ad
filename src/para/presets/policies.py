"""Named policies: what each row of a table is, as a training configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from para.backbones import DinoConfig, Lite0Config
from para.dataset import Augmentation, Mirror, Orbit, PastedShapes, Photometric, Roll, Shift, Turn, Zoom
from para.geometry import FootBins, HeightBins, LevelFraming
from para.heads import (
    ActConfig,
    ActionSpace,
    CameraFrame,
    Dense,
    DiffusionConfig,
    EndEffectorOffset,
    GlobalRegressionConfig,
    Instruction,
    LocatorConfig,
    PaperVolumeConfig,
    PixelHeight,
    Pooled,
    Reading,
    RotationFrame,
    SoftArgmax,
    TaskId,
    TopView,
    VolumeHeadConfig,
    Words,
    World,
)
from para.policy import Execution, PolicyConfig
from para.presets.names import look_up
from para.training import TrainConfig
from para.training.objectives import LocatorObjective
from para.worlds.libero.layout import TABLE_HEIGHT, WORKSPACE

LIBERO = PolicyConfig(
    head=VolumeHeadConfig(bins=HeightBins(WORKSPACE.low[2], WORKSPACE.high[2], 32)),
    workspace=WORKSPACE,
    execution=Execution(stride=None),
)
"""What all policies at LIBERO's table have in common."""

FRAMING = LevelFraming((-0.06, 0.0, 0.95), 0.92)
"""What policies that are told the camera look through: level, aimed at the table, all targets in the picture."""

FRAMED = replace(LIBERO, framing=FRAMING)

COARSE = Lite0Config(stages=(4,))
"""The backbone of the rivals: its map of stride 16."""

COLOURS = Augmentation((), Photometric())
"""Label-preserving: for policies that do not see the camera."""

RIM, PLATE = 0.94, 0.915
"""Heights of what pictures show of the task's targets: the rim that is grasped, the plate that it is put on [m], world."""

FEET = 0.93
"""Height of the plane in which targets are pointed at [m], world: between the two, so that neither has much parallax."""

TURNED = Augmentation((Turn(5.0, 20.0), Shift(60.0), Zoom(0.75, 1.3)), Photometric())
"""The camera is turned and zoomed about its own centre; picture, camera and labels move together, exactly."""

CAMERA = replace(TURNED, orbit=Orbit((-0.13, 0.0, FEET), planes=(RIM, PLATE)))
"""Camera-consistent: the same, and half of the time the camera is also carried elsewhere."""

ROLLED = replace(CAMERA, geometric=(Turn(5.0, 0.0), Roll(90.0), Shift(60.0), Zoom(0.75, 1.3)))
"""The same with the picture rolled any way up to a quarter turn."""

PASTED = PastedShapes(TABLE_HEIGHT, x=(-0.45, 0.25), y=(-0.45, 0.45))
"""Cartons, cans and cones drawn upon the table, none of which is a test's."""

MIRRORED = replace(ROLLED, mirror=Mirror())
"""And half of the moments seen in a mirror, so that what was shown turning one way has been seen turning the other."""


def para() -> TrainConfig:
    """Our default: points at targets' feet and heights in a level picture, with camera-consistent augmentation."""
    feet = FootBins(WORKSPACE.low[2], WORKSPACE.high[2], 32, ground=FEET)
    head = replace(
        LIBERO.head, bins=feet, rotation_frame="heading", offset_planes="distance", displacement_planes=False
    )
    return TrainConfig(replace(FRAMED, head=head), CAMERA, steps=6000)  # a quarter of them gives most of it, see README


def para_yaw() -> TrainConfig:
    """Ours for objects that lie any way: the fingers' axis is pointed at in the picture, and training rolls the picture."""
    return yaw_mechanism("image", ROLLED)


def yaw_mechanism(frame: RotationFrame, augmentation: Augmentation, at_next_grip: bool = False) -> TrainConfig:
    """`para` with rotations told in this frame and with the hand's own told to it, and with this augmentation; they are read
    step by step, or at the next grip, with more weight and told the hand's own only when it may hold something."""
    base = para()
    head = replace(base.policy.head, rotation_frame=frame, hand_rotation=True)
    if at_next_grip:
        head = replace(head, rotation_at="next_grip", rotation_weight=5.0, hand_rotation_open=False)
    return replace(base, policy=replace(base.policy, head=head), augmentation=augmentation)


def para_yaw_top_view() -> TrainConfig:
    """The place where the gripper will next act is pointed at, too, and there the turn of the hand is read from straight
    above, where an object that turns does nothing but turn."""
    base = para()
    head = replace(base.policy.head, rotation_frame="image", rotation_at="next_grip", top_view=TopView())
    return replace(base, policy=replace(base.policy, head=head))


def para_paper_lite0_224() -> TrainConfig:
    """The published head, conditioning and decoding on our offline backbone at 224 px (nobody has run it with DINO here)."""
    backbone = Lite0Config(stages=(4,), frozen_stages=0)
    return TrainConfig(replace(LIBERO, backbone=backbone, head=PaperVolumeConfig()), Augmentation())


def para_dino() -> TrainConfig:
    """Our head on DINOv3 ViT-S/16 at 448 px; needs its weights from the Hugging Face Hub."""
    policy = para().policy
    head = replace(policy.head, cell_pixels=8, widths=(64, 128))
    policy = replace(policy, backbone=DinoConfig(), head=head, image_size=(448, 448))
    return TrainConfig(policy, CAMERA, learning_rate=5e-4, backbone_learning_rate=5e-5)


def cls_regression() -> TrainConfig:
    """What the published project calls ACT: one pooled token to absolute coordinates; colours alone are augmented."""
    policy = replace(LIBERO, backbone=COARSE, head=GlobalRegressionConfig())
    return TrainConfig(policy, COLOURS)


def cls_regression_camera() -> TrainConfig:
    """The same with the camera as input, and camera-consistent augmentation."""
    policy = replace(FRAMED, backbone=COARSE, head=GlobalRegressionConfig(camera_input=True))
    return TrainConfig(policy, CAMERA)


def act() -> TrainConfig:
    """The real ACT: whole chunks, a style latent, temporal ensembling; it knows nothing of the camera."""
    return _act(ActConfig(), COLOURS)


def act_camera() -> TrainConfig:
    """ACT that is told K and T_world_camera, with camera-consistent augmentation."""
    return _act(ActConfig(camera_input=True), CAMERA)


def act_plucker() -> TrainConfig:
    """ACT that is also told each cell's ray, with camera-consistent augmentation."""
    return _act(ActConfig(camera_input=True, plucker=True), CAMERA)


def act_camera_frame() -> TrainConfig:
    """ACT that names positions and rotations in the camera's frame, with camera-consistent augmentation."""
    return _act(ActConfig(camera_input=True, space=CameraFrame()), CAMERA)


def diffusion() -> TrainConfig:
    """Diffusion Policy (convolutional); it knows nothing of the camera. Needs the extra `diffusion`."""
    return _diffusion(DiffusionConfig(), COLOURS)


def diffusion_camera() -> TrainConfig:
    """Diffusion Policy that is told the camera, with camera-consistent augmentation. Needs the extra `diffusion`."""
    return _diffusion(DiffusionConfig(camera_input=True, predicts="actions"), CAMERA)


def locator() -> TrainConfig:
    """No policy: finds the hand in the picture, to correct the camera of one that runs (`para evaluate --locator`)."""
    policy = replace(FRAMED, head=LocatorConfig(), horizon=1)
    return TrainConfig(policy, TURNED, LocatorObjective(), steps=800)  # a carried camera's picture shows a flat arm


def para_suite() -> TrainConfig:
    """`para` that reads its instruction word by word: for sets with several tasks."""
    return _instructed(para(), Words())


def para_suite_task_id() -> TrainConfig:
    """`para` that is told which of the trained sentences its instruction is: it cannot read."""
    return _instructed(para(), TaskId())


def cls_regression_suite() -> TrainConfig:
    """`cls_regression` that reads its instruction word by word."""
    return _instructed(cls_regression(), Words())


def _instructed(config: TrainConfig, instruction: Instruction) -> TrainConfig:
    return replace(config, policy=replace(config.policy, head=replace(config.policy.head, instruction=instruction)))


def regression_cell(reading: Reading, space: ActionSpace) -> TrainConfig:
    """One cell of the factorial experiment: told the camera, with camera-consistent augmentation."""
    head = GlobalRegressionConfig(camera_input=True, reading=reading, space=space)
    return TrainConfig(replace(FRAMED, backbone=COARSE, head=head), CAMERA)


def _act(head: ActConfig, augmentation: Augmentation) -> TrainConfig:
    # The published horizon is 100 steps of 20 ms and most of a task; here 32 steps of 0.2 s, about a demonstration.
    execution = Execution(ensemble=0.01)
    base = FRAMED if head.camera_input else LIBERO
    policy = replace(base, backbone=COARSE, head=head, horizon=32, execution=execution)
    return TrainConfig(policy, augmentation, steps=4000, learning_rate=4e-4, weight_decay=1e-3)


def _diffusion(head: DiffusionConfig, augmentation: Augmentation) -> TrainConfig:
    base = FRAMED if head.camera_input else LIBERO
    policy = replace(base, backbone=COARSE, head=head, horizon=16, execution=Execution(execute=8, stride=None))
    return TrainConfig(policy, augmentation, steps=6000, learning_rate=6e-4, weight_decay=1e-3, ema_decay=0.999)


SPACES = {"world": World(), "offset": EndEffectorOffset(), "camera": CameraFrame(), "pixel": PixelHeight()}
FACTORIAL: dict[str, Callable[[], TrainConfig]] = {
    f"reg_{name}_{frame}": partial(regression_cell, reading, space)
    for name, reading in (("pooled", Pooled()), ("dense", Dense()))
    for frame, space in SPACES.items()
}
"""The cells {pooled, dense} x {world, offset, camera, pixel} and two more of pixel space: soft-argmax, and a dense reading
that is told no place in the image and so shifts with the picture. `reg_pooled_world` is `cls_regression_camera`."""
FACTORIAL["reg_dense_pixel_shift"] = partial(regression_cell, Dense(absolute=False), PixelHeight())
FACTORIAL["reg_soft_argmax"] = partial(regression_cell, SoftArgmax(), PixelHeight())

YAW_MECHANISMS: dict[str, Callable[[], TrainConfig]] = {
    "para_yaw_top_view": para_yaw_top_view,
    "para_yaw_next_grip": partial(yaw_mechanism, "image", ROLLED, True),
    "para_yaw_mirrored": partial(yaw_mechanism, "image", MIRRORED),
    "para_yaw_level": partial(yaw_mechanism, "image", CAMERA),
    "para_yaw_ray": partial(yaw_mechanism, "ray", ROLLED),
    "para_yaw_heading": partial(yaw_mechanism, "heading", CAMERA),
    "para_yaw_heading_rolled": partial(yaw_mechanism, "heading", ROLLED),
}
"""Other ways than `para_yaw`'s: the turn read from above where the gripper will next act; the fingers' axis pointed at
there, in rolled pictures; with mirrored pictures beside the rolled ones; without the rolled ones; with a signed rotation that
rolls with them; with one that does not, and that with and without rolled pictures."""

_NAMED = (
    para,
    para_yaw,
    para_paper_lite0_224,
    para_dino,
    cls_regression,
    cls_regression_camera,
    act,
    act_camera,
    act_plucker,
    act_camera_frame,
    diffusion,
    diffusion_camera,
    locator,
    para_suite,
    para_suite_task_id,
    cls_regression_suite,
)
POLICIES: dict[str, Callable[[], TrainConfig]] = {f.__name__: f for f in _NAMED} | FACTORIAL | YAW_MECHANISMS


def policy_preset(name: str) -> TrainConfig:
    """The named policy's training configuration; ValueError suggests the nearest name."""
    return look_up(name, POLICIES, "policy preset")()
