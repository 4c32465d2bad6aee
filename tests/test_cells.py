"""cells: equal on every engine to a slow exact reference, and mergeable."""

from __future__ import annotations

import math
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaignkit.cells import MEASURE_FIELDS, PAIR_FIELDS, cells, merge
from campaignkit.errors import BadValue, ColumnNotFound

TOLERANCE = 1e-12
ENGINES = ["polars", "polars-lazy", "duckdb", "pandas", "pyarrow", "relation"]


def on(engine: str, table: pl.DataFrame) -> Any:
    """Return a Polars table on another engine."""
    if engine == "polars-lazy":
        return table.lazy()
    if engine == "pandas":
        return table.to_pandas()
    if engine == "pyarrow":
        return table.to_arrow()
    if engine in ("duckdb", "relation"):
        relation = duckdb.connect().from_arrow(table.to_arrow())
        return type("Universe", (), {"relation": lambda self: relation})() if engine == "relation" else relation
    return table


def is_nan(x: Any) -> bool:
    return isinstance(x, float) and math.isnan(x)


def exact_moments(xs: list[Any], ys: list[Any]) -> tuple[Fraction, Fraction, Fraction]:
    """Return the means and the centered sum of products, by rational arithmetic on the Float64 values."""
    a, b = [Fraction(float(x)) for x in xs], [Fraction(float(y)) for y in ys]
    one, two = sum(a) / len(a), sum(b) / len(b)
    return one, two, sum((x - one) * (y - two) for x, y in zip(a, b, strict=True))


