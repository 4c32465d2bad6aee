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
# # Where they watch
#
# "On TV we were able to buy 14% more efficiently." The other side bought eighteen channels around the news; the
# campaign bought sixty at odd hours, because it knew what its own voters watch. Here a vendor has matched 2,200 homes
# with set-top boxes to the voter file, the stations' rate cards have come, and last cycle's order lies in a drawer.
#
# **The question:** which spots reach the voters who stayed at home in 2010, what will a plan really deliver, and how
# much better is it than buying as last time?
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
# One row of `viewing` is a home, a network and a half-hour, with the days of fourteen on which it was watched. A
# spot's audience is estimated for each market, network and half-hour. The panel's counts are small, so a cell borrows
# from its network and its hour; the index says how much more of the target there is than among everyone (100).

# %%
who = ck.outreach.audiences(
    mf.table("viewing"), target, ["network", "daypart"], unit="person_id", weight="weight", market="market",
    exposures="days", days=14, panel=mf.table("panel_home"),
)  # fmt: skip
who

# %% [markdown]
# The index by network, beside the money that last cycle's order gave it:

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
    x=alt.X("index:Q", title="target index (100: as everywhere)"),
    y=alt.Y("network:N", sort=None, title=None),
    color=alt.Color("last_cycle:Q", title="last cycle's dollars"),
).properties(description="Target index of each network, shaded by last cycle's dollars.", title="Who is watching")

# %% [markdown]
# ## The plan, at last cycle's spend
#
# The same money, so that the two can be compared: with less money any plan looks more efficient, since it buys the
# best spots only.

# %%
spend = mf.sql("SELECT sum(spots * cost) AS spend FROM spot_order").item()
plan = ck.outreach.buy_plan(who, mf.table("avail"), spend, goal="impressions")
plan

# %% [markdown]
# ## What the plan promises
#
# A plan picks the cells whose audience the panel happens to overestimate. `in_sample` is what the plan says of itself;
# `estimate` is what homes see of plans that were made without them, in twenty parts.

# %%
plan.promise

# %% [markdown]
# ## More efficient than last time?

# %%
better = plan.compare(order)
better

# %% [markdown]
# ## People, not impressions
#
# Impressions can be the same few heavy viewers ten times. A plan for reach spends the next dollar where it finds
# people who have not yet seen the ad.

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
# What the next dollar is worth, at other budgets:

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
base = alt.Chart(curve, width=420, height=220).encode(x=alt.X("dollars:Q", axis=alt.Axis(format="$,.0f"), title=None))
band = base.mark_area(opacity=0.25).encode(y=alt.Y("lower:Q", title="people of the target reached"), y2="upper:Q")
line = base.mark_line(point=True).encode(y="people:Q")
print(curve)
(band + line).properties(description="People of the target reached, by budget.", title="Each dollar finds fewer people")

# %% [markdown]
# ## Reddit
#
# "A whole bunch of our turnout targets were on Reddit." The online survey asked what people use weekly. Twelve
# channels were looked at, and the one that looks best is the one that luck helped most: the band holds for all twelve
# at once.

# %%
voters = mf.universe("voter").people("person_id")
asked = mf.sql("SELECT person_id, channel, uses FROM media_use").join(voters, on="person_id", how="semi")
answers = asked.pivot("channel", index="person_id", values="uses")
names = [name for name in answers.columns if name != "person_id"]
answers = answers.join(target.people("person_id").with_columns(target=True), on="person_id", how="left")
sites = ck.outreach.channels(answers.with_columns(pl.col("target").fill_null(False)), "target", names)
sites

# %% [markdown]
# Who the channels find together, each added where it finds most who were not yet found:

# %%
sites.together.head(6)

# %% [markdown]
# ## What could fool us
#
# * **A plan's own figure.** It is the first number that any planning tool prints.
# * **Independence.** Rating points turned into reach as if everyone watched alike: heavy viewers are counted as new
#   people again and again.

# %%
points = wide.promised("target GRP")["estimate"]
reach = wide.promised("target reach")
says = pl.DataFrame(
    {
        "way": ["as if all watched alike", "the plan of itself", "homes without a part in the plan"],
        "people reached": [who.target_people * (1 - math.exp(-points / 100)), reach["in_sample"], reach["estimate"]],
    }
)
says.with_columns(over=pl.col("people reached") / says["people reached"][-1] - 1)

# %% [markdown]
# * **"More efficient" than what?** Another spend, other rates or another target change the figure; `compare` refuses
#   them.
# * **The panel's two weeks.** Intervals are the panel's sampling. That a show is moved, or that October is not
#   September, is in none of them.
# * **Matched homes.** A home counts by the voter the vendor matched; who sits before the set is not known. Online
#   respondents are who answers online, without weights here.

# %% [markdown]
# ## The number, and the decision

# %%
print(better.summary())
print(wider.summary())
print(wide.save_order(f"{tempfile.mkdtemp()}/order_of_spots.csv").name)
wide.order_sheet().head(8)

# %% [markdown]
# **Decision.** Buy the plan for reach, by its order sheet. Say "more efficient" with what is counted, impressions or
# people, and with its interval. Put a share of the online money on what stands out in the survey. Ask the vendor for a
# larger panel before the budget is doubled: the promise's interval is the panel's size.

# %% [markdown]
# ## The planted truth
#
# The sample knows who really watches. What the plan and last cycle's order deliver, and what was planted for the
# target:

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
        "the plan of itself": [promised["in_sample"], None],
        "promised": [promised["estimate"], better.table["estimate"][0]],
        "from": [promised["lower"], better.table["lower"][0]],
        "to": [promised["upper"], better.table["upper"][0]],
        "true": [ours, 1 - theirs / ours],
    }
)

# %%
pl.read_parquet(truth / "intended.parquet").filter(pl.col("effect").is_in(["viewing", "media use"]))
