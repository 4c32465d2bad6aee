"""What each column of a file seems to be: by its name and content together, by its place where it has no name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from nicknames import NickNamer

from campaignkit.megafile.inspecting.content import Content, content_of
from campaignkit.megafile.inspecting.headers import meaning_of
from campaignkit.megafile.inspecting.sampled import Sampled

#: Which content a meaning may have; one that is not named may have any. Empty columns are taken by their name.
_MAY_HOLD: dict[str, tuple[str, ...]] = {
    "email": ("email",),
    "phone": ("phone", "number", "text"),
    "birth_date": ("date",),
    "registered_on": ("date",),
    "given_on": ("date",),
    "last_vote": ("date",),
    "birth_year": ("year", "number"),
    "zip5": ("zip", "number"),
    "amount": ("dollars", "number", "year", "zip"),
    "sex": ("sex", "text", "yes/no", "number"),
    "suppression": ("yes/no", "text"),
    "confidential": ("yes/no", "text"),
    "first_name": ("text", "suffix", "status", "party"),
    "last_name": ("text", "suffix", "status", "party"),
    "state": ("state", "text"),
    "city": ("text", "name"),
    "county": ("text", "number", "state", "zip"),
    "election_date": ("date",),
}

#: Meanings of which a file has one: the likeliest column takes it, the others are columns of one's own.
_MANY = frozenset({"suppression", "vote_history", "last_vote"})


@dataclass(frozen=True)
class Guess:
    """What a column seems to be.

    Attributes
    ----------
    column : str
        Its name in the file.
    place : int
        Where it stands, from 0.
    content : Content
    meaning : str or None
        A column of source_record, or one of `headers.NAMES`; None: a column of one's own.
    sure : int
        0 of no meaning, 1 by its content or place alone, or of a mailing address, 2 by a name with words beside it, 3
        by its very name, 4 by its name and as of where people live.
    why : str
        In words.
    unusual : int
        How far down the list of a meaning's names its name stands.
    """

    column: str
    place: int
    content: Content
    meaning: str | None = None
    sure: int = 0
    why: str = ""
    unusual: int = 0


def guess_columns(sampled: Sampled) -> list[Guess]:
    """Return a guess for each column of a file, in their order."""
    guesses = []
    for place, column in enumerate(sampled.header):
        content = content_of(sampled.values(place), len(sampled.rows))
        guesses.append(Guess(column, place, content))
    guesses = [_by_name(guess) for guess in guesses] if sampled.has_header else guesses
    guesses = _one_each(_without_what_is_said_again(guesses))
    return _by_content(guesses, named=sampled.has_header)


def _by_name(guess: Guess) -> Guess:
    named = meaning_of(guess.column)
    meaning = named.meaning
    if meaning == "name" and guess.content.kind not in ("name", "text", "empty"):
        meaning = None
    held = _MAY_HOLD.get(meaning or "")
    if meaning is None or (held is not None and guess.content.kind not in (*held, "empty")):
        return guess
    return replace(guess, meaning=meaning, sure=named.sure, why="its name", unusual=named.unusual)


_OF_PLACE = frozenset({"address", "street_name", "house_number", "city", "zip5"})


def _without_what_is_said_again(guesses: list[Guess]) -> list[Guess]:
    """Leave out mailing addresses where there are others, and whole names where there are their parts."""
    meanings = {guess.meaning for guess in guesses if guess.sure > 1}
    again = {"name"} if {"first_name", "last_name"} <= meanings else set()
    mailing = 1 if meanings & _OF_PLACE else 0
    return [
        replace(guess, meaning=None, sure=0, why="") if guess.meaning in again or 0 < guess.sure <= mailing else guess
        for guess in guesses
    ]  # fmt: skip


def _one_each(guesses: list[Guess]) -> list[Guess]:
    """Leave a meaning to the column whose name says it best, and of equals to the one whose content agrees."""
    best: dict[str, Guess] = {}
    for guess in guesses:
        if guess.meaning and (guess.meaning not in best or _rank(guess) > _rank(best[guess.meaning])):
            best[guess.meaning] = guess
    return [
        guess if guess.meaning is None or guess.meaning in _MANY or best[guess.meaning] is guess
        else replace(guess, meaning=None, sure=0, why="") for guess in guesses
    ]  # fmt: skip


def _rank(guess: Guess) -> tuple[bool, int, bool, bool, int, int, int]:
    expected = _MAY_HOLD.get(guess.meaning or "", ())
    return (
        guess.content.kind != "empty", guess.sure, guess.content.kind in expected[:1], guess.content.filled > 0.5,
        -guess.unusual, -len(guess.column), -guess.place,
    )  # fmt: skip


def _by_content(guesses: list[Guess], named: bool) -> list[Guess]:
    """Give meanings that no column's name has to columns whose content or place says them."""
    tests = _SURE if named else {**_SURE, **_BY_PLACE}
    for meaning, test in tests.items():
        if any(guess.meaning == meaning for guess in guesses):
            continue
        place = test(guesses)
        if place is not None:
            found = replace(guesses[place], meaning=meaning, sure=1, why="what it holds")
            guesses = [*guesses[:place], found, *guesses[place + 1 :]]
    return guesses


