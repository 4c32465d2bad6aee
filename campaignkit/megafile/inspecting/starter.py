"""A layout to begin with, as TOML that can be saved, edited and built with: every guess in it is marked as one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from campaignkit.megafile.inspecting.guesses import Guess, given_names_first
from campaignkit.megafile.inspecting.headers import closes, election_of, words_of, year_of
from campaignkit.megafile.inspecting.sampled import Sampled
from campaignkit.megafile.known_facts import taken_by

#: Meanings that are columns of source_record as they stand.
_PERSON = (
    "first_name", "middle_name", "last_name", "suffix", "birth_date", "birth_year", "sex", "race", "party", "address",
    "unit", "city", "state", "zip5", "county", "precinct", "cd", "sd", "hd", "phone", "email", "state_voter_id",
    "voter_status", "registered_on", "van_id",
)  # fmt: skip
_ADDRESS = (
    "house_number",
    "house_half",
    "street_before",
    "street_name",
    "street_type",
    "street_after",
    "address_whole",
)
_CODES = ("sex", "party", "race", "voter_status")
MOST_CODES = 12  # of a column whose codes are written out
MOST_REQUIRED = 6

_MONEY = frozenset({"ask", "amount", "donation", "pledge", "dues", "gift", "given", "raised", "dollars", "paid"})

_SEXES = {"F": "F", "FEMALE": "F", "M": "M", "MALE": "M", "W": "F"}
_PARTIES = {"DEM": "D", "DEMOCRAT": "D", "DEMOCRATIC": "D", "D": "D", "REP": "R", "REPUBLICAN": "R", "R": "R"}
_STATUSES = {
    "A": "active", "ACT": "active", "ACTIVE": "active", "I": "inactive", "INA": "inactive", "INACTIVE": "inactive",
    "CONFIRMATION": "inactive", "CHALLENGED": "inactive", "V": "inactive", "CH": "inactive", "R": "removed",
    "REMOVED": "removed", "CANCELLED": "removed", "CANCELED": "removed", "PURGED": "removed", "C": "removed",
}  # fmt: skip
_CHANNELS = {"phone": "do not call", "all": "do not contact"}


def starter(sampled: Sampled, guesses: Sequence[Guess], changed_on: date) -> str:
    """Return a layout for a file as TOML; what follows a # says how each line was come by.

    Parameters
    ----------
    sampled : Sampled
        The file's beginning.
    guesses : sequence of Guess
        What its columns seem to be.
    changed_on : date
        When the file was last changed: its date, where nothing in it says one.
    """
    by_meaning = {guess.meaning: guess for guess in guesses if guess.meaning}
    name = layout_name(sampled)
    kind, why = _kind(by_meaning)
    key = _key(by_meaning, guesses)
    mode = "append" if kind == "donor" or not key else "snapshot"
    lines = [
        f"name = {_text(name)}",
        f"title = {_text(sampled.file.name)}",
        f"source = {_text(name)}",
        f"kind = {_text(kind)}  # guess: {why}",
        f"mode = {_text(mode)}  # guess: " + (
            "rows are only ever added" if mode == "append" else "a file is the whole list; upsert: later rows replace"
        ),
        f"key = {_list(key)}  # guess: " + ("what names a row" if key else "no column does, so its whole content"),
        "",
        *_file(sampled, guesses, key),
        *_as_of(sampled, by_meaning, changed_on),
        *_people(by_meaning, guesses, kind, key),
        *_gifts(by_meaning, kind),
        *_elections(guesses),
        *_suppressions(guesses),
        *_own(guesses),
    ]  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


def layout_name(sampled: Sampled) -> str:
    """Return a name for a file's layout: the file's, without its date and suffixes; a sheet's after its own."""
    path = sampled.file.path.name if sampled.file.member is None else sampled.file.member
    stem = re.sub(r"(\.\w{1,8})+$", "", path) if sampled.file.member is None or "." in path else path
    words = re.findall(r"[a-z][a-z0-9]*", re.sub(r"\d{4}-?\d\d-?\d\d", "", stem).casefold())
    return "_".join(words) or "my_file"


def _kind(by_meaning: Mapping[str, Guess]) -> tuple[str, str]:
    if "amount" in by_meaning:
        return "donor", f"{by_meaning['amount'].column!r} seems to be money given"
    if "van_id" in by_meaning:
        return "van", f"{by_meaning['van_id'].column!r} is VAN's"
    if "state_voter_id" in by_meaning:
        return "voter", f"{by_meaning['state_voter_id'].column!r} seems to be a voter file's key"
    if {"first_name", "last_name", "name", "email"} & set(by_meaning):
        return "supporter", "people with names, and neither gifts nor voter ids"
    return "none", "nothing in it names people"


