"""Gifts as files: ActBlue's 101 columns, the mail room's list, and the FEC's itemisations."""

from __future__ import annotations

import numpy as np
import polars as pl

from campaignkit.sample.people import gather, scramble
from campaignkit.sample.sinks import Format
from campaignkit.sample.voter_files import columns

ACTBLUE = """Receipt ID,Date,Amount,Recurring Total Months,Recurrence Number,Recipient,Fundraising Page,
Fundraising Partner,Reference Code 2,Reference Code,Donor First Name,Donor Last Name,Donor Addr1,Donor Addr2,Donor City,
Donor State,Donor ZIP,Donor Country,Donor Occupation,Donor Employer,Donor Email,Donor Phone,New Express Signup,Comments,
Check Number,Check Date,Employer Addr1,Employer Addr2,Employer City,Employer State,Employer ZIP,Employer Country,
Donor ID,Fundraiser ID,Fundraiser Recipient ID,Fundraiser Contact Email,Fundraiser Contact First Name,
Fundraiser Contact Last Name,Partner ID,Partner Contact Email,Partner Contact First Name,Partner Contact Last Name,
Reserved,Lineitem ID,AB Test Name,AB Variation,Recipient Committee,Recipient ID,Recipient Gov ID,Recipient Election,
Reserved,Payment ID,Payment Date,Disbursement ID,Disbursement Date,Recovery ID,Recovery Date,Refund ID,Refund Date,Fee,
Recur Weekly,ActBlue Express Lane,Reserved,Card Type,Reserved,Reserved,Reserved,Reserved,Mobile,Recurring Upsell Shown,
Recurring Upsell Succeeded,Double Down,Smart Recurring,Monthly Recurring Amount,Apple Pay,
Card Replaced by Account Updater,ActBlue Express Donor,Custom Field 1 Label,Custom Field 1 Value,
Donor US Passport Number,Text Message Opt In,Gift Identifier,Gift Declined,Shipping Addr1,Shipping City,Shipping State,
Shipping Zip,Shipping Country,Weekly Recurring Amount,Smart Boost Amount,Smart Boost Shown,Bump Recurring Seen,
Bump Recurring Succeeded,Weekly to Monthly Rollover Date,Weekly Recurring Sunset,Recurring Type,Recurring Pledged,
Paypal,Kind,Managed Entity Name,Managed Entity Committee Name"""
MAIL = "gift_id,donor_id,received_on,amount,first_name,middle_name,last_name,suffix,address,city,state,zip"
COMMITTEE, COMMITTEE_ID = "Whitfield for America", "C00999901"
OTHER_COMMITTEES = ["C00999917", "C00999925", "C00999933"]
JOBS = ["Retired", "Teacher", "Attorney", "Nurse", "Engineer", "Physician", "Professor", "Sales", "Consultant",
        "Homemaker", "Not employed", "Electrician"]  # fmt: skip
EMPLOYERS = ["None", "City Schools", "Hale & Burke LLP", "County Hospital", "Norris Works, Inc.", "Mercy Clinic",
             "State University", "Cobb Motors", "Self", "None", "None", "Union Local 38"]  # fmt: skip
COMMENTS = [
    "Go get them!", "Keep it up, please", 'My mother said "never miss one"', "Line one\nline two, with a comma",
    "=HYPERLINK(\"http://example.com\",\"win\")", "<script>alert(1)</script>", "Thank you; for my grandchildren",
    "No more e-mails,\nplease", "@SUM(1+1)*cmd", "José & Peña send regards",
]  # fmt: skip

FORMATS = {
    "actblue": Format(
        "actblue_paid_contributions_20121001.csv.gz", columns(ACTBLUE), line_end="\r\n",
        broken=(
            ("AB000000001,2012-09-30 10:00:00,25.00", "too few fields"),
            ("AB000000002" + "," * 104, "too many fields"),
        ),
    ),
    "mail": Format("mail_gifts_20121001.csv.gz", columns(MAIL)),
    "fec": Format("fec_itcont_20121001.zip", [], "itcont.txt", "|", "never",
        broken=(("C00999901|N|Q3|P2012", "too few fields"),)),
}  # fmt: skip


