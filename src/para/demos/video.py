"""RGB frames <-> H.264 files at an exactly constant frame rate."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation

from para.demos.schema import DemoError

_KEYFRAME_EVERY = 10
_ENCODER = {"crf": "16", "g": str(_KEYFRAME_EVERY), "bf": "0", "preset": "faster", "threads": "1"}
_SEEK_WHEN_AHEAD_BY = 40  # frames; below this, decoding on is cheaper than seeking
_BACK = 12  # frames; a seek that fell behind the wanted one is tried again from so many earlier, then 4, 16, ... times as many
# yuv420p halves the colour resolution; the default (bilinear, rough) conversion would cost another 2 dB.
_CONVERSION = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header says."""

    frames: int
    width: int
    height: int
    fps: float


def encode_video(path: Path, images: np.ndarray, fps: int) -> None:
    """Write (F, H, W, 3) uint8 RGB as H.264 yuv420p, frame f at exactly f / fps seconds. H and W must be even."""
    height, width = images.shape[1:3]
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options=_ENCODER)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame = frame.reformat(format="yuv420p", interpolation=_CONVERSION, threads=1)
            frame.pts = number
            frame.time_base = Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def probe_video(path: Path) -> VideoInfo:
    """Read the header. `DemoError` when the file is missing, cut short or no video."""
    if not path.exists():
        raise DemoError(f"{path}: the video is missing")
    if not _whole(path):
        raise DemoError(f"{path}: the video is cut short or damaged ({path.stat().st_size} bytes). Record it again.")
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return VideoInfo(stream.frames, stream.width, stream.height, float(stream.average_rate or 0))
    except (av.error.FFmpegError, IndexError) as error:
        raise DemoError(f"{path}: not a readable video ({error}). Record it again.") from None


def decode_video(path: Path, numbers: np.ndarray, fps: float) -> np.ndarray:
    """Frames `numbers` (n,) counted from the start of the file, in any order -> (n, H, W, 3) uint8 RGB."""
    wanted, where = np.unique(np.asarray(numbers, dtype=np.int64), return_inverse=True)
    if len(wanted) == 0:
        raise DemoError(f"{path}: no frames asked for")
    images: list[np.ndarray] = []
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            decoded = container.decode(stream)
            position = -1
            for number in wanted.tolist():
                for start in _starts(number) if number - position > _SEEK_WHEN_AHEAD_BY else (None,):
                    if start is not None:
                        container.seek(round(start / fps / stream.time_base), stream=stream)
                        decoded, position = container.decode(stream), -1
                    while position < number:
                        frame = next(decoded, None)
                        position = number + 1 if frame is None else round(float(frame.pts * stream.time_base) * fps)
                    if position == number:
                        break
                else:
                    raise DemoError(f"{path}: frame {number} cannot be decoded; the video is damaged or too short")
                rgb = frame.reformat(format="rgb24", interpolation=_CONVERSION, threads=1)
                images.append(rgb.to_ndarray())
    except av.error.FFmpegError as error:
        raise DemoError(f"{path}: the video cannot be decoded ({error}). Record it again.") from None
    return np.stack(images)[where.reshape(-1)]


def _starts(number: int) -> Iterator[int]:
    """Where to seek for a frame: to itself, then ever earlier, at last to the file's start.

    A container goes to a keyframe by the order of decoding. With frames that are stored out of order (B-frames) that keyframe
    may be shown after the wanted frame, and decoders drop what leans on frames before it (HEVC's open groups of pictures).
    """
    start, back = number, _BACK
    while start > 0:
        yield start
        start, back = number - back, 4 * back
    yield 0


def _whole(path: Path) -> bool:
    """Whether the MP4's top-level boxes fill the file exactly and hold its index; catches files that were cut short."""
    size, position, kinds = path.stat().st_size, 0, set()
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            head = file.read(16)
            if len(head) < 8:
                return False
            length, kind = struct.unpack(">I4s", head[:8])
            if length == 1 and len(head) == 16:
                length = struct.unpack(">Q", head[8:])[0]
            elif length == 0:
                length = size - position
            if length < 8:
                return False
            kinds.add(kind)
            position += length
    return position == size and {b"moov", b"mdat"} <= kinds
