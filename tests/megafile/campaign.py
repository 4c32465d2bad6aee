"""A tiny campaign in files: one voter file layout and one donor layout of our own, for breaking."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl

from campaignkit import Megafile
from campaignkit.megafile import schema

TODAY = date(2012, 10, 1)

VOTER_LAYOUT = """
name = "tiny_voter"
title = "A tiny voter file"
source = "tiny_voter"
kind = "voter"
mode = "snapshot"
scope = ["county"]
key = ["VOTER_ID"]
[file]
required = ["VOTER_ID", "FIRST", "LAST", "COUNTY"]
unused = ["NOTES"]
[as_of]
file_name = '(\\d{8})'
format = "%Y%m%d"
[person.columns]
state_voter_id = "VOTER_ID"
first_name = "FIRST"
last_name = "LAST"
suffix = "SUFFIX"
birth_date = { column = "BORN", format = "%m/%d/%Y" }
sex = { column = "SEX", values = { Female = "F", Male = "M" } }
address = "ADDRESS"
zip5 = "ZIP"
county = "COUNTY"
state = { value = "OH" }
[[fact]]
table = "vote_history"
unpivot = '^(GENERAL)-(\\d{2}/\\d{2}/\\d{4})$'
[fact.columns]
election_type = { group = 1, values = { GENERAL = "general" } }
election_date = { group = 2, format = "%m/%d/%Y" }
method = { group = "value", values = { X = "polls" } }
"""

GIFT_LAYOUT = """
name = "tiny_gifts"
title = "Tiny gifts"
source = "tiny_gifts"
kind = "donor"
mode = "append"
key = ["Gift ID"]
[file]
required = ["Gift ID", "Email", "First", "Last", "Amount"]
[as_of]
column = "Date"
format = "%Y-%m-%d"
[person]
key = ["Email", "First", "Last"]
one_per_person = false
[person.columns]
email = "Email"
first_name = "First"
last_name = "Last"
address = "Address"
zip5 = "Zip"
phone = "Phone"
birth_date = "Born"
[[fact]]
table = "gift"
columns = { given_on = { column = "Date", format = "%Y-%m-%d" }, amount = "Amount", channel = { value = "online" } }
"""

VOTERS = """VOTER_ID,FIRST,LAST,SUFFIX,BORN,SEX,ADDRESS,ZIP,COUNTY,NOTES,GENERAL-11/04/2008
1,Robert,Smith,Sr,03/01/1950,Male,12 North Main Street,44101,Cuyahoga,,X
2,Robert,Smith,Jr,05/02/1980,Male,12 N Main St,44101,Cuyahoga,,
3,Ann,O'Brien,,07/04/1971,Female,9 Elm Rd Apt 4,44102,Cuyahoga,,X
4,Ánn,Peña,,02/30/1971,Unsure,PO Box 9,44102,Cuyahoga,,X
"""

GIFTS = """Gift ID,Email,First,Last,Amount,Date,Address,Zip,Phone,Born
g1,bob@x.org,Bob,Smith,"$1,000.50",2012-03-01,12 N. Main,44101,,1980-05-02
g2,bob@x.org,Bob,Smith,25,2012-04-01,12 N. Main,44101,,1980-05-02
g3,ann@x.org,Ann,OBrien,10,2012-04-02,9 Elm Road #4,44102,(216) 555-0100,
g4,cy@x.org,Cy,Young,oops,2012-04-03,,,,
"""


def write_campaign(folder: Path, voters: str | bytes = VOTERS, gifts: str | bytes = GIFTS) -> list[Path]:
    """Write the exports and the two layouts; return the layouts' paths."""
    exports = folder / "exports"
    exports.mkdir(exist_ok=True)
    for name, text in (("voters_20121001.csv", voters), ("gifts.csv", gifts)):
        (exports / name).write_bytes(text.encode() if isinstance(text, str) else text)
    paths = []
    for name, text in (("tiny_voter.toml", VOTER_LAYOUT), ("tiny_gifts.toml", GIFT_LAYOUT)):
        (folder / name).write_text(text, encoding="utf-8")
        paths.append(folder / name)
    return paths


def write_facts(path: Path, facts: dict[str, pl.DataFrame]) -> Megafile:
    """Write tables straight into a megafile as of TODAY, and open it."""
    with duckdb.connect(path) as con:
        con.execute(schema.schema_sql())
        con.execute("INSERT INTO source_file (file_id, as_of) VALUES (1, ?)", [TODAY])
        for name, rows in facts.items():
            con.register("rows", rows)
            con.execute(f"INSERT INTO {name} BY NAME SELECT * FROM rows")
    return Megafile.open(path)


def days(rng, n: int, back: int, ahead: int) -> list[date]:
    """Return days at random, from `back` days ago to `ahead` days after the megafile's date."""
    return [TODAY - timedelta(days=int(d)) for d in rng.integers(-ahead, back, n)]


def pick(rng, values: list, n: int) -> list:
    """Draw n of some values, None among them or not."""
    return [values[int(i)] for i in rng.integers(0, len(values), n)]
