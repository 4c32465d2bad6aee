"""fit_score beside scikit-learn, and scoring beside hand-written SQL: CPU, wall and peak memory, each in its own process.

    python -m tests.benchmarks.bench_scores [--rows 1_000_000 10_000_000]

Ten categorical features (172,800 combinations possible), an outcome that follows them. Both fit a logit without a
penalty on all rows, from files of text: ours from DuckDB's, scikit-learn (one-hot encoded, sparse, lbfgs) from a Parquet
file of the same rows, read and encoded by itself; its fit alone is printed too. Ours also with a quarter held out, judged, and errors. Scoring writes id and
score into a table of the same file: by `predict`, by a CASE for each feature, by joining to a table of scored cells, and
by a join for each feature.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from tests.benchmarks.measure import compared, measured

SIZES = {"sex": 2, "race": 5, "age_band": 6, "party": 3, "region": 4, "income": 5, "education": 4, "urbanicity": 3}
SIZES |= {"homeowner": 2, "married": 2}
FEATURES = list(SIZES)
MODULE = "tests.benchmarks.bench_scores"


def make(rows: int, folder: Path) -> None:
    """Write the people as a DuckDB file and as Parquet."""
    rng = np.random.default_rng(1)
    weights = {name: rng.dirichlet(np.full(size, 4.0)) for name, size in SIZES.items()}
    effects = {name: rng.normal(0, 0.4, size) for name, size in SIZES.items()}
    with duckdb.connect(str(folder / "people.duckdb")) as con:
        for first in range(0, rows, 1_000_000):
            size = min(1_000_000, rows - first)
            codes = {name: rng.choice(SIZES[name], size, p=weights[name]) for name in FEATURES}
            eta = sum(effects[name][codes[name]] for name in FEATURES) - 0.3
            names = {name: np.array([f"{name} {at}" for at in range(k)]) for name, k in SIZES.items()}
            part = pl.DataFrame({"id": np.arange(first, first + size)} | {n: names[n][codes[n]] for n in FEATURES})
            part = part.with_columns(voted=pl.Series(rng.random(size) < 1 / (1 + np.exp(-eta))))
            con.execute("CREATE TABLE IF NOT EXISTS people AS SELECT * FROM part LIMIT 0")
            con.execute("INSERT INTO people SELECT * FROM part")
        con.execute(f"COPY people TO '{folder / 'people.parquet'}'")


def made(rows: str, folder: str) -> None:
    make(int(rows), Path(folder))


def _people(folder: str) -> tuple[duckdb.DuckDBPyConnection, Any]:
    con = duckdb.connect(str(Path(folder) / "people.duckdb"))
    con.execute("SET memory_limit = '800MB'")
    return con, con.table("people")


def _timed(started: tuple[float, float]) -> dict[str, float]:
    return {"cpu": time.process_time() - started[0], "wall": time.perf_counter() - started[1]}


def _start() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def ours(folder: str, holdout: str = "") -> dict[str, Any]:
    from campaignkit import voters

    con, people = _people(folder)
    voters.fit_score(people.limit(50_000), "voted", FEATURES, name="s", purpose="turnout", holdout=None)  # imports
    started = _start()
    found = voters.fit_score(
        people, "voted", FEATURES, name="s", purpose="turnout", unit="id", holdout=float(holdout) if holdout else None
    )
    taken = _timed(started)
    found.save_model(Path(folder) / "score.json")
    con.close()
    return taken | {"auc": found.auc, "first": found.table["estimate"][1]}


def scikit_learn(folder: str) -> dict[str, Any]:
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder

    LogisticRegression(C=np.inf).fit(np.eye(2), [0, 1])  # what only the first call of a process costs
    started = _start()
    table = pd.read_parquet(Path(folder) / "people.parquet", columns=[*FEATURES, "voted"])
    y = table.pop("voted").to_numpy()
    encoded = OneHotEncoder(drop="first", dtype=np.float64).fit_transform(table)
    del table
    before = _timed(started)["cpu"]
    LogisticRegression(C=np.inf, max_iter=200).fit(encoded, y)
    taken = _timed(started)
    return taken | {"fit": taken["cpu"] - before}


def _scored(folder: str, how: str) -> dict[str, Any]:
    from campaignkit import voters

    con, people = _people(folder)
    score = voters.Score.load(Path(folder) / "score.json")
    if how == "cells":
        _write_cells(con, score)
    query = {"case": _case, "cells": _cells, "joins": _joins}.get(how, lambda _: None)(score)
    started = _start()
    if query is None:
        score.predict(people).select("id, s").create("scored")
    else:
        con.execute(f"CREATE TABLE scored AS {query}")
    taken = _timed(started)
    total = con.sql("SELECT count(*), sum(s) FROM scored").fetchall()[0]
    con.execute("DROP TABLE scored; DROP TABLE IF EXISTS cell")
    con.close()
    return taken | {"people": total[0], "sum": total[1]}


def by_predict(folder: str) -> dict[str, Any]:
    return _scored(folder, "predict")


def by_case(folder: str) -> dict[str, Any]:
    return _scored(folder, "case")


def by_cells(folder: str) -> dict[str, Any]:
    return _scored(folder, "cells")


def by_joins(folder: str) -> dict[str, Any]:
    return _scored(folder, "joins")


def _tables(score: Any) -> tuple[float, dict[str, dict[str, float]]]:
    """Return the intercept, and what each value adds."""
    rows = score.table.iter_rows(named=True)
    intercept = next(rows)["estimate"]
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row["term"], {})[row["level"]] = row["estimate"]
    return intercept, found


def _case(score: Any) -> str:
    intercept, tables = _tables(score)
    whens = {n: " ".join(f"WHEN '{value}' THEN {b!r}::DOUBLE" for value, b in t.items()) for n, t in tables.items()}
    eta = " + ".join(f"CASE {name} {cases} ELSE 0 END" for name, cases in whens.items())
    return f"SELECT id, 1 / (1 + exp(-({intercept!r}::DOUBLE + {eta}))) AS s FROM people"


def _joins(score: Any) -> str:
    intercept, tables = _tables(score)
    values = {n: ", ".join(f"('{value}', {b!r}::DOUBLE)" for value, b in table.items()) for n, table in tables.items()}
    joins = " ".join(f"LEFT JOIN (VALUES {v}) {n}_t(value, b) ON people.{n} = {n}_t.value" for n, v in values.items())
    eta = " + ".join(f"coalesce({name}_t.b, 0)" for name in tables)
    return f"SELECT id, 1 / (1 + exp(-({intercept!r}::DOUBLE + {eta}))) AS s FROM people {joins}"


def _write_cells(con: duckdb.DuckDBPyConnection, score: Any) -> None:
    """Score each combination beforehand, untimed."""
    intercept, tables = _tables(score)
    cells = con.sql(f"SELECT DISTINCT {', '.join(FEATURES)} FROM people").pl()
    eta = intercept + sum(
        pl.col(name).replace_strict(list(t), list(t.values()), default=0.0, return_dtype=pl.Float64)
        for name, t in tables.items()
    )
    cells = cells.with_columns(s=1 / (1 + (-eta).exp()))
    con.register("scored_cells", cells)
    con.execute("CREATE TABLE cell AS SELECT * FROM scored_cells")


def _cells(_score: Any) -> str:
    return f"SELECT id, s FROM people LEFT JOIN cell USING ({', '.join(FEATURES)})"


def main(sizes: list[int]) -> None:
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            measured(MODULE, "made", str(rows), folder)  # in a process of its own, whose peak others would inherit
            mine, peer = measured(MODULE, "ours", folder), measured(MODULE, "scikit_learn", folder)
            compared(f"{rows:,} rows fitted on {len(FEATURES)} features (peer: scikit-learn)", mine, peer)
            print(
                f"  scikit-learn takes {peer['cpu'] / mine['cpu']:.1f} times the CPU; its fit alone {peer['fit']:.1f} s"
            )
            held = measured(MODULE, "ours", folder, "0.25")
            print(f"  ours with a quarter held out by hash and judged: {held['cpu']:.2f} CPU s, {held['MiB']:.0f} MiB")
            measured(MODULE, "ours", folder)  # the score of all rows again, to be written out
            print(f"{rows:,} people scored into a table")
            runs = {how: measured(MODULE, f"by_{how}", folder) for how in ("predict", "case", "cells", "joins")}
            for how, run in runs.items():
                print(
                    f"  {how:8} {run['cpu']:6.2f} CPU s {run['wall']:6.2f} s wall {run['MiB']:5.0f} MiB  sum {run['sum']:.6f}"
                )
            best = min(run["cpu"] for how, run in runs.items() if how != "predict")
            print(f"  predict takes {runs['predict']['cpu'] / best:.2f} times the best hand-written SQL")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_scores")
    parser.add_argument(
        "--rows", type=lambda text: int(text.replace("_", "")), nargs="+", default=[1_000_000, 10_000_000]
    )
    main(parser.parse_args().rows)
