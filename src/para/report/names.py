"""Which axes and policies belong together, and in which order they stand, by their names."""

from __future__ import annotations

import re

from para.evaluation.agents import REFERENCES, is_reference
from para.evaluation.axes import AXES


def group_of(axis: str) -> str:
    """``scaling_n8_d1`` -> ``scaling_n8``: axes that differ in the draw of their training set alone are one row."""
    return re.sub(r"_d\d+$", "", axis)


def members(group: str) -> list[str]:
    """The axes of a group, as far as this version knows them."""
    return [name for name in AXES if group_of(name) == group]


def axis_title(name: str) -> str:
    """What changes, for people; the name itself where this version does not know the axis."""
    known = AXES.get(name) or next((AXES[member] for member in members(name)), None)
    if known is not None:
        return re.sub(r" \(draw \d+\)", "", known.title)
    n = demonstrations(name)
    return name if n is None else f"{n} demonstration{'' if n == 1 else 's'} → the whole table"


def demonstrations(axis: str) -> int | None:
    """How many demonstrations an axis of the family ``scaling`` has, which is in its name; None for other axes."""
    found = re.fullmatch(r"scaling_n(\d+)(?:_d\d+)?", axis)
    return int(found[1]) if found else None


def is_ours(policy: str) -> bool:
    """`para` and what is made of it (another number of steps, a corrected camera); the published head is a rival."""
    return policy.startswith("para") and not policy.startswith("para_paper")


CAMERA_FREE = ("act", "cls_regression", "diffusion")
"""Policies that are given the picture and nothing of the camera; their variants with a longer name are told it."""


def rank(policy: str) -> tuple[int, str]:
    """Ours first, its variants, then rivals, references last."""
    if is_reference(policy):
        return 3 + REFERENCES.index(policy.split("_")[0]), policy
    return (0 if policy == "para" else 1 if policy.startswith("para") else 2), policy
