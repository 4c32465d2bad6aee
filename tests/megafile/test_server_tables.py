"""Tables leave into a Postgres server: as in a folder, all or none of them, streamed, and no password is said."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from campaignkit.errors import BadValue, CampaignkitError, SourceRestricted
from campaignkit.megafile.export.columns import ALL
from campaignkit.tables import read_export, read_sql
from tests.megafile.campaign import write_facts
from tests.megafile.test_column_export import PEOPLE, facts, made_up, megafile  # noqa: F401  (fixtures)
from tests.test_warehouse import server  # noqa: F401  (a fixture)

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
MANIFEST = "campaignkit_manifest"


def schema_of(address, name):
    """Make a schema, and return the address by which new tables are made in it."""
    run(address, f"CREATE SCHEMA {name}")
    return f"{address}?options=-csearch_path%3D{name}"


def run(address, statement):
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def rows_of(address, query):
    return pl.DataFrame(pl.from_arrow(read_sql(address, query).read_all()))


def tables_in(address, schema):
    query = f"SELECT table_name::text FROM information_schema.tables WHERE table_schema = '{schema}'"
    return set(rows_of(address, query)["table_name"])


def test_what_is_read_back_is_what_a_folder_holds(server, megafile, tmp_path):  # noqa: F811
    address = schema_of(server, "whole")
    written = megafile.export(address, progress=False)
    folder = tmp_path / "out"
    megafile.export(folder, progress=False)
    assert written == [*ALL, MANIFEST]
    assert tables_in(server, "whole") == {*written}
    for name in ALL:
        expected = read_export(folder, name).collect()
        found = rows_of(address, f'SELECT * FROM "{name}"')
        assert found.columns == expected.columns, name
        decimals = {column: kind for column, kind in expected.schema.items() if kind.is_decimal()}
        found = found.with_columns(pl.col(column).cast(kind) for column, kind in decimals.items())  # numeric is text
        whole = {column: kind for column, kind in expected.schema.items() if kind.is_unsigned_integer()}
        found = found.with_columns(pl.col(column).cast(kind) for column, kind in whole.items())
        assert found.schema == expected.schema, name
        assert sorted(map(repr, found.rows())) == sorted(map(repr, expected.rows())), name
    assert rows_of(address, "SELECT * FROM person").height == PEOPLE
    assert "Île/Ñ =ß" in rows_of(address, "SELECT state FROM person")["state"]


def test_the_manifest_is_a_table(server, megafile, tmp_path):  # noqa: F811
    address = schema_of(server, "said")
    folder = megafile.export(tmp_path / "out", progress=False)[-1].parent
    megafile.export(address, progress=False)
    (row,) = rows_of(address, f"SELECT * FROM {MANIFEST}").rows(named=True)
    there, here = json.loads(row["manifest"]), json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert row["exported_at"] == there["exported_at"]
    for what in ("as_of", "restricted", "suppression", "campaignkit", "people"):
        assert there[what] == here[what]
    assert there["format"] == "postgresql"
    for name, table in here["tables"].items():
        kept = ("rows", "columns", "restricted", "restricted_columns")
        assert there["tables"][name] == {what: table[what] for what in kept}
    assert rows_of(address, "SELECT (manifest::json #>> '{suppression,people,email}')::int AS n "
                            f"FROM {MANIFEST}")["n"][0] > 0  # fmt: skip
    comment = "SELECT obj_description('fec_gift'::regclass) AS of_fec, obj_description('gift'::regclass) AS of_gift"
    ((of_fec, of_gift),) = rows_of(address, comment).rows()
    assert of_fec.startswith("Not to be used for soliciting (52 USC")
    assert of_gift is None
    logged = megafile.exports["path"].to_list()[-1]
    assert logged == server.replace("campaign:secret@", "")


def test_columns_and_people_are_picked_and_suppression_comes_along(server, megafile):  # noqa: F811
    address = schema_of(server, "picked")
    ohio = megafile.universe(state="OH")
    assert megafile.export(address, {"person": ["person_id", "sources"]}, people=ohio, progress=False) == [
        "person", "suppression", MANIFEST
    ]  # fmt: skip
    person = rows_of(address, "SELECT * FROM person")
    assert person.columns == ["person_id", "sources"]
    assert set(person["person_id"]) == set(ohio.people("person_id")["person_id"])
    assert person["sources"].to_list() == [["tiny"]] * person.height
    assert set(rows_of(address, "SELECT person_id FROM suppression")["person_id"]) <= set(person["person_id"])


def test_structs_are_written_as_text(server, megafile):  # noqa: F811
    address = schema_of(server, "structs")
    megafile.export(address, ["source_file"], progress=False)
    assert rows_of(address, "SELECT pg_typeof(unread)::text AS unread FROM source_file")["unread"].to_list() == ["text"]


def test_fec_columns_read_back_reach_no_list(server, megafile):  # noqa: F811
    address = schema_of(server, "fec")
    megafile.export(address, ["fec_gift"], progress=False)
    gave = rows_of(address, "SELECT * FROM fec_gift WHERE person_id IS NOT NULL")
    with pytest.raises(SourceRestricted, match="comes from FEC reports"):
        megafile.universe_of(gave, restricted=()).call_list("door", "fundraise")


def test_a_table_that_is_there_is_refused_and_stays(server, megafile):  # noqa: F811
    address = schema_of(server, "standing")
    run(server, "CREATE TABLE standing.suppression AS SELECT 1 AS ours")
    run(server, "CREATE VIEW standing.household AS SELECT 2 AS ours")
    with pytest.raises(BadValue, match="household, suppression: there already in the database's schema 'standing'"):
        megafile.export(address, ["person", "household"], progress=False)
    assert tables_in(server, "standing") == {"suppression", "household"}
    assert rows_of(address, "SELECT * FROM suppression").rows() == [(1,)]
    run(server, "DROP TABLE standing.suppression")
    megafile.export(address, ["person"], progress=False)
    with pytest.raises(BadValue, match=f"^{MANIFEST}, suppression: there already"):
        megafile.export(address, ["gift"], progress=False)


def test_a_write_that_the_server_refuses_leaves_nothing(server, facts, tmp_path):  # noqa: F811
    address = schema_of(server, "refused")
    tag = facts["tag"].with_columns(name=pl.lit("wa\0lk"))  # Postgres's text has no such character
    with (
        write_facts(tmp_path / "m.duckdb", {**facts, "tag": tag}) as megafile,  # noqa: F811
        pytest.raises(BadValue, match=r"^tag can't be written, and nothing was: .*invalid byte sequence") as refused,
    ):
        megafile.export(address, ["person", "tag"], progress=False)
    assert "secret" not in str(refused.value)
    assert tables_in(server, "refused") == set()


EXPORT = """
import sys
from campaignkit import Megafile
from tests.benchmarks.measure import peak
with Megafile.open(sys.argv[1]) as megafile:
    megafile.export(sys.argv[2], ["person", "gift"], progress=False)