def _first(kind: str, *also: Callable[[Guess], bool]) -> Callable[[Sequence[Guess]], int | None]:
    """Return what finds the first column of a kind of content that has no meaning yet."""

    def find(guesses: Sequence[Guess]) -> int | None:
        fits = (
            guess.place for guess in guesses
            if guess.meaning is None and guess.content.kind == kind and all(holds(guess) for holds in also)
        )  # fmt: skip
        return next(fits, None)

    return find


def _no_name_of_another(guess: Guess) -> bool:
    return meaning_of(guess.column).meaning is None


def _voter_id(guesses: Sequence[Guess]) -> int | None:
    """Return the column of which no value comes twice and none is missing, the longest codes first."""
    unique = [
        guess for guess in guesses
        if guess.meaning is None and guess.content.distinct > 0.99 and guess.content.filled > 0.99
        and guess.content.kind in ("number", "voter id", "phone", "text", "zip") and _is_code(guess.content)
    ]  # fmt: skip
    ranked = sorted(unique, key=lambda guess: (guess.content.kind != "voter id", guess.place))
    return ranked[0].place if ranked else None


def _is_code(content: Content) -> bool:
    return all(re.fullmatch(r"[A-Z]{0,3}-?\d{4,20}(-\d\d)?", value) for value in content.values)


def _beside(
    meaning: str, steps: Sequence[int], holds: Callable[[Guess], bool]
) -> Callable[[Sequence[Guess]], int | None]:  # fmt: skip
    """Return what finds a column that holds what it should, so many steps from one whose meaning is known."""

    def find(guesses: Sequence[Guess]) -> int | None:
        known = next((guess.place for guess in guesses if guess.meaning == meaning), None)
        for step in steps if known is not None else ():
            place = (known or 0) + step
            if 0 <= place < len(guesses) and guesses[place].meaning is None and holds(guesses[place]):
                return place
        return None

    return find


@cache
def _given_names() -> frozenset[str]:
    by_name = NickNamer.default_lookup()
    return frozenset(name.upper() for full, nicks in by_name.items() for name in (full, *nicks))


def _share_of_given_names(guess: Guess) -> float:
    total = sum(guess.content.values.values())
    known = sum(count for value, count in guess.content.values.items() if value.upper() in _given_names())
    return known / max(total, 1)


def _is_family_name(guess: Guess) -> bool:
    texts = guess.content.kind == "text" and guess.content.filled > 0.9
    return texts and _has_words(guess.content, least=2) and _share_of_given_names(guess) < 0.5


def _is_middle_name(guess: Guess) -> bool:
    initials = all(re.fullmatch(r"[A-Za-z]\.?", value) for value in guess.content.values)
    return guess.content.kind in ("text", "empty") and (initials or _share_of_given_names(guess) > 0.2)


