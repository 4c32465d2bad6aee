"""Link anew only those a night touches, as linking everyone anew would.

Two people are near each other where records of theirs share the keys of a deterministic rule, or were scored and
could not be ruled out. What becomes of a record depends on who is near it, and on who is near those, and on nobody
else: the model's numbers are fixed (`Model.against_existing`, `Model.within_source`). So all who are near the touched,
however far, are taken together and linked from the beginning; everyone else stays as they are.

Pairs are scored once and kept. New pairs must be scored where a record is new, where a record has to be scored that
a rule linked before, and where a person is no longer the same records; then there may be others near, and it is done
again until nothing is left to score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import duckdb

from campaignkit.megafile.linkage.components import components
from campaignkit.megafile.linkage.link_sources import (
    LinkageSettings,
    forget,
    link_prepared,
)
from campaignkit.megafile.linkage.model import Model, Odds
from campaignkit.megafile.linkage.prepared_records import by_form, comparable, prepare_records
from campaignkit.megafile.linkage.rules import RULES, Rule, people_sharing_a_rule
from campaignkit.megafile.linkage.scored_pairs import Met, from_prior, make_keys, met_blocks, score_pairs
from campaignkit.megafile.working_tables import create, create_empty, drop

MOST_TOUCHED = 0.2  # of all records; where more are touched, everyone is linked anew


def relink(con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]], model: Model | None) -> Model | None:
    """Link the night's records and all who are near them.

    Reads the temporary tables `fresh` and `dropped` that `settle_descriptions` left. Leaves `relinked`: row,
    person_id (numbered anew from 1), matched_by and match_probability of all who were linked anew; source_record has
    the old person_id still, or none. Brings candidate, scored and rival up to date but for the new people's ids.

    Parameters
    ----------
    con : DuckDB connection
        To the copy that is being refreshed.
    sources : list of (str, bool)
        In linking order.
    model : Model or None
        The stored model. None: the rules alone.

    Returns
    -------
    Model or None
        The model, with the rates of sources that it met for the first time.
    """
    con.execute("DELETE FROM candidate_pair WHERE record_id IN (SELECT record_id FROM work_dropped) "
                "OR other_id IN (SELECT record_id FROM work_dropped)")  # fmt: skip
    con.execute("DELETE FROM scored_record WHERE record_id IN (SELECT record_id FROM work_dropped)")
    prepare_records(con, sources, standing=True)
    link_anew = _everyone if _most_are_touched(con, sources[0][0]) else _people_near
    used = link_anew(con, sources, model)
    create(con, "work_relinked", "SELECT * EXCLUDE (incoming) FROM work_link")
    create(con, "work_shared_rule", people_sharing_a_rule(RULES))
    forget(con)
    return used


def _most_are_touched(con: duckdb.DuckDBPyConnection, first: str) -> bool:
    """Whether to link everyone anew: many are touched, or a source that was not there comes to stand before all."""
    counts = con.sql(
        """SELECT (SELECT count(*) FROM work_prepared),
                  (SELECT count(*) FROM work_fresh) + (SELECT count(*) FROM work_dropped),
                  (SELECT bool_and(row IN (FROM work_fresh)) FROM work_prepared WHERE source = ?)""",
        params=[first],
    )
    everyone, touched, new_first = counts.pl().row(0)
    return touched > MOST_TOUCHED * everyone or bool(new_first)


def _everyone(con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]], model: Model | None) -> Model | None:
    con.execute("UPDATE work_prepared SET person_id = NULL")
    used = link_prepared(con, sources, LinkageSettings(model=model))
    con.execute("DELETE FROM candidate_pair; DELETE FROM scored_record")
    con.execute(
        "INSERT INTO candidate_pair SELECT DISTINCT * FROM work_scored_pair; "
        "INSERT INTO scored_record SELECT * FROM work_scored_record"
    )
    return used


def _people_near(con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]], model: Model | None) -> Model | None:
    con.execute("ALTER TABLE work_prepared RENAME TO work_everyone")
    _begin(con)
    known = None if model is None else _with_new_sources(con, model, sources)
    if known is not None:
        create(con, "work_everyone_comparable", comparable("work_everyone"), view=True)
        make_keys(con, known, "work_everyone_comparable", "work_everyone_key", also=("turn", *_SCORED_AS))
    while True:
        _gather(con, known is not None and not _has_met(known, sources))
        used = link_prepared(con, sources, LinkageSettings(model=known, scored=True))
        if used is None or not _to_score(con) or not _score(con, used, sources):
            break
    _describe(con, "work_near")
    con.execute("UPDATE work_prepared SET person_id = l.person_id FROM work_link l WHERE row = l.record_id")
    if used is not None and model is not None and sources[0][0] not in model.against_existing:
        del used.against_existing[sources[0][0]]  # nobody stands before the first
    drop(con, "work_everyone_comparable", "work_everyone_key", "work_everyone", "work_near", "work_relinking")
    drop(con, "work_new_person_edge", "work_offered", "work_searching")
    return used


def _begin(con: duckdb.DuckDBPyConnection) -> None:
    """Fill `near` with the people the night touches, or who share a rule's keys with its records.

    A new record is a person of its own here, with a number below zero: its own, negative.
    """
    create_empty(con, "work_near")
    create_empty(con, "work_relinking")
    create_empty(con, "work_offered")
    con.execute("UPDATE work_everyone SET person_id = -row WHERE person_id IS NULL")
    con.execute("INSERT INTO work_near SELECT DISTINCT person_id FROM work_dropped WHERE person_id IS NOT NULL "
                "UNION SELECT -record_id FROM work_fresh")  # fmt: skip
    con.execute("INSERT INTO work_relinking FROM work_near")
    create(con, "work_searching", "FROM work_everyone WHERE row IN (FROM work_fresh)")
    alike = " UNION ".join(
        f"SELECT row FROM work_everyone SEMI JOIN work_searching USING ({part})" for part in _parts(RULES)
    )
    create(con, "work_hit", f"FROM work_everyone WHERE row IN ({alike})")
    create(con, "work_hit_by_form", by_form("work_hit"))
    create(con, "work_searching", by_form("work_searching"))
    create(con, "work_new_person_edge", "" + " UNION ".join(
        f"SELECT DISTINCT -l.row AS person_id, f.person_id AS other_person_id "
        f"FROM work_hit_by_form f JOIN work_searching l "
        f"USING ({', '.join(rule.on)}) WHERE f.row <> l.row" for rule in RULES))  # fmt: skip
    drop(con, "work_hit_by_form", "work_hit")


def _parts(rules: Sequence[Rule]) -> list[str]:
    """Return the columns of each rule's keys but for the name's form: a wider net, and a cheaper one.

    Examples
    --------
    >>> _parts([Rule("e-mail", ("email", "form", "last")), Rule("phone", ("phone", "form"))])
    ['email, last', 'phone']
    """
    return sorted({", ".join(key for key in rule.on if key != "form") for rule in rules})


def _gather(con: duckdb.DuckDBPyConnection, all_near: bool) -> None:
    """Put into `described` the records of all who are near the touched, however far.

    Parameters
    ----------
    con : DuckDB connection
        `linking_anew` has the touched; a second time, those with newly scored pairs: only people near them are
        linked once more.
    all_near : bool
        Whether all have to be, as the rate of a source that the model meets for the first time depends on all.
    """
    edges = """
        SELECT a.person_id AS a, b.person_id AS b FROM candidate_pair c
        JOIN work_everyone a ON a.row = c.record_id JOIN work_everyone b ON b.row = c.other_id
        UNION ALL FROM shared_rule UNION ALL FROM work_new_person_edge"""
    con.register("together", components(con, edges))
    con.execute("""
        INSERT INTO work_relinking SELECT record_id FROM together WHERE root IN (
            SELECT root FROM together JOIN work_relinking ON person_id = record_id) EXCEPT FROM work_relinking""")
    con.unregister("together")
    con.execute("INSERT INTO work_near FROM work_relinking EXCEPT FROM work_near")
    _describe(con, "work_near" if all_near else "work_relinking")
    con.execute("DELETE FROM work_link WHERE record_id IN (SELECT row FROM work_prepared)")
    con.execute("DELETE FROM work_scored_record WHERE record_id IN (SELECT row FROM work_prepared)")
    con.execute(
        "DELETE FROM work_scored_pair; INSERT INTO work_scored_pair FROM candidate_pair "
        "WHERE record_id IN (SELECT row FROM work_prepared)"
    )


def _describe(con: duckdb.DuckDBPyConnection, people: str) -> None:
    """Put into `described` the records of a table's people, without a person."""
    create(con, "work_prepared", f"FROM work_everyone SEMI JOIN {people} USING (person_id)")
    con.execute("UPDATE work_prepared SET person_id = NULL")


