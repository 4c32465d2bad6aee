"""Two tables of records in, the pairs that may be one person out, with the odds of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    WHERE_LAST_IS_COMMON,
)
from campaignkit.megafile.linkage.model import Model, Odds, count, frequency_tables
from campaignkit.megafile.linkage.splink_sql import WEIGHED, weighing
from campaignkit.megafile.working_tables import create, create_empty, drop
from campaignkit.sql import quote_literal

RECORDS_AT_ONCE = 500_000  # of the left table; the pairs that these are in are on disk or in memory at once

WEAKEST = log2(0.02)  # odds below this are nobody's candidate


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
        Tables of records as `comparable` says, with their keys in `work_left_key` and `work_right_key`, see
        `make_keys`. `right` None: pairs within `left`.
    odds : Odds
        How many people there are to choose from, and which loose blocks to look into.
    into : str
        The working table to fill: row_l, row_r, and odds, of one person against strangers and household members, if a
        record is as likely as not to have its person among them.
    """
    create_empty(con, into)
    if not odds.people or not model.settings["comparisons"]:
        return
    prior = from_prior(model, odds.people)
    blocks = -(-count(con, f"SELECT count(*) FROM {left}") // RECORDS_AT_ONCE)
    for block in range(blocks):
        create_empty(con, "work_met_pair")
        of_block = f" AND l.row % {blocks} = {block}" if blocks > 1 else ""
        once = "" if right else " AND l.row < r.row"
        for met in met_blocks(model, odds.loose):
            con.execute(f"""
                INSERT INTO work_met_pair
                SELECT l.row, r.row FROM work_left_key l JOIN {"work_right_key" if right else "work_left_key"} r
                ON l.{met.name} = r.{met.other_name}{of_block}{once}""")
        create(con, "work_pair_to_score", "SELECT DISTINCT row_l, row_r FROM work_met_pair")
        drop(con, "work_met_pair")
        score_pairs(con, model, (left, right or left), f"SELECT *, {prior} AS prior FROM {{pairs}}", into)


def score_pairs(
    con: duckdb.DuckDBPyConnection, model: Model, sides: tuple[str, str], with_prior: str, into: str
) -> None:
    """Weigh the pairs in `work_pair_to_score`, and drop it: those likely enough go to a table of row_l, row_r and odds.

    Parameters
    ----------
    con, model
        As for `score_candidates`.
    sides : (str, str)
        The tables that row_l and row_r are rows of.
    with_prior : str
        SQL for ``{pairs}`` with a column `prior`, see `from_prior`.
    into : str
        A table of row_l, row_r and odds.
    """
    with frequency_tables(con, model.frequencies):
        con.execute(f"""
            INSERT INTO {into}
            WITH {weighing(model.settings, "work_pair_to_score", *sides)}
            {odds_of(model, with_prior.format(pairs=WEIGHED))}""")
    drop(con, "work_pair_to_score")


def odds_of(model: Model, pairs: str) -> str:
    """Return SQL for row_l, row_r and odds of pairs that Splink weighed and that have a `prior`, see `from_prior`."""
    members = _against_household_members(model)
    return f"""
        SELECT row_l, row_r, round(1 / (pow(2, -(match_weight + prior)) + pow(2, -({members}))), 6) AS odds
        FROM ({pairs}) WHERE match_weight + prior >= {WEAKEST} AND {_no_contradiction(model)}"""


def from_prior(model: Model, people: int) -> float:
    """Return what turns a match weight into log-odds, where one of `people` is looked for and half are there."""
    prior = model.settings["probability_two_random_records_match"]
    return -log2(people) - log2(prior / (1 - prior))


def make_keys(con: duckdb.DuckDBPyConnection, model: Model, records: str, keys: str, also: Sequence[str] = ()) -> None:
    """Make a table of what records are blocked by: their row, and a number for the values of each block; null: unknown.

    Parameters
    ----------
    con, model
        As for `score_candidates`.
    records : str
        A table as `comparable` says.
    keys : str
        The working table to make.
    also : sequence of str
        Columns that come along.
    """
    create(con, keys, block_keys(model, records, also))


def block_keys(model: Model, records: str, also: Sequence[str] = ()) -> str:
    """Return SQL for what `make_keys` makes."""
    every = dict.fromkeys(key for met in met_blocks(model, None) for key in met.key_columns())
    columns = sorted({column for met in met_blocks(model, None) for column in met.columns})
    hashed = ", ".join(f"CASE WHEN {c} IS NOT NULL THEN hash({c}) END AS {c}_" for c in columns)
    return (
        f"SELECT {', '.join(['row', *also, *(f'{sql} AS {name}' for name, sql in every)])} "
        f"FROM (SELECT {', '.join(['row', 'first', 'last', *also])}, {hashed} FROM {records})"
    )


def loose_blocks(ask: Callable[[str], int], left: str, right: str) -> list[list[str]]:
    """Return the loose blocks that find few pairs between two tables of keys; `ask` gives a query's one number."""
    chosen: list[list[str]] = []
    many: list[set[str]] = []
    for block in LOOSE_BLOCKS:
        if any(set(block) <= wider for wider in many):
            continue  # it finds more than one that found too many
        name = Met(block).name
        pairs = ask(f"""
            SELECT sum(n)::BIGINT FROM (SELECT {name}, count(*) AS n FROM {left} GROUP BY ALL) l
            JOIN {right} r USING ({name})""")  # fmt: skip
        if pairs <= MOST_LOOSE:
            chosen.append(list(block))
        else:
            many.append(set(block))
    return chosen


@dataclass(frozen=True)
class Met:
    """A block as it is looked into: columns that l and r agree on (`other`: r's, in another order), none of them rare.

    `but` are names of its column `of` for which it is not used.
    """

    columns: tuple[str, ...]
    other: tuple[str, ...] = ()
    of: str = ""
    but: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The column of l's key."""
        return "_".join([*self.columns, *(["rare"] if self.but else [])])

    @property
    def other_name(self) -> str:
        """The column of r's key."""
        return "_".join([*(self.other or self.columns), *(["rare"] if self.but else [])])

    def key_columns(self) -> list[tuple[str, str]]:
        """Return names and SQL of l's and r's keys."""
        sides = {self.name: self.columns, self.other_name: self.other or self.columns}
        mixed = {  # shifted, so that the columns' order counts; null where one is
            name: functools.reduce(lambda key, c: f"xor({key} >> 1, {c})", [f"{c}_" for c in columns])
            for name, columns in sides.items()
        }
        rare = f"{self.of} NOT IN {quote_literal(self.but)}" if self.but else ""
        return [(name, f"CASE WHEN {rare} THEN {key} END" if rare else key) for name, key in mixed.items()]

    def condition(self) -> str:
        """Return SQL over l and r."""
        agree = " AND ".join(f"l.{a} = r.{b}" for a, b in zip(self.columns, self.other or self.columns, strict=True))
        rare = (f" AND {side}.{self.of} NOT IN {quote_literal(self.but)}" for side in "lr" if self.but)
        return agree + "".join(rare)


def met_blocks(model: Model, loose: list[list[str]] | None) -> list[Met]:
    """Return the blocks to look into, with some loose ones (None: all of either kind).

    Blocks that a loose one holds are left out; those by a common name must agree on more.

    Examples
    --------
    >>> from campaignkit.megafile.linkage.model import frequency_table
    >>> names = {"first": frequency_table("first", []), "last": frequency_table("last", [("SMITH", 0.01)])}
    >>> by_zip = [met for met in met_blocks(Model({}, {}, 1.5, names, records=10_000_000), []) if "zip5" in met.columns]
    >>> [met.condition() for met in by_zip if met.columns[0] == "last"]
    ["l.last = r.last AND l.zip5 = r.zip5 AND l.last NOT IN ('SMITH') AND r.last NOT IN ('SMITH')", \
'l.last = r.last AND l.zip5 = r.zip5 AND l.initial = r.initial']
    """
    common = {name: common_names(model, name) for name in ("first", "last")}
    narrow = [block for block in BLOCKS if not any(set(wide) <= set(block) for wide in loose or [])]
    met = [Met(tuple(block)) for block in (LOOSE_BLOCKS if loose is None else loose)]
    for block in narrow:
        of, more = ("first", "first") if block in BY_INITIAL else ("last", WHERE_LAST_IS_COMMON.get(block, ""))
        if more and common[of]:
            met += [Met(block, of=of, but=common[of]), Met((*block, more))]
        else:
            met.append(Met(block))
    return [*met, Met(("first", "last"), other=("last", "first"))]


def common_names(model: Model, name: str) -> tuple[str, ...]:
    """Return the first or last names that more than `COMMON` of the records had that the model was fitted on."""
    if name not in model.frequencies or not model.records:
        return ()
    common = model.frequencies[name].filter(pl.col(f"tf_{name}") * model.records > COMMON)
    return tuple(common[name].sort())


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
