"""The morning page in a real Chromium, opened as a file with no network: light, dark, on paper and on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser

from tests.browser import lab

pytestmark = pytest.mark.browser

LOOKS = {
    "light": {"viewport": {"width": 1200, "height": 1000}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 1000}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 400, "height": 900}, "color_scheme": "light"},
}
CONTRAST = """() => {
  const light = color => { const [r, g, b] = color.match(/[\\d.]+/g).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = element => { for (; element; element = element.parentElement) {
    const color = getComputedStyle(element).backgroundColor; if (!/, 0\\)$/.test(color)) return color; }
    return "rgb(255, 255, 255)"; };
  return Math.min(...[...document.querySelectorAll("p, h1, h2, th, td, span, caption, summary, a, time")].map(element => {
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    return (a + .05) / (b + .05); })); }"""


@pytest.mark.parametrize("look", LOOKS)
def test_it_opens_from_a_file_without_a_word_of_complaint(chromium: Browser, morning_page, look):
    watch = lab.Watch()
    context = chromium.new_context(**LOOKS[look])
    watch.on(context)
    page = context.new_page()
    page.goto(morning_page.as_uri())
    lab.SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=lab.SCREENSHOTS / f"morning_page_{look}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= LOOKS[look]["viewport"]["width"]
    assert page.evaluate(
        "[...document.querySelectorAll('figure svg')].every(svg => svg.getBoundingClientRect().width > 200)"
    )
    assert page.evaluate(CONTRAST) >= 4.5
    page.click(".figures a")
    assert page.evaluate("document.querySelector(':target table caption').textContent")
    tree = page.locator("body").aria_snapshot()
    assert 'heading "What is not to be trusted today" [level=2]' in tree
    assert "img " in tree
    assert (watch.outside, watch.failed, watch.console) == ([], [], [])
    context.close()


def test_it_prints_on_two_pages(chromium: Browser, morning_page, tmp_path):
    context = chromium.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(morning_page.as_uri())
    printed = page.pdf(prefer_css_page_size=True)
    (lab.SCREENSHOTS / "morning_page.pdf").write_bytes(printed)
    assert 1 <= len(re.findall(rb"/Type\s*/Page[^s]", printed)) <= 2
    context.close()
