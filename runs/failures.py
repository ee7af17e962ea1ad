"""Why a policy fails: runs episodes, names the cause of each failure by one rule (`para.evaluation.causes`), and counts.

Writes RUN/failures.json, which the report shows, and replaces this policy's and axis's rows in it. Validation conditions by
default: looking at failures is how things get mended, and test conditions are not for that.

    python runs/failures.py --policy outputs/default64/train/para/policy --name para --axis view --episodes 240 \
        --run results/default64                                                            # 4 minutes of one core

With `--records` those episodes are run again that failed in a finished table, of its test conditions by default: it says
why a published figure is what it is, by the same weights, and no condition is asked that has not been asked. How many ended
again as they are on record is counted, too.

    python runs/failures.py --policy outputs/lr/train/para/policy --name para --axis lr --run results/lr \
        --records results/lr/records/lr.jsonl.gz                                           # seconds for each failure
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from para.evaluation.agents import AgentSpec, libero_setup
from para.evaluation.axes import axis_named
from para.evaluation.causes import Cause, CauseWatch
from para.evaluation.conditions import Condition
from para.evaluation.provenance import provenance
from para.evaluation.records import Settings, Subject, read_records
from para.worlds.libero.layout import Layout
from para.worlds.world import Stage, rollout


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--name", required=True, help="the policy's name in the table")
    parser.add_argument("--axis", required=True)
    parser.add_argument("--split", choices=("validation", "in_distribution", "test"), help="test: with --records only")
    parser.add_argument("--episodes", type=int, default=120)
    parser.add_argument("--records", type=Path, help="run again what failed in this file, as this policy's rows tell")
    parser.add_argument("--run", type=Path, required=True, help="the folder that gets failures.json")
    asked = parser.parse_args()
    split = asked.split or ("test" if asked.records else "validation")
    if split == "test" and asked.records is None:
        parser.error("test conditions are looked at where they have failed on record: name the --records")
    axis, settings = axis_named(asked.axis), Settings("servo", 600, (256, 256))
    spec = AgentSpec(asked.name, "policy", asked.policy)
    stages: dict[Condition, Stage] = {}
    if asked.records is None:
        make = axis.validation_conditions if split == "validation" else axis.in_distribution_conditions
        conditions = list(make(asked.episodes))
        episodes = len(conditions)
    else:
        stages, episodes = failed_on_record(asked.records, (spec.subject(), settings, asked.axis, split))
        conditions = list(stages)
    world, agent = libero_setup(spec, settings)
    found: dict[str, list[tuple[int, Cause]]] = defaultdict(list)
    beside: dict[str, list[str]] = defaultdict(list)
    again = 0
    for done, c in enumerate(conditions, 1):
        watch = CauseWatch()
        outcome = rollout(world, agent, c.layout, [watch], settings.max_steps).outcome
        again += outcome.stage == stages.get(c)
        if watch.cause:
            found[watch.cause.words].append((c.index, watch.cause))
            beside[watch.cause.words] += object_beside(c.layout, world.carried_pose.translation[:2])
        failed = sum(map(len, found.values()))
        print(f"\r  {done}/{len(conditions)} episodes, {failed} failed", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    world.close()
    if stages:
        print(f"{again} of {len(stages)} failures ended again as on record")
    rows = []
    for words, cases in sorted(found.items(), key=lambda item: -len(item[1])):
        row = {"policy": asked.name, "axis": asked.axis, "split": split, "cause": words, "count": len(cases)}
        row |= {"of": sum(map(len, found.values())), "example": cases[0][0]}
        offsets = [cause.offset for _, cause in cases if cause.offset]
        if offsets:
            along, across = np.median(100 * np.array(offsets), 0)
            row["note"] = f"median {along:+.1f} cm along the line of sight, {across:+.1f} cm across"
        if names := Counter(beside[words]).most_common():
            told = f"{sum(n for _, n in names)} end within {100 * BESIDE:g} cm of a further object: "
            told += ", ".join(f"{name} {n}" for name, n in names)
            row["note"] = "; ".join([*([row["note"]] if "note" in row else []), told])
        rows.append(row)
        print(f"{row['count']:>4}  {words}  {row.get('note', '')}")
    write(asked.run / "failures.json", rows, (asked.name, asked.axis, split), episodes)


BESIDE = 0.10
"""A bowl that ends this near to a further object of the layout is on it or beside it [m]."""


def object_beside(layout: Layout, bowl_xy: np.ndarray) -> list[str]:
    """The name of the layout's further object that is nearest to where the bowl ended, if it is `BESIDE` it; else nothing."""
    distances = {o.name.rpartition("_")[0]: float(np.hypot(*(bowl_xy - o.xy))) for o in layout.objects}
    return [name for name in distances if distances[name] == min(distances.values()) <= BESIDE]


def failed_on_record(path: Path, row: tuple[Subject, Settings, str, str]) -> tuple[dict[Condition, Stage], int]:
    """How the failed episodes of a row (who, settings, axis, split) of a table ended, and of how many they are."""
    found = [
        r for r in read_records(path).episodes if (r.subject, r.settings, r.condition.axis, r.condition.split) == row
    ]
    if not found:
        sys.exit(f"{path} has no episodes of {row}: name, policy, axis and split must be those of the table")
    return {r.condition: r.stage for r in found if not r.placed}, len(found)


def write(path: Path, rows: list[dict], key: tuple[str, str, str], episodes: int) -> None:
    """Put the rows of (policy, axis, split) in place of those there were."""
    old = json.loads(path.read_text())["rows"] if path.exists() else []
    kept = [row for row in old if (row["policy"], row["axis"], row["split"]) != key]
    made_by = provenance()
    for row in rows:
        row |= {"commit": made_by.commit, "command": made_by.command, "episodes": episodes}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format": 1, "rows": kept + rows}, indent=1) + "\n")
    print(f"-> {path}")


if __name__ == "__main__":
    main()
