"""Components that stream come to what all edges at once come to."""

import numpy as np
import polars as pl
import pytest

from campaignkit.megafile.linkage import components
from campaignkit.sql import connect


def at_once(edges: pl.DataFrame) -> list[tuple[int, int]]:
    """Return each record and the smallest it hangs together with, by walking."""
    near: dict[int, set[int]] = {}
    for a, b in edges.iter_rows():
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    root: dict[int, int] = {}
    for start in sorted(near):
        ahead = [start] if start not in root else []
        while ahead:
            record = ahead.pop()
            if record not in root:
                root[record] = start
                ahead += near[record]
    return sorted(root.items())


@pytest.mark.parametrize("batch", [1, 7, 2048])
@pytest.mark.parametrize("seed", range(4))
def test_streamed_edges_join_what_all_at_once_join(batch, seed, monkeypatch):
    monkeypatch.setattr(components, "EDGES_AT_ONCE", batch)
    rng = np.random.default_rng(seed)
    edges = pl.DataFrame(rng.integers(-50, 200, (120, 2)), schema=["a", "b"]).filter(pl.col("a") != pl.col("b"))
    with connect() as con:
        con.register("edge", edges)
        assert components.components(con, "SELECT a, b FROM edge").rows() == at_once(edges)


def test_no_edges_are_no_components():
    with connect() as con:
        assert components.components(con, "SELECT 1 AS a, 2 AS b WHERE false").rows() == []
