"""How far one episode's patches lie off those of the others, as an error of its camera.

The error has four numbers: shift in x and y, roll, and scale, all in the normalised image (x / z, y / z), so that 0.0175
is one degree. A camera turned or moved sideways shows as a shift, one turned about its axis as roll, one moved along
it as scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from para.demos.check_views import CORE, MARGIN, SIDE, Patches, median

NEIGHBOURS = 12
_WINDOW = 7  # patch pixels about the episode's common peak in which single frames may differ
_ITERATIONS = 5
_BLURS = (4.0, 2.0, 1.0)  # patch pixels; sharp pictures alone would hold the fit where it starts
_FAR_MUST_GAIN = 0.05  # correlation

_AXIS = np.arange(CORE) - (CORE - 1) / 2
_GRID = np.stack(np.meshgrid(_AXIS, _AXIS), -1)  # (CORE, CORE, 2) patch pixels from the middle


@dataclass(frozen=True)
class Template:
    """What a patch should look like, from the most similar moments of the other episodes."""

    mean: np.ndarray
    """(CORE, CORE) float32, the pixelwise median."""
    weight: np.ndarray
    """(CORE, CORE) float32, large where the others agree."""
    moved: np.ndarray
    """(CORE, CORE) float32, the median of what moved; the still background cannot mislead it."""


@dataclass(frozen=True)
class Fit:
    """Outcome for one episode."""

    error: np.ndarray
    """(4,) shift x, shift y, roll, scale; NaN when too few patches are usable."""
    score: float
    """Mean correlation with the templates at the best common place, -1 to 1."""


def templates(stacks: list[Patches], episode: int) -> list[Template | None]:
    """One template for each moment of `episode`, from the others; None where fewer than four of them can help."""
    others = [i for i in range(len(stacks)) if i != episode]
    cores = [stacks[i].core for i in others]
    found: list[Template | None] = []
    for context, usable in zip(stacks[episode].context, stacks[episode].usable):
        nearest = []
        for place, i in enumerate(others):  # at most one moment of each other episode: a wrong one cannot dominate
            distance = ((stacks[i].context - context) ** 2).sum(1)
            distance[~stacks[i].usable] = np.inf
            moment = int(distance.argmin())
            nearest.append((float(distance[moment]), place, moment))
        nearest = [n for n in sorted(nearest) if np.isfinite(n[0])][:NEIGHBOURS]
        if not usable or len(nearest) < 4:
            found.append(None)
            continue
        stack = np.stack([cores[place][moment] for _, place, moment in nearest])
        middle = median(stack)
        spread = 1.5 * median(np.abs(stack - middle))
        moved = median(np.stack([stacks[others[place]].moved_core[moment] for _, place, moment in nearest]))
        found.append(Template(middle, 1 / (spread**2 + 8.0**2), moved.astype(np.float32)))
    return found


def correlation_maps(patches: Patches, wanted: list[Template | None], reach: int = MARGIN) -> list[np.ndarray | None]:
    """For each moment the correlation (2 reach + 1, 2 reach + 1) of patch and template over displacements."""
    cut = MARGIN - reach
    maps: list[np.ndarray | None] = []
    for gray, moved, template in zip(patches.gray, patches.moved, wanted):
        if template is None:
            maps.append(None)
            continue
        window = slice(cut, len(gray) - cut)
        found = _correlate(gray[window, window], template.mean)
        if template.moved.std() > 2:
            found = (found + _correlate(moved[window, window], template.moved)) / 2
        maps.append(found)
    return maps


def _correlate(area: np.ndarray, core: np.ndarray) -> np.ndarray:
    found = cv2.matchTemplate(area, core, cv2.TM_CCOEFF_NORMED)
    return np.where(np.abs(found) <= 1.001, found, 0.0)  # flat areas give infinities


def fit_episode(patches: Patches, wanted: list[Template | None], centre: np.ndarray) -> Fit:
    """The camera error of one episode. `centre` (2,) is the place about which roll and scale are counted."""
    maps = correlation_maps(patches, wanted)
    chosen = [i for i, found in enumerate(maps) if found is not None]
    if len(chosen) < 6:
        return Fit(np.full(4, np.nan), float("nan"))
    common = np.mean([maps[i] for i in chosen], axis=0)
    row, column = _common_peak(common)
    offsets, trust = [], []
    for i in chosen:
        offset, height = _peak(maps[i], row, column)
        offsets.append(patches.turn[i] @ offset * patches.step[i])
        trust.append(height)
    error = _robust_fit(patches.place[chosen] - centre, np.array(offsets), np.array(trust))
    error = _refine(patches, wanted, chosen, centre, error)
    return Fit(error, float(common[row, column]))


def score_without_search(patches: Patches, wanted: list[Template | None]) -> float:
    """Mean correlation with the templates where the camera says, give or take a few pixels."""
    maps = [found for found in correlation_maps(patches, wanted, reach=_WINDOW) if found is not None]
    return float(np.mean(maps, axis=0).max()) if maps else -1.0


def _common_peak(common: np.ndarray) -> tuple[int, int]:
    """(row, column) of the best place; one far from the middle must be clearly better than the best one near it."""
    near = common[MARGIN - _WINDOW : MARGIN + _WINDOW + 1, MARGIN - _WINDOW : MARGIN + _WINDOW + 1]
    if common.max() - near.max() > _FAR_MUST_GAIN:
        return divmod(int(common.argmax()), common.shape[1])
    row, column = divmod(int(near.argmax()), near.shape[1])
    return row + MARGIN - _WINDOW, column + MARGIN - _WINDOW


def _peak(found: np.ndarray, row: int, column: int) -> tuple[np.ndarray, float]:
    """Displacement (x, y) [patch pixels] of the best place near (row, column), and how much to trust it."""
    top, left = max(0, row - _WINDOW), max(0, column - _WINDOW)
    near = found[top : row + _WINDOW + 1, left : column + _WINDOW + 1]
    y, x = divmod(int(near.argmax()), near.shape[1])
    at_edge = x in (0, near.shape[1] - 1) or y in (0, near.shape[0] - 1)
    return np.array([x + left - MARGIN, y + top - MARGIN], float), max(float(near.max()), 0.01) * (
        0.1 if at_edge else 1
    )


def _basis(place: np.ndarray) -> np.ndarray:
    """(..., 2) places -> (..., 2, 4): how each of the four numbers displaces them."""
    x, y = place[..., 0], place[..., 1]
    one, zero = np.ones_like(x), np.zeros_like(x)
    return np.stack([np.stack([one, zero, -y, x], -1), np.stack([zero, one, x, y], -1)], -2)


def _robust_fit(place: np.ndarray, offset: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Weighted least squares with Cauchy weights; roll and scale are held back while few places support them."""
    basis = _basis(place)
    hold = np.diag([0.0, 0.0, 3e-4, 3e-4]) * len(place)
    weight = trust**2
    for _ in range(10):
        normal = np.einsum("n,nij,nik->jk", weight, basis, basis) + hold * weight.mean()
        error = np.linalg.solve(normal, np.einsum("n,nij,ni->j", weight, basis, offset))
        residual = np.linalg.norm(offset - basis @ error, axis=1)
        scale = max(1.4826 * float(np.median(residual)), 0.0015)
        weight = trust**2 / (1 + (residual / (1.5 * scale)) ** 2)
    return error


