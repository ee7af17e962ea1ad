"""Where further objects may stand on the table: clear of bowl, plate, the hand's way and one another.

All in plan view, from plain numbers: making a layout needs no simulator. What an object covers is listed in
`FOOTPRINTS`, which a test compares with the meshes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from para.worlds.libero.camera import training_camera
from para.worlds.libero.layout import TABLE_HEIGHT, ObjectPlacement, Region

XY = tuple[float, float]

DISTRACTORS = (
    "cookies_1", "glazed_rim_porcelain_ramekin_1", "alphabet_soup_1", "bbq_sauce_1", "butter_1", "chocolate_pudding_1",
    "cream_cheese_1", "ketchup_1", "milk_1", "orange_juice_1", "salad_dressing_1", "tomato_sauce_1", "popcorn_1",
    "macaroni_and_cheese_1",
)  # fmt: skip
"""Movable objects of the scene ``distractors``: those of the axis's test conditions. Never to be used in augmentation."""

VALIDATION_DISTRACTORS = (
    "porcelain_mug_1", "red_coffee_mug_1", "white_yellow_mug_1", "moka_pot_1", "wine_bottle_1", "white_bowl_1",
    "black_book_1", "yellow_book_1", "wine_bottle_2", "white_bowl_2",
)  # fmt: skip
"""Movable objects of the scene ``distractors_validation``; no kind is also in `DISTRACTORS`."""

BOWL_RADIUS = 0.056
"""[m]"""
PLATE_RADIUS = 0.074
"""[m]"""
HOME_XY = (-0.21, 0.0)
"""Where the hand starts [m], world."""
BASE_XY = (-0.66, 0.0)
"""Where the arm stands [m], world."""
LOW = 0.06
"""What is at most so high above the table may stand beside the closing hand: only the fingers get so low [m]."""
HAND = 0.13
"""Half the hand's width (10 cm, across the fingers) and room to spare [m]."""
RIM = 0.049
"""The hand holds the bowl by its rim, on either side: so far from the bowl's centre [m]."""
WRIST = 0.2
"""What is higher above the table must not stand under the forearm [m]: the wrist gets so low."""
CAMERA_XY = (0.66, 0.0)
"""The training camera, 0.7 m above the table [m], world."""
SIGHT = 0.3
"""What is higher than `WRIST` must not stand so close before bowl and plate as to hide them from the camera [m]."""
FINGERS = 0.125
"""How far the open fingers reach from the centre of a bowl that they hold by its rim, and room to spare [m]."""
GAP = 0.02
"""Least distance between two further objects [m]."""


@dataclass(frozen=True)
class Footprint:
    """What an object covers: a rectangle, at the object's own yaw, with rounded corners; a disc where it has no sides."""

    radius: float
    """Of the corners [m]; for turning objects the distance of the farthest point from the object's origin."""
    height: float
    """Top above the table [m]."""
    half: XY = (0.0, 0.0)
    """Half the sides along world x and y, before rounding [m]."""
    centre: XY = (0.0, 0.0)
    """Middle of the rectangle seen from the object's origin [m]."""

    def distance(self, places: np.ndarray, points: np.ndarray) -> np.ndarray:
        """(M, N) distances [m] of `points` (N, 2) from the edge of the object at each of `places` (M, 2); not above 0
        inside."""
        beyond = np.abs(points[None] - places[:, None] - np.array(self.centre)) - self.half
        return np.linalg.norm(np.maximum(beyond, 0.0), axis=-1) - self.radius

    @property
    def low(self) -> bool:
        """Lower than what moves above the table beside the fingers."""
        return self.height <= LOW


