"""How far can `para check` be trusted? False alarms on clean sets, and wrong cameras found and named.

20 sets of 8 to 12 demonstrations from the simulator at 256 px, rigid and independent layouts in turn. Each is checked as
it is (any error is a false alarm), and then with one episode's camera turned by 3 deg about a random axis, shifted by 5 cm
in a random direction, or with its pictures mirrored: found only if exactly that episode is named. What is wrong is drawn
from the set's seed. Smaller errors, also drawn once a set, show where detection ends.
Written to results/check/check.json after each set: records, rates with Wilson 95 % intervals, versions and commit. Stop it
and repeat the command to go on; sets that another version of the check had judged are judged anew.

    python runs/check_rates.py                    # 200 demonstrations and 120 checks: 25 minutes on one quiet core
"""

import argparse
import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

import para.demos
from para.demos import CheckReport, DemoColumns, DemoDataset, check_dataset
from para.evaluation.provenance import provenance
from para.evaluation.statistics import wilson
from para.geometry import Camera, Pose
from para.worlds.libero.layout import TABLE, Layout, independent_layout, rigid_layout
from para.worlds.libero.record_demos import record_demos

FIRST_SEED = 500_000
CAMERA = "agentview"
TURNS = (1.0, 3.0)
"""[deg]; the largest is the published one, and so for the shifts."""
SHIFTS = (0.02, 0.05)
"""[m]"""


