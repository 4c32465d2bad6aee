"""Which records are one person: exact tiers, then a model on what they leave, each newcomer against who stands.

Sources link in the order of their kind (`layout.KINDS`). Within a tier a record and a person who agree on its
keys are linked where neither has another candidate there; a tie stays unlinked, and the tier's name stays with
the link. First names agree where they share a form (Bob and Robert); suffix, birth year and sex can veto. What no
tier links is weighed by the model (`model`), and linked where one candidate is likely enough beside all others
(`decisions.choose`). In a source that may have many records of a person, records are also linked with each other.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb
import polars as pl

from campaignkit.megafile.linkage import decisions
from campaignkit.megafile.linkage.model import Model, Odds, fit
from campaignkit.megafile.linkage.prepared_records import describe, plain_name
from campaignkit.megafile.linkage.scored_pairs import loose_blocks, score
from campaignkit.sql import quote_identifier, quote_literal

#: What a pair may not contradict itself on. Two values that are both known and differ are a contradiction.
VETOES = ("suffix", "birth_year", "sex")

#: The least probability of a link that the model makes; among links at or above it, far fewer are wrong than 1 in 5.
THRESHOLD = 0.8

#: What `matched_by` says of the model's links; a tier's links have its name.
BY_MODEL = "model"


@dataclass(frozen=True)
class Tier:
    """A set of columns on which a record and a person must agree exactly; none of them null.

    `form` is the first name in any of its forms; `last` the last name without case, accents and punctuation.
    """

    name: str
    on: tuple[str, ...]
    vetoes: tuple[str, ...] = VETOES


TIERS = (
    Tier("state voter id", ("state_voter_id", "state"), vetoes=()),
    Tier("e-mail, first and last name", ("email", "form", "last")),
    Tier("birth date, first and last name, state", ("birth_date", "form", "last", "state")),
    Tier("phone, first and last name", ("phone", "form", "last")),
    Tier("address, first and last name", ("address_key", "form", "last")),
    Tier("e-mail, first name", ("email", "form")),
    Tier("phone, first name, birth year", ("phone", "form", "birth_year")),
    Tier("address, first name, birth year", ("address_key", "form", "birth_year")),
    Tier("birth date, first name, zip", ("birth_date", "form", "zip5")),
    Tier("e-mail, last name, birth year", ("email", "last", "birth_year")),
    Tier("first and last name, zip, birth year", ("form", "last", "zip5", "birth_year")),
)


@dataclass(frozen=True)
class Rules:
    """How to link: the exact tiers, the model (True: to be fitted; False, None: none), its threshold, a seed.

    `weighed`: whether the pairs that the model must weigh are in the table `pair` already.
    """

    tiers: Sequence[Tier] = TIERS
    model: Model | bool | None = True
    threshold: float = THRESHOLD
    seed: int = 0
    weighed: bool = False


def resolve_people(
    con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]], rules: Rules | None = None
) -> Model | None:
    """Give every row of source_record a person_id and, where something linked it, by what and how probably.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction, with source_record filled. Its tables candidate, weighed and rival are filled
        too: what a later night has to know to link anew only those whom it touches.
    sources : list of (str, bool)
        Sources in linking order, and whether each holds at most one record of a person.
    rules : Rules or None
        None: the exact tiers, then a model fitted on these records.

    Returns
    -------
    Model or None
        The model used.
    """
    rules = rules or Rules()
    describe(con, sources)
    used = link_described(con, sources, rules)
    con.execute("""
        UPDATE source_record SET person_id = link.person_id, matched_by = link.matched_by,
               match_probability = link.match_probability
        FROM link WHERE source_record.record_id = link.record_id""")
    con.execute("INSERT INTO candidate SELECT DISTINCT * FROM pair; INSERT INTO weighed SELECT * FROM asked")
    con.execute(f"INSERT INTO rival {rivals(rules.tiers)}")
    forget(con)
    return used


def rivals(tiers: Sequence[Tier]) -> str:
    """Return SQL for the pairs of people, records of whom share a tier's keys: each with the first of them."""
    return " UNION ".join(
        f"""(WITH keyed AS (SELECT hash({", ".join(tier.on)}) AS key, person_id FROM standing
             WHERE {" AND ".join(f"{key} IS NOT NULL" for key in tier.on)}),
        shared AS (SELECT key, min(person_id) AS first, max(person_id) AS last FROM keyed GROUP BY key
                   HAVING first < last)
        SELECT DISTINCT first AS person_id, person_id AS other_person_id FROM keyed JOIN shared USING (key)
        WHERE person_id <> first)"""
        for tier in tiers
    )


