"""Every chart of the book's chapters, light and dark, at 1,280 and 800 pixels, on one page under build/contact_sheet/.

make book && python -m tests.contact_sheet
"""

from __future__ import annotations

import html
import shutil
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

BOOK, SHEET = Path("build/book/chapters"), Path("build/contact_sheet")
WIDTHS, SCHEMES = (1280, 800), ("light", "dark")
CHARTS = ".cell_output .vega-embed, .cell_output img"


def shots(browser: Browser, width: int, scheme: str) -> list[tuple[str, Path, float]]:
    """Return each chart's chapter, picture, and by how many pixels it is wider than what shows it."""
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme, offline=True)
    page, taken = context.new_page(), []
    for chapter in sorted(BOOK.glob("[0-9]*.html")):
        page.goto(chapter.resolve().as_uri())
        page.wait_for_timeout(1500)
        for at, chart in enumerate(page.locator(CHARTS).all()):
            path = SHEET / f"{scheme}-{width}-{chapter.stem}-{at:02}.png"
            chart.screenshot(path=path)
            room = "e => e.scrollWidth - Math.min(e.clientWidth, e.closest('.cell_output').clientWidth)"
            taken.append((chapter.stem, path, chart.evaluate(room)))
    context.close()
    return taken


def sheet(taken: list[tuple[str, Path, float]], width: int, scheme: str) -> Path:
    """Write a page with all pictures of one setting."""
    ground = {"light": "#fff; color: #111", "dark": "#131416; color: #eee"}[scheme]
    figures = "".join(
        f'<figure><img src="{path.name}"><figcaption>{html.escape(chapter)}'
        f"{f' · {wider:.0f} px wider than its room' if wider > 0 else ''}</figcaption></figure>"
        for chapter, path, wider in taken
    )
    style = "figure { display: inline-block; margin: 8px; vertical-align: top } img { max-width: 420px }"
    path = SHEET / f"{scheme}-{width}.html"
    path.write_text(f'<meta charset="utf-8"><style>body {{ background: {ground} }} {style}</style>{figures}')
    return path


def main() -> None:
    SHEET.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for width in WIDTHS:
            for scheme in SCHEMES:
                taken = shots(browser, width, scheme)
                path = sheet(taken, width, scheme)
                page = browser.new_page(viewport={"width": 1800, "height": 1000})
                page.goto(path.resolve().as_uri())
                page.screenshot(path=path.with_suffix(".png"), full_page=True)
                page.close()
                wide = [name.name for _, name, wider in taken if wider > 0]
                print(f"{path}: {len(taken)} charts; wider than their room: {', '.join(wide) or 'none'}")


if __name__ == "__main__":
    main()
