"""A training that mostly waits for data, in a process of its own: `python waiting.py FOLDER`, stopped by a test."""

import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from para.dataset import BatchStream
from para.training import train
from toy import toy_samples
from training.test_training import QUICK


class Slowly(BatchStream):
    """Batches that take longer than a step."""

    def __getitem__(self, step: int):
        time.sleep(0.5)
        return super().__getitem__(step)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
    torch.set_num_threads(1)
    import para.training.loop

    para.training.loop.BatchStream = Slowly
    train(replace(QUICK, steps=1000, loader_workers=1), toy_samples(), Path(sys.argv[1]), quiet=True)
