"""A result as a file: a page that opens without a network, a picture, or a table."""

from __future__ import annotations

import html
import io
import json
import os
from pathlib import Path

import polars as pl

from campaignkit import charts
from campaignkit.errors import BadValue, nearest
from campaignkit.spreadsheets import csv_bytes, xlsx_bytes

PICTURES, TABLES = (".png", ".svg", ".pdf"), (".csv", ".xlsx", ".parquet", ".json")
ENDINGS = (".html", *PICTURES, *TABLES)

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; max-width: 60em; margin: 2em auto;
  padding: 0 1em; color: light-dark(#1c2430, #e8ebf0); background: light-dark(#fff, #14181f); }}
h1, h2, h3 {{ line-height: 1.2; }}
p {{ max-width: 46em; }}
@media print {{ .ck-result {{ break-inside: avoid; }} body {{ margin: 0; max-width: none; }} }}
</style>
</head>
<body>
<main>
{body}
</main>
{script}
</body>
</html>
"""


def page(title: str, body: str) -> bytes:
    """Return an HTML page that loads nothing: its charts are live where a script may run, and stills elsewhere.

    Parameters
    ----------
    title : str
        Plain text.
    body : str
        HTML; a figure of `charts.figure` in it is made live by the script that comes along.

    Examples
    --------
    >>> b"<title>Women &amp; men</title>" in page("Women & men", "<p>More women.</p>")
    True
    """
    script = f"<script>{charts.vega_script()}</script>" if "ck-figure" in body else ""
    return PAGE.format(title=html.escape(title), body=body, script=script).encode()


def write_whole(path: str | Path, content: bytes) -> Path:
    """Write a file whole, or leave what stood there.

    Raises
    ------
    BadValue
        The folder is not there or cannot be written, or the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/a.txt", b"Ann").read_text()
    'Ann'
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.writing-{os.getpid()}")
    try:
        draft.write_bytes(content)
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadValue(f"{str(path)!r} can't be written ({error.strerror or error}); nothing was changed.") from error
    return path


def ending_of(path: str | Path, endings: tuple[str, ...] = ENDINGS) -> str:
    """Return a path's ending in lower case, if it is one of those that can be written.

    Raises
    ------
    BadValue
        It is none of them.

    Examples
    --------
    >>> ending_of("Donors.PNG")
    '.png'
    """
    ending = Path(path).suffix.lower()
    if ending not in endings:
        raise BadValue(
            f"{Path(path).name!r} ends in {ending!r}{nearest(ending, endings)} It can be: {', '.join(endings)}."
        )
    return ending


def table_bytes(table: pl.DataFrame, ending: str, summary: str = "", sheet: str = "table") -> bytes:
    r"""Return a table as a .csv, .xlsx, .parquet or .json file; the last holds the summary too.

    Lists within cells become JSON text in .csv and .xlsx; texts that a spreadsheet would run are defused there.

    Examples
    --------
    >>> table = pl.DataFrame({"state": ["OH"], "n": [3]})
    >>> table_bytes(table, ".csv")
    b'state,n\nOH,3\n'
    >>> table_bytes(table, ".json", "Three people.")
    b'{"summary": "Three people.", "table": [{"state": "OH", "n": 3}]}\n'
    """
    if ending == ".csv":
        return csv_bytes(_flat(table))
    if ending == ".xlsx":
        return xlsx_bytes(_flat(table), sheet)
    if ending == ".json":
        return (json.dumps({"summary": summary, "table": json.loads(table.write_json())}) + "\n").encode()
    with io.BytesIO() as content:
        table.write_parquet(content)
        return content.getvalue()


def _flat(table: pl.DataFrame) -> pl.DataFrame:
    nested = [name for name, kind in table.schema.items() if kind.is_nested()]
    texts = [pl.Series(name, [json.dumps(v, default=str) for v in table[name].to_list()], pl.String) for name in nested]
    return table.with_columns(texts)


def save_table(table: pl.DataFrame, path: str | Path, sheet: str) -> Path:
    r"""Write a table by the ending of its path, .csv or .xlsx; whole, or what stood there stands.

    Raises
    ------
    BadValue
        The path ends otherwise, its folder is not there or cannot be written, or as for `xlsx_bytes`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_table(pl.DataFrame({"name": ["Ann"]}), f"{folder}/people.csv", "people").read_text()
    'name\nAnn\n'
    """
    return write_whole(path, table_bytes(table, ending_of(path, (".csv", ".xlsx")), sheet=sheet))
