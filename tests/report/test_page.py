"""The page in a browser, on a phone's width and a desktop's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from para.report import EmptyRun, build_report
from report.browser import screenshot, visit
from report.sample_run import make_error, make_run


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    return build_report(make_run(tmp_path_factory.mktemp("run")).root)


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


def test_provenance_and_ledger_are_on_the_page(page):
    text = page.read_text()
    for part in ("para reproduce quick", "0123456789ab", "made-up machine", "torch 2.7.0", "para on lr_independent: 1"):
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
    assert "none in the ledger" in text and "<video" not in text


def test_an_empty_run_says_what_to_do(tmp_path):
    with pytest.raises(EmptyRun, match=r"holds no episodes, nor does a run below .*; evaluate a policy into it first"):
        build_report(tmp_path)
