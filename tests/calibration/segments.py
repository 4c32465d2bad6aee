"""What segments and hosts promise, counted over many made-up contests."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl

from campaignkit import donors, sample

Q = 0.05
TRUE = {"region West", "women", "age 40–49"}
BY = ["region", "sex", "age_band", "race", "income_band", "homeowner"]
NOISE = ["race", "education", "income_band", "urbanicity", "homeowner", "interest"]
OF_HOUSEHOLDS = ["region", "race", "income_band", "homeowner"]
ODDS = (1.3, 1.5, 1.7, 2.0, 2.3, 2.6, 3.0)


def discovered(table: pl.DataFrame, **options: object) -> donors.Segments:
    return donors.discover_segments(table, "entered", BY, unit="person", min_size=100, **options)


def nothing_there(rate: float, people: int = 10_000):
    def draw(seed: int) -> dict:
        table = sample.draw("contest", people, seed, appeal=1.0, main=1.0, rate=rate).table
        shown = discovered(table, seed=seed)
        ranked = discovered(table, seed=seed, distinct=False, top=100)
        return {"any": shown.table.height > 0, "bh": bool((ranked.table["p_adjusted"] <= Q).any()), "m": shown.searched}

    return draw


def households(seed: int) -> dict:
    """Nothing there, but people of a household enter together and share where they live and what they earn."""
    table = sample.draw("contest", 10_000, seed, appeal=1.0, main=1.0, rate=0.05, together=2.0).table
    table = table.with_columns(pl.col("household") // 2)
    first = [pl.col(name).first().over("household") for name in OF_HOUSEHOLDS]
    table = table.with_columns(first).with_columns(entered=pl.col("entered") | _drawn_along(table, seed))
    found = {}
    for name, options in {"any": {"cluster": "household"}, "ignored": {}}.items():
        found[name] = discovered(table, seed=seed, **options).table.height > 0
        ranked = discovered(table, seed=seed, distinct=False, top=100, **options)
        found[f"{name}_bh"] = bool((ranked.table["p_adjusted"] <= Q).any())
    return found


def weights(seed: int) -> dict:
    """Nothing there, and survey weights with a design effect of 1.6."""
    table = sample.draw("contest", 10_000, seed, appeal=1.0, main=1.0, rate=0.05).table
    table = table.with_columns(w=pl.Series(np.random.default_rng(seed).lognormal(0, 0.7, table.height)))
    shown = discovered(table, seed=seed, weight="w")
    ranked = discovered(table, seed=seed, distinct=False, top=100, weight="w")
    return {"any": shown.table.height > 0, "bh": bool((ranked.table["p_adjusted"] <= Q).any())}


def _drawn_along(table: pl.DataFrame, seed: int) -> pl.Series:
    """Whoever enters brings each other member of the household along with chance one half."""
    chance = pl.Series(np.random.default_rng(seed).random(table.height) < 0.5)
    return table.select(pl.col("entered").any().over("household") & chance).to_series()


def planted(appeal: float, main: float):
    def draw(seed: int) -> dict:
        drawn = sample.draw("contest", 20_000, seed, appeal=appeal, main=main, rate=0.05)
        table = drawn.table
        found = discovered(table, seed=seed)
        conditions = [set(segment.split(", ")) for segment in found.table["segment"]]
        truth = [lift(drawn, c) for c in conditions]
        low, high = found.table["holdout_lift_lower"].to_list(), found.table["holdout_lift_upper"].to_list()
        low0, high0 = found.table["lift_lower"].to_list(), found.table["lift_upper"].to_list()
        return {
            "rows": len(conditions),
            "noise": sum(not c <= TRUE for c in conditions),
            "dragged": sum(c < TRUE for c in conditions),
            "beside": any(c < TRUE for c in conditions) if TRUE in conditions else None,
            "first": bool(conditions) and conditions[0] == TRUE,
            "covered": sum(a is not None and a <= t <= b for a, t, b in zip(low, truth, high, strict=True)),
            "covered_search": sum(a is not None and a <= t <= b for a, t, b in zip(low0, truth, high0, strict=True)),
            "held": found.confirmed.height,
        }

    return draw


def lift(drawn: sample.Drawn, conditions: set[str]) -> float:
    """Return a segment's lift by the chances that were planted."""
    columns = dict(condition.rsplit(" ", 1) if "not " not in condition else (condition, "") for condition in conditions)
    inside = pl.lit(True)
    for name, value in columns.items():
        inside = inside & (pl.col(name).cast(pl.String) == value if name in drawn.table.columns else flag(name, value))
    p = drawn["person"]["p_enter"]
    within = drawn.table.select(inside.alias("in")).to_series()
    return p.filter(within).mean() / p.filter(~within).mean()


