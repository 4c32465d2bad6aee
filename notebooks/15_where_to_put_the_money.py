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
# # Where to put the money
#
# "And that is how we allocated resources." It is the first of October. There are two million dollars for calls, some
# hundred visits, and the volunteers' shifts; and there are 66,000 elections, drawn from the forecast.
#
# **The question:** into which states does the next dollar go, how sure is that, and what is lost by spending as last
# time?
#
# The campaign, its voters and its experiment are invented; the polls, the results and the electoral votes are real.

# %%
import polars as pl

import campaignkit as ck

polls, results = ck.election.polls_2012(), ck.election.results()
odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-10-01")
drawn = odds.simulate(66_000, seed=1)
print(drawn.summary())
drawn.tipping.head(8)

# %% [markdown]
# ## What a call does, by the campaign's own experiment
#
# In August a voter was, at random, called with a script about the economy or not called. What counts is the difference
# among all who were drawn, reached or not: that is what a call that is paid for does.

# %%
mf = ck.sample.megafile()
calls = mf.sql("""
    SELECT a.person_id, coalesce('h' || p.household_id, 'p' || a.person_id) AS household, a.arm,
           CASE f.answer WHEN 'Yes' THEN true WHEN 'No' THEN false END AS supports
    FROM assignment a JOIN person p USING (person_id)
    LEFT JOIN (SELECT person_id, any_value(answer) AS answer FROM survey_response
               WHERE question LIKE 'Follow-up%' GROUP BY 1) f USING (person_id)
    WHERE a.experiment = 'scripts' AND a.arm IN ('control', 'economy')""")
script = ck.experiments.analyze(calls, "arm", "supports", control="control", unit="person_id", cluster="household")
script

# %% [markdown]
# ## From the experiment to a response
#
# One dollar a voter buys a fifth of a call to each. Near one half a point of the vote is .04 on the logit scale. The
# effect wears out: once two dollars a voter are spent, those who are easily moved have been called, and the next dollar
# does half as much (an assumption, since the experiment called nobody twice). That the effect in three weeks is the
# effect on election day is one too; here it is cut to a quarter, as most of what such calls do is known to fade.

# %%
COST_OF_A_CALL, LASTS = 5.0, 0.25
measured = script.table.filter(arm="economy").row(0, named=True)
voters = dict(results.filter(year=2008).select("state", "total_votes").iter_rows())
response = {
    "effect": 4 * measured["estimate"] * LASTS / COST_OF_A_CALL,
    "std_error": 4 * measured["std_error"] * LASTS / COST_OF_A_CALL,
    "scale": 2.0,
    "voters": voters,
}
print({name: round(response[name], 4) for name in ("effect", "std_error", "scale")})

# %% [markdown]
# ## The plan
#
# Every state's mean is moved, and the chance of winning read off the same 66,000 elections; the plan is the one under
# which no dollar would do more elsewhere. Last time the money went by electoral votes, in the states held to be close.

# %%
votes = dict(ck.election.electoral_votes(2012).select("state", "electoral_votes").iter_rows())
close = ["OH", "FL", "PA", "VA", "NC", "CO", "MI", "WI", "MO", "IN", "NV", "NH", "IA"]
last_cycle = {state: votes[state] for state in close}
plan = ck.election.allocate(drawn, 2_000_000, responses=response, last_cycle=last_cycle)
plan

# %%
plan.table.head(12).select(
    "state", "spend", "shift", "value", pl.col("first_unit", "next_unit") * 1e6, "best_probability"
)

# %% [markdown]
# `value` is what one point of the vote in a state does for the chance of winning; `first_unit` and `next_unit` here are
# for a million dollars. What a small state lacks in `value` it makes up by its few voters.
#
# ## A larger budget
#
# What ten times as much would buy, and with a most for any one state:

# %%
larger = ck.election.allocate(drawn, 20_000_000, responses=response, last_cycle=last_cycle)
print(larger.summary())
most = dict.fromkeys(votes, (0, 3_000_000))
capped = ck.election.allocate(drawn, 20_000_000, responses=response, bounds=most)
capped.table.filter(pl.col("spend") > 0).select("state", "spend", "next_unit", "bound_price").head(10)

# %% [markdown]
# ## Visits and shifts
#
# The same call spreads whole things. A visit is taken to move a state by a quarter of a point, wherever it is; a shift
# makes thirty calls.

# %%
visits = ck.election.allocate(drawn, 40, responses={"effect": 0.01, "std_error": 0.005, "scale": 6.0}, unit="visits")
visits.table.filter(pl.col("spend") > 0).select("state", "spend", "shift", "funded_probability")

# %%
worth = 30 * COST_OF_A_CALL  # dollars that a shift saves
shift = {
    "effect": response["effect"] * worth, "std_error": response["std_error"] * worth,
    "scale": response["scale"] / worth, "voters": voters,
}
shifts = ck.election.allocate(drawn, 2_000, responses=shift, unit="shifts")
print(shifts.summary())

# %% [markdown]
# ## What could fool us
#
# * **A response that was measured elsewhere.** One experiment in two states stands for all, so that its error is one
#   error: the whole gain is as uncertain as the effect, and no plan is safe from it. With tests in many states their
#   effects are drawn toward each other, or the luckiest would get the money. Suppose each swing state had its own:

# %%
factors = (0.4, 1.5, 0.9, 1.1, 0.7, 1.3, 1.0, 0.6, 1.2, 0.8, 1.6, 1.0, 0.5)
own = pl.DataFrame(
    {
        "state": list(last_cycle),
        "effect": [response["effect"] * factor for factor in factors],
        "std_error": response["effect"] * 0.35, "scale": 2.0, "voters": [float(voters[state]) for state in last_cycle],
    }
)
apart = ck.election.allocate(drawn, 2_000_000, responses=own)
taken_for_known = ck.election.allocate(drawn, 2_000_000, responses=own.drop("std_error"))
apart.table.select("state", "spend", "best_probability").join(
    taken_for_known.table.select("state", spend_if_known="spend"), on="state"
).filter((pl.col("spend") > 0) | (pl.col("spend_if_known") > 0))

# %% [markdown]
# * **The closest states.** Money by closeness goes where a state is close when the country is not. How the plan moves
#   if the polls are all two points too kind:

# %%
kinder = polls.with_columns(dem=pl.col("dem") - 1, rep=pl.col("rep") + 1)
worse = ck.election.forecast(kinder, results, on="2012-11-06", as_of="2012-10-01").simulate(66_000, seed=1)
moved = ck.election.allocate(worse, 2_000_000, responses=response)
plan.table.select("state", "spend").join(moved.table.select("state", spend_if_kind="spend"), on="state").filter(
    (pl.col("spend") > 0) | (pl.col("spend_if_kind") > 0)
)

# %% [markdown]
# ## The number, and the decision

# %%
print(plan.summary())
print(f"The next hundred thousand dollars: {100 * plan.shadow_price * 1e5:.3f} points of the chance of winning.")

# %% [markdown]
# **Decision.** Spend by the plan, and again each week from that night's elections. Before the budget grows, spend some
# of it on a second experiment: what a call does is the largest part of what is not known here.
