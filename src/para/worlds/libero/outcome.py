"""How an episode is judged. What is carried is called the bowl here; it is the box in the scene ``box``.

``PLACE``: LIBERO's official predicate On(bowl, plate) has held for 10 control steps in a row while the gripper was open
and the end effector at least 5 cm away from the bowl's surface: the policy has let go and left. ``GRASP``: the bowl has been
lifted by at least 5 cm. ``MISS``: neither. PLACE contains GRASP: a bowl that a flailing arm knocked onto the plate counts
for nothing. A bowl that stands higher than the plate by more than that, on a cabinet, need not be raised: between the
fingers, touching nothing else and 5 cm away from where it stood, it has been lifted, too. The bare official predicate is
recorded beside all that.
"""

from __future__ import annotations

import numpy as np

from para.worlds.libero.simulation import Simulation
from para.worlds.world import Outcome, Stage

HOLD_STEPS = 10
"""Control steps in a row for which PLACE's conditions must hold."""
LIFT = 0.05
"""[m]"""
CLEARANCE = 0.05
"""Distance between end effector and the bowl's surface [m]."""
OPEN = 0.4
"""Measured opening from which the gripper counts as open; around a bowl's rim it measures below 0.2. Around a
box's short side it measures 0.6: there the distance alone tells a hand that has let go."""
ON_RADIUS = 0.03
"""Largest horizontal distance of the centres in LIBERO's On [m]."""


class OutcomeJudge:
    """Watches one episode; `update` once after each control step."""

    def __init__(self, simulation: Simulation, carried: str | None = None) -> None:
        """`carried`: the object to be carried, by default the scene's own; its target is always the scene's."""
        self._simulation = simulation
        self._carried = carried or simulation.scene.carried
        self._carried_body = simulation.object_body(self._carried)
        self._target_body = simulation.object_body(simulation.scene.target)
        self._start = simulation.data.xpos[self._carried_body].copy()
        self._stands_high = bool(self._start[2] - simulation.data.xpos[self._target_body][2] > LIFT)
        self._hand = simulation.hand_bodies()
        self._surface = _surface_points(simulation, self._carried_body)
        self._held = 0
        self._placed = self._lifted = self._official = False

    def update(self) -> None:
        """Take the present moment into account."""
        moved = self._simulation.data.xpos[self._carried_body] - self._start
        carried_off = self._stands_high and np.hypot(moved[0], moved[1]) >= LIFT and self._in_hand_alone()
        self._lifted |= bool(moved[2] >= LIFT or carried_off)
        on = self.official_now()
        self._official |= on
        self._held = self._held + 1 if on and self._released() else 0
        self._placed |= self._lifted and self._held >= HOLD_STEPS

    def outcome(self) -> Outcome:
        """The judgement so far."""
        stage = Stage.PLACE if self._placed else Stage.GRASP if self._lifted else Stage.MISS
        return Outcome(stage, self._official, finished=self._placed)

    def official_now(self) -> bool:
        """LIBERO's On(bowl, plate): in contact, centres within 3 cm horizontally, the bowl's origin not below the plate's."""
        data = self._simulation.data
        carried, target = data.xpos[self._carried_body], data.xpos[self._target_body]
        if carried[2] < target[2] or np.hypot(carried[0] - target[0], carried[1] - target[1]) >= ON_RADIUS:
            return False
        bodies = self._simulation.model.geom_bodyid[data.contact.geom]
        pair = (self._carried_body, self._target_body)
        return bool(((bodies == pair) | (bodies == pair[::-1])).all(axis=1).any())

    def _in_hand_alone(self) -> bool:
        """The bowl touches the hand and nothing else."""
        data = self._simulation.data
        bodies = self._simulation.model.geom_bodyid[data.contact.geom]  # (contacts, 2)
        pairs = bodies[(bodies == self._carried_body).any(1)]
        others = pairs[pairs != self._carried_body]
        return bool(len(others)) and bool(np.isin(others, self._hand).all())

    def _released(self) -> bool:
        simulation = self._simulation
        if simulation.gripper_opening() < OPEN:
            return False
        T_world_bowl = simulation.object_pose(self._carried)
        ee = T_world_bowl.inverse() @ simulation.ee_pose().translation
        return bool(np.sqrt(((self._surface - ee) ** 2).sum(1).min()) >= CLEARANCE)


def _surface_points(simulation: Simulation, body: int) -> np.ndarray:
    """(N, 3) vertices of the body's meshes [m], body frame; for a body without meshes, its geoms' centres."""
    model = simulation.model
    points = []
    for geom in np.flatnonzero(model.geom_bodyid == body):
        mesh = int(model.geom_dataid[geom])
        vertices = np.zeros((1, 3))
        if mesh >= 0:
            start, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
            vertices = model.mesh_vert[start : start + count].astype(float)
            vertices = vertices[:: max(1, len(vertices) // 1500)]
        q = model.geom_quat[geom]
        points.append(vertices @ _rotation(q).T + model.geom_pos[geom])
    return np.concatenate(points)


def _rotation(quaternion: np.ndarray) -> np.ndarray:
    from para.geometry import Pose

    return Pose.from_quaternion(quaternion, np.zeros(3)).rotation
