"""How far spending moves a state: responses read, pulled toward their mean, with their errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from campaignkit.election.model.states import state_codes
from campaignkit.errors import BadValue
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.hierarchy import normal_hierarchy
from campaignkit.tables import check_columns, open_table

DRAWS = 1_000
POOLED = 3  # fewest sources whose spread can be told from their errors


@dataclass(frozen=True)
class Responses:
    """Responses as arrays, by state.

    Attributes
    ----------
    effect : array
        Logits that the first unit moves a state: its posterior mean, and the mean of `draws`. 0 where none is known.
    scale : array
        Units after which the next one moves it half as far.
    draws : array, one row per draw, one column per state
        From the effects' joint posterior.
    """

    effect: Floats
    scale: Floats
    draws: Floats


def read_responses(data: Any, states: list[str], seed: int) -> Responses:
    """Return responses for the states of a race.

    Parameters
    ----------
    data : table or mapping
        Columns `state`, `effect`, `scale`; optional `std_error`, `voters` and `source`. A mapping of `effect`, `scale`
        and optional `std_error` and `voters` (by state) is one response for all states.
    states : list of str
        The states where money can be spent.
    seed : int
        Of the draws.

    Raises
    ------
    BadValue
        A state is unknown or named twice, a number is impossible, or one source has two effects.
    ColumnNotFound
        A column is missing.
    """
    table = _uniform(data, states) if isinstance(data, Mapping) else _table(data)
    table = table.with_columns(state_codes(table["state"], "responses").alias("state"))
    if table["state"].is_duplicated().any():
        raise BadValue(f"responses: {table.filter(pl.col('state').is_duplicated())['state'][0]} has two rows.")
    if unknown := sorted(set(table["state"]) - set(states)):
        raise BadValue(f"responses: {unknown[0]} gives no electoral votes in this simulation.")
    numbers = table.select("effect", "scale", "std_error", "voters").fill_null(np.nan).to_numpy()
    if (
        not np.isfinite(numbers).all()
        or (numbers[:, 1] <= 0).any()
        or (numbers[:, 2] < 0).any()
        or (numbers[:, 3] <= 0).any()
    ):
        raise BadValue(
            "responses: effect, scale, std_error or voters is null or out of range; scale and voters must be above 0."
        )
    draws = _drawn(table, seed) / numbers[:, 3]
    at = [states.index(state) for state in table["state"]]
    effect, scale, every = np.zeros(len(states)), np.ones(len(states)), np.zeros((DRAWS, len(states)))
    effect[at], scale[at], every[:, at] = draws.mean(axis=0), numbers[:, 1] * numbers[:, 3], draws
    return Responses(effect, scale, every)


def _uniform(data: Mapping[str, Any], states: list[str]) -> pl.DataFrame:
    """Return one response as a table with a row for each state, all from one source."""
    for name in ("effect", "scale"):
        if name not in data:
            raise BadValue(f"responses: no {name!r}; a table or a mapping with 'effect' and 'scale' was expected.")
    voters = data.get("voters") or dict.fromkeys(states, 1.0)
    if lacking := [state for state in states if state not in voters]:
        raise BadValue(f"responses: voters has no {lacking[0]}.")
    return pl.DataFrame(
        {"state": states, "effect": float(data["effect"]), "scale": float(data["scale"]), "source": "all",
         "std_error": float(data.get("std_error") or 0.0), "voters": [float(voters[state]) for state in states]}
    )  # fmt: skip


def _table(data: Any) -> pl.DataFrame:
    check_columns(data, "state", "effect", "scale", where="responses")
    table = open_table(data).lazy().collect("polars").to_native()
    optional = {"std_error": pl.lit(0.0), "voters": pl.lit(1.0), "source": pl.col("state").cast(pl.String)}
    lacking = {name: value for name, value in optional.items() if name not in table.columns}
    table = table.with_columns(**lacking)
    return table.with_columns(pl.col("effect", "scale", "std_error", "voters").cast(pl.Float64))


def _drawn(table: pl.DataFrame, seed: int) -> Floats:
    """Return draws of each row's effect, one for each source; several sources are pulled toward their mean."""
    sources = table.select("source", "effect", "std_error").unique(maintain_order=True)
    if sources["source"].is_duplicated().any():
        name = sources.filter(pl.col("source").is_duplicated())["source"][0]
        raise BadValue(f"responses: the source {name!r} has two effects or errors; give each its own source name.")
    effect, error = sources["effect"].to_numpy(), sources["std_error"].to_numpy()
    mean, drawn = effect, effect + error * np.random.default_rng(seed).standard_normal((DRAWS, len(effect)))
    if len(effect) >= POOLED and (error > 0).all():
        usual = max(abs(float(effect.mean())), float(error.mean()))
        pooled = normal_hierarchy(effect, error**2, usual / 2, draws=DRAWS, seed=seed)
        mean, drawn = pooled.mean, pooled.draws
    drawn = drawn - drawn.mean(axis=0) + mean  # a thousand draws have a mean of their own
    at = table["source"].replace_strict({name: place for place, name in enumerate(sources["source"])}).to_numpy()
    return drawn[:, at]
