"""Films of episodes that are on record: runs them again by the same weights and keeps what the camera saw.

The first conditions of a row, so that policies can be seen on the same ones, and the first that it failed. No condition is
asked that has not been asked; an episode that ends otherwise than on record (another machine may round otherwise) is told and
leaves no film. The report shows what lies in RUN/videos.

    python runs/films.py --run results/lr --records results/lr/records/lr.jsonl.gz --axis lr --name para \
        --policy outputs/lr/train/para/policy                                                   # seconds for each episode
"""

import argparse
import sys
from pathlib import Path

from para.evaluation.agents import AgentSpec, libero_setup
from para.evaluation.records import EpisodeRecord, Settings, read_records
from para.evaluation.video import VideoRecorder, video_path
from para.worlds.world import rollout


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", type=Path, help="the saved policy; none for the expert")
    parser.add_argument("--name", required=True, help="its name in the table")
    parser.add_argument("--axis", required=True)
    parser.add_argument("--split", choices=("validation", "in_distribution", "test"), default="test")
    parser.add_argument("--records", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="the folder whose videos/ gets the films")
    parser.add_argument("--first", type=int, default=1, help="how many of the first conditions")
    parser.add_argument("--failed", type=int, default=1, help="and how many of the first that failed")
    asked = parser.parse_args()
    kind = "expert" if asked.policy is None else "policy"
    spec = AgentSpec(asked.name, kind, asked.policy)
    settings = Settings("servo", 600, (256, 256))
    world, agent = libero_setup(spec, settings)
    subject = spec.subject()
    found = [
        r
        for r in read_records(asked.records).episodes
        if (r.subject, r.settings, r.condition.axis, r.condition.split) == (subject, settings, asked.axis, asked.split)
    ]
    if not found:
        sys.exit(f"{asked.records} has no {asked.split} episodes of {asked.axis} by {subject}")
    for record in chosen(found, asked.first, asked.failed):
        condition = record.condition
        path = video_path(asked.run / "videos", condition.axis, asked.name, condition.split, condition.index)
        stage = rollout(world, agent, condition.layout, [VideoRecorder(path)], settings.max_steps).outcome.stage
        if stage != record.stage:
            path.unlink()
            print(f"{condition.axis} {condition.index}: {stage.value} now, {record.stage.value} on record; no film")
        else:
            print(f"{stage.value:6}-> {path}")
    world.close()


def chosen(records: list[EpisodeRecord], first: int, failed: int) -> list[EpisodeRecord]:
    """The first records by index, and the first failures behind them."""
    records = sorted(records, key=lambda r: r.condition.index)
    return records[:first] + [r for r in records[first:] if not r.placed][:failed]


if __name__ == "__main__":
    main()