print(round(peak()))
"""


def test_a_killed_write_leaves_nothing(server, tmp_path):  # noqa: F811
    made_up(tmp_path / "m.duckdb", 400_000)
    address = schema_of(server, "killed")
    command = [sys.executable, "-c", EXPORT, str(tmp_path / "m.duckdb"), address]
    busy = "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE 'COPY%gift%' AND state = 'active'"
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT)
        while not rows_of(server, busy)["n"][0]:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert tables_in(server, "killed") == set()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    assert tables_in(server, "killed") == {"person", "gift", "suppression", MANIFEST}


def test_memory_does_not_grow_with_people(server, tmp_path):  # noqa: F811
    peaks = []
    for people in (200_000, 1_000_000):
        made_up(tmp_path / f"{people}.duckdb", people)
        command = [sys.executable, "-c", EXPORT, str(tmp_path / f"{people}.duckdb"), schema_of(server, f"n{people}")]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout))
    assert peaks[1] < peaks[0] + 200, peaks


def test_what_cannot_be_meant_is_refused(server, megafile):  # noqa: F811
    with pytest.raises(BadValue, match="not split"):
        megafile.export(server, ["person"], partition_by="state", progress=False)
    with pytest.raises(BadValue, match="no driver for 'mysql"):
        megafile.export("mysql://ann:secret@db/crm", ["person"], progress=False)
    closed = server.replace(server.rpartition(":")[2].partition("/")[0], "1")
    with pytest.raises(CampaignkitError, match="can't be reached") as unreached:
        megafile.export(closed, ["person"], progress=False)
    assert "secret" not in str(unreached.value)
    with pytest.raises(BadValue, match="nothing was") as denied:
        megafile.export(f"{server}?options=-csearch_path%3Dnowhere", ["person"], progress=False)
    assert "secret" not in str(denied.value)
