"""Each widget in JupyterLab, moved by keyboard: its count and its chart change, and the kernel agrees."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from tests.browser import lab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(lab.SECONDS_TO_START * 2 + 300)]

FOLDER = Path(__file__).parent / "widgets"
HEADLINE, ERROR = ".ck-widget .ck-headline >> nth=0", ".ck-widget .ck-error >> nth=0"

# What a chart looks like: where its marks are, and how strong.
MARKS = """svg => [...svg.querySelectorAll('.role-mark path, .role-mark line')].map(mark => [
  'd', 'transform', 'opacity', 'fill-opacity', 'x2', 'y2'].map(name => mark.getAttribute(name)).join()).join(';')"""


def show(page: Page, address: str, name: str) -> None:
    """Run a widget's notebook, and wait until its charts are drawn."""
    lab.open_notebook(page, address, lab.make_notebook(FOLDER / f"{name}.py"))
    lab.run_all(page)
    assert lab.errors(lab.outputs(page)) == []
    page.wait_for_selector(".ck-widget svg.marks .role-mark path", state="attached")
    page.wait_for_timeout(1000)


def photographed(page: Page, name: str) -> None:
    """Keep pictures of the widget in both themes."""
    lab.SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for theme in ("Light", "Dark"):
        lab.theme(page, f"JupyterLab {theme}")
        page.locator(".ck-widget").first.screenshot(path=lab.SCREENSHOTS / f"widget-{name}-{theme.lower()}.png")
    lab.theme(page, "JupyterLab Light")


def pressed(page: Page, place: Locator, *keys: str) -> tuple[str, str]:
    """Press keys in a control; return the headline before and after."""
    before = page.locator(HEADLINE).text_content()
    place.focus()
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_function(
        "before => document.querySelector('.ck-widget .ck-headline').textContent !== before", arg=before
    )
    page.wait_for_timeout(500)
    return before, page.locator(HEADLINE).text_content()


def marks(page: Page, chart: int = 0) -> str:
    """Return what a chart of the widget looks like."""
    return page.locator(f".ck-widget svg.marks >> nth={chart}").evaluate(MARKS)


def kernel_says(page: Page) -> str:
    """Run the last cell again, and return what it prints."""
    page.evaluate(
        """async () => {
        const notebook = jupyterapp.shell.currentWidget.content;
        notebook.deselectAll();
        notebook.activeCellIndex = notebook.model.cells.length - 1;
        await jupyterapp.commands.execute('notebook:run-cell');
    }"""
    )
    return "".join(lab.outputs(page)[-1]["outputs"][0]["text"]).strip()


def slider(page: Page, label: str) -> Locator:
    """Return the first end of a slider, by the name a screen reader says."""
    return page.locator(f".noUi-handle[role=slider][aria-label^='{label}']").first


def check_quiet(watch: lab.Watch) -> None:
    """Nothing was asked of the outside, nothing failed, nobody complained."""
    assert watch.outside == []
    assert watch.failed == []
    assert watch.console == []


def test_universe_builder(page: Page, watch: lab.Watch, lab_address: str) -> None:
    show(page, lab_address, "universe_builder")
    before, drawn = page.locator(HEADLINE).text_content(), marks(page)
    pressed(page, slider(page, "Age"), *["ArrowRight"] * 25)
    assert marks(page) != drawn
    pressed(page, page.get_by_label("F", exact=True).first, "Space")
    pressed(page, page.get_by_label("Giving"), "ArrowDown")
    picked = page.locator(HEADLINE).text_content()
    assert picked != before
    assert kernel_says(page) == picked
    assert page.locator(".ck-live[role=status][aria-live=polite]").first.text_content().startswith(picked)
    photographed(page, "universe_builder")

    page.get_by_label("And also").fill("gaave('online')")
    page.keyboard.press("Enter")
    page.wait_for_selector(ERROR, state="visible")
    assert "did you mean 'gave'" in page.locator(ERROR).text_content()
    assert page.locator(HEADLINE).text_content() == picked
    page.locator(".ck-widget").first.screenshot(path=lab.SCREENSHOTS / "widget-universe_builder-error.png")
    page.get_by_label("And also").fill("gave('online')")
    page.keyboard.press("Enter")
    page.wait_for_selector(ERROR, state="hidden")
    assert kernel_says(page) == page.locator(HEADLINE).text_content()

    page.get_by_role("button", name="Everyone again").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("text => document.querySelector('.ck-widget .ck-headline').textContent === text", arg=before)
    check_quiet(watch)


