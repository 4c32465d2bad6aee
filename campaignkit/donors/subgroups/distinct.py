"""Each effect once: what is only a variant of a better segment goes, and is listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from campaignkit.donors.subgroups.split_sample import Counts, SplitSample
from campaignkit.stats.arrays import Mask
from campaignkit.stats.intervals.hypergeometric import hypergeometric_upper

SAME = 0.8  # Jaccard similarity from which two covers are one
INSIDE = 0.8  # the share of a segment's people in another from which it is a part of it

SAME_PEOPLE = "nearly the same people"
NO_BETTER = "part of it, and no better"
NOTHING_LEFT = "without it, within chance of its own parent"

Bits = NDArray[np.uint64]


@dataclass(frozen=True)
class Variant:
    """A segment that says what a kept one says."""

    row: int
    kept: int
    reason: str


class Effects:
    """Keep segments one by one, the strongest first, and let go of what each makes redundant.

    Parameters
    ----------
    half : SplitSample
        The people searched.
    items, counts
        The segments to choose from.
    level : float
        The p-value up to which a difference is beyond chance.
    """

    def __init__(self, sample: SplitSample, items: NDArray[np.int32], counts: Counts, level: float) -> None:
        self.sample, self.items, self.counts, self.level = sample, items, counts, level
        self.yes = _packed(sample.outcome)
        self.everyone = _packed(np.ones(sample.rows, bool))
        self.known: dict[tuple[int, ...], Bits] = {(): self.everyone}
        self.kept: list[int] = []
        self.variants: list[Variant] = []

    def choose(self, order: Sequence[int]) -> tuple[list[int], list[Variant]]:
        """Return the rows to keep and those that go with them, from rows in the order of their evidence."""
        for row in order:
            variant = self._variant_of(row)
            if variant is None:
                self.kept.append(row)
                self._review(row)
            else:
                self.variants.append(variant)
            self._forget()
        return self.kept, self._resolved()

    def _variant_of(self, row: int) -> Variant | None:
        """Return whose variant a segment is, if it is one."""
        mine = self._bits(self._conditions(row))
        parts, overlaps = [], {}
        for kept in self.kept:
            theirs = self._bits(self._conditions(kept))
            both, n, m = _size(mine & theirs), _size(mine), _size(theirs)
            overlaps[kept] = both
            if both >= SAME * (n + m - both):
                return Variant(row, kept, SAME_PEOPLE)
            if both >= INSIDE * n and self._p(mine & theirs, theirs, row) > self.level:
                return Variant(row, kept, NO_BETTER)
            if both >= INSIDE * m:
                parts.append(kept)
        if parts and self._nothing_left(row, parts):
            return Variant(row, max(parts, key=overlaps.__getitem__), NOTHING_LEFT)
        return None

    def _review(self, new: int) -> None:
        """Let go of kept segments that were only better for holding the new one."""
        for old in self.kept[:-1]:
            theirs = self._bits(self._conditions(old))
            parts = [
                kept
                for kept in self.kept
                if kept != old and _size(self._bits(self._conditions(kept)) & theirs) >= INSIDE * self.counts.n[kept]
            ]
            if new in parts and self._nothing_left(old, parts):
                self.kept.remove(old)
                self.variants.append(Variant(old, new, NOTHING_LEFT))

    def _nothing_left(self, row: int, parts: list[int]) -> bool:
        """Return whether a segment without some parts is within chance of one of its parents without them.

        Where a part adds conditions (women, to the West), all who meet these are left out on both sides: men of the
        West are held against men elsewhere, not against everybody elsewhere.
        """
        conditions, without = self._conditions(row), self.everyone
        for part in parts:
            added = tuple(item for item in self._conditions(part) if item not in conditions)
            without = without & ~self._bits(added or self._conditions(part))
        rest = self._bits(conditions) & without
        above = [(), *combinations(conditions, len(conditions) - 1)]
        return any(self._p(rest, self._bits(parent) & without, row) > self.level for parent in set(above))

    def _p(self, segment: Bits, parent: Bits, row: int) -> float:
        """Return the chance that a random draw from the parent would do as well."""
        deff = self.counts.deff[row]
        (n, k), (m, j) = self._sums(segment), self._sums(parent)
        return float(hypergeometric_upper(k / deff, n / deff, j / deff, m / deff))

    def _sums(self, bits: Bits) -> tuple[float, float]:
        if self.sample.mass is None:
            return _size(bits), _size(bits & self.yes)
        rows = np.unpackbits(bits.view(np.uint8), count=self.sample.rows).view(bool)
        return float(self.sample.mass[rows].sum()), float(self.sample.mass[rows & self.sample.outcome].sum())

    def _conditions(self, row: int) -> tuple[int, ...]:
        return tuple(int(item) for item in self.items[row] if item >= 0)

    def _bits(self, conditions: tuple[int, ...]) -> Bits:
        if conditions not in self.known:
            bits = self.everyone
            for condition in conditions:
                if (condition,) not in self.known:
                    self.known[(condition,)] = _packed(self.sample.mask([condition]))
                bits = bits & self.known[(condition,)]
            self.known[conditions] = bits
        return self.known[conditions]

    def _forget(self) -> None:
        """Drop the covers of conjunctions that were let go."""
        needed = {self._conditions(kept) for kept in self.kept}
        self.known = {key: bits for key, bits in self.known.items() if len(key) < 2 or key in needed}

    def _resolved(self) -> list[Variant]:
        """Point variants of a segment that itself went at the one that it went with."""
        moved = {variant.row: variant.kept for variant in self.variants}
        resolved = []
        for variant in self.variants:
            kept = variant.kept
            while kept in moved:
                kept = moved[kept]
            resolved.append(Variant(variant.row, kept, variant.reason))
        return resolved


def _packed(mask: Mask) -> Bits:
    packed = np.packbits(mask)
    return np.concatenate([packed, np.zeros(-len(packed) % 8, np.uint8)]).view(np.uint64)


def _size(bits: Bits) -> int:
    return int(np.bitwise_count(bits).sum(dtype=np.int64))
