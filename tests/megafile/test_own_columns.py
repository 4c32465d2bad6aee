"""Columns of one's own: from layouts, tags and tables, in predicates, breakdowns, features and after a night."""

from datetime import date

import polars as pl
import pytest

from campaignkit import Megafile
from campaignkit.errors import BadValue, ColumnNotFound, LayoutError, SourceRestricted
from campaignkit.megafile.ingest.layout import read_layout
from campaignkit.restrictions import PURPOSES, panel_restrictions, remember_flagged
from tests.megafile.campaign import GIFT_LAYOUT, GIFTS, VOTERS, write_campaign

OWN = """
[attribute.last_ask]
column = "Last Ask"
type = "dollars"
label = "last ask"
[attribute.most_asked]
column = "Last Ask"
type = "dollars"
keep = "highest"
[attribute.asked_in_all]
column = "Last Ask"
type = "dollars"
keep = "total"
[attribute.wants_sign]
column = "Sign?"
type = "yes/no"
[attribute.member_since]
column = "Since"
type = "date"
format = "%d.%m.%Y"
[attribute.club]
column = "Club"
[[fact]]
name = "rsvp"
label = "answered an invitation"
date = { column = "RSVP Date", format = "%m/%d/%Y" }
value = "Event"
amount = "Seats"
"""

EXTRA = {
    "Last Ask": ['"$1,250.00"', "50", "20", "oops"],
    "Sign?": ["yes", "no", "X", ""],
    "Since": ["03.02.2010", "03.02.2010", "", ""],
    "Club": ["Elm", "Elm", "Oak", ""],
    "RSVP Date": ["09/28/2012", "05/01/2012", "09/30/2012", ""],
    "Event": ["Town Hall", "Picnic", "Town Hall", "Picnic"],
    "Seats": ["2", "1", "3", ""],
}


def gifts(extra=EXTRA):
    header, *rows = GIFTS.splitlines()
    columns = [[name, *values] for name, values in extra.items()]
    return "\n".join(",".join(fields) for fields in zip([header, *rows], *columns, strict=True))


@pytest.fixture
def campaign(tmp_path, monkeypatch):
    monkeypatch.setenv("CAMPAIGNKIT_PROGRESS", "0")
    layouts = write_campaign(tmp_path, gifts=gifts() + "\n")
    layouts[1].write_text(GIFT_LAYOUT + OWN, encoding="utf-8")
    with Megafile.build(tmp_path / "exports", tmp_path / "campaign.duckdb", layouts=layouts, model=False) as megafile:
        yield megafile


def names(universe):
    return universe.people("first_name")["first_name"].sort().to_list()


def test_attributes_are_typed_and_the_declared_value_survives(campaign):
    asked = campaign.universe("donor").people(
        "first_name", "last_ask", "most_asked", "asked_in_all", "wants_sign", "member_since", "club"
    )  # fmt: skip
    assert asked.sort("first_name").rows() == [
        ("Ann", 20.0, 20.0, 20.0, True, None, "Oak"),
        ("Robert", 50.0, 1250.0, 1300.0, False, date(2010, 2, 3), "Elm"),
    ]
    assert campaign.sources["unread"].explode().struct.field("column").drop_nulls().to_list().count("last_ask") == 1


def test_dated_facts_know_the_date_and_the_value(campaign):
    universe = campaign.universe
    assert names(universe("rsvp()")) == ["Ann", "Robert"]
    assert names(universe("rsvp('Picnic')")) == ["Robert"]
    assert names(universe("rsvp('Town Hall', '5d')", as_of="2012-10-01")) == ["Ann", "Robert"]
    assert names(universe("rsvp('Town Hall')", as_of="2012-09-01")) == []
    counted = universe("rsvp()").people("first_name", "rsvp_count()", "rsvp_total('9d')", "last_rsvp_days")
    assert counted.sort("first_name").rows() == [("Ann", 1, 3.0, 1), ("Robert", 2, 2.0, 3)]
    with pytest.raises(BadValue, match="no dated_fact has the value 'Town Hal'"):
        universe("rsvp('Town Hal')")


