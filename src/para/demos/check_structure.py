"""Defects that show in the columns alone: jumps, impossible values, targets out of sight."""

from __future__ import annotations

from typing import Literal

import numpy as np

from para.demos.reader import DemoColumns, DemoDataset
from para.demos.report import Finding
from para.demos.schema import QUATERNION_TOLERANCE
from para.geometry import Camera, Pose
from para.types import is_opening

MAX_SPEED = 2.0
"""Fastest plausible end effector [m/s]."""
MAX_LAG = 0.15
"""Largest plausible distance of command and measurement [m]."""
_SCALE = "Scale it to 0 (closed) .. 1 (fully open)."


def structural_findings(dataset: DemoDataset, camera: str) -> list[Finding]:
    """Look at every frame's columns of every episode."""
    findings = []
    width, height = dataset.image_size(camera)
    outside_image, outside_box = [], []
    openings, grips, centres = [], [], []
    for episode in range(len(dataset)):
        columns = dataset.columns(episode, camera)
        findings += [Finding("error", episode, camera, what, advice) for what, advice in _defects(columns)]
        findings += [Finding("warning", episode, camera, what, advice) for what, advice in _oddities(columns)]
        cameras = Camera(columns.intrinsics, Pose.from_matrix(columns.T_world_camera), width, height)
        pixels, depth = cameras.project(columns.ee_position[:, None])
        outside_image.append(1 - cameras.sees(pixels, depth).mean())
        centres.append(columns.intrinsics[:, 2:] / (width, height))
        openings.append(columns.command_gripper)
        changes = np.flatnonzero(np.diff(columns.command_gripper > 0.5))
        grips.append(dataset.meta.workspace.contains(columns.ee_position[changes]))
        outside_box.append(1 - dataset.meta.workspace.contains(columns.ee_position).mean())
        if outside_image[-1] > 0.5:
            what = f"the end effector projects outside the picture in {outside_image[-1]:.0%} of the frames"
            findings.append(Finding("error", episode, camera, what, "Check this episode's camera pose and intrinsics."))
    if np.mean(outside_image) > 0.05:
        what = f"the end effector is out of the picture in {np.mean(outside_image):.0%} of all frames"
        findings.append(Finding("warning", None, camera, what, "Move the camera back or aim it at the workspace."))
    if np.mean(outside_box) > 0.02:
        # Targets outside cannot be pointed at: few cost accuracy, and of most nothing would be learned.
        level = "error" if np.mean(outside_box) > 0.5 else "warning"
        what = f"the end effector is outside the stated workspace in {np.mean(outside_box):.0%} of all frames"
        advice = "Enlarge the workspace Box of the set's DemoMeta; it is in metres, in the world frame."
        findings.append(Finding(level, None, camera, what, advice))
    of_the_set = (_grips_outside(np.concatenate(grips)), _never_works(openings), _off_middle(np.concatenate(centres)))
    findings += [Finding(level, None, camera, what, advice) for level, what, advice in filter(None, of_the_set)]
    return findings


_Found = tuple[Literal["error", "warning"], str, str]
"""Level, what, advice."""


def _grips_outside(inside: np.ndarray) -> _Found | None:
    """(G,) whether the hand was in the workspace when the gripper worked."""
    if not inside.size or inside.mean() > 0.9:
        return None
    what = f"the hand is outside the stated workspace in {1 - inside.mean():.0%} of the moments when the gripper works"
    advice = "What lies outside is never pointed at: let the workspace Box of DemoMeta begin 2 cm below the table."
    return "error", what, advice


def _never_works(openings: list[np.ndarray]) -> _Found | None:
    least, most = min(o.min() for o in openings), max(o.max() for o in openings)
    if most - least < 0.1 or least <= 0.5 < most:
        return None
    what = f"the commanded opening runs from {least:.2f} to {most:.2f} and never crosses 0.5"
    advice = "Above 0.5 is open, below closed, nothing between: scale it so that your open hand commands 1."
    return "error", what, advice


def _off_middle(centres: np.ndarray) -> _Found | None:
    """(F, 2) principal points as shares of the picture."""
    u, v = np.median(centres, axis=0)
    if max(abs(u - 0.5), abs(v - 0.5)) < 0.2:
        return None
    what = f"the principal point lies at {u:.0%} of the picture's width and {v:.0%} of its height"
    advice = "Cameras have it near the middle. Is K of another picture size (Camera.resize)? A crop is all right."
    return "warning", what, advice


def _defects(columns: DemoColumns) -> list[tuple[str, str]]:
    found = []
    step = np.linalg.norm(np.diff(columns.ee_position, axis=0), axis=1) / np.diff(columns.time)
    if step.max() > MAX_SPEED:
        what = f"the end effector jumps at frame {int(step.argmax()) + 1} ({step.max():.1f} m/s)"
        found.append((what, "Frames are missing or poses are wrong; record the episode again."))
    for name, quaternion in (("measured", columns.ee_quaternion), ("commanded", columns.command_quaternion)):
        norm = np.abs(np.linalg.norm(quaternion, axis=1) - 1)
        if norm.max() > QUATERNION_TOLERANCE:
            what = f"the {name} quaternion at frame {int(norm.argmax())} is not of length 1"
            found.append((what, "Store unit quaternions as (w, x, y, z)."))
    rotation = columns.T_world_camera[:, :, :3]
    skew = np.abs(rotation @ np.swapaxes(rotation, -1, -2) - np.eye(3)).max((1, 2))
    if skew.max() > 1e-3 or (np.linalg.det(rotation) < 0).any():
        what = f"T_world_camera at frame {int(skew.argmax())} is no rotation and translation"
        found.append((what, "Write [R | t] row by row, with the camera's axes as R's columns."))
    for name, opening in (("measured", columns.gripper), ("commanded", columns.command_gripper)):
        if not is_opening(opening):
            found.append((f"the {name} opening runs from {opening.min():.4g} to {opening.max():.4g}", _SCALE))
    if (columns.intrinsics[:, 1] <= 0).any() or (columns.intrinsics[:, 0] == 0).any():
        found.append(
            ("a focal length is not positive", "Write fx, fy, cx, cy in pixels; only fx < 0 (mirrored) is legal.")
        )
    return found


def _oddities(columns: DemoColumns) -> list[tuple[str, str]]:
    found = []
    for name, opening in (("measured", columns.gripper), ("commanded", columns.command_gripper)):
        if is_opening(opening) and (opening.min() < -0.1 or opening.max() > 1.1):
            what = f"the {name} opening runs from {opening.min():.2f} to {opening.max():.2f}"
            found.append((what, _SCALE))
    lag = np.linalg.norm(columns.command_position - columns.ee_position, axis=1)
    if np.median(lag) > MAX_LAG:
        what = f"command and measurement lie {np.median(lag) * 100:.0f} cm apart in most frames"
        found.append((what, "Check that both are end-effector positions in the world frame."))
    return found
