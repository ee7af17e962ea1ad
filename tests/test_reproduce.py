"""Experiments on several axes: one training serves those that share demonstrations, and no others."""

import json
from dataclasses import replace

import pytest

from para.config import to_json
from para.evaluation import AXES
from para.presets import EXPERIMENTS, experiment
from para.report import RunFolder
from para.reproduce import _claim, _conditions, reproduce


def test_axes_with_other_demonstrations_are_refused_before_anything_is_recorded(tmp_path):
    asks = replace(experiment("tiny"), also=(("view", 8),))
    with pytest.raises(
        ValueError, match=r"axis 'view' is trained on 'default64', axis 'lr_independent' on 'left_indep"
    ):
        reproduce(asks, tmp_path)
    assert not (tmp_path / "demos").exists()


def test_the_shared_experiment_names_every_axis_of_its_demonstrations():
    shared = experiment("default64")
    asked = {shared.axis, *(name for name, _ in shared.also)}
    assert asked == {name for name, axis in AXES.items() if axis.plan().name == AXES[shared.axis].plan().name}


@pytest.mark.parametrize("name", [*EXPERIMENTS, "nf", "random10_d0", "external_views"])
def test_every_experiment_asks_conditions_that_there_are(name):
    asks = experiment(name)
    asked = _conditions(AXES[asks.axis], asks)
    assert len(asked[asks.axis]) == asks.tests + asks.in_distribution and len(asked) == 1 + len(asks.also)


def test_an_axis_with_fewer_conditions_than_asked_is_refused_before_anything_is_recorded(tmp_path):
    with pytest.raises(ValueError, match="axis 'lr_independent' has 200 test conditions; asked for 201"):
        reproduce(replace(experiment("tiny"), tests=201), tmp_path)
    assert not (tmp_path / "demos").exists()


@pytest.mark.parametrize("text", ["", "[1]"])
def test_a_damaged_file_of_a_run_is_named(tmp_path, text):
    run = RunFolder(tmp_path)
    run.preset.write_text(text)
    with pytest.raises(ValueError, match=r"preset\.json is damaged .*; delete it and repeat the command"):
        _claim(run, experiment("tiny"))


def test_every_axis_is_an_experiment():
    assert experiment("scaling_n32_d1").axis == "scaling_n32_d1"
    assert experiment("lr").rows[1].train.steps == 3500  # a preset of that name goes first
    assert [experiment(name).rows[0].train.steps for name in ("nf", "random10_d0")] == [6000, 1500]  # as published
    with pytest.raises(
        ValueError, match="no experiment preset or axis 'scaling_n33_d1'. Did you mean 'scaling_n32_d1'"
    ):
        experiment("scaling_n33_d1")


def test_a_run_that_was_begun_before_there_were_further_axes_goes_on(tmp_path):
    run, tiny = RunFolder(tmp_path), experiment("tiny")
    old = {key: value for key, value in to_json(tiny).items() if key != "also"}
    run.preset.write_text(json.dumps(old))
    _claim(run, tiny)
    with pytest.raises(ValueError, match="holds a run of another experiment"):
        _claim(run, replace(tiny, also=(("lr_independent", 2),)))
