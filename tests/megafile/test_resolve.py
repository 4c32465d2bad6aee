"""resolve(): who is linked, who must not be, and that a household is never taken for a person."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np
import polars as pl
import pytest

from campaignkit.errors import BadValue, ColumnNotFound
from campaignkit.megafile import Megafile, schema
from campaignkit.megafile.linkage import decisions, link_sources, model, scored_pairs
from campaignkit.megafile.linkage.components import components
from campaignkit.megafile.linkage.model import Model
from campaignkit.megafile.resolve import resolve
from tests.megafile import campaign

FIRST = ["James", "Robert", "Michael", "William", "David", "Mary", "Patricia", "Jennifer", "Linda", "Susan", "Carol",
         "Walter", "Gerald", "Keith", "Roger", "Diane", "Julie", "Joyce", "Ruth", "Sharon"]  # fmt: skip
LAST = ["Smith", "Johnson", "Brown", "Miller", "Davis", "Garcia", "Wilson", "Moore", "Taylor", "Thomas", "White",
        "Harris", "Clark", "Lewis", "Walker", "Hall", "Young", "King", "Wright", "Hill"]  # fmt: skip


def person(**said):
    """Return one record's values; whatever is not said is unknown."""
    blank = dict.fromkeys(
        ["source", "record_id", "first_name", "middle_name", "last_name", "suffix", "birth_date", "birth_year", "sex", "address",
         "city", "state", "zip5", "phone", "email"]
    )  # fmt: skip
    return blank | said


def table(*records):
    types = {"birth_date": pl.Date, "birth_year": pl.Int64}
    names = person()
    return pl.DataFrame(list(records), schema={name: types.get(name, pl.String) for name in names})


def town(households=700, seed=3):
    """Return a voter file of couples, with Jr beside Sr and twins, and the supporters among them, with their dirt."""
    rng = np.random.default_rng(seed)
    voters, supporters = [], []
    for home in range(households):
        last = LAST[rng.integers(20)] + chr(97 + rng.integers(26)) + chr(97 + rng.integers(26))
        born = date(1930, 1, 1) + timedelta(days=int(rng.integers(22_000)))
        kind = rng.random()
        names = [FIRST[i] for i in rng.choice(20, 2, replace=False)]
        dates = [born, born + timedelta(days=int(rng.integers(-1500, 1500)))]
        suffixes = [None, None]
        if kind < 0.05:  # father and son
            names, suffixes = [names[0]] * 2, ["Sr", "Jr"]
            dates = [born, born + timedelta(days=10_000)]
        elif kind < 0.1:  # twins
            dates = [born, born]
        where = {"address": f"{home + 1} Elm Street", "city": "Akron", "state": "OH", "zip5": f"44{home % 20:03d}"}
        phone = f"216555{home:04d}"
        for name, day, suffix in zip(names, dates, suffixes, strict=True):
            key = f"{len(voters)}"
            told = {"first_name": name, "last_name": last, "suffix": suffix, "phone": phone, **where}
            voters.append(person(source="voters", record_id=key, birth_date=day, birth_year=day.year, **told))
            if rng.random() < 0.4:
                if rng.random() < 0.15:
                    told["last_name"] = last[:2] + last[3:]
                if rng.random() < 0.1:
                    told["first_name"] = name[:1] + name[2:]
                if rng.random() < 0.4:
                    told["phone"] = None
                own = day if rng.random() < 0.6 else None
                supporters.append(person(source="supporters", record_id=key, birth_date=own, **told))
    return table(*voters, *supporters)


@pytest.fixture(scope="module")
def fitted() -> Model:
    """A model fitted on the town, for tests of a few records."""
    used = resolve(town()).model
    assert used is not None
    return used


def same(records, used, **how):
    """Return whether the last two records are held to be one person."""
    ids = resolve(records, model=used, **how).table["person_id"].to_list()
    return ids[-1] == ids[-2]


def crowd():
    """Return a hundred voters who have nothing to do with it."""
    rng = np.random.default_rng(5)
    return [
        person(source="voters", record_id=f"c{i}", first_name=FIRST[rng.integers(20)], last_name=f"Other{chr(97 + i % 26)}{chr(97 + i // 26)}",
               birth_date=date(1950, 1, 1) + timedelta(days=97 * i), address=f"{i} Oak Ave", city="Akron", state="OH", zip5="44999")
        for i in range(100)
    ]  # fmt: skip