def reference(
    table: pl.DataFrame,
    by: list[str],
    measures: list[str],
    pairs: list[tuple[str, str]],
    nan_is_null: bool = False,
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return each group's statistics, slowly and exactly."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {} if by else {(): []}
    for row in table.iter_rows(named=True):
        if nan_is_null:
            row = {name: None if is_nan(x) else x for name, x in row.items()}
        key = tuple("NaN" if is_nan(row[name]) else row[name] for name in by)
        groups.setdefault(key, []).append(row)
    return {key: exact_row(rows, measures, pairs) for key, rows in groups.items()}


def exact_row(rows: list[dict[str, Any]], measures: list[str], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {"n": len(rows)}
    for m in measures:
        xs = [row[m] for row in rows if row[m] is not None and not is_nan(row[m])]
        counts = [len(xs), sum(row[m] is None for row in rows), sum(is_nan(row[m]) for row in rows)]
        numbers = [None] * 4
        if xs:
            mean, _, ss = exact_moments(xs, xs)
            numbers = [mean, ss, float(min(xs)), float(max(xs))]
        found |= dict(zip((f"{m}_{field}" for field in MEASURE_FIELDS), counts + numbers, strict=True))
    for a, b in pairs:
        both = [(r[a], r[b]) for r in rows if not any(r[c] is None or is_nan(r[c]) for c in (a, b))]
        numbers = [None] * 5
        if both:
            xs, ys = zip(*both, strict=True)
            one, two, css = exact_moments(xs, ys)
            numbers = [one, two, exact_moments(xs, xs)[2], exact_moments(ys, ys)[2], css]
        found |= dict(zip((f"{a}_{b}_{field}" for field in PAIR_FIELDS), [len(both), *numbers], strict=True))
    return found


def assert_equal(answer: pl.DataFrame, expected: dict, by: list[str], tolerance: float = TOLERANCE) -> None:
    """Check counts exactly and numbers to `tolerance`: css to its Cauchy-Schwarz bound, a mean to max |x|."""
    assert answer.height == len(expected)
    for row in answer.iter_rows(named=True):
        truth = expected[tuple("NaN" if is_nan(row[name]) else row[name] for name in by)]
        assert [name for name in row if name not in by] == list(truth)
        for name, value in truth.items():
            if value is None or isinstance(value, int):
                assert row[name] == value, (name, row[name], value)
                continue
            scale = abs(value)
            if name.endswith("_css"):
                scale = math.sqrt(truth[name[:-3] + "ss_1"] * truth[name[:-3] + "ss_2"])
            elif name.endswith("_mean"):
                scale = max(abs(truth[name[:-4] + "min"]), abs(truth[name[:-4] + "max"]))
            elif name.endswith(("_mean_1", "_mean_2")):
                scale = max(abs(value), math.sqrt(truth[f"{name[:-7]}_ss_{name[-1]}"]))
            assert abs(Fraction(row[name]) - Fraction(value)) <= tolerance * scale, (
                name,
                row[name],
                float(value),
            )


def mixed(rows: int = 400, seed: int = 1) -> pl.DataFrame:
    """Return a table with every kind of measure and of dirt: means of 1e9, nulls, NaNs, the edge of Int32."""
    rng = np.random.default_rng(seed)
    table = pl.DataFrame(
        {
            "region": rng.choice(["Wést", "South", "東", None], rows).tolist(),
            "arm": pl.Series(rng.integers(0, 3, rows), dtype=pl.Int32),
            "far": 1e9 + rng.normal(size=rows),
            "near": rng.lognormal(3, 2, rows),
            "edge": pl.Series(2**31 - 1 - rng.integers(0, 9, rows), dtype=pl.Int32),
            "gave": rng.random(rows) < 0.3,
            "small": pl.Series(rng.normal(size=rows), dtype=pl.Float32),
            "dollars": pl.Series([Decimal(int(c)).scaleb(-2) for c in rng.integers(1, 10**9, rows)]),
            "tiny": pl.Series(rng.integers(-128, 128, rows), dtype=pl.Int8),
            "huge": rng.integers(0, 2**62, rows),
        }
    )
    holes = pl.Series(rng.random(rows) < 0.1)
    nans = pl.Series(rng.random(rows) < 0.1)
    kinds = ["far", "near", "edge", "gave", "small", "dollars", "tiny"]
    table = table.with_columns(pl.when(~(holes | nans)).then(pl.col(kinds)), holes=holes, nans=nans)
    with_nan = pl.when(~pl.col("nans")).then(pl.col("far", "near", "small")).otherwise(float("nan"))
    return table.with_columns(with_nan).drop("holes", "nans")


MEASURES = ["far", "near", "edge", "gave", "small", "dollars", "tiny", "huge"]
PAIRS = [("far", "near"), ("edge", "gave"), ("huge", "small")]


@pytest.mark.parametrize("by", [["region", "arm"], ["region"], []], ids=["two keys", "one key", "no key"])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_equals_the_exact_reference(engine: str, by: list[str]) -> None:
    table = mixed()
    answer = cells(on(engine, table), by, MEASURES, comoments=PAIRS)
    assert_equal(answer, reference(table, by, MEASURES, PAIRS, nan_is_null=engine == "pandas"), by)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_schema_and_order_on_every_engine(engine: str) -> None:
    table = mixed()
    expected = cells(table, ["region", "arm"], MEASURES, comoments=PAIRS)
    answer = cells(on(engine, table), ["region", "arm"], MEASURES, comoments=PAIRS)
    assert answer.schema == expected.schema
    assert answer.select("region", "arm", "n").equals(expected.select("region", "arm", "n"))
    assert expected["region"].to_list()[-1] is None


@pytest.mark.parametrize("engine", ENGINES)
def test_raw_sums_of_squares_would_fail_here(engine: str) -> None:
    """A mean of 1e9 and a deviation of 1: Σx² − n·mean² is off in its first digits, and Welford's formula at 1e-8."""
    x = 1e9 + np.random.default_rng(2).normal(size=2000)
    table = pl.DataFrame({"g": np.arange(2000) % 2, "x": x, "y": 3 * x})
    exact = reference(table, ["g"], ["x"], [("x", "y")])
    naive = float(np.sum(x[::2] ** 2) - 1000 * np.mean(x[::2]) ** 2)
    assert abs(naive / float(exact[(0,)]["x_ss"]) - 1) > 1e-3
    assert_equal(cells(on(engine, table), "g", "x", comoments=[("x", "y")]), exact, ["g"])


@pytest.mark.parametrize("engine", ENGINES)
def test_groups_far_from_zero_and_from_each_other(engine: str) -> None:
    rng = np.random.default_rng(3)
    group = np.repeat([0, 1, 2, 3], 100)
    x = np.array([0.0, 1e9, -1e12, 5e3])[group] + rng.normal(size=400) * np.array([1, 1, 1e3, 1e-3])[group]
    table = pl.DataFrame({"g": group, "x": x, "y": rng.normal(size=400)})
    exact = reference(table, ["g"], ["x", "y"], [("x", "y")])
    assert_equal(cells(on(engine, table), "g", ["x", "y"], comoments=[("x", "y")]), exact, ["g"])


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_a_plain_sum_would_drift_here(engine: str) -> None:
    """Three million dimes and a dollar: every addition rounds the same way, and the mean is off by 1e-11."""
    table = pl.DataFrame({"g": ["a"] * 3_000_000, "x": [1.0] + [0.1] * 2_999_999})
    exact = (1 + 2_999_999 * Fraction(0.1)) / 3_000_000
    plain = np.cumsum(table["x"].to_numpy())[-1] / 3_000_000
    assert abs(Fraction(plain) / exact - 1) > 5 * TOLERANCE
    answer = cells(on(engine, table), "g", "x")
    assert answer["x_mean"].item() == pytest.approx(float(exact), rel=1e-15)


def test_whole_numbers_that_add_up_past_2_to_the_53_are_summed_again() -> None:
    """Fifteen million such numbers, half of them 5, are off by 1e-10 in DuckDB if they are not."""
    runs = []
    x = pl.Series([2**31 - 3, 5] * 1_500_000, dtype=pl.Int32)
    lazy = pl.LazyFrame({"x": x}).map_batches(lambda t: (runs.append(1), t)[1])
    assert cells(lazy, (), "x")["x_mean"].item() == (2**31 + 2) / 2
    assert len(runs) == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_constants_have_exactly_no_spread(engine: str) -> None:
    table = pl.DataFrame({"g": [1, 1, 1, 2], "x": [0.1, 0.1, 0.1, 1e9 + 0.1]})
    answer = cells(on(engine, table), "g", "x")
    assert answer["x_ss"].to_list() == [0.0, 0.0]
    assert answer["x_mean"].to_list() == [0.1, 1e9 + 0.1]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("repeats", [1, 3])
def test_neighbouring_floats_keep_their_spread(engine: str, repeats: int) -> None:
    """An updating formula finds no spread at all between the float after 1e9 and 1e9."""
    table = pl.DataFrame({"x": [math.nextafter(1e9, 2e9), 1e9] * repeats})
    assert_equal(cells(on(engine, table), (), "x"), reference(table, [], ["x"], []), [])


@pytest.mark.parametrize("engine", ENGINES)
def test_an_empty_table(engine: str) -> None:
    table = mixed().clear()
    measures = [m for m in MEASURES if engine != "pandas" or m != "dollars"]  # an empty object column has no type
    expected = cells(mixed(), "region", measures, comoments=PAIRS)
    assert cells(on(engine, table), "region", measures, comoments=PAIRS).equals(expected.clear())
    answer = cells(on(engine, table), (), ["near", "gave"], comoments=[("near", "gave")])
    assert_equal(answer, reference(table, [], ["near", "gave"], [("near", "gave")]), [])


@pytest.mark.parametrize("engine", ENGINES)
def test_one_row_and_all_null(engine: str) -> None:
    table = pl.DataFrame({"g": ["a", "b"], "x": [5.0, None], "y": [None, 2]})
    by, pairs = ["g"], [("x", "y")]
    answer = cells(on(engine, table), by, ["x", "y"], comoments=pairs)
    assert_equal(answer, reference(table, by, ["x", "y"], pairs), by)
    empty = pl.DataFrame({"x": pl.Series([None, None], dtype=pl.Float64)})
    assert cells(on(engine, empty), (), "x").row(0) == (2, 0, 2, 0, None, None, None, None)


@pytest.mark.parametrize("engine", ENGINES)
def test_nan_and_null_keys_are_groups_nan_before_null(engine: str) -> None:
    table = pl.DataFrame({"g": [None, 2.0, float("nan"), 1.0, float("nan")], "x": [1, 2, 3, 4, 5]})
    answer = cells(on(engine, table), "g", "x")
    assert_equal(answer, reference(table, ["g"], ["x"], [], nan_is_null=engine == "pandas"), ["g"])
    assert answer["g"].to_list()[-1] is None
    if engine != "pandas":
        assert math.isnan(answer["g"].to_list()[-2])


@pytest.mark.parametrize("engine", ENGINES)
def test_counts_alone(engine: str) -> None:
    table = mixed()
    assert cells(on(engine, table)).rows() == [(400,)]
    assert cells(on(engine, table), "arm").columns == ["arm", "n"]
    assert cells(on(engine, table), "arm")["n"].sum() == 400


@pytest.mark.parametrize("engine", ENGINES)
def test_names_that_need_quoting(engine: str) -> None:
    table = pl.DataFrame({'say "hi".x': ["a", "b"], "añós 'k0'": [1.5, 2.5], "m0": [1, 2], "k0": [3, 4]})
    measures = ["añós 'k0'", "m0", "k0"]
    pairs = [("añós 'k0'", "k0")]
    answer = cells(on(engine, table), 'say "hi".x', measures, comoments=pairs)
    assert_equal(answer, reference(table, ['say "hi".x'], measures, pairs), ['say "hi".x'])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_key_may_be_a_measure_and_categories_come_back_as_text(engine: str) -> None:
    table = pl.DataFrame({"age": [40, 40, 51], "band": pl.Series(["b", "a", "b"], dtype=pl.Enum(["b", "a"]))})
    answer = cells(on(engine, table), ["band", "age"], "age")
    assert answer.select("band", "age", "age_mean").rows() == [
        ("a", 40, 40.0),
        ("b", 40, 40.0),
        ("b", 51, 51.0),
    ]
    assert answer.schema["band"] == pl.String


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bad", [float("inf"), -float("inf"), 1e200])
def test_infinite_and_enormous_numbers_are_refused(engine: str, bad: float) -> None:
    table = pl.DataFrame({"x": [1.0, bad, None], "y": [1, 2, 3]})
    with pytest.raises(BadValue, match="'x' holds 1 values that are infinite or beyond"):
        cells(on(engine, table), (), "x")
    with pytest.raises(BadValue, match="'x' holds 1 values"):
        cells(on(engine, table), (), "y", comoments=[("x", "y")])


def test_pandas_nan_is_a_null() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1.0, float("nan")], "o": [True, None], "i": pandas.array([1, None], dtype="Int64")})
    answer = cells(frame, (), ["x", "o", "i"])
    assert answer.select("x_null", "x_nan", "o_null", "i_null").row(0) == (1, 0, 1, 1)


