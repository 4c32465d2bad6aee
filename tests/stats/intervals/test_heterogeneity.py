"""Groups' differences are tested with the degrees of freedom that their variances have."""

import numpy as np
import pytest
from scipy.stats import chi2

from campaignkit.stats.intervals.heterogeneity import score_variance, welch_heterogeneity


def test_two_groups_are_welchs_t_squared_with_one_degree_fewer():
    found = welch_heterogeneity([1.0, 2.0], [0.1, 0.1], [11, 11])
    assert found.statistic == pytest.approx(1.0 / 0.2)
    assert found.df_within == pytest.approx(20.0)


def test_with_known_variances_it_is_cochrans_q():
    rng = np.random.default_rng(0)
    d, v = rng.normal(size=6), rng.uniform(0.5, 2, 6)
    found = welch_heterogeneity(d, v, np.full(6, 1e9))
    w = 1 / v
    q = float(w @ (d - w @ d / w.sum()) ** 2)
    assert found.p_value == pytest.approx(float(chi2.sf(q, 5)), rel=1e-5)


@pytest.mark.parametrize(("groups", "size"), [(20, 4), (60, 4), (8, 3)])
def test_many_small_groups_do_not_differ_where_nothing_differs(groups, size):
    rng, wrong = np.random.default_rng(1), 0
    for _ in range(1000):
        y = rng.normal(size=(groups, 2, size))
        s = y.var(axis=-1, ddof=1) / size
        df = s.sum(axis=1) ** 2 / (s**2 / (size - 1)).sum(axis=1)
        wrong += welch_heterogeneity(np.diff(y.mean(axis=-1))[:, 0], s.sum(axis=1), df).p_value < 0.05
    assert wrong <= 66  # 5% and two and a half Monte-Carlo errors


def test_groups_without_events_are_not_infinitely_sure():
    rng, wrong = np.random.default_rng(2), 0
    for _ in range(300):
        events = rng.binomial(167, 0.005, (2, 60))
        v = sum(score_variance(x, 167.0, x.sum() / (60 * 167)) for x in events)
        found = welch_heterogeneity((events[1] - events[0]) / 167, v, np.full(60, 332.0))
        assert np.isfinite(found.p_value)
        wrong += found.p_value < 0.05
    assert wrong <= 24


def test_where_nobody_has_an_event_nothing_is_known():
    assert np.isnan(score_variance([0, 0], [10, 10], 0.0)).all()
