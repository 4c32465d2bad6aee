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
# # Read the polls: where every group stands
#
# *Is the film star's group moving?*
#
# Women of 40 to 49 came running for dinner with the film star ([the contest](05_contest_segments.ipynb)), and somebody
# on the eighth floor has kept an eye on them ever since. It is the morning of October 3, hours before the first
# debate. The printout on the table says that in Ohio and North Carolina they have gone up ten points in three weeks.
# Money wants to follow.
#
# **The question:** where does each group of voters stand this morning, and is the film star's group really moving?
#
# The campaign, its voters and their interviews are invented; places, calendars and the survey tools' files are real.

# %%
import datetime as dt

import altair as alt
import polars as pl

import campaignkit as ck

VOTE = "If the election were held today, who would you vote for, our candidate or the opponent?"
groups = {
    "sex": "sex", "age_band": "age_band", "state": "state", "party": "party",
    "contest": "CASE WHEN sex = 'F' AND age_band = '40–49' THEN 'her group' ELSE 'everybody else' END",
}
mf = ck.sample.megafile(drop="2012-10-31")
asked = mf.interviews(
    VOTE, {"voter": "voter"} | groups, yes="Our candidate", no="The opponent", as_of="2012-10-03"
).filter(~pl.col("file").str.contains("panel"))
print(f"{asked.height:,} interviews from {asked['asked_on'].min():%B %-d} to {asked['asked_on'].max():%B %-d}")

# %% [markdown]
# One row is one interview, whichever tool it came from, linked to the voter file. Age is the age on the day of the
# interview. Four kinds of people did the asking, and each reaches its own kind of voter:

# %%
asked.group_by("stream").agg(
    pl.len().alias("interviews"),
    pl.col("voter").fill_null(False).mean().alias("found on the voter file"),
    (pl.col("age_band") == "18–29").mean().alias("under 30"),
    (pl.col("party") == "D").mean().alias("Democrats"),
    pl.col("supports").mean().alias("for us, undecided left out"),
).sort("stream")

# %% [markdown]
# From here on we keep the voters who are on the file and were of age on the day.
#
# ## The printout
#
# Everybody's interviews thrown together, week by week, for women of 40 to 49. The bars are what a pollster would print
# beside it: sampling error alone.

# %%
voters = asked.filter("voter", pl.col("age_band") != "under 18")
printout = (
    voters.filter(pl.col("contest") == "her group", pl.col("asked_on") >= dt.date(2012, 9, 13)).drop_nulls("supports")
    .sort("asked_on").group_by_dynamic("asked_on", every="7d", start_by="datapoint")
    .agg(pl.len().alias("n"), pl.col("supports").mean().alias("estimate"))
    .with_columns(error=1.96 * (pl.col("estimate") * (1 - pl.col("estimate")) / pl.col("n")).sqrt())
    .select(
        pl.format("week of {}", pl.col("asked_on").dt.strftime("%B %-d")).alias("week"), "asked_on", "n", "estimate",
        lower=pl.col("estimate") - pl.col("error"), upper=pl.col("estimate") + pl.col("error"),
    )
)
rise = printout["estimate"][-1] - printout["estimate"][0]
ck.charts.intervals(
    printout, "week", description=f"Women of 40 to 49 by week as the printout has them: up {100 * rise:.0f} points.",
    title="women 40–49 for us, as printed", number=".0%",
)

# %% [markdown]
# ## Where each group stands
#
# `trends` reads all four streams at once. It lets everyone move a little from day to day and each group drift on its
# own, takes out what each stream leans, and weighs every group as the voter file has it. What sixteen groups do by
# luck it does not take for news.

# %%
on_file = mf.universe("voter", "age >= 18", as_of="2012-10-03").features(groups)
now = ck.polls.trends(voters, "supports", list(groups), "asked_on", stream="stream", frame=on_file)
now

# %%
stands = now.table.with_columns(
    group=pl.when(pl.col("variable") == "all").then("level").otherwise(pl.format("{} {}", "variable", "level"))
)
ck.charts.intervals(
    stands, "group", description=now.summary(), reference=0.5, title="for us on October 3", number=".0%"
)

# %% [markdown]
# Women, the young and Democrats are ours; men, the old and Republicans are theirs; both states are even. The film
# star's group is one of our better ones. The intervals are wider than a pollster's, since they also hold what each
# stream leans and what the last days may have done.
#
# ## Is the film star's group moving?
#
# The same group, week by week as printed (dots) and day by day as all interviews together have it (line and band).

# %%
star = now.table.filter(level="her group")
path = now.path.filter(level="her group")
share = {"axis": alt.Axis(format="%"), "title": "for us", "scale": alt.Scale(zero=False)}
band = alt.Chart(path).mark_area(opacity=0.25).encode(
    x=alt.X("date:T", title=None, axis=alt.Axis(format="%b %-d")), y=alt.Y("lower:Q", **share), y2="upper:Q"
)
line = alt.Chart(path).mark_line().encode(x="date:T", y=alt.Y("estimate:Q", **share))
dots = alt.Chart(printout.with_columns(date=pl.col("asked_on") + pl.duration(days=3))).mark_point(
    filled=True, size=70, color="#c44e52"
).encode(x="date:T", y="estimate:Q")
alt.layer(band, line, dots).properties(
    width=520, height=240, title="Women 40–49: the printout's weeks, and what is left of them",
    description="The printout's weekly shares climb ten points; the estimated path of the same group is flat.",
)

