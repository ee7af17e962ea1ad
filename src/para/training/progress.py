"""Progress of a long run: one line that is rewritten, a JSONL log, and where the time went."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from pathlib import Path


def keep_log(log: Path, step: int) -> None:
    """Cut a log back to the lines up to `step`, where a run goes on: later ones are of steps that it takes again."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    partial = log.with_name(f".{log.name}.part")
    partial.write_text("".join(kept))
    partial.replace(log)


def _seconds_before(log: Path | None) -> float:
    lines = log.read_text().splitlines() if log is not None and log.exists() else []
    return float(json.loads(lines[-1])["seconds"]) if lines else 0.0


class Progress:
    """Counts steps and seconds."""

    def __init__(self, log: Path | None, total: int, start: int, quiet: bool = False) -> None:
        """`log`: the JSONL file to append to, which says how long the steps before `start` took; None keeps none."""
        self.log, self.total, self.quiet = log, total, quiet
        self.began, self.start = time.perf_counter(), start
        self.recent: deque[tuple[float, float]] = deque(maxlen=50)
        self.waited, self.before = 0.0, _seconds_before(log)

    @property
    def seconds(self) -> float:
        """Of training, over all parts of an interrupted run."""
        return self.before + time.perf_counter() - self.began

    def step(self, step: int, row: dict[str, float] | None, waited: float, took: float) -> None:
        """One step is done; `waited` of its `took` seconds went to waiting for data. `row` is written, if there is one."""
        self.recent.append((took, waited))
        self.waited += waited
        seconds = sum(t for t, _ in self.recent) / len(self.recent)
        data = sum(w for _, w in self.recent) / max(1e-9, sum(t for t, _ in self.recent))
        if row is None:
            return
        if self.log is not None:
            rounded = {name: round(value, 5) for name, value in row.items()}
            line = {"step": step, **rounded, "step_seconds": round(seconds, 4), "data_share": round(data, 4)}
            with self.log.open("a") as file:
                file.write(json.dumps({**line, "seconds": round(self.seconds, 1)}) + "\n")
        if not self.quiet:
            left = (self.total - step) * seconds
            text = f"  step {step}/{self.total}  loss {row['loss']:.3f}  {seconds:.2f} s/step"
            text += f" ({data:.0%} waiting for data)  {left / 60:.1f} min left"
            end = "" if sys.stderr.isatty() else "\n"
            print(("\r" if sys.stderr.isatty() else "") + text, end=end, file=sys.stderr, flush=True)

    def say(self, message: str) -> None:
        """A line of its own."""
        if not self.quiet:
            print(("\n" if sys.stderr.isatty() else "") + f"  {message}", file=sys.stderr)

    def close(self, message: str) -> None:
        """The run is over."""
        self.say(f"{message} in {self.seconds / 60:.1f} min")
