"""A run's folder, or a folder of runs -> one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from para.evaluation.axes import AXES
from para.evaluation.ledger import LedgerEntry, evaluations
from para.evaluation.progress import duration
from para.evaluation.rates import rate_of
from para.evaluation.records import EpisodeRecord
from para.evaluation.view_axes import ExcludedView, HemisphereAxis, ViewAxis, excluded_views
from para.report.cells import COMPETENT, LEAST_EPISODES, AxisTable, Other, RunRecords, axis_tables
from para.report.charts import legend_key, loss_chart, rate_chart
from para.report.expert_map import ExpertMap, read_expert_map
from para.report.factorial import SPACES, Factorial, factorial_tables
from para.report.figure_data import LossChart, RateChart
from para.report.figures import BASE, AxisFigures, axis_figures, training_figure
from para.report.formats import breakable, interval, p_value, percent, points
from para.report.headline import Headline, headline
from para.report.maps import STAGE_WORDS, draw_map, legend_mark
from para.report.media import Media, collect_media
from para.report.names import axis_title, demonstrations, rank
from para.report.notes import MOVED_PIXELS
from para.report.origins import origins
from para.report.run_folder import STAGES, ExperimentNote, RunFolder, read_note, read_timings
from para.report.scaling import scaling_chart
from para.report.sources import Source, read_source
from para.report.styles import policy_styles, style_sheet
from para.report.summary import coverage, summary
from para.report.video_table import has_own_table, video_tables
from para.report.words import TERMS, policy_words
from para.worlds.libero.camera import LOWEST_ELEVATION
from para.worlds.world import Stage


@dataclass(frozen=True)
class Times:
    """Where a run's time went."""

    stages: tuple[tuple[str, float, float], ...]
    """(name, seconds, percent of all)"""
    parts: tuple[tuple[str, float], ...]
    """(name, seconds) of what stages are made of."""
    total: float
    """[s]"""


@dataclass(frozen=True)
class Contents:
    """Everything that page and printed figures are drawn from."""

    source: Source
    note: ExperimentNote | None
    tables: tuple[AxisTable, ...]
    head: Headline
    styles: dict[str, str]
    factorials: tuple[Factorial, ...]
    figures: dict[str, AxisFigures]
    """By axis."""
    scaling: RateChart | None
    training: LossChart | None
    expert: ExpertMap | None

    @property
    def title(self) -> str:
        """The page's."""
        if len(self.tables) == 1:
            return self.tables[0].title
        return axis_title(self.note.axis) if self.note and self.note.axis else "Every axis on record"


def read_contents(folder: Path, ledger: Path | None = None) -> Contents:
    """Read a folder and compute its numbers. EmptyRun where no episode is on record."""
    source = read_source(folder, ledger)
    note = None if source.is_collection else read_note(source.runs[0])
    found = axis_tables(source.records, source.ledger)
    head = headline(found)
    tables = tuple(row.table for row in head.run)
    rows = [row for table in tables for row in table.rows]
    styles = policy_styles(sorted({row.policy for row in rows}, key=lambda name: (has_own_table(name), rank(name))))
    dense = next((table for table in tables if table.axis == BASE), None)
    return Contents(
        source=source,
        note=note,
        tables=tables,
        head=head,
        styles=styles,
        factorials=tuple(factorial_tables(tables)),
        figures={table.axis: axis_figures(table, styles, note, dense) for table in tables},
        scaling=scaling_chart(found, styles),
        training=training_figure(source.runs, rows, styles),
        expert=read_expert_map(source.root),
    )