def test_missing_columns_are_named_with_the_nearest() -> None:
    with pytest.raises(ColumnNotFound, match="did you mean 'region'"):
        cells(mixed(), "regoin")
    with pytest.raises(ColumnNotFound, match="did you mean 'near'"):
        cells(mixed(), "region", comoments=[("near", "gave"), ("naer", "gave")])


def test_arguments_that_cannot_be_right_are_refused() -> None:
    table = mixed().with_columns(nested=pl.concat_list("near"), near_n=pl.lit(1))
    for bad in (
        {"data": "people.csv"},
        {"measures": "region"},
        {"by": "nested"},
        {"by": "near_n", "measures": "near"},
        {"by": ["arm", "arm"]},
        {"comoments": ["near"]},
        {"comoments": [("near", "far", "gave")]},
        {"comoments": [("near", "near")]},
    ):
        with pytest.raises(BadValue):
            cells(**({"data": table} | bad))


def test_names_that_would_collide_are_refused() -> None:
    with pytest.raises(BadValue, match="two columns named 'n'"):
        cells(pl.DataFrame({"n": [1]}), "n")


def test_lazy_plans_are_run_once_unless_far_from_zero() -> None:
    runs = []
    lazy = pl.LazyFrame({"x": [1.0, 2.0], "y": [1e9, 1e9 + 1]}).map_batches(lambda t: (runs.append(1), t)[1])
    cells(lazy, (), "x")
    assert len(runs) == 1
    cells(lazy, (), ["x", "y"])
    assert len(runs) == 3