def test_they_serve_breakdowns_features_ranks_and_segments(campaign):
    by = campaign.universe("donor").by("club", measures=["last_ask", "rsvp('60d')"])
    assert by.table.filter(pl.col("measure") == "last_ask")["estimate"].sort().to_list() == [20.0, 50.0]
    assert campaign.universe().features(["last_ask", "rsvp_count()"]).columns[2:] == ["last_ask", "rsvp_count"]
    ranked = campaign.universe("donor").call_list("mail", "fundraise", rank_by="last_ask")
    assert ranked.table["first_name"].to_list() == ["Robert", "Ann"]


def test_a_column_of_ones_own_that_holds_contacts_is_on_no_list(campaign):
    people = campaign.universe("donor").people("person_id")
    n = range(people.height)
    contacts = {
        "other_email": [f"p{i}@example.org" for i in n], "cell": [f"(216) 555-01{i:02}" for i in n],
        "digits": [2165550100 + i for i in n], "dollars_asked": [25.5 + i for i in n],
        "either": ["call at noon", "ann@example.org"][: people.height],
    }  # fmt: skip
    campaign.add(people.with_columns(**{name: pl.Series(values) for name, values in contacts.items()}), restricted=())
    donors = campaign.universe("donor")
    for name in ("other_email", "cell", "digits", "either"):
        for columns in ([name], {"x": name}):
            with pytest.raises(BadValue, match="looks like phone numbers or e-mail addresses"):
                donors.call_list("mail", "turnout", columns=columns)
    assert donors.call_list("mail", "turnout", columns=["dollars_asked"]).table["dollars_asked"].min() == 25.5


def test_explain_says_which_record_gave_each_value(campaign):
    robert = campaign.universe("club = 'Elm'").people("person_id")["person_id"].item()
    own = campaign.explain(robert).own
    asked = own.filter(pl.col("name") == "last_ask")
    assert asked.select("value", "source", "record_key").rows() == [
        ("1250.00", "tiny_gifts", "g1"), ("50.00", "tiny_gifts", "g2"),
    ]  # fmt: skip
    assert own.filter(pl.col("name") == "rsvp")["happened_on"].to_list() == [date(2012, 5, 1), date(2012, 9, 28)]


def test_the_sheet_of_facts_has_them_with_how_full_they_are(campaign):
    sheet = campaign.fact_sheet("last ask").table
    assert sheet.filter(pl.col("name") == "last_ask").select("kind", "filled").rows() == [("attribute", 2 / 5)]
    assert campaign.fact_sheet("club").table["values"].to_list() == [["Elm", "Oak"]]
    rsvp = campaign.fact_sheet("answered an invitation").table
    assert rsvp["name"].to_list() == ["last_rsvp_days", "rsvp", "rsvp_count", "rsvp_total"]
    assert rsvp.filter(pl.col("name") == "rsvp")["filled"].item() == 2 / 5
    assert set(campaign.tables) <= set(campaign.fact_sheet().table["name"])
    assert {"last_ask", "rsvp", "gave", "age"} <= set(campaign.facts["name"])
    with pytest.raises(BadValue, match="Nothing in the sheet of facts matches 'clubb'"):
        campaign.fact_sheet("clubb")


def test_a_name_that_is_not_there_points_to_the_sheet_of_facts(campaign):
    with pytest.raises(ColumnNotFound, match=r"did you mean 'last_ask'.*mf\.facts"):
        campaign.universe("last_aks > 5")


def test_a_value_that_nobody_has_is_warned_of(campaign):
    with pytest.warns(UserWarning, match="club = 'Ash': nobody has that"):
        campaign.universe("club = 'Ash'")


@pytest.mark.slow
def test_a_night_renews_them_as_a_build_of_all_files_would(campaign, tmp_path):
    night = tmp_path / "night"
    night.mkdir()
    more = gifts().splitlines()
    changed = more[1].replace('"$1,250.00"', "75").replace("Elm,09/28/2012", "Ash,10/01/2012")
    new = more[4].replace("g4,cy@x.org,Cy,Young", "g5,ann@x.org,Ann,OBrien").replace("oops", "35")
    (night / "gifts2.csv").write_text("\n".join([more[0], changed, new]) + "\n", encoding="utf-8")
    campaign.refresh(night, progress=False)
    (tmp_path / "exports" / "gifts2.csv").write_bytes((night / "gifts2.csv").read_bytes())
    layouts = [tmp_path / "tiny_voter.toml", tmp_path / "tiny_gifts.toml"]
    asked = ("first_name", "last_ask", "most_asked", "asked_in_all", "club", "rsvp_count()", "last_rsvp_days")
    with Megafile.build(tmp_path / "exports", tmp_path / "anew.duckdb", layouts=layouts, model=False) as anew:
        now, expected = (mf.universe("donor").people(*asked).sort("first_name") for mf in (campaign, anew))
        assert now.equals(expected)
        assert now["last_ask"].to_list() == [35.0, 75.0]
    assert campaign.check() == []


