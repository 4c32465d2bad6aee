"""Lists: nobody suppressed is ever on one, caps hold, the funnel adds up, and hostile strings do no harm."""

import csv
import datetime
import hashlib
import json
import re
import zipfile

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaignkit import Megafile
from campaignkit.checks import PURPOSES
from campaignkit.errors import BadValue, ColumnNotFound, SourceRestricted
from campaignkit.megafile.suppression.rules import MEANS as CHANNELS
from campaignkit.spreadsheets import undefuse
from tests.megafile.campaign import TODAY, days, pick, write_campaign, write_facts

PEOPLE = 400
HOSTILE = [
    '=HYPERLINK("http://x","y")', "<script>alert(1)</script>", 'say "hi", Bob', "two\nlines", "\u202eevil", "😀", "+1+1",
    "@SUM(A1)", "-2", "'=1", "\tx", "O'Brien",
]  # fmt: skip


def ids(rng, n):
    return rng.integers(1, PEOPLE + 1, n)


@pytest.fixture(scope="module")
def facts():
    rng = np.random.default_rng(5)
    person = pl.DataFrame(
        {
            "person_id": range(1, PEOPLE + 1),
            "household_id": pick(rng, [None, *range(1, 60)], PEOPLE),
            "first_name": pick(rng, HOSTILE, PEOPLE),
            "last_name": pick(rng, HOSTILE, PEOPLE),
            "phone": pick(rng, [None, *(f"+1216555{n:04}" for n in range(200))], PEOPLE),
            "email": pick(rng, [None, *(f"p{n}@x.org" for n in range(300))], PEOPLE),
            "address": pick(rng, [None, "1 Elm St", "=2 Oak St"], PEOPLE),
            "state": pick(rng, ["OH", "NC"], PEOPLE),
            "van_id": [None if n % 7 == 0 else str(n) for n in range(PEOPLE)],
            "van_state": pick(rng, ["OH", "NC"], PEOPLE),
            "confidential": pick(rng, [None, False, False, False, True], PEOPLE),
        }
    )
    suppression = pl.DataFrame(
        {
            "person_id": ids(rng, 120),
            "channel": pick(rng, [*CHANNELS, "all"], 120),
            "since": days(rng, 120, 60, 5),
            "reason": pick(rng, ["deceased", "unsubscribed", "moved", "wrong number", "refused", "other"], 120),
        }
    )
    optin = pl.DataFrame(
        {
            "person_id": ids(rng, 300),
            "answer": pick(rng, ["yes", "no", "unknown", None], 300),
            "answered_on": days(rng, 300, 60, 5),
        }
    )
    contact = pl.DataFrame(
        {"person_id": ids(rng, 100), "channel": pick(rng, list(CHANNELS), 100), "contacted_on": days(rng, 100, 20, 5)}
    )
    score = pl.DataFrame(
        {
            "person_id": ids(rng, 500),
            "name": ["turnout"] * 500,
            "value": rng.integers(0, 5, 500) / 4,
            "scored_on": days(rng, 500, 60, 5),
        }
    )
    tainted = pl.DataFrame(
        {"person_id": [1], "name": ["rich"], "value": [1.0], "scored_on": [TODAY], "restricted": ["fec_gifts"]}
    )
    score = pl.concat([score, tainted], how="diagonal")
    return {"person": person, "suppression": suppression, "text_optin": optin, "contact": contact, "score": score}


@pytest.fixture(scope="module")
def megafile(facts, tmp_path_factory):
    with write_facts(tmp_path_factory.mktemp("lists") / "random.duckdb", facts) as megafile:
        yield megafile


