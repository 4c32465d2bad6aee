"""What a column, a fact of a megafile and a value are called where people read: in sentences, titles and on axes.

Tables keep the names; `Result.labeled` adds a campaign's own labels, such as a host's name for its code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

#: No labels of one's own.
NONE: Mapping[str, str] = MappingProxyType({})

#: Columns whose names are codes.
COLUMNS = {"age_band": "age", "income_band": "income", "cd": "congressional district", "dma": "media market"}

#: Values that stand for people.
PEOPLE = {("sex", "F"): "women", ("sex", "M"): "men", ("party", "D"): "Democrats", ("party", "R"): "Republicans"}

#: First words of columns that say what someone did, so that a sentence can say "those who voted".
DEEDS = frozenset({
    "answered", "attended", "clicked", "donated", "enrolled", "entered", "gave", "joined", "opened", "registered",
    "responded", "signed", "subscribed", "turned", "unsubscribed", "volunteered", "voted",
})  # fmt: skip

#: First words of columns that say what someone holds, and as "those who" goes on.
STANCES = {"supports": "support", "opposes": "oppose", "favors": "favor", "approves": "approve"}

#: Facts that say what someone did: with each argument's place, and the same without arguments.
DEED_FACTS = {
    "answered": ("answered {0}", "gave the answer {1} to {0}"),
    "assigned": ("was part of {0}", "got {1} in {0}"),
    "contacted": ("got a contact attempt",),
    "enrolled": ("joined {0}",),
    "entered": ("entered {0}'s contest",),
    "gave": ("gave",),
    "invited": ("got an invitation to {0}'s contest",),
    "texts_allowed": ("agreed to texts",),
    "volunteered": ("volunteered",),
    "voted_in": ("voted on {0}",),
}

#: Facts that are numbers.
NUMBER_FACTS = {
    "contacts": "contact attempts", "fec_gifts": "dollars itemized to the FEC", "gift_count": "gifts made",
    "gifts": "dollars given", "score": "the score {0}", "votes": "ballots cast",
}  # fmt: skip

#: How an argument that narrows a fact is said.
NARROWED = {"online": "online", "mail": "by mail", "phone": "by phone", "door": "at the door", "text": "by text"}

_CALL = re.compile(r"\b([a-z_]+)\(((?:\s*'[^']*'\s*,?)*)\)")
_EQUAL = re.compile(r"\b([a-z_]+) = '([^']*)'")
_WINDOW = re.compile(r"([0-9]{1,4})d")


def label(name: str, labels: Mapping[str, str] = NONE) -> str:
    """Return what a column, a fact or an expression over facts is called.

    Parameters
    ----------
    name : str
        A column's name, or an expression as a universe takes it.
    labels : mapping of str to str
        Labels of one's own, of names or of values inside facts.

    Examples
    --------
    >>> label("age_band"), label("entered('host_a')"), label("gifts('90d')"), label("quick_donate")
    ('age', "entered host a's contest", 'dollars given in the last 90 days', 'quick donate')
    >>> label("entered('host_a')", {"host_a": "Lorna Vale"})
    "entered Lorna Vale's contest"
    """
    if name in labels:
        return labels[name]
    if name in COLUMNS:
        return COLUMNS[name]
    text = _CALL.sub(lambda call: _fact(call[1], re.findall(r"'([^']*)'", call[2]), labels) or call[0], name)
    return text if text != name or not name.isidentifier() else name.replace("_", " ")


def who(name: str, labels: Mapping[str, str] = NONE) -> str:
    """Return what stands behind "those" or "people", of a yes or no.

    Examples
    --------
    >>> who("voted"), who("entered('host_a')"), who("quick_donate")
    ('who voted', "who entered host a's contest", 'with quick donate')
    """
    deed = _deed(name, labels)
    return f"with {label(name, labels)}" if deed is None else f"who {deed}"


def did(name: str, labels: Mapping[str, str] = NONE) -> str:
    """Return what stands behind "61.2% of them", of a yes.

    Examples
    --------
    >>> did("voted"), did("quick_donate")
    ('voted', 'have quick donate')
    """
    return _deed(name, labels) or f"have {label(name, labels)}"


def without(name: str) -> str:
    """Return what stands behind "those" or "people" of a no.

    Examples
    --------
    >>> without("voted"), without("supports"), without("quick_donate")
    ('who did not', 'who do not', 'without')
    """
    if _deed(name) is None:
        return "without"
    return "who do not" if _first_word(name) in STANCES else "who did not"


def rate_of(name: str, rate: str, labels: Mapping[str, str] = NONE) -> str:
    """Return a clause that says the rate of a yes.

    Examples
    --------
    >>> rate_of("voted", "61.2%"), rate_of("supports", "48.0%"), rate_of("quick_donate", "3.1%")
    ('61.2% voted', '48.0% support', 'the rate of quick donate is 3.1%')
    """
    deed = _deed(name, labels)
    return f"the rate of {label(name, labels)} is {rate}" if deed is None else f"{rate} {deed}"


def measured(name: str, labels: Mapping[str, str] = NONE) -> str:
    """Return what an effect is on: a share of people, or a number's label.

    Examples
    --------
    >>> measured("voted"), measured("gifts('90d')")
    ('the share who voted', 'dollars given in the last 90 days')
    """
    return label(name, labels) if _deed(name) is None else f"the share {who(name, labels)}"


def heading(name: str, labels: Mapping[str, str] = NONE) -> str:
    """Return the label as a sentence begins with it.

    Examples
    --------
    >>> heading("gifts('90d')")
    'Dollars given in the last 90 days'
    """
    text = label(name, labels)
    return text[:1].upper() + text[1:]


def condition(column: str, value: Any) -> str:
    """Return what the people are called who have a value in a column.

    Examples
    --------
    >>> condition("sex", "F"), condition("age_band", "40–49"), condition("region", "West"), condition("sex", "unknown")
    ('women', 'age 40–49', 'region West', 'sex unknown')
    """
    return PEOPLE.get((column, str(value))) or f"{label(column)} {value}"


def group(column: str, value: Any, labels: Mapping[str, str] = NONE) -> str:
    """Return what a group by a column is called: its value alone where that says it.

    Examples
    --------
    >>> group("sex", "F"), group("region", "West"), group("region", None), group("host", "b", {"b": "Lorna Vale"})
    ('women', 'West', 'region unknown', 'Lorna Vale')
    """
    if value is None:
        return f"{label(column, labels)} unknown"
    return labels.get(str(value)) or PEOPLE.get((column, str(value))) or str(value)


def described(predicate: str, labels: Mapping[str, str] = NONE) -> str:
    """Return a predicate with its facts, columns and values as they are called.

    Examples
    --------
    >>> described("sex = 'F' AND region = 'South'"), described("donor and gave('90d')"), described("age >= 40")
    ('women, region South', 'donor and gave in the last 90 days', 'age >= 40')
    """
    text = _EQUAL.sub(lambda equal: condition(equal[1], equal[2]), predicate.replace(" AND ", ", "))
    return label(text, labels)


def people(count: int, predicate: str, labels: Mapping[str, str] = NONE) -> str:
    """Return how many people a predicate describes.

    Examples
    --------
    >>> people(7513, "donor and state = 'OH'"), people(1, "entered('host_a')", {"host_a": "Lorna Vale"})
    ('7,513 people (donor and state OH)', "1 person who entered Lorna Vale's contest")
    """
    noun = f"{count:,} {'person' if count == 1 else 'people'}"
    if _deed(predicate) is not None:
        return f"{noun} {who(predicate, labels)}"
    return f"{noun} ({described(predicate, labels)})"


def _deed(name: str, labels: Mapping[str, str] = NONE) -> str | None:
    """Return what stands behind "those who"; None: the name is of no deed and no stance."""
    call = _CALL.fullmatch(name)
    if _first_word(name) in DEEDS or (call is not None and call[1] in DEED_FACTS):
        return label(name, labels)
    if stance := STANCES.get(_first_word(name)):
        return labels.get(name) or name.replace("_", " ").replace(_first_word(name), stance, 1)
    return None


def _first_word(name: str) -> str:
    return name.split("_")[0] if name.isidentifier() else ""


def _fact(fact: str, arguments: list[str], labels: Mapping[str, str]) -> str | None:
    """Return what a fact with its arguments is called; None: it has no label."""
    if fact in NUMBER_FACTS:
        phrases: tuple[str, ...] = (NUMBER_FACTS[fact],)
    elif fact in DEED_FACTS:
        phrases = DEED_FACTS[fact]
    else:
        return None
    values = [labels.get(argument, argument.replace("_", " ")) for argument in arguments]
    placed = phrases[0].count("{")
    phrase = phrases[min(max(len(values) - placed, 0), len(phrases) - 1)] if placed else phrases[0]
    taken = phrase.count("{")
    if len(values) < taken:
        return None
    return " ".join([phrase.format(*values), *map(_narrowed, arguments[taken:])])


def _narrowed(argument: str) -> str:
    if window := _WINDOW.fullmatch(argument):
        return f"in the last {int(window[1])} days"
    return NARROWED.get(argument, f"({argument})")
