"""Random nights of a tiny campaign: people who share names, addresses and phones, told with slips, in three sources.

Voters come as snapshots by county, a list as upserts with one record per person, gifts as appends with many.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from tests.megafile.campaign import GIFT_LAYOUT, VOTER_LAYOUT

LIST_LAYOUT = """
name = "tiny_list"
title = "A tiny list of supporters"
source = "tiny_list"
kind = "supporter"
mode = "upsert"
key = ["ID"]
[file]
required = ["ID", "First", "Last", "Mobile"]
[as_of]
file_name = '(\\d{8})'
format = "%Y%m%d"
[person.columns]
first_name = "First"
last_name = "Last"
phone = "Mobile"
email = "Mail"
birth_date = "Birthday"
address = "Street"
zip5 = "Zip"
[[fact]]
table = "enrollment"
columns = { program = { value = "quick_donate" }, enrolled_on = "Joined" }
"""

OWN_OF_LIST = """
[attribute.joined_on]
column = "Joined"
type = "date"
"""

OWN_OF_GIFTS = """
[attribute.last_amount]
column = "Amount"
type = "dollars"
[attribute.most_given]
column = "Amount"
type = "dollars"
keep = "highest"
[attribute.given_in_all]
column = "Amount"
type = "dollars"
keep = "total"
[attribute.first_written]
column = "Phone"
keep = "earliest"
[[fact]]
name = "pledge"
date = "Date"
amount = "Amount"
"""

#: What columns of one's own say of each person.
OWN = [
    "joined_on", "last_amount", "most_given", "given_in_all", "first_written", "pledge_count()", "pledge_total()",
    "last_pledge_days",
]  # fmt: skip

FIRST = ["Robert", "Bob", "Ann", "Anne", "William", "Bill", "Maria", "Jon", "John", "Elizabeth", "Liz", "Kim"]
LAST = ["Smith", "Smyth", "Garcia", "Lee", "O'Brien", "Young"]
STREETS = ["12 North Main Street", "9 Elm Rd Apt 4", "77 Oak Ave", "5 Pine Ct", "31 Lake Dr"]
START = date(2012, 9, 1)


def layouts(folder: Path) -> list[Path]:
    """Write the three layouts and return where they lie."""
    texts = {
        "tiny_voter": VOTER_LAYOUT, "tiny_gifts": GIFT_LAYOUT + OWN_OF_GIFTS, "tiny_list": LIST_LAYOUT + OWN_OF_LIST,
    }  # fmt: skip
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return [folder / f"{name}.toml" for name in texts]


class Town:
    """People who change, and the files that tell of them."""

    def __init__(self, seed: int, people: int = 30) -> None:
        self.rng = np.random.default_rng(seed)
        self.people = [self._person() for _ in range(people)]
        self.drops = 0
        self.gifts = 0

    def _pick(self, values: list) -> object:
        return values[int(self.rng.integers(len(values)))]

    def _person(self) -> dict[str, str]:
        born = date(1940 + int(self.rng.integers(40)), int(self.rng.integers(1, 13)), int(self.rng.integers(1, 29)))
        number = int(self.rng.integers(40))
        return {
            "first": self._pick(FIRST), "last": self._pick(LAST), "born": born, "street": self._pick(STREETS),
            "zip": self._pick(["44101", "44102"]), "county": self._pick(["Cuyahoga", "Lake"]),
            "phone": f"216555{number:04d}", "mail": f"m{int(self.rng.integers(60))}@x.org",
            "suffix": self._pick(["", "", "", "Jr", "Sr"]),
        }  # fmt: skip

    def _told(self, person: dict) -> dict:
        """Return what a person says of themselves, with slips and gaps."""
        told = dict(person)
        if self.rng.random() < 0.15:
            told["first"] = told["first"][:-1] or told["first"]
        for name in ("phone", "mail", "street", "born"):
            if self.rng.random() < 0.35:
                told[name] = ""
        return told

    def live(self) -> None:
        """Let some people come, change, move, go."""
        for at in range(len(self.people)):
            chance = self.rng.random()
            if chance < 0.06:
                self.people[at] = self._person()
            elif chance < 0.2:
                changed = str(self._pick(["street", "phone", "mail", "last", "county", "zip"]))
                self.people[at] = self.people[at] | {changed: self._person()[changed]}
        self.people += [self._person() for _ in range(int(self.rng.integers(3)))]

    def write(self, folder: Path, day: int) -> None:
        """Write some of the sources as of a day; a file may lack people, repeat them, or bring one word for word."""
        folder.mkdir()
        self.drops += 1
        name = f"{START + timedelta(days=day):%Y%m%d}_{self.drops:03d}"
        which = self.rng.random(3) < 0.6
        if not which.any():
            which[int(self.rng.integers(3))] = True
        for wanted, write in zip(which, (self._voters, self._list, self._gifts), strict=True):
            if wanted or day == 0:
                write(folder, name, day)

    def _voters(self, folder: Path, name: str, day: int) -> None:
        county = self._pick(["Cuyahoga", "Lake", None, None])
        lines = ["VOTER_ID,FIRST,LAST,SUFFIX,BORN,SEX,ADDRESS,ZIP,COUNTY,NOTES,GENERAL-11/04/2008"]
        for at, person in enumerate(self.people):
            if at % 3 and (county in (None, person["county"])) and self.rng.random() < 0.95:
                voted = "X" if at % 2 else ""
                lines.append(f"{at},{person['first']},{person['last']},{person['suffix']},{person['born']:%m/%d/%Y},,"
                             f"{person['street']},{person['zip']},{person['county']},,{voted}")  # fmt: skip
        (folder / f"voters_{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _list(self, folder: Path, name: str, day: int) -> None:
        lines = ["ID,First,Last,Mobile,Mail,Birthday,Street,Zip,Joined"]
        for at, person in enumerate(self.people):
            if at % 2 and self.rng.random() < (0.9 if day == 0 else 0.2):
                told = self._told(person)
                lines.append(f"L{at},{told['first']},{told['last']},{told['phone']},{told['mail']},{told['born']},"
                             f"{told['street']},{told['zip']},2012-08-01")  # fmt: skip
                if self.rng.random() < 0.1:
                    lines.append(lines[-1])
        (folder / f"list_{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _gifts(self, folder: Path, name: str, day: int) -> None:
        lines = ["Gift ID,Email,First,Last,Amount,Date,Address,Zip,Phone,Born"]
        for person in self.people:
            while self.rng.random() < (0.4 if day == 0 else 0.15):
                told = self._told(person)
                key = int(self.rng.integers(max(self.gifts, 1))) if self.rng.random() < 0.15 else self.gifts
                self.gifts += 1
                lines.append(f"g{key},{told['mail']},{told['first']},{told['last']},{int(self.rng.integers(500))},"
                             f"{START + timedelta(days=day)},{told['street']},{told['zip']},{told['phone']},"
                             f"{told['born']}")  # fmt: skip
        if len(lines) > 1:
            (folder / f"gifts_{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
