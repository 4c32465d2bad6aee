"""The forecast: the Gaussian posterior written out, what each poll weighs, what is learned, and bad input."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit
from scipy.stats import multivariate_normal

from campaignkit import election
from campaignkit.election.model.fitting import no_polls
from campaignkit.election.model.scales import election_of, evidence
from campaignkit.election.model.states import election_day, read_results
from campaignkit.errors import BadValue, ColumnNotFound, NotEnoughData
from tests.election.worlds import Truth, draw_history

FIXED = election.Settings(swing_sd=0.2, shared_bias_sd=0.05, state_bias_sd=0.04)
ON, AS_OF = "2012-11-06", "2012-10-01"


def asked(polls=None, **others):
    given = {"on": ON, "as_of": AS_OF} | others
    return election.forecast(election.polls_2012() if polls is None else polls, election.results(), **given)


@pytest.fixture(scope="module")
def fixed() -> election.Forecast:
    return asked(settings=FIXED)


def written_out(found: election.Forecast) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The posterior of the states and their prior's covariance, from the whole covariance of the polls."""
    a, prior = found.fit.election.arrays, found.fit.election.prior
    own = 0.2**2 * prior.covariance + 0.2**2
    bias = 0.04**2 * prior.covariance + 0.05**2
    k = a.design @ (own + bias) @ a.design.T + noise(found)
    gain = np.linalg.solve(k, a.design @ own).T
    return prior.mean + gain @ (a.y - a.design @ prior.mean), own - gain @ a.design @ own, gain


def noise(found: election.Forecast) -> np.ndarray:
    """All else that polls differ by, poll by poll and pair by pair, in words rather than arrays."""
    polls, prior, s = found.fit.polls.table, found.fit.election.prior, FIXED
    names = found.table["state"].to_list()
    rows = np.array([prior.national if at == "US" else np.eye(51)[names.index(at)] for at in polls["state"]])
    left = np.array([(dt.date(2012, 11, 6) - middle).days for middle in polls["middle"]])
    unit = prior.covariance / (prior.turnout @ prior.covariance @ prior.turnout)
    k = s.drift_sd**2 * (rows @ unit @ rows.T) * np.minimum.outer(left, left)
    for column, sd in (("pollster", s.house_sd), ("mode", s.mode_sd), ("population", s.population_sd)):
        k += sd**2 * np.equal.outer(polls[column].to_numpy(), polls[column].to_numpy())
    p, n = polls["share"].to_numpy(), (polls["sample_size"] * (polls["dem"] + polls["rep"]) / 100).to_numpy()
    return k + np.diag(1 / (n * p * (1 - p)) + s.noise_sd**2)


def test_the_posterior_is_the_one_written_out(fixed):
    mean, covariance, _ = written_out(fixed)
    mixture = fixed.fit.posterior.mixture
    assert np.allclose(mixture.overall_mean(), mean, atol=1e-8)
    assert np.allclose(mixture.overall_covariance(), covariance, atol=1e-8)
    assert np.allclose(fixed.table["estimate"], expit(mean))


def test_weights_are_the_gain_and_what_a_poll_moves(fixed):
    _, _, gain = written_out(fixed)
    at = fixed.table["state"].to_list().index("OH")
    ours = fixed.poll_weights("Ohio")["weight"].to_numpy()
    assert np.allclose(np.sort(ours), np.sort(gain[at]), atol=1e-8)
    moved = fixed.poll_weights("OH")["moved"].sum() * 4
    assert moved == pytest.approx(fixed.fit.posterior.mixture.overall_mean()[at] - fixed.fit.election.prior.mean[at])


def test_evidence_is_the_results_density_given_the_polls(fixed):
    results = read_results(election.results())
    on = election_day(2012)
    found = election_of(fixed.fit.polls.table, results, on, FIXED)
    mean, covariance, _ = written_out(fixed)
    expected = multivariate_normal(mean, covariance).logpdf(logit(results.share[2012]))
    assert evidence(found, results.share[2012], FIXED)[0] == pytest.approx(expected, abs=1e-6)


