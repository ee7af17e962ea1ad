"""`para show`: a dataset, a moment's targets, a policy's volume or foreseen video, how it points, or a rollout."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from para.control import ChunkExecutor
from para.demos import DemoDataset
from para.drawing import draw_path, draw_point, put_text
from para.evaluation.axes import axis_named
from para.evaluation.video import write_video
from para.geometry import Pose
from para.policy import Policy
from para.report.method import draw_method
from para.report.pointing import point, save_pointing
from para.report.video_pictures import show_video
from para.report.volume_pictures import draw_chunk, draw_volume, save_picture
from para.types import STEP_SECONDS, ActionChunk, Command, Observation, RobotState, View
from para.worlds.world import Agent, Subscriber, World, rollout

_PICTURE = (".png", ".jpg", ".jpeg")
WRITES = {
    "dataset": (".mp4",),
    "rollout": (".mp4",),
    "targets": _PICTURE,
    "volume": _PICTURE,
    "video": _PICTURE,
    "pointing": (*_PICTURE, ".svg", ".pdf", ".npz"),
}
"""What can be shown -> how a file's name may end."""

VIDEO_CLIPS = 16
"""Moments over which `para show video` judges a video model."""


def show(what: str, out: Path, dataset: Path | None, policy: Path | None, episode: int, frame: int, axis: str) -> Path:
    """Write the picture or film; ValueError says which argument is missing or wrong."""
    if out.suffix.lower() not in WRITES[what]:
        raise ValueError(f"cannot show {what} in {out}: its name ends with {' or '.join(WRITES[what])}")
    if episode < 0:
        raise ValueError(f"--episode {episode}: episodes and conditions are counted from 0")
    if what == "rollout":
        return _rollout(out, Policy.from_pretrained(_given(policy, "policy", what)), episode, axis)
    demos = DemoDataset.open(_given(dataset, "dataset", what))
    if not 0 <= episode < len(demos):
        raise ValueError(f"{dataset} has episodes 0 to {len(demos) - 1}, asked for {episode}")
    if what == "dataset":
        return _film(demos, episode, out)
    if what == "targets":
        observation, chunk = moment(demos, episode, frame)
        return save_picture(draw_chunk(observation, chunk, observation.views[0].name, 512), out)
    loaded = Policy.from_pretrained(_given(policy, "policy", what))
    if what == "pointing":
        return _pointing(loaded, moment(demos, episode, frame)[0], out)
    if what == "video":
        picture, verdict = show_video(loaded, demos, episode, frame, VIDEO_CLIPS)
        print(verdict)
        return save_picture(picture, out)
    return save_picture(draw_volume(loaded, moment(demos, episode, frame)[0]), out)


def _pointing(policy: Policy, observation: Observation, out: Path) -> Path:
    """The method's figure, or the prediction itself where `out` ends with .npz."""
    prediction = point(policy, observation)
    if out.suffix == ".npz":
        return save_pointing(prediction, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    draw_method(prediction).savefig(out, dpi=200)
    return out


def moment(demos: DemoDataset, episode: int, frame: int, horizon: int = 6) -> tuple[Observation, ActionChunk]:
    """One frame of a demonstration as an observation, and the demonstrator's next steps as a chunk."""
    views = []
    for name in demos.meta.camera_names:
        columns = demos.columns(episode, name)
        if not 0 <= frame < len(columns):
            raise ValueError(f"episode {episode} has frames 0 to {len(columns) - 1}, asked for {frame}")
        image = demos.decode(episode, name, [frame])[0]
        views.append(View(name, image, _camera(demos, columns, name, frame)))
    poses = Pose.from_quaternion(columns.ee_quaternion, columns.ee_position)
    state = RobotState(poses[frame], float(columns.gripper[frame]), float(columns.time[frame]))
    future = np.minimum(demos.frame_after(frame, STEP_SECONDS * np.arange(1, horizon + 1)), len(columns) - 1)
    chunk = ActionChunk(
        poses.translation[future],
        poses.rotation[future],
        columns.command_gripper[future],
        np.ones(horizon),
        np.zeros(horizon),
    )
    return Observation(tuple(views), state, demos.episodes[episode].task), chunk


def _film(demos: DemoDataset, episode: int, out: Path) -> Path:
    """The episode with the projected end effector (ring, filled when the gripper is told to close) and its path so far."""
    name = demos.meta.camera_names[0]
    columns, images = demos.columns(episode, name), demos.decode(episode, name)
    path, frames = [], []
    for f, image in enumerate(images):
        camera = _camera(demos, columns, name, f)
        path.append(camera.project(columns.ee_position[f][None])[0][0])
        picture = np.ascontiguousarray(image)
        if len(path) > 1:
            draw_path(picture, np.array(path), (90, 255, 120))
        draw_point(picture, path[-1], (255, 80, 80), 4, filled=columns.command_gripper[f] < 0.5)
        put_text(picture, f"episode {episode}  {columns.time[f]:.2f} s")
        frames.append(picture)
    write_video(out, frames, Fraction(demos.meta.fps), crf=23)
    return out


class _Film(Subscriber):
    """Keeps pictures with the chunk under way drawn on them."""

    def __init__(self, camera: str) -> None:
        self.camera, self.frames, self.steps = camera, [], 0

    def before_step(self, world: World, agent: Agent, command: Command) -> None:
        """Every second step is enough for a film."""
        if self.steps % 2 == 0:
            picture = draw_chunk(world.observe(), agent.chunk, self.camera, 384)
            put_text(picture, f"{world.state().time:.1f} s  {world.outcome().stage.value}")
            self.frames.append(picture)
        self.steps += 1


def _rollout(out: Path, policy: Policy, index: int, axis: str) -> Path:
    from para.worlds.libero.libero_world import LiberoWorld

    layout = axis_named(axis).validation_conditions(index + 1)[index].layout
    world, film = LiberoWorld(), _Film(policy.config.camera)
    try:
        rollout(world, ChunkExecutor(policy), layout, [film])
    finally:
        world.close()
    write_video(out, film.frames, Fraction(20), crf=25)
    return out


def _camera(demos: DemoDataset, columns, name: str, frame: int):
    from para.geometry import Camera

    width, height = demos.image_size(name)
    return Camera(columns.intrinsics[frame], Pose.from_matrix(columns.T_world_camera[frame]), width, height)


def _given(path: Path | None, name: str, what: str) -> Path:
    if path is None:
        raise ValueError(f"to show a {what}, give --{name}")
    return path
