"""What a camera can do at a workspace, and where it would stand better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from para.demos.reader import DemoDataset
from para.geometry import Camera, Pose
from para.types import Box

HOVER = 0.15
"""Height above the workspace's floor at which a gripper waits over an object [m]."""
HEIGHT_ERROR = 0.005
"""Typical error of a predicted or assumed height [m], to weigh flat views against fine cells."""
HIGHEST_ELEVATION = 65.0
"""Advised at most [deg]: seen from straight above, the hand covers what it grasps."""

STEEPEST = 75.0
"""Higher cameras hardly have a horizontal direction of view, and headings turn with every small change [deg]."""


@dataclass(frozen=True)
class Standing:
    """How well one camera position serves the workspace. Medians over the workspace's floor, as far as it is visible."""

    elevation: float
    """Of the camera above the horizon, seen from the middle of the workspace's floor [deg]."""
    distance: float
    """From the middle of the workspace's floor [m]."""
    across: float
    """Width of a cell on the floor [m]."""
    along: float
    """Length of a cell on the floor, along the line of sight [m]."""
    sideways: float
    """Error sideways per error in height (m per m): the cotangent of the elevation of the rays."""
    visible: float
    """Share of the workspace's volume inside the camera's picture and the policy's input."""
    hover: float
    """Share of the points `HOVER` above the floor inside both."""

    @property
    def error(self) -> float:
        """Typical position error [m]: rounding to cells, and `HEIGHT_ERROR` seen at a slant."""
        rounding = (self.across**2 + self.along**2) / 12
        return float(np.sqrt(rounding + (self.sideways * HEIGHT_ERROR) ** 2))


@dataclass(frozen=True)
class CameraReport:
    """Outcome of `camera_report`."""

    cell_pixels: float
    """Pixels of the policy's input to a cell."""
    image_size: tuple[int, int]
    """(width, height) of the camera's picture [px]."""
    input_size: tuple[int, int]
    """(width, height) of the policy's input, made of that picture [px]."""
    now: Standing
    better: Standing | None
    """At the same side of the workspace, aimed at its centre; None when nothing worth moving for was found."""

    def text(self, name: str = "camera") -> str:
        """For a terminal."""
        (width, height), (wide, high) = self.image_size, self.input_size
        inputs = f"the policy's input {wide} x {high} px, {self.cell_pixels:g} px to a cell"
        rows = [
            f"{name}, {width} x {height} px, {inputs}",
            f"  stands           {_place(self.now)}",
            f"  one cell         {self.now.across * 1e3:.1f} mm across, {self.now.along * 1e3:.1f} mm along",
            f"  1 mm of height   {self.now.sideways:.2f} mm sideways",
            f"  in the picture   {self.now.visible:.0%} of the workspace, {self.now.hover:.0%} of the hover points",
            f"  typical error    {self.now.error * 1e3:.1f} mm (whole cells, and {HEIGHT_ERROR * 1e3:g} mm of height)",
        ]
        if self.now.elevation > STEEPEST:
            rows.append("  From so nearly above it has no heading, and rotations are told relative to it: lower it.")
        if self.better is None:
            return "\n".join([*rows, "  No place on this side of the workspace is clearly better."])
        gains = [
            f"one cell {self.better.across * 1e3:.1f} x {self.better.along * 1e3:.1f} mm",
            f"{self.better.sideways:.2f} mm sideways per mm of height",
            f"{self.better.visible:.0%} of the workspace and {self.better.hover:.0%} of the hover points in the picture",
            f"typical error {self.better.error * 1e3:.1f} mm instead of {self.now.error * 1e3:.1f} mm",
        ]
        advice = f"  Better: {_place(self.better)}, aimed at the workspace's centre:"
        return "\n".join([*rows, advice, *(f"    {gain}" for gain in gains)])


def camera_report(
    camera: Camera, workspace: Box, cell_pixels: float = 4.0, look: Callable[[Camera], Camera] = lambda camera: camera
) -> CameraReport:
    """Judge `camera` and look for a better place. The policy's input is the picture of `look(camera)` (e.g.
    `PolicyConfig.input_camera`), warped from the camera's own, with cells of `cell_pixels`.

    ValueError when the camera sees nothing of the workspace's floor, or cells have no size.
    """
    if not cell_pixels > 0:
        raise ValueError(f"a cell of {cell_pixels:g} px: a cell is larger than nothing")
    now = judge(camera, workspace, cell_pixels, look)
    if not np.isfinite(now.across):
        raise ValueError(
            f"the camera sees nothing of the floor of the workspace {workspace}; check T_world_camera (camera to world, "
            "z forward), the intrinsics and the workspace"
        )
    better = _search(camera, workspace, cell_pixels, now, look)
    inputs = look(camera)
    return CameraReport(cell_pixels, (camera.width, camera.height), (inputs.width, inputs.height), now, better)


