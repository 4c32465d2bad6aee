"""Every temporary table of a build or refresh: its columns, who writes it, who reads it.

Steps hand each other rows by these and by nothing else. A table is made by `create` or `create_empty`, which hold it
to the columns declared here, and dropped by `drop`; the connection's end drops whatever is left. Modules are named
within `megafile/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from campaignkit.sql import quote_identifier

PREFIX = "work_"
ANY = "*"  # the columns of the table it is taken from


@dataclass(frozen=True)
class WorkingTable:
    """A temporary table's contract: columns with their types (`ANY`: those of its source), writer, readers."""

    columns: str
    writer: str
    readers: str


_RECORD = "record_id BIGINT"
_PERSON = "person_id BIGINT"
_LINK = "record_id BIGINT, person_id BIGINT, matched_by VARCHAR, match_probability DOUBLE"
_PEOPLE = "person_id BIGINT, other_person_id BIGINT"
_KEY = "source VARCHAR, record_key VARCHAR"
_COLUMNS = "export.columns"
_PAIR = "record_id BIGINT, other_id BIGINT, odds DOUBLE"

TABLES: Mapping[str, WorkingTable] = {
    # The latest word on each key.
    "work_judged": WorkingTable(
        "record_id BIGINT, source VARCHAR, record_key VARCHAR, standing_id BIGINT, verdict VARCHAR",
        "ingest.settle", "ingest.settle",
    ),
    "work_vanishing": WorkingTable(
        "record_id BIGINT, seen_id BIGINT, source VARCHAR", "ingest.settle", "ingest.settle"
    ),
    "work_newest": WorkingTable("source VARCHAR, scope VARCHAR, as_of DATE", "ingest.settle", "ingest.settle"),
    "work_kept": WorkingTable(_RECORD, "ingest.settle", "ingest, people, suppression"),  # records taken in
    "work_gone": WorkingTable(_RECORD, "ingest.settle", "ingest, people, suppression"),  # records that no longer count
    "work_seen": WorkingTable(_RECORD, "ingest.settle", "ingest, refresh.update_people"),  # repeated later
    "work_touched_key": WorkingTable(_KEY, "ingest.descriptions", "ingest.descriptions"),
    "work_description_pool": WorkingTable(
        "record_id BIGINT, source VARCHAR, record_key VARCHAR, place VARCHAR, seen_id BIGINT, latest BOOLEAN",
        "ingest.descriptions", "ingest.descriptions",
    ),
    "work_dropped": WorkingTable(ANY, "ingest.descriptions", "linkage, refresh.update_people"),  # rows of source_record
    "work_fresh": WorkingTable(_RECORD, "ingest.descriptions", "linkage.relink, refresh.update_people"),
    # Linking.
    "work_prepared": WorkingTable(ANY, "linkage.prepared_records", "linkage"),  # one row per record, as it is compared
    "work_comparable": WorkingTable(ANY, "linkage.prepared_records", "linkage"),
    "work_incoming": WorkingTable("row BIGINT", "linkage.link_sources", "linkage.link_sources"),
    "work_link": WorkingTable(f"{_LINK}, incoming BOOLEAN", "linkage", "linkage, resolve"),
    "work_scored_pair": WorkingTable(_PAIR, "linkage.link_sources", "linkage"),
    "work_scored_record": WorkingTable("record_id BIGINT, own BOOLEAN", "linkage.link_sources", "linkage"),
    "work_new_group": WorkingTable(
        "record_id BIGINT, root BIGINT, matched_by VARCHAR, match_probability DOUBLE",
        "linkage.link_sources", "linkage.link_sources",
    ),
    "work_edge": WorkingTable(
        "place INTEGER, a BIGINT, b BIGINT, matched_by VARCHAR, match_probability DOUBLE",
        "linkage.link_sources", "linkage",
    ),
    "work_unlinked": WorkingTable(ANY, "linkage.link_sources", "linkage"),
    "work_existing_row": WorkingTable("row BIGINT, person_id BIGINT", "linkage.link_sources", "linkage.link_sources"),
    "work_existing_record": WorkingTable(ANY, "linkage.link_sources", "linkage"),
    "work_own_source": WorkingTable(ANY, "linkage.link_sources", "linkage"),
    "work_splink_pair": WorkingTable("row_l BIGINT, row_r BIGINT, odds DOUBLE", "linkage.scored_pairs", "linkage"),
    "work_met_pair": WorkingTable("row_l BIGINT, row_r BIGINT", "linkage", "linkage"),
    "work_pair_to_score": WorkingTable("row_l BIGINT, row_r BIGINT", "linkage", "linkage"),
    "work_left_key": WorkingTable(ANY, "linkage", "linkage"),  # what records are blocked by
    "work_right_key": WorkingTable(ANY, "linkage", "linkage"),
    "work_household_sample": WorkingTable(ANY, "linkage.model", "linkage.model"),
    "work_first_frequency": WorkingTable("first VARCHAR, tf_first DOUBLE", "linkage.model", "linkage"),
    "work_last_frequency": WorkingTable("last VARCHAR, tf_last DOUBLE", "linkage.model", "linkage"),
    "work_city_frequency": WorkingTable("city VARCHAR, tf_city DOUBLE", "linkage.model", "linkage"),
    # Linking anew those a night touches.
    "work_everyone": WorkingTable(ANY, "linkage.relink", "linkage.relink"),
    "work_near": WorkingTable(_PERSON, "linkage.relink", "linkage.relink"),
    "work_relinking": WorkingTable(_PERSON, "linkage.relink", "linkage.relink"),
    "work_offered": WorkingTable("row BIGINT", "linkage.relink", "linkage.relink"),
    "work_searching": WorkingTable(ANY, "linkage.relink", "linkage.relink"),
    "work_hit": WorkingTable(ANY, "linkage.relink", "linkage.relink"),
    "work_hit_by_form": WorkingTable(ANY, "linkage.relink", "linkage.relink"),
    "work_new_person_edge": WorkingTable(_PEOPLE, "linkage.relink", "linkage.relink"),
    "work_regrouped": WorkingTable(
        "row BIGINT, before BIGINT, after BIGINT, how_before VARCHAR, how_after VARCHAR",
        "linkage.relink", "linkage.relink",
    ),
    "work_changed_record": WorkingTable("row BIGINT", "linkage.relink", "linkage.relink"),
    "work_searching_comparable": WorkingTable(ANY, "linkage.relink", "linkage.relink"),
    "work_everyone_comparable": WorkingTable(ANY, "linkage.relink", "linkage.relink"),
    "work_searching_key": WorkingTable(ANY, "linkage.relink", "linkage.relink"),  # what they are blocked by
    "work_everyone_key": WorkingTable(ANY, "linkage.relink", "linkage.relink"),
    "work_shared_block": WorkingTable("searching BIGINT, everyone BIGINT", "linkage.relink", "linkage.relink"),
    "work_meeting": WorkingTable(
        "meeting BIGINT, searching BIGINT, everyone BIGINT, turn_l INTEGER, turn_r INTEGER",
        "linkage.relink", "linkage.relink",
    ),
    "work_searching_side": WorkingTable(ANY, "linkage.relink", "linkage.scored_pairs"),
    "work_everyone_side": WorkingTable(ANY, "linkage.relink", "linkage.scored_pairs"),
    "work_new_pair": WorkingTable(_PAIR, "linkage.relink", "linkage.relink"),
    "work_relinked": WorkingTable(_LINK, "linkage.relink, refresh.order_of_work", "linkage.person_ids"),
    "work_shared_rule": WorkingTable(_PEOPLE, "linkage.relink, refresh.order_of_work", "linkage.person_ids"),
    # Person ids.
    "work_before_retraining": WorkingTable(_LINK, "refresh.order_of_work", "refresh.order_of_work"),
    "work_claimed": WorkingTable(ANY, "linkage.person_ids", "linkage.person_ids"),
    "work_kept_id": WorkingTable("before BIGINT, local_id BIGINT", "linkage.person_ids", "linkage.person_ids"),
    "work_named": WorkingTable(
        "local_id BIGINT, person_id BIGINT, new BOOLEAN", "linkage.person_ids", "linkage.person_ids"
    ),
    "work_renamed": WorkingTable(
        "record_id BIGINT, source VARCHAR, record_key VARCHAR, before BIGINT, after BIGINT",
        "linkage.person_ids", "refresh.update_people",
    ),
    # One row per person, and who facts are about.
    "work_trust": WorkingTable("source VARCHAR, official BIGINT, reaching BIGINT", "people", "people"),
    "work_survivor": WorkingTable(ANY, "people", "people"),
    "work_all_addresses": WorkingTable("address_key VARCHAR", "people", "people"),
    "work_home": WorkingTable("key VARCHAR, state VARCHAR, zip5 VARCHAR, people BIGINT", "people", "people"),
    "work_household_before": WorkingTable(ANY, "people", "people"),
    "work_fact_person": WorkingTable("record_id BIGINT, person_id BIGINT", "people", "people"),
    "work_moved": WorkingTable(f"{_KEY}, person_id BIGINT", "refresh.update_people", "people"),
    "work_touched_person": WorkingTable(_PERSON, "refresh.update_people", "refresh.update_people"),
    "work_touched_address": WorkingTable("address_key VARCHAR", "refresh.update_people", "people"),
    "work_concerned": WorkingTable(_PERSON, "refresh.update_people", "people"),
    # Who not to reach.
    "work_closing": WorkingTable(ANY, "suppression", "suppression"),  # one row per refusal and channel that it closes
    "work_reversal": WorkingTable(ANY, "suppression", "suppression"),
    "work_refuser_key": WorkingTable(
        "source VARCHAR, person_key VARCHAR, plain VARCHAR", "suppression", "suppression"
    ),
    "work_every_description": WorkingTable(ANY, "suppression", "suppression"),
    "work_refuser_description": WorkingTable(ANY, "suppression", "suppression"),
    "work_refuser": WorkingTable("source VARCHAR, person_key VARCHAR, person_id BIGINT", "suppression", "suppression"),
    "work_lost_refuser": WorkingTable(ANY, "suppression", "suppression"),
    "work_held_point": WorkingTable("source VARCHAR, person_key VARCHAR, point VARCHAR", "suppression", "suppression"),
    "work_ending": WorkingTable("closing BIGINT, said_on DATE", "suppression", "suppression"),
    "work_fec_person": WorkingTable(ANY, "linkage.fec_gifts", "linkage.fec_gifts"),
    "work_fec_lookup": WorkingTable("record_id BIGINT, person_id BIGINT", "linkage.fec_gifts", "linkage.fec_gifts"),
    # A call list.
    "work_flagged": WorkingTable(ANY, "call_list", "call_list"),  # with the step at which each person falls out
    "work_reachable": WorkingTable(ANY, "call_list", "call_list"),
    # What leaves as columns.
    "work_closed_point": WorkingTable("point VARCHAR, means VARCHAR, channel VARCHAR", _COLUMNS, _COLUMNS),
    "work_phone_closed": WorkingTable("point VARCHAR", _COLUMNS, _COLUMNS),
    "work_email_closed": WorkingTable("point VARCHAR", _COLUMNS, _COLUMNS),
    "work_closed_person": WorkingTable(ANY, _COLUMNS, _COLUMNS),  # and a yes or no for each channel
    "work_closed_household": WorkingTable("household_id BIGINT", _COLUMNS, _COLUMNS),
    "work_closed_for": WorkingTable(
        "person_id BIGINT, phone BOOLEAN, email BOOLEAN, address BOOLEAN", _COLUMNS, _COLUMNS
    ),
    "work_consenting": WorkingTable(_PERSON, _COLUMNS, _COLUMNS),
    "work_chosen": WorkingTable("person_id BIGINT, household_id BIGINT", _COLUMNS, _COLUMNS),
}  # fmt: skip


