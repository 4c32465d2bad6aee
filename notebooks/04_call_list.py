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
# # Make a call list, without anyone who said no
#
# *The unsubscribed who are worth a call, and who may not be on the list.*
#
# People who left last cycle's e-mail list once cared enough to join it. In 2012 they were among the easiest to win
# back, by a personal call. They may not be e-mailed; they may be called, unless they said no to that too.
#
# **The question:** who do the volunteers call tonight, best first, and who must not be on the list?
#
# The campaign and its people are invented; the rules for lists are real.

# %%
import json
import tempfile
from pathlib import Path

import polars as pl

import campaignkit as ck

mf = ck.sample.megafile()
gone = mf.universe("in_source('unsubscriber')")
gone

# %% [markdown]
# ## Off the e-mail list is not off the phone
#
# Suppression is per channel. The same people, on two channels:

# %%
gone.call_list("email", purpose="volunteer").funnel

# %%
by_phone = gone.call_list("phone", purpose="volunteer")
by_phone

# %% [markdown]
# Each step of the funnel says how many fell out and how many are left; the steps add up. The rule is one call per
# household and one per number; turn it off and see what it spares people:

# %%
without_caps = gone.call_list("phone", purpose="volunteer", per_household=None, per_phone=None)
spared = without_caps.table.height - by_phone.table.height
print(f"Without the caps {spared:,} more calls would go to doors and numbers that get one already.")

# %% [markdown]
# ## A closed number is closed for whoever has it
#
# A wrong number is wrong for everyone who is said to have it, and who answers a shared phone may be the one who said
# no. Addresses that left the list are closed too, under whatever name. What that costs in people who could
# otherwise be reached:

# %%
mf.sql("""
    WITH has AS (
        SELECT person_id, channel, CASE channel WHEN 'email' THEN email ELSE phone END AS point
        FROM person CROSS JOIN (VALUES ('phone'), ('text'), ('email')) AS c(channel)
    ), said_no AS (
        SELECT DISTINCT person_id, c.channel FROM suppression s
        JOIN (VALUES ('phone'), ('text'), ('email')) AS c(channel) ON s.channel IN (c.channel, 'all')
        WHERE until IS NULL
    ), closed AS (SELECT DISTINCT channel, point FROM closed_contact_point WHERE until IS NULL)
    SELECT has.channel, count(*) AS have_one, count(*) FILTER (s.person_id IS NOT NULL) AS said_no_themselves,
           count(*) FILTER (s.person_id IS NULL AND closed.point IS NOT NULL) AS by_a_shared_number_or_address
    FROM has LEFT JOIN said_no s USING (person_id, channel) LEFT JOIN closed USING (channel, point)
    WHERE has.point IS NOT NULL GROUP BY has.channel ORDER BY has.channel""")

# %% [markdown]
# ## Is a call worth it?
#
# Half of last cycle's unsubscribers with a phone were drawn at random to be called. What came of it, before ranking
# anybody:

# %%
came_back = mf.sql("""
    WITH drawn AS (
        SELECT person_id, any_value(arm) AS arm, min(assigned_on) AS assigned_on
        FROM assignment WHERE experiment = 'winback' GROUP BY person_id
    )
    SELECT arm, count(*) AS people,
           avg((EXISTS (SELECT 1 FROM enrollment e WHERE e.person_id = drawn.person_id AND e.program = 'email_list'
                AND e.enrolled_on >= drawn.assigned_on))::INT) AS came_back_rate
    FROM drawn GROUP BY arm ORDER BY arm""")
came_back

# %%
ck.charts.bars(
    came_back, "arm", "came_back_rate",
    description="Share of unsubscribers who joined the e-mail list again, by arm of the call experiment.",
    title="Came back to the list",
)

# %% [markdown]
# ## Rank them
#
# Until there is a model for it, past giving is a plain order: who gave before has more to come back to. Those whose
# rank is unknown come last; ties are broken the same way every time.

# %%
tonight = gone.call_list("phone", purpose="volunteer", rank_by="gifts()", limit=200)
tonight.table.head(8)

# %%
tonight.funnel

# %% [markdown]
# ## Who may not be on it
#
# **Texts need a yes.** An answer of 'unknown' is no consent, and neither is silence:

# %%
gone.call_list("text", purpose="volunteer").funnel.filter(pl.col("removed") > 0)

# %% [markdown]
# **FEC reports may not be used to ask for money** (52 USC 30111(a)(4)). A universe or rank that uses them is refused
# for fundraising, even when it comes in through another universe:

# %%
itemised = mf.universe("fec_gifts() > 200")
try:
    (gone & itemised).call_list("phone", purpose="fundraise")
except ck.errors.SourceRestricted as error:
    print(error)

# %% [markdown]
# Nobody knows what is in a table or ids from outside the megafile, so they are refused for fundraising too, until you
# say that they hold no FEC data: `mf.universe_of(people, restricted=())`. A list is also
# refused where its universe or rank compares a column with a value that nobody has (`"sex = 'Female'"`), and one that
# ranks by a score no better than chance says so, here and in its manifest.

# %% [markdown]
# ## Write it down
#
# The list goes out with a manifest: when, how many, from which universe, under which suppressions, and the file's
# SHA-256. Each row is checked again against the megafile as it is now, even if a night came in between.
# Cells that a spreadsheet would run as a formula are defused. `.write("tonight.xlsx", per_caller=25)` makes a workbook
# to print with a sheet for each caller, `.write("walk.pdf", split_by="precinct")` sheets with boxes to tick (ask for
# the column with `columns=["precinct"]`), and a `.zip` is VAN's saved list.

# %%
with tempfile.TemporaryDirectory() as folder:
    *files, manifest = tonight.write(Path(folder) / "tonight.csv")
    entry = json.loads(manifest.read_text())
{name: entry[name] for name in ("exported_at", "rows", "channel", "purpose", "as_of", "rechecked", "files")}

# %%
mf.exports.tail(3)

# %% [markdown]
# ## What could fool us
#
# * **Two rows of one person.** Where a link was missed, a refusal under one spelling does not protect the other at the
#   door or by mail. By phone, text and e-mail the number and the address are closed, whoever has them.
# * **New words.** A result that nobody mapped holds whoever carries it (the step "unknown result"), and every build and
#   refresh prints the line that maps it.
# * **A list is as fresh as its files.** Whoever said no this morning is on tonight's list until tonight's files are in.

# %% [markdown]
# ## The number, and the decision

# %%
rates = dict(came_back.select("arm", "came_back_rate").iter_rows())
gain = rates["call"] - rates["control"]
callable_ = by_phone.table.height
print(
    f"{callable_:,} of {gone.count():,} unsubscribers may be called. A call brought {gain:.1%} more of them back, "
    f"so calling all of them should bring about {gain * callable_:,.0f} people back to the list."
)

# %% [markdown]
# **Decision.** Call them, best first, and ask whoever comes back for a shift rather than for money: that is what the
# experiment's call did.