def dataset_camera(dataset: DemoDataset, camera: str | None = None) -> tuple[str, Camera, Box]:
    """Name, `Camera` of the first frame and workspace of a demonstration set; its first camera by default."""
    name = camera or dataset.meta.camera_names[0]
    columns = dataset.columns(0, name)
    pose = Pose.from_matrix(columns.T_world_camera[0])
    return name, Camera(columns.intrinsics[0], pose, *dataset.image_size(name)), dataset.meta.workspace


def judge(camera: Camera, workspace: Box, cell_pixels: float, look: Callable[[Camera], Camera]) -> Standing:
    """The figures of one camera, see `camera_report`. across, along and sideways are NaN when it sees nothing of the floor."""
    inputs = look(camera)

    def seen(points: np.ndarray) -> np.ndarray:
        return camera.sees(*camera.project(points)) & inputs.sees(*inputs.project(points))

    low, high = np.array(workspace.low), np.array(workspace.high)
    arm = camera.T_world_camera.translation - _floor_middle(workspace)
    distance = float(np.linalg.norm(arm))
    volume = _grid(low, high, (12, 12, 6))
    hover = _grid([*low[:2], min(low[2] + HOVER, high[2])], [*high[:2], min(low[2] + HOVER, high[2])], (20, 20, 1))
    floor = _grid([*low[:2], low[2]], [*high[:2], low[2]], (20, 20, 1))
    pixels = inputs.project(floor)[0][seen(floor)]
    across, along, sideways = _cells(inputs, pixels, low[2], cell_pixels)
    return Standing(
        elevation=float(np.rad2deg(np.arcsin(arm[2] / distance))),
        distance=distance,
        across=across,
        along=along,
        sideways=sideways,
        visible=float(seen(volume).mean()),
        hover=float(seen(hover).mean()),
    )


def _cells(camera: Camera, pixels: np.ndarray, height: float, cell_pixels: float) -> tuple[float, float, float]:
    if len(pixels) == 0:
        return float("nan"), float("nan"), float("nan")
    heights = np.full(len(pixels), height)
    sides, valid = [], np.ones(len(pixels), bool)
    for step in ([cell_pixels / 2, 0.0], [0.0, cell_pixels / 2]):
        a, valid_a = camera.unproject_height(pixels - step, heights)
        b, valid_b = camera.unproject_height(pixels + step, heights)
        sides.append(np.linalg.norm(a - b, axis=1))
        valid &= valid_a & valid_b
    if not valid.any():
        return float("nan"), float("nan"), float("nan")
    rays = camera.rays(pixels)
    slant = np.linalg.norm(rays[:, :2], axis=1) / np.maximum(np.abs(rays[:, 2]), 1e-9)
    return tuple(float(np.median(values[valid])) for values in (*sides, slant))


def _search(
    camera: Camera, workspace: Box, cell_pixels: float, now: Standing, look: Callable[[Camera], Camera]
) -> Standing | None:
    """The place with the smallest typical error that keeps the hover points in view; None if the gain is under 10 %."""
    middle, aim = _floor_middle(workspace), (np.array(workspace.low) + np.array(workspace.high)) / 2
    arm = camera.T_world_camera.translation - middle
    azimuth = np.arctan2(arm[1], arm[0])
    # At least nine tenths of the workspace, or what is seen now where that is less: no advice may hide more of it.
    visible, hover = min(now.visible, 0.9), min(max(now.hover, 0.9), 1.0)
    best = None
    for elevation in np.arange(20.0, HIGHEST_ELEVATION + 0.1, 5.0):
        for distance in np.geomspace(0.4, 2.0, 17) * now.distance:
            tilt = np.deg2rad(elevation)
            towards = np.array([np.cos(tilt) * np.cos(azimuth), np.cos(tilt) * np.sin(azimuth), np.sin(tilt)])
            moved = _looking(camera, middle + distance * towards, aim)
            there = judge(moved, workspace, cell_pixels, look)
            if not np.isfinite(there.across) or there.visible < visible or there.hover < hover:
                continue
            if best is None or there.error < best.error:
                best = there
    hides_now = now.hover < 0.9
    return best if best is not None and (best.error < 0.9 * now.error or hides_now) else None


def _floor_middle(workspace: Box) -> np.ndarray:
    x, y, _ = (np.array(workspace.low) + np.array(workspace.high)) / 2
    return np.array([x, y, workspace.low[2]])


def _looking(camera: Camera, eye: np.ndarray, target: np.ndarray) -> Camera:
    """The same lens at `eye`, aimed at `target`, image up is up."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right = right / np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward], axis=-1)
    return Camera(camera.intrinsics, Pose(rotation, eye), camera.width, camera.height)


def _grid(low: list[float] | np.ndarray, high: list[float] | np.ndarray, counts: tuple[int, int, int]) -> np.ndarray:
    """(N, 3) evenly spread points of a box, ends included."""
    axes = [np.linspace(a, b, n) for a, b, n in zip(low, high, counts)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def _place(standing: Standing) -> str:
    return f"{standing.elevation:.0f} deg above the horizon, {standing.distance:.2f} m from the middle of its floor"