def test_leaving_each_pollster_out_is_leaving_it_out(fixed):
    each = fixed.without_each()
    for name in ("Rasmussen", "YouGov"):
        row = each.filter(pollster=name).row(0, named=True)
        again = fixed.without(name)
        assert again.fit.polls.table.height == fixed.fit.polls.table.height - row["n"]
        assert row["national_share"] == pytest.approx(again.nation["estimate"].item(), abs=1e-8)
    assert each["n"].sum() == fixed.fit.polls.table.height


def test_house_effects_come_back():
    history = draw_history(3, [2012], Truth(house=0.0, shared=0.0, own=0.01), polls=500)
    leaning = pl.col("pollster") == "House 7"
    share = (logit_of("dem") + 0.12).exp() / (1 + (logit_of("dem") + 0.12).exp()) * 100
    polls = history.polls.with_columns(dem=pl.when(leaning).then(share).otherwise(pl.col("dem")))
    polls = polls.with_columns(rep=100 - pl.col("dem"))
    found = election.forecast(polls, history.results, on=ON, as_of=ON, settings=FIXED)
    effects = found.house_effects
    top = effects.sort("estimate", descending=True).row(0, named=True)
    assert top["pollster"] == "House 7"
    assert top["lower"] < 0.03 < top["upper"]
    others = effects.filter(pl.col("pollster") != "House 7")
    assert ((others["lower"] < 0.0) & (others["upper"] > 0.0)).mean() > 0.85


def logit_of(column: str) -> pl.Expr:
    return (pl.col(column) / (100 - pl.col(column))).log()


def test_scales_are_learned_from_earlier_elections_alone():
    history = draw_history(5, [2000, 2004, 2008, 2012], Truth(shared=0.15))
    past = history.polls.filter(pl.col("end_date").dt.year() < 2012)
    polls = history.polls.filter(pl.col("end_date").dt.year() == 2012)
    found = election.forecast(polls, history.results, on=ON, as_of=ON, history=past)
    before = history.results.filter(pl.col("year") < 2012)
    same = election.forecast(polls, before, on=ON, as_of=ON, history=pl.concat([past, polls]))
    assert found.table.equals(same.table)  # neither this election's result nor its polls teach its scales
    alone = election.forecast(polls, before, on=ON, as_of=ON)
    scale, flat = (dict(each.scales.select("scale", "estimate").iter_rows()) for each in (found, alone))
    assert scale["shared_bias_sd"] != pytest.approx(flat["shared_bias_sd"], rel=0.01)
    assert found.fit.polled == [2000, 2004, 2008]
    assert alone.fit.polled == []


def test_a_scale_that_is_given_is_not_learned():
    found = asked(settings=FIXED)
    assert found.fit.learned_from == []
    assert not found.scales["learned"].any()
    assert election.Settings(shared_bias_sd=0.05).learned == ("swing_sd", "state_bias_sd")


@pytest.mark.slow
def test_intervals_cover_in_worlds_drawn_as_the_model_has_it():
    inside = []
    for seed in range(12):
        history = draw_history(seed, [2004, 2008, 2012], polls=250)
        table = election.backtest(history.polls, history.results).table
        inside.append(table["cover_share"].mean())
    assert 0.88 < np.mean(inside) < 0.995


def test_no_polls_is_the_prior_said_plainly():
    found = election.forecast(None, election.results(), on=ON, as_of=AS_OF)
    assert np.allclose(found.table["estimate"], found.table["prior_share"], atol=1e-9)
    assert "No poll was used: this is what past results say." in found.summary()
    assert found.house_effects.height == 0
    assert asked(no_polls()).table.equals(found.table)