def _refine(
    patches: Patches, wanted: list[Template | None], chosen: list[int], centre: np.ndarray, error: np.ndarray
) -> np.ndarray:
    """Gauss-Newton on the grey values of all moments together (Lucas-Kanade with one common displacement field)."""
    start = error
    for blur in _BLURS:
        problem = [_prepare(patches, wanted[i], i, centre, blur) for i in chosen]
        for _ in range(_ITERATIONS):
            normal, right = np.zeros((4, 4)), np.zeros(4)
            for part in problem:
                part_normal, part_right = part.equations(error)
                normal += part_normal
                right += part_right
            change = np.linalg.solve(normal + 1e-9 * np.trace(normal) * np.eye(4), right)
            error = error - change
            if np.abs(change).max() < 2e-4:
                break
    drifted = np.abs(error - start)[:2].max() > 8 * float(np.median(patches.step))
    return start if drifted or not np.isfinite(error).all() else error


@dataclass(frozen=True)
class _Moment:
    """One moment's share of the Gauss-Newton problem."""

    seen: np.ndarray
    """(SIDE, SIDE) blurred patch."""
    mean: np.ndarray
    """(CORE, CORE) blurred template."""
    weight: np.ndarray
    """(CORE, CORE)."""
    displacement: np.ndarray
    """(CORE, CORE, 2, 4) patch pixels per unit of error."""
    slope: np.ndarray
    """(CORE, CORE, 4) grey levels per unit of error."""

    def equations(self, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normal matrix (4, 4) and right side (4,) at `error`, grey levels matched in gain and offset."""
        field = (_GRID + self.displacement @ error + (SIDE - 1) / 2).astype(np.float32)
        seen = cv2.remap(self.seen, field[..., 0], field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        total = self.weight.sum()
        a = seen - (self.weight * seen).sum() / total
        b = self.mean - (self.weight * self.mean).sum() / total
        gain = (self.weight * a * b).sum() / max(float((self.weight * a * a).sum()), 1e-6)
        residual = np.clip(gain, 0.5, 2.0) * a - b
        scale = max(1.4826 * float(np.median(np.abs(residual))), 4.0)
        robust = self.weight / (1 + (residual / (2 * scale)) ** 2) / scale**2
        weighted = (robust[..., None] * self.slope).reshape(-1, 4)
        return weighted.T @ self.slope.reshape(-1, 4), weighted.T @ residual.reshape(-1)


def _prepare(patches: Patches, template: Template, i: int, centre: np.ndarray, blur: float) -> _Moment:
    mean = cv2.GaussianBlur(template.mean, (0, 0), blur)
    slope = np.stack([cv2.Sobel(mean, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(mean, cv2.CV_32F, 0, 1) / 8], -1)
    turn, step = patches.turn[i], patches.step[i]
    displacement = turn.T @ _basis(patches.place[i] - centre + _GRID @ turn.T * step) / step
    slope = (slope[..., None, :] @ displacement)[..., 0, :]
    return _Moment(cv2.GaussianBlur(patches.gray[i], (0, 0), blur), mean, template.weight, displacement, slope)
