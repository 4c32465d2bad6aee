"""Is the past as surprising as the forecast says? Do plans come near the best plan, and bring what they say?"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from campaignkit.election import Settings, allocate, backtest, forecast, polls_2012, results
from campaignkit.election.model.race import NEEDED
from campaignkit.election.model.responses import Responses
from campaignkit.election.model.winning import Winning
from campaignkit.election.simulate import Simulation, simulate
from campaignkit.stats.optimize.concave_allocation import returns
from tests.election.worlds import Truth, draw_history

BRUTE = 200  # seeds whose slope is set beside brute force
SPREAD = 0.35  # of the states' true responses, relative to their mean
POLLED = [1992, 1996, 2000, 2004, 2008, 2012]
VARIANTS = {
    "default": Settings(),
    "plug-in": Settings(integrate=False),
    "no poll error": Settings(shared_bias_sd=0.0, state_bias_sd=0.0),
}


def history(truth: Truth):
    def draw(seed: int) -> dict:
        drawn = draw_history(seed, POLLED, truth)
        row = {}
        for name, settings in VARIANTS.items():
            found = backtest(drawn.polls, drawn.results, settings=settings, seed=seed)
            check = found.check.row(0, named=True)
            row |= {f"passed {name}": check["passed"], f"p {name}": check["p_value"], f"z2 {name}": check["z2"], f"national z {name}": check["national_z"],
                    f"cover {name}": found.table["cover_share"].mean(), f"brier {name}": found.table["brier"].mean(),
                    f"crps {name}": found.table["crps"].mean()}  # fmt: skip
        return row | {"brier plain average": found.table["plain_brier"].mean()}

    return draw


@cache
def autumn() -> Simulation:
    """The forecast of 1 October 2012: the covariance of all worlds."""
    return forecast(polls_2012(), results(), on="2012-11-06", as_of="2012-10-01").simulate(20_000)


def plan(seed: int, relative: float | None = 0.3) -> dict:
    """The states' means move at random, and so does what spending does in each; an experiment measured it with error."""
    rng = np.random.default_rng([seed, 3])
    base = autumn()
    moved = base.race.shifted(rng.normal(-0.04, 0.08) + rng.normal(0, 0.08, 51))
    drawn = simulate(moved, base.on, base.as_of, 20_000, seed)
    states = base.race.states
    votes = base.race.votes.astype(float)
    per_state = 0.03 / votes  # a million moves a small state further
    true = np.abs(rng.normal(1.0, SPREAD, 51)) * per_state
    error = (relative or 0.0) * per_state
    voters = votes * 1e5
    table = pl.DataFrame(
        {"state": states, "effect": (true + error * rng.standard_normal(51)) * voters, "std_error": error * voters,
         "scale": 5.0 * votes / voters, "voters": voters}
    )  # fmt: skip
    found = allocate(drawn, 30.0, responses=table, seed=seed)
    winning = Winning(moved, 200_000, seed + 10_000, states)  # other draws than the plan's, and ten times as many
    spend = found.table.select("state", "spend")
    scale = 5.0 * votes
    plans = {
        "plan": np.array([dict(spend.iter_rows())[state] for state in states]),
        "best": best_plan(winning, true, scale, 30.0),
    }
    if relative:
        keep = SPREAD**2 / (SPREAD**2 + relative**2)
        expected = per_state * (1 - keep) + keep * table["effect"].to_numpy() / voters
        plans["informed"] = best_plan(Winning(moved, drawn.n, drawn.seed, states), expected, scale, 30.0)
    shifts = {name: returns(true, scale, amounts) for name, amounts in plans.items()}
    gain = {name: float(winning.along(shift).value @ shift) for name, shift in shifts.items()}
    at = int(np.argmax(winning.slope(np.zeros(51)).value))
    return {
        "loss": 1 - gain["plan"] / gain["best"],
        **({"loss, spread known": 1 - gain["informed"] / gain["best"]} if relative else {}),
        "covered": found.gain_lower <= gain["plan"] <= found.gain_upper,
        "bias of gain": found.gain - gain["plan"],
        "gain": gain["plan"],
        **(gradient(drawn, moved, states, at, seed) if seed < BRUTE and relative == 0.3 else {}),
    }


def best_plan(winning: Winning, true: np.ndarray, scale: np.ndarray, budget: float) -> np.ndarray:
    """Return the plan of one who knows the effects (or what is expected of them), by the same conditions."""
    from campaignkit.election.allocate import _Problem, _settle

    response = Responses(true, scale, true[None])
    none, one = np.zeros(len(true)), np.ones(len(true))
    problem = _Problem(response, one, none, np.full(len(true), np.inf), budget, False)
    return _settle(winning, problem, winning.slope(none))