@dataclass(frozen=True)
class Wrong:
    """What is wrong with one episode's camera; nothing when all are zero."""

    kind: str
    """``clean`` | ``turned`` | ``shifted`` | ``mirrored``."""
    size: float = 0.0
    """[deg] or [m]."""
    direction: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Unit vector in the camera: axis of the turn, direction of the shift."""
    episode: int | None = None


class TamperedDataset(DemoDataset):
    """A demonstration set that reads as if one episode had been recorded with a wrong camera."""

    def __init__(self, source: DemoDataset, wrong: Wrong, pictures: dict) -> None:
        """`pictures` keeps what was decoded for the next trial with this set."""
        vars(self).update(vars(source))
        self.wrong, self.pictures = wrong, pictures

    def columns(self, episode: int, camera: str) -> DemoColumns:
        """The columns, with the wrong pose in place of the true one."""
        columns = super().columns(episode, camera)
        if episode != self.wrong.episode or self.wrong.kind not in ("turned", "shifted"):
            return columns
        width, height = self.image_size(camera)
        true = Camera(columns.intrinsics, Pose.from_matrix(columns.T_world_camera), width, height)
        by = np.array(self.wrong.direction) * self.wrong.size
        if self.wrong.kind == "turned":
            pose = true.rotate(np.deg2rad(np.tile(by, (len(columns), 1)))).T_world_camera
        else:
            pose = true.T_world_camera
            pose = Pose(pose.rotation, pose.translation + pose.rotation @ by)
        return replace(columns, T_world_camera=pose.matrix())

    def decode(self, episode: int, camera: str, frames=None) -> np.ndarray:
        """The pictures, mirrored where they are to be."""
        key = (episode, camera, None if frames is None else tuple(np.asarray(frames).tolist()))
        if key not in self.pictures:
            self.pictures[key] = super().decode(episode, camera, frames)
        images = self.pictures[key]
        mirrored = episode == self.wrong.episode and self.wrong.kind == "mirrored"
        return np.ascontiguousarray(images[:, :, ::-1]) if mirrored else images


def layouts_of(seed: int, count: int, arrangement: str) -> list[Layout]:
    """`count` random layouts over the whole table."""
    if arrangement == "independent":
        return [independent_layout(seed + i) for i in range(count)]
    rng = np.random.default_rng((seed, 5))
    return [rigid_layout(TABLE.sample(rng), seed + i) for i in range(count)]


def trials(seed: int, episodes: int) -> Iterator[Wrong]:
    """The clean set, and what is made wrong in it, one episode at a time."""
    rng = np.random.default_rng((seed, 6))

    def draw(kind: str, size: float) -> Wrong:
        direction = rng.normal(size=3)
        direction = tuple((direction / np.linalg.norm(direction)).round(6).tolist())
        return Wrong(kind, size, direction, int(rng.integers(episodes)))

    yield Wrong("clean")
    yield Wrong("mirrored", episode=int(rng.integers(episodes)))
    for size in reversed(TURNS):
        yield draw("turned", size)
    for size in reversed(SHIFTS):
        yield draw("shifted", size)


def judge(wrong: Wrong, report: CheckReport) -> dict:
    """One line of the records."""
    named = report.wrong_episodes
    whole = [f.what for f in report.findings if f.level == "error" and f.episode is None]
    right = report.ok if wrong.kind == "clean" else named == [wrong.episode] and not whole
    evidence = report.evidence[0]
    found = {"right": right, "named": named, "whole_set": whole}
    if wrong.episode is not None:
        found["measured"] = np.nan_to_num(evidence.error[wrong.episode], nan=-1).round(4).tolist()
    found["said"] = [f.what for f in report.findings if f.level == "error" and f.episode is not None]
    return {**asdict(wrong), **found, "limit": np.nan_to_num(evidence.limit, nan=-1).round(4).tolist()}


def main() -> None:
    """Record, check, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="to work on the check, take another one")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", type=Path, default=Path("outputs/check"), help="folder of the demonstrations")
    parser.add_argument("--pictures", action="store_true", help="draw each alarm, beside the demonstrations")
    parser.add_argument("--out", type=Path, default=Path("results/check/check.json"))
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    done = _read(arguments.out)
    begun, fresh = time.monotonic(), 0
    for i in range(arguments.sets):
        seed = arguments.first_seed + 1000 * i
        if str(seed) in done:
            continue
        arrangement = ("rigid", "independent")[i % 2]
        root = arguments.data / f"{arrangement}-{seed}"
        for _ in record_demos(layouts_of(seed, 8 + i // 2 % 5, arrangement), root, workers=arguments.workers):
            pass
        dataset = DemoDataset.open(root)
        records, decoded = [], {}
        for wrong in trials(seed, len(dataset)):
            name = f"{root.name}-{wrong.kind}-{wrong.size:g}"
            pictures = arguments.data / "pictures" / name if arguments.pictures else None
            records.append(judge(wrong, check_dataset(TamperedDataset(dataset, wrong, decoded), pictures)))
        done[str(seed)] = {"arrangement": arrangement, "demonstrations": len(dataset), "trials": records}
        _write(arguments.out, done)
        fresh += 1
        left = (time.monotonic() - begun) / fresh * (arguments.sets - len(done)) / 60
        bad = [f"{r['kind']} {r['size']:g}" for r in records if not r["right"]]
        print(f"set {i + 1}/{arguments.sets} ({root.name}, {len(dataset)} demonstrations)  {left:.1f} min left", end="")
        print(f"  not right: {', '.join(bad)}" if bad else "", flush=True)
    for name, rate in _rates(done).items():
        print(f"{name}: {rate['successes']}/{rate['n']} [{rate['low']:.0%}, {rate['high']:.0%}]")


def _rates(done: dict[str, dict]) -> dict[str, dict]:
    records = [record for one in done.values() for record in one["trials"]]
    clean = [record for record in records if record["kind"] == "clean"]
    rates = {"false alarm": asdict(wilson(sum(not r["right"] for r in clean), len(clean)))}
    for kind, size in sorted({(r["kind"], r["size"]) for r in records if r["kind"] != "clean"}):
        group = [r["right"] for r in records if (r["kind"], r["size"]) == (kind, size)]
        unit = {"turned": f" {size:g} deg", "shifted": f" {size * 100:g} cm"}.get(kind, "")
        rates[f"{kind}{unit}: exactly this episode named"] = asdict(wilson(sum(group), len(group)))
    return rates


def _version() -> str:
    """Digest of the check's own source."""
    files = sorted(Path(para.demos.__file__).parent.glob("check*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _read(path: Path) -> dict[str, dict]:
    """Sets that this version of the check has judged."""
    content = json.loads(path.read_text()) if path.exists() else {}
    return content["sets"] if content.get("check") == _version() else {}


def _write(path: Path, done: dict[str, dict]) -> None:
    content = {"rates": _rates(done), "check": _version(), "provenance": asdict(provenance()), "sets": done}
    text = (
        json.dumps(content, separators=(",", ":")).replace('{"kind"', '\n{"kind"').replace('],"check"', '],\n"check"')
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_text(text + "\n")
    os.replace(partial, path)


if __name__ == "__main__":
    main()
