"""Do lifts' intervals hold? Worlds where the estimators are right, where some are wrong, and where all are."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from scipy.special import expit

from campaignkit import donors, sample

EFFECT, FACTOR = 2.0, 1.6
X = ["x1", "x2", "x3"]
START = dt.date(2012, 1, 2)


def _people(rng: np.random.Generator, n: int, selection: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=(n, 3))
    logit = -1.2 + 0.7 * x[:, 0] + 0.5 * x[:, 1] - 0.3 * x[:, 2]
    return x, rng.random(n) < expit(logit if selection is None else selection)


def _table(x: np.ndarray, treated: np.ndarray, y: np.ndarray, **others: np.ndarray) -> pl.DataFrame:
    columns = {name: x[:, at] for at, name in enumerate(X)}
    return pl.DataFrame({"person": np.arange(len(y)), "joined": treated, "gifts": y, **columns, **others})


def _covered(found: donors.Lift, effect: float | None, ratio: float | None) -> dict:
    row = {}
    for one in found.table.iter_rows(named=True):
        name = one["estimator"]
        if one["estimate"] is None:
            row[f"none {name}"] = True
            continue
        if effect is not None:
            row[f"effect {name}"] = one["lower"] <= effect <= one["upper"]
            row[f"bias {name}"] = one["estimate"] - effect
        if ratio is not None and one["ratio"] is not None:
            row[f"ratio {name}"] = one["ratio_lower"] <= ratio <= one["ratio_upper"]
    return row


def linear(seed: int) -> dict:
    """The outcome is linear in the covariates, the propensity a logit; the effect is the same for all."""
    rng = np.random.default_rng([seed, 1])
    x, t = _people(rng, 800)
    y = 20 + 2 * x[:, 0] + 1.5 * x[:, 1] + x[:, 2] + EFFECT * t + rng.normal(0, 3, 800)
    before = 10 + x[:, 0] + x[:, 1] + rng.normal(0, 2, 800)
    table = _table(x, t, y, before=before)
    found = donors.estimate_lift(table, "joined", "gifts", X, placebo={"before": []}, unit="person", seed=seed)
    return {**_covered(found, EFFECT, None), "placebo failed": found.failed.height > 0}


def _att_of_multiplicative() -> float:
    """By Gauss and Hermite's quadrature over the three covariates."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    a, b, c = np.meshgrid(points, points, points, indexing="ij")
    w = weights[:, None, None] * weights[None, :, None] * weights[None, None, :]
    p = expit(-1.2 + 0.7 * a + 0.5 * b - 0.3 * c)
    level = np.exp(2.5 + 0.5 * a + 0.4 * b - 0.2 * c)
    return float((FACTOR - 1) * (w * p * level).sum() / (w * p).sum())


MULTIPLICATIVE = _att_of_multiplicative()


def multiplicative(seed: int) -> dict:
    """Gifts multiply, so that least squares is wrong; the propensity is a logit, so that weights are right."""
    rng = np.random.default_rng([seed, 2])
    x, t = _people(rng, 1500)
    y = np.exp(2.5 + 0.5 * x[:, 0] + 0.4 * x[:, 1] - 0.2 * x[:, 2]) * np.where(t, FACTOR, 1) * rng.gamma(2, 0.5, 1500)
    return _covered(
        donors.estimate_lift(_table(x, t, y), "joined", "gifts", X, unit="person", seed=seed), MULTIPLICATIVE, FACTOR
    )


def quick_donate(seed: int) -> dict:
    """The sample campaign: zeros, asks and heavy tails; who joined after the outcome began is left out."""
    drawn = sample.draw("quick_donate", 10_000, seed)
    logs = [pl.col(name).log().alias(f"log_{name}") for name in ("gifts_before", "dollars_before")]
    table = drawn.table.filter(pl.col("enrolled_on").is_null() | pl.col("quick_donate")).with_columns(logs)
    of = ["log_gifts_before", "log_dollars_before", "p_give_online", "age", "income_band"]
    found = donors.estimate_lift(table, "quick_donate", "gifts_after", of, unit="person", seed=seed)
    return _covered(found, None, FACTOR)


