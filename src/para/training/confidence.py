"""Are the policy's probabilities true? Fitted and measured on demonstrations that training left out.

Two events of each step. *Confidence*: the measured end effector lies within 2 cm of the predicted position. That is a
distance that a user can judge, one control step of `servo`, about the reach of the 3 x 3 x 3 cells whose probability the
pointing head reports, and the same event for heads without cells and for every picture size and camera. *Out of view*:
the measured position lies outside the picture or the workspace, so that no head could point at it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from para.dataset import Augmentation, SampleTable, collate
from para.heads import ConfidenceCalibration, PlattScaling, logit
from para.policy import Policy

RADIUS = 0.02
"""A target counts as met within this distance [m]."""
BINS = 10
FEWEST = 16
"""Smaller demonstration sets hold nothing out."""
MOST_MOMENTS = 512
"""Held-out moments that are looked at, spread over all: more would only take longer."""
_FEWEST_EVENTS = 10  # of either kind, to fit anything to
_BATCH = 16
_PRIOR_VARIANCE = 4.0  # of slope - 1 and offsets: decides only where the data says next to nothing


@dataclass(frozen=True)
class Bin:
    """One bar of a reliability diagram."""

    stated: float
    """Mean probability that was stated."""
    happened: float
    """Share of cases in which it happened."""
    cases: int


@dataclass(frozen=True)
class Reliability:
    """How far stated probabilities are from frequencies."""

    error: float
    """Expected calibration error: mean of abs(stated - happened) over bins of equal width, weighted by cases."""
    bins: tuple[Bin, ...]
    """Those that are not empty."""


@dataclass(frozen=True)
class Measured:
    """One probability before and after calibration."""

    before: Reliability
    after: Reliability | None
    """Each demonstration judged by a fit to the others; None where nothing was fitted."""
    rate: float
    """Share of cases in which it happened."""


@dataclass(frozen=True)
class ConfidenceReport:
    """What the held-out demonstrations say; kept in the policy's provenance."""

    radius: float
    """[m]"""
    episodes: tuple[int, ...]
    """Held-out demonstrations."""
    moments: int
    confidence: Measured
    out_of_view: Measured
    """Over the moments as recorded and once more with the training's augmentation of the camera."""

    def text(self) -> str:
        """One line for a terminal."""
        words = (
            f"confidence (target within {self.radius * 100:g} cm: {self.confidence.rate:.0%} of the steps of "
            f"{len(self.episodes)} held-out demonstrations): calibration error {self.confidence.before.error:.3f}"
        )
        words += f" -> {self.confidence.after.error:.3f}" if self.confidence.after else ""
        words += f"; out of view ({self.out_of_view.rate:.1%}): {self.out_of_view.before.error:.3f}"
        return words + (f" -> {self.out_of_view.after.error:.3f}" if self.out_of_view.after else " (not fitted)")


def held_out(episode: np.ndarray, every: int) -> np.ndarray:
    """(N,) the moments' demonstrations -> (N,) bool: is this moment's demonstration held out?

    One in `every` demonstrations, at least 2, spread evenly; none of fewer than `FEWEST` or when `every` is 0.
    """
    known = np.unique(episode)
    if every <= 0 or len(known) < FEWEST:
        return np.zeros(len(episode), bool)
    count = max(2, len(known) // every)
    chosen = known[((np.arange(count) + 0.5) * len(known) / count).astype(int)]
    return np.isin(episode, chosen)


def fit_platt(scores: np.ndarray, happened: np.ndarray, counted: np.ndarray) -> PlattScaling:
    """Most probable slope and offsets for (N, T) scores, given which of the (N, T) `counted` events happened.

    Newton's method on the log-likelihood with a wide Gaussian prior about "change nothing". The slope is not negative.
    """
    n, steps = scores.shape
    x = np.concatenate([logit(scores)[..., None], np.broadcast_to(np.eye(steps), (n, steps, steps))], -1)[counted]
    y = happened[counted].astype(float)
    start = np.eye(1, steps + 1)[0]  # slope 1, offsets 0
    free = np.ones(steps + 1, bool)
    theta = _newton(x, y, start, free)
    if theta[0] < 0:
        start, free = np.zeros(steps + 1), np.arange(steps + 1) > 0
        theta = _newton(x, y, start, free)
    return PlattScaling(round(float(theta[0]), 6), tuple(round(float(b), 6) for b in theta[1:]))


def _newton(x: np.ndarray, y: np.ndarray, theta: np.ndarray, free: np.ndarray) -> np.ndarray:
    prior = theta.copy()
    theta = theta.copy()

    def cost(at: np.ndarray) -> float:
        z = x @ at
        return float((np.logaddexp(0, z) - y * z).sum() + ((at - prior) ** 2).sum() / (2 * _PRIOR_VARIANCE))

    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ theta))
        slope = x.T @ (p - y) + (theta - prior) / _PRIOR_VARIANCE
        curvature = (x * (p * (1 - p))[:, None]).T @ x + np.eye(len(theta)) / _PRIOR_VARIANCE
        step = np.zeros(len(theta))
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        here = cost(theta)
        while cost(theta - step) > here and np.abs(step).max() > 1e-9:  # a full step can overshoot far from the optimum
            step = step / 2
        theta = theta - step
        if np.abs(step).max() < 1e-8:
            break
    return theta


