"""A list someone can call from: who may be reached on a channel, ranked, capped, written with its manifest."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import duckdb
import polars as pl

from campaignkit import charts, labels
from campaignkit.checks import PURPOSES, check_scalar, refuse_panel_reports, refuse_soliciting
from campaignkit.errors import BadValue, listed
from campaignkit.megafile.audience import Audience
from campaignkit.megafile.export.list_files import WRITERS, Sheets
from campaignkit.megafile.export.manifest import put_with_manifest
from campaignkit.megafile.export.recheck import built_at, recheck, standing_file, warn_of_removed
from campaignkit.megafile.export.tool_files import TOOLS
from campaignkit.megafile.inspecting.content import MOST_LOOKED_AT, share_of
from campaignkit.megafile.predicates import Translated, named_features
from campaignkit.megafile.storage.opening import inode
from campaignkit.megafile.suppression.rules import LAST_TEXT_ANSWER, MEANS, REASONS, in_order
from campaignkit.megafile.working_tables import create, drop
from campaignkit.progress import shown
from campaignkit.result import Result
from campaignkit.saving import ending_of
from campaignkit.spreadsheets import Drafts
from campaignkit.sql import quote_identifier, quote_literal

if TYPE_CHECKING:
    import altair as alt

#: A file's ending by the format that is written to it; of formats with the same ending, the first is the default.
FORMATS = {"csv": ".csv", "xlsx": ".xlsx", "pdf": ".pdf", "van": ".zip", **dict.fromkeys(TOOLS, ".csv")}

#: Columns of a list beside person_id and rank, by what the channel needs.
_SHOWN = {
    "phone": "first_name, last_name, phone, city, state",
    "address": "first_name, last_name, address, unit, city, state, zip5",
    "email": "first_name, last_name, email, state",
}

CONTACTS = 0.05  # of a column's values: from here on it holds contact points

_BEYOND = "beyond the first "  # the step that `limit` makes: those could be reached

_STANDS = "SELECT (SELECT max(night) FROM refresh_log), (SELECT max(as_of) FROM source_file)"


@dataclass(frozen=True, eq=False, repr=False)
class CallList(Result):
    """People to reach on a channel, best first.

    `table` has one row per person: `place` (1 is first), `person_id`, `rank_value` (what `rank_by` gave, highest first;
    null: unknown, last), what the channel needs, and the `columns` asked for. `funnel` has one row per step, from the
    universe to the list: `step`, `removed`, `left`; each `left` is the one before less `removed`. `warnings` has what
    is to be said of the scores that it ranks by, such as that one ranks no better than chance. `built_at` is when the
    megafile that it is of was built (null: not known); ids of another build are other people's.
    """

    leaves_by: ClassVar[str] = "write them with .write(path), which checks each again and leaves a manifest"

    funnel: pl.DataFrame
    channel: str
    purpose: str
    universe: Audience
    rank_by: str | None
    warnings: tuple[str, ...] = ()
    built_at: datetime | None = None

    def summary(self) -> str:
        """Say how many may be reached of how many, and what took most of the others."""
        start, last = self.funnel["left"][0], self.funnel["left"][-1]
        what = f"the {self.channel} list for {PURPOSES[self.purpose]}"
        if not start:
            return f"Nobody is on {what}: the universe ({labels.described(self.universe.description)}) is empty."
        beyond = self.funnel.filter(pl.col("step").str.starts_with(_BEYOND))["removed"].sum()
        who = f"{last:,} of {start:,} people are" if last else f"None of {start:,} people is"
        text = f"{who} on {what} ({labels.described(self.universe.description)})"
        if beyond:
            text += f", the first of {last + beyond:,} who may be reached"
        cut = self.funnel.filter((pl.col("removed") > 0) & ~pl.col("step").str.starts_with(_BEYOND))
        cut = cut.sort("removed", descending=True, maintain_order=True)
        if cut.is_empty():
            return f"{text}; nobody else had to be left out." if beyond else f"{text}; nobody had to be left out."
        return f"{text}; the most common reason to be left out: {cut['step'][0]} ({cut['removed'][0]:,})."

    def chart(self) -> alt.TopLevelMixin:
        """Draw how many are left after each step."""
        funnel = self.funnel.rename({"left": "people left"})
        title = "Who is left after each step"
        return charts.bars(funnel, "step", "people left", description=self.summary(), title=title)

    def write(
        self, path: str | Path, format: str | None = None, *, split_by: str | None = None, per_caller: int | None = None
    ) -> list[Path]:
        """Write the list, with a manifest beside it, and note the export.

        Every row is checked once more against what the megafile's file says now, also where a night took its place
        since the list was made, or rows of `table` were changed: whoever may not be reached any more is left out, with
        a warning, and counted in the manifest (`rechecked`). Files can be read by their owner alone (mode 0600) and
        appear whole or not at all.

        Parameters
        ----------
        path : str or Path
            The file. Its folder is made if need be.
        format : str or None
            None: by the path's ending. ``"csv"``: all columns, cells that a spreadsheet would run defused by an
            apostrophe (`undefuse` takes it off), phones as digits with the country code, no plus sign. ``"xlsx"``: a
            workbook to print, with names in proper case, phones as they are dialed (and as in the csv beside them).
            ``"pdf"``: the same as sheets with boxes to tick. ``"van"``: VAN's saved list in a .zip, one column VanID.
            VanIDs are unique within a state only: a list that spans states becomes one zip per state, its name ending
            in the state's letters. People without a VanID are left out and counted in the manifest. ``"actionkit"``,
            ``"mobilize"`` (e-mail lists), ``"spoke"`` (texts) and ``"impactive"`` (texts and calls): a CSV with the
            headers that the tool's upload knows; columns of your own follow (for ActionKit as custom fields,
            ``user_…``), the list's places and ranking stay behind.
        split_by : str or None
            A column: one sheet (csv: one file) for each of its values, such as a precinct.
        per_caller : int or None
            How many people a sheet (csv: a file) holds: one for each caller or walker, in the list's order.

        Returns
        -------
        list of Path
            The files written, the manifest last.

        Raises
        ------
        BadValue
            If the format is unknown, needs what is not installed or is of a tool that has no use for such a list,
            nobody on the list has a VanID, or a row can't be checked: its person is not in the megafile, its number or
            address can't be read, or the megafile was built anew since.
        ColumnNotFound
            If the list has no column `split_by`.

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
        path = Path(path)
        written_as = self._format(path, format)
        sheets = Sheets(f"{self.channel.capitalize()} list: {PURPOSES[self.purpose]}", split_by, per_caller)
        sheets.check(self.table, written_as)
        if written_as in TOOLS:
            TOOLS[written_as].check(self.channel, self.table.columns)
        path.parent.mkdir(parents=True, exist_ok=True)
        megafile = self.universe.megafile
        with standing_file(megafile) as (con, file), Drafts() as drafts:
            checked = recheck(con, self.table, self.channel, self.built_at, as_van=written_as == "van")
            kept = self.table.filter(checked["reason"].is_null())
            rows = WRITERS[written_as](con, kept, path, drafts, sheets)
            if inode(megafile.path) == file:
                own = self._own_manifest(con, checked, rows)
                return put_with_manifest(self.universe, path, drafts, written_as, rows, own)
        return self.write(path, format, split_by=split_by, per_caller=per_caller)  # a night came in between

    def _format(self, path: Path, named: str | None) -> str:
        check_scalar(named, "format", choices=tuple(FORMATS), optional=True)
        by_ending = {ending: name for name, ending in reversed(FORMATS.items())}
        if named is None:
            return by_ending[ending_of(path, tuple(by_ending))]
        if path.suffix.lower() != FORMATS[named]:
            raise BadValue(
                f"path is {str(path)!r}; format {named!r} is written to a name that ends in {FORMATS[named]}."
            )
        return named

    def _own_manifest(self, con: duckdb.DuckDBPyConnection, checked: pl.DataFrame, rows: int) -> dict[str, Any]:
        state = con.sql("SELECT channel, reason, count(*) AS rows, max(since) AS latest FROM suppression "
                        "WHERE until IS NULL GROUP BY ALL ORDER BY ALL").pl()  # fmt: skip
        night, as_of = con.sql(_STANDS).fetchall()[0]
        removed = dict(checked["reason"].drop_nulls().value_counts(sort=True).iter_rows())
        warn_of_removed(removed)
        return {
            "left_out_without_van_id": self.table.height - sum(removed.values()) - rows,
            "channel": self.channel,
            "purpose": self.purpose,
            "rank_by": self.rank_by,
            "warnings": list(self.warnings),
            "rechecked": {"night": night, "as_of": str(as_of), "rows": self.table.height, "removed": removed},
            "suppressions": json.loads(state.with_columns(pl.col("latest").cast(pl.String)).write_json()),
            "funnel": json.loads(self.funnel.write_json()),
        }


