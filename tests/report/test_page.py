"""The page in a browser, on a phone's width and a desktop's."""

from __future__ import annotations

import base64
import io
import re
import shutil
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from para.evaluation import AXES, read_records
from para.report import EmptyRun, RunFolder, build_report
from para.report.build import read_contents
from para.report.goals import BENCHMARK
from para.report.media import PAGE_BYTES, collect_media
from para.report.names import group_of
from para.report.video_table import RECIPES
from report.browser import screenshot, visit
from report.sample_run import (
    FACTORIAL,
    FEW,
    SKILL,
    VIDEO,
    LevelAxis,
    axis_records,
    make_collection,
    make_error,
    make_run,
    write_records,
)


@pytest.fixture(autouse=True)
def _few_episodes_are_a_row(monkeypatch):
    """The arithmetic is the same for few, and quicker."""
    monkeypatch.setattr("para.report.cells.LEAST_EPISODES", 1)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    return build_report(make_run(tmp_path_factory.mktemp("run")).root)


@pytest.fixture(scope="module")
def collection(tmp_path_factory) -> Path:
    return build_report(make_collection(tmp_path_factory.mktemp("results")))


def cells_of(dom: str, axis: str) -> dict[str, tuple[int, int, int]]:
    """(percent, placed, n) by policy in an axis's row of the headline table, from the rendered page."""
    row = re.search(rf'<tr data-axis="{axis}">.*?</tr>', dom, re.DOTALL)[0]
    found = {}
    for policy, cell in re.findall(r'data-policy="(\w+)">(.*?)</td>', row, re.DOTALL):
        count = re.search(r'count">(\d+)/(\d+)<', cell)
        found[policy] = (int(re.search(r'class="rate">(\d+)<', cell)[1]), int(count[1]), int(count[2]))
    return found


@pytest.mark.parametrize("width", [390, 1280])
def test_a_collection_renders_with_the_numbers_of_its_records(collection, tmp_path, width):
    seen = visit(collection, width, tmp_path)
    assert seen.scroll_width <= width, f"wider than the window: {seen.too_wide}"
    assert seen.console == []
    root = collection.parent
    for axis, run in (("lr_independent", "full"), ("view", "views")):
        placed, asked = Counter(), Counter()
        for r in read_records(root / run / "records" / f"{axis}.jsonl").episodes:
            if r.condition.split == "test" and r.settings.mode == "servo":
                placed[r.subject.policy] += r.placed
                asked[r.subject.policy] += 1
        shown = cells_of(seen.dom, axis)
        assert set(shown) == {p for p in asked if p not in FACTORIAL | VIDEO}
        for policy, (percent, successes, n) in shown.items():
            assert (successes, n) == (placed[policy], asked[policy])
            exact = 100 * successes / n
            assert percent == (round(exact) if successes in (0, n) else min(99, max(1, round(exact))))
    factorial = re.search(r'<table class="cards factorial".*?</table>', seen.dom, re.DOTALL)[0]
    assert set(re.findall(r'data-policy="(\w+)"', factorial)) == set(FACTORIAL)
    video = re.search(r'<table class="cards video".*?</table>', seen.dom, re.DOTALL)[0]
    assert set(re.findall(r'data-policy="(\w+)"', video)) == set(VIDEO)
    assert video.count("not run") == len(RECIPES) - len(VIDEO)
    assert seen.dom.index('id="factorial"') < seen.dom.index('id="results"')  # it leads the page


def test_a_collection_says_what_it_does_not_hold(collection):
    text = collection.read_text()
    missing = set(re.findall(r'data-missing="(\w+)"', text))
    run = {"lr_independent", "view", "scaling_n8", "scaling_n16"}
    assert missing == {entry.axis for entry in BENCHMARK} - run and "Not run yet" in text
    assert "other frame" in text and "lr, validation" in text  # the trial is listed, and
    assert 'id="axis-lr"' not in text  # in no table
    small = re.search(r"<td[^>]*>small</td>.*?(\d+) of 20", text, re.DOTALL)
    assert small, "the smaller run of the same axis is named with its count"
    assert "What was tried" in text and "bowl set down beside the plate" in text


