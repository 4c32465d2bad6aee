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
# # Decide where the money goes
#
# *The next dollar, visit and volunteer shift, by state.*
#
# "And that is how we allocated resources." It is October 1. The campaign has $2,000,000 for calls, 40 visits by the
# candidate, 2,000 volunteer shifts, and 66,000 elections drawn from the forecast.
#
# **The question:** which states get the next dollar, how sure is that, and what does spending as last time cost?
#
# The campaign, its voters and its experiment are invented. The polls, the results and the electoral votes are real.

# %%
import polars as pl

import campaignkit as ck

polls, results = ck.election.polls_2012(), ck.election.results()
odds = ck.election.forecast(polls, results, on="2012-11-06", as_of="2012-10-01")
drawn = odds.simulate(66_000, seed=1)
print(drawn.summary())
drawn.tipping.head(8)

# %% [markdown]
# ## What a call does, in the campaign's own experiment
#
# In August, voters were assigned at random to a call with a script about the economy or to no call. The estimate
# compares everyone assigned, reached or not: that is what a paid call buys.

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
# A call costs five dollars, so one dollar per voter buys a fifth of a call to each. Near 50%, one point of the vote is
# .04 on the logit scale. Two assumptions go beyond the experiment. Returns diminish: after two dollars per voter the
# next one does half as much (nobody in the experiment was called twice). And the effect fades: a quarter of it is left
# on election day.

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
# The plan shifts each state's mean and counts the chance of winning over the same 66,000 elections. It stops where no
# dollar would do more in another state. Last cycle's money followed electoral votes in the states thought to be close.

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
# `value` is what one point of a state's vote adds to the chance of winning. `first_unit` and `next_unit` are shown here
# per million dollars. A small state has a lower `value`, but a point there costs less: it has fewer voters.
#
# ## A larger budget
#
# What 20 million dollars would buy, without and with a limit of 3 million on any one state:

# %%
larger = ck.election.allocate(drawn, 20_000_000, responses=response, last_cycle=last_cycle)
print(larger.summary())
most = dict.fromkeys(votes, (0, 3_000_000))
capped = ck.election.allocate(drawn, 20_000_000, responses=response, bounds=most)
capped.table.filter(pl.col("spend") > 0).select("state", "spend", "next_unit", "bound_price").head(10)

# %% [markdown]
# ## Visits and shifts
#
# The same function plans whole units. The assumption here is that a visit moves any state by a quarter of a point. A
# shift makes 30 calls.

# %%
visits = ck.election.allocate(drawn, 40, responses={"effect": 0.01, "std_error": 0.005, "scale": 6.0}, unit="visits")
visits.table.filter(pl.col("spend") > 0).select("state", "spend", "shift", "funded_probability")

# %%
worth = 30 * COST_OF_A_CALL  # dollars of paid calls that a shift replaces
shift = {
    "effect": response["effect"] * worth, "std_error": response["std_error"] * worth,
    "scale": response["scale"] / worth, "voters": voters,
}
shifts = ck.election.allocate(drawn, 2_000, responses=shift, unit="shifts")
print(shifts.summary())

# %% [markdown]
# ## What could fool us
#
# * **A response measured elsewhere.** One experiment stands in for every state, so its error is the same error in all
#   of them: the whole gain is as uncertain as the effect. With an experiment in each state, the plan pulls their
#   effects toward the common mean; otherwise the state with the luckiest experiment would get the money. Suppose each
#   swing state had its own:

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
# * **Polls that are too kind.** A state that is close today is not the state that decides if every poll overstates the
#   lead. The plan if the true margin is two points lower everywhere:

# %%
kinder = polls.with_columns(dem=pl.col("dem") - 1, rep=pl.col("rep") + 1)
worse = ck.election.forecast(kinder, results, on="2012-11-06", as_of="2012-10-01").simulate(66_000, seed=1)
moved = ck.election.allocate(worse, 2_000_000, responses=response)
plan.table.select("state", "spend").join(moved.table.select("state", spend_if_lower="spend"), on="state").filter(
    (pl.col("spend") > 0) | (pl.col("spend_if_lower") > 0)
)

# %% [markdown]
# ## The number, and the decision

# %%
print(plan.summary())
print(f"The next $100,000 would add {100 * plan.shadow_price * 1e5:.3f} points to the chance of winning.")

# %% [markdown]
# **Decision.** Spend by the plan, and plan again each week from that night's elections. Before the budget grows, spend
# some of it on a second experiment: the effect of a call is the largest unknown here.
