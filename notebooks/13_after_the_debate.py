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
# # Find who changed sides after an event
#
# *The polls fell four points after the debate: who changed, and who just did not answer?*
#
# October 3 was a bad night. By the end of the month everybody's polls are down about four points, ours too, and there
# are two plans on the table: one buys a new message for the voters we lost, the other says that we lost hardly any. In
# 2012 the real campaign had an answer, because it had asked the same people before.
#
# **The question:** of the four points, how many are people who changed sides, how many are just who picks up the phone,
# and who were those who left?
#
# The campaign, its voters and their interviews are invented; places, calendars and the survey tools' files are real.

# %%
import datetime as dt

import altair as alt
import polars as pl

import campaignkit as ck

VOTE = "If the election were held today, who would you vote for, our candidate or the opponent?"
DEBATE = dt.date(2012, 10, 4)  # the first day after it
ck.charts.setup()
mf = ck.sample.megafile(drop="2012-10-31")
asked = mf.interviews(
    VOTE, ["voter", "sex", "age_band", "state"], yes="Our candidate", no="The opponent",
    also={
        "party_id": "Generally speaking, do you think of yourself as a Democrat, a Republican or an independent?",
        "voted_2008": "In the election of 2008, who did you vote for as president?",
    },
).filter("voter", pl.col("age_band") != "under 18")
asked = asked.with_columns(
    half=pl.when(pl.col("asked_on") < DEBATE).then(pl.lit("before")).otherwise(pl.lit("after"))
)
polls = asked.filter(~pl.col("file").str.contains("panel"))
panel_reports = asked.filter(pl.col("file").str.contains("panel"))
print(f"{polls.height:,} interviews by four streams; {panel_reports.height:,} reports of a panel that is asked again")

# %% [markdown]
# ## The fall
#
# All interviews together, week by week, as the papers print them. The dashed line is the debate.

# %%
weekly = polls.drop_nulls("supports").sort("asked_on").group_by_dynamic(
    "asked_on", every="7d", start_by="thursday"
).agg(pl.col("supports").mean().alias("share"), pl.len().alias("interviews")).filter(pl.col("interviews") >= 500)
line = alt.Chart(weekly).mark_line(point=True).encode(
    x=alt.X("asked_on:T", title="week beginning", axis=alt.Axis(format="%b %-d")),
    y=alt.Y("share:Q", axis=alt.Axis(format="%"), title="for us", scale=alt.Scale(zero=False)),
)
night = alt.Chart(pl.DataFrame({"day": [DEBATE]})).mark_rule(strokeDash=[4, 3]).encode(x="day:T")
alt.layer(line, night).properties(
    width=520, height=220, title="For us, all interviews, by week",
    description="Weekly shares of all interviews: about 52 percent before the debate, about 47 after it.",
)

# %%
by_stream = (
    pl.concat([polls, polls.with_columns(stream=pl.lit("all four"))]).drop_nulls("supports").group_by("stream", "half")
    .agg(pl.len().alias("n"), pl.col("supports").mean().alias("estimate"))
    .with_columns(error=1.96 * (pl.col("estimate") * (1 - pl.col("estimate")) / pl.col("n")).sqrt())
    .with_columns(lower=pl.col("estimate") - pl.col("error"), upper=pl.col("estimate") + pl.col("error"))
    .sort("stream", "half", descending=[False, True])
)
ck.charts.intervals(
    by_stream, "stream", series="half", description="Each stream before and after the debate: all are lower after.",
    title="for us, as it came in", number=".0%",
)

# %% [markdown]
# Every stream falls, so it is not one house's doing. Weighting to the voter file's sex, age and state, as every
# pollster does, changes nothing about it:

# %%
on_file = mf.universe("voter", "age >= 18")
margins = ["sex", "age_band", "state"]
raked = pl.concat(
    [
        ck.polls.rake(polls.filter(half=half), on_file, by=margins, unit="interview_id")
        .estimate("supports").select(pl.lit(half).alias("half"), "n", "estimate", "std_error", "lower", "upper")
        for half in ("before", "after")
    ]
)
ck.charts.intervals(
    raked, "half", description="Raked shares before and after the debate: about four points apart.",
    title="for us, raked to the voter file", number=".0%",
)

# %% [markdown]
# ## Who answers
#
# Sex and age are not what changed among those who answer. This is:

# %%
who_answers = polls.group_by("party_id", "half").len("n").with_columns(
    share=pl.col("n") / pl.col("n").sum().over("half")
).sort("half", "party_id", descending=[True, False])
ck.charts.bars(
    who_answers, "party_id", "share", series="half",
    description="Of those who answer, Democrats were a larger share before the debate than after it.",
    title="who answers, by what they call themselves", number=".0%",
)

# %% [markdown]
# A party is not something that four points of the country change in a night. Our people are in no mood to talk about
# politics this month, and theirs are. That alone lowers the polls, with nobody having changed his mind.
#
# ## Who changed
#
# The panel was asked up to twice before the debate and twice after it: the same people, whoever else picks up. One row
# a person:

# %%
numbered = panel_reports.with_columns(
    report=pl.format("{}_{}", "half", pl.col("asked_on").rank("ordinal").over("person_id", "half"))
)
told = numbered.sort("asked_on").group_by("person_id", maintain_order=True).agg(
    pl.col("party_id", "voted_2008", "sex", "age_band", "state").first()
)
panel = numbered.pivot("report", index="person_id", values="supports", aggregate_function="first").join(
    told, on="person_id"
)
panel.select(pl.col("before_1", "before_2", "after_1", "after_2").is_not_null().sum())

