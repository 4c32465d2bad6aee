"""Regression on cells whose columns come in terms, without ever writing the design matrix down.

A term is a categorical variable (or the product of some): every cell has one of its levels, and a level a short row of
numbers, such as one 1 among 0s, or a spline's basis. Sums over cells then become counts over levels (``bincount``), and
a product X'WX of a million cells and a hundred columns becomes one small product for every pair of terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from campaignkit.stats.arrays import Floats, Whole

PACKED = 256  # combinations of levels in one term: their pairs' counts still fit a core's cache
ALIASED = 1e-9  # a column with less than this share of its spread left, given those before it, says nothing of its own


@dataclass(frozen=True)
class Term:
    """One variable of a regression.

    Attributes
    ----------
    codes : array of int, one a cell
        Which level the cell has, from 0.
    basis : array, levels × columns
        What each level puts into the term's columns.
    """

    codes: Whole
    basis: Floats

    @property
    def columns(self) -> int:
        """How many columns it has."""
        return self.basis.shape[1]

    @cached_property
    def picks(self) -> Whole | None:
        """The one level that each column is 1 for; None where the columns are of another kind."""
        alone = ((self.basis != 0).sum(axis=0) == 1) & (self.basis.sum(axis=0) == 1)
        return np.argmax(self.basis, axis=0) if alone.all() else None

    def rows_of(self, table: Floats) -> Floats:
        """Return basis' @ table."""
        return self.basis.T @ table if self.picks is None else table[self.picks]

    def sums(self, values: Floats) -> Floats:
        """Return a sum over cells for each level."""
        return np.asarray(np.bincount(self.codes, values, len(self.basis)), float)