def may_be_reached(facts, channel, cooldown):
    """The reference, in plain Polars."""
    person = facts["person"].filter(pl.col(CHANNELS[channel]).is_not_null() & ~pl.col("confidential").fill_null(False))
    closed = facts["suppression"].filter(pl.col("channel").is_in([channel, "all"]))  # also those dated in the future
    person = person.join(closed, on="person_id", how="anti")
    if channel == "text":
        last = facts["text_optin"].filter(pl.col("answered_on") <= TODAY).drop_nulls("answer").sort("answered_on")
        said = last.group_by("person_id").agg(
            pl.col("answer").filter(pl.col("answered_on") == pl.col("answered_on").max())
        )
        person = person.join(
            said.filter(pl.col("answer").list.eval(pl.element() == "yes").list.all()), on="person_id", how="semi"
        )
    recent = pl.col("contacted_on").is_between(TODAY - datetime.timedelta(days=(cooldown or 0) - 1), TODAY)
    if cooldown:
        person = person.join(
            facts["contact"].filter((pl.col("channel") == channel) & recent), on="person_id", how="anti"
        )
    return person


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    channel=st.sampled_from(list(CHANNELS)), purpose=st.sampled_from(list(PURPOSES)), limit=st.none() | st.integers(0, 100),
    per_household=st.none() | st.integers(1, 3), per_phone=st.none() | st.integers(1, 2), cooldown=st.none() | st.integers(0, 20),
    rank_by=st.none() | st.just("score('turnout')"), state=st.sampled_from(["OH", "NC"]),
)  # fmt: skip
def test_no_one_who_may_not_be_reached_is_on_a_list_and_its_caps_hold(
    megafile, facts, channel, purpose, limit, per_household, per_phone, cooldown, rank_by, state
):
    made = megafile.universe(state=state).call_list(
        channel,
        purpose,
        rank_by=rank_by,
        limit=limit,
        per_household=per_household,
        per_phone=per_phone,
        cooldown_days=cooldown,
    )
    allowed = may_be_reached(facts, channel, cooldown).filter(pl.col("state") == state)
    listed = allowed.filter(pl.col("person_id").is_in(made.table["person_id"].implode()))
    assert listed.height == made.table.height == made.funnel["left"][-1]
    if per_household:
        assert listed.drop_nulls("household_id").group_by("household_id").len()["len"].max() in (
            None,
            *range(1, per_household + 1),
        )
    if per_phone and CHANNELS[channel] == "phone":
        assert listed.group_by("phone").len()["len"].max() in (None, *range(1, per_phone + 1))
    if limit is not None:
        assert made.table.height <= limit
    if limit is None and not per_household and (not per_phone or CHANNELS[channel] != "phone"):
        assert made.table.height == allowed.height
    assert (made.funnel["left"].diff() + made.funnel["removed"]).drop_nulls().eq(0).all()
    assert made.funnel["left"][0] == megafile.universe(state=state).count()
    assert made.funnel["removed"].ge(0).all()
    ranks = made.table["rank_value"].drop_nulls().to_list()
    assert ranks == sorted(ranks, reverse=True)
    assert made.table["rank_value"].is_null().to_list() == sorted(made.table["rank_value"].is_null().to_list())


def test_the_same_list_twice_is_the_same_list(megafile):
    first, second = (megafile.universe().call_list("phone", "turnout", rank_by="score('turnout')") for _ in range(2))
    assert first.table.equals(second.table)
    assert first.table["rank_value"].n_unique() < first.table.height


def test_off_the_email_list_may_be_called(megafile, facts):
    gone = (
        facts["suppression"].filter((pl.col("channel") == "email") & (pl.col("since") <= TODAY))["person_id"].to_list()
    )
    called = megafile.universe_of(gone).call_list("phone", "persuade", cooldown_days=None)
    mailed = megafile.universe_of(gone).call_list("email", "persuade", cooldown_days=None)
    assert called.table.height > 0
    assert mailed.table.height == 0


