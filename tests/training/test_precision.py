"""Half precision is used where it pays, and never where it would slow training down many times."""

import time
from contextlib import nullcontext

import torch

from para.training.precision import resolved

CPU = torch.device("cpu")


def seconds(context) -> float:
    """The fastest of some passes through a layer such as the networks are made of."""
    layer = torch.nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last)
    image, times = torch.rand(4, 64, 28, 28).to(memory_format=torch.channels_last), []
    for _ in range(6):
        began = time.perf_counter()
        with context, torch.no_grad():
            layer(image)
        times.append(time.perf_counter() - began)
    return min(times)


def test_the_precision_chosen_for_this_machine_is_not_many_times_slower():
    chosen = resolved("auto", CPU)
    autocast = torch.autocast("cpu", torch.bfloat16) if chosen == "bf16" else nullcontext()
    assert seconds(autocast) < 3 * seconds(nullcontext())


def test_what_is_asked_for_is_done():
    assert resolved("bf16", CPU) == "bf16"
    assert resolved("no", CPU) == "no"
    assert resolved("auto", torch.device("meta")) == "no"
