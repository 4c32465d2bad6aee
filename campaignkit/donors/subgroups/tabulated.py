"""Segments as a table: their words, their numbers, and the same of the half that was held out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray

from campaignkit.donors import evidence
from campaignkit.donors.distinct import Variant
from campaignkit.donors.halves import Counts, Half
from campaignkit.donors.searching import Search
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.multiplicity import holm


def segment_table(search: Search, shown: NDArray[np.int64], half: Half, other: Half | None) -> pl.DataFrame:
    """Return a row a segment shown, as `Segments.table` has them."""
    words = [_words(half, search.items[row]) for row in shown]
    counts = search.counts.pick(shown)
    masks = [half.mask(search.items[row]) for row in shown]
    found = {"p_value": search.p_value[shown], "p_adjusted": search.p_adjusted[shown]}
    columns = {
        "segment": pl.Series([segment for segment, _ in words], dtype=pl.String),
        "where": pl.Series([where for _, where in words], dtype=pl.String),
        **_numbers(counts, found, half, masks),
        "wracc": evidence.weighted_relative_accuracy(counts),
        "design_effect": counts.deff,
        **_confirmed(search, shown, other),
        "parent": _parents(search, shown, half),
        "gain_over_parent": search.gains.gain[shown],
        "gain_p_value": search.gains.p_value[shown],
        "gain_p_adjusted": search.gain_adjusted[shown],
    }
    return pl.DataFrame(columns).with_columns(cs.float().fill_nan(None))


def _words(half: Half, items: NDArray[np.int32]) -> tuple[str, str]:
    """Return a segment's conditions in words and in SQL."""
    labels = [label for one in half.attributes for label in one.labels]
    wheres = [where for one in half.attributes for where in one.wheres]
    chosen = [int(item) for item in items if item >= 0]
    return ", ".join(labels[i] for i in chosen), " AND ".join(wheres[i] for i in chosen)


def _parents(search: Search, shown: NDArray[np.int64], half: Half) -> pl.Series:
    found = [search.gains.parent[row] for row in shown]
    texts = ["everyone" if parent < 0 else _words(half, search.items[parent])[0] for parent in found]
    return pl.Series(texts, dtype=pl.String)


def _numbers(
    counts: Counts, p: Mapping[str, Floats], half: Half, masks: list[NDArray[np.bool_]]
) -> dict[str, NDArray[Any]]:
    lower, upper = evidence.lift_bounds(counts)
    none = np.full(len(masks), np.nan)
    mean, low, high = (none,) * 3 if half.amount is None else evidence.dollars_a_head(half, masks)
    return {
        "size": counts.n, "positives": counts.k, "rate": evidence.rates(counts), "lift": evidence.lifts(counts),
        "lift_lower": lower, "lift_upper": upper, "z": evidence.z_scores(counts), **p,
        "amount_mean": mean, "amount_lower": low, "amount_upper": high,
    }  # fmt: skip


def _confirmed(search: Search, shown: NDArray[np.int64], other: Half | None) -> dict[str, Any]:
    """Return the held-out half's columns; all null without one."""
    if other is None:
        names = ["rate", "lift", "lift_lower", "lift_upper", "z", "p_value", "p_adjusted"]
        names += ["amount_mean", "amount_lower", "amount_upper"]
        whole = {f"holdout_{name}": pl.Series([None] * len(shown), dtype=pl.Int64) for name in ("size", "positives")}
        return {**whole, **{f"holdout_{name}": np.full(len(shown), np.nan) for name in names}}
    masks = [other.mask(search.items[row]) for row in shown]
    counts = other.count(masks)
    p = evidence.p_values(counts)
    numbers = _numbers(counts, {"p_value": p, "p_adjusted": holm(p)}, other, masks)
    return {f"holdout_{name}": values for name, values in numbers.items()}


def variant_table(search: Search, variants: list[Variant], shown: NDArray[np.int64], half: Half) -> pl.DataFrame:
    """Return a row a variant of a segment shown, as `Segments.also` has them."""
    there = set(shown.tolist())
    rows = [
        (*_words(half, search.items[one.row]), _words(half, search.items[one.kept])[0], one.reason)
        for one in variants
        if one.kept in there
    ]
    schema = dict.fromkeys(("segment", "where", "variant_of", "reason"), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")
