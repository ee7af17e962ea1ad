"""What a pointing policy sees: its volume over the image, and where its targets land."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from para.drawing import draw_path, draw_point, overlay_heatmap, put_text, step_colors, tile
from para.geometry import warp_image
from para.policy import Policy
from para.report.pointing import logits_in_reach
from para.types import ActionChunk, Observation, View

SCALE = 384
"""Width of one panel [px]."""


def draw_chunk(observation: Observation, chunk: ActionChunk, camera: str, width: int = SCALE) -> np.ndarray:
    """The picture with the end effector (ring) and the chunk's targets, dark to bright -> (H, W, 3) uint8."""
    view = observation.view(camera)
    height = round(width * view.camera.height / view.camera.width)
    image = cv2.resize(view.image, (width, height), interpolation=cv2.INTER_CUBIC)
    big = view.camera.resize(width, height)
    pixels, _ = big.project(chunk.positions)
    start, _ = big.project(observation.state.T_world_ee.translation[None])
    draw_path(image, np.concatenate([start, pixels]), (255, 255, 255))
    draw_point(image, start[0], (255, 255, 255), 6, filled=False)
    for pixel, color, opening in zip(pixels, step_colors(len(chunk)), chunk.gripper):
        draw_point(image, pixel, color, 5, filled=opening > 0.5)
    return image


@torch.inference_mode()
def draw_volume(policy: Policy, observation: Observation) -> np.ndarray:
    """Panels: the predicted chunk, all steps' probability over the image, then each step's (summed over bins) with, at
    the right edge, its distribution over the bins of the best pixel. ValueError for a policy that does not point."""
    if not hasattr(policy.config.head, "bins"):
        raise ValueError(f"this policy's head ({type(policy.config.head).__name__}) has no volume to draw")
    outputs, inputs = policy.outputs(observation)
    chunk = policy.chunk(policy.network.head.decode(outputs, inputs))
    view = _input_view(policy, observation)
    picture, framed = view.image, Observation((view,), observation.state)
    logits = logits_in_reach(policy, outputs, inputs)[0, : len(chunk)]
    probability = logits.flatten(1).softmax(1).view_as(logits).cpu().numpy()  # (T, D, v, u)
    panels = [draw_chunk(framed, chunk, policy.config.camera)]
    put_text(panels[0], "image, end effector and targets", (8, 18))
    panels.append(overlay_heatmap(picture, probability.sum((0, 1))))
    put_text(panels[1], "probability of all steps", (8, 18))
    pixels, _ = view.camera.project(chunk.positions)
    for k, volume in enumerate(probability):
        panel = overlay_heatmap(picture, volume.sum(0))
        _draw_bins(panel, volume.reshape(len(volume), -1)[:, volume.sum(0).argmax()])
        draw_point(panel, pixels[k], (90, 255, 120), 6, filled=False)
        seconds = (k + 1) * chunk.step_seconds
        put_text(panel, f"+{seconds:.1f} s   z {chunk.positions[k, 2]:.3f} m   p {chunk.confidence[k]:.2f}", (8, 18))
        panels.append(panel)
    return tile(panels, -(-len(panels) // 2))


def _input_view(policy: Policy, observation: Observation) -> View:
    """What the policy looks through, `SCALE` pixels wide: the volume covers this picture, not the camera's own."""
    view = observation.view(policy.config.camera)
    camera = policy.config.input_camera(view.camera)
    camera = camera.resize(SCALE, round(SCALE * camera.height / camera.width))
    return View(view.name, warp_image(view.image, view.camera, camera), camera)


def save_picture(image: np.ndarray, path: Path) -> Path:
    """Write (H, W, 3) RGB as PNG or JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image[..., ::-1]):
        raise ValueError(f"cannot write a picture to {path}; use a name that ends with .png or .jpg")
    return path


def _draw_bins(panel: np.ndarray, probability: np.ndarray) -> None:
    """Bars of the bins at the right edge, the first bin at the bottom, in place."""
    height, width = panel.shape[:2]
    edges = np.linspace(height - 10, 30, len(probability) + 1)
    longest = 0.16 * width
    for p, low, high in zip(probability / max(float(probability.max()), 1e-12), edges[:-1], edges[1:]):
        left = int(width - 4 - p * longest)
        cv2.rectangle(panel, (left, int(high) + 1), (width - 4, int(low)), (255, 200, 90), -1)
