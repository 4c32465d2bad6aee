"""A megafile's tables as Parquet or into a database server, for a cluster, a warehouse or an analysis elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb

from campaignkit.checks import STATUTE, check_scalar
from campaignkit.errors import BadValue, nearest
from campaignkit.exported import MANIFEST
from campaignkit.megafile import schema
from campaignkit.megafile.audience import Audience
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.export import parquet_folder, server_tables
from campaignkit.megafile.export.columns import ALL, NOT_BY, Exported, closed_people, exported, prepare
from campaignkit.megafile.storage.opening import connect, keep_beside
from campaignkit.progress import Steps
from campaignkit.warehouse import is_address, shown_address, transaction

MEMORY_LIMIT = "512MB"  # of DuckDB's while it exports

HONOR = (
    f"Everybody is in these tables. Nobody may be contacted on a channel that person.{NOT_BY} or suppression (rows "
    "without `until`) names for them, nor by text without consent. A phone, e-mail or home address stands here only "
    "where none of its channels is closed for its person. Refusals that came after exported_at are in the megafile "
    "alone: make lists there."
)


class ColumnExport(Connection):
    """An open megafile's tables, written as columns."""

    def export(
        self,
        folder: str | Path,
        tables: Iterable[str] | Mapping[str, Sequence[str] | None] | None = None,
        *,
        format: str = "parquet",
        partition_by: str | None = None,
        people: Audience | None = None,
        progress: bool | None = None,
    ) -> list[Path] | list[str]:
        """Write tables as a folder of Parquet files, or into a Postgres server, with a manifest, streamed.

        The folder, or the server's tables, appears whole, or (an error, a killed process) not at all. Everybody is in
        it, but a phone, e-mail or home address stands only where none of its channels is closed for its person (a home
        address: for anybody of the household); no list can be made of what is not there, and lists are made by
        `Universe.call_list`, which knows who said no since. `person` gets a column ``not_to_contact_by`` with the
        channels that are closed, and `suppression` comes along in any case. Columns that come from FEC reports are
        named ``fec_…``: by that name, by the manifest and by the files' own metadata `tables.read_export`,
        `Megafile.build` and lists know them again. Of a server's tables their names, the manifest and comments say it.

        Parameters
        ----------
        folder : str or Path
            A folder that is not there yet, or is empty. Or a Postgres server's address, as `tables.read_sql` takes it:
            its tables are made in the first schema of the search path, in one transaction; none may be there already.
        tables : iterable of str, mapping of str to columns, or None
            Tables of the megafile, such as ``["person", "gift"]``; a mapping also says which columns (None: all). None:
            people, households and all that is known of them.
        format : str
            ``"parquet"``: how a folder is written; a server has its own.
        partition_by : str or None
            A column of `person`, such as ``"state"``: each of its values is a folder, ``person/state=OH``, and rows
            about people go where the person does. Null is ``state=__HIVE_DEFAULT_PARTITION__``, which readers
            of such folders take for null. None: each table is one file; a server takes no other.
        people : Universe or None
            Whose rows. None: everybody's. Tables that are not about people come whole.
        progress : bool or None
            Whether to show the steps. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.

        Returns
        -------
        list of Path, or list of str
            The files, ``manifest.json`` last: tables, rows, columns, restricted columns, who is suppressed and that it
            is to be honored, campaignkit's version, dates, each file's SHA-256. Of a server its tables' names,
            ``campaignkit_manifest`` last, whose one row has ``exported_at`` and the ``manifest``, as JSON.

        Raises
        ------
        BadValue
            If the folder, or a table on the server, is there already or can't be written, there is no such table, it
            stays in the megafile, or a newer megafile lies at the path (`Megafile.reopen`).
        CampaignkitError
            If the server can't be reached.
        ColumnNotFound
            If a table, or (`partition_by`) `person`, has no such column.

        Examples
        --------
        >>> import json
        >>> import tempfile
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = mf.export(f"{folder}/out", ["caller", "fec_gift"], people=mf.universe(state="OH"))
        ...     manifest = json.loads(written[-1].read_text())
        >>> list(manifest["tables"]), manifest["tables"]["fec_gift"]["restricted_columns"][:2]
        (['caller', 'fec_gift', 'suppression'], ['fec_given_on', 'fec_amount'])
        """
        check_scalar(format, "format", choices=("parquet",))
        named = _named(tables)
        self._check_export(folder, partition_by, people)
        steps = Steps("export", progress)
        try:
            with _whole(folder, named) as (write, finish), self._bounded() as con:
                prepare(con, None if people is None else people.where)
                parts = [exported(con, name, named[name], partition_by, people is not None) for name in named]
                said = {}
                for part in parts:
                    with steps.step(part.name, con):
                        said[part.name] = write(con, _also_restricted(part, people))
                kind = "postgresql" if is_address(folder) else format
                manifest = self._export_manifest(con, said, kind, partition_by, people)
                self._note_columns(folder, manifest, finish(manifest))
        finally:
            steps.close()
        if is_address(folder):
            return [*said, server_tables.MANIFEST_TABLE]
        folder = Path(folder)
        return [*(folder / file["name"] for table in said.values() for file in table["files"]), folder / MANIFEST]

    def _note_columns(self, folder: str | Path, manifest: dict[str, Any], digest: str) -> None:
        """Note an export in the log beside the megafile."""
        rows = sum(table["rows"] for table in manifest["tables"].values())
        said = {"channel": None, "purpose": None, "universe": manifest["people"], "rows": rows}
        name = shown_address(str(folder)) if is_address(folder) else Path(folder).name
        files = [{"name": name, "sha256": digest}]
        self.note_export({**said, "exported_at": manifest["exported_at"], "files": files})

    @contextmanager
    def _bounded(self) -> Generator[duckdb.DuckDBPyConnection]:
        """Yield a connection of its own whose memory is bounded; one open for writing shares its file with no other."""
        if not self._read_only:
            with self.cursor() as cursor:
                yield cursor
            return
        with connect(self.path, read_only=True, memory_limit=MEMORY_LIMIT) as con:
            for name, ids in self._kept_people.items():
                keep_beside(con, name, ids)
            yield con

    def _check_export(self, folder: str | Path, partition_by: str | None, people: Audience | None) -> None:
        """Refuse before anything is written what can't be exported."""
        check_scalar(partition_by, "partition_by", typ=str, optional=True)
        if not is_address(folder):
            parquet_folder.refuse_what_stands(Path(folder))
        elif partition_by is not None:
            raise BadValue(f"partition_by is {partition_by!r}, but a server's tables are not split: leave it out.")
        columns = [name for name, kind in schema.columns_of("person").items() if kind != "VARCHAR[]"]
        if partition_by is not None and partition_by not in columns:
            raise BadValue(f"partition_by is {partition_by!r}, no column of person{nearest(partition_by, columns)}")
        if partition_by in ("phone", "email", "address", "unit"):
            raise BadValue(f"partition_by is {partition_by!r}: a contact is no name of a folder.")
        if people is not None:
            if people.megafile is not self:
                raise BadValue("people is a universe of another megafile.")
            people.matched()
        if self.stale:
            raise BadValue(
                "A newer megafile lies at its path, which may know of more people who said no: mf.reopen() first."
            )

    def _export_manifest(
        self,
        con: duckdb.DuckDBPyConnection,
        said: Mapping[str, Any],
        kind: str,
        split: str | None,
        people: Audience | None,
    ) -> dict[str, Any]:
        restricted = sorted({name for table in said.values() for name in table["restricted"]})
        return {
            "campaignkit": metadata.version("campaignkit"),
            "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "as_of": str(self.as_of),
            "megafile": self.path.name,
            "format": kind,
            "partition_by": split,
            "people": None if people is None else people.sql,
            "restricted": {"holds": restricted, "law": STATUTE, "note": "Not to be used for soliciting."},
            "suppression": {
                "table": "suppression",
                "column": f"person.{NOT_BY}",
                "people": closed_people(con),
                "note": HONOR,
            },
            "tables": dict(said),
        }


