"""One LIBERO episode, entirely fixed by plain numbers, and the workspace it happens in.

World frame: origin on the floor under the table's middle, x away from the robot, y to its left, z up; the robot's base
is at x = -0.66 m and the table top at z = 0.90 m. The camera looks along -x, so y < 0 is *left* in its image and a
smaller x is nearer to the robot.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from para.types import Box

BOWL_X = (-0.33, 0.06)
"""Range of the bowl's centre along x [m], world."""
BOWL_Y = (-0.30, 0.30)
"""Range of the bowl's centre along y [m], world."""
RIGID_OFFSET = (0.115, 0.0)
"""Plate minus bowl in `rigid` layouts [m], the published project's arrangement."""
MIN_SEPARATION = 0.17
"""Smallest distance between bowl and plate centres in `independent` layouts [m]."""
TABLE_HEIGHT = 0.90
"""z of the table top [m], world."""

WORKSPACE = Box((-0.62, -0.45, 0.88), (0.30, 0.45, 1.32))
"""Where an end-effector target of this task can lie [m], world. A property of the task, not of the demonstrations: it
holds the home pose (about (-0.21, 0.00, 1.17)), every grasp and every carry over the whole range, with room to spare."""


@dataclass(frozen=True)
class Region:
    """A rectangle of the table [m], world."""

    x: tuple[float, float] = BOWL_X
    y: tuple[float, float] = BOWL_Y

    def contains(self, xy: tuple[float, float], margin: float = 0.0) -> bool:
        """Whether (x, y) lies at least `margin` [m] inside."""
        return bool(
            self.x[0] + margin <= xy[0] <= self.x[1] - margin and self.y[0] + margin <= xy[1] <= self.y[1] - margin
        )

    def sample(self, rng: np.random.Generator) -> tuple[float, float]:
        """A uniform random point."""
        return float(rng.uniform(*self.x)), float(rng.uniform(*self.y))


TABLE = Region()
"""The whole 39 x 60 cm range."""


@dataclass(frozen=True)
class ObjectPlacement:
    """Where one further object of the scene stands."""

    name: str
    """The object's name in the scene, e.g. ``cookies_1``."""
    xy: tuple[float, float]
    """Position on the table [m], world."""
    yaw: float = 0.0
    """Turn about the vertical from the object's own resting orientation [rad]."""


@dataclass(frozen=True)
class CameraError:
    """How far the camera that is *reported* lies off the one that sees: a calibration that is wrong.

    Both parts are in the true camera's own axes (OpenCV): ``T_world_reported = T_world_camera @ T_camera_reported``, so
    that the rotation is about the camera's centre. Numbers are kept to 9 decimals: processors differ in a last bit when
    they draw an error, and the same condition has to be recognised on all of them.
    """

    rotation: tuple[float, float, float]
    """Rotation vector of T_camera_reported [deg]."""
    translation: tuple[float, float, float]
    """Translation of T_camera_reported [m]."""

    def __post_init__(self) -> None:
        for name in ("rotation", "translation"):
            x, y, z = (round(float(v), 9) for v in getattr(self, name))
            object.__setattr__(self, name, (x, y, z))


@dataclass(frozen=True)
class Appearance:
    """What table, room and light look like where they differ from LIBERO's own; nothing here touches the physics."""

    table: str
    """Texture of the table top, by the name of a file of LIBERO's, without ``.png``."""
    wall: str
    """Texture of the walls."""
    floor: str
    """Texture of the floor."""
    brightness: float = 1.0
    """Factor on every lamp."""
    warmth: float = 0.0
    """Colour of the light: its red is multiplied by 1 + warmth, its blue by 1 - warmth."""
    lamp_shift: tuple[float, float] = (0.0, 0.0)
    """How far along world x and y the lamps are moved [m]; they hang some three metres above the table."""


@dataclass(frozen=True)
class OfficialEpisode:
    """One of LIBERO's own episodes: everything stands as in an initial state that the benchmark ships, see `official`."""

    suite: str
    """Folder of the task, e.g. ``libero_spatial``."""
    task: int
    """The task's number in LIBERO's order, from 0."""
    state: int
    """Which of the task's initial states, from 0."""
    camera: str = "0_0_100_0_0"
    """The camera by its name in LIBERO-Plus, see `plus_views`; this one is LIBERO's own."""
    asked: int | None = None
    """Another task of the suite whose sentence is told instead: in this scene it speaks of the other black bowl."""


