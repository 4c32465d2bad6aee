"""The sample made and built, and the FEC rows built: wall, CPU, peak memory, size.

python -m tests.benchmarks.bench_build --people 1_000_000
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import measured
from tests.real.published import FOLDER, write_fec_2012

SEED = 2012
ME = "tests.benchmarks.bench_build"


def write(folder: str, people: str) -> dict[str, Any]:
    """Write the sample's exports."""
    from campaignkit import sample

    files = sample.write(folder, int(people), SEED)
    return {"rows": int(files["rows"].sum()), "MB": files["bytes"].sum() / 1e6}


def build(folder: str, path: str, *layouts: str) -> dict[str, Any]:
    """Build a megafile."""
    from campaignkit import Megafile

    with Megafile.build(folder, path, layouts=layouts, progress=False) as megafile:
        records = int(megafile.sources["records"].sum())
        people = megafile.sql("SELECT count(*) FROM person").item()
    return {"rows": records, "people": people, "MB": Path(path).stat().st_size / 1e6}


def say(title: str, figures: dict[str, Any]) -> None:
    """Print one line of figures."""
    print(
        f"{title}: {figures['rows']:,} rows, wall {figures['wall']:.1f} s, CPU {figures['cpu']:.1f} s, "
        f"peak {figures['MiB']:,.0f} MiB, {figures['MB']:,.0f} MB on disk",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    people = parser.parse_args().people
    with tempfile.TemporaryDirectory() as folder:
        exports, fec = Path(folder) / "exports", Path(folder) / "fec"
        say(f"sample of {people:,} people, written", measured(ME, "write", str(exports), str(people)))
        say("  built", measured(ME, "build", str(exports), f"{folder}/sample.duckdb"))
        if (FOLDER / "fec_2012").exists():
            fec.mkdir()
            layout = write_fec_2012(fec)
            say("FEC rows of 2012, built", measured(ME, "build", str(fec), f"{folder}/fec.duckdb", str(layout)))


if __name__ == "__main__":
    main()
