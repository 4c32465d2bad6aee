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
# # Build one table of people from many files
#
# *Seven piles of files: who was in two of them?*
#
# A campaign's voter files, donors, field work, polls and e-mail lists come from different systems, each with its own
# spelling of everybody. Until they are one table, a donor gets the letter meant for strangers, and a volunteer is
# called to be asked whether she has heard of the campaign.
#
# **The question:** how many of our supporters are on the voter file, and can we rely on the links?
#
# The campaign here is invented (host, candidate and people); the file layouts and places are real.

# %%
import polars as pl

import campaignkit as ck

pl.Config.set_fmt_str_lengths(60)
mf = ck.sample.megafile()
mf

# %% [markdown]
# ## What was read
#
# `mf.sources` has a row for each file: how many records it holds, how many were accepted, and what became of the
# rest. Accepted and rejected add up to the records of the file, and their lines to its physical lines, always.

# %%
read = mf.sources.select("file", "layout", "encoding", "records", "accepted", "rejected", "duplicates", "people")
read

# %%
by_source = mf.sources.group_by("source").agg(pl.col("accepted").sum()).sort("accepted", descending=True).head(12)
ck.charts.bars(
    by_source, "source", "accepted",
    description=f"Records accepted from each of the twelve largest sources; the largest is {by_source['source'][0]}.",
    title="Records accepted, by source",
)

# %% [markdown]
# ## What could not be read
#
# Nothing is dropped without a word. A record that does not fit its layout is set aside with its line and the reason,
# and can be looked at:

# %%
mf.rejects

# %% [markdown]
# Values that were there but could not be read (a date like `##/##/####`) are null, and counted:

# %%
mf.sources.explode("unread").unnest("unread").drop_nulls("column").select("file", "column", "failures")

# %% [markdown]
# ## One person, one row
#
# Records are linked by deterministic rules, each of which says what must agree; a record that could be two people is
# left alone. What the rules leave goes to a model that weighs how rare an agreement is and what household members share
# anyway. The rule's name, or `model` and a probability, stays with the link, so every link can be audited.

# %%
links = mf.sql("""
    SELECT matched_by AS rule, count(*) AS records FROM source_record
    WHERE matched_by IS NOT NULL GROUP BY rule ORDER BY records DESC""")
ck.charts.bars(
    links, "rule", "records",
    description=f"Records linked by each rule; most by {links['rule'][0]}.",
    title="What linked records to people",
)

# %%
someone = mf.sql("""
    SELECT person_id FROM source_record GROUP BY person_id
    HAVING count(DISTINCT source) >= 5 AND bool_or(source = 'supporter') AND count(DISTINCT first_name) >= 3
    ORDER BY person_id LIMIT 1""").item()
mf.explain(someone)

# %% [markdown]
# ## Who was in two piles?

# %%
overlap = mf.sql("""
    WITH membership AS (SELECT person_id, unnest(sources) AS source FROM person)
    SELECT a.source || ' and ' || b.source AS "both", count(*) AS people
    FROM membership a JOIN membership b ON a.person_id = b.person_id AND a.source < b.source
    WHERE 'van' NOT IN (a.source, b.source)
    GROUP BY ALL ORDER BY people DESC LIMIT 12""")
ck.charts.bars(
    overlap, "both", "people",
    description=f"People found in both of two sources, the twelve largest pairs; the largest is {overlap['both'][0]}.",
    title="People in two piles",
)

# %% [markdown]
# ## What could fool us
#
# * **Links that were missed.** Who moved, changed names or was mistyped stays two people. Every share computed over
#   people is then too low, and the count of people too high.
# * **Links that are wrong.** A father and a son of one name at one address, twins, a shared phone.
#
# On real files neither can be counted without checking by hand. On the sample the truth is known, so here is what
# is linked right and wrong. Precision is the share of links that are right; recall the share of true pairs found.

# %%
quality = ck.sample.link_quality(mf, ck.sample.exports_folder() / "truth").filter(pl.col("true_pairs") >= 1_000)
quality

# %%
shown = quality.with_columns(pair=pl.col("left") + " and " + pl.col("right")).head(12)
ck.charts.bars(
    shown.rename({"recall": "recall_rate"}), "pair", "recall_rate",
    description="Share of the true pairs that was found, for the twelve largest pairs of sources.",
    title="Share of true pairs found",
)

# %% [markdown]
# ## The number, and the decision

# %%
supporters = mf.universe("in_source('supporter')")
on_file = supporters & mf.universe("voter")
swing = supporters & mf.universe(state=["OH", "NC"])
pair = quality.filter((pl.col("right") == "supporter") & pl.col("left").is_in(["nc_voter", "oh_voter"]))
recall = pair["right_links"].sum() / pair["true_pairs"].sum()
precision = pair["right_links"].sum() / pair["links"].sum()
print(
    f"{on_file.count():,} of {swing.count():,} supporters in Ohio and North Carolina were found on the voter file.\n"
    f"Of the links {precision:.1%} are right; of the supporters who are on it {recall:.0%} were found."
)

# %% [markdown]
# **Decision.** The links are safe to act on: send voters' letters by them, and leave the linked out of the
# strangers' script. The share of supporters on the file is a lower bound. Whoever is not linked is not thereby
# unregistered: ask them at the next contact before registering them again.