def test_films_of_a_collection_stand_at_the_anchors_that_its_rows_link_to(collection):
    text, films = collection.read_text(), {}
    for anchor, figure in re.findall(r'<figure class="[^"]*" id="(film-[^"]+)">(.*?)</figure>', text, re.DOTALL):
        films[anchor] = figure
    runs = {"lr_independent": "full", "view": "views"}  # the second has no films
    assert set(films) == {f"film-lr_independent-{p}-{i}" for p in FEW for i in range(3)}
    assert re.findall(r'<h3 id="films-(\w+)"', text) == ["lr_independent"] and 'href="#films-view"' not in text
    records = read_records(collection.parent / runs["lr_independent"] / "records" / "lr_independent.jsonl").episodes
    for r in records:
        c, policy = r.condition, r.subject.policy
        if (c.split, r.settings.mode) == ("test", "servo") and c.index < 3 and policy in FEW:
            figure = films[f"film-{c.axis}-{policy}-{c.index}"]
            words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", figure))
            assert f"{r.stage.value} {policy} on condition {c.index} " in words
            data = base64.b64decode(re.search(r'src="data:video/mp4;base64,([^"]+)"', figure)[1])
            poster = base64.b64decode(re.search(r'poster="data:image/jpeg;base64,([^"]+)"', figure)[1])
            with av.open(io.BytesIO(data)) as container, Image.open(io.BytesIO(poster)) as shown:
                first = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
                assert container.streams.video[0].codec_context.name == "h264"
                assert np.abs(first - np.asarray(shown)).mean() < 5
    head = re.search(r'<tr data-axis="lr_independent">.*?</tr>', text, re.DOTALL)[0]
    assert 'href="#films-lr_independent"' in head
    rows = dict(
        re.findall(r'<tr class="[^"]*" data-policy="(\w+)" data-axis="lr_independent">(.*?)</tr>', text, re.DOTALL)
    )
    cells = dict(re.findall(r'<td class="[^"]*" data-label="[^"]*" data-policy="(\w+)">(.*?)</td>', head, re.DOTALL))
    for policy in SKILL:
        link = f'href="#film-lr_independent-{policy}-0"'
        assert (link in rows[policy]) == (link in cells[policy]) == (policy in FEW)