def _with_new_sources(con: duckdb.DuckDBPyConnection, model: Model, sources: Sequence[tuple[str, bool]]) -> Model:
    """Give sources that the model has not met the odds they are met with; their rates are found in linking."""
    people = con.sql("SELECT count(DISTINCT person_id) FROM work_everyone").pl().item()
    standing = {source: model.against_existing.get(source, Odds(people, None, [])) for source, _ in sources}
    own = {
        source: model.within_source.get(source, Odds(people, None, []))
        for source, one_per_person in sources
        if not one_per_person
    }
    return replace(model, against_existing=standing, within_source=own)


def _has_met(model: Model, sources: Sequence[tuple[str, bool]]) -> bool:
    """Whether the model knows the rates of every source that has anybody to meet."""
    before, own = [name for name, _ in sources[1:]], [name for name, one_per_person in sources if not one_per_person]
    met = [*(model.against_existing[name] for name in before), *(model.within_source[name] for name in own)]
    return all(odds.rate is not None for odds in met)


def _to_score(con: duckdb.DuckDBPyConnection) -> int:
    """Fill `looking` with the records that have pairs still to be scored, and in which part; return how many.

    asks: against those who exist before its source; alike: against others of its own source; offers: as one of a
    person who is new or no longer the same records, to those of later sources who ask.
    """
    create(
        con,
        "work_regrouped",
        """
        SELECT l.record_id AS row, e.person_id AS before, l.person_id AS after, s.matched_by AS how_before,
               l.matched_by AS how_after
        FROM work_link l JOIN work_everyone e ON e.row = l.record_id JOIN source_record s USING (record_id)""",
    )
    create(
        con,
        "work_changed_record",
        """
        WITH people AS (
            SELECT after, count(DISTINCT before) > 1 OR bool_or(before < 0)
                   OR bool_or(how_before IS DISTINCT FROM how_after) AS other
            FROM work_regrouped GROUP BY after
        ), split AS (SELECT before FROM work_regrouped GROUP BY before HAVING count(DISTINCT after) > 1),
        lost AS (SELECT DISTINCT person_id AS before FROM work_dropped)
        SELECT row FROM work_regrouped JOIN people USING (after)
        WHERE other OR before IN (FROM split) OR before IN (FROM lost)""",
    )
    create(
        con,
        "work_searching",
        """FROM (
        SELECT d.* EXCLUDE (asks, alike),
               turn > 0 AND NOT d.asks AND row IN (SELECT record_id FROM work_scored_record WHERE NOT own) AS asks,
               NOT d.alike AND row IN (SELECT record_id FROM work_scored_record WHERE own) AS alike,
               row IN (FROM work_changed_record) AND row NOT IN (FROM work_offered) AS offers
        FROM work_prepared d) WHERE asks OR alike OR offers""",
    )
    for role, own in zip(_SCORED_AS, ("false", "true"), strict=True):
        con.execute(f"INSERT INTO scored_record SELECT row, {own} FROM work_searching WHERE {role}")
        for table in ("work_everyone", "work_everyone_key"):
            con.execute(f"UPDATE {table} SET {role} = true WHERE row IN (SELECT row FROM work_searching WHERE {role})")
    con.execute("INSERT INTO work_offered SELECT row FROM work_searching WHERE offers")
    drop(con, "work_regrouped", "work_changed_record")
    return con.sql("SELECT count(*) FROM work_searching").pl().item()