@dataclass(frozen=True)
class Layout:
    """Everything that fixes one episode; the same `Layout` gives the same episode, bit for bit."""

    bowl_xy: tuple[float, float]
    """Centre of the bowl, or of what else the scene has carried (`Scene.carried`) [m], world."""
    plate_xy: tuple[float, float]
    """Centre of the plate, or of what else it is put on (`Scene.target`) [m], world."""
    scene: str = "clean"
    """Name of a scene in `scenes.SCENES`: ``clean`` | ``full`` | ..."""
    bowl_yaw: float = 0.0
    """Turn of what is carried about the vertical, from its resting orientation [rad]; in ``box`` its long side lies along
    world x at 0."""
    view: tuple[float, float] = (0.0, 0.0)
    """Polar angle and azimuth [deg] of the camera off the training camera; (0, 0) is the training camera."""
    seed: int = 0
    """Drives the scripted teacher's variation; the world itself draws nothing at random."""
    objects: tuple[ObjectPlacement, ...] = field(default=())
    """Further objects. Movable objects of the scene that are not named here: in ``full`` they keep the task's own
    place, in ``distractors`` they are taken off the table. Fixtures of ``full`` may be named here, too."""
    camera_error: CameraError | None = None
    """How wrong the camera is that policies are told; None: it is the true one."""
    appearance: Appearance | None = None
    """None: LIBERO's own."""
    official: OfficialEpisode | None = None
    """One of LIBERO's own episodes: it places everything, arm, drawers and camera included. `bowl_xy` and `plate_xy` say
    what it does; `bowl_yaw`, `view` and `objects` have no part in it. Made by `official.official_layout`."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values. What later versions added is left out where it is not used, so that the JSON, and every
        digest made of it, of an older layout stays what it was."""
        values = json.loads(json.dumps(asdict(self)))
        return {key: value for key, value in values.items() if key not in _ADDED or value is not None}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Layout:
        """The inverse of `to_json`; TypeError for an unknown key."""
        values = dict(values)
        for key in ("bowl_xy", "plate_xy", "view"):
            if key in values:
                values[key] = tuple(values[key])
        values["objects"] = tuple(
            ObjectPlacement(o["name"], tuple(o["xy"]), o["yaw"]) for o in values.get("objects", ())
        )
        for key, kind in _ADDED.items():
            if values.get(key) is not None:
                values[key] = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values[key].items()})
        return cls(**values)


_ADDED = {"camera_error": CameraError, "appearance": Appearance, "official": OfficialEpisode}
"""Fields that layouts of the first version did not have."""


def rigid_plate(bowl_xy: tuple[float, float]) -> tuple[float, float]:
    """Where the plate stands in a `rigid` layout [m], world."""
    return bowl_xy[0] + RIGID_OFFSET[0], bowl_xy[1] + RIGID_OFFSET[1]


def training_grid(rows: int = 16, columns: int = 16, region: Region = TABLE) -> list[tuple[float, float]]:
    """`rows` x `columns` bowl positions over `region`, ends included; x (rows) varies slowest."""
    xs, ys = np.linspace(*region.x, rows), np.linspace(*region.y, columns)
    return [(float(x), float(y)) for x in xs for y in ys]


def rigid_layout(bowl_xy: tuple[float, float], seed: int, **changes: Any) -> Layout:
    """A `rigid` layout with a random bowl yaw drawn from `seed`."""
    yaw = float(np.random.default_rng((seed, 1)).uniform(-np.pi, np.pi))
    return Layout(bowl_xy, rigid_plate(bowl_xy), bowl_yaw=yaw, seed=seed, **changes)


def sample_independent(
    rng: np.random.Generator, region: Region = TABLE
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Bowl and plate positions, both uniform in `region`, at least `MIN_SEPARATION` apart."""
    for _ in range(10_000):
        bowl, plate = region.sample(rng), region.sample(rng)
        if np.hypot(bowl[0] - plate[0], bowl[1] - plate[1]) >= MIN_SEPARATION:
            return bowl, plate
    raise ValueError(f"{region} is too small for two objects {MIN_SEPARATION} m apart")


def independent_layout(seed: int, region: Region = TABLE, **changes: Any) -> Layout:
    """An `independent` layout: positions and bowl yaw drawn from `seed` alone."""
    rng = np.random.default_rng((seed, 2))
    bowl, plate = sample_independent(rng, region)
    return Layout(bowl, plate, bowl_yaw=float(rng.uniform(-np.pi, np.pi)), seed=seed, **changes)