def test_films_that_do_not_all_fit_are_spread_over_axes_and_policies(tmp_path):
    run = make_run(tmp_path / "run", n=12)
    one, *others = sorted(run.videos.rglob("*.mp4"))
    for other in others:
        shutil.copy(one, other)
    shutil.rmtree(run.pictures)
    contents = read_contents(run.root)
    film = collect_media(contents.source, contents.tables, 0).strips[0].films[0]
    size = len(film.source) + len(film.poster) + 400
    counts = []
    for room in range(0, 19 * size, size // 2):
        media = collect_media(contents.source, contents.tables, PAGE_BYTES - room)
        rows = Counter((s.axis, film.policy) for s in media.strips for film in s.films)
        axes = Counter(s.axis for s in media.strips for _ in s.films)
        for found, of in ((rows, 6), (axes, 2)):
            assert max(found.values(), default=0) - (min(found.values()) if len(found) == of else 0) <= 1
        assert sum(rows.values()) + media.budget.missing == 18
        counts.append(sum(rows.values()))
    assert counts == sorted(counts) and counts[0] == 0 and counts[-1] == 18 and len(set(counts)) == 19


def test_incompetent_rivals_are_marked(collection):
    row = re.search(r'<tr data-axis="lr_independent">.*?</tr>', collection.read_text(), re.DOTALL)[0]
    marked = re.findall(r'class="[^"]*aside"[^>]*data-policy="(\w+)">', row)
    assert marked == ["diffusion"] and row.count("<sup>†</sup>") == 1


def test_axes_that_this_version_has_never_heard_of_get_their_figures(tmp_path, monkeypatch):
    monkeypatch.setitem(AXES, "made_up_boxes", LevelAxis())
    run = RunFolder(tmp_path / "run")
    write_records(run.records("made_up_boxes"), axis_records("made_up_boxes", ("para", "act"), 30, 10))
    text = build_report(run.root).read_text()
    assert "empty table → boxes on it" in text and "boxes on the table" in text and "Area under the curve" in text


def test_every_axis_of_the_benchmark_has_its_place(tmp_path):
    run, n = RunFolder(tmp_path / "run"), 16
    kinds = {type(axis).__name__ + axis.grade_title: name for name, axis in AXES.items()}  # one axis of each kind
    for axis in kinds.values():
        write_records(run.records(axis), axis_records(axis, ("para", "expert"), n, 4))
    text = build_report(run.root).read_text()
    for axis in kinds.values():
        assert f'<tr data-axis="{group_of(axis)}">' in text
    assert text.count("<svg") > 2 * len(kinds)


@pytest.mark.parametrize("width", [390, 1280])
def test_it_renders_without_errors_or_sideways_scrolling(page, tmp_path, width):
    seen = visit(page, width, tmp_path)
    assert seen.inner_width == width
    assert seen.scroll_width <= width, f"wider than the window: {seen.too_wide}"
    assert seen.too_wide == ""
    assert seen.console == []
    rows = re.findall(r'<tr class="[^"]*" data-policy="(\w+)" data-axis="(\w+)"', seen.dom)
    policies = ["para", "cls_regression", "expert"]
    assert rows == [(p, a) for a in ("lr_independent", "view") for p in policies]
    assert seen.dom.count("<video ") == 2 * 3 * 3
    assert len(re.findall(r'<svg class="map"', seen.dom)) == 6


TEXTS = (
    "body",
    "h1",
    ".lede",
    "p.note",
    "td .rate",
    "figcaption",
    "nav a",
    "td .below",
    "td.name small",
    "th",
    "footer",
)
"""All kinds of text."""


def test_on_a_dark_screen_the_page_is_dark_and_can_be_read(page, tmp_path):
    seen = {dark: visit(page, 1280, tmp_path, TEXTS, dark).colours for dark in (False, True)}
    paper = {dark: rgb(colours["body"][1]) for dark, colours in seen.items()}
    assert luminance(paper[False]) > 0.8 and luminance(paper[True]) < 0.05
    for text in TEXTS:
        assert seen[True][text][0] != seen[False][text][0], f"{text} has one colour in light and dark"
        for dark, colours in seen.items():
            contrast = contrast_of(rgb(colours[text][0]), paper[dark])
            assert contrast >= 4.5, f"{text}, {'dark' if dark else 'light'}: {contrast:.2f}"


def rgb(colour: str) -> tuple[float, ...]:
    """``rgb(20, 23, 26)`` -> parts in [0, 1]; a see-through colour is none."""
    return tuple(int(part) / 255 for part in re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", colour).groups())


def luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance (WCAG 2.1)."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast_of(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Contrast ratio (WCAG 2.1), 1 to 21; 4.5 is asked of text."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_browser_would_tell_of_errors(page, tmp_path):
    """What the test above relies on: blocked requests and wide elements are noticed."""
    broken = tmp_path / "broken.html"
    extra = '<img src="https://example.org/a.png"><div style="width:3000px">wide</div></main>'
    broken.write_text(page.read_text().replace("</main>", extra))
    seen = visit(broken, 390, tmp_path)
    assert any("Content Security Policy" in line for line in seen.console)
    assert seen.scroll_width > 390 and "wide" in seen.too_wide


def test_it_draws_in_light_and_on_a_phone(page, tmp_path):
    for width in (390, 1280):
        picture = tmp_path / f"{width}.png"
        screenshot(page, width, 1600, picture)
        with Image.open(picture) as image:
            pixels = np.asarray(image.convert("RGB"))
        assert pixels.shape[1] == width
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100
        teal = np.abs(pixels.astype(int) - (0x0F, 0x6E, 0x6A)).sum(-1) < 12
        assert teal.sum() > 100  # our policy's colour, in its interval


def test_it_is_one_small_file_that_names_no_other(page):
    text = page.read_text()
    assert page.stat().st_size < 15_000_000
    assert not re.findall(r"""(?:src|href|poster)=["'](?!data:|#)[^"']+|url\((?!['"]?data:)|@import""", text)
    assert "https://" not in text and "prefers-color-scheme: dark" in text


def test_figures_of_the_table_are_those_of_the_records(page):
    text = page.read_text()
    row = re.search(r'<tr [^>]*data-policy="para" data-axis="view".*?</tr>', text, re.DOTALL)[0]
    cells = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
    placed, of = map(int, re.fullmatch(r"(\d+)of (\d+)", cells[4]).groups())
    assert of == 120 and cells[1] == f"{round(100 * placed / of)}%"
    assert cells[9] == "61 %n = 192"  # the published figure, for orientation


def test_cameras_that_are_not_asked_are_listed(tmp_path):
    run = RunFolder(tmp_path / "run")
    for axis in ("view", "view_far", "lr"):
        write_records(run.records(axis), axis_records(axis, ("para",), 16, 2))
    text = build_report(run.root).read_text()
    sections = {axis: re.search(rf'id="axis-{axis}">.*?</section>', text, re.DOTALL)[0] for axis in ("view_far", "lr")}
    listed = re.findall(r'data-excluded="(\S+) (\S+)"', sections["view_far"])
    assert listed == [(ring, azimuth) for ring in ("35", "45") for azimuth in ("225", "270", "315")]
    assert "not asked" not in sections["lr"]


def test_the_bare_predicate_stands_beside_published_figures(page):
    text, counts = page.read_text(), {}
    for r in read_records(page.parent / "records" / "view.jsonl").episodes:
        if r.condition.split == "test":
            counts.setdefault(r.subject.policy, []).append(r.official)
    head = re.search(r'<tr data-axis="view">.*?</tr>', text, re.DOTALL)[0]
    paired = re.findall(r"here, bare predicate: (\w+) (\d+) % \((\d+)/(\d+)\)", head)
    assert [policy for policy, *_ in paired] == ["para", "cls_regression"]  # as the published pair is ordered
    cells = dict(re.findall(r'data-policy="(\w+)">(.*?)</td>', head, re.DOTALL))
    for policy, percent, successes, n in paired:
        assert (int(successes), int(n)) == (sum(counts[policy]), len(counts[policy]))
        assert int(percent) == round(100 * sum(counts[policy]) / len(counts[policy]))
        assert f"bare predicate {percent} %" in cells[policy]
    assert "bare predicate" not in cells["expert"]
    alone = re.search(r'<tr data-axis="lr_independent">.*?</tr>', text, re.DOTALL)[0]
    assert "bare predicate" not in alone  # nothing is published there


def test_provenance_and_ledger_are_on_the_page(page):
    text = page.read_text()
    told = (
        "para reproduce --preset quick",
        "0123456789ab",
        "made-up machine",
        "torch 2.7.0",
        "para on lr_independent: 1",
    )
    for part in told:
        assert part in text


def test_a_cell_with_unresolved_errors_is_not_published(tmp_path):
    run = make_run(tmp_path / "run", axes=("lr",), n=10)
    make_error(run, "lr", "cls_regression")
    text = build_report(run.root).read_text()
    assert "not published: 1 unresolved errors" in text
    assert text.count('class="cards results"') == 1 and 'id="differences"' not in text


def test_a_bare_run_still_has_a_page(tmp_path):
    run = make_run(tmp_path / "run", axes=("dense",), n=4)
    for extra in (run.preset, run.timings, run.ledger, *run.videos.rglob("*.mp4"), *run.pictures.glob("*")):
        extra.unlink()
    text = build_report(run.root).read_text()
    assert "no ledger, or none in it" in text and "<video" not in text


def test_an_empty_run_says_what_to_do(tmp_path):
    with pytest.raises(EmptyRun, match=r"holds no episodes, nor does a run below .*; evaluate a policy into it first"):
        build_report(tmp_path)
