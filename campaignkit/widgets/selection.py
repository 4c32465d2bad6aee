"""What has been picked: as predicates that `Megafile.universe` takes, and as conditions on the cube."""

from __future__ import annotations

from dataclasses import dataclass

from campaignkit.sql import quote_literal
from campaignkit.widgets.choices import DOLLARS, OLDEST, YOUNGEST, Choices, among

BIN = 5  # years of age

#: What may be asked of gifts: a predicate, and the codes of the cube that it holds for.
GIVING = {
    "anyone": ("", ()),
    "has given": ("gave()", (1, 2, 3)),
    "gave in the last 90 days": ("gave('90d')", (3,)),
    "gave, but not in the last 365 days": ("gave() and not gave('365d')", (1,)),
    "never gave": ("not gave()", (0,)),
}
#: What may be asked of contacts by any channel.
CONTACT = {
    "anyone": ("", ()),
    "never tried": ("not contacted()", (0,)),
    "tried": ("contacted()", (1, 2)),
    "tried in the last 30 days": ("contacted('30d')", (2,)),
    "not in the last 30 days": ("not contacted('30d')", (0, 1)),
}


@dataclass(frozen=True)
class Selection:
    """One state of the controls; empty fields pick nobody out.

    Attributes
    ----------
    states, sex, race, party : tuple of str or None
        Values, any of which will do; None: unknown.
    counties : tuple of (state, county)
        Counties; where there are any, `states` says nothing more.
    ages : (int, int)
        From and to, both included; the slider's own ends are open.
    voted : tuple of (str, bool)
        Elections, and whether a ballot was cast.
    giving, contact : str
        Keys of GIVING and CONTACT; a channel's contact is ``"tried by phone"`` or ``"never tried by phone"``.
    dollars : float
        Given at least, in all.
    scores : tuple of (str, float or None, float or None)
        A score's name, the least, and what it is below; None: no bound.
    also : str
        A predicate in words of `Megafile.universe`.
    """

    states: tuple[str | None, ...] = ()
    counties: tuple[tuple[str, str], ...] = ()
    sex: tuple[str | None, ...] = ()
    ages: tuple[int, int] = (YOUNGEST, OLDEST)
    race: tuple[str | None, ...] = ()
    party: tuple[str | None, ...] = ()
    voted: tuple[tuple[str, bool], ...] = ()
    giving: str = "anyone"
    dollars: float = 0.0
    scores: tuple[tuple[str, float | None, float | None], ...] = ()
    contact: str = "anyone"
    also: str = ""

    def predicates(self) -> list[str]:
        """Return the predicates that say the same to `Megafile.universe`.

        Examples
        --------
        >>> Selection(states=("OH",), ages=(40, 49), giving="never gave").predicates()
        ["state in ('OH')", 'age between 40 and 49', 'not gave()']
        """
        predicates = [self._places()]
        predicates += [among(name, values) for name in ("sex", "race", "party") if (values := getattr(self, name))]
        predicates.append(self._ages())
        predicates += [f"{'' if yes else 'not '}voted_in({quote_literal(day)})" for day, yes in self.voted]
        predicates.append(GIVING[self.giving][0])
        predicates.append(f"gifts() >= {self.dollars:.15g}" if self.dollars else "")
        predicates += [part for score in self.scores for part in _score(*score)]
        predicates += [self._contact(), self.also.strip()]
        return [part for part in predicates if part]

    def _places(self) -> str:
        if not self.counties:
            return among("state", self.states) if self.states else ""
        by_state: dict[str, list[str]] = {}
        for state, county in self.counties:
            by_state.setdefault(state, []).append(county)
        parts = [f"(state = {quote_literal(s)} and county in {quote_literal(c)})" for s, c in by_state.items()]
        return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"

    def _ages(self) -> str:
        low, high = self.ages
        if low > YOUNGEST and high < OLDEST:
            return f"age between {low} and {high}"
        return f"age >= {low}" if low > YOUNGEST else f"age <= {high}" if high < OLDEST else ""

    def _contact(self) -> str:
        way = channel_of(self.contact)
        if way is None:
            return CONTACT[self.contact][0]
        return f"{'not ' if self.contact.startswith('never') else ''}contacted({quote_literal(way)})"

    def coded(self, offered: Choices) -> tuple[str, str] | None:
        """Return which table answers, ``cube`` or ``people``, and the condition on it; None: neither can.

        The cube holds ages by five years and neither counties, dollars, scores nor channels; the table of people
        has these at the edges of their steps.
        """
        parts = [self._coded_places(offered), *self._coded_values(offered), self._coded_history(offered)]
        parts += [_within("giving", GIVING[self.giving][1]), _within("contact", CONTACT.get(self.contact, ("", ()))[1])]
        cube_age, people_age = self._coded_ages()
        fine = [self._coded_dollars(), self._coded_channel(offered), *(_coded_score(s, offered) for s in self.scores)]
        if self.also.strip() or None in (*fine, *parts):
            return None
        in_cube = not self.counties and cube_age is not None and not any(fine)
        parts += [cube_age if in_cube else people_age, *fine]
        condition = " AND ".join(part for part in parts if part) or "true"
        return ("cube" if in_cube else "people"), condition

    def _coded_places(self, offered: Choices) -> str:
        if self.counties:
            return _within("county", [offered.counties.index(county) + 1 for county in self.counties])
        return _within("state", _codes(offered.states, self.states))

    def _coded_values(self, offered: Choices) -> list[str]:
        return [_within(name, _codes(getattr(offered, name), getattr(self, name))) for name in ("sex", "race", "party")]

    def _coded_history(self, offered: Choices) -> str | None:
        if any(day not in offered.elections for day, _ in self.voted):
            return None
        bits = [(1 << offered.elections.index(day), yes) for day, yes in self.voted]
        return " AND ".join(f"(history & {bit}) {'>' if yes else '='} 0" for bit, yes in bits)

    def _coded_ages(self) -> tuple[str | None, str]:
        low = self.ages[0] if self.ages[0] > YOUNGEST else None
        above = self.ages[1] + 1 if self.ages[1] < OLDEST else None
        exact = _between("age", low, above)
        if (low or 0) % BIN or (above or 0) % BIN:
            return None, exact
        return _between("age", *(None if edge is None else edge // BIN for edge in (low, above))), exact

    def _coded_dollars(self) -> str | None:
        if not self.dollars:
            return ""
        return f"dollars > {DOLLARS.index(self.dollars)}" if self.dollars in DOLLARS else None

    def _coded_channel(self, offered: Choices) -> str | None:
        way = channel_of(self.contact)
        if way is None:
            return ""
        bit = 1 << offered.channels.index(way)
        return f"(channels & {bit}) {'=' if self.contact.startswith('never') else '>'} 0"


def channel_of(contact: str) -> str | None:
    """Return the channel that an answer to "contact" is about; None: any."""
    if contact in CONTACT:
        return None
    return contact.split("tried by ", 1)[1]


def score_column(offered: Choices, name: str) -> str:
    """Return the column of the table of people that holds a score's steps."""
    return f"score_{list(offered.scores).index(name)}"


def _score(name: str, low: float | None, high: float | None) -> list[str]:
    called = f"score({quote_literal(name)})"
    parts = [f"{called} >= {low:.15g}"] if low is not None else []
    return parts + ([f"{called} < {high:.15g}"] if high is not None else [])


def _coded_score(score: tuple[str, float | None, float | None], offered: Choices) -> str | None:
    name, low, high = score
    steps = offered.scores.get(name, ())
    if any(edge is not None and edge not in steps for edge in (low, high)):
        return None
    low, high = (None if edge is None else steps.index(edge) for edge in (low, high))
    return _between(score_column(offered, name), low, high) if steps else None


def _codes(offered: tuple[str | None, ...], picked: tuple[str | None, ...]) -> list[int]:
    return [offered.index(value) + 1 for value in picked]


def _within(column: str, codes: list[int] | tuple[int, ...]) -> str:
    return f"{column} IN ({', '.join(map(str, codes))})" if codes else ""


def _between(column: str, low: float | None, high: float | None) -> str:
    """Return the condition of at least `low` and below `high`."""
    parts = [f"{column} >= {low}"] if low is not None else []
    return " AND ".join(parts + ([f"{column} < {high}"] if high is not None else []))