def _first_name_beside_last(guesses: Sequence[Guess]) -> int | None:
    """Return the column of given names where a column is known to be of last names, and none of first names."""
    known = any(guess.meaning == "last_name" for guess in guesses)
    return _most_given_names(0.5)(guesses) if known else None


def _most_given_names(least: float) -> Callable[[Sequence[Guess]], int | None]:
    def find(guesses: Sequence[Guess]) -> int | None:
        texts = [guess for guess in guesses if guess.meaning is None and guess.content.kind == "text"]
        shares = {guess.place: _share_of_given_names(guess) * min(1, guess.content.filled + 0.2) for guess in texts}
        best = max(shares, key=lambda place: shares[place], default=None)
        return best if best is not None and shares[best] >= least else None

    return find


def _house_number(guesses: Sequence[Guess]) -> int | None:
    """Return the column of short numbers that stands some steps before a street's name."""
    for guess in guesses:
        short = all(re.fullmatch(r"\d{1,5}[A-Z]?", value) for value in guess.content.values)
        if guess.meaning is None and guess.content.kind in ("number", "text", "zip") and short and guess.content.values:
            nearby = guesses[guess.place + 1 : guess.place + 5]
            if any(near.content.kind == "text" and near.content.distinct > 0.7 and near.content.filled > 0.9
                   and near.meaning is None and _has_words(near.content) for near in nearby):  # fmt: skip
                return guess.place
    return None


def _street_name(guesses: Sequence[Guess]) -> int | None:
    start = next((guess.place for guess in guesses if guess.meaning == "house_number"), None)
    if start is None:
        return None
    for guess in guesses[start + 1 : start + 6]:
        if (
            guess.meaning is None
            and guess.content.kind == "text"
            and _has_words(guess.content)
            and guess.content.filled > 0.9
        ):
            return guess.place
    return None


def _has_words(content: Content, least: int = 4) -> bool:
    words = sum(
        count for value, count in content.values.items() if re.fullmatch(rf"[^\W\d_][\w.' -]{{{least - 1},}}", value)
    )
    return words > 0.7 * max(sum(content.values.values()), 1)


def _unit(guesses: Sequence[Guess]) -> int | None:
    start = next((g.place for g in guesses if g.meaning in ("address", "street_name")), None)
    for guess in guesses[start + 1 : start + 4] if start is not None else ():
        marks = [re.match(r"(APT|UNIT|STE|SUITE|LOT|#)\b|#", value, re.IGNORECASE) for value in guess.content.values]
        if guess.meaning is None and marks and sum(mark is not None for mark in marks) > 0.8 * len(marks):
            return guess.place
    return None


def _city(guesses: Sequence[Guess]) -> int | None:
    start = next((g.place for g in guesses if g.meaning in ("address", "street_name")), None)
    for guess in guesses[start + 1 : start + 6] if start is not None else ():
        if (
            guess.meaning is None
            and guess.content.kind == "text"
            and _has_words(guess.content)
            and guess.content.filled > 0.9
        ):
            return guess.place
    return None


def _few_words(guesses: Sequence[Guess], place: int) -> int | None:
    guess = guesses[place]
    few = guess.meaning is None and guess.content.kind == "text" and guess.content.filled > 0.99
    return place if few and all(re.fullmatch(r"[A-Za-z. ]{3,20}", value) for value in guess.content.values) else None


def _holding(*sets: set[str]) -> Callable[[Sequence[Guess]], int | None]:
    """Return what finds the first column of few short codes among which are all of one of some sets."""

    def find(guesses: Sequence[Guess]) -> int | None:
        for guess in guesses:
            held = {value.upper() for value in guess.content.values}
            short = all(len(value) <= 12 for value in held)
            if guess.meaning is None and short and len(held) <= 60 and any(codes <= held for codes in sets):
                return guess.place
        return None

    return find


