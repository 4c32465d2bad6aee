"""The tables of a VAN pipeline, joined into what a megafile reads: people, contacts, answers, codes, shifts."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

import polars as pl

from campaignkit.errors import BadValue, ColumnNotFound, listed
from campaignkit.tables import open_table

#: The tables that are read, each with the columns read of it; those after the bar may be missing.
_READ = {
    "contacts": "vanid firstname lastname | statecode middlename sex dob emailid maddressid phoneid",
    "contactsemails": "contactsemailid email",
    "contactsaddresses": "contactsaddressid | addressline1 city state zip5",
    "contactsphones": "contactsphoneid phone",
    "contactscontacts": "contactscontactid vanid datecanvassed resultid contacttypeid | canvassedby statecode",
    "results": "resultid resultshortname",
    "contacttypes": "contacttypeid contacttypename",
    "users": "userid username",
    "contactssurveyresponses":
        "contactssurveyresponseid vanid datecanvassed surveyquestionid surveyresponseid | statecode",
    "surveyquestions": "surveyquestionid surveyquestionname",
    "surveyresponses": "surveyresponseid surveyresponsename",
    "contactsactivistcodes": "contactsactivistcodeid vanid activistcodeid datecreated | statecode",
    "activistcodes": "activistcodeid activistcodename",
    "eventsignups": "eventsignupid vanid eventid datetimeoffsetbegin | datetimeoffsetend datesuppressed statecode",
    "eventsignupsstatuses": "eventsignupid eventstatusname datemodified",
    "events": "eventid eventname | datesuppressed",
}  # fmt: skip
_BY_LENGTH = sorted(_READ, key=len, reverse=True)
_Tables = Mapping[str, pl.DataFrame]
_SIDE = {"mym": "My Campaign", "myv": "My Voters", "vf": "My Voters"}


def van_pipeline(tables: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """Return what `Megafile.build` reads of a VAN pipeline's tables: code numbers in words, one row per record.

    The pipeline copies VAN into a warehouse as tables that speak in code numbers. Their names are known with any
    prefix, with and without underscores, and with the endings _mym (My Campaign), _myv and _vf (My Voters):
    ``tsm_nextgen_contactscontacts_mym``, ``CTARAA_ContactsContacts_VF``. VANIDs of My Campaign and of My Voters number
    different people: the former get keys of their own, ``MyCampaign 17``, and no VanID to write lists with. Where a
    table has a StateCode, the key is the state and the VANID, as a layout's ``key = ["State", "VanID"]`` makes it.

    Parameters
    ----------
    tables : mapping of str to table
        Any of these, by the warehouse's name: Contacts, ContactsEmails, ContactsAddresses, ContactsPhones;
        ContactsContacts with Results, ContactTypes and, if wanted, Users;
        ContactsSurveyResponses with SurveyQuestions and SurveyResponses; ContactsActivistCodes with ActivistCodes;
        EventSignups with EventSignupsStatuses and Events. They are held in memory while they are joined.

    Returns
    -------
    dict of str to DataFrame
        ``van people``, ``van contact history``, ``van survey responses``, ``van activist codes``, ``van shifts``, as
        far as their tables are there. Rows that VAN has suppressed are left out; shifts are those completed.

    Raises
    ------
    BadValue
        If none of the tables is known, two are the same one, a table of codes is missing, or tables of My Campaign
        and My Voters come together where they can't be told apart.
    ColumnNotFound
        If a table lacks a column that is needed.

    Notes
    -----
    Warns of a table that is not read. VAN's suppressions and opt-outs stand in none of these tables but as results of
    contacts: bring its list of them as an export of its own. Tables and columns are those of public campaign queries.

    Examples
    --------
    >>> import polars as pl
    >>> history = van_pipeline({
    ...     "tsm_nextgen_contactscontacts_vf": pl.DataFrame({
    ...         "contactscontactid": [1], "vanid": [17], "datecanvassed": ["2012-10-01 18:30:00"], "resultid": [14],
    ...         "contacttypeid": [2]}),
    ...     "tsm_nextgen_results": pl.DataFrame({"resultid": [14], "resultshortname": ["Canvassed"]}),
    ...     "tsm_nextgen_contacttypes": pl.DataFrame({"contacttypeid": [2], "contacttypename": ["Walk"]}),
    ... })
    >>> history["van contact history"].drop("contactscontactid").row(0, named=True)
    {'van_key': '17', 'result': 'Canvassed', 'contact_type': 'Walk', 'contacted_on': '2012-10-01', 'contacted_by': None}
    """
    by_side: dict[str, dict[str, pl.DataFrame]] = {}
    unread = []
    for name, data in tables.items():
        known, side = _known_as(name)
        if known is None:
            unread.append(name)
            continue
        held = by_side.setdefault(side, {})
        if known in held:
            raise BadValue(f"{name!r} is one more table {known!r}; pass each once.")
        held[known] = _opened(name, known, data)
    if not by_side:
        raise BadValue(f"None of {listed(map(repr, tables))} is a table of VAN's pipeline: {listed(_READ, most=20)}.")
    if unread:
        warnings.warn(f"Not read, because the pipeline has no such tables: {listed(unread)}.", stacklevel=2)
    codes = by_side.pop("", {})
    if not by_side:
        return _joined(codes, "")
    parts = [_joined(codes | held, side) for side, held in by_side.items()]
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: pl.concat([part[name] for part in parts if name in part], how="diagonal") for name in names}


def _known_as(name: str) -> tuple[str | None, str]:
    """Return which of the pipeline's tables a name means, and its side: My Campaign, My Voters, or neither.

    Examples
    --------
    >>> _known_as("van.tsm_nextgen_contacts_survey_responses_mym"), _known_as("CTARAA_Results"), _known_as("turf")
    (('contactssurveyresponses', 'My Campaign'), ('results', ''), (None, ''))
    """
    words = re.sub(r"[^a-z0-9]", "", name.lower().rpartition(".")[2])
    side = next((ending for ending in _SIDE if words.endswith(ending)), "")
    stem = words.removesuffix(side)
    return next((known for known in _BY_LENGTH if stem.endswith(known)), None), _SIDE.get(side, "")


def _opened(name: str, known: str, data: Any) -> pl.DataFrame:
    """Return a table's columns that are read, as text, named without underscores; those it lacks are null."""
    frame = open_table(data)
    of = {re.sub(r"[^a-z0-9]", "", column.lower()): column for column in frame.collect_schema().names()}
    needed, _, may = _READ[known].partition("|")
    for column in needed.split():
        if column not in of:
            raise ColumnNotFound(column, of, where=f"the table {name!r}")
    read = [column for column in (*needed.split(), *may.split()) if column in of]
    table = frame.lazy().select(*(of[column] for column in read)).collect("polars").to_native()
    nulls = [pl.lit(None, pl.String).alias(column) for column in may.split() if column not in of]
    return table.rename(dict(zip(table.columns, read, strict=True))).select(pl.all().cast(pl.String), *nulls)


