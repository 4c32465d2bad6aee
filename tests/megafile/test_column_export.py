"""Tables leave as Parquet: everybody, no closed contact, FEC columns known again, whole or not at all, streamed."""

import datetime
import hashlib
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow.dataset
import pytest

from campaignkit import Megafile
from campaignkit.errors import BadValue, ColumnNotFound, SourceRestricted
from campaignkit.megafile import schema
from campaignkit.megafile.export import parquet_folder
from campaignkit.megafile.export.columns import ALL, FREE, STAY
from campaignkit.restrictions import restrictions_of
from campaignkit.tables import read_export
from tests.megafile.campaign import TODAY, pick, write_campaign, write_facts

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 600
STATES = ["OH", "NC", "Île/Ñ =ß", "%2F", None]


def contacts(rng):
    return {
        "phone": pick(rng, [None, *(f"+1216555{n:04}" for n in range(300))], PEOPLE),
        "email": pick(rng, [None, *(f"p{n}@x.org" for n in range(400))], PEOPLE),
        "address": [f"{n} Elm Street" for n in range(PEOPLE)],
        "unit": pick(rng, [None, "Apt 4"], PEOPLE),
    }


@pytest.fixture(scope="module")
def facts():
    rng = np.random.default_rng(11)
    ids = range(1, PEOPLE + 1)
    person = pl.DataFrame(
        {
            "person_id": ids,
            "household_id": pick(rng, [None, *range(1, 200)], PEOPLE),
            "state": pick(rng, STATES, PEOPLE),
        }
        | {"sources": [["tiny"]] * PEOPLE, "confidential": pick(rng, [None, False, False, False, True], PEOPLE)}
        | contacts(rng)
    )
    held = person.select("phone", "email").sample(120, seed=3)
    suppression = pl.DataFrame(
        {
            "person_id": rng.integers(1, PEOPLE + 1, 90),
            "channel": pick(rng, ["phone", "text", "door", "mail", "email", "all"], 90),
            "reason": ["refused"] * 90,
            "until": pick(rng, [None, None, TODAY], 90),
            "email": ["refuser@x.org"] * 90,
            "phone": ["+12165559999"] * 90,
        }
    )
    closed = pl.DataFrame(
        {
            "channel": ["email"] * 60 + pick(rng, ["phone", "text"], 60),
            "point": [*held["email"].fill_null("gone@x.org")[:60], *held["phone"].fill_null("+12165550000")[60:]],
            "reason": ["unsubscribed"] * 120,
        }
    )
    of_person = person.select("person_id", "phone", "email")
    contact = of_person.with_columns(channel=pl.lit("phone"), record_id=pl.col("person_id"))
    optin = of_person.select("person_id", "phone", answer=pl.Series(pick(rng, ["yes", "no"], PEOPLE)))
    optin = optin.with_columns(answered_on=pl.lit(TODAY))
    said = pl.concat([of_person["email"], of_person["phone"].str.strip_prefix("+1"), pl.Series(["Obama"] * PEOPLE)])
    answers = pl.DataFrame({"person_id": [*ids] * 3, "question": ["q"] * 3 * PEOPLE, "answer": said})
    fec = pl.DataFrame(
        {"person_id": [1, 2, None], "name": ["A", "B", "C"], "amount": [1.0, 2.0, 3.0], "state": ["OH", "NC", "OH"]}
    )
    score = pl.DataFrame(
        {"person_id": [1, 2], "name": ["rich", "turnout"], "value": [1.0, 0.5], "restricted": ["fec_gifts", None]}
    ).with_columns(scored_on=pl.lit(TODAY))
    own = pl.DataFrame({"name": ["second_phone", "net_worth"], "restricted": [None, "fec_gift"], "type": ["text"] * 2})
    attribute = of_person.select("person_id", name=pl.lit("second_phone"), value="phone")
    attribute = pl.concat([attribute, pl.DataFrame({"person_id": [1], "name": ["net_worth"], "value": ["big"]})])
    tag = pl.DataFrame({"person_id": [1], "name": ["walk"], "source": ["tiny"], "record_key": ["p1@x.org|Bob"]})
    return {
        "person": person, "suppression": suppression, "closed_contact_point": closed, "contact": contact,
        "text_optin": optin, "survey_response": answers, "fec_gift": fec, "score": score, "own_column": own,
        "attribute": attribute, "tag": tag, "caller": pl.DataFrame({"caller_id": ["c1"], "state": ["OH"]}),
    }  # fmt: skip


