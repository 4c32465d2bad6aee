"""Qini against scikit-uplift's definition, its errors against the bootstrap, effects by group."""

from itertools import pairwise

import numpy as np
import pytest

from campaignkit.stats.prediction.uplift import Outcomes, average_effect, gain_curve, group_effects, mean_qini, qini


def drawn(seed, n, levels, share):
    rng = np.random.default_rng(seed)
    score = rng.integers(0, levels, n) / levels
    treated = rng.random(n) < share
    return score, Outcomes(treated, rng.random(n) < 0.2 + 0.3 * score * treated, np.ones(n), np.ones(n))


def curve(score, treated, yes):
    """Radcliffe's curve, person by person, with scikit-uplift's conventions."""
    points, n_t, n_c, y_t, y_c = [(0, 0.0)], 0, 0, 0, 0
    order = sorted(range(len(score)), key=lambda i: -score[i])
    for at, i in enumerate(order):
        n_t, y_t = n_t + treated[i], y_t + (treated[i] and yes[i])
        n_c, y_c = n_c + (not treated[i]), y_c + (not treated[i] and yes[i])
        if at + 1 == len(order) or score[order[at + 1]] != score[i]:
            points.append((at + 1, y_t - (y_c * n_t / n_c if n_c else 0)))
    return points


def area(points):
    return sum((x - w) * (q + r) / 2 for (w, r), (x, q) in pairwise(points))


def by_hand(score, of):
    treated, yes = of.treated.tolist(), of.yes.tolist()
    actual = curve(score.tolist(), treated, yes)
    best = curve([y * t - y * (1 - t) for t, y in zip(treated, yes, strict=True)], treated, yes)
    line = area([(0, 0), actual[-1]])
    return (area(actual) - line) / (area(best) - line)


# what scikit-uplift 0.5.1 says of `drawn`
SCIKIT_UPLIFT = [
    ((1, 200, 5, 0.5), 0.12147024534503269),
    ((2, 500, 7, 0.2), 0.1511447555087689),
    ((3, 1000, 1000, 0.5), 0.13420069408990096),
    ((4, 1000, 3, 0.8), 0.08703191571965786),
]


def test_qini_is_scikit_uplifts_of_every_world():
    for world, value in SCIKIT_UPLIFT:
        score, of = drawn(*world)
        assert qini(score, of)[0] == pytest.approx(value, rel=1e-12)
        assert by_hand(score, of) == pytest.approx(value, rel=1e-12)


def test_qini_of_cells_is_that_of_rows():
    score, of = drawn(5, 3000, 6, 0.4)
    keys = np.stack([score, of.treated, of.yes])
    cells, counts = np.unique(keys, axis=1, return_counts=True)
    small = Outcomes(cells[1] > 0, cells[2] > 0, counts.astype(float), counts.astype(float))
    one, two = (mean_qini(s, o, np.zeros(len(s), int)) for s, o in ((score, of), (cells[0], small)))
    assert (one.value, one.std_error) == pytest.approx((two.value, two.std_error), rel=1e-10)


def test_qini_moves_as_its_derivative_says():
    score, of = drawn(6, 400, 12, 0.5)
    value, gradient = qini(score, of)
    for at in range(0, 400, 37):
        more = of.weight.copy()
        more[at] += 1e-6
        moved = (qini(score, Outcomes(of.treated, of.yes, more, more))[0] - value) / 1e-6
        assert gradient[at] == pytest.approx(moved, rel=1e-4, abs=1e-8)
    assert gradient @ of.weight == pytest.approx(0, abs=1e-12)


def test_qini_errors_are_the_bootstraps():
    score, of = drawn(7, 1500, 10, 0.5)
    rng = np.random.default_rng(0)
    again = [
        qini(score[rows], Outcomes(of.treated[rows], of.yes[rows], of.weight, of.weight))[0]
        for rows in (rng.integers(0, 1500, 1500) for _ in range(600))
    ]
    assert mean_qini(score, of, np.zeros(1500, int)).std_error == pytest.approx(np.std(again), rel=0.1)


def test_clusters_count_as_one_draw():
    score, of = drawn(8, 2000, 10, 0.5)
    four = np.repeat(np.arange(2000), 4)
    ones = np.ones(8000)
    copied = Outcomes(of.treated[four], of.yes[four], ones, ones, four)
    single, together = mean_qini(score, of, np.arange(2000) % 5), mean_qini(score[four], copied, four % 5)
    assert together.value == pytest.approx(single.value)
    assert together.std_error == pytest.approx(single.std_error, rel=1e-3)
    parts = (
        group_effects((score * 2).astype(int), score, of),
        group_effects((score[four] * 2).astype(int), score[four], copied),
    )
    assert parts[1].lower == pytest.approx(parts[0].lower, abs=1e-3)
    assert average_effect(copied).std_error == pytest.approx(average_effect(of).std_error, rel=1e-3)


def test_gains_end_at_the_average_effect():
    score, of = drawn(9, 2000, 2000, 0.3)
    found = gain_curve(score, of, np.zeros(2000, int))
    assert found[-1, 1] == pytest.approx(average_effect(of).value)
    assert found[0].tolist() == [0, 0]
