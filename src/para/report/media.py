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
from para.report.sources import Source

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

    def take(self, *parts: bytes) -> bool:
        """Whether all `parts` of an item fit, base64-encoded; then they are counted."""
        size = sum(4 * len(part) // 3 + 200 for part in parts)
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

    @property
    def anchor(self) -> str:
        """Its place on the page."""
        condition = self.record.condition
        return f"film-{condition.axis}-{self.record.subject.policy}-{condition.index}"


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

    def film(self, axis: str, policy: str) -> Film | None:
        """The first one of a row, which its links lead to."""
        films = (film for strip in self.strips if strip.axis == axis for film in strip.films if film.policy == policy)
        return next(films, None)


def collect_media(source: Source, tables: Sequence[AxisTable], reserve: int) -> Media:
    """Pictures first, then films; `reserve` bytes stay free for the rest of the page."""
    media = Media(budget=Budget(PAGE_BYTES - reserve))
    for path in (p for run in source.folders for p in sorted(run.pictures.glob("*")) if p.suffix in _KINDS):
        data = path.read_bytes()
        if media.budget.take(data):
            note = path.with_suffix(".txt")
            caption = note.read_text().strip() if note.exists() else path.stem.replace("_", " ").replace("-", " ")
            media.pictures.append(Picture(data_uri(data, _KINDS[path.suffix]), caption, *_size(path, data)))
    for run in source.folders:
        if (run.pictures / FILE).exists():
            _add_method(run.pictures / FILE, media)
    media.strips = _strips({run.root.name: run for run in source.runs}, tables, media.budget)
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
    """Axis by axis. Where not all films fit, everyone's first film goes before anyone's second, the axes by turns."""
    wanted: list[tuple[int, int, int, EpisodeRecord]] = []
    for t, table in enumerate(tables):
        for place, row in enumerate(table.rows):
            filmed = [r for r in row.main.episodes if _path(runs[row.run], r).exists()]
            wanted += [(turn, place, t, record) for turn, record in enumerate(filmed)]
    strips: dict[tuple[int, int], list[tuple[int, Film]]] = {}
    for _, place, t, record in sorted(wanted, key=lambda one: one[:3]):
        row = tables[t].rows[place]
        if film := _film(row.policy, _path(runs[row.run], record), record, budget):
            strips.setdefault((t, record.condition.index), []).append((place, film))
    return [
        FilmStrip(tables[t].axis, tables[t].title, index, tuple(film for _, film in sorted(films, key=lambda f: f[0])))
        for (t, index), films in sorted(strips.items())
    ]


def _path(run: RunFolder, record: EpisodeRecord) -> Path:
    condition = record.condition
    return video_path(run.videos, condition.axis, record.subject.policy, condition.split, condition.index)


def _film(policy: str, path: Path, record: EpisodeRecord, budget: Budget) -> Film | None:
    """None where it does not fit."""
    data = path.read_bytes()
    with av.open(io.BytesIO(data)) as container:
        image = next(container.decode(video=0)).to_image()
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=70)
    poster = buffer.getvalue()
    if not budget.take(data, poster):
        return None
    return Film(policy, record, data_uri(data, "video/mp4"), data_uri(poster, "image/jpeg"), *image.size)


def data_uri(data: bytes, kind: str) -> str:
    """``data:`` URI of a file's bytes."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
