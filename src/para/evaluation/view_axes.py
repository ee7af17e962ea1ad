"""Axes whose camera stands where no demonstration was seen from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from para.evaluation import test_conditions
from para.evaluation.conditions import Condition
from para.evaluation.disturbances import For
from para.evaluation.plans import OUTER_EDGE, Demonstrations, left_view
from para.evaluation.sampling import condition, sample_positions, stable_seed
from para.worlds.libero.camera import elevation, is_scored, view_pose
from para.worlds.libero.layout import TABLE, Layout


@dataclass(frozen=True)
class ExcludedView:
    """A camera among an axis's rings and azimuths that some or all of its test positions are not seen from."""

    polar: float
    """Ring [deg]."""
    azimuth: float
    """[deg]; 0 image right, 90 up."""
    elevation: float
    """Above the table [deg]; below `LOWEST_ELEVATION` no position is seen from here."""
    positions: int
    """Test positions that are left out here."""
    of: int


@dataclass(frozen=True)
class ViewAxis:
    """The camera stands where no demonstration was seen from; the objects stand anywhere."""

    name: str
    title: str
    training: Demonstrations
    test_rings: tuple[float, ...] = test_conditions.VIEW_RINGS
    """Polar angles of the tested cameras [deg]."""
    test_azimuths: tuple[float, ...] = test_conditions.VIEW_AZIMUTHS
    """[deg]; 0 carries the camera to the image's right, 90 up."""
    validation_rings: tuple[float, ...] = (5.4, 12.5, 19.6)
    validation_azimuths: tuple[float, ...] = tuple(11.25 + 45.0 * i for i in range(8))
    grade_title: str = "camera turned from the training view [deg]"

    @property
    def family(self) -> str:
        """See `Axis.family`."""
        return self.name

    def plan(self, split: For = "test") -> Demonstrations:
        """See `Axis.plan`; the same for both, the training camera's views are all there is."""
        return self.training

    def training_layouts(self, split: For = "test", n: int | None = None, draw: int = 0) -> list[Layout]:
        """See `Axis.training_layouts`."""
        return self.training.layouts(n, draw)

    def test_conditions(self, n: int = 200) -> list[Condition]:
        """See `Axis.test_conditions`; 100 times the number of rings gives 100 a ring."""
        return test_conditions.view_conditions(self.name, self.training, n, self.test_rings, self.test_azimuths)

    def validation_conditions(self, n: int = 48) -> list[Condition]:
        """See `Axis.validation_conditions`."""
        avoid = test_conditions.view_positions(self.training) + self.training.positions()
        bowls = sample_positions(stable_seed("view", "validation"), TABLE, n, avoid)
        found = []
        for i, xy in enumerate(bowls):
            place, ring = divmod(i, len(self.validation_rings))
            polar = self.validation_rings[ring]
            view = test_conditions.scored_view(polar, self.validation_azimuths, place, xy)
            found.append(condition(self.name, "validation", i, xy, self.training.arrangement, TABLE, view))
        return found

    def in_distribution_conditions(self, n: int = 100, split: For = "test") -> list[Condition]:
        """See `Axis.in_distribution_conditions`."""
        bowls = sample_positions(stable_seed(self.name, "in_distribution"), TABLE, n)
        arrangement = self.training.arrangement
        return [condition(self.name, "in_distribution", i, xy, arrangement, TABLE) for i, xy in enumerate(bowls)]

    def grade(self, layout: Layout, split: For = "test") -> float:
        """Polar angle [deg]."""
        return layout.view[0]


@dataclass(frozen=True)
class HemisphereAxis:
    """Demonstrations seen from the left, each by a camera of its own; asked from the right."""

    name: str
    title: str
    test_plan: Demonstrations
    validation_plan: Demonstrations
    grade_title: str = "camera to the right of the training cameras [deg]"

    VALIDATION_VIEWS = tuple((right, up) for right in (-7.0, -4.0, -1.0) for up in (4.0, -4.0, 12.0, -12.0, 20.0))
    """Cameras of the left half that stand right of the validation plan's: (right, up) of the training camera [deg]."""

    @property
    def family(self) -> str:
        """See `Axis.family`."""
        return self.name

    def plan(self, split: For = "test") -> Demonstrations:
        """See `Axis.plan`."""
        return self.test_plan if split == "test" else self.validation_plan

    def training_layouts(self, split: For = "test", n: int | None = None, draw: int = 0) -> list[Layout]:
        """See `Axis.training_layouts`."""
        return self.plan(split).layouts(n, draw)

    def test_conditions(self, n: int = 200) -> list[Condition]:
        """See `Axis.test_conditions`."""
        rings, azimuths = test_conditions.HEMISPHERE_RINGS, test_conditions.HEMISPHERE_AZIMUTHS
        return test_conditions.view_conditions(self.name, self.test_plan, n, rings, azimuths)

    def validation_conditions(self, n: int = 48) -> list[Condition]:
        """See `Axis.validation_conditions`."""
        avoid = test_conditions.view_positions(self.test_plan) + self.test_plan.positions()
        bowls = sample_positions(stable_seed("view", "validation"), TABLE, n, avoid)
        views = [(float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)) % 360)) for a, b in self.VALIDATION_VIEWS]
        found = []
        for i, xy in enumerate(bowls):
            turned = [views[(i + k) % len(views)] for k in range(len(views))]
            view = next(v for v in turned if is_scored(*v, xy))
            found.append(condition(self.name, "validation", i, xy, "rigid", TABLE, view))
        return found

    def in_distribution_conditions(self, n: int = 100, split: For = "test") -> list[Condition]:
        """See `Axis.in_distribution_conditions`: fresh positions, each from a fresh camera among the training cameras."""
        bowls = sample_positions(stable_seed(self.name, "in_distribution", split), TABLE, n)
        edge = 0.0 if split == "test" else OUTER_EDGE
        found = [condition(self.name, "in_distribution", i, xy, "rigid", TABLE) for i, xy in enumerate(bowls)]
        return [replace(c, layout=replace(c.layout, view=left_view(c.seed, c.layout.bowl_xy, edge))) for c in found]

    def grade(self, layout: Layout, split: For = "test") -> float:
        """How far right of the edge of the training cameras [deg], along the disc of views; 0 among them."""
        polar, azimuth = layout.view
        edge = 0.0 if split == "test" else -OUTER_EDGE
        return float(max(0.0, polar * np.cos(np.radians(azimuth)) - edge))


@cache
def excluded_views(axis: ViewAxis | HemisphereAxis) -> tuple[ExcludedView, ...]:
    """Where the rule for scored views leaves something out of the axis's test, ring by ring.

    Looked through are the axis's own azimuths and, where it goes all around, those of ``view``, from which it may have
    dropped some beforehand.
    """
    if isinstance(axis, ViewAxis):
        rings, azimuths = axis.test_rings, {*axis.test_azimuths, *test_conditions.VIEW_AZIMUTHS}
    else:
        rings, azimuths = test_conditions.HEMISPHERE_RINGS, {*test_conditions.HEMISPHERE_AZIMUTHS}
    bowls = test_conditions.view_positions(axis.plan())
    found = []
    for polar in rings:
        for azimuth in sorted(azimuths) if polar else ():
            left_out = sum(not is_scored(polar, azimuth, xy) for xy in bowls)
            if left_out:
                height = elevation(view_pose(polar, azimuth))
                found.append(ExcludedView(polar, azimuth, height, left_out, len(bowls)))
    return tuple(found)
