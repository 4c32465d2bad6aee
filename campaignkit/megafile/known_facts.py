"""The facts that predicates may name in one megafile: the built-in ones and its columns of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from campaignkit.errors import LayoutError
from campaignkit.megafile import schema
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.expressions import grammar as expressions
from campaignkit.megafile.facts import AS_OF, ATTRIBUTES, FUNCTIONS, Fact, conditions_on
from campaignkit.megafile.ingest.layout import Layout
from campaignkit.megafile.own_columns import OwnColumn, attribute_sql

#: What is made of a dated fact's name, beside the name itself: how often, how much, how long ago.
COUNT, TOTAL, LAST = "{}_count", "{}_total", "last_{}_days"


@dataclass(frozen=True)
class KnownFacts:
    """What a predicate may name beyond person's columns: names without brackets, and with.

    `barred` has, by name, what a column of one's own carries that bars its use, such as what a panel's flags forbid.
    """

    attributes: Mapping[str, Fact]
    functions: Mapping[str, Fact]
    barred: Mapping[str, frozenset[str]]


def known_facts(megafile: Connection) -> KnownFacts:
    """Return the facts of a megafile.

    Examples
    --------
    >>> import campaignkit as ck
    >>> facts = known_facts(ck.sample.megafile())
    >>> "donor" in facts.attributes, "gifts" in facts.functions
    (True, True)
    """
    attributes, functions, barred = dict(ATTRIBUTES), dict(FUNCTIONS), {}
    for column in megafile.own_columns():
        if column.restricted is not None:
            parts = frozenset(part.strip() for part in column.restricted.split(","))
            barred |= dict.fromkeys(made_names(column), parts)
        if column.kind == "fact":
            functions |= _of_dated_fact(column)
            attributes[LAST.format(column.name)] = _last(column)
        else:
            attributes[column.name] = _attribute(column)
    return KnownFacts(attributes, functions, barred)


def _attribute(column: OwnColumn) -> Fact:
    kept = f", the {column.keep} of a person's records" if column.keep else ""
    meaning = f"{column.label} ({column.type}{kept})"
    return Fact(lambda: attribute_sql(column), meaning, restricted=column.restricted is not None)


def _of_dated_fact(column: OwnColumn) -> dict[str, Fact]:
    """Return whether, how often and (where rows have an amount) how much, each within days and of a value."""
    arguments = "'a value' | '90d'" if "value" in column.type else "'90d'"
    most = 2 if "value" in column.type else 1

    def fact(sql: str, meaning: str) -> Fact:
        return Fact(
            lambda *a: f"({sql} {_rows(column.name, a)})", meaning, arguments, 0, most,
            restricted=column.restricted is not None, vocabulary=_vocabulary(column),
        )  # fmt: skip

    made = {
        column.name: Fact(
            lambda *a: f"EXISTS (SELECT 1 {_rows(column.name, a)})", f"has: {column.label}", arguments, 0, most,
            restricted=column.restricted is not None, vocabulary=_vocabulary(column),
        ),
        COUNT.format(column.name): fact("SELECT count(*)", f"how often: {column.label}"),
    }  # fmt: skip
    if "amount" in column.type:
        total = fact("SELECT coalesce(sum(dated_fact.amount), 0)", f"total amount: {column.label}")
        made[TOTAL.format(column.name)] = total
    return made


def _vocabulary(column: OwnColumn) -> tuple[tuple[str, str], ...]:
    return (("dated_fact", "value"),) if "value" in column.type else ()


def _last(column: OwnColumn) -> Fact:
    days = f"{AS_OF} - (SELECT max(dated_fact.happened_on) {_rows(column.name, ())})"
    restricted = column.restricted is not None
    return Fact(lambda: days, f"days since the last: {column.label}; null: none", restricted=restricted)


_NARROWED: Callable[..., list[str]] = conditions_on("dated_fact", "happened_on", "value")


def _rows(name: str, arguments: Iterable[str]) -> str:
    """Return the rows of a dated fact of the person `p`, up to the universe's date."""
    where = [
        "dated_fact.person_id = p.person_id", f"dated_fact.name = '{name}'", f"dated_fact.happened_on <= {AS_OF}",
        *_NARROWED(*arguments),
    ]  # fmt: skip
    return f"FROM dated_fact WHERE {' AND '.join(where)}"


def made_names(column: OwnColumn) -> list[str]:
    """Return the names that a column of one's own takes.

    Examples
    --------
    >>> made_names(OwnColumn("rsvp", "fact", "value", "RSVP"))
    ['rsvp', 'rsvp_count', 'rsvp_total', 'last_rsvp_days']
    """
    if column.kind != "fact":
        return [column.name]
    return [column.name, *(form.format(column.name) for form in (COUNT, TOTAL, LAST))]


def taken_by(name: str) -> str | None:
    """Return what a name already means in a predicate; None: nothing.

    Examples
    --------
    >>> taken_by("party"), taken_by("gifts"), taken_by("last_ask")
    ("a person's column", 'a built-in fact', None)
    """
    if name in schema.columns_of("person"):
        return "a person's column"
    if name in ATTRIBUTES or name in FUNCTIONS:
        return "a built-in fact"
    return "a function" if name in expressions.FUNCTIONS or expressions.is_known(name) else None


def refuse_clashes(layouts: Iterable[Layout]) -> None:
    """Refuse layouts whose columns of one's own have a name that means something else, there or in another layout.

    Raises
    ------
    LayoutError
        If a name is taken, or two layouts declare it with another type, rule of survivorship or kind.
    """
    declared: dict[str, OwnColumn] = {}
    for column in (rows.definition for layout in layouts for rows in layout.own):
        for name in made_names(column):
            if means := taken_by(name):
                raise LayoutError(
                    f"{column.layout}: {column.kind}.{column.name}: {name!r} is {means}; name it otherwise."
                )
            before = declared.setdefault(name, column)
            if (before.name, before.kind, before.type, before.keep) != (
                column.name, column.kind, column.type, column.keep,
            ):  # fmt: skip
                raise LayoutError(
                    f"{before.layout} and {column.layout} both declare {name!r}, one as {_said(before)}, one as "
                    f"{_said(column)}. Give them two names, or one type."
                )


def _said(column: OwnColumn) -> str:
    return " ".join(part for part in (column.kind, column.type, column.keep) if part)
