"""Records demonstrations as `Episode`s."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from para.types import Command, Episode, Observation, RecordedCamera
from para.worlds.libero.layout import Layout
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.teacher import ScriptedTeacher
from para.worlds.world import Agent, Outcome, Stage, Subscriber, World, rollout


@dataclass
class EpisodeRecorder(Subscriber):
    """Keeps every frame with the command that followed it; `episode` is set when the episode ends."""

    notes: dict[str, object] = field(default_factory=dict)
    """Copied into the episode: how it was made."""
    episode: Episode | None = None
    _frames: list[tuple[Observation, Command]] = field(default_factory=list, repr=False)

    def start(self, world: World, agent: Agent) -> None:
        """Forget the last episode."""
        self._frames, self.episode = [], None

    def before_step(self, world: World, agent: Agent, command: Command) -> None:
        """Picture and state of this moment, and the command that answers it."""
        self._frames.append((world.observe(), command))

    def end(self, world: World, agent: Agent, outcome: Outcome) -> None:
        """Put the frames together."""
        if self._frames:
            self.episode = _episode(self._frames, {**self.notes, "outcome": outcome.stage.value})
        self._frames = []


def _episode(frames: list[tuple[Observation, Command]], notes: dict[str, object]) -> Episode:
    states = [observation.state for observation, _ in frames]
    commands = [command for _, command in frames]
    first = frames[0][0]
    cameras = []
    for i, view in enumerate(first.views):
        seen = [observation.views[i] for observation, _ in frames]
        cameras.append(
            RecordedCamera(
                view.name,
                images=np.stack([v.image for v in seen]),
                intrinsics=np.stack([v.camera.intrinsics for v in seen]),
                T_world_camera=np.stack([v.camera.T_world_camera.matrix() for v in seen]),
            )
        )
    return Episode(
        time=np.array([s.time for s in states]),
        ee_position=np.stack([s.T_world_ee.translation for s in states]),
        ee_quaternion=np.stack([s.T_world_ee.quaternion() for s in states]),
        gripper=np.array([s.gripper for s in states]),
        command_position=np.stack([c.T_world_ee.translation for c in commands]),
        command_quaternion=np.stack([c.T_world_ee.quaternion() for c in commands]),
        command_gripper=np.array([c.gripper for c in commands]),
        cameras=tuple(cameras),
        instruction=first.instruction,
        notes=notes,
    )


def record_episode(world: LiberoWorld, layout: Layout, max_steps: int = 600) -> Episode | None:
    """One scripted demonstration of `layout`; None when the teacher did not reach PLACE."""
    recorder = EpisodeRecorder(notes={"layout": layout.to_json()})
    result = rollout(world, ScriptedTeacher(world), layout, [recorder], max_steps)
    return recorder.episode if result.outcome.stage is Stage.PLACE else None
