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
# # Start here: four questions in five minutes
#
# It is 1 October 2012, five weeks before the election. Thirty-four exports lie in a folder, and four people are waiting
# for an answer:
#
# 1. **The manager:** how many of our supporters are on the voter file?
# 2. **Finance:** who came running for dinner with the film star?
# 3. **Digital:** which of June's e-mails goes to the whole list?
# 4. **Field:** who do the volunteers call tonight?
#
# **The question:** what do we tell each of them, and how sure are we? Each section below goes the same way: question,
# data, answer, caveat, decision. The campaign and its people are invented; places and file layouts are real.

# %%
import polars as pl

import campaignkit as ck

mf = ck.sample.megafile()  # your own: ck.Megafile.build("exports/", "campaign.duckdb")
mf

# %% [markdown]
# ## 1. How many of our supporters are on the voter file?
#
# **Data.** All thirty-four files, made into one table in which each person is one row.

# %%
mf.sources.select("file", "records", "accepted", "rejected", "people").sort("records", descending=True).head(6)

# %% [markdown]
# **Answer.** A *universe* is an audience, said in a line. It is counted when asked.

# %%
supporters = mf.universe("in_source('supporter')", state=["OH", "NC"])
on_file = supporters & mf.universe("voter")
on_file.by("age_band", "sex")

# %%
print(f"{on_file.count():,} of {supporters.count():,} supporters in Ohio and North Carolina are on the voter file.")

# %% [markdown]
# **Caveat.** It is a lower bound: who moved or was mistyped is not recognized. Every link says why it was made:

# %%
mf.explain(on_file.people("person_id")["person_id"][0])

# %% [markdown]
# **Decision.** Write to those on the file as voters. Ask the others whether they are registered before telling them
# that they are not. → `01_megafile`, `02_universe`

# %% [markdown]
# ## 2. Who came running for dinner with the film star?
#
# **Data.** Everybody who was invited to the contest, and whether they entered. **Answer.** Every combination of up to
# three conditions is counted on half of the households; what stands out is looked at again on the other half.

# %%
stars = ck.donors.discover_segments(
    mf.universe("invited('host_a')"), outcome="entered('host_a')",
    by=["region", "sex", "age_band", "party", "income_band", "interest"], unit="person_id", cluster="household_id",
).labeled({"host_a": "Lorna Vale"})
stars

# %% [markdown]
# **Caveat.** Entering is not giving, and the lift to believe is the held-out one. **Decision.** The segment is a
# condition, and so a universe again: invite these first next time. → `05_contest_segments`

# %%
fans = mf.universe(stars.table["where"][0])
fans

# %% [markdown]
# ## 3. Which of June's e-mails goes to the whole list?
#
# **Data.** Eighteen variants sent at random on one day, and who gave.

# %%
sent = mf.sql("""
    SELECT s.person_id, s.subject || ' · ' || s.sender || ' · ' || s.message AS variant, count(e.person_id) > 0 AS gave
    FROM email_send s
    LEFT JOIN email_event e ON e.person_id = s.person_id AND e.email_id = s.email_id AND e.event = 'gift'
    WHERE s.test = 'deadline_june' GROUP BY ALL""")
whole_list = mf.universe("in_source('supporter')", "email is not null").count()
win = ck.experiments.winners(sent, "variant", "gave", recipients=whole_list)
win

# %% [markdown]
# **Caveat.** The best of eighteen was also lucky. The estimate is shrunk for that; a budget built on the raw rate would
# promise too much. **Decision.** Send the first row to the list. → `06_email_tests`

# %% [markdown]
# ## 4. Who do the volunteers call tonight?
#
# **Data.** Last cycle's unsubscribers: off the e-mail list, not off the phone. **Answer.** A call list drops whoever
# said no, lives with somebody already on it, or has no number, and says how many each rule took.

# %%
tonight = mf.universe("in_source('unsubscriber')").call_list("phone", purpose="volunteer", rank_by="gifts()", limit=200)
tonight

# %%
tonight.funnel

# %% [markdown]
# **Caveat.** Past giving is an order, not a model of who comes back. **Decision.** Call these, best first;
# `tonight.write("tonight.csv")` makes the file, with a manifest. → `04_call_list`

# %% [markdown]
# ## What could fool us
#
# * **Two rows of one person.** Counts of people are a little too high, overlaps a little too low.
# * **The sample is kind.** Its effects were planted, so there is something to find. Your files may hold nothing, and
#   then these calls say so.

# %% [markdown]
# ## The numbers, and the decisions

# %%
answers = pl.DataFrame(
    {
        "who asked": ["manager", "finance", "digital", "field"],
        "answer": [
            f"{on_file.count():,} of {supporters.count():,} supporters are on the file, at least",
            f"{stars.table['segment'][0]}: {stars.table['holdout_lift'][0]:.1f} times the entries, held out",
            f"send {win.table['arm'][0]}: {win.table['probability_best'][0]:.0%} that it is the best",
            f"{tonight.table.height:,} calls, chosen from {tonight.funnel['left'][0]:,} who left the e-mail list",
        ],
    }
)
pl.Config.set_fmt_str_lengths(120)
answers

# %% [markdown]
# **Decision.** Four answers, each of which can be read aloud: any result's `.summary()` is the sentence, `.table` the
# numbers, `.chart()` the picture. The notebooks named above take each question further.