HOME = {"address": "12 North Main St", "city": "Akron", "state": "OH", "zip5": "44101", "phone": "2165550199"}


def voter(first_name, **said):
    """Return one of the Kowalczyks of North Main Street, as on the voter file."""
    told = {"source": "voters", "record_id": "v", "first_name": first_name, "last_name": "Kowalczyk", **HOME}
    return person(**(told | said))


def supporter(first_name, **said):
    """Return another, as a supporter said it."""
    return voter(first_name, **({"source": "supporters", "record_id": "s"} | said))


ANN = voter("Ann", sex="F", birth_date=date(1971, 7, 4))


def test_a_spouse_is_not_merged(fitted):
    assert not same(table(*crowd(), ANN, supporter("Peter")), fitted)


def test_a_twin_is_not_merged(fitted):
    twin = supporter("Beatrice", sex="F", birth_date=date(1971, 7, 4))
    assert not same(table(*crowd(), ANN, twin), fitted)


def test_a_junior_is_not_merged_with_a_senior(fitted):
    senior = voter("Robert", suffix="Sr", birth_date=date(1940, 3, 1))
    junior = supporter("Bob", suffix="Jr.")
    assert not same(table(*crowd(), senior, junior), fitted)
    assert same(table(*crowd(), senior, junior | {"suffix": "Sr"}), fitted)


def test_a_son_of_the_same_name_without_a_suffix_is_not_merged(fitted):
    father, son = voter("Robert", birth_date=date(1940, 3, 1)), supporter("Robert", birth_date=date(1968, 5, 9))
    assert not same(table(*crowd(), father, son), fitted)


@pytest.mark.parametrize(
    "changed",
    [
        {"first_name": "Annie"},
        {"first_name": "ANN", "last_name": "KOWALCYZK", "phone": None},
        {"last_name": "Kowalczik", "address": "99 Far Road", "zip5": "44777", "phone": None},
        {"address": "99 Far Road", "zip5": "44777", "phone": None},
        {"first_name": "Án", "last_name": "Kowalczyk", "birth_date": None},
        {"birth_date": date(1971, 4, 7), "phone": None, "last_name": "Kowalczyc"},
    ],
    ids=["nickname", "typo", "moved with a typo", "moved", "slip and no date", "day and month swapped"],
)
def test_a_person_is_found_again(fitted, changed):
    record = ANN | {"source": "supporters", "record_id": "s"} | changed
    assert same(table(*crowd(), ANN, record), fitted)


def test_two_who_fit_alike_leave_a_record_unlinked(fitted):
    namesakes = [ANN | {"record_id": key, "birth_date": None, "phone": None, "address": None} for key in ("a", "b")]
    record = supporter("Ann", last_name="Kowalczik", address=None, phone=None)
    found = resolve(table(*crowd(), *namesakes, record), model=fitted).table
    assert found["matched_by"].null_count() == found.height


def test_one_record_a_person_in_a_source_that_has_each_once(fitted):
    records = table(
        *crowd(),
        ANN,
        *(ANN | {"source": "supporters", "record_id": str(i), "last_name": "Kowalczik"} for i in range(3)),
    )
    found = resolve(records, model=fitted).table.filter(pl.col("source") == "supporters")
    assert found["person_id"].n_unique() == 3
    found = resolve(records, model=fitted, one_per_person={"voters": True, "supporters": False}).table
    assert found["person_id"][-4:].n_unique() == 1


def judged(found, records):
    """Return precision and recall of links between the two sources of `town`, and how many false ones there are."""
    sides = [found.table.filter(pl.col("source") == name) for name in ("supporters", "voters")]
    linked = sides[0].join(sides[1], on="person_id")
    right = linked.filter(pl.col("record_id") == pl.col("record_id_right")).height
    return right / linked.height, right / sides[0].height, linked.height - right


@pytest.mark.slow
def test_households_stay_apart():
    records = town()
    found = resolve(records)
    precision, recall, _ = judged(found, records)
    assert precision >= 0.99
    assert recall >= 0.95
    assert recall > judged(resolve(records, model=False), records)[1]


