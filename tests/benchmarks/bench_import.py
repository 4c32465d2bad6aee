"""`import campaignkit` beside `import polars, duckdb`, turn about, each in a fresh interpreter; medians.

    python -m tests.benchmarks.bench_import --repeats 15

`first use` is what an analyst waits for in the first cell: the import and the classes of the megafile with it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

SEED = None
SIDES = {
    "campaignkit": "import campaignkit",
    "first use": "import campaignkit as ck; ck.Megafile, ck.Universe",
    "polars, duckdb": "import polars, duckdb",
}
TIMED = """
import time
wall, cpu = time.perf_counter(), time.process_time()
{code}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def once(code: str) -> tuple[float, float]:
    """Return wall and CPU seconds of some imports in an interpreter of their own."""
    out = subprocess.run(
        [sys.executable, "-c", TIMED.format(code=code)], check=True, capture_output=True, text=True
    ).stdout
    wall, cpu = map(float, out.split())
    return wall, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    found = {side: [] for side in SIDES}
    for _ in range(repeats):
        for side, code in SIDES.items():
            found[side].append(once(code))
    base = [statistics.median(part) for part in zip(*found["polars, duckdb"], strict=True)]
    for side, runs in found.items():
        wall, cpu = (statistics.median(part) for part in zip(*runs, strict=True))
        ratios = f"{wall / base[0]:.2f} and {cpu / base[1]:.2f} of polars and duckdb"
        print(f"{side:15} wall {wall * 1000:6.0f} ms  CPU {cpu * 1000:6.0f} ms  ({ratios}; median of {repeats})")


if __name__ == "__main__":
    main()
