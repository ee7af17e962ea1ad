"""LIBERO scenes, compiled once into plain MuJoCo models.

LIBERO and robosuite are only used here, to assemble a scene's MJCF from a BDDL task. What comes out is an `MjModel`
whose ``qpos0`` holds every object's resting pose; it is kept in the user's cache, and running an episode needs nothing
but MuJoCo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from para.worlds.libero import assets
from para.worlds.libero.clutter import DISTRACTORS, VALIDATION_DISTRACTORS
from para.worlds.libero.grasps import Grasp, RimGrasp, ShortSideGrasp
from para.worlds.libero.official import SWAPPED_CABINET, TASKS
from para.worlds.libero.rendering import choose_backend

choose_backend()

import mujoco  # noqa: E402

HOME_JOINTS = np.array([0.0, -0.161037389, 0.0, -2.44459747, 0.0, 2.2267522, np.pi / 4])
"""(7,) LIBERO's initial joint angles of the Panda [rad]."""
HOME_FINGERS = np.array([0.020833, -0.020833])
"""(2,) robosuite's initial finger joints [m]: about half open."""
ARM_JOINTS = [f"robot0_joint{i}" for i in range(1, 8)]
ARM_ACTUATORS = [f"robot0_torq_j{i}" for i in range(1, 8)]
FINGER_JOINTS = ["gripper0_finger_joint1", "gripper0_finger_joint2"]
FINGER_ACTUATORS = ["gripper0_gripper_finger_joint1", "gripper0_gripper_finger_joint2"]
GRIP_SITE = "gripper0_grip_site"

_TASK_0 = "pick_up_the_black_bowl_between_the_plate_and_the_ramekin_and_place_it_on_the_plate"


@dataclass(frozen=True)
class Scene:
    """A scene by its BDDL text."""

    name: str
    bddl: str
    """The task in LIBERO's BDDL."""
    carried: str = "akita_black_bowl_1"
    """What is picked up (``Layout.bowl_xy``)."""
    target: str = "plate_1"
    """What it is put on (``Layout.plate_xy``)."""
    grasp: Grasp = RimGrasp()
    """How the scripted expert takes hold of what is carried."""
    parked: tuple[str, ...] = ()
    """Objects that are off the table unless a layout places them."""
    fixtures: tuple[str, ...] = ()
    """Furniture that stands on the table and that a layout may place; its bodies are called ``<name>_main``."""

    @cached_property
    def instruction(self) -> str:
        """The task's sentence."""
        match = re.search(r"\(:language\s+([^)]*)\)", self.bddl)
        return match.group(1).strip() if match else ""

    @classmethod
    def from_task(cls, suite: str, task: str, name: str | None = None, fixtures: tuple[str, ...] = ()) -> Scene:
        """An official LIBERO task, by folder and file name, e.g. ``libero_spatial`` and a name without ``.bddl``."""
        bddl = (assets.libero_path("bddl_files") / suite / f"{task}.bddl").read_text()
        return cls(name or task, bddl, fixtures=fixtures)


def tabletop_bddl(objects: tuple[str, ...], instruction: str) -> str:
    """BDDL of a bare LIBERO table with `objects` (instance names such as ``plate_1``) and the goal On(first, second)."""
    kinds: dict[str, list[str]] = {}
    for name in objects:
        kinds.setdefault(name.rsplit("_", 1)[0], []).append(name)
    regions, inits = [], []
    for i, name in enumerate(objects):
        # A wide raster, so that LIBERO's placement sampler never finds two objects touching.
        x, y = -0.28 + 0.18 * (i // 4), -0.36 + 0.24 * (i % 4)
        box = f"({x - 0.001:.3f} {y - 0.001:.3f} {x + 0.001:.3f} {y + 0.001:.3f})"
        regions.append(f"({name}_region (:target main_table) (:ranges ({box})))")
        inits.append(f"(On {name} main_table_{name}_region)")
    listing = "\n".join(f"{' '.join(names)} - {kind}" for kind, names in kinds.items())
    return f"""(define (problem LIBERO_Tabletop_Manipulation)
(:domain robosuite)
(:language {instruction})
(:regions {" ".join(regions)})
(:fixtures main_table - table)
(:objects
{listing}
)
(:obj_of_interest {" ".join(objects[:2])})
(:init {" ".join(inits)})
(:goal (And (On {objects[0]} {objects[1]})))
)
"""


_PICK = "Pick the akita black bowl and place it on the plate"


def _clean() -> Scene:
    return Scene("clean", tabletop_bddl(("akita_black_bowl_1", "plate_1"), _PICK))


def _full() -> Scene:
    return Scene.from_task("libero_spatial", _TASK_0, "full", fixtures=("wooden_cabinet_1", "flat_stove_1"))


BOX_GRASP = ShortSideGrasp(across=(0.0, 1.0, 0.0), height=0.002, release_height=0.026)
"""A box of 8.0 x 4.6 x 2.7 cm, its origin in its middle: wide open fingers, 7.8 cm apart, go around its short side alone."""


def _box() -> Scene:
    instruction = "Pick the chocolate pudding and place it on the plate"
    bddl = tabletop_bddl(("chocolate_pudding_1", "plate_1"), instruction)
    return Scene("box", bddl, carried="chocolate_pudding_1", grasp=BOX_GRASP)


def _distractors() -> Scene:
    bddl = tabletop_bddl(("akita_black_bowl_1", "plate_1", *DISTRACTORS), _PICK)
    return Scene("distractors", bddl, parked=DISTRACTORS)


def _distractors_validation() -> Scene:
    bddl = tabletop_bddl(("akita_black_bowl_1", "plate_1", *VALIDATION_DISTRACTORS), _PICK)
    return Scene("distractors_validation", bddl, parked=VALIDATION_DISTRACTORS)


def _spatial_swap_3() -> Scene:
    suite, task = SWAPPED_CABINET
    return Scene.from_task(suite, TASKS[task], "spatial_swap_3")


SCENES = {
    "clean": _clean, "full": _full, "box": _box, "distractors": _distractors, "distractors_validation": _distractors_validation,
    "spatial_swap_3": _spatial_swap_3,
}  # fmt: skip
"""Scenes by name; each value makes the `Scene`."""


def find_scene(name: str) -> Scene:
    """The scene called `name`; ValueError lists the known ones."""
    if name not in SCENES:
        raise ValueError(f"no scene {name!r}; known scenes: {', '.join(sorted(SCENES))}")
    return SCENES[name]()


def load_model(scene: Scene) -> mujoco.MjModel:
    """The compiled model of `scene`, from the cache or built now (some ten seconds, once)."""
    path = assets.cached_model(f"{scene.name}|{scene.bddl}", lambda light: compile_scene(scene, light))
    return mujoco.MjModel.from_binary_path(str(path))


def compile_scene(scene: Scene, light: bool) -> mujoco.MjModel:
    """Assemble `scene` with LIBERO, with decimated assets if `light`, and let its objects come to rest."""
    xml, placements, fixtures = _assemble(scene)
    model = mujoco.MjModel.from_xml_string(assets.lighten(xml) if light else xml)
    for body, (position, quaternion) in fixtures.items():
        index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, body)
        model.body_pos[index], model.body_quat[index] = position, quaternion
    for joint, pose in placements.items():
        model.qpos0[_address(model, joint)] = pose
    _settle(model, list(placements))
    return model


