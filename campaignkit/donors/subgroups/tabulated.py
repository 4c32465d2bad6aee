"""Segments as a table: their words, their numbers, and the same of the half that was held out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray

from campaignkit.donors.subgroups import evidence
from campaignkit.donors.subgroups.distinct import Variant
from campaignkit.donors.subgroups.searching import Search
from campaignkit.donors.subgroups.split_sample import Counts, SplitSample
from campaignkit.stats.arrays import Floats, Mask, Whole
from campaignkit.stats.intervals.multiplicity import holm


def segment_table(
    search: Search, shown: Whole, sample: SplitSample, holdout: SplitSample | None, confidence_level: float
) -> pl.DataFrame:
    """Return a row a segment shown, as `Segments.table` has them."""
    words = [_words(sample, search.items[row]) for row in shown]
    counts = search.counts.pick(shown)
    masks = [sample.mask(search.items[row]) for row in shown]
    adjusted = {"p_value": search.p_value[shown], "p_adjusted": search.p_adjusted[shown]}
    columns = {
        "segment": pl.Series([segment for segment, _ in words], dtype=pl.String),
        "where": pl.Series([where for _, where in words], dtype=pl.String),
        **_numbers(counts, adjusted, sample, masks, confidence_level),
        "wracc": evidence.weighted_relative_accuracy(counts),
        "design_effect": counts.deff,
        **_confirmed(search, shown, holdout, confidence_level),
        "parent": _parents(search, shown, sample),
        "gain_over_parent": search.gains.gain[shown],
        "gain_p_value": search.gains.p_value[shown],
        "gain_p_adjusted": search.gain_adjusted[shown],
    }
    return pl.DataFrame(columns).with_columns(cs.float().fill_nan(None))


def _words(sample: SplitSample, items: NDArray[np.int32]) -> tuple[str, str]:
    """Return a segment's conditions in words and in SQL."""
    labels = [label for attribute in sample.attributes for label in attribute.labels]
    wheres = [where for attribute in sample.attributes for where in attribute.wheres]
    chosen = [int(item) for item in items if item >= 0]
    return ", ".join(labels[i] for i in chosen), " AND ".join(wheres[i] for i in chosen)


def _parents(search: Search, shown: Whole, sample: SplitSample) -> pl.Series:
    parents = [search.gains.parent[row] for row in shown]
    texts = ["everyone" if parent < 0 else _words(sample, search.items[parent])[0] for parent in parents]
    return pl.Series(texts, dtype=pl.String)


def _numbers(
    counts: Counts, p: Mapping[str, Floats], sample: SplitSample, masks: list[Mask], level: float
) -> dict[str, NDArray[Any]]:
    lower, upper = evidence.lift_bounds(counts, level)
    none = np.full(len(masks), np.nan)
    mean, low, high = (none,) * 3 if sample.amount is None else evidence.dollars_a_head(sample, masks, level)
    return {
        "size": counts.n, "positives": counts.k, "rate": evidence.rates(counts), "lift": evidence.lifts(counts),
        "lift_lower": lower, "lift_upper": upper, "z": evidence.z_scores(counts), **p,
        "amount_mean": mean, "amount_lower": low, "amount_upper": high,
    }  # fmt: skip


def _confirmed(search: Search, shown: Whole, holdout: SplitSample | None, level: float) -> dict[str, Any]:
    """Return the held-out half's columns; all null without one."""
    if holdout is None:
        names = ["rate", "lift", "lift_lower", "lift_upper", "z", "p_value", "p_adjusted"]
        names += ["amount_mean", "amount_lower", "amount_upper"]
        whole = {f"holdout_{name}": pl.Series([None] * len(shown), dtype=pl.Int64) for name in ("size", "positives")}
        return {**whole, **{f"holdout_{name}": np.full(len(shown), np.nan) for name in names}}
    masks = [holdout.mask(search.items[row]) for row in shown]
    counts = holdout.count(masks)
    p = evidence.p_values(counts)
    numbers = _numbers(counts, {"p_value": p, "p_adjusted": holm(p)}, holdout, masks, level)
    return {f"holdout_{name}": values for name, values in numbers.items()}


def variant_table(search: Search, variants: list[Variant], shown: Whole, sample: SplitSample) -> pl.DataFrame:
    """Return a row a variant of a segment shown, as `Segments.redundant` has them."""
    there = set(shown.tolist())
    rows = [
        (*_words(sample, search.items[variant.row]), _words(sample, search.items[variant.kept])[0], variant.reason)
        for variant in variants
        if variant.kept in there
    ]
    schema = dict.fromkeys(("segment", "where", "variant_of", "reason"), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")
