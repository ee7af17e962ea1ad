"""Goals, draws, seeds, the factorial, levels, notes and colours."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from para.cli import evaluate
from para.evaluation import AXES, Records, Subject
from para.evaluation.ledger import LedgerEntry
from para.evaluation.rates import training_seed
from para.report.cells import AxisTable, RunRecords, axis_tables
from para.report.comparisons import compare, paired_outcomes
from para.report.factorial import factorial_tables, factors
from para.report.figure_data import Sector, ViewMap, sector_span
from para.report.formats import breakable
from para.report.goals import BENCHMARK
from para.report.headline import headline
from para.report.names import group_of
from para.report.notes import NotesError, OfflineErrors, read_ablations, read_failures
from para.report.origins import DEFAULT_SIZE, origins
from para.report.scaling import scaling_chart
from para.report.styles import DARK, LIGHT, STAGE_DARK, STAGE_LIGHT
from para.report.summary import summary
from para.report.video_table import RECIPES, has_own_table, video_tables
from para.worlds.world import Stage
from report.sample_run import FACTORIAL, axis_records, episode, make_notes


@pytest.fixture(autouse=True)
def _few_episodes_are_a_row(monkeypatch):
    """The arithmetic is the same for few, and quicker."""
    monkeypatch.setattr("para.report.cells.LEAST_EPISODES", 1)


def tables(records, name="a") -> list[AxisTable]:
    return axis_tables([RunRecords(name, Records(tuple(records), ()))], ())


def outcome(record, placed: bool):
    return replace(record, stage=Stage.PLACE if placed else Stage.MISS)


def of_goal(rate_by_ring: dict[float, float], rivals=()) -> list[bool | None]:
    """Which goals of `view` are met when the rings have these rates, with 40 episodes each."""
    conditions, seen = AXES["view"].test_conditions(320), Counter()
    records = []
    for c in conditions:
        ring = c.layout.view[0]
        records.append(outcome(episode("para", c), seen[ring] < round(40 * rate_by_ring[ring])))
        seen[ring] += 1
    line = next(row for row in headline(tables([*records, *rivals])).rows if row.entry.axis == "view")
    return [result.met for result in line.goals]


def test_goals_of_rings_take_the_mean_the_worst_and_the_last():
    perfect = dict.fromkeys((0.0, 3.6, 7.1, 10.7, 14.3, 17.9, 21.4, 25.0), 1.0)
    assert of_goal(perfect) == [True, True, True]
    assert of_goal(perfect | {25.0: 0.75}) == [True, True, False]
    assert of_goal(perfect | {7.1: 0.9}) == [True, False, True]
    assert of_goal(perfect | {21.4: 0.0}) == [False, True, True]
    assert of_goal(perfect | {0.0: 0.0}) == [
        True,
        False,
        True,
    ]  # ring 0 is no part of the mean, but of the rings to 17.9


def goals_of(axis: str, *policies: tuple[str, int]):
    """Headline row and goals of an axis on which these policies placed so many of 10, and the expert all."""
    records = []
    for name, placed in (*policies, ("expert", 10)):
        for c in AXES[axis].test_conditions(10):
            records.append(replace(outcome(episode("para", c), c.index < placed), subject=Subject(name, name)))
    head = headline(tables(records))
    return head, next(row for row in head.rows if row.entry.axis == axis).goals


def test_a_goal_that_a_variant_reached_is_not_the_default_policys():
    head, (goal,) = goals_of("yaw", ("para", 1), ("para_yaw_top_view", 10))
    assert (goal.met, goal.by_default, goal.default_measured) == (True, False, pytest.approx(0.1))
    words = " ".join(summary(head, []))
    assert "misses the goal" in words and "which a variant meets: para_yaw_top_view" in words
    _, (goal,) = goals_of("yaw", ("para", 9))
    assert (goal.met, goal.by_default) == (None, True)
    _, (goal,) = goals_of("suite", ("para", 10))  # named as the default, and another preset
    assert goal.goal.variant == "para_suite" and (goal.met, goal.by_default) == (True, None)


def test_the_count_of_goals_has_both_numbers():
    records = [*axis_records("nf", ("para",), 10, 0), *axis_records("yaw", ("para",), 10, 0)]
    ours = [outcome(r, r.condition.axis == "nf") for r in records]
    variant = [replace(r, subject=Subject("para_yaw_top_view", "b")) for r in ours if r.condition.axis == "yaw"]
    words = " ".join(summary(headline(tables([*ours, *(outcome(r, True) for r in variant)])), []))
    assert "Of the 2 goals stated for these axes the default policy meets 1; with a variant of it 2 are met" in words
    assert "(para_yaw_top_view)" in words


def test_the_headline_is_adjusted_over_every_axis():
    records = [r for axis in ("lr", "nf") for r in axis_records(axis, ("para", "act"), 20, 10)]
    found = [c for row in headline(tables(records)).rows for c in row.comparisons]
    p_values = sorted(c.difference.p_value for c in found)
    assert len(found) == 2 and min(c.adjusted_p for c in found) == pytest.approx(2 * p_values[0])


def test_a_goal_of_standing_needs_a_competent_rival():
    conditions, fresh = AXES["dense"].test_conditions(100), AXES["dense"].in_distribution_conditions(20)
    ours = [outcome(episode("para", c), True) for c in conditions]
    weak = [outcome(episode("act", c), False) for c in [*conditions, *fresh]]
    fair = [outcome(episode("cls_regression", c), c.split != "test" or c.index < 90) for c in [*conditions, *fresh]]

    def met(*groups) -> bool | None:
        rows = headline(tables([r for group in groups for r in group])).rows
        return next(row for row in rows if row.entry.axis == "dense").goals[0].met

    assert met(ours) is False and met(ours, weak) is False and met(ours, weak, fair) is True


def test_axes_that_were_not_run_are_rows_too():
    found = headline(tables(axis_records("lr", ("para",), 8, 4)))
    assert [row.entry.axis for row in found.run] == ["lr"]
    assert {row.entry.axis for row in found.missing} == {entry.axis for entry in BENCHMARK} - {"lr"}
    assert all(result.met is None for row in found.missing for result in row.goals)


def test_draws_of_a_training_set_are_one_row_and_its_dots():
    records = []
    for n, counts in ((4, (2, 6)), (8, (5, 9))):
        for draw, placed in enumerate(counts):
            for c in AXES["dense"].test_conditions(10):
                r = outcome(episode("para", replace(c, axis=f"scaling_n{n}_d{draw}")), c.index < placed)
                records.append(replace(r, subject=Subject("para", f"{n}{draw}")))
    found = tables(records)
    assert [t.axis for t in found] == ["scaling_n4", "scaling_n8"]
    row = found[0].rows[0]
    assert (row.main.place.successes, row.main.place.n, row.main.trainings) == (8, 20, 2)
    chart = scaling_chart(found, {"para": "p0"})
    assert [(p.x, p.y) for p in chart.series[0].points] == [(4.0, 0.4), (8.0, 0.7)]
    assert sorted(chart.series[0].scatter) == [(4.0, 0.2), (4.0, 0.6), (8.0, 0.5), (8.0, 0.9)]
    a, b, places = paired_outcomes(row.main, found[1].rows[0].main)
    assert a.shape == b.shape == (2, 10) and a.mean() == pytest.approx(0.4) and len(set(places)) == 10


def test_training_seeds_are_one_row_compared_as_seeds():
    conditions = AXES["lr"].test_conditions(24)
    ours = [outcome(episode("para", c), True) for c in conditions]
    seeds = [
        replace(outcome(episode("act", c), c.index < placed), subject=Subject(f"act_seed{seed}", f"weights{seed}"))
        for seed, placed in ((0, 6), (1, 12), (2, 18))
        for c in conditions
    ]
    found = tables([*ours, *seeds])[0]
    assert [row.policy for row in found.rows] == ["para", "act"] and found.rows[1].main.trainings == 3
    (comparison,) = compare(found.rows[0], [found.rows[1]])
    assert comparison.difference.n == 24 and comparison.difference.value == pytest.approx(0.5)


def test_in_distribution_counts_for_every_axis_of_the_same_training():
    dense = [outcome(episode("act", c), c.index < 15) for c in AXES["dense"].in_distribution_conditions(20)]
    view = [episode("act", c) for c in AXES["view"].test_conditions(8)]
    other = [episode("act", c) for c in AXES["lr"].test_conditions(8)]
    by_axis = {t.axis: t.rows[0].in_distribution for t in tables([*dense, *view, *other]) if t.rows}
    assert by_axis["view"].axis == "dense" and by_axis["view"].place.value == 0.75 and by_axis["lr"] is None


def test_of_two_runs_the_larger_stands_in_the_table_whatever_came_out():
    small = [outcome(episode("para", c), True) for c in AXES["lr"].test_conditions(5)]
    large = [
        replace(outcome(episode("para", c), False), subject=Subject("para", "large"))
        for c in AXES["lr"].test_conditions(9)
    ]
    runs = [RunRecords("large", Records(tuple(large), ())), RunRecords("small", Records(tuple(small), ()))]
    (found,) = axis_tables(runs, [LedgerEntry("2026-11-23", "0123456789ab", "para", "large", "lr", 9)] * 2)
    assert found.rows[0].run == "large" and found.rows[0].main.place.n == 9 and found.rows[0].test_evaluations == 2
    assert [(o.run, o.place.successes, o.place.n) for o in found.others] == [("small", 5, 5)]


def commands(records, typed: str) -> list[str]:
    """What the page prints for records that were made by `typed`."""
    made = [replace(r, provenance=replace(r.provenance, command=typed)) for r in records]
    return [o.command for o in origins(tables(made))]


def test_a_row_is_made_again_by_the_command_of_its_fields():
    typed = "para evaluate --policy elsewhere/para_6000/policy --name para_6000 --axis lr --episodes 3 --workers 1"
    conditions = AXES["lr"].test_conditions(12)

    def of(name: str, weights: str, mode: str = "servo"):
        return [replace(episode("para", c, mode), subject=Subject(name, weights)) for c in conditions]

    ask = "--axis lr --split test --episodes 12"
    assert commands(of("para_seed1", "a"), typed) == [
        f"para evaluate --policy RUN/train/para_seed1/policy --name para_seed1 {ask} --records RUN/records/lr.jsonl"
    ]
    (corrected,) = commands(of("para_corrected", "a+b"), typed)
    assert "--policy RUN/train/para/policy --locator RUN/train/locator/policy --name para_corrected" in corrected
    assert f"{ask} --mode realtime --records" in commands(of("para", "a", "realtime"), typed)[0]
    assert "--policy RUN/two_stage/policy --name video_two_stage" in commands(of("video_two_stage", "a"), typed)[0]
    assert commands(of("expert", "expert"), typed) == [f"para evaluate {ask} --records RUN/records/lr.jsonl"]
    for kept in ("para reproduce --preset quick", "para evaluate --oracle --policy somewhere"):
        assert commands(of("para", "a"), kept) == [kept]


def test_a_row_of_draws_has_a_command_for_each():
    records = [
        episode("para", replace(c, axis=f"random10_d{draw}"))
        for draw in (0, 1)
        for c in AXES["random10_d0"].test_conditions(5)
    ]
    found = commands(records, "para evaluate --name para")
    assert [("random10_d0" in c, "random10_d1" in c) for c in found] == [(True, False), (False, True)]


def test_the_printed_command_is_one_that_para_takes():
    """Its options are `para evaluate`'s own."""
    options = set(inspect.signature(evaluate).parameters)
    records = [
        replace(episode("para", c, "realtime"), subject=Subject("p_corrected", "a+b"))
        for c in AXES["lr"].test_conditions(2)
    ]
    records = [replace(r, settings=replace(r.settings, image_size=(96, 96))) for r in records]
    (command,) = commands(records, "para evaluate")
    asked = {word.removeprefix("--").replace("-", "_") for word in command.split() if word.startswith("--")}
    assert {"policy", "locator", "mode", "image_size"} < asked <= options
    assert inspect.signature(evaluate).parameters["image_size"].default == DEFAULT_SIZE


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("reg_pooled_world", ("pooled", "world")),
        ("reg_dense_pixel", ("dense", "pixel")),
        ("reg_dense_pixel_shift", ("dense_shift", "pixel")),
        ("reg_soft_argmax", ("soft_argmax", "pixel")),
        ("reg_dense_elsewhere", None),
        ("para", None),
        ("cls_regression", None),
    ],
)
def test_names_of_the_factorial_are_taken_apart(name, parts):
    assert factors(name) == parts


