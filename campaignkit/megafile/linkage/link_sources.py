"""Which records are one person: deterministic rules, then a model on what they leave, source after source.

Sources link in the order of their kind (`layout.KINDS`), each against the people who exist by then. A rule links a
record and a person who agree on its keys, where neither has another candidate there; a tie stays unlinked, and the
rule's name stays with the link. First names agree where they share a form (Bob and Robert); suffix, birth year and sex
can veto. What no rule links is scored by the model (`model`), and linked where one candidate is likely enough beside
all others (`decisions.choose`). In a source that may have many records of a person, records are also linked with each
other.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import duckdb
import polars as pl

from campaignkit.megafile.linkage import decisions
from campaignkit.megafile.linkage.components import components
from campaignkit.megafile.linkage.model import Model, Odds, count, fit
from campaignkit.megafile.linkage.prepared_records import prepare_records
from campaignkit.megafile.linkage.rules import RULES, Rule, link_by_rule, people_sharing_a_rule, same_within
from campaignkit.megafile.linkage.scored_pairs import loose_blocks, make_keys, score_candidates
from campaignkit.megafile.working_tables import create, create_empty, drop
from campaignkit.sql import quote_identifier, quote_literal

#: The least probability of a link that the model makes; among links at or above it, far fewer are wrong than 1 in 5.
THRESHOLD = 0.8

#: One of these tells a record from its namesakes; from those who have one, and are so many, the rate is learned.
TELLING, LEAST_TELLING = ("birth_text", "phone", "email", "address_key"), 100

TELLING_RECORDS = (
    f"SELECT row AS record_id FROM work_unlinked WHERE {' OR '.join(f'{column} IS NOT NULL' for column in TELLING)}"
)

#: Of the pairs within a source that a record is in, the best, first those that it begins.
WHY = """
    SELECT record_id, unnest(arg_min(struct_pack(matched_by, match_probability), rank))
    FROM (SELECT a AS record_id, *, (0, place, -match_probability) AS rank FROM work_edge
          UNION ALL SELECT b, *, (1, place, -match_probability) FROM work_edge)
    GROUP BY record_id"""

#: What `matched_by` says of the model's links; a rule's links have its name.
BY_MODEL = "model"


@dataclass(frozen=True)
class LinkageSettings:
    """How to link: the deterministic rules, the model (True: to be fitted; False, None: none), its threshold, a seed.

    `scored`: whether the pairs that the model must score are in the table `pair` already.
    """

    rules: Sequence[Rule] = RULES
    model: Model | bool | None = True
    threshold: float = THRESHOLD
    seed: int = 0
    scored: bool = False


def resolve_people(
    con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]], rules: LinkageSettings | None = None
) -> Model | None:
    """Give every row of source_record a person_id and, where something linked it, by what and how probably.

    Parameters
    ----------
    con : DuckDB connection
        To a megafile under construction, with source_record filled. Its tables candidate, scored and rival are filled
        too: what a later night has to know to link anew only those it touches.
    sources : list of (str, bool)
        Sources in linking order, and whether each holds at most one record of a person.
    rules : LinkageSettings or None
        None: the deterministic rules, then a model fitted on these records.

    Returns
    -------
    Model or None
        The model used.
    """
    rules = rules or LinkageSettings()
    prepare_records(con, sources)
    used = link_prepared(con, sources, rules)
    con.execute("""
        UPDATE source_record SET person_id = work_link.person_id, matched_by = work_link.matched_by,
               match_probability = work_link.match_probability
        FROM work_link WHERE source_record.record_id = work_link.record_id""")
    con.execute(
        "INSERT INTO candidate_pair SELECT DISTINCT * FROM work_scored_pair; "
        "INSERT INTO scored_record SELECT * FROM work_scored_record"
    )
    con.execute(f"INSERT INTO shared_rule {people_sharing_a_rule(rules.rules)}")
    forget(con)
    return used


def link_prepared(
    con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]], rules: LinkageSettings
) -> Model | None:
    """Fill link from described; return the model used, with the odds it met each source with.

    The temporary table `asked` then holds who the model had to score, and `pair` what it could not rule out.
    """
    with scratch_database(con):
        model = fit(con, "work_comparable", rules.seed) if rules.model is True else rules.model or None
        if model is not None:
            model = replace(
                model, against_existing=dict(model.against_existing), within_source=dict(model.within_source)
            )
        for source, one_per_person in sources:
            _link_source(con, source, one_per_person, replace(rules, model=model))
    return model


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drop what linking made beside source_record."""
    drop(
        con,
        "work_incoming",
        "work_comparable",
        "work_prepared",
        "work_link",
        "work_new_group",
        "work_scored_pair",
        "work_scored_record",
        "work_unlinked",
    )


@contextmanager
def scratch_database(con: duckdb.DuckDBPyConnection) -> Generator[None]:
    """Keep Splink's working tables out of the megafile's own file."""
    home = con.sql("SELECT current_database()").pl().item()
    con.execute("ATTACH ':memory:' AS linking")
    con.execute("USE linking")
    try:
        yield
    finally:
        con.execute(f"USE {quote_identifier(home)}")
        con.execute("DETACH linking")