def make_call_list(
    universe: Audience,
    channel: str,
    purpose: str,
    rank_by: str | None,
    limit: int | None,
    per_household: int | None,
    per_phone: int | None,
    cooldown_days: int | None,
    columns: Iterable[str] | Mapping[str, str],
) -> CallList:
    """Return who of a universe may be reached; see `Universe.call_list`."""
    check_scalar(channel, "channel", choices=list(MEANS))
    check_scalar(purpose, "purpose", choices=list(PURPOSES))
    counts = {"limit": limit, "per_household": per_household, "per_phone": per_phone, "cooldown_days": cooldown_days}
    for name, value in counts.items():
        check_scalar(value, name, typ=int, ge=1 if name.startswith("per_") else 0, optional=True)
    rank = universe.number("NULL::DOUBLE" if rank_by is None else rank_by)
    if rank_by is not None:
        _refuse_other_contacts("rank_by", rank, channel)
    also = _columns(universe, channel, columns)
    restricted = universe.restricted.union(rank.restricted, *(column.restricted for column in also.values()))
    refuse_soliciting(purpose, restricted, "Make the list without it.")
    refuse_panel_reports(purpose, restricted)
    universe.matched(rank, *also.values())
    for warning in rank.warnings:
        warnings.warn(f"The list ranks by {rank_by}: {warning}", stacklevel=3)
    steps = [*_exclusions(universe, channel, cooldown_days), *_caps(channel, per_household, per_phone, limit)]
    table, counted, built = _run(universe, channel, rank.sql, steps, also)
    for name in also:
        _refuse_what_looks_like_contacts(name, table[name], channel)
    funnel = _funnel(universe, counted, steps)
    return CallList(table, funnel, channel, purpose, universe, rank_by, rank.warnings, built)


