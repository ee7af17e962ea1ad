"""The oracle: true future poses, quantised to a policy's grid. What it cannot do, no policy on that grid can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from para.geometry import Camera, VolumeGrid
from para.types import CONTROL_HZ, STEP_SECONDS, ActionChunk, Observation, RobotState


@dataclass(frozen=True)
class Trajectory:
    """A demonstrated motion at `CONTROL_HZ`."""

    positions: np.ndarray
    """(F, 3) measured end-effector positions [m], world."""
    rotations: np.ndarray
    """(F, 3, 3) measured R_world_ee."""
    gripper: np.ndarray
    """(F,) commanded opening."""


class OraclePolicy:
    """Predicts the demonstrated future from the nearest moment of the demonstration, through cells and bins."""

    def __init__(
        self,
        trajectory: Trajectory,
        grid: VolumeGrid,
        input_camera: Callable[[Camera], Camera],
        camera: str = "agentview",
        horizon: int = 6,
        sub_cell: bool = False,
        true_camera: Camera | None = None,
    ) -> None:
        """`input_camera`: from a picture's camera to that of the policy's input; `sub_cell`: keep the place inside the cell,
        as the policy's decoding reads that, too. `true_camera`: what the picture was taken with, where that is not the
        camera of the observation: the oracle points at the right pixel, and the wrong camera turns it into a target.
        """
        self.trajectory, self.grid, self.input_camera, self.sub_cell = trajectory, grid, input_camera, sub_cell
        self.camera, self.horizon, self.true_camera = camera, horizon, true_camera
        self.reset()

    def reset(self) -> None:
        """Start from the beginning of the demonstration."""
        self._frame = 0

    @property
    def finished(self) -> bool:
        """The demonstration is over: there is nothing more to imitate."""
        return self._frame >= len(self.trajectory.positions) - 2

    def predict(self, observation: Observation) -> ActionChunk:
        """The next T demonstrated poses through cells, bins and the policy's decoding (kept as they are outside them)."""
        self._frame = self._nearest(observation.state)
        step = round(STEP_SECONDS * CONTROL_HZ)
        last = len(self.trajectory.positions) - 1
        frames = np.minimum(self._frame + step * np.arange(1, self.horizon + 1), last)
        told = observation.view(self.camera).camera
        camera = self.input_camera(told)
        sees = camera
        if self.true_camera is not None:  # the picture is warped as if it came from the camera that was told
            sees = camera.move(self.true_camera.T_world_camera @ told.T_world_camera.inverse())
        true = self.trajectory.positions[frames]
        index = self.grid.locate(true, sees)
        offset = index.offset if self.sub_cell else np.zeros_like(index.offset)
        centre, valid = self.grid.unproject(index.row, index.column, index.bin, offset, camera)
        inside = index.valid & valid
        return ActionChunk(
            np.where(inside[:, None], centre, true),
            self.trajectory.rotations[frames],
            self.trajectory.gripper[frames],
            np.ones(self.horizon),
            1.0 - inside,
        )

    def _nearest(self, state: RobotState) -> int:
        """The last moment, not before that of the query before, at which the demonstration was closest to here with this grip.

        Only the next two seconds count, as the motion passes some places twice.
        """
        window = np.arange(self._frame, min(self._frame + 2 * CONTROL_HZ, len(self.trajectory.positions)))
        distance = np.linalg.norm(self.trajectory.positions[window] - state.T_world_ee.translation, axis=1)
        grip = np.abs(self.trajectory.gripper[window] - (state.gripper > 0.8))
        cost = distance + 0.05 * grip
        best = np.flatnonzero(cost <= cost.min() + 1e-3)
        return int(window[best[-1]])
