"""Rows of a Postgres server make the megafile that their text makes, streamed; what goes wrong is said."""

import io
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from campaignkit import Megafile
from campaignkit.errors import BadValue, CampaignkitError
from campaignkit.tables import read_sql
from campaignkit.warehouse import _first_line, shown_address
from tests.megafile.campaign import GIFTS, VOTERS, write_campaign
from tests.postgres import SERVER, running_postgres

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def server():
    """The address of a Postgres server of this test's own."""
    if SERVER is None:
        pytest.skip("there is no Postgres server on this machine")
    with running_postgres() as address:
        yield address


def put(uri, name, text):
    frame = pl.read_csv(io.StringIO(text), infer_schema=False)
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(uri) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(name, frame.to_arrow(), mode="replace")
        connection.commit()


@pytest.mark.slow
def test_tables_of_a_server_make_the_megafile_of_their_text(server, tmp_path):
    layouts = write_campaign(tmp_path)
    options = {"layouts": layouts, "model": False, "progress": False}
    put(server, "voters", VOTERS)
    put(server, "gifts", GIFTS)
    tables = {name: read_sql(server, f"SELECT * FROM {name}") for name in ("voters", "gifts")}
    with (
        Megafile.build(tmp_path / "exports", tmp_path / "text.duckdb", **options) as text,
        Megafile.build(tables, tmp_path / "sql.duckdb", as_of="2012-10-01", **options) as sql,
    ):
        for name in ("person", "household", "gift", "vote_history"):
            of_text, of_sql = (
                mf.sql(f"FROM {name} ORDER BY ALL").drop("record_id", strict=False) for mf in (text, sql)
            )
            assert of_text.equals(of_sql), name


@pytest.mark.slow
def test_rows_are_streamed_and_typed(server):
    query = (
        "SELECT n, n::text AS name, DATE '2012-10-01' + n % 9 AS day, 0.5 AS dollars FROM generate_series(1, 300000) n"
    )
    reader = read_sql(server, query)
    batches = list(reader)
    assert len(batches) > 1
    assert sum(batch.num_rows for batch in batches) == 300_000
    assert [str(kind) for kind in reader.schema.types] == ["int32", "string", "date32[day]", "string"]
    assert batches[0]["dollars"][0].as_py() == "0.5"


STREAM = """
import sys
from campaignkit.tables import read_sql
from campaignkit.warehouse import _first_line, shown_address
from tests.benchmarks.measure import peak
rows = sum(batch.num_rows for batch in read_sql(sys.argv[1], sys.argv[2]))
print(rows, round(peak()))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_rows(server):
    peaks = []
    for rows in (300_000, 3_000_000):
        query = f"SELECT n, 'Voter number ' || n AS name, DATE '2012-10-01' AS day FROM generate_series(1, {rows}) n"
        command = [sys.executable, "-c", STREAM, server, query]
        said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()
        assert int(said[0]) == rows
        peaks.append(int(said[1]))
    assert peaks[1] < peaks[0] + 40, peaks  # ten times the rows would be 150 MiB more


@pytest.mark.slow
def test_what_the_server_refuses_is_said_without_the_password(server):
    with pytest.raises(BadValue, match="refuses the query") as refused:
        read_sql(server, "SELECT * FROM nowhere")
    assert "secret" not in str(refused.value)
    closed = server.replace(server.rpartition(":")[2].partition("/")[0], "1")
    with pytest.raises(CampaignkitError, match="can't be reached") as unreached:
        read_sql(closed, "SELECT 1")
    assert "secret" not in str(unreached.value)


def test_an_address_without_a_driver_is_refused():
    with pytest.raises(BadValue, match="no driver for 'mysql"):
        read_sql("mysql://a@b/c", "SELECT 1")


@pytest.mark.parametrize("secret", ["sec/ret", "sec@ret", "se%ZZret", "sec?ret"])
def test_a_password_that_breaks_the_address_is_not_said(secret):
    with pytest.raises(BadValue, match="write @ /") as refused:
        read_sql(f"postgresql://ann:{secret}@127.0.0.1:1/crm", "SELECT 1")
    assert not {"sec", "ret", "ZZ"} & set(re.split(r"\W", str(refused.value)))


@pytest.mark.parametrize(
    "address", ["postgresql://ann:s%40t@h/db", "postgresql://h/db?password=s%40t", "postgresql://ann:s%40t@h/db?a"]
)
def test_passwords_are_taken_out_of_what_a_driver_says(address):
    said = _first_line(ValueError(f"\nno such s@t in {address}\nmore"), address)
    assert "s@t" not in said
    assert "s%40t" not in said
    assert said.startswith("no such … in postgresql://")
    assert shown_address(address) in ("postgresql://h/db",)
