"""SQL that is the same wherever it is written: identifiers quoted here, values always parameters."""

from __future__ import annotations


def quote_identifier(name: str) -> str:
    """Return a column or table name quoted for SQL.

    Examples
    --------
    >>> quote_identifier('say "hi"')
    '"say ""hi\"""'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_identifiers(names: list[str], table: str | None = None) -> str:
    """Return names quoted and joined by commas, each behind its table where one is given.

    Examples
    --------
    >>> quote_identifiers(["state", "zip5"], table="p")
    '"p"."state", "p"."zip5"'
    """
    prefix = "" if table is None else quote_identifier(table) + "."
    return ", ".join(prefix + quote_identifier(name) for name in names)
