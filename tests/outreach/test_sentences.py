"""Every sentence of outreach/, once, as `sentences.txt` has it."""

from pathlib import Path

import polars as pl
import pytest

from campaignkit import outreach
from tests.outreach import market, network, test_buy_plan, test_channels, test_friend_asks
from tests.sentences import check_sentences


@pytest.mark.slow
def test_sentences():
    order, spend = test_buy_plan.usual()
    impressions = market.plan(spend, goal="impressions")
    wanted = market.drawn()["panel"].select("person", score=pl.col("target") * (pl.col("person") % 3 + 1) / 100)
    votes = market.plan(found=market.audiences(target=wanted, score="score"), goal="votes")
    strange = market.drawn()["avails"].head(1).with_columns(network=pl.lit("cable 99"))
    unknown = market.plan(avails=pl.concat([market.drawn()["avails"], strange]), frequency=3)
    asked = network.drawn(holdout=0.5, direct=0.07, asks_per_sharer=3)
    crossed = network.drawn(holdout=0.5, direct=0.3, delivered=0.7, leaked=0.1)
    check_sentences(
        Path(__file__).with_name("sentences.txt"),
        {
            "audiences": market.rated().summary(),
            "plan, impressions": impressions.summary(),
            "plan, reach": market.plan(goal="reach").summary(),
            "plan, votes": votes.summary(),
            "plan, seen three times, with an avail that the panel knows nothing of": unknown.summary(),
            "plan and baseline": impressions.compare(order).summary(),
            "channels": outreach.channels(test_channels.survey(), "target", test_channels.NAMES).summary(),
            "channels, none that stands out": outreach.channels(
                test_channels.survey(liked=1.0), "target", test_channels.NAMES
            ).summary(),
            "asks, none held out": test_friend_asks.asks(asks_per_sharer=1).summary(),
            "asks": outreach.friend_asks(network.drawn()["ties"], "gain").summary(),
            "effect": network.effect(asked, acted="acted").summary(),
            "effect, delivered and spilled": network.effect(
                crossed, delivered="delivered", ties=crossed["ties"]
            ).summary(),
            "sharing plan": outreach.plan_sharing(effects=0.02).summary(),
            "sharing plan, with sharers": outreach.plan_sharing(20_000, holdout=0.1).summary(),
        },
    )
