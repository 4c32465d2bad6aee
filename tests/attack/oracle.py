"""Who may not be reached, from the raw rows alone, in plain Python: what every written list is held against.

It knows nothing of how campaignkit goes about it. A telephone or mailbox that somebody closed is closed for whoever has
it; a door is closed for the name that closed it. A refusal is never forgotten, whatever later exports leave out. An
unsubscribe ends by a re-subscription that is dated later, a no to texts by a yes that is, be the no an answer or what a
contact came to; where whose word it was, or which came first, can be read in two ways, it counts here as ended.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from tests.attack.town import EMAIL_NO, MEANING, TYPES, Row

CHANNELS = ("phone", "text", "door", "mail", "email")
POINT = {"phone": "phone", "text": "phone", "door": "address", "mail": "address", "email": "email"}


@dataclass(frozen=True)
class Reachable:
    """Where a row of an export says that somebody can be reached."""

    name: str
    phone: str
    email: str
    address: str
    van_id: str = ""
    voter_id: str = ""

    def point(self, channel: str) -> str:
        return str(getattr(self, POINT[channel]))


@dataclass
class Oracle:
    """What was read so far, and who it closes."""

    standing: dict[str, dict[str, Reachable]] = field(default_factory=lambda: defaultdict(dict))
    contacts: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    joined: list[Row] = field(default_factory=list)
    unsubscribed: set[tuple[str, date | None]] = field(default_factory=set)
    resubscribed: set[tuple[str, date]] = field(default_factory=set)
    texts: set[tuple[str, str, date | None]] = field(default_factory=set)
    agreed: set[tuple[str, str, date | None]] = field(default_factory=set)  # who said yes to texts, by which number
    results: set[tuple[Reachable, str, str, date | None]] = field(default_factory=set)  # whose, meaning, channel
    answers: list[Row] = field(default_factory=list)
    flagged: dict[str, Reachable] = field(default_factory=dict)  # by the voter's id

    def take(self, source: str, rows: list[Row]) -> None:
        """Read an export that a megafile took in."""
        if source in ("van", "voters", "supporters"):
            told = [_READ[source](row) for row in rows]
            key = {"van": "van_id", "voters": "voter_id"}.get(source)
            ids = [getattr(one, key) for one in told] if key else [row["supporter_id"] for row in rows]
            self.standing[source] = dict(zip(ids, told, strict=True))
            if source == "voters":
                for one, row in zip(told, rows, strict=True):
                    self._flag(one, row["6"])
        elif source == "contacts":
            self.contacts += [row for row in rows if row not in self.contacts]
        elif source == "events":
            self.events += [row for row in rows if row not in self.events]
        elif source == "joined":
            self.joined += [row for row in rows if row not in self.joined]
        elif source == "unsubscribers":
            self.unsubscribed |= {(email_of(row["email"]), _day(row["unsubscribed_on"])) for row in rows}
        elif source == "texts":
            self.texts |= {(phone_of(row["phone"]), row["answer"], _day(row["answered_on"])) for row in rows}
            self.answers += [row for row in rows if row not in self.answers]

    def _flag(self, one: Reachable, flag: str) -> None:
        if flag == "Y":
            self.flagged[one.voter_id] = one
        else:
            self.flagged.pop(one.voter_id, None)

    def settle(self) -> None:
        """Bind what speaks of somebody by an id to the row that stands with that id, once a drop is taken in."""
        for row in self.contacts:
            who = self.standing["van"].get(id_of(row["Voter File VANID"]))
            if who and row["Result"] in MEANING:
                day = _day(row["Date Canvassed"])
                self.results.add((who, MEANING[row["Result"]], TYPES[row["Contact Type"]], day))
        for row in self.answers:
            who = self.standing["supporters"].get(row["supporter_id"])
            if who and row["answer"] == "yes":
                self.agreed.add((who.name, phone_of(row["phone"]), _day(row["answered_on"])))
        for row in self.events:
            who = self.standing["supporters"].get(row["supporter_id"])
            if who and row["event"] in EMAIL_NO:
                self.unsubscribed.add((who.email, _day(row["happened_on"])))
        for row in self.joined:
            who, day = self.standing["supporters"].get(row["supporter_id"]), _day(row["enrolled_on"])
            if who and row["program"] == "email_list":
                self.resubscribed.add((who.email, day or date.max))

    def closed(self, channel: str) -> tuple[set[str], set[tuple[str, str]], set[str]]:
        """Return closed contact points; closed ones of one name; and closed VanIDs."""
        points: set[str] = set()
        own: set[tuple[str, str]] = set()
        van_ids: set[str] = set()
        for who, meaning, on, day in self.results:
            ended = channel == "text" and meaning in ("refused", "unknown") and self._agreed_since(who, day)
            if channel in _closes(meaning, on) and not ended:
                own.add((who.name, who.point(channel)))
                van_ids.add(who.van_id)
                if channel in ("phone", "text") or (channel == "email" and meaning == "deceased"):
                    points.add(who.point(channel))
        for who in self.flagged.values():
            own.add((who.name, who.point(channel)))
            van_ids |= {one.van_id for one in self.standing["van"].values() if one.voter_id == who.voter_id}
            if channel in ("phone", "text", "email"):
                points.add(who.point(channel))
        if channel == "email":
            points |= {address for address, day in self.unsubscribed if not self._back(address, day)}
        if channel == "text":
            points |= {phone for phone, answer, day in self.texts if answer == "no" and not self._yes(phone, day)}
        return points - {""}, {pair for pair in own if pair[1]}, van_ids - {""}

    def _back(self, address: str, day: date | None) -> bool:
        return any(email == address and (day is None or back >= day) for email, back in self.resubscribed)

    def _agreed_since(self, who: Reachable, day: date | None) -> bool:
        """Whether somebody of the refuser's name said yes to texts by this very number, on a known later day."""
        return day is not None and any(
            name == who.name and number == who.phone and when is not None and when >= day
            for name, number, when in self.agreed
        )

    def _yes(self, phone: str, day: date | None) -> bool:
        return any(
            number == phone and answer == "yes" and (day is None or when is None or when >= day)
            for number, answer, when in self.texts
        )

    def suppressed(self, channel: str, rows: Iterable[Row]) -> list[str]:
        """Return what a written list holds and may not."""
        points, own, van_ids = self.closed(channel)
        found = []
        for row in rows:
            if "VanID" in row:
                found += [row["VanID"]] if id_of(row["VanID"]) in van_ids else []
                continue
            point = {"phone": lambda r: phone_of(r["phone"]), "email": lambda r: email_of(r["email"])}.get(
                POINT[channel], lambda r: address_of(r["address"], r["zip5"])
            )(row)
            name = name_of(row["first_name"], row["last_name"])
            found += [f"{name} at {point}"] if point in points or (name, point) in own else []
        return found

    def hashes(self, kind: str) -> set[str]:
        """Return the hashes of closed e-mail addresses or telephones, as ad platforms take them."""
        points = self.closed("email" if kind == "email" else "phone")[0]
        return {hashlib.sha256(f"{'1' if kind == 'phone' else ''}{point}".encode()).hexdigest() for point in points}