def _key(by_meaning: Mapping[str, Guess], guesses: Sequence[Guess]) -> list[str]:
    """Return the column that names a row: one by its name or content that is always there and never twice."""
    for meaning in ("key", "state_voter_id", "van_id", "person_key", "email"):
        guess = by_meaning.get(meaning)
        if guess and guess.content.filled > 0.99 and guess.content.distinct > 0.999:
            return [guess.column]
    return []


def _file(sampled: Sampled, guesses: Sequence[Guess], key: list[str]) -> list[str]:
    lines = ["[file]"]
    if not sampled.file.made_text:
        lines += [f"delimiter = {_text(sampled.delimiter)}", f"quote = {_text(sampled.quote)}"]
        lines += [f"encoding = {_text(sampled.encoding)}"]
    elif sampled.file.is_sheet:
        lines.append(f"sheet = {_text(sampled.file.member or '')}")
    if sampled.has_header:
        known = [guess.column for guess in guesses if guess.meaning and guess.sure > 1 and guess.column not in key]
        required = [*key, *known, *(guess.column for guess in guesses)]
        return [*lines, f"required = {_list(list(dict.fromkeys(required))[:MOST_REQUIRED])}", ""]
    columns = [guess.column for guess in guesses]
    patterns = {g.column: pattern for g in guesses if (pattern := _pattern(g)) is not None}
    return [
        *lines, "header = false  # guess: the first line holds values", f"columns = {_list(columns)}",
        f"patterns = {{ {', '.join(f'{_text(c)} = {_text(p)}' for c, p in list(patterns.items())[:5])} }}", "",
    ]  # fmt: skip


def _pattern(guess: Guess) -> str | None:
    """Return what tells a column without a name from others; None: nothing does."""
    forms = {"email": r"[^@]+@[^@]+", "sex": "[A-Za-z]{1,7}", "zip": r"\d{5}(-?\d{4})?", "state": "[A-Z]{2}"}
    values, content = list(guess.content.values), guess.content
    if content.filled < 0.95:
        return None
    if content.kind == "date":
        return re.sub(r"\d", r"\\d", re.sub(r"([.+*?])", r"\\\1", values[0])) if _one_length(values) else None
    letters = "" if content.kind == "number" else "[A-Z]{2}"
    codes = content.kind in ("number", "voter id") and all(re.fullmatch(rf"{letters}\d+", value) for value in values)
    if codes and content.distinct > 0.9 and len(values) > 5:
        lengths = {len(value) for value in values}
        return rf"{letters}\d{{{min(lengths) - len(letters) // 3}," + "18}"
    return forms.get(content.kind)


def _one_length(values: Sequence[str]) -> bool:
    return len({len(value) for value in values}) == 1


def _as_of(sampled: Sampled, by_meaning: Mapping[str, Guess], changed_on: date) -> list[str]:
    names = [sampled.file.member or "", sampled.file.path.name]
    for pattern, form in ((r"(\d{8})", "%Y%m%d"), (r"(\d{4}-\d\d-\d\d)", "%Y-%m-%d")):
        if any(re.search(pattern, name) for name in names):
            return ["[as_of]", f"file_name = '{pattern}'", f"format = {_text(form)}", ""]
    given = by_meaning.get("given_on")
    if given is not None and given.content.format:
        return [
            "[as_of]", f"column = {_text(given.column)}  # guess: the latest date in it",
            f"format = {_text(given.content.format)}", "",
        ]  # fmt: skip
    return [
        "[as_of]",
        f"date = {changed_on}  # guess: when this file was last changed; write later files' dates into their names",
        "",
    ]


def _people(
    by_meaning: Mapping[str, Guess], guesses: Sequence[Guess], kind: str, key: list[str]
) -> list[str]:  # fmt: skip
    columns = dict(_person_columns(by_meaning))
    if kind == "none" or not columns:
        return []
    person = _person_key(by_meaning, kind, key)
    lines = ["[person]", f"key = {_list(person)}  # guess: what names a person"]
    if kind in ("donor", "van") or person != key:
        lines.append("one_per_person = false  # guess: one person may have several rows")
    return [*lines, "", "[person.columns]", *(f"{name} = {maker}" for name, maker in columns.items()), ""]


def _person_key(by_meaning: Mapping[str, Guess], kind: str, key: list[str]) -> list[str]:
    if kind != "donor" and key:
        return key
    for meaning in ("person_key", "email"):
        if meaning in by_meaning and by_meaning[meaning].content.filled > 0.9:
            return [by_meaning[meaning].column]
    named = [by_meaning[m].column for m in ("first_name", "last_name", "name", "email", "zip5") if m in by_meaning]
    return named or key or [next(iter(by_meaning.values())).column]


