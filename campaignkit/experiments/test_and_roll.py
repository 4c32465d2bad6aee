"""How many to test before sending the winner to the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from campaignkit import charts
from campaignkit.checks import check_scalar
from campaignkit.result import Result
from campaignkit.stats.intervals.power import best_of, best_size, roll_value

if TYPE_CHECKING:
    import altair as alt

__test__ = {}  # pytest takes a file of this name for tests


@dataclass(frozen=True, eq=False, repr=False)
class TestAndRoll(Result):
    """How many to test before sending the winner to the rest.

    `table` has one row per size of test, the best one first: `n_arm` (people an arm in the test), `n_test` (in all),
    `n_rest` (who get the winner), `expected_total` (of the outcome, over the whole population), `gain` (over sending
    any arm to all untested), `gain_share` (of what knowing the best arm beforehand would gain), `p_best` (the chance
    that the arm that is sent is the best).
    """

    population: int
    arms: int
    mean: float
    prior_sd: float

    def summary(self) -> str:
        """Say how many to test, and what that gains."""
        row = self.table.row(0, named=True)
        return (
            f"Test {row['n_arm']:,} per arm ({row['n_test']:,} of {self.population:,}), then send the better arm to "
            f"the other {row['n_rest']:,}. Expect {row['expected_total']:,.0f} in all, {row['gain']:,.0f} more than "
            f"without a test: {row['gain_share']:.0%} of what knowing the best arm in advance would add. This assumes "
            f"arms differ by {self.prior_sd:.3g} (standard deviation), as in past tests. The winner does not have to "
            "be significant."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the expected gain against the size of the test."""
        alt = charts.house()
        rows = self.table.sort("n_arm")
        line = alt.Chart(rows).mark_line().encode(
            x=alt.X("n_arm:Q", title="people per arm in the test", scale=alt.Scale(type="log")),
            y=alt.Y("gain:Q", title="expected gain", axis=alt.Axis(format=",~s")),
        )  # fmt: skip
        best = (
            alt.Chart(self.table.head(1)).mark_point(color=charts.PALETTE[1], opacity=1).encode(x="n_arm:Q", y="gain:Q")
        )
        return alt.layer(line, best).properties(
            description=self.summary(), width=charts.WIDTH, title="What a test of this size gains"
        )


def test_and_roll(
    population: int,
    *,
    mean: float,
    prior_sd: float,
    sd: float | None = None,  # noqa: PT028 - no test of ours
    arms: int = 2,  # noqa: PT028
    seed: int = 0,  # noqa: PT028
) -> TestAndRoll:
    """Say how many to test before sending the winner to the rest.

    Parameters
    ----------
    population : int
        Everybody who will get something: the test and the rest.
    mean : float
        An arm's expected level: a rate, or dollars a recipient.
    prior_sd : float
        By how much arms' true levels differ (standard deviation): from past tests, as `winners(...).spread` gives it.
    sd : float, optional
        Of one person's outcome. None: the outcome is yes/no, and it follows from `mean`.
    arms : int
        How many.
    seed : int
        Of the draws behind `p_best`.

    Returns
    -------
    TestAndRoll

    Raises
    ------
    BadValue
        A number can't be right, or the population is too small for a test.

    Notes
    -----
    The size that makes the expected total largest, test and rest together; it grows with the square root of the
    population, and is much smaller than what a significance test asks for, as a wrong choice between nearly equal
    arms costs nearly nothing. Closed form for any number of arms; see `campaignkit.stats.intervals.power.best_size`.

    References
    ----------
    Feit & Berman (2019), Test & Roll: profit-maximizing A/B tests, Marketing Science 38(6), 1038–1058, sections 3.1
    and 3.2.

    Examples
    --------
    >>> test_and_roll(100_000, mean=0.68, prior_sd=0.03).table["n_arm"][0]  # the paper's website example
    2284
    """
    check_scalar(population, "population", typ=int, ge=100)
    check_scalar(arms, "arms", typ=int, ge=2)
    check_scalar(prior_sd, "prior_sd", typ=float, gt=0)
    check_scalar(sd, "sd", typ=float, gt=0, optional=True)
    check_scalar(mean, "mean", typ=float, gt=0 if sd is None else None, lt=1 if sd is None else None)
    noise = float(np.sqrt(mean * (1 - mean))) if sd is None else sd
    best = max(1, round(best_size(population, noise, prior_sd, arms)))
    most = population // arms
    sizes = np.unique(np.geomspace(max(1, best / 30), min(most, best * 30), 40).astype(int))
    others = [int(x) for x in sizes if x != best and x * arms < population]
    rows = [_rolled(n, population, mean, noise, prior_sd, arms, seed) for n in (best, *others)]
    return TestAndRoll(pl.DataFrame(rows), population, arms, mean, prior_sd)


def _rolled(
    n: int, population: int, mean: float, sd: float, prior_sd: float, arms: int, seed: int
) -> dict[str, int | float]:
    total = roll_value(n, population, mean, sd, prior_sd, arms)
    gain, known = total - population * mean, population * prior_sd * best_of(arms)
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, prior_sd, (4000, arms))
    seen = truth + rng.normal(0, sd / np.sqrt(n), truth.shape)
    return {
        "n_arm": n, "n_test": n * arms, "n_rest": population - n * arms, "expected_total": total, "gain": gain,
        "gain_share": gain / known, "p_best": float(np.mean(seen.argmax(axis=1) == truth.argmax(axis=1))),
    }  # fmt: skip
