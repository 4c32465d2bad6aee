"""What a campaign wants each night: `campaign.toml`, read strictly."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from campaignkit.errors import BadValue, listed, nearest

__all__ = ["Settings", "read_settings"]

WORDS: dict[Any, str] = {
    str: "text", int: "a whole number", float: "a number", bool: "true or false", dt.date: "a date",
}  # fmt: skip


@dataclass(frozen=True)
class Turnout:
    """As for `voters.fit_turnout`."""

    election: dt.date
    fit_on: dt.date
    test_on: dt.date | None = None
    like: dt.date | None = None


@dataclass(frozen=True)
class Persuasion:
    """An experiment by which to rank who a contact moves; as for `voters.fit_persuasion`."""

    experiment: str
    question: str
    yes: str
    no: str
    treatment: tuple[str, ...]
    control: str = "control"
    features: tuple[str, ...] = ("age_band", "sex", "race", "state")


@dataclass(frozen=True)
class Scores:
    """Scores to refit and write to the megafile."""

    recipes: tuple[str, ...] = ()
    turnout: Turnout | None = None
    persuasion: Persuasion | None = None


@dataclass(frozen=True)
class Emails:
    """E-mail tests to read, by their names in the megafile."""

    tests: tuple[str, ...]


@dataclass(frozen=True)
class Polls:
    """Interviews: the question, its answers, the groups, and the voters that they are weighted to."""

    question: tuple[str, ...]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    by: tuple[str, ...] = ("sex", "age_band", "state", "party")
    frame: tuple[str, ...] = ("voter", "age >= 18")
    frame_weight: str | None = None
    nights: int = 21
    quiet_nights: int = 3


@dataclass(frozen=True)
class Forecast:
    """Public polls (``"polls_2012"`` or a CSV or Parquet file) and the election that they foretell."""

    on: dt.date
    polls: str = "polls_2012"
    elections: int = 20_000
    seed: int = 1


@dataclass(frozen=True)
class Money:
    """A budget over states, and what a dollar a voter does; as for `election.allocate`."""

    budget: float
    effect: float
    scale: float
    std_error: float | None = None


@dataclass(frozen=True)
class Television:
    """Spots to buy: who to reach, and for how much; as for `outreach.buy_plan`."""

    target: tuple[str, ...]
    budget: float
    days: int
    goal: str = "reach"


@dataclass(frozen=True)
class List:
    """A list to write; as for `Universe.call_list`."""

    name: str
    who: tuple[str, ...]
    channel: str
    purpose: str
    rank_by: str | None = None
    limit: int | None = None
    format: str = "csv"


@dataclass(frozen=True)
class Page:
    """The page's title, and whether a PDF is made of it too."""

    title: str = "The morning page"
    pdf: bool = False


@dataclass(frozen=True)
class Settings:
    """A campaign's night. Paths are as `campaign.toml` has them, from its own folder.

    Attributes
    ----------
    megafile, exports : str
        The megafile, and the folder where each night's files come.
    briefing : str
        The folder of the page, its data, the lists, the state and the logs.
    layouts : tuple of str
        Layouts of the campaign's own.
    scores, emails, polls, forecast, money, television : settings or None
        What is done. None: not done.
    lists : tuple of List
    page : Page
    folder : Path
        Where `campaign.toml` lies.

    Examples
    --------
    >>> import campaignkit as ck
    >>> wanted = ck.briefing.Settings("campaign.duckdb", "exports", page=Page("Ohio this morning"))
    >>> wanted.page.title, wanted.polls
    ('Ohio this morning', None)
    """

    megafile: str
    exports: str
    briefing: str = "briefing"
    layouts: tuple[str, ...] = ()
    scores: Scores | None = None
    emails: Emails | None = None
    polls: Polls | None = None
    forecast: Forecast | None = None
    money: Money | None = None
    television: Television | None = None
    lists: tuple[List, ...] = ()
    page: Page = field(default_factory=Page)
    folder: Path = Path()

    def path(self, name: str) -> Path:
        """Return a path of the settings as seen from here.

        Examples
        --------
        >>> Settings("campaign.duckdb", "exports", folder=Path("ohio")).path("exports").as_posix()
        'ohio/exports'
        """
        return self.folder / name


def read_settings(path: str | Path) -> Settings:
    """Read `campaign.toml`.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Settings

    Raises
    ------
    BadValue
        The file is missing or is not valid TOML, or a key is unknown (the error names the nearest right one),
        missing, or holds a value of the wrong kind.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "campaign.toml")
    ...     _ = file.write_text('megafile = "campaign.duckdb"\\nexports = "exports"\\n[emails]\\ntests = ["june"]')
    ...     read_settings(file).emails
    Emails(tests=('june',))
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadValue(f"{path.name} can't be read ({error.strerror}); `campaignkit night init` writes one.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadValue(f"{path.name} is not valid TOML: {error}.") from error
    settings = _table(Settings, values, path.name, hidden={"folder"})
    names = [wanted.name for wanted in settings.lists]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadValue(f"{path.name}: two lists are called {listed(sorted(twice))}; each becomes a file of its name.")
    if bad := [name for name in names if not name or Path(name).name != name or name.startswith(".")]:
        raise BadValue(f"{path.name}: {listed(map(repr, bad))} can't be a list's name; it becomes a file's name.")
    if settings.money and not settings.forecast:
        raise BadValue(f"{path.name}: [money] needs a forecast; add [forecast].")
    return replace(settings, folder=path.parent)


def _table(kind: Any, values: dict[str, Any], where: str, hidden: frozenset[str] | set[str] = frozenset()) -> Any:
    """Return a table's values as its dataclass; refuse keys that it does not have."""
    hints = get_type_hints(kind)
    known = [each.name for each in fields(kind) if each.name not in hidden]
    if unknown := [key for key in values if key not in known]:
        raise BadValue(f"{where} has an unknown key {unknown[0]!r}{nearest(unknown[0], known)} Known: {listed(known)}.")
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in needed if name not in values]:
        raise BadValue(f"{where} is missing {listed(missing)}.")
    return kind(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in values.items()})


def _value(kind: Any, value: Any, where: str) -> Any:
    """Return a value as its kind; refuse one that is of another."""
    if isinstance(kind, UnionType):
        [kind] = [part for part in get_args(kind) if part is not type(None)]
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise BadValue(f"{where} is {value!r}; a table was expected.")
        return _table(kind, value, where)
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        items = [value] if inner is str and isinstance(value, str) else value
        if not isinstance(items, list):
            raise BadValue(f"{where} is {value!r}; a list was expected.")
        return tuple(_value(inner, item, f"{where} {at}") for at, item in enumerate(items, 1))
    return _scalar(kind, value, where)


def _scalar(kind: type, value: Any, where: str) -> Any:
    if kind is dt.date and isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError as error:
            raise BadValue(f"{where} is {value!r}; a date such as 2012-11-06 was expected.") from error
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, bool) != (kind is bool) or isinstance(value, dt.datetime) or not isinstance(value, kind):
        raise BadValue(f"{where} is {value!r}; {WORDS[kind]} was expected.")
    if kind in (int, float) and value <= 0 and not where.endswith(": seed"):
        raise BadValue(f"{where} is {value!r}; a number above 0 was expected.")
    return value
