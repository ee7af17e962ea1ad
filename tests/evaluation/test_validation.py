"""No validation condition lies within 1 cm or 1.5 deg of a test condition: what of this holds, and where it does not.

On one and the same axis it holds to the letter (test_axes.py): every validation bowl stands 1 cm or more from every test bowl,
and on the view axes every validation camera 1.5 deg or more from every test camera besides.

Between axes bowls alone cannot keep clear: the test positions of all axes, a thousand and more, leave no room on a table of
39 x 60 cm. A condition of another axis is the same one where all of it agrees: bowl and plate to 1 cm, the camera to 1.5 deg,
scene, further objects, look and reported camera. Such pairs there are between axes that ask for bowl and plate alone, before
the training camera. They are listed here: those whose policies have the same demonstrations (`SAME_DEMONSTRATIONS`, one pair
of axes), and those whose policies have others (`OTHER_DEMONSTRATIONS`), the twin of `lr` in runs/ablations.py among them: what
is chosen there is chosen at places that are tested, by weights that learned elsewhere. The conditions stay as they are, as
records refer to them.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from para.evaluation import AXES, Condition
from para.evaluation.official_axes import OFFICIAL_AXES
from para.geometry import relative_angle
from para.worlds.libero.camera import view_pose
from para.worlds.libero.layout import Layout

CLEAR, TURNED = 0.01, 1.5  # [m], [deg]
ASKED = 100  # validation conditions of an axis; on record are 100 at most
MOST = {"view": 800, "view_far": 200, "view_hemisphere": 400, "distractors": 300, "calibration": 400}
PLACES = {
    name: 200 for name in ("lr", "lr_independent", "nf", "dense", "lr_full")
}  # test conditions; 100 where not named
FAMILIES = {axis.family: name for name, axis in reversed(AXES.items()) if axis not in OFFICIAL_AXES}
"""One axis of each family: sets of one family are asked the same. Official episodes are told apart by their states."""

TWIN = "rl"
PLAIN = ("dense", "inner", "lr", "nf", "random10", "scaling")
"""Axes, all of whose conditions are bowl and plate alone, rigid, before the training camera; ring 0 of `view` is the same."""
SAME_DEMONSTRATIONS = {("dense", "view")}
"""(validation of, test of): `dense` is validated at other places before the training camera, and ring 0 of `view` asks there,
too. It shows where the curve begins, and neither the axis's mean nor its comparisons have it."""
OTHER_DEMONSTRATIONS = {
    (asked, tested)
    for asked, tested in product((*PLAIN, TWIN), (*PLAIN, "view"))
    # The twin asks on the left half and `lr` tests on the right one.
    if asked != tested and (asked, tested) != (TWIN, "lr")
} - SAME_DEMONSTRATIONS


def surroundings(layout: Layout) -> tuple:
    """What else is different: never the same for axes that change it."""
    return layout.scene, bool(layout.objects), layout.appearance is None, layout.camera_error is None


def same(validation: list[Condition], test: list[Condition]) -> np.ndarray:
    """(validation, test): whether all of the two conditions agrees."""
    kinds = {kind: i for i, kind in enumerate({surroundings(c.layout) for c in (*validation, *test)})}

    def columns(found: list[Condition]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        layouts = [c.layout for c in found]
        kind = np.array([kinds[surroundings(layout)] for layout in layouts])
        bowls, plates = (np.array([getattr(layout, at) for layout in layouts]) for at in ("bowl_xy", "plate_xy"))
        return kind, bowls, plates, np.array([view_pose(*layout.view).rotation for layout in layouts])

    (kind, bowl, plate, camera), (kind_b, bowl_b, plate_b, camera_b) = columns(validation), columns(test)
    near = [np.linalg.norm(a[:, None] - b[None], axis=-1) < CLEAR for a, b in ((bowl, bowl_b), (plate, plate_b))]
    angle = np.degrees(relative_angle(camera[:, None], camera_b[None]))
    return near[0] & near[1] & (angle < TURNED) & (kind[:, None] == kind_b[None])


def twin_conditions(n: int) -> list[Condition]:
    """Those of runs/ablations.py."""
    path = Path(__file__).parents[2] / "runs" / "ablations.py"
    spec = spec_from_file_location("ablations", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.TWIN == TWIN and module.RIGHT.name not in {AXES[name].plan().name for name in FAMILIES.values()}
    return module.conditions(n)


@pytest.fixture(scope="module")
def tests() -> dict[str, list[Condition]]:
    return {
        family: AXES[name].test_conditions(MOST.get(name, PLACES.get(name, 100))) for family, name in FAMILIES.items()
    }


@pytest.fixture(scope="module")
def validations() -> dict[str, list[Condition]]:
    found = {family: AXES[name].validation_conditions(ASKED) for family, name in FAMILIES.items()}
    return found | {TWIN: twin_conditions(ASKED)}


def test_validation_meets_test_conditions_of_other_axes_only_where_it_is_known(tests, validations):
    met = {(a, b) for a, b in product(validations, tests) if same(validations[a], tests[b]).any()}
    assert not {(a, b) for a, b in met if a == b}
    assert met == SAME_DEMONSTRATIONS | OTHER_DEMONSTRATIONS


def test_what_policies_of_the_same_demonstrations_share_is_no_part_of_a_result(tests, validations):
    """Neither the choice by validation nor the test of `view` beyond the training camera knows of the other."""
    plans = {family: AXES[name].plan().name for family, name in FAMILIES.items()}
    assert {
        (a, b) for a, b in SAME_DEMONSTRATIONS | OTHER_DEMONSTRATIONS if plans.get(a) == plans[b]
    } == SAME_DEMONSTRATIONS
    for asked, tested in SAME_DEMONSTRATIONS:
        found = same(validations[asked], tested_by := tests[tested])
        assert {c.layout.view for c, shared in zip(tested_by, found.any(0)) if shared} == {(0.0, 0.0)}


def test_the_twin_is_clear_of_the_axis_that_it_stands_for(tests, validations):
    """Whole halves lie between the two: it is asked left, where `lr` demonstrates."""
    twin, test = (np.array([c.layout.bowl_xy[1] for c in found]) for found in (validations[TWIN], tests["lr"]))
    assert twin.max() <= -0.02 and test.min() >= 0.02


@pytest.mark.parametrize(
    ("change", "agrees"),
    [
        ({}, True),
        ({"bowl_xy": (0.003, 0.004)}, True),
        ({"bowl_xy": (0.011, 0.0)}, False),
        ({"plate_xy": (0.0, 0.011)}, False),
        ({"view": (1.4, 90.0)}, True),
        ({"view": (1.6, 90.0)}, False),
        ({"scene": "full"}, False),
    ],
)
def test_conditions_are_the_same_where_all_of_them_agrees(change, agrees):
    condition = AXES["dense"].test_conditions(1)[0]
    here = replace(condition, layout=replace(condition.layout, bowl_xy=(0.0, 0.0), plate_xy=(0.0, 0.0)))
    there = replace(here, layout=replace(here.layout, **change))
    assert same([here], [there]).item() == agrees
