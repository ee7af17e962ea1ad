"""What an axis adds to a layout that a policy would otherwise do: objects, a wrong camera, another look.

One disturbance has levels, from mild to strong. At one place of the table the levels belong together: the same objects
and more, the same error and larger, so that a graded curve compares like with like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from para.evaluation.conditions import Condition
from para.evaluation.sampling import stable_seed
from para.worlds.libero.clutter import DISTRACTORS, VALIDATION_DISTRACTORS, scatter
from para.worlds.libero.layout import Appearance, CameraError, Layout

For = Literal["test", "validation"]


class Disturbance(Protocol):
    """One kind of change."""

    levels: tuple[float, ...]
    grade_title: str
    """What the levels count, with their unit."""

    def apply(self, layout: Layout, level: float, split: For) -> Layout:
        """`layout`, disturbed so far. What is drawn depends on the layout's seed and the split alone."""

    def measure(self, layout: Layout) -> float:
        """How far a layout is disturbed, in the unit of the levels; 0 for an undisturbed one."""


@dataclass(frozen=True)
class Clutter:
    """Other LIBERO objects on the table, at least 8 cm from bowl, plate and the hand's way. Validation and test have no
    kind of object in common, and none is ever used in augmentation."""

    levels: tuple[float, ...] = (3, 6, 10)
    grade_title: str = "objects on the table"

    def apply(self, layout: Layout, level: float, split: For) -> Layout:
        """The first `level` of the ten objects that this place has room for."""
        test = split == "test"
        names, scene = (DISTRACTORS, "distractors") if test else (VALIDATION_DISTRACTORS, "distractors_validation")
        seed = stable_seed("clutter", split, layout.seed)
        order = np.random.default_rng((seed, 9)).permutation(len(names))
        chosen = tuple(names[i] for i in order[: int(max(self.levels))])
        objects = scatter(chosen, layout.bowl_xy, layout.plate_xy, seed)
        if not objects:
            raise ValueError(f"no room for {len(chosen)} objects around a bowl at {layout.bowl_xy}")
        return replace(layout, scene=scene, objects=objects[: int(level)])

    def measure(self, layout: Layout) -> float:
        """Their number."""
        return float(len(layout.objects))


@dataclass(frozen=True)
class WrongCamera:
    """A camera that does not stand where policies are told: turned about its own centre by `level` degrees on a random
    axis, and off by as many centimetres in a random direction. At the table 1 deg is about 18 mm."""

    levels: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    grade_title: str = "error of the camera [deg, and as many cm]"

    def apply(self, layout: Layout, level: float, split: For) -> Layout:
        """The axis and the direction are the place's own; their lengths are the level's."""
        rng = np.random.default_rng((stable_seed("camera", split, layout.seed), 10))
        axis, direction = _unit(rng), _unit(rng)
        error = CameraError(tuple(level * axis), tuple(0.01 * level * direction))
        return replace(layout, camera_error=error)

    def measure(self, layout: Layout) -> float:
        """The rotation's angle [deg]."""
        return 0.0 if layout.camera_error is None else round(float(np.linalg.norm(layout.camera_error.rotation)), 6)


@dataclass(frozen=True)
class NewLook:
    """Another table, other walls and floor, another light, all at once. Validation and test have no texture in common."""

    levels: tuple[float, ...] = (1.0,)
    grade_title: str = "difference of the table's colour (0 to 1)"

    def apply(self, layout: Layout, level: float, split: For) -> Layout:
        """A look of the place's own."""
        tables, rooms = TEXTURES[split]
        rng = np.random.default_rng((stable_seed("look", split, layout.seed), 11))
        table = tables[rng.integers(len(tables))]
        wall, floor = (rooms[rng.integers(len(rooms))] for _ in range(2))
        # Away from LIBERO's own light on either side; brighter than 1.15 a white table loses its pattern.
        brightness = rng.uniform(0.55, 0.8) if rng.uniform() < 0.6 else rng.uniform(1.05, 1.15)
        warmth = rng.choice([-1.0, 1.0]) * rng.uniform(0.05, 0.2)
        shift = rng.uniform(-1.5, 1.5, 2)
        numbers = (round(float(v), 4) for v in (brightness, warmth, *shift))
        bright, warm, x, y = numbers
        return replace(layout, appearance=Appearance(table, wall, floor, bright, warm, (x, y)))

    def measure(self, layout: Layout) -> float:
        """Distance of the table's mean colour from LIBERO's own table, as a share of the way from black to white."""
        if layout.appearance is None:
            return 0.0
        gap = np.subtract(COLOURS[layout.appearance.table], OWN_TABLE)
        return float(np.linalg.norm(gap) / (255 * np.sqrt(3)))


def disturbed(axis: str, split: For, base: Sequence[Condition], disturbance: Disturbance, n: int) -> list[Condition]:
    """`n` conditions made of the layouts of `base`, every level of `disturbance` at each, level by turns."""
    found = []
    for i in range(n):
        place, level = divmod(i, len(disturbance.levels))
        layout = disturbance.apply(base[place].layout, disturbance.levels[level], split)
        found.append(Condition(axis, split, i, layout.seed, layout))
    return found


TEXTURES: dict[For, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "test": (
        ("brown_ceramic_tile", "dark_floor_texture", "seamless_wood_planks_floor", "white_marble_floor", "rustic_floor",
         "dark_blue_wall", "yellow_linen_wall_texture", "gray_floor"),
        ("dark_green_plaster_wall", "light_blue_wall", "stucco_wall", "kona_gotham", "gray_wall", "light_floor"),
    ),
    "validation": (
        ("table_light_wood", "dapper_gray_floor", "marble_floor", "dark_gray_plaster", "canvas_sky_blue"),
        ("cream-plaster", "capriccio_sky", "gray_ceramic_tile", "meeka-beige-plaster", "white_wall"),
    ),
}  # fmt: skip
"""LIBERO's textures for tables, and for walls and floors; none that LIBERO's own scene wears."""

OWN_TABLE = (198, 180, 162)
"""Mean colour of LIBERO's own table (``martin_novak_wood_table``), 0 to 255."""
COLOURS = {
    "brown_ceramic_tile": (177, 152, 131), "dark_floor_texture": (57, 53, 47), "white_marble_floor": (233, 233, 233),
    "seamless_wood_planks_floor": (233, 200, 137), "rustic_floor": (162, 162, 157), "dark_blue_wall": (102, 145, 171),
    "yellow_linen_wall_texture": (220, 213, 180), "gray_floor": (172, 172, 167), "table_light_wood": (222, 190, 153),
    "dapper_gray_floor": (188, 178, 170), "marble_floor": (224, 219, 211), "dark_gray_plaster": (97, 106, 113),
    "canvas_sky_blue": (114, 176, 210),
}  # fmt: skip
"""Mean colours of the tables' textures, 0 to 255."""


def _unit(rng: np.random.Generator) -> np.ndarray:
    """(3,) uniform over the sphere."""
    v = rng.normal(size=3)
    return v / np.linalg.norm(v)
