"""Which records hang together: union-find over edges as they stream, with room for their records alone."""

from __future__ import annotations

import duckdb
import numpy as np
import polars as pl

EDGES_AT_ONCE = 1_000_000


class Forest:
    """Records that edges join one after the other; each tree's root is its smallest record.

    Parameters
    ----------
    records : array of int
        All records that edges touch, in order.

    Examples
    --------
    >>> forest = Forest(np.array([2, 3, 4, 5, 7]))
    >>> forest.join(np.array([5, 2]), np.array([7, 4]))
    >>> forest.join(np.array([5]), np.array([3]))
    >>> forest.roots().tolist()
    [2, 3, 2, 3, 3]
    """

    def __init__(self, records: np.ndarray) -> None:
        self.records = records
        self._above = np.arange(records.size)

    def join(self, a: np.ndarray, b: np.ndarray) -> None:
        """Join the two ends of each edge."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        ends = self._root(np.searchsorted(self.records, np.concatenate([a, b])))
        roots, place = np.unique(ends, return_inverse=True)
        graph = coo_array((np.ones(a.size, dtype=np.int8), (place[: a.size], place[a.size :])), shape=(roots.size,) * 2)
        _, label = connected_components(graph, directed=False)
        first = np.full(roots.size, self.records.size)
        np.minimum.at(first, label, roots)
        self._above[roots] = first[label]

    def roots(self) -> np.ndarray:
        """Return each record's root."""
        self._above = self._root(self._above)
        return self.records[self._above]

    def _root(self, places: np.ndarray) -> np.ndarray:
        while not np.array_equal(above := self._above[places], places):
            places = above
        return places


def components(con: duckdb.DuckDBPyConnection, edges: str) -> pl.DataFrame:
    """Return each record that an edge touches and the smallest record it hangs together with.

    Parameters
    ----------
    con : DuckDB connection
    edges : str
        SQL for the pairs a, b; it is run twice, and what it gives is never held whole.

    Examples
    --------
    >>> from campaignkit.sql import connect
    >>> with connect() as con:
    ...     components(con, "SELECT * FROM (VALUES (5, 7), (5, 3), (2, 4)) e(a, b)").rows()
    [(2, 2), (3, 3), (4, 2), (5, 3), (7, 3)]
    """
    ends = con.sql(f"SELECT DISTINCT unnest([a, b])::BIGINT AS record_id FROM ({edges}) ORDER BY ALL").pl()
    forest = Forest(ends["record_id"].to_numpy())
    for batch in con.sql(edges).to_arrow_reader(EDGES_AT_ONCE):
        pairs = pl.DataFrame(pl.from_arrow(batch))
        if pairs.height:
            forest.join(pairs["a"].to_numpy(), pairs["b"].to_numpy())
    return ends.with_columns(root=pl.Series(forest.roots(), dtype=pl.Int64))
