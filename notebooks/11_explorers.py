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
# # Explore by hand: widgets
#
# *An audience, segments, tests and a score under your hands, before anything is written.*
#
# **The question:** the field office asks for "a few hundred women in Ohio who vote but give nothing, and anybody like
# the people who came running to Lorna Vale's dinner". Nobody has said how many there are, nor where to draw the line.
# How wide should it be drawn?
#
# Such a question is answered by trying. Four widgets count while you try, and each hands on what it found. They need
# a running kernel: in the printed book you see a still of each.
#
# All of them work from the keyboard: Tab goes from control to control, arrow keys move them, and a screen reader
# hears each new count.
#
# The campaign, its hosts and the people are invented.

# %%
import campaignkit as ck

mf = ck.sample.megafile()

# %% [markdown]
# ## Pick an audience
#
# Try this: choose Ohio, drag the age to 40 to 49, tick F. Watch the count, the bars, and the ticks that mark the whole
# file. Then set *Giving* to "never gave". A condition of your own goes into *And also*; a misspelt one is told what it
# should have been.

# %%
pick = ck.widgets.UniverseBuilder(mf)
pick

# %% [markdown]
# Controls can be set from code as well, so that a notebook starts where you left off:

# %%
pick.controls.states.value = ("OH",)
pick.controls.sex["F"].value = True
pick.controls.age.value = (40, 49)
pick.controls.giving.value = "never gave"
pick.controls.voted["2010-11-02"].value = "voted"
pick.universe

# %%
pick.universe.by("county")

# %% [markdown]
# ## Explore segments
#
# Who entered the contest more than others? Drag a box over the points, or narrow the two sliders, then go down the
# list: at the right is who they are, beside all who were invited.

# %%
invited = mf.universe("invited('host_a')")
found = ck.donors.discover_segments(
    invited, outcome="entered('host_a')", by=["region", "sex", "age_band", "income_band", "education"],
    unit="person_id", cluster="household_id", distinct=False, top=60,
)
explore = ck.widgets.SegmentExplorer(found, within=invited)
explore

# %%
explore.choice.value = explore.choice.options[1][1]
explore.universe

# %% [markdown]
# ## Tests on one board
#
# Two tests: three scripts for volunteers, looked at every day, and the eighteen e-mails of the June deadline. Move the
# day, and see the interval narrow; change the test, and move how many get the winner.

# %%
calls = ck.sample.draw("scripts", 20_000, seed=3).table
scripts = ck.experiments.analyze(
    calls, "arm", "supports_after", control="control", cluster="household", sequence="asked_on"
)
sent = ck.sample.draw("email", 20_000, seed=5).table
emails = ck.experiments.winners(sent, "email_id", "gave", cluster="household", recipients=100_000)
size = ck.experiments.test_and_roll(100_000, mean=sent["gave"].mean(), prior_sd=emails.spread, arms=18)
board = ck.widgets.ExperimentBoard({"Scripts, by day": scripts, "June e-mails": emails, "Size of the next test": size})
board

# %%
board.test.value = "June e-mails"
board.slider.value = 10
print(board.readout.headline)
print(board.readout.detail)

# %% [markdown]
# ## A score, looked into
#
# Who enters a contest? Move how deep to call; then make up a person, and see what the score says of them.

# %%
enters = ck.voters.fit_score(
    invited, "entered('host_a')", ["region", "sex", "age_band", "party", "education"], name="enters",
    purpose="volunteer", unit="person_id", cluster="household_id",
)
look = ck.widgets.ScoreInspector(enters)
look

# %%
look.profile["region"].value = "West"
look.profile["sex"].value = "F"
look.vary.value = "age_band"
print(f"A woman of the West, all else as is commonest: {look.chance:.1%}")

# %% [markdown]
# ## What could fool us
#
# * **Trying is searching.** Whoever moves controls until a number looks good has searched, as a computer would.
#   Segments were confirmed on people held out; an audience picked by hand was not.
# * **A slider's end is open.** An age that is not narrowed leaves in those whose age nobody knows; as soon as it is,
#   they are out.
# * **A profile is no experiment.** It shows how the score counts. A woman who moves to the West will not enter more.
# * **The day you stop.** The intervals over the days hold on all days at once. Those of an analysis without `sequence`
#   do not; such a test is shown without a slider.

# %% [markdown]
# ## The number, and the decision

# %%
both = pick.universe | (explore.universe - mf.universe("donor"))
tonight = both.call_list("phone", purpose="turnout")
print(
    f"{pick.count:,} women as asked for, {both.count():,} with those like the guests; {tonight.table.height:,} to call."
)

# %% [markdown]
# **Decision.** Call the women first: the line that was asked for is drawn by who they are, and stands as SQL in the
# record below. Those like the guests are worth a letter, as what is known of them is that they enter contests.

# %%
print(pick.universe.sql)