numbers = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)
rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]),
        st.sampled_from([0, 1]),
        st.one_of(st.none(), st.just(float("nan")), numbers),
        st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)),
    ),
    max_size=40,
)
SCHEMA = {"g": pl.String, "h": pl.Int64, "x": pl.Float64, "y": pl.Int64}


def parts_and_whole(parts: list[list[tuple]]) -> tuple[list[pl.DataFrame], pl.DataFrame]:
    tables = [pl.DataFrame(part, schema=SCHEMA, orient="row") for part in parts]
    return tables, pl.concat(tables)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(rows, min_size=1, max_size=4))
def test_merged_parts_equal_the_whole(parts: list[list[tuple]]) -> None:
    tables, whole = parts_and_whole(parts)
    arguments = {"measures": ["x", "y"], "comoments": [("x", "y")]}
    for by in (["g", "h"], ["g"], []):
        found = merge([cells(table, ["g", "h"], **arguments) for table in tables], by=by)
        assert found.schema == cells(whole, by, **arguments).schema
        compare_up_to_condition(found, reference(whole, by, ["x", "y"], [("x", "y")]), by)


def compare_up_to_condition(answer: pl.DataFrame, exact: dict, by: list[str]) -> None:
    """Check a merged table: to 1e-12, times the condition number over 1,000 where it is more."""
    worst = 1.0
    for truth in exact.values():
        for mean, ss, n in (("x_mean", "x_ss", "x_n"), ("y_mean", "y_ss", "y_n")):
            for m, s, k in ((mean, ss, n), *((f"x_y_mean_{i}", f"x_y_ss_{i}", "x_y_n") for i in (1, 2))):
                if truth[s]:
                    worst = max(worst, float(abs(truth[m]) * math.sqrt(truth[k] / truth[s])) / 1e3)
    if exact or by:
        assert_equal(answer, exact, by, TOLERANCE * worst)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(rows)
