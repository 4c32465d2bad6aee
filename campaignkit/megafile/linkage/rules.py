"""Deterministic rules: the columns on which a record and a person must agree exactly, and who agrees on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from campaignkit.sql import quote_literal

#: What a pair may not contradict itself on. Two values that are both known and differ are a contradiction.
VETOES = ("suffix", "birth_year", "sex")


@dataclass(frozen=True)
class Rule:
    """A set of columns on which a record and a person must agree exactly; none of them null.

    `form` is the first name in any of its forms; `last` the last name without case, accents and punctuation.
    """

    name: str
    on: tuple[str, ...]
    vetoes: tuple[str, ...] = VETOES


RULES = (
    Rule("state voter id", ("state_voter_id", "state"), vetoes=()),
    Rule("e-mail, first and last name", ("email", "form", "last")),
    Rule("birth date, first and last name, state", ("birth_date", "form", "last", "state")),
    Rule("phone, first and last name", ("phone", "form", "last")),
    Rule("address, first and last name", ("address_key", "form", "last")),
    Rule("e-mail, first name", ("email", "form")),
    Rule("phone, first name, birth year", ("phone", "form", "birth_year")),
    Rule("address, first name, birth year", ("address_key", "form", "birth_year")),
    Rule("birth date, first name, zip", ("birth_date", "form", "zip5")),
    Rule("e-mail, last name, birth year", ("email", "last", "birth_year")),
    Rule("first and last name, zip, birth year", ("form", "last", "zip5", "birth_year")),
)


def link_by_rule(con: duckdb.DuckDBPyConnection, source: str, rule: Rule, one_per_person: bool) -> None:
    """Link the incoming records still unlinked who have one candidate in this rule."""
    con.execute(f"INSERT INTO work_link {rule_links(source, rule, one_per_person)}")


def rule_links(source: str, rule: Rule, one_per_person: bool) -> str:
    """Return SQL for the links that a rule makes, of work_prepared and work_link; Spark runs it too."""
    agree = [f"n.{key} = s.{key}" for key in rule.on if key != "form"]
    if "form" in rule.on:
        agree.append("list_has_any(n.forms, s.forms)")
    contradict = [f"coalesce(n.{key} <> s.{key}, false)" for key in rule.vetoes]
    taken = "ANTI JOIN (FROM work_link WHERE incoming) t ON t.person_id = p.person_id" if one_per_person else ""
    return f"""
        WITH looking AS (
            FROM work_prepared p ANTI JOIN (FROM work_link WHERE incoming) l ON l.record_id = p.row
            WHERE p.source = {quote_literal(source)}
        ), existing AS (FROM work_prepared p {taken} WHERE p.person_id IS NOT NULL),
        candidate AS (
            SELECT DISTINCT n.row AS record_id, s.person_id FROM looking n JOIN existing s ON {" AND ".join(agree)}
            WHERE NOT ({" OR ".join(contradict) or "false"})
        ), counted AS (
            SELECT *, count(*) OVER (PARTITION BY record_id) AS people,
                   count(*) OVER (PARTITION BY person_id) AS records
            FROM candidate
        )
        SELECT record_id, person_id, {quote_literal(rule.name)} AS matched_by,
               CAST(NULL AS DOUBLE) AS match_probability, true AS incoming
        FROM counted
        WHERE people = 1 {"AND records = 1" if one_per_person else ""}"""


def people_sharing_a_rule(rules: Sequence[Rule]) -> str:
    """Return SQL for the pairs of people whose records share a rule's keys: each with the first of them."""
    return " UNION ".join(
        f"""(WITH keyed AS (
            SELECT hash({", ".join(rule.on)}) AS key, person_id
            FROM ({_with_forms(rule, "person_id IS NOT NULL", "min(person_id) < max(person_id)")})),
        shared AS (SELECT key, min(person_id) AS first, max(person_id) AS last FROM keyed GROUP BY key
                   HAVING first < last)
        SELECT DISTINCT first AS person_id, person_id AS other_person_id FROM keyed JOIN shared USING (key)
        WHERE person_id <> first)"""
        for rule in rules
    )


def _with_forms(rule: Rule, where: str, having: str) -> str:
    """Return SQL for records, a row for each form of the first name, whose other keys of a rule are shared.

    Where few share them, few have to be written out by form.
    """
    others = [key for key in rule.on if key != "form"]
    form = ", unnest(forms) AS form" if "form" in rule.on else ""
    known = " AND ".join(f"{key} IS NOT NULL" for key in others)
    return f"""
        SELECT *{form} FROM work_prepared SEMI JOIN (
            SELECT {", ".join(others)} FROM work_prepared WHERE {where} AND {known} GROUP BY ALL HAVING {having}
        ) USING ({", ".join(others)}) WHERE {where}"""


def same_within(source: str, rule: Rule) -> str:
    """Return SQL for pairs of a source's records that agree in a rule; none where any two of them contradict."""
    keys = ", ".join(rule.on)
    at_odds = " OR ".join(f"count(DISTINCT {key}) > 1" for key in rule.vetoes) or "false"
    return f"""
        WITH agreeing AS ({_with_forms(rule, f"source = {quote_literal(source)}", "count(*) > 1")}),
        same AS (
            SELECT {keys}, min(row) AS first_id FROM agreeing GROUP BY {keys}
            HAVING count(DISTINCT row) > 1 AND NOT ({at_odds})
        )
        SELECT DISTINCT first_id AS a, row AS b, {quote_literal(rule.name)} AS matched_by,
               CAST(NULL AS DOUBLE) AS match_probability
        FROM agreeing JOIN same USING ({keys}) WHERE first_id <> row"""
