"""One attempt of an attack: what was tried, and whether campaignkit kept what it promises.

A kind of attack is a module with `prepare(rng, folder)`, which returns what is tried and a function that tries it. The
attempt is the same for the same kind and seed.
"""

from __future__ import annotations

import random
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from campaignkit.errors import CampaignkitError

SLOW = 5.0  # seconds that nothing may take
KINDS = ("files", "archives", "layouts", "scores", "megafiles")


class BrokenPromiseError(Exception):
    """Campaignkit did without an error what it promises not to do."""


@dataclass(frozen=True)
class Attempt:
    """What came of one attempt.

    `outcome` is read (no error), refused (an error of campaignkit's own), traceback (any other error), broken (no error,
    but a promise was broken), hung or crashed (the process had to be ended, or ended itself).
    """

    kind: str
    seed: int
    tried: str
    outcome: str
    error: str
    seconds: float
    suppressed: int = 0

    @property
    def failed(self) -> bool:
        return self.outcome not in ("read", "refused") or self.seconds > SLOW

    def row(self) -> dict[str, Any]:
        return asdict(self)


def attempt(kind: str, seed: int) -> Attempt:
    """Make one attempt in a folder of its own."""
    prepare = import_module(f"tests.attack.{kind}").prepare
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tried, run = prepare(random.Random(f"{kind} {seed}"), Path(folder))
        start = clock()
        outcome, error = judged(run)
        return Attempt(kind, seed, tried, outcome, error, seconds_since(start))


def clock() -> tuple[float, float]:
    """Return now, by the wall and by this process's CPU."""
    return time.perf_counter(), time.process_time()


def seconds_since(start: tuple[float, float]) -> float:
    """Return how long it took: the less of wall and CPU, so that neither other processes nor threads make it longer."""
    return round(min(now - then for now, then in zip(clock(), start, strict=True)), 3)


def what(kind: str, seed: int) -> str:
    """Return what an attempt tries, without trying it."""
    if kind == "histories":
        return ""
    with tempfile.TemporaryDirectory() as folder:
        return import_module(f"tests.attack.{kind}").prepare(random.Random(f"{kind} {seed}"), Path(folder))[0]


def judged(run: Callable[[], None]) -> tuple[str, str]:
    """Run, and return the outcome and what the error was."""
    try:
        run()
    except CampaignkitError as error:
        return "refused", said(error)
    except BrokenPromiseError as error:
        return "broken", str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # Polars' panics are no Exceptions
        return "traceback", said(error)
    return "read", ""


def said(error: BaseException) -> str:
    """Return an error's type, where in campaignkit it came from, and its first line."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "campaignkit" in Path(frame.filename).parts]
    where = f" in {Path(ours[-1].filename).stem}.{ours[-1].name}" if ours else ""
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}{where}: {first[:160]}"


def cause(error: str) -> str:
    """Return what tells one cause of failure from another: the error's type and place."""
    return error.partition(":")[0]
