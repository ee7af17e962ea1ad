"""Does a video model foresee well enough for actions to be read off it as it is?

Predicted clips are compared with what happened, and with the cheapest prediction of all: that nothing moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from para.demos import DemoDataset
from para.geometry import Camera, LevelFraming, Pose, warp_image
from para.policy import Policy
from para.types import STEP_SECONDS

PATCH = 0.07
"""Half of the side of the patch about the end effector that is looked for, in image widths."""
REACH = 0.35
"""How far it is looked for, in image widths."""
FINE = 3
"""Pictures are enlarged this much first, so that distances come in thirds of a pixel."""
CHANGED = 24
"""A pixel counts as changed when a channel differs by more than this (of 255)."""
ENOUGH = 0.5
"""The verdict's threshold: the largest median drift, as a share of what standing still would have.

A head on a frozen video model reads where the gripper will be off features that predict the video; it can hardly know that
place better than the video does. A video whose gripper is off by more than half of its way is nearer to 'nothing moves' than
to what happened. Where the model goes on learning with the head this is no limit: what it does not know the actions teach.
"""


@dataclass(frozen=True)
class Clip:
    """What happened after one moment, at the policy's image size."""

    frames: np.ndarray
    """(F, H, W, 3) uint8; frame 0 is the observation."""
    pixels: np.ndarray
    """(F, 2) projected end effector at each frame [px]."""
    seen: np.ndarray
    """(F,) bool: it lies in the picture."""


@dataclass(frozen=True)
class ClipQuality:
    """How one predicted clip compares, for each of its T = F - 1 future frames."""

    psnr: np.ndarray
    """(T,) peak signal-to-noise ratio against what happened [dB]."""
    still_psnr: np.ndarray
    """(T,) the same of the first picture [dB]."""
    drift: np.ndarray
    """(T,) distance of the end effector's patch from its true place [px]; NaN where it is out of sight or has not moved."""
    still_drift: np.ndarray
    """(T,) the same of the first picture [px]."""


@dataclass(frozen=True)
class VideoQuality:
    """Medians over clips and frames."""

    clips: int
    psnr: float
    still_psnr: float
    drift: float
    still_drift: float
    foretold: float | None = None
    """Share of the latents' change that the pass which features are read from knows beforehand; see `foretold`."""

    @property
    def enough(self) -> bool:
        """Whether a head is worth training on the model as it is: see `ENOUGH`."""
        return bool(self.drift <= ENOUGH * self.still_drift)

    def text(self) -> str:
        """Three lines or four."""
        verdict = (
            "good enough to read actions off it as it is (video_frozen)"
            if self.enough
            else "too poor to read actions off it as it is: train it longer, on more videos, or on with the actions"
        )
        told = (
            f"a single pass foretells {self.foretold:.0%} of how the latents change\n"
            if self.foretold is not None
            else ""
        )
        return (
            f"{self.clips} clips: PSNR {self.psnr:.1f} dB (if nothing moved {self.still_psnr:.1f})\n"
            f"the gripper is {self.drift:.1f} px off its true place (if nothing moved {self.still_drift:.1f})\n"
            f"{told}"
            f"{verdict} (at most {ENOUGH:.0%} of the drift of a picture in which nothing moves)"
        )


def cut_clip(
    demos: DemoDataset,
    camera: str,
    episode: int,
    frame: int,
    size: tuple[int, int],
    count: int,
    framing: LevelFraming | None = None,
) -> Clip:
    """`count` frames from `frame` on, at `size` (W, H), framed as a policy sees them. ValueError when the episode ends
    before."""
    columns = demos.columns(episode, camera)
    numbers = demos.frame_after(frame, STEP_SECONDS * np.arange(count))
    if not 0 <= frame <= numbers[-1] < len(columns):
        raise ValueError(
            f"episode {episode} has frames 0 to {len(columns) - 1}; a clip of {count} frames from {frame} on ends at "
            f"{numbers[-1]}. Begin at {max(0, len(columns) - 1 - numbers[-1] + frame)} or before."
        )
    seen_by = Camera(
        columns.intrinsics[frame], Pose.from_matrix(columns.T_world_camera[frame]), *demos.image_size(camera)
    )
    small = seen_by.resize(*size) if framing is None else framing(seen_by, *size)
    pixels, depth = small.project(columns.ee_position[numbers])
    frames = np.stack([warp_image(image, seen_by, small) for image in demos.decode(episode, camera, numbers)])
    return Clip(frames, pixels, small.sees(pixels, depth))


