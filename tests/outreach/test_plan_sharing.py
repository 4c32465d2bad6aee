"""Plans of asks: sizes by the textbook's formula, what the sharers there are would show, and what studies saw."""

import pytest
from scipy.stats import norm

from campaignkit import outreach
from campaignkit.errors import BadValue


def test_sizes_are_the_textbooks():
    found = outreach.plan_sharing(effects=[0.01, 0.02, 0.04], holdout=[0.1, 0.5], rate=0.5)
    z = norm.ppf(0.975) + norm.ppf(0.8)
    for effect, held, _, friends, _ in found.table.iter_rows():
        moved = 0.5 + effect
        variance = 0.25 / held + moved * (1 - moved) / (1 - held)
        assert friends == pytest.approx(z**2 * variance / effect**2, rel=0.01)


def test_the_reference_sizes_show_what_they_should():
    found = outreach.plan_sharing(20_000, holdout=0.1)
    assert found.least["effect"][0] == pytest.approx(0.0148, abs=0.0003)
    assert "20,000 sharers can show 1.5 points" in found.summary()
    assert 0.3 < found.least["assurance"][0] < 0.9
    found.chart().to_dict()


def test_asks_that_are_not_passed_on_take_more():
    few, all_ = (outreach.plan_sharing(effects=0.02, holdout=0.1, delivered=x).table["sharers"][0] for x in (0.5, 1.0))
    assert few == pytest.approx(4 * all_, rel=0.02)


def test_published_effects_have_their_sources():
    assert outreach.published_effects().null_count().sum_horizontal()[0] == 0


def test_bad_input_is_refused():
    with pytest.raises(BadValue, match="more than everybody"):
        outreach.plan_sharing(effects=0.6)
    with pytest.raises(BadValue, match="holdout"):
        outreach.plan_sharing(holdout=1.5)
    with pytest.raises(BadValue, match="effects is empty"):
        outreach.plan_sharing(effects=[])
    with pytest.raises(BadValue, match="fewer than two"):
        outreach.plan_sharing(2, holdout=0.05)
