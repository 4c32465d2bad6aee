"""A real JupyterLab in a real Chromium, with no network: notebooks are run as an analyst would run them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import jupytext
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Route

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
NOTEBOOKS = BUILD / "notebooks"
SCREENSHOTS = BUILD / "screenshots"
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
TOKEN = "t"
SECONDS_TO_START = 120
SECONDS_TO_RUN = 900
SECONDS_TO_BUILD = 1_800  # the book
TALLEST = 12_000  # pixels of a screenshot

# Every cell is drawn, as those outside the window would not be; and nothing asks for news.
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
}

# What a notebook's kernel finds when it tries to reach out: a proxy that is not there.
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
NO_NETWORK |= dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")


# --- the browser --------------------------------------------------------------------------------------


def launch(playwright: Playwright) -> Browser:
    """Return Chromium, which can find no host but this one."""
    if not CHROMIUM.exists():
        raise AssertionError(f"no Chromium at {CHROMIUM}: run `make chromium`, or set CHROMIUM to where it is")
    return playwright.chromium.launch(
        executable_path=str(CHROMIUM),
        args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
    )


@dataclass
class Watch:
    """What a browser's pages tried and complained of."""

    outside: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def on(self, context: BrowserContext) -> None:
        """Watch a context, and let no request out of this machine."""
        context.route("**/*", self._route)
        context.on("requestfailed", lambda request: self.failed.append(f"{request.url} {request.failure}"))
        context.on("page", self._page)

    def _route(self, route: Route) -> None:
        if at_home(route.request.url):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def _page(self, page: Page) -> None:
        page.on("console", lambda said: self.console.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("websocket", lambda ws: None if at_home(ws.url) else self.outside.append(ws.url))


def at_home(url: str) -> bool:
    """Return whether a URL stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme in {"file", "data", "blob", "about"} or parts.hostname in {"127.0.0.1", "localhost"}


# --- the server ---------------------------------------------------------------------------------------


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Start JupyterLab over the repository, with settings of its own in `folder`, and give its address."""
    for name, settings in SETTINGS.items():
        path = folder / "settings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    places = {"SETTINGS": folder / "settings", "WORKSPACES": folder / "workspaces"}
    environment = {**os.environ, **NO_NETWORK, "CAMPAIGNKIT_PROGRESS": "0"}
    environment |= {f"JUPYTERLAB_{name}_DIR": str(path) for name, path in places.items()}
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    options += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={ROOT}"]
    options += ["--LabApp.expose_app_in_browser=True"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=ROOT)
    try:
        wait_for(address, process, folder / "server.log")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    """Wait until the server answers; fail with its log if it does not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        try:
            opener.open(f"{address}/api?token={TOKEN}", timeout=5).close()
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


# --- a notebook ---------------------------------------------------------------------------------------


def make_notebook(source: Path) -> Path:
    """Write a py:percent source as a notebook without outputs, under build/, and return its path."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = NOTEBOOKS / f"{source.stem}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    jupytext.write(notebook, path)
    return path


def open_notebook(page: Page, address: str, path: Path) -> None:
    """Open a notebook alone in the window, and wait for its kernel."""
    page.goto(f"{address}/doc/tree/{path.relative_to(ROOT).as_posix()}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=SECONDS_TO_START * 1000)
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady",
        timeout=SECONDS_TO_START * 1000,
    )


def shut_down(page: Page) -> None:
    """End the open notebook's kernel, which would otherwise be there when it is opened again."""
    page.evaluate("async () => { await window.jupyterapp?.shell.currentWidget?.sessionContext?.shutdown() }")


def run_all(page: Page) -> None:
    """Run every cell, and wait until all have finished."""
    page.evaluate(
        "() => { window.ran = null; jupyterapp.commands.execute('notebook:run-all-cells')"
        ".then(() => { window.ran = 'ran' }, error => { window.ran = String(error) }) }"
    )
    page.wait_for_function("() => window.ran !== null", timeout=SECONDS_TO_RUN * 1000)


def outputs(page: Page) -> list[dict]:
    """Return the code cells as the notebook's model has them, with their outputs."""
    return page.evaluate(
        "() => jupyterapp.shell.currentWidget.content.model.toJSON().cells.filter(c => c.cell_type === 'code')"
    )


def errors(cells: list[dict]) -> list[str]:
    """Return what went wrong in the cells: errors, and cells with code that never ran."""
    found = [
        f"{output['ename']}: {output['evalue']}"
        for cell in cells
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]
    idle = [text for cell in cells if cell["execution_count"] is None and (text := "".join(cell["source"]).strip())]
    return found + [f"did not run: {text[:80]}" for text in idle]


def figures(cells: list[dict]) -> int:
    """Return how many of campaignkit's figures the outputs hold."""
    return sum(
        "".join(output.get("data", {}).get("text/html", "")).count('<figure class="ck-figure"')
        for cell in cells
        for output in cell["outputs"]
    )


# --- charts -------------------------------------------------------------------------------------------

LIVE = """() => {
  const drawn = [...document.querySelectorAll(".vega-embed")].filter(embed => {
    const marks = embed.querySelector("svg.marks, canvas.marks");
    if (!marks || marks.getBoundingClientRect().width < 50) return false;
    return marks.tagName === "CANVAS" || marks.querySelectorAll(".mark-group path, .mark-group text").length > 3;
  });
  return {
    figures: document.querySelectorAll("figure.ck-figure").length,
    live: drawn.filter(embed => embed.closest("figure.ck-figure")).length,
    embeds: document.querySelectorAll(".vega-embed").length,
    drawn: drawn.length,
    stills: document.querySelectorAll("figure.ck-figure > img").length,
    broken: [...document.images].filter(image => image.complete && image.naturalWidth === 0).length,
    unnamed: [...document.querySelectorAll("figure.ck-figure > img")].filter(image => !image.alt).length,
    mute: drawn.filter(e => e.closest("figure.ck-figure") && !(e.querySelector("[aria-label]"))).length,
  };
}"""


def wait_for_charts(page: Page, seconds: float = 30) -> dict[str, int]:
    """Wait until every figure on the page is live, or the time is over; return the counts of figures."""
    until = time.monotonic() + seconds
    while True:
        counts = page.evaluate(LIVE)
        if counts["figures"] == counts["live"] and counts["embeds"] == counts["drawn"]:
            return counts
        if time.monotonic() > until:
            return counts
        page.wait_for_timeout(200)


MARKS = """svg => [...svg.querySelectorAll(".role-mark:not([class*=_brush]) path")]
    .map(path => path.getAttribute("d") + path.getAttribute("opacity")).join()"""


def brush(page: Page, figure: str) -> bool:
    """Drag across the middle of a figure's first plot; return whether marks other than the brush changed in answer."""
    chart = page.locator(f"{figure} >> svg.marks")
    chart.scroll_into_view_if_needed()
    before = chart.evaluate(MARKS)
    plots = chart.locator(".role-scope[class*=concat_0] path.background")
    plot = (plots if plots.count() else chart.locator("path.background")).first.bounding_box()
    page.mouse.move(plot["x"] + plot["width"] * 0.3, plot["y"] + plot["height"] * 0.25)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] * 0.6, plot["y"] + plot["height"] * 0.6, steps=8)
    page.mouse.up()
    page.wait_for_timeout(500)
    return chart.evaluate(MARKS) != before


def screenshot(page: Page, name: str) -> Path:
    """Save the whole notebook as a picture, by making the window as tall as it is."""
    tall = page.evaluate(
        """() => {
        const bottom = node => node.getBoundingClientRect().bottom;
        document.activeElement?.blur();
        const cells = [...document.querySelectorAll(".jp-Notebook .jp-Cell")];
        const scroller = document.querySelector(".jp-WindowedPanel-outer");
        return bottom(cells.at(-1)) - cells[0].getBoundingClientRect().top + scroller.getBoundingClientRect().top;
    }"""
    )
    page.set_viewport_size({"width": 1280, "height": min(int(tall) + 60, TALLEST)})
    page.evaluate("() => { document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0 }")
    page.wait_for_timeout(500)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path)
    return path


def theme(page: Page, name: str) -> None:
    """Change Lab's theme, such as to "JupyterLab Dark"."""
    page.evaluate("name => jupyterapp.commands.execute('apputils:change-theme', { theme: name })", name)
    page.wait_for_selector(f"body[data-jp-theme-name='{name}']", state="attached")
    page.wait_for_timeout(500)
