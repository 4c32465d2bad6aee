"""Every conjunction's counts, exhaustively: a few wide cross-tabulations, and all smaller ones as their margins.

A pass over the rows per combination of columns would read twelve columns 220 times at depth three. Instead the
columns go into groups, and each union of `depth` groups (a block) is counted once, as one cube with a side a column;
any combination of columns lies in some block, and its table is a margin of that cube. Twelve columns of five values
take 20 passes. Rows are touched by `np.bincount` alone, so a column of 51 states costs no more than one of two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, prod

import numpy as np
from numpy.typing import NDArray

from campaignkit.errors import BadValue
from campaignkit.stats.arrays import Floats, Whole

CELLS = 2**16  # about the largest cube that stays in a core's cache
FEWEST = 2**9  # and the smallest worth a pass: with few rows, adding up a cube's margins costs more than passes
LARGEST = 2**23  # cells of a cube; above it the rows' codes are sorted instead
CHUNK = 2**17  # rows
MOST = 30_000_000  # conjunctions


@dataclass(frozen=True)
class Table:
    """Rows to be cross-tabulated: codes by column, `sides[c]` of them; and what to add up."""

    codes: Sequence[NDArray[np.unsignedinteger]]
    sides: Sequence[int]
    weights: Sequence[Floats | None]  # what to add up: None counts the rows

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.codes[0])


@dataclass(frozen=True)
class Conjunctions:
    """Conditions and what was added up where all of them hold.

    Attributes
    ----------
    items : array of int32, one row per conjunction, as many columns as the depth
        Conditions by number, rising; -1 where there are fewer.
    sums : list of arrays
        One for each weight of each table.
    """

    items: NDArray[np.int32]
    sums: list[Floats]


def search(tables: Sequence[Table], values: Sequence[int], depth: int, least: int) -> Conjunctions:
    """Add up over all conjunctions of at most `depth` conditions, no two on one column.

    Parameters
    ----------
    tables : sequence of Table
        With the same columns; the first one's first weight is None, and counts people.
    values : sequence of int
        How many conditions each column has; they are numbered through.
    depth : int
        The most conditions in a conjunction.
    least : int
        Conjunctions with fewer people are left out.

    Raises
    ------
    BadValue
        There would be more than 30 million to hold.
    """
    columns = len(values)
    depth = min(depth, columns)
    sides = [max(table.sides[c] for table in tables) for c in range(columns)]
    offsets = np.concatenate([[0], np.cumsum(values)[:-1]])
    conjunctions: list[tuple[NDArray[np.int32], list[Floats]]] = []
    held = 0
    for block, subsets in blocks(sides, depth, int(np.clip(tables[0].rows // 8, FEWEST, CELLS))):
        cubes = [_cubes(table, block, subsets) for table in tables]
        for subset in subsets:
            sums = [margin for cube in cubes for margin in cube(subset)]
            items, picked = _cells(sums, [values[c] for c in subset], [offsets[c] for c in subset], depth, least)
            conjunctions.append((items, picked))
            held += len(items)
            if held > MOST:
                raise BadValue(
                    f"More than {MOST:,} conjunctions have {least:,} people; search fewer columns, "
                    "set max_depth lower or min_size higher."
                )
    joined = [np.concatenate([sums[i] for _, sums in conjunctions]) for i in range(len(conjunctions[0][1]))]
    return _in_order(Conjunctions(np.concatenate([items for items, _ in conjunctions]), joined))


def blocks(
    sides: Sequence[int], depth: int, cells: int = CELLS
) -> Iterator[tuple[tuple[int, ...], list[tuple[int, ...]]]]:
    """Yield blocks of columns, and the combinations of at most `depth` columns to be read from each, once each.

    Examples
    --------
    >>> [(block, len(subsets)) for block, subsets in blocks([5, 5, 5, 5], depth=2)]
    [((0, 1, 2, 3), 10)]
    """
    groups = _groups(sides, depth, cells)
    seen: set[tuple[int, ...]] = set()
    for chosen in combinations(range(len(groups)), min(depth, len(groups))):
        block = tuple(sorted(c for g in chosen for c in groups[g]))
        fresh = []
        for size in range(1, depth + 1):
            for subset in combinations(block, size):
                if subset not in seen:
                    seen.add(subset)
                    fresh.append(subset)
        yield block, fresh


def _groups(sides: Sequence[int], depth: int, most: int) -> list[list[int]]:
    """Put columns together, smallest sides first, so that the union of `depth` groups has about so many cells."""
    share = most ** (1 / depth)
    groups: list[list[int]] = []
    cells = np.inf
    for column in np.argsort(sides, kind="stable"):
        if cells * sides[column] > share * 1.25:
            groups.append([])
            cells = 1
        groups[-1].append(int(column))
        cells *= sides[column]
    return groups


def _cubes(table: Table, block: tuple[int, ...], subsets: list[tuple[int, ...]]):
    """Return what gives any subset's sums: margins of one cube, or each counted by itself where that is too big."""
    if prod(table.sides[c] for c in block) <= max(LARGEST, 1):
        cube = [_tally(table, block, weight) for weight in _weights(table)]

        def margins(subset: tuple[int, ...]) -> list[Floats]:
            others = tuple(axis for axis, column in enumerate(block) if column not in subset)
            return [counts.sum(axis=others) for counts in cube]

        return margins
    return lambda subset: [_tally(table, subset, weight) for weight in _weights(table)]


