"""The picture that shows a wrong camera: where it says the end effector is, and where the end effector looks to be."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from para.demos.check_views import Views

_HEIGHT = 320
_MOMENTS = (0.25, 0.5, 0.75)
_SAID, _SEEN = (255, 60, 60), (60, 220, 60)


def draw_evidence(
    folder: Path,
    camera: str,
    episode: int,
    views: Views,
    other: int,
    other_views: Views,
    error: np.ndarray,
    centre: np.ndarray,
    what: str,
) -> Path:
    """Write ``<folder>/<camera>-episode-NNN.png``: the episode above, a good one below, and return its path."""
    rows = [_row(views, error, centre), _row(other_views, None, centre)]
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    captions = [f"episode {episode}: {what}", f"episode {other}, for comparison"]
    legend = "red: where the recorded camera puts the end effector    green: where it appears to be"
    strips = [_caption(captions[0], width), rows[0], _caption(captions[1], width), rows[1], _caption(legend, width)]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{camera}-episode-{episode:03d}.png"
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(strips), cv2.COLOR_RGB2BGR))
    return path


def _row(views: Views, error: np.ndarray | None, centre: np.ndarray) -> np.ndarray:
    pixels, depth = views.project()
    height, width = views.images.shape[1:3]
    zoom = _HEIGHT / height
    focal = np.abs(views.intrinsics[:, :2])
    tiles = []
    for share in _MOMENTS:
        i = round(share * (len(views.images) - 1))
        tile = cv2.resize(views.images[i], (round(width * zoom), _HEIGHT), interpolation=cv2.INTER_CUBIC)
        if depth[i] > 0:
            if error is not None:
                x, y = (pixels[i] - views.intrinsics[i, 2:]) / focal[i] - centre
                moved = np.array([error[0] - error[2] * y + error[3] * x, error[1] + error[2] * x + error[3] * y])
                _cross(tile, (pixels[i] + moved * focal[i]) * zoom, _SEEN)
            _cross(tile, pixels[i] * zoom, _SAID)
        tiles.append(tile)
    return np.concatenate(tiles, axis=1)


def _cross(image: np.ndarray, pixel: np.ndarray, colour: tuple[int, int, int]) -> None:
    if np.isfinite(pixel).all() and np.abs(pixel).max() < 1e4:
        at = tuple(int(x) for x in np.round(pixel - 0.5))
        cv2.drawMarker(image, at, (0, 0, 0), cv2.MARKER_CROSS, 22, 4)
        cv2.drawMarker(image, at, colour, cv2.MARKER_CROSS, 20, 2)


def _caption(text: str, width: int) -> np.ndarray:
    """White strip with `text` on as many lines as it needs."""
    words, lines = text.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > width // 9:
            lines.append("")
        lines[-1] += word + " "
    strip = np.full((8 + 20 * len(lines), width, 3), 255, np.uint8)
    for i, line in enumerate(lines):
        cv2.putText(strip, line, (8, 18 + 20 * i), cv2.FONT_HERSHEY_SIMPLEX, 0.48, (0, 0, 0), 1, cv2.LINE_AA)
    return strip
