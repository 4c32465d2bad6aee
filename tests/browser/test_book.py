"""The built book opens from its folder: nothing comes from outside, charts live with JavaScript and stand without."""

from __future__ import annotations

import posixpath
from functools import cache
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest
from playwright.sync_api import Browser

from tests.browser import lab
from tests.test_public_names import NAMES

InventoryFile = pytest.importorskip("sphinx.util.inventory").InventoryFile

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BOOK = lab.BUILD / "book"


@pytest.fixture(scope="module")
def pages(book: Path) -> list[Path]:
    """The pages of the book."""
    return sorted(book.rglob("*.html"))


class Links(HTMLParser):
    """The addresses that a page names, its anchors, and its pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.unnamed: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag refers to."""
        named = dict(attrs)
        self.anchors |= {named[key] for key in ("id", "name") if named.get(key)}
        if tag == "a" and named.get("href"):
            self.links.append(named["href"])
        elif tag in {"script", "img", "iframe", "source"} and named.get("src"):
            self.loaded.append(named["src"])
        elif tag == "link" and named.get("rel") not in {"canonical", "author"} and named.get("href"):
            self.loaded.append(named["href"])
        if tag == "img" and not named.get("alt") and "logo" not in (named.get("class") or ""):
            self.unnamed.append(named.get("src", "")[:80])


@cache
def read(path: Path) -> Links:
    """Return what a page names."""
    return Links(path.read_text(encoding="utf-8"))


def broken(page: Path, address: str) -> bool:
    """Return whether an address within the book leads nowhere."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return False
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_file():
        return True
    return bool(parts.fragment) and target.suffix == ".html" and unquote(parts.fragment) not in read(target).anchors


@pytest.mark.timeout(lab.SECONDS_TO_BUILD)
def test_every_notebook_is_a_chapter(pages: list[Path]) -> None:
    chapters = {page.stem for page in pages if page.parent.name == "chapters"}
    assert chapters == {source.stem for source in (lab.ROOT / "notebooks").glob("*.py")}


def test_every_public_name_is_in_the_reference(pages: list[Path]) -> None:
    inventory = InventoryFile.load(BytesIO((BOOK / "objects.inv").read_bytes()), "", posixpath.join)
    documented = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    public = {name.replace("ck.", "campaignkit.", 1) for name in NAMES}
    twice = {name for name in public if name.replace(".megafile.", ".", 1) in public - {name}}
    assert sorted(public - twice - documented) == []
    assert len(documented) > 100


def test_links_within_the_book_are_whole(pages: list[Path]) -> None:
    found = [
        f"{page.relative_to(BOOK)}: {address}"
        for page in pages
        for address in [*read(page).links, *read(page).loaded]
        if broken(page, address)
    ]
    assert found == []


def test_nothing_is_loaded_from_outside(pages: list[Path]) -> None:
    found = {
        address[:100] for page in pages for address in read(page).loaded if not lab.at_home(address) and "//" in address
    }
    assert found == set()


def test_every_picture_has_a_text(pages: list[Path]) -> None:
    assert [f"{page.name}: {picture}" for page in pages for picture in read(page).unnamed] == []


EVERYDAY = {
    "rank a call list": "chapters/10_who_to_call",
    "which e-mail won": "chapters/06_email_tests",
    "load my Excel file": "howto/5_my_own_files",
    "who is moving in the polls": "chapters/12_polls",
    "chance of winning without Ohio": "chapters/14_sixty_six_thousand",
    "how much did Quick Donate cause": "chapters/08_quick_donate",
    "which donors does a celebrity draw": "chapters/05_contest_segments",
    "match app friends to voters": "chapters/17_friends",
    "what should I not trust": "chapters/18_the_morning_page",
    "how often is it right": "calibration/",
    "write scores back to VAN": "chapters/04_call_list",
    "run every night": "howto/6_every_night",
    "cron": "howto/6_every_night",
    "build from a Postgres table": "howto/5_my_own_files",
    "yesterday's spreadsheet of volunteers from Excel": "howto/5_my_own_files",  # no page holds every word
}


@pytest.mark.parametrize(("phrase", "chapter"), EVERYDAY.items(), ids=[*EVERYDAY])
def test_an_everyday_phrase_finds_its_chapter(pages: list[Path], chromium: Browser, phrase: str, chapter: str) -> None:
    page = chromium.new_page()
    page.goto(f"{(BOOK / 'search.html').as_uri()}?q={quote(phrase)}")
    hits = page.locator("#search-results ul.search > li > a")
    page.wait_for_function("() => /finished|did not match/.test(document.querySelector('p.search-summary')?.innerText)")
    first = [hits.nth(place).get_attribute("href") for place in range(min(3, hits.count()))]
    page.close()
    assert any(address.startswith(chapter) for address in first), first


def test_linked_charts_answer_a_brush(pages: list[Path], chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    answered = {}
    for path in pages:
        parts = path.read_text(encoding="utf-8").split('<figure class="ck-figure"')[1:]
        for number, figure in enumerate(parts):
            if '"type": "interval"' in figure.partition("</figure>")[0]:
                page = context.new_page()
                page.goto(path.as_uri())
                lab.wait_for_charts(page)
                answered[path.name, number] = lab.brush(page, f"figure.ck-figure >> nth={number}")
                page.close()
    context.close()
    assert answered
    assert [chart for chart, did in answered.items() if not did] == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("javascript", [True, False], ids=["live", "still"])
def test_pages_open_without_a_network(pages: list[Path], chromium: Browser, javascript: bool) -> None:
    watch = lab.Watch()
    context = chromium.new_context(viewport={"width": 1280, "height": 1000}, java_script_enabled=javascript)
    watch.on(context)
    wrong = []
    for path in pages:
        page = context.new_page()
        page.goto(path.as_uri())
        charts = path.read_text(encoding="utf-8").count('<figure class="ck-figure"')
        if javascript:
            counts = lab.wait_for_charts(page)
            whole = counts["figures"] == counts["live"] == charts and counts["stills"] + counts["broken"] == 0
            wrong += [] if whole and counts["mute"] == 0 else [f"{path.name}: {counts}, {charts} charts"]
        else:
            drawn = page.locator("figure.ck-figure > img")
            widths = [drawn.nth(place).bounding_box()["width"] for place in range(drawn.count())]
            wrong += [] if len(widths) == charts and all(width > 50 for width in widths) else [path.name]
        if charts or path.name == "index.html":
            lab.SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            kind = "live" if javascript else "still"
            page.screenshot(path=lab.SCREENSHOTS / f"book-{path.stem}-{kind}.png", full_page=True)
        page.close()
    context.close()
    assert wrong == []
    assert watch.outside == []
    assert watch.failed == []
    assert watch.console == []
