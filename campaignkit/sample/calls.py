"""Calls: two scripts against none, callers from near and far, and calls to those who once unsubscribed."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from campaignkit.sample.effects import cells
from campaignkit.sample.people import days, gather

ARMS = ["control", "economy", "health"]
# added to the chance of support if reached, by script: women under 35, 35-64, 65+; men under 35, 35+
EFFECTS = {"economy": [0.02, 0.02, 0.02, 0.08, 0.04], "health": [0.06, 0.09, 0.02, 0.01, 0.01]}
GROUPS = ["F 18-34", "F 35-64", "F 65+", "M 18-34", "M 35+"]
LOCAL = 0.04
REACHED = 0.55
NOT_REACHED = ["Not Home", "Refused", "Busy", "Wrong Number", "Moved", "Disconnected", "Deceased"]
CALLED_ON = dt.date(2012, 8, 20)
WINBACK_ON = dt.date(2012, 4, 16)
RETURN = {"control": 0.05, "call": 0.13}
RETURN_GIFT = {"control": 0.012, "call": 0.035}


def _day(date: dt.date) -> int:
    return (date - dt.date(1970, 1, 1)).days


def roster(rng: np.random.Generator, callers: int = 60) -> pl.DataFrame:
    """Return the callers: half of them local to one of the swing states."""
    far = ["CA", "NY", "IL", "MA", "WA", "MD"]
    number = np.arange(callers)
    state = np.where(number % 4 == 0, "OH", np.where(number % 4 == 1, "NC", np.array(far)[number % 6]))
    return pl.DataFrame(
        {
            "caller_id": [f"C{each:03d}" for each in number + 101],
            "state": state,
            "role": gather(["volunteer", "staff"], rng.random(callers) < 0.2),
        }
    )


def group_of(sex: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Return the index of each person's group in `GROUPS`."""
    women = np.searchsorted([35, 65], age, side="right")
    return np.where(sex == "F", women, np.where(age < 35, 3, 4))


def scripts(rng: np.random.Generator, voters: pl.DataFrame, callers: pl.DataFrame) -> pl.DataFrame:
    """Assign voters to a script and a caller at random, call them, and ask all of them later who they support.

    Parameters
    ----------
    voters
        person, sex, age, state, p_supports.

    Returns
    -------
    One row per voter: group, arm, caller_id, caller_local, reached, result, answered, supports_after (null: did not
    answer), and the truth: y_control, y_economy, y_health (support with that arm, all else being as it was).
    """
    size = len(voters)
    arm = rng.integers(0, 3, size)
    caller = callers[rng.integers(0, len(callers), size)]
    local = (caller["state"] == voters["state"]).to_numpy()
    group = group_of(voters["sex"].to_numpy(), voters["age"].to_numpy())
    reached = rng.random(size) < REACHED
    draw = rng.random(size)
    base = np.clip(voters["p_supports"].to_numpy(), 0.03, 0.85)
    support = {"control": draw < base}
    for script, added in EFFECTS.items():
        support[script] = draw < base + reached * (np.array(added)[group] + LOCAL * local)
    after = np.select([arm == 0, arm == 1], [support["control"], support["economy"]], support["health"])
    answered = rng.random(size) < 0.6
    missed = gather(NOT_REACHED, rng.choice(7, size, p=[0.58, 0.14, 0.08, 0.1, 0.05, 0.04, 0.01]))
    return voters.with_columns(
        group=gather(GROUPS, group),
        arm=gather(ARMS, arm),
        caller_id=caller["caller_id"],
        caller_local=pl.Series(local),
        reached=pl.Series(reached & (arm > 0)),
        result=pl.select(
            pl.when(pl.Series(arm == 0)).then(None).when(pl.Series(reached)).then(pl.lit("Canvassed")).otherwise(missed)
        ).to_series(),
        called_on=days(_day(CALLED_ON) + rng.integers(0, 14, size)),
        asked_on=days(_day(CALLED_ON) + 18 + rng.integers(0, 7, size)),
        answered=pl.Series(answered),
        supports_after=pl.select(pl.when(pl.Series(answered)).then(pl.Series(after))).to_series(),
        **{f"y_{name}": pl.Series(value) for name, value in support.items()},
    )


def call_experiment(
    rng: np.random.Generator, people: pl.DataFrame, callers: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Run the script experiment among registered voters of the swing states who had not signed up."""
    chosen = people["registered"] & ~people["supporter"] & pl.Series(rng.random(len(people)) < 0.45)
    columns = ["person", "sex", "age", "state", "p_supports"]
    table = scripts(rng, people.filter(chosen).select(columns), callers)
    shown = table.with_columns(reachable=pl.col("y_economy") != pl.col("y_control"))
    values = ["y_control", "y_economy", "y_health"]
    by_group = [cells(shown, "scripts", value, ["group"]) for value in values]
    by_caller = [cells(shown, "scripts_local", value, ["caller_local"]) for value in values]
    told = table.filter("answered")
    observed = cells(told, "scripts_observed", "supports_after", ["arm", "group"])
    return table.drop("sex", "age", "p_supports"), pl.concat([*by_group, *by_caller, observed])


def winback(rng: np.random.Generator, supporters: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw who unsubscribed in the last cycle; call a random half of those with a phone on file.

    Returns
    -------
    One row per former subscriber: unsubscribed_on, arm (null: no phone), returned_on (null: did not come back),
    gift_amount (null: none), and the truth: r_control, r_call.
    """
    table = supporters.filter(pl.Series(rng.random(len(supporters)) < 0.09)).select("person", "phone_on_file")
    size = len(table)
    arm = pl.select(
        pl.when(table["phone_on_file"]).then(gather(["control", "call"], rng.random(size) < 0.5))
    ).to_series()
    called = (arm == "call").fill_null(False).to_numpy()
    draw, purse = rng.random(size), rng.random(size)
    returned = draw < np.where(called, RETURN["call"], RETURN["control"])
    gave = purse < np.where(called, RETURN_GIFT["call"], RETURN_GIFT["control"])
    on = days(_day(WINBACK_ON) + rng.integers(1, 40, size))
    table = table.with_columns(
        arm=arm,
        unsubscribed_on=days(_day(dt.date(2008, 1, 15)) + rng.integers(0, 330, size)),
        returned=pl.Series(returned),
        returned_on=pl.select(pl.when(pl.Series(returned)).then(on)).to_series(),
        gift_amount=pl.select(
            pl.when(pl.Series(gave)).then(pl.Series(rng.choice([10.0, 25.0, 50.0, 100.0], size)))
        ).to_series(),
        gift_on=on,
        r_control=pl.Series(draw < RETURN["control"]),
        r_call=pl.Series(draw < RETURN["call"]),
    ).with_columns(gave=pl.col("gift_amount").is_not_null())
    tried = table.drop_nulls("arm")
    seen = [cells(tried, "winback", value, ["arm"]) for value in ("returned", "gave", "r_control", "r_call")]
    return table, pl.concat(seen)