# %% [markdown]
# `switchers` splits the fall. It holds party and the vote of 2008 in the interviews as they were before the debate,
# takes the panel's own change beside it, and believes a swing only where the panel does.

# %%
split = {
    "before": ["before_1", "before_2"], "after": ["after_1", "after_2"], "party": "party_id", "past_vote": "voted_2008",
    "unit": "person_id", "outcome": "supports", "date": "asked_on", "event": DEBATE, "stream": "stream",
    "by": margins,
}
changes = ck.polls.switchers(panel, polls, **split)
changes

# %% [markdown]
# ## Who they were
#
# `points` is how much of the whole each kind of voter lost or won for us.

# %%
changes.who

# %%
left = changes.flagged.join(panel, on="person_id").group_by("party_id", "voted_2008").agg(
    pl.col("before").sum().alias("left us"), pl.col("after").sum().alias("came to us")
).sort("left us", descending=True)
print(f"{changes.flagged.height} people are flagged: by their four reports they changed sides.")
left

# %% [markdown]
# Those who left are people of the other side who had been lent to us in September, and have gone home. Our own stayed.
# Nobody is to call them for that: who they are is known from a poll, for study, and a list of them is refused.

# %%
try:
    mf.universe_of(changes.flagged).call_list("phone", purpose="persuade")
except ck.errors.SourceRestricted as refusal:
    print(refusal)

# %% [markdown]
# ## What could fool us
#
# * **No panel, no answer.** Held by party and past vote, the interviews alone look much the same. But if those who stay
#   away were not Democrats, but whoever is for us just now, they would be wrong, and nothing in them would show it:

# %%
without_panel = {name: value for name, value in split.items() if name not in ("before", "after", "unit")}
alone = ck.polls.switchers(None, polls, **without_panel)
print(alone.summary())

# %% [markdown]
# * **One change of answer is mostly a slip.** Three answers in a hundred are not what the person means. So count who
#   changed between one report and the next, and then who changed and stuck to it. (Two slips in a row happen, too:
#   where nearly nobody comes to us, the two who seem to are more likely that, and are not flagged.)

# %%
once = panel.filter(pl.col("before_1") != pl.col("after_1"))
twice = panel.drop_nulls(["before_1", "before_2", "after_1", "after_2"]).filter(
    (pl.col("before_1") == pl.col("before_2")) & (pl.col("after_1") == pl.col("after_2"))
    & (pl.col("before_1") != pl.col("after_1"))
)
pl.DataFrame(
    {
        "how counted": ["one report before, one after", "two before, two after"],
        "left us": [once["before_1"].sum(), twice["before_1"].sum()],
        "came to us": [once["after_1"].sum(), twice["after_1"].sum()],
    }
)

# %% [markdown]
# * **Who stays in the panel.** It loses people too, and more of ours. The same people's change does not mind that, as
#   long as those who left us are as willing to come back as those who did not:

# %%
panel.group_by("party_id").agg(pl.len().alias("members"), pl.col("after_1").is_not_null().mean().alias("asked again"))

# %% [markdown]
# * **Weeks, not a night.** "After" is all of October after the debate. What happened later in the month, for better or
#   worse, is in it.
# * **Past votes are recalled.** People recall having voted for winners, and call themselves what they feel like today.
#   If the debate made some of them say "independent", holding party fixed hides part of a real change.
#
# ## The number, and the decision

# %%
parts = {row["part"]: row for row in changes.table.iter_rows(named=True)}
polled, changed = parts["as polled"], parts["who changed"]
print(
    f"The polls fell {-100 * polled['estimate']:.1f} points. Changed sides: {-100 * changed['estimate']:.1f} points "
    f"({-100 * changed['upper']:.1f} to {-100 * changed['lower']:.1f}). "
    f"Flagged, by four reports each: {changes.flagged['before'].sum()} left us, {changes.flagged['after'].sum()} came."
)

# %% [markdown]
# **Decision.** Keep the message and the map. Half of the fall or so is our own people not answering, and the rest is
# the other side's people going home, and no message will bring them back. Spend on turning out our own, and
# tell the press office that the panel, not the morning's toplines, says when something has changed. Ask the panel
# again after each debate.
#
# ## Against the planted truth
#
# What the made-up voters really did: the share who would say that they are for us, on the eve of the debate and the day
# after; and of the panel's people who were flagged, how many had really changed.

# %%
truth = ck.sample.exports_folder(drop="2012-10-31") / "truth"
days = [DEBATE - dt.timedelta(days=1), DEBATE]
pl.read_parquet(truth / "groups.parquet").filter(
    pl.col("variable").is_in(["all", "party", "past_vote"]), pl.col("asked_on").is_in(days)
).pivot("asked_on", index=["variable", "level"], values="supports").with_columns(
    change=pl.col(str(days[1])) - pl.col(str(days[0]))
)

# %%
people = mf.sql("SELECT record_key, person_id FROM source_record WHERE source = 'survey_qualtrics'")
known = (
    pl.read_parquet(truth / "identity.parquet").filter(source="survey_qualtrics")
    .join(people, on="record_key").join(pl.read_parquet(truth / "panel.parquet"), on="person").unique("person_id")
)
told_four = panel.drop_nulls(["before_1", "before_2", "after_1", "after_2"]).join(known, on="person_id")
flags = told_four.with_columns(flagged=pl.col("person_id").is_in(changes.flagged["person_id"].implode()))
flags.group_by("switched", "flagged").len("people").sort("switched", "flagged")
