"""What a universe's predicates may say of a person beyond person's own columns, each as SQL over the megafile.

`p` is the person, `{as_of}` the date the universe knows: facts dated later do not exist. Arguments are constants.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue
from campaignkit.megafile.suppression.rules import LAST_TEXT_ANSWER, MEANS, is_closed
from campaignkit.sql import quote_literal
from campaignkit.vocabulary import AGE_LABELS, age_band_sql

AS_OF = "{as_of}"

#: A window like '90d': the last so many days, the date itself included; up to 27 years.
_WINDOW = re.compile(r"([0-9]{1,4})d")


@dataclass(frozen=True)
class Fact:
    """One name a predicate may use.

    Attributes
    ----------
    sql : callable
        From the call's arguments to SQL over `p` and `{as_of}`.
    meaning : str
        What it says, in a line.
    arguments : str
        What it takes, as one would write it; "" for a name without brackets.
    least, most : int
        How many arguments it takes.
    restricted : bool
        Whether its rows may not be used for soliciting.
    vocabulary : tuple of (str, str)
        For each argument the table and column whose values it must be one of; the last holds for any further ones.
        Windows such as '90d' are exempt, and so is everything where the table is empty.
    """

    sql: Callable[..., str]
    meaning: str
    arguments: str = ""
    least: int = 0
    most: int = 0
    restricted: bool = False
    vocabulary: tuple[tuple[str, str], ...] = ()


def is_window(argument: str) -> bool:
    """Return whether an argument is a window such as '90d'."""
    return _WINDOW.fullmatch(argument) is not None


def _rows(table: str, dated: str, *conditions: str) -> str:
    where = [f"{table}.person_id = p.person_id", f"{table}.{dated} <= {{as_of}}", *conditions]
    return f"FROM {table} WHERE " + " AND ".join(condition for condition in where if condition)


def conditions_on(table: str, dated: str, column: str) -> Callable[..., list[str]]:
    """Return a reader of a fact's arguments: a window narrows the date, anything else is a value of `column`."""

    def conditions(*arguments: str) -> list[str]:
        clauses = []
        for argument in arguments:
            if window := _WINDOW.fullmatch(argument):
                clauses.append(f"{table}.{dated} > {{as_of}} - {int(window[1])}")
            else:
                clauses.append(f"{table}.{column} = {quote_literal(argument)}")
        return clauses

    return conditions


_GIFT = conditions_on("gift", "given_on", "channel")
_CONTACT = conditions_on("contact", "contacted_on", "channel")
_VOTE = conditions_on("vote_history", "election_date", "election_type")
_SHIFT = conditions_on("volunteer_shift", "shift_on", "activity")


def _is(column: str, value: str) -> str:
    return f"{column} = {quote_literal(value)}"


def _election(day: str) -> str:
    try:
        return quote_literal(date.fromisoformat(day))
    except ValueError as error:
        raise BadValue(f"voted_in takes a date like '2008-11-04', not {day!r}.") from error


def _exists(rows: str) -> str:
    return f"EXISTS (SELECT 1 {rows})"


def _count(rows: str) -> str:
    return f"(SELECT count(*) {rows})"


def _of(table: str, *conditions: str) -> str:
    where = [f"{table}.person_id = p.person_id", *conditions]
    return f"FROM {table} WHERE " + " AND ".join(where)


def _suppressed(channel: str) -> str:
    return is_closed(check_scalar(channel, "the channel of suppressed", choices=[*MEANS, "all"]), AS_OF)


def _last_days(table: str, dated: str) -> str:
    return f"{{as_of}} - (SELECT max({table}.{dated}) {_rows(table, dated)})"


_AGE = "coalesce(date_sub('year', p.birth_date, {as_of}), year({as_of}) - p.birth_year)"

#: Attributes from the consumer append.
CONSUMER = ("income_band", "education", "homeowner", "married", "children", "urbanicity", "interest")


def _age_band() -> str:
    return age_band_sql(_AGE)


def _consumer(column: str) -> Fact:
    return Fact(
        lambda: f"(SELECT max(consumer.{column}) {_of('consumer')})",
        f"{column.replace('_', ' ')}, from the consumer append",
    )


#: Names without brackets: attributes.
ATTRIBUTES = {
    "age": Fact(lambda: _AGE, "whole years on the universe's date; from the birth year alone: years between"),
    "age_band": Fact(_age_band, ", ".join(AGE_LABELS)),
    "donor": Fact(lambda: _exists(_rows("gift", "given_on", "gift.amount > 0")), "has given"),
    "voter": Fact(lambda: "p.state_voter_id IS NOT NULL", "is on a voter file"),
    "voted_early": Fact(
        lambda: _exists(_rows("early_vote", "returned_on", "early_vote.election_date >= {as_of}")),
        "has returned a ballot for an election ahead",
    ),
    "last_gift_days": Fact(lambda: _last_days("gift", "given_on"), "days since the last gift; null: none"),
    "last_contact_days": Fact(lambda: _last_days("contact", "contacted_on"), "days since the last contact; null: none"),
    **{column: _consumer(column) for column in CONSUMER},
}

