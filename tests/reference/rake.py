"""Write the sample that `rake.R` weights: `python -m tests.reference.rake SAMPLE.csv TARGETS.csv`."""

import sys

import polars as pl

from tests.polls.samples import draw

N = 2_000  # of these `rake.R` keeps every fifth weight


def tables(n: int = N, seed: int = 17) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the sample, and its margins: ``margin``, ``level``, ``share``."""
    table, targets = draw(n, seed)
    rows = [(margin, level, share) for margin, shares in targets.items() for level, share in shares.items()]
    return table, pl.DataFrame(rows, schema=["margin", "level", "share"], orient="row")


if __name__ == "__main__":
    for table, file in zip(tables(), sys.argv[1:], strict=True):
        table.write_csv(file)
