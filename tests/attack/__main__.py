"""Attack campaignkit at random, count what came of it, and keep the table.

    python -m tests.attack N

makes N histories, and of the other kinds as many as `SHARES` says. Attempts are appended to build/attack/ as they come: a
run that was stopped goes on where it was, by the same seed; one that was done is followed by one with a fresh seed, which
is printed. `--failures` groups what failed by its cause, with one attempt of each to make again: `--again KIND SEED`.
`--keep` writes the table to book/calibration/attack.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from tests.attack.attempts import SLOW, Attempt, cause
from tests.attack.worker import HANGS, Worker
from tests.provenance import commit

REPO = Path(__file__).parents[2]
STATE = REPO / "build" / "attack"
PAGE = REPO / "book" / "calibration" / "attack.md"

#: Attempts of each kind for one history.
SHARES = {"histories": 1.0, "files": 1.5, "archives": 0.75, "layouts": 0.85, "scores": 0.15, "megafiles": 0.1}
HANGS_OF = {"histories": 900.0}  # twenty at once
BATCH = 50


def rows_of(kind: str) -> list[dict]:
    file = STATE / f"{kind}.jsonl"
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


def seed_of_run(wanted: dict[str, int], given: int | None) -> int:
    """Return the seed of the run that was stopped, if the code is the same, or begin one."""
    STATE.mkdir(parents=True, exist_ok=True)
    kept, code = STATE / "run.json", commit()
    stopped = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    unfinished = any(len(rows_of(kind)) < most for kind, most in wanted.items())
    if stopped.get("code") == code and unfinished and given in (None, stopped["seed"]):
        return stopped["seed"]
    for old in STATE.glob("*.jsonl"):
        old.unlink()
    seed = secrets.randbelow(10_000) if given is None else given
    kept.write_text(json.dumps({"seed": seed, "code": code}), encoding="utf-8")
    return seed


def run(wanted: dict[str, int], seed: int) -> None:
    """Make what is missing, the kinds in turn, so that a run that is stopped has something of each."""
    done = {kind: len(rows_of(kind)) for kind in wanted}
    while any(done[kind] < most for kind, most in wanted.items()):
        for kind, most in wanted.items():
            done[kind] += _batch(kind, seed, done[kind], min(most, done[kind] + BATCH))
        print(f"{time.strftime('%H:%M')} {done}", file=sys.stderr, flush=True)


def _batch(kind: str, seed: int, first: int, end: int) -> int:
    made = 0
    with Worker(HANGS_OF.get(kind, HANGS)) as worker, (STATE / f"{kind}.jsonl").open("a", encoding="utf-8") as out:
        while first + made < end:
            attempts = worker.attempt(kind, seed * 1_000_000 + first + made)
            for attempt in attempts:
                print(json.dumps(attempt.row()), file=out, flush=True)
            made += len(attempts)
    return made


def table(rows: pl.DataFrame) -> str:
    """Return what came of each kind as Markdown."""
    counted = rows.group_by("kind", maintain_order=True).agg(
        tried=pl.len(), read=(pl.col("outcome") == "read").sum(), own=(pl.col("outcome") == "refused").sum(),
        traceback=(pl.col("outcome").is_in(["traceback", "crashed"])).sum(),
        broken=(pl.col("outcome") == "broken").sum(),
        slow=((pl.col("outcome") == "hung") | (pl.col("seconds") > SLOW)).sum(), slowest=pl.col("seconds").max(),
        suppressed=pl.col("suppressed").sum(),
    )  # fmt: skip
    head = (
        "kind",
        "tried",
        "no error",
        "our own errors",
        "tracebacks",
        "promises broken",
        f"over {SLOW:.0f} s",
        "slowest (s)",
        "suppressed written",
    )
    lines = [head, ["---"] * len(head), *(map(str, row) for row in counted.iter_rows())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(seed: int, histories: int, rows: pl.DataFrame) -> str:
    return (
        f"# Attack\n\n{dt.date.today()}, {commit()}; seed {seed}; `python -m tests.attack {histories} --seed {seed}`.\n\n"
        "Exports, archives, layouts, saved scores and megafiles damaged at random, and histories of a town whose people share\n"
        "addresses and telephones: builds, refreshes with whole, shortened, reordered and renamed files, universes of well-meant\n"
        "and hostile expressions, and lists, each held against a count of who refused that knows nothing of campaignkit. In a\n"
        f"history, *our own errors* says how many were refused a step. A hung attempt is ended after {HANGS:.0f} s.\n\n"
        f"{table(rows)}\n"
    )  # fmt: skip


def failures(rows: pl.DataFrame) -> Iterator[str]:
    """Say each cause of failure, how often it came, and one attempt of it."""
    causes: dict[tuple[str, str, str], list[Attempt]] = {}
    for row in rows.iter_rows(named=True):
        attempt = Attempt(**row)
        if attempt.failed:
            slow = attempt.outcome in ("read", "refused")
            named = "slow" if slow else cause(attempt.error.removeprefix("traceback: "))
            causes.setdefault((attempt.kind, "slow" if slow else attempt.outcome, named), []).append(attempt)
    for (kind, outcome, named), found in sorted(causes.items(), key=lambda pair: (pair[0][0], -len(pair[1]))):
        least = min(found, key=lambda attempt: len(attempt.tried))
        yield f"- {kind}, {outcome}, {len(found)} of them: **{named}**\n  - {least.error or f'{least.seconds} s'}\n  - `{least.tried[:600]}`\n  - `python -m tests.attack --again {kind} {least.seed}`"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.attack")
    parser.add_argument("histories", type=int, nargs="?", default=2_000)
    parser.add_argument("--only", action="append", choices=list(SHARES), help="some kinds alone")
    parser.add_argument("--seed", type=int, help="begin anew by this seed")
    parser.add_argument("--failures", action="store_true", help="group what failed, and run nothing")
    parser.add_argument("--again", nargs=2, metavar=("KIND", "SEED"), help="make one attempt again")
    parser.add_argument("--keep", action="store_true", help="write book/calibration/attack.md")
    given = parser.parse_args()
    if given.again:
        with Worker(900.0) as worker:
            print(*worker.attempt(given.again[0], int(given.again[1])), sep="\n")
        return
    wanted = {
        kind: round(given.histories * share) for kind, share in SHARES.items() if not given.only or kind in given.only
    }
    if not given.failures:
        seed = seed_of_run(wanted, given.seed)
        print(f"seed {seed}", flush=True)
        run(wanted, seed)
    rows = pl.DataFrame([row for kind in SHARES for row in rows_of(kind)], schema=_SCHEMA)
    text = page(json.loads((STATE / "run.json").read_text(encoding="utf-8"))["seed"], given.histories, rows)
    print(text, *failures(rows), sep="\n")
    if given.keep:
        PAGE.write_text(text, encoding="utf-8")


_SCHEMA = {
    "kind": pl.String, "seed": pl.Int64, "tried": pl.String, "outcome": pl.String, "error": pl.String, "seconds": pl.Float64,
    "suppressed": pl.Int64,
}  # fmt: skip

if __name__ == "__main__":
    main()
