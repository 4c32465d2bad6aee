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
# # Pick the winning e-mail
#
# *Eighteen e-mails on one day: which goes to the rest?*
#
# On the last Tuesday of June the campaign sent eighteen variants of one appeal, three subjects by three senders by two
# lengths, each to a random share of the list. The finance office wants to send the best one to the whole list at the
# next deadline.
#
# **The question:** which variant, how good will it really be, and who in the office saw it coming?
#
# The campaign is invented; so are its people, and the truth is known. No number in the text below was typed: each
# comes from the cell above it.

# %%
import polars as pl

import campaignkit as ck

mf = ck.sample.megafile()
sent = mf.sql("""
    SELECT s.person_id, coalesce('h' || p.household_id, 'p' || s.person_id) AS household, s.email_id, s.subject,
           s.sender, s.message, count(e.person_id) > 0 AS gave, coalesce(sum(e.amount), 0)::DOUBLE AS dollars
    FROM email_send s JOIN person p USING (person_id)
    LEFT JOIN email_event e ON e.person_id = s.person_id AND e.email_id = s.email_id AND e.event = 'gift'
    WHERE s.test = 'deadline_june'
    GROUP BY ALL""").with_columns(variant=pl.concat_str("subject", "sender", "message", separator=" · "))
sent.select("variant", "gave", "dollars").group_by("variant").agg(
    pl.len().alias("sent"), pl.col("gave").sum().alias("gifts"), pl.col("dollars").sum()
).sort("gifts", descending=True)

# %% [markdown]
# ## Were they drawn at random?
#
# Before any result: are the arms as large as they should be? If not, some variant went to other people than the rest,
# and every difference below could be the people's. People of one household count as one draw.

# %%
worst = sent.group_by("variant").agg(pl.col("gave").mean()).sort("gave")["variant"][0]
arms = ck.experiments.analyze(sent, "variant", "gave", control=worst, cluster="household")
arms.sizes.table.sort("units")

# %%
print(arms.sizes.sentence())

# %% [markdown]
# ## Best against worst
#
# Each variant beside the one that did worst. The intervals are each variant's own; `p_adjusted` accounts for there
# being seventeen comparisons. (The worst was picked by looking, which flatters all the others a little.)

# %%
arms

# %% [markdown]
# Money is another matter. Few give, and a few gifts hold much of the dollars, so dollars per recipient are far less
# certain than gifts, and the interval reaches much further up than down.

# %%
money = ck.experiments.analyze(sent, "variant", "dollars", control=worst, cluster="household")
money.table.sort("level", descending=True).select(
    "arm", "givers", "rate", "mean_given", "level", "level_lower", "level_upper", "top_share", "p_adjusted"
)

# %% [markdown]
# ## Which part of the e-mail matters?
#
# The eighteen are three factors crossed: every subject met every sender and both lengths. So each factor can be judged
# on the whole list, where a single variant is judged on an eighteenth of it.

# %%
parts = ck.experiments.factorial(sent, ["subject", "sender", "message"], "gave", cluster="household")
parts

# %%
parts.terms

# %% [markdown]
# ## The winner's curse
#
# The best of eighteen is best partly because it was lucky. Shrinking shows how good it really is, how likely it is the
# best at all, and what is lost if it is not.

# %%
whole_list = mf.universe("in_source('supporter')", "email is not null").count()
win = ck.experiments.winners(sent, "variant", "gave", cluster="household", recipients=whole_list)
win

# %% [markdown]
# `ck.widgets.ExperimentBoard(win)` shows what the winner is worth as it is rolled out: see
# [the explorers](11_explorers.ipynb).
#
# A check that needs no model: choose the winner on one half of the people, and look at it in the other half.

# %%
halves = ck.experiments.assign(sent, ["chosen on", "looked at"], unit="person_id", cluster="household", salt="halves")
by_half = sent.join(halves.table.select("person_id", half="arm"), on="person_id")
chosen = ck.experiments.winners(by_half.filter(half="chosen on"), "variant", "gave", cluster="household")
fresh = by_half.filter(half="looked at").group_by("variant").agg(pl.col("gave").mean().alias("rate"))
order = chosen.table["arm"][0]
others = fresh.filter(pl.col("variant") != order)["rate"].mean()
leads = pl.DataFrame(
    {
        "lead": ["as seen in the first half", "shrunk", "in the other half"],
        "lead_rate": [chosen.lead, chosen.shrunk_lead, fresh.filter(variant=order)["rate"].item() - others],
    }
)
ck.charts.bars(
    leads, "lead", "lead_rate",
    description="The winner's lead over the other variants: as seen where it was chosen, shrunk, and in fresh people.",
    title="Lead of the winner of one half over the other variants", number=".2%",
)

# %% [markdown]
# ## How many should we have tested on?
#
# Whoever got a worse variant did not get the best one. With arms that differ as these do, how much of the same list
# should have been tested on before the winner went to the rest of it, on the same day?

# %%
ck.experiments.test_and_roll(sent.height, mean=sent["gave"].mean(), prior_sd=win.spread, arms=win.table.height)

# %% [markdown]
# ## The office pool
#
# Eight of the staff wrote down how many gifts in a thousand each variant would bring. A score counts only if it beats
# random orders.

# %%
told = ck.experiments.analyze(sent, "email_id", "gave", control=sent["email_id"].min())
pool = ck.experiments.score_guesses(mf.table("guess"), told, arm="email_id", test="test")
pool

# %% [markdown]
# ## What could fool us
#
# * **Looking at dollars alone.** The order by dollars is mostly the order of a few large gifts:

# %%
top = money.table.sort("level", descending=True).head(3).select("arm", "level", "top_share")
both = win.table.select("arm", "probability_best").join(
    ck.experiments.winners(sent, "variant", "dollars", cluster="household").table.select(
        "arm", by_dollars="probability_best"
    ),
    on="arm",
).rename({"probability_best": "by_gifts"})
print(top)
both.head(5)

# %% [markdown]
# * **Links that were missed.** A gift by somebody the megafile knows as two people counts for nobody's variant. It
#   lowers all variants alike.
# * **One day.** What works on the eve of a deadline need not work in August: `winners(past=…)` takes the spread from
#   earlier tests, not their winners.
# * **Unsubscribing.** An e-mail can bring gifts and lose readers. Here are both:

# %%
mf.sql("""
    SELECT s.subject, count(*) AS sent, count(*) FILTER (WHERE e.event = 'gift') AS gifts,
           count(*) FILTER (WHERE e.event = 'unsubscribe') AS unsubscribed
    FROM email_send s LEFT JOIN email_event e ON e.person_id = s.person_id AND e.email_id = s.email_id
    AND e.event IN ('gift', 'unsubscribe')
    WHERE s.test = 'deadline_june' GROUP BY ALL ORDER BY gifts DESC""")

# %% [markdown]
# ## The number, and the decision

# %%
best = win.table.row(0, named=True)
print(
    f"Send '{best['arm']}' to {whole_list:,}: about {best['estimate'] * whole_list:,.0f} gifts, not the "
    f"{best['level'] * whole_list:,.0f} that its rate in the test would promise.\n"
    f"It is the best with probability {best['probability_best']:.0%}; counting the chance that another is, "
    f"{best['loss_in_all']:,.1f} gifts are lost, expected."
)

# %% [markdown]
# **Decision.** Send it. The test need not be run longer: what a wrong choice would cost is small beside what waiting
# would. Budget with the shrunk number, and in the next test keep the factors that mattered, and put new variants
# against this one.
