"""A policy that is trained in stages, each of which begins with the backbone of one before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from para.dataset import SampleTable
from para.policy import Policy
from para.training.config import TrainConfig
from para.training.loop import train


@dataclass(frozen=True)
class Stage:
    """One training run of a recipe."""

    name: str
    """Its folder. Recipes share stages of one name, so that the second recipe finds them done."""
    train: TrainConfig
    after: str | None = None
    """The stage whose backbone it begins with."""
    videos: bool = False
    """Learns from the action-free videos too (a set of its own), not from the demonstrations alone."""


@dataclass(frozen=True)
class Recipe:
    """Stages in order; the last one's policy is the result."""

    name: str
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        done: set[str] = set()
        for stage in self.stages:
            if stage.after is not None and stage.after not in done:
                raise ValueError(
                    f"recipe {self.name!r}: stage {stage.name!r} comes after {stage.after!r}, which is not before it"
                )
            done.add(stage.name)

    @property
    def needs_videos(self) -> bool:
        """Whether a set of videos beside the demonstrations is asked for."""
        return any(stage.videos for stage in self.stages)

    def with_changes(self, seed: int, **last: object) -> Recipe:
        """With another seed throughout, and other fields of the last stage's training; None leaves one as it is."""
        stages = [replace(s, train=replace(s.train, seed=seed)) for s in self.stages]
        changes = {k: v for k, v in last.items() if v is not None}
        stages[-1] = replace(stages[-1], train=replace(stages[-1].train, **changes))
        return replace(self, stages=tuple(stages))


def train_recipe(
    recipe: Recipe,
    load: Callable[[TrainConfig, bool], tuple[TrainConfig, SampleTable]],
    folder: Path,
    resume: bool = True,
    provenance: dict[str, object] | None = None,
    tracker: str | None = None,
    quiet: bool = False,
) -> Policy:
    """Train stage after stage into `folder`/<stage>; what is done already is taken as it is.

    `load` gives a stage's configuration as fitted to its data, and the data, with the videos or without.
    """
    for number, stage in enumerate(recipe.stages, 1):
        if not quiet:
            print(f"[{number}/{len(recipe.stages)}] {recipe.name}: {stage.name}", file=sys.stderr, flush=True)
        config, samples = load(stage.train, stage.videos)
        start = None if stage.after is None else folder / stage.after / "policy"
        made_by = {**(provenance or {}), "recipe": recipe.name, "stage": stage.name}
        policy = train(config, samples, folder / stage.name, resume, made_by, tracker, quiet, start)
    return policy