FOOTPRINTS = {
    "cookies": Footprint(0.052, 0.02), "glazed_rim_porcelain_ramekin": Footprint(0.045, 0.044),
    "alphabet_soup": Footprint(0.037, 0.081), "bbq_sauce": Footprint(0.029, 0.113), "butter": Footprint(0.044, 0.019),
    "chocolate_pudding": Footprint(0.049, 0.029), "cream_cheese": Footprint(0.047, 0.02),
    "ketchup": Footprint(0.035, 0.148), "milk": Footprint(0.038, 0.142), "orange_juice": Footprint(0.038, 0.143),
    "salad_dressing": Footprint(0.034, 0.147), "tomato_sauce": Footprint(0.037, 0.081),
    "popcorn": Footprint(0.039, 0.021), "macaroni_and_cheese": Footprint(0.046, 0.117),
    "porcelain_mug": Footprint(0.067, 0.113), "red_coffee_mug": Footprint(0.065, 0.138),
    "white_yellow_mug": Footprint(0.072, 0.106), "moka_pot": Footprint(0.092, 0.154),
    "wine_bottle": Footprint(0.023, 0.159), "white_bowl": Footprint(0.050, 0.049), "black_book": Footprint(0.071, 0.137),
    "yellow_book": Footprint(0.055, 0.123), "akita_black_bowl": Footprint(0.057, 0.052),
    "wooden_cabinet": Footprint(0.0, 0.229, (0.157, 0.14), (-0.01, -0.014)),
    "flat_stove": Footprint(0.0, 0.06, (0.15, 0.096), (0.097, 0.0)),
}  # fmt: skip
"""By kind, the object's name without its number."""

REACH = Region((-0.42, 0.30), (-0.45, 0.45))
"""Where scattered objects may stand [m], as far as the training camera sees them."""
TABLE_TOP = Region((-0.48, 0.48), (-0.58, 0.58))
"""Where an object that has to make room may be put [m]."""

FULL_PLACES: dict[str, XY] = {
    "wooden_cabinet_1": (0.031, -0.271), "flat_stove_1": (-0.418, -0.146), "akita_black_bowl_2": (-0.193, 0.315),
    "cookies_1": (0.065, 0.025),
}  # fmt: skip
"""Official places of the objects of ``full`` that keep them where they can [m], world, in the order of their rights."""
RAMEKIN_DISTANCE = 0.135
"""From the bowl's centre, on the side away from the plate [m]: the task speaks of the bowl *between the plate and the
ramekin*."""
MOUNT_X = -0.43
"""Nearest place to the arm's mount for a ramekin [m], world; beside a bowl that is nearer it stands aside."""


def footprint(name: str) -> Footprint:
    """Of an object's name, e.g. ``milk_1``. ValueError for one that is not listed."""
    kind = name.rsplit("_", 1)[0]
    if kind not in FOOTPRINTS:
        raise ValueError(f"no footprint is known of {name!r}; add it to FOOTPRINTS, measured on its meshes")
    return FOOTPRINTS[kind]


@lru_cache(maxsize=1024)
def scatter(
    names: tuple[str, ...], bowl_xy: XY, plate_xy: XY, seed: int, clearance: float = 0.08
) -> tuple[ObjectPlacement, ...]:
    """`names` at random places and yaws in the camera's picture.

    Every object is at least `clearance` [m] away, edge to edge, from bowl, plate and the hand's way, and far enough for
    the whole hand if it is not `Footprint.low`. Empty when there is no room, which depends on all the arguments.
    """
    ways = _Ways(bowl_xy, plate_xy)
    for attempt in range(40):
        rng = np.random.default_rng((seed, 6, attempt))
        placed: list[ObjectPlacement] = []
        for name in names:
            places = np.array([REACH.sample(rng) for _ in range(120)])
            fit = np.flatnonzero(_in_picture(name, places) & ways.clear(name, places, clearance, placed))
            if not len(fit):
                break
            x, y = places[fit[0]].tolist()
            placed.append(ObjectPlacement(name, (x, y), float(rng.uniform(-np.pi, np.pi))))
        else:
            return tuple(placed)
    return ()


@lru_cache(maxsize=1024)
def furnish(bowl_xy: XY, plate_xy: XY, clearance: float = 0.03) -> tuple[ObjectPlacement, ...]:
    """The objects of ``full`` around a bowl and a plate: the ramekin on the bowl's other side, the others at their official
    places, or, where these overlap with bowl, plate, ramekin or the hand's way, at the nearest place that does not.

    ValueError where there is none.
    """
    ways = _Ways(bowl_xy, plate_xy)
    back = min(RAMEKIN_DISTANCE, bowl_xy[0] - MOUNT_X)
    aside = np.copysign(np.sqrt(RAMEKIN_DISTANCE**2 - back**2), bowl_xy[1])
    ramekin = bowl_xy[0] - back, float(bowl_xy[1] + aside)
    placed = [ObjectPlacement("glazed_rim_porcelain_ramekin_1", ramekin)]
    for name, official in FULL_PLACES.items():
        raster = _nearest_first(name)
        for places in (np.array([official]), raster[:300], raster[300:]):
            fit = np.flatnonzero(ways.clear(name, places, clearance, placed))
            if len(fit):
                x, y = places[fit[0]].tolist()
                placed.append(ObjectPlacement(name, (x, y)))
                break
        else:
            raise ValueError(f"no room for {name!r} beside a bowl at {bowl_xy} and a plate at {plate_xy}")
    return tuple(placed)


