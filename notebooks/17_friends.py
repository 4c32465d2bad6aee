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
# # Ask friends to ask friends, and measure it
#
# *Friends who pass the ask on: which ones, and what did it do?*
#
# In the last weeks of 2012 a million people had the campaign's app. It showed 600,000 of them friends in swing states
# and asked them to urge those friends to vote. "Roughly 1 in 5 people contacted by a Facebook pal acted", the campaign
# said afterwards. Our app has 1,835 users, and each of them let us see a list of friends. It is 31 October. All month
# the app has asked its users to get friends to vote early, and a coin flip held half of the asks out.
#
# **The question:** what did October's asks do, and which friends should each user be asked to reach in the last week?
#
# The campaign, its app, its users and their friends are invented; the published effects are real.

# %%
import tempfile

import altair as alt
import numpy as np
import polars as pl

import campaignkit as ck

mf = ck.sample.megafile(drop="2012-10-31")
mf.sql("""
    SELECT (SELECT count(*) FROM social_tie) AS ties, (SELECT count(DISTINCT supporter_id) FROM social_tie) AS users,
           count(*) AS asks, count(*) FILTER (held_out) AS held_out, count(sent_on) AS passed_on,
           count(clicked_on) AS clicked, (SELECT count(*) FROM early_vote) AS early_votes
    FROM friend_ask""")

# %% [markdown]
# ## What October's asks did
#
# The app logged each ask: the user, the friend, whether the coin flip held it out, whether the user passed it on, and
# whether the friend clicked. Whether the friend voted early is not the app's word but the election offices': ballots
# that have come back, by voter. Past votes come from before the asks; they make the interval narrower.

# %%
asks = mf.sql("""
    SELECT s.person_id AS sharer, a.person_id AS friend, a.held_out, a.sent_on, a.clicked_on, t.strength
    FROM friend_ask a JOIN source_record s ON s.source = 'supporter' AND s.record_key = a.supporter_id
    JOIN social_tie t ON t.person_id = a.person_id AND t.supporter_id = a.supporter_id""")
friends = mf.sql("""
    SELECT p.person_id AS friend, p.person_id IN (SELECT person_id FROM early_vote) AS voted_early,
           p.person_id IN (SELECT person_id FROM friend_ask WHERE sent_on IS NOT NULL) AS messaged,
           p.person_id IN (SELECT person_id FROM friend_ask WHERE clicked_on IS NOT NULL) AS clicked,
           (SELECT count(*) FROM vote_history v WHERE v.person_id = p.person_id) AS past_votes
    FROM person p WHERE p.state_voter_id IS NOT NULL AND p.person_id IN (SELECT person_id FROM social_tie)""")
pairs = mf.sql("""
    WITH listed AS (SELECT t.supporter_id, t.person_id FROM social_tie t JOIN person p USING (person_id)
                    WHERE p.state_voter_id IS NOT NULL)
    SELECT DISTINCT a.person_id AS sharer, b.person_id AS friend
    FROM listed a JOIN listed b USING (supporter_id) WHERE a.person_id < b.person_id""")
did = ck.outreach.sharing_effect(
    asks, friends, "voted_early", ties=pairs, delivered="messaged", acted="clicked", covariates="past_votes"
)
did

# %% [markdown]
# The response rate, a gap and the effect of being asked about. "One in five acted" is the first of these:

# %%
row, late, told = did.row(), did.row("delivered"), did.row("all of their friends asked about, against none")
naive = did.row("contacted against not")
said = pl.DataFrame(
    {
        "what": [
            "clicked, of those asked about",
            "voted early: those who clicked minus the rest",
            "voted early: asked about minus held out",
        ],
        "share": [did.response_rate, did.actors_rate - did.others_rate, row["estimate"]],
    }
)
ck.charts.bars(said, "what", "share", description="A response rate, a gap and an effect: the last is small.",
               title="Only the last is an effect", number=".1%")  # fmt: skip

# %% [markdown]
# ## Who passes an ask on
#
# The app scores each tie from 0 to 1 by what the two post to each other; where privacy settings hide that it gives no
# score. Of the asks that were not held out:

# %%
shown = asks.filter(~pl.col("held_out")).with_columns(
    tie=pl.when(pl.col("strength").is_null()).then(pl.lit("no score"))
    .otherwise(pl.format("{} to {}", (pl.col("strength") * 4).floor().clip(0, 3) / 4,
                         ((pl.col("strength") * 4).floor().clip(0, 3) + 1) / 4))
)  # fmt: skip
by_strength = shown.group_by("tie").agg(pl.len().alias("asks"), passed_on_rate=pl.col("sent_on").is_not_null().mean())
ck.charts.bars(
    by_strength.sort("tie"), "tie", "passed_on_rate", title="Asks passed on, by the strength of the tie",
    description="The stronger the tie, the more asks are passed on.",
)  # fmt: skip