def gradient(drawn: Simulation, race, states: list[str], at: int, seed: int) -> dict:
    """Set the slope beside brute-force re-simulation, and its variance beside two other estimators' on the same draws."""
    ours = Winning(race, drawn.n, drawn.seed, states)
    slope = ours.slope(np.zeros(len(states)))
    step, n = 0.02, 200_000
    difference, square = 0.0, 0.0
    votes = race.votes.astype(np.float32)
    for x, _ in race.batches(n, seed + 20_000):
        up, down = x.copy(), x.copy()
        up[:, at] += step
        down[:, at] -= step
        moved = ((up > 0).astype(np.float32) @ votes >= NEEDED).astype(float) - (
            (down > 0).astype(np.float32) @ votes >= NEEDED
        )
        difference, square = difference + moved.sum(), square + (moved**2).sum()
    brute = difference / n / (2 * step)
    per_draw = square / n / (2 * step) ** 2 - brute**2
    score = 0.0
    for part, mean, precision in zip(ours.parts, race.mixture.mean, ours.precisions, strict=True):
        won = (part > 0).astype(np.float32) @ votes >= NEEDED
        score += float((won * ((part - mean) @ precision[:, at]) ** 2).sum())
    likelihood_ratio = score / ours.n - slope.value[at] ** 2
    mine = slope.std_error[at] ** 2 * ours.n
    error = np.sqrt(slope.std_error[at] ** 2 + per_draw / n)
    z = abs(slope.value[at] - brute) / error
    return {"gradient within 2 errors": z < 2, "gradient z": z, "variance, differences": per_draw / mine,
            "variance, likelihood ratio": likelihood_ratio / mine}  # fmt: skip


def _plain(draw):
    return lambda seed: {name: np.asarray(value).item() for name, value in draw(seed).items()}


WORLDS = {
    "history": (_plain(history(Truth())), 200),
    "history, heavy tails": (_plain(history(Truth(tails=3))), 20),
    "history, large poll errors": (_plain(history(Truth(shared=0.12, own=0.1))), 20),
    "plan": (_plain(plan), 200),
    "plan, errors of 15%": (_plain(lambda seed: plan(seed, 0.15)), 40),
    "plan, responses known": (_plain(lambda seed: plan(seed, None)), 60),
}
SAYS = {
    "history": "Six elections with 400 polls each, drawn as the model has it: the polls' shared error has a standard "
    "deviation of 1.5 points, a state's own as much. Each is forecast from those before it.",
    "history, heavy tails": "The same, the polls' shared errors drawn from t distributions with 3 degrees of freedom.",
    "history, large poll errors": "Shared errors of 3 points, and 2.5 of a state's own.",
    "plan": "The forecast of 1 October 2012, its states moved at random; a budget over states whose responses were each "
    "measured with an error of 30%. `loss` is of the best plan's gain, which takes the true responses to find; `loss, spread "
    "known` is that of the plan that is best given the experiments and the distribution the true responses were drawn from: "
    "no plan does better on average with these experiments and as many simulated elections. `covered` is of the 90% interval of the stated gain; "
    "variances are over that of conditional Monte Carlo on the same draws.",
    "plan, errors of 15%": "The same, the responses measured with half the error.",
    "plan, responses known": "The same with responses known: what the plan itself loses, of 20,000 elections. The gain it is held "
    "against is measured on 200,000 elections, whose own error lowers `covered` from .900 to .883.",
}
COUNTED = ("passed ", "covered", "gradient within")


def report(rows: pl.DataFrame) -> str:
    parts = [
        "`passed` is of the joint predictive check, which rejects below p = .05; `cover` is of the states' 95% intervals.\n"
    ]
    for world in WORLDS:
        part = rows.filter(pl.col("world") == world)
        if part.is_empty():
            continue
        parts.append(f"\n## {world}\n\n{SAYS[world]} {part.height:,} repeats.\n")
        parts.append("| quantity | value | ± |\n|---|---|---|")
        for name in part.columns:
            values = part[name].drop_nulls()
            if name in ("world", "seed") or values.is_empty():
                continue
            mean = float(values.cast(pl.Float64).mean() or 0.0)
            counted = name.startswith(COUNTED)
            spread = (mean * (1 - mean)) ** 0.5 if counted else float(values.cast(pl.Float64).std() or 0.0)
            parts.append(f"| {name}{'' if counted else ' (mean)'} | {mean:.4f} | {spread / len(values) ** 0.5:.4f} |")
        for name in ("loss", "loss, spread known", "bias of gain"):
            if name in part.columns and part[name].drop_nulls().len():
                worst = part[name].drop_nulls().quantile(0.95)
                parts.append(f"| {name} (95th percentile) | {worst:.4f} | |")
    return "\n".join(parts) + "\n"
