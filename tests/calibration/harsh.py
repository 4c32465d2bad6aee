"""Do intervals hold where campaigns are small, lumpy, blocked and watched daily? Ours beside the usual formula.

Experiments begin where `analyze` has read its table: one draw is BATCH repeats, whose moments are put together with
numpy and go through the room's own levels, differences, looks, tests of groups and warnings. Lifts, offers and event
studies go through the public functions, one repeat a draw.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from scipy.special import chdtrc, expit, stdtrit

from campaignkit import donors, experiments
from campaignkit.experiments.analyze import given_of
from campaignkit.experiments.moments import comparing
from campaignkit.experiments.moments.comparing import Arms, differences, levels
from campaignkit.experiments.moments.groups import Outcome
from campaignkit.experiments.moments.sequential import _over_days
from campaignkit.experiments.moments.warnings import warnings_of
from campaignkit.stats.intervals.clustered import LeaveOut, leave_out
from campaignkit.stats.intervals.moments import Moments
from tests.calibration.experiments import markdown, rng_of, share

BATCH = 50
START = dt.date(2012, 1, 2)


# --- experiments ----------------------------------------------------------------------------------------


def moments(y: np.ndarray, d: np.ndarray, g: np.ndarray | None = None, clustered: bool = True) -> Moments:
    """One arm's moments from its clusters' totals (or people, d = 1)."""
    x = np.stack([y, d, np.zeros_like(d), (y != 0).astype(float) if g is None else g], axis=-1)
    mean = x.mean(axis=0)
    off = x - mean
    left = leave_out(y, d) if clustered else None
    return Moments(np.array(float(len(y))), mean, off.T @ off, np.array((off[:, 0] ** 3).sum()), left)


def stacked(parts: list[list[Moments]]) -> Moments:
    """Arms × strata."""
    flat = [one for row in parts for one in row]
    shape = (len(parts), len(parts[0]))

    def array(values: list[np.ndarray]) -> np.ndarray:
        whole = np.stack(values)
        return whole.reshape(*shape, *whole.shape[1:])

    left = None
    if flat[0].left is not None:
        left = LeaveOut(*(array([getattr(one.left, name) for one in flat]) for name in ("mean", "ss", "fourth")))
    return Moments(*(array([getattr(one, name) for one in flat]) for name in ("n", "mean", "ss", "cube")), left)


def arms_of(parts: list[list[Moments]], kind: str, cross: np.ndarray | None = None, clustered: bool = True) -> Arms:
    m = stacked(parts)
    size = (m.n * m.mean[..., 1]).sum(axis=0)
    return Arms(["control", "b"], 0, kind, m, size / size.sum(), cross, False, clustered)


def judged(arms: Arms, truth: float, usual: tuple[float, float], outcome: Outcome | None = None) -> dict:
    """Whether our interval covers and rejects, whether it warns, and whether the usual one covers."""
    found = differences(arms, levels(arms))[0]
    outcome = outcome or Outcome("y", arms.kind, arms.moments, np.zeros(2, int), np.zeros(2, int))
    warned = warnings_of([(outcome, arms)], "cluster" if arms.clustered else None)
    low, high = found.lower[1], found.upper[1]
    return {
        "covered": bool(low <= truth <= high), "usual": bool(usual[0] <= truth <= usual[1]), "warned": bool(warned),
        "width": float((high - low) / (usual[1] - usual[0])) if usual[1] > usual[0] else None,
        "known": bool(np.isfinite(found.p_value[1])),
    }  # fmt: skip


def usual_interval(totals: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """CR1 and t on the fewer clusters less one, as before; Welch where each cluster is one person."""
    level, variance = [], []
    for y, d in totals:
        level.append(y.sum() / d.sum())
        e = y - level[-1] * d
        variance.append(len(d) / (len(d) - 1) * (e @ e) / d.sum() ** 2)
    half = stdtrit(min(len(d) for _, d in totals) - 1, 0.975) * np.sqrt(sum(variance))
    return level[1] - level[0] - half, level[1] - level[0] + half


def summed(rows: list[dict]) -> dict:
    """Counts over a batch."""
    names = ("covered", "usual", "warned", "known")
    widths = [row["width"] for row in rows if row.get("width") is not None]
    counts = {name: sum(row.get(name, False) for row in rows) for name in names}
    return counts | {"n": len(rows), "width": float(np.median(widths)) if widths else None}


def batched(world: str, once):
    def run(seed: int) -> dict:
        rng = rng_of(world, seed)
        return summed([once(rng) for _ in range(BATCH)])

    return run


def sizes_of(rng: np.random.Generator, what: str, clusters: int) -> np.ndarray:
    if what == "lognormal":
        return np.maximum(np.round(np.exp(rng.normal(3.5, 1.0, clusters))), 1)
    return np.r_[2000.0, np.full(clusters - 1, 50.0)] if what == "huge" else np.full(clusters, 30.0)


def means(what: str, clusters: int, correlation: float = 0.1):
    def once(rng: np.random.Generator) -> dict:
        totals = []
        for _ in range(2):
            d = sizes_of(rng, what, clusters)
            own = rng.normal(0, np.sqrt(correlation), clusters)
            totals.append((d * own + rng.normal(size=clusters) * np.sqrt(d * (1 - correlation)), d))
        return judged(arms_of([[moments(*one)] for one in totals], "mean"), 0.0, usual_interval(totals))

    return once


def yes_no(what: str, clusters: tuple[int, int], rate: float, effect: float = 0.0, correlation: float = 0.1):
    def once(rng: np.random.Generator) -> dict:
        totals, count, a = [], int(rng.integers(clusters[0], clusters[1] + 1)), (1 - correlation) / correlation
        for p in (rate, rate + effect):
            d = sizes_of(rng, what, count)
            totals.append((rng.binomial(d.astype(int), rng.beta(a * p, a * (1 - p), count)).astype(float), d))
        return judged(arms_of([[moments(y, d, y)] for y, d in totals], "rate"), effect, usual_interval(totals))

    return once


def blocks(clusters: int, rate: float):
    """Clusters with people of both arms, alike within: the covariance of the arms is most of what varies."""

    def once(rng: np.random.Generator) -> dict:
        p = rng.beta(rate * 2, (1 - rate) * 2, clusters)
        sizes = [np.full(clusters, 25.0), np.full(clusters, 25.0)]
        totals = [(rng.binomial(25, p).astype(float), d) for d in sizes]
        parts = [moments(y, d, y) for y, d in totals]
        factor = [1.0 if one.df() >= 40 else clusters / (clusters - 1) for one in parts]
        x = [np.stack([y, d, np.zeros_like(d)], axis=-1) * f for (y, d), f in zip(totals, factor, strict=True)]
        cross = np.stack([one.T @ x[0] for one in x])[:, None]
        apart = totals[1][0] / 25 - totals[0][0] / 25
        half = stdtrit(clusters - 1, 0.975) * apart.std(ddof=1) / np.sqrt(clusters)
        return judged(arms_of([[one] for one in parts], "rate", cross), 0.0, (apart.mean() - half, apart.mean() + half))

    return once


def pairs(count: int):
    """Pairs of clusters alike in size and level, one of each drawn for the arm; the usual test forgets the pairs."""

    def once(rng: np.random.Generator) -> dict:
        p, size = rng.beta(1.5, 3, count), np.round(np.exp(rng.normal(3.5, 0.5, count))) + 5
        totals = [
            (rng.binomial(size.astype(int), rng.beta(20 * p, 20 * (1 - p))).astype(float), size) for _ in range(2)
        ]
        parts = [[moments(y[[i]], d[[i]], y[[i]]) for i in range(count)] for y, d in totals]
        return judged(arms_of(parts, "rate"), 0.0, usual_interval(totals))

    return once


def heavy(givers: tuple[int, int], s: float, sizes: tuple[int, int] = (10_000, 10_000)):
    """Log-normal gifts; the mean among givers of the smaller arm, and the difference of dollars a head."""

    def once(rng: np.random.Generator) -> dict:
        wanted = int(np.exp(rng.uniform(*np.log(givers))))
        parts, logs, gifts, totals = [], {}, [], []
        for name, n in zip(("control", "b"), sizes, strict=True):
            amounts = np.exp(rng.normal(0, s, rng.binomial(n, wanted / min(sizes))))
            y = np.r_[amounts, np.zeros(n - len(amounts))]
            parts.append([moments(y, np.ones(n), clustered=False)])
            logs[name] = float(np.log(amounts).var(ddof=1))
            gifts.append(amounts)
            totals.append((y, np.ones(n)))
        arms = arms_of(parts, "money", clustered=False)
        outcome = Outcome("y", "money", arms.moments, np.zeros(2, int), np.zeros(2, int), None, {}, logs)
        row = judged(arms, 0.0, usual_interval(totals), outcome)
        given, truth = given_of(arms, {}), float(np.exp(s**2 / 2))
        small = gifts[1]
        half = stdtrit(len(small) - 1, 0.975) * small.std(ddof=1) / np.sqrt(len(small)) / small.mean()
        among = given["mean_given_lower"][1] <= truth <= given["mean_given_upper"][1]
        before = small.mean() * np.exp(-half) <= truth <= small.mean() * np.exp(half)
        return row | {"among": bool(among), "among_before": bool(before)}

    def run(seed: int) -> dict:
        rng = rng_of(f"heavy {givers} {s} {sizes}", seed)
        rows = [once(rng) for _ in range(BATCH)]
        return summed(rows) | {name: sum(row[name] for row in rows) for name in ("among", "among_before")}

    return run


def looks(draw, ratio: int, per_day: int, rate: float):
    """Thirty daily looks, the arm `ratio` times smaller: how often the sequence ever excludes the truth."""

    def once(rng: np.random.Generator) -> dict:
        days, parts = 30, []
        for n in (per_day * ratio, per_day):
            daily = [moments(draw(rng, n, rate), np.ones(n), clustered=False) for _ in range(days)]
            parts.append(daily)
        m = stacked(parts).over(1, running=True)
        arms = Arms(["control", "b"], 0, "rate" if draw is ones else "money", m, np.ones(1), None, False, False)
        row = {}
        for name, steadied in (("covered", comparing), ("usual", None)):
            table = _looked(arms, steadied is not None)
            row[name] = not table.filter((pl.col("lower") > 0) | (pl.col("upper") < 0)).height
        return row | {"warned": False, "known": True}

    return once


def _looked(arms: Arms, steadied: bool) -> pl.DataFrame:
    from campaignkit.experiments.moments import sequential

    kept, days = sequential.START_EVENTS, pl.Series("day", range(arms.moments.n.shape[1]))
    right = Moments.steadied
    if not steadied:
        Moments.steadied = lambda self, events: self
    try:
        return _over_days(arms, "y", 1, days, None)[0]
    finally:
        Moments.steadied, sequential.START_EVENTS = right, kept


def ones(rng: np.random.Generator, n: int, rate: float) -> np.ndarray:
    return (rng.random(n) < rate).astype(float)


def heavy_gifts(rng: np.random.Generator, n: int, rate: float) -> np.ndarray:
    return np.where(rng.random(n) < rate, np.exp(rng.normal(0, 1.0, n)), 0.0)


def groups(count: int, size: int, rate: float | None, clusters: int | None = None):
    """Nothing differs: how often groups are said to. Public `effects_by`, beside Cochran's Q."""

    def run(seed: int) -> dict:
        rng = rng_of(f"groups {count} {size} {rate} {clusters}", seed)
        n = count * size
        group = np.repeat(np.arange(count), size)
        if clusters is None:
            cluster, arm = np.arange(n), rng.permuted(np.tile([0, 1], (count, size // 2)), axis=1).ravel()
            y = rng.normal(size=n) if rate is None else (rng.random(n) < rate).astype(float)
        else:
            each = size // clusters
            cluster = np.repeat(np.arange(count * clusters), each)
            arm = np.repeat(rng.permuted(np.tile([0, 1], (count, clusters // 2)), axis=1).ravel(), each)
            y = (rng.random(n) < rng.beta(3, 7, count * clusters)[cluster]).astype(float)
        frame = pl.DataFrame({"arm": np.where(arm, "b", "control"), "y": y, "group": group, "cluster": cluster})
        own = {} if clusters is None else {"cluster": "cluster"}
        found = experiments.effects_by(frame, "arm", "y", "group", **own)
        p = found.differs["p_value"].item()
        return {
            "covered": int(p >= 0.05), "usual": int(_cochran(frame) >= 0.05), "warned": int(bool(found.warnings)),
            "known": int(np.isfinite(p)), "n": 1, "width": None,
        }  # fmt: skip

    return run


def _cochran(frame: pl.DataFrame) -> float:
    y, n = pl.col("y"), pl.col("n")
    totals = frame.group_by("group", "arm", "cluster").agg(y.sum(), n=pl.len()).with_columns(m=y / n)
    arms = totals.group_by("group", "arm").agg(y=y.sum() / n.sum(), v=pl.col("m").var() / pl.len())
    wide = arms.pivot("arm", index="group", values=["y", "v"])
    d, v = (wide["y_b"] - wide["y_control"]).to_numpy(), (wide["v_b"] + wide["v_control"]).to_numpy()
    known = v > 0
    w = 1 / v[known]
    return float(chdtrc(known.sum() - 1, w @ (d[known] - w @ d[known] / w.sum()) ** 2))


# --- lifts, offers, event studies -----------------------------------------------------------------------


def lift_row(found: donors.Lift, truth: float) -> dict:
    """The credible range (all credible intervals together), the lead's interval, and the linear estimators' range."""
    credible, lead = found.credible, found.table.filter(pl.col("estimator") == found.lead)
    old = found.table.filter(pl.col("estimator").is_in(["regression", "imputation", "ipw", "entropy", "aipw"]))

    def inside(rows: pl.DataFrame) -> bool:
        return bool(rows.height and rows["lower"].min() <= truth <= rows["upper"].max())

    return {
        "covered": int(inside(lead)), "usual": int(inside(old)), "together": int(inside(credible)), "n": 1,
        "warned": int(bool(found.named_warnings)), "known": 1, "width": None,
    }  # fmt: skip


def lift(world: str):
    def run(seed: int) -> dict:
        rng, n = rng_of(world, seed), 1200
        x = rng.normal(size=(n, 3))
        bent = x[:, 0] ** 2 - 1 if world == "u-shaped" else x[:, 0]
        t = rng.random(n) < expit(-1.0 + 0.7 * bent + 0.4 * x[:, 1])
        y = 20 + 2 * bent + x[:, 1] + 2 * t + rng.normal(0, 3, n)
        table = pl.DataFrame(
            {"person": np.arange(n), "joined": t, "gifts": y, "x1": x[:, 0], "x2": x[:, 1], "x3": x[:, 2]}
        )
        if world == "missing confounder":
            table = table.with_columns(x1=pl.when(pl.Series(rng.random(n) >= 0.3)).then(pl.col("x1")))
        found = donors.estimate_lift(table, "joined", "gifts", ["x1", "x2", "x3"], unit="person", seed=seed)
        return lift_row(found, 2.0)

    return run


def lift_clusters(seed: int) -> dict:
    """Sixty clusters of log-normal size that join whole."""
    rng = rng_of("lift clusters", seed)
    size = sizes_of(rng, "lognormal", 60).astype(int)
    home = np.repeat(np.arange(60), size)
    u, level = rng.normal(size=60), rng.normal(0, 1.0, 60)
    t = (rng.random(60) < expit(0.5 * u))[home]
    x = u[home] + rng.normal(size=len(home))
    y = 20 + x + 2 * t + level[home] + rng.normal(0, 2, len(home))
    table = pl.DataFrame({"person": np.arange(len(home)), "joined": t, "gifts": y, "x": x, "u": u[home], "home": home})
    given = {"estimators": ["difference", "regression", "entropy"], "seed": seed}
    found = donors.estimate_lift(table, "joined", "gifts", ["x", "u"], unit="person", cluster="home", **given)
    return lift_row(found, 2.0)


def offer_clusters(seed: int) -> dict:
    """Twenty clusters of log-normal size, offered whole."""
    rng = rng_of("offer clusters", seed)
    size = sizes_of(rng, "lognormal", 20).astype(int)
    home = np.repeat(np.arange(20), size)
    z = rng.permutation(np.repeat([0, 1], 10))[home]
    joined = rng.random(len(home)) < 0.2 + 0.4 * z
    y = 10 + rng.normal(0, 1.0, 20)[home] + 3 * joined + rng.normal(0, 3, len(home))
    table = pl.DataFrame({"offered": z, "joined": joined, "gifts": y, "home": home})
    found = donors.encouragement(table, "offered", "joined", "gifts", cluster="home")
    late = found.table.row(2, named=True)
    low, high = (late["lower"] if late["lower"] is not None else -np.inf), (late["upper"] or np.inf)
    return {
        "covered": int(low <= 3 <= high), "usual": 0, "n": 1, "warned": int("few_clusters" in found.named_warnings),
        "known": 1, "width": None,
    }  # fmt: skip


def drifting(slope: float):
    """Joiners' gifts drift by a share of their level each week; joining adds nothing else."""

    def run(seed: int) -> dict:
        rng = rng_of(f"drift {slope}", seed)
        people, weeks = 400, 12
        joined = np.where(rng.random(people) < 0.5, rng.integers(5, 11, people), 99)
        own = rng.gamma(2, 2, people)
        trend = np.where(joined[:, None] < 99, 1 + slope * np.arange(weeks), 1.0)
        effect = np.where(np.arange(weeks)[None, :] >= joined[:, None], 2.0, 0.0)
        amount = np.where(rng.random((people, weeks)) < 0.5, (own[:, None] * trend + effect) * 2, 0)
        who, week = np.nonzero(amount)
        gifts = pl.DataFrame({"person": who, "on": week * 7 + 3, "amount": amount[who, week]})
        gifts = gifts.with_columns(on=pl.lit(START) + pl.duration(days=pl.col("on")))
        day = pl.when(pl.col("j") < 99).then(pl.lit(START) + pl.duration(days=7 * pl.col("j") + 2))
        table = pl.DataFrame({"person": np.arange(people), "j": joined}).select("person", day.alias("enrolled_on"))
        found = donors.event_study(
            table, gifts, unit="person", enrolled_on="enrolled_on", gift_date="on", amount="amount", start=START,
            end=START + dt.timedelta(days=7 * weeks - 1), window=(-4, 5),
        )  # fmt: skip
        return {
            "covered": int(found.robust.lower <= 2.0 <= found.robust.upper), "known": 1, "n": 1, "width": None,
            "usual": int(found.overall.lower <= 2.0 <= found.overall.upper), "warned": int(bool(found.named_warnings)),
        }  # fmt: skip

    return run


MANY, SOME = 40, 1000  # draws of a batch; draws of one
EXPERIMENTS = {
    "10 + 10 clusters of log-normal size": means("lognormal", 10),
    "40 + 40 clusters of log-normal size": means("lognormal", 40),
    "20 + 20 clusters, one of 2,000 people among 50s": means("huge", 20),
    "200 + 200 clusters of log-normal size, 2% yes": yes_no("lognormal", (200, 200), 0.02),
    "4 to 12 clusters an arm, 30% yes": yes_no("even", (4, 12), 0.3),
    "4 to 12 clusters an arm, +33 points": yes_no("even", (4, 12), 0.3, 0.33, 0.02),
    "blocks: 30 clusters span the arms, 30% yes": blocks(30, 0.3),
    "12 matched pairs of clusters, yes or no": pairs(12),
    "gentle: 300 + 300 clusters of 30": yes_no("even", (300, 300), 0.3),
}
HEAVY = {
    "log-normal gifts s = 1.5, 30 to 300 givers": heavy((30, 300), 1.5),
    "log-normal gifts s = 0.5, 2,000 beside 20,000, 30 to 40 givers": heavy((30, 40), 0.5, (20_000, 2_000)),
    "gentle: log-normal gifts s = 0.5, 60 to 300 givers": heavy((60, 300), 0.5),
}
LOOKS = {
    "looks, 10 to 1, 2% yes": looks(ones, 10, 50, 0.02),
    "looks, 10 to 1, 2% give, heavy": looks(heavy_gifts, 10, 50, 0.02),
    "gentle: looks, 1 to 1, 5% yes": looks(ones, 1, 150, 0.05),
}
GROUPS = {
    "60 groups, 20,000 people, 0.5% yes": groups(60, 334, 0.005),
    "20 groups of 8, a number": groups(20, 8, None),
    "20 groups of 8, half yes": groups(20, 8, 0.5),
    "10 groups of 6 clusters, yes or no": groups(10, 120, 0.3, 6),
    "gentle: 5 groups of 2,000, 45% yes": groups(5, 2000, 0.45),
}
LIFTS = {
    "lift, U-shaped joining": lift("u-shaped"),
    "lift, 30% of the confounder missing": lift("missing confounder"),
    "lift, 60 clusters of log-normal size": lift_clusters,
    "gentle: lift, straight lines": lift("linear"),
    "offer to 20 clusters of log-normal size": offer_clusters,
    "event study, joiners drift by 3% a week": drifting(0.03),
    "gentle: event study, nobody drifts": drifting(0.0),
}
WORLDS = (
    {name: (batched(name, once), MANY) for name, once in EXPERIMENTS.items()}
    | {name: (run, MANY) for name, run in HEAVY.items()}
    | {name: (batched(name, once), MANY) for name, once in LOOKS.items()}
    | {name: (run, SOME if "missing" not in name else SOME // 4) for name, run in (GROUPS | LIFTS).items()}  # 3 s each
)
WHAT = {
    "groups": "no difference said where none is; usual: Cochran's Q",
    "looks": "the sequence never excludes the truth; usual: the arms' own variances",
    "lift": "the lead's interval; usual: the linear estimators' intervals together",
    "event": "Rambachan and Roth's bounds; usual: the plain interval",
}


def report(rows: pl.DataFrame) -> str:
    head = ["world", "repeats", "covers", "the usual covers", "warns", "width / usual", "p-value known"]
    body = []
    for world in WORLDS:
        part = rows.filter(pl.col("world") == world)
        if part.is_empty():
            continue
        n, width = part["n"].sum(), part["width"].median()
        usual = "–" if world.startswith("offer") else share(part["usual"].sum(), n)
        wide = "–" if width is None else f"{width:.2f}"
        body.append([world, f"{n:,}", share(part["covered"].sum(), n), usual, share(part["warned"].sum(), n), wide,
                     share(part["known"].sum(), n)])  # fmt: skip
    told = "\n".join(f"- {name}: {text}." for name, text in WHAT.items())
    among = rows.drop_nulls("among") if "among" in rows.columns else rows.head(0)
    given = [
        [world, share(part["among"].sum(), part["n"].sum()), share(part["among_before"].sum(), part["n"].sum())]
        for (world,), part in among.group_by("world", maintain_order=True)
    ]
    return (
        "95% intervals of differences, where nothing but what is named differs. `covers` is ours; `the usual` is CR1 (or "
        "Welch's) with the number of clusters less one. A warning is one that has a name.\n\n"
        f"{told}\n\n{markdown(head, body)}\n## Mean among givers\n\n"
        + markdown(["world", "Hall (ours)", "delta method of the logarithm (before)"], given)
    )