def _job(person: pl.Series) -> np.ndarray:
    return scramble(person.to_numpy(), 9_967, 3_571) % len(JOBS)


def _first(person: pl.Series) -> int:
    """Return the smallest person, from which a batch's own numbers count."""
    return int(person.to_numpy().min()) if len(person) else 0


def actblue(rng: np.random.Generator, gifts: pl.DataFrame, donors: pl.DataFrame, joined: pl.DataFrame) -> pl.DataFrame:
    """Return one row per online gift, the donor written the same way on all of them."""
    table = gifts.join(donors, on="person", how="left", maintain_order="left").join(
        joined, on="person", how="left", maintain_order="left"
    )
    size = len(table)
    job = _job(table["person"])
    talks = pl.Series(rng.random(size) < 0.01)
    second = pl.Series(rng.integers(0, 86_399, size))
    number = pl.Series(scramble(rng.permutation(size) + _first(table["person"]) * 20, 899_999_963, 7_919))
    seen = rng.random(size)
    table = table.with_columns(
        at=pl.col("given_on").cast(pl.Datetime("ms")) + pl.duration(seconds=pl.lit(second)),
        id=number.cast(pl.String),
        comment=pl.select(pl.when(talks).then(gather(COMMENTS, rng.integers(0, len(COMMENTS), size)))).to_series(),
        occupation=gather(JOBS, job),
        employer=gather(EMPLOYERS, job),
        monthly=pl.Series(scramble(table["person"].to_numpy(), 9_949, 3_331) % 20 == 0),
        ab=pl.select(pl.when(pl.Series(seen < 0.3)).then(gather(["A", "B"], seen < 0.15))).to_series(),
        card=gather(["visa", "mastercard", "amex", "discover"], rng.choice(4, size, p=[0.55, 0.25, 0.15, 0.05])),
    )
    flag = lambda name: pl.when(name).then(pl.lit("t")).otherwise(pl.lit("f"))  # noqa: E731
    col = pl.col
    first = col("enrolled_on").is_not_null() & (col("given_on") >= col("enrolled_on"))
    values = {
        "Receipt ID": pl.lit("AB") + col("id").str.zfill(9), "Date": col("at").dt.strftime("%Y-%m-%d %H:%M:%S"),
        "Amount": col("amount").round(2).cast(pl.Decimal(14, 2)).cast(pl.String),
        "Recurring Total Months": pl.when("monthly").then(pl.lit("12")).otherwise(pl.lit("1")),
        "Recurrence Number": "1", "Recipient": COMMITTEE, "Fundraising Page": "whitfield-home",
        "Reference Code": col("refcode"), "Donor First Name": col("first_name"), "Donor Last Name": col("last_name"),
        "Donor Addr1": col("street_line"), "Donor Addr2": col("unit"), "Donor City": col("city"),
        "Donor State": col("state"), "Donor ZIP": col("zip5"), "Donor Country": "United States",
        "Donor Occupation": col("occupation"), "Donor Employer": col("employer"), "Donor Email": col("email"),
        "Donor Phone": col("phone"),
        "New Express Signup": flag(first & (col("given_on") == col("enrolled_on"))),
        "Comments": col("comment"), "Lineitem ID": col("id"),
        "AB Test Name": pl.when(col("ab").is_not_null()).then(pl.lit("form_color")), "AB Variation": col("ab"),
        "Recipient Committee": COMMITTEE, "Recipient ID": "31415", "Recipient Gov ID": COMMITTEE_ID,
        "Recipient Election": "2012", "Payment ID": pl.lit("P") + col("id"),
        "Payment Date": col("given_on").cast(pl.String),
        "Fee": (col("amount") * 0.0395).round(2).cast(pl.Decimal(14, 2)).cast(pl.String), "Recur Weekly": "f",
        "ActBlue Express Lane": flag("quick_donate"), "Card Type": col("card"), "Mobile": "f",
        "Apple Pay": "f", "ActBlue Express Donor": flag(first), "Text Message Opt In": "unknown", "Paypal": "f",
        "Kind": "page",
    }  # fmt: skip
    names = FORMATS["actblue"].header
    made = [
        (value if isinstance(value := values.get(name), pl.Expr) else pl.lit(value, dtype=pl.String)).alias(f"{at}")
        for at, name in enumerate(names)
    ]
    return table.select(pl.col("id").alias("key"), *made).drop("key")


