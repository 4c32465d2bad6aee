"""The campaign's own exports, with its supporter numbers, and lists bought or kept elsewhere."""

from __future__ import annotations

import numpy as np
import polars as pl

from campaignkit.sample.dirt import Rates
from campaignkit.sample.outreach import QUESTION
from campaignkit.sample.people import scramble
from campaignkit.sample.sinks import Format

_HEADERS = {
    "supporters": "supporter_id,first_name,middle_name,last_name,suffix,email,phone,address,city,state,zip,birth_date,"
    "birth_year,sex,signed_up_on",
    "contest_invitations": "supporter_id,host,invited_on,drawn_by_lot,entered,entered_on",
    "email_sends": "supporter_id,email_id,test,subject,sender,message,sent_on",
    "email_events": "supporter_id,email_id,event,happened_on,amount",
    "email_guesses": "staff_id,test,email_id,gifts_per_1000",
    "sticker_offers": "supporter_id,experiment,arm,offered_on",
    "quick_donate_enrollments": "supporter_id,program,enrolled_on",
    "resubscriptions": "supporter_id,program,enrolled_on",
    "volunteer_shifts": "supporter_id,shift_on,activity,hours",
    "text_optins": "supporter_id,phone,answer,answered_on",
    "unsubscribers_2008": "email,first_name,last_name,phone,unsubscribed_on",
    "call_assignments": "van_id,state,experiment,arm,script,caller_id,assigned_on",
    "winback_assignments": "supporter_id,experiment,arm,assigned_on",
    "caller_roster": "caller_id,home_state,role",
    "survey_phone": "van_id,state,asked_on,question,answer",
    "survey_online": "respondent_id,first_name,last_name,email,birth_year,city,state,zip,asked_on,question,answer",
    "survey_text": "respondent_id,first_name,last_name,phone,state,zip,asked_on,question,answer",
    "app_friends": "supporter_id,friend_id,friend_first_name,friend_last_name,friend_birth_date,friend_city,"
    "friend_state,tied_on,tie_strength",
    "consumer_append": "vb.voterbase_id,vb.voterid,vb.tsmart_first_name,vb.tsmart_middle_name,vb.tsmart_last_name,"
    "vb.tsmart_name_suffix,vb.tsmart_full_address,vb.tsmart_city,vb.tsmart_state,vb.tsmart_zip,vb.voterbase_phone,"
    "vb.voterbase_dob,vb.voterbase_gender,cons.income_band,cons.education,cons.homeowner,cons.married,cons.children,"
    "cons.urbanicity,cons.interest",
}  # fmt: skip
_BROKEN = {
    "supporters": (
        ('S99999999,"Robert "Bob" Smith",,Smith,,bob@example.com,,,,OH,,,,M,2012-05-01', "a stray quote"),
        ("S99999998" + ",x" * 17, "too many fields"),
        ("S99999997,Ann,Cole", "too few fields"),
    ),
    "email_events": (("S99999996,deadline_june_01", "too few fields"),),
    "contest_invitations": (("S99999995,host_a,2012-05-07,t,f,,,,", "too many fields"),),
    "consumer_append": (("US-1,,Jo", "too few fields"),),
}


def _dated(name: str) -> str:
    # one date only may stand in a file's name, or a reader could take the wrong one
    stem = "unsubscribers_last_cycle" if name == "unsubscribers_2008" else name
    return f"{stem}_20121001.csv.gz"


FORMATS = {
    name: Format(_dated(name), header.split(","), broken=_BROKEN.get(name, ())) for name, header in _HEADERS.items()
}
FORMATS["county_turnout"] = Format(
    "county_turnout_20121001.csv", ["state", "county", "election_date", "registered", "voted"]
)