# %% [markdown]
# ## Who could ask which friend in the last week
#
# A friend list has a name, a city and, for most friends, a birth date. It has no address and no phone. The megafile
# links it as it links every other file. It leaves out friends who could be one of several people, and everyone, user or
# friend, who has told the campaign no. We leave out who has already voted.

# %%
ties = mf.ties(mf.universe("voter and not voted_early"))
ties

# %% [markdown]
# October's coin flip goes on: friends who were held out stay held out, so that the voter file can say in spring whether
# the asks brought votes, or only earlier ones.
#
# An ask is worth nothing if the friend votes anyway, and nothing if nothing can move the friend. The two general
# elections before 2008 tell us how likely each pattern was to vote in 2008; we use the same rates for 2012. We take it
# that a push moves turnout by two points where the chance to vote is one half, and by less toward either end. That is a
# guess that ranks friends. It is not a forecast.

# %%
voters = mf.universe("voter")
pattern = ["general_1", "general_2"]
rates = (
    ck.voters.turnout_history(voters, "2008-11-04").aggregate("general_1, general_2, count(*) AS people, "
                                                              "avg(voted::INT) AS voted_rate").pl()
    .filter(pl.col("people") >= 200).with_columns(gain=0.02 * 4 * pl.col("voted_rate") * (1 - pl.col("voted_rate")))
    .sort("gain", descending=True)
)  # fmt: skip
now = ck.voters.turnout_history(voters, "2012-11-06").select("person_id, general_1, general_2").pl()
gains = now.join(rates, on=pattern, nulls_equal=True).select(*pattern, "gain", friend="person_id")
held = asks.filter("held_out")["friend"].unique()
worth = ties.table.filter(~pl.col("friend").is_in(held.implode())).join(gains, on="friend", how="left").with_columns(
    passes_on=pl.col("strength").fill_null(pl.col("strength").mean()) * pl.col("match_probability")
)  # fmt: skip
steps = (
    worth.drop_nulls("gain").group_by(*pattern, "gain").agg(pl.col("friend").n_unique().alias("friends"))
    .sort("gain", descending=True)
    .with_columns(points=(100 * pl.col("gain")).round(1))
    .with_columns(history=pl.format("{}, then {}: {} points", "general_2", "general_1", "points"))
)  # fmt: skip
ck.charts.bars(
    steps, "history", "friends", description="How many friends there are by how they voted in the last two elections.",
    title="Friends by their last two general elections, and what an ask may add",
)  # fmt: skip

# %% [markdown]
# ## The last week's asks
#
# Each user gets up to five asks, and one user asks each friend. A tie counts by its strength, where it has none by the
# mean, and by how likely it leads to the right voter. Nobody new is held out: October's coin does that.

# %%
last_week = ck.outreach.friend_asks(
    worth, "gain", strength="passes_on", holdout=None,
    placeholders=["sharer_email", "sharer_first_name", "friend_first_name", "friend_last_name", "friend_city"],
)  # fmt: skip
last_week

# %% [markdown]
# What was set aside, and the file that goes out:

# %%
file = last_week.write(
    f"{tempfile.mkdtemp()}/asks.csv",
    "{sharer_first_name}, would you remind {friend_first_name} {friend_last_name} of {friend_city} to vote?",
)
print(f"{file.name}: {len(file.read_text().splitlines()) - 1:,} asks to send; {len(held):,} friends stay held out")
last_week.set_aside

# %% [markdown]
# ## What the coin flip can show in spring
#
# Turnout lies nearer one half than early voting does, so its interval is wider: only an effect about as large as the
# one on early voting would show. With half held out, and the share of asks that October's users passed on:

# %%
passed_on = shown["sent_on"].is_not_null().mean()
spring = ck.outreach.plan_sharing(
    asks["sharer"].n_unique(), asks_per_sharer=asks.height / asks["sharer"].n_unique(), holdout=[0.1, 0.5],
    effects=[0.01, 0.02, 0.04], delivered=passed_on,
)  # fmt: skip
print(spring.summary())
spring.table

# %%
ck.outreach.published_effects()

# %% [markdown]
# ## What could fool us
#
# * **Contacted against not.** The friends who got a message are those the campaign's score chose and whose friend
#   bothered to write. They vote early more often anyway:

# %%
did.table.select("quantity", "causal", "n", "n_control", "estimate", "lower", "upper")

# %% [markdown]
# * **A wrong match** puts a stranger's ballot in place of the friend's, and nobody asked the stranger. The share of
#   links that are wrong is the share of the effect that is lost. Here we shuffle ballots on purpose, in forty draws
#   each:

# %%
known = asks.join(friends, on="friend").sort("friend")
early, held_out, rng = known["voted_early"].to_numpy(), known["held_out"].to_numpy(), np.random.default_rng(17)
shuffled = []
for wrong in (0.0, 0.05, 0.1, 0.2, 0.4):
    effects = []
    for _ in range(40):
        mixed, at = early.copy(), rng.permutation(len(early))[: round(wrong * len(early))]
        mixed[at] = mixed[rng.permutation(at)]
        effects.append(mixed[~held_out].mean() - mixed[held_out].mean())
    shuffled.append({"wrong links": wrong, "effect": float(np.mean(effects)), "friends it takes": 1 / (1 - wrong) ** 2})
dilution = pl.DataFrame(shuffled).with_columns(expected=pl.col("effect").first() * (1 - pl.col("wrong links")))
axis = alt.X("wrong links:Q", axis=alt.Axis(format="%"))
points = (
    alt.Chart(dilution, width=360, height=200)
    .mark_point(filled=True, size=60)
    .encode(
        x=axis,
        y=alt.Y("effect:Q", axis=alt.Axis(format=".1%"), title="measured effect", scale=alt.Scale(zero=True)),
    )
)
line = alt.Chart(dilution).mark_line(strokeDash=[4, 3]).encode(x=axis, y="expected:Q")
print(dilution)
(points + line).properties(
    description="The measured effect falls in a straight line with the share of wrong links.",
    title="The effect shrinks by the share of links that are wrong",
)

# %% [markdown]
# * **Friends tell friends.** Some friends who were held out hear about it from those who were not, so the difference is
#   the direct effect alone. Two friends of one user count here as knowing each other, which the app cannot see; the
#   interval of what spills over is far too wide to count on. To measure the whole program, hold out whole places.
# * **Earlier is not more.** A ballot that came early may have come on Tuesday anyway. Only the voter file tells.
# * **Holding out afterwards.** The coin flip is the friend's and came before asks were chosen. Comparing friends who
#   got an ask with friends who got none compares good ties with bad ones.
# * **Friends we did not find** on a voter file, some 300 of those in the asks, are set aside on both sides of the coin
#   alike: that costs friends, and no bias.
# * **The friend lists are a month old.** Make ties and asks again on the day you send them: whoever says no in the
#   meantime is left out then.
#
# ## The number, and the decision

# %%
print(ties.summary())
print(
    f"In October {did.response_rate:.0%} clicked, and being asked about moved early voting by "
    f"{100 * row['estimate']:.1f} points ({100 * row['lower']:.1f} to {100 * row['upper']:.1f}); a message that was "
    f"passed on, by {100 * late['estimate']:.1f} ({100 * late['lower']:.1f} to {100 * late['upper']:.1f}). "
    f"Contacted against not would have said {100 * naive['estimate']:.1f}. What spills over: "
    f"{100 * told['estimate']:.1f} ({100 * told['lower']:.1f} to {100 * told['upper']:.1f})."
)

# %% [markdown]
# **Decision.** Send the last week's asks: October's brought ballots in, and the coin flip says so. Report five points
# for friends who were asked about, not "one in five" and not twelve points. Keep October's held-out friends out: if the
# early ballots were all new votes, the voter file will show it; if few were, it will only say that most were not. And
# ask the app for birth dates: without one, two friends in five are not found.
#
# ## Against the planted truth
#
# What October's messages really did, and who the friends really are:

# %%
truth = ck.sample.exports_folder(drop="2012-10-31") / "truth"
planted = pl.read_parquet(truth / "friend_asks.parquet")
planted.select(
    planted_message=pl.col("direct").mean(), planted_asked_about=(pl.col("direct") * pl.col("p_sent")).mean(),
    planted_spilled=(pl.col("spilled") * pl.col("p_sent")).mean(),
).with_columns(measured_message=late["estimate"], measured_asked_about=row["estimate"],
               measured_spilled=told["estimate"], naive=naive["estimate"])  # fmt: skip

# %%
identity = pl.read_parquet(ck.sample.exports_folder() / "truth" / "identity.parquet")
listed_as = identity.filter(source="app_friend").select("person", friend_key="record_key")
on_file = (
    mf.sql("SELECT source, record_key, person_id AS friend, birth_date IS NOT NULL AS known, matched_by "
           "FROM source_record WHERE source IN ('oh_voter', 'nc_voter', 'app_friend')")
    .join(identity, on=["source", "record_key"])
)  # fmt: skip
of_voters = on_file.filter(pl.col("source") != "app_friend").select("friend", "person").unique()
right = ties.table.join(listed_as, on="friend_key").join(of_voters, on=["friend", "person"], how="semi").height
print(f"{right:,} of {ties.table.height:,} ties lead to the right voter ({right / ties.table.height:.2%}).")
listed = on_file.filter(source="app_friend").join(of_voters.select("person").unique(), on="person", how="semi")
listed.with_columns(
    right=pl.struct("friend", "person").is_in(of_voters.select(pl.struct("friend", "person")).to_series().implode())
).group_by(birth_date_given="known").agg(pl.len().alias("friends"), pl.col("right").mean().alias("found"))