def _columns(universe: Audience, channel: str, columns: Iterable[str] | Mapping[str, str]) -> dict[str, Translated]:
    """Return the columns asked for that the channel does not bring by itself."""
    shown = {"place", "person_id", "rank_value", *_SHOWN[MEANS[channel]].split(", ")}
    named = named_features(columns)
    if taken := [name for name, expression in named.items() if name in shown and expression != name]:
        raise BadValue(f"columns: the list has a column {taken[0]!r} already; give yours another name.")
    translated = {name: universe.translated(text) for name, text in named.items() if name not in shown}
    for name, column in translated.items():
        _refuse_other_contacts(f"columns: {name!r}", column, channel)
    return translated


def _refuse_other_contacts(what: str, expression: Translated, channel: str) -> None:
    """Refuse phones, e-mail and home addresses beside those of the list's own channel: they may be closed."""
    if others := expression.columns & {*MEANS.values()} - {MEANS[channel]}:
        raise BadValue(
            f"{what} holds {listed(sorted(others))}, by which some on a {channel} list may not be reached; make a list "
            "of that channel."
        )


def _refuse_what_looks_like_contacts(name: str, column: pl.Series, channel: str) -> None:
    """Refuse a column of one's own that holds phones or e-mail addresses: nothing says which of them are closed."""
    known = column.drop_nulls().head(MOST_LOOKED_AT)
    if known.dtype.is_float():
        known = known.cast(pl.Int64, strict=False).drop_nulls()
    texts = known.cast(pl.String, strict=False).drop_nulls().str.strip_chars().to_list()
    if share_of(("email", "phone"), texts) < CONTACTS:
        return
    raise BadValue(
        f"columns: {name!r} holds what looks like phone numbers or e-mail addresses, and nothing says which may be "
        "used; map the column to the person's own in the layout and make a list of that channel (this one is of "
        f"{channel!r})."
    )


@dataclass(frozen=True)
class _Step:
    """One step of the funnel: a condition under which a person falls out, or a cap on a place in an order."""

    name: str
    condition: str = ""
    cap: int | None = None
    within: str = ""  # what the cap is counted within; "" with a cap: the whole list


def _exclusions(universe: Audience, channel: str, cooldown_days: int | None) -> list[_Step]:
    as_of = quote_literal(universe.as_of)
    steps = [_Step(f"no {MEANS[channel]}", f"p.{MEANS[channel]} IS NULL")]
    also = {"confidential": "coalesce(p.confidential, false) OR "}
    steps += [_Step(r, f"{also.get(r, '')}{quote_literal(r)} IN (s.reason, k.reason)") for r in REASONS]
    steps.append(_Step("suppressed for another reason", "coalesce(s.reason, k.reason) IS NOT NULL"))
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
    if per_phone is not None and MEANS[channel] == "phone":
        caps.append(_Step(f"more than {per_phone} with a phone", cap=per_phone, within="contact"))
    if limit is not None:
        caps.append(_Step(f"{_BEYOND}{limit:,}", cap=limit))
    return caps


