"""Colours and marks of policies and stages, apart for colour-blind eyes, in light and in dark."""

from __future__ import annotations

from collections.abc import Sequence

from para.evaluation.agents import is_reference
from para.worlds.world import Stage

LIGHT = {
    "p0": "#0f6e6a", "p1": "#d64415", "p2": "#5b3a94", "p3": "#4395dc", "p4": "#d19a18", "p5": "#b8005e",
    "p6": "#3b3a2e", "p7": "#7c9f50", "reference": "#92989c",
}  # fmt: skip
"""On paper."""
DARK = {
    "p0": "#54bdb4", "p1": "#f26d52", "p2": "#a98ad0", "p3": "#62b6fb", "p4": "#dcb84c", "p5": "#ff6a9e",
    "p6": "#d3e6dc", "p7": "#b1c07f", "reference": "#8a8078",
}  # fmt: skip
"""On a dark screen."""
STAGE_LIGHT = {Stage.PLACE: "#0f6e6a", Stage.GRASP: "#c98a12", Stage.MISS: "#b5443a"}
STAGE_DARK = {Stage.PLACE: "#54bdb4", Stage.GRASP: "#e6b550", Stage.MISS: "#ec8376"}

RIVALS = ("p1", "p2", "p3", "p4", "p5", "p6", "p7")

MARKS = {
    "p0": "o", "p1": "s", "p2": "^", "p3": "D", "p4": "v", "p5": "P", "p6": "X", "p7": "h", "reference": "o",
}  # fmt: skip
"""A second sign beside the colour, in matplotlib's letters."""


def policy_styles(policies: Sequence[str]) -> dict[str, str]:
    """A style for each policy: ours, rivals by turns, references."""
    styles, rivals = {}, 0
    for name in policies:
        if is_reference(name):
            styles[name] = "reference"
        elif name == "para":
            styles[name] = "p0"
        else:
            styles[name] = RIVALS[rivals % len(RIVALS)]
            rivals += 1
    return styles


def style_sheet() -> str:
    """CSS variables and classes of all colours; dark ones where the reader's screen is dark."""

    def variables(colours: dict[str, str], stages: dict[Stage, str]) -> str:
        pairs = [*colours.items(), *((stage.value.lower(), colour) for stage, colour in stages.items())]
        return " ".join(f"--{name}: {colour};" for name, colour in pairs)

    classes = " ".join(f".{name} {{ --c: var(--{name}); }}" for name in LIGHT)
    return (
        f":root {{ {variables(LIGHT, STAGE_LIGHT)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {variables(DARK, STAGE_DARK)} }} }}\n{classes}\n"
    )
