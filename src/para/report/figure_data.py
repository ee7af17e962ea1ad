"""What figures show, before they are drawn: the page draws them as SVG, `vector.py` as PDF and SVG for print."""

from __future__ import annotations

from dataclasses import dataclass

from para.evaluation.records import EpisodeRecord
from para.worlds.world import Stage

XY = tuple[float, float]


@dataclass(frozen=True)
class Point:
    """A value with its interval."""

    x: float
    y: float
    low: float
    high: float
    n: int = 0
    """Episodes behind it."""


@dataclass(frozen=True)
class Series:
    """One line."""

    name: str
    style: str
    """Name of a colour and mark in `styles.py`, e.g. ``p0``."""
    points: tuple[Point, ...]
    dashed: bool = False
    """Shown without band and marks: somebody else's figures, or a rate measured elsewhere."""
    scatter: tuple[XY, ...] = ()
    """Single values behind the points, such as the draws of a training set."""


@dataclass(frozen=True)
class RateChart:
    """Rates in [0, 1] over something."""

    label: str
    """For those who cannot see it."""
    x_title: str
    series: tuple[Series, ...]
    log_x: bool = False
    ticks: tuple[float, ...] = ()
    """Values on the x axis; round ones where empty."""


@dataclass(frozen=True)
class LossChart:
    """Positive values over something, on a logarithmic scale."""

    label: str
    x_title: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Mark:
    """One episode on the table."""

    xy: XY
    """The bowl at the beginning [m], world."""
    stage: Stage
    label: str
    """Which episode, for people."""
    ended_by: str


@dataclass(frozen=True)
class TableMap:
    """Episodes and demonstrations on the table."""

    training: tuple[XY, ...]
    """Bowl positions of the demonstrations [m], world."""
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Sector:
    """One direction of the camera."""

    polar: float
    """Turned from the training camera [deg]."""
    azimuth: float
    """Towards where [deg]: 0 image right, 90 up."""
    placed: int
    n: int


@dataclass(frozen=True)
class ViewMap:
    """Success by direction of the camera."""

    sectors: tuple[Sector, ...]

    @property
    def rings(self) -> list[float]:
        """Polar angles [deg], from the middle outwards."""
        return sorted({s.polar for s in self.sectors})


Map = TableMap | ViewMap


def table_map_of(training: tuple[XY, ...], episodes: tuple[EpisodeRecord, ...]) -> TableMap:
    """Each episode where its bowl stood."""
    marks = (Mark(r.condition.layout.bowl_xy, r.stage, r.condition.label, r.ended_by) for r in episodes)
    return TableMap(training, tuple(marks))


def view_map_of(episodes: tuple[EpisodeRecord, ...]) -> ViewMap:
    """Episodes grouped by their camera."""
    groups: dict[tuple[float, float], list[bool]] = {}
    for record in episodes:
        groups.setdefault(record.condition.layout.view, []).append(record.placed)
    return ViewMap(tuple(Sector(*view, sum(placed), len(placed)) for view, placed in sorted(groups.items())))


def sector_span(sector: Sector, of: ViewMap) -> float:
    """Width of a sector [deg]: the distance to the nearest neighbour in its ring, at most 45; a full turn for ring 0."""
    if sector.polar == 0:
        return 360.0
    others = [s.azimuth for s in of.sectors if s.polar == sector.polar and s.azimuth != sector.azimuth]
    gaps = [abs((a - sector.azimuth + 180) % 360 - 180) for a in others]
    return min([45.0, *gaps])
