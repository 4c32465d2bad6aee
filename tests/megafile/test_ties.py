"""Ties: friend lists linked to voters, who is left out and why, and how often the link is right."""

import polars as pl
import pytest

import campaignkit as ck
from campaignkit import Megafile
from campaignkit.errors import BadValue, SourceRestricted
from campaignkit.megafile import ties as module

NAMES = ["Ann Lee", "Bea Moss", "Cal Nye", "Dee Orr", "Eve Poe", "Fay Quin", "Gil Rye"]
CHANNELS = ("phone", "text", "door", "mail", "email", "all")


def voter(number: int) -> str:
    first, last = NAMES[number].split()
    return f"1,{number},OH{number:07},{first},{last},{number},OH,614555{number:04},,1960-02-{number + 10},{number} Oak St,Akron,44102"


def supporter(number: int) -> str:
    first, last = NAMES[number].split()
    return f"S{number},{first},{last},s{number}@x.org,216555{number:04},{number} Elm St,Akron,OH,44101,2012-01-01,1960-02-{number + 10}"


def tie(sharer: int, friend: int, name: str | None = None) -> str:
    first, last = (name or NAMES[friend]).split()
    return f"S{sharer},F{friend},{first},{last},1960-02-{friend + 10},Akron,OH,2012-08-01"


FILES = {
    "supporters": ["supporter_id,first_name,last_name,email,phone,address,city,state,zip,signed_up_on,birth_date",
                   *(supporter(number) for number in (0, 1, 6))],
    "van_voters": ["CanvassFileRequestID,VanID,StateFileID,FirstName,LastName,VoterVANID,State,Phone,Email,DOB,Address,City,ZipCode",
                   *(voter(number) for number in range(6))],
    "app_friends": ["supporter_id,friend_id,friend_first_name,friend_last_name,friend_birth_date,friend_city,friend_state,tied_on",
                    *(tie(0, friend) for friend in range(7)), tie(0, 9, "No Body"), tie(1, 5), tie(8, 5)],
    "unsubscribers": ["email,first_name,last_name,phone,unsubscribed_on", "s1@x.org,,,,2012-01-01"],
    "text_optins": ["supporter_id,phone,answer,answered_on", "S0,2165550000,yes,2012-05-01"],
    "van_contact_history": ["Voter File VANID\tDate Canvassed\tResult\tContact Type\tInput Type Name\tCanvassed By",
                            "2\t09/01/2012\tRefused\tPhone\tx\t", "3\t09/01/2012\tRefused\tWalk\tx\t"],
}  # fmt: skip