def _score(con: duckdb.DuckDBPyConnection, model: Model, sources: Sequence[tuple[str, bool]]) -> int:
    """Score those who are looking against everyone who shares a block with them; return how many they may be."""
    names = [source for source, _ in sources]
    _find_meetings(con, model, names)
    _score_meetings(con, model, names)
    create(con, "work_new_pair", """
        SELECT DISTINCT CASE WHEN turn_l > turn_r OR (turn_l = turn_r AND searching < everyone) THEN searching
               ELSE everyone END AS record_id, CASE WHEN record_id = searching THEN everyone ELSE searching END
               AS other_id, odds
        FROM work_splink_pair JOIN work_meeting ON meeting = row_l EXCEPT FROM candidate_pair""")  # fmt: skip
    con.execute("INSERT INTO candidate_pair FROM work_new_pair")
    create(con, "work_relinking", """
        SELECT DISTINCT person_id FROM work_everyone WHERE row IN (
            SELECT record_id FROM work_new_pair UNION ALL SELECT other_id FROM work_new_pair)""")  # fmt: skip
    count = con.sql("SELECT count(*) FROM work_new_pair").pl().item()
    drop(con, "work_new_pair", "work_splink_pair", "work_meeting")
    return count


def _find_meetings(con: duckdb.DuckDBPyConnection, model: Model, names: list[str]) -> None:
    """Make `work_meeting`: one row per pair of records that share a block."""
    create(con, "work_searching_comparable", comparable("work_searching"))
    make_keys(con, model, "work_searching_comparable", "work_searching_key", also=("turn", *_SCORED_AS, "offers"))
    create_empty(con, "work_shared_block")
    askers = set(con.sql("SELECT DISTINCT turn FROM work_searching WHERE asks OR alike").pl()["turn"])
    for query in _meetings(model, names, askers):  # in one UNION they take a minute to plan
        con.execute(f"INSERT INTO work_shared_block {query}")
    create(con, "work_meeting", """
        SELECT row_number() OVER () AS meeting, m.*, l.turn AS turn_l, r.turn AS turn_r
        FROM (SELECT DISTINCT * FROM work_shared_block) m JOIN work_searching l ON l.row = searching
        JOIN work_everyone r ON r.row = everyone""")  # fmt: skip
    drop(con, "work_shared_block", "work_searching_key")


