"""Who: an audience said in a line, counted at once, put together from others, and used anywhere a table is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import polars as pl

from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue
from campaignkit.megafile.audience import Audience, bracketed
from campaignkit.megafile.breakdown import Breakdown, break_down, split_sums
from campaignkit.megafile.call_list import CallList, make_call_list
from campaignkit.megafile.export.van_scores import write_van_scores
from campaignkit.megafile.predicates import named_features
from campaignkit.megafile.storage.opening import reading
from campaignkit.restrictions import remember
from campaignkit.sql import quote_identifier, quote_literal

__all__ = ["Universe"]


@dataclass(frozen=True, eq=False, repr=False)
class Universe(Audience):
    """Some people of a megafile, as of a date. Immutable and lazy: nothing is counted until asked.

    Made by `Megafile.universe`; put together with ``&`` (both), ``|`` (either) and ``-`` (the first but not
    the second), which need the same megafile and date. A predicate that is null for a person is not true.

    Attributes
    ----------
    as_of : date
        What it knows: gifts, votes, contacts and other facts dated later do not exist. A person's own
        attributes are the megafile's latest.
    description : str
        The predicates, as they were written.
    where : str
        The condition, as SQL over `person` (called p) and the fact tables.
    restricted : frozenset of str
        What it uses that may not serve soliciting, such as ``fec_gifts``; ``untraced``: ids or a table from outside.
    unmatched : tuple of str
        A sentence for each value that its predicates compare a column with and that nobody has. It was warned of when
        the universe was made; no list is made of it.

    Examples
    --------
    >>> import campaignkit as ck
    >>> mf = ck.sample.megafile()
    >>> women = mf.universe("age between 40 and 49", sex="F")
    >>> donors = mf.universe("donor")
    >>> (women & donors).count() + (women - donors).count() == women.count()
    True
    """

    def __and__(self, other: Universe) -> Universe:
        """Return the people in both."""
        return self._with(
            other,
            f"({self.where}) AND ({other.where})",
            f"{bracketed(self.description)} and {bracketed(other.description)}",
        )

    def __or__(self, other: Universe) -> Universe:
        """Return the people in either."""
        either = f"coalesce({self.where}, false) OR coalesce({other.where}, false)"
        return self._with(other, either, f"{bracketed(self.description)} or {bracketed(other.description)}")

    def __sub__(self, other: Universe) -> Universe:
        """Return the people in this one and not in the other."""
        without = f"({self.where}) AND NOT coalesce({other.where}, false)"
        return self._with(other, without, f"{bracketed(self.description)} but not {bracketed(other.description)}")

    def _with(self, other: Universe, where: str, description: str) -> Universe:
        if other.megafile is not self.megafile or other.as_of != self.as_of:
            raise BadValue("Universes can be combined only within one megafile and as of one date.")
        return replace(
            self, where=where, description=description, restricted=self.restricted | other.restricted,
            unmatched=tuple(dict.fromkeys(self.unmatched + other.unmatched)),
        )  # fmt: skip

    def relation(self) -> duckdb.DuckDBPyRelation:
        """Return them as a DuckDB relation: person's columns, with age and age_band, one row per person.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.universe(state="OH").relation().aggregate("min(state), max(state)").fetchall()
        [('OH', 'OH')]
        """
        return self._relation(["age", "age_band"], "p.*")

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
        query, restricted = self._select(columns, "" if columns else "p.*")
        return remember(self._rows(f"{query} ORDER BY p.person_id"), restricted)

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
        query, restricted = self._select(shown)
        return remember(self._rows(f"{query} {drawn}"), restricted)

    def features(self, features: Iterable[str] | Mapping[str, str]) -> duckdb.DuckDBPyRelation:
        """Return one row per person with the named facts, none of them from after the universe's date.

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
        return self._relation(features, "p.person_id, p.household_id")

    def by(self, *columns: str, measures: Iterable[str] = ()) -> Breakdown:
        """Break them down by columns.

        Parameters
        ----------
        *columns : str
            Columns of person, attributes or facts.
        measures : iterable of str
            Facts to average in each group, such as ``gave('90d')`` or ``gifts('365d')``, or to add up:
            ``sum(gifts('365d'))``.

        Returns
        -------
        Breakdown
            One row per group (and measure).

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
        measured, sums = split_sums(named_features(measures))
        with reading(self.megafile.path, query=True):
            relation, facts = self._relation(names | measured), names | measured
            return break_down(relation, list(names), list(measured), self.description, sums, facts)

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
        columns: Iterable[str] | Mapping[str, str] = (),
    ) -> CallList:
        """Return who of them may be reached on a channel, best first.

        Left out, and counted in `.funnel`: people without the means of contact, the deceased, the confidential,
        the moved (door, mail), wrong numbers (phone, text), those who refused or unsubscribed on this very channel
        (somebody off the e-mail list may be called) and whoever shares a number or address that is closed, results that
        nobody mapped yet, for texts everyone whose last answer is not a yes, and whoever was tried on the channel
        within the cooldown. Refusals count whatever the universe's date: a list is for now. Ties in rank are broken by
        a hash of person_id: the same call gives the same list.

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
        columns : iterable of str, or mapping of str to str
            What else a sheet shows of each: columns, attributes, facts or scores, as in `features`; a mapping names
            them: ``{"age": "age", "gifts": "gifts()"}``. Phones, e-mail and home addresses are those of the list's
            channel alone: whoever may be called may have said no to e-mail.

        Returns
        -------
        CallList

        Raises
        ------
        SourceRestricted
            If the purpose is fundraising and the universe, the rank or a column uses what FEC reports say.
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
        with reading(self.megafile.path, query=True):
            return make_call_list(
                self, channel, purpose, rank_by, limit, per_household, per_phone, cooldown_days, columns
            )

    def write_van_scores(self, path: str | Path, scores: Iterable[str] | Mapping[str, str], purpose: str) -> list[Path]:
        """Write their scores as VAN imports them: a .csv with ``vanid`` and the scores, in one zip per state.

        Rows are streamed, so that any number of them takes the same memory. Left out, and counted in the manifest, are
        people without a VanID, with a score that is not known, whose record is confidential, or who may not be reached
        on any channel. A score is no list: make lists by it with `call_list`, which knows who
        said no to what.

        Parameters
        ----------
        path : str or Path
            A .zip; where they live in several states, its name gets the state's letters. A manifest lies beside it.
        scores : iterable of str, or mapping of str to str
            Columns, attributes or facts that are numbers, as in `features`: ``{"turnout": "score('turnout')"}``.
        purpose : str
            What for: fundraise, persuade, turnout or volunteer.

        Returns
        -------
        list of Path
            The files written, the manifest last.

        Raises
        ------
        SourceRestricted
            If the purpose is fundraising and the universe or a score uses what FEC reports say.
        BadValue
            If nobody is left, the file can't be written, or a newer megafile lies at the path (`Megafile.reopen`).

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         written = mf.universe("voter", state="OH").write_van_scores(f"{folder}/age.zip", ["age"], "turnout")
        ...         [path.name for path in written]
        ['age.zip', 'age.zip.manifest.json']
        """
        with reading(self.megafile.path, query=True):
            return write_van_scores(self, path, scores, purpose)

    def hashed(self, kind: str, purpose: str) -> pl.DataFrame:
        """Return their e-mail addresses or phones hashed as ad platforms ask: normalized, unsalted SHA-256.

        Anybody can hash a list of addresses and compare: this hides nothing from who has one. For pseudonyms to be
        used inside the campaign see `pseudonyms`. Whoever `call_list` leaves out for the channel and purpose is left
        out here: who unsubscribed is shown no ad by that address.

        Parameters
        ----------
        kind : str
            ``"email"`` (trimmed, lower case) or ``"phone"`` (digits with the country code, no plus sign).
        purpose : str
            What for: fundraise, persuade, turnout or volunteer.

        Returns
        -------
        DataFrame
            One column, ``email_sha256`` or ``phone_sha256``, lower hex, each value once, in no telling order.

        Raises
        ------
        SourceRestricted, BadValue
            As `call_list`.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.universe("donor", state="OH").hashed("email", purpose="persuade").columns
        ['email_sha256']
        """
        check_scalar(kind, "kind", choices=("email", "phone"))
        reached = self.call_list(kind, purpose, per_household=None, per_phone=None, cooldown_days=None).table
        addresses = reached[kind].str.strip_prefix("+").unique().to_list()
        hashes = sorted(hashlib.sha256(address.encode()).hexdigest() for address in addresses)
        return pl.DataFrame({f"{kind}_sha256": hashes}, schema={f"{kind}_sha256": pl.String})

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
        query = (
            f"SELECT p.person_id, sha256(? || '|' || p.person_id::VARCHAR) AS pseudonym FROM person p "
            f"WHERE {self.where} ORDER BY p.person_id"
        )
        return remember(self._rows(query, [salt]), self.restricted)

    def _select(self, features: Iterable[str] | Mapping[str, str], also: str = "") -> tuple[str, frozenset[str]]:
        """Return the query for some features, and what in it may not serve soliciting."""
        parts, restricted = [also] if also else [], self.restricted
        for name, expression in named_features(features).items():
            translated = self.translated(expression)
            parts.append(f"{translated.sql} AS {quote_identifier(name)}")
            restricted |= translated.restricted
        return f"SELECT {', '.join(parts)} FROM person p WHERE {self.where}", restricted

    def _relation(self, features: Iterable[str] | Mapping[str, str], also: str = "") -> duckdb.DuckDBPyRelation:
        query, restricted = self._select(features, also)
        try:
            return remember(self.megafile.relation(query), restricted)
        except duckdb.Error as error:
            raise BadValue(f"{self.description}: {error}") from error
