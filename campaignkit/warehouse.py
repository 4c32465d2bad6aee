"""A database server's tables by ADBC: a query's rows as Arrow record batches, and tables written in one transaction."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from campaignkit.errors import BadValue, CampaignkitError, listed

#: ADBC drivers by the beginning of a database's address, and what of campaignkit installs them.
_DRIVERS = {"postgresql": "adbc_driver_postgresql", "postgres": "adbc_driver_postgresql"}

BATCH_BYTES = 4 << 20


def read_sql(uri: str, query: str) -> pa.RecordBatchReader:
    """Return a query's rows from a Postgres server, as a stream of record batches.

    Nothing is held but a batch at a time: a table of millions of rows goes through. The rows can be read once; pass
    the reader to `Megafile.build` as a table, or keep them: ``polars.from_arrow(reader)``. Values that Arrow has no
    type for, such as Postgres's numeric, come as text. The other way, `Megafile.export` writes into a server.

    Parameters
    ----------
    uri : str
        The server's address: ``postgresql://user:password@host:5432/database``. Take the password from where
        passwords are kept, and don't write it into a notebook.
    query : str
        SQL, as the server speaks it.

    Returns
    -------
    pyarrow.RecordBatchReader

    Raises
    ------
    BadValue
        If there is no driver for such an address, it is not installed, or the server refuses the query.
    CampaignkitError
        If the server can't be reached.

    Examples
    --------
    >>> read_sql("oracle://db", "SELECT 1")
    Traceback (most recent call last):
    ...
    campaignkit.errors.BadValue: There is no driver for 'oracle://…' here; an address must begin with postgresql://.
    """
    with ExitStack() as opened:
        server = opened.enter_context(_connected(uri))
        try:
            server.cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            server.cursor.execute(query)
            reader = server.cursor.fetch_record_batch()
        except server.failure as error:
            raise BadValue(f"The database refuses the query: {_first_line(error, uri)}") from error
        held = opened.pop_all()
    columns = pa.schema([field.with_type(getattr(field.type, "storage_type", field.type)) for field in reader.schema])
    return pa.RecordBatchReader.from_batches(columns, _batches(reader, columns, held, server))


def is_address(target: object) -> bool:
    """Return whether something is the address of a server, and no path.

    Examples
    --------
    >>> is_address("postgresql://db/crm"), is_address("exports/postgresql")
    (True, False)
    """
    return isinstance(target, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", target) is not None


def shown_address(uri: str) -> str:
    """Return an address without user, password and options.

    Examples
    --------
    >>> shown_address("postgresql://ann:secret@db:5432/crm?sslmode=require")
    'postgresql://db:5432/crm'
    """
    scheme, _, rest = uri.partition("?")[0].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


@dataclass(frozen=True)
class Server:
    """A connection, in a transaction of its own.

    Attributes
    ----------
    uri : str
    cursor : object
        ADBC's.
    failure : type
        What the driver raises.
    """

    uri: str
    cursor: Any
    failure: type[Exception]

    def refuse_what_stands(self, names: list[str]) -> None:
        """Refuse tables that are there already, in the schema where new ones are made.

        Raises
        ------
        BadValue
        """
        query = """SELECT current_schema()::text, relname::text FROM (SELECT current_schema() AS here) h
                   LEFT JOIN pg_namespace n ON nspname = here LEFT JOIN pg_class c ON relnamespace = n.oid"""
        try:
            self.cursor.execute(query)
            rows = self.cursor.fetchall()
        except self.failure as error:
            raise CampaignkitError(f"The database's tables can't be listed: {_first_line(error, self.uri)}") from error
        if standing := sorted({*names} & {table for _, table in rows}):
            raise BadValue(
                f"{listed(standing)}: there already in the database's schema {rows[0][0]!r}, and nothing is replaced. "
                "Drop them, or name another schema: postgresql://…/database?options=-csearch_path%3Dname."
            )

    def write(self, name: str, rows: pa.RecordBatchReader) -> int:
        """Make a table of rows as they stream, and return how many they were.

        Raises
        ------
        BadValue
            The server refuses; the transaction is lost.
        """
        try:
            return self.cursor.adbc_ingest(name, rows, mode="create")
        except self.failure as error:
            raise BadValue(f"{name} can't be written, and nothing was: {_first_line(error, self.uri)}") from error

    def run(self, statement: str) -> None:
        """Run a statement.

        Raises
        ------
        BadValue
            The server refuses; the transaction is lost.
        """
        try:
            self.cursor.execute(statement)
        except self.failure as error:
            raise BadValue(f"The database refuses, and nothing was written: {_first_line(error, self.uri)}") from error


@contextmanager
def transaction(uri: str) -> Generator[Server]:
    """Yield a server on which all that is written stands at the end, or (an error, a killed process) nothing of it.

    Raises
    ------
    BadValue, CampaignkitError
        As `read_sql`.
    """
    with _connected(uri) as server:
        yield server
        try:
            server.cursor.connection.commit()
        except server.failure as error:
            raise CampaignkitError(f"Nothing was written: {_first_line(error, uri)}") from error


@contextmanager
def _connected(uri: str) -> Generator[Server]:
    scheme = uri.partition("://")[0] if is_address(uri) else ""
    if scheme not in _DRIVERS:
        raise BadValue(f"There is no driver for '{scheme}://…' here; an address must begin with postgresql://.")
    if re.search(r"[/@?\s]|%(?![0-9A-Fa-f]{2})", _credentials(uri)):
        raise BadValue(
            "The address can't be read: in a user or password, write @ / ? % and blanks as %40 %2F %3F %25 %20."
        )
    try:
        dbapi: Any = import_module(f"{_DRIVERS[scheme]}.dbapi")
    except ImportError as error:
        raise BadValue("Postgres takes its ADBC driver: pip install 'campaignkit[warehouse]'.") from error
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(dbapi.connect(uri))
        except dbapi.Error as error:
            raise CampaignkitError(f"The database can't be reached: {_first_line(error, uri)}") from error
        yield Server(uri, opened.enter_context(connection.cursor()), dbapi.Error)


def _batches(reader: Any, columns: pa.Schema, held: ExitStack, server: Server) -> Iterator[pa.RecordBatch]:
    """Yield a reader's batches, what Arrow has no type for as text, and close the connection after the last."""
    with held:
        try:
            for batch in reader:
                yield pa.RecordBatch.from_arrays([getattr(c, "storage", c) for c in batch.columns], schema=columns)
        except server.failure as error:
            raise CampaignkitError(
                f"The database broke off partway through the rows: {_first_line(error, server.uri)}"
            ) from error


def _credentials(uri: str) -> str:
    """Return what of an address stands before its host: user and password."""
    return uri.partition("://")[2].rpartition("@")[0]


def _first_line(error: Exception, uri: str) -> str:
    """Return the first line of what a driver says, without the address's passwords."""
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    options = [option.partition("=") for option in uri.partition("?")[2].split("&")]
    passwords = [value for name, _, value in options if name in ("password", "sslpassword")]
    for password in (_credentials(uri).partition(":")[2], *passwords):
        for text in {password, unquote(password)} - {""}:
            first = first.replace(text, "…")
    return first
