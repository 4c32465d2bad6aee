"""Write the interviews and frame that `mrp.R` fits: `python -m tests.reference.mrp RESPONSES.csv FRAME.csv`."""

import sys

import polars as pl

from tests.polls.worlds import SIZES, draw

SEED = 3


def tables(seed: int = SEED) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return interviews by cell (``n``, ``k``) and the frame (``people``)."""
    world = draw(seed)
    cells = world.responses.group_by(list(SIZES), maintain_order=True).agg(n=pl.len(), k=pl.col("ours").sum())
    return cells, world.frame.drop("chance")


if __name__ == "__main__":
    for table, file in zip(tables(), sys.argv[1:], strict=True):
        table.write_csv(file)
