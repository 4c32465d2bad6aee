"""Any engine's table → sufficient statistics per group, in one pass where the data lies.

A group's rows are reduced to counts, means, centered sums of squares and co-moments; every estimate that
needs no more than these works on the small table that comes back. Raw sums of squares would cancel: at a mean
of 1e9 and a standard deviation of 1 they are wrong in their first digit.

Method
------
The group-by uses the engine's own updating formulas for variance and covariance, which lose about log10(k)
digits where k = sqrt(1 + mean² / variance) is the condition number (Chan, Golub & LeVeque 1983, section 3).
Where the first pass itself shows a group with k over 1,000, its column is centered on the group's mean and the
pass repeated: their two-pass algorithm, whose error does not grow with k. Means add the leading 26 bits of
each number (Dekker 1971's split) apart from the rest, so that no rounding piles up over ten million rows;
whole numbers of up to 32 bits are added as they are, and centered too should they add up to 2**52.

References
----------
Chan, T. F., Golub, G. H. & LeVeque, R. J. (1983). Algorithms for computing the sample variance: analysis and
recommendations. The American Statistician 37(3), 242–247.
Dekker, T. J. (1971). A floating-point technique for extending the available precision. Numerische Mathematik
18, 224–242.
"""

from campaignkit.cells.columns import MEASURE_FIELDS, PAIR_FIELDS
from campaignkit.cells.merging import merge
from campaignkit.cells.reducing import cells

__all__ = ["MEASURE_FIELDS", "PAIR_FIELDS", "cells", "merge"]


def __dir__() -> list[str]:
    return sorted(__all__)
