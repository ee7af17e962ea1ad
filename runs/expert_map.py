"""Where the scripted expert succeeds: the 16 x 16 rigid grid, and random rigid and independent layouts; no pictures.

The map bounds what a policy can reach, because demonstrations come from this expert. The expert was
tuned on the grid's failures; the random layouts are held out. Written to
results/expert/expert.json: one record an episode, rates with Wilson 95 % intervals, versions and commit.

    python runs/expert_map.py                     # 556 episodes, about two minutes on two quiet cores
"""

import argparse
import json
import multiprocessing
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

FIRST_SEED = 90_000


def run(name: str, index: int, layout) -> dict:
    """One episode of the expert in this worker's world."""
    from para.worlds.libero.libero_world import LiberoWorld
    from para.worlds.libero.teacher import ScriptedTeacher
    from para.worlds.world import rollout

    if not hasattr(run, "world"):
        run.world = LiberoWorld()
    result = rollout(run.world, ScriptedTeacher(run.world), layout)
    outcome = {"stage": result.outcome.stage.value, "official": result.outcome.official}
    return (
        {"set": name, "index": index, "layout": layout.to_json()}
        | outcome
        | {
            "steps": result.steps,
            "ended_by": result.ended_by,
        }
    )


def main() -> None:
    from para.evaluation.provenance import provenance
    from para.evaluation.statistics import wilson
    from para.worlds.libero.layout import TABLE, independent_layout, rigid_layout, training_grid

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--independent", type=int, default=200, help="random independent layouts; half as many rigid")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results/expert/expert.json"))
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    rng = np.random.default_rng(FIRST_SEED)
    random_positions = [TABLE.sample(rng) for _ in range(arguments.independent // 2)]
    layouts = {
        "rigid": [rigid_layout(xy, seed) for seed, xy in enumerate(training_grid())],
        "rigid_random": [rigid_layout(xy, FIRST_SEED + i) for i, xy in enumerate(random_positions)],
        "independent": [independent_layout(FIRST_SEED + i) for i in range(arguments.independent)],
    }
    records = []
    with ProcessPoolExecutor(arguments.workers, multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(run, name, i, layout) for name, group in layouts.items() for i, layout in enumerate(group)]
        for job in jobs:
            records.append(job.result())
            if len(records) % 50 == 0:
                print(f"{len(records)} / {len(jobs)}", flush=True)
    summary = {}
    for name, group in layouts.items():
        stages = Counter(r["stage"] for r in records if r["set"] == name)
        rate = wilson(stages["PLACE"], len(group))
        summary[name] = {"n": len(group), "stages": dict(stages), "place": asdict(rate)}
        print(name, summary[name])
        for r in records:
            if r["set"] == name and r["stage"] != "PLACE":
                print("  ", r["stage"], r["ended_by"], r["steps"], r["layout"]["bowl_xy"], r["layout"]["plate_xy"])
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    content = {"summary": summary, "provenance": asdict(provenance()), "records": records}
    arguments.out.write_text(
        json.dumps(content, indent=None, separators=(",", ":")).replace('{"set"', '\n{"set"') + "\n"
    )


if __name__ == "__main__":
    main()
