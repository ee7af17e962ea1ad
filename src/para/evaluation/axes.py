"""The benchmark's axes: what a policy is trained on, what it is then asked, and how far away that is.

To add an axis: a `Plan` in plans.py where the demonstrations are new, its test conditions in test_conditions.py, and an
entry in `AXES`. Where the training set has a size or was drawn, these are a part of the name, as in ``scaling_n32_d1``:
every such set is an axis, and whatever takes an axis takes it. Axes whose plans have the same name share their training.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Protocol

from para.evaluation import plans, test_conditions
from para.evaluation.conditions import Condition
from para.evaluation.derived_axes import DisturbedAxis, FullSceneAxis
from para.evaluation.disturbances import Clutter, For, NewLook, WrongCamera
from para.evaluation.official_axes import OFFICIAL_AXES
from para.evaluation.plans import Demonstrations, Plan
from para.evaluation.position_axes import FewAxis, PositionAxis
from para.evaluation.view_axes import HemisphereAxis, ViewAxis
from para.evaluation.yaw_axis import YawAxis
from para.evaluation.yaws import YAW64, YAW64_OUTER
from para.worlds.libero.layout import TABLE, Layout, Region


class Axis(Protocol):
    """One row group of the table."""

    @property
    def name(self) -> str:
        """Its key in `AXES`."""

    @property
    def title(self) -> str:
        """What changes, for people."""

    @property
    def family(self) -> str:
        """The name that axes share which differ in the size or the draw of their training set alone."""

    @property
    def grade_title(self) -> str:
        """What `grade` measures, with its unit."""

    def plan(self, split: For = "test") -> Demonstrations:
        """The demonstrations for a policy that will be tested, or validated; one `name` means one training."""

    def training_layouts(self, split: For = "test", n: int | None = None, draw: int = 0) -> list[Layout]:
        """Their layouts; `n` gives a nested, spread-out part for quick runs."""

    def validation_conditions(self, n: int) -> list[Condition]:
        """Outside the validation plan's region, clear of every test condition."""

    def test_conditions(self, n: int) -> list[Condition]:
        """The first `n` test conditions."""

    def in_distribution_conditions(self, n: int, split: For = "test") -> list[Condition]:
        """Fresh positions in the training region, seen by the training camera."""

    def grade(self, layout: Layout, split: For = "test") -> float:
        """How far a layout is from the training conditions of `split`, in `grade_title`'s unit."""


def _strip(plan: Plan, *, x: bool) -> Region:
    """The inner part of a half: beyond the outer plan by 2 cm, up to the half's own edge."""
    outer, half = plan.region, (plans.NEAR if x else plans.LEFT).region
    if x:
        return Region((outer.x[1] + test_conditions.INSET, half.x[1]), half.y)
    return Region(half.x, (outer.y[1] + test_conditions.INSET, half.y[1]))


def _few() -> list[FewAxis]:
    grid, random = plans.GRID255.positions(), [plans.random_set(draw) for draw in range(plans.RANDOM_DRAWS)]
    axes = [
        FewAxis(
            f"scaling_n{n}_d{draw}", f"{n} demonstrations (draw {draw}) → the whole table", "scaling",
            plans.grid_subset(n, draw), tuple(grid),
        )
        for n in SCALING_SIZES for draw in range(5 if n <= 16 else 3)
    ]  # fmt: skip
    every = tuple(xy for drawn in random for xy in drawn.positions())
    axes += [
        FewAxis(f"random10_d{draw}", f"10 random positions (draw {draw}) → the whole table", "random10", drawn, every)
        for draw, drawn in enumerate(random)
    ]
    inner = tuple(plans.INNER16.positions())
    grade_title = "distance from the training region [m]"
    axes.append(FewAxis("inner", "inner 16 positions → the rest", "inner", plans.INNER16, inner, True, grade_title))
    return axes


SCALING_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
"""Numbers of demonstrations of the family ``scaling``; five draws up to 16, three above."""
_LR = PositionAxis(
    "lr", "left half → right half", plans.LEFT, plans.LEFT_OUTER, test_conditions.RIGHT,
    _strip(plans.LEFT_OUTER, x=False),
)  # fmt: skip
_DENSE = PositionAxis(
    "dense", "64 positions over the table → positions between them", plans.DEFAULT64, plans.DEFAULT64,
    TABLE, TABLE, grade_title="distance from the nearest demonstration [m]",
)  # fmt: skip

AXES: dict[str, Axis] = {
    axis.name: axis
    for axis in (
        _LR,
        PositionAxis(
            "lr_independent", "left half → right half, bowl and plate placed on their own", plans.LEFT_INDEPENDENT,
            plans.LEFT_OUTER_INDEPENDENT, test_conditions.RIGHT, _strip(plans.LEFT_OUTER, x=False),
        ),
        PositionAxis(
            "nf", "near half → far half", plans.NEAR, plans.NEAR_OUTER, test_conditions.FAR,
            _strip(plans.NEAR_OUTER, x=True),
        ),
        _DENSE,
        ViewAxis("view", "training camera → other cameras", plans.DEFAULT64),
        DisturbedAxis("distractors", "empty table → other objects around", _DENSE, Clutter()),
        DisturbedAxis("calibration", "true camera → a wrong one is reported", _DENSE, WrongCamera()),
        ViewAxis(
            "view_far", "training camera → cameras far away", plans.DEFAULT64, test_conditions.FAR_RINGS,
            test_conditions.FAR_AZIMUTHS, (30.0, 40.0), (11.25, 56.25, 101.25, 146.25),
        ),
        HemisphereAxis(
            "view_hemisphere", "cameras on the left → cameras on the right", plans.HEMISPHERE64, plans.HEMISPHERE64_OUTER
        ),
        DisturbedAxis("appearance", "LIBERO's own look → another table, room and light", _DENSE, NewLook()),
        FullSceneAxis(
            "lr_full", "left half → right half, among all of the task's objects", _LR, plans.LEFT_FULL,
            plans.LEFT_OUTER_FULL,
        ),
        YawAxis("yaw", "a box's yaw from 0 to 90 deg → from 90 to 180 deg", YAW64, YAW64_OUTER),
        *_few(),
        *OFFICIAL_AXES,
    )
}  # fmt: skip


def axis_named(name: str) -> Axis:
    """The axis; ValueError lists the names there are."""
    if name not in AXES:
        close = get_close_matches(name, AXES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"no axis {name!r}; there are {', '.join(axis_names())}.{hint}")
    return AXES[name]


def axis_names() -> list[str]:
    """All names, those of a family with many sets as one pattern."""
    sizes = "|".join(map(str, SCALING_SIZES))
    patterns = {"scaling": f"scaling_n<{sizes}>_d<draw>", "random10": "random10_d<draw>"}
    return list(dict.fromkeys(patterns.get(axis.family, name) for name, axis in AXES.items()))
