"""A list someone can call from: who may be reached on a channel, ranked, capped, written with its manifest."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from campaignkit import charts
from campaignkit.checks import PURPOSES, check_scalar, refuse_soliciting
from campaignkit.errors import BadValue
from campaignkit.progress import shown
from campaignkit.result import Result
from campaignkit.sql import quote_literal

if TYPE_CHECKING:
    import altair as alt

    from campaignkit.megafile.universe import Universe

CHANNELS = {"phone": "phone", "text": "phone", "door": "address", "mail": "address", "email": "email"}
FORMATS = ("csv", "van")

#: Columns of a list beside person_id and rank, by what the channel needs.
_SHOWN = {
    "phone": "first_name, last_name, phone, city, state",
    "address": "first_name, last_name, address, unit, city, state, zip5",
    "email": "first_name, last_name, email, state",
}

#: Reasons in the order in which they are counted; a person who has several counts under the first.
_REASONS = ("deceased", "confidential", "moved", "wrong number", "refused", "unsubscribed")

_BEYOND = "beyond the first "  # the step that `limit` makes: those could be reached

_FORMULA = re.compile(r"^'*[=+\-@\t\r]")


@dataclass(frozen=True, eq=False, repr=False)
class CallList(Result):
    """People to reach on a channel, best first.

    `table` has one row a person: `place` (1 is first), `person_id`, `rank` (what `rank_by` gave, highest first;
    null: unknown, last), and what the channel needs. `funnel` has one row a step, from the universe to the list:
    `step`, `removed`, `left`; each `left` is the one before less `removed`. `warnings` has what is to be said of the
    scores that it ranks by, such as that one ranks no better than chance.
    """

    funnel: pl.DataFrame
    channel: str
    purpose: str
    universe: Universe
    rank_by: str | None
    warnings: tuple[str, ...] = ()

    def summary(self) -> str:
        """Say how many may be reached of how many, and what took most of the others."""
        start, last = self.funnel["left"][0], self.funnel["left"][-1]
        what = f"the {self.channel} list for {PURPOSES[self.purpose]}"
        if not start:
            return f"Nobody is on {what}: the universe ({self.universe.said}) is empty."
        beyond = self.funnel.filter(pl.col("step").str.starts_with(_BEYOND))["removed"].sum()
        who = f"{last:,} of {start:,} people are" if last else f"None of {start:,} people is"
        said = f"{who} on {what} ({self.universe.said})"
        if beyond:
            said += f", the first of {last + beyond:,} who may be reached"
        cut = self.funnel.filter((pl.col("removed") > 0) & ~pl.col("step").str.starts_with(_BEYOND))
        cut = cut.sort("removed", descending=True, maintain_order=True)
        if cut.is_empty():
            return f"{said}; nobody else had to be left out." if beyond else f"{said}; nobody had to be left out."
        others = "most were" if not last else "most of the others were"
        return f"{said}; {others} left out for: {cut['step'][0]} ({cut['removed'][0]:,})."

    def chart(self) -> alt.TopLevelMixin:
        """Draw how many are left after each step."""
        return charts.bars(self.funnel, "step", "left", description=self.summary())

    def write(self, path: str | Path, format: str = "csv") -> list[Path]:
        """Write the list, with a manifest beside it, and note the export.

        Parameters
        ----------
        path : str or Path
            The file: a CSV, or for VAN a zip. Its folder is made if need be.
        format : str
            ``"csv"``: all columns, cells that a spreadsheet would run defused by an apostrophe (`undefuse` takes it
            off), phones as digits with the country code, no plus sign. ``"van"``: VAN's saved list, one column VanID
            in a zipped CSV. VanIDs are unique within a state only: a list that spans states becomes one zip a state,
            its name ending in the state's letters. People without a VanID are left out and counted in the manifest.

        Returns
        -------
        list of Path
            The files written, the manifest last.

        Raises
        ------
        BadValue
            If the format is unknown, or nobody on the list has a VanID.

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         tonight = mf.universe("donor", state="OH").call_list("door", purpose="turnout", limit=9)
        ...         [path.name for path in tonight.write(f"{folder}/tonight.csv")]
        ['tonight.csv', 'tonight.csv.manifest.json']
        """
        check_scalar(format, "format", choices=FORMATS)
        path = Path(path)
        ending = ".csv" if format == "csv" else ".zip"
        if path.suffix.lower() != ending:
            raise BadValue(f"path is {str(path)!r}; format {format!r} is written to a name that ends in {ending}.")
        path.parent.mkdir(parents=True, exist_ok=True)
        files, rows = ([_write_csv(self.table, path)], self.table.height) if format == "csv" else self._write_van(path)
        manifest = path.with_name(path.name + ".manifest.json")
        entry = self._manifest(files, rows, format)
        manifest.write_text(json.dumps(entry, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        self.universe.megafile.note_export(entry)
        return [*files, manifest]

    def _write_van(self, path: Path) -> tuple[list[Path], int]:
        known = self.universe.megafile.sql("SELECT person_id, van_id, van_state FROM person WHERE van_id IS NOT NULL")
        ids = self.table.select("place", "person_id").join(known, on="person_id").sort("place")
        if ids.is_empty():
            raise BadValue("Nobody on the list has a VanID; write it as csv.")
        states = ids["van_state"].unique().sort().to_list()
        files = []
        for state in states:
            name = path if len(states) == 1 else path.with_name(f"{path.stem}-{state}{path.suffix}")
            rows = ids.filter(pl.col("van_state").eq_missing(pl.lit(state))).select(pl.col("van_id").alias("VanID"))
            with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(f"{name.stem}.csv", rows.write_csv())
            files.append(name)
        return files, ids.height

    def _manifest(self, files: list[Path], rows: int, written_as: str) -> dict[str, Any]:
        megafile = self.universe.megafile
        state = megafile.sql("SELECT channel, reason, count(*) AS rows, max(since) AS latest FROM suppression "
                             "GROUP BY ALL ORDER BY ALL")  # fmt: skip
        return {
            "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": [{"name": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()} for file in files],
            "format": written_as,
            "rows": rows,
            "left_out_without_van_id": self.table.height - rows,
            "channel": self.channel,
            "purpose": self.purpose,
            "rank_by": self.rank_by,
            "warnings": list(self.warnings),
            "universe": self.universe.sql,
            "as_of": str(self.universe.as_of),
            "megafile": str(megafile.path.resolve()),
            "suppressions": json.loads(state.with_columns(pl.col("latest").cast(pl.String)).write_json()),
            "funnel": json.loads(self.funnel.write_json()),
        }


def make_call_list(
    universe: Universe,
    channel: str,
    purpose: str,
    rank_by: str | None,
    limit: int | None,
    per_household: int | None,
    per_phone: int | None,
    cooldown_days: int | None,
) -> CallList:
    """Return who of a universe may be reached; see `Universe.call_list`."""
    check_scalar(channel, "channel", choices=list(CHANNELS))
    check_scalar(purpose, "purpose", choices=list(PURPOSES))
    counts = {"limit": limit, "per_household": per_household, "per_phone": per_phone, "cooldown_days": cooldown_days}
    for name, value in counts.items():
        check_scalar(value, name, typ=int, ge=1 if name.startswith("per_") else 0, optional=True)
    rank = universe.number("NULL::DOUBLE" if rank_by is None else rank_by)
    refuse_soliciting(purpose, universe.restricted | rank.restricted, "Make the list without it.")
    universe.matched(rank)
    for warning in rank.warnings:
        warnings.warn(f"The list ranks by {rank_by}: {warning}", stacklevel=3)
    steps = [*_exclusions(universe, channel, cooldown_days), *_caps(channel, per_household, per_phone, limit)]
    table, counted = _run(universe, channel, rank.sql, steps)
    return CallList(table, _funnel(universe, counted, steps), channel, purpose, universe, rank_by, rank.warnings)


@dataclass(frozen=True)
class _Step:
    """One step of the funnel: a condition under which a person falls out, or a cap on a place in an order."""

    name: str
    condition: str = ""
    cap: int | None = None
    within: str = ""  # what the cap is counted within; "" with a cap: the whole list


def _exclusions(universe: Universe, channel: str, cooldown_days: int | None) -> list[_Step]:
    as_of = quote_literal(universe.as_of)
    steps = [_Step(f"no {CHANNELS[channel]}", f"p.{CHANNELS[channel]} IS NULL")]
    steps.append(_Step("confidential", "coalesce(p.confidential, false) OR s.reason = 'confidential'"))
    steps += [_Step(reason, f"s.reason = {quote_literal(reason)}") for reason in _REASONS if reason != "confidential"]
    steps.append(_Step("suppressed for another reason", "s.reason IS NOT NULL"))
    if channel == "text":
        steps.append(_Step("no consent to texts", "t.answer IS DISTINCT FROM 'yes'"))
    if cooldown_days:
        recent = f"c.last > {as_of} - {cooldown_days}"
        steps.append(_Step(f"contacted within {cooldown_days} days", f"coalesce({recent}, false)"))
    return steps


def _caps(channel: str, per_household: int | None, per_phone: int | None, limit: int | None) -> list[_Step]:
    caps = []
    if per_household is not None:
        within = "coalesce(household_id, -person_id)"  # nobody shares a household that is not known
        caps.append(_Step(f"more than {per_household} in a household", cap=per_household, within=within))
    if per_phone is not None and CHANNELS[channel] == "phone":
        caps.append(_Step(f"more than {per_phone} with a phone", cap=per_phone, within="contact"))
    if limit is not None:
        caps.append(_Step(f"{_BEYOND}{limit:,}", cap=limit))
    return caps


def _run(universe: Universe, channel: str, rank: str, steps: list[_Step]) -> tuple[pl.DataFrame, dict[int, int]]:
    """Return the list, and how many people fell out at each step, by the step's number."""
    falls = " ".join(f"WHEN {s.condition} THEN {i}" for i, s in enumerate(steps) if s.cap is None)
    with shown("call_list", "taking out who may not be reached"), universe.megafile.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE flagged AS {_flagged(universe, channel, rank, falls)}")
        counted = dict(cursor.execute("SELECT fell, count(*) FROM flagged WHERE fell >= 0 GROUP BY fell").fetchall())
        cursor.execute("CREATE OR REPLACE TEMP TABLE kept AS SELECT * EXCLUDE fell FROM flagged WHERE fell IS NULL")
        left = _size(cursor)
        for number, step in enumerate(steps):
            if step.cap is not None:
                within = f"PARTITION BY {step.within}" if step.within else ""
                order = f"row_number() OVER ({within} ORDER BY rank DESC NULLS LAST, tie)"
                cursor.execute(f"CREATE OR REPLACE TEMP TABLE kept AS SELECT * FROM kept QUALIFY {order} <= {step.cap}")
                counted[number], left = left - _size(cursor), _size(cursor)
        table = cursor.sql(f"""
            SELECT row_number() OVER (ORDER BY rank DESC NULLS LAST, tie) AS place, person_id, rank,
                   {_SHOWN[CHANNELS[channel]]}
            FROM kept JOIN person USING (person_id) ORDER BY place""").pl()
        cursor.execute("DROP TABLE kept; DROP TABLE flagged")
    return table, counted