def test_restricted_rows_are_refused_for_fundraising(campaign, tmp_path):
    layouts = [tmp_path / "tiny_voter.toml", tmp_path / "tiny_gifts.toml", tmp_path / "petition.toml"]
    layouts[2].write_text("""
name = "petition"
source = "petition"
kind = "none"
mode = "append"
restricted = "the terms of the petition's host"
key = ["ID"]
[file]
required = ["ID", "VOTER", "Signed"]
[as_of]
column = "Signed"
[person]
source = "tiny_voter"
key = ["VOTER"]
[fact.petition]
date = "Signed"
[attribute.petition_heat]
column = "Heat"
type = "number"
""", encoding="utf-8")  # fmt: skip
    (tmp_path / "exports" / "petition.csv").write_text("ID,VOTER,Signed,Heat\na,1,2012-09-01,0.5\nb,3,2012-09-02,0.9\n")
    with Megafile.build(tmp_path / "exports", tmp_path / "b.duckdb", layouts=layouts, model=False) as megafile:
        signers = megafile.universe("petition()")
        assert names(signers) == ["Ann", "Robert"]
        for universe in (
            signers,
            megafile.universe("petition_heat > 0.2"),
            megafile.universe("last_petition_days > 3"),
        ):
            assert universe.restricted
            with pytest.raises(SourceRestricted):
                universe.call_list("mail", "fundraise")
        with pytest.raises(SourceRestricted):
            megafile.universe().call_list("mail", "fundraise", rank_by="petition_heat")
        assert signers.call_list("mail", "persuade").table.height == 2


@pytest.mark.slow
def test_tags_and_added_columns_stay_with_their_people_through_a_night(campaign, tmp_path):
    donors = campaign.universe("donor")
    assert campaign.tag(donors, "walk list 3") == 2
    assert names(campaign.universe("tagged('walk list 3')")) == ["Ann", "Robert"]
    with pytest.raises(BadValue, match="walk list 3"):
        campaign.universe("tagged('walk list 4')")
    people = donors.people("person_id", "first_name").sort("first_name")
    table = people.select("person_id", host_ask=pl.Series([10.5, 20.0]), met_on=pl.lit(date(2012, 9, 1)))
    assert campaign.add(table, labels={"host_ask": "the host's ask"}, restricted=()) == 2
    keys = pl.DataFrame({"record_key": ["2", "4"], "porch_light": [True, False]})
    assert campaign.add(keys, on="record_key", source="tiny_voter") == 2
    (tmp_path / "night").mkdir()
    voters = VOTERS.replace("1,Robert,Smith,Sr", "1,Robert,Smith,Sr.").replace("3,Ann,O'Brien", "3,Anna,O'Brien")
    (tmp_path / "night" / "voters_20121002.csv").write_text(voters, encoding="utf-8")
    campaign.refresh(tmp_path / "night", progress=False)
    assert names(campaign.universe("tagged('walk list 3')")) == ["Anna", "Robert"]
    kept = campaign.universe("host_ask > 0").people("first_name", "host_ask", "met_on", "porch_light")
    assert kept.sort("first_name").rows() == [
        ("Anna", 10.5, date(2012, 9, 1), None), ("Robert", 20.0, date(2012, 9, 1), True),
    ]  # fmt: skip
    assert campaign.check() == []
    with pytest.raises(SourceRestricted):  # nobody said where porch_light is from
        campaign.universe("porch_light").call_list("mail", "fundraise")
    campaign.universe("host_ask > 1").call_list("mail", "fundraise")