#: Names with brackets: facts.
FUNCTIONS = {
    "gave": Fact(
        lambda *a: _exists(_rows("gift", "given_on", "gift.amount > 0", *_GIFT(*a))),
        "has given, by a channel or within days", "'online' | 'mail' | '90d'", 0, 2),
    "gifts": Fact(
        lambda *a: f"(SELECT coalesce(sum(gift.amount), 0)::DOUBLE {_rows('gift', 'given_on', *_GIFT(*a))})",
        "dollars given, refunds taken off", "'online' | 'mail' | '90d'", 0, 2),
    "gift_count": Fact(
        lambda *a: _count(_rows("gift", "given_on", "gift.amount > 0", *_GIFT(*a))),
        "gifts made", "'online' | 'mail' | '90d'", 0, 2),
    "voted_in": Fact(
        lambda day: _exists(_rows("vote_history", "election_date", "vote_history.election_date = " + _election(day))),
        "cast a ballot on a date", "'2008-11-04'", 1, 1),
    "votes": Fact(
        lambda *a: _count(_rows("vote_history", "election_date", *_VOTE(*a))),
        "ballots cast", "'general' | 'primary' | '1500d'", 0, 2),
    "contacted": Fact(
        lambda *a: _exists(_rows("contact", "contacted_on", *_CONTACT(*a))),
        "was tried, reached or not", "'phone' | 'door' | '30d'", 0, 2),
    "contacts": Fact(
        lambda *a: _count(_rows("contact", "contacted_on", *_CONTACT(*a))),
        "times tried", "'phone' | 'door' | '30d'", 0, 2),
    "volunteered": Fact(
        lambda *a: _exists(_rows("volunteer_shift", "shift_on", *_SHIFT(*a))),
        "did a shift", "'canvass' | '90d'", 0, 2),
    "invited": Fact(
        lambda host: _exists(_rows("contest_entry", "invited_on", _is("contest_entry.host", host))),
        "was invited to a host's contest", "'host_a'", 1, 1),
    "entered": Fact(
        lambda host: _exists(
            _rows("contest_entry", "entered_on", "contest_entry.entered", _is("contest_entry.host", host))),
        "entered a host's contest", "'host_a'", 1, 1),
    "enrolled": Fact(
        lambda program: _exists(_rows("enrollment", "enrolled_on", _is("enrollment.program", program))),
        "joined a program", "'quick_donate'", 1, 1),
    "assigned": Fact(
        lambda experiment, *arm: _exists(_rows(
            "assignment", "assigned_on", _is("assignment.experiment", experiment),
            *(_is("assignment.arm", a) for a in arm))),
        "was assigned to an experiment, or one arm of it", "'scripts', 'economy'", 1, 2),
    "answered": Fact(
        lambda question, *answer: _exists(_rows(
            "survey_response", "asked_on", _is("survey_response.question", question),
            *(_is("survey_response.answer", a) for a in answer))),
        "answered a survey question, or gave one answer", "'support', 'yes'", 1, 2),
    "suppressed": Fact(_suppressed, "may not be reached on a channel", "'phone' | 'email' | …", 1, 1),
    "texts_allowed": Fact(
        lambda: f"coalesce((SELECT {LAST_TEXT_ANSWER} "
        + _rows("text_optin", "answered_on") + ") = 'yes', false)",
        "has said yes to texts, last of all", "", 0, 0),
    "in_source": Fact(
        lambda source: f"list_contains(p.sources, {quote_literal(source)})",
        "has a record in a source", "'actblue'", 1, 1),
    "tagged": Fact(
        lambda name: _exists(_rows("tag", "tagged_on", _is("tag.name", name))),
        "bears a tag that an analyst put on", "'walk list 3'", 1, 1),
    "score": Fact(
        lambda name: "(SELECT max_by(score.value, score.scored_on) "
        + _rows("score", "scored_on", _is("score.name", name)) + ")",
        "the latest score of that name", "'turnout'", 1, 1),
    "fec_gifts": Fact(
        lambda: "(SELECT coalesce(sum(fec_gift.amount), 0)::DOUBLE "
        + _rows("fec_gift", "given_on", "NOT coalesce(fec_gift.is_memo, false)") + ")",
        "dollars itemised to the FEC; not for soliciting", "", 0, 0, restricted=True),
}  # fmt: skip

#: Whose values the arguments of a fact are, so that a misspelt one is an error and not an audience of nobody.
_VOCABULARIES: dict[str, tuple[tuple[str, str], ...]] = {
    "gave": (("gift", "channel"),),
    "gifts": (("gift", "channel"),),
    "gift_count": (("gift", "channel"),),
    "votes": (("vote_history", "election_type"),),
    "contacted": (("contact", "channel"),),
    "contacts": (("contact", "channel"),),
    "volunteered": (("volunteer_shift", "activity"),),
    "invited": (("contest_entry", "host"),),
    "entered": (("contest_entry", "host"),),
    "enrolled": (("enrollment", "program"),),
    "assigned": (("assignment", "experiment"), ("assignment", "arm")),
    "answered": (("survey_response", "question"), ("survey_response", "answer")),
    "score": (("score", "name"),),
    "tagged": (("tag", "name"),),
    "in_source": (("source_record", "source"),),
}
FUNCTIONS = {name: replace(fact, vocabulary=_VOCABULARIES.get(name, ())) for name, fact in FUNCTIONS.items()}
