"""Tables of a database server, read by ADBC: a query's rows as Arrow record batches, streamed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from campaignkit.errors import BadValue, CampaignkitError

#: ADBC drivers by the beginning of a database's address, and what of campaignkit installs them.
_DRIVERS = {"postgresql": "adbc_driver_postgresql", "postgres": "adbc_driver_postgresql"}

BATCH_BYTES = 4 << 20


def read_sql(uri: str, query: str) -> pa.RecordBatchReader:
    """Return a query's rows from a Postgres server (or Redshift, which speaks as one), as a stream of record batches.

    Nothing is held but a batch at a time: a table of millions of rows goes through. The rows can be read once; pass
    the reader to `Megafile.build` as a table, or keep them: ``polars.from_arrow(reader)``. Values that Arrow has no
    type for, such as Postgres's numeric, come as text.

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
    scheme = urlsplit(uri).scheme if isinstance(uri, str) else ""
    if scheme not in _DRIVERS:
        raise BadValue(f"There is no driver for '{scheme}://…' here; an address must begin with postgresql://.")
    try:
        dbapi: Any = import_module(f"{_DRIVERS[scheme]}.dbapi")
    except ImportError as error:
        raise BadValue("Reading Postgres takes its ADBC driver: pip install 'campaignkit[warehouse]'.") from error
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(dbapi.connect(uri))
        except dbapi.Error as error:
            raise CampaignkitError(f"The database can't be reached: {_first_line(error, uri)}") from error
        cursor = opened.enter_context(connection.cursor())
        try:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            cursor.execute(query)
            reader = cursor.fetch_record_batch()
        except dbapi.Error as error:
            raise BadValue(f"The database refuses the query: {_first_line(error, uri)}") from error
        held = opened.pop_all()
    return pa.RecordBatchReader.from_batches(reader.schema, _batches(reader, held, dbapi.Error))


def _batches(reader: Any, held: ExitStack, failure: type[Exception]) -> Iterator[pa.RecordBatch]:
    """Yield a reader's batches, and close the connection after the last."""
    with held:
        try:
            yield from reader
        except failure as error:
            raise CampaignkitError(
                f"The database broke off partway through the rows: {_first_line(error, '')}"
            ) from error


def _first_line(error: Exception, uri: str) -> str:
    """Return the first line of what a driver says, without the address, which may hold a password."""
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    password = urlsplit(uri).password if uri else None
    return first.replace(password, "…") if password else first
