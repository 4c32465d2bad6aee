"""A night in one command: ordered steps, each run again only if its code, parameters or inputs changed."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from campaignkit.briefing.keys import key_of
from campaignkit.briefing.settings import Settings, read_settings
from campaignkit.briefing.standing import mark
from campaignkit.briefing.steps import STEPS, Step
from campaignkit.briefing.tonight import Tonight
from campaignkit.errors import BadValue, CampaignkitError, RefreshRefused, nearest
from campaignkit.megafile import Megafile
from campaignkit.progress import Steps
from campaignkit.result import Result
from campaignkit.spreadsheets import Drafts
from campaignkit.wording import counted

__all__ = ["Night", "night"]

WELL, WARNED, NOT_TRUSTED = 0, 1, 2
STANDS = "Everything below is from the last night that finished."


@dataclass(frozen=True, eq=False, repr=False)
class Night(Result):
    """What a night did.

    `table` has one row per step: ``step``, ``status`` ("done", "up to date", "would run", "not asked for"),
    ``seconds``, ``cpu_seconds`` (those of its child processes too).

    Attributes
    ----------
    code : int
        0: all is well; 1: there are warnings; 2: do not trust it, no lists were written.
    number : int
        The megafile's night.
    as_of : date
        The megafile's date.
    checks : tuple of dict
        Warnings and stops: ``level``, ``what``, ``number``, ``past``, ``to_do``.
    page : Path
    """

    code: int
    number: int
    as_of: Any
    checks: tuple[dict[str, str], ...]
    page: Path

    def summary(self) -> str:
        """Say what ran and what needs a look."""
        done = self.table.filter(status="done")["step"].to_list()
        text = f"Night {self.number}, as of {self.as_of}: "
        text += f"{counted(len(done), 'step')} done ({', '.join(done)})" if done else "everything was up to date"
        what = ("all is well", counted(len(self.checks), "warning"), "NOT TO BE TRUSTED; no lists were written")
        sentences = " ".join(check["what"] for check in self.checks)
        return f"{text}; {what[self.code]}. {sentences}".strip()

    def to_json(self) -> str:
        """Return it as JSON.

        Examples
        --------
        >>> import datetime as dt
        >>> quiet = Night(pl.DataFrame({"step": [], "status": []}), 0, 3, dt.date(2012, 10, 3), (), Path("page.html"))
        >>> quiet.to_json()[:24]
        '{"code": 0, "night": 3, '
        """
        held = {"code": self.code, "night": self.number, "as_of": str(self.as_of), "checks": list(self.checks)}
        return json.dumps(held | {"steps": self.table.to_dicts(), "page": str(self.page)})


def night(
    settings: Settings | str | Path,
    *,
    start: str | None = None,
    only: str | None = None,
    dry_run: bool = False,
    accept: Iterable[str] = (),
    progress: bool | None = None,
) -> Night:
    """Do everything `campaign.toml` asks for, and write the morning page.

    A step is skipped where its code, its parameters and the content of its inputs have not changed. Each step keeps its
    state in a file of its own, written whole or not at all. If a night is killed, run it again: it comes to the
    same page. Until tonight's page is there, the last one says in its first line that it is not tonight's, and why.

    Parameters
    ----------
    settings : Settings, str or Path
        As read, or the file.
    start : str or None
        Run this step and all after it, up to date or not. None: run only what is not up to date.
    only : str or None
        Run this step alone. None: all.
    dry_run : bool
        Only report what would run.
    accept : iterable of str
        Files to take in although they hold far fewer records than before; as in `Megafile.refresh`.
    progress : bool or None
        Whether to show the steps. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.

    Returns
    -------
    Night

    Raises
    ------
    BadValue
        The settings are wrong, or no step has that name.
    RefreshRefused
        Another night of the same folder is running.
    CampaignkitError
        A step failed: the page before still stands.

    Examples
    --------
    >>> import shutil
    >>> import tempfile
    >>> import campaignkit as ck
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = shutil.copy(ck.sample.megafile().path, folder)
    ...     (Path(folder) / "exports").mkdir()
    ...     tonight = night(Settings("/" + path.strip("/"), "exports", folder=Path(folder)))
    ...     tonight.code, tonight.page.name, tonight.table["status"].unique().to_list()
    (0, 'page.html', ['done'])
    """
    read = settings if isinstance(settings, Settings) else read_settings(settings)
    names = [step.name for step in STEPS]
    for name in (start, only):
        if name is not None and name not in names:
            raise BadValue(f"No step is called {name!r}{nearest(name, names)} Steps: {', '.join(names)}.")
    folder = read.path(read.briefing)
    taken = (accept,) if isinstance(accept, str) else tuple(accept)
    with _alone(folder), _told(folder, dry_run), Megafile.open(read.path(read.megafile)) as megafile:
        return _Runner(Tonight(read, megafile, accept=taken), folder, progress, dry_run).run(start, only)


@dataclass
class _Runner:
    tonight: Tonight
    folder: Path
    progress: bool | None
    dry_run: bool
    marked: bool = False

    def run(self, start: str | None, only: str | None) -> Night:
        steps, rows, forced = Steps("night", self.progress), [], False
        self.marked = only is not None  # one step alone makes no page: the one that stands is marked if it fails
        for step in STEPS:
            forced |= step.name in (start, only)
            wanted = only is None or step.name == only
            with steps.step(step.says):
                begun, spent = time.monotonic(), sum(os.times()[:4])
                status = self._do(step, forced) if wanted else self._load(step)
                cost = round(time.monotonic() - begun, 2), round(sum(os.times()[:4]) - spent, 2)
                rows.append((step.name, status, *cost))
                forced = forced and only is None
        steps.close()
        if only in (None, "page") and not self.dry_run:
            mark(self.folder, None)
        return self._ended(rows)

    def _load(self, step: Step) -> str:
        state = self._state(step)
        if state is not None:
            self.tonight.parts[step.name] = state["part"]
        return "not asked for"

    def _do(self, step: Step, forced: bool) -> str:
        state = self._state(step)
        if state is not None and not forced and state["key"] == key_of(self.tonight, step):
            self.tonight.parts[step.name] = state["part"]
            return "up to date"
        if self.dry_run:
            self._load(step)
            return "would run"
        self._log(f"{step.name} begins")
        if not self.marked:
            mark(self.folder, f"Tonight's run began {_now()} and has not finished. {STANDS}")
            self.marked = True
        try:
            part = step.run(self.tonight).to_dict()
        except Exception as error:
            self._log(f"{step.name} failed: {error}")
            raise _failed(step, error) from error
        self.tonight.parts[step.name] = part
        _write(self.folder / "state" / f"{step.name}.json", {"key": key_of(self.tonight, step), "part": part})
        for check in part["checks"]:
            self._log(f"{step.name} {check['level']}: {check['what']}")
        self._log(f"{step.name} done")
        return "done"

    def _state(self, step: Step) -> dict[str, Any] | None:
        try:
            return json.loads((self.folder / "state" / f"{step.name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def _log(self, text: str) -> None:
        folder = self.folder / "logs"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / f"night-{self.tonight.night:04d}.log").open("a", encoding="utf-8") as log:
                log.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {' '.join(text.split())}\n")
        except OSError as error:
            raise BadValue(f"The log in {str(folder)!r} can't be written ({error.strerror}).") from error

    def _ended(self, rows: list[tuple[str, str, float, float]]) -> Night:
        checks = [c for part in self.tonight.parts.values() for c in part["checks"] if c["level"] != "well"]
        code = max((NOT_TRUSTED if c["level"] == "stop" else WARNED for c in checks), default=WELL)
        table = pl.DataFrame(rows, ["step", "status", "seconds", "cpu_seconds"], orient="row")
        megafile = self.tonight.megafile
        return Night(table, code, self.tonight.night, megafile.as_of, tuple(checks), self.folder / "page.html")


@contextmanager
def _told(folder: Path, dry_run: bool) -> Generator[None]:
    """Say on the page that stands why there is none of tonight."""
    try:
        yield
    except Exception as error:
        if not dry_run:
            mark(folder, f"Tonight's run failed {_now()}. {' '.join(str(error).split())} {STANDS}")
        raise


def _now() -> str:
    now = datetime.now()
    return f"at {now:%H:%M} on {now:%B} {now.day}"


def _failed(step: Step, error: Exception) -> CampaignkitError:
    kind = type(error) if isinstance(error, (BadValue, RefreshRefused)) else CampaignkitError
    message = str(error) if isinstance(error, CampaignkitError) else f"{type(error).__name__}: {error}"
    return kind(
        f"The step {step.name!r} failed, and no page was written; the one before stands. {message.rstrip('.')}."
    )


def _write(path: Path, content: Any) -> None:
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Drafts() as drafts:
        drafts.add(path, json.dumps(content, ensure_ascii=False, indent=1).encode())
        drafts.put_in_place()


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Hold the folder's lock and remove what a killed night left half written; the lock ends with its process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadValue(f"{str(folder)!r} can't be written ({error.strerror}); the page before stands.") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in folder.rglob(".*.writing-*"):
            left.unlink(missing_ok=True)
        yield
    except BlockingIOError as error:
        raise RefreshRefused(f"Another night is running in {str(folder)!r}. Nothing was changed.") from error
    finally:
        os.close(held)