def test_any_small_table_equals_the_reference(part: list[tuple]) -> None:
    table = pl.DataFrame(part, schema=SCHEMA, orient="row")
    exact = reference(table, ["g"], ["x", "y"], [("x", "y")])
    for engine in ("polars", "duckdb"):
        assert_equal(cells(on(engine, table), "g", ["x", "y"], comoments=[("x", "y")]), exact, ["g"])


def test_merged_constants_stay_exact() -> None:
    part = cells(pl.DataFrame({"x": [0.1, 0.1, 0.1]}), (), "x")
    assert merge([part] * 7).select("x_n", "x_mean", "x_ss").row(0) == (21, 0.1, 0.0)


def test_merge_refuses_what_cells_did_not_make() -> None:
    one = cells(mixed(), "region", "near")
    with pytest.raises(BadValue, match="empty"):
        merge([])
    with pytest.raises(BadValue, match="differ"):
        merge([one, cells(mixed(), "region", "gave")])
    with pytest.raises(BadValue, match="not as cells"):
        merge([one.rename({"near_ss": "near_var"})])
    with pytest.raises(BadValue, match="not as cells"):
        merge([pl.DataFrame({"a": [1]})])
    with pytest.raises(ColumnNotFound, match="did you mean 'region'"):
        merge([one], by="regoin")


def test_measures_named_like_fields_merge() -> None:
    table = pl.DataFrame({"a": [1.0, 2.0, 4.0], "a_mean_1": [2.0, 3.0, 9.0], "a_n": [1, 5, 2]})
    pairs = [("a_n", "a"), ("a", "a_mean_1")]
    parts = [
        cells(table[:1], (), ["a_mean_1"], comoments=pairs),
        cells(table[1:], (), ["a_mean_1"], comoments=pairs),
    ]
    assert_equal(merge(parts), reference(table, [], ["a_mean_1"], pairs), [])


def test_importing_cells_brings_no_other_engine() -> None:
    code = "import sys, campaignkit.cells; print([m for m in ('pandas', 'pyspark') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
