"""How the scripted expert takes hold of what a scene has it carry: a named grasp for each kind of object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from para.geometry import Pose, rotation_from_vector


class Grasp(Protocol):
    """Where the hand goes to take hold of an object that lies on the table."""

    @property
    def release_height(self) -> float:
        """The object's origin above the target's when letting go [m]."""

    def pose(self, T_world_object: Pose, T_world_home: Pose) -> Pose:
        """T_world_ee while the fingers close; `T_world_home` is the end effector's at the start of the episode."""


@dataclass(frozen=True)
class RimGrasp:
    """By a round object's rim, from above and as the hand is at home.

    The same rim wherever the bowl stands, as the published demonstrations are one motion shifted: a side chosen by place
    would be a rule about the table that no policy can know beyond its demonstrations.
    """

    radius: float = 0.049
    """Distance of the rim from the object's origin [m]; it is taken on the side of world +y."""
    height: float = 0.034
    """Grip site above the object's origin [m]."""
    release_height: float = 0.012

    def pose(self, T_world_object: Pose, T_world_home: Pose) -> Pose:
        """See `Grasp.pose`."""
        return Pose(T_world_home.rotation, T_world_object.translation + [0.0, self.radius, self.height])


@dataclass(frozen=True)
class ShortSideGrasp:
    """Across the short side of a long object, from above: the hand at home is turned about the vertical until its fingers
    travel along that side, the shorter way round. Two fingers grasp alike after half a turn."""

    across: tuple[float, float, float]
    """Direction of the short side in the object's frame; horizontal while it lies as it rests."""
    height: float
    """Grip site above the object's origin [m]."""
    release_height: float

    def pose(self, T_world_object: Pose, T_world_home: Pose) -> Pose:
        """See `Grasp.pose`."""
        turn = rotation_from_vector(np.array([0.0, 0.0, self.turn(T_world_object, T_world_home)]))
        return Pose(turn @ T_world_home.rotation, T_world_object.translation + [0.0, 0.0, self.height])

    def turn(self, T_world_object: Pose, T_world_home: Pose) -> float:
        """From the home orientation about the world's vertical, in [-pi/2, pi/2) [rad]."""
        side, fingers = T_world_object.rotation @ np.array(self.across), T_world_home.rotation[:, 0]
        turn = np.arctan2(side[1], side[0]) - np.arctan2(fingers[1], fingers[0])
        return float((turn + np.pi / 2) % np.pi - np.pi / 2)