_Write = Callable[[duckdb.DuckDBPyConnection, Exported], dict[str, Any]]


@contextmanager
def _whole(folder: str | Path, names: Iterable[str]) -> Generator[tuple[_Write, Callable[[dict[str, Any]], str]]]:
    """Yield what writes a table and what writes the manifest; all stands at the end, or nothing does."""
    if is_address(folder):
        with transaction(str(folder)) as server:
            server.refuse_what_stands([*names, server_tables.MANIFEST_TABLE])
            yield (
                lambda con, table: server_tables.write_table(con, table, server),
                lambda manifest: server_tables.write_manifest(server, manifest),
            )
    else:
        with parquet_folder.whole_folder(Path(folder)) as draft:
            yield (
                lambda con, table: parquet_folder.write_table(con, table, draft),
                lambda manifest: parquet_folder.write_manifest(draft, manifest),
            )


def _named(tables: Iterable[str] | Mapping[str, Sequence[str] | None] | None) -> dict[str, Sequence[str] | None]:
    """Return tables and their columns; who is suppressed comes along."""
    if isinstance(tables, str):
        raise BadValue(f"tables: pass a list, [{tables!r}].")
    named = dict(tables) if isinstance(tables, Mapping) else dict.fromkeys(ALL if tables is None else tables)
    if not named:
        raise BadValue("tables is empty: name at least one, or None for all.")
    return {**named, "suppression": named.get("suppression")}


def _also_restricted(table: Exported, people: Audience | None) -> Exported:
    """Return a table that is as restricted as the universe by which its rows are picked."""
    if people is None or not people.restricted:
        return table
    both = sorted({*table.restricted, *people.restricted})
    return Exported(table.name, table.query, table.split, both, table.restricted_columns)
