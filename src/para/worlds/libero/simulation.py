"""One scene's physics: MuJoCo model and data, the arm's controller, the gripper. No judgement, no pictures."""

from __future__ import annotations

import logging

import numpy as np

from para.geometry import Pose
from para.types import CONTROL_HZ
from para.worlds.libero import scenes
from para.worlds.libero.appearance import Wardrobe
from para.worlds.libero.layout import Appearance
from para.worlds.libero.official import JointState
from para.worlds.libero.osc import OperationalSpaceController
from para.worlds.libero.rendering import choose_backend
from para.worlds.world import PhysicsError

choose_backend()

import mujoco  # noqa: E402

log = logging.getLogger(__name__)

# MuJoCo's default handler appends to MUJOCO_LOG.TXT in the working directory.
mujoco.set_mju_user_warning(lambda message: log.debug("MuJoCo: %s", message))

FINGER_RATE = 0.01
"""Change of the gripper command in one physics substep, in units of half its range (robosuite's ``speed``)."""
FINGER_TRAVEL = 0.04
"""Finger joint at full opening [m]."""
_PARKING = np.array([0.0, 0.0, -20.0])
"""Where unused objects hang, far below the floor [m]."""


_SKY = 2.5
"""Rays that measure heights begin here, above everything [m], world."""
_COLLISION = np.array([1, 0, 0, 0, 0, 0], np.uint8)
"""MuJoCo's groups of geoms that rays meet: robosuite keeps collision geometry in group 0."""