# How long a chart's marks take to change after the last event, in milliseconds; null: they had not within 5 s.
CHANGED = """async ([chart, before]) => {
  const look = LOOK;
  const started = window.released ?? performance.now();
  while (performance.now() - started < 5000) {
    if (look(document.querySelectorAll('.ck-widget svg.marks')[chart]) !== before) return performance.now() - started;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  return null;
}""".replace("LOOK", MARKS)


def click_mark(page: Page, label: str) -> None:
    """Click a mark of the chart by what a screen reader says of it."""
    mark = page.locator(f".ck-widget svg.marks path[aria-label*='{label}']").first
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def after(page: Page, before: str) -> str:
    """Return the headline once it is another."""
    page.wait_for_function(
        "before => document.querySelector('.ck-widget .ck-headline').textContent !== before", arg=before
    )
    return page.locator(HEADLINE).text_content()


def test_a_click_on_a_state_or_bar_filters_and_undo_takes_it_back(
    page: Page, watch: lab.Watch, lab_address: str
) -> None:
    show(page, lab_address, "universe_builder")
    everyone, drawn = page.locator(HEADLINE).text_content(), marks(page)
    click_mark(page, "state: Ohio")
    ohio = after(page, everyone)
    page.wait_for_timeout(500)
    assert kernel_says(page) == ohio
    assert marks(page) != drawn
    click_mark(page, "age: 40–49")
    both = after(page, ohio)
    page.wait_for_timeout(500)
    assert kernel_says(page) == both
    sql = page.locator(".ck-widget .ck-sql pre").last.text_content()
    assert "'OH'" in sql
    assert "BETWEEN 40 AND 49" in sql
    photographed(page, "universe_builder-clicked")
    undo = page.get_by_role("button", name="Undo")
    undo.click()
    assert after(page, both) == ohio
    click_mark(page, "state: Ohio")
    assert after(page, ohio) == everyone
    undo.click()
    assert after(page, everyone) == ohio
    check_quiet(watch)


def test_a_busy_sign_after_300_ms_and_stale_numbers_after_an_error(
    page: Page, watch: lab.Watch, lab_address: str
) -> None:
    show(page, lab_address, "universe_builder")
    page.evaluate(
        """() => { window.signs = []; new MutationObserver(() => {
        const text = document.querySelector('.ck-busy').textContent; if (text) window.signs.push(text) })
        .observe(document.querySelector('.ck-busy'), { childList: true, characterData: true, subtree: true }) }"""
    )
    pressed(page, page.get_by_label("F", exact=True).first, "Space")
    page.wait_for_timeout(500)
    quick = page.evaluate("window.signs")
    page.evaluate(
        """async () => {
        const notebook = jupyterapp.shell.currentWidget.content;
        notebook.activeCellIndex = notebook.model.cells.length - 1;
        notebook.activeCell.model.sharedModel.setSource(`import time
count = pick._cube.tally
def slow(selection):
    time.sleep(1.2)
    return count(selection)
pick._cube.tally = slow`);
        await jupyterapp.commands.execute('notebook:run-cell');
    }"""
    )
    before = page.locator(HEADLINE).text_content()
    page.get_by_label("M", exact=True).first.focus()
    page.keyboard.press("Space")
    page.wait_for_selector(".ck-busy:not(:empty)", timeout=1_100)
    page.wait_for_selector(".ck-readout.ck-working")
    assert page.locator(HEADLINE).text_content() == before
    after(page, before)
    page.wait_for_selector(".ck-busy:not(:empty)", state="detached")
    assert quick == []
    page.get_by_label("And also").fill("gaave()")
    page.keyboard.press("Enter")
    page.wait_for_selector(".ck-widget.ck-stale")
    assert float(page.locator(HEADLINE).evaluate("node => getComputedStyle(node).opacity")) < 1
    page.locator(".ck-widget").first.screenshot(path=lab.SCREENSHOTS / "widget-universe_builder-stale.png")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_selector(".ck-widget:not(.ck-stale)")
    page.get_by_label("And also").fill("age > 50 and age < 40")
    page.keyboard.press("Enter")
    after(page, before)
    page.wait_for_function("() => document.querySelector('.ck-widget .ck-headline').textContent === '0 people'")
    page.wait_for_timeout(300)
    states = page.locator(".ck-widget svg.marks path[aria-label*='state: ']")
    assert {states.nth(i).get_attribute("fill-opacity") for i in range(states.count())} == {"0.01"}
    page.locator(".ck-widget").first.screenshot(path=lab.SCREENSHOTS / "widget-universe_builder-nobody.png")
    check_quiet(watch)