def create(
    con: duckdb.DuckDBPyConnection, name: str, query: str, parameters: Any = None, *, view: bool = False
) -> None:
    """Make a working table (or view) from a query, and hold it to its declared columns.

    Parameters
    ----------
    con : DuckDB connection
    name : str
        A name in `TABLES`; one that stands is replaced.
    query : str
        SQL.
    parameters : list, dict or None
        The query's.
    view : bool
        Whether to make a view, which takes no parameters.
    """
    kind = "VIEW" if view else "TABLE"
    con.execute(f"CREATE OR REPLACE TEMP {kind} {quote_identifier(name)} AS {query}", parameters)
    declared = TABLES[name].columns
    if declared != ANY:
        wanted = [column.split()[0] for column in declared.split(", ")]
        made = con.table(f"temp.{name}").columns
        assert made == wanted, f"{name} has the columns {made}; working_tables declares {wanted}"


def create_empty(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Make an empty working table of its declared columns; one that stands is replaced."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {quote_identifier(name)} ({TABLES[name].columns})")


def drop(con: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Drop working tables and views; one that is not there is passed over."""
    kinds = dict(con.execute(
        "SELECT table_name, 'TABLE' FROM duckdb_tables() WHERE temporary "
        "UNION ALL SELECT view_name, 'VIEW' FROM duckdb_views() WHERE temporary").fetchall())  # fmt: skip
    for name in names:
        if name in kinds:
            con.execute(f"DROP {kinds[name]} temp.{quote_identifier(name)}")
