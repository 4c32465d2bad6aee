"""The sheet of facts: every column, attribute, fact and table of a megafile, what it means and how full it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from campaignkit.errors import BadValue, nearest
from campaignkit.megafile import schema
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.facts import AS_OF, ATTRIBUTES, FUNCTIONS, Fact
from campaignkit.megafile.known_facts import KnownFacts, known_facts, made_names
from campaignkit.result import Result
from campaignkit.sql import quote_identifier

MOST_VALUES = 12

COLUMNS = ("name", "kind", "arguments", "meaning", "example")
_SCHEMA = dict.fromkeys(COLUMNS, pl.String) | {"values": pl.List(pl.String), "filled": pl.Float64}


@dataclass(frozen=True, eq=False, repr=False)
class FactSheet(Result):
    """What predicates, features, breakdowns and lists may name in a megafile, and its tables.

    `table` has one row per name: name, kind (column of person, attribute, fact, table), arguments (what a fact takes),
    meaning, example (a predicate or query that runs), values (of the argument or column, where they are few), filled
    (the share of people whose column or attribute is known, or who have a row of the fact or table; null: of
    tables that are not about people).
    """

    people: int
    sought: str | None

    def summary(self) -> str:
        """Say how many names there are, and which are of nobody."""
        of = "" if self.sought is None else f" that match {self.sought!r}"
        empty = self.table.filter(pl.col("filled") == 0)["name"].to_list()
        nobody = f" Empty here: {', '.join(empty[:12])}." if empty else ""
        kinds = self.table["kind"].value_counts(sort=True).rows()
        counted = ", ".join(f"{n} {kind}{'s' if n != 1 else ''}" for kind, n in kinds)
        names = "1 name" if self.table.height == 1 else f"{self.table.height} names"
        return f"{names}{of} in a megafile of {self.people:,} people ({counted}).{nobody}"


def fact_sheet(megafile: Connection, sought: str | None) -> FactSheet:
    """Return the sheet of facts of a megafile; see `Megafile.fact_sheet`."""
    facts = known_facts(megafile)
    rows = [row for row in declared(facts) if sought is None or _speaks_of(row, sought)]
    if not rows:
        names = [row[0] for row in declared(facts)]
        raise BadValue(f"Nothing in the sheet of facts matches {sought!r}{nearest(str(sought), names)}")
    people = megafile.sql("SELECT count(*) FROM person").item()
    filled = _filled(megafile, facts, {(row[0], row[1]) for row in rows})
    table = [(*row, _values(megafile, facts, row), filled.get((row[0], row[1]))) for row in rows]
    return FactSheet(pl.DataFrame(table, schema=_SCHEMA, orient="row"), people, sought)


def declared(facts: KnownFacts | None = None) -> list[tuple[str, str, str, str, str]]:
    """Return name, kind, arguments, meaning and an example of all there is; None: without columns of one's own.

    Examples
    --------
    >>> [row for row in declared() if row[0] == "gave"]
    [('gave', 'fact', "('online' | 'mail' | '90d')", 'has given, by a channel or within days', "gave('online')")]
    """
    facts = facts or KnownFacts(ATTRIBUTES, FUNCTIONS, {})
    return [*_columns(), *_attributes(facts), *_functions(facts), *_tables()]


def _columns() -> Iterator[tuple[str, str, str, str, str]]:
    said = schema.comments("person")
    for name in schema.columns_of("person"):
        yield name, "column", "", said.get(name, name.replace("_", " ")), f"{name} IS NOT NULL"


def _attributes(facts: KnownFacts) -> Iterator[tuple[str, str, str, str, str]]:
    for name, fact in facts.attributes.items():
        yield name, "attribute", "", fact.meaning, name if name in ("donor", "voter") else f"{name} IS NOT NULL"


def _functions(facts: KnownFacts) -> Iterator[tuple[str, str, str, str, str]]:
    for name, fact in facts.functions.items():
        example = f"{name}({', '.join(repr(argument) for argument in example_arguments(fact))})"
        yield name, "fact", f"({fact.arguments})", fact.meaning, example


def _tables() -> Iterator[tuple[str, str, str, str, str]]:
    for name in schema.names():
        yield name, "table", "", schema.table_comment(name), f"mf.table({name!r})"


def page() -> str:
    """Return the book's page of columns and facts, in Markdown.

    Examples
    --------
    >>> "| `gave` | `('online' \\\\| 'mail' \\\\| '90d')` |" in page()
    True
    """
    titles = {"column": "A person's columns", "attribute": "Attributes", "fact": "Facts", "table": "Tables"}
    lines = [
        "# Columns and facts", "",
        "What predicates, features, breakdowns and lists may name. `mf.fact_sheet()` shows the same for a megafile of "
        "yours, with its columns of one's own and how full each is.", "",
    ]  # fmt: skip
    for kind, title in titles.items():
        lines += [f"## {title}", "", "| name | takes | meaning | example |", "|---|---|---|---|"]
        for name, of_kind, arguments, meaning, example in declared():
            if of_kind == kind:
                cells = (_code(name), _code(arguments), meaning.replace("|", "\\|"), _code(example))
                lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


def example_arguments(fact: Fact) -> tuple[str, ...]:
    """Return arguments with which a fact can be called, as its own line of arguments shows them.

    Examples
    --------
    >>> example_arguments(FUNCTIONS["assigned"]), example_arguments(FUNCTIONS["fec_gifts"])
    (('scripts',), ())
    """
    return tuple(re.findall(r"'([^']*)'", fact.arguments)[: max(fact.least, 1)])


def _speaks_of(row: tuple[str, ...], sought: str) -> bool:
    text = " ".join(row).casefold().replace("_", " ")
    return all(word in text for word in sought.casefold().replace("_", " ").split())


def _values(megafile: Connection, facts: KnownFacts, row: tuple[str, ...]) -> list[str] | None:
    """Return the values of a fact's first argument or a column, where they are few; None elsewhere."""
    name, kind = row[0], row[1]
    if kind == "fact" and (vocabulary := facts.functions[name].vocabulary):
        return megafile.values(*vocabulary[0])[:MOST_VALUES] or None
    if kind == "column" and name in ("sex", "race", "party", "state", "region", "voter_status"):
        return megafile.values("person", name)[:MOST_VALUES] or None
    return megafile.own_values(name, most=MOST_VALUES) or None


