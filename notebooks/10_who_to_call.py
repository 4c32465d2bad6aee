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
# # Rank a call list by who a call moves
#
# *Five weeks, 5,000 calls: who first?*
#
# The health script won support in August. Volunteers can make 5,000 more calls in Ohio and North Carolina before the
# election. Who supports us anyway needs no persuading; who never votes is worth little persuaded; who picks up no phone
# is worth nothing.
#
# **The question:** in which order should they call, and how many votes is the order worth?
#
# Everyone is invented; every number comes from the cell above it.

# %%
import shutil
import tempfile
from pathlib import Path

import polars as pl

import campaignkit as ck

folder = Path(tempfile.mkdtemp())
shutil.copy(ck.sample.megafile().path, folder / "campaign.duckdb")  # scores are written into it
mf = ck.Megafile.open(folder / "campaign.duckdb")
mf.universe("voter").by("state")

# %% [markdown]
# ## Fit: who did the August calls move?
#
# Voters were called at random, so the arms show what a call changes. What was known of each is taken as of the day that
# the arms were drawn; the outcome is what they said three weeks later, reached or not.

# %%
basics = {"age_band": "age_band", "sex": "sex", "race": "race", "state": "state"}
record = {"generals": "votes('general')", "primaries": "votes('primary')", "voted_2008": "voted_in('2008-11-04')"}
consumer = {name: name for name in ("income_band", "education", "homeowner", "urbanicity", "interest")}
drawn = (
    mf.universe("assigned('scripts')", as_of="2012-08-20").features(basics | record | consumer | {"age": "age"}).pl()
)
arms = mf.sql("""
    SELECT a.person_id, a.arm, CASE f.answer WHEN 'Yes' THEN true WHEN 'No' THEN false END AS supports
    FROM assignment a LEFT JOIN (SELECT person_id, any_value(answer) AS answer FROM survey_response
                                 WHERE question LIKE 'Follow-up%' GROUP BY 1) f USING (person_id)
    WHERE a.experiment = 'scripts' QUALIFY count(*) OVER (PARTITION BY a.person_id) = 1""")
calls = drawn.join(arms, on="person_id")
blocks = {"basics": list(basics), "record": list(record), "consumer": list(consumer)}
health = ck.voters.fit_persuasion(
    calls, "arm", "supports", blocks, control="control", treatment="health", name="persuasion", unit="person_id",
    cluster="household_id",
)
health

# %%
health.arms

# %% [markdown]
# ## Check: is the order worth anything?
#
# The Qini coefficient is 0 for calling in random order and 1 for the best order there could be. Its interval is what
# counts. The curve shows what calling the first so many gains, by people the ranking never saw.

# %%
ck.charts.intervals(
    pl.DataFrame({"ranking": ["all features"], "qini": [health.qini.value], "lower": [health.qini.lower],
                  "upper": [health.qini.upper]}),
    "ranking", "qini", reference=0, description="The ranking's Qini coefficient with its 95% interval.",
)

# %%
health.curve.filter(pl.col("share").is_in([0.1, 0.2, 0.5, 0.8, 1.0]))

# %% [markdown]
# The sample is invented, so for once we can look: the script's effect was planted by sex and age. How well does the
# ranking follow it, here and in a test thirty times as large?

# %%
women = pl.when(pl.col("age") < 35).then(0.06).when(pl.col("age") < 65).then(0.09).otherwise(0.02)
planted = pl.when(pl.col("sex") == "F").then(women).when(pl.col("sex") == "M").then(0.01).alias("planted")
ranked = health.predict(calls.drop_nulls("age")).with_columns(planted).drop_nulls("planted").collect()
large = ck.sample.draw("scripts", 500_000, seed=1)
larger = ck.voters.fit_persuasion(
    large.table, "arm", "supports_after", ["sex", ck.voters.Bands("age", [30, 40, 50, 60, 70]), "state"],
    control="control", treatment="health", unit="person", interactions=[("sex", "age")],
)
rank = pl.corr("persuasion", "planted", method="spearman")
pl.DataFrame(
    {
        "experiment": ["August's", "thirty times as large"],
        "people": [health.table["n"].sum(), larger.table["n"].sum()],
        "qini": [health.qini.value, larger.qini.value],
        "lower": [health.qini.lower, larger.qini.lower],
        "upper": [health.qini.upper, larger.qini.upper],
        "rank_correlation_with_planted": [
            ranked.select(rank).item(),
            larger.predict(large.table.with_columns(planted)).select(rank).collect().item(),
        ],
    }
)

# %% [markdown]
# ## Explain: what do basics carry, and what does consumer data add?
#
# The same ranking from basics alone, with the voting record, and with what was bought.

# %%
part = {
    "basics": ["basics"],
    "and the record": ["basics", "record"],
    "and consumer data": ["basics", "record", "consumer"],
}
rankings = {
    name: ck.voters.fit_persuasion(
        calls, "arm", "supports", {block: blocks[block] for block in chosen}, control="control", treatment="health",
        unit="person_id", cluster="household_id",
    ) for name, chosen in part.items()
}
ck.charts.intervals(
    pl.DataFrame([{"features": name, "qini": one.qini.value, "lower": one.qini.lower, "upper": one.qini.upper}
                  for name, one in rankings.items()]),
    "features", "qini", reference=0, description="Qini coefficients of rankings from more and more features.",
)

