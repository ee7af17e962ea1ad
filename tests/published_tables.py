"""The tables of the pages for readers, taken apart: of which policy and axis each figure is, and whether it is on record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from para.evaluation.rates import rate_of, training_key, training_seed
from para.evaluation.records import EpisodeRecord
from para.report.cells import COMPETENT, AxisTable, Row
from para.report.comparisons import TURNED
from para.report.factorial import SPACES, factors
from para.report.formats import percent
from para.report.levels import grades
from para.report.published import PAIRS, VIEW_CURVES
from para.report.video_table import RECIPES

HEAD = "para_paper_lite0_224"
"""What the pages call the published head."""
ON_RECORD = {"para_suite": "para", "para_suite_task_id": "para_task_id", "cls_regression_suite": "cls_regression"}
"""Presets that the pages name, and the rows of their records."""
WORDS = {"two": 2, "three": 3, "four": 4, "five": 5}
READINGS = {
    "one pooled token": "pooled",
    "every cell regresses": "dense",
    "told no place": "dense_shift",
    "soft-argmax": "soft_argmax",
    "`para`": "para",
}
"""The rows of the factorial, by words of their labels."""
TOKEN = re.compile(
    r"`(?P<name>[^`]*)`|(?P<head>published head)|\[(?P<low>\d+), (?P<high>\d+)\]|\((?P<inside>[^()]*)\)"
    r"|(?P<placed>\d+)/(?P<n>\d+)|(?P<number>\d+(?:\.\d+)?)"
)


@dataclass(frozen=True)
class Table:
    """A table of a page."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables_of(page: str) -> list[Table]:
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        header, rule, *rows = (tuple(c.strip() for c in line.strip()[1:-1].split("|")) for line in block.splitlines())
        assert set("".join(rule)) == {"-"}, f"no header: {block}"
        assert {len(row) for row in rows} == {len(header)}, f"rows of other lengths: {block}"
        found.append(Table(header, tuple(rows)))
    return found


def numbers(text: str) -> list[float]:
    return [float(x) for x in re.findall(r"\d+(?:\.\d+)?", text)]


def written(episodes: Sequence[EpisodeRecord], like: str) -> str:
    """Their rate in percent, with as many decimals as `like`."""
    value = sum(r.placed for r in episodes) / len(episodes)
    return percent(value) if "." not in like else f"{100 * value:.1f}"


class Figures:
    """What is on record of one policy on one axis, apart as the pages tell it."""

    def __init__(self, row: Row):
        levels = np.round(grades(row.main), 9)
        episodes = row.main.episodes
        away = [level > 0 or row.main.axis not in TURNED for level in levels]
        self.main = [r for r, there in zip(episodes, away) if there]
        """Out of distribution."""
        self.levels = [[r for r, at in zip(episodes, levels) if at == level] for level in sorted({*levels[away]})]
        trainings = sorted({training_key(r) for r in episodes})
        self.trainings = [[r for r in self.main if training_key(r) == key] for key in trainings]
        seeds, seen = {seed for _, seed in trainings}, row.in_distribution.episodes if row.in_distribution else ()
        self.seen = [r for r in seen if training_seed(r.subject.policy)[1] in seeds]
        """In distribution, of the same trainings."""
        self.grades = sorted({float(x) for x in levels[away]})


@dataclass
class Group:
    """The figures of a cell that are of one policy."""

    policy: str
    numbers: list[str] = field(default_factory=list)
    intervals: list[tuple[int, str, str]] = field(default_factory=list)
    """With the index of the number that each is of."""
    counts: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    """What stands in parentheses."""