def _person_columns(by_meaning: Mapping[str, Guess]) -> Iterable[tuple[str, str]]:
    """Yield the columns of source_record, each with how it is made and a comment on why."""
    if (whole := by_meaning.get("name")) and not {"first_name", "last_name"} & set(by_meaning):
        yield from _from_whole_name(whole)
    for meaning in _PERSON:
        guess = by_meaning.get(meaning)
        if meaning == "address" and guess is None and "street_name" in by_meaning:
            parts = " ".join(f"{{{by_meaning[part].column}}}" for part in _ADDRESS if part in by_meaning)
            yield "address", f"{{ template = {_text(parts)} }}  # guess: parts of an address"
        elif meaning == "unit" and guess is None and "unit_number" in by_meaning:
            parts = " ".join(f"{{{by_meaning[p].column}}}" for p in ("unit_type", "unit_number") if p in by_meaning)
            yield "unit", f"{{ template = {_text(parts)} }}  # guess: parts of a unit"
        elif guess is not None:
            yield meaning, f"{_maker(meaning, guess)}  # guess: {_why(guess)}"


def _from_whole_name(guess: Guess) -> Iterable[tuple[str, str]]:
    given_first = given_names_first(list(guess.content.values))
    patterns = (
        {"first_name": r"^([^\s,]+)\s", "last_name": r"\s([^\s,]+)$"} if given_first
        else {"last_name": r"^([^,]+),", "first_name": r",\s*([^\s,]+)", "middle_name": r",\s*[^\s,]+\s+([^,]+)$"}
    )  # fmt: skip
    written = "First Last" if given_first else "Last, First"
    for name, pattern in patterns.items():
        maker = f"{{ column = {_text(guess.column)}, pattern = '{pattern}' }}"
        yield name, f"{maker}  # guess: names are written {written!r}"


def _maker(meaning: str, guess: Guess) -> str:
    column = _text(guess.column)
    if meaning in ("birth_date", "registered_on") and guess.content.format not in (None, "%Y-%m-%d"):
        return f"{{ column = {column}, format = {_text(guess.content.format or '')} }}"
    if meaning in ("cd", "sd", "hd") and any(re.search(r"\D", value) for value in guess.content.values):
        return f"{{ column = {column}, pattern = '(\\d+)' }}"
    codes = _codes(meaning, guess)
    return f"{{ column = {column}, values = {{ {codes} }} }}" if codes else column


def _codes(meaning: str, guess: Guess) -> str:
    """Return how a column's codes read, as far as is known; of others what they are, to be filled in."""
    known = {"sex": _SEXES, "party": _PARTIES, "voter_status": _STATUSES}.get(meaning)
    values = [value for value, _ in guess.content.values.most_common(MOST_CODES)]
    if known is None or not values:
        return ""
    right = {value: known[value.upper()] for value in values if value.upper() in known}
    rest = {value: "" for value in values if value.upper() not in known and meaning != "party"}
    if meaning == "party" and all(right.get(value) == value for value in right):
        return ""
    shown = [f"{_text(code)} = {_text(value)}" for code, value in {**right, **rest}.items()]
    return ", ".join([*shown, '"*" = "="'] if meaning == "party" else shown)


def _gifts(by_meaning: Mapping[str, Guess], kind: str) -> list[str]:
    if kind != "donor":
        return []
    lines = ["[[fact]]", 'table = "gift"', "[fact.columns]"]
    if given := by_meaning.get("given_on"):
        form = f", format = {_text(given.content.format or '%Y-%m-%d')}"
        lines.append(f"given_on = {{ column = {_text(given.column)}{form} }}  # guess: {_why(given)}")
    amount = by_meaning["amount"]
    return [*lines, f"amount = {_text(amount.column)}  # guess: {_why(amount)}", ""]


