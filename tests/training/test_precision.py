"""Half precision is used where it pays, and never where it would slow training down many times."""

import time
from contextlib import nullcontext

import torch

from para.training.precision import resolved

CPU = torch.device("cpu")


def seconds(*contexts) -> list[float]:
    """Of this thread in each context: the fastest of some passes, taken in turns, through a layer such as networks have. What
    other processes do counts little: it is the processor's time, and all contexts meet the same load."""
    layer = torch.nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last)
    image, times = torch.rand(4, 64, 28, 28).to(memory_format=torch.channels_last), []
    for _ in range(10):
        times.append([])
        for context in contexts:
            began = time.thread_time()
            with context, torch.no_grad():
                layer(image)
            times[-1].append(time.thread_time() - began)
    return [min(column) for column in zip(*times)]


def test_the_precision_chosen_for_this_machine_is_not_many_times_slower():
    """Where half precision is only converted back and forth it takes up to thirty times as long."""
    chosen = resolved("auto", CPU)
    autocast = torch.autocast("cpu", torch.bfloat16) if chosen == "bf16" else nullcontext()
    half, single = seconds(autocast, nullcontext())
    assert half < 5 * single


def test_what_is_asked_for_is_done():
    assert resolved("bf16", CPU) == "bf16"
    assert resolved("no", CPU) == "no"
    assert resolved("auto", torch.device("meta")) == "no"
