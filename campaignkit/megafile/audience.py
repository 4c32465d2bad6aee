"""Some people of a megafile as a condition: counted, described, and what a list is made of."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import date
from typing import Self

import duckdb
import polars as pl
from duckdb.sqltypes import DuckDBPyType

from campaignkit.errors import BadValue
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.predicates import Translated, translate

#: DuckDB's types that people can be ranked by; a list of numbers is none of them.
_NUMBERS = frozenset({"boolean", "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint",
                      "uinteger", "ubigint", "uhugeint", "float", "double", "decimal"})  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Audience:
    """What a `Universe` is made of: the megafile, its date, the condition, its description, its restrictions."""

    megafile: Connection
    as_of: date
    where: str
    description: str
    restricted: frozenset[str] = frozenset()
    unmatched: tuple[str, ...] = ()

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
        return self._rows(f"SELECT count(*) FROM person p WHERE {self.where}").item()

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

    def number(self, expression: str) -> Translated:
        """Return an expression as `translated` does, once it is seen to be a number (or a yes or no).

        Raises
        ------
        BadValue
            If it is neither.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.megafile().universe().number("birth_year").sql
        'p."birth_year"'
        """
        expression_sql = self.translated(expression)
        kind = self._kind(expression_sql.sql)
        if kind.id not in _NUMBERS:
            raise BadValue(f"{expression!r} is {kind}; a number to rank by was expected.")
        return expression_sql

    def matched(self, *also: Translated) -> Self:
        """Return the universe, where somebody has each value that it, or an expression beside it, compares with.

        Raises
        ------
        BadValue
            If nobody has one: a list of it would silently be of nobody, or of all but nobody.

        Examples
        --------
        >>> import campaignkit as ck
        >>> donors = ck.sample.megafile().universe("donor")
        >>> donors.matched(donors.translated("sex = 'F'")) is donors
        True
        """
        if sentences := dict.fromkeys([*self.unmatched, *(one for part in also for one in part.unmatched)]):
            raise BadValue(f"No list is made on values that nobody has. {' '.join(sentences)}")
        return self

    def _kind(self, sql: str) -> DuckDBPyType:
        try:
            return self.megafile.relation(f"SELECT ({sql}) AS value FROM person p LIMIT 0").types[0]
        except duckdb.Error as error:
            raise BadValue(f"{self.description}: {error}") from error

    def _rows(self, query: str, params: list[str] | None = None) -> pl.DataFrame:
        try:
            return self.megafile.sql(query, params)
        except duckdb.Error as error:  # such as a text that is no number, met only in the rows
            raise BadValue(f"{self.description}: {error}") from error

    def __repr__(self) -> str:
        """Say who they are and how many."""
        return f"{self.count():,} people: {self.description} (as of {self.as_of})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def bracketed(description: str) -> str:
    """Return what a universe says, in brackets where it would be misread beside another.

    Examples
    --------
    >>> bracketed("donor"), bracketed("donor or voter")
    ('donor', '(donor or voter)')
    """
    return f"({description})" if " or " in description or " but not " in description else description
