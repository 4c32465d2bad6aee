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
# said afterwards. Our app has 1,800 users, and each of them let us see a list of friends.
#
# **The question:** which friends should we ask each user to reach, and how will we know whether it did anything?
#
# The campaign, its app, its users and their friends are invented; the published effects are real.

# %%
import tempfile

import altair as alt
import numpy as np
import polars as pl

import campaignkit as ck

mf = ck.sample.megafile()
mf.sql("""
    SELECT count(*) AS ties, count(DISTINCT supporter_id) AS users, count(DISTINCT person_id) AS friends
    FROM social_tie""")

# %% [markdown]
# ## Who could ask which friend
#
# A friend list has a name, a city and, for most friends, a birth date. It has no address and no phone. The megafile
# links it as it links every other file. It leaves out friends who could be one of several people, and everyone, user or
# friend, who has told the campaign no.

# %%
ties = mf.ties()
ties

# %% [markdown]
# Most friends who drop out live in other states, where we have no voter file. A deterministic rule found the rest, or
# the model did, with a probability of at least 0.8:

# %%
ties.table.group_by("matched_by").agg(
    pl.len().alias("ties"), pl.col("match_probability").mean(), expected_wrong=(1 - pl.col("match_probability")).sum()
).sort("ties", descending=True)

# %% [markdown]
# ## What an ask is worth
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
rates

# %%
now = ck.voters.turnout_history(voters, "2012-11-06").select("person_id, general_1, general_2").pl()
worth = ties.table.join(
    now.join(rates, on=pattern, nulls_equal=True).select(*pattern, "gain", friend="person_id"), on="friend", how="left"
)
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
# ## The asks
#
# Each user gets up to five asks, and one user asks each friend. A tie counts by how likely it leads to the right voter.
# A coin flip for each friend holds out half of them before anything is chosen. With so few friends, holding out a tenth
# would show nothing.

# %%
asks = ck.outreach.friend_asks(
    worth, "gain", strength="match_probability", holdout=0.5,
    placeholders=["sharer_email", "sharer_first_name", "friend_first_name", "friend_last_name", "friend_city"], seed=17,
)  # fmt: skip
asks

# %% [markdown]
# What was set aside, and the file that goes out. The asks that are held out are not in it.

# %%
file = asks.write(
    f"{tempfile.mkdtemp()}/asks.csv",
    "{sharer_first_name}, would you remind {friend_first_name} {friend_last_name} of {friend_city} to vote?",
)
print(f"{file.name}: {len(file.read_text().splitlines()) - 1:,} asks to send of {asks.table.height:,} planned")
asks.set_aside

# %% [markdown]
# ## Would that show anything?

# %%
here = ck.outreach.plan_sharing(
    asks.table["sharer"].n_unique(), asks_per_sharer=asks.table.height / asks.table["sharer"].n_unique(),
    holdout=[0.1, 0.5], effects=[0.01, 0.02, 0.04], delivered=0.7,
)  # fmt: skip
print(here.summary())
here.table

# %%
ck.outreach.published_effects()

# %% [markdown]
# ## What asks did
#
# So few users cannot show an effect of the usual size. A campaign with 20,000 could: here is one, drawn at random, with
# a month of asks. One friend in ten was held out. Seven in ten messages were passed on, more often to friends who vote
# anyway, and some friends who were held out got one all the same.

# %%
month = ck.sample.draw("sharing", 20_000, seed=17, direct=0.03, delivered=0.7, leaked=0.05)
did = ck.outreach.sharing_effect(
    month["asks"], month["friends"], "voted", delivered="delivered", acted="acted", covariates="past_votes"
)
did

# %% [markdown]
# The response rate beside what being asked about changed. "One in five acted" is the first of these:

# %%
row = did.row()
said = pl.DataFrame(
    {
        "what": [
            "acted, of those asked about",
            "voted: those who acted minus the rest",
            "voted: asked about minus held out",
        ],
        "share": [did.response_rate, did.actors_rate - did.others_rate, row["estimate"]],
    }
)
ck.charts.bars(said, "what", "share", description="A response rate, a gap and an effect: the last is small.",
               title="Only the last is an effect", number=".1%")  # fmt: skip