def _elections(guesses: Sequence[Guess]) -> list[str]:
    lines = []
    if any(election_of(guess.column) == "dated" for guess in guesses if guess.meaning == "vote_history"):
        lines += [
            "[[fact]]", 'table = "vote_history"  # guess: a column an election, with its date in the name',
            r"unpivot = '^(PRIMARY|GENERAL|SPECIAL)[-_ ](\d{1,2}/\d{1,2}/\d{4})$'", "[fact.columns]",
            'election_type = { group = 1, values = { PRIMARY = "primary", GENERAL = "general", SPECIAL = "special" } }',
            'election_date = { group = 2, format = "%m/%d/%Y" }', "",
        ]  # fmt: skip
    held_on = next((guess for guess in guesses if guess.meaning == "election_date"), None)
    if held_on is not None:
        form = _text(held_on.content.format or "%Y-%m-%d")
        lines += [
            "[[fact]]", f'table = "vote_history"  # guess: a row an election voted in, {_why(held_on)}',
            "[fact.columns]", f"election_date = {{ column = {_text(held_on.column)}, format = {form} }}",
        ]  # fmt: skip
        lines += [f"election_type = {_text(g.column)}" for g in guesses if g.meaning == "election_type"] + [""]
    for guess in guesses:
        if guess.meaning == "vote_history" and election_of(guess.column) == "year":
            voted = [
                value for value in guess.content.values if value.upper() in ("T", "TRUE", "Y", "YES", "X", "1", "V")
            ]
            day = general_election(year_of(guess.column))
            lines += [
                "[[fact]]", 'table = "vote_history"  # guess: who voted in the general election of that year',
                f"where = {{ {_text(guess.column)} = {_list(voted or ['Y'])} }}",
                f'columns = {{ election_date = {{ value = "{day}" }}, election_type = {{ value = "general" }} }}', "",
            ]  # fmt: skip
        if guess.meaning == "last_vote":
            lines += [
                "[[fact]]", f'table = "vote_history"  # guess: {_why(guess)}',
                f"unpivot = '^{re.escape(guess.column)}$'", "[fact.columns]",
                f"election_date = {{ group = \"value\", format = {_text(guess.content.format or '%Y-%m-%d')} }}",
                'election_type = { value = "other" }', "",
            ]  # fmt: skip
    return lines


def general_election(year: int) -> date:
    """Return the day of a year's general election: the Tuesday after the first Monday of November.

    Examples
    --------
    >>> general_election(2012), general_election(2016)
    (datetime.date(2012, 11, 6), datetime.date(2016, 11, 8))
    """
    first = date(year, 11, 1)
    return first + timedelta(days=(0 - first.weekday()) % 7 + 1)


def _suppressions(guesses: Sequence[Guess]) -> list[str]:
    lines = []
    for guess in guesses:
        if guess.meaning not in ("suppression", "confidential"):
            continue
        yes = [v for v in guess.content.values if v.casefold() in ("y", "yes", "t", "true", "1", "x")] or ["Y"]
        channel = closes(guess.column) or "all"
        reason = "confidential" if guess.meaning == "confidential" else _CHANNELS.get(channel, "unsubscribed")
        lines += [
            "[[fact]]", f'table = "suppression"  # guess: {_why(guess)}',
            f"where = {{ {_text(guess.column)} = {_list(yes)} }}",
            f'columns = {{ channel = {{ value = "{channel}" }}, reason = {{ value = "{reason}" }} }}', "",
        ]  # fmt: skip
    return lines


def _own(guesses: Sequence[Guess]) -> list[str]:
    """Return attributes of one's own for the columns that mean nothing else and hold something."""
    lines, taken = [], set()
    for guess in guesses:
        if guess.meaning is not None or guess.content.kind == "empty":
            continue
        name = _own_name(guess.column, taken)
        taken.add(name)
        kind = {"dollars": "dollars", "date": "date", "yes/no": "yes/no", "year": "number", "number": "number"}.get(
            guess.content.kind, "text"
        )  # fmt: skip
        if kind == "number" and any(value.startswith("0") and len(value) > 1 for value in guess.content.values):
            kind = "text"  # a code: its zeros matter
        if kind == "number" and _MONEY & set(words_of(guess.column)):
            kind = "dollars"
        lines += [f"[attribute.{name}]  # guess: a column of your own; take it away if nobody asks for it"]
        lines += [f"column = {_text(guess.column)}", f"type = {_text(kind)}"]
        if kind == "date" and guess.content.format != "%Y-%m-%d":
            lines.append(f"format = {_text(guess.content.format or '')}")
        lines += [f"label = {_text(' '.join(words_of(guess.column)) or name)}", ""]
    return lines


def _own_name(column: str, taken: set[str]) -> str:
    name = "_".join(re.findall(r"[a-z0-9]+", " ".join(words_of(column))))[:50] or "column"
    name = name if name[0].isalpha() else f"n_{name}"
    name = f"own_{name}" if taken_by(name) else name
    again = 2
    while name in taken:
        name, again = f"{name.rstrip('0123456789_')}_{again}", again + 1
    return name


def _why(guess: Guess) -> str:
    looks = (
        "" if guess.content.kind in ("empty", "text") else f", {guess.content.share:.0%} look like {guess.content.kind}"
    )
    return f"{guess.why or 'its name'}{looks}{'; it is empty here' if guess.content.kind == 'empty' else ''}"


def _text(value: str) -> str:
    """Return a TOML string."""
    plain = "'" not in value and not re.search(r"[\x00-\x1f\x7f]", value)
    return f"'{value}'" if "\\" in value and plain else json.dumps(value, ensure_ascii=False)


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"
