"""Records -> cells, rows and comparisons."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace

import pytest

from para.evaluation import AXES, EpisodeRecord, Records, Subject, wilson
from para.evaluation.ledger import LedgerEntry
from para.evaluation.records import EpisodeError, RecordsError, append_record, read_records
from para.report.cells import RunRecords, axis_tables
from para.report.comparisons import adjust, axis_comparisons
from para.report.formats import percent
from para.report.headline import headline
from para.report.media import Budget
from para.report.published import published
from para.report.sources import read_source
from para.worlds.world import Stage
from report.sample_run import episode


def records(policy: str, placed: int, n: int = 20, seen: int = 20, checkpoint: str = "") -> list[EpisodeRecord]:
    conditions = [*AXES["lr"].test_conditions(n), *AXES["lr"].in_distribution_conditions(20)]
    found = []
    for c in conditions:
        stage = Stage.PLACE if c.index < (placed if c.split == "test" else seen) else Stage.MISS
        record = replace(episode("para", c), stage=stage, official=stage == Stage.PLACE)
        found.append(replace(record, subject=Subject(policy, checkpoint or policy)))
    return found


def run(name: str, *groups: list[EpisodeRecord]) -> RunRecords:
    return RunRecords(name, Records(tuple(r for g in groups for r in g), ()))


def look(policy: str, checkpoint: str = "", axis: str = "lr") -> LedgerEntry:
    return LedgerEntry("2026-11-23", "0123456789ab", policy, checkpoint or policy, axis, 20)


def table(*groups: list[EpisodeRecord], ledger: Sequence[LedgerEntry] = ()):
    return axis_tables([run("a", *groups)], ledger)[0]


def test_ours_stands_first_and_references_last():
    found = table(
        records("oracle", 20), records("act", 3), records("expert", 20), records("para", 18), records("para_b", 9)
    )
    assert [row.policy for row in found.rows] == ["para", "para_b", "act", "expert", "oracle"]
    assert [c.rival for c in axis_comparisons(found.rows)] == ["act"]


def test_a_variant_of_ours_is_no_rival_and_the_published_head_is():
    found = table(records("para", 18), records("para_corrected", 12), records("para_paper_lite0_224", 9))
    assert [c.rival for c in axis_comparisons(found.rows)] == ["para_paper_lite0_224"]


@pytest.mark.parametrize(("first", "second"), [("para", "para_seed0"), ("act_seed01", "act_seed1")])
def test_two_names_for_one_training_seed_are_refused(first, second):
    """They would be one row whose interval takes two trainings for one."""
    with pytest.raises(RecordsError, match=f"run a, lr: '{first}' and '{second}' would both be the training of"):
        table(*(records(name, 12) for name in (first, second)))
    (apart, *_) = axis_tables([run("a", records(first, 12)), run("b", records(second, 12))], ())
    assert len({row.policy for row in apart.rows}) == 1  # in folders of their own one of them counts


@pytest.mark.parametrize("first", ["act", "act_seed0"])
def test_the_first_training_may_have_its_seed_in_its_name_or_not(first):
    (row,) = table(records(first, 12), records("act_seed1", 9)).rows
    assert (row.policy, row.main.trainings, row.main.place.n) == ("act", 2, 40)


def test_an_oracle_named_after_a_policy_is_a_reference_and_a_published_head_alone_is_not_ours():
    found = table(records("para", 18), records("oracle_para", 20), records("act", 3))
    assert [row.policy for row in found.rows] == ["para", "act", "oracle_para"] and found.rows[-1].is_reference
    assert [c.rival for c in axis_comparisons(found.rows)] == ["act"]
    assert axis_comparisons(table(records("para_paper_lite0_224", 9), records("act", 3)).rows) == []


def realtime(found: list[EpisodeRecord]) -> list[EpisodeRecord]:
    return [replace(r, settings=replace(r.settings, mode="realtime")) for r in found]


def test_the_two_modes_are_not_compared_and_goals_are_of_servo():
    found = table(realtime(records("para", 20)), records("act", 3))
    assert [row.main.mode for row in found.rows] == ["realtime", "servo"] and axis_comparisons(found.rows) == []
    (line,) = headline([found]).run
    assert line.goals[0].measured is None and headline([table(records("para", 20))]).run[0].goals[0].measured == 1.0


def test_of_two_runs_the_one_with_more_episodes_of_the_shown_mode_counts():
    both = [*records("para", 18), *realtime(records("para", 18))]
    more = records("para", 5, n=30)
    (found,) = axis_tables([run("more", more), run("both", both)], [])
    assert found.row("para").run == "more" and found.row("para").main.place.n == 30


def test_a_few_shared_conditions_settle_nothing():
    found = table(records("para", 18), records("act", 3))
    few = [r for r in records("act", 3, n=40) if r.condition.split != "test" or r.condition.index >= 15]
    assert axis_comparisons(found.rows) and axis_comparisons(table(records("para", 18), few).rows) == []


def test_competence_is_not_told_from_an_unfinished_run():
    few = [r for r in records("act", 3) if r.condition.split == "test" or r.condition.index < 5]
    assert table(records("para", 18), few).row("act").competent is None


def test_draws_that_differ_widen_their_interval():
    def drawn(*placed: int):
        conditions = [AXES[f"scaling_n1_d{d}"].test_conditions(100) for d in range(len(placed))]
        return (
            table(
                [
                    replace(
                        episode("para", c),
                        # Each draw fails elsewhere: draws share their places, which would widen it, too.
                        stage=Stage.PLACE if (c.index + 20 * d) % 100 < k else Stage.MISS,
                        subject=Subject("para", str(d)),
                    )
                    for d, (found, k) in enumerate(zip(conditions, placed))
                    for c in found
                ]
            )
            .rows[0]
            .main.place
        )

    apart, alike, one = drawn(92, 94, 98, 84, 99), drawn(93, 93, 93, 94, 94), wilson(467, 500)
    assert apart.value == alike.value == one.value
    assert (alike.low, alike.high) == pytest.approx((one.low, one.high), abs=0.001)
    assert apart.high - apart.low > 3 * (one.high - one.low)


def test_comparisons_are_paired_and_need_a_competent_rival():
    found = table(records("para", 18), records("act", 3, seen=16), records("cls_regression", 3, seen=15))
    act, regression = axis_comparisons(found.rows)
    assert act.difference.value == pytest.approx(0.75) and act.difference.only_b == 0
    assert act.counts and not regression.counts
    assert act.verdict == "ahead"
    assert act.adjusted_p == pytest.approx(2 * act.difference.p_value)


def test_holm_is_over_all_groups_that_make_one_table():
    weak, strong = (axis_comparisons(table(records("para", n), records("act", 0)).rows) for n in (6, 18))
    raw = [weak[0].difference.p_value, strong[0].difference.p_value]
    assert raw[1] < raw[0] and [weak[0].adjusted_p, strong[0].adjusted_p] == raw  # each a table of its own
    (together,), (beside,) = adjust([weak, strong])
    assert (together.adjusted_p, beside.adjusted_p) == (pytest.approx(raw[0]), pytest.approx(2 * raw[1]))


def test_ahead_and_behind_need_interval_and_adjusted_p():
    """Six conditions for us and none against: clear of 0, p = 0.03, which one comparison may claim and two may not."""
    (ahead,) = axis_comparisons(table(records("para", 6), records("act", 0)).rows)
    assert ahead.difference.low > 0 and ahead.adjusted_p < 0.05 and ahead.verdict == "ahead"
    assert replace(ahead, adjusted_p=0.06).verdict == "not behind"
    (behind,) = axis_comparisons(table(records("para", 0), records("act", 6)).rows)
    assert behind.verdict == "behind" and replace(behind, adjusted_p=0.06).verdict == "undecided"
    (open_,) = axis_comparisons(table(records("para", 50, n=100), records("act", 50, n=100)).rows)
    assert replace(open_, adjusted_p=0.001).verdict == "not behind"  # p alone is no difference


def test_the_training_camera_is_no_part_of_a_comparison_of_turned_ones():
    conditions = AXES["view"].test_conditions(24)  # three of them unturned

    def seen(policy: str, turned: bool) -> list[EpisodeRecord]:
        found = [replace(episode("para", c), subject=Subject(policy, policy)) for c in conditions]
        placed = [turned or c.layout.view[0] == 0 for c in conditions]
        return [replace(r, stage=Stage.PLACE if p else Stage.MISS) for r, p in zip(found, placed)]

    found = table(seen("para", True), seen("act", False))
    (comparison,) = axis_comparisons(found.rows)
    assert (comparison.difference.n, comparison.difference.value) == (21, 1.0)
    assert found.rows[0].main.place.n == 24  # the rate has them


def test_the_newest_checkpoint_stands_in_the_table_and_the_old_one_is_named():
    found = table(records("para", 2, checkpoint="old"), records("para", 18, checkpoint="new"))
    assert [(r.main.checkpoints, r.main.place.successes) for r in found.rows] == [(("new",), 18)]
    assert [(o.policy, o.checkpoint, o.place.successes, o.place.n) for o in found.others] == [("para", "old", 2, 20)]


def test_only_shared_conditions_are_compared():
    found = table(records("para", 18, n=30), records("act", 0, n=25))
    assert axis_comparisons(found.rows)[0].difference.n == 25


def test_a_row_of_few_episodes_is_unfinished_and_compared_with_nothing():
    found = table(
        records("para", 18), records("act", 1, n=5), records("cls_regression", 1, n=19), records("diffusion", 1)
    )
    reasons = {row.policy: row.main.unpublished for row in found.rows}
    assert reasons["act"] == "unfinished: 1 of 5 episodes so far" and "1 of 19" in reasons["cls_regression"]
    assert reasons["para"] == reasons["diffusion"] == ""
    assert [c.rival for c in axis_comparisons(found.rows)] == ["diffusion"]


def test_ledger_counts_stand_with_their_row():
    assert table(records("para", 18), ledger=[look("para")] * 3).rows[0].test_evaluations == 3


def test_looks_are_found_by_name_or_by_weights_and_counted_once():
    ours = [records("para", 18, checkpoint="new"), records("para_seed1", 18, checkpoint="other"), records("expert", 20)]
    ledger = [
        look("para", "old"), look("para", "new"), look("para_6000", "new"), look("trial", "other"),
        look("para_seed2", "gone"), look("act", "its own"), look("para_6000", "new", "nf"), look("oracle", "new"),
    ]  # fmt: skip
    found = {row.policy: row.test_evaluations for row in table(*ours, ledger=ledger).rows}
    assert found == {"para": 6, "expert": 0}
    assert table(records("oracle", 20, checkpoint="new"), ledger=ledger).rows[0].test_evaluations == 1


def test_validation_is_shown_as_such_where_nothing_was_tested():
    lines = [episode("para", c) for c in AXES["lr"].validation_conditions(5)]
    assert table(lines).split == "validation"


def test_published_figures_belong_to_their_counterparts():
    assert published("lr", "para").percent == 54 and published("lr", "para_paper_lite0_224").percent == 54
    assert published("lr", "cls_regression_camera").percent == 1
    assert published("lr", "act") is None and published("lr_independent", "para") is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (1, "100"), (0.004, "1"), (0.996, "99"), (0.905, "90"), (0.915, "92"), (float("nan"), "–")],
)
def test_not_quite_all_is_not_shown_as_all(value, shown):
    assert percent(value) == shown


def test_the_budget_counts_what_does_not_fit():
    budget = Budget(1000)
    assert budget.take(b"x" * 300) and not budget.take(b"x" * 300)
    assert budget.missing == 1 and budget.left == 400


def test_episodes_under_different_settings_are_no_rate():
    found = records("para", 18)
    small = [replace(r, settings=replace(r.settings, image_size=(128, 128))) for r in found[:5]]
    with pytest.raises(RecordsError, match="run a, para: episodes under different settings cannot be one rate: .*128"):
        axis_tables([run("a", found, small)], ())
    other = replace(found[0], condition=replace(found[0].condition, seed=1))
    with pytest.raises(RecordsError, match="run a: lr/test/0 was asked with different seeds"):
        axis_tables([run("a", found, [other])], ())


def test_weights_that_only_gave_errors_do_not_hide_behind_earlier_ones():
    old = records("para", 18, checkpoint="old")
    errors = tuple(
        EpisodeError(Subject("para", "new"), r.condition, r.settings, "a worker was killed", 3, r.provenance)
        for r in old[:4]
    )
    (found,) = axis_tables([RunRecords("a", Records(tuple(old), errors))], ())
    assert found.row("para").main.unpublished == "not published: 4 unresolved errors"


def test_an_episode_in_two_files_of_a_run_does_not_count_twice(tmp_path):
    for name in ("lr.jsonl", "copy.jsonl"):
        for record in records("para", 18):
            append_record(tmp_path / "run/records" / name, record)
    with pytest.raises(RecordsError, match="both hold the episode lr/test/0 of para .*; it would count twice"):
        read_source(tmp_path / "run")
    (tmp_path / "run/records/copy.jsonl").unlink()
    assert len(read_source(tmp_path / "run").records[0].records.episodes) == 40


def test_a_packed_file_that_was_cut_is_refused(tmp_path):
    for record in records("para", 18):
        append_record(tmp_path / "lr.jsonl", record)
    whole = (tmp_path / "lr.jsonl").read_bytes()
    assert len(read_records(tmp_path / "lr.jsonl").episodes) == 40
    for cut in (1, 40):
        (tmp_path / "lr.jsonl.gz").write_bytes(gzip.compress(whole[:-cut]))
        with pytest.raises(RecordsError, match="its last line is cut off"):
            read_records(tmp_path / "lr.jsonl.gz")
