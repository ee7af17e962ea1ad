"""Axes of LIBERO's own episodes: which initial states are shown, tested and left, and what other benchmarks ask."""

from collections import Counter

import pytest

pytest.importorskip("libero")

from para.evaluation import AXES
from para.evaluation.official_axes import OFFICIAL_AXES
from para.evaluation.plus_cameras import CAMERAS, plus_tasks
from para.presets import experiment
from para.worlds.libero.official import OTHER_BOWL, sentence

NAMES = [axis.name for axis in OFFICIAL_AXES]


def episodes(conditions) -> list[tuple[int, int]]:
    return [(c.layout.official.task, c.layout.official.state) for c in conditions]


def test_no_initial_state_is_both_shown_and_asked():
    axis = AXES["suite"]
    shown = [(x.official.task, x.official.state) for x in axis.training_layouts()]
    sets = [episodes(getattr(axis, f"{s}_conditions")(100)) for s in ("test", "validation", "in_distribution")]
    every = [*shown, *(e for s in sets for e in s)]
    assert len(shown) == 200 == len(axis.plan()) and len(every) == len(set(every)) == 500
    assert Counter(task for task, _ in every) == dict.fromkeys(range(10), 50)


def test_tasks_take_turns_so_that_a_part_has_its_share_of_each():
    axis = AXES["suite"]
    assert [task for task, _ in episodes(axis.test_conditions(20))] == [*range(10)] * 2
    few = axis.training_layouts(n=30)
    assert few == axis.training_layouts()[:30] and Counter(x.official.task for x in few) == dict.fromkeys(range(10), 3)
    assert axis.training_layouts(n=10, draw=1)[0].official.state != few[0].official.state
    with pytest.raises(ValueError, match="'spatial200' has 200 demonstrations; asked for 201"):
        axis.training_layouts(n=201)


@pytest.mark.parametrize("name", NAMES)
def test_conditions_are_distinct_and_a_smaller_evaluation_is_the_beginning_of_a_larger_one(name):
    axis = AXES[name]
    test = axis.test_conditions(axis.most)
    assert len({c.layout for c in test}) == len({c.layout.official for c in test}) == axis.most
    assert test[:30] == axis.test_conditions(30) and [c.index for c in test] == list(range(axis.most))
    assert {c.split for c in test} == {"test"} and all(c.seed == c.layout.seed for c in test)
    with pytest.raises(ValueError, match=f"axis '{name}' has {axis.most} test conditions; asked for {axis.most + 1}"):
        axis.test_conditions(axis.most + 1)


def test_the_other_bowl_is_asked_for_in_the_same_pictures():
    for own, other in zip(AXES["suite"].test_conditions(100), AXES["suite_other_bowl"].test_conditions(100)):
        mine, yours = own.layout.official, other.layout.official
        assert (mine.task, mine.state, mine.camera) == (yours.task, yours.state, yours.camera)
        assert sentence(mine) != sentence(yours) and own.layout.bowl_xy != other.layout.bowl_xy
        assert yours.asked == OTHER_BOWL[mine.task]


def test_libero_plus_asks_376_cameras_one_for_each_of_its_tasks():
    every = plus_tasks()
    assert len(every) == len({camera for _, camera in every}) == AXES["external_views"].most == 376
    assert [len(cameras.names()) for cameras in CAMERAS] == [6, 37, 35, 49, 48, 46, 42, 43, 33, 37]
    test = AXES["external_views"].test_conditions(376)
    assert {(c.layout.official.task, c.layout.official.camera) for c in test} == set(every)
    assert {c.layout.official.state for c in test} == {0} and len({c.layout.official.task for c in test[:20]}) > 5
    grades = [AXES["external_views"].grade(c.layout) for c in test]
    assert min(grades) == 0.0 and 60 < max(grades) < 90


@pytest.mark.parametrize("name", ["external_swap", "external_views"])
def test_nothing_can_be_chosen_by_another_benchmarks_conditions(name):
    with pytest.raises(ValueError, match=f"axis '{name}' is reported only"):
        AXES[name].validation_conditions(10)


def test_grades_are_tasks():
    axis = AXES["suite"]
    assert [axis.grade(c.layout) for c in axis.test_conditions(10)] == list(range(10))
    assert axis.grade(AXES["lr"].test_conditions(1)[0].layout) == 0


@pytest.mark.parametrize("name", NAMES)
def test_policies_of_these_axes_are_told_their_task(name):
    found = experiment(name)
    assert found.axis == name and all(row.train.policy.head.instruction is not None for row in found.rows)
