"""Write the sample that `rake.R` weights: `python -m tests.reference.rake SAMPLE.csv TARGETS.csv`."""

import sys

import polars as pl

from tests.polls.samples import draw

N = 2_000  # of these `rake.R` keeps every fifth weight

if __name__ == "__main__":
    table, targets = draw(N)
    table.write_csv(sys.argv[1])
    rows = [(margin, level, share) for margin, shares in targets.items() for level, share in shares.items()]
    pl.DataFrame(rows, schema=["margin", "level", "share"], orient="row").write_csv(sys.argv[2])
