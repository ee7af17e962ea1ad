"""Marks on pictures: points, paths, heatmaps. Pixels are this package's (centres at + 0.5)."""

from __future__ import annotations

import cv2
import numpy as np

_SHIFT = 4  # OpenCV draws at 1/16 pixel with this


def draw_point(
    image: np.ndarray, pixel: np.ndarray, color: tuple[int, int, int], radius: float = 3, filled: bool = True
):
    """A disc or ring on (H, W, 3) uint8, in place."""
    centre = tuple(int(round((x - 0.5) * 2**_SHIFT)) for x in pixel)
    cv2.circle(image, centre, int(radius * 2**_SHIFT), color, -1 if filled else 1, cv2.LINE_AA, _SHIFT)


def draw_path(image: np.ndarray, pixels: np.ndarray, color: tuple[int, int, int]) -> None:
    """A line through (N, 2) pixels, in place."""
    points = np.round((np.asarray(pixels) - 0.5) * 2**_SHIFT).astype(np.int32)
    cv2.polylines(image, [points[:, None]], False, color, 1, cv2.LINE_AA, _SHIFT)


def step_colors(count: int) -> list[tuple[int, int, int]]:
    """Colours of steps 1 to `count`: viridis, early is dark."""
    levels = np.linspace(40, 255, count).astype(np.uint8)[:, None]
    return [tuple(int(x) for x in c[::-1]) for c in cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)[:, 0]]


def overlay_heatmap(image: np.ndarray, heat: np.ndarray, opacity: float = 0.75) -> np.ndarray:
    """A probability map (rows, columns) over (H, W, 3) uint8; its peak is always bright."""
    heat = cv2.resize(heat.astype(np.float32), (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    heat = np.sqrt(heat / max(float(heat.max()), 1e-12))
    color = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    alpha = (opacity * heat)[..., None]
    return (image * (1 - alpha) + color * alpha).astype(np.uint8)


def put_text(image: np.ndarray, text: str, place: tuple[int, int] = (4, 12), color=(255, 255, 255)) -> None:
    """Small text with a dark edge, in place."""
    for thickness, c in ((3, (0, 0, 0)), (1, color)):
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, c, thickness, cv2.LINE_AA)


def tile(images: list[np.ndarray], columns: int) -> np.ndarray:
    """A grid of equally large (H, W, 3) images, black where there are none."""
    rows = -(-len(images) // columns)
    padded = images + [np.zeros_like(images[0])] * (rows * columns - len(images))
    return np.concatenate([np.concatenate(padded[r * columns : (r + 1) * columns], 1) for r in range(rows)], 0)
