"""The sample made and built, step by step, and the FEC rows built: wall, CPU, peak memory, size.

python -m tests.benchmarks.bench_build --people 1_000_000 --memory-limit 2GB
python -m tests.benchmarks.bench_build --people 10_000_000 --keep-folder FOLDER

With a folder to keep, what is made stays there, and steps that ran to their end are not run again. `bench_growth` then
asks the megafile questions and holds sizes against each other.

`reading to text columns` holds the splitter, which accounts for every line, against DuckDB's reader on the same files,
those that are no archives of several, into the same text columns.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.kept import Kept
from tests.benchmarks.measure import compared, peak
from tests.real.published import FOLDER, write_fec_2012

SEED = 2012
ME = "tests.benchmarks.bench_build"
QUALITY = ("precision", "recall")


def write(folder: str, people: str) -> dict[str, Any]:
    """Write the sample's exports."""
    from campaignkit import sample

    files = sample.write(folder, int(people), SEED)
    return {"rows": int(files["rows"].sum()), "MB": files["bytes"].sum() / 1e6}


def build(folder: str, path: str, memory_limit: str, *layouts: str) -> dict[str, Any]:
    """Build a megafile."""
    from campaignkit import Megafile

    with (
        _each_step() as steps,
        Megafile.build(
            folder, path, layouts=layouts, memory_limit=memory_limit or None, progress=False
        ) as megafile,
    ):  # fmt: skip
        records = int(megafile.sources["records"].sum())
        people = megafile.sql("SELECT count(*) FROM person").item()
    highest = max((peak(), *(step["MiB"] for step in steps.values())))
    return {
        "rows": records, "people": people, "MB": Path(path).stat().st_size / 1e6, "MiB": highest, "steps": steps
    }  # fmt: skip


def quality(path: str, truth: str) -> dict[str, Any]:
    """Hold the links against the truth: all pairs of records, and the worst of the pairs of sources with 1,000."""
    import polars as pl

    from campaignkit import Megafile, sample

    with Megafile.open(path) as megafile:
        pairs = sample.link_quality(megafile, truth)
    right, many = int(pairs["right_links"].sum()), pairs.filter(pl.col("true_pairs") >= 1_000)
    return {
        "precision": right / int(pairs["links"].sum()), "recall": right / int(pairs["true_pairs"].sum()),
        "least_precision": many["precision"].min(), "least_recall": many["recall"].min(),
    }  # fmt: skip


@contextmanager
def _each_step() -> Generator[dict[str, dict[str, float]]]:
    """Yield what becomes CPU seconds and peak MiB of each step, and say each as it ends; files are one step, reading."""
    from campaignkit.progress import Steps

    steps: dict[str, dict[str, float]] = {}
    inner = Steps.step

    @contextmanager
    def step(self: Steps, name: str, con: Any = None) -> Generator[None]:
        _forget_peak()
        before = time.process_time()
        with inner(self, name, con):
            yield
        kept = steps.setdefault("reading" if name.startswith("reading ") else name, {"cpu": 0.0, "MiB": 0.0})
        kept["cpu"] += time.process_time() - before
        kept["MiB"] = max(kept["MiB"], peak())
        print(f"{datetime.now():%H:%M:%S} {name}: {_figures(kept)}", file=sys.stderr, flush=True)

    Steps.step = step
    try:
        yield steps
    finally:
        Steps.step = inner


def _forget_peak() -> None:
    """Let this process's peak memory begin anew, where the system can (Linux)."""
    if os.access("/proc/self/clear_refs", os.W_OK):
        Path("/proc/self/clear_refs").write_text("5")


def _text_files(folder: str) -> list[Any]:
    from campaignkit.megafile.ingest.layout import load_layouts
    from campaignkit.megafile.ingest.sources import find_sources

    found, _ = find_sources(Path(folder), load_layouts({}))
    return [source for source in found if source.file.member is None and source.layout.header]


def to_text_columns(folder: str) -> dict[str, Any]:
    """Split files to text columns as a build does."""
    from campaignkit.megafile.ingest.sources import parse, read_blocks_of

    rows = 0
    for source in _text_files(folder):
        for block in read_blocks_of(source):
            rows += parse(block.text, source.header, source.layout.delimiter, source.layout.quote).height
    return {"rows": rows}


def to_text_columns_by_duckdb(folder: str) -> dict[str, Any]:
    """Have DuckDB's reader take the same files."""
    from campaignkit.sql import connect

    rows = 0
    with connect() as con:
        for source in _text_files(folder):
            con.execute(
                "CREATE OR REPLACE TEMP TABLE read AS FROM read_csv(?, all_varchar = true, header = true, "
                "delim = ?, quote = ?, ignore_errors = true)",
                [str(source.file.path), source.layout.delimiter, source.layout.quote],
            )
            rows += con.sql("SELECT count(*) FROM read").pl().item()
    return {"rows": rows}


def say(title: str, figures: dict[str, Any]) -> None:
    """Print one line of figures."""
    print(
        f"{title}: {figures['rows']:,} rows, wall {figures['wall']:.1f} s, CPU {figures['cpu']:.1f} s, "
        f"peak {figures['MiB']:,.0f} MiB, {figures['MB']:,.0f} MB on disk",
        flush=True,
    )
    for name, step in figures.get("steps", {}).items():
        print(f"    {name:35} {_figures(step)}")


def _figures(step: dict[str, float]) -> str:
    return f"CPU {step['cpu']:6.1f} s, peak {step['MiB']:6,.0f} MiB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--memory-limit", default="", help="of Megafile.build; left out: half of the machine's")
    parser.add_argument("--exports", type=Path, help="the sample's exports, where they are made already")
    parser.add_argument("--keep-folder", type=Path, help="where exports, megafile and figures stay, to go on from")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores when begun")
    with tempfile.TemporaryDirectory() as scratch:
        kept = Kept(options.keep_folder or Path(scratch))
        sample_built(kept, options.people, options.exports, options.memory_limit)
        if (FOLDER / "fec_2012").exists():
            fec = Path(scratch) / "fec"
            fec.mkdir()
            layout = write_fec_2012(fec)
            out = str(Path(scratch) / "fec.duckdb")
            say(
                "FEC rows of 2012, built",
                kept.step("fec", ME, "build", str(fec), out, options.memory_limit, str(layout)),
            )


def sample_built(kept: Kept, people: int, exports: Path | None, limit: str) -> None:
    """Write the sample, build it, hold its links against the truth, and its reading against DuckDB's."""
    if exports is None:
        exports = kept.folder / "exports"
        say(f"sample of {people:,} people, written", kept.step("write", ME, "write", str(exports), str(people)))
    path = str(kept.folder / "sample.duckdb")
    built = kept.step("build", ME, "build", str(exports), path, limit)
    say(f"{built['people']:,} people built, memory limit {limit or 'half'}", built)
    links = kept.step("quality", ME, "quality", path, str(exports / "truth"))
    print(
        "links: "
        + ", ".join(f"{name} {links[name]:.4f}" for name in (*QUALITY, *(f"least_{name}" for name in QUALITY)))
    )
    readers = ("to_text_columns", "to_text_columns_by_duckdb")
    compared("reading to text columns", *(kept.step(reader, ME, reader, str(exports)) for reader in readers))


if __name__ == "__main__":
    main()
