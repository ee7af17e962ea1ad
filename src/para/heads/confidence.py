"""How sure a chunk is: a head's own scores -> probabilities that hold on demonstrations it has not learned from.

Platt scaling (J. Platt, "Probabilistic outputs for support vector machines", 1999): probability = sigmoid(slope x
logit(score) + offset). The slope is one over the temperature of Guo et al. ("On calibration of modern neural networks",
2017); the offset differs between steps, because later steps are farther away and harder. The map is increasing, works
for every head, and cannot move a target. How it is fitted: `para.training.confidence`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SURE = 1e-4
"""Scores count as at least this far from 0 and 1: a logit must be finite."""


@dataclass(frozen=True)
class PlattScaling:
    """An increasing map of scores to probabilities; as made it changes nothing but scores beyond `SURE`."""

    slope: float = 1.0
    """One over the temperature: below 1 where the scores were over-confident."""
    offsets: tuple[float, ...] = (0.0,)
    """Of each step, or one for all."""

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """(..., T) scores in [0, 1] -> (..., T) probabilities."""
        return 1 / (1 + np.exp(-self.slope * logit(scores) - np.array(self.offsets)))


@dataclass(frozen=True)
class ConfidenceCalibration:
    """What a saved policy applies to the two probabilities of its chunks."""

    confidence: PlattScaling
    out_of_view: PlattScaling | None = None
    """None: as the head says it, there was too little to fit it to."""


def logit(scores: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), finite."""
    p = np.clip(scores, SURE, 1 - SURE)
    return np.log(p) - np.log1p(-p)