def test_universe_builder_shown_twice_says_the_same(page: Page, watch: lab.Watch, lab_address: str) -> None:
    show(page, lab_address, "universe_builder")
    pressed(page, page.get_by_label("F", exact=True).first, "Space")
    page.evaluate(
        """async () => {
        const notebook = jupyterapp.shell.currentWidget.content;
        notebook.activeCellIndex = 1;
        notebook.activeCell.model.sharedModel.setSource('pick');
        await jupyterapp.commands.execute('notebook:run-cell');
    }"""
    )
    page.wait_for_selector(".ck-widget >> nth=1")
    page.wait_for_timeout(2500)
    second = page.locator(".ck-widget >> nth=1 >> .ck-headline").first.text_content()
    assert second == page.locator(HEADLINE).text_content()
    assert marks(page, 0) == marks(page, 1)
    check_quiet(watch)


def test_segment_explorer(page: Page, watch: lab.Watch, lab_address: str) -> None:
    show(page, lab_address, "segment_explorer")
    points = marks(page, 0)
    pressed(page, slider(page, "Lift"), *["ArrowRight"] * 12)
    assert marks(page, 0) != points
    who = marks(page, 1)
    _, headline = pressed(page, page.get_by_label("Segment", exact=True), "ArrowDown")
    assert marks(page, 1) != who
    assert kernel_says(page).startswith(headline)
    photographed(page, "segment_explorer")

    headline = page.locator(HEADLINE).text_content()
    chart = page.locator(".ck-widget svg.marks >> nth=0")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + 80, box["y"] + 110)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 240, steps=8)
    who = marks(page, 1)
    page.evaluate(
        "addEventListener('mouseup', () => { window.released = performance.now() }, { once: true, capture: true })"
    )
    page.mouse.up()
    milliseconds = page.evaluate(CHANGED, [1, who])
    print(f"from the brush to the map: {milliseconds:.0f} ms")
    assert milliseconds < 1_000
    page.wait_for_function(
        "before => document.querySelector('.ck-widget .ck-headline').textContent !== before", arg=headline
    )
    check_quiet(watch)


def test_experiment_board(page: Page, watch: lab.Watch, lab_address: str) -> None:
    show(page, lab_address, "experiment_board")
    drawn = marks(page)
    _, headline = pressed(page, slider(page, "Day"), *["ArrowLeft"] * 8)
    assert marks(page) != drawn
    assert kernel_says(page) == headline
    photographed(page, "experiment_board-days")

    pressed(page, page.get_by_label("Test", exact=True), "ArrowDown")
    page.wait_for_timeout(1000)
    drawn = marks(page)
    _, headline = pressed(page, slider(page, "Roll-out"), *["ArrowLeft"] * 6)
    assert marks(page) != drawn
    assert kernel_says(page) == headline
    photographed(page, "experiment_board-roll_out")

    pressed(page, page.get_by_label("Test", exact=True), "ArrowDown")
    page.wait_for_timeout(1000)
    drawn = marks(page)
    pressed(page, slider(page, "Test size"), *["ArrowRight"] * 4)
    assert marks(page) != drawn
    photographed(page, "experiment_board-size")
    check_quiet(watch)


def test_score_inspector(page: Page, watch: lab.Watch, lab_address: str) -> None:
    show(page, lab_address, "score_inspector")
    drawn = marks(page)
    pressed(page, slider(page, "Call the best"), *["ArrowRight"] * 3)
    assert marks(page) != drawn
    drawn = marks(page, 1)
    page.get_by_label("age_band", exact=True).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(1500)
    assert marks(page, 1) != drawn
    assert kernel_says(page) == page.locator(".ck-widget .ck-headline >> nth=1").text_content()
    photographed(page, "score_inspector")
    check_quiet(watch)
