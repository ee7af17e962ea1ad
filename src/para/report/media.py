"""Videos and pictures as data inside the page, within a budget of bytes."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
from PIL import Image

from para.evaluation.records import EpisodeRecord
from para.evaluation.video import video_path
from para.report.cells import AxisTable
from para.report.pointing import FILE, load_pointing
from para.report.run_folder import RunFolder

PAGE_BYTES = 14_000_000
"""Most bytes of the whole page."""
_KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}

METHOD_WORDS = (
    "How it points, from a prediction of this policy: it scores every cell of the picture and every height; the best one's "
    "ray, which the camera's calibration gives, meets that height in the target."
)


@dataclass
class Budget:
    """Bytes that may still be put into the page."""

    left: int = PAGE_BYTES
    missing: int = 0
    """Items that did not fit."""

    def take(self, data: bytes) -> bool:
        """Whether `data` fits, base64-encoded; then it is counted."""
        size = 4 * len(data) // 3 + 200
        if size > self.left:
            self.missing += 1
            return False
        self.left -= size
        return True


@dataclass(frozen=True)
class Film:
    """One rollout's video."""

    policy: str
    record: EpisodeRecord
    source: str
    """data: URI of the H.264 file."""
    poster: str
    """data: URI of its first frame."""
    width: int
    height: int


@dataclass(frozen=True)
class FilmStrip:
    """The same condition, one film for each policy that was filmed on it."""

    axis: str
    title: str
    """The axis, for people."""
    index: int
    films: tuple[Film, ...]


@dataclass(frozen=True)
class Picture:
    """A figure."""

    source: str
    caption: str
    width: int
    height: int
    wide: bool = False
    """Over the whole page."""


@dataclass
class Media:
    """All that is embedded."""

    strips: list[FilmStrip] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    budget: Budget = field(default_factory=Budget)


def collect_media(runs: Sequence[RunFolder], tables: Sequence[AxisTable], reserve: int) -> Media:
    """Pictures first, then film strips, the axes by turns; `reserve` bytes stay free for the rest of the page."""
    media = Media(budget=Budget(PAGE_BYTES - reserve))
    for path in (p for run in runs for p in sorted(run.pictures.glob("*")) if p.suffix in _KINDS):
        data = path.read_bytes()
        if media.budget.take(data):
            note = path.with_suffix(".txt")
            caption = note.read_text().strip() if note.exists() else path.stem.replace("_", " ").replace("-", " ")
            media.pictures.append(Picture(data_uri(data, _KINDS[path.suffix]), caption, *_size(path, data)))
    for run in runs:
        if (run.pictures / FILE).exists():
            _add_method(run.pictures / FILE, media)
    media.strips = _strips({run.root.name: run for run in runs}, tables, media.budget)
    return media


def _add_method(path: Path, media: Media) -> None:
    """The method's figure, first of all pictures, drawn from the prediction that is kept at `path`."""
    from para.report.method import draw_method  # matplotlib is slow to load, and most pages do without

    buffer = io.BytesIO()
    draw_method(load_pointing(path)).savefig(buffer, format="png", dpi=150)
    data = buffer.getvalue()
    if media.budget.take(data):
        with Image.open(io.BytesIO(data)) as image:
            media.pictures.insert(0, Picture(data_uri(data, "image/png"), METHOD_WORDS, *image.size, wide=True))


def _size(path: Path, data: bytes) -> tuple[int, int]:
    """Width and height [px]; of a drawing the shape alone matters."""
    if path.suffix == ".svg":
        found = re.search(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"', data)
        return (round(float(found[1])), round(float(found[2]))) if found else (900, 300)
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def _strips(runs: dict[str, RunFolder], tables: Sequence[AxisTable], budget: Budget) -> list[FilmStrip]:
    wanted: list[tuple[int, AxisTable]] = []
    for table in tables:
        indices = {
            r.condition.index for row in table.rows for r in row.main.episodes if _path(runs[row.run], r).exists()
        }
        wanted += [(index, table) for index in indices]
    strips = []
    for index, table in sorted(wanted, key=lambda pair: (pair[0], tables.index(pair[1]))):
        films = []
        for row in table.rows:
            for record in row.main.episodes:
                if record.condition.index == index and (
                    film := _film(row.policy, _path(runs[row.run], record), record, budget)
                ):
                    films.append(film)
        if films:
            strips.append(FilmStrip(table.axis, table.title, index, tuple(films)))
    return strips


def _path(run: RunFolder, record: EpisodeRecord) -> Path:
    condition = record.condition
    return video_path(run.videos, condition.axis, record.subject.policy, condition.split, condition.index)


def _film(policy: str, path: Path, record: EpisodeRecord, budget: Budget) -> Film | None:
    if not path.exists():
        return None
    data = path.read_bytes()
    if not budget.take(data):
        return None
    with av.open(io.BytesIO(data)) as container:
        image = next(container.decode(video=0)).to_image()
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=70)
    budget.take(buffer.getvalue())
    return Film(policy, record, data_uri(data, "video/mp4"), data_uri(buffer.getvalue(), "image/jpeg"), *image.size)


def data_uri(data: bytes, kind: str) -> str:
    """``data:`` URI of a file's bytes."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
