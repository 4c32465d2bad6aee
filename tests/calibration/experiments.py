"""What the experiments' room promises, counted over many made-up experiments.

Sequential and winners go through the public functions. Single comparisons, families and groups begin where `analyze` has
read its table: numpy adds up many experiments at once, and the room's own levels, intervals, p-values, corrections and
shrinkage take them from there (that `analyze` reads a table rightly is held against brute force in the tests). One draw
of these is BATCH repeats.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import polars as pl

from campaignkit import experiments
from campaignkit.experiments.analyze import given_of
from campaignkit.experiments.effects_by import USUAL, _compared
from campaignkit.experiments.moments.comparing import Arms, Levels, by_welch
from campaignkit.sample.gifts import amounts
from campaignkit.stats.arrays import Bounds
from campaignkit.stats.intervals.differences import inverted, mover, mover_ratio
from campaignkit.stats.intervals.moments import Moments
from campaignkit.stats.intervals.multiplicity import adjusted

BATCH, DAILY = 50, 10
RATE, GIVERS = 0.05, 0.015
ARMS = 12
SPREADS = (0.0, 0.15, 0.4, 0.8)
USUAL_GIFT = float(np.mean(amounts(np.random.default_rng(0), np.random.default_rng(1).normal(3.0, 0.5, 2_000_000))))


def rng_of(world: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, *world.encode()])


def gifts(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    """Dollars of people who give with these chances: the sample's amounts, log-normal with most at the asks."""
    gave = rng.random(rate.shape) < rate
    found = np.zeros(rate.shape)
    found[gave] = amounts(rng, rng.normal(3.0, 0.5, int(gave.sum())))
    return found