def test_the_factorial_has_a_table_of_its_own_and_its_own_adjustment():
    found = tables(axis_records("lr", ("para", "act", *FACTORIAL), 20, 10))
    (table,) = factorial_tables(found)
    filled = [cell for _, cells in table.grid for cell in cells if cell]
    assert {cell.row.policy for cell in filled} == set(FACTORIAL)
    assert all(cell.comparison.adjusted_p >= cell.comparison.difference.p_value for cell in filled)
    head = headline(found)
    assert head.policies == ("para", "act") and [c.rival for c in head.run[0].comparisons] == ["act"]


def test_video_recipes_have_a_table_of_their_own():
    recipes = ("video_two_stage", "video_two_stage_global", "video_frozen")
    found = tables(axis_records("lr", ("para", "act", *recipes), 20, 10))
    (table,) = video_tables(found)
    assert [line.row.policy for line in table.rows if line.row] == ["video_two_stage", *reversed(recipes[1:])]
    assert [line.row.policy for line in table.rows if line.comparison] == ["video_frozen", "video_two_stage_global"]
    published = {name: RECIPES[name].published for name in ("video_two_stage", "video_joint", "video_frozen")}
    assert published == {"video_two_stage": 90, "video_joint": 55, "video_frozen": 0}
    assert headline(found).policies == ("para", "act") and all(has_own_table(name) for name in recipes)
    assert video_tables(tables(axis_records("lr", ("para",), 20, 10))) == []