def _joined(held: _Tables, side: str) -> dict[str, pl.DataFrame]:
    """Return the tables that can be made of one side's."""
    makers = {
        "van people": ("contacts", _people),
        "van contact history": ("contactscontacts", _contacts),
        "van survey responses": ("contactssurveyresponses", _answers),
        "van activist codes": ("contactsactivistcodes", _activist_codes),
        "van shifts": ("eventsignups", _shifts),
    }
    in_state = pl.coalesce(pl.format("{}|{}", "statecode", "vanid"), "vanid")
    key = pl.format("MyCampaign {}", "vanid") if side == "My Campaign" else in_state
    made = {}
    for name, (main, maker) in makers.items():
        if main in held:
            made[name] = maker(held, held[main].with_columns(van_key=key))
    return made


def _with_words(
    held: _Tables, rows: pl.DataFrame, codes: str, on: str, code: str | None = None, optional: bool = False
) -> pl.DataFrame:
    """Join a table of codes by the rows' column `on`; its own is named `code`, if otherwise.

    A code that the table lacks stays as its number, ``resultid 14``: a build reports it as a word it does not know.
    """
    if codes in held:
        words = held[codes].unique(code or on, keep="any")
        joined = rows.join(words, left_on=on, right_on=code or on, how="left", suffix=f"_{codes}")
        named = [] if optional else [name for name in words.columns if name.endswith("name")]
        return joined.with_columns(pl.coalesce(name, pl.format("{} {}", pl.lit(on), on)).alias(name) for name in named)
    if not optional:
        raise BadValue(f"There are {on}s but no table {codes!r} that says what they mean; pass it too.")
    if rows[on].null_count() < rows.height:
        warnings.warn(f"There are {on}s but no table {codes!r}: what it says of them is left out.", stacklevel=5)
    missing = [column for column in _READ[codes].replace("|", "").split() if column not in rows.columns]
    return rows.with_columns(pl.lit(None, pl.String).alias(column) for column in missing)