def link_described(con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]], rules: Rules) -> Model | None:
    """Fill link from described; return the model used, with the odds it met each source with.

    The temporary table `asked` then holds whom the model had to weigh, and `pair` what it could not rule out.
    """
    with beside(con):
        model = fit(con, "compared", rules.seed) if rules.model is True else rules.model or None
        if model is not None:
            model = replace(model, standing=dict(model.standing), own=dict(model.own))
        for source, one_per_person in sources:
            _link_source(con, source, one_per_person, replace(rules, model=model))
    return model


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drop what linking made beside source_record."""
    for view in ("newcomer", "standing", "known", "compared"):
        con.execute(f"DROP VIEW IF EXISTS temp.{view}")
    for table in ("described", "link", "joined", "pair", "asked", "unlinked"):
        con.execute(f"DROP TABLE IF EXISTS temp.{table}")


@contextmanager
def beside(con: duckdb.DuckDBPyConnection) -> Generator[None]:
    """Keep Splink's working tables out of the megafile's own file."""
    home = con.sql("SELECT current_database()").pl().item()
    con.execute("ATTACH ':memory:' AS linking")
    con.execute("USE linking")
    try:
        yield
    finally:
        con.execute(f"USE {quote_identifier(home)}")
        con.execute("DETACH linking")


def _link_source(con: duckdb.DuckDBPyConnection, source: str, one_per_person: bool, rules: Rules) -> None:
    con.execute(f"CREATE OR REPLACE TEMP VIEW newcomer AS SELECT * FROM known WHERE source = {quote_literal(source)}")
    con.execute("CREATE OR REPLACE TEMP TABLE joined "
                "(record_id BIGINT, root BIGINT, matched_by VARCHAR, match_probability DOUBLE)")  # fmt: skip
    if rules.weighed or con.sql("SELECT count(*) FROM link").pl().item():
        for tier in rules.tiers:
            _link(con, tier, one_per_person)
        if isinstance(rules.model, Model):
            _link_by_model(con, source, one_per_person, rules, rules.model)
    if not one_per_person:
        _join_within(con, source, rules)
    _admit_the_rest(con, source)


def _link(con: duckdb.DuckDBPyConnection, tier: Tier, one_per_person: bool) -> None:
    """Link the newcomers still unlinked who have one candidate in this tier."""
    agree = " AND ".join(f"n.{key} = s.{key}" for key in tier.on)
    contradict = [f"coalesce(n.{key} <> s.{key}, false)" for key in tier.vetoes]
    taken = "AND s.person_id NOT IN (SELECT person_id FROM link WHERE newcomer)" if one_per_person else ""
    con.execute(
        f"""
        INSERT INTO link
        WITH candidate AS (
            SELECT DISTINCT n.record_id, s.person_id
            FROM newcomer n JOIN standing s ON {agree}
            WHERE NOT ({" OR ".join(contradict) or "false"})
              AND n.record_id NOT IN (SELECT record_id FROM link WHERE newcomer) {taken}
        ), counted AS (
            SELECT *, count(*) OVER (PARTITION BY record_id) AS people,
                   count(*) OVER (PARTITION BY person_id) AS records
            FROM candidate
        )
        SELECT record_id, person_id, ?, NULL, true FROM counted
        WHERE people = 1 {"AND records = 1" if one_per_person else ""}""",
        [tier.name],
    )


def _link_by_model(
    con: duckdb.DuckDBPyConnection, source: str, one_per_person: bool, rules: Rules, model: Model
) -> None:
    """Link newcomers whom no tier linked to the people who are likely enough to be them."""
    taken = "AND person_id NOT IN (SELECT person_id FROM link WHERE newcomer)" if one_per_person else ""
    con.execute(
        """CREATE OR REPLACE TEMP TABLE unlinked AS
        SELECT * FROM compared WHERE source = ? AND row NOT IN (SELECT record_id FROM link WHERE newcomer)""",
        [source],
    )
    con.execute("INSERT INTO asked SELECT row, false FROM unlinked")
    if not rules.weighed:
        _weigh_standing(con, source, model, taken)
    candidates = con.sql(f"""
        SELECT p.record_id, person_id, max(odds) AS odds FROM pair p JOIN described ON row = p.other_id
        WHERE p.record_id IN (SELECT row FROM unlinked) AND person_id IS NOT NULL {taken}
        GROUP BY ALL ORDER BY ALL""").pl()
    rate = model.standing[source].rate
    if rate is None:
        records = con.sql("SELECT count(*) FROM unlinked").pl().item()
        rate = decisions.share_standing(candidates, records, one_per_person)
        model.standing[source] = replace(model.standing[source], rate=rate)
    con.register("found", decisions.choose(candidates, rate, rules.threshold, one_per_person))
    con.execute(f"INSERT INTO link SELECT record_id, person_id, '{BY_MODEL}', match_probability, true FROM found")
    con.unregister("found")


def _weigh_standing(con: duckdb.DuckDBPyConnection, source: str, model: Model, taken: str) -> None:
    """Weigh the unlinked against those who stand and are not taken; what two records of a person repeat, once."""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE stood_row AS
        SELECT min(row) AS row FROM described WHERE person_id IS NOT NULL {taken} GROUP BY person_id, content""")
    con.execute("CREATE OR REPLACE TEMP VIEW stood AS SELECT * FROM compared SEMI JOIN stood_row USING (row)")
    if source not in model.standing:
        free, all_people = (
            con.sql(f"SELECT count(DISTINCT person_id) FROM {table}").pl().item() for table in ("stood", "described")
        )
        model.standing[source] = Odds(free or all_people, None, loose_blocks(con, "unlinked", "stood"))
    score(con, model, "unlinked", "stood", model.standing[source], "scored")
    con.execute("INSERT INTO pair SELECT * FROM scored")
    con.execute("DROP VIEW temp.stood; DROP TABLE temp.stood_row; DROP TABLE temp.scored")