# how each source that describes people writes them down
RATES = {
    "supporter": Rates(no_birth_date=1 / 3, no_birth_year=0.25),
    "actblue": Rates(no_phone=0.3),
    "mail_donor": Rates(no_phone=1.0, no_email=1.0, no_birth_year=1.0),
    "unsubscriber": Rates(moved=0.25),
    "survey_online": Rates(no_phone=1.0, no_birth_date=1.0, no_birth_year=0.1),
    "survey_text": Rates(no_phone=0.0, no_email=1.0, no_birth_year=1.0),
    "app_friend": Rates(no_phone=1.0, no_email=1.0, no_birth_date=0.15, nickname=0.35),
    "consumer": Rates(nickname=0.05, typo=0.02, moved=0.1, address_variant=0.2, no_phone=0.45, no_email=1.0,
                      no_birth_date=0.2, wrong_birth_date=0.01, other_case=0.0),
    "fec": Rates(nickname=0.15, typo=0.02, moved=0.1, other_case=0.0),
}  # fmt: skip


def supporter_key(person: pl.Series) -> pl.Expr:
    """Return supporter numbers, which say nothing of the person's place in the world."""
    return pl.lit("S") + pl.Series(scramble(person.to_numpy())).cast(pl.String).str.zfill(8)


def keyed(person: pl.Series, prefix: str, factor: int) -> pl.Series:
    """Return another source's own numbers."""
    number = pl.Series(scramble(person.to_numpy(), factor=factor)).cast(pl.String).str.zfill(8)
    return pl.select(pl.lit(prefix) + number).to_series()


def _yes(name: str) -> pl.Expr:
    return pl.when(name).then(pl.lit("t")).when(~pl.col(name)).then(pl.lit("f")).alias(name)


def with_supporter(table: pl.DataFrame, column: str = "person") -> pl.DataFrame:
    """Add supporter_id for a column of persons."""
    return table.with_columns(supporter_key(table[column]).alias("supporter_id"))


def supporters(rng: np.random.Generator, written: pl.DataFrame) -> pl.DataFrame:
    """Return the list of supporters; dates of birth for half, years for three quarters."""
    size = len(written)
    joined = pl.Series((15_065 + 540 * rng.random(size) ** 0.8).astype(np.int32)).cast(pl.Date)
    style = pl.Series(rng.integers(0, 3, size))
    p = pl.col("phone")
    a, b, c = p.str.slice(0, 3), p.str.slice(3, 3), p.str.slice(6, 4)
    phone = (
        pl.when(style == 0).then(p).when(style == 1).then(pl.concat_str(a, b, c, separator="-"))
        .otherwise(pl.concat_str(pl.lit("("), a, pl.lit(") "), b, pl.lit("-"), c))
    )  # fmt: skip
    no_sex = pl.Series(rng.random(size) < 0.1)
    return with_supporter(written).select(
        "supporter_id", "first_name", "middle_name", "last_name", "suffix", "email", phone.alias("phone"), "address",
        "city", "state", "zip5", pl.col("birth_date").cast(pl.String), pl.col("birth_year").cast(pl.String),
        pl.when(~no_sex).then("sex").alias("sex"), joined.cast(pl.String).alias("signed_up_on"),
    )  # fmt: skip


