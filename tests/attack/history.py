"""One history of a megafile: built, refreshed, asked, lists written, each held against the oracle."""

from __future__ import annotations

import copy
import csv
import functools
import inspect
import io
import shutil
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from campaignkit import Megafile
from campaignkit.errors import CampaignkitError
from tests.attack.attempts import Attempt, BrokenPromiseError, clock, said, seconds_since
from tests.attack.oracle import CHANNELS, Oracle
from tests.attack.town import FIRST_DROP, SOURCES, Town

OPTIONAL = [source for source in SOURCES if source not in FIRST_DROP]
VIEWS = ("relation", "people", "features", "ids")


@functools.cache
def begun(seed: int) -> tuple[Town, Oracle, dict[str, bytes], bytes]:
    """Return a town, what is known of it, its first exports and the megafile that was built of them."""
    town, oracle = Town(seed), Oracle()
    sources = [*FIRST_DROP, *(source for source in OPTIONAL if town.rng.random() < 0.5)]
    with tempfile.TemporaryDirectory() as folder:
        lying, path = Path(folder) / "exports", Path(folder) / "m.duckdb"
        written = town.export(lying, sources, {})
        for source, (_, rows) in written.items():
            oracle.take(source, rows)
        oracle.settle()
        Megafile.build(lying, path, model=False, progress=False).close()
        return town, oracle, {file.name: file.read_bytes() for file in lying.iterdir()}, path.read_bytes()


