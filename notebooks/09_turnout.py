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
# # Score who will vote
#
# *Who will vote, and who only says so?*
#
# **The question:** five weeks before the election of 6 November 2012 the field office of Ohio and North Carolina has
# 2,000 calls to make for turnout. A call to somebody who votes anyway is lost, and so is one to somebody who never
# does. Who is in between? And what electorate should the pollsters count on?
#
# A score is fitted on the election of 2008, from nothing but what was known the day before it; tested on 2010, from
# what was known before that; and moved to a level for 2012 that is said aloud, since no model knows it.
#
# The campaign and its people are invented; so is how they voted.

# %%
import shutil
import tempfile
from pathlib import Path

import polars as pl

import campaignkit as ck

mf = ck.sample.megafile()
voters = mf.universe("voter")
voters

# %% [markdown]
# ## What was known before an election
#
# One row per person on the rolls that day. *Could not*: registered later, or under 18 at the time. That is no weak
# voter, and gets a level of its own.

# %%
before_2008 = ck.voters.turnout_history(voters, "2008-11-04")
before_2008.limit(5).pl()

# %%
before_2008.aggregate("general_1, count(*) AS people, avg(voted::INT) AS voted_rate").order("general_1").pl()

# %% [markdown]
# ## Fit on 2008, test on 2010
#
# The chart is the test: each tenth of the rolls of 2010, what was predicted and what happened, once the counties'
# totals of that day are known.

# %%
turnout = ck.voters.fit_turnout(
    voters,
    election="2012-11-06",
    fit_on="2008-11-04",
    test_on="2010-11-02",
    totals=mf.table("county_turnout"),
    like="2008-11-04",
)
turnout

# %% [markdown]
# Without the totals the same score is far off, as any score of a presidential year is two years on: it knows who votes
# more than who, not how many will.

# %%
turnout.tested.calibration()

# %% [markdown]
# New registrants are where a history says nothing. How far off is it for them?

# %%
turnout.tested_to_totals.calibration("general_1").table

# %% [markdown]
# ## What does it lean on?

# %%
turnout.importance()

# %%
turnout.table.select("term", "level", "n", "outcome_rate", "estimate", "lower", "upper").head(12)

# %% [markdown]
# ## The level of 2012 is an assumption
#
# Each county is taken to repeat its share of registered voters of 2008. Say so with every number that follows. These
# are the counties where that moves the score most.

# %%
turnout.counties.sort(pl.col("shift").abs(), descending=True).head(5)

# %% [markdown]
# ## The same fit, as statsmodels has it
#
# The coefficients, as a GLM whose rows are cells: combinations of levels, weighted by how many people have each. Does
# having stayed home at the last general election tell as much as having stayed home at the one before?

# %%
glm = turnout.to_statsmodels()
glm.conf_int().loc[["general_1[did not]", "general_2[did not]"]]

# %%
glm.wald_test("general_1[did not] = general_2[did not]", scalar=True)

# %% [markdown]
# A small p-value would say that the two do not tell as much. Errors and tests count households as one
# (`turnout.errors`), and `ridge=1` has shrunk the coefficients a little. Residuals are of cells, not of people;
# `to_statsmodels` says what else is.

# %% [markdown]
# ## Screens, or weights?
#
# A pollster who keeps only "likely voters" gets a smaller electorate, and an older one. Weighting everybody by their
# chance uses what the screen throws away. Judged by who voted in 2010:

# %%
turnout.screens()

# %%
turnout.screens("party").table

# %% [markdown]
# ## Write it back, and make the list
#
# The score goes into the megafile, where lists rank by it and universes ask for it. (Here into a copy: the sample's own
# file stays as it is.)

# %%
folder = Path(tempfile.mkdtemp())
mine = ck.Megafile.open(shutil.copyfile(mf.path, folder / "campaign.duckdb"))
turnout.write_scores(mine)

# %%
between = mine.universe("score('turnout') between 0.35 and 0.65", "party = 'D'")
between.by("age_band")

# %%
tonight = between.call_list("phone", purpose="turnout", rank_by="score('turnout')", limit=2000)
tonight

# %% [markdown]
# ## What could fool us
#
# - **The level.** It is 2008's by assumption. The ranking was tested; the level was not, and cannot be.
# - **Who is missing.** People who moved away or died since 2008 are no longer on the rolls, so the past looks more
#   regular than it was.
# - **In between is not movable.** A chance of 50% says that nobody knows, not that a call helps. Who a call moves is
#   for an experiment to say.
# - **Screens were judged once**, by one election of another kind.

# %% [markdown]
# ## The number, and the decision

# %%
tested = turnout.tested_to_totals.quality
print(
    f"Tested on 2010: {tested.auc:.1%} of pairs ranked right, {100 * tested.ece:.1f} points off at known totals. "
    f"{between.count():,} Democrats are in between; {tonight.table.height:,} of them, one a household, are on the list."
)

# %% [markdown]
# **Decision.** Call the Democrats with a chance of 35–65% first, one a household; weight the polls by the score
# instead of screening, and put the assumed level of 2012 in the first line of every chart.