def reliability(stated: np.ndarray, happened: np.ndarray) -> Reliability:
    """Of (N,) stated probabilities and whether (N,) each event happened."""
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    bins = []
    for b in range(BINS):
        inside = place == b
        if inside.any():
            bins.append(Bin(float(stated[inside].mean()), float(happened[inside].mean()), int(inside.sum())))
    total = max(1, sum(b.cases for b in bins))
    error = sum(abs(b.stated - b.happened) * b.cases for b in bins) / total
    rounded = tuple(Bin(round(b.stated, 4), round(b.happened, 4), b.cases) for b in bins)
    return Reliability(round(error, 4), rounded)


@dataclass(frozen=True)
class Cases:
    """What a policy said of held-out moments, and what was true."""

    confidence: np.ndarray
    """(N, T) the head's own."""
    out_of_view: np.ndarray
    """(N, T) the head's own."""
    met: np.ndarray
    """(N, T) bool: within `RADIUS`."""
    outside: np.ndarray
    """(N, T) bool: out of the workspace, or the head has no cell and bin for it (of what does not point: out of picture)."""
    counted: np.ndarray
    """(N, T) bool: the step exists."""
    episode: np.ndarray
    """(N,)."""


@torch.inference_mode()
def observe(
    policy: Policy, samples: SampleTable, rows: np.ndarray, augmentation: Augmentation | None = None, seed: int = 0
) -> Cases:
    """The head's uncalibrated words on moments `rows`, as recorded or seen by augmented cameras."""
    device = next(policy.network.parameters()).device
    parts = []
    for begin in range(0, len(rows), _BATCH):
        some = [int(i) for i in rows[begin : begin + _BATCH]]
        rngs = [np.random.default_rng((seed, 3, i)) for i in some]
        batch = collate(samples, some, policy.config.image_size, augmentation, rngs, policy.config.framing).to(device)
        chunk = policy.network.head.decode(policy.network(batch.inputs), batch.inputs)
        true = batch.targets.positions
        met = (chunk.positions - true).norm(dim=-1) <= RADIUS  # NaN, where nothing is predicted, is not met
        if volume := getattr(policy.network.head, "volume", None):  # what points has no cell there
            inside = volume(*policy.config.image_size).locate(true, batch.inputs.camera).valid
        else:
            inside = batch.inputs.camera.sees(*batch.inputs.camera.project(true))
        outside = ~(inside & policy.config.workspace.contains(true))
        tensors = (chunk.confidence, chunk.out_of_view, met, outside, batch.targets.valid)
        parts.append([x.cpu().numpy() for x in tensors])
    confidence, out_of_view, met, outside, counted = (np.concatenate(x) for x in zip(*parts))
    return Cases(
        confidence.astype(float), out_of_view.astype(float), met, outside, counted, samples.episode[np.asarray(rows)]
    )


def calibrate(
    policy: Policy, samples: SampleTable, rows: np.ndarray, augmentation: Augmentation, seed: int = 0
) -> tuple[ConfidenceCalibration, ConfidenceReport]:
    """Fit to the held-out moments `rows` (indices into `samples`), of at least two demonstrations.

    Confidence is fitted to moments as they were recorded. In those hardly any target lies out of view, so that `out_of_view`
    is also fitted to the same moments under the training's own `augmentation` of the camera, and left alone where even
    then there are too few events, or where the head always says the same.
    """
    if len(rows) > MOST_MOMENTS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_MOMENTS).round().astype(int)]
    with torch.random.fork_rng():  # some heads draw while they decode
        torch.manual_seed(seed)
        cases = observe(policy, samples, rows)
        moved = observe(policy, samples, rows, augmentation, seed)
    confidence, sure = _fit_and_measure(cases.confidence, cases.met, cases.counted, cases.episode)
    said = np.concatenate([cases.out_of_view, moved.out_of_view])
    outside = np.concatenate([cases.outside, moved.outside])
    counted = np.concatenate([cases.counted, moved.counted])
    events = min((outside & counted).sum(), (~outside & counted).sum())
    fit = events >= _FEWEST_EVENTS and np.ptp(said) > 0
    out_of_view, away = _fit_and_measure(said, outside, counted, np.tile(cases.episode, 2), fit)
    report = ConfidenceReport(RADIUS, tuple(int(e) for e in np.unique(cases.episode)), len(rows), sure, away)
    return ConfidenceCalibration(confidence or PlattScaling(), out_of_view), report


def _fit_and_measure(
    scores: np.ndarray, happened: np.ndarray, counted: np.ndarray, episode: np.ndarray, fit: bool = True
) -> tuple[PlattScaling | None, Measured]:
    before = reliability(scores[counted], happened[counted])
    rate = round(float(happened[counted].mean()), 4)
    if not fit:
        return None, Measured(before, None, rate)
    crossed = np.empty_like(scores)
    for one in np.unique(episode):
        out = episode == one
        crossed[out] = fit_platt(scores[~out], happened[~out], counted[~out])(scores[out])
    after = reliability(crossed[counted], happened[counted])
    return fit_platt(scores, happened, counted), Measured(before, after, rate)