def _filled(
    megafile: Connection, facts: KnownFacts, wanted: set[tuple[str, str]]
) -> dict[tuple[str, str], float]:  # fmt: skip
    """Return, by name and kind, the share of people that something is known about."""
    day = f"DATE '{megafile.as_of}'"
    sqls = {(n, k): f"p.{quote_identifier(n)}" for n, k in wanted if k == "column"}
    sqls |= {(n, k): facts.attributes[n].sql().replace(AS_OF, day) for n, k in wanted if k == "attribute"}
    tables = {(n, k): n for n, k in wanted if k == "table"}
    tables |= {(n, k): table for n, k in wanted if k == "fact" and (table := _table_of(facts.functions[n]))}
    shares: dict[tuple[str, str], float] = {}
    if sqls:
        counts = ", ".join(f"count({sql}) / greatest(count(*), 1)" for sql in sqls.values())
        shares |= dict(zip(sqls, megafile.sql(f"SELECT {counts} FROM person p").row(0), strict=True))
    for name, kind in [key for key in sqls if facts.attributes.get(key[0]) and key[0] in ("donor", "voter")]:
        sql = sqls[name, kind]
        shares[name, kind] = megafile.sql(f"SELECT coalesce(avg(({sql})::INTEGER), 0.0) FROM person p").item()
    own = {made: column.name for column in megafile.own_columns() for made in made_names(column)}
    for key, table in tables.items():
        if "person_id" in schema.columns_of(table):
            of = own.get(key[0]) if table == "dated_fact" and key[1] == "fact" else None
            shares[key] = _share_with_rows(megafile, table, of)
    return shares


def _share_with_rows(megafile: Connection, table: str, name: str | None) -> float:
    """Return the share of people who have a row of a table; of one name there, where it is given."""
    where, params = ("", None) if name is None else (" WHERE name = ?", [name])
    return megafile.sql(
        f"SELECT count(DISTINCT person_id) / greatest((SELECT count(*) FROM person), 1) "
        f"FROM {quote_identifier(table)}{where}", params).item()  # fmt: skip


def _table_of(fact: Fact) -> str | None:
    """Return the table whose rows a fact speaks of; None: of several, or of person itself."""
    arguments = example_arguments(fact)
    arguments = tuple("2012-11-06" if fact.arguments.startswith("'2") else text for text in arguments)
    tables = set(re.findall(r"\bFROM (\w+)", fact.sql(*arguments[: fact.most])))
    return tables.pop() if len(tables) == 1 and tables <= set(schema.names()) else None
