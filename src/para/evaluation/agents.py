"""Which agent to evaluate, small enough to be sent to a worker, and how the worker builds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from para.control import ChunkExecutor, CorrectedPolicy, ExecutorConfig, Mode
from para.evaluation.records import Settings, Subject
from para.heads import LocatorConfig
from para.policy import Policy, checkpoint_hash, saved_config
from para.worlds.world import Agent, World

REFERENCES = ("expert", "oracle")
"""Rows that are no policies: they show what the task and the grid allow."""


def is_reference(name: str) -> bool:
    """Whether a row of this name is the expert's or an oracle's, which may be named after the policy whose grid it borrows."""
    return name in REFERENCES or name.startswith("oracle_")


Kind = Literal["policy", "expert", "oracle"]
"""``expert``: the scripted teacher. ``oracle``: the teacher's motion, quantised to a policy's grid and executed as its
chunks would be; what it cannot do, no policy on that grid can."""


@dataclass(frozen=True)
class AgentSpec:
    """A row of the table."""

    name: str
    """Name in records and report, e.g. ``para``."""
    kind: Kind
    path: Path | None = None
    """Folder of the saved policy; the oracle's is the policy whose grid it uses. None for the expert."""
    mode: Mode = "servo"
    locator: Path | None = None
    """Folder of the saved locator that corrects the policy's camera while it runs; None takes the camera as reported."""

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("an agent without a name would be a row without one; give it a name (`--name`)")
        if self.locator is not None and self.kind != "policy":
            raise ValueError(
                f"agent {self.name!r}: the {self.kind} knows the true camera; a locator goes with a policy"
            )
        if (self.path is None) != (self.kind == "expert"):
            raise ValueError(
                f"agent {self.name!r} of kind {self.kind!r}: a policy or an oracle needs the folder of a saved policy, "
                f"the expert has none; got {self.path}"
            )
        # The oracle's weights are those of the policy whose grid it borrows: only its name tells the two apart on record.
        if self.kind == "oracle" and not is_reference(self.name):
            raise ValueError(
                f"agent {self.name!r}: an oracle is called oracle_NAME, or it would stand for the policy itself"
            )
        if self.kind == "policy" and is_reference(self.name):
            raise ValueError(
                f"agent {self.name!r}: this is what rows of reference are called; give the policy another name"
            )

    @classmethod
    def named_by_folder(
        cls, kind: Kind, path: Path | None = None, mode: Mode = "servo", locator: Path | None = None
    ) -> AgentSpec:
        """Called as the policy's folder is, or the folder around it where it is ``policy``; ``oracle_`` before it for an
        oracle, ``_corrected`` behind it with a locator."""
        if path is None:
            return cls("expert", kind, path, mode, locator)
        folder = path.resolve()
        name = folder.parent.name if folder.name == "policy" else folder.name
        named = f"oracle_{name}" if kind == "oracle" else f"{name}_corrected" if locator else name
        return cls(named, kind, path, mode, locator)

    def subject(self) -> Subject:
        """Name and hash of the weights. FileNotFoundError where there is no saved policy, ValueError where policy and locator
        are not what they are given for."""
        if self.path is None:
            return Subject(self.name, "expert")
        parts = [self.path] if self.locator is None else [self.path, self.locator]
        for path in parts:
            if not (path / "model.safetensors").exists():
                raise FileNotFoundError(
                    f"agent {self.name!r}: no saved policy at {path}; train it (`para train`) or correct the path"
                )
        if isinstance(saved_config(self.path).head, LocatorConfig):
            raise ValueError(f"agent {self.name!r}: {self.path} is a locator, which finds the hand and plans nothing")
        if self.locator is not None and not isinstance(saved_config(self.locator).head, LocatorConfig):
            raise ValueError(
                f"agent {self.name!r}: {self.locator} is no locator; train one (`para train --preset locator`)"
            )
        return Subject(self.name, "+".join(checkpoint_hash(path) for path in parts))


Setup = Callable[[AgentSpec, Settings], tuple[World, Agent]]
"""Builds world and agent inside a worker; a function at the top level of a module, so that it can be sent there."""


def libero_setup(spec: AgentSpec, settings: Settings) -> tuple[World, Agent]:
    """A LIBERO world and the agent that `spec` names. Expert and oracle are privileged and read the world."""
    from para.worlds.libero.libero_world import LiberoWorld
    from para.worlds.libero.teacher import ScriptedTeacher

    world = LiberoWorld(settings.image_size)
    if spec.kind == "expert":
        return world, ScriptedTeacher(world)
    assert spec.path is not None  # checked by AgentSpec
    policy = Policy.from_pretrained(spec.path, _device())
    executor = ExecutorConfig.of(policy, spec.mode)
    if spec.kind == "oracle":
        from para.evaluation.oracle import OracleAgent

        return world, OracleAgent(world, policy, executor)
    if spec.locator is None:
        return world, ChunkExecutor(policy, executor)
    corrected = CorrectedPolicy(policy, Policy.from_pretrained(spec.locator, _device()))
    return world, ChunkExecutor(corrected, executor)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