def test_what_a_panel_flags_forbid_goes_with_columns_tags_and_scores_of_the_flagged(campaign):
    flagged = campaign.universe("donor").people("person_id")
    remember_flagged(flagged["person_id"].to_list(), panel_restrictions(["turnout"]))
    try:
        campaign.add(flagged.with_columns(switched=pl.lit(1)), restricted=())
        campaign.tag(campaign.universe_of(flagged, restricted=()), "switched")
        campaign.write_scores("switched", flagged.with_columns(value=pl.lit(0.9)), restricted=())
    finally:
        remember_flagged(flagged["person_id"].to_list(), panel_restrictions([*PURPOSES]))
    for who in ("switched = 1", "tagged('switched')", "score('switched') > 0.5"):
        campaign.universe(who).call_list("mail", "turnout")
        with pytest.raises(SourceRestricted, match="survey"):
            campaign.universe(who).call_list("mail", "persuade")
    with pytest.raises(SourceRestricted, match="survey"):
        campaign.universe("donor").call_list("mail", "persuade", columns=["switched"])


def test_what_cannot_be_added_is_refused(campaign):
    ids = campaign.universe("donor").people("person_id")
    wrong = {
        "a name that is taken": ids.with_columns(party=pl.lit("D")),
        "a name of a layout": ids.with_columns(club=pl.lit("D")),
        "a name that is no word": ids.with_columns(pl.lit("D").alias("Host Ask")),
        "a stranger": pl.DataFrame({"person_id": [999], "ask": [1.0]}),
        "twice": pl.DataFrame({"person_id": [1, 1], "ask": [1.0, 2.0]}),
        "nothing": ids,
    }
    for table in wrong.values():
        with pytest.raises(BadValue):
            campaign.add(table)
    with pytest.raises(BadValue, match="no source 'tiny_voters'; did you mean 'tiny_voter'"):
        campaign.add(pl.DataFrame({"record_key": ["1"], "ask": [1]}), on="record_key", source="tiny_voters")
    with pytest.raises(BadValue):
        campaign.tag([1, 2], "mine")


WRONG = {
    '[attribute.party]\ncolumn = "X"': "'party' is a person's column",
    '[attribute.gifts]\ncolumn = "X"': "'gifts' is a built-in fact",
    '[attribute.Ask]\ncolumn = "X"': "small letters",
    '[attribute.ask]\ncolumn = "X"\ntype = "money"': "type is 'money'",
    '[attribute.ask]\ncolumn = "X"\nkeep = "total"': "keep is 'total'",
    "[attribute.ask]\ntype = 'text'": "exactly one of",
    '[fact.rsvp]\nvalue = "X"': "needs `date`",
    '[[fact]]\nname = "rsvp"\ndate = "X"\nwhen = "Y"': "unknown key 'when'",
}


@pytest.mark.parametrize("own", WRONG)
def test_a_declaration_that_cannot_hold_is_refused(own, tmp_path):
    layouts = write_campaign(tmp_path)
    text = GIFT_LAYOUT.partition("[[fact]]")[0] if "[fact.rsvp]" in own else GIFT_LAYOUT
    layouts[1].write_text(text + own, encoding="utf-8")
    with pytest.raises(LayoutError, match=WRONG[own].replace("(", "\\(")):
        Megafile.build(tmp_path / "exports", tmp_path / "x.duckdb", layouts=layouts, model=False, progress=False)


def test_two_layouts_may_not_mean_two_things_by_a_name(tmp_path):
    layouts = write_campaign(tmp_path)
    for path, kind in zip(layouts, ("text", "number"), strict=True):
        path.write_text(path.read_text() + f'[attribute.ask]\ncolumn = "X"\ntype = "{kind}"\n', encoding="utf-8")
    with pytest.raises(LayoutError, match="both declare 'ask'"):
        Megafile.build(tmp_path / "exports", tmp_path / "x.duckdb", layouts=layouts, model=False, progress=False)


def test_fact_tables_by_name_and_listed_ones_read_alike():
    listed = read_layout(GIFT_LAYOUT + '[[fact]]\nname = "rsvp"\ndate = "X"\n', "a.toml")
    named = read_layout(GIFT_LAYOUT.partition("[[fact]]")[0] + '[fact.rsvp]\ndate = "X"\n', "a.toml")
    assert listed.own == named.own
    assert [fact.table for fact in listed.facts] == ["gift"]
