"""axe-core finds nothing serious on the book, the morning page and saved answers, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import campaignkit as ck
from tests.browser import axe, lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCHEMES = ("light", "dark")


@contextmanager
def opened(chromium: Browser, path: Path, scheme: str, width: int = 1280) -> Iterator[Page]:
    """Open a file in one of the two schemes, its charts drawn."""
    watch, context = lab.Watch(), chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 1000})
    watch.on(context)
    page = context.new_page()
    page.goto(path.as_uri())
    lab.wait_for_charts(page)
    page.wait_for_timeout(1800)  # what scrolls is known once charts are drawn
    yield page
    context.close()


@pytest.mark.timeout(lab.SECONDS_TO_BUILD)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_book(chromium: Browser, book: Path, scheme: str):
    axe.script()
    names = [
        "index.html",
        "search.html",
        "facts.html",
        "layouts.html",
        "glossary.html",
        "methods.html",
        "genindex.html",
    ]
    names += [f"chapters/{name}.html" for name in ("00_start_here", "04_call_list", "11_explorers")]
    names += ["howto/5_my_own_files.html", "howto/7_out_as_columns.html", "benchmarks/widgets.html"]
    pages = [book / name for name in names] + sorted((book / "reference").glob("*.html"))[:4]
    found = {}
    for path in pages:
        with opened(chromium, path, scheme) as page:
            found[path.name] = axe.serious(page)
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Answers saved as pages: a breakdown, a test, segments, a forecast, and a report of two."""
    folder, people = tmp_path_factory.mktemp("saved"), ck.sample.megafile().universe("donor")
    sent = ck.sample.draw("email", 20_000, seed=5).table
    contest = ck.sample.draw("contest", 10_000, seed=1, host="host_a", appeal=4.0).table
    answers = {
        "breakdown": people.by("region", "sex"),
        "winners": ck.experiments.winners(sent, "email_id", "gave", recipients=40_000),
        "segments": ck.donors.discover_segments(contest, outcome="entered", by=["sex", "age_band"], unit="person"),
    }
    return [answer.save(folder / f"{name}.html") for name, answer in answers.items()]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1280, 400])
def test_saved_answers(chromium: Browser, saved: list[Path], scheme: str, width: int):
    for path in saved:
        with opened(chromium, path, scheme, width) as page:
            assert axe.serious(page) == [], path.name


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1280, 400])
def test_the_morning_page(chromium: Browser, morning_page: Path, scheme: str, width: int):
    with opened(chromium, morning_page, scheme, width) as page:
        assert axe.serious(page) == []


def test_what_is_wrong_is_found(chromium: Browser, tmp_path: Path):
    (tmp_path / "bad.html").write_text("<html lang=en><title>x</title><main><img src='data:,'><button></button></main>")
    with opened(chromium, tmp_path / "bad.html", "light") as page:
        assert {line.split()[1] for line in axe.serious(page)} == {"image-alt:", "button-name:"}
