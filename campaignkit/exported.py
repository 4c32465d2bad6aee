"""A folder that `Megafile.export` wrote, read back: what may not serve soliciting in it is known again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from campaignkit.errors import BadValue, listed, nearest
from campaignkit.restrictions import remember

MANIFEST = "manifest.json"
METADATA = b"campaignkit"  # the key of a Parquet file's own metadata that says what it was exported from


def read_export(folder: str | Path, table: str) -> pl.LazyFrame:
    """Return a table of a folder that `Megafile.export` wrote, as a lazy Polars frame: nothing is read until asked for.

    What in it may not serve soliciting is remembered of this very frame (see `Megafile.universe_of`); columns from FEC
    reports also keep names that begin with ``fec_``, by which copies and other engines know them.

    Parameters
    ----------
    folder : str or Path
        The folder.
    table : str
        One of its tables.

    Returns
    -------
    polars.LazyFrame
        Its columns; what it was split by is text and comes last.

    Raises
    ------
    BadValue
        The folder has no manifest of campaignkit, or no such table.

    Examples
    --------
    >>> import tempfile
    >>> import campaignkit as ck
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = ck.sample.megafile().export(f"{folder}/out", ["gift"], partition_by="state")
    ...     gifts = ck.tables.read_export(f"{folder}/out", "gift").collect()
    >>> gifts.columns[-2:]
    ['employer', 'state']
    """
    folder = Path(folder)
    tables = read_manifest(folder)["tables"]
    if table not in tables:
        raise BadValue(f"The export has no table {table!r}{nearest(table, tables)} It has: {listed(list(tables))}.")
    split = tables[table]["partition_by"]
    frame = pl.scan_parquet(
        folder / table / "**" / "*.parquet",
        hive_partitioning=split is not None,
        hive_schema=None if split is None else {split: pl.String},
    )
    return remember(frame, tables[table]["restricted"])


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of an export.

    Raises
    ------
    BadValue
        There is none, or it is damaged.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        tables = {name: (part["partition_by"], list(part["restricted"])) for name, part in manifest["tables"].items()}
    except FileNotFoundError as error:
        raise BadValue(f"{str(folder)!r} is no folder that mf.export wrote: it has no {MANIFEST}.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadValue(f"The {MANIFEST} of {str(folder)!r} can't be read; export anew.") from error
    return manifest if tables else {**manifest, "tables": {}}


def restricted_in(metadata: Mapping[bytes, bytes] | None) -> list[str]:
    """Return what a Parquet file's metadata says may not serve soliciting in it; of files from elsewhere nothing.

    Examples
    --------
    >>> restricted_in({b"campaignkit": b'{"table": "fec_gift", "restricted": ["fec_gift"]}'}), restricted_in(None)
    (['fec_gift'], [])
    """
    said = (metadata or {}).get(METADATA)
    return [] if said is None else [str(name) for name in json.loads(said)["restricted"]]
