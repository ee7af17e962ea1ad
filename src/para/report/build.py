"""A run's folder -> one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from para.evaluation.axes import AXES
from para.evaluation.ledger import evaluations, read_ledger
from para.evaluation.progress import duration
from para.evaluation.records import Records, read_records
from para.report.cells import COMPETENT, REFERENCES, AxisTable, axis_tables
from para.report.figures import axis_figures, policy_styles, training_figure
from para.report.maps import legend_mark
from para.report.media import collect_media
from para.report.run_folder import STAGES, ExperimentNote, RunFolder, read_note, read_timings
from para.worlds.world import Stage

_PAGE_WITHOUT_MEDIA = 1_500_000
"""Bytes kept free for tables and figures."""


class EmptyRun(ValueError):
    """There is nothing to report."""


def build_report(folder: Path, ledger: Path | None = None) -> Path:
    """Write `folder`/report.html from what is in the folder; returns its path.

    `ledger` is the ledger whose test evaluations are counted, by default the run's own. EmptyRun where no episode is on
    record.
    """
    run = RunFolder(Path(folder))
    records = _all_records(run)
    if not records.episodes and not records.errors:
        raise EmptyRun(
            f"{run.root / 'records'} holds no episodes; evaluate a policy into it first (`para evaluate`, `para reproduce`)"
        )
    entries = read_ledger(ledger or run.ledger)
    tables, note = axis_tables(records, evaluations(entries)), read_note(run)
    media = collect_media(run, tables, _PAGE_WITHOUT_MEDIA)
    names = list(dict.fromkeys(row.policy for table in tables for row in table.rows))
    styles = policy_styles(names)
    environment = Environment(
        loader=PackageLoader("para.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=_percent, interval=_interval, points=_points, p_value=_p_value, duration=duration
    )
    page = environment.get_template("report.html").render(
        title=_title(tables, note),
        note=note,
        tables=tables,
        axes=AXES,
        figures={table.axis: axis_figures(table, styles, note) for table in tables},
        styles=styles,
        lede=_lede(tables),
        media=media,
        training=training_figure(run, names, styles),
        times=_times(run),
        provenance=_provenance(records),
        command=_command(note),
        ledger=entries,
        today=date.today().isoformat(),
        stages=[(stage, legend_mark(stage)) for stage in (Stage.PLACE, Stage.GRASP, Stage.MISS)],
        competent=round(100 * COMPETENT),
        references=REFERENCES,
    )
    partial = run.report.with_suffix(".partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(run.report)
    return run.report


def _all_records(run: RunFolder) -> Records:
    files = [read_records(path) for path in run.all_records()]
    return Records(
        tuple(record for file in files for record in file.episodes),
        tuple(error for file in files for error in file.errors),
    )


def _title(tables: Sequence[AxisTable], note: ExperimentNote | None) -> str:
    if note is not None and note.axis in AXES:
        return AXES[note.axis].title
    known = [AXES[table.axis].title for table in tables if table.axis in AXES]
    return known[0] if len(known) == 1 else "Every axis of the benchmark"


def _lede(tables: Sequence[AxisTable]) -> list[dict[str, Any]]:
    """The first axis's policies in words: name, rate, where they were competent."""
    rows = tables[0].policies if tables else ()
    return [
        {"policy": row.policy, "rate": row.main.place, "publishable": row.main.publishable, "seen": row.in_distribution}
        for row in rows
    ]


def _times(run: RunFolder) -> dict[str, Any]:
    """Stages with their shares, and their parts."""
    timings = read_timings(run)
    stages = {name: timings[name] for name in STAGES if name in timings} or timings
    total = sum(stages.values()) or 1.0
    return {
        "stages": [(name, seconds, 100 * seconds / total) for name, seconds in stages.items()],
        "parts": [(name, seconds) for name, seconds in timings.items() if name not in stages],
        "total": sum(stages.values()),
    }


def _provenance(records: Records) -> dict[str, list[str]]:
    """What the records say about their making; more than one entry where it differed."""
    found = [record.provenance for record in (*records.episodes, *records.errors)]

    def distinct(values) -> list[str]:
        return list(dict.fromkeys(value for value in values if value))

    return {
        "commands": distinct(p.command for p in found),
        "commits": distinct(p.commit for p in found),
        "machines": distinct(p.machine for p in found),
        "versions": distinct(", ".join(f"{name} {number}" for name, number in p.versions) for p in found),
    }


def _command(note: ExperimentNote | None) -> str:
    return f"para reproduce {note.name}" if note is not None else ""


def _percent(value: float) -> str:
    """0.905 -> ``91``; what is not quite all is not shown as all."""
    if value != value:
        return "–"
    if 0 < value < 1:
        return str(min(99, max(1, round(100 * value))))
    return str(round(100 * value))


def _interval(rate) -> str:
    return f"{100 * rate.low:.0f}–{100 * rate.high:.0f}"


def _points(value: float) -> str:
    return f"{100 * value:+.0f}".replace("-", "−")


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
