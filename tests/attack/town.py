"""A town whose people share addresses, telephones and mailboxes, and the exports that tell of it and of who said no."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random

Row = dict[str, str]

FIRST = ["Ann", "Robert", "Maria", "William", "Elizabeth", "John", "Kim", "Pedro"]
LAST = ["Smith", "Garcia", "Lee", "O'Brien", "Young", "Peña", "Baker", "Okafor"]
STREETS = ["12 North Main St", "9 Elm Rd", "77 Oak Ave", "5 Pine Ct", "31 Lake Dr", "400 Bay Blvd"]
START = date(2012, 9, 1)

#: Results of a contact, by what they mean for reaching anybody again; written as VAN's users write them.
NO = {
    "wrong number": ["Wrong Number", "wrong number", "Disconnected", "Disconnected/Out of Service"],
    "do not call": ["Do Not Call", "DO NOT CALL"],
    "refused": ["Refused", "refused", "Refused - Hostile", "Hostile", "Remove", "Opted Out", "STOP"],
    "deceased": ["Deceased", "DECEASED"],
    "moved": ["Moved"],
    "unknown": ["Zorblax 7", "Wants no truck with us"],
}
YES = ["Canvassed", "Not Home", "Left Message"]
MEANING = {word: meaning for meaning, words in NO.items() for word in words}
TYPES = {
    "Phone": "phone",
    "Paid Phone": "phone",
    "Auto Dial": "phone",
    "Phone Call": "phone",
    "Walk": "door",
    "SMS Text": "text",
    "": "phone",
}
EMAIL_NO = ["unsubscribe", "Unsubscribed", "complaint", "spam", "UNSUBSCRIBE", "hard bounce", "bounce"]
EMAIL_YES = ["open", "click"]

COLUMNS = {
    "van": ["CanvassFileRequestID", "VanID", "StateFileID", "FirstName", "LastName", "Address", "City", "State", "ZipCode",
            "County", "Phone", "Email", "Sex", "DOB", "VoterVANID"],
    "contacts": ["Voter File VANID", "Contact Name", "Date Canvassed", "Result", "Contact Type", "Canvassed By", "Created By",
                 "Date Created", "Input Type Name", "MiniVAN Campaign"],
    "supporters": ["supporter_id", "first_name", "middle_name", "last_name", "suffix", "email", "phone", "address", "city",
                   "state", "zip", "birth_date", "birth_year", "sex", "signed_up_on"],
    "unsubscribers": ["email", "first_name", "last_name", "phone", "unsubscribed_on"],
    "events": ["supporter_id", "email_id", "event", "happened_on", "amount"],
    "texts": ["supporter_id", "phone", "answer", "answered_on"],
    "joined": ["supporter_id", "program", "enrolled_on"],
}  # fmt: skip
FL_COLUMNS = 38
SOURCES = ("van", "contacts", "voters", "supporters", "unsubscribers", "events", "texts", "joined", "fec")
FIRST_DROP = ("van", "contacts", "voters", "supporters", "unsubscribers", "texts")  # the fewest that refuse in all ways


@dataclass
class Person:
    """What a person tells whoever asks."""

    at: int
    first: str
    last: str
    phone: str
    mail: str
    street: str
    born: date
    sex: str
    confidential: bool = False

    @property
    def van_id(self) -> str:
        return f"{5_000_100 + self.at}"

    @property
    def voter_id(self) -> str:
        return f"{100_000_100 + self.at}"

    @property
    def supporter_id(self) -> str:
        return f"S{100 + self.at:08}"


@dataclass
class Town:
    """People, and every row that any system has ever had of them."""

    seed: int
    people: list[Person] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=lambda: {source: [] for source in SOURCES})
    day: date = START
    drops: int = 0

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        for _ in range(self.rng.randint(8, 14)):
            self.arrive()
        for _ in range(self.rng.randint(3, 8)):
            self.say_no()

    def arrive(self) -> None:
        """Let somebody come, who shares what they share."""
        rng, at = self.rng, len(self.people)
        self.people.append(Person(
            at, FIRST[at % len(FIRST)], LAST[(at // len(FIRST) + at) % len(LAST)] + "-Ray" * (at // 64),
            f"850555{100 + rng.randrange(10):04}", f"m{rng.randrange(12)}@x.org", rng.choice(STREETS),
            date(1940 + rng.randrange(45), rng.randint(1, 12), rng.randint(1, 28)), rng.choice("FM"),
            confidential=rng.random() < 0.1,
        ))  # fmt: skip

    def say_no(self) -> None:
        """Let somebody refuse in one of the ways in which one can, or take it back."""
        rng, person = self.rng, self.rng.choice(self.people)
        day = self._day()
        way = rng.choice(["result", "result", "unsubscribe", "event", "text", "back", "flag", "text yes", "fec"])
        if way == "result":
            result = rng.choice([*MEANING, *YES])
            van_id = rng.choice([person.van_id] * 4 + [f"0{person.van_id}", f"{person.van_id}.0"])
            self._add("contacts", van_id, f"{person.last}, {person.first}", day and f"{day:%m/%d/%Y}", result,
                      rng.choice([*TYPES, "Phone", "Phone"]), "Caller", "VAN", "", "VPB", "")  # fmt: skip
        elif way == "unsubscribe":
            named = rng.choice([person, person, rng.choice(self.people), None])
            self._add("unsubscribers", rng.choice([person.mail, person.mail.upper(), f" {person.mail}"]),
                      named.first if named else "", named.last if named else "", "", day and f"{day}")  # fmt: skip
        elif way == "event":
            self._add(
                "events",
                person.supporter_id,
                f"e{rng.randrange(9)}",
                rng.choice(EMAIL_NO * 2 + EMAIL_YES),
                day and f"{day}",
                "",
            )
        elif way.startswith("text"):
            answer = "yes" if way == "text yes" else rng.choice(["no", "no", "unknown"])
            self._add("texts", person.supporter_id, rng.choice([person.phone, f"({person.phone[:3]}) {person.phone[3:6]}-{person.phone[6:]}"]),
                      answer, day and f"{day}")  # fmt: skip
        elif way == "back":
            self._add("joined", person.supporter_id, rng.choice(["email_list", "quick_donate"]), day and f"{day}")
        elif way == "flag":
            person.confidential = True
        else:
            self._give(person)

    def _day(self) -> date | None:
        return self.rng.choice([self.day - timedelta(self.rng.randrange(900))] * 8 + [self.day + timedelta(40), None])

    def _add(self, source: str, *cells: str | None) -> None:
        self.rows[source].append(dict(zip(COLUMNS[source], (cell or "" for cell in cells), strict=True)))

    def _give(self, person: Person) -> None:
        number = f"{4 * 10**18 + len(self.rows['fec'])}"
        cells = ["C00999933", "N", "Q3", "P2012", "1", "15", "IND", f"{person.last}, {person.first}".upper(), "TALLAHASSEE", "FL",
                 "323010000", "NONE", "RETIRED", "04042012", "1000", "", f"T{number}", "1", "", "", number]  # fmt: skip
        self.rows["fec"].append({str(at): cell for at, cell in enumerate(cells)})

    def told(self, source: str) -> list[Row]:
        """Return all that a system would export today."""
        if source == "van":
            return [self._van(person) for person in self.people if person.at % 5]
        if source == "voters":
            return [_voter(person) for person in self.people if person.at % 4]
        if source == "supporters":
            return [self._supporter(person) for person in self.people if person.at % 3 != 1]
        if source == "texts":  # the last answer of each
            return list({row["supporter_id"]: row for row in self.rows["texts"]}.values())
        return list(self.rows[source])

    def _van(self, p: Person) -> Row:
        return dict(zip(COLUMNS["van"], (
            "1", p.van_id, p.voter_id, p.first, p.last, p.street, "Tallahassee", "FL", "32301", "Leon", p.phone, p.mail, p.sex,
            f"{p.born}", p.van_id), strict=True))  # fmt: skip

    def _supporter(self, p: Person) -> Row:
        return dict(zip(COLUMNS["supporters"], (
            p.supporter_id, p.first, "", p.last, "", p.mail, p.phone, p.street, "Tallahassee", "FL", "32301", f"{p.born}",
            f"{p.born.year}", p.sex, "2012-01-01"), strict=True))  # fmt: skip

    def export(self, folder: Path, sources: list[str], how: dict[str, str]) -> dict[str, tuple[str, list[Row]]]:
        """Write sources as of today, each whole, shortened or reordered; return each one's file name and rows."""
        folder.mkdir(parents=True, exist_ok=True)
        self.drops += 1
        written = {}
        for source in sources:
            rows = self.told(source)
            if how.get(source) == "shortened":
                rows = self.rng.sample(rows, len(rows) // 2)
            elif how.get(source) == "reordered":
                rows = self.rng.sample(rows, len(rows))
            if rows:
                stem = self.rng.choice(["export", "My list (2)", source])
                name = f"{stem}_{source}_{self.day:%Y%m%d}.{'txt' if source in ('voters', 'fec') else 'csv'}"
                (folder / name).write_text(_lines(source, rows), encoding="utf-8")
                written[source] = (name, rows)
        return written


def _voter(p: Person) -> Row:
    cells = [""] * FL_COLUMNS
    cells[:5] = ["LEO", p.voter_id, p.last, "", p.first]
    cells[6:10] = ["Y" if p.confidential else "N", p.street, "", "Tallahassee"]
    cells[11] = "32301"
    cells[19:24] = [p.sex, "5", f"{p.born:%m/%d/%Y}", "01/02/2000", "DEM"]
    cells[28] = "ACT"
    cells[34:38] = [p.phone[:3], p.phone[3:], "", p.mail]
    return {str(at): cell for at, cell in enumerate(cells)}


def _lines(source: str, rows: list[Row]) -> str:
    delimiter = {"voters": "\t", "contacts": "\t", "fec": "|"}.get(source, ",")
    head = [] if source in ("voters", "fec") else [delimiter.join(COLUMNS[source])]
    return "\n".join([*head, *(delimiter.join(row.values()) for row in rows)]) + "\n"