@pytest.fixture(scope="module")
def megafile(facts, tmp_path_factory):
    with write_facts(tmp_path_factory.mktemp("columns") / "random.duckdb", facts) as megafile:
        yield megafile


@pytest.fixture(scope="module")
def out(megafile, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "out"
    megafile.export(folder, partition_by="state", progress=False)
    return folder


def closed_people(facts):
    """The reference, in plain Polars: who is closed for which of phone, email and address."""
    person = facts["person"]
    said = facts["suppression"].filter(pl.col("until").is_null()).select("person_id", "channel")
    secret = person.filter("confidential").select("person_id", channel=pl.lit("all"))
    points = facts["closed_contact_point"]
    by_point = [
        person.join(points, left_on=means, right_on="point").select("person_id", "channel")
        for means in ("phone", "email")
    ]
    said = pl.concat([said, secret, *by_point])
    means = {"phone": ["phone", "text", "all"], "email": ["email", "all"], "address": ["door", "mail", "all"]}
    closed = {name: set(said.filter(pl.col("channel").is_in(of))["person_id"]) for name, of in means.items()}
    homes = person.filter(pl.col("person_id").is_in(closed["address"]))["household_id"].drop_nulls().to_list()
    closed["address"] |= set(person.filter(pl.col("household_id").is_in(homes))["person_id"])
    return closed


def texts_of(folder):
    return {
        text
        for file in folder.rglob("*.parquet")
        for column in pl.read_parquet(file, hive_partitioning=False).iter_columns()
        if column.dtype == pl.String
        for text in column.drop_nulls()
    }


def test_everybody_is_there_and_contacts_where_they_are_open_alone(facts, out):
    person, closed = read_export(out, "person").collect().sort("person_id"), closed_people(facts)
    assert person.height == PEOPLE
    before = facts["person"]
    for column, means in {"phone": "phone", "email": "email", "address": "address", "unit": "address"}.items():
        shut = before["person_id"].is_in(closed[means])
        expected = pl.select(pl.when(~shut).then(before[column])).to_series()
        assert shut.any()
        assert not shut.all()
        assert person[column].equals(expected, check_names=False), column
    assert person["state"].equals(before["state"])


def test_no_closed_contact_is_anywhere_in_the_folder(facts, out):
    person, closed, texts = facts["person"], closed_people(facts), texts_of(out)
    for means in ("phone", "email", "address"):
        shut = set(person.filter(pl.col("person_id").is_in(closed[means]))[means].drop_nulls())
        open_ = set(person.filter(~pl.col("person_id").is_in(closed[means]))[means].drop_nulls())
        shut -= open_ if means != "address" else set()  # also somebody else's, who has not closed it
        assert shut
        assert shut.isdisjoint(texts)
        assert open_ & texts
    points = set(facts["closed_contact_point"]["point"])
    assert points.isdisjoint(texts)
    assert {point.removeprefix("+1") for point in points}.isdisjoint(texts)
    assert {"refuser@x.org", "+12165559999", "p1@x.org|Bob"}.isdisjoint(texts)
    assert "p1@x.org" not in json.dumps(json.loads((out / "manifest.json").read_text()))


def test_who_may_not_be_contacted_is_said_of_each(facts, out):
    person = read_export(out, "person").collect()
    said = dict(person.select("person_id", pl.col("not_to_contact_by").fill_null("")).iter_rows())
    closed = closed_people(facts)
    for means, channels in {"phone": {"phone", "text"}, "email": {"email"}}.items():
        for who in closed[means]:
            assert channels & set(said[who].split(", "))
    yes = facts["text_optin"].filter(pl.col("answer") == "yes")["person_id"].to_list()
    assert all("text" in said[who] for who in set(said) - set(yes))
    assert any(not said[who] for who in yes)
    assert set(facts["suppression"]["person_id"]) == set(read_export(out, "suppression").collect()["person_id"])


def test_the_manifest_says_what_lies_there(megafile, out):
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["as_of"] == str(TODAY)
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", manifest["campaignkit"])
    assert manifest["restricted"]["holds"] == ["fec_gift", "fec_gifts"]
    assert manifest["suppression"]["people"]["email"] > 0
    assert "May be" not in manifest["suppression"]["note"]
    assert "Nobody may be contacted" in manifest["suppression"]["note"]
    assert set(manifest["tables"]) == set(ALL)
    for name, table in manifest["tables"].items():
        assert (
            table["rows"] == megafile.table(name).count("*").fetchall()[0][0] == sum(f["rows"] for f in table["files"])
        )
        for file in table["files"]:
            content = (out / file["name"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file["sha256"]
    fec = manifest["tables"]["fec_gift"]
    assert fec["restricted_columns"][0] == "fec_given_on"
    assert "person_id" not in fec["restricted_columns"]
    assert manifest["tables"]["gift"]["restricted"] == []
    listed = {file["name"] for table in manifest["tables"].values() for file in table["files"]}
    assert listed == {path.relative_to(out).as_posix() for path in out.rglob("*.parquet")}
    assert megafile.exports["path"].to_list()[-1:] == [out.name]


def test_a_state_is_a_folder_that_every_reader_reads(facts, out):
    names = {path.name for path in (out / "person").iterdir()}
    assert names == {"state=OH", "state=NC", "state=%C3%8Ele%2F%C3%91%20%3D%C3%9F", "state=%252F",
                     "state=__HIVE_DEFAULT_PARTITION__"}  # fmt: skip
    expected = sorted(facts["person"].select("person_id", "state").rows())  # ids differ: None is never compared
    files = f"{out}/person/**/*.parquet"
    by_duckdb = duckdb.sql(f"SELECT person_id, state FROM read_parquet('{files}', hive_partitioning = true)").fetchall()
    assert sorted(by_duckdb) == expected
    by_arrow = pyarrow.dataset.dataset(out / "person", partitioning="hive").to_table(columns=["person_id", "state"])
    assert sorted(zip(*by_arrow.to_pydict().values(), strict=True)) == expected


def test_rows_go_where_their_person_does(facts, out):
    of = dict(facts["person"].select("person_id", "state").iter_rows())
    for name in ("contact", "fec_gift", "score"):
        rows = read_export(out, name).collect()
        assert rows.height
        assert all(state == of.get(who) for who, state in rows.select("person_id", "state").iter_rows()), name
    assert read_export(out, "fec_gift").collect().select("fec_state").to_series().sort().to_list() == ["NC", "OH", "OH"]
    assert read_export(out, "caller").collect()["state"].to_list() == ["OH"]


def test_an_empty_table_keeps_its_columns_and_types(out):
    gifts = read_export(out, "gift").collect()
    assert gifts.height == 0
    assert gifts.schema["given_on"] == pl.Date
    assert gifts.schema["amount"] == pl.Decimal(14, 2)


def test_columns_and_people_are_picked(megafile, tmp_path):
    ohio = megafile.universe(state="OH")
    tables = {"person": ["person_id", "phone"], "contact": None, "household": None}
    megafile.export(tmp_path / "out", tables, people=ohio, progress=False)
    person = read_export(tmp_path / "out", "person").collect()
    assert person.columns == ["person_id", "phone"]
    assert set(person["person_id"]) == set(ohio.people("person_id")["person_id"])
    for name in ("contact", "suppression"):
        assert set(read_export(tmp_path / "out", name).collect()["person_id"]) <= set(person["person_id"])
    some = megafile.universe_of([1, 2, 3])
    megafile.export(tmp_path / "three", ["person"], people=some, progress=False)
    assert read_export(tmp_path / "three", "person").collect()["person_id"].sort().to_list() == [1, 2, 3]


def test_exported_again_it_is_the_same_and_nothing_is_replaced(megafile, tmp_path):
    first = megafile.export(tmp_path / "a", ["person"], partition_by="state", progress=False)
    again = megafile.export(tmp_path / "b", ["person"], partition_by="state", progress=False)
    for one, other in zip(first[:-1], again[:-1], strict=True):
        assert pl.read_parquet(one).sort("person_id").equals(pl.read_parquet(other).sort("person_id"))
    with pytest.raises(BadValue, match="is there already, and an export replaces nothing"):
        megafile.export(tmp_path / "a", ["caller"], progress=False)
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadValue, match="there already"):
        megafile.export(tmp_path / "file", ["caller"], progress=False)
    (tmp_path / "empty").mkdir()
    megafile.export(tmp_path / "empty", ["caller"], progress=False)
    assert (tmp_path / "empty").stat().st_mode & 0o077 == 0
    assert (tmp_path / "empty" / "manifest.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("table", sorted(STAY))
def test_what_holds_closed_contacts_stays(megafile, tmp_path, table):
    with pytest.raises(BadValue, match="is not exported"):
        megafile.export(tmp_path / "out", [table], progress=False)
    assert list(tmp_path.iterdir()) == []


def test_every_table_is_exported_or_stays(megafile, tmp_path):
    rest = [name for name in schema.names() if name not in STAY]
    megafile.export(tmp_path / "out", rest, progress=False)
    texts = texts_of(tmp_path / "out")
    assert {"refuser@x.org", "+12165559999"}.isdisjoint(texts)


def test_what_cannot_be_meant_is_refused(megafile, tmp_path):
    refused = [
        ({"tables": "person"}, "pass a list"), ({"tables": ["persn"]}, "did you mean 'person'"),
        ({"tables": []}, "tables is empty"), ({"format": "csv"}, "format"), ({"partition_by": "sate"}, "'state'"),
        ({"partition_by": "email"}, "no name of a folder"), ({"tables": {"person": []}}, "no column of person"),
        ({"tables": {"person": "phone"}}, "in a list"),
    ]  # fmt: skip
    for options, message in refused:
        with pytest.raises(BadValue, match=message):
            megafile.export(tmp_path / "out", progress=False, **options)
    with pytest.raises(ColumnNotFound, match="did you mean 'phone'"):
        megafile.export(tmp_path / "out", {"person": ["phnoe"]}, progress=False)
    with pytest.raises(ColumnNotFound, match="email"):  # a refusal's own address
        megafile.export(tmp_path / "out", {"suppression": ["email"]}, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_too_many_parts_are_refused_and_nothing_is_left(megafile, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_folder, "MOST_PARTS", 3)
    with pytest.raises(BadValue, match="over 3 values"):
        megafile.export(tmp_path / "out", ["person"], partition_by="state", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_fec_columns_read_back_reach_no_list(megafile, out):
    fec = read_export(out, "fec_gift")
    assert restrictions_of(fec) == {"fec_gift"}
    assert restrictions_of(read_export(out, "contact")) == frozenset()
    rows = fec.drop_nulls("person_id").collect()
    for people in (fec.drop_nulls("person_id"), rows, rows.filter(pl.col("fec_amount") > 1).clone()):
        universe = megafile.universe_of(people, restricted=())  # said wrongly: the columns' names know better
        with pytest.raises(SourceRestricted, match="comes from FEC reports"):
            universe.call_list("door", "fundraise")
    assert megafile.universe_of(read_export(out, "contact")).call_list("door", "fundraise").table.height > 0
    rich = read_export(out, "score")
    with pytest.raises(SourceRestricted, match="fec_gifts"):
        megafile.universe_of(rich, restricted=()).call_list("door", "fundraise")


def test_people_picked_by_fec_reports_stay_so(megafile, tmp_path):
    rich = megafile.universe("fec_gifts() > 0")
    megafile.export(tmp_path / "out", ["person"], people=rich, progress=False)
    person = read_export(tmp_path / "out", "person")
    assert restrictions_of(person) == {"fec_gifts"}
    with pytest.raises(SourceRestricted, match="fec_gifts"):
        megafile.universe_of(person, restricted=()).call_list("door", "fundraise")


LAYOUT = """
name = "exported"
title = "An export of ours"
source = "exported"
kind = "list"
mode = "append"
key = ["person_id"]
[file]
required = ["person_id", "{name}"]
[as_of]
file_name = '(\\\\d{{8}})'
format = "%Y%m%d"
[person.columns]
first_name = "{name}"
"""


@pytest.mark.parametrize(("table", "column"), [("fec_gift", "fec_name"), ("person", "first_name")])
def test_a_build_refuses_a_restricted_file_and_takes_another(out, tmp_path, table, column):
    layouts = write_campaign(tmp_path)
    source = max((out / table).rglob("*.parquet"), key=lambda path: path.stat().st_size)
    (tmp_path / "exports" / "ours_20121001.parquet").write_bytes(source.read_bytes())
    own = tmp_path / "ours.toml"
    own.write_text(LAYOUT.format(name=column).replace("\\\\d", "\\d"))
    options = {"layouts": [*layouts, own], "model": False, "progress": False}
    if table == "fec_gift":
        with pytest.raises(SourceRestricted, match=r"ours_20121001.parquet was exported .* holds fec_gift"):
            Megafile.build(tmp_path / "exports", tmp_path / "c.duckdb", **options)
        assert not (tmp_path / "c.duckdb").exists()
        return
    with Megafile.build(tmp_path / "exports", tmp_path / "c.duckdb", **options) as built:
        assert "exported" in built.sources["source"].to_list()


def test_a_restricted_table_is_no_source_of_people(out, tmp_path):
    with pytest.raises(SourceRestricted, match="holds fec_gift"):
        Megafile.build({"ours": read_export(out, "fec_gift")}, tmp_path / "c.duckdb", as_of=TODAY)


def test_a_folder_of_another_kind_is_refused(out, tmp_path):
    with pytest.raises(BadValue, match=r"has no manifest\.json"):
        read_export(tmp_path, "person")
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(BadValue, match="can't be read"):
        read_export(tmp_path, "person")
    with pytest.raises(BadValue, match="did you mean 'person'"):
        read_export(out, "persom")


def test_a_stale_megafile_is_not_exported(facts, tmp_path):
    path = tmp_path / "m.duckdb"
    with write_facts(path, facts) as megafile:
        other = tmp_path / "n.duckdb"
        write_facts(other, facts).close()
        other.replace(path)
        with pytest.raises(BadValue, match="may know of more people who said no"):
            megafile.export(tmp_path / "out", progress=False)


EXPORT = """
import sys
from campaignkit import Megafile
from tests.benchmarks.measure import peak
with Megafile.open(sys.argv[1]) as megafile:
    megafile.export(sys.argv[2], ["person", "gift"], partition_by="state", progress=False)
print(round(peak()))
"""


def made_up(path, people):
    with duckdb.connect(path) as con:
        con.execute(schema.schema_sql())
        con.execute("INSERT INTO source_file (file_id, as_of) VALUES (1, ?)", [datetime.date(2012, 10, 1)])
        con.execute(f"""
            INSERT INTO person BY NAME SELECT n AS person_id, n // 2 AS household_id, 'First' || n % 5000 AS first_name,
            n % 300 || ' Elm Street' AS address, ['OH', 'NC', 'WY', NULL][1 + n % 4] AS state,
            '+1' || 2000000000 + n AS phone, 'p' || n || '@example.org' AS email FROM range({people}) r(n)""")
        con.execute(f"INSERT INTO gift BY NAME SELECT n AS person_id, 5 AS amount FROM range({people}) r(n)")
        con.execute(
            f"INSERT INTO suppression BY NAME SELECT n AS person_id, 'email' AS channel FROM range(0, {people}, 10) r(n)"
        )


@pytest.mark.slow
def test_memory_does_not_grow_with_people(tmp_path):
    peaks = []
    for people in (1_000_000, 4_000_000):
        made_up(tmp_path / f"{people}.duckdb", people)
        command = [sys.executable, "-c", EXPORT, str(tmp_path / f"{people}.duckdb"), str(tmp_path / str(people))]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout))
    assert peaks[1] < peaks[0] + 300, peaks
    assert max(peaks) < 1_100, peaks


@pytest.mark.slow
def test_a_killed_export_leaves_nothing_and_the_next_one_cleans_up(tmp_path):
    made_up(tmp_path / "m.duckdb", 400_000)
    command = [sys.executable, "-c", EXPORT, str(tmp_path / "m.duckdb"), str(tmp_path / "out")]
    for _ in range(5):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT)
        while not list(tmp_path.glob(".out.writing-*/*/*/*.parquet")):
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "out").exists()
        assert len(list(tmp_path.glob(".out.writing-*"))) == 1
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    assert not list(tmp_path.glob(".out.writing-*"))
    assert read_export(tmp_path / "out", "person").select(pl.len()).collect().item() == 400_000


def test_ids_that_another_tool_gave_may_hold_addresses_in_every_table():
    given = {(table, "supporter_id") for table in schema.FACTS if "supporter_id" in schema.columns_of(table)}
    assert given
    assert given <= FREE
