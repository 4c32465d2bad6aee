"""A night in which 1% of the people change, beside building everything anew by the stored model: CPU, wall, memory, disk.

python -m tests.benchmarks.bench_refresh --people 1_000_000
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import compared, measured

ME = "tests.benchmarks.bench_refresh"


def first(exports: str, path: str) -> dict[str, Any]:
    """Build the megafile, and fit its model."""
    return _built(exports, path, True)


def rebuild(exports: str, path: str, standing: str) -> dict[str, Any]:
    """Build it anew by the model of the standing one."""
    from campaignkit import Megafile

    with Megafile.open(standing) as megafile:
        model = megafile.model
    return _built(exports, path, model)


def _built(exports: str, path: str, model: Any) -> dict[str, Any]:
    from campaignkit import Megafile

    with Megafile.build(exports, path, model=model, progress=False) as megafile:
        people = megafile.sql("SELECT count(*) FROM person").item()
    return {"people": people, "MB": Path(path).stat().st_size / 1e6}


def night(path: str, folder: str) -> dict[str, Any]:
    """Refresh, in this process, so that its CPU and memory are counted."""
    from campaignkit import Megafile
    from campaignkit.megafile.refresh.order_of_work import refresh
    from campaignkit.progress import Steps

    number = refresh(Path(path), Path(folder), [], Steps("", show=False))
    with Megafile.open(path) as megafile:
        report = megafile.night(number)
    print(report.summary())
    return {"people": report.people, "MB": Path(path).stat().st_size / 1e6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--exports", type=Path, help="the sample's exports, where they are made already")
    parser.add_argument("--nights", type=int, default=2)
    parser.add_argument(
        "--beside", choices=["rebuild", "build"], default="rebuild", help="what nights are held against"
    )
    parser.add_argument("--standing", type=Path, help="its megafile, where it is built already")
    options = parser.parse_args()
    if options.standing and options.beside == "build":
        parser.error("--standing builds nothing that a night could be held against; take --beside rebuild")
    from campaignkit import sample

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        exports, path = options.exports or folder / "exports", folder / "campaign.duckdb"
        if options.exports is None:
            sample.write(exports, options.people)
        anew: dict[str, Any] = {}
        if options.standing is None:
            anew = measured(ME, "first", str(exports), str(path))
            _say("built, the model fitted", anew)
        else:
            shutil.copyfile(options.standing, path)
        if options.beside == "rebuild":
            anew = measured(ME, "rebuild", str(exports), str(folder / "anew.duckdb"), str(path))
            _say("built anew by the stored model", anew)
        for number in range(1, options.nights + 1):
            sample.write_night(exports, folder / f"night{number}", number)
            taken = measured(ME, "night", str(path), str(folder / f"night{number}"))
            _say(f"night {number}", taken)
            compared(f"night {number} beside the {options.beside}", taken, anew)


def _say(title: str, figures: dict[str, Any]) -> None:
    print(
        f"{title}: {figures['people']:,} people, CPU {figures['cpu']:.1f} s, wall {figures['wall']:.1f} s, "
        f"peak {figures['MiB']:,.0f} MiB, {figures['MB']:,.0f} MB on disk",
        flush=True,
    )


if __name__ == "__main__":
    main()