# %% [markdown]
# For support and turnout there are many more answers to learn from, and the shares can be told apart: how much worse do
# predictions get when a block is shuffled?

# %%
question = "If the election were held today, who would you vote for?"
asked = mf.universe(f"answered('{question}')", "voter").features(basics | record | consumer | {
    "ours": f"answered('{question}', 'Our candidate')", "theirs": f"answered('{question}', 'The opponent')",
})
said = asked.pl().filter(pl.col("ours") != pl.col("theirs"))
support = ck.voters.fit_score(
    said, "ours", blocks, name="support", purpose="persuade", unit="person_id", cluster="household_id", ridge=1.0
)
support

# %%
support.importance()

# %%
turnout = ck.voters.fit_turnout(
    mf.universe("voter"),
    election="2012-11-06",
    fit_on="2008-11-04",
    totals=mf.table("county_turnout"),
    like="2008-11-04",
)
turnout.write_scores(mf)
turnout.chart()

# %% [markdown]
# ## Rank: expected net votes a call
#
# A vote that changes sides counts 2. Where the ranking by persuadability is not shown to beat any order, everybody gets
# the average effect instead: to rank by noise would be worse than not to rank.

# %%
everyone = mf.universe("voter").features(basics | record | consumer)
support.write_scores(mf, everyone)
health.write_scores(mf, mf.universe("voter").features(basics | record | consumer))
effect = "score('persuasion')" if health.beats_random else max(health.average.value, 0.0)
reached = mf.sql("""
    SELECT count(DISTINCT person_id) FILTER (result = 'Canvassed') / count(DISTINCT person_id) AS reached
    FROM contact WHERE channel = 'phone'""").item()
voters = mf.universe("voter") - mf.universe("assigned('scripts')")
order = ck.voters.priority(
    voters, support="score('support')", turnout="score('turnout')", persuasion=effect, reach=reached,
    experiment_reach=reached
)
order

# %%
order.formula

# %% [markdown]
# Only persuasion counts here: the health script was tested for support, not for turnout. A call to bring people out
# would be ranked by `mobilization=`, and there those who lean to the other side are better left alone.

# %% [markdown]
# ## List
#
# The priority is written as a score like any other; the list does the rest: no wrong numbers, nobody who asked not to
# be called, one call per household.

# %%
order.write_scores(mf)
tonight = voters.call_list("phone", purpose="persuade", rank_by="score('priority')", limit=5000)
tonight.funnel

# %%
tonight.write(folder / "calls.csv")
tonight.table.select("place", "person_id", "rank_value").head()

# %% [markdown]
# ## The other lists
#
# Who gives online, who gives by mail, who volunteers, who of last cycle's unsubscribers comes back: recipes say which
# facts, as of when, and fit on the months before so that nothing leaks.

# %%
recipes = ck.voters.recipes.RECIPES
scores = {name: recipe.fit(mf, ridge=1.0) for name, recipe in recipes.items()}
pl.DataFrame(
    {
        "score": list(scores),
        "predicts": [recipes[name].predicts for name in scores],
        "people": [one.quality.rows for one in scores.values()],
        "rate": [one.quality.rate for one in scores.values()],
        "auc": [one.auc for one in scores.values()],
        "auc_lower": [one.quality.auc_lower for one in scores.values()],
    }
)

# %% [markdown]
# An interval of the AUC that holds 0.5 means that the facts do not tell who comes back: no list is to be made of it.

# %%
scores["gives_online"].importance()

# %% [markdown]
# ## What could fool us
#
# * **Supporters for the persuadable.** Who says yes after a call mostly said yes before. Only the difference between
#   the arms shows who was moved, which is why a score of support is not a ranking by persuadability:

# %%
ranked.join(support.predict(ranked).select("person_id", "support").collect(), on="person_id").select(
    pl.corr("support", "planted", method="spearman").alias("support_with_planted"),
    pl.corr("persuasion", "planted", method="spearman").alias("persuasion_with_planted"),
)

# %% [markdown]
# * **Judging by those who taught.** Every number above is by people that the ranking never saw.
# * **The tallest tenth.** One of ten tenths looks special by chance; the chart's intervals are each tenth's own.
# * **August is not October.** The effect is of that script, then. It is the first thing to test again.

# %% [markdown]
# ## The number, and the decision

# %%
chosen = order.predict().pl().join(tonight.table.select("person_id"), on="person_id")
calls_made, votes = tonight.table.height, chosen["priority"].sum()
lot = order.table["net_votes"].sum() / order.people * calls_made
moved = health.average
print(
    f"{calls_made:,} calls in this order: {votes:.0f} net votes expected; in random order {lot:.0f}.\n"
    f"The average call moved support by {moved.value:+.1%} ({moved.lower:+.1%} to {moved.upper:+.1%}).\n"
    f"The ranking by persuadability is {'' if health.beats_random else 'not '}shown to beat any order."
)

# %% [markdown]
# **Decision.** Call the list from the top. Rank by persuadability only if the last line above says that it is shown to
# beat any order. Where it is not, the list ranks by who votes, and the next 5,000 calls keep a random control group, so
# that they answer what August's were too few for.