def flag(name: str, value: str) -> pl.Expr:
    return ~pl.col("homeowner") if name.startswith("not") else pl.col(name)


def proof(odds: float):
    """The issue's world: 100k invited, 5%, a segment of 2%, main effects of 1.2, six columns of noise."""

    def draw(seed: int) -> dict:
        table = sample.draw("contest", 100_000, seed, appeal=odds, share=0.02, rate=0.05).table
        by = ["region", "sex", "age_band", *NOISE]
        found = donors.discover_segments(table, "entered", by, unit="person", cluster="household", seed=seed)
        sets = [set(segment.split(", ")) for segment in found.table["segment"]]
        held = [set(segment.split(", ")) for segment in found.confirmed["segment"]]
        return {"first": bool(sets) and sets[0] == TRUE, "shown": TRUE in sets, "held": TRUE in held, "odds": odds}

    return draw


def hosts(kind: str):
    """Six candidates in one wanted group, some thin; true pulls from a normal, or alike but for one."""

    def draw(seed: int) -> dict:
        rng = np.random.default_rng(seed)
        n = np.array([800, 60, 150, 400, 1000, 1000, 3000])
        width = 0.35 if kind == "normal" else min(abs(rng.standard_cauchy()) * 0.5, 1.5)
        spread = np.log(2.2) * (np.arange(7) == rng.integers(1, 7)) if kind == "one" else rng.normal(0, width, 7)
        return matched(1 / (1 + np.exp(2.9 - spread)), n, seed)

    return draw


def gap(points: float):
    """Five candidates of 1,500 invited each; the best is so many points of a percentage above the others' 5%."""

    def draw(seed: int) -> dict:
        rate = np.full(6, 0.05)
        rate[np.random.default_rng(seed).integers(1, 6)] += points / 100
        return matched(rate, np.full(6, 1500), seed) | {"gap": points}

    return draw


def matched(rate: np.ndarray, n: np.ndarray, seed: int) -> dict:
    rng = np.random.default_rng([seed, 1])
    names = [f"h{i}" for i in range(len(n))]
    host = np.repeat(names, n)
    table = pl.DataFrame(
        {
            "person": np.arange(n.sum()), "host": host, "entered": rng.random(n.sum()) < np.repeat(rate, n),
            "sex": np.where(rng.random(n.sum()) < 0.5, "F", "M"),
        }
    )  # fmt: skip
    found = donors.match_hosts(table, "entered", "host", ["sex"], like="h0", unit="person", seed=seed).table
    found = found.with_columns(truth=pl.col("host").replace_strict(names, rate.tolist()))
    ours = found.filter("candidate")
    best = rate[1:].max()
    return {
        "stated": ours["probability_best"].to_list(),
        "best": (ours["truth"] == best).to_list(),
        "pull_covered": found.select((pl.col("lower") <= pl.col("truth")) & (pl.col("truth") <= pl.col("upper")))
        .to_series()
        .to_list(),
    }


EVER = 10**9
WORLDS = {
    **{f"null {rate:.0%}": (nothing_there(rate), EVER) for rate in (0.01, 0.05, 0.20)},
    "null weights": (weights, EVER),
    "null households": (households, EVER),
    "planted with main effects": (planted(3.0, 1.2), EVER),
    "planted alone": (planted(4.0, 1.0), EVER),
    "hosts normal": (hosts("normal"), EVER),
    "hosts one": (hosts("one"), EVER),
    "hosts of any spread": (hosts("any"), EVER),
    **{f"gap {points:g}": (gap(points), EVER) for points in (1.0, 2.0, 3.0, 5.0)},
    **{f"proof {odds:g}": (proof(odds), 50) for odds in ODDS},
}  # fmt: skip


def share(values: pl.Series) -> str:
    x = values.cast(pl.Float64).drop_nulls()
    return f"{x.mean():.3f} ± {np.sqrt(x.mean() * (1 - x.mean()) / len(x)):.3f}"


def mean(values: pl.Series) -> str:
    x = values.cast(pl.Float64).drop_nulls()
    return f"{x.mean():.3f} ± {(x.std() or 0.0) / np.sqrt(len(x)):.3f}"


def ratio(over: pl.Series, under: pl.Series) -> str:
    """A share of rows, with an error that lets rows of one repeat go together."""
    r = over.sum() / under.sum()
    return f"{r:.3f} ± {np.sqrt(((over - r * under) ** 2).sum()) / under.sum():.3f}"


def report(rows: pl.DataFrame) -> str:
    parts = [report_null(rows), report_planted(rows), report_proof(rows), report_hosts(rows), report_gaps(rows)]
    return "\n".join(parts)


