"""Why some records are held to be one person."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.ingest.sources import FILE_ID_SHIFT
from campaignkit.result import Result

_SHOWN = (
    "source, record_key, matched_by, match_probability, first_name, middle_name, last_name, suffix, birth_date, "
    "birth_year, sex, address, unit, city, state, zip5, phone, email, state_voter_id, van_id, as_of"
)

_OWN = f"""
    SELECT o.name, o.label, o.kind, o.keep, v.value, v.happened_on, r.source, r.record_key, f.as_of FROM (
        SELECT name, value, NULL::DATE AS happened_on, record_id FROM attribute WHERE person_id = $id
        UNION ALL BY NAME
        SELECT name, coalesce(value, amount::VARCHAR) AS value, happened_on, record_id FROM dated_fact
        WHERE person_id = $id
        UNION ALL BY NAME SELECT name, value FROM added_value WHERE person_id = $id
    ) v JOIN own_column o USING (name) LEFT JOIN record r USING (record_id)
    LEFT JOIN source_file f ON f.file_id = r.record_id >> {FILE_ID_SHIFT}
    ORDER BY o.name, v.happened_on, r.seen_id"""


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Result):
    """A person's records and the rule that linked each.

    `table` has one row per record, in the order of linking: source, record_key, matched_by (null: the record the
    person began with), match_probability (null for deterministic rules), and what the record says.

    Parameters
    ----------
    person_id : int
        Who.
    events : DataFrame
        Nights in which they were merged with someone, or split: night, event, person_id, other_person_id, reason.
    own : DataFrame
        Columns of one's own, one row per value or dated fact of theirs: name, label, kind, keep (which value survives),
        value, happened_on, source, record_key and as_of of the record that says it (source null: an analyst added it).
    """

    person_id: int
    events: pl.DataFrame
    own: pl.DataFrame

    def summary(self) -> str:
        """Say who it is, in how many sources, and what linked them."""
        first = self.table.row(0, named=True)
        name = " ".join(part for part in (first["first_name"], first["last_name"]) if part) or "A person without a name"
        links = self.table.filter(self.table["matched_by"].is_not_null())
        if links.is_empty():
            return f"{name} is known from one record, in {first['source']}.{self._happened()}"
        rules = "; ".join(f"{row['source']}, linked by {row['matched_by']}" for row in links.iter_rows(named=True))
        known = f"{name} is known from {self.table.height} records: {first['source']}; {rules}."
        return known + self._happened()

    def _happened(self) -> str:
        sentences = []
        for night, event, person, other, reason in self.events.iter_rows():
            if event == "merged":
                sentences.append(f" On night {night}, person {other:,} was found to be person {person:,} ({reason}).")
            elif event == "split":
                sentences.append(f" On night {night}, person {other:,} was split off person {person:,} ({reason}).")
        return "".join(sentences)


def explain(megafile: Connection, person_id: int) -> Explanation:
    """Return a person's records; see `Megafile.explain`."""
    check_scalar(person_id, "person_id", typ=int)
    table = megafile.sql(
        f"SELECT {_SHOWN} FROM source_record WHERE person_id = ? ORDER BY matched_by IS NOT NULL, record_id",
        [int(person_id)],
    )
    events = megafile.sql(
        """SELECT night, event, person_id, other_person_id, reason FROM identity_event
        WHERE ? IN (person_id, other_person_id) ORDER BY night, event, other_person_id""",
        [int(person_id)],
    )
    if table.is_empty():
        now = events.filter((pl.col("event") == "merged") & (pl.col("other_person_id") == person_id))
        hint = f" They are person {now['person_id'][0]:,} since night {now['night'][0]}." if now.height else ""
        raise BadValue(f"There is no person {person_id} in the megafile.{hint}")
    return Explanation(table, person_id, events, megafile.sql(_OWN, {"id": int(person_id)}))