def _assemble(scene: Scene) -> tuple[str, dict[str, np.ndarray], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """LIBERO's MJCF of the scene, its free joints' poses {joint: (7,)} and its fixtures' {body: (position, quaternion)}."""
    make_env = assets.import_libero()
    bddl = assets.write_temporary(scene.bddl, ".bddl")
    random_state = np.random.get_state()  # noqa: NPY002  (LIBERO's samplers draw from NumPy's global generator)
    np.random.seed(0)  # noqa: NPY002
    try:
        env = make_env(bddl_file_name=str(bddl), has_offscreen_renderer=False, use_camera_obs=False, hard_reset=False)
        env.reset()
        inner, sim = env.env, env.sim
        placements = {
            thing.joints[-1]: np.concatenate(_free_pose(sim, thing.joints[-1])) for thing in inner.objects_dict.values()
        }
        fixtures = {}
        for name, thing in inner.fixtures_dict.items():
            if name != "main_table":
                index = sim.model.body_name2id(thing.root_body)
                fixtures[thing.root_body] = (sim.model.body_pos[index].copy(), sim.model.body_quat[index].copy())
        xml = inner.model.get_xml()
        env.close()
    finally:
        np.random.set_state(random_state)  # noqa: NPY002
        Path(bddl).unlink()
    return xml, placements, fixtures


def _free_pose(sim: object, joint: str) -> tuple[np.ndarray, np.ndarray]:
    pose = np.array(sim.data.get_joint_qpos(joint))  # type: ignore[attr-defined]
    return pose[:3], pose[3:]


def _address(model: mujoco.MjModel, joint: str) -> slice:
    start = int(model.jnt_qposadr[mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, joint)])
    return slice(start, start + 7)


def _settle(model: mujoco.MjModel, joints: list[str], seconds: float = 1.5) -> None:
    """Drop the objects onto the table with the arm held, and store their resting poses, turned to yaw 0, in qpos0."""
    data = mujoco.MjData(model)
    arm = [
        int(model.jnt_qposadr[mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, j)])
        for j in ARM_JOINTS + FINGER_JOINTS
    ]
    dofs = [
        int(model.jnt_dofadr[mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_JOINT, j)])
        for j in ARM_JOINTS + FINGER_JOINTS
    ]
    home = np.concatenate([HOME_JOINTS, HOME_FINGERS])
    for _ in range(round(seconds / model.opt.timestep)):
        data.qpos[arm], data.qvel[dofs] = home, 0.0
        mujoco.mj_step(model, data)
    if not np.isfinite(data.qpos).all() or any(w.number for w in data.warning):
        raise RuntimeError("the scene does not come to rest: two objects overlap at the start")
    for joint in joints:
        pose = data.qpos[_address(model, joint)].copy()
        pose[3:] = _without_yaw(pose[3:])
        model.qpos0[_address(model, joint)] = pose


def _without_yaw(q: np.ndarray) -> np.ndarray:
    """The part of quaternion q (wxyz) that is left when its turn about the world's vertical is taken off."""
    w, z = q[0], q[3]
    n = np.hypot(w, z)
    if n < 1e-6:
        return q
    c, s = w / n, -z / n  # inverse of the twist, multiplied from the left
    return np.array([c * q[0] - s * q[3], c * q[1] - s * q[2], c * q[2] + s * q[1], c * q[3] + s * q[0]])
