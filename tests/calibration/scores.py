"""What scores promise, counted over many made-up electorates."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.special import expit, ndtr

from campaignkit import voters
from campaignkit.tables import open_table
from campaignkit.voters.model.shifted_model import shift_to

PEOPLE = 4_000
TRUTH = {("a", "y"): 0.5, ("a", "z"): -0.4, ("b", "q"): -0.3, ("c", "1"): 0.3, ("c", "2"): 0.6, ("c", "3"): 0.2}
INTERCEPT = -0.4


def electorate(rng: np.random.Generator, people: int = PEOPLE) -> pl.DataFrame:
    return pl.DataFrame({
        "id": np.arange(people), "household": np.arange(people) // 4, "county": rng.integers(0, 12, people).astype(str),
        "a": rng.choice(list("xyz"), people, p=[0.5, 0.3, 0.2]), "b": rng.choice(["p", "q"], people, p=[0.6, 0.4]),
        "c": rng.choice(list("0123"), people, p=[0.4, 0.2, 0.2, 0.2]),
    })  # fmt: skip


def leaning(table: pl.DataFrame) -> np.ndarray:
    eta = np.full(table.height, INTERCEPT)
    for (feature, value), b in TRUTH.items():
        eta += b * (table[feature] == value).to_numpy()
    return eta


def draws(rng: np.random.Generator, p: np.ndarray, together: float) -> np.ndarray:
    """Return outcomes of chance p whose latent normals correlate by `together` within households of four."""
    shared = np.repeat(rng.normal(size=len(p) // 4), 4)
    latent = np.sqrt(together) * shared + np.sqrt(1 - together) * rng.normal(size=len(p))
    return ndtr(latent) < p


def fitted(table: pl.DataFrame, **options: object) -> voters.Score:
    given = {"name": "s", "purpose": "turnout", "unit": "id"}
    return voters.fit_score(table, "y", ["a", "b", "c"], **given | options)


def covered(score: voters.Score) -> int:
    rows = {(row["term"], row["level"]): row for row in score.table.iter_rows(named=True)}
    return sum(rows[name]["lower"] <= b <= rows[name]["upper"] for name, b in TRUTH.items())


def checked(score: voters.Score) -> dict:
    q = score.quality
    return {"ece": q.ece, "floor": q.ece_floor, "over": q.ece > q.ece_noise}


def logit(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    table = electorate(rng)
    score = fitted(table.with_columns(y=pl.Series(rng.random(PEOPLE) < expit(leaning(table)))), seed=seed)
    return {"covered": covered(score), **checked(score)}


def households(seed: int) -> dict:
    """Households of four share b and vote alike: latent correlation .6."""
    rng = np.random.default_rng(seed)
    table = electorate(rng).with_columns(pl.col("b", "c").first().over("household"))
    table = table.with_columns(y=pl.Series(draws(rng, expit(leaning(table)), 0.6)))
    score, ignored = fitted(table, cluster="household", seed=seed), fitted(table, seed=seed)
    return {
        "covered": covered(score),
        "ignored": covered(ignored),
        **checked(score),
        "over_ignored": checked(ignored)["over"],
    }


def weighted(seed: int) -> dict:
    """Survey weights of a design effect of 1.5, taken for what they are."""
    rng = np.random.default_rng(seed)
    table = electorate(rng)
    table = table.with_columns(
        y=pl.Series(rng.random(PEOPLE) < expit(leaning(table))), w=pl.Series(rng.lognormal(0, 0.65, PEOPLE))
    )
    score = fitted(table, weight="w", seed=seed)
    return {"covered": covered(score), **checked(score)}


def not_logit(seed: int) -> dict:
    """Chances that no sum of main effects makes: a threshold and a crossing; then with the crossing in the model."""
    rng = np.random.default_rng(seed)
    table = electorate(rng, 4 * PEOPLE)
    crossing = (table["a"] == "y").to_numpy() ^ (table["b"] == "q").to_numpy()
    p = np.where(crossing, 0.75, 0.2) + 0.1 * (table["c"] == "2").to_numpy()
    table = table.with_columns(y=pl.Series(rng.random(table.height) < p))
    main, crossed = fitted(table, seed=seed), fitted(table, seed=seed, interactions=[("a", "b")])
    return checked(main) | {f"crossed_{name}": value for name, value in checked(crossed).items()}


def totals(seed: int) -> dict:
    """Each county's level is its own; the model does not know the county, and is moved to its total."""
    rng = np.random.default_rng(seed)
    table = electorate(rng)
    level = rng.normal(0, 0.5, 12)[table["county"].cast(pl.Int64).to_numpy()]
    table = table.with_columns(y=pl.Series(rng.random(PEOPLE) < expit(leaning(table) + level)))
    score = fitted(table, seed=seed)
    known = table.group_by("county").agg(voted=pl.col("y").sum())
    frame = open_table(table).lazy()
    model, _ = shift_to(score.model, frame, known, ["county"], "voted")
    moved = (
        model.with_prediction(frame, "p")
        .collect()
        .to_native()
        .with_columns(truth=pl.Series(expit(leaning(table) + level)))
    )
    before = score.predict(table).collect()["s"]
    sums = moved.group_by("county").agg(pl.col("p").sum()).join(known, on="county")
    error = (moved["p"] - moved["truth"]).to_numpy()
    return {
        "gap": float((sums["p"] - sums["voted"]).abs().max()),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "rmse_before": float(np.sqrt(np.mean((before - moved["truth"]).to_numpy() ** 2))),
    }


