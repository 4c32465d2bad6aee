"""Friends' asks on the published graph: planted effects are found by the coin, and not by who was contacted."""

import polars as pl

from campaignkit import outreach, sample
from tests.real.published import published


def test_planted_effects_on_a_real_graph():
    graph = pl.read_parquet(published("sharing/facebook_friends.parquet"))
    world = sample.draw(
        "sharing", 1_000, seed=11, graph=graph, direct=0.1, spilled=0.05, delivered=0.7, leaked=0.1, holdout=0.5,
        asks_per_sharer=2,
    )  # fmt: skip
    truth = world.truth["effects"].row(0, named=True)
    found = outreach.sharing_effect(world["asks"], world["friends"], "voted", delivered="delivered", ties=world["ties"])
    for quantity, planted in (("asked about", "asked about"), ("delivered", "direct")):
        row = found.row(quantity)
        assert abs(row["estimate"] - truth[planted]) < 3.3 * row["std_error"]
    assert found.row("contacted against not")["lower"] > truth["direct"]


def test_asks_on_a_real_graph_are_near_the_best():
    graph = pl.read_parquet(published("sharing/facebook_friends.parquet"))
    ties = graph.rename(dict(zip(graph.columns[:2], ("sharer", "friend"), strict=True)))
    ties = ties.with_columns(gain=((pl.col("friend") * 7_919) % 1_009 + 1) / 1_009)
    found = outreach.friend_asks(ties, "gain", holdout=None)
    assert found.optimality > 0.99
