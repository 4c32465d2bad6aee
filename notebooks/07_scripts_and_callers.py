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
# # Pick a script, and match callers to voters
#
# *Two scripts and sixty callers: which script, which caller, which voters?*
#
# In August volunteers called voters in Ohio and North Carolina. At random a voter was to hear about the economy, about
# health care, or was not called at all; three weeks later all were asked who they support.
#
# **The question:** which script should the September calls use, for everybody or by group, and does it matter that a
# caller is local?
#
# Everyone is invented; every number comes from the cell above it.

# %%
import polars as pl

import campaignkit as ck

mf = ck.sample.megafile()
calls = mf.sql("""
    SELECT a.person_id, coalesce('h' || p.household_id, 'p' || a.person_id) AS household, a.arm, a.assigned_on, p.sex,
           p.state, c.state AS caller_state, date_diff('year', make_date(p.birth_year, 7, 1), a.assigned_on) AS age,
           CASE f.answer WHEN 'Yes' THEN true WHEN 'No' THEN false END AS supports, f.asked_on,
           coalesce(k.reached, false) AS reached
    FROM assignment a JOIN person p USING (person_id) LEFT JOIN caller c USING (caller_id)
    LEFT JOIN (SELECT person_id, arg_max(answer, asked_on) AS answer, max(asked_on) AS asked_on FROM survey_response
               WHERE question LIKE 'Follow-up%' GROUP BY 1) f USING (person_id)
    LEFT JOIN (SELECT person_id, bool_or(result = 'Canvassed') AS reached FROM contact
               WHERE channel = 'phone' GROUP BY 1) k USING (person_id)
    WHERE a.experiment = 'scripts'""")
calls.group_by("arm").agg(
    assigned=pl.len(), reached=pl.col("reached").sum(), answered=pl.col("supports").is_not_null().sum()
).sort("arm")

# %% [markdown]
# ## Everyone who was drawn, reached or not
#
# Who picks up the phone differs from who does not. So the arms are compared whole: a voter nobody reached still
# counts for the script that was to be read. And answering the follow-up must not depend on the arm; that is checked
# too.

# %%
scripts = ck.experiments.analyze(calls, "arm", "supports", control="control", unit="person_id", cluster="household")
scripts

# %%
scripts.sizes.table

# %% [markdown]
# ## As it came in, morning by morning
#
# Nobody waits until the end. A fixed interval looked at every morning finds "effects" where there are none; this
# sequence may be looked at daily, and one may stop at any time. It is wider for that.

# %%
answered = calls.drop_nulls("supports")
daily = ck.experiments.analyze(answered, "arm", "supports", control="control", cluster="household", sequence="asked_on")
daily.chart()

# %%
last = daily.table.join(scripts.table, on="arm", suffix="_once").drop_nulls("lower")
last.select("arm", "estimate", "lower", "upper", "lower_once", "upper_once")

# %% [markdown]
# ## By group
#
# The field office is sure that one script is for women and the other for young men. First: do the groups differ by more
# than chance?

# %%
band = pl.when(pl.col("age") < 35).then(pl.lit("18–34")).when(pl.col("age") < 65).then(pl.lit("35–64"))
people = calls.with_columns(ages=band.when(pl.col("age").is_not_null()).then(pl.lit("65+"))).filter(
    pl.col("sex").is_in(["F", "M"]) & pl.col("ages").is_not_null()
)
groups = ck.experiments.effects_by(people, "arm", "supports", ["sex", "ages"], control="control", cluster="household")
groups

# %%
groups.differs

# %% [markdown]
# ## Local callers
#
# Callers were given voters at random as well, so a called voter with a caller from the same state can be compared with
# a called voter whose caller is from elsewhere.

# %%
called = calls.filter((pl.col("arm") != "control") & pl.col("caller_state").is_not_null()).with_columns(
    caller=pl.when(pl.col("caller_state") == pl.col("state")).then(pl.lit("local")).otherwise(pl.lit("elsewhere"))
)
share = called.group_by("caller").len().sort("caller")
local = ck.experiments.analyze(
    called, "caller", "supports", control="elsewhere", cluster="household", shares=dict(share.rows())
)
local

# %% [markdown]
# The shares of the two are as the roster made them, and given as the plan here, so this sample-ratio check has nothing
# to find. Random or not can be seen otherwise: are the two groups of voters alike in what the call cannot change?

# %%
ages = ck.experiments.analyze(
    called.drop_nulls("age"), "caller", "age", control="elsewhere", shares=dict(share.rows()), kind="mean"
)
ages.table.select("arm", "n", "level", "estimate", "lower", "upper", "p_value")

# %% [markdown]
# ## What could fool us
#
# * **Comparing those who were reached with the control.** It looks like the same question, and is not: whoever answers
#   the phone is not like whoever does not. Here is that comparison beside the honest one:

# %%
reached = calls.filter((pl.col("arm") == "control") | pl.col("reached"))
naive = ck.experiments.analyze(reached, "arm", "supports", control="control", cluster="household")
pl.concat(
    [
        scripts.table.select(pl.lit("all who were drawn").alias("who"), "arm", "n", "estimate", "lower", "upper"),
        naive.table.select(pl.lit("reached only").alias("who"), "arm", "n", "estimate", "lower", "upper"),
    ]
).drop_nulls("estimate")

# %% [markdown]
# * **The tallest bar.** Of many groups one is tallest by chance. What a group of this size could have shown at all:

# %%
smallest = int(groups.table["n"].min() + groups.table["control_n"].min())
base = scripts.table.filter(arm="control")["level"].item()
sizes = ck.experiments.plan(rate=base, n=[smallest, 5 * smallest, 25 * smallest])
sizes

# %% [markdown]
# * **Not answering.** Only some answered the follow-up. Were those who disliked the call less willing to answer, the
#   scripts would look better than they are; the share missing is compared between the arms, and is part of the summary.

# %%
print(scripts.sizes.sentence())
scripts.table.select("arm", "n", "missing")

# %% [markdown]
# ## The number, and the decision

# %%
best = ck.experiments.winners(calls.drop_nulls("supports"), "arm", "supports", cluster="household")
best.table

# %%
row = best.table.row(0, named=True)
effect, lower, upper = scripts.table.filter(arm=row["arm"]).select("estimate", "lower", "upper").row(0)
differ = groups.differs.filter(pl.col("p_adjusted") < 0.05)["arm"].to_list()
print(
    f"{row['arm']} is the best of the three with probability {row['probability_best']:.0%}: {effect:+.1%} support "
    f"among all who were to be called (95% interval {lower:+.1%} to {upper:+.1%}).\n"
    f"Groups are shown to differ for: {', '.join(differ) if differ else 'neither script'}."
)

# %% [markdown]
# **Decision.** Read the script named above to everybody. Give a group another one only where the line above says that
# groups differ, and then by the shrunk effects, not by the tallest bar. Where groups are not shown to differ, a test of
# the size in the table above would be needed before the field office's belief becomes a rule.