def _link_source(con: duckdb.DuckDBPyConnection, source: str, one_per_person: bool, rules: LinkageSettings) -> None:
    create(con, "work_incoming", f"SELECT row FROM work_prepared WHERE source = {quote_literal(source)}", view=True)
    create_empty(con, "work_new_group")
    telling = _telling_rules(con, source, rules.rules)
    if rules.scored or con.sql("SELECT count(*) FROM work_link").pl().item():
        for rule in telling:
            link_by_rule(con, source, rule, one_per_person)
        if isinstance(rules.model, Model):
            _link_by_model(con, source, one_per_person, rules, rules.model)
    if not one_per_person:
        _join_within(con, source, rules, telling)
    _admit_the_rest(con, source)


def _telling_rules(con: duckdb.DuckDBPyConnection, source: str, rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules that a source's records can fulfill: those all of whose columns it fills."""
    columns = sorted({column for rule in rules for column in rule.on})
    counts = ", ".join(f"count({'forms' if column == 'form' else column})" for column in columns)
    query = f"SELECT [{counts}] FROM work_prepared WHERE source = {quote_literal(source)}"
    filled = {column for column, n in zip(columns, con.execute(query).fetchall()[0][0], strict=True) if n}
    return [rule for rule in rules if filled.issuperset(rule.on)]


def _link_by_model(
    con: duckdb.DuckDBPyConnection, source: str, one_per_person: bool, rules: LinkageSettings, model: Model
) -> None:
    """Link incoming records that no rule linked to the people who are likely enough to be them."""
    taken = "AND person_id NOT IN (SELECT person_id FROM work_link WHERE incoming)" if one_per_person else ""
    create(con, "work_unlinked", unlinked_records(source))
    con.execute("INSERT INTO work_scored_record SELECT row, false FROM work_unlinked")
    if not rules.scored:
        _score_against_existing(con, source, model, taken)
    candidates = con.sql(f"""
        SELECT p.record_id, person_id, max(odds) AS odds FROM work_scored_pair p JOIN work_prepared ON row = p.other_id
        WHERE p.record_id IN (SELECT row FROM work_unlinked) AND person_id IS NOT NULL {taken}
        GROUP BY ALL ORDER BY ALL""").pl()
    rate = model.against_existing[source].rate
    if rate is None:
        of = (con.sql("SELECT count(*) FROM work_unlinked").pl().item(), model.against_existing[source].people)
        rate = decisions.share_standing(*_telling(con, candidates, of[0]), one_per_person, of)
        model.against_existing[source] = replace(model.against_existing[source], rate=rate)
    con.register("found", decisions.choose(candidates, rate, rules.threshold, one_per_person))
    con.execute(f"INSERT INTO work_link SELECT record_id, person_id, '{BY_MODEL}', match_probability, true FROM found")
    con.unregister("found")


def unlinked_records(source: str) -> str:
    """Return SQL for the records of a source that nothing has linked yet, as the model compares them."""
    return f"""
        SELECT c.* FROM work_comparable c ANTI JOIN (FROM work_link WHERE incoming) l ON l.record_id = c.row
        WHERE c.source = {quote_literal(source)}"""


def existing_rows(taken: str = "") -> str:
    """Return SQL for a record of each that people who exist have; what two of a person's repeat, once."""
    return f"""
        SELECT min(row) AS row, person_id FROM work_prepared WHERE person_id IS NOT NULL {taken}
        GROUP BY person_id, content"""


def own_records(source: str) -> str:
    """Return SQL for a source's records; what the rules joined (table `rooted`) and what two repeat, once."""
    return f"""
        SELECT * FROM work_comparable WHERE row IN (
            SELECT min(row) FROM work_prepared LEFT JOIN rooted ON record_id = row
            WHERE source = {quote_literal(source)} GROUP BY coalesce(root, row), content)"""


def _telling(con: duckdb.DuckDBPyConnection, candidates: pl.DataFrame, records: int) -> tuple[pl.DataFrame, int]:
    """Return candidates of records of which more than a name is known, and how many these are; all, if they are few.

    Who has a common name and nothing else has his person among so many candidates that none is likely; counted as
    nobody's, such records would make every other link look less likely than it is.
    """
    telling = con.sql(TELLING_RECORDS).pl()
    if telling.height < LEAST_TELLING:
        return candidates, records
    return candidates.join(telling, on="record_id", how="semi", maintain_order="left"), telling.height


def _score_against_existing(con: duckdb.DuckDBPyConnection, source: str, model: Model, taken: str) -> None:
    """Score the unlinked against existing people and are not taken; what two records of a person repeat, once."""
    create(con, "work_existing_row", existing_rows(taken))
    create(
        con, "work_existing_record", "SELECT * FROM work_comparable SEMI JOIN work_existing_row USING (row)", view=True
    )
    make_keys(con, model, "work_unlinked", "work_left_key")
    make_keys(con, model, "work_existing_record", "work_right_key")
    if source not in model.against_existing:
        free, all_people = (
            con.sql(f"SELECT count(DISTINCT person_id) FROM {table}").pl().item()
            for table in ("work_existing_row", "work_prepared")
        )
        model.against_existing[source] = Odds(
            free or all_people, None, loose_blocks(partial(count, con), "work_left_key", "work_right_key")
        )
    score_candidates(
        con, model, "work_unlinked", "work_existing_record", model.against_existing[source], "work_splink_pair"
    )
    con.execute("INSERT INTO work_scored_pair SELECT * FROM work_splink_pair")
    drop(con, "work_existing_record", "work_existing_row", "work_splink_pair", "work_left_key", "work_right_key")


def _join_within(con: duckdb.DuckDBPyConnection, source: str, rules: LinkageSettings, telling: Sequence[Rule]) -> None:
    """Link the incoming records with each other: their source may have many records of a person."""
    create_empty(con, "work_edge")
    for place, rule in enumerate(telling):
        con.execute(f"INSERT INTO work_edge SELECT {place}, * FROM ({same_within(source, rule)})")
    if isinstance(rules.model, Model):
        _score_within(con, source, rules, rules.model)
    linked = con.sql("SELECT record_id, person_id FROM work_link WHERE incoming").pl()
    why = con.sql(WHY).pl()
    follow, groups = decisions.within_source(components(con, "SELECT a, b FROM work_edge"), why, linked)
    drop(con, "work_edge")
    con.register("follow", follow)
    con.execute("INSERT INTO work_link SELECT record_id, person_id, matched_by, match_probability, true FROM follow")
    con.unregister("follow")
    con.register("groups", groups)
    con.execute("INSERT INTO work_new_group BY NAME SELECT * FROM groups")
    con.unregister("groups")


def _score_within(con: duckdb.DuckDBPyConnection, source: str, rules: LinkageSettings, model: Model) -> None:
    """Add to `work_edge` pairs of incoming records that the model holds to be one person.

    What the rules joined is scored once.
    """
    con.register("rooted", components(con, "SELECT a, b FROM work_edge"))
    create(con, "work_own_source", own_records(source))
    con.unregister("rooted")
    con.execute("INSERT INTO work_scored_record SELECT row, true FROM work_own_source")
    records = con.sql("SELECT count(*) FROM work_own_source").pl().item()
    if not rules.scored:
        make_keys(con, model, "work_own_source", "work_left_key")
        if source not in model.within_source:
            model.within_source[source] = Odds(
                max(records, 1), None, loose_blocks(partial(count, con), "work_left_key", "work_left_key")
            )
        score_candidates(con, model, "work_own_source", None, model.within_source[source], "work_splink_pair")
        con.execute(
            "INSERT INTO work_scored_pair "
            "SELECT least(row_l, row_r), greatest(row_l, row_r), odds FROM work_splink_pair"
        )
        drop(con, "work_splink_pair", "work_left_key")
    pairs = con.sql("""
        SELECT p.record_id AS a, p.other_id AS b, max(odds) AS odds FROM work_scored_pair p
        SEMI JOIN work_incoming n ON n.row = p.record_id SEMI JOIN work_incoming o ON o.row = p.other_id
        GROUP BY ALL ORDER BY a, b""").pl()
    drop(con, "work_own_source")
    rate = model.within_source[source].rate
    if rate is None:
        rate = decisions.partners(pairs, records)
        model.within_source[source] = replace(model.within_source[source], rate=rate)
    links = decisions.likely(pairs, rate, rules.threshold)
    con.register("links", links)
    con.execute(f"INSERT INTO work_edge SELECT {len(rules.rules)}, a, b, '{BY_MODEL}', match_probability FROM links")
    con.unregister("links")


def _admit_the_rest(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Make each incoming without a link, or group of them, a new person; from here on all incoming records stand."""
    con.execute(
        """
        INSERT INTO work_link
        WITH alone AS (
            SELECT row AS record_id FROM work_prepared
            WHERE source = ? AND row NOT IN (SELECT record_id FROM work_link WHERE incoming)
        ), rooted AS (
            SELECT record_id, coalesce(root, record_id) AS root, CASE WHEN record_id <> root THEN matched_by END AS how,
                   CASE WHEN record_id <> root THEN match_probability END AS probability
            FROM alone LEFT JOIN work_new_group USING (record_id)
        ), last AS (SELECT coalesce(max(person_id), 0) AS person_id FROM work_link)
        SELECT record_id, last.person_id + dense_rank() OVER (ORDER BY root), how, probability, true
        FROM rooted, last""",
        [source],
    )
    con.execute(
        "UPDATE work_prepared SET person_id = l.person_id FROM work_link l WHERE incoming AND row = l.record_id"
    )
    con.execute("UPDATE work_link SET incoming = false WHERE incoming")
