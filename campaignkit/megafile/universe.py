"""Who: an audience said in a line, counted at once, put together from others, and used anywhere a table is."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from campaignkit.cells import cells
from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue, listed, nearest
from campaignkit.megafile import tables
from campaignkit.megafile.breakdown import Breakdown, break_down
from campaignkit.megafile.lists import CallList, make_call_list
from campaignkit.megafile.predicates import Translated, translate
from campaignkit.sql import quote_identifier, quote_literal
from campaignkit.tables import check_columns

if TYPE_CHECKING:
    from campaignkit.megafile.store import Megafile

__all__ = ["Universe"]

VOCABULARY = 200  # values of a column, above which it has none: names, places, ids


@dataclass(frozen=True, eq=False, repr=False)
class Universe:
    """Some people of a megafile, as of a date. Immutable and lazy: nothing is counted until asked.

    Made by `Megafile.universe`; put together with ``&`` (both), ``|`` (either) and ``-`` (the first but not
    the second), which need the same megafile and date. A predicate that is null for a person is not true.

    Attributes
    ----------
    as_of : date
        What it knows: gifts, votes, contacts and other facts dated later do not exist. A person's own
        attributes are the megafile's latest.
    where : str
        The condition, as SQL over `person` (called p) and the fact tables.
    restricted : frozenset of str
        What it uses that may not serve soliciting, such as ``fec_gifts``.

    Examples
    --------
    >>> import campaignkit as ck
    >>> mf = ck.sample.megafile()
    >>> women = mf.universe("age between 40 and 49", sex="F")
    >>> donors = mf.universe("donor")
    >>> (women & donors).count() + (women - donors).count() == women.count()
    True
    """

    megafile: Megafile
    as_of: date
    where: str
    said: str
    restricted: frozenset[str] = frozenset()

    def __and__(self, other: Universe) -> Universe:
        """Return the people in both."""
        return self._with(other, f"({self.where}) AND ({other.where})", f"{_part(self.said)} and {_part(other.said)}")

    def __or__(self, other: Universe) -> Universe:
        """Return the people in either."""
        either = f"coalesce({self.where}, false) OR coalesce({other.where}, false)"
        return self._with(other, either, f"{_part(self.said)} or {_part(other.said)}")

    def __sub__(self, other: Universe) -> Universe:
        """Return the people in this one and not in the other."""
        without = f"({self.where}) AND NOT coalesce({other.where}, false)"
        return self._with(other, without, f"{_part(self.said)} but not {_part(other.said)}")

    def _with(self, other: Universe, where: str, said: str) -> Universe:
        if other.megafile is not self.megafile or other.as_of != self.as_of:
            raise BadValue("Universes are put together only within one megafile and as of one date.")
        return replace(self, where=where, said=said, restricted=self.restricted | other.restricted)

    @property
    def sql(self) -> str:
        """The query that gives their person_id, whole: it can be copied and run as it is.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.universe(state="OH").sql
        'SELECT p.person_id FROM person p WHERE (p."state" = \\'OH\\')'
        """
        return f"SELECT p.person_id FROM person p WHERE {self.where}"

    def count(self) -> int:
        """Return how many people they are.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.universe("donor", "not donor").count()
        0
        """
        return self.megafile.sql(f"SELECT count(*) FROM person p WHERE {self.where}").item()

    def relation(self) -> duckdb.DuckDBPyRelation:
        """Return them as a DuckDB relation: person's columns, with age and age_band, one row a person.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.universe(state="OH").relation().aggregate("min(state), max(state)").fetchall()
        [('OH', 'OH')]
        """
        return self.megafile.relation(self._select(["age", "age_band"], also="p.*"))

    def people(self, *columns: str) -> pl.DataFrame:
        """Return columns of them, in order of person_id.

        Parameters
        ----------
        *columns : str
            Columns of person, attributes such as ``age``, or facts such as ``gifts('90d')``. None: all of
            person's.

        Raises
        ------
        ColumnNotFound
            If there is no such column or fact.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.universe(state="OH").people("person_id", "age", "gifts('90d')").columns
        ['person_id', 'age', 'gifts_90d']
        """
        query = self._select(list(columns)) if columns else self._select([], also="p.*")
        return self.megafile.sql(f"{query} ORDER BY p.person_id")

    def sample(self, n: int, seed: int = 0, columns: Iterable[str] = ()) -> pl.DataFrame:
        """Return `n` of them drawn at random, the same for the same seed; all where there are fewer.

        Parameters
        ----------
        n : int
            How many.
        seed : int
            Another seed, other people.
        columns : iterable of str
            As in `people`; empty: name, sex, age, city, state.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> ohio = mf.universe(state="OH")
        >>> ohio.sample(5, seed=1).equals(ohio.sample(5, seed=1)), ohio.sample(5).height
        (True, 5)
        """
        shown = list(columns) or ["person_id", "first_name", "last_name", "sex", "age", "city", "state"]
        drawn = f"ORDER BY sha256(p.person_id::VARCHAR || {quote_literal(f'|{int(seed)}')}), p.person_id LIMIT {int(n)}"
        return self.megafile.sql(f"{self._select(shown)} {drawn}")

    def features(self, features: Iterable[str] | Mapping[str, str]) -> duckdb.DuckDBPyRelation:
        """Return one row a person with the named facts, none of them from after the universe's date.

        Parameters
        ----------
        features : iterable of str, or mapping of str to str
            Columns of person, attributes, or facts such as ``gifts('90d')`` and ``voted_in('2008-11-04')``;
            a mapping names them, otherwise ``gifts('90d')`` becomes ``gifts_90d``.

        Returns
        -------
        DuckDB relation
            person_id, household_id, and the features; nothing is read until it is asked for.

        Raises
        ------
        ColumnNotFound
            If there is no such column or fact.
        BadValue
            If two features would have one name.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> before = mf.universe("donor", as_of="2012-06-30").features({"given": "gifts('90d')", "age": "age"})
        >>> before.columns
        ['person_id', 'household_id', 'given', 'age']
        """
        return self.megafile.relation(self._select(features, also="p.person_id, p.household_id"))

    def by(self, *columns: str, measures: Iterable[str] = ()) -> Breakdown:
        """Break them down by columns.

        Parameters
        ----------
        *columns : str
            Columns of person, attributes or facts.
        measures : iterable of str
            Facts to average in each group, such as ``gave('90d')`` or ``gifts('365d')``.

        Returns
        -------
        Breakdown
            One row a group (and measure).

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> found = mf.universe("donor").by("sex", measures=["gifts('365d')"])
        >>> found.table.columns
        ['sex', 'measure', 'n', 'estimate', 'lower', 'upper']
        """
        if not columns:
            raise BadValue("Say what to break down by: .by('region').")
        names = named_features(columns)
        averaged = named_features(measures)
        return break_down(
            self.megafile.relation(self._select(names | averaged)), list(names), list(averaged), self.said
        )

    def call_list(
        self,
        channel: str,
        purpose: str,
        *,
        rank_by: str | None = None,
        limit: int | None = None,
        per_household: int | None = 1,
        per_phone: int | None = 1,
        cooldown_days: int | None = 7,
    ) -> CallList:
        """Return who of them may be reached on a channel, best first.

        Left out, and counted in `.funnel`: people without the means of contact, the deceased, the confidential,
        the moved (door, mail), wrong numbers (phone, text), those who refused or unsubscribed on this very channel
        (somebody off the e-mail list may be called), for texts everyone whose last answer is not a yes, and
        whoever was tried on the channel within the cooldown. Ties in rank are broken by a hash of person_id: the
        same call gives the same list.

        FEC reports bar their rows from soliciting. What was built from `fec_gift` is followed through universes,
        ranks and scores of this megafile, and refused for fundraising. It can't be followed through a table that
        was taken out with `mf.sql`, or any other file: say so yourself with `mf.universe_of(table, restricted=…)`.

        Parameters
        ----------
        channel : str
            phone, door, text, mail or email.
        purpose : str
            What for: fundraise, persuade, turnout or volunteer.
        rank_by : str or None
            A column, attribute or fact, highest first: ``"score('turnout')"``, ``"gifts('365d')"``. None: in no
            order but a repeatable one.
        limit : int or None
            How many people at the most. None: all.
        per_household, per_phone : int or None
            How many people at the most in a household, and (phone, text) with one number. None: no cap.
        cooldown_days : int or None
            Days in which nobody is tried again on the channel. None or 0: no cooldown.

        Returns
        -------
        CallList

        Raises
        ------
        SourceRestricted
            If the purpose is fundraising and the universe or the rank uses what FEC reports say.
        BadValue
            If a channel, purpose or number can't be right.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> tonight = mf.universe("donor", state="OH").call_list("phone", purpose="volunteer", limit=50)
        >>> tonight.table.height, tonight.funnel["left"][-1]
        (50, 50)
        """
        return make_call_list(self, channel, purpose, rank_by, limit, per_household, per_phone, cooldown_days)

    def hashed(self, kind: str) -> pl.DataFrame:
        """Return their e-mail addresses or phones hashed as ad platforms ask: normalised, unsalted SHA-256.

        Anybody can hash a list of addresses and compare: this hides nothing from who has one. For pseudonyms to be
        used inside the campaign see `pseudonyms`. The confidential and the deceased are left out.

        Parameters
        ----------
        kind : str
            ``"email"`` (trimmed, lower case) or ``"phone"`` (digits with the country code, no plus sign).

        Returns
        -------
        DataFrame
            One column, ``email_sha256`` or ``phone_sha256``, lower hex, each value once, in no telling order.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.universe("donor", state="OH").hashed("email").columns
        ['email_sha256']
        """
        check_scalar(kind, "kind", choices=("email", "phone"))
        return self.megafile.sql(f"""
            SELECT DISTINCT sha256(ltrim(p.{kind}, '+')) AS {kind}_sha256 FROM person p
            WHERE ({self.where}) AND p.{kind} IS NOT NULL AND NOT coalesce(p.confidential, false)
              AND NOT EXISTS (SELECT 1 FROM suppression s WHERE s.person_id = p.person_id AND s.channel = 'all')
            ORDER BY 1""")

    def pseudonyms(self, salt: str) -> pl.DataFrame:
        """Return person_id with a salted SHA-256 of it: names for use inside the campaign, useless outside.

        Parameters
        ----------
        salt : str
            A secret; another salt gives other pseudonyms.

        Returns
        -------
        DataFrame
            person_id and pseudonym (lower hex).

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.universe(state="OH").pseudonyms(salt="kept secret").columns
        ['person_id', 'pseudonym']
        """
        check_scalar(salt, "salt", typ=str)
        return self.megafile.sql(
            f"SELECT p.person_id, sha256(? || '|' || p.person_id::VARCHAR) AS pseudonym FROM person p "
            f"WHERE {self.where} ORDER BY p.person_id",
            [salt],
        )

    def translated(self, expression: str) -> Translated:
        """Return a feature as SQL over `p`, and the restricted facts it uses.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> sorted(mf.universe().translated("fec_gifts()").restricted)
        ['fec_gifts']
        """
        return translate(self.megafile, expression, self.as_of)

    def _select(self, features: Iterable[str] | Mapping[str, str], also: str = "") -> str:
        named = named_features(features)
        parts = [also] if also else []
        for name, expression in named.items():
            parts.append(f"{translate(self.megafile, expression, self.as_of).sql} AS {quote_identifier(name)}")
        return f"SELECT {', '.join(parts)} FROM person p WHERE {self.where}"

    def __repr__(self) -> str:
        """Say who they are and how many."""
        return f"{self.count():,} people: {self.said} (as of {self.as_of})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def _part(said: str) -> str:
    """Return what a universe says, in brackets where it would be misread beside another."""
    return f"({said})" if " or " in said or " but not " in said else said


def named_features(features: Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    """Return expressions by the column name each gets.

    Examples
    --------
    >>> named_features(["age", "gifts('90d')", "voted_in('2008-11-04')"])
    {'age': 'age', 'gifts_90d': "gifts('90d')", 'voted_in_2008_11_04': "voted_in('2008-11-04')"}
    """
    if isinstance(features, str):
        raise BadValue(f"Pass a list of features: [{features!r}].")
    if isinstance(features, Mapping):
        return dict(features)
    listed = list(features)
    named = {re.sub(r"\W+", "_", text).strip("_"): text for text in listed}
    if len(named) < len(set(listed)):
        raise BadValue("Two features would have one name; pass a mapping of names to features.")
    return named


def make_universe(
    megafile: Megafile, predicates: tuple[str, ...], as_of: date | str | None, equals: dict[str, Any]
) -> Universe:
    """Return the universe that some predicates and equalities say; see `Megafile.universe`."""
    day = _day(as_of, megafile.as_of)
    for name, value in equals.items():
        _check_vocabulary(megafile, name, value)
    said = [*predicates, *(_equality(name, value) for name, value in equals.items())]
    parts = [translate(megafile, text, day) for text in said]
    where = " AND ".join(f"({part.sql})" for part in parts) or "true"
    try:
        megafile.sql(f"SELECT 1 FROM person p WHERE {where} LIMIT 0")
    except duckdb.Error as error:
        raise BadValue(f"{' and '.join(said)}: {error}") from error
    restricted = frozenset[str]().union(*(part.restricted for part in parts))
    return Universe(megafile, day, where, " and ".join(map(_part, said)) or "everyone", restricted)


def universe_of(megafile: Megafile, people: Any, restricted: frozenset[str], as_of: date | str | None) -> Universe:
    """Return the people of a table as a universe; see `Megafile.universe_of`."""
    if isinstance(people, Iterable) and not hasattr(people, "columns"):
        people = pl.DataFrame({"person_id": list(people)}, schema={"person_id": pl.Int64})
    check_columns(people, "person_id")
    ids = cells(people, "person_id")["person_id"].drop_nulls().to_list()
    inside = f"p.person_id IN ({', '.join(str(int(one)) for one in ids)})" if ids else "false"
    return Universe(megafile, _day(as_of, megafile.as_of), inside, f"{len(ids):,} people of a table", restricted)


def _day(as_of: date | str | None, latest: date) -> date:
    try:
        day = latest if as_of is None else as_of if isinstance(as_of, date) else date.fromisoformat(as_of)
    except ValueError as error:
        raise BadValue(f"as_of is a date like '2012-09-01', not {as_of!r}.") from error
    if day > latest:
        raise BadValue(f"The megafile knows nothing after {latest}; as_of={day} is later.")
    return day


def _check_vocabulary(megafile: Megafile, column: str, value: Any) -> None:
    """Refuse a text that nobody has in a column of few values: it would be an audience of nobody, silently."""
    given = [one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, str)]
    if not given or column not in tables.columns_of("person"):
        return
    name = quote_identifier(column)
    query = f"SELECT DISTINCT {name}::VARCHAR AS value FROM person WHERE {name} IS NOT NULL LIMIT {VOCABULARY + 1}"
    known = sorted(megafile.sql(query)["value"])
    if not known or len(known) > VOCABULARY:
        return
    for one in given:
        if one not in known:
            raise BadValue(f"{column}={one!r}: nobody has that{nearest(one, known)} There is: {listed(known)}.")


def _equality(name: str, value: Any) -> str:
    column = name if name.isidentifier() else quote_identifier(name)
    if value is None:
        return f"{column} IS NULL"
    return f"{column} {'IN' if isinstance(value, list | tuple) else '='} {quote_literal(value)}"