def _guarded(do: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step that is not taken once a promise is broken, where histories are counted."""

    @functools.wraps(do)
    def step(self: History, *arguments: Any) -> Any:
        if self.broken is not None:
            return None
        try:
            return do(self, *arguments)
        except BrokenPromiseError as error:
            if not self.counting:
                raise
            self.broken = str(error)
            return None

    return step


class History:
    """A megafile and what was done with it. Each step is campaignkit's own error, or keeps its promises, or raises.

    Universes are pairs: the universe, and whether what FEC reports say is in it.
    """

    def __init__(self, seed: int, counting: bool = False) -> None:
        self.start = time.perf_counter()
        town, oracle, files, megafile = begun(seed)
        self.town, self.oracle = copy.deepcopy(town), copy.deepcopy(oracle)
        self.town.rng = Random(f"{seed} goes on")
        self.folder = Path(tempfile.mkdtemp(prefix="history-"))
        self.exports, self.path = self.folder / "all", self.folder / "m.duckdb"
        self.exports.mkdir()
        for name, data in files.items():
            (self.exports / name).write_bytes(data)
        self.path.write_bytes(megafile)
        self.mf = Megafile.open(self.path)
        self.counting, self.broken, self.seconds = counting, None, 0.0
        self.slowest = 0.0
        self.steps, self.refused, self.written, self.suppressed = [f"town {seed}"], 0, 0, 0

    def end(self) -> None:
        self.seconds = round(time.perf_counter() - self.start, 3)
        self.mf.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def attempt(self, seed: int) -> Attempt:
        """Return what came of the history; its slowest step stands for its time."""
        error = self.broken or ""
        outcome = (
            "traceback"
            if error.startswith("traceback")
            else "broken"
            if error
            else "refused"
            if self.refused
            else "read"
        )
        return Attempt(
            "histories", seed, "; ".join(self.steps), outcome, error, round(self.slowest, 3), self.suppressed
        )

    def step(self, name: str, do: Callable[[], Any]) -> Any:
        """Do something; None where campaignkit refused it by an error of its own."""
        self.steps.append(name)
        start = clock()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return do()
        except CampaignkitError:
            self.refused += 1
            return None
        except (BrokenPromiseError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise BrokenPromiseError(f"traceback: {said(error)}") from error
        finally:
            self.slowest = max(self.slowest, seconds_since(start))

    @_guarded
    def universe(self, words: list[str], as_of: str | None) -> Any:
        """Say a universe; no expression may let in anybody that one of the others leaves out."""

        def do() -> Any:
            universe = self.mf.universe(*words, as_of=as_of)
            people = set(universe.people("person_id")["person_id"])
            for word in words:
                try:
                    allowed = set(self.mf.universe(word, as_of=as_of).people("person_id")["person_id"])
                except CampaignkitError:
                    continue
                if not people <= allowed:
                    raise BrokenPromiseError(f"expression: {words!r} let in people that {word!r} leaves out")
            return universe, any("fec" in word for word in words)

        return self.step(f"universe{(*words,)!r} as of {as_of}", do)

    @_guarded
    def together(self, one: Any, other: Any, how: str) -> Any:
        join = {"and": lambda a, b: a & b, "or": lambda a, b: a | b, "but not": lambda a, b: a - b}[how]
        return self.step(how, lambda: (join(one[0], other[0]), one[1] or other[1]))

    @_guarded
    def through(self, universe: Any, view: str) -> Any:
        """Take a universe's people out as a table, and say a universe of that."""
        audience, fec = universe

        def do() -> Any:
            if view == "ids":
                return self.mf.universe_of(list(audience.people("person_id")["person_id"])), False  # cannot be traced
            table = {
                "relation": audience.relation,
                "people": audience.people,
                "features": lambda: audience.features({"gave": "fec_gifts()"} if fec else ["age"]),
            }[view]()
            return self.mf.universe_of(table), fec

        return self.step(f"universe_of .{view}", do)

    @_guarded
    def list(self, universe: Any, channel: str, purpose: str, rank_by: str | None, caps: dict[str, Any]) -> Any:
        audience, fec = universe
        fec = fec or "fec" in (rank_by or "")

        def do() -> Any:
            made = audience.call_list(channel, purpose, rank_by=rank_by, **caps)
            if fec and purpose == "fundraise":
                raise BrokenPromiseError("restricted: FEC rows on a list for fundraising")
            lefts = made.funnel["left"].to_list()
            if lefts[-1] != made.table.height or any(left < 0 for left in lefts):
                raise BrokenPromiseError(f"funnel: it ends at {lefts[-1]} for a list of {made.table.height}")
            allowed = set(audience.people("person_id")["person_id"])
            if not set(made.table["person_id"]) <= allowed:
                raise BrokenPromiseError("expression: the list holds people who are not in its universe")
            return made

        return self.step(f"{channel} list for {purpose} by {rank_by!r} {caps}", do)

    @_guarded
    def write(self, made: Any, written_as: str) -> None:
        """Write a list, whenever it was made, and hold what lies in the file against the oracle."""
        path = self.folder / f"list{self.written}{'.csv' if written_as == 'csv' else '.zip'}"
        files = self.step(f"write {made.channel} as {written_as}", lambda: made.write(path, format=written_as))
        for file in files or []:
            if file.suffix != ".json":
                self._hold(self.oracle.suppressed(made.channel, rows_of(file)))
        self.written += bool(files)

    def _hold(self, found: list[str]) -> None:
        self.suppressed += len(found)
        if found:
            raise BrokenPromiseError(f"suppressed written: {len(found)}, such as {found[0]}")

    @_guarded
    def hashed(self, universe: Any, kind: str) -> None:
        """Take out hashes for ads."""
        audience, fec = universe
        asked = {"purpose": "fundraise"} if "purpose" in inspect.signature(audience.hashed).parameters else {}
        table = self.step(f"hashed {kind}", lambda: audience.hashed(kind, **asked))
        if table is not None:
            if fec:
                raise BrokenPromiseError("restricted: FEC rows hashed for ads")
            self._hold(sorted(self.oracle.hashes(kind) & set(table.to_series())))

    def days_pass(self, days: int, events: int) -> None:
        """Let people come and refuse; no system has exported it yet."""
        self.town.day += timedelta(days)
        for _ in range(events):
            self.town.say_no()
        if events % 2:
            self.town.arrive()

    @_guarded
    def drop(self, sources: list[str], how: dict[str, str], refresh: bool) -> None:
        """Export some sources, whole, shortened or reordered, and refresh by these, or build all anew."""
        folder = self.folder / f"drop{self.town.drops}"
        self.town.day += timedelta(1)
        written = self.town.export(folder, sources, how)
        told = ", ".join(f"{how.get(source, 'whole')} {name}" for source, (name, _) in written.items())
        for name, _ in written.values():
            shutil.copy(folder / name, self.exports / name)
        done = self.step(
            f"{'refresh' if refresh else 'build anew'} with {told}", self._refreshed(folder) if refresh else self._built
        )
        if done is None:  # nothing was taken in
            for name, _ in written.values():
                (self.exports / name).unlink()
            return
        taken = self.mf.sources.filter(self.mf.sources["accepted"] > 0)["file"].to_list()
        for source in SOURCES:
            if source in written and written[source][0] in taken:
                self.oracle.take(source, written[source][1])
        self.oracle.settle()
        self.default_lists()

    def default_lists(self) -> None:
        """Write a list of everyone on each channel."""
        for channel in CHANNELS:
            made = self.list(
                (self.mf.universe(), False), channel, "volunteer", None, {"per_household": None, "per_phone": None}
            )
            if made is not None:
                self.write(made, "csv")

    def _refreshed(self, folder: Path) -> Callable[[], Any]:
        return lambda: self.mf.refresh(folder, progress=False)

    def _built(self) -> Megafile:
        Megafile.build(self.exports, self.path, model=False, progress=False).close()
        return self.mf.reopen()


def rows_of(file: Path) -> list[dict[str, str]]:
    """Return the rows of a list as it lies in a file; of VAN's, in the zip."""
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as archive:
            text = archive.read(archive.namelist()[0]).decode()
    else:
        text = file.read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))