def build_report(folder: Path, ledger: Path | None = None) -> Path:
    """Write `folder`/report.html from what is in the folder; returns its path.

    A folder of runs gives one page over all of them. `ledger` is the ledger whose test evaluations are counted, by default
    the folder's own or the one beside it. EmptyRun where no episode is on record.
    """
    contents = read_contents(folder, ledger)
    source, head, tables = contents.source, contents.head, contents.tables
    template = _environment().get_template("report.html")
    values = dict(
        c=contents,
        source=source,
        note=contents.note,
        tables=tables,
        head=head,
        factorials=contents.factorials,
        spaces=list(SPACES.values()),
        videos=video_tables(tables),
        styles=contents.styles,
        summary=summary(head, contents.factorials),
        coverage=coverage(head),
        times=_times(source.runs[0]) if not source.is_collection else None,
        trials=_trials(source.trials),
        failures=_failures(tables),
        origins=origins(tables),
        provenance=_provenance(source),
        ledger=sorted(source.ledger, key=lambda entry: entry.date),
        looks=_looks(source.ledger),
        excluded={table.axis: found for table in tables if (found := _excluded(table))},
        sized={table.axis for table in tables if demonstrations(table.axis) is not None and contents.scaling},
        today=date.today().isoformat(),
        stages=[(stage, legend_mark(stage), STAGE_WORDS[stage]) for stage in (Stage.PLACE, Stage.GRASP, Stage.MISS)],
        competent=round(100 * COMPETENT),
        terms=TERMS,
        lowest=LOWEST_ELEVATION,
        moved=MOVED_PIXELS,
        style_sheet=style_sheet(),
    )
    page = template.render(values, media=Media())
    media = collect_media(source, tables, reserve=len(page.encode()))  # what tables and figures leave room for
    if media.strips or media.pictures:
        page = template.render(values, media=media)
    report = RunFolder(source.root).report
    partial = report.with_suffix(".partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(report)
    return report


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("para.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=percent,
        interval=interval,
        points=points,
        p_value=p_value,
        duration=duration,
        draw_map=draw_map,
        rate_chart=rate_chart,
        loss_chart=loss_chart,
        legend_key=legend_key,
        policy_words=policy_words,
        breakable=breakable,
    )
    environment.globals["least_episodes"] = LEAST_EPISODES
    return environment


def _times(run: RunFolder) -> Times:
    timings = read_timings(run)
    stages = {name: timings[name] for name in STAGES if name in timings} or timings
    total = sum(stages.values()) or 1.0
    return Times(
        tuple((name, seconds, 100 * seconds / total) for name, seconds in stages.items()),
        tuple((name, seconds) for name, seconds in timings.items() if name not in stages),
        sum(stages.values()),
    )


def _trials(trials: Sequence[RunRecords]) -> list[tuple[str, Other]]:
    """(axis and split, what was tried) for each changed policy that was only looked at."""
    found = []
    for run in trials:
        groups: dict[tuple[str, str, str, str], list[EpisodeRecord]] = {}
        for r in run.records.episodes:
            key = (r.condition.axis, r.condition.split, r.subject.policy, r.subject.checkpoint)
            groups.setdefault(key, []).append(r)
        for (axis, split, policy, checkpoint), episodes in sorted(groups.items()):
            rate = rate_of(episodes, lambda r: r.placed)
            found.append((f"{axis}, {split}", Other(policy, run.run, checkpoint, rate)))
    return found


def _failures(tables: Sequence[AxisTable]) -> list[tuple[str, str, int, list[tuple[str, int]]]]:
    """(axis, policy, failed episodes, [(how they ended, count)]), as the records have it."""
    found = []
    for table in tables:
        for row in table.rows:
            failed = [r for r in row.main.episodes if not r.placed]
            if failed:
                counts: dict[str, int] = {}
                for r in failed:
                    ending = f"{r.stage.value}, {'time limit' if r.ended_by == 'limit' else r.ended_by}"
                    counts[ending] = counts.get(ending, 0) + 1
                ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
                found.append((table.axis, row.policy, len(failed), ordered))
    return found


def _excluded(table: AxisTable) -> tuple[ExcludedView, ...]:
    axis = AXES.get(table.axis)
    return excluded_views(axis) if table.split == "test" and isinstance(axis, ViewAxis | HemisphereAxis) else ()


def _provenance(source: Source) -> dict[str, list[str]]:
    """Machines and package versions; more than one entry where they differed."""
    found = [r.provenance for run in source.records for r in (*run.records.episodes, *run.records.errors)]
    return {
        "machines": list(dict.fromkeys(p.machine for p in found if p.machine)),
        "versions": list(dict.fromkeys(", ".join(f"{name} {number}" for name, number in p.versions) for p in found)),
    }


def _looks(ledger: Sequence[LedgerEntry]) -> list[tuple[str, str, int]]:
    """(policy, axis, test evaluations)"""
    return [(policy, axis, count) for (policy, axis), count in sorted(evaluations(list(ledger)).items())]
