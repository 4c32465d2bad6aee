"""Tables in memory or a database beside a folder of exports: each written down as Parquet, then read as any file is."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from campaignkit.errors import BadValue, SourceRestricted, listed
from campaignkit.restrictions import UNTRACED, restrictions_of
from campaignkit.sql import connect
from campaignkit.tables import open_table

SUFFIX = ".parquet"
BATCH_ROWS = 1 << 17

_NAME = re.compile(r"\w[\w .-]{0,200}")


@contextmanager
def written_down(tables: Mapping[str, Any] | None) -> Generator[dict[str, str]]:
    """Write tables as Parquet into a folder of the while; yield where each lies, by name.

    Parameters
    ----------
    tables : mapping of str to table, or None
        Each by its name: Polars, pandas, PyArrow, a DuckDB relation, a universe, a record batch reader.

    Raises
    ------
    BadValue
        If one is no table, or a name can't be a file's.
    SourceRestricted
        If one is known to hold what FEC reports say: its rows would pass for the campaign's own.
    """
    with tempfile.TemporaryDirectory(prefix="campaignkit-") as folder:
        paths = {}
        for name, data in (tables or {}).items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise BadValue(f"A table's name is of letters, digits, spaces, dots and dashes; {name!r} is not.")
            if restricted := restrictions_of(data) - {UNTRACED}:
                raise SourceRestricted(
                    f"The table {name!r} holds {listed(sorted(restricted))}, which may not serve soliciting; as a "
                    "source of people it would. Read the FEC's own file by its layout."
                )
            path = Path(folder) / f"{name}{SUFFIX}"
            _write(data, path)
            paths[name] = str(path)
        yield paths


def _write(data: Any, path: Path) -> None:
    schema, batches = _batches(data)
    with pq.ParquetWriter(path, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _batches(data: Any) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return a table's schema and its rows as record batches, without holding all of a lazy one."""
    if isinstance(data, pa.RecordBatchReader):
        return data.schema, iter(data)
    native = open_table(data).to_native()
    if isinstance(native, pl.DataFrame):
        native = native.to_arrow()
    if isinstance(native, pa.Table):
        return native.schema, iter(native.to_batches(BATCH_ROWS))
    if isinstance(native, pl.LazyFrame):
        schema = native.collect_schema().to_frame().to_arrow().schema
        parts = native.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True)
        return schema, (batch.cast(schema) for part in parts for batch in part.to_arrow().to_batches())
    if isinstance(native, duckdb.DuckDBPyRelation):
        reader = native.to_arrow_reader(BATCH_ROWS)
        return reader.schema, iter(reader)
    with connect() as con:  # pandas: nullable and plain numbers alike
        con.register("given", native)
        table = con.sql("FROM given").to_arrow_table()
    return table.schema, iter(table.to_batches(BATCH_ROWS))
