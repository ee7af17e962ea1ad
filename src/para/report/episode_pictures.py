"""Pictures of one rollout: the volume at its first moment, at the grasp and on the way to the plate."""

from __future__ import annotations

from pathlib import Path

from para.control import ChunkExecutor
from para.policy import Policy
from para.report.pointing import FILE, point, save_pointing
from para.report.volume_pictures import draw_volume, save_picture
from para.types import Command, Observation
from para.worlds.world import Agent, Subscriber, World, rollout


class _KeepQueries(Subscriber):
    """Keeps what the policy was asked with."""

    def __init__(self) -> None:
        self.seen: list[Observation] = []

    def before_step(self, world: World, agent: Agent, command: Command) -> None:
        """Keep a new observation."""
        if not self.seen or agent.observation is not self.seen[-1]:
            self.seen.append(agent.observation)


def draw_episode_volumes(policy_folder: Path, layout, image_size: tuple[int, int], folder: Path) -> list[Path]:
    """Run one LIBERO episode and draw the policy's volume at its start, before closing the gripper and while carrying.

    The prediction of the start is kept beside the pictures, for the figure of the method.
    """
    from para.worlds.libero.libero_world import LiberoWorld

    policy, keep = Policy.from_pretrained(policy_folder), _KeepQueries()
    world = LiberoWorld(image_size)
    try:
        rollout(world, ChunkExecutor(policy), layout, [keep])
    finally:
        world.close()
    closed = [i for i, o in enumerate(keep.seen) if o.state.gripper < 0.8]
    grasp = closed[0] if closed else len(keep.seen) // 2
    moments = {"1-start": 0, "2-grasp": max(0, grasp - 1), "3-carry": min(len(keep.seen) - 1, grasp + 2)}
    save_pointing(point(policy, keep.seen[0]), folder / FILE)
    return [
        save_picture(draw_volume(policy, keep.seen[i]), folder / f"volume-{name}.jpg") for name, i in moments.items()
    ]