def mail(gifts: pl.DataFrame, donors: pl.DataFrame) -> pl.DataFrame:
    """Return one row per gift by mail: a name and an address, no e-mail."""
    numbered = gifts.with_columns(at=pl.int_range(pl.len()).over("person"))
    table = numbered.join(donors, on="person", how="left", maintain_order="left")
    return table.select(
        pl.concat_str(pl.lit("M"), "donor_id", pl.lit("-"), pl.col("at") + 1),
        "donor_id",
        pl.col("day").cast(pl.Int32).cast(pl.Date).cast(pl.String),
        pl.col("amount").cast(pl.Decimal(14, 2)).cast(pl.String),
        "first_name", "middle_name", "last_name", "suffix", "address", "city", "state", "zip5",
    )  # fmt: skip


def itemised(rng: np.random.Generator, gifts: pl.DataFrame, mailed: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return who must be itemised: gifts of donors above $200, gifts of others to other committees, memo lines."""
    names = ["person", "given_on", "amount"]
    ours = pl.concat([
        gifts.select(names),
        mailed.select("person", pl.col("day").cast(pl.Int32).cast(pl.Date).alias("given_on"), "amount"),
    ])  # fmt: skip
    ours = ours.filter(pl.col("amount").sum().over("person") > 200).with_columns(committee=pl.lit(COMMITTEE_ID))
    row = np.flatnonzero(rng.random(len(people)) < 0.012)
    start = pl.Series(rng.integers(15_100, 15_610, len(row)).astype(np.int32)).cast(pl.Date)
    theirs = pl.DataFrame({
        "person": people["person"].gather(row), "given_on": start,
        "amount": rng.choice([250.0, 500.0, 1000.0, 2500.0], len(row)),
        "committee": gather(OTHER_COMMITTEES, rng.integers(0, 3, len(row))),
    })  # fmt: skip
    table = pl.concat([ours, theirs]).with_columns(memo=pl.lit(None, dtype=pl.String))
    memo = table.filter(pl.Series(rng.random(len(table)) < 0.03)).with_columns(memo=pl.lit("X"))
    return pl.concat([table, memo]).sort("person", "given_on", "amount", "memo")


def fec(rng: np.random.Generator, items: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return itcont's 21 columns; no header, no quoting, a quote within a name is a letter."""
    size = len(items)
    who = people.select("person", "first_name", "middle_name", "last_name", "city", "state", "zip5")
    table = items.join(who, on="person", how="left", maintain_order="left")
    job = _job(table["person"])
    number = pl.Series(scramble(rng.permutation(size) + _first(table["person"]) * 7, 899_999_963, 104_729))
    nick = pl.when(pl.Series(_job(table["person"] + 1) == 3)).then(pl.lit(' "MAC"'))
    name = pl.concat_str(
        pl.col("last_name").str.to_uppercase(), pl.lit(", "), pl.col("first_name").str.to_uppercase(),
        pl.lit(" ") + pl.col("middle_name").str.slice(0, 1).str.to_uppercase(), nick, ignore_nulls=True,
    )  # fmt: skip
    text = lambda value: pl.lit(value, dtype=pl.String)  # noqa: E731
    row = [
        pl.col("committee"), text("N"), text("Q3"), text("P2012"), pl.lit("12") + number.cast(pl.String).str.zfill(9),
        text("15"), text("IND"), name, pl.col("city").str.to_uppercase(), pl.col("state"),
        pl.col("zip5") + pl.lit("0000"),
        gather(EMPLOYERS, job).str.to_uppercase(), gather(JOBS, job).str.to_uppercase(),
        pl.col("given_on").dt.strftime("%m%d%Y"), pl.col("amount").round(0).cast(pl.Int64).cast(pl.String), text(None),
        pl.lit("T") + number.cast(pl.String), text("801234"), pl.col("memo"),
        pl.when(pl.col("memo").is_not_null()).then(pl.lit("SEE ATTRIBUTION")),
        pl.lit("4") + number.cast(pl.String).str.zfill(18),
    ]  # fmt: skip
    return table.select("person", *(expr.alias(f"c{at}") for at, expr in enumerate(row)))