def test_of_two_answers_on_one_day_the_refusal_counts(megafile, facts):
    last = facts["text_optin"].filter(pl.col("answered_on") <= TODAY).drop_nulls("answer")
    last = last.filter(pl.col("answered_on") == pl.col("answered_on").max().over("person_id"))
    torn = last.group_by("person_id").agg(pl.col("answer").unique()).filter(pl.col("answer").list.len() > 1)
    torn = torn.filter(pl.col("answer").list.contains("yes"))["person_id"]
    assert torn.len() > 0
    assert megafile.universe_of(torn.to_list()).call_list("text", "turnout").table.is_empty()
    assert megafile.universe("texts_allowed()").people().filter(pl.col("person_id").is_in(torn.implode())).is_empty()


def test_unknown_and_missing_answers_are_no_consent(megafile, facts):
    never = facts["person"].join(facts["text_optin"].filter(pl.col("answer") == "yes"), on="person_id", how="anti")
    assert megafile.universe_of(never).call_list("text", "turnout").table.is_empty()


def test_fec_rows_never_reach_a_fundraising_list(megafile):
    rich = megafile.universe("fec_gifts() > 100")
    for universe, rank in ((rich, None), (megafile.universe() - rich, None), (megafile.universe(), "fec_gifts()")):
        with pytest.raises(SourceRestricted, match=r"fec_gifts comes from FEC reports, which 52 USC 30111"):
            universe.call_list("phone", "fundraise", rank_by=rank)
        universe.call_list("phone", "persuade", rank_by=rank)
    tainted = megafile.universe("score('rich') > 0")
    with pytest.raises(SourceRestricted, match="fec_gifts"):
        tainted.call_list("phone", "fundraise")
    named = megafile.sql("SELECT person_id FROM FEC_gift")
    with pytest.raises(SourceRestricted, match="fec_gift"):
        megafile.universe_of(named).call_list("phone", "fundraise")
    taken = megafile.universe_of([1, 2], restricted=["fec_gift"])
    with pytest.raises(SourceRestricted, match="fec_gift"):
        (taken & megafile.universe()).call_list("mail", "fundraise")


def test_hostile_strings_come_through_a_csv_unharmed_and_harmless(megafile, facts, tmp_path):
    made = megafile.universe().call_list("mail", "turnout", per_household=None)
    file, _ = made.write(tmp_path / "list.csv")
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    names = dict(facts["person"].select("person_id", "first_name").iter_rows())
    assert len(rows) == made.table.height
    for row in rows:
        assert undefuse(row["first_name"]) == names[int(row["person_id"])]
        assert not any(cell[:1] in "=+-@\t\r" for cell in row.values() if cell)
    assert "<script>alert" not in made._repr_html_()


@pytest.mark.slow
def test_hostile_strings_come_through_import_unharmed(tmp_path):
    header = "Gift ID,Email,First,Last,Amount,Date,Address,Zip,Phone,Born\n"
    lines = [
        ",".join(
            '"' + cell.replace('"', '""') + '"'
            for cell in (f"g{n}", f"p{n}@x.org", text, "Lee", "5", "2012-01-01", "", "", "", "")
        )
        for n, text in enumerate(HOSTILE)
    ]
    layouts = write_campaign(tmp_path, gifts=header + "\n".join(lines) + "\n")
    with Megafile.build(tmp_path / "exports", tmp_path / "m.duckdb", layouts=layouts, progress=False) as megafile:
        found = megafile.sql("SELECT first_name FROM source_record WHERE source = 'tiny_gifts' ORDER BY record_id")[
            "first_name"
        ]
        assert found.to_list() == [" ".join(text.split()) for text in HOSTILE]


