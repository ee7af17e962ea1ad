"""Is this demonstration set fit to learn from? Above all: do the recorded cameras belong to the pictures?

The pictures decide. About the projected end effector every episode must look like the others do at similar moments; an
episode whose camera was turned, moved or mirrored does not. See `check_views` and `check_fit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from para.demos.check_fit import Fit, Template, fit_episode, score_without_search, templates
from para.demos.check_motion import Motion, motion_correlation, motion_in
from para.demos.check_picture import draw_evidence
from para.demos.check_still import still_agreement, still_picture
from para.demos.check_structure import structural_findings
from para.demos.check_views import Patches, Views, common_right, cut_patches, metres_per_pixel, read_views
from para.demos.reader import DemoDataset
from para.demos.report import CameraEvidence, CheckReport, Finding

FEWEST = 5
"""Episodes needed to tell a wrong one from the rest."""
FLOOR = np.array([0.012, 0.012, 0.02, 0.02])
"""Errors below this are never reported (shift x, shift y, roll, scale; normalised image)."""
DEVIATIONS = 8.0
"""Reported beyond so many robust standard deviations of the set; more for an episode that matches the others badly."""
SET_LIMIT = 0.02
"""A set whose typical shift is larger than this is reported as a whole."""

_FLIPS = {(True, False): "mirrored left-right", (False, True): "upside down", (True, True): "turned by 180 deg"}
# Correlation that a flipped picture must fit better by, so that the gripper's looks name a flip ...
_FLIP_GAIN = 0.1  # if what moves in the picture moves the wrong way, too
_FLIP_GAIN_ALONE = 0.2  # if too little moves to tell: in the middle a symmetric gripper looks much the same mirrored
_FLIP_GAIN_SEEN = -0.15  # if the still surroundings are clearly flipped: the looks must only not deny it
_CLEAR_STILL = 0.15  # correlation with the other episodes' surroundings that tells which way the picture is
_CLEAR_MOTION = 0.5  # correlation with the projected end effector that tells which way the picture goes
_ADVICE = "Calibrate the camera again and correct or drop this episode."


def check_dataset(dataset: DemoDataset, pictures: Path | None = None) -> CheckReport:
    """Check columns and pictures of every episode; PNGs of wrong episodes go to the folder `pictures`, if given."""
    findings: list[Finding] = []
    evidence = []
    for camera in dataset.meta.camera_names:
        findings += structural_findings(dataset, camera)
        views = [read_views(dataset, episode, camera) for episode in range(len(dataset))]
        found, one = check_views(views, camera, pictures)
        findings += found
        evidence.append(one)
    return CheckReport(tuple(findings), tuple(evidence), len(dataset))


def check_views(views: list[Views], camera: str, pictures: Path | None = None) -> tuple[list[Finding], CameraEvidence]:
    """The part of `check_dataset` that looks at pictures, for one camera."""
    unknown = CameraEvidence(camera, np.full((len(views), 4), np.nan), np.full(4, np.nan), (np.nan, np.nan))
    if len(views) < FEWEST:
        what = f"{len(views)} episodes are too few to judge the camera from the pictures"
        return [Finding("warning", None, camera, what, f"Record at least {FEWEST}.")], unknown
    metres, right = metres_per_pixel(views), common_right(views)
    looks = [_look(view, metres, right) for view in views]
    black = [episode for episode, look in enumerate(looks) if look.black]
    findings = [Finding("error", e, camera, "the pictures are black", "Record it again.") for e in black]
    stacks = [look.patches for look in looks]
    centre = np.median(np.concatenate([stack.place for stack in stacks]), axis=0)
    still = still_agreement(views, [look.still for look in looks], list(_FLIPS))
    fits, flips = [], []
    for episode, (view, look) in enumerate(zip(views, looks)):
        wanted = templates(stacks, episode)
        fits.append(fit_episode(look.patches, wanted, centre))
        gains = _flip_gains(motion_correlation([look.motion]), dict(zip(_FLIPS, still[episode])))
        scores = _flip_scores(view, list(gains), metres, right, wanted)
        flips.append(_flip(fits[-1], scores, gains))
    error = np.stack([fit.error for fit in fits])
    if np.isfinite(error[:, 0]).sum() < FEWEST:
        what = "the end effector is hardly ever in the picture, the camera cannot be judged"
        return [
            *findings,
            Finding("error", None, camera, what, "Check T_world_camera, intrinsics, workspace."),
        ], unknown
    error = error - np.nanmedian(error, axis=0)
    spread = 1.4826 * np.nanmedian(np.abs(error), axis=0)
    limit = np.maximum(FLOOR, DEVIATIONS * spread)
    motion = motion_correlation([look.motion for look in looks])
    whole = _set_findings(camera, spread, motion)
    if whole:  # with the whole set wrong, no single episode can be blamed
        return [*findings, *whole], CameraEvidence(camera, error, limit, motion)
    usual = float(np.nanmedian([fit.score for fit in fits]))
    for episode, fit in enumerate(fits):
        doubt = max(1.0, usual / max(fit.score, 0.05))
        limits = np.maximum(FLOOR, DEVIATIONS * doubt * spread)
        what = _verdict(fit, error[episode], limits, flips[episode])
        if what is not None:
            picture = None
            if pictures is not None:
                other = int(np.nanargmin(np.where(np.arange(len(views)) == episode, np.inf, np.abs(error).max(1))))
                shift = np.nan_to_num(fit.error)
                shown = views[episode].in_memory(), views[other].in_memory()
                picture = draw_evidence(pictures, camera, episode, shown[0], other, shown[1], shift, centre, what)
            findings.append(Finding("error", episode, camera, what, _ADVICE, picture))
        elif not np.isfinite(error[episode]).all() and episode not in black:
            level = "error" if np.isfinite(error[:, 0]).mean() > 0.5 else "warning"
            what = "the end effector is too rarely well inside the picture to judge this episode's camera"
            findings.append(Finding(level, episode, camera, what, _ADVICE))
    return findings, CameraEvidence(camera, error, limit, motion)


@dataclass(frozen=True)
class _Look:
    """What is kept of an episode's pictures, a seventh of their bytes at 640 x 480: a long set's would not fit into memory."""

    black: bool
    patches: Patches
    motion: Motion | None
    still: np.ndarray | None


def _look(view: Views, metres: float, right: np.ndarray) -> _Look:
    view = view.in_memory()
    black = bool(view.images.std() < 2)
    return _Look(black, cut_patches(view, metres, right), motion_in(view), still_picture(view))


def _flip_gains(motion: tuple[float, float], still: dict[tuple[bool, bool], float]) -> dict[tuple[bool, bool], float]:
    """Flips (across, down) that an episode's motion and surroundings allow, each with the gain that it must bring."""
    gains = {}
    for flip in _FLIPS:
        said = [m for m, flipped in zip(motion, flip) if flipped and abs(m) > _CLEAR_MOTION]  # NaN says nothing
        if any(m > 0 for m in said) or still[flip] > _CLEAR_STILL:
            continue
        gains[flip] = _FLIP_GAIN_SEEN if still[flip] < -_CLEAR_STILL else _FLIP_GAIN if said else _FLIP_GAIN_ALONE
    return gains


