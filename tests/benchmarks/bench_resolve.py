"""resolve() beside Splink alone, on a voter file and a campaign's own list: F1, CPU, peak memory, wall.

    python -m tests.benchmarks.bench_resolve --voters 1_000_000 --supporters 300_000

Two thirds of the supporters are voters. Theirs is heavy dirt: a third go by a nickname, each name has a slip in one of
ten, a fifth have moved, a third write their address another way, four in ten leave out the phone, a third the birth
date and a quarter the year too, one date in twenty is wrong; households hold couples, twins and Jr beside Sr. Each side
runs in its own process and reads the same Parquet files. Splink alone is run twice: with the settings it publishes for
persons, and tuned by us. Both have the cleaned columns that ours makes (address key, plain names) and the best for
their F1 of five thresholds; their links are each record's best, one to one.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

SEED = 7
SIDES = ["ours", "tiers", "splink", "splink_tuned"]
THRESHOLDS = [0.5, 0.8, 0.9, 0.95, 0.99]
COLUMNS = ["first_name", "middle_name", "last_name", "suffix", "sex", "birth_date", "birth_year", "phone", "email",
           "address", "city", "state", "zip5"]  # fmt: skip


def make(folder: Path, voters: int, supporters: int, seed: int) -> None:
    """Write voters.parquet, supporters.parquet (as `resolve` takes them) and truth.parquet."""
    from campaignkit.sample.dirt import Rates, written
    from campaignkit.sample.people import people

    rng = np.random.default_rng(seed)
    wanted = int((voters + supporters / 3) * 1.01)
    batches, first, household = [], 0, 0
    while first < wanted:
        batch = people(rng, min(130_000, max(wanted - first, 1000)), first, household)
        first, household = first + batch.height, int(batch["household"].max()) + 1
        batches.append(batch)
    everyone = pl.concat(batches)
    # whole households register or do not, or the housemates of false links would be missing
    place = everyone["household"].hash(seed).rank("dense").to_numpy()
    on_file = place <= np.sort(place)[voters - 1]
    file = everyone.filter(pl.Series(on_file))
    known = file.sample(supporters * 2 // 3, seed=seed)
    others = everyone.filter(pl.Series(~on_file))
    ours = pl.concat([known, others.sample(min(supporters - known.height, others.height), seed=seed)])
    clean = Rates(0, 0, 0.05, 0, 0.6, 1.0, 0, 0, 0, 0, upper=True)
    dirty = Rates(nickname=1 / 3, typo=0.1, moved=0.2, no_birth_date=1 / 3, no_birth_year=0.25, wrong_birth_date=0.05)
    for name, frame, rates in (
        ("voters", file, clean),
        ("supporters", ours.sample(fraction=1, shuffle=True, seed=seed), dirty),
    ):
        text = written(rng, frame.with_columns(has_moved=pl.col("has_moved").fill_null(False)), rates)
        text = text.select(pl.lit(name).alias("source"), pl.int_range(pl.len()).alias("record_id"), "person", *COLUMNS)
        text.drop("person").write_parquet(folder / f"{name}.parquet")
        text.select("source", "record_id", "person").write_parquet(folder / f"{name}_truth.parquet")


def ours(folder: Path, model: bool = True) -> list[pl.DataFrame]:
    """Return the links of `resolve`: supporter, voter."""
    from campaignkit.megafile.resolve import resolve

    records = pl.concat([pl.scan_parquet(folder / f"{name}.parquet") for name in ("voters", "supporters")])
    found = resolve(records, model=model, progress=False).table
    sides = [found.filter(pl.col("source") == name) for name in ("supporters", "voters")]
    return [sides[0].join(sides[1], on="person_id").select(supporter="record_id", voter="record_id_right")]


def splink(folder: Path) -> list[pl.DataFrame]:
    """Return the links of Splink alone at each threshold, with the settings it publishes for persons.

    Those of its demo of 50,000 historical persons: blocking rules, prior, u and EM sessions; post code is the zip code
    and birth place the city. The address key and the phone are beside them, so that it sees what ours sees.
    """
    import splink.comparison_library as cl
    from splink import block_on

    rules = [
        block_on("substr(first,1,3)", "substr(last,1,4)"), block_on("last", "birth_date"),
        block_on("first", "birth_date"), block_on("zip5", "first"), block_on("zip5", "last"),
        block_on("birth_date", "city"), block_on("substr(zip5,1,3)", "birth_date"),
        block_on("substr(zip5,1,3)", "first"), block_on("substr(zip5,1,3)", "last"),
        block_on("substr(first,1,2)", "substr(last,1,2)", "birth_year"), block_on("phone"), block_on("address_key"),
    ]  # fmt: skip
    comparisons = [
        cl.ForenameSurnameComparison("first", "last", forename_surname_concat_col_name="full_name"),
        cl.DateOfBirthComparison("birth_date", input_is_string=False),
        cl.ExactMatch("zip5"),
        cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        cl.ExactMatch("address_key"),
        cl.ExactMatch("phone"),
    ]
    certain = [
        block_on("first", "last", "birth_date"), block_on("substr(first,1,2)", "last", "substr(zip5,1,2)"),
        block_on("birth_date", "zip5"),
    ]  # fmt: skip
    return _splink_links(folder, rules, comparisons, certain, (("first", "last"), ("birth_date",)))


def splink_tuned(folder: Path) -> list[pl.DataFrame]:
    """Return the links of Splink alone with what we know of such files: few, narrow blocks, and anchored training."""
    import splink.comparison_library as cl
    from splink import block_on

    rules = [
        block_on("phone"), block_on("address_key"), block_on("birth_date", "last"), block_on("birth_date", "first"),
        block_on("first", "last", "state"), block_on("last", "zip5"), block_on("first", "zip5", "birth_year"),
    ]  # fmt: skip
    comparisons = [
        cl.NameComparison("first").configure(term_frequency_adjustments=True),
        cl.NameComparison("last").configure(term_frequency_adjustments=True),
        cl.DateOfBirthComparison("birth_date", input_is_string=False),
        *(cl.ExactMatch(column) for column in ("birth_year", "address_key", "zip5", "phone", "sex", "suffix")),
    ]
    certain = [block_on(anchor, "first", "last") for anchor in ("birth_date", "phone", "address_key")]
    sessions = (("birth_date", "last"), ("birth_date", "first"), ("phone", "first"), ("address_key", "first"))
    return _splink_links(folder, rules, comparisons, certain, sessions)


def _splink_links(
    folder: Path, rules: list[Any], comparisons: list[Any], certain: list[Any], sessions: tuple[tuple[str, ...], ...]
) -> list[pl.DataFrame]:
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    settings = SettingsCreator(
        link_type="link_only",
        unique_id_column_name="record_id",
        blocking_rules_to_generate_predictions=rules,
        comparisons=comparisons,
        retain_matching_columns=False,
    )
    api = DuckDBAPI()
    linker = Linker([api.register(_plain(folder, n).to_arrow()) for n in ("supporters", "voters")], settings)
    linker.training.estimate_probability_two_random_records_match(certain, recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e7, seed=1)
    for session in sessions:
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*session), estimate_without_term_frequencies=True
        )
    scored = linker.inference.predict(threshold_match_probability=min(THRESHOLDS)).physical_name
    best = linker.misc.query_sql(f"""
        WITH ranked AS (
            SELECT record_id_l AS supporter, record_id_r AS voter, match_probability AS p,
                   row_number() OVER (PARTITION BY record_id_l ORDER BY match_weight DESC, record_id_r) AS here,
                   row_number() OVER (PARTITION BY record_id_r ORDER BY match_weight DESC, record_id_l) AS there
            FROM {scored}
        ) SELECT supporter, voter, p FROM ranked WHERE here = 1 AND there = 1""")
    links = best.as_duckdbpyrelation().pl()
    return [links.filter(pl.col("p") >= threshold) for threshold in THRESHOLDS]


def _plain(folder: Path, name: str) -> pl.DataFrame:
    from campaignkit.megafile.ingest import clean

    def plain(column: str) -> pl.Expr:
        return pl.col(column).str.to_uppercase().str.replace_all("[^A-Z]", "")

    return pl.read_parquet(folder / f"{name}.parquet").with_columns(
        first=plain("first_name"), last=plain("last_name"),
        full_name=pl.concat_str(plain("first_name"), plain("last_name"), separator=" "), phone=clean.phone(pl.col("phone")),
        address_key=clean.address_key(pl.col("address"), pl.lit(None, dtype=pl.String), pl.col("zip5")),
    )  # fmt: skip


def measure(side: str, folder: Path) -> dict[str, float]:
    """Run one side in this process; return its quality and its cost."""
    started = time.perf_counter()
    links = {"ours": ours, "tiers": lambda f: ours(f, model=False), "splink": splink, "splink_tuned": splink_tuned}[
        side
    ](folder)
    wall = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cost = {"cpu_s": usage.ru_utime + usage.ru_stime, "wall_s": wall, "peak_mb": usage.ru_maxrss / 1024}
    return max((quality(one, folder) for one in links), key=lambda q: q["f1"]) | cost


def quality(links: pl.DataFrame, folder: Path) -> dict[str, float]:
    """Return precision, recall and F1 of links."""
    who = {
        n: pl.read_parquet(folder / f"{n}_truth.parquet").select("record_id", "person")
        for n in ("supporters", "voters")
    }
    true = who["supporters"].join(who["voters"], on="person").height
    right = (
        links.join(who["supporters"], left_on="supporter", right_on="record_id")
        .join(who["voters"], left_on="voter", right_on="record_id", suffix="_voter")
        .filter(pl.col("person") == pl.col("person_voter"))
        .height
    )
    precision, recall = right / max(links.height, 1), right / true
    return {"precision": precision, "recall": recall, "f1": 2 * right / (links.height + true)}


def main() -> None:
    """Make the files, run each side in its own process, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voters", type=int, default=100_000)
    parser.add_argument("--supporters", type=int, default=30_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES)
    parser.add_argument("--measure", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.folder)))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        making = [sys.executable, "-c", "import sys; from pathlib import Path; from tests.benchmarks.bench_resolve import make; "
                  "make(Path(sys.argv[1]), *map(int, sys.argv[2:]))"]  # fmt: skip
        subprocess.run([*making, made, *map(str, (options.voters, options.supporters, options.seed))], check=True)
        rows = []
        for side in options.sides:
            asked = [sys.executable, "-m", "tests.benchmarks.bench_resolve", "--measure", side, "--folder", str(folder)]
            said = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
            rows.append({"side": side, **json.loads(said.splitlines()[-1])})
            print(json.dumps(rows[-1]), flush=True)
    table = pl.DataFrame(rows)
    print(f"{options.voters:,} voters x {options.supporters:,} supporters")
    with pl.Config(tbl_cols=-1, tbl_width_chars=160, float_precision=4):
        print(table)
    costs = ("cpu_s", "peak_mb", "wall_s")
    row = {side: table.row(by_predicate=pl.col("side") == side, named=True) for side in options.sides}
    for other in ("splink", "splink_tuned"):
        if {"ours", other} <= set(row):
            print(
                f"ours / {other}: " + ", ".join(f"{cost} {row['ours'][cost] / row[other][cost]:.2f}" for cost in costs)
            )


if __name__ == "__main__":
    main()
