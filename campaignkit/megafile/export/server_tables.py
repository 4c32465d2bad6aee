"""Tables into a database server: streamed, in one transaction, with the manifest as a table beside them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import duckdb
import pyarrow as pa

from campaignkit.checks import STATUTE
from campaignkit.megafile.export.columns import Exported
from campaignkit.megafile.export.parquet_folder import BATCH_ROWS
from campaignkit.sql import quote_identifier, quote_literal
from campaignkit.warehouse import Server

#: The table of one row that says what was written: when, and all that a folder's ``manifest.json`` says, as JSON.
MANIFEST_TABLE = "campaignkit_manifest"


def write_table(con: duckdb.DuckDBPyConnection, table: Exported, server: Server) -> dict[str, Any]:
    """Write a table's rows as they stream; return what the manifest says of it.

    Raises
    ------
    BadValue
        If the server refuses.
    """
    reader = con.sql(_as_servers_have_it(con, table.query)).to_arrow_reader(BATCH_ROWS)
    columns = {column.name: str(column.type) for column in reader.schema}
    rows = server.write(table.name, reader)
    if table.restricted:
        text = f"Not to be used for soliciting ({STATUTE}): {', '.join(table.restricted)}"
        server.run(f"COMMENT ON TABLE {quote_identifier(table.name)} IS {quote_literal(text)}")
    return {
        "rows": rows,
        "columns": columns,
        "restricted": table.restricted,
        "restricted_columns": table.restricted_columns,
    }


def _as_servers_have_it(con: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return a query with structs, which ADBC can't write, as text."""
    rows = con.sql(query)
    structs = [name for name, kind in zip(rows.columns, rows.types, strict=True) if "STRUCT" in str(kind)]
    if not structs:
        return query
    texts = ", ".join(f"{quote_identifier(name)}::VARCHAR AS {quote_identifier(name)}" for name in structs)
    return f"SELECT * REPLACE ({texts}) FROM ({query})"


def write_manifest(server: Server, manifest: dict[str, Any]) -> str:
    """Write the manifest as a table of one row; return its SHA-256."""
    text = json.dumps(manifest, ensure_ascii=False)
    row = pa.table({"exported_at": [manifest["exported_at"]], "manifest": [text]})
    server.write(MANIFEST_TABLE, row.to_reader())
    return hashlib.sha256(text.encode()).hexdigest()