@pytest.mark.slow
def test_without_what_tells_housemates_apart_households_merge(monkeypatch):
    """The mutation: no first-name veto. It must show, or the tests above prove nothing."""
    records = town()
    at_home = pl.col("record_id").cast(pl.Int64) % 5 < 3  # two in five are not on the file, though their mates are
    records = records.filter((pl.col("source") == "supporters") | at_home)
    only_strangers = "1e9"  # as if nobody had a housemate
    honest = judged(resolve(records, rules=False), records)[2]
    monkeypatch.setattr(scored_pairs, "_against_household_members", lambda used: only_strangers)
    assert judged(resolve(records, rules=False), records)[2] > 10 * honest + 20


@pytest.mark.slow
def test_training_takes_no_household_for_a_person(monkeypatch):
    """The mutation: training pairs that agree on what a household shares."""

    def of_another_name(used):
        first = next(c for c in used.settings["comparisons"] if c["output_column_name"] == "first_name")
        return first["comparison_levels"][-1]["m_probability"]

    assert of_another_name(resolve(town()).model) < 0.1  # 1 household in 20 has twins
    monkeypatch.setattr(model.fit, "__defaults__", ((("last", "zip5"), ("address_key",)),))
    assert of_another_name(resolve(town()).model) > 0.2
    assert all({"first", "birth_text", "email"} & set(anchor) for anchor in model.TRAINING_RULES)


@pytest.mark.slow
def test_the_same_records_and_seed_give_the_same_people():
    records = town(households=300)
    one, other = resolve(records, seed=4), resolve(records, seed=4)
    assert one.table.equals(other.table)
    assert one.model.to_json() == other.model.to_json()


@pytest.mark.slow
def test_a_model_can_be_kept_and_passed_back():
    records = town(households=300)
    first = resolve(records)
    kept = Model.from_json(first.model.to_json())
    again = resolve(records, model=kept)
    assert again.table.equals(first.table)
    with pytest.raises(BadValue, match="no fitted model"):
        Model.from_json('{"settings": {}}')


@pytest.mark.slow
def test_many_records_a_person_within_a_source():
    base = town(households=200).filter(pl.col("source") == "voters")
    ten = pl.concat([base.with_columns(record_id=pl.col("record_id") + f"-{i}") for i in range(10)])
    found = resolve(ten, one_per_person=False)
    who = found.table.with_columns(true=pl.col("record_id").str.extract(r"^(\d+)"))
    assert found.people == base.height
    assert who.group_by("person_id").agg(pl.col("true").n_unique())["true"].max() == 1


@pytest.mark.parametrize("used", [True, False])
def test_an_empty_table_one_row_and_nulls(used):
    empty = resolve(table(), model=used)
    assert empty.table.is_empty()
    assert empty.table.columns == ["source", "record_id", "person_id", "matched_by", "match_probability"]
    assert empty.summary()
    assert resolve(table(ANN), model=used).table["person_id"].to_list() == [1]
    nothing = table(*(person(source=s, record_id=str(i)) for s in ("a", "b") for i in range(3)))
    found = resolve(nothing, model=used, one_per_person=False)
    assert found.table["person_id"].to_list() == [1, 2, 3, 4, 5, 6]
    assert found.chart() is None


@pytest.mark.slow
def test_names_of_any_script(fitted):
    names = [
        ("Ánn", "Peña"),
        ("Ann", "Pena"),
        ("Михаил", "Иванов"),
        ("李", "小龍"),
        ("'; DROP TABLE link; --", "O'Brien"),
    ]
    rows = [
        person(source=f"s'{i}", record_id="1", first_name=f, last_name=last, **HOME)
        for i, (f, last) in enumerate(names)
    ]
    ids = resolve(table(*rows), model=fitted).table["person_id"].to_list()
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


def test_only_names_and_dates():
    records = town().select("source", "record_id", "first_name", "last_name", "birth_date")
    precision, recall, _ = judged(resolve(records), records)
    assert precision >= 0.97
    assert recall >= 0.5  # four in ten supporters have no date, and nothing else


def test_what_was_not_deduplicated_is_said():
    twice = table(*(person(source="list", record_id=str(n), first_name="Ann", last_name="Lee") for n in range(2)))
    kept, joined = (resolve(twice, one_per_person=one, model=False) for one in (True, False))
    assert "Within list nothing was linked" in kept.summary()
    assert "one_per_person=False" in kept.summary()
    assert "nothing was linked" not in joined.summary()