def _weights(table: Table) -> Sequence[Floats | None]:
    return table.weights


def _tally(table: Table, columns: tuple[int, ...], weight: Floats | None) -> Floats:
    """Cross-tabulate some columns: a cube of counts, or of sums of the weight."""
    shape = [table.sides[c] for c in columns]
    cells = prod(shape)
    if cells > 8 * LARGEST:
        raise BadValue(f"Columns of {shape} values make {cells:,} cells; raise min_size, bin them, or lower max_depth.")
    total = np.zeros(cells)  # counts are exact in it up to 2**53
    step = max(CHUNK, 4 * cells)
    for start in range(0, table.rows, step):
        stop = start + step
        code = table.codes[columns[0]][start:stop].astype(np.int64)
        for column, side in zip(columns[1:], shape[1:], strict=True):
            code *= side
            code += table.codes[column][start:stop]
        total += np.bincount(code, None if weight is None else weight[start:stop], cells)
    return total.reshape(shape)


def _cells(
    sums: list[Floats], values: list[int], offsets: list[int], depth: int, least: int
) -> tuple[NDArray[np.int32], list[Floats]]:
    """Return the conjunctions of a table's cells that have enough people."""
    trimmed = [sums_of[tuple(slice(0, v) for v in values)] for sums_of in sums]
    at = np.nonzero(trimmed[0] >= max(least, 1))
    items = np.full((len(at[0]), depth), -1, np.int32)
    for position, (index, offset) in enumerate(zip(at, offsets, strict=True)):
        items[:, position] = index + offset
    return items, [sums_of[at] for sums_of in trimmed]


def _in_order(conjunctions: Conjunctions) -> Conjunctions:
    """Sort by number of conditions, then by the conditions; the order does not depend on the blocks."""
    order = np.lexsort([*conjunctions.items.T[::-1], (conjunctions.items >= 0).sum(axis=1)])
    return Conjunctions(conjunctions.items[order], [counts[order] for counts in conjunctions.sums])


def parents(items: NDArray[np.int32], drop: int) -> Whole:
    """Return the row of each conjunction's parent without its condition number `drop`; -1: everyone, -2: no such.

    `items` must hold all parents, sorted as `search` gives them.
    """
    size = (items >= 0).sum(axis=1)
    shorter = np.delete(items, drop, axis=1)
    shorter = np.concatenate([shorter, np.full((len(items), 1), -1, np.int32)], axis=1)
    keys, wanted = _key(items), _key(shorter)
    order = np.argsort(keys, kind="stable")
    at = order[np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)]
    return np.where(size <= drop, -2, np.where(size == 1, -1, at))


def _key(items: NDArray[np.int32]) -> Whole:
    key = np.zeros(len(items), np.int64)
    base = int(items.max(initial=0)) + 2
    if base ** items.shape[1] >= 2**62:
        raise BadValue(f"{base - 2:,} conditions at depth {items.shape[1]} are too many; lower max_depth.")
    for column in items.T:
        key = key * base + (column + 1)
    return key


def combinations_of(columns: int, depth: int) -> int:
    """Return how many combinations of columns a search of this depth crosses."""
    return sum(comb(columns, size) for size in range(1, min(depth, columns) + 1))
