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
# # Refresh every night, and check what came
#
# *What came last night, and can we trust it?*
#
# **The question:** new files come every night while people work. What changed, is anything wrong with it, and are the
# people we listed yesterday still the same people today?
#
# Three nights of the sample campaign: the supporters' list whole, the day's gifts, some of Ohio's counties. The
# campaign and its people are invented; places and file layouts are real.

# %%
import shutil
import tempfile
from pathlib import Path

import campaignkit as ck

folder = Path(tempfile.mkdtemp())
shutil.copyfile(ck.sample.megafile().path, folder / "campaign.duckdb")  # a copy: the sample itself stays as it is
mf = ck.Megafile.open(folder / "campaign.duckdb")
colleague = ck.Megafile.open(folder / "campaign.duckdb")  # somebody who works on it while the night comes
mf

# %% [markdown]
# ## The first night

# %%
exports = ck.sample.exports_folder()
ck.sample.write_night(exports, folder / "night1", night=1)
mf.refresh(folder / "night1")

# %% [markdown]
# Most records of the whole list are unchanged, and nobody is made anew for them. Only snapshots make records vanish,
# and only in their own scope: the counties that Ohio did not send stay as they are.
#
# The warnings say that two files are far smaller than those before. That is right here, the first ones held years;
# on an ordinary night it would be the first thing to ask about.

# %% [markdown]
# ## Whoever had it open reads on

# %%
colleague

# %%
colleague.reopen()

# %% [markdown]
# ## Two more nights; the third brings an old file too
#
# Somebody found the list of the day before. It is older than what stands: it changes nothing.

# %%
ck.sample.write_night(exports, folder / "night2", night=2)
mf.refresh(folder / "night2")

# %%
ck.sample.write_night(exports, folder / "night3", night=3)
shutil.copy(folder / "night1" / "supporters_20121002.csv.gz", folder / "night3" / "supporters_again_20121001.csv.gz")
mf.refresh(folder / "night3")

# %%
mf.nights.select("night", "kind", "as_of", "files", "people", "added", "merged", "split", "ended")

# %% [markdown]
# ## One merge, explained
#
# A supporter set right what they had typed. With that, their record and a voter's are one person. The older number
# stays, the other is not used again, and what led to it is written down.

# %%
events = mf.sql("SELECT * EXCLUDE (happened_at) FROM identity_event WHERE event = 'merged' ORDER BY night, person_id")
events

# %%
mf.explain(events["person_id"][0])

# %% [markdown]
# ## What could fool us
#
# - **A short file looks like people leaving.** A snapshot that was cut off makes the rest vanish. The night's report
#   warns when much of a source vanishes at once; look before you write tonight's list.
# - **Merges follow what people type.** A wrong correction merges two people as surely as a right one. `explain` says
#   what led to it.
# - **The model is the one that was fitted at the start.** It does not learn from night to night, so that links do not
#   change by themselves. After months, or with a new source, `mf.retrain()` fits it anew.

# %% [markdown]
# ## The number, and the decision

# %%
people = mf.nights["people"]
changed = mf.nights.filter(mf.nights["night"] > 0).select("added", "merged", "split", "ended").sum()
print(f"{people[0]:,} people became {people[-1]:,} in three nights: {changed.row(0, named=True)}.")
print("It hangs together." if mf.check() == [] else mf.check())

# %% [markdown]
# **Decision.** The nights are whole and nothing in the warnings needs action; tonight's lists are made from the third
# night. Lists written before stay valid: the numbers on them are of the same people, but for the merges above.