def _run(
    universe: Audience, channel: str, rank: str, steps: list[_Step], also: dict[str, Translated]
) -> tuple[pl.DataFrame, dict[int, int], datetime | None]:
    """Return the list, how many people fell out at each step, by its number, and when the megafile was built."""
    falls = " ".join(f"WHEN {s.condition} THEN {i}" for i, s in enumerate(steps) if s.cap is None)
    with shown("call_list", "taking out who may not be reached"), universe.megafile.cursor() as cursor:
        create(cursor, "work_flagged", _flagged(universe, channel, falls))
        fell = cursor.execute("SELECT fell, count(*) FROM work_flagged WHERE fell >= 0 GROUP BY fell").fetchall()
        create(cursor, "work_reachable", _ranked(rank))
        counted, left = dict(fell), _size(cursor)
        for number, step in enumerate(steps):
            if step.cap is not None:
                within = f"PARTITION BY {step.within}" if step.within else ""
                order = f"row_number() OVER ({within} ORDER BY rank DESC NULLS LAST, tie)"
                create(cursor, "work_reachable", f"SELECT * FROM work_reachable QUALIFY {order} <= {step.cap}")
                counted[number], left = left - _size(cursor), _size(cursor)
        asked = "".join(f", {column.sql} AS {quote_identifier(name)}" for name, column in also.items())
        table = cursor.sql(f"""
            SELECT row_number() OVER (ORDER BY rank DESC NULLS LAST, tie) AS place, p.person_id, rank AS rank_value,
                   {_SHOWN[MEANS[channel]]}{asked}
            FROM work_reachable JOIN person p USING (person_id) ORDER BY place""").pl()
        drop(cursor, "work_reachable", "work_flagged")
        built = built_at(cursor)
    return table, counted, built


def _size(cursor: duckdb.DuckDBPyConnection) -> int:
    return cursor.sql("SELECT count(*) FROM work_reachable").fetchall()[0][0]


def _flagged(universe: Audience, channel: str, falls: str) -> str:
    """Return a query of the universe's people with the number of the first step at which each falls out.

    Refusals count whatever the universe's date: a list is for now. The universe's SQL comes first, so that it stands by
    itself: what follows sees only ids.
    """
    as_of, named, means = quote_literal(universe.as_of), quote_literal(channel), MEANS[channel]
    return f"""
        WITH u AS (SELECT p.person_id FROM person p WHERE {universe.where}),
        s AS (
            SELECT person_id, arg_min(reason, {in_order("reason")}) AS reason FROM suppression
            WHERE channel IN ({named}, 'all') AND until IS NULL GROUP BY person_id
        ), k AS (
            SELECT point, arg_min(reason, {in_order("reason")}) AS reason FROM closed_contact_point
            WHERE channel = {named} AND until IS NULL GROUP BY point
        ), t AS (
            SELECT person_id, {LAST_TEXT_ANSWER} AS answer FROM text_optin
            WHERE answered_on <= {as_of} GROUP BY person_id
        ), c AS (
            SELECT person_id, max(contacted_on) AS last FROM contact
            WHERE channel = {named} AND contacted_on <= {as_of} GROUP BY person_id
        )
        SELECT p.person_id, p.household_id, p.{means} AS contact, CASE {falls} END AS fell
        FROM u JOIN person p USING (person_id) LEFT JOIN s ON s.person_id = p.person_id
        LEFT JOIN k ON k.point = p.{means} LEFT JOIN t ON t.person_id = p.person_id
        LEFT JOIN c ON c.person_id = p.person_id"""


def _ranked(rank: str) -> str:
    """Return a query of those left with their rank and what decides ties, both dear and so of those left alone."""
    left = "SELECT person_id FROM work_flagged WHERE fell IS NULL"
    return f"""
        WITH r AS (SELECT p.person_id, ({rank})::DOUBLE AS rank FROM person p WHERE p.person_id IN ({left}))
        SELECT f.* EXCLUDE (fell), r.rank, md5_number_lower(f.person_id::VARCHAR) AS tie
        FROM work_flagged f JOIN r USING (person_id)"""


def _funnel(universe: Audience, counted: dict[int, int], steps: list[_Step]) -> pl.DataFrame:
    start = universe.count()
    removed = [0, *(counted.get(number, 0) for number in range(len(steps)))]
    table = pl.DataFrame({"step": ["in the universe", *(step.name for step in steps)], "removed": removed})
    return table.with_columns((start - pl.col("removed").cum_sum()).alias("left"))