# %%
star.select(
    "n", "estimate", "lower", "upper", "change", "change_lower", "change_upper", "p_value", "p_adjusted", "moved"
)

# %% [markdown]
# `change` is since September 4; `p_value` asks whether the group moved apart from everybody else, `p_adjusted` allows
# for our having asked that of all the groups. As far as anyone can see it did not.
#
# ## What could fool us
#
# * **The starting week was picked because it was low.** Any group has a worst week, and looks better ever after. Count
#   from a day that was chosen beforehand. Counted from the printout's own low week the answer is still no:

# %%
from_low = ck.polls.trends(
    voters, "supports", list(groups), "asked_on", stream="stream", frame=on_file, since="2012-09-13"
)
from_low.table.filter(variable="contest").select(
    "level", "n", "change", "change_lower", "change_upper", "p_value", "p_adjusted", "moved"
)

# %% [markdown]
# * **Some group always jumps.** Of all pairs of sex and age in either state, this many were up or down by five points
#   or more between the printout's first and last week, though nothing had happened:

# %%
weeks = voters.drop_nulls("supports").with_columns(
    week=pl.when(pl.col("asked_on").is_between(dt.date(2012, 9, 13), dt.date(2012, 9, 19))).then(pl.lit("first"))
    .when(pl.col("asked_on") >= dt.date(2012, 9, 27)).then(pl.lit("last"))
)
jumps = weeks.drop_nulls("week").pivot(
    "week", index=["sex", "age_band", "state"], values="supports", aggregate_function="mean"
).with_columns(printed_change=pl.col("last") - pl.col("first")).sort("printed_change")
print(f"{(jumps['printed_change'].abs() >= 0.05).sum()} of {jumps.height} groups 'moved' five points or more.")
pl.concat([jumps.head(3), jumps.tail(3)])

# %% [markdown]
# * **Not seen is not the same as not there.** With so few interviews of one group only a very large move would be seen;
#   the summary above says how large. "No evidence of a move" is all that can be said.
# * **What all four streams lean together** nobody can tell from these interviews: the zero of the streams below is
#   their middle, not the truth.
# * **Who votes.** This is everyone registered. Among those who voted in 2008 the same interviews read:

# %%
voted = mf.universe("voter", "age >= 18", "voted_in('2008-11-04')", as_of="2012-10-03").features(groups)
likely = ck.polls.trends(voters, "supports", list(groups), "asked_on", stream="stream", frame=voted)
pl.concat(
    [
        result.table.head(1).select(pl.lit(who).alias("electorate"), "estimate", "lower", "upper")
        for who, result in (("registered", now), ("voted in 2008", likely))
    ]
)

# %% [markdown]
# * **One method is one opinion.** `mrp` reads the last week alone, as one survey, and borrows between groups instead of
#   between days. Weighed by the same file, the film star's group and the states stand where `trends` has them:

# %%
last_week = voters.filter(pl.col("asked_on") >= dt.date(2012, 9, 27))
week = ck.polls.mrp(last_week, "supports", list(groups), on_file, area="state")
week.table.filter(pl.col("attribute").is_in(["everyone", "state", "contest"])).join(
    now.table.select("level", trends="estimate"), on="level"
).select("attribute", "level", "n", "direct_share", "estimate", "lower", "upper", "trends")

# %% [markdown]
# * **What a stream leans** is beside the middle of all:

# %%
now.houses

# %% [markdown]
# * **People we could not find.** About one online or text respondent in twenty is not linked to a voter, and is left
#   out. If they differ from those who are, their group's figure is off.
#
# ## The number, and the decision

# %%
fan = star.row(0, named=True)
everyone = now.table.row(0, named=True)
print(
    f"Women of 40 to 49: {100 * fan['estimate']:.0f}% for us ({100 * fan['lower']:.0f} to {100 * fan['upper']:.0f}), "
    f"{100 * fan['change']:+.1f} points since September 4 ({100 * fan['change_lower']:+.0f} to "
    f"{100 * fan['change_upper']:+.0f}); all voters {100 * everyone['estimate']:.0f}%.\n"
    f"The printout's {100 * rise:+.0f} points in three weeks were {printout['n'].sum()} interviews and a low start."
)

# %% [markdown]
# **Decision.** Move no money after the film star's group: it is one of our better ones, and it stands where it stood.
# Do not print weekly shares of small groups any more; print this table. If the group matters, buy a thousand
# interviews of it, or wait.
#
# ## Against the planted truth
#
# In the made-up campaign every voter's leaning is known on each day. No group moved apart from the rest in September.

# %%
truth = pl.read_parquet(ck.sample.exports_folder(drop="2012-10-31") / "truth" / "groups.parquet")
truth.filter(
    pl.col("variable").is_in(["all", "film star's group"]),
    pl.col("asked_on").is_in([dt.date(2012, 9, 4), dt.date(2012, 10, 3)]),
).pivot("asked_on", index=["variable", "level", "voters"], values="supports")
