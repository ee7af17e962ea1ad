"""Per-feature statistics as LeRobot keeps them: min, max, mean, std, count and quantiles."""

from __future__ import annotations

import numpy as np

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
NAMES = ("min", "max", "mean", "std", "count", *QUANTILES)

Stats = dict[str, np.ndarray]
"""Name of the statistic -> (C,) float64, (3, 1, 1) for images in 0..1; ``count`` is (1,) int64."""

_IMAGES = 60  # pictures looked at per episode
_IMAGE_SIDE = 64  # to which they are thinned


def column_stats(values: np.ndarray) -> Stats:
    """Statistics over the rows of (F,) or (F, C)."""
    values = np.asarray(values, np.float64).reshape(len(values), -1)
    stats = {
        "min": values.min(0),
        "max": values.max(0),
        "mean": values.mean(0),
        "std": values.std(0),
        "count": np.array([len(values)], np.int64),
    }
    quantiles = np.quantile(values, list(QUANTILES.values()), axis=0)
    return stats | dict(zip(QUANTILES, quantiles, strict=True))


def image_stats(images: np.ndarray) -> Stats:
    """Statistics per colour over a thinned sample of (F, H, W, 3) uint8; shaped (3, 1, 1), in 0..1."""
    chosen = np.unique(np.linspace(0, len(images) - 1, _IMAGES).round().astype(int))
    step = max(1, max(images.shape[1:3]) // _IMAGE_SIDE)
    sample = images[chosen][:, ::step, ::step]
    stats = column_stats(sample.reshape(-1, 3) / 255.0)
    count = np.array([len(chosen)], np.int64)
    return {name: value.reshape(3, 1, 1) for name, value in stats.items() if name != "count"} | {"count": count}


def combine(parts: list[Stats]) -> Stats:
    """Statistics of several episodes together. Quantiles are the count-weighted mean of theirs, as in LeRobot."""
    count = np.array([part["count"][0] for part in parts], np.float64)
    stacked = {name: np.stack([part[name] for part in parts]) for name in NAMES if name != "count"}
    weight = (count / count.sum()).reshape(-1, *[1] * (stacked["mean"].ndim - 1))
    mean = (weight * stacked["mean"]).sum(0)
    variance = (weight * (stacked["std"] ** 2 + (stacked["mean"] - mean) ** 2)).sum(0)
    total = {"min": stacked["min"].min(0), "max": stacked["max"].max(0), "mean": mean, "std": np.sqrt(variance)}
    total["count"] = np.array([int(count.sum())], np.int64)
    return total | {name: (weight * stacked[name]).sum(0) for name in QUANTILES}


def to_json(stats: dict[str, Stats]) -> dict[str, dict[str, list]]:
    """For a JSON file."""
    return {key: {name: value.tolist() for name, value in one.items()} for key, one in stats.items()}


def from_json(data: dict[str, dict[str, list]]) -> dict[str, Stats]:
    """Inverse of `to_json`."""
    return {
        key: {name: np.array(v, np.int64 if name == "count" else np.float64) for name, v in one.items()}
        for key, one in data.items()
    }
