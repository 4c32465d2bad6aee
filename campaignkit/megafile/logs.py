"""What a megafile says of itself: files read, what was not understood, nights, exports, tables, facts."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from campaignkit.megafile import schema
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.export.log import read_export_log
from campaignkit.megafile.fact_sheet import COLUMNS, FactSheet, declared, fact_sheet
from campaignkit.megafile.ingest.sources import FILE_ID_SHIFT
from campaignkit.megafile.ingest.understood import not_understood
from campaignkit.megafile.known_facts import known_facts
from campaignkit.megafile.linkage.model import Model
from campaignkit.megafile.refresh.integrity import problems
from campaignkit.megafile.refresh.report import RefreshReport, night_report
from campaignkit.megafile.storage.opening import reading
from campaignkit.megafile.storage.replacing import leftovers
from campaignkit.sql import quote_identifiers


class Logs(Connection):
    """An open megafile's own logs, as Polars frames."""

    @property
    def sources(self) -> pl.DataFrame:
        """What was read, one row per file (or member of a zip), and what lay there and was not.

        Columns are those of `source_file` in schema.sql, and `people`, the persons its records describe or
        refer to, `unlinked`, its records about a person no source has a record of, and `why_not_read`: null for
        files that were read; of the others, which come last, only file, night and this are there.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> read = mf.sources
        >>> (read["accepted"] + read["rejected"] == read["records"]).all()
        True
        """
        return self.sql(f"""
            WITH linked AS (
                SELECT r.seen_id >> {FILE_ID_SHIFT} AS file_id, count(DISTINCT s.person_id) AS people,
                       count(*) FILTER (WHERE r.person_key IS NOT NULL AND s.person_id IS NULL) AS unlinked
                FROM record r LEFT JOIN source_record s ON s.source = r.person_source AND s.record_key = r.person_key
                GROUP BY 1
            )
            SELECT f.*, coalesce(people, 0) AS people, coalesce(unlinked, 0) AS unlinked, NULL AS why_not_read
            FROM source_file f LEFT JOIN linked USING (file_id)
            UNION ALL BY NAME SELECT night, file, reason AS why_not_read FROM skipped_file
            ORDER BY file_id, file""")

    @property
    def not_understood(self) -> pl.DataFrame:
        """What of the files was not understood, worst first; a build ends with it.

        One row per file that was not taken in, a column that its layout reads and it lacks, and a column with values
        that could not be read: file, column, problem, records concerned and their share of the file's.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.not_understood.columns
        ['file', 'column', 'problem', 'records', 'share']
        """
        return not_understood(self.sources)

    @property
    def rejects(self) -> pl.DataFrame:
        """Records that could not be read: file, first_line, lines, reason, raw.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.rejects.columns, mf.rejects.height == mf.sources["rejected"].sum()
        (['file', 'first_line', 'lines', 'reason', 'raw'], True)
        """
        return self.sql("""
            SELECT file, first_line, reject.lines, reason, raw FROM reject JOIN source_file USING (file_id)
            ORDER BY file_id, first_line""")

    @property
    def nights(self) -> pl.DataFrame:
        """One row per build, refresh or retraining: what came, who was added, merged, split or ended, warnings.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.nights['kind'].to_list()
        ['build']
        """
        return self.sql("SELECT * FROM refresh_log ORDER BY night")

    def night(self, number: int) -> RefreshReport:
        """Return the report of a refresh.

        Raises
        ------
        BadValue
            If there was no such night.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.night(0).table.columns[:3]
        ['source', 'files', 'new']
        """
        return night_report(self, number)

    @property
    def exports(self) -> pl.DataFrame:
        """Every list written from this megafile: exported_at, path, channel, purpose, universe, rows, sha256.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.exports.columns[:3]
        ['exported_at', 'path', 'channel']
        """
        columns = quote_identifiers(list(schema.columns_of("export")))
        held = self.sql(f"SELECT {columns} FROM export ORDER BY exported_at")
        pending = read_export_log(self.path)
        return pl.concat([held, pending.select(held.columns).cast(dict(held.schema))]).unique(maintain_order=True)

    @property
    def tables(self) -> list[str]:
        """The names of its tables.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> {"person", "gift", "vote_history"} <= set(mf.tables)
        True
        """
        return schema.names()

    @property
    def facts(self) -> pl.DataFrame:
        """What predicates and features may name beyond person's columns: name, arguments, meaning, example.

        Columns of one's own are among them. `fact_sheet` has person's columns and the tables too, says how full each
        is, and searches.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.facts.filter(pl.col("name").str.starts_with("gift"))["name"].to_list()
        ['gifts', 'gift_count']
        """
        rows = [row for row in declared(known_facts(self)) if row[1] in ("attribute", "fact")]
        return pl.DataFrame(rows, schema=list(COLUMNS), orient="row").drop("kind")

    def fact_sheet(self, search: str | None = None) -> FactSheet:
        """Return the sheet of facts: every column, attribute, fact and table, with its meaning and how full it is.

        Parameters
        ----------
        search : str or None
            Words that a name, its meaning or its arguments must have. None: everything.

        Returns
        -------
        FactSheet

        Raises
        ------
        BadValue
            If nothing speaks of what is sought.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.fact_sheet("dollars given").table.select("name", "example", "values").rows()
        [('gifts', "gifts('online')", ['mail', 'online'])]
        """
        with reading(self.path, query=True):
            return fact_sheet(self, search)

    @property
    def model(self) -> Model | None:
        """The model by which records are linked that no deterministic rule links; None: the deterministic rules alone.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> mf.model.to_json()[:1]
        '{'
        """
        stored = self.sql("SELECT settings FROM model")["settings"].to_list()
        return Model.from_json(stored[0]) if stored else None

    def check(self) -> list[str]:
        """Return what does not hang together in the file; nothing should.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.megafile().check()
        []
        """
        with self._lock, reading(self.path, query=True), self._con.cursor() as cursor:
            return problems(cursor)

    @property
    def unencrypted_files(self) -> list[Path]:
        """Files beside the megafile that hold person data: unfinished copies, spills, the log of exports.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> [path.name for path in mf.unencrypted_files if ".writing" in path.name]
        []
        """
        return leftovers(self.path)
