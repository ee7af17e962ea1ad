"""LIBERO's own episodes: the ten tasks of LIBERO-Spatial (and LIBERO-PRO's swapped ones) in the benchmark's initial states.

The package ships for each task a file of flat MuJoCo states, ``[time, qpos, qvel]`` of robosuite's model. They are taken
apart by the names of the joints (`JOINTS`), never by the place of a number in our own model. A state says nothing of the
furniture's places, which robosuite draws anew (to a centimetre) whenever it resets: here it stands as the scene was compiled.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from para.worlds.libero.layout import Layout, OfficialEpisode

TASKS = (
    "pick_up_the_black_bowl_between_the_plate_and_the_ramekin_and_place_it_on_the_plate",
    "pick_up_the_black_bowl_next_to_the_ramekin_and_place_it_on_the_plate",
    "pick_up_the_black_bowl_from_table_center_and_place_it_on_the_plate",
    "pick_up_the_black_bowl_on_the_cookie_box_and_place_it_on_the_plate",
    "pick_up_the_black_bowl_in_the_top_drawer_of_the_wooden_cabinet_and_place_it_on_the_plate",
    "pick_up_the_black_bowl_on_the_ramekin_and_place_it_on_the_plate",
    "pick_up_the_black_bowl_next_to_the_cookie_box_and_place_it_on_the_plate",
    "pick_up_the_black_bowl_on_the_stove_and_place_it_on_the_plate",
    "pick_up_the_black_bowl_next_to_the_plate_and_place_it_on_the_plate",
    "pick_up_the_black_bowl_on_the_wooden_cabinet_and_place_it_on_the_plate",
)
"""LIBERO-Spatial's tasks in LIBERO's order, by the names of their files."""

SUITES = ("libero_spatial", "libero_spatial_swap")
"""The suites known here, by their folders; in the second, two things have changed their places."""

OTHER_BOWL = (1, 6, 8, 9, 9, 3, 7, 9, 1, 7)
"""For each task of LIBERO-Spatial the one whose sentence tells where the *other* black bowl stands in its scene."""

SWAPPED_CABINET = ("libero_spatial_swap", 3)
"""The one task whose furniture stands elsewhere; all others differ in their initial states alone and share ``full``."""

STATES = 50
"""Initial states of a task."""

_FREE = tuple(
    f"{name}_joint0"
    for name in ("akita_black_bowl_1", "akita_black_bowl_2", "cookies_1", "glazed_rim_porcelain_ramekin_1", "plate_1")
)
JOINTS: dict[str, tuple[int, int]] = {
    **{f"robot0_joint{i}": (1, 1) for i in range(1, 8)},
    **{f"gripper0_finger_joint{i}": (1, 1) for i in (1, 2)},
    **dict.fromkeys(_FREE, (7, 6)),
    **{f"wooden_cabinet_1_{drawer}_level": (1, 1) for drawer in ("top", "middle", "bottom")},
    "flat_stove_1_button": (1, 1),
}
"""The joints of robosuite's model in the order of a state, each with its numbers in ``qpos`` and in ``qvel``."""


@dataclass(frozen=True)
class JointState:
    """One joint at one moment; a free joint's position is (x, y, z) [m] and a wxyz quaternion."""

    position: np.ndarray
    velocity: np.ndarray


def scene_name(suite: str, task: int) -> str:
    """The scene that a task's episodes happen in. ValueError for a suite or a task that there is not."""
    if suite not in SUITES or not 0 <= task < len(TASKS):
        raise ValueError(
            f"no task {task} in suite {suite!r}; there are tasks 0 to {len(TASKS) - 1} of {', '.join(SUITES)}"
        )
    return "spatial_swap_3" if (suite, task) == SWAPPED_CABINET else "full"


def carried_bowl(episode: OfficialEpisode) -> str:
    """The bowl that the episode's sentence speaks of."""
    return "akita_black_bowl_1" if episode.asked is None else "akita_black_bowl_2"


def sentence(episode: OfficialEpisode) -> str:
    """What policies are told, as LIBERO's benchmark has it: the name of a task's file in words."""
    return TASKS[episode.task if episode.asked is None else episode.asked].replace("_", " ")


@cache
def initial_states(suite: str, task: int) -> np.ndarray:
    """(STATES, N) flat states ``[time, qpos, qvel]`` of a task. ImportError where LIBERO is not installed."""
    scene_name(suite, task)
    path = _package() / "init_files" / suite / f"{TASKS[task]}.pruned_init.npz"
    with np.load(path) as file:
        found = file["states"]
    wanted = 1 + sum(position + velocity for position, velocity in JOINTS.values())
    if found.shape != (STATES, wanted):
        raise ValueError(f"{path}: holds states of shape {found.shape}, this version knows ({STATES}, {wanted})")
    found.setflags(write=False)
    return found


def initial_state(episode: OfficialEpisode) -> dict[str, JointState]:
    """Every joint of the state that the episode begins in. ValueError for a number that there is not."""
    if not 0 <= episode.state < STATES:
        raise ValueError(f"a task has initial states 0 to {STATES - 1}, not {episode.state}")
    state = initial_states(episode.suite, episode.task)[episode.state]
    joints, place, velocity = {}, 1, 1 + sum(positions for positions, _ in JOINTS.values())
    for name, (positions, velocities) in JOINTS.items():
        joints[name] = JointState(state[place : place + positions], state[velocity : velocity + velocities])
        place, velocity = place + positions, velocity + velocities
    return joints


def official_layout(episode: OfficialEpisode, seed: int) -> Layout:
    """The episode as a layout; `seed` drives the scripted teacher's variation alone.

    ValueError when the task that is asked for does not speak of the other bowl.
    """
    if episode.asked is not None and episode.asked != OTHER_BOWL[episode.task]:
        raise ValueError(
            f"task {episode.asked} says nothing of task {episode.task}'s other bowl; task {OTHER_BOWL[episode.task]} does"
        )
    joints = initial_state(episode)
    (bowl_x, bowl_y), (plate_x, plate_y) = (
        joints[f"{name}_joint0"].position[:2].tolist() for name in (carried_bowl(episode), "plate_1")
    )
    scene = scene_name(episode.suite, episode.task)
    return Layout((bowl_x, bowl_y), (plate_x, plate_y), scene, seed=seed, official=episode)


def _package() -> Path:
    """LIBERO's folder, found without importing it, which takes seconds."""
    found = find_spec("libero")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("LIBERO is not installed: pip install 'para-policy[libero]'")
    return Path(next(iter(found.submodule_search_locations))) / "libero"
