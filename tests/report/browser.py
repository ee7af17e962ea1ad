"""Headless Chromium, without a driver: prints the rendered page and what it wrote to the console."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

# A window cannot be narrower than 500 px, a frame can. The frame is of our own origin and so can be read.
FRAME = """<!doctype html><body style="margin:0">
<iframe id="frame" style="border:0" width="{width}" height="2000" srcdoc="{page}"></iframe>
<textarea id="dom"></textarea><output id="measured"></output><output id="colours"></output>
<script>
addEventListener("load", () => {{
  const page = document.getElementById("frame").contentDocument, root = page.documentElement;
  const reaches = (e) => e.getBoundingClientRect().right > root.clientWidth + 0.5 && !e.closest("svg");
  const wide = [...page.querySelectorAll("body *")].filter(reaches).slice(0, 3);
  const words = wide.map((e) => e.outerHTML.slice(0, 80)).join(" ");
  document.getElementById("measured").textContent = [root.clientWidth, root.scrollWidth, words].join("|");
  const shown = (e) => e && [getComputedStyle(e).color, getComputedStyle(e).backgroundColor];
  const looked = Object.fromEntries({looked_at}.map((s) => [s, shown(page.querySelector(s))]));
  document.getElementById("colours").textContent = JSON.stringify(looked);
  document.getElementById("dom").textContent = root.outerHTML;
}});
</script></body>
"""


@dataclass(frozen=True)
class Visit:
    """A page as it was rendered."""

    dom: str
    console: list[str]
    inner_width: int
    scroll_width: int
    too_wide: str
    """The first elements that reach beyond the right edge."""
    colours: dict[str, tuple[str, str]]
    """Computed (text, background) of the elements that were looked at, by selector."""


def chromium() -> str:
    """Path of the browser; skips the test where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    pytest.skip("no chromium to look at the page with; install it: apt-get install -y --no-install-recommends chromium")


def visit(page: Path, width: int, folder: Path, look_at: Sequence[str] = (), dark: bool = False) -> Visit:
    """Render `page` in a frame `width` pixels wide; it may load nothing but itself.

    `look_at`: selectors whose first elements' colours are told. `dark`: for a reader who prefers a dark screen.
    """
    outer = folder / "frame.html"
    text = page.read_text(encoding="utf-8")
    outer.write_text(
        FRAME.format(width=width, page=html.escape(text), looked_at=json.dumps(list(look_at))), encoding="utf-8"
    )
    # Blink's own numbers of `prefers-color-scheme`: 0 is dark, 1 is light
    done = _chromium(
        folder, 1600, f"--blink-settings=preferredColorScheme={int(not dark)}", "--dump-dom", outer.as_uri()
    )
    console = re.findall(r"CONSOLE[^\]]*\] \"(.*)\", source", done.stderr)
    dom = re.search(r'<textarea id="dom">(.*?)</textarea>', done.stdout, re.DOTALL)
    found = re.search(r'<output id="measured">(\d+)\|(\d+)\|(.*?)</output>', done.stdout, re.DOTALL)
    colours = re.search(r'<output id="colours">(.*?)</output>', done.stdout, re.DOTALL)
    assert dom and found and colours, f"the page was not rendered:\n{done.stdout[-500:]}\n{done.stderr[-2000:]}"
    looked = json.loads(html.unescape(colours[1]))
    return Visit(html.unescape(dom[1]), console, int(found[1]), int(found[2]), html.unescape(found[3]), looked)


def screenshot(page: Path, width: int, height: int, picture: Path) -> None:
    """Save what a window of this size shows."""
    _chromium(picture.parent, width, f"--screenshot={picture}", page.as_uri(), height=height)


def _chromium(folder: Path, width: int, *arguments: str, height: int = 2000) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}", *arguments,
        ],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
