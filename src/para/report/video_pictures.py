"""What a video policy foresees, beside what happened."""

from __future__ import annotations

import cv2
import numpy as np

from para.demos import DemoDataset
from para.drawing import draw_point, put_text, step_colors, tile
from para.evaluation.video_quality import Clip, VideoQuality, compare, cut_clip, foresee, foretold, summarise
from para.policy import Policy
from para.types import STEP_SECONDS

PANEL = 224
"""Width of one frame in the picture [px]."""
SAMPLING_STEPS = 10
"""Of the sampling loop; more change little in small models."""


def draw_foresight(clip: Clip, predicted: np.ndarray) -> np.ndarray:
    """Above what happened, below the prediction; on both the true end effector of each frame -> (H, W, 3) uint8.

    In the prediction a ring that does not lie about the gripper shows how far the video has drifted.
    """
    colors = [(255, 255, 255), *step_colors(len(clip.frames) - 1)]
    quality = compare(clip, predicted)
    panels = []
    for row, frames in enumerate((clip.frames, predicted)):
        for k, frame in enumerate(frames):
            height = round(PANEL * frame.shape[0] / frame.shape[1])
            panel = cv2.resize(frame, (PANEL, height), interpolation=cv2.INTER_CUBIC)
            if clip.seen[k]:
                draw_point(panel, clip.pixels[k] * (PANEL / frame.shape[1]), colors[k], 6, filled=False)
            text = f"+{k * STEP_SECONDS:.1f} s" if row == 0 else "given" if k == 0 else f"{quality.psnr[k - 1]:.1f} dB"
            if row == 1 and k > 0 and np.isfinite(quality.drift[k - 1]):
                text += f"  {quality.drift[k - 1]:.1f} px off"
            put_text(panel, text, (6, 16))
            panels.append(panel)
    return tile(panels, len(clip.frames))


def judge_video(
    policy: Policy, demos: DemoDataset, count: int, steps: int = SAMPLING_STEPS, seed: int = 0
) -> VideoQuality:
    """Quality over `count` moments of the demonstrations, drawn by `seed`. ValueError when no episode is long enough."""
    backbone = policy.config.backbone
    rng, length = np.random.default_rng(seed), int(demos.frame_after(0, STEP_SECONDS * (backbone.frames - 1)))
    long_enough = [e for e, row in enumerate(demos.episodes) if row.length > length]
    if not long_enough:
        raise ValueError(
            f"{demos.root}: no episode has more than {length} frames, which a clip of {backbone.frames} spans"
        )
    clips = []
    for episode in rng.choice(long_enough, count):
        frame = int(rng.integers(0, demos.episodes[episode].length - length))
        clips.append(clip_for(policy, demos, int(episode), frame))
    qualities = [compare(clip, foresee(policy, clip.frames[0], steps)) for clip in clips]
    return summarise(qualities, foretold(policy, clips))


def clip_for(policy: Policy, demos: DemoDataset, episode: int, frame: int) -> Clip:
    """The clip that a policy would predict, as it happened. ValueError for a policy without a video backbone."""
    config = policy.config
    if not hasattr(config.backbone, "frames"):
        raise ValueError(f"this policy's backbone ({type(config.backbone).__name__}) does not predict video")
    return cut_clip(demos, config.camera, episode, frame, config.image_size, config.backbone.frames, config.framing)


def show_video(policy: Policy, demos: DemoDataset, episode: int, frame: int, count: int) -> tuple[np.ndarray, str]:
    """The picture of one moment, and the verdict over `count` moments."""
    clip = clip_for(policy, demos, episode, frame)
    picture = draw_foresight(clip, foresee(policy, clip.frames[0], SAMPLING_STEPS))
    return picture, judge_video(policy, demos, count).text()
