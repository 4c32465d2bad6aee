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
# # Find a contest's fans, and the next host
#
# *Dinner with a film star: who came running, and who should host next?*
#
# Supporters were invited to enter a contest: win dinner with Lorna Vale, a film star. Some kind of people entered far
# more than others. Who did she draw? And if those people matter, which of the other hosts draws the same kind of
# people on the other coast?
#
# **The question:** which host should the next contest in the Northeast have?
#
# The campaign, the hosts and the people are invented.

# %%

import polars as pl

import campaignkit as ck

mf = ck.sample.megafile()
host_names = {"host_a": "Lorna Vale", "host_d": "Maud Ellery"}
invited = mf.universe("invited('host_a')")
invited.by("region", measures=["entered('host_a')"]).labeled(host_names)

# %% [markdown]
# ## Look everywhere, and confirm on other people
#
# One column at a time will not find a kind of people that takes three columns to say. `discover_segments` counts
# *every* combination of up to three conditions. Among thousands of combinations the best look good by luck alone, so
# half of the households search, and the other half is kept to confirm.

# %%
by = ["region", "sex", "age_band", "party", "race", "income_band", "education", "urbanicity", "homeowner", "interest"]
found = ck.donors.discover_segments(
    invited, outcome="entered('host_a')", by=by, unit="person_id", cluster="household_id"
).labeled(host_names)
found

# %% [markdown]
# Each effect is shown once. What it dragged along, or what says the same of nearly the same people, is listed apart:

# %%
found.redundant

# %% [markdown]
# To go through more segments by hand, brush them in [the explorers](11_explorers.ipynb).
#
# The segment is a condition, and so a universe again. It can be counted, called and written to:

# %%
fans = mf.universe(found.table["where"][0])
fans.by("state")

# %% [markdown]
# ## What a naive ranking would have said
#
# Rank the same combinations by raw lift, as a spreadsheet would, and believe the number:

# %%
naive = ck.donors.discover_segments(
    invited, outcome="entered('host_a')", by=by, unit="person_id", cluster="household_id", rank="lift", distinct=False
)
naive.labeled(host_names).chart()

# %%
faded = naive.table.select(
    pl.col("lift").mean().alias("lift where searched"), pl.col("holdout_lift").mean().alias("lift held out")
)
faded

# %% [markdown]
# Twenty rows, and nearly all of them the one effect with something added by chance; and lifts that shrink as soon as
# other people are looked at. That is the winner's curse: the best of thousands is partly the luckiest of thousands.
#
# ## The next host
#
# Every contest so far, one row per person and host. Ages and regions come from the megafile.

# %%
people = mf.universe("in_source('supporter')").people("person_id", "region", "sex", "age_band", "race", "donor")
entries = mf.sql("""
    SELECT person_id, host, bool_or(entered) AS entered, bool_and(at_random) AS at_random
    FROM contest_entry GROUP BY person_id, host""")
contests = entries.join(people, on="person_id")
contests.group_by("host").agg(pl.len().alias("invited"), pl.col("entered").mean().alias("entered_rate")).sort("host")

# %% [markdown]
# The wanted people: the conditions that made up her pull, less the West, and in the Northeast instead.

# %%
wanted = " AND ".join(part for part in found.table["where"][0].split(" AND ") if "region" not in part)
hosts = ck.donors.match_hosts(
    contests, outcome="entered", host="host", by=["region", "sex", "age_band", "race", "donor"], like="host_a",
    unit="person_id", segment=wanted, region="region = 'Northeast'", at_random="at_random", mailing=5_000,
).labeled(host_names)
hosts

# %% [markdown]
# ## What could fool us
#
# * **Who was invited.** One host's invitations were not drawn at random: past donors were invited more. Its rate says
#   as much about who was invited as about the host, and the table says so.
# * **Thin data.** A host that few of the wanted people were invited to gets an estimate that leans on the others, with
#   a wide interval.
# * **Entering is not giving.** These are entries. What they are worth needs the gifts that followed, and people who
#   were not invited to compare with.
# * **Missing ages and sexes.** Whoever's age is unknown is in a group of their own; some fans are hidden there.
#
# ## The number, and the decision

# %%
candidates = hosts.table.filter("candidate")
best = candidates.row(0, named=True)
rates = contests.filter(pl.col("host") != "host_a").group_by("host").agg(pl.col("entered").mean()).sort("entered")
popular = candidates.filter(pl.col("host") == rates["host"][-1]).row(0, named=True)
print(
    f"{found.table['segment'][0]}: {found.table['holdout_lift'][0]:.1f} times the entries of everyone else, on people "
    f"who were not searched.\nA mailing of {hosts.mailing:,} to their like in the Northeast should bring "
    f"{best['entries']:,.0f} entries with {best['host']} ({best['entries_lower']:,.0f} to "
    f"{best['entries_upper']:,.0f}).\n"
    f"The host with the highest rate overall, {popular['host']}, should bring {popular['entries']:,.0f}: choosing it "
    f"would cost {best['entries'] - popular['entries']:,.0f} entries."
)

# %% [markdown]
# **Decision.** Ask `host_d`, Maud Ellery, to the Northeast dinner, and write first to women of 40 to 49 there. Do not
# choose by the overall rate: it belongs to a host whose invitations went to people who give anyway.