@pytest.fixture(scope="module")
def mf(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ties")
    (folder / "in").mkdir()
    for name, lines in FILES.items():
        encoding = "utf-16" if name == "van_contact_history" else "utf-8"
        (folder / "in" / f"{name}_20121001.csv").write_text("\n".join(lines) + "\n", encoding=encoding)
    with Megafile.build(folder / "in", folder / "m.duckdb", model=False, progress=False) as megafile:
        yield megafile


def who(ties: module.Ties) -> list[tuple[str, str]]:
    return sorted(ties.table.select("sharer_key", "friend_key").rows())


def test_suppressed_people_are_at_neither_end(mf):
    """F1 and S1 unsubscribed, F2 refused a call, F3 at the door; F0 is the sharer, F6 no voter, F9 and S8 nobody."""
    ties = mf.ties()
    assert who(ties) == [("S0", "F4"), ("S0", "F5")]
    removed = dict(ties.funnel.select("step", "removed").iter_rows())
    assert list(removed.values()) == [0, 1, 0, 1, 0, 1, 1, 3, 1]
    assert ties.funnel["left"].to_list()[0] == len(FILES["app_friends"]) - 1
    assert ties.table["sharer_email"].unique().to_list() == ["s0@x.org"]


def test_a_sharer_is_reached_by_the_channel_that_asks_go_by(mf):
    assert who(mf.ties(channel="phone")) == [("S0", "F4"), ("S0", "F5"), ("S1", "F5")]
    by_text = mf.ties(channel="text")
    assert who(by_text) == [("S0", "F4"), ("S0", "F5")]  # who never said yes gets no text
    assert by_text.table["sharer_phone"].unique().to_list() == ["+12165550000"]


def test_friend_lists_without_strengths_say_so(mf):
    ties = mf.ties()
    assert ties.table["strength"].to_list() == [None, None]
    assert "give no strength of ties" in ties.summary()


def test_a_tie_has_the_strength_that_the_app_gives_it(tmp_path):
    strengths = ["0.75", "", "no idea"]
    lines = [f"{tie(0, friend)},{strength}" for friend, strength in zip((4, 5, 1), strengths, strict=True)]
    header = FILES["app_friends"][0] + ",tie_strength"
    (tmp_path / "in").mkdir()
    for name, rows in {**FILES, "app_friends": [header, *lines]}.items():
        if name in ("supporters", "van_voters", "app_friends"):
            (tmp_path / "in" / f"{name}_20121001.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    with Megafile.build(tmp_path / "in", tmp_path / "m.duckdb", model=False, progress=False) as megafile:
        ties = megafile.ties()
        assert dict(ties.table.select("friend_key", "strength").iter_rows()) == {"F1": None, "F4": 0.75, "F5": None}
        assert "2 ties have no strength: the app gives none." in ties.summary()
        assert megafile.not_understood.filter(column="strength").height == 1
        asks = ck.outreach.friend_asks(ties.table.with_columns(gain=0.01), "gain", strength="strength", holdout=None)
        assert asks.table.height == 1
        assert dict(asks.set_aside.iter_rows())["value not known"] == 2


def test_friends_may_be_any_universe(mf):
    assert who(mf.ties(mf.universe("not voter"))) == [("S0", "F6")]
    assert mf.ties(mf.universe("false")).table.height == 0
    assert "0 of 10 ties" in mf.ties(mf.universe("false")).summary()
    mf.ties(mf.universe("false")).chart().to_dict()


def test_what_may_not_serve_the_purpose_is_refused(mf):
    with pytest.raises(SourceRestricted):
        mf.ties(mf.universe_of([1, 2]), purpose="fundraise")
    for bad in (
        {"channel": "door"}, {"min_probability": 0.5}, {"purpose": "win"}, {"friends": "voter"},
        {"friends": ck.sample.megafile().universe()},
    ):  # fmt: skip
        with pytest.raises(BadValue):
            mf.ties(**bad)


def test_the_asks_of_ties_are_written_with_what_the_script_needs(mf, tmp_path):
    table = mf.ties().table.with_columns(gain=0.01)
    asks = ck.outreach.friend_asks(table, "gain", holdout=None, placeholders=["sharer_email", "friend_first_name"])
    text = asks.write(tmp_path / "asks.csv", "Would you ask {friend_first_name} to vote?").read_text()
    assert "s0@x.org" in text
    assert "Would you ask Eve to vote?" in text


@pytest.mark.parametrize("step", ["the friend is suppressed", "the sharer may not be reached"])
def test_a_step_left_out_would_be_seen(mf, monkeypatch, step):
    others = tuple((name, "false" if name == step else condition) for name, condition in module._STEPS)
    monkeypatch.setattr(module, "_STEPS", others)
    with pytest.raises(AssertionError):
        test_suppressed_people_are_at_neither_end(mf)


@pytest.fixture(scope="module")
def truth():
    """Return who the sample's friends are, and which made-up person each voter on file is."""
    identity = pl.read_parquet(ck.sample.exports_folder() / "truth" / "identity.parquet")
    friends = identity.filter(source="app_friend").select("person", friend_key="record_key")
    on_file = ck.sample.megafile().sql(
        "SELECT source, record_key, person_id AS friend FROM source_record WHERE source IN ('oh_voter', 'nc_voter')"
    )
    return friends, on_file.join(identity, on=["source", "record_key"]).select("friend", "person").unique()


def test_links_of_the_samples_friends_are_right_and_most_are_found(truth):
    mf, (friends, voters) = ck.sample.megafile(), truth
    ties = mf.ties()
    known = ties.table.join(friends, on="friend_key").join(voters, on=["friend", "person"], how="semi")
    assert known.height / ties.table.height >= 0.99
    links = mf.sql("SELECT record_key AS friend_key, person_id AS friend FROM source_record "
                   "WHERE source = 'app_friend' AND matched_by IS NOT NULL").join(friends, on="friend_key")  # fmt: skip
    right = links.join(voters, on=["friend", "person"], how="semi").height
    assert right / friends.join(voters, on="person", how="semi").height >= 0.92
    assert ties.expected_wrong < 0.01


def test_ambiguous_friends_of_the_sample_are_left_out_and_counted():
    mf = ck.sample.megafile()
    ties = mf.ties()
    assert ties.funnel.row(by_predicate=pl.col("step") == "the friend may be one of several people")[1] > 100
    unlinked = mf.sql("SELECT record_key FROM source_record WHERE source = 'app_friend' AND matched_by IS NULL")
    assert not set(ties.table["friend_key"]) & set(unlinked["record_key"])
    assert "may be one of several people" in ties.summary()


def test_no_suppressed_person_of_the_sample_is_at_either_end():
    mf = ck.sample.megafile()
    said_no = mf.universe(" or ".join(f"suppressed('{channel}')" for channel in CHANNELS[:-1])).people("person_id")
    confidential = mf.sql("SELECT person_id FROM person WHERE confidential")
    table = mf.ties().table
    assert not set(table["friend"]) & (set(said_no["person_id"]) | set(confidential["person_id"]))
    closed = set(mf.universe("suppressed('email')").people("person_id")["person_id"])
    assert not set(table["sharer"]) & closed


def test_the_samples_strengths_lie_between_0_and_1_and_some_are_unknown():
    strength = ck.sample.megafile().ties().table["strength"]
    assert 0.05 < strength.null_count() / strength.len() < 0.12
    assert strength.drop_nulls().is_between(0, 1).all()


def test_less_likely_links_are_left_out():
    mf = ck.sample.megafile()
    sure = mf.ties(min_probability=0.99)
    assert sure.table["match_probability"].min() >= 0.99
    assert sure.funnel.row(by_predicate=pl.col("step") == "the link is too unlikely")[1] > 0