def report_null(rows: pl.DataFrame) -> str:
    text = (
        "\n## Nothing there: how often anything is announced (to be at most 0.05)\n\n"
        "10,000 people, 6 columns, depth 3, half held out. `shown`: the table has a row; `searched`: any p_adjusted ≤ 0.05.\n\n"
        "| world | repeats | shown | searched |\n|---|---|---|---|\n"
    )
    for world in ("null 1%", "null 5%", "null 20%", "null weights"):
        part = rows.filter(pl.col("world") == world)
        if part.height:
            text += f"| {world} | {part.height:,} | {share(part['any'])} | {share(part['bh'])} |\n"
    part = rows.filter(pl.col("world") == "null households")
    if part.height:
        text += f"| households, cluster= given | {part.height:,} | {share(part['any'])} | {share(part['any_bh'])} |\n"
        text += f"| households, ignored (what goes wrong) | {part.height:,} | {share(part['ignored'])} | {share(part['ignored_bh'])} |\n"
    return text


def report_planted(rows: pl.DataFrame) -> str:
    text = (
        "\n## Effects planted (in 2.8% of 20,000: odds ratio 3 beside main effects of 1.2; 4 alone)\n\n"
        "False: a row with a condition that plays no part (to be at most 0.05 of rows). Dragged: a part of the planted\n"
        "segment, better than others only for holding it (with main effects these are true), where it is shown beside it. Covered: share of\n"
        "rows whose held-out 95% interval holds the planted lift (the searched half's beside it, which selection spoils).\n\n"
        "| world | repeats | rows shown | false-discovery rate | dragged beside the planted | planted first | held-out covered | searched covered |\n|---|---|---|---|---|---|---|---|\n"
    )
    for world in ("planted with main effects", "planted alone"):
        part = rows.filter(pl.col("world") == world)
        if part.height:
            over = pl.max_horizontal("rows", 1)
            fdr = part.select(pl.col("noise") / over).to_series()
            strict_text = share(part["beside"]) if world == "planted alone" else "–"
            text += (
                f"| {world} | {part.height:,} | {part['rows'].mean():.2f} | {mean(fdr)} | {strict_text} | {share(part['first'])} | "
                f"{ratio(part['covered'], part['rows'])} | {ratio(part['covered_search'], part['rows'])} |\n"
            )
    return text


def report_proof(rows: pl.DataFrame) -> str:
    text = (
        "\n## Power: the proof world (100,000 invited, 5%, a segment of 2%, main effects 1.2, six columns of noise)\n\n"
        "| odds ratio | repeats | first | shown | held up |\n|---|---|---|---|---|\n"
    )
    for odds in ODDS:
        part = rows.filter(pl.col("world") == f"proof {odds:g}")
        if part.height:
            text += (
                f"| {odds:g} | {part.height} | {part['first'].sum()} | {part['shown'].sum()} | {part['held'].sum()} |\n"
            )
    return text


def report_hosts(rows: pl.DataFrame) -> str:
    text = (
        "\n## The best host's probability\n\nSix candidates of 60 to 3,000 invited; their true log odds are normal. "
        "`any spread`: its standard deviation is drawn\nfrom the model's own prior, over which it should be calibrated; "
        "`normal`: it is always 0.35; `one`: all are alike\nbut one (odds ratio 2.2), which the model does not assume.\n"
    )
    for world in ("hosts of any spread", "hosts normal", "hosts one"):
        part = rows.filter(pl.col("world") == world)
        if not part.height:
            continue
        stated, right = np.concatenate(part["stated"].to_list()), np.concatenate(part["best"].to_list())
        covered = np.concatenate(part["pull_covered"].to_list())
        text += f"\n{world}, {part.height:,} repeats; 95% interval of the pull covers {share(pl.Series(covered))}\n\n"
        text += "| stated | hosts | mean stated | was best |\n|---|---|---|---|\n"
        edges = [0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0001]
        for low, high in pairwise(edges):
            here = (stated >= low) & (stated < high)
            if here.sum():
                text += f"| {low:g}–{min(high, 1):g} | {here.sum():,} | {stated[here].mean():.3f} | {share(pl.Series(right[here]))} |\n"
    return text


def report_gaps(rows: pl.DataFrame) -> str:
    text = (
        "\n## Right at the stated gap\n\nFive candidates of 1,500 invited each, four at 5%, one above by the gap.\n\n"
        "| gap, points | repeats | first was best | mean probability stated for the first |\n|---|---|---|---|\n"
    )
    for points in (1.0, 2.0, 3.0, 5.0):
        part = rows.filter(pl.col("world") == f"gap {points:g}")
        if part.height:
            stated, right = np.array(part["stated"].to_list()), np.array(part["best"].to_list())
            at = stated.argmax(axis=1)
            pick = np.arange(len(at))
            text += f"| {points:g} | {part.height:,} | {share(pl.Series(right[pick, at]))} | {mean(pl.Series(stated[pick, at]))} |\n"
    return text