def hidden(seed: int) -> dict:
    """Both models are wrong, and one trait that no column shows drives joining, gifts and past gifts."""
    rng = np.random.default_rng([seed, 3])
    u, base = rng.normal(size=1500), rng.normal(size=(1500, 3))
    logit = -1.4 + 0.6 * base[:, 0] + 0.5 * np.maximum(base[:, 1], 0) + 0.8 * u
    x, t = base, rng.random(1500) < expit(logit)
    level = np.exp(2 + 0.4 * x[:, 0] + 0.3 * x[:, 1] ** 2 / 2 + 0.35 * u)
    y = level * np.where(t, FACTOR, 1) * rng.gamma(2, 0.5, 1500)
    before = 0.7 * level * rng.gamma(2, 0.5, 1500)
    found = donors.estimate_lift(
        _table(x, t, y, before=before), "joined", "gifts", X, placebo={"before": []}, unit="person", seed=seed
    )
    doubts = {"robustness": found.sensitivity.robustness, "e_value": found.sensitivity.e_value or 1.0}
    return {**_covered(found, None, FACTOR), "placebo failed": found.failed.height > 0, **doubts}


def households(seed: int) -> dict:
    """Pairs join together, have one income and share their moods: errors must be summed within households."""
    rng = np.random.default_rng([seed, 4])
    x, t = _people(rng, 400)
    x, t, home = np.repeat(x, 2, axis=0), np.repeat(t, 2), np.repeat(np.arange(400), 2)
    y = (
        20
        + 2 * x[:, 0]
        + 1.5 * x[:, 1]
        + x[:, 2]
        + EFFECT * t
        + np.repeat(rng.normal(0, 3, 400), 2)
        + rng.normal(0, 1, 800)
    )
    table = _table(x, t, y, home=home)
    row = _covered(
        donors.estimate_lift(table, "joined", "gifts", X, unit="person", cluster="home", seed=seed), EFFECT, None
    )
    alone = _covered(donors.estimate_lift(table, "joined", "gifts", X, unit="person", seed=seed), EFFECT, None)
    return row | {f"ignored {name}": value for name, value in alone.items() if name.startswith("effect")}


def few(seed: int) -> dict:
    """Twenty or so treated among 300."""
    rng = np.random.default_rng([seed, 5])
    x, _ = _people(rng, 300)
    t = rng.random(300) < expit(-3.0 + 0.6 * x[:, 0] + 0.4 * x[:, 1])
    if t.sum() < 8:
        return {"too few": True}
    y = 20 + 2 * x[:, 0] + 1.5 * x[:, 1] + x[:, 2] + EFFECT * t + rng.normal(0, 3, 300)
    return _covered(donors.estimate_lift(_table(x, t, y), "joined", "gifts", X, unit="person", seed=seed), EFFECT, None)


def staggered(seed: int) -> dict:
    """People join in ten weeks; levels differ, weeks move all alike, the effect grows: 3, 4, 5, … dollars."""
    rng = np.random.default_rng([seed, 6])
    people, weeks = 600, 12
    own = rng.gamma(2, 2, people)
    joined = np.where(rng.random(people) < expit(-0.5 + 0.2 * (own - 4)), rng.integers(1, 11, people), 99)
    since = np.arange(weeks)[None, :] - joined[:, None]
    mean = own[:, None] + 0.4 * np.arange(weeks) + np.where(since >= 0, 3.0 + np.minimum(since, 8), 0)
    gives = rng.random((people, weeks)) < 0.3
    amount = np.where(gives, mean * rng.gamma(2, 0.5, (people, weeks)) / 0.3, 0)
    who, week = np.nonzero(amount)
    gifts = pl.DataFrame({"person": who, "on": pl.Series(week * 7 + 3), "amount": amount[who, week]})
    gifts = gifts.with_columns(on=pl.lit(START) + pl.duration(days=pl.col("on")))
    day = pl.when(pl.col("j") < 99).then(pl.lit(START) + pl.duration(days=7 * pl.col("j") + 2))
    table = pl.DataFrame({"person": np.arange(people), "j": joined}).select("person", day.alias("enrolled_on"))
    found = donors.event_study(
        table, gifts, unit="person", enrolled_on="enrolled_on", gift_date="on", amount="amount", start=START,
        end=START + dt.timedelta(days=7 * weeks - 1), window=(-5, 5),
    )  # fmt: skip
    cells = found.cells.filter(pl.col("event") >= 0)
    truth = float(((3.0 + cells["event"]) * cells["n"]).sum() / cells["n"].sum())
    row = {
        "pre-trend rejected": found.pre_trend_p < 0.05,
        "overall": found.overall.lower <= truth <= found.overall.upper,
    }
    for event, low, high in found.table.filter(pl.col("event") >= 0).select("event", "lower", "upper").iter_rows():
        row[f"event {event}"] = low <= 3.0 + event <= high
    return row