class TableCheck:
    """Compares tables with the records. `wrong` has what differs, `unresolved` what nobody can tell the record of."""

    def __init__(self, axes: Mapping[str, AxisTable]):
        self.axes = axes
        self.policies = {row.policy for table in axes.values() for row in table.rows} | {*ON_RECORD}
        self.wrong: list[str] = []
        self.unresolved: list[str] = []
        self.compared = 0
        self._figures: dict[tuple[str, str], Figures | None] = {}

    def check(self, table: Table) -> None:
        """All its cells."""
        places = "".join((*table.header, *(row[0] for row in table.rows)))
        rates = any(re.search(r"\d", cell) for row in table.rows for cell in row[1:])
        if not rates or not (self._axes_in(places) or "`scaling_n<N>`" in places):
            self.unresolved.append(" | ".join(table.header))
        elif len(self._axes_in(table.header[0])) == 2:
            self._factorial(table)
        else:
            axis = ""
            for row in table.rows:
                axis = self._axis_of(table.header[0], row[0]) or (axis if row[0].startswith("the same") else "")
                self._row(table.header, row, axis)

    def _axes_in(self, text: str) -> list[str]:
        return [name for name in re.findall(r"`([^`]*)`", text) if name in self.axes]

    def _policy_in(self, text: str) -> str:
        names = (HEAD if head else name for name, head in re.findall(r"`([^`]*)`|(published head)", text))
        return next((name for name in names if name in self.policies), "")

    def _axis_of(self, header: str, label: str) -> str:
        if "`scaling_n<N>`" in header:
            first = "1" if "one demonstration" in label else label.split()[0]
            return f"scaling_n{first}"
        return next(iter(self._axes_in(label)), "")

    def figures(self, axis: str, policy: str) -> Figures | None:
        policy = ON_RECORD.get(policy, policy)
        if (axis, policy) not in self._figures:
            row = self.axes[axis].row(policy) if axis in self.axes else None
            self._figures[axis, policy] = Figures(row) if row else None
        return self._figures[axis, policy]

    def _columns(self, header: Sequence[str], label: str) -> Iterator[tuple[str, str, str]]:
        """(policy, axis, kind) of each column; the policy of a row stands in for `para`, and in columns that name none."""
        own = self._policy_in(label)
        last = default = own or self._policy_in(header[0])
        for title in header[1:]:
            axis = next(iter(self._axes_in(title)), "")
            policy = self._policy_in(title)
            policy = "expert" if "expert" in title else own if own and policy == "para" else policy
            kind = "published" if title.startswith("published:") or title.startswith("published,") else "main"
            if title in ("in distribution", "where it was trained") or label.endswith(", in distribution"):
                kind = "seen"
            nobody = title == "rivals"  # its cells name whom they speak of
            last = policy or ("" if nobody else last if kind == "seen" else default)
            yield last, axis, kind

    def _row(self, header: Sequence[str], row: Sequence[str], axis: str) -> None:
        columns = list(self._columns(header, row[0]))
        axis = axis or next((own for _, own, _ in columns if own), "")
        if axis not in self.axes:
            self.unresolved.append(row[0])
            return
        self._label(row[0], axis, [policy for policy, _, kind in columns if kind == "main"])
        for before, cell, (policy, own, kind) in zip(row, row[1:], columns):
            if kind == "published":
                self._published(cell, axis, policy)
            else:
                named = self._policy_in(before) if kind == "seen" and before is not row[0] else ""
                self._cell(cell, own or axis, named or policy, kind)
                if policy == "expert":
                    self._say(not self._policy_in(cell), f"{axis}: {cell} is no cell of the expert's")

    def _say(self, ok: bool, what: str) -> None:
        self.compared += 1
        if not ok:
            self.wrong.append(what)

    def _cell(self, cell: str, axis: str, policy: str, kind: str) -> None:
        if "told the camera" in cell:
            policy += "_camera"
        groups = [Group(policy)]
        for token in TOKEN.finditer(cell.replace("**", "")):
            group = groups[-1]
            if token["name"] or token["head"]:
                name = HEAD if token["head"] else token["name"]
                groups += [Group(name)] if name in self.policies else []
            elif token["low"]:
                group.intervals.append((len(group.numbers) - 1, token["low"], token["high"]))
            elif token["placed"]:
                group.counts.append(token[0])
            elif token["number"]:
                group.numbers.append(token["number"])
            elif inner := re.fullmatch(r"`(\w+)`, (\d+) each", token["inside"] or ""):
                groups.append(Group(inner[1]))
                self._each(inner[1], axis, int(inner[2]))
            elif token["inside"]:
                group.inside.append(token["inside"])
        for group in groups:
            where = f"{axis}, {group.policy or 'nobody'}: {cell}"
            if group.numbers or group.counts or re.search(r"\d", "".join(group.inside)):
                figures = self.figures(axis, group.policy)
                if figures is None:
                    self.wrong.append(f"{where} has no records")
                else:
                    self._group(group, figures, kind, where)
        for count in re.findall(rf"({'|'.join(WORDS)}) seeds", cell):
            self._say(len(self.figures(axis, policy).trainings) == WORDS[count], f"{axis}, {policy}: {count} seeds")

    def _group(self, group: Group, figures: Figures, kind: str, where: str) -> None:
        whole = figures.seen if kind == "seen" else figures.main
        parts = [whole] if len(group.numbers) <= 1 else figures.levels
        if len(group.numbers) not in (0, len(parts)) or not whole:
            self.unresolved.append(where)
            return
        for printed, part in zip(group.numbers, parts):
            self._say(written(part, printed) == printed, f"{where}: {printed} should be {written(part, printed)}")
        for index, low, high in group.intervals:
            rate = rate_of(parts[max(index, 0)], lambda r: r.placed)
            told = f"{100 * rate.low:.0f}", f"{100 * rate.high:.0f}"
            self._say((low, high) == told, f"{where}: [{low}, {high}] should be [{', '.join(told)}]")
        for printed in group.counts:
            self._count(printed, whole, where)
        for inside in group.inside:
            self._inside(inside, figures, kind, where)

    def _count(self, printed: str, of: Sequence[EpisodeRecord], where: str) -> None:
        told = f"{sum(r.placed for r in of)}/{len(of)}"
        self._say(printed == told, f"{where}: {printed} should be {told}")

    def _inside(self, inside: str, figures: Figures, kind: str, where: str) -> None:
        count, numbered = re.fullmatch(r"(\d+/\d+)(, not competent)?", inside), numbers(inside)
        seeds = re.fullmatch(r"\w+ seeds: ([\d, ;]+)", inside)
        if count and figures.seen:
            self._count(count[1], figures.seen, where)
        elif re.fullmatch(r"\d+(, \d+)+", inside):
            told = [written(part, "") for part in figures.trainings]
            self._say(inside.split(", ") == told, f"{where}: ({inside}) should be ({', '.join(told)})")
        elif seeds:
            told = [
                [written([r for r in part if r in level], "") for part in figures.trainings] for level in figures.levels
            ]
            lists = "; ".join(map(", ".join, told))
            self._say(seeds[1] == lists, f"{where}: {seeds[1]} should be {lists}")
        elif numbered:
            self.unresolved.append(f"{where}: ({inside})")
        if count or "not competent" in inside:
            poor = sum(r.placed for r in figures.seen) < COMPETENT * len(figures.seen)
            self._say(poor == ("not competent" in inside), f"{where}: competent or not")

    def _each(self, policy: str, axis: str, n: int) -> None:
        """So many episodes at each level."""
        figures = self.figures(axis, policy)
        if figures is not None:
            most = [len(level) for level in figures.levels]
            self._say(set(most) == {n}, f"{axis}, {policy}: {n} each should be {most}")

    def _label(self, label: str, axis: str, policies: Sequence[str]) -> None:
        """What a row's label says beside its name: levels, draws, numbers of episodes, rates of the expert, published ones."""
        outside = re.sub(r"\([^()]*\)|`[^`]*`", "", label)
        known = next((f for policy in policies if (f := self.figures(axis, policy))), None)
        for found in re.finditer(r"\d+(?:\.\d+)?(?:(?:, | and )\d+(?:\.\d+)?)+", outside):
            told = known.grades if known else []
            self._say(numbers(found[0]) == told, f"{axis}: {found[0]} should be {told}")
        inside = "; ".join(re.findall(r"\(([^()]*)\)", label))
        if drawn := re.search(rf"({'|'.join(WORDS)}) draws", inside):
            self._say(len(self.figures(axis, "para").trainings) == WORDS[drawn[1]], f"{label}: {drawn[0]}")
        if each := re.search(r"(\d+) positions each", inside):
            most = {len(training) for training in self.figures(axis, "para").trainings}
            self._say(most == {int(each[1])}, f"{label}: {each[0]} should be {most}")
        if seen := re.search(r"in distribution ([\d, and]+) of (\d+)", inside):
            told = [
                [sum(r.placed for r in f.seen), len(f.seen)] for f in (self.figures(axis, p) for p in policies) if f
            ]
            self._say(
                [[int(x), int(seen[2])] for x in numbers(seen[1])] == told, f"{label}: {seen[0]} should be {told}"
            )
        if expert := re.search(r"the expert (\d+/\d+|[\d, and]*\d)", inside):
            self._cell(expert[1].replace(" and", ","), axis, "expert", "main")
        if rate := re.search(r"published: ([\d, ]+)(?: / |, its baseline )([\d, ]*\d)", inside):
            self._pair(axis, rate[1], rate[2], label)
        others = set(policies)
        for policy, n in re.findall(r"(?:(`\w+`|the others) )?(\d+)(?: each)?(?=, |; |$)", inside):
            told = others if policy in ("the others", "") else {policy.strip("`")}
            others = others - told
            for one in told if policy or f"{n} each" in inside else ():
                self._each(one, axis, int(n))

    def _published(self, cell: str, axis: str, policy: str) -> None:
        plain = re.sub(r" \(in [^()]*\)$", "", cell)
        if fewer := re.match(r"N = (\d+): ", plain):
            axis, plain = f"scaling_n{fewer[1]}", plain[fewer.end() :]
        pair, alone = re.fullmatch(r"([\d, ]+) / ([\d, ]+?)(?: %)?", plain), re.fullmatch(r"(\d+) %", plain)
        if pair and axis in PAIRS:
            self._pair(axis, pair[1], pair[2], cell)
        elif alone and policy in RECIPES:
            self._say(RECIPES[policy].published == int(alone[1]), f"{policy}: {cell}, published")
        elif re.search(r"\d", cell):
            self.unresolved.append(f"{axis}: {cell}, published")

    def _pair(self, axis: str, ours: str, baseline: str, where: str) -> None:
        """The published method's and its baseline's figures: the ones that count, with those of the note or alone, or the
        curve of turned cameras."""
        pair = PAIRS[axis]
        main = [(pair.ours.percent, pair.baseline.percent)]
        noted = [(int(a), int(b)) for a, b in re.findall(r"(\d+) / (\d+)", pair.note)]
        curves = [[rate for turn, rate in VIEW_CURVES[p] if turn > 0] for p in ("para", "cls_regression")]
        told = [main, main + noted, noted] + ([list(zip(*curves))] if axis == "view" else [])
        self._say(list(zip(numbers(ours), numbers(baseline), strict=True)) in told, f"{where}: {axis} has {told}")

    def _factorial(self, table: Table) -> None:
        """Two axes in each cell: the first conditions of one, and those with a turned camera of the other, by the first
        training."""
        axes, sizes = self._axes_in(table.header[0]), [int(n) for n in re.findall(r"of (\d+)", table.header[0])]
        assert all(space in title for space, title in zip(("world", "offset", "camera", "pixel"), table.header[1:]))
        for label, *cells in table.rows:
            reading = next(name for words, name in READINGS.items() if words in label)
            for space, cell in zip(SPACES, cells):
                for axis, n, part in zip(axes, sizes, cell.replace("**", "").split(" · ") if cell != "–" else ()):
                    cells_of = {factors(row.policy): row.policy for row in self.axes[axis].rows}
                    corner = "cls_regression_camera"  # what the report takes where `reg_pooled_world` was not asked
                    policy = "para" if reading == "para" else cells_of.get((reading, space), corner)
                    figures = self.figures(axis, policy)
                    first = [r for r in figures.trainings[0] if r.condition.index < 100]
                    printed, seen = re.fullmatch(r"(\d+) \((\d+)(?:, \d+ steps)?\)", part).groups()
                    where = f"{axis}, {policy}: {part}"
                    asked = {r.condition.index for r in first}
                    self._say(len(asked) == n, f"{where}: {n} should be {len(asked)}")
                    self._say(printed == written(first, ""), f"{where}: {printed} should be {written(first, '')}")
                    seed = training_seed(first[0].subject.policy)
                    told = written([r for r in figures.seen if training_seed(r.subject.policy) == seed], "")
                    self._say(seen == told, f"{where}: ({seen}) should be ({told})")