def test_a_regressing_video_recipe_is_compared_with_the_pointing_one_of_as_many_steps():
    recipes = ("video_two_stage", "video_then_actions_long", "video_then_actions_long_global")
    (table,) = video_tables(tables(axis_records("lr", recipes, 20, 10)))
    against = {line.row.policy: line.comparison.policy for line in table.rows if line.comparison}
    assert against == {recipes[1]: recipes[0], recipes[2]: recipes[1]}


def test_sectors_share_their_ring():
    shown = ViewMap(tuple(Sector(25, a, 1, 1) for a in (0, 30, 330)) + (Sector(0, 0, 1, 1), Sector(7, 90, 0, 1)))
    assert [sector_span(s, shown) for s in shown.sectors] == [30, 30, 30, 360, 45]


def test_the_summary_says_what_the_numbers_say():
    records = axis_records("lr", ("para", "act"), 40, 20)
    found = headline(tables(records))
    words = " ".join(summary(found, []))
    placed = sum(r.placed for r in records if r.subject.policy == "para" and r.condition.split == "test")
    assert f"in {placed} of 40 episodes" in words and "act" in words
    alone = " ".join(summary(headline(tables(axis_records("lr", ("para",), 10, 5))), []))
    assert "nothing is compared yet" in alone
    checked = [episode("para", c) for c in AXES["lr"].validation_conditions(4)]
    assert "no test condition was run" in " ".join(summary(headline(tables(checked)), []))


