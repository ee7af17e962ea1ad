"""Demonstrations a minute: scripted episodes at 256 px and 20 Hz, encoded and committed to a dataset.

Limit: 40 a minute with two processes on two quiet cores. The start of the processes (imports, first picture) is not
counted; it is paid once for a whole set.

    python benchmarks/demo_speed.py               # about two minutes
"""

import argparse
import json
import os
import resource
import tempfile
import time

LIMIT = 40.0


def main() -> None:
    from para.worlds.libero.layout import independent_layout
    from para.worlds.libero.record_demos import record_demos

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demos", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", type=int, default=256, help="image width and height [px]")
    arguments = parser.parse_args()
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")
    layouts = [independent_layout(seed) for seed in range(arguments.demos)]
    with tempfile.TemporaryDirectory() as folder:
        began, counted, frames, kept = None, 0, 0, 0
        size = (arguments.size, arguments.size)
        for done, recorded in enumerate(record_demos(layouts, f"{folder}/set", size, arguments.workers), 1):
            if done > arguments.workers:  # every process has by then finished its first episode
                counted += 1
                frames += recorded.frames or 0
            elif done == arguments.workers:
                began, cpu = time.perf_counter(), _children_cpu()
            kept += recorded.frames is not None
        seconds = time.perf_counter() - began
    rate = 60 * counted / seconds
    row = {"demos_per_minute": round(rate, 1), "frames_per_second": round(frames / seconds, 1), "kept": kept}
    row |= {"of": len(layouts), "cpu_s_per_demo": round((_children_cpu() - cpu) / len(layouts), 2)}
    print(json.dumps(row | {"limit": LIMIT, "met": rate >= LIMIT}))


def _children_cpu() -> float:
    """CPU seconds of all finished child processes, start-up included."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
