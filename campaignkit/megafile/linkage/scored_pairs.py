"""Two tables of records in, the pairs that may be one person out, with the odds of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

import duckdb
import polars as pl

from campaignkit.megafile.linkage.comparisons import (
    BLOCKS,
    BY_INITIAL,
    COMMON,
    COMPARISONS,
    LOOSE_BLOCKS,
    MOST_LOOSE,
    SWAPPED_BLOCK,
    WHERE_LAST_IS_COMMON,
)
from campaignkit.megafile.linkage.model import Model, Odds, count, equal, frequency_tables
from campaignkit.megafile.linkage.splink_sql import WEIGHED, weighing
from campaignkit.megafile.working_tables import create, create_empty, drop
from campaignkit.sql import quote_literal

RECORDS_AT_ONCE = 500_000  # of the left table; the pairs that these are in are on disk or in memory at once

_WEAKEST = log2(0.02)  # odds below this are nobody's candidate


def score_candidates(
    con: duckdb.DuckDBPyConnection, model: Model, left: str, right: str | None, odds: Odds, into: str
) -> None:
    """Score the pairs between two tables of records, or within one, that blocking finds worth it.

    Parameters
    ----------
    con : DuckDB connection
        As for `fit`.
    model : Model
        The fitted model.
    left, right : str
        Tables of records as `identity` prepares them. `right` None: pairs within `left`.
    odds : Odds
        How many people there are to choose from, and which loose blocks to look into.
    into : str
        The working table to fill: row_l, row_r, and odds, of one person against strangers and household members, if a
        record is as likely as not to have its person among them.
    """
    create_empty(con, into)
    if odds.people:
        rules = [*block_rules(model, blocks(odds.loose)), SWAPPED_BLOCK]
        prior = from_prior(model, odds.people)
        score_pairs(con, model, (left, right), rules, f"SELECT *, {prior} AS prior FROM {{pairs}}", into)


def score_pairs(
    con: duckdb.DuckDBPyConnection, model: Model, sides: tuple[str, str | None], rules: list[str], with_prior: str,
    into: str,
) -> None:  # fmt: skip
    """Fill a table with row_l, row_r and odds of the pairs that some rules find, a block of l after the other.

    Parameters
    ----------
    con, model
        As for `score`.
    sides : (str, str or None)
        The tables l and r.
    rules : list of str
        SQL over l and r: which pairs to look at.
    with_prior : str
        SQL for ``{pairs}`` with a column `prior`, see `from_prior`.
    into : str
        A table of row_l, row_r and odds.
    """
    left, right = sides
    if not model.settings["comparisons"]:
        return
    if right is None:
        right, rules = left, [f"({rule}) AND l.row < r.row" for rule in rules]
    blocks = -(-count(con, f"SELECT count(*) FROM {left}") // RECORDS_AT_ONCE)
    with frequency_tables(con, model.frequencies):
        for block in range(blocks):
            if blocks > 1:
                create(con, "work_left_block", f"SELECT * FROM {left} WHERE row % {blocks} = {block}", view=True)
            _score_block(con, model, ("work_left_block" if blocks > 1 else left, right), rules, with_prior, into)
    drop(con, "work_left_block")


def _score_block(
    con: duckdb.DuckDBPyConnection, model: Model, sides: tuple[str, str], rules: list[str], with_prior: str, into: str
) -> None:
    left, right = sides
    create_empty(con, "work_met_pair")
    for rule in rules:  # in one UNION they take long to plan
        con.execute(f"INSERT INTO work_met_pair SELECT l.row, r.row FROM {left} l JOIN {right} r ON {rule}")
    create(con, "work_pair_to_score", "SELECT DISTINCT row_l, row_r FROM work_met_pair")
    drop(con, "work_met_pair")
    members = _against_household_members(model)
    con.execute(f"""
        INSERT INTO {into}
        WITH {weighing(model.settings, "work_pair_to_score", left, right)}
        SELECT row_l, row_r, round(1 / (pow(2, -(match_weight + prior)) + pow(2, -({members}))), 6)
        FROM ({with_prior.format(pairs=WEIGHED)})
        WHERE match_weight + prior >= {_WEAKEST} AND {_no_contradiction(model)}""")
    drop(con, "work_pair_to_score")


def from_prior(model: Model, people: int) -> float:
    """Return what turns a match weight into log-odds, where one of `people` is looked for and half are there."""
    prior = model.settings["probability_two_random_records_match"]
    return -log2(people) - log2(prior / (1 - prior))


def loose_blocks(con: duckdb.DuckDBPyConnection, left: str, right: str) -> list[list[str]]:
    """Return the loose blocks that find few pairs between two tables."""
    chosen = []
    for block in LOOSE_BLOCKS:
        keys, known = ", ".join(block), " AND ".join(f"{column} IS NOT NULL" for column in block)
        counted = [f"(SELECT {keys}, count(*) AS n FROM {side} WHERE {known} GROUP BY ALL)" for side in (left, right)]
        pairs = count(con, f"SELECT sum(a.n * b.n)::BIGINT FROM {counted[0]} a JOIN {counted[1]} b USING ({keys})")
        if pairs <= MOST_LOOSE:
            chosen.append(list(block))
    return chosen


def blocks(loose: list[list[str]]) -> list[tuple[str, ...]]:
    """Return the blocks to look into: loose ones, and those that none of them holds.

    Examples
    --------
    >>> ("birth_text", "zip5") in blocks([["zip5"]])
    False
    """
    kept = [block for block in BLOCKS if not any(set(wide) <= set(block) for wide in loose)]
    return [*map(tuple, loose), *kept]


def block_rules(model: Model, chosen: Sequence[tuple[str, ...]]) -> list[str]:
    """Return SQL over l and r for the pairs that some blocks find; those by a common name must agree on more.

    Examples
    --------
    >>> from campaignkit.megafile.linkage.model import Model, frequency_table
    >>> names = {"first": frequency_table("first", []), "last": frequency_table("last", [("SMITH", 0.01)])}
    >>> for rule in block_rules(Model({}, {}, 1.5, names, records=10_000_000), [("last", "zip5")]):
    ...     print(rule)
    l.last = r.last AND l.zip5 = r.zip5 AND l.last NOT IN ('SMITH')
    l.last = r.last AND l.zip5 = r.zip5 AND l.initial = r.initial
    """
    common = {name: common_names(model, name) for name in ("first", "last")}
    rules = []
    for block in chosen:
        if common["last"] and block in WHERE_LAST_IS_COMMON:
            rules.append(f"{equal(block)} AND l.last NOT IN {quote_literal(common['last'])}")
            rules.append(equal((*block, WHERE_LAST_IS_COMMON[block])))
        elif common["first"] and block in BY_INITIAL:
            names = quote_literal(common["first"])
            rules.append(f"{equal(block)} AND l.first NOT IN {names} AND r.first NOT IN {names}")
            rules.append(equal((*block, "first")))
        else:
            rules.append(equal(block))
    return rules


def common_names(model: Model, name: str) -> list[str]:
    """Return the first or last names that more than `COMMON` of the records had that the model was fitted on."""
    if name not in model.frequencies or not model.records:
        return []
    common = model.frequencies[name].filter(pl.col(f"tf_{name}") * model.records > COMMON)
    return common[name].sort().to_list()


def _against_household_members(model: Model) -> str:
    """Return SQL for the log-odds of one person against household members."""
    terms = [str(-log2(model.household_members_per_record))]
    for fitted in model.settings["comparisons"]:
        name = fitted["output_column_name"]
        if name in model.household_members:
            levels = [level for level in fitted["comparison_levels"] if not level.get("is_null_level")]
            cases = [
                f"WHEN {len(levels) - 1 - at} THEN {log2(level['m_probability'] / share)}"
                for at, (level, share) in enumerate(zip(levels, model.household_members[name], strict=True))
            ]
            terms.append(f"CASE gamma_{name} {' '.join(cases)} ELSE 0 END")
    return " + ".join(terms)


def _no_contradiction(model: Model) -> str:
    """Return SQL that holds where no comparison that can veto stands at its last level."""
    present = {fitted["output_column_name"] for fitted in model.settings["comparisons"]}
    vetoes = [f"gamma_{c.name} <> 0" for c in COMPARISONS if c.vetoes and c.name in present]
    return " AND ".join(vetoes) or "true"
