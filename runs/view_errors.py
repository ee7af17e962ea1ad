"""In which direction a policy's targets lie off when the camera is turned: along the line of sight, across it, or in height.

The scripted expert does the task in front of turned cameras that are no test's, the policy is asked at every fourth frame of
what it sees, and its targets are compared with where the expert's hand went. Medians of signed errors: what is the same in
every episode is a bias of the policy. Low targets are those of grasp and release. Written to results/view_errors/NAME.json.

    python runs/view_errors.py outputs/default64/train/para/policy               # 2 minutes of one core
"""

import argparse
import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import numpy as np

from para import Policy
from para.evaluation.agents import AgentSpec
from para.evaluation.provenance import provenance
from para.evaluation.sampling import sample_positions, stable_seed
from para.types import CONTROL_HZ, STEP_SECONDS, Command, Observation
from para.worlds.libero.camera import AIM, elevation, view_pose
from para.worlds.libero.layout import TABLE, rigid_layout
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.teacher import ScriptedTeacher
from para.worlds.world import Subscriber, rollout

RESULTS = Path("results/view_errors")
VIEWS = ((0.0, 0.0), (24.0, 281.25), (24.0, 236.25), (24.0, 348.75), (24.0, 101.25), (33.0, 56.25))
"""Polar angle and azimuth [deg]; none is a test's."""
LOW = 0.99
"""Targets under this height are those of grasp and release [m], world."""
STRIDE = round(STEP_SECONDS * CONTROL_HZ)
"""Control steps of a chunk's step."""


class Watch(Subscriber):
    """What was seen and commanded before every step."""

    def start(self, world: LiberoWorld, agent: ScriptedTeacher) -> None:
        self.seen: list[tuple[Observation, Command]] = []

    def before_step(self, world: LiberoWorld, agent: ScriptedTeacher, command: Command) -> None:
        self.seen.append((world.observe(), command))


def errors(policy: Policy, seen: list[tuple[Observation, Command]]) -> dict[str, list[np.ndarray]]:
    """Phase and height of the target -> (along, across, up) errors [m]."""
    path = np.stack([o.state.T_world_ee.translation for o, _ in seen])
    holds = np.array([command.gripper < 0.5 for _, command in seen])
    grasp, release = int(np.argmax(holds)), len(holds) - int(np.argmax(holds[::-1]))
    found = defaultdict(list)
    for t in range(0, release - STRIDE, STRIDE):
        observation = seen[t][0]
        camera = observation.view(policy.config.camera).camera
        along = (AIM - camera.T_world_camera.translation) * [1, 1, 0]
        along /= np.linalg.norm(along)
        axes = np.stack([along, np.cross([0, 0, 1], along), [0, 0, 1]])
        for k, position in enumerate(policy.predict(observation).positions):
            then = t + STRIDE * (k + 1)
            if then < release:
                phase = "reach" if then < grasp else "carry"
                height = "low" if path[then, 2] < LOW else "high"
                found[f"{phase} {height}"].append(axes @ (position - path[then]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", type=Path)
    parser.add_argument("--name", help="of the file and the row; the run folder's by default")
    parser.add_argument("--episodes", type=int, default=5, help="a camera")
    arguments = parser.parse_args()
    name = arguments.name or arguments.policy.parent.name
    policy, world = Policy.from_pretrained(arguments.policy), LiberoWorld()
    places = sample_positions(stable_seed("view", "errors"), TABLE, arguments.episodes)
    print(f"{'camera':>16} {'elevation':>10}  targets      n   along  across      up  [mm]")
    rows = []
    for view in VIEWS:
        found = defaultdict(list)
        for i, xy in enumerate(places):
            layout = rigid_layout(xy, stable_seed("view", "errors", str(i)), view=view)
            watch = Watch()
            rollout(world, ScriptedTeacher(world), layout, [watch])
            for key, values in errors(policy, watch.seen).items():
                found[key] += values
        height = round(elevation(view_pose(*view)), 1)
        for key, values in found.items():
            median = np.median(1000 * np.array(values), 0).round(1).tolist()
            rows.append({"view": view, "elevation_deg": height, "targets": key, "n": len(values), "median_mm": median})
            print(f"{view!s:>16} {height:>10}  {key:11}{len(values):>4}" + "".join(f"{x:>8}" for x in median))
    row = {
        "policy": asdict(AgentSpec(name, "policy", arguments.policy).subject()),
        "median_mm": ["along the line of sight, on the table", "across", "up"],
        "rows": rows,
        "provenance": asdict(provenance()),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n")
    print(f"-> {RESULTS / f'{name}.json'}")


if __name__ == "__main__":
    main()
