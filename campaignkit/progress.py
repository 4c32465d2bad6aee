"""One way to show long work: named steps, a bar in a notebook, plain lines elsewhere, silent when told."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

LEAST_SECONDS = 2.0  # a shorter step is not shown, and leaves no line behind
BETWEEN_SECONDS = 0.5
INTERRUPTED = "Query interrupted"  # DuckDB's word, in a RuntimeError, for Ctrl-C

_CLEAR = "\r\033[K" if sys.stderr.isatty() else ""

_within: ContextVar[bool] = ContextVar("within", default=False)  # a step is running: it speaks for those inside it


def wanted(progress: bool | None) -> bool:
    """Return whether to show progress: as told, or (None) as CAMPAIGNKIT_PROGRESS says, or unless CI is set."""
    if progress is not None:
        return progress
    return os.environ.get("CAMPAIGNKIT_PROGRESS", "0" if os.environ.get("CI") else "1") != "0"


def in_notebook() -> bool:
    """Return whether this runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def make_askable(con: duckdb.DuckDBPyConnection) -> None:
    """Let a DuckDB connection be asked how far its query is, without a bar of DuckDB's own, which has no name."""
    con.execute("SET enable_progress_bar_print = false")
    con.execute("SET enable_progress_bar = true")


class Steps:
    """Named steps of one long call.

    A step that takes over two seconds is shown by its name and its time: in a notebook in a bar that goes when all
    is done, in a terminal in a line that the next step overwrites. A line with its time stays in a terminal, and in a
    log. Steps of a call made within another call's step are not shown: the outer one speaks for them.

    Parameters
    ----------
    title : str
        What the call does, shown before each step.
    show : bool or None
        None: show unless in CI or CAMPAIGNKIT_PROGRESS=0.

    Examples
    --------
    >>> steps = Steps("build", show=False)
    >>> with steps.step("reading"):
    ...     pass
    >>> steps.close()
    """

    def __init__(self, title: str, show: bool | None = None) -> None:
        self.title = title
        self.show = wanted(show) and not _within.get()
        self._bar = None
        self._notebook = in_notebook()

    @contextmanager
    def step(self, name: str, con: duckdb.DuckDBPyConnection | None = None) -> Generator[None]:
        """Run a step; where it takes over two seconds, show its name, its time and how far it is.

        Parameters
        ----------
        name : str
            What is done.
        con : DuckDB connection or None
            The connection whose query is the step's work, made ready by :func:`make_askable`: it is asked how far it
            is. None: only the time is shown.
        """
        started, over = time.monotonic(), threading.Event()
        watcher = threading.Thread(target=self._watch, args=(name, con, started, over), daemon=True)
        if self.show:
            watcher.start()
        inner = _within.set(True)
        try:
            yield
        except RuntimeError as error:
            if str(error) == INTERRUPTED:
                raise KeyboardInterrupt from error
            raise
        finally:
            _within.reset(inner)
            over.set()
            if self.show:
                watcher.join()
                self._leave_line(name, time.monotonic() - started)

    def _watch(self, name: str, con: duckdb.DuckDBPyConnection | None, started: float, over: threading.Event) -> None:
        """Show the step, once it has taken long, until it is over."""
        pause = LEAST_SECONDS
        while not over.wait(pause):
            pause = BETWEEN_SECONDS
            done = -1.0 if con is None else con.query_progress()
            far = f" {done:.0f}%" if done > 0 else ""
            self._say(f"{self.title}: {name}{far}", time.monotonic() - started)

    def _say(self, text: str, seconds: float) -> None:
        """Show what is going on, where a later step can take its place."""
        if self._notebook:
            if self._bar is None:
                from tqdm.auto import tqdm

                self._bar = tqdm(bar_format="{desc}", leave=False)
            self._bar.set_description_str(f"{text} … {seconds:.0f} s")
        elif sys.stderr.isatty():
            print(f"{_CLEAR}{text} … {seconds:.0f} s", end="", file=sys.stderr, flush=True)

    def _leave_line(self, name: str, seconds: float) -> None:
        """Leave a line in a terminal or log for a step that took long."""
        if not self._notebook and seconds >= LEAST_SECONDS:
            print(f"{_CLEAR}{self.title}: {name} ({seconds:.1f} s)", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def shown(title: str, name: str, con: duckdb.DuckDBPyConnection | None = None) -> Generator[None]:
    """Show one step by itself, as :meth:`Steps.step` does."""
    steps = Steps(title)
    try:
        with steps.step(name, con):
            yield
    finally:
        steps.close()
