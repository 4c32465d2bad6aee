"""Write the interviews and frame that `mrp.R` fits: `python -m tests.reference.mrp RESPONSES.csv FRAME.csv`."""

import sys

import polars as pl

from tests.polls.worlds import SIZES, draw

SEED = 3

if __name__ == "__main__":
    world = draw(SEED)
    cells = world.responses.group_by(list(SIZES), maintain_order=True).agg(n=pl.len(), k=pl.col("ours").sum())
    cells.write_csv(sys.argv[1])
    world.frame.drop("chance").write_csv(sys.argv[2])
