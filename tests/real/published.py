"""Where the published data lie, and how tests skip without them."""

import os
from pathlib import Path

import polars as pl
import pytest

FOLDER = Path(os.environ.get("CAMPAIGNKIT_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def published(name: str) -> Path:
    """Return the path of a published file; skip the test where it is not there."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"published data not here: {path}")
    return path


def write_fec_2012(folder: Path) -> Path:
    """Write the FEC rows as a CSV export and return the layout that reads it."""
    rows = pl.read_parquet(published("fec_2012/contributions.parquet"))
    rows.with_row_index("row").write_csv(folder / "fec_2012.csv")
    return Path(__file__).parent / "fec_2012.toml"