@torch.inference_mode()
def foresee(policy: Policy, image: np.ndarray, steps: int) -> np.ndarray:
    """First picture (H, W, 3) uint8 at the policy's size -> predicted clip (F, H, W, 3) uint8, by `steps` sampling steps.

    ValueError for a policy without a video backbone.
    """
    if not hasattr(policy.network.backbone, "generate"):
        raise ValueError(f"this policy's backbone ({type(policy.config.backbone).__name__}) does not predict video")
    device = next(policy.network.parameters()).device
    picture = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].to(device).float() / 255.0
    clip = policy.network.backbone.generate(picture, steps)[0]
    return (clip * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


@torch.inference_mode()
def foretold(policy: Policy, clips: Sequence[Clip]) -> float:
    """How much of the clips' change the single pass that features are read from foretells: 1 - mean square of what it misses
    / mean square of what changes, in latents, after the first frame. 0 says no more than that nothing moves, 1 all.

    What cannot be known beforehand keeps it below 1; ValueError when nothing changes.
    """
    missed, changed = 0.0, 0.0
    backbone, device = policy.network.backbone, next(policy.network.parameters()).device
    for clip in clips:
        frames = torch.from_numpy(clip.frames).permute(0, 3, 1, 2)[None].to(device).float() / 255.0
        happened = backbone.encode(frames)
        missed += float((backbone.first_guess(frames[:, 0]) - happened)[:, 1:].square().mean())
        changed += float((happened[:, :1] - happened)[:, 1:].square().mean())
    if changed == 0.0:
        raise ValueError("nothing changes in any of these clips; take others, or more of them")
    return 1 - missed / changed


def compare(clip: Clip, predicted: np.ndarray) -> ClipQuality:
    """What happened against a prediction (F, H, W, 3) uint8."""
    still = np.broadcast_to(clip.frames[:1], clip.frames.shape)
    later = range(1, len(clip.frames))
    return ClipQuality(
        np.array([_psnr(clip.frames[k], predicted[k]) for k in later]),
        np.array([_psnr(clip.frames[k], still[k]) for k in later]),
        np.array([_drift(clip, k, predicted[k]) for k in later]),
        np.array([_drift(clip, k, still[k]) for k in later]),
    )


def summarise(qualities: list[ClipQuality], share: float | None = None) -> VideoQuality:
    """Medians, beside the share that `foretold` found. ValueError when the gripper moved in none of the clips."""
    drifts = np.concatenate([q.drift for q in qualities])
    if np.isnan(drifts).all():
        raise ValueError("the gripper moves, in sight, in none of these clips; take others, or more of them")
    return VideoQuality(
        len(qualities),
        float(np.median([q.psnr for q in qualities])),
        float(np.median([q.still_psnr for q in qualities])),
        float(np.nanmedian(drifts)),
        float(np.nanmedian(np.concatenate([q.still_drift for q in qualities]))),
        share,
    )


def _psnr(real: np.ndarray, predicted: np.ndarray) -> float:
    error = np.mean((real.astype(np.float64) - predicted) ** 2)
    return float(10 * np.log10(255.0**2 / max(error, 1e-3)))


def _drift(clip: Clip, k: int, predicted: np.ndarray) -> float:
    """Where the patch about the true end effector of frame k is found in the prediction, as a distance [px].

    Only pixels that changed since frame 0 are compared: the table behind the gripper would match at the true place in any
    prediction. NaN when it is out of sight or too little has changed.
    """
    width = clip.frames.shape[2]
    moved = np.abs(clip.frames[k].astype(int) - clip.frames[0]).max(-1) > CHANGED
    half, reach = max(2, round(PATCH * width)), round(REACH * width)
    u, v = (int(x) for x in np.floor(clip.pixels[k]))
    margin = half + reach
    real, other = _padded(clip.frames[k], margin), _padded(predicted, margin)
    mask = cv2.copyMakeBorder(moved.astype(np.uint8), *(margin,) * 4, cv2.BORDER_CONSTANT)
    patch = np.s_[
        v + reach : v + reach + 2 * half + 1, u + reach : u + reach + 2 * half + 1
    ]  # centre at margin + (u, v)
    window = np.s_[v : v + 2 * margin + 1, u : u + 2 * margin + 1]
    if not clip.seen[k] or mask[patch].mean() < 0.1:
        return float("nan")
    large = {"fx": FINE, "fy": FINE, "dsize": None}
    template = cv2.resize(real[patch], interpolation=cv2.INTER_CUBIC, **large).astype(np.float32)
    searched = cv2.resize(other[window], interpolation=cv2.INTER_CUBIC, **large).astype(np.float32)
    weight = cv2.resize(mask[patch], interpolation=cv2.INTER_NEAREST, **large).astype(np.float32)
    difference = cv2.matchTemplate(searched, template, cv2.TM_SQDIFF, mask=np.repeat(weight[..., None], 3, 2))
    row, column = np.unravel_index(difference.argmin(), difference.shape)
    return float(np.hypot(row / FINE - reach, column / FINE - reach))


def _padded(image: np.ndarray, margin: int) -> np.ndarray:
    return cv2.copyMakeBorder(image, *(margin,) * 4, cv2.BORDER_REPLICATE)
