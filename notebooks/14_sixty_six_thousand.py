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
# # The election, 66,000 times a night
#
# "We ran the election 66,000 times every night, and every morning we got the spit-out: here are your chances of winning
# these states." This is the autumn of 2012 on the public polls of that year, as they came in.
#
# **The question:** what are the chances in each swing state, what did the first debate do, and which state decides?
#
# Nobody here is invented: polls and results are real, and every forecast knows only what was known that night.

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
# States err together: what polls miss in Ohio they miss in Wisconsin. So the chance of winning is no product of the
# states' chances; it is counted in elections that are drawn whole.

# %%
october = first.simulate(66_000, seed=1)
october

# %%
october.map()

# %% [markdown]
# ## Night by night
#
# The debates were on 3, 16 and 22 October. Each night the forecast is made anew from the polls there were.

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
whole = pl.DataFrame({"night": nights, "state": "all: 270", "chance": won})
lines = alt.Chart(pl.concat([chances, whole])).mark_line().encode(
    x=alt.X("night:T", title=None),
    y=alt.Y("chance:Q", axis=alt.Axis(format="%"), title="chance of winning"),
    color="state:N",
    strokeWidth=alt.condition("datum.state == 'all: 270'", alt.value(4), alt.value(1.5)),
)
debates = alt.Chart(pl.DataFrame({"day": [dt.date(2012, 10, 3), dt.date(2012, 10, 16), dt.date(2012, 10, 22)]}))
alt.layer(lines, debates.mark_rule(strokeDash=[4, 3], opacity=0.5).encode(x="day:T")).properties(
    width=520, height=300,
    description="Chances by night: they fall after the first debate on 3 October and come back in part by the end.",
)

# %% [markdown]
# ## The swing states on 1 and on 31 October

# %%
late = ck.election.forecast(polls, results, on=on, as_of="2012-10-31").simulate(66_000, seed=1)
swings = october.table.select("state", october="chance").join(
    late.table.select("state", halloween="chance"), on="state"
)
swings.filter(pl.col("state").is_in(swing)).with_columns(change=pl.col("halloween") - pl.col("october"))

# %% [markdown]
# ## What the debate did
#
# Between 2 and 12 October: how much of each state's change came from new polls, how much from days that went by, and
# how much is the noise of the drawing.

# %%
before = ck.election.forecast(polls, results, on=on, as_of="2012-10-02")
after = ck.election.forecast(polls, results, on=on, as_of="2012-10-12")
ck.election.compare(after, before)

# %% [markdown]
# ## Which state tips it, and what if Ohio is lost?

# %%
tips = late.tipping.head(8)
ck.charts.bars(
    tips, "state", "tipping_share", title="The state that brings the winner to 270",
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
# * **One pollster.** What the nation would be without any one of them:

# %%
eve = ck.election.forecast(polls, results, on=on, as_of="2012-11-05")
eve.without_each().head(5)

# %% [markdown]
# * **Houses.** Some lean one way all autumn. The lean of all of them together cannot be told from polls; it is the
#   error that the forecast takes for shared.

# %%
eve.house_effects.head(8)

# %% [markdown]
# * **All polls at once.** How wrong polls can be together is learned from earlier elections, and integrated over. Here
#   only results of earlier elections come with the package, so that this error has its prior: wide. With the polls of
#   2000 to 2008 as `history=` it is narrower. Taking it for none makes one sure, and wrong more often than one says:

# %%
sure = ck.election.Settings(shared_bias_sd=0.0, state_bias_sd=0.0)
certain = ck.election.forecast(polls, results, on=on, as_of="2012-11-05", settings=sure)
with_error, without = (each.simulate(seed=1).win_probability for each in (eve, certain))
print(f"with polls' shared error {with_error:.0%}, without any {without:.0%}")
eve.scales

# %% [markdown]
# ## The number, and the decision

# %%
last = eve.simulate(66_000, seed=1)
tipping = last.tipping.row(0, named=True)
print(
    f"On the last night: {last.win_probability:.0%} for 270 or more, {tipping['state']} tips it in "
    f"{tipping['tipping_share']:.0%}; without Ohio {last.given('OH', won=False).win_probability:.0%}."
)

# %% [markdown]
# **Decision.** Defend the state that tips the election most often, not the closest one; read the change of a night by
# what caused it; and plan for the elections in which the polls are all wrong together.
#
# What happened, on 6 November:

# %%
came = results.filter(year=2012).select("state", share=pl.col("dem") / (pl.col("dem") + pl.col("rep")))
inside = pl.col("share").is_between(pl.col("lower"), pl.col("upper"))
both = last.table.join(came, on="state").with_columns(inside=inside)
votes = both.filter(pl.col("share") > 0.5)["electoral_votes"].sum()
print(
    f"{votes} electoral votes; {both['inside'].sum()} of {both.height} states within their 95% interval; the likelier "
    f"winner won in {((both['chance'] > 0.5) == (both['share'] > 0.5)).sum()}."
)
both.filter(pl.col("state").is_in(swing)).select("state", "chance", "estimate", "lower", "upper", "share")