@dataclass(frozen=True)
class Terms:
    """The columns of a regression, term by term, for every cell.

    Examples
    --------
    >>> terms = Terms((Term(np.zeros(3, int), np.ones((1, 1))), Term(np.array([0, 1, 1]), np.array([[0.0], [1.0]]))))
    >>> terms.matrix().tolist()
    [[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]
    >>> terms.gram(np.array([5.0, 2.0, 3.0])).tolist()  # X'WX
    [[10.0, 5.0], [5.0, 5.0]]
    >>> terms.eta(np.array([1.0, 0.5])).tolist()
    [1.0, 1.5, 1.5]
    """

    terms: tuple[Term, ...]

    @property
    def rows(self) -> int:
        """How many cells there are."""
        return len(self.terms[0].codes)

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return sum(term.columns for term in self.terms)

    @property
    def slices(self) -> list[slice]:
        """Which of the columns each term has."""
        ends = np.cumsum([0, *(term.columns for term in self.terms)]).tolist()
        return [slice(first, last) for first, last in pairwise(ends)]

    def packed(self) -> Terms:
        """Return the same columns in fewer terms, neighbours put together while their combinations are few.

        Sums over cells are what takes time, and there is one for every pair of terms.
        """
        found: list[Term] = []
        for term in self.terms:
            if found and len(found[-1].basis) * len(term.basis) <= PACKED:
                last = found[-1]
                both = np.hstack([np.repeat(last.basis, len(term.basis), 0), np.tile(term.basis, (len(last.basis), 1))])
                found[-1] = Term(last.codes * len(term.basis) + term.codes, both)
            else:
                found.append(term)
        return Terms(tuple(found))

    def matrix(self) -> Floats:
        """Return the design matrix, for few cells."""
        return np.hstack([term.basis[term.codes] for term in self.terms])

    def take(self, rows: NDArray[np.bool_] | Whole) -> Terms:
        """Return some of the cells."""
        return Terms(tuple(replace(term, codes=term.codes[rows]) for term in self.terms))

    def tables(self, beta: Floats) -> list[Floats]:
        """Return for every term what each of its levels adds to the linear predictor."""
        return [term.basis @ beta[part] for term, part in zip(self.terms, self.slices, strict=True)]

    def eta(self, beta: Floats) -> Floats:
        """Return X beta."""
        total = np.zeros(self.rows)
        for term, table in zip(self.terms, self.tables(beta), strict=True):
            total += table[term.codes]
        return total

    def score(self, values: Floats) -> Floats:
        """Return X'values."""
        return np.concatenate([term.rows_of(term.sums(values)) for term in self.terms])

    def gram(self, weight: Floats) -> Floats:
        """Return X'WX."""
        total = np.empty((self.columns, self.columns))
        parts = self.slices
        for i, term in enumerate(self.terms):
            total[parts[i], parts[i]] = term.rows_of(term.basis * term.sums(weight)[:, None])
            for j, other in enumerate(self.terms[:i]):
                shape = (len(term.basis), len(other.basis))
                crossed = np.bincount(term.codes * shape[1] + other.codes, weight, shape[0] * shape[1]).reshape(shape)
                total[parts[i], parts[j]] = other.rows_of(term.rows_of(np.asarray(crossed, float)).T).T
                total[parts[j], parts[i]] = total[parts[i], parts[j]].T
        return total

    def clustered(self, values: Floats, cluster: Whole, block: int = 2**21) -> Floats:
        """Return Σ s s' over clusters, with s = X'values within the cluster.

        Parameters
        ----------
        values : array
            One a cell.
        cluster : array of int
            Which cluster each cell is in, numbered from 0.
        block : int
            How many numbers to hold at once.
        """
        order = np.argsort(cluster, kind="stable")
        sorted_cluster, total = cluster[order], np.zeros((self.columns, self.columns))
        groups = int(sorted_cluster[-1]) + 1 if len(cluster) else 0
        step = max(block // self.columns, 1)
        for first in range(0, groups, step):
            lower, upper = np.searchsorted(sorted_cluster, [first, first + step])
            rows = order[lower:upper]
            local, size = cluster[rows] - first, min(step, groups - first)
            sums = np.hstack([_within(term, rows, values[rows], local, size) for term in self.terms])
            total += sums.T @ sums
        return total

    def without(self, dropped: NDArray[np.bool_]) -> Terms:
        """Return the terms without some of the columns."""
        kept = [term.basis[:, ~dropped[part]] for term, part in zip(self.terms, self.slices, strict=True)]
        return Terms(tuple(replace(term, basis=basis) for term, basis in zip(self.terms, kept, strict=True)))


def _within(term: Term, rows: Whole, values: Floats, local: Whole, size: int) -> Floats:
    """Return each cluster's sums of a term's columns."""
    total = np.empty((size, term.columns))
    for column in range(term.columns):
        total[:, column] = np.bincount(local, values * term.basis[term.codes[rows], column], size)
    return total


def aliased(gram: Floats) -> NDArray[np.bool_]:
    """Return which columns are sums of earlier ones (Cholesky's elimination, column by column).

    Examples
    --------
    >>> x = np.array([[1.0, 0, 1], [1, 0, 1], [1, 1, 0]])
    >>> aliased(x.T @ x).tolist()  # the third is the first less the second
    [False, False, True]
    """
    left, spread = gram.copy(), np.diag(gram).copy()
    dependent = np.zeros(len(gram), bool)
    for column in range(len(gram)):
        pivot = left[column, column]
        if not pivot > ALIASED * spread[column]:
            dependent[column] = True
            continue
        rest = left[column, column + 1 :]
        left[column + 1 :, column + 1 :] -= np.outer(rest, rest) / pivot
    return dependent


def join_codes(codes: Sequence[Whole], sizes: Sequence[int]) -> Whole:
    """Return one code for each combination of several variables' levels, the last varying fastest.

    Examples
    --------
    >>> join_codes([np.array([0, 1]), np.array([2, 0])], [2, 3]).tolist()
    [2, 3]
    """
    joined = codes[0]
    for code, size in zip(codes[1:], sizes[1:], strict=True):
        joined = joined * size + code
    return joined


def split_codes(joined: Whole, sizes: Sequence[int]) -> list[Whole]:
    """Return the variables' levels that `join_codes` put together.

    Examples
    --------
    >>> [part.tolist() for part in split_codes(np.array([2, 3]), [2, 3])]
    [[0, 1], [2, 0]]
    """
    parts = []
    for size in reversed(sizes):
        joined, code = np.divmod(joined, size)
        parts.append(code)
    return parts[::-1]