def _day(column: str) -> pl.Expr:
    return pl.col(column).str.slice(0, 10)


def _people(held: _Tables, rows: pl.DataFrame) -> pl.DataFrame:
    rows = _with_words(held, rows, "contactsemails", "emailid", "contactsemailid", optional=True)
    rows = _with_words(held, rows, "contactsaddresses", "maddressid", "contactsaddressid", optional=True)
    rows = _with_words(held, rows, "contactsphones", "phoneid", "contactsphoneid", optional=True)
    van_id = pl.when(~pl.col("van_key").str.starts_with("MyCampaign")).then("vanid")
    return rows.select(
        "van_key", van_id.alias("van_id"), "firstname", "middlename", "lastname", "sex", _day("dob"), "phone", "email",
        "addressline1", "city", "state", "zip5", van_state=pl.coalesce("statecode", "state"),
    )  # fmt: skip


def _contacts(held: _Tables, rows: pl.DataFrame) -> pl.DataFrame:
    rows = _with_words(held, rows, "results", "resultid")
    rows = _with_words(held, rows, "contacttypes", "contacttypeid")
    rows = _with_words(held, rows, "users", "canvassedby", "userid", optional=True)
    return rows.select(
        "contactscontactid", "van_key", result="resultshortname", contact_type="contacttypename",
        contacted_on=_day("datecanvassed"), contacted_by=pl.coalesce("username", "canvassedby"),
    )  # fmt: skip


def _answers(held: _Tables, rows: pl.DataFrame) -> pl.DataFrame:
    rows = _with_words(held, rows, "surveyquestions", "surveyquestionid")
    rows = _with_words(held, rows, "surveyresponses", "surveyresponseid")
    return rows.select(
        "contactssurveyresponseid", "van_key", asked_on=_day("datecanvassed"), question="surveyquestionname",
        answer="surveyresponsename",
    )  # fmt: skip


def _activist_codes(held: _Tables, rows: pl.DataFrame) -> pl.DataFrame:
    return _with_words(held, rows, "activistcodes", "activistcodeid").select(
        "contactsactivistcodeid", "van_key", given_on=_day("datecreated"), activist_code="activistcodename"
    )


def _shifts(held: _Tables, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the shifts whose last status is that they were completed, with their hours where both ends are known."""
    rows = _with_words(held, rows, "events", "eventid").filter(
        pl.col("datesuppressed").is_null() & pl.col("datesuppressed_events").is_null()
    )
    if "eventsignupsstatuses" not in held:
        raise BadValue("The table 'eventsignups' does not say who came: pass the table 'eventsignupsstatuses' too.")
    statuses = held["eventsignupsstatuses"].sort("datemodified").unique("eventsignupid", keep="last")
    completed = statuses.filter(pl.col("eventstatusname") == "Completed")
    begun, ended = (pl.col(f"datetimeoffset{end}").str.slice(0, 19).str.replace("T", " ") for end in ("begin", "end"))
    hours = (ended.str.to_datetime(strict=False) - begun.str.to_datetime(strict=False)).dt.total_minutes() / 60
    return rows.join(completed, on="eventsignupid").select(
        "eventsignupid", "van_key", shift_on=begun.str.slice(0, 10), activity="eventname", hours=hours.cast(pl.String)
    )