class Simulation:
    """A compiled scene with its state. Between calls, everything ``mj_step1`` computes (poses, contacts) is up to date."""

    def __init__(self, scene: str) -> None:
        self.scene = scenes.find_scene(scene)
        self.model = scenes.load_model(self.scene)
        self.data = mujoco.MjData(self.model)
        self.controller = OperationalSpaceController(
            self.model, scenes.GRIP_SITE, scenes.ARM_JOINTS, scenes.ARM_ACTUATORS
        )
        self.substeps = round(1 / (CONTROL_HZ * self.model.opt.timestep))
        self._site = self._id(mujoco.mjtObj.mjOBJ_SITE, scenes.GRIP_SITE)
        fingers = [self._id(mujoco.mjtObj.mjOBJ_JOINT, name) for name in scenes.FINGER_JOINTS]
        self._finger_qpos = self.model.jnt_qposadr[fingers].copy()
        self._finger_actuators = [self._id(mujoco.mjtObj.mjOBJ_ACTUATOR, n) for n in scenes.FINGER_ACTUATORS]
        span = self.model.actuator_ctrlrange[self._finger_actuators]
        self._finger_middle, self._finger_half = span.mean(1).tolist(), (np.ptp(span, axis=1) / 2).tolist()
        self._grip = 0.0
        """Gripper command, -1 open to 1 closed; moves by FINGER_RATE a substep."""
        self.objects = self._free_joints()
        self.fixtures = self._fixtures()
        self._fixture_poses = (self.model.body_pos.copy(), self.model.body_quat.copy())
        self._gravity_compensation = self.model.body_gravcomp.copy()
        self._wardrobe = Wardrobe(self.model)

    def _id(self, kind: mujoco.mjtObj, name: str) -> int:
        index = mujoco.mj_name2id(self.model, kind, name)
        if index < 0:
            raise ValueError(f"scene {self.scene.name!r} has no {kind.name[6:].lower()} {name!r}")
        return index

    def _free_joints(self) -> dict[str, int]:
        """Movable objects: name -> joint id."""
        free = np.flatnonzero(self.model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
        names = {int(j): mujoco.mj_id2name(self.model, mujoco.mjtObj.mjOBJ_JOINT, int(j)) for j in free}
        return {name.removesuffix("_joint0"): j for j, name in names.items()}

    def _fixtures(self) -> dict[str, int]:
        """Furniture that stands on the table but does not move by itself: name -> body id."""
        bodies = [self._id(mujoco.mjtObj.mjOBJ_BODY, f"{name}_main") for name in self.scene.fixtures]
        return dict(zip(self.scene.fixtures, bodies))

    # ---- episode -----------------------------------------------------------------------------------------------------

    def place_camera(self, name: str, position: np.ndarray, quaternion: np.ndarray, fov_y: float) -> None:
        """Set a camera that is fixed to the world: (3,) [m], (4,) wxyz in MuJoCo's camera axes, [deg]."""
        camera = self._id(mujoco.mjtObj.mjOBJ_CAMERA, name)
        self.model.cam_pos[camera], self.model.cam_quat[camera] = position, quaternion
        self.model.cam_fovy[camera] = fov_y

    def dress(self, appearance: Appearance | None) -> set[int]:
        """Change table, room and light; returns the textures that a renderer must take anew."""
        return self._wardrobe.wear(appearance)

    def reset(self, placements: dict[str, tuple[tuple[float, float], float]]) -> None:
        """Home pose, every object at rest; `placements` moves objects and fixtures: name -> ((x, y) [m], yaw [rad]).

        Every part of the state is written anew, so that what ran before leaves no trace.
        """
        known = sorted([*self.objects, *self.fixtures])
        unknown = sorted(set(placements) - set(known))
        if unknown:
            raise ValueError(f"scene {self.scene.name!r} has no movable {unknown}; it has {known}")
        model, data = self.model, self.data
        mujoco.mj_resetData(model, data)
        self._place_fixtures(placements)
        model.body_gravcomp[:] = self._gravity_compensation
        data.qpos[self.controller.qpos] = scenes.HOME_JOINTS
        data.qpos[self._finger_qpos] = scenes.HOME_FINGERS
        parked = 0
        for name, joint in self.objects.items():
            start = model.jnt_qposadr[joint]
            if name in placements:
                (x, y), yaw = placements[name]
                data.qpos[start : start + 2] = x, y
                turned = _turn(yaw, model.qpos0[start + 3 : start + 7])
                data.qpos[start + 3 : start + 7] = turned
            elif name in self.scene.parked:
                parked += 1
                data.qpos[start : start + 3] = _PARKING + [parked, 0, 0]
                model.body_gravcomp[model.jnt_bodyid[joint]] = 1.0
        self._grip = 0.0
        mujoco.mj_step1(model, data)
        self.controller.reset(data)

    def start_from(self, joints: dict[str, JointState]) -> None:
        """Every joint as given, fixtures where the scene has them. ValueError when the scene's joints are others."""
        model, data = self.model, self.data
        names = {mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_JOINT, j): j for j in range(model.njnt)}
        if set(names) != set(joints):
            differing = sorted(set(names) ^ set(joints))
            raise ValueError(f"scene {self.scene.name!r} and the initial state differ in the joints {differing}")
        mujoco.mj_resetData(model, data)
        self._place_fixtures({})
        model.body_gravcomp[:] = self._gravity_compensation
        for name, joint in joints.items():
            position, velocity = int(model.jnt_qposadr[names[name]]), int(model.jnt_dofadr[names[name]])
            data.qpos[position : position + len(joint.position)] = joint.position
            data.qvel[velocity : velocity + len(joint.velocity)] = joint.velocity
        self._grip = 0.0
        mujoco.mj_step1(model, data)
        self.controller.reset(data)

    def _place_fixtures(self, placements: dict[str, tuple[tuple[float, float], float]]) -> None:
        """Where the scene has them, or where `placements` says. They are bodies fixed to the world: part of the model."""
        positions, quaternions = self._fixture_poses
        for name, body in self.fixtures.items():
            self.model.body_pos[body], self.model.body_quat[body] = positions[body], quaternions[body]
            if name in placements:
                self.model.body_pos[body, :2], yaw = placements[name]
                self.model.body_quat[body] = _turn(yaw, quaternions[body])

    def step(self, position: np.ndarray, rotation: np.ndarray, opening: float) -> None:
        """One control step towards an absolute end-effector pose; `opening` > 0.5 opens the gripper, < 0.5 closes it.

        Raises PhysicsError when MuJoCo reports an unstable or non-finite state.
        """
        model, data, controller = self.model, self.data, self.controller
        controller.set_goal(position, rotation)
        change = FINGER_RATE * float(np.sign(0.5 - opening))
        arm, fingers, torques = controller.actuators, self._finger_actuators, controller.torques
        middle, half, ctrl = self._finger_middle, self._finger_half, data.ctrl
        for _ in range(self.substeps):
            try:
                ctrl[arm] = torques(data)
            except np.linalg.LinAlgError as error:
                raise PhysicsError("the arm's dynamics are singular") from error
            self._grip = min(1.0, max(-1.0, self._grip + change))
            ctrl[fingers[0]] = middle[0] - half[0] * self._grip
            ctrl[fingers[1]] = middle[1] + half[1] * self._grip
            mujoco.mj_step2(model, data)
            mujoco.mj_step1(model, data)
        if not np.isfinite(data.qpos).all() or data.warning.number[_BAD].any():
            raise PhysicsError("the simulation became unstable")

    # ---- state -------------------------------------------------------------------------------------------------------

    def ee_pose(self) -> Pose:
        """T_world_ee, ee being the grip site."""
        return Pose(self.data.site_xmat[self._site].reshape(3, 3).copy(), self.data.site_xpos[self._site].copy())

    def gripper_opening(self) -> float:
        """Measured opening, 0 closed to 1 open."""
        return float(np.clip(np.abs(self.data.qpos[self._finger_qpos]).mean() / FINGER_TRAVEL, 0.0, 1.0))

    def hand_bodies(self) -> np.ndarray:
        """Numbers of the bodies that the hand is made of, fingers included."""
        model = self.model
        finger = self._id(mujoco.mjtObj.mjOBJ_JOINT, scenes.FINGER_JOINTS[0])
        found = {int(model.body_parentid[model.jnt_bodyid[finger]])}
        for body in range(model.nbody):  # parents come before their children
            if int(model.body_parentid[body]) in found:
                found.add(body)
        return np.array(sorted(found))

    def body_pose(self, name: str) -> Pose:
        """T_world_body of a MuJoCo body."""
        body = self._id(mujoco.mjtObj.mjOBJ_BODY, name)
        return Pose(self.data.xmat[body].reshape(3, 3).copy(), self.data.xpos[body].copy())

    def heights(self, places: np.ndarray, without: str) -> np.ndarray:
        """(N, 2) places [m], world -> (N,) z of the highest collision geometry there [m]; the arm and the movable object
        `without` do not count. Minus infinity beside table and floor."""
        model, data = self.model, self.data
        bodies = (self._id(mujoco.mjtObj.mjOBJ_BODY, "robot0_base"), self.object_body(without))
        hidden = {int(model.body_rootid[body]) for body in bodies}
        found, hit, down = np.full(len(places), -np.inf), np.zeros(1, np.int32), np.array([0.0, 0.0, -1.0])
        for i, (x, y) in enumerate(places):
            z = _SKY
            while (distance := mujoco.mj_ray(model, data, np.array([x, y, z]), down, _COLLISION, 1, -1, hit)) >= 0:
                z -= distance
                if int(model.body_rootid[model.geom_bodyid[hit[0]]]) not in hidden:
                    found[i] = z
                    break
                z -= 1e-4
        return found

    def object_body(self, name: str) -> int:
        """MuJoCo body of a movable object."""
        if name not in self.objects:
            raise ValueError(f"scene {self.scene.name!r} has no movable {name!r}; it has {sorted(self.objects)}")
        return int(self.model.jnt_bodyid[self.objects[name]])

    def object_pose(self, name: str) -> Pose:
        """T_world_object of a movable object."""
        body = self.object_body(name)
        return Pose(self.data.xmat[body].reshape(3, 3).copy(), self.data.xpos[body].copy())


_BAD = [
    int(w)
    for w in (mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC)
]


def _turn(yaw: float, quaternion: np.ndarray) -> np.ndarray:
    """`quaternion` (wxyz) turned by `yaw` [rad] about the world's vertical."""
    product = np.empty(4)
    mujoco.mju_mulQuat(product, np.array([np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]), quaternion)
    return product
