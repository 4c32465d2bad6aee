"""One way to show long work: named steps, a bar in a notebook, plain lines elsewhere, silent when told."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

LEAST_SECONDS = 2.0  # a shorter step leaves no line behind

_CLEAR = "\r\033[K" if sys.stderr.isatty() else ""


def wanted(progress: bool | None) -> bool:
    """Return whether to show progress: as told, or (None) unless CAMPAIGNKIT_PROGRESS=0 or CI is set."""
    if progress is not None:
        return progress
    return os.environ.get("CAMPAIGNKIT_PROGRESS", "1") != "0" and not os.environ.get("CI")


def in_notebook() -> bool:
    """Return whether this runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


class Steps:
    """Named steps of one long call.

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
    """

    def __init__(self, title: str, show: bool | None = None) -> None:
        self.title = title
        self.show = wanted(show)
        self._bar = None
        if self.show and in_notebook():
            from tqdm.auto import tqdm

            self._bar = tqdm(desc=title, bar_format="{desc} {elapsed}", leave=False)

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Run a step; say its name, and its time where it took over two seconds."""
        started = time.monotonic()
        self._say(name)
        yield
        seconds = time.monotonic() - started
        if self._bar is None and self.show and seconds >= LEAST_SECONDS:
            print(f"{_CLEAR}{self.title}: {name} ({seconds:.1f} s)", file=sys.stderr, flush=True)

    def _say(self, name: str) -> None:
        """Show which step has begun, where a later one can take its place."""
        if self._bar is not None:
            self._bar.set_description(f"{self.title}: {name}")
        elif self.show and sys.stderr.isatty():
            print(f"{_CLEAR}{self.title}: {name} …", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the bar, or the last step's name, away."""
        if self._bar is not None:
            self._bar.close()
        elif self.show and sys.stderr.isatty():
            print(_CLEAR, end="", file=sys.stderr, flush=True)
