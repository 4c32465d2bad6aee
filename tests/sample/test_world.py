"""The world in memory: shares, and planted effects as they came out."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from campaignkit import sample
from campaignkit.errors import BadValue
from campaignkit.sample import emails, people
from campaignkit.sample.world import batches


def came(drawn: sample.Drawn, effect: str, quantity: str) -> dict[str, float]:
    seen = drawn.truth["effects"].filter((pl.col("effect") == effect) & (pl.col("quantity") == quantity))
    return dict(zip(seen["group"], seen["came_out"], strict=True))


def odds(share: float) -> float:
    return share / (1 - share)


def test_same_seed_draws_the_same_world() -> None:
    one, two, other = (sample.draw("world", 3000, seed=seed) for seed in (1, 1, 2))
    assert all(one[name].equals(two[name]) for name in one.tables)
    assert not one["people"].equals(other["people"])


def test_ages_are_banded_in_a_megafiles_words() -> None:
    drawn = set(sample.draw("contest", 2000, seed=1).table["age_band"])
    shared = {"18–29", "30–39", "40–49"}
    assert shared <= drawn
    assert all("–" in band or band.endswith("+") for band in drawn)
    found = sample.megafile(progress=False).universe("donor").by("age_band").table
    assert shared <= set(found["age_band"])


def test_shares_of_people(world: sample.Drawn) -> None:
    swing = world["people"].filter(pl.col("county").is_not_null())
    assert len(swing) == len(world["people"]) // 2
    assert swing["supporter"].mean() == pytest.approx(0.38, abs=0.03)
    assert swing["registered"].mean() == pytest.approx(0.86, abs=0.02)
    off = swing.filter("supporter", ~pl.col("registered"))
    assert len(off) / swing["supporter"].sum() == pytest.approx(0.3, abs=0.01)
    assert world["people"].filter(pl.col("county").is_null())["supporter"].all()


def test_a_fifth_of_the_unlisted_live_with_a_voter_of_their_name(world: sample.Drawn) -> None:
    beside = pl.col("registered").any().over("household", "last_name")
    swing = world["people"].filter(pl.col("county").is_not_null()).with_columns(beside=beside)
    off = swing.filter("supporter", ~pl.col("registered"))
    assert off["beside"].mean() == pytest.approx(0.2, abs=0.01)
    assert (off["beside"] == off["trap"]).all()


def test_families(world: sample.Drawn) -> None:
    table = world["people"]
    juniors = table.filter(pl.col("suffix") == "JR")
    fathers = table.filter(pl.col("suffix") == "SR").select("household", "first_name", "last_name", old="birth_date")
    pairs = juniors.join(fathers, on=["household", "first_name", "last_name"])
    assert len(juniors) > 50
    assert len(pairs) == len(juniors)
    assert (pairs["birth_date"] > pairs["old"]).all()
    twins = table.filter("twin").group_by("household", "last_name", "birth_date").len()
    assert (twins["len"] >= 2).mean() > 0.98
    assert table["birth_date"].value_counts()["count"].max() < 40  # no heap that would pass for a match


def test_nothing_is_later_than_today(world: sample.Drawn) -> None:
    for frame in world.tables.values():
        for name, kind in frame.schema.items():
            if kind == pl.Date:
                assert (frame[name].max() or dt.date(2000, 1, 1)) <= people.TODAY


def test_contest_appeals() -> None:
    drawn = sample.draw("contest", 400_000, seed=3, host="host_a")
    share = came(drawn, "contest", "entered")
    fans, rest = share["host=host_a, fan=true"], share["host=host_a, fan=false"]
    # fans also have all three main effects of 1.2
    assert odds(fans) / odds(rest) == pytest.approx(2.6 * 1.2**3 / 1.3, rel=0.12)
    assert rest == pytest.approx(0.05, abs=0.01)
    assert "p_enter" not in drawn.table.columns


def test_a_flat_host_is_flat() -> None:
    drawn = sample.draw("contest", 200_000, seed=3, host="host_a", appeal=1.0)
    share = came(drawn, "contest", "entered")
    assert odds(share["host=host_a, fan=true"]) / odds(share["host=host_a, fan=false"]) < 1.6


@pytest.mark.slow
def test_quick_donate_raw_is_four_and_causal_is_not(world: sample.Drawn) -> None:
    donors = sample.draw("world", 130_000, seed=2012)["donors"]
    member = donors.filter("quick_donate")
    other = donors.filter(pl.col("enrolled_on").is_null())
    assert member["gifts_after"].mean() / other["gifts_after"].mean() == pytest.approx(4, abs=0.5)
    assert member["y1"].sum() / member["y0"].sum() == pytest.approx(1.6, abs=0.06)
    assert (member["gifts_after"] == member["y1"]).all()
    assert (other["gifts_after"] == other["y0"]).all()
    lifted = donors.group_by("offered").agg(pl.col("enrolled_on").is_not_null().mean().alias("share")).sort("offered")
    assert 0.03 < lifted["share"][1] - lifted["share"][0] < 0.12


def test_enrolling_follows_only_what_is_seen_unless_told() -> None:
    def gap(hidden: float) -> float:
        drawn = sample.draw("quick_donate", 150_000, seed=5, hidden=hidden)
        table = drawn["quick_donate"].join(drawn["person"], on="person")
        close = table.filter(pl.col("gifts_before") == 1, pl.col("dollars_before").is_between(10, 30))
        means = close.group_by("quick_donate").agg(pl.col("y0").mean()).sort("quick_donate")["y0"]
        return means[1] / means[0]

    assert gap(1.5) > gap(0.0) + 0.2


def test_email_best_is_ten_times_the_worst() -> None:
    rate = emails.variants().filter(pl.col("test") == "deadline_june")["p_gift"]
    assert len(rate) == 18
    assert rate.max() / rate.min() == pytest.approx(10, abs=0.2)
    drawn = sample.draw("email", 400_000, seed=2)
    share = came(drawn, "email", "gave")
    assert share["email_id=deadline_june_01"] / share["email_id=deadline_june_18"] == pytest.approx(10, rel=0.3)


def test_most_guesses_are_poor(world: sample.Drawn) -> None:
    joined = world["guesses"].join(emails.variants().select("email_id", "p_gift"), on="email_id")
    skill = joined.group_by("staff_id").agg(pl.corr("guess", "p_gift", method="spearman").alias("r")).sort("r")
    assert skill["staff_id"][-1] == "staff_1"
    assert len(skill) == 8


def test_scripts_move_whom_they_were_meant_to_move() -> None:
    drawn = sample.draw("scripts", 200_000, seed=4)
    base, economy, health = (came(drawn, "scripts", f"y_{arm}") for arm in ("control", "economy", "health"))
    young, women = "group=M 18-34", "group=F 35-64"
    assert economy[young] - base[young] == pytest.approx(0.55 * (0.08 + 0.04 * 0.25), abs=0.012)
    assert health[women] - base[women] == pytest.approx(0.55 * (0.09 + 0.04 * 0.25), abs=0.012)
    table = drawn["scripts"]
    assert (table["reached"] & (table["arm"] == "control")).sum() == 0


def test_winback(world: sample.Drawn) -> None:
    drawn = sample.draw("world", 130_000, seed=2012)
    share = came(drawn, "winback", "returned")
    assert share["arm=call"] - share["arm=control"] == pytest.approx(0.08, abs=0.025)
    assert world["winback"].filter(pl.col("arm").is_null())["phone_on_file"].any() is False


def test_basics_carry_three_quarters_of_the_score(world: sample.Drawn) -> None:
    table = world["people"]
    logit = (pl.col("p_give_online") / (1 - pl.col("p_give_online"))).log()
    basics = table.with_columns(logit=logit).with_columns(
        inside=pl.col("logit") - pl.col("logit").mean().over("education", "income_band", "homeowner")
    )
    assert basics["inside"].var() / basics["logit"].var() == pytest.approx(0.75, abs=0.06)


def test_turnout_is_a_calibrated_probability(world: sample.Drawn) -> None:
    voters = world["people"].filter("registered")
    assert voters["will_vote"].mean() == pytest.approx(voters["p_turnout"].mean(), abs=0.015)
    past = world["ballots"].group_by("person").len()
    keen = voters.join(past, on="person", how="left").with_columns(pl.col("len").fill_null(0))
    assert np.corrcoef(keen["len"], keen["p_turnout"])[0, 1] > 0.4


def test_batches_cover_everyone_once() -> None:
    edges = batches(1_000_001)
    assert sum(size for _, size in edges) == 1_000_001
    assert max(size for _, size in edges) <= 200_001


@pytest.mark.parametrize("what", ["contest", "email", "quick_donate", "scripts"])
def test_single_tables_hide_their_truth(what: str) -> None:
    drawn = sample.draw(what, 2000, seed=1)
    assert drawn.table is drawn[what]
    assert not {"p_enter", "y0", "y1", "p_gift", "y_control"} & set(drawn.table.columns)


def test_a_wrong_name_says_the_right_one() -> None:
    with pytest.raises(BadValue, match="did you mean 'contest'"):
        sample.draw("contests", 1000)