WORLDS = {
    "logit": (logit, 1000),
    "households": (households, 1000),
    "weighted": (weighted, 1000),
    "not logit": (not_logit, 1000),
    "totals": (totals, 1000),
}


def rate(hits: float, of: float) -> str:
    share = hits / of
    return f"{share:.3f} ± {np.sqrt(share * (1 - share) / of):.3f}"


def share(values: pl.Series, most: int) -> str:
    """Return the mean share of `most` and its Monte-Carlo error, a repeat's coefficients counting together."""
    per = values.cast(pl.Float64) / most
    return f"{per.mean():.3f} ± {per.std() / np.sqrt(len(per)):.3f}"


def report(rows: pl.DataFrame) -> str:
    of = {name: rows.filter(world=name) for name in WORLDS}
    lines = [
        "", f"## Coefficients: how often their 95% interval holds the truth ({len(TRUTH)} each, {PEOPLE:,} people)", "",
        "| world | repeats | covered |", "|---|---|---|",
        *(f"| {name} | {of[name].height:,} | {share(of[name]['covered'], len(TRUTH))} |" for name in ("logit", "households", "weighted")),
        f"| households, ignored (what goes wrong) | {of['households'].height:,} | {share(of['households']['ignored'], len(TRUTH))} |",
        "", "## Calibration error among people held out, beside its noise floor", "",
        "Over: beyond what noise alone stays below in 95 of 100 cases. Perfect chances would be over in 0.05; a fitted score is "
        "a little more often though its form is right, since its coefficients are estimates (from 3,000 people; 12,000 for the "
        "last two worlds).", "",
        "| world | repeats | error | floor | over |", "|---|---|---|---|---|",
    ]  # fmt: skip
    told = [("logit", "", "logit"), ("households", "", "households"), ("weighted", "", "weighted")]
    told += [("not logit", "", "not logit, main effects"), ("not logit", "crossed_", "not logit, crossed as it is")]
    for world, prefix, name in told:
        part = of[world]
        ece, floor, over = (part[f"{prefix}{what}"] for what in ("ece", "floor", "over"))
        lines.append(
            f"| {name} | {part.height:,} | {ece.mean():.4f} | {floor.mean():.4f} | {rate(over.sum(), part.height)} |"
        )
    part = of["households"]
    lines.append(f"| households, ignored | {part.height:,} | | | {rate(part['over_ignored'].sum(), part.height)} |")
    moved = of["totals"]
    lines += [
        "", "## County totals", "",
        f"Over {moved.height:,} electorates of 12 counties, expected votes miss a total by at most {moved['gap'].max():.1e}. A "
        f"person's chance is off by {moved['rmse'].mean():.3f} (root mean square), {moved['rmse_before'].mean():.3f} before.", "",
    ]  # fmt: skip
    return "\n".join(lines)