def _size(cursor: duckdb.DuckDBPyConnection) -> int:
    return cursor.sql("SELECT count(*) FROM kept").fetchall()[0][0]


def _flagged(universe: Universe, channel: str, rank: str, falls: str) -> str:
    """Return a query of the universe's people with the number of the first step at which each falls out."""
    as_of, named = quote_literal(universe.as_of), quote_literal(channel)
    order = "CASE reason " + " ".join(f"WHEN '{r}' THEN {i}" for i, r in enumerate(_REASONS)) + " ELSE 99 END"
    return f"""
        WITH s AS (
            SELECT person_id, arg_min(reason, {order}) AS reason FROM suppression
            WHERE channel IN ({named}, 'all') AND (since IS NULL OR since <= {as_of}) GROUP BY person_id
        ), t AS (
            SELECT person_id, max_by(answer, answered_on) AS answer FROM text_optin
            WHERE answered_on <= {as_of} GROUP BY person_id
        ), c AS (
            SELECT person_id, max(contacted_on) AS last FROM contact
            WHERE channel = {named} AND contacted_on <= {as_of} GROUP BY person_id
        )
        SELECT p.person_id, p.household_id, p.{CHANNELS[channel]} AS contact, ({rank})::DOUBLE AS rank,
               md5_number_lower(p.person_id::VARCHAR) AS tie, CASE {falls} END AS fell
        FROM person p LEFT JOIN s ON s.person_id = p.person_id LEFT JOIN t ON t.person_id = p.person_id
        LEFT JOIN c ON c.person_id = p.person_id WHERE {universe.where}"""