def test_notes_are_read_and_damage_is_named(tmp_path):
    make_notes(tmp_path, "lr")
    ablation, failure = read_ablations(tmp_path)[0], read_failures(tmp_path)[0]
    assert ablation.changed.value == 0.62 and ablation.base.n == 50 and ablation.verdict == "dropped"
    assert (failure.count, failure.of, failure.example) == (6, 9, 4)
    data = json.loads((tmp_path / "ablations.json").read_text())
    data["rows"][1]["verdict"] = "perhaps"
    (tmp_path / "ablations.json").write_text(json.dumps(data))
    with pytest.raises(NotesError, match=r"ablations.json: row 2: .*'perhaps' is none of kept, dropped, open"):
        read_ablations(tmp_path)
    (tmp_path / "failures.json").write_text('{"format": 2, "rows": []}')
    with pytest.raises(NotesError, match="format 2"):
        read_failures(tmp_path)
    assert read_ablations(tmp_path / "elsewhere") == []


def test_errors_of_an_ablation_come_from_its_file_which_has_the_same_counts(tmp_path):
    make_notes(tmp_path, "rl")
    data = json.loads((tmp_path / "ablations.json").read_text())
    data["rows"][0]["with"]["file"] = "rl/no_planes"
    (tmp_path / "ablations.json").write_text(json.dumps(data))
    with pytest.raises(NotesError, match="row 1: FileNotFoundError"):
        read_ablations(tmp_path)
    offline = {f"du+{moved}_dv+0": {"median_mm": 5.0 + moved, "p90_mm": 9.0 + moved} for moved in (0, 80)}
    file = tmp_path / "ablations" / "rl" / "no_planes.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"place": {"successes": 31, "n": 50}, "offline": offline}))
    ablation, other = read_ablations(tmp_path)
    assert ablation.changed_errors == OfflineErrors(5.0, 9.0, 85.0, 89.0) and ablation.base_errors is None
    assert ablation.where == "right half to left half" and replace(other, axis="view").where == "view, validation"
    file.write_text(json.dumps({"place": {"successes": 30, "n": 50}, "offline": offline}))
    with pytest.raises(NotesError, match="row 1: .*no_planes.json counts 30 of 50"):
        read_ablations(tmp_path)


