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
# # Forecast the election, state by state
#
# *The election, 66,000 times a night: chances, tipping states, and winning without Ohio.*
#
# "We ran the election 66,000 times every night, and every morning we got the spit-out: here are your chances of winning
# these states." This notebook replays the fall of 2012 on that year's public polls, as they came in.
#
# **The question:** what are the chances in each swing state, what did the first debate do, and which state decides?
#
# Nothing here is invented: polls and results are real, and every forecast knows only what was known that night.

# %%
import datetime as dt

import altair as alt
import polars as pl

import campaignkit as ck

polls, results = ck.election.polls_2012(), ck.election.results()
on = dt.date(2012, 11, 6)
first = ck.election.forecast(polls, results, on=on, as_of="2012-10-01")
first

# %% [markdown]
# ## 66,000 elections
#
# Polls miss together: when they are wrong in Ohio, they are often wrong in Wisconsin. So the chance of winning is not
# the product of the states' chances. It is counted over whole elections, each drawn with all its states at once.

# %%
october = first.simulate(66_000, seed=1)
october

# %%
october.map()

# %% [markdown]
# ## Night by night
#
# The presidential debates were on October 3, 16 and 22. Each forecast uses only the polls published by that night.

# %%
nights = [dt.date(2012, 9, 20) + dt.timedelta(days=day) for day in range(0, 47, 2)]
forecasts = {night: ck.election.forecast(polls, results, on=on, as_of=night) for night in nights}
drawn = {night: forecast.simulate(66_000, seed=1) for night, forecast in forecasts.items()}
swing = ["OH", "FL", "VA", "CO", "NC", "IA", "NV", "WI"]
chances = pl.concat(
    drawn[night].table.filter(pl.col("state").is_in(swing)).select(pl.lit(night).alias("night"), "state", "chance")
    for night in nights
)
won = [drawn[night].win_probability for night in nights]
whole = pl.DataFrame({"night": nights, "state": "270 votes", "chance": won})
order = ["270 votes", *swing]
colors = ["#8C8C8C", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B07CFF", "#A0522D"]
lines = alt.Chart(chances).mark_line(strokeWidth=1.5).encode(
    x=alt.X("night:T", title=None, axis=alt.Axis(format="%b %-d")),
    y=alt.Y("chance:Q", axis=alt.Axis(format="%"), title="Democrat's chance of winning"),
    color=alt.Color("state:N", title=None, sort=order, scale=alt.Scale(domain=order, range=colors)),
)
thick = lines.properties(data=whole).mark_line(strokeWidth=5)
debates = alt.Chart(pl.DataFrame({"day": [dt.date(2012, 10, 3), dt.date(2012, 10, 16), dt.date(2012, 10, 22)]}))
alt.layer(thick, lines, debates.mark_rule(strokeDash=[4, 3], opacity=0.5).encode(x="day:T")).properties(
    width=520, height=300, title="Chance of winning by night, with the three debates",
    description="Chances by night: they fall after the first debate on October 3 and recover in part by the end.",
)

# %% [markdown]
# ## The swing states on October 1 and October 31

# %%
late = ck.election.forecast(polls, results, on=on, as_of="2012-10-31").simulate(66_000, seed=1)
swings = october.table.select("state", october_1="chance").join(
    late.table.select("state", october_31="chance"), on="state"
)
swings.filter(pl.col("state").is_in(swing)).with_columns(change=pl.col("october_31") - pl.col("october_1"))

# %% [markdown]
# ## What the debate did
#
# From October 2 to October 12: how much of each state's change came from new polls, how much from the later date, and
# how much is simulation noise.

# %%
before = ck.election.forecast(polls, results, on=on, as_of="2012-10-02")
after = ck.election.forecast(polls, results, on=on, as_of="2012-10-12")
ck.election.compare(after, before)

# %% [markdown]
# ## Which state tips the election, and what if Ohio is lost?

# %%
tips = late.tipping.head(8)
ck.charts.bars(
    tips, "state", "tipping_share", title="How often each state puts the winner over 270",
    description="How often each state tips the election: Ohio most often.",
)

# %%
print(late.given("OH", won=False).summary())

# %%
print(late.given("OH", "FL", won=False).summary())
late.given("OH", won=False).table.filter(pl.col("state").is_in(swing)).select("state", "chance", "estimate")

# %% [markdown]
# ## What could fool us
#
# * **One pollster.** The national forecast without each of them, the most influential first:

# %%
eve = ck.election.forecast(polls, results, on=on, as_of="2012-11-05")
eve.without_each().head(5)

# %% [markdown]
# * **House effects.** Some pollsters lean one way all fall. Polls alone cannot show how far all of them lean together;
#   the forecast allows for that as a shared error.

# %%
eve.house_effects.head(8)

# %% [markdown]
# * **All polls at once.** Earlier elections show how wrong all polls can be together. The package ships earlier results
#   but no earlier polls, so this error keeps its wide prior here. With the polls of 2000 to 2008 as `history=` it is
#   narrower. A forecast without it is too sure, and wrong more often than it says:

# %%
sure = ck.election.Settings(shared_bias_sd=0.0, state_bias_sd=0.0)
certain = ck.election.forecast(polls, results, on=on, as_of="2012-11-05", settings=sure)
with_error, without = (each.simulate(seed=1).win_probability for each in (eve, certain))
print(f"Chance of winning: {with_error:.0%} with the polls' shared error, {without:.0%} without it.")
eve.scales

# %% [markdown]
# ## The number, and the decision

# %%
last = eve.simulate(66_000, seed=1)
tipping = last.tipping.row(0, named=True)
print(
    f"{last.win_probability:.0%}: the chance of 270 or more on the last night. {tipping['state']} tips "
    f"{tipping['tipping_share']:.0%} of elections. If Ohio is lost, the chance is "
    f"{last.given('OH', won=False).win_probability:.0%}."
)

# %% [markdown]
# **Decision.** Defend the state that tips the election most often, not the closest one. Read each night's change by its
# cause. Plan for the elections in which all polls are wrong together.
#
# What happened on November 6:

# %%
came = results.filter(year=2012).select("state", share=pl.col("dem") / (pl.col("dem") + pl.col("rep")))
inside = pl.col("share").is_between(pl.col("lower"), pl.col("upper"))
both = last.table.join(came, on="state").with_columns(inside=inside)
votes = both.filter(pl.col("share") > 0.5)["electoral_votes"].sum()
print(
    f"{votes} electoral votes. {both['inside'].sum()} of {both.height} states landed inside their 95% interval. The "
    f"favorite won in {((both['chance'] > 0.5) == (both['share'] > 0.5)).sum()}."
)
both.filter(pl.col("state").is_in(swing)).select("state", "chance", "estimate", "lower", "upper", "share")