def _funnel(universe: Universe, counted: dict[int, int], steps: list[_Step]) -> pl.DataFrame:
    start = universe.count()
    removed = [0, *(counted.get(number, 0) for number in range(len(steps)))]
    table = pl.DataFrame({"step": ["in the universe", *(step.name for step in steps)], "removed": removed})
    return table.with_columns((start - pl.col("removed").cum_sum()).alias("left"))


def defuse(text: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would take for a formula.

    Examples
    --------
    >>> defuse("=1+1"), defuse("Ann"), defuse("'=1")
    ("'=1+1", 'Ann', "''=1")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def undefuse(text: str) -> str:
    """Take the apostrophe of `defuse` off again.

    Examples
    --------
    >>> [undefuse(defuse(text)) for text in ("=1+1", "Ann", "'=1", "'t Hooft")]
    ['=1+1', 'Ann', "'=1", "'t Hooft"]
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _write_csv(table: pl.DataFrame, path: Path) -> Path:
    text = pl.col(pl.String)
    if "phone" in table.columns:  # without the plus sign, which a spreadsheet would take for a formula
        table = table.with_columns(pl.col("phone").str.strip_prefix("+"))
    defused = pl.when(text.str.contains(_FORMULA.pattern)).then(pl.lit("'") + text).otherwise(text)
    table.with_columns(defused.name.keep()).write_csv(path)
    return path
