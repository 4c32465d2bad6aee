"""Repeat a room's worlds many times and print how often its promises hold.

    python -m tests.calibration ROOM REPS

ROOM is a module of this package with `WORLDS` (name → a function from a seed to a flat dict, and the most repeats of
it) and `report` (all rows as a Polars frame → Markdown). Rows are appended to build/calibration/ROOM.jsonl as they
come; a run that was stopped goes on where it was. REPS 0 only prints. Rows of older code are kept until the file is
removed. A report worth keeping goes to book/calibration/ROOM.md: add --keep.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from importlib import import_module
from pathlib import Path

import polars as pl

from tests.provenance import commit

REPO = Path(__file__).parents[2]


def rows_of(file: Path) -> list[dict]:
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.endswith("}")]  # a killed run's last line may be cut


def run(room: str, repeats: int) -> pl.DataFrame:
    module, file = import_module(f"tests.calibration.{room}"), REPO / "build" / "calibration" / f"{room}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    done = {(row["world"], row["seed"]) for row in rows_of(file)}
    with file.open("a", encoding="utf-8") as out:
        for seed in range(repeats):
            for world, (draw, most) in module.WORLDS.items():
                if seed < most and (world, seed) not in done:
                    print(json.dumps({"world": world, "seed": seed, **draw(seed)}), file=out, flush=True)
    return pl.DataFrame(rows_of(file), infer_schema_length=None).unique(
        ["world", "seed"], keep="first", maintain_order=True
    )


def header(room: str, rows: pl.DataFrame) -> str:
    return (
        f"# Calibration: {room}\n\n{dt.date.today()}, {commit()}; seeds 0 to {rows['seed'].max()}; "
        f"`python -m tests.calibration {room} {rows['seed'].max() + 1}`.\n± is one Monte-Carlo standard error.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.calibration")
    parser.add_argument("room")
    parser.add_argument("repeats", type=int)
    parser.add_argument("--keep", action="store_true", help="write book/calibration/ROOM.md")
    given = parser.parse_args()
    rows = run(given.room, given.repeats)
    text = f"{header(given.room, rows)}\n{import_module(f'tests.calibration.{given.room}').report(rows)}"
    print(text)
    if given.keep:
        (REPO / "book" / "calibration" / f"{given.room}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
