"""The row ``oracle``: grid, decoding and control without a network's errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from para.control import ChunkExecutor, ExecutorConfig, OraclePolicy, Trajectory
from para.geometry import VolumeGrid
from para.heads import StepwiseConfig, VolumeHeadConfig
from para.policy import Policy
from para.types import CONTROL_HZ, Command, Observation, RobotState
from para.worlds.libero.libero_world import LiberoWorld
from para.worlds.libero.teacher import ScriptedTeacher
from para.worlds.world import Agent, Subscriber, World, rollout

REST = CONTROL_HZ
"""Control steps for which the oracle stays where the demonstration ends: a placed bowl is watched for half a second."""


class OracleAgent:
    """Before each episode lets the teacher do it, then follows the teacher's motion through the policy's grid."""

    def __init__(self, world: LiberoWorld, policy: Policy, config: ExecutorConfig) -> None:
        # The oracle knows the moment: its chunks begin where the arm is, and none of them is left out.
        self._world, self._policy, self._config = world, policy, replace(config, slack=0.0, stride=0.0)
        self._grid = grid_of(policy)
        self._executor: ChunkExecutor | None = None

    def reset(self) -> None:
        """Record the teacher in the running episode's layout, then start the episode again."""
        layout, tape = self._world.layout, _Tape()
        rollout(self._world, ScriptedTeacher(self._world), layout, [tape])
        self._world.reset(layout)
        policy = self._policy.config
        head = policy.head.head if isinstance(policy.head, StepwiseConfig) else policy.head
        sub_cell = isinstance(head, VolumeHeadConfig) and head.within_cells
        oracle = OraclePolicy(
            tape.trajectory(),
            self._grid,
            policy.input_camera,
            policy.camera,
            policy.horizon,
            sub_cell,
            self._world.camera,
        )
        self._executor, self._last, self._rest = ChunkExecutor(oracle, self._config), None, REST

    def act(self, state: RobotState, observe: Callable[[], Observation]) -> Command | None:
        """The executor's command; at the end its last one for a while, as a policy that has nothing more to do stays."""
        assert self._executor is not None, "reset() comes first"
        if not self._executor.policy.finished or self._executor.busy:
            self._last = self._executor.act(state, observe)
            return self._last
        self._rest -= 1
        return self._last if self._rest >= 0 else None


def grid_of(policy: Policy) -> VolumeGrid:
    """The volume that a policy points into. ValueError for one that does not point."""
    if not hasattr(policy.network.head, "volume"):
        raise ValueError(
            f"an oracle needs a policy with a volume head, this one has {type(policy.config.head).__name__}"
        )
    return policy.network.head.volume(*policy.config.image_size)


@dataclass
class _Tape(Subscriber):
    """A subscriber that remembers the motion and renders nothing."""

    states: list[RobotState] = field(default_factory=list)
    grips: list[float] = field(default_factory=list)

    def before_step(self, world: World, agent: Agent, command: Command) -> None:
        self.states.append(world.state())
        self.grips.append(command.gripper)

    def trajectory(self) -> Trajectory:
        """What was seen."""
        poses = [state.T_world_ee for state in self.states]
        return Trajectory(
            np.array([p.translation for p in poses]), np.array([p.rotation for p in poses]), np.array(self.grips)
        )
