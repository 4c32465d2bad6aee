"""How a build, a night and questions grow with the people: a table of the folders that `bench_build` kept.

python -m tests.benchmarks.bench_growth FOLDER_100K FOLDER_1M FOLDER_10M

Without a folder 100,000 and a million people are written and built first. The megafile of each folder is asked what it has not been asked; its steps' figures are kept there. The night comes
last, since it writes to the megafile: 1% of the people change, as `campaignkit.sample.write_night` says.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_build import SEED, sample_built
from tests.benchmarks.kept import Kept

ME = "tests.benchmarks.bench_growth"
SIZES = (100_000, 1_000_000)
BY = ["region", "sex", "age_band", "party", "race", "income_band", "education", "urbanicity", "homeowner", "interest"]


def count(path: str) -> dict[str, Any]:
    """Count a universe."""
    from campaignkit import Megafile

    with Megafile.open(path) as megafile:
        universe = megafile.universe("sex = 'F'", "age between 30 and 69", "gave('online')", "not contacted('door')")
        return {"n": universe.count()}


def call_list(path: str, out: str) -> dict[str, Any]:
    """Make a list of all voters with a phone, best first, and write it."""
    from campaignkit import Megafile

    with Megafile.open(path) as megafile:
        made = megafile.universe("voter").call_list("phone", "turnout", rank_by="age")
        made.write(out)
        return {"n": made.table.height}


def segments(path: str) -> dict[str, Any]:
    """Search everyone who was invited to a contest for who entered."""
    from campaignkit import Megafile
    from campaignkit.donors import discover_segments

    with Megafile.open(path) as megafile:
        invited = megafile.universe("invited('host_a')")
        found = discover_segments(invited, "entered('host_a')", BY, unit="person_id", cluster="household_id")
        return {"n": invited.count(), "found": found.table.height}


def turnout(path: str) -> dict[str, Any]:
    """Fit turnout on 2008 and test it on 2010."""
    from campaignkit import Megafile
    from campaignkit.voters import fit_turnout

    with Megafile.open(path) as megafile:
        voters = megafile.universe("voter")
        fit_turnout(
            voters, election="2012-11-06", fit_on="2008-11-04", test_on="2010-11-02",
            totals=megafile.table("county_turnout"), like="2008-11-04",
        )  # fmt: skip
        return {"n": voters.count()}


def night_files(exports: str, folder: str) -> dict[str, Any]:
    """Write the files of a night in which 1% change."""
    from campaignkit import sample

    sample.write_night(exports, folder, 1, seed=SEED)
    return {"n": len(list(Path(folder).iterdir()))}


def ask(kept: Kept, exports: Path, night: bool) -> None:
    """Ask a folder's megafile whatever it was not asked yet."""
    path, folder = str(kept.folder / "sample.duckdb"), str(kept.folder)
    kept.step("count", ME, "count", path)
    kept.step("list", ME, "call_list", path, f"{folder}/list.csv")
    kept.step("segments", ME, "segments", path)
    kept.step("turnout", ME, "turnout", path)
    if night:
        kept.step("night files", ME, "night_files", str(exports), f"{folder}/night")
        kept.step("night", "tests.benchmarks.bench_refresh", "night", path, f"{folder}/night")


def table(sizes: list[Kept]) -> str:
    """Return CPU seconds, per million people and in all, and peak MiB of each step, a column a size."""
    people = [kept.steps["build"]["people"] for kept in sizes]
    lines = [f"{'people':28}" + "".join(f"{n:>22,}" for n in people)]
    for step in dict.fromkeys(step for kept in sizes for step in kept.steps):
        cells = []
        for kept, n in zip(sizes, people, strict=True):
            taken = kept.steps.get(step)
            each = f"{taken['cpu']:,.1f} {taken['cpu'] / n * 1e6:,.1f} {taken['MiB']:,.0f}" if taken else "-"
            cells.append(f"{each:>22}")
        lines.append(f"{step:28}" + "".join(cells))
    for step in sizes[-1].steps["build"]["steps"]:
        taken = [kept.steps["build"]["steps"][step] for kept in sizes]
        cells = [
            f"{t['cpu']:,.1f} {t['cpu'] / n * 1e6:,.1f} {t['MiB']:,.0f}" for t, n in zip(taken, people, strict=True)
        ]
        lines.append(f"  {step:26}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", help="that bench_build kept, the smallest first")
    parser.add_argument("--exports", type=Path, nargs="*", help="of each folder, where it has none itself")
    parser.add_argument("--without-night", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sizes = [Kept(folder) for folder in options.folders]
        if not sizes:
            sizes = [Kept(Path(scratch) / str(people)) for people in SIZES]
            for kept, people in zip(sizes, SIZES, strict=True):
                sample_built(kept, people, None, "")
        places = options.exports or [kept.folder / "exports" for kept in sizes]
        for kept, exports in zip(sizes, places, strict=True):
            ask(kept, exports, not options.without_night)
        print("CPU s in all, CPU s per million people, peak MiB")
        print(table(sizes))


if __name__ == "__main__":
    main()