def rates(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    return (rng.random(rate.shape) < rate).astype(np.int8)


def moments(y: np.ndarray, cluster: np.ndarray | None = None, pre: np.ndarray | None = None) -> Moments:
    """Moments of one arm in many experiments (rows of `y`), as `reading` makes of them of a table."""
    one = np.ones_like(y, float)
    parts = [y.astype(float), one, np.zeros_like(one) if pre is None else pre, (y != 0).astype(float)]
    if cluster is not None:
        starts = np.flatnonzero(np.diff(cluster, prepend=-1))
        parts = [np.add.reduceat(x, starts, axis=1) for x in parts]
    x = np.stack(parts, axis=-1)
    mean = x.mean(axis=1)
    off = x - mean[:, None]
    n = np.full(len(y), float(x.shape[1]))
    return Moments(n, mean, np.einsum("rui,ruj->rij", off, off), (off[..., 0] ** 3).sum(axis=1))


def levels_of(m: Moments, kind: str, clustered: bool = False) -> Levels:
    """What `comparing.levels` makes of an arm, for many experiments at once."""
    found = m.level()
    gift = float((m.n * m.mean[:, 0]).sum() / max((m.n * m.mean[:, 3]).sum(), 1e-9))
    return Levels(kind, clustered, found.value, found.variance / m.n, m.n - 1, m.third_cumulant(), m.n, gift)


def difference(control: Levels, arm: Levels) -> dict[str, np.ndarray]:
    """What `comparing.differences` makes of two arms."""

    def bounds(alpha: np.ndarray) -> Bounds:
        return mover(arm.value, arm.bounds(alpha), control.value, control.bounds(alpha))

    lower, upper = bounds(np.full(arm.value.shape, 0.05))
    se = np.sqrt(arm.variance + control.variance)
    return {
        "d": arm.value - control.value,
        "se": se,
        "lower": lower,
        "upper": upper,
        "p": inverted(bounds, arm.value.shape),
    }


def counted(control: Moments, arm: Moments, kind: str, base: float, effect: float, clustered: bool = False) -> dict:
    """How many p-values are below .05 and how many intervals miss."""
    one, two = levels_of(control, kind, clustered), levels_of(arm, kind, clustered)
    found = difference(one, two)

    def missed(bounds: Bounds, truth: float) -> int:
        return int(((bounds[0] > truth) | (bounds[1] < truth)).sum())

    count = {"tests": len(two.value), "rejected": int((found["p"] < 0.05).sum())}
    count["missed"] = missed((found["lower"], found["upper"]), effect)
    count["missed_level"] = missed(two.bounds(), base + effect)
    count["missed_ratio"] = missed(mover_ratio(two.value, two.bounds(), one.value, one.bounds()), 1 + effect / base)
    count["welch"] = int((np.abs(found["d"] - effect) > 1.96 * found["se"]).sum())
    given = [
        given_of(Arms(["b"], 0, kind, arm.pick(slice(i, i + 1), None), np.ones(1), None, False, False), {})
        for i in range(len(arm.n))
    ]
    count["missed_mean"] = sum(
        not x["mean_given_lower"][0] <= USUAL_GIFT <= x["mean_given_upper"][0] for x in given if kind == "money"
    )
    return count


def single(world: str, draw: Callable, sizes: tuple[int, int], base: float, effect: float, unit: float):
    """Two arms."""

    def run(seed: int) -> dict:
        rng, kind = rng_of(world, seed), "money" if draw is gifts else "rate"
        arms = [moments(draw(rng, np.full((BATCH, n), p))) for n, p in zip(sizes, (base, base + effect), strict=True)]
        return counted(*arms, kind, base * unit, effect * unit)

    return run


def clusters(world: str, effect: float, ignore: bool = False):
    """Households of 1–6, correlation .1 (beta-binomial), rate .3; assigned whole."""

    def run(seed: int) -> dict:
        rng, arms = rng_of(world, seed), []
        for rate in (0.3, 0.3 + effect):
            cluster = np.repeat(np.arange(600), rng.integers(1, 7, 600))
            p = rng.beta(9 * rate, 9 * (1 - rate), (BATCH, 600))
            arms.append(moments(rates(rng, p[:, cluster]), None if ignore else cluster))
        return counted(*arms, "rate", 0.3, effect, not ignore)

    return run


def cuped(world: str, effect: float):
    """A skewed outcome that follows its forerunner (correlation .8)."""

    def run(seed: int) -> dict:
        rng, found = rng_of(world, seed), []
        pre = rng.exponential(1.0, (2, BATCH, 400))
        y = pre + rng.exponential(0.75, pre.shape)
        y[1] += effect
        both = [moments(a, pre=b) for a, b in zip(y, pre, strict=True)]
        m = Moments(*(np.stack(x) for x in zip(*((one.n, one.mean, one.ss, one.cube) for one in both), strict=True)))
        for i in range(BATCH):
            arms = Arms(
                ["control", "b"], 0, "mean", m.pick(slice(None), slice(i, i + 1)), np.ones(1), None, True, False
            )
            found.append([x[1] for x in by_welch(arms)[0]])
        _, _, lower, upper, p = np.array(found).T
        missed = int(((lower > effect) | (upper < effect)).sum())
        return {"tests": BATCH, "rejected": int((p < 0.05).sum()), "missed": missed} | dict.fromkeys(
            ("missed_level", "missed_ratio", "missed_mean", "welch"), 0
        )

    return run


def family(world: str, draw: Callable, base: float, lift: tuple[float, ...], correction: str):
    """A control and 12 arms of 1,500, the first of them better; counts false claims."""

    def run(seed: int) -> dict:
        rng, kind = rng_of(world, seed), "money" if draw is gifts else "rate"
        factor = np.ones(1 + ARMS)
        factor[1 : 1 + len(lift)] = lift
        arms = [levels_of(moments(draw(rng, np.full((BATCH, 1500), base * f))), kind) for f in factor]
        p = np.stack([difference(arms[0], arm)["p"] for arm in arms[1:]], axis=1)
        claimed = np.stack([adjusted(row, correction) for row in p]) < 0.05
        false = claimed[:, len(lift) :].sum(axis=1)
        return {
            "any_false": int((false > 0).sum()), "fdp": float((false / np.maximum(claimed.sum(axis=1), 1)).sum()),
            "found": int(claimed[:, : len(lift)].sum()), "experiments": BATCH,
        }  # fmt: skip

    return run


def looks(world: str, draw: Callable, base: float, lift: float = 1.0):
    """Thirty days of 150 people an arm and day, looked at every morning."""

    def run(seed: int) -> dict:
        rng = rng_of(world, seed)
        found = pl.DataFrame([once(rng) for _ in range(DAILY)])
        return found.sum().row(0, named=True) | {"experiments": DAILY}

    def once(rng: np.random.Generator) -> dict:
        n = 9000
        arm = np.where(rng.random(n) < 0.5, "b", "control")
        y = draw(rng, np.where(arm == "b", base * lift, base))
        frame = pl.DataFrame({"arm": arm, "day": np.sort(rng.integers(0, 30, n)), "y": y})
        found = experiments.analyze(frame, "arm", "y", sequence="day")
        table = found.sequential.table.drop_nulls("lower")
        truth = base * (lift - 1) * (USUAL_GIFT if draw is gifts else 1.0)
        last = table.row(-1, named=True)
        return {
            "any_miss": table.filter((pl.col("lower") > truth) | (pl.col("upper") < truth)).height > 0,
            "claimed": table.filter((pl.col("lower") > 0) | (pl.col("upper") < 0)).height > 0,
            "peeked": peeked(frame),
            "width": (last["upper"] - last["lower"]) / (2 * 1.96 * found.table.filter(arm="b")["std_error"][0]),
        }

    return run


def peeked(frame: pl.DataFrame) -> bool:
    """Whether a fixed-n z test, looked at every day, would have been significant on some day."""
    daily = frame.group_by("day", "arm").agg(
        n=pl.len(), s=pl.col("y").cast(pl.Float64).sum(), q=(pl.col("y").cast(pl.Float64) ** 2).sum()
    )
    wide = daily.sort("day").pivot("arm", index="day", values=["n", "s", "q"]).fill_null(0)
    n, s, q = (np.cumsum(wide.select(f"{x}_b", f"{x}_control").to_numpy().astype(float), axis=0) for x in "nsq")
    with np.errstate(all="ignore"):
        mean, variance = s / n, (q / n - (s / n) ** 2) / n
        z = (mean[:, 0] - mean[:, 1]) / np.sqrt(variance.sum(axis=1))
    return bool((np.abs(z) > 1.96).any())


def won(world: str, draw: Callable, base: float, n: int):
    """Twelve arms whose true levels differ by a spread that differs from draw to draw; a fresh half for the truth."""

    def run(seed: int) -> dict:
        rng = rng_of(world, seed)
        spread = SPREADS[seed % len(SPREADS)]
        s = np.sqrt(np.log1p(spread**2))
        true = base * np.exp(rng.normal(-(s**2) / 2, s, ARMS))
        names = np.array([f"arm_{i:02}" for i in range(ARMS)])
        arm = np.repeat(np.arange(ARMS), n)
        frame = pl.DataFrame({"arm": names[arm], "y": draw(rng, true[arm])})
        try:
            found = experiments.winners(frame, "arm", "y", seed=seed)
        except experiments_errors():
            return {"spread": spread, "skipped": True}
        unit = USUAL_GIFT if draw is gifts else 1.0
        held = pl.Series(draw(rng, true[arm])).cast(pl.Float64).to_numpy().reshape(ARMS, n).mean(axis=1)
        order = [int(name[-2:]) for name in found.table["arm"]]
        truth = true[order] * unit
        inside = (found.table["lower"].to_numpy() <= truth) & (truth <= found.table["upper"].to_numpy())
        best = truth == truth.max() if spread else np.zeros(ARMS, bool)
        p = found.table["probability_best"].to_numpy()
        scale = base * unit
        return {
            "spread": spread, "skipped": False, "lead": found.lead / scale, "shrunk": found.shrunk_lead / scale,
            "held": float(held[order][0] - held[order][1:].mean()) / scale,
            "true": float(truth[0] - truth[1:].mean()) / scale, "covered": float(inside.mean()),
            "p": [float(x) for x in p], "best": [bool(x) for x in best],
            "loss": float(found.table["expected_loss"][0]) / scale, "lost": float(truth.max() - truth[0]) / scale,
        }  # fmt: skip

    return run


def experiments_errors() -> type[Exception]:
    from campaignkit.errors import NotEnoughData

    return NotEnoughData


def groups(world: str, effects: tuple[float, ...], size: int, base: float):
    """Groups of `size` people in each of two arms."""

    def run(seed: int) -> dict:
        rng, true, found = rng_of(world, seed), np.array(effects), []
        groups = []
        for effect in effects:
            pair = [levels_of(moments(rates(rng, np.full((BATCH, size), base + x))), "rate") for x in (0.0, effect)]
            groups.append(difference(*pair))
        d, se, p = (np.stack([one[x] for one in groups], axis=1) for x in ("d", "se", "p"))
        for i in range(BATCH):
            rows = pl.DataFrame({"arm": "b", "estimate": d[i], "std_error": se[i], "variance": se[i] ** 2})
            table, differs = _compared(rows.with_columns(df=2.0 * size - 2), USUAL * 0.5, float(d[i].mean()))
            claimed = adjusted(p[i], "bh") < 0.05
            inside = (table["shrunk_lower"].to_numpy() <= true) & (true <= table["shrunk_upper"].to_numpy())
            false = int(claimed[true == 0].sum()) / max(int(claimed.sum()), 1)
            found.append((differs["p_value"] < 0.05, bool(claimed[0]), false, float(inside.mean())))
        names = ("differ", "found_first", "false", "covered")
        return dict(zip(names, np.sum(found, axis=0).tolist(), strict=True)) | {"experiments": BATCH}

    return run


EVEN, ODD = (4000, 4000), (8000, 2000)
SINGLE = {
    "rate, equal arms": single("r1", rates, EVEN, RATE, 0.0, 1.0),
    "rate, 8,000 and 2,000": single("r2", rates, ODD, RATE, 0.0, 1.0),
    "dollars, equal arms": single("d1", gifts, EVEN, GIVERS, 0.0, USUAL_GIFT),
    "dollars, 8,000 and 2,000": single("d2", gifts, ODD, GIVERS, 0.0, USUAL_GIFT),
    "clusters (correlation .1, sizes 1–6)": clusters("c1", 0.0),
    "CUPED, skewed": cuped("q1", 0.0),
}
MUTANT = {"clusters, ignored": clusters("c1", 0.0, ignore=True)}
PLANTED = {
    "rate +1.5 points": single("r3", rates, EVEN, RATE, 0.015, 1.0),
    "rate +1.5 points, 8,000 and 2,000": single("r4", rates, ODD, RATE, 0.015, 1.0),
    "dollars, half as many givers more": single("d3", gifts, EVEN, GIVERS, 0.0075, USUAL_GIFT),
    "dollars, the same, 8,000 and 2,000": single("d4", gifts, ODD, GIVERS, 0.0075, USUAL_GIFT),
    "clusters +5 points": clusters("c2", 0.05),
    "CUPED, +0.2": cuped("q2", 0.2),
}
FAMILY = {
    "rates, nothing there, Holm": family("f1", rates, 0.03, (), "holm"),
    "dollars, nothing there, Holm": family("f2", gifts, 0.03, (), "holm"),
    "rates, 4 of 12 better, BH": family("f3", rates, 0.03, (1.6, 1.8, 2.0, 2.2), "bh"),
    "dollars, 4 of 12 better, BH": family("f4", gifts, 0.03, (1.6, 1.8, 2.0, 2.2), "bh"),
    "rates, nothing there, not corrected": family("f1", rates, 0.03, (), "none"),
}
LOOKS = {
    "dollars, nothing there": looks("l1", gifts, 0.03),
    "rates, nothing there": looks("l2", rates, RATE),
    "dollars, half as many givers more": looks("l3", gifts, 0.03, 1.5),
}
WON = {"rates": won("w1", rates, 0.01, 2000), "dollars": won("w2", gifts, 0.015, 4000)}
GROUPS = {
    "same effect (+2) in 5 groups, 1,000 each arm": groups("g1", (0.02,) * 5, 1000, 0.45),
    "no effect in 5 groups, 1,000 each arm": groups("g2", (0.0,) * 5, 1000, 0.45),
    "+4 in one of 5 groups": groups("g3", (0.04, 0.0, 0.0, 0.0, 0.0), 5000, 0.45),
    "+4 in one of 2 groups": groups("g4", (0.04, 0.0), 5000, 0.45),
    "+4 in one of 5 groups, 2,500 each arm": groups("g5", (0.04, 0.0, 0.0, 0.0, 0.0), 2500, 0.45),
    "+4 in one of 5 groups, 2,500 each arm, base 10%": groups("g6", (0.04, 0.0, 0.0, 0.0, 0.0), 2500, 0.10),
}
PARTS = {"single": SINGLE | MUTANT, "planted": PLANTED, "family": FAMILY, "looks": LOOKS, "won": WON, "groups": GROUPS}
DRAWS = {"single": 100, "planted": 40, "family": 100, "looks": 500, "won": 2000, "groups": 100}
FEWER = {
    "single: clusters, ignored": 20,
    "family: rates, nothing there, not corrected": 20,
    "looks: rates, nothing there": 100,
    "looks: dollars, half as many givers more": 100,
    "groups: no effect in 5 groups, 1,000 each arm": 20,
}


def most(part: str, name: str) -> int:
    """How many draws of a world are worth while."""
    return 20 if name.startswith("+4") else FEWER.get(f"{part}: {name}", DRAWS[part])


WORLDS = {f"{part}: {name}": (run, most(part, name)) for part, worlds in PARTS.items() for name, run in worlds.items()}


# --- the report -----------------------------------------------------------------------------------------


def share(hits: float, n: float) -> str:
    p = hits / n
    return f"{p:.1%} ± {np.sqrt(max(p * (1 - p), 1e-9) / n):.1%}"


def mean(values: pl.Series) -> str:
    return f"{values.mean():.3f} ± {(values.std() or 0.0) / np.sqrt(len(values)):.3f}"


def markdown(head: list[str], rows: list[list[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def of(rows: pl.DataFrame, kind: str) -> list[tuple[str, pl.DataFrame]]:
    names = [name for name in WORLDS if name.startswith(f"{kind}: ") and (rows["world"] == name).any()]
    return [(name.split(": ", 1)[1], rows.filter(world=name)) for name in names]


def report(rows: pl.DataFrame) -> str:
    parts = [_single(rows), _planted(rows), _family(rows), _looks(rows), _won(rows), _best(rows), _groups(rows)]
    return "\n".join(parts)


def _single(rows: pl.DataFrame) -> str:
    head = ["world", "comparisons", "p < .05 (bar: 4–6%)", "Student's t with the same standard error"]
    body = []
    for name, part in of(rows, "single"):
        n = part["tests"].sum()
        body.append([name, f"{n:,}", share(part["rejected"].sum(), n), share(part["welch"].sum(), n)])
    return "## Single comparisons where nothing differs\n\n" + markdown(head, body)


def _planted(rows: pl.DataFrame) -> str:
    head = ["world", "comparisons", "difference", "level", "ratio", "mean among givers", "power"]
    body = []
    for name, part in of(rows, "planted"):
        n = part["tests"].sum()
        money = "dollars" in name
        cells = [share(n - part[x].sum(), n) for x in ("missed", "missed_level")]
        cells.append("–" if "CUPED" in name else share(n - part["missed_ratio"].sum(), n))
        cells.append(share(n - part["missed_mean"].sum(), n) if money else "–")
        cells[1] = "–" if "CUPED" in name else cells[1]
        body.append([name, f"{n:,}", *cells, share(part["rejected"].sum(), n)])
    return "## Coverage of 95% intervals of planted effects\n\n" + markdown(head, body)


def _family(rows: pl.DataFrame) -> str:
    head = ["world", "experiments", "any false claim", "share of claims that are false", "found of those planted"]
    body = [
        [name, f"{part['experiments'].sum():,}", share(part["any_false"].sum(), part["experiments"].sum()),
         share(part["fdp"].sum(), part["experiments"].sum()), f"{part['found'].sum() / part['experiments'].sum():.2f}"]
        for name, part in of(rows, "family")
    ]  # fmt: skip
    return "## A control and 12 arms of 1,500\n\n" + markdown(head, body)


def _looks(rows: pl.DataFrame) -> str:
    head = [
        "world",
        "experiments",
        "sequence ever misses (bar: 5%)",
        "sequence ever claims",
        "fixed-n z test ever claims",
        "width at the end / fixed-n",
    ]
    body = [
        [name, f"{(n := part['experiments'].sum()):,}", *(share(part[x].sum(), n) for x in ("any_miss", "claimed", "peeked")),
         f"{part['width'].sum() / n:.2f}"]
        for name, part in of(rows, "looks")
    ]  # fmt: skip
    return "## Thirty daily looks, 150 an arm and day\n\n" + markdown(head, body)


def _won(rows: pl.DataFrame) -> str:
    head = [
        "world",
        "spread",
        "tests",
        "lead as seen",
        "shrunk",
        "held-out",
        "shrunk − held-out",
        "95% intervals cover",
        "loss said",
        "loss in truth",
    ]
    body = []
    for name, whole in of(rows, "won"):
        for key in (*SPREADS, None):
            part = whole.filter(~pl.col("skipped") & (pl.lit(True) if key is None else pl.col("spread") == key))
            if part.height:
                gap = mean(part["shrunk"] - part["held"])
                cells = [mean(part[x]) for x in ("lead", "shrunk", "held")]
                rest = [gap, f"{part['covered'].mean():.1%}", mean(part["loss"]), mean(part["lost"])]
                body.append([name, "all" if key is None else key, part.height, *cells, *rest])
    note = "Leads over the other arms' average, in units of the base level.\n\n"
    return "## The winner of twelve arms\n\n" + note + markdown(head, body)


def _best(rows: pl.DataFrame) -> str:
    head = ["world", "probability of being best", "arms", "said", "were best"]
    body = []
    for name, whole in of(rows, "won"):
        part = whole.filter(~pl.col("skipped") & (pl.col("spread") > 0)).select("p", "best").explode("p", "best")
        edges = [0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0001]
        for low, high in pairwise(edges):
            cell = part.filter((pl.col("p") >= low) & (pl.col("p") < high))
            if cell.height:
                body.append(
                    [
                        name,
                        f"{low:.0%}–{min(high, 1):.0%}",
                        cell.height,
                        f"{cell['p'].mean():.1%}",
                        share(cell["best"].sum(), cell.height),
                    ]
                )
    return "## Probabilities of being best (spreads above 0)\n\n" + markdown(head, body)


def _groups(rows: pl.DataFrame) -> str:
    head = [
        "world",
        "experiments",
        "says that groups differ",
        "claims the first group's effect",
        "share of claims false",
        "shrunk intervals cover",
    ]
    body = [
        [name, f"{(n := part['experiments'].sum()):,}", share(part["differ"].sum(), n), share(part["found_first"].sum(), n),
         share(part["false"].sum(), n), f"{part['covered'].sum() / n:.1%}"]
        for name, part in of(rows, "groups")
    ]  # fmt: skip
    note = "Yes/no outcome, base 45% and 5,000 a group and arm unless said otherwise; effects in points.\n\n"
    return "## Effects by group\n\n" + note + markdown(head, body)