def test_a_person_whose_own_record_would_have_shown_is_likelier_this_one():
    """Of 10,000 people 8,000 have a record in a list of as many; one that none claims is hardly a namesake."""
    sure = pl.DataFrame({"record_id": range(8_000), "person_id": range(8_000), "odds": 1e9})
    alone, among = (decisions.share_standing(sure, 10_000, True, of) for of in (None, (10_000, 10_000)))
    assert alone == pytest.approx(0.8, abs=0.001)
    assert among / (1 - among) == pytest.approx(4 / 0.2, rel=0.05)
    assert decisions.share_standing(sure, 10_000, False, (10_000, 10_000)) == pytest.approx(0.8, abs=0.001)
    assert decisions.share_standing(sure[:4], 5, True, (5, 5)) < 0.75  # of a few nothing is learned


def test_household_members_are_counted_by_birth_date_where_no_address_tells():
    """No two of one last name and birth date in 1,000: hardly anybody lives together there."""
    rng = np.random.default_rng(0)
    records = table(*(
        person(source="list", record_id=str(n), first_name=FIRST[n % 20], last_name=f"{LAST[n % 20]}{chr(97 + n % 26)}",
               birth_date=date(1930, 1, 1) + timedelta(days=int(rng.integers(22_000))))
        for n in range(1_000)
    ))  # fmt: skip
    assert resolve(records).model.household_members_per_record < 0.75


def test_any_engine_and_type():
    records = table(ANN, ANN | {"source": "supporters", "record_id": "s"})
    texts = records.with_columns(pl.col("birth_date").cast(pl.String))
    for given in (texts, texts.lazy(), texts.to_arrow(), texts.to_pandas(), duckdb.sql("SELECT * FROM texts")):
        assert resolve(given, model=False).table["person_id"].to_list() == [1, 1]


def test_what_cannot_be_right_is_refused():
    with pytest.raises(ColumnNotFound, match="record_id"):
        resolve(pl.DataFrame({"source": ["a"]}))
    with pytest.raises(BadValue, match="repeat a record_id"):
        resolve(table(ANN, ANN))
    with pytest.raises(BadValue, match="have no record_id"):
        resolve(table(ANN | {"record_id": None}))
    with pytest.raises(BadValue, match="lacks 'voters'"):
        resolve(table(ANN), one_per_person={"supporters": True})
    with pytest.raises(BadValue, match="threshold"):
        resolve(table(ANN), threshold=0.3)


def test_records_linked_to_two_people_do_not_join_them():
    with duckdb.connect() as con:
        roots = components(con, "SELECT * FROM (VALUES (1, 2), (2, 3)) edge(a, b)")
    why = pl.DataFrame(
        {"record_id": [1, 2, 3], "matched_by": ["x"] * 3, "match_probability": [None] * 3},
        schema_overrides={"match_probability": pl.Float64},
    )
    linked = pl.DataFrame({"record_id": [1, 3], "person_id": [7, 8]})
    follow, groups = decisions.within_source(roots, why, linked)
    assert follow.is_empty()
    assert groups["root"].to_list() == [2]


@pytest.mark.slow
def test_a_build_keeps_its_model(tmp_path):
    layouts = campaign.write_campaign(tmp_path)
    with Megafile.build(tmp_path / "exports", tmp_path / "with.duckdb", layouts=layouts) as mf:
        name, fitted_on, settings = mf.sql("SELECT * FROM model").row(0)
        assert (name, fitted_on) == ("person", mf.as_of)
        assert Model.from_json(settings).settings["comparisons"]
    with Megafile.build(tmp_path / "exports", tmp_path / "without.duckdb", layouts=layouts, model=False) as mf:
        assert mf.sql("SELECT count(*) FROM model").item() == 0


def test_identity_leaves_nothing_behind():
    with duckdb.connect() as con:
        con.execute(schema.schema_sql())
        con.execute("INSERT INTO source_record (record_id, source, first_name, last_name, email) VALUES "
                    "(1, 'a', 'Ann', 'Lee', 'a@x.org'), (2, 'b', 'Ann', 'Lee', 'a@x.org')")  # fmt: skip
        link_sources.resolve_people(con, [("a", True), ("b", True)])
        assert con.sql("SELECT person_id FROM source_record ORDER BY record_id").fetchall() == [(1,), (1,)]
        left = con.sql("SELECT table_name FROM duckdb_tables() WHERE temporary").fetchall()
        left += con.sql("SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal").fetchall()
        assert [name for (name,) in left if name not in schema.names()] == []