def _join_within(con: duckdb.DuckDBPyConnection, source: str, rules: Rules) -> None:
    """Link the newcomers with each other: their source may have many records of a person."""
    edges = [con.sql(_same_within(tier)).pl() for tier in rules.tiers]
    if isinstance(rules.model, Model):
        edges.append(_weighed_within(con, source, pl.concat(edges), rules, rules.model))
    linked = con.sql("SELECT record_id, person_id FROM link WHERE newcomer").pl()
    follow, groups = decisions.within_source(pl.concat(edges), linked)
    con.register("follow", follow)
    con.execute("INSERT INTO link SELECT record_id, person_id, matched_by, match_probability, true FROM follow")
    con.unregister("follow")
    con.register("groups", groups)
    con.execute("INSERT INTO joined BY NAME SELECT * FROM groups")
    con.unregister("groups")


def _same_within(tier: Tier) -> str:
    """Return SQL for pairs of newcomers that agree in a tier, each with the first; none where any two contradict."""
    keys = ", ".join(tier.on)
    at_odds = " OR ".join(f"count(DISTINCT {key}) > 1" for key in tier.vetoes) or "false"
    known = " AND ".join(f"{key} IS NOT NULL" for key in tier.on)
    return f"""
        WITH same AS (
            SELECT {keys}, min(record_id) AS first_id FROM newcomer WHERE {known} GROUP BY {keys}
            HAVING count(DISTINCT record_id) > 1 AND NOT ({at_odds})
        )
        SELECT DISTINCT first_id AS a, record_id AS b, '{tier.name}' AS matched_by, NULL::DOUBLE AS match_probability
        FROM newcomer JOIN same USING ({keys}) WHERE first_id <> record_id ORDER BY a, b"""


