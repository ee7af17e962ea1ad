"""The first training batch as a picture: what the network sees, with its targets projected onto it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from torch import nn

from para.dataset import Batch
from para.drawing import draw_path, draw_point, put_text, step_colors, tile


def draw_first_batch(batch: Batch, network: nn.Module, path: Path) -> None:
    """Each sample with the end effector (ring), the targets of all steps (dark to bright) and the masked share."""
    inputs, targets = batch.inputs, batch.targets
    pixels, depth = inputs.camera.project(targets.positions)
    start, _ = inputs.camera.project(inputs.T_world_ee.translation[:, None])
    visible = (inputs.camera.sees(pixels, depth) & targets.valid).numpy()
    colors = step_colors(targets.positions.shape[1])
    pictures = []
    for b in range(len(inputs.gripper)):
        image = np.ascontiguousarray(inputs.image[b].permute(1, 2, 0).numpy())
        ring = start[b, 0].numpy()
        draw_point(image, ring, (255, 255, 255), 4, filled=False)
        shown = pixels[b].numpy()[targets.valid[b].numpy()]
        if len(shown):
            draw_path(image, np.concatenate([ring[None], shown]), (255, 255, 255))
        for k, color in enumerate(colors):
            if targets.valid[b, k]:
                draw_point(image, pixels[b, k].numpy(), color, 2.5)
        grips = "".join("o" if g > 0.5 else "x" for g, ok in zip(targets.gripper[b], targets.valid[b]) if ok)
        put_text(image, f"grip {grips}  seen {visible[b].sum()}/{int(targets.valid[b].sum())}")
        pictures.append(image)
    cv2.imwrite(str(path), tile(pictures, 4)[..., ::-1])
