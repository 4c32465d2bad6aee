"""Link anew only those whom a night touches, as linking everyone anew would.

Two people are near each other where records of theirs share the keys of an exact tier, or were weighed and could not
be ruled out. What becomes of a record depends on who is near it, and on who is near those, and on nobody else: the
model's numbers are fixed (`Model.standing`, `Model.own`). So all who are near the touched, however far, are taken
together and linked from the beginning; everyone else stays as they are.

Pairs are weighed once and kept. New pairs must be weighed where a record is new, where a record has to be weighed that
a tier linked before, and where a person is no longer the same records; then there may be others near, and it is done
again until nothing is left to weigh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from campaignkit.megafile.linkage.comparisons import BLOCKS, SWAPPED_BLOCK
from campaignkit.megafile.linkage.decisions import components
from campaignkit.megafile.linkage.link_sources import TIERS, Rules, Tier, beside, forget, link_described, rivals
from campaignkit.megafile.linkage.model import Model, Odds, equal
from campaignkit.megafile.linkage.prepared_records import by_form, comparable, describe
from campaignkit.megafile.linkage.scored_pairs import from_prior, weigh

MOST_TOUCHED = 0.2  # of all records; where more are touched, everyone is linked anew


def relink(con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]], model: Model | None) -> Model | None:
    """Link the night's records and all who are near them.

    Reads the temporary tables `fresh` and `dropped` that `settle_descriptions` left. Leaves `relinked`: row,
    person_id (numbered anew from 1), matched_by and match_probability of all who were linked anew; source_record has
    the old person_id still, or none. Brings candidate, weighed and rival up to date but for the new people's ids.

    Parameters
    ----------
    con : DuckDB connection
        To the copy that is being refreshed.
    sources : list of (str, bool)
        In linking order.
    model : Model or None
        The stored model. None: the tiers alone.

    Returns
    -------
    Model or None
        The model, with the rates of sources that it met for the first time.
    """
    con.execute("DELETE FROM candidate WHERE record_id IN (SELECT record_id FROM dropped) "
                "OR other_id IN (SELECT record_id FROM dropped)")  # fmt: skip
    con.execute("DELETE FROM weighed WHERE record_id IN (SELECT record_id FROM dropped)")
    describe(con, sources, standing=True)
    link_anew = _everyone if _most_are_touched(con, sources[0][0]) else _those_near
    used = link_anew(con, sources, model)
    con.execute("CREATE OR REPLACE TEMP TABLE relinked AS SELECT * EXCLUDE (newcomer) FROM link")
    con.execute(f"CREATE OR REPLACE TEMP TABLE rivalling AS {rivals(TIERS)}")
    forget(con)
    return used


def _most_are_touched(con: duckdb.DuckDBPyConnection, first: str) -> bool:
    """Whether to link everyone anew: many are touched, or a source that was not there comes to stand before all."""
    counts = con.sql(
        """SELECT (SELECT count(*) FROM described), (SELECT count(*) FROM fresh) + (SELECT count(*) FROM dropped),
                  (SELECT bool_and(row IN (FROM fresh)) FROM described WHERE source = ?)""",
        params=[first],
    )
    everyone, touched, new_first = counts.pl().row(0)
    return touched > MOST_TOUCHED * everyone or bool(new_first)


def _everyone(con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]], model: Model | None) -> Model | None:
    con.execute("UPDATE described SET person_id = NULL")
    used = link_described(con, sources, Rules(model=model))
    con.execute("DELETE FROM candidate; DELETE FROM weighed")
    con.execute("INSERT INTO candidate SELECT DISTINCT * FROM pair; INSERT INTO weighed SELECT * FROM asked")
    return used


def _those_near(con: duckdb.DuckDBPyConnection, sources: list[tuple[str, bool]], model: Model | None) -> Model | None:
    con.execute("ALTER TABLE described RENAME TO everyone")
    _begin(con)
    known = None if model is None else _with_newcomers(con, model, sources)
    while True:
        _gather(con, known is not None and not _has_met(known, sources))
        used = link_described(con, sources, Rules(model=known, weighed=True))
        if used is None or not _to_weigh(con) or not _weigh(con, used, sources):
            break
    _describe(con, "near")
    con.execute("UPDATE described SET person_id = link.person_id FROM link WHERE row = link.record_id")
    if used is not None and model is not None and sources[0][0] not in model.standing:
        del used.standing[sources[0][0]]  # nobody stands before the first
    con.execute(
        "DROP TABLE everyone; DROP TABLE near; DROP TABLE linking_anew; DROP TABLE new_person; DROP TABLE offered"
    )
    con.execute("DROP TABLE IF EXISTS temp.looking")
    return used


def _begin(con: duckdb.DuckDBPyConnection) -> None:
    """Fill `near` with the people whom the night touches, or who share a tier's keys with its records.

    A new record is a person of its own here, with a number below zero: its own, negative.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE near (person_id BIGINT)")
    con.execute("CREATE OR REPLACE TEMP TABLE linking_anew (person_id BIGINT)")
    con.execute("CREATE OR REPLACE TEMP TABLE offered (row BIGINT)")
    con.execute("UPDATE everyone SET person_id = -row WHERE person_id IS NULL")
    con.execute("INSERT INTO near SELECT DISTINCT person_id FROM dropped WHERE person_id IS NOT NULL "
                "UNION SELECT -record_id FROM fresh")  # fmt: skip
    con.execute("INSERT INTO linking_anew FROM near")
    con.execute("CREATE OR REPLACE TEMP TABLE looking AS FROM everyone WHERE row IN (FROM fresh)")
    alike = " UNION ".join(f"SELECT row FROM everyone SEMI JOIN looking USING ({part})" for part in _parts(TIERS))
    con.execute(f"CREATE OR REPLACE TEMP TABLE hit AS FROM everyone WHERE row IN ({alike})")
    con.execute(f"CREATE OR REPLACE TEMP TABLE formed AS {by_form('hit')}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE looking AS {by_form('looking')}")
    con.execute("CREATE OR REPLACE TEMP TABLE new_person AS " + " UNION ".join(
        f"SELECT DISTINCT -l.row AS person_id, f.person_id AS other_person_id FROM formed f JOIN looking l "
        f"USING ({', '.join(tier.on)}) WHERE f.row <> l.row" for tier in TIERS))  # fmt: skip
    con.execute("DROP TABLE formed; DROP TABLE hit")