def _closes(meaning: str, on: str) -> tuple[str, ...]:
    if meaning in ("wrong number", "do not call"):
        return ("phone", "text")
    if meaning == "deceased":
        return CHANNELS
    if meaning == "moved":
        return ("door", "mail")
    return (on,)


def _van(row: Row) -> Reachable:
    return Reachable(name_of(row["FirstName"], row["LastName"]), phone_of(row["Phone"]), email_of(row["Email"]),
                     address_of(row["Address"], row["ZipCode"]), row["VanID"], row["StateFileID"])  # fmt: skip


def _voter(row: Row) -> Reachable:
    return Reachable(name_of(row["4"], row["2"]), phone_of(row["34"] + row["35"]), email_of(row["37"]),
                     address_of(row["7"], row["11"]), "", row["1"])  # fmt: skip


def _supporter(row: Row) -> Reachable:
    return Reachable(name_of(row["first_name"], row["last_name"]), phone_of(row["phone"]), email_of(row["email"]),
                     address_of(row["address"], row["zip"]))  # fmt: skip


_READ = {"van": _van, "voters": _voter, "supporters": _supporter}


def name_of(first: str, last: str) -> str:
    return f"{first} {last}".casefold()


def phone_of(text: str) -> str:
    return re.sub(r"\D", "", text)[-10:]


def email_of(text: str) -> str:
    return text.strip().lower()


def address_of(street: str, zip5: str) -> str:
    return f"{street.upper()}|{zip5}"


def id_of(text: str) -> str:
    return re.sub(r"\.0+$", "", text.strip()).lstrip("0")


def _day(text: str) -> date | None:
    for pattern in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return datetime.strptime(text, pattern).date()
        except ValueError:
            continue
    return None