class _Ways:
    """What has to stay free around one bowl and one plate."""

    def __init__(self, bowl_xy: XY, plate_xy: XY) -> None:
        self._things = np.array([bowl_xy, plate_xy])
        self._hand = _line(HOME_XY, bowl_xy)
        self._carry = _line(bowl_xy, plate_xy)
        self._arm = np.concatenate([_line(BASE_XY, bowl_xy), _line(BASE_XY, plate_xy)])
        self._sight = np.concatenate([_line(xy, _towards(xy, CAMERA_XY, SIGHT)) for xy in (bowl_xy, plate_xy)])

    def clear(self, name: str, places: np.ndarray, clearance: float, others: Sequence[ObjectPlacement]) -> np.ndarray:
        """(M,) bool: whether an object at each of `places` (M, 2) [m] stands free of everything."""
        shape = footprint(name)
        wanted = [
            (self._things[:1], max(BOWL_RADIUS + clearance, FINGERS)),
            (self._things[1:], max(PLATE_RADIUS + clearance, FINGERS)),
        ]
        if shape.low:
            if shape.half == (0.0, 0.0):  # the hand may pass over the flat stove
                wanted += [(self._hand, clearance), (self._carry, clearance)]
        else:
            wanted += [(self._hand, max(clearance, HAND)), (self._carry, max(clearance, HAND + RIM))]
        if shape.height > WRIST:
            wanted += [(self._arm, HAND), (self._sight, PLATE_RADIUS)]
        points = np.concatenate([at for at, _ in wanted])
        least = np.concatenate([np.full(len(at), distance) for at, distance in wanted])
        free = (shape.distance(places, points) >= least).all(axis=1)
        for other in others:
            free &= _apart(shape, places, footprint(other.name), other.xy)
        return free


def _apart(a: Footprint, places: np.ndarray, b: Footprint, b_xy: XY) -> np.ndarray:
    """(M,) bool: two objects are at least `GAP` apart: the distance of a point from the one grown by the other."""
    grown = Footprint(a.radius + b.radius, 0.0, (a.half[0] + b.half[0], a.half[1] + b.half[1]), a.centre)
    return grown.distance(places, np.array([b_xy]) + b.centre)[:, 0] >= GAP


def _line(start: XY, end: XY) -> np.ndarray:
    """(N, 2) points at most 2 cm apart, so that distances of 3 cm and more are true to 2 mm."""
    return np.linspace(start, end, 2 + int(np.hypot(end[0] - start[0], end[1] - start[1]) / 0.02))


def _towards(start: XY, end: XY, length: float) -> XY:
    """The point `length` [m] along the way."""
    share = length / np.hypot(end[0] - start[0], end[1] - start[1])
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _in_picture(name: str, places: np.ndarray) -> np.ndarray:
    """(M,) bool: foot and top are seen by the training camera."""
    seen = np.ones(len(places), bool)
    for z in (TABLE_HEIGHT, TABLE_HEIGHT + footprint(name).height):
        seen &= _CAMERA.sees(*_CAMERA.project(np.column_stack([places, np.full(len(places), z)])))
    return seen


_CAMERA = training_camera(448, 448)


@cache
def _nearest_first(name: str) -> np.ndarray:
    """(M, 2) every place on a 2 cm raster of the table that holds the whole object, nearest to its official one first."""
    shape, official = footprint(name), np.array(FULL_PLACES[name])
    lines = []
    for i, (low, high) in enumerate((TABLE_TOP.x, TABLE_TOP.y)):
        side = shape.half[i] + shape.radius
        lines.append(np.arange(low + side - shape.centre[i], high - side - shape.centre[i] + 1e-9, 0.02))
    raster = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 2).round(3)
    return raster[np.argsort(np.linalg.norm(raster - official, axis=1).round(6), kind="stable")]