def _flip_scores(
    view: Views, flips: list[tuple[bool, bool]], metres: float, right: np.ndarray, wanted: list[Template | None]
) -> dict[tuple[bool, bool], float]:
    """How well the pictures, flipped, fit the others'."""
    view = view.in_memory() if flips else view  # of most episodes none has to be decoded again
    return {flip: score_without_search(cut_patches(view.flipped(*flip), metres, right), wanted) for flip in flips}


def _flip(
    fit: Fit, scores: dict[tuple[bool, bool], float], gains: dict[tuple[bool, bool], float]
) -> tuple[bool, bool] | None:
    """The flip (across, down) that this episode's pictures need, if gripper, motion and surroundings agree on one."""
    for flip in sorted(scores, key=lambda one: -scores[one]):
        if scores[flip] > fit.score + gains[flip]:
            return flip
    return None


def _verdict(fit: Fit, error: np.ndarray, limit: np.ndarray, flip: tuple[bool, bool] | None) -> str | None:
    if flip is not None:
        return f"the pictures are {_FLIPS[flip]}"
    if not np.isfinite(error).all() or not (np.abs(error) > limit).any():
        return None
    parts = []
    if (np.abs(error[:2]) > limit[:2]).any():
        right, down = np.rad2deg(error[0]), np.rad2deg(error[1])
        parts.append(
            f"the end effector appears {abs(right):.1f} deg to the {'right' if right > 0 else 'left'} and "
            f"{abs(down):.1f} deg {'below' if down > 0 else 'above'} where the camera says"
        )
    if abs(error[2]) > limit[2]:
        parts.append(f"the picture is rolled by {np.rad2deg(error[2]):+.1f} deg")
    if abs(error[3]) > limit[3]:
        parts.append(f"the picture is {error[3]:+.1%} in scale (distance or focal length)")
    return "camera and pictures disagree: " + "; ".join(parts)


def _set_findings(camera: str, spread: np.ndarray, motion: tuple[float, float]) -> list[Finding]:
    across, down = motion
    flip = (bool(across < -0.3), bool(down < -0.3))
    if flip in _FLIPS:
        what = (
            f"all pictures seem to be {_FLIPS[flip]}: what moves in them runs against the projected end effector "
            f"(correlation {across:+.2f} across, {down:+.2f} down)"
        )
        return [Finding("error", None, camera, what, "Flip the pictures when converting; see Camera.flip_horizontal.")]
    known = [correlation for correlation in motion if correlation == correlation]  # NaN: nothing moved along this axis
    if max(spread[:2]) > SET_LIMIT or (known and max(known) < 0.2):
        what = (
            f"pictures and cameras do not belong together in the whole set (typical disagreement "
            f"{np.rad2deg(max(spread[:2])):.1f} deg; motion correlation {across:+.2f} across, {down:+.2f} down)"
        )
        return [Finding("error", None, camera, what, "Check units, frames and image size of the camera columns.")]
    return []