def _score_meetings(con: duckdb.DuckDBPyConnection, model: Model, names: list[str]) -> None:
    """Have Splink score the pairs of `work_meeting` and no others, into `work_splink_pair`."""
    for side in ("searching", "everyone"):
        create(con, f"work_{side}_side", f"SELECT s.* REPLACE (meeting AS row) FROM work_meeting "
               f"JOIN work_{side}_comparable s ON s.row = {side}")  # fmt: skip
    apart, own = (
        [from_prior(model, odds[name].people) if name in odds else 0.0 for name in names]
        for odds in (model.against_existing, model.within_source)
    )
    with_prior = f"""
        SELECT p.*, CASE WHEN turn_l = turn_r THEN {own}[turn_l + 1]
                    ELSE {apart}[greatest(turn_l, turn_r) + 1] END AS prior
        FROM {{pairs}} p JOIN work_meeting ON meeting = row_l"""
    create_empty(con, "work_splink_pair")
    sides = ("work_searching_side", "work_everyone_side")
    if model.settings["comparisons"]:
        create(con, "work_pair_to_score", "SELECT meeting AS row_l, meeting AS row_r FROM work_meeting")
        score_pairs(con, model, sides, with_prior, "work_splink_pair")
    drop(con, "work_searching_comparable", *sides)


#: What a record was scored as: against those of earlier sources, against its own source's.
_SCORED_AS = ("asks", "alike")

#: Which records may be scored against which: askers against those of earlier sources, the alike against their own.
_ROLES = (
    "l.row <> r.row AND ((l.asks AND l.turn > r.turn) OR (l.offers AND r.asks AND r.turn > l.turn) "
    "OR (l.alike AND r.alike AND l.turn = r.turn))"
)


def _meetings(model: Model, names: list[str], askers: set[int]) -> list[str]:
    """Return SQL for the pairs that share a block; loose blocks only for the sources that they are few in.

    `askers`: the turns of those who are looking and ask, or are scored against their own.
    """
    met = "SELECT l.row AS searching, r.row AS everyone FROM {l} l JOIN {r} r ON l.{key} = r.{other} WHERE {roles}"
    searching, everyone = "work_searching_key", "work_everyone_key"
    queries = [
        met.format(l=searching, r=everyone, key=block.name, other=block.other_name, roles=_ROLES)
        for block in met_blocks(model, [])
    ]
    of_source = "(FROM {} WHERE turn = {})"
    for odds_of, same in ((model.against_existing, False), (model.within_source, True)):
        for source, odds in odds_of.items():
            turn = names.index(source) if source in names else -1
            mine, theirs = of_source.format(searching, turn), of_source.format(everyone, turn)
            asked = of_source.replace("WHERE", "WHERE asks AND").format(everyone, turn)
            for block in odds.loose:
                roles = f"{_ROLES} AND {'l.turn = r.turn' if same else 'l.turn <> r.turn'}"
                loose = partial(met.format, key=Met(tuple(block)).name, other=Met(tuple(block)).name)
                if same and turn in askers:
                    queries.append(loose(l=mine, r=theirs, roles=roles))
                if not same and turn in askers:
                    queries.append(loose(l=mine, r=everyone, roles=f"{roles} AND l.asks"))
                if not same:
                    queries.append(loose(l=searching, r=asked, roles=f"{roles} AND r.turn > l.turn"))
    return queries
