"""Why an episode of the bowl-on-plate task failed, told from where hand, bowl and plate were: the same rule for every policy.

Directions are those of the camera: beyond is farther from it along the table, short of is nearer, beside is across.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from para.types import CONTROL_HZ, Command
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.world import Agent, Outcome, Stage, Subscriber

AT_THE_BOWL = 0.075
"""A hand this near to the bowl's middle is at its rim, whose radius is 49 mm [m]."""
ABOVE = 0.09
"""And one so far over the bowl's own place, which is at its foot, is above it [m]."""
ON_THE_PLATE = 0.03
"""A bowl let go this near to the plate's middle is on it [m]."""
AT_THE_PLATE = 0.08
"""A bowl that is down before the hand opens was set down if it is this near to the plate's middle, else lost [m]."""
A_SECOND = CONTROL_HZ
"""Steps within which opening the hand and the bowl's coming down are one event."""
LIFTED = 0.05
"""As in the judge's GRASP [m]."""


@dataclass(frozen=True)
class Cause:
    """What went wrong first."""

    words: str
    offset: tuple[float, float] | None = None
    """How far off: (along the line of sight, across it) [m], where the cause has a place."""


class CauseWatch(Subscriber):
    """Sees where things are before every step, and names the cause at the end."""

    def start(self, world: LiberoWorld, agent: Agent) -> None:
        """A new episode."""
        self.cause: Cause | None = None
        self._rows: list[np.ndarray] = []

    def before_step(self, world: LiberoWorld, agent: Agent, command: Command) -> None:
        """Remember."""
        hand, bowl = world.state().T_world_ee.translation, world.carried_pose.translation
        self._rows.append(np.concatenate([hand, bowl, [command.gripper < 0.5]]))

    def end(self, world: LiberoWorld, agent: Agent, outcome: Outcome) -> None:
        """`cause`: None after a success."""
        if outcome.stage == Stage.PLACE or not self._rows:
            return
        rows = np.array(self._rows)
        away = (world.target_pose.translation - world.camera.T_world_camera.translation)[:2]
        self.cause = explain(rows[:, :3], rows[:, 3:6], rows[:, 6] > 0, world.target_pose.translation, away)


def explain(hand: np.ndarray, bowl: np.ndarray, closed: np.ndarray, plate: np.ndarray, away: np.ndarray) -> Cause:
    """Of a failed episode: (F, 3) hand and bowl, (F,) whether the hand was told to be closed, (3,) plate [m], world, and the
    (2,) direction of the line of sight along the table."""
    if not closed.any():
        return Cause("never closed the hand")
    lifted = bowl[:, 2] > bowl[0, 2] + LIFTED
    if not lifted.any():
        return _not_lifted(hand, bowl, closed, away)
    last = int(np.flatnonzero(lifted)[-1])
    opened = np.flatnonzero(~closed[int(np.argmax(lifted)) :])
    if not len(opened):
        if lifted[-1]:
            return Cause("never let go")
        return Cause("lost the bowl on the way", _seen(bowl[last, :2] - plate[:2], away))
    release = int(np.argmax(lifted)) + int(opened[0])
    if release > last + A_SECOND:
        off = _seen(bowl[last, :2] - plate[:2], away)
        if np.hypot(*off) > AT_THE_PLATE:
            return Cause("lost the bowl on the way", off)
    off = _seen(bowl[release, :2] - plate[:2], away)
    if np.hypot(*off) <= ON_THE_PLATE:
        return Cause("let go over the plate, and it did not stay or the hand did not leave", off)
    return Cause(f"let go {_direction(off)} the plate", off)


def _not_lifted(hand: np.ndarray, bowl: np.ndarray, closed: np.ndarray, away: np.ndarray) -> Cause:
    first = int(np.argmax(closed))
    low = first + int(np.argmin(hand[first : first + 10, 2]))
    off = _seen(hand[low, :2] - bowl[low, :2], away)
    if np.hypot(*off) > AT_THE_BOWL:
        return Cause(f"closed the hand {_direction(off)} the bowl", off)
    if hand[low, 2] > bowl[0, 2] + ABOVE:
        return Cause("closed the hand above the bowl", off)
    return Cause("closed the hand at the bowl and did not hold it", off)


def _seen(way: np.ndarray, away: np.ndarray) -> tuple[float, float]:
    """(2,) on the table -> (along the line of sight, across it)."""
    along = away / np.linalg.norm(away)
    return float(way @ along), float(way @ [-along[1], along[0]])


def _direction(off: tuple[float, float]) -> str:
    along, across = off
    if abs(across) > abs(along):
        return "beside"
    return "beyond" if along > 0 else "short of"
