"""Make the README's pictures, light and dark: its own example's chart, and the morning page. `python book/picture.py`.

The page is photographed in Chromium (`make chromium`), as notebook 18 writes it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import altair as alt
import jupytext
import vl_convert
from playwright.sync_api import sync_playwright

import campaignkit as ck

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "book" / "_static"
BY = ["region", "sex", "age_band", "party", "income_band", "interest"]
PAPER = {"light": "white", "dark": "#0d1117"}
INK = {"light": "#1f2328", "dark": "#e6edf3"}
WIDTH, HEIGHT = 1000, 900  # pixels of the page that are shown


def draw_segments() -> None:
    """Draw what a naive ranking of segments promises beside what held up."""
    invited = ck.sample.megafile().universe("invited('host_a')")
    asked = {"unit": "person_id", "cluster": "household_id"}
    naive = ck.donors.discover_segments(
        invited, "entered('host_a')", BY, rank="lift", distinct=False, top=7, **asked
    ).chart()
    found = ck.donors.discover_segments(invited, "entered('host_a')", BY, **asked).chart()
    left = naive.properties(title="Ranked by raw lift: one effect seven times, flattered")
    right = found.properties(title="What campaignkit shows: each effect once, held out")
    both = alt.vconcat(left, right).resolve_scale(x="shared")
    for scheme in PAPER:
        spec = both.configure(background=PAPER[scheme], font="sans-serif", padding=16).to_dict()
        svg = vl_convert.vegalite_to_svg(spec).replace("<svg ", f'<svg style="color: {INK[scheme]}" ', 1)
        (STATIC / f"readme_{scheme}.svg").write_text(svg + "\n", encoding="utf-8")


def photograph_page() -> None:
    """Photograph the top of the page that notebook 18 writes."""
    names: dict[str, object] = {"display": lambda *_: None}
    for cell in jupytext.read(ROOT / "notebooks" / "18_the_morning_page.py").cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    page = Path(str(names["folder"])) / "briefing" / "page.html"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in PAPER:
            view = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
            view.goto(page.as_uri())
            view.screenshot(path=STATIC / f"morning_{scheme}.png")


if __name__ == "__main__":
    draw_segments()
    photograph_page()
