# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Buy TV time where target voters watch
#
# *Where they watch, and what a plan really buys.*
#
# "On TV we were able to buy 14% more efficiently." The other side bought eighteen channels around the news. The
# campaign bought sixty at odd hours, because it knew what its own voters watch. Here a vendor has matched 2,200 homes
# with set-top boxes to the voter file. The stations have sent their rate cards, and we have last cycle's order.
#
# **The question:** which spots reach the voters who stayed home in 2010, what will a plan really deliver, and how much
# better is it than last cycle's order?
#
# The campaign, its voters, the networks and their viewers are invented; the media markets are real.

# %%
import math
import tempfile

import altair as alt
import polars as pl

import campaignkit as ck

mf = ck.sample.megafile()
target = mf.universe("voter", "not voted_in('2010-11-02')", "party is null or party != 'R'")
target.by("party")

# %% [markdown]
# ## Where the target watches
#
# One row of `viewing` is a home, a network and a half-hour, with the days out of fourteen on which the home watched it.
# We estimate a spot's audience for each market, network and half-hour. The panel's counts are small, so each cell
# borrows strength from its network and its hour. An index of 150 means that the target's share of the audience is one
# and a half times its share of all adults.

# %%
who = ck.outreach.audiences(
    mf.table("viewing"), target, ["network", "daypart"], unit="person_id", weight="weight", market="market",
    exposures="days", days=14, panel=mf.table("panel_home"),
)  # fmt: skip
who

# %% [markdown]
# The index by network, colored by the dollars that last cycle's order spent there:

# %%
order = mf.table("spot_order")
bought = mf.sql("SELECT network, sum(spots * cost) AS last_cycle FROM spot_order GROUP BY network")
networks = (
    who.table.group_by("network")
    .agg(index=100 * pl.col("targets").sum() / pl.col("adults").sum() / (who.target_people / who.people))
    .join(bought, on="network", how="left")
    .with_columns(pl.col("last_cycle").fill_null(0))
    .sort("index", descending=True)
)
alt.Chart(networks, width=420).mark_bar().encode(
    x=alt.X("index:Q", title="target index (100 = average)"),
    y=alt.Y("network:N", sort=None, title=None),
    color=alt.Color("last_cycle:Q", title="last cycle's dollars", legend=alt.Legend(format="$,.0f")),
).properties(
    description="Target index of each network, colored by last cycle's dollars.",
    title="Target index by network, and what last cycle's order spent",
)

# %% [markdown]
# ## The plan, at last cycle's spend
#
# Both get the same money, so that they can be compared. With less money any plan looks more efficient, because it buys
# only the best spots.

# %%
spend = mf.sql("SELECT sum(spots * cost) AS spend FROM spot_order").item()
plan = ck.outreach.buy_plan(who, mf.table("avail"), spend, goal="impressions")
plan

# %% [markdown]
# ## What the plan promises
#
# A plan picks the cells whose audience the panel happens to overestimate. `in_sample` is the plan's own figure.
# `estimate` is what homes see of plans made without them: the panel is split into twenty parts, and each part judges a
# plan made from the other nineteen.

# %%
plan.promise

# %% [markdown]
# ## More efficient than last cycle?

# %%
better = plan.compare(order)
better

# %% [markdown]
# ## People, not impressions
#
# Ten impressions can be one heavy viewer ten times. A plan for reach spends the next dollar where it finds people who
# have not seen the ad yet.

# %%
wide = ck.outreach.buy_plan(who, mf.table("avail"), spend, goal="reach")
wider = wide.compare(order)
print(wide.summary())
print(wider.summary())
pl.concat(
    [
        each.promise.filter(pl.col("quantity").is_in(["target reach", "frequency", "target GRP"])).select(
            "quantity", "estimate", "lower", "upper", plan_for=pl.lit(each.goal)
        )
        for each in (plan, wide)
    ]
).sort("quantity")

# %% [markdown]
# What the next dollar buys at other budgets:

