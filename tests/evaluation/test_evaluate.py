"""Episodes in parallel: resumed, retried, killed, filmed, counted."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import av
import pytest

from evaluation.fake_world import FakeAgent, FakeWorld, Inline, conditions, fake_setup
from para.evaluation import AgentSpec, EvaluationError, RecordsError, evaluate, read_ledger, read_records
from para.evaluation.records import EpisodeError, append_record
from para.worlds.world import Stage
from patience import PATIENCE, wait_for


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PARA_TEST_FOLDER", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def run(tmp_path: Path, name: str = "good", n: int = 4, **options):
    options = {"executor": Inline, "max_steps": 60, "setup": fake_setup, **options}
    spec = replace(AgentSpec(name, "expert"), mode=options.pop("mode", "servo"))
    return evaluate(
        spec, conditions(n, options.pop("split", "validation")), tmp_path / "lr.jsonl",
        progress=lambda progress: None, **options,
    )  # fmt: skip


def test_every_episode_is_recorded_with_its_outcome(tmp_path):
    result = run(tmp_path)
    assert [r.stage for r in result.records] == [Stage.PLACE, Stage.GRASP] * 2
    assert [r.steps for r in result.records] == [30, 60, 30, 60]
    assert [r.ended_by for r in result.records] == ["finished", "limit"] * 2
    assert not result.errors
    assert result.records[0].provenance.versions[0][0] == "python"


def test_it_resumes_where_it_stopped(tmp_path):
    seen = []
    run(tmp_path, n=2)
    result = evaluate(
        AgentSpec("good", "expert"), conditions(5), tmp_path / "lr.jsonl", setup=fake_setup, executor=Inline,
        max_steps=60, progress=seen.append,
    )  # fmt: skip
    assert len(result.records) == 5
    assert [p.done for p in seen] == [3, 4, 5] and seen[-1].total == 5
    assert len((tmp_path / "lr.jsonl").read_text().splitlines()) == 5


def test_other_settings_do_not_mix_into_a_table(tmp_path):
    run(tmp_path)
    with pytest.raises(
        RecordsError, match=r"good has lr validation 0 recorded under another settings.*another records file"
    ):
        run(tmp_path, max_steps=61)


def test_an_error_is_resolved_by_a_run_whose_settings_were_mended(tmp_path):
    """What failed before acting may have failed for the settings."""
    records = tmp_path / "lr.jsonl"
    first = run(tmp_path, n=2).records[0]
    records.unlink()
    wrong = replace(first.settings, image_size=(5000, 5000))
    shared = {"subject": first.subject, "condition": first.condition, "provenance": first.provenance}
    append_record(records, EpisodeError(**shared, settings=wrong, cause="cannot render", attempts=3))
    assert len(read_records(records).errors) == 1
    run(tmp_path, n=2)
    assert read_records(records).errors == () and len(read_records(records).episodes) == 2


def test_an_agent_needs_a_name():
    with pytest.raises(ValueError, match="without a name"):
        AgentSpec("", "expert")


def test_a_policy_and_the_oracle_on_its_grid_are_never_one_row():
    folder = Path("runs/lr/train/para/policy")
    names = [AgentSpec.named_by_folder(kind, folder).name for kind in ("policy", "oracle")]
    assert [*names, AgentSpec.named_by_folder("policy", folder, locator=folder).name] == [
        "para",
        "oracle_para",
        "para_corrected",
    ]
    with pytest.raises(ValueError, match="an oracle is called oracle_NAME"):
        AgentSpec("para", "oracle", folder)
    with pytest.raises(ValueError, match="give the policy another name"):
        AgentSpec("oracle_para", "policy", folder)


def test_both_modes_stand_in_one_file_and_either_goes_on(tmp_path):
    run(tmp_path, n=2)
    run(tmp_path, n=2, mode="realtime")
    before = (tmp_path / "lr.jsonl").read_text()
    run(tmp_path, n=2)
    assert (tmp_path / "lr.jsonl").read_text() == before
    assert [r.settings.mode for r in run(tmp_path, n=3).records] == ["servo"] * 3


def test_when_the_last_few_fail_the_others_still_count(tmp_path):
    run(tmp_path, n=3)
    path = tmp_path / "lr.jsonl"
    path.write_text(path.read_text().replace('"policy":"good"', '"policy":"early-always"'))
    result = run(tmp_path, "early-always", n=6)
    assert (len(result.records), len(result.errors)) == (3, 3)
    with pytest.raises(EvaluationError, match="3 episodes have no outcome .* start the same again"):
        result.finished()


def test_an_exception_before_the_first_action_is_run_again(tmp_path):
    result = run(tmp_path, "early-once")
    assert [r.attempts for r in result.records] == [2] * 4
    assert not result.errors


def test_attempts_count_over_calls_and_each_call_has_as_many(tmp_path):
    """Each call tries an episode three times; what is on record of earlier calls counts on, for its own mode alone."""
    tried, troubles = Counter(), 7

    def troubled(spec, settings):
        world = FakeWorld()
        agent = FakeAgent(world, spec.name, tmp_path)

        def reset():
            tried[settings.mode, world.layout.seed] += 1
            if world.layout.seed == 1 and tried[settings.mode, 1] <= troubles:
                raise OSError("no luck")

        agent.reset = reset
        return world, agent

    for tries, error in ((3, 3), (6, 6), (8, None), (8, None)):
        result = run(tmp_path, n=3, setup=troubled)
        assert tried["servo", 1] == tries and [e.attempts for e in result.errors] == ([error] if error else [])
    assert [r.attempts for r in result.records] == [1, 8, 1] and tried["servo", 0] == 1
    tried.clear()
    run(tmp_path / "both", n=3, setup=troubled)
    assert [e.attempts for e in run(tmp_path / "both", n=3, mode="realtime", setup=troubled).errors] == [3]


def test_an_exception_after_the_first_action_is_the_policys_failure(tmp_path):
    result = run(tmp_path, "late-always")
    assert {r.ended_by for r in result.records} == {"failure: OSError: late trouble"}
    assert [r.steps for r in result.records] == [5] * 4
    assert {r.attempts for r in result.records} == {1}


@pytest.mark.parametrize("name", ["early-always", "broken-setup"])
def test_it_gives_up_when_nothing_runs(tmp_path, name):
    with pytest.raises(EvaluationError, match=r"OSError: early trouble|RuntimeError: no OpenGL here"):
        run(tmp_path, name, n=50)
    assert len(read_records(tmp_path / "lr.jsonl").errors) == 3


def test_a_killed_worker_is_replaced_and_its_episode_run_again(tmp_path):
    result = run(tmp_path, "early-kill", n=6, executor=None, workers=2)
    assert len(result.records) == 6 and not result.errors
    assert max(r.attempts for r in result.records) == 2


def test_an_episode_that_always_kills_its_worker_stays_an_error_and_spares_the_others(tmp_path):
    result = run(tmp_path, "late-kill forever", n=6, executor=None, workers=2)
    assert [e.condition.index for e in result.errors] == [3]
    assert "killed" in result.errors[0].cause and result.errors[0].attempts == 3
    assert sorted(r.condition.index for r in result.records) == [0, 1, 2, 4, 5]


def test_ctrl_c_stops_at_once_and_keeps_what_is_done(tmp_path):
    script = f"""
import sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from para.evaluation import AgentSpec, evaluate
from evaluation.fake_world import conditions, fake_setup
if __name__ == "__main__":
    evaluate(AgentSpec("slow", "expert"), conditions(1000), Path({str(tmp_path / "lr.jsonl")!r}),
             setup=fake_setup, workers=1, max_steps=60)
"""
    file = tmp_path / "script.py"
    file.write_text(script)
    process = subprocess.Popen(
        [sys.executable, str(file)],
        stderr=subprocess.PIPE,
        start_new_session=True,
        # A test run in the background inherits an ignored SIGINT, and so would this process.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    records = tmp_path / "lr.jsonl"
    wait_for(lambda: records.exists() and records.read_bytes().endswith(b"\n"), process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: parent and workers get it
    process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert 1 <= len(read_records(records).episodes) < 1000


def test_the_first_episodes_are_filmed(tmp_path):
    run(tmp_path, videos=tmp_path / "videos", video_count=2)
    films = sorted(p.relative_to(tmp_path / "videos").as_posix() for p in (tmp_path / "videos").rglob("*"))
    assert [f for f in films if f.endswith("4")] == [
        "lr/good/validation_000.mp4",
        "lr/good/validation_001.mp4",
    ]
    with av.open(str(tmp_path / "videos/lr/good/validation_000.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        frames = [f.to_ndarray(format="rgb24").mean() for f in container.decode(stream)]
    assert len(frames) == 10 + 27  # every third of 30 steps, then the last picture held for a second
    assert frames == sorted(frames)


def test_a_test_evaluation_enters_the_ledger_once(tmp_path):
    for _ in range(2):  # the second has nothing left to run and so has not looked
        run(tmp_path, split="test", ledger=tmp_path / "ledger.jsonl")
    run(tmp_path, "other", split="validation", ledger=tmp_path / "ledger.jsonl")
    (entry,) = read_ledger(tmp_path / "ledger.jsonl")
    assert (entry.policy, entry.axis, entry.n, entry.checkpoint) == ("good", "lr", 4, "expert")


def test_a_policy_is_not_asked_test_conditions_without_a_ledger(tmp_path):
    spec = AgentSpec("para", "policy", tmp_path / "policy")
    with pytest.raises(ValueError, match=r"'para' is asked test conditions without a ledger: name the file"):
        evaluate(spec, conditions(2, "test"), tmp_path / "lr.jsonl", setup=fake_setup)
    assert not (tmp_path / "lr.jsonl").exists()


def test_a_torn_last_line_is_cut_and_its_episode_run_again(tmp_path):
    run(tmp_path)
    path = tmp_path / "lr.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    assert len(read_records(path).episodes) == 3
    assert len(run(tmp_path).records) == 4
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_other_damage_is_named(tmp_path):
    run(tmp_path)
    path = tmp_path / "lr.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:50], *lines[2:]]) + "\n")
    with pytest.raises(RecordsError, match=r"lr\.jsonl:2: not an episode record"):
        read_records(path)


def test_packed_records_are_read_and_not_added_to(tmp_path):
    result, packed = run(tmp_path), tmp_path / "lr.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "lr.jsonl").read_bytes()))
    assert set(read_records(packed).episodes) == set(result.records)
    for asked in (packed, tmp_path / "lr.jsonl"):
        with pytest.raises(RecordsError, match=r"packed, and only read; to add to it, first `gunzip .*lr\.jsonl\.gz`"):
            evaluate(AgentSpec("good", "expert"), conditions(6), asked)
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(RecordsError, match=r"lr\.jsonl\.gz: not a whole gzip file"):
        read_records(packed)


def test_records_read_back_as_they_were(tmp_path):
    result = run(tmp_path)
    assert set(read_records(tmp_path / "lr.jsonl").episodes) == set(result.records)
    assert result.records[0].condition == conditions(4)[0]


def test_agent_specs_say_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match="needs the folder of a saved policy"):
        AgentSpec("para", "policy")
    with pytest.raises(FileNotFoundError, match="no saved policy at"):
        AgentSpec("para", "policy", tmp_path).subject()