def test_names_in_groups():
    assert (
        group_of("scaling_n8_d1") == "scaling_n8" and group_of("random10_d0") == "random10" and group_of("lr") == "lr"
    )
    assert training_seed("act_seed2") == ("act", 2) and training_seed("para_dino") == ("para_dino", 0)
    assert breakable("a_b<c") == "a_<wbr>b&lt;c"


# Machado, Oliveira, Fernandes, "A physiologically-based model for simulation of color vision deficiency", IEEE TVCG 15
# (2009), severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
}


def lab(colour: str, blindness: str) -> np.ndarray:
    """CIE L*a*b* (D65) of an sRGB colour as seen with a deficiency."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(BLINDNESS[blindness] @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("blindness", BLINDNESS)
@pytest.mark.parametrize(
    "colours", [STAGE_LIGHT, STAGE_DARK, LIGHT, DARK], ids=["stages", "dark stages", "light", "dark"]
)
def test_colours_stay_apart_for_every_eye(colours, blindness):
    """Stages differ by colour alone in the bars, so clearly; policies have marks of their own besides."""
    names = list(colours)
    gaps = {
        (str(a), str(b)): float(np.linalg.norm(lab(colours[a], blindness) - lab(colours[b], blindness)))
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    }
    closest = min(gaps, key=gaps.get)
    assert gaps[closest] > (18 if len(names) == 3 else 12), f"{closest}: {gaps[closest]:.1f}"