# %%
budgets = [spend * part for part in (0.1, 0.25, 0.5, 1.0, 1.5)]
plans = [ck.outreach.buy_plan(who, mf.table("avail"), budget, goal="reach", folds=5) for budget in budgets]
reached = [each.promised("target reach") for each in plans]
curve = pl.DataFrame(
    {
        "dollars": budgets, "people": [row["estimate"] for row in reached], "lower": [row["lower"] for row in reached],
        "upper": [row["upper"] for row in reached], "next $1,000 finds": [1000 * each.last_dollar for each in plans],
    }
)  # fmt: skip
base = alt.Chart(curve, width=420, height=220).encode(
    x=alt.X("dollars:Q", axis=alt.Axis(format="$,.0f"), title="budget")
)
band = base.mark_area(opacity=0.25).encode(y=alt.Y("lower:Q", title="people in the target reached"), y2="upper:Q")
line = base.mark_line(point=True).encode(y="people:Q")
print(curve)
(band + line).properties(
    description="People in the target reached, by budget, with a 95% interval.",
    title="Each next dollar finds fewer new people",
)

# %% [markdown]
# ## Reddit
#
# "A whole bunch of our turnout targets were on Reddit." The online survey asked what people use every week. The channel
# that looks best of twelve is also the one that luck helped most, so the band covers all twelve at once.

# %%
voters = mf.universe("voter").people("person_id")
asked = mf.sql("SELECT person_id, channel, uses FROM media_use").join(voters, on="person_id", how="semi")
answers = asked.pivot("channel", index="person_id", values="uses")
names = [name for name in answers.columns if name != "person_id"]
answers = answers.join(target.people("person_id").with_columns(target=True), on="person_id", how="left")
sites = ck.outreach.channels(answers.with_columns(pl.col("target").fill_null(False)), "target", names)
sites

# %% [markdown]
# The people the channels reach together. Each next channel is the one that adds the most people:

# %%
sites.together.head(6)

# %% [markdown]
# ## What could fool us
#
# * **A plan's own figure.** It is the first number that any planning tool prints.
# * **Independence.** If rating points become reach as though everyone watched the same amount, heavy viewers count as
#   new people again and again.

# %%
points = wide.promised("target GRP")["estimate"]
reach = wide.promised("target reach")
says = pl.DataFrame(
    {
        "judged by": [
            "rating points, as if all watched alike",
            "the plan itself",
            "homes with no part in the plan",
        ],
        "people reached": [who.target_people * (1 - math.exp(-points / 100)), reach["in_sample"], reach["estimate"]],
    }
)
says.with_columns(over=pl.col("people reached") / says["people reached"][-1] - 1)

# %% [markdown]
# * **"More efficient" than what?** A different spend, rate card or target changes the figure; `compare` refuses them.
# * **The panel's two weeks.** Intervals cover the panel's sampling. They do not cover a show that moves, or an October
#   unlike September.
# * **Matched homes.** A home counts as the voter the vendor matched; nobody knows who sits in front of the set. The
#   online respondents are whoever answers online, without weights here.

# %% [markdown]
# ## The number, and the decision

# %%
print(better.summary())
print(wider.summary())
print(wide.save_order(f"{tempfile.mkdtemp()}/order_of_spots.csv").name)
wide.order_sheet().head(8)

# %% [markdown]
# **Decision.** Buy the plan for reach, by its order sheet. When you say "more efficient", say whether you count
# impressions or people, and give the interval. Put some of the online money on the channel that stands out in the
# survey. Before you double the budget, ask the vendor for a larger panel: it is what narrows the promise's interval.

# %% [markdown]
# ## The planted truth
#
# The sample campaign knows who really watches. This is what the plan and last cycle's order deliver, and what was
# planted:

# %%
truth = ck.sample.exports_folder() / "truth"
cells = pl.read_parquet(truth / "tv_cells.parquet").rename({"half_hour": "daypart", "targets": "true"})
cell = ["market", "network", "daypart"]
ours, theirs = (
    bought.join(cells, on=cell).select((pl.col("spots") * pl.col("true")).sum()).item()
    for bought in (plan.table, mf.sql("SELECT * FROM spot_order"))
)
promised = plan.promised("target impressions")
pl.DataFrame(
    {
        "what": ["target impressions", "cheaper than last cycle"],
        "the plan's own figure": [promised["in_sample"], None],
        "promised": [promised["estimate"], better.table["estimate"][0]],
        "from": [promised["lower"], better.table["lower"][0]],
        "to": [promised["upper"], better.table["upper"][0]],
        "true": [ours, 1 - theirs / ours],
    }
)

# %%
pl.read_parquet(truth / "intended.parquet").filter(pl.col("effect").is_in(["viewing", "media use"]))