def test_the_manifest_says_when_who_how_many_and_what_the_file_was(megafile, tmp_path):
    made = megafile.universe(state="OH").call_list("phone", "turnout")
    file, manifest = made.write(tmp_path / "tonight.csv")
    entry = json.loads(manifest.read_text())
    assert entry["rows"] == made.table.height
    assert entry["files"] == [{"name": "tonight.csv", "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}]
    assert "p.\"state\" = 'OH'" in entry["universe"]
    noted = megafile.exports.filter(pl.col("path") == "tonight.csv").row(-1, named=True)
    assert (noted["rows"], noted["purpose"], noted["sha256"]) == (
        made.table.height,
        "turnout",
        entry["files"][0]["sha256"],
    )


def test_van_gets_one_column_in_a_zip_for_each_state(megafile, facts, tmp_path):
    made = megafile.universe().call_list("phone", "turnout")
    *files, manifest = made.write(tmp_path / "tonight.zip", format="van")
    assert [file.name for file in files] == ["tonight-NC.zip", "tonight-OH.zip"]
    ids_ = []
    for file in files:
        with zipfile.ZipFile(file) as archive:
            (name,) = archive.namelist()
            lines = archive.read(name).decode().splitlines()
        assert lines[0] == "VanID"
        ids_ += lines[1:]
    with_van = facts["person"].filter(pl.col("person_id").is_in(made.table["person_id"].implode())).drop_nulls("van_id")
    assert sorted(ids_) == sorted(with_van["van_id"].to_list())
    assert json.loads(manifest.read_text())["left_out_without_van_id"] == made.table.height - with_van.height


@pytest.mark.parametrize(
    ("tool", "channel", "header"),
    [
        ("actionkit", "email", ["email", "first_name", "last_name", "state", "zip", "user_last_gift_days"]),
        ("mobilize", "email", ["email_address", "given_name", "family_name", "postal_code", "state", "last gift days"]),
        ("spoke", "text", ["firstName", "lastName", "cell", "zip", "external_id", "city", "state", "last gift days"]),
        ("impactive", "text", ["first_name", "last_name", "phone", "van_id", "state_abbrev", "city", "last gift days"]),
    ],
)
def test_a_tool_gets_its_own_headers_in_the_lists_order(megafile, facts, tmp_path, tool, channel, header):
    made = megafile.universe().call_list(channel, "turnout", columns={"last gift days": "last_gift_days"})
    file, manifest = made.write(tmp_path / "list.csv", tool, per_caller=10_000)
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == header
    contact = next(name for name in header if name in ("email", "email_address", "cell", "phone"))
    listed = made.table[CHANNELS[channel]].str.strip_prefix("+")
    assert [row[contact] for row in rows] == listed.to_list()
    assert not any(cell[:1] in "=+-@\t\r" for row in rows for cell in row.values() if cell)
    assert json.loads(manifest.read_text())["rows"] == made.table.height
    if tool == "impactive":
        of = dict(facts["person"].select("person_id", "van_id").iter_rows())
        assert [row["van_id"] or None for row in rows] == [of[person] for person in made.table["person_id"]]


def test_a_tool_that_has_no_use_for_a_list_refuses_it(megafile, tmp_path):
    for tool, channel in (("spoke", "phone"), ("actionkit", "text"), ("mobilize", "door")):
        with pytest.raises(BadValue, match=f"takes a '.*' list; this is a '{channel}' list"):
            megafile.universe().call_list(channel, "turnout").write(tmp_path / "l.csv", tool)
    made = megafile.universe().call_list("text", "turnout", columns={"cell": "county"})
    with pytest.raises(BadValue, match="'cell' of its own"):
        made.write(tmp_path / "l.csv", "spoke")
    assert made.write(tmp_path / "l.csv")[0].read_text(encoding="utf-8").startswith("place,")


def test_a_list_shows_what_is_asked_for_and_no_more_to_fundraisers(megafile, facts):
    columns = {"years": "age", "gifts so far": "gifts()", "city": "city"}
    made = megafile.universe(state="OH").call_list("door", "turnout", columns=columns)
    assert made.table.columns[-2:] == ["years", "gifts so far"]
    ages = dict(facts["person"].select("person_id", "age").iter_rows()) if "age" in facts["person"].columns else None
    alone = megafile.universe(state="OH").features(columns).pl()
    joined = made.table.join(alone, on="person_id", suffix="_alone")
    assert joined.height == made.table.height
    assert joined["years"].eq_missing(joined["years_alone"]).all()
    assert joined["gifts so far"].eq_missing(joined["gifts so far_alone"]).all()
    assert ages is None or joined["years"].to_list() == [ages[person] for person in joined["person_id"]]
    with pytest.raises(SourceRestricted, match="fec_gift"):
        megafile.universe().call_list("door", "fundraise", columns=["fec_gifts()"])
    with pytest.raises(BadValue, match="already"):
        megafile.universe().call_list("door", "turnout", columns={"place": "age"})


@pytest.mark.parametrize("channel", ["phone", "text", "door", "mail", "email"])
def test_a_list_shows_no_other_channels_contacts(megafile, channel):
    everyone = megafile.universe()
    for contact in {*CHANNELS.values()} - {CHANNELS[channel]}:
        for columns in ([contact], {"x": f"lower(p.{contact})"}, {"x": f"coalesce({contact}, 'none')"}):
            with pytest.raises(BadValue, match="make a list of that channel"):
                everyone.call_list(channel, "turnout", columns=columns)
    if CHANNELS[channel] != "phone":
        with pytest.raises(BadValue, match="make a list of that channel"):
            everyone.call_list(channel, "turnout", rank_by="cast(replace(phone, '+', '') as bigint)")


def test_sheets_hold_everyone_once_in_order(megafile, tmp_path):
    pytest.importorskip("xlsxwriter")
    fastexcel = pytest.importorskip("fastexcel")
    made = megafile.universe().call_list("phone", "turnout", columns=["county"])
    *files, _ = made.write(tmp_path / "l.csv", split_by="state")
    assert [file.name for file in files] == ["l-state-NC.csv", "l-state-OH.csv"]
    split = pl.concat(
        [pl.read_csv(file, schema_overrides={"phone": pl.String}) for file in files], how="vertical_relaxed"
    )
    assert sorted(split["person_id"]) == sorted(made.table["person_id"])
    book, _ = made.write(tmp_path / "l.xlsx", per_caller=5)
    read = fastexcel.read_excel(str(book))
    assert read.sheet_names == [f"caller {n + 1}" for n in range(-(-made.table.height // 5))]
    first = read.load_sheet(0, dtypes={"Phone digits": "string"}).to_polars()
    assert first["Person id"].to_list() == made.table["person_id"].head(5).to_list()
    assert [f"+{digits}" for digits in first["Phone digits"]] == made.table["phone"].head(5).to_list()
    assert first["Phone"].str.contains(r"^\(\d{3}\) \d{3}-\d{4}$").all()


def test_a_printed_sheet_runs_nothing_and_reads_no_markup(megafile, tmp_path):
    pytest.importorskip("typst")
    fastexcel = pytest.importorskip("fastexcel")
    made = megafile.universe().call_list("mail", "turnout", per_household=None)  # of hostile names
    assert made.write(tmp_path / "l.pdf", split_by="city")[0].read_bytes().startswith(b"%PDF")
    book, _ = made.write(tmp_path / "l.xlsx")
    with zipfile.ZipFile(book) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    assert fastexcel.read_excel(str(book)).load_sheet(0).height == made.table.height


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("l.cvs", {}, r"did you mean '\.csv'"),
        ("l.csv", {"format": "xlsx"}, r"ends in \.xlsx"),
        ("l.csv", {"split_by": "state", "per_caller": 5}, "pass one"),
        ("l.csv", {"split_by": "precinct"}, "precinct"),
        ("l.csv", {"per_caller": 0}, "per_caller"),
        ("l.zip", {"per_caller": 5}, "no sheets"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is(megafile, tmp_path, name, arguments, message):
    made = megafile.universe().call_list("phone", "turnout")
    with pytest.raises((BadValue, ColumnNotFound), match=message):
        made.write(tmp_path / name, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_scores_for_van_are_everyones_who_has_them(megafile, facts, tmp_path, monkeypatch):
    monkeypatch.setattr("campaignkit.megafile.export.van_scores.BATCH", 7)
    *files, manifest = megafile.universe().write_van_scores(
        tmp_path / "s.zip", {"turnout": "score('turnout')"}, "turnout"
    )
    assert [file.name for file in files] == ["s-NC.zip", "s-OH.zip"]
    rows = []
    for file in files:
        with zipfile.ZipFile(file) as archive:
            lines = archive.read(f"{file.stem}.csv").decode().splitlines()
        assert lines[0] == "vanid,turnout"
        rows += lines[1:]
    closed = facts["suppression"].filter(pl.col("channel") == "all")
    assert closed.join(facts["person"].drop_nulls("van_id"), on="person_id", how="semi").height
    allowed = facts["person"].filter(~pl.col("confidential").fill_null(False)).drop_nulls("van_id")
    allowed = allowed.join(closed, on="person_id", how="anti")
    asked = megafile.universe_of(allowed).features({"turnout": "score('turnout')"}).pl().drop_nulls("turnout")
    expected = asked.join(allowed.select("person_id", "van_id"), on="person_id")
    entry = json.loads(manifest.read_text())
    assert len(rows) == expected.height == entry["rows"]
    assert sum(entry["left_out"].values()) == facts["person"].height - len(rows)
    assert {row.split(",")[0] for row in rows} == set(expected["van_id"])
    with pytest.raises(SourceRestricted):
        megafile.universe().write_van_scores(tmp_path / "f.zip", ["fec_gifts()"], "fundraise")
    with monkeypatch.context() as patched:
        patched.setattr(Megafile, "stale", property(lambda _: True))
        with pytest.raises(BadValue, match="reopen"):
            megafile.universe().write_van_scores(tmp_path / "late.zip", ["age"], "turnout")
    for path, scores, says in (("s.csv", ["age"], "zip"), ("s.zip", [], "empty"), ("s.zip", ["sex"], "number")):
        with pytest.raises(BadValue, match=says):
            megafile.universe().write_van_scores(tmp_path / "bad" / path, scores, "turnout")
    assert not (tmp_path / "bad").exists()


def test_hashes_are_what_ad_platforms_ask_and_pseudonyms_are_not(megafile, facts):
    phones = set(megafile.universe().hashed("phone", "persuade")["phone_sha256"].to_list())
    known = {hashlib.sha256(p.removeprefix("+").encode()).hexdigest() for p in facts["person"]["phone"].drop_nulls()}
    assert phones
    assert phones <= known
    first, second = (megafile.universe().pseudonyms(salt) for salt in ("a", "b"))
    assert not set(first["pseudonym"]) & set(second["pseudonym"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fone", "turnout"), "did you mean 'phone'"),
        (("phone", "turnaut"), "did you mean 'turnout'"),
    ],
)
def test_a_wrong_word_gets_the_nearest_right_one(megafile, arguments, message):
    with pytest.raises(BadValue, match=message):
        megafile.universe().call_list(*arguments)
    with pytest.raises(BadValue, match="per_household"):
        megafile.universe().call_list("phone", "turnout", per_household=0)


def test_the_sentence_tells_a_limit_from_people_who_may_not_be_reached(megafile):
    everyone = megafile.universe()
    whole, first = (everyone.call_list("phone", "turnout", limit=limit) for limit in (None, 3))
    assert "the first of" not in whole.summary()
    assert f", the first of {whole.table.height:,} who may be reached; the most common reason to be left out: " in (
        first.summary()
    )
    assert "beyond" not in first.summary()
    nobody = megafile.universe("phone is null").call_list("phone", "turnout")
    assert re.search(r"^None of \d+ people is on .*; the most common reason to be left out: no phone", nobody.summary())


def test_an_empty_universe_gives_an_empty_list(megafile, tmp_path):
    nobody = megafile.universe("false").call_list("phone", "turnout")
    assert nobody.table.is_empty()
    assert nobody.summary() == "Nobody is on the phone list for turnout: the universe (false) is empty."
    nobody.write(tmp_path / "nobody.csv")
    with pytest.raises(BadValue, match="VanID"):
        nobody.write(tmp_path / "nobody.zip", format="van")
