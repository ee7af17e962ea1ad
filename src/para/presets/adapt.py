"""Presets are written for LIBERO's table; here they are moved to the workspace and the camera of other demonstrations."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from para.dataset import Orbit, SampleTable
from para.geometry import FootBins, HeightBins, LevelFraming
from para.heads import FittedConfig, StepwiseConfig
from para.training import TrainConfig
from para.types import Box

if TYPE_CHECKING:
    from para.demos import DemoMeta


def for_demos(config: TrainConfig, meta: DemoMeta, camera: str | None = None) -> TrainConfig:
    """The configuration for demonstrations of this workspace, camera and hand; as it is where they are the preset's own.

    Heights keep their distance from the workspace's floor, or their share of its height where it is lower; places and
    widths on the table keep their share of it. It looks through `camera`; without one through the only camera that
    there is, or the preset's. The end-effector frame is the demonstrations'.
    """
    policy, new = replace(config.policy, ee_frame=meta.ee_frame.rpartition("/")[2]), meta.workspace
    if camera is not None or len(meta.cameras) == 1:
        policy = replace(policy, camera=camera or meta.cameras[0].name)
    if new == policy.workspace:
        return replace(config, policy=policy)
    move = _Move(policy.workspace, new)
    moved = _change(replace(config, policy=policy), move.changes())
    return replace(moved, policy=replace(moved.policy, workspace=new))


JUMP = 1.5
"""A step so many times as long as the longest that was shown is none of an arm's."""


def fitted(config: TrainConfig, samples: SampleTable) -> TrainConfig:
    """The configuration with what head and execution take from the demonstrations' statistics."""
    head, execution = config.policy.head, config.policy.execution
    if execution.stride is None:
        execution = replace(execution, stride=_longest_step(samples) * JUMP)
    if isinstance(head, FittedConfig):
        head = head.fitted(samples)
    elif isinstance(head, StepwiseConfig) and isinstance(head.head, FittedConfig):
        head = replace(head, head=head.head.fitted(samples))
    if head is config.policy.head and execution is config.policy.execution:
        return config
    return replace(config, policy=replace(config.policy, head=head, execution=execution))


def _longest_step(samples: SampleTable) -> float:
    """From one target to the next [m], to the millimetre above."""
    both = samples.target_valid[:, 1:]  # a chunk's targets end, if at all, at its end
    steps = np.linalg.norm(np.diff(samples.target_positions, axis=1), axis=2)[both]
    return math.ceil(1000 * steps.max()) / 1000 if steps.size else 0.0


class _Move:
    """From one workspace to another."""

    def __init__(self, old: Box, new: Box) -> None:
        self.old, self.new = old, new

    def changes(self) -> dict[type, Callable[[Any], Any]]:
        """What becomes of each kind of thing that has a place."""
        return {
            HeightBins: lambda b: replace(b, low=self.new.low[2], high=self.new.high[2]),
            FootBins: lambda b: replace(b, low=self.new.low[2], high=self.new.high[2], ground=self.height(b.ground)),
            LevelFraming: lambda f: LevelFraming(self.point(f.centre), f.span * self.scale),
            Orbit: lambda o: replace(
                o, centre=self.point(o.centre), planes=o.planes and (self.height(o.planes[0]), self.height(o.planes[1]))
            ),
        }

    @property
    def scale(self) -> float:
        """Of the wider horizontal side."""
        return max(_sides(self.new)[:2]) / max(_sides(self.old)[:2])

    def height(self, z: float) -> float:
        """[m], world."""
        return self.new.low[2] + (z - self.old.low[2]) * min(1.0, _sides(self.new)[2] / _sides(self.old)[2])

    def point(self, place: tuple[float, float, float]) -> tuple[float, float, float]:
        """[m], world."""
        shares = [(p - low) / side for p, low, side in zip(place, self.old.low, _sides(self.old))]
        x, y = (low + share * side for share, low, side in zip(shares[:2], self.new.low, _sides(self.new)))
        return x, y, self.height(place[2])


def _sides(box: Box) -> list[float]:
    return [high - low for low, high in zip(box.low, box.high)]


def _change(value: Any, changes: dict[type, Callable[[Any], Any]]) -> Any:
    """A configuration with every part of one of these types changed."""
    if type(value) in changes:
        return changes[type(value)](value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _change(getattr(value, f.name), changes) for f in dataclasses.fields(value) if f.init}
        return replace(value, **fields)
    if isinstance(value, tuple):
        return tuple(_change(part, changes) for part in value)
    return value