def _parts(tiers: Sequence[Tier]) -> list[str]:
    """Return the columns of each tier's keys but for the name's form: a wider net, and a cheaper one.

    Examples
    --------
    >>> _parts([Tier("e-mail", ("email", "form", "last")), Tier("phone", ("phone", "form"))])
    ['email, last', 'phone']
    """
    return sorted({", ".join(key for key in tier.on if key != "form") for tier in tiers})


def _gather(con: duckdb.DuckDBPyConnection, all_near: bool) -> None:
    """Put into `described` the records of all who are near the touched, however far.

    Parameters
    ----------
    con : DuckDB connection
        `linking_anew` has the touched; a second time, those for whom new pairs were weighed: only who is near them is
        linked once more.
    all_near : bool
        Whether all have to be, as the rate of a source that the model meets for the first time depends on all.
    """
    edges = con.sql("""
        SELECT a.person_id AS a, b.person_id AS b FROM candidate c
        JOIN everyone a ON a.row = c.record_id JOIN everyone b ON b.row = c.other_id
        UNION ALL FROM rival UNION ALL FROM new_person""").pl()
    con.register("together", components(edges))
    con.execute("""
        INSERT INTO linking_anew SELECT record_id FROM together WHERE root IN (
            SELECT root FROM together JOIN linking_anew ON person_id = record_id) EXCEPT FROM linking_anew""")
    con.unregister("together")
    con.execute("INSERT INTO near FROM linking_anew EXCEPT FROM near")
    _describe(con, "near" if all_near else "linking_anew")
    con.execute("DELETE FROM link WHERE record_id IN (SELECT row FROM described)")
    con.execute("DELETE FROM asked WHERE record_id IN (SELECT row FROM described)")
    con.execute("DELETE FROM pair; INSERT INTO pair FROM candidate WHERE record_id IN (SELECT row FROM described)")