def consumer(rng: np.random.Generator, written: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return the vendor's append; it knows the state's voter id of nine registered voters in ten."""
    known = people["registered"] & pl.Series(rng.random(len(people)) < 0.9)
    facts = people.select(
        "state_voter_id",
        "income_band",
        "education",
        "homeowner",
        "married",
        "children",
        "urbanicity",
        "interest",
    ).with_columns(known=known)
    table = pl.concat([written, facts], how="horizontal")
    return table.select(
        consumer_key(table), pl.when("known").then("state_voter_id").alias("voterid"),
        "first_name", "middle_name", "last_name", "suffix", "address", "city", "state", "zip5", "phone",
        pl.col("birth_date").dt.strftime("%Y%m%d"), pl.col("sex"), "income_band", "education",
        _yes("homeowner"), _yes("married"), _yes("children"), "urbanicity", "interest",
    )  # fmt: skip


def consumer_key(table: pl.DataFrame) -> pl.Series:
    """Return voterbase ids, ``OH-123``."""
    return (
        pl.select(table["state"] + pl.lit("-") + keyed(table["person"], "", 3_141_593))
        .to_series()
        .alias("voterbase_id")
    )


def by_supporter(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the files that refer to supporters by number only."""
    t = {name: with_supporter(tables[name]) for name in (
        "contest", "email_sends", "email_events", "donors", "winback", "shifts", "text_optins"
    )}  # fmt: skip
    amount = pl.col("amount").round(2).cast(pl.Decimal(14, 2)).cast(pl.String)
    offered = pl.when("offered").then(pl.lit("sticker")).otherwise(pl.lit("none")).alias("arm")
    back = t["winback"]
    return {
        "contest_invitations": t["contest"].sort("host", "person").select(
            "supporter_id", "host", "invited_on", _yes("at_random"), _yes("entered"), "entered_on"
        ),
        "email_sends": t["email_sends"].select(FORMATS["email_sends"].header),
        "email_events": t["email_events"].select("supporter_id", "email_id", "event", "happened_on", amount),
        "sticker_offers": t["donors"].select(
            "supporter_id", pl.lit("sticker").alias("x"), offered, pl.lit("2012-01-16").alias("on")
        ),
        "quick_donate_enrollments": t["donors"].drop_nulls("enrolled_on").select(
            "supporter_id", pl.lit("quick_donate"), "enrolled_on"
        ),
        "resubscriptions": back.drop_nulls("returned_on").select("supporter_id", pl.lit("email_list"), "returned_on"),
        "winback_assignments": back.drop_nulls("arm").select(
            "supporter_id", pl.lit("winback").alias("x"), "arm", pl.lit("2012-04-16").alias("on")
        ),
        "volunteer_shifts": t["shifts"].select("supporter_id", "shift_on", "activity", "hours"),
        "text_optins": t["text_optins"].select("supporter_id", "phone", "answer", "answered_on"),
    }  # fmt: skip


def by_van(tables: dict[str, pl.DataFrame], keys: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the files that refer to voters by VanID and state."""
    scripts = tables["scripts"].drop("state").join(keys, on="person", how="left", maintain_order="left")
    phone = tables["surveys"].filter(pl.col("stream") == "phone").join(keys, on="person", maintain_order="left")
    script = pl.when(pl.col("arm") != "control").then("arm").alias("script")
    return {
        "call_assignments": scripts.select(
            "van_id",
            "state",
            pl.lit("scripts").alias("x"),
            "arm",
            script,
            "caller_id",
            pl.lit("2012-08-20").alias("on"),
        ),
        "survey_phone": phone.select("van_id", "state", "asked_on", pl.lit(QUESTION), "answer"),
    }


def respondents(surveys: pl.DataFrame, stream: str, written: pl.DataFrame) -> pl.DataFrame:
    """Return a survey whose respondents say who they are."""
    table = surveys.filter(pl.col("stream") == stream).join(written, on="person", how="left", maintain_order="left")
    table = table.with_columns(key=keyed(table["person"], stream[0].upper(), 2_718_281), question=pl.lit(QUESTION))
    names = {
        "online": ["key", "first_name", "last_name", "email", "birth_year", "city", "state", "zip5"],
        "text": ["key", "first_name", "last_name", "phone", "state", "zip5"],
    }
    return table.select(*names[stream], "asked_on", "question", "answer")


def unsubscribers(winback: pl.DataFrame, written: pl.DataFrame) -> pl.DataFrame:
    """Return who unsubscribed in the last cycle."""
    table = winback.select("person", "unsubscribed_on").join(written, on="person", how="left", maintain_order="left")
    return table.select("email", "first_name", "last_name", "phone", "unsubscribed_on")


def friends(ties: pl.DataFrame, written: pl.DataFrame) -> pl.DataFrame:
    """Return the app's ties; the friend as the app's profile says it."""
    table = with_supporter(ties, "supporter").join(written, on="person", how="left", maintain_order="left")
    return table.select(
        "supporter_id", keyed(table["person"], "F", 5_772_157).alias("friend_id"), "first_name", "last_name",
        pl.col("birth_date").cast(pl.String), "city", "state", "tied_on", "strength",
    )  # fmt: skip
