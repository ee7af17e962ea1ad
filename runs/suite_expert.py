"""How well the scripted expert does on the ten tasks of LIBERO-Spatial: what can be demonstrated, and asked of a policy.

On the axis's validation conditions, initial states that are neither shown nor tested, 10 a task; no pictures. Episodes are
appended to results/expert/suite.jsonl, so that a run that was stopped goes on; the table of tasks is printed and written to
results/expert/suite.json. Tasks below 90 % are listed: the axis's goal does not count them.

    python runs/suite_expert.py                   # 100 episodes, about two minutes on two quiet cores
    python runs/suite_expert.py --axis external_swap --split test --episodes 100
"""

import argparse
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path


def main() -> None:
    from para.evaluation.agents import AgentSpec
    from para.evaluation.axes import axis_named
    from para.evaluation.evaluate import evaluate
    from para.evaluation.statistics import wilson
    from para.report.teachable import MASTERED
    from para.worlds.libero.official import TASKS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axis", default="suite")
    parser.add_argument("--split", default="validation", choices=("validation", "in_distribution", "test"))
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results/expert"))
    arguments = parser.parse_args()
    conditions = getattr(axis_named(arguments.axis), f"{arguments.split}_conditions")(arguments.episodes)
    arguments.out.mkdir(parents=True, exist_ok=True)
    records = arguments.out / f"{arguments.axis}.jsonl"
    found = evaluate(AgentSpec("expert", "expert"), conditions, records, workers=arguments.workers).finished()
    rows = []
    for task, name in enumerate(TASKS):
        mine = [r for r in found if r.condition.layout.official.task == task]
        if not mine:
            continue
        stages = Counter(r.stage.value for r in mine)
        rate = wilson(stages["PLACE"], len(mine))
        rows.append({"task": task, "name": name, "stages": dict(stages), "place": asdict(rate)})
        place = (
            name.removeprefix("pick_up_the_black_bowl_").removesuffix("_and_place_it_on_the_plate").replace("_", " ")
        )
        mark = "" if rate.value >= MASTERED else f"   below {MASTERED:.0%}"
        print(f"{task}  {stages['PLACE']:3d}/{len(mine)} [{rate.low:.0%}, {rate.high:.0%}]  {place}{mark}")
    below = [row["task"] for row in rows if row["place"]["value"] < MASTERED]
    placed = sum(r.placed for r in found)
    print(f"all  {placed}/{len(found)}; below {MASTERED:.0%}: {below or 'none'}")
    commits = sorted({r.provenance.commit for r in found})  # each record holds all of where it comes from
    content = {"axis": arguments.axis, "split": arguments.split, "n": len(found), "commits": commits}
    content |= {"below": below, "tasks": rows}
    summary = arguments.out / f"{arguments.axis}.json"
    summary.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