def _describe(con: duckdb.DuckDBPyConnection, people: str) -> None:
    """Put into `described` the records of a table's people, without a person."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE described AS FROM everyone SEMI JOIN {people} USING (person_id)")
    con.execute("UPDATE described SET person_id = NULL")


def _with_newcomers(con: duckdb.DuckDBPyConnection, model: Model, sources: Sequence[tuple[str, bool]]) -> Model:
    """Give sources that the model has not met the odds they are met with; their rates are found in linking."""
    people = con.sql("SELECT count(DISTINCT person_id) FROM everyone").pl().item()
    standing = {source: model.standing.get(source, Odds(people, None, [])) for source, _ in sources}
    own = {source: model.own.get(source, Odds(people, None, [])) for source, one in sources if not one}
    return replace(model, standing=standing, own=own)


def _has_met(model: Model, sources: Sequence[tuple[str, bool]]) -> bool:
    """Whether the model knows the rates of every source that has anybody to meet."""
    before, own = [name for name, _ in sources[1:]], [name for name, one in sources if not one]
    met = [*(model.standing[name] for name in before), *(model.own[name] for name in own)]
    return all(odds.rate is not None for odds in met)


def _to_weigh(con: duckdb.DuckDBPyConnection) -> int:
    """Fill `looking` with the records that have pairs still to be weighed, and in which part; return how many.

    asks: against those who stand before its source; alike: against others of its own source; offers: as one of a
    person who is new or no longer the same records, to those of later sources who ask.
    """
    con.execute("""
        CREATE OR REPLACE TEMP TABLE together AS
        SELECT l.record_id AS row, e.person_id AS before, l.person_id AS after, s.matched_by AS how_before,
               l.matched_by AS how_after
        FROM link l JOIN everyone e ON e.row = l.record_id JOIN source_record s USING (record_id)""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE changed AS
        WITH people AS (
            SELECT after, count(DISTINCT before) > 1 OR bool_or(before < 0)
                   OR bool_or(how_before IS DISTINCT FROM how_after) AS other
            FROM together GROUP BY after
        ), split AS (SELECT before FROM together GROUP BY before HAVING count(DISTINCT after) > 1),
        lost AS (SELECT DISTINCT person_id AS before FROM dropped)
        SELECT row FROM together JOIN people USING (after)
        WHERE other OR before IN (FROM split) OR before IN (FROM lost)""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE looking AS FROM (
        SELECT d.* EXCLUDE (asks, alike),
               turn > 0 AND NOT d.asks AND row IN (SELECT record_id FROM asked WHERE NOT own) AS asks,
               NOT d.alike AND row IN (SELECT record_id FROM asked WHERE own) AS alike,
               row IN (FROM changed) AND row NOT IN (FROM offered) AS offers
        FROM described d) WHERE asks OR alike OR offers""")
    for role, own in (("asks", "false"), ("alike", "true")):
        con.execute(f"INSERT INTO weighed SELECT row, {own} FROM looking WHERE {role}")
        con.execute(f"UPDATE everyone SET {role} = true WHERE row IN (SELECT row FROM looking WHERE {role})")
    con.execute("INSERT INTO offered SELECT row FROM looking WHERE offers")
    con.execute("DROP TABLE together; DROP TABLE changed")
    return con.sql("SELECT count(*) FROM looking").pl().item()


def _weigh(con: duckdb.DuckDBPyConnection, model: Model, sources: Sequence[tuple[str, bool]]) -> int:
    """Weigh those who are looking against everyone who shares a block with them; return how many they may be."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE looking_row AS {comparable('looking')}")
    con.execute(f"CREATE OR REPLACE TEMP VIEW everyone_row AS {comparable('everyone')}")
    con.execute("CREATE OR REPLACE TEMP TABLE shared (looking BIGINT, everyone BIGINT)")
    askers = set(con.sql("SELECT DISTINCT turn FROM looking WHERE asks OR alike").pl()["turn"])
    for query in _meetings(model, [source for source, _ in sources], askers):  # in one UNION they take a minute to plan
        con.execute(f"INSERT INTO shared {query}")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE meeting AS
        SELECT row_number() OVER () AS meeting, m.*, l.turn AS turn_l, r.turn AS turn_r
        FROM (SELECT DISTINCT * FROM shared) m JOIN looking l ON l.row = looking JOIN everyone r ON r.row = everyone""")
    for side in ("looking", "everyone"):  # a row a meeting, numbered by it: Splink is told whom to weigh, not to look
        con.execute(f"CREATE OR REPLACE TEMP TABLE {side}_met AS SELECT s.* REPLACE (meeting AS row) FROM meeting "
                    f"JOIN {side}_row s ON s.row = {side}")  # fmt: skip
    names = [source for source, _ in sources]
    apart, own = (
        [from_prior(model, odds[name].people) if name in odds else 0.0 for name in names]
        for odds in (model.standing, model.own)
    )
    with_prior = f"""
        SELECT p.*, CASE WHEN turn_l = turn_r THEN {own}[turn_l + 1]
                    ELSE {apart}[greatest(turn_l, turn_r) + 1] END AS prior
        FROM {{pairs}} p JOIN meeting ON meeting = row_l"""
    con.execute("CREATE OR REPLACE TEMP TABLE scored (row_l BIGINT, row_r BIGINT, odds DOUBLE)")
    with beside(con):
        weigh(con, model, ("looking_met", "everyone_met"), [equal(("row",))], with_prior, max(apart + own), "scored")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE found AS
        SELECT DISTINCT CASE WHEN turn_l > turn_r OR (turn_l = turn_r AND looking < everyone) THEN looking ELSE everyone
               END AS record_id, CASE WHEN record_id = looking THEN everyone ELSE looking END AS other_id, odds
        FROM scored JOIN meeting ON meeting = row_l EXCEPT FROM candidate""")
    con.execute("INSERT INTO candidate FROM found")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE linking_anew AS
        SELECT DISTINCT person_id FROM everyone WHERE row IN (
            SELECT record_id FROM found UNION ALL SELECT other_id FROM found)""")
    count = con.sql("SELECT count(*) FROM found").pl().item()
    con.execute("DROP VIEW everyone_row")
    for table in ("found", "looking_row", "scored", "shared", "meeting", "looking_met", "everyone_met"):
        con.execute(f"DROP TABLE temp.{table}")
    return count


#: Who may be weighed against whom: askers against those of earlier sources, the alike against their own.
_ROLES = (
    "l.row <> r.row AND ((l.asks AND l.turn > r.turn) OR (l.offers AND r.asks AND r.turn > l.turn) "
    "OR (l.alike AND r.alike AND l.turn = r.turn))"
)


def _meetings(model: Model, names: list[str], askers: set[int]) -> list[str]:
    """Return SQL for who shares a block with whom; loose blocks only for the sources that they are few in.

    `askers`: the turns of those who are looking and ask, or are weighed against their own.
    """
    met = "SELECT l.row AS looking, r.row AS everyone FROM {l} l JOIN {r} r ON {on} WHERE {roles}"
    tables = {"l": "looking_row", "r": "everyone_row"}
    found = [met.format(on=equal(block), roles=_ROLES, **tables) for block in BLOCKS]
    found.append(met.format(on=SWAPPED_BLOCK, roles=_ROLES, **tables))
    of_source = "(FROM {} WHERE turn = {})"
    for odds_of, same in ((model.standing, False), (model.own, True)):
        for source, odds in odds_of.items():
            turn = names.index(source) if source in names else -1
            mine, theirs = of_source.format("looking_row", turn), of_source.format("everyone_row", turn)
            asked = of_source.replace("WHERE", "WHERE asks AND").format("everyone_row", turn)
            for block in odds.loose:
                on, roles = equal(tuple(block)), f"{_ROLES} AND {'l.turn = r.turn' if same else 'l.turn <> r.turn'}"
                if same and turn in askers:
                    found.append(met.format(l=mine, r=theirs, on=on, roles=roles))
                if not same and turn in askers:
                    found.append(met.format(l=mine, r="everyone_row", on=on, roles=f"{roles} AND l.asks"))
                if not same:
                    found.append(met.format(l="looking_row", r=asked, on=on, roles=f"{roles} AND r.turn > l.turn"))
    return found
