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
# # Run the night and read the morning page
#
# *What is new, and can we believe it?*
#
# At six in the morning the campaign manager gets one sheet. It has the chance of winning, where each group stands,
# which e-mail goes out, where the money should go, which lists are ready. The manager asks two things: what is new, and
# can I believe it?
#
# **The question:** what happened overnight, how much of it is real, and what should nobody trust today?
#
# The campaign and its people are invented; the public polls and past results are real.

# %%
import gzip
import html
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from IPython.display import HTML

import campaignkit as ck

folder = Path(tempfile.mkdtemp())
shutil.copyfile(ck.sample.megafile().path, folder / "campaign.duckdb")  # a copy: the sample itself stays as it is
(folder / "nights").mkdir()
(folder / "campaign.toml").write_text("""
megafile = "campaign.duckdb"
exports = "nights"

[emails]
tests = ["deadline_june"]

[polls]
question = "If the election were held today, who would you vote for?"
yes = "Our candidate"
no = "The opponent"
by = ["sex", "state", "party"]

[forecast]
on = 2012-11-06

[money]
budget = 2_000_000
effect = 0.02
std_error = 0.008
scale = 2.0

[[lists]]
name = "calls_tonight"
who = ["voter", "state = 'OH'"]
channel = "phone"
purpose = "turnout"
rank_by = "votes('general')"
limit = 500
""")
settings = ck.briefing.read_settings(folder / "campaign.toml")

# %% [markdown]
# ## What was asked for
#
# `campaign.toml` says what a night does. `campaignkit night --check` reads it back and checks each name against the
# megafile; a wrong name gets the nearest right one.

# %%
said, wrong = ck.briefing.read_back(settings, ck.Megafile.open(folder / "campaign.duckdb"))
print("\n".join(said + wrong))

# %% [markdown]
# ## The first page
#
# `campaignkit night` in a terminal makes the same call. Every step runs; the page, its JSON twin and the list
# are there.

# %%
first = ck.briefing.night(settings)
first

# %%
page = (folder / "briefing" / "page.html").read_text()
HTML(f'<div><iframe srcdoc="{html.escape(page)}" title="The morning page" width="100%" height="720"></iframe></div>')

# %% [markdown]
# Every number links to its table, and every table to its query. The page needs no network, follows light and dark
# mode, and prints on two sheets.
#
# ## A night on which nothing came
#
# Each step has a key: its code, its parameters, the content of its inputs. Nothing changed, so nothing runs.

# %%
quiet = ck.briefing.night(settings)
quiet.table.group_by("status").agg(pl.len().alias("steps"), pl.col("seconds").sum())

# %% [markdown]
# ## The next night: a half-sent file
#
# The day's gifts, some of Ohio's counties and the supporters' list come in. The list stops after a fifth, like an
# upload that was cut off. Taken at its word, four in five supporters would be gone. The night holds it back: nobody
# vanishes, no list is written, and the page's first line says so.

# %%
ck.sample.write_night(ck.sample.exports_folder(), folder / "nights", night=1)
cut = next((folder / "nights").glob("supporters*"))
lines = gzip.decompress(cut.read_bytes()).splitlines(keepends=True)
cut.write_bytes(gzip.compress(b"".join(lines[: len(lines) // 5])))
second = ck.briefing.night(settings)
print(f"exit code {second.code}")
for check in second.checks:
    print(f"{check['level']}: {check['what']} {check['number']}, before {check['past']}.\n    {check['to_do']}")

# %% [markdown]
# Two files are called small: the first ones of the sample held years, a night's hold a day. On an ordinary morning
# it would be the first thing to ask about. Every change since the last page is split into new data, a real change and
# chance, and nothing is called a move that chance explains:

# %%
twin = json.loads((folder / "briefing" / "page.json").read_text())
print("\n".join(change for part in twin["parts"].values() for change in part["changes"]))

# %% [markdown]
# ## Real, or chance?
#
# Polls always move. Here are fifteen nights of four streams in which nothing happened, then the same nights with women
# moved by eight points on the last one. All other nights predict each night; the last is judged by how far nights
# usually land from that.

# %%
drawn = ck.sample.draw("polls", 45_000, seed=3, days=15, event=None, panel=0)["interviews"]
still = ck.briefing.changes(drawn, "supports", ["sex", "race", "region"], "asked_on", stream="stream")
still

# %%
rng = np.random.default_rng(1)
turned = (
    (drawn["asked_on"] == drawn["asked_on"].max())
    & (drawn["sex"] == "F")
    & ~drawn["supports"]
    & pl.Series(rng.random(drawn.height) < 0.18)
)
moved = drawn.with_columns(supports=pl.col("supports") | turned)
real = ck.briefing.changes(moved, "supports", ["sex", "race", "region"], "asked_on", stream="stream")
real

# %% [markdown]
# The same nights with a bad export: one stream's yes and no are swapped on the last night.

# %%
swapped = (drawn["asked_on"] == drawn["asked_on"].max()) & (drawn["stream"] == "online")
export = ck.briefing.changes(
    drawn.with_columns(supports=pl.col("supports") ^ swapped),
    "supports",
    ["sex", "race", "region"],
    "asked_on",
    stream="stream",
)
print(export.summary())
export.table.filter("claimed").select("kind", "variable", "level", "n", "estimate", "p_adjusted")

# %% [markdown]
# ## What could fool us
#
# * **Nothing named does not mean nothing happened.** The summary says how large a move it could have caught; with a
#   hundred interviews a night that is tens of points.
# * **What all streams do together** looks like a real move, whether the voters changed or the weather did.
# * **A slow slide** never shows in one night. That is what the trend is for ([the polls](12_polls.ipynb)).
# * **The page carries the megafile's date,** not this morning's. If tonight's run fails, the last page stays up, and
#   its first line says so.

# %% [markdown]
# ## The number, and the decision

# %%
best = real.table.filter(kind="move").sort("p_value").row(0, named=True)
print(
    f"{real.named_in_words()[0]}: {100 * best['estimate']:+.1f} points overnight "
    f"({100 * best['lower']:+.1f} to {100 * best['upper']:+.1f}). We would catch a move of "
    f"{100 * real.detectable:.0f} points in a typical group four times in five."
)

# %% [markdown]
# **Decision.** If the first line is quiet, pass the page on. If it says stop, call the file's sender before anyone
# calls a voter, run the night again, and stop using yesterday's lists.