def test_fundamentals_of_the_nation_move_every_state_alike():
    row = pl.DataFrame({"state": ["US"], "share": [0.5]})
    found = election.forecast(None, election.results(), on=ON, as_of=AS_OF, fundamentals=row)
    moved = logit(found.table["prior_share"].to_numpy()) - logit(asked(no_polls()).table["prior_share"].to_numpy())
    assert np.ptp(moved) < 1e-12
    assert moved[0] < -0.1


def test_polls_after_the_day_are_set_aside_and_counted():
    found = asked()
    later = int((election.polls_2012()["end_date"] > dt.date(2012, 10, 1)).sum())
    aside = dict(found.set_aside.iter_rows())
    assert aside.get("ended after the day of the forecast") == later
    assert found.fit.polls.table["end_date"].max() <= dt.date(2012, 10, 1)
    assert sum(aside.values()) + found.fit.polls.table.height == election.polls_2012().height
    assert f"{sum(aside.values()):,} set aside" in found.summary()


def test_one_pollster_under_two_names_is_one():
    polls = election.polls_2012()
    respelled = polls.with_columns(pl.col("pollster").str.to_uppercase() + " ")
    assert asked(respelled).fit.polls.table["pollster"].n_unique() == asked().fit.polls.table["pollster"].n_unique()
    mended = asked().pollsters
    assert mended.filter(named="Public Policy")["pollster"].item() == "Public Policy Polling"
    own = asked(aliases={"YouGov": "The house of polls"})
    assert "The house of polls" in own.house_effects["pollster"].to_list()


def test_two_polls_of_a_pollster_on_one_day_are_one():
    polls = election.polls_2012()
    twice = pl.concat([polls, polls])
    assert asked(twice).table.equals(asked().table)


def row(**values):
    poll = {"state": "OH", "pollster": "A", "start_date": dt.date(2012, 9, 1), "end_date": dt.date(2012, 9, 3),
            "sample_size": 800, "dem": 48.0, "rep": 45.0}  # fmt: skip
    return pl.DataFrame([poll | values])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dem": 63.0, "rep": 45.0}, "more than 100"),
        ({"dem": 0.48, "rep": 0.45}, "in percent"),
        ({"dem": -1.0}, "not above 0"),
        ({"state": "Ohoi"}, "did you mean 'Ohio'"),
        ({"end_date": dt.date(2012, 8, 1)}, "end_date is before start_date"),
        ({"end_date": dt.date(2012, 11, 9)}, "after the election"),
    ],
)
def test_a_poll_that_cannot_be_is_refused(values, message):
    with pytest.raises(BadValue, match=message):
        asked(row(**values))


def test_bad_questions_are_refused():
    with pytest.raises(BadValue, match="after the election"):
        asked(as_of="2012-12-01")
    with pytest.raises(BadValue, match="2012-11-06"):
        asked(on="2012-11-07")
    with pytest.raises(ColumnNotFound, match="sample_size"):
        asked(election.polls_2012().rename({"sample_size": "samplesize"}))
    with pytest.raises(NotEnoughData):
        election.forecast(None, election.results(), on="1976-11-02", as_of="1976-11-01")
    with pytest.raises(BadValue, match="one row for each state"):
        election.forecast(None, election.results().filter(pl.col("state") != "OH"), on=ON, as_of=AS_OF)
    with pytest.raises(BadValue, match="did you mean 'Rasmussen'"):
        asked().without("Rasmusen")


def test_one_day_is_one_day():
    assert "1 day before the election" in asked(no_polls(), as_of="2012-11-05").summary()


def test_columns_may_have_other_names():
    other = election.polls_2012().rename({"dem": "obama", "rep": "romney"})
    assert asked(other, columns={"dem": "obama", "rep": "romney"}).table.equals(asked().table)


def test_it_shows_itself(odds):
    assert odds.chart().to_dict()["description"] == odds.summary()
    assert "The closest states" in odds.summary()
    assert odds._repr_html_()