def offer(strength: float):
    def draw(seed: int) -> dict:
        rng = np.random.default_rng([seed, 7, int(strength * 100)])
        n = 1000
        keen = rng.normal(size=n)
        offered = rng.random(n) < 0.5
        eager, never = keen > 1.2, keen < 1.2 - strength * 3
        joined = eager | (offered & ~never)
        y = 10 + 3 * keen + (4 + np.maximum(keen, 0)) * joined + rng.gamma(2, 2, n)
        low, high = 1.2 - strength * 3, 1.2
        grid = np.linspace(low, high, 4001)
        truth = 4 + np.average(np.maximum(grid, 0), weights=np.exp(-(grid**2) / 2))
        table = pl.DataFrame({"person": np.arange(n), "offered": offered, "joined": joined, "gifts": y})
        found = donors.encouragement(table, "offered", "joined", "gifts", unit="person")
        late = found.table.row(2, named=True)
        inside = (late["lower"] is None or late["lower"] <= truth) and (late["upper"] is None or truth <= late["upper"])
        return {
            "anderson-rubin": inside, "wald": found.wald[0] <= truth <= found.wald[1], "no end": late["lower"] is None,
            "warned": found.f < 10, "f": found.f,
        }  # fmt: skip

    return draw


def _plain(draw):
    """Return the world with numpy's numbers as Python's, for JSON."""
    return lambda seed: {name: np.asarray(value).item() for name, value in draw(seed).items()}


WORLDS = {
    "linear": (linear, 2000),
    "multiplicative": (multiplicative, 2000),
    "quick_donate": (quick_donate, 1000),
    "hidden": (hidden, 1000),
    "households": (households, 1000),
    "few": (few, 1000),
    "staggered": (staggered, 2000),
    "offer, strong": (offer(0.3), 2000),
    "offer, weak": (offer(0.04), 2000),
}
SAYS = {name: draw.__doc__ for name, (draw, _) in WORLDS.items() if draw.__doc__}
SAYS["offer, strong"] = "A random offer that moves about three in ten; who is keener gains more."
SAYS["offer, weak"] = "The same, but it moves one in twenty-five: too few to say."
WORLDS = {name: (_plain(draw), most) for name, (draw, most) in WORLDS.items()}
COUNTED = ("effect ", "ratio ", "event ", "overall", "anderson-rubin", "wald", "pre-trend rejected", "placebo failed",
           "no end", "warned", "too few", "none ", "ignored ")  # fmt: skip


def report(rows: pl.DataFrame) -> str:
    parts = [
        "Intervals are 95%: a coverage of .950 is right, within two Monte-Carlo errors. `effect` and `ratio` are the two "
        "numbers that each estimator gives.\n"
    ]
    for world in WORLDS:
        part = rows.filter(pl.col("world") == world)
        if part.is_empty():
            continue
        parts.append(f"\n## {world}\n\n{SAYS.get(world, '')} {part.height:,} repeats.\n")
        parts.append("| quantity | share | ± |\n|---|---|---|")
        for name in part.columns:
            values = part[name].fill_null(False) if name == "too few" else part[name].drop_nulls()
            if name in ("world", "seed") or values.is_empty() or (name == "too few" and world != "few"):
                continue
            mean = float(values.cast(pl.Float64).mean())
            counted = name.startswith(COUNTED)
            error = (mean * (1 - mean) / len(values)) ** 0.5 if counted else (values.std() or 0.0) / len(values) ** 0.5
            parts.append(f"| {name}{'' if counted else ' (mean)'} | {mean:.3f} | {error:.3f} |")
    return "\n".join(parts) + "\n"