def _weighed_within(
    con: duckdb.DuckDBPyConnection, source: str, edges: pl.DataFrame, rules: Rules, model: Model
) -> pl.DataFrame:
    """Return pairs of newcomers that the model holds to be one person; what the tiers joined is weighed once."""
    con.register("rooted", decisions.components(edges))
    con.execute(
        """CREATE OR REPLACE TEMP TABLE alike AS
        SELECT * FROM compared WHERE row IN (
            SELECT min(row) FROM described LEFT JOIN rooted ON record_id = row
            WHERE source = ? GROUP BY coalesce(root, row), content)""",
        [source],
    )
    con.unregister("rooted")
    con.execute("INSERT INTO asked SELECT row, true FROM alike")
    records = con.sql("SELECT count(*) FROM alike").pl().item()
    if not rules.weighed:
        if source not in model.own:
            model.own[source] = Odds(max(records, 1), None, loose_blocks(con, "alike", "alike"))
        score(con, model, "alike", None, model.own[source], "scored")
        con.execute("INSERT INTO pair SELECT least(row_l, row_r), greatest(row_l, row_r), odds FROM scored")
        con.execute("DROP TABLE temp.scored")
    pairs = con.sql("""
        SELECT p.record_id AS a, p.other_id AS b, max(odds) AS odds FROM pair p
        SEMI JOIN newcomer n ON n.row = p.record_id SEMI JOIN newcomer o ON o.row = p.other_id
        GROUP BY ALL ORDER BY a, b""").pl()
    con.execute("DROP TABLE temp.alike")
    rate = model.own[source].rate
    if rate is None:
        rate = decisions.partners(pairs, records)
        model.own[source] = replace(model.own[source], rate=rate)
    found = decisions.likely(pairs, rate, rules.threshold)
    return found.select("a", "b", pl.lit(BY_MODEL).alias("matched_by"), "match_probability")


def _admit_the_rest(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Make each newcomer without a link, or group of them, a new person; from here on all newcomers stand."""
    con.execute(
        """
        INSERT INTO link
        WITH alone AS (
            SELECT row AS record_id FROM described
            WHERE source = ? AND row NOT IN (SELECT record_id FROM link WHERE newcomer)
        ), rooted AS (
            SELECT record_id, coalesce(root, record_id) AS root, CASE WHEN record_id <> root THEN matched_by END AS how,
                   CASE WHEN record_id <> root THEN match_probability END AS probability
            FROM alone LEFT JOIN joined USING (record_id)
        ), last AS (SELECT coalesce(max(person_id), 0) AS person_id FROM link)
        SELECT record_id, last.person_id + dense_rank() OVER (ORDER BY root), how, probability, true
        FROM rooted, last""",
        [source],
    )
    con.execute("UPDATE described SET person_id = link.person_id FROM link WHERE newcomer AND row = link.record_id")
    con.execute("UPDATE link SET newcomer = false WHERE newcomer")


def link_fec_gifts(con: duckdb.DuckDBPyConnection) -> None:
    """Give fec_gift rows the one person of that first and last name in that zip code, where there is one.

    FEC rows hold no street address, so the link is weak; they never feed `person`.
    """
    con.execute(f"""
        CREATE TEMP TABLE fec_person AS
        WITH known AS (
            SELECT DISTINCT person_id, {plain_name("first_name")} AS first, {plain_name("last_name")} AS last, zip5
            FROM source_record
        )
        SELECT first, last, zip5, any_value(person_id) AS person_id FROM known
        WHERE first IS NOT NULL AND last IS NOT NULL AND zip5 IS NOT NULL
        GROUP BY ALL HAVING count(DISTINCT person_id) = 1""")
    con.execute(f"""
        UPDATE fec_gift SET person_id = p.person_id FROM fec_person p
        WHERE {plain_name("fec_gift.first_name")} = p.first AND {plain_name("fec_gift.last_name")} = p.last
          AND fec_gift.zip5 = p.zip5""")
    con.execute("DROP TABLE fec_person")
