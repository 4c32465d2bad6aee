"""Two tables of records in, the pairs that may be one person out, with the odds of it."""

from __future__ import annotations

from math import log2
from typing import Any

import duckdb

from campaignkit.megafile.comparisons import BLOCKS, COMPARISONS, LOOSE_BLOCKS, MOST_LOOSE, SWAPPED_BLOCK
from campaignkit.megafile.model import Model, count, equal, open_linker, quiet

_WEAKEST = log2(0.02)  # odds below this are nobody's candidate


def score(con: duckdb.DuckDBPyConnection, model: Model, left: str, right: str | None, people: int, into: str) -> None:
    """Weigh the pairs between two tables of records, or within one, that blocking finds worth it.

    Parameters
    ----------
    con : DuckDB connection
        As for `fit`.
    model : Model
        The fitted model.
    left, right : str
        Tables of records as `identity` prepares them. `right` None: pairs within `left`.
    people : int
        How many people there are to choose from.
    into : str
        The temporary table to fill: row_l, row_r, and odds, of one person against strangers and housemates, if a
        record is as likely as not to have its person among them.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE {into} (row_l BIGINT, row_r BIGINT, odds DOUBLE)")
    if not model.settings["comparisons"] or people == 0:
        return
    prior = model.settings["probability_two_random_records_match"]
    from_prior = -log2(people) - log2(prior / (1 - prior))
    with quiet(), open_linker(con, left, model.settings, model.frequencies) as linker:
        tables = [linker._db_api.register(name) for name in (left, right) if name]
        how: dict[str, Any] = {
            "blocking_rules_to_generate_predictions": _blocks(con, left, right or left),
            "threshold_match_weight": _WEAKEST - from_prior,
            "warning_mode": "never",
        }
        predict = linker.inference.predict_between if right else linker.inference.predict_within
        found = predict(*tables, **how).physical_name
        con.execute(f"""
            INSERT INTO {into}
            SELECT row_l, row_r,
                   round(1 / (pow(2, -(match_weight + {from_prior})) + pow(2, -({_against_mates(model)}))), 6)
            FROM {found} WHERE {_no_contradiction(model)}""")


def _blocks(con: duckdb.DuckDBPyConnection, left: str, right: str) -> list[str]:
    """Return the rules by which pairs are found; loose ones only where they find few."""
    chosen = list(BLOCKS)
    for block in LOOSE_BLOCKS:
        keys, known = ", ".join(block), " AND ".join(f"{column} IS NOT NULL" for column in block)
        counted = [f"(SELECT {keys}, count(*) AS n FROM {side} WHERE {known} GROUP BY ALL)" for side in (left, right)]
        pairs = count(con, f"SELECT sum(a.n * b.n)::BIGINT FROM {counted[0]} a JOIN {counted[1]} b USING ({keys})")
        if pairs <= MOST_LOOSE:
            chosen = [block, *(other for other in chosen if not set(block) <= set(other))]
    return [*map(equal, chosen), SWAPPED_BLOCK]


def _against_mates(model: Model) -> str:
    """Return SQL for the log-odds of one person against housemates."""
    terms = [str(-log2(model.mates_per_record))]
    for fitted in model.settings["comparisons"]:
        name = fitted["output_column_name"]
        if name in model.mates:
            levels = [level for level in fitted["comparison_levels"] if not level.get("is_null_level")]
            cases = [
                f"WHEN {len(levels) - 1 - at} THEN {log2(level['m_probability'] / share)}"
                for at, (level, share) in enumerate(zip(levels, model.mates[name], strict=True))
            ]
            terms.append(f"CASE gamma_{name} {' '.join(cases)} ELSE 0 END")
    return " + ".join(terms)


def _no_contradiction(model: Model) -> str:
    """Return SQL that holds where no comparison that can veto stands at its last level."""
    present = {fitted["output_column_name"] for fitted in model.settings["comparisons"]}
    vetoes = [f"gamma_{c.name} <> 0" for c in COMPARISONS if c.vetoes and c.name in present]
    return " AND ".join(vetoes) or "true"