# %% [markdown]
# ## What could fool us
#
# * **Contacted against not.** The friends who get a message are those the score chose and whose friend bothered to
#   write. They vote more anyway:

# %%
did.table.select("quantity", "causal", "n", "n_control", "estimate", "lower", "upper")

# %% [markdown]
# * **A wrong match** puts a stranger's vote in place of the friend's, and nobody asked the stranger. The share of links
#   that are wrong is the share of the effect that is lost. Here we shuffle links on purpose, in forty draws each:

# %%
planned = month["asks"]["friend"].unique().sort()
outcomes = month["friends"].filter(pl.col("friend").is_in(planned.implode())).sort("friend")
voted, rng = outcomes["voted"].to_numpy(), np.random.default_rng(17)
shuffled = []
for wrong in (0.0, 0.05, 0.1, 0.2, 0.4):
    effects = []
    for _ in range(40):
        mixed, at = voted.copy(), rng.permutation(len(voted))[: round(wrong * len(voted))]
        mixed[at] = mixed[rng.permutation(at)]
        arms = (
            outcomes.select("friend")
            .with_columns(voted=pl.Series(mixed))
            .join(month["asks"].unique("friend"), on="friend")
        )
        effects.append(arms.filter(~pl.col("held_out"))["voted"].mean() - arms.filter("held_out")["voted"].mean())
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
#   the direct effect alone. To measure the whole program, hold out whole places.
# * **Holding out afterwards.** The coin flip is the friend's and comes before asks are chosen. Comparing friends who
#   got an ask with friends who got none compares good ties with bad ones.
# * **The lists are a month old.** Someone who has said no since then is still in the file: make ties and asks again on
#   the day you send them.
#
# ## The number, and the decision

# %%
late = did.row("delivered")
print(ties.summary())
print(
    f"In the drawn month {did.response_rate:.0%} acted, and being asked about moved turnout by "
    f"{100 * row['estimate']:.1f} points ({100 * row['lower']:.1f} to {100 * row['upper']:.1f}); a message that was "
    f"passed on, by {100 * late['estimate']:.1f} ({100 * late['lower']:.1f} to {100 * late['upper']:.1f})."
)

# %% [markdown]
# **Decision.** Send the asks: they cost little, and no published effect is negative. Keep half of them held out, and
# expect to see only a very large effect with so few users. Do not report "one in five acted" as votes. Pool these users
# with other states' in one trial: 20,000 users with a tenth held out show what a message does. And ask the app for
# birth dates: without one, two friends in five are not found.
#
# ## Against the planted truth
#
# Who the friends really are, and what the month's messages really did:

# %%
truth = ck.sample.exports_folder() / "truth"
identity = pl.read_parquet(truth / "identity.parquet")
friends = identity.filter(source="app_friend").select("person", friend_key="record_key")
on_file = (
    mf.sql("SELECT source, record_key, person_id AS friend, birth_date IS NOT NULL AS known, matched_by "
           "FROM source_record WHERE source IN ('oh_voter', 'nc_voter', 'app_friend')")
    .join(identity, on=["source", "record_key"])
)  # fmt: skip
of_voters = on_file.filter(pl.col("source") != "app_friend").select("friend", "person").unique()
right = ties.table.join(friends, on="friend_key").join(of_voters, on=["friend", "person"], how="semi").height
print(f"{right:,} of {ties.table.height:,} ties lead to the right voter ({right / ties.table.height:.2%}).")
listed = on_file.filter(source="app_friend").join(of_voters.select("person").unique(), on="person", how="semi")
listed.with_columns(
    right=pl.struct("friend", "person").is_in(of_voters.select(pl.struct("friend", "person")).to_series().implode())
).group_by(birth_date_given="known").agg(pl.len().alias("friends"), pl.col("right").mean().alias("found"))

# %%
month.truth["effects"].select(planted_direct="direct", planted_asked_about="asked about").with_columns(
    measured_delivered=late["estimate"], measured_asked_about=row["estimate"]
)