def _phone(guesses: Sequence[Guess]) -> int | None:
    for guess in guesses:
        total = sum(guess.content.values.values())
        if guess.meaning is None and total and guess.content.kind in ("phone", "text") and guess.content.distinct > 0.5:
            shaped = [value for value in guess.content.values if re.fullmatch(r"[-+(). \d]{10,}(x\d+)?", value)]
            marked = any(re.search(r"[-().x]", value) for value in shaped) or guess.content.kind == "phone"
            if marked and len(shaped) > 0.8 * len(guess.content.values):
                return guess.place
    return None


_DIRECTIONS = frozenset({"N", "S", "E", "W", "NE", "NW", "SE", "SW"})


def _directions(first: int, last: int) -> Callable[[Sequence[Guess]], int | None]:
    """Return what finds a column of directions so many steps from a street's name."""

    def find(guesses: Sequence[Guess]) -> int | None:
        street = next((guess.place for guess in guesses if guess.meaning == "street_name"), None)
        for place in range((street or 0) + first, (street or 0) + last + 1) if street is not None else ():
            held = {value.upper() for value in guesses[place].content.values} if 0 <= place < len(guesses) else set()
            if held and held <= _DIRECTIONS and guesses[place].meaning is None:
                return place
        return None

    return find


def _halves(guesses: Sequence[Guess]) -> int | None:
    for guess in guesses:
        if (
            guess.meaning is None
            and guess.content.values
            and all("/" in v and len(v) == 3 for v in guess.content.values)
        ):
            return guess.place
    return None


#: What content says by itself, also under a name that says nothing.
_SURE: dict[str, Callable[[Sequence[Guess]], int | None]] = {
    "first_name": _first_name_beside_last,
    "email": _first("email"),
    "sex": _first("sex", lambda guess: guess.content.filled > 0.5, _no_name_of_another),
    "party": _first("party", lambda guess: bool({"DEM", "REP", "DEMOCRAT", "REPUBLICAN"} & {
        value.upper() for value in guess.content.values}), _no_name_of_another),
}  # fmt: skip

#: What place and content say where columns have no names.
_BY_PLACE: dict[str, Callable[[Sequence[Guess]], int | None]] = {
    "state_voter_id": _voter_id,
    "address": _first("address", lambda guess: guess.content.filled > 0.9),
    "first_name": _most_given_names(0.25),
    "last_name": _beside("first_name", (-1, 1, 2, -2), _is_family_name),
    "middle_name": _beside("first_name", (1, 2, -1), _is_middle_name),
    "suffix": _first("suffix"),
    "county": lambda guesses: _few_words(guesses, 0),
    "house_number": lambda guesses: None if any(g.meaning == "address" for g in guesses) else _house_number(guesses),
    "street_name": _street_name,
    "unit": _unit,
    "city": _city,
    "state": _beside("city", (1, 2, 3), lambda guess: guess.content.kind == "state"),
    "zip5": _beside("city", (1, 2, 3), lambda guess: guess.content.kind in ("zip", "number")),
    "birth_date": _first("date", lambda guess: guess.content.filled > 0.5),
    "registered_on": _first("date", lambda guess: guess.content.filled > 0.5),
    "party": _holding({"DEM", "REP"}, {"D", "R"}, {"REP", "UNA"}),
    "voter_status": _holding({"A", "I"}, {"ACT", "INA"}, {"ACTIVE", "INACTIVE"}),
    "phone": _phone,
    "street_before": _directions(-3, 0),
    "street_after": _directions(1, 3),
    "house_half": _halves,
}


def given_names_first(values: Sequence[str]) -> bool:
    """Return whether whole names are written ``First Last``, rather than ``Last, First``.

    Examples
    --------
    >>> given_names_first(["Ann Lee", "Bo Ray"]), given_names_first(["Lee, Ann", "Ray, Bo"])
    (True, False)
    """
    return sum("," in value for value in values) < len(values) / 2
