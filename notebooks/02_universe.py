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
# # Count and browse an audience
#
# *Women of 40–49 in Ohio who gave and were never contacted.*
#
# **The question:** the finance office has forty volunteer callers for an evening. They want to thank women in their
# forties in Ohio who gave and who nobody has called or visited yet. How many are they, who are they, and is it an
# evening's work?
#
# A universe is such an audience, said in a line. It is counted at once, can be broken down, sampled and put together
# with others, and its SQL can be read. The campaign is invented; places and file layouts are real.

# %%
import altair as alt

import campaignkit as ck

mf = ck.sample.megafile()
women = mf.universe("sex = 'F'", "age between 40 and 49", state="OH")
women

# %% [markdown]
# To find an audience by trying rather than by writing, use `ck.widgets.UniverseBuilder(mf)`: see
# [the explorers](11_explorers.ipynb).
#
# ## Say it in steps, count each

# %%
donors = women & mf.universe("donor")
never_met = donors & mf.universe("not contacted()")
for universe in (women, donors, never_met):
    print(universe)

# %% [markdown]
# What can be named in a condition beyond a person's own columns:

# %%
mf.facts

# %% [markdown]
# A name that is not there gets the nearest right one:

# %%
try:
    mf.universe("gaave('online')")
except ck.errors.ColumnNotFound as error:
    print(error)

# %% [markdown]
# So does a value that nobody has. As a keyword it is an error; in a predicate a warning, and no list is made of it:

# %%
try:
    mf.universe(sex="Female")
except ck.errors.BadValue as error:
    print(error)

# %% [markdown]
# ## Who are they?

# %%
never_met.by("county")

# %%
never_met.by("income_band", measures=["gifts()"])

# %% [markdown]
# The intervals are wide: with so few people in a group, an order by average gift is mostly luck. The table is for
# knowing who you will talk to, not for choosing among them.

# %% [markdown]
# All of Ohio's donors, by age. Drag across the ages: the bars below count those within.

# %%
ages = mf.universe("donor", "age is not null", state="OH").by("age", "sex").table
within = alt.selection_interval(encodings=["x"])
by_age = (
    alt.Chart(ages, width=460, height=110)
    .mark_bar()
    .encode(x="age:Q", y=alt.Y("sum(n):Q", title="people"))
    .add_params(within)
)
by_sex = alt.Chart(ages, width=460).mark_bar().encode(x=alt.X("sum(n):Q", title="people"), y="sex:N")
(by_age & by_sex.transform_filter(within)).properties(
    title="Ohio's donors: drag across the ages",
    description=f"{ages['n'].sum():,} donors in Ohio by age, and below by sex within the ages dragged across.",
)

# %% [markdown]
# ## Read through some of them
#
# Always look at real rows before a list goes out. The same seed draws the same people.

# %%
never_met.sample(8, seed=1, columns=["first_name", "last_name", "age", "city", "gifts()", "last_gift_days", "votes()"])

# %% [markdown]
# ## As of a date
#
# What was known on another day? Gifts, votes and contacts dated later do not exist for a universe of that day. This
# is how a model is trained on the past without peeking.

# %%
for day in ("2012-03-01", "2012-06-01", "2012-09-01"):
    print(mf.universe("sex = 'F'", "age between 40 and 49", "donor", "not contacted()", state="OH", as_of=day))

# %% [markdown]
# ## What could fool us
#
# * **Two rows of one woman.** Where links were missed, a donor without a known age or state is not in the universe at
#   all. The count is a lower bound; here is how many donors have no known age:

# %%
unknown_age = mf.universe("donor", "age is null")
print(f"{unknown_age.count():,} of {mf.universe('donor').count():,} donors have no known age.")

# %% [markdown]
# * **Contacted, but not by us.** `not contacted()` knows only the contacts in the files.
# * **A number to call.** Not everyone has one, and some said no:

# %%
tonight = never_met.call_list("phone", purpose="volunteer")
tonight

# %% [markdown]
# ## The number, and the decision

# %%
calls = tonight.table.height
print(f"{never_met.count():,} women; {calls:,} of them can be called, {calls / 40:.0f} for each of forty callers.")

# %% [markdown]
# **Decision.** A caller makes about fifteen calls an hour, so calls for each caller over fifteen is the hours needed.
# Where that is under an hour, add women of 50–59 rather than call anybody twice. The universe's SQL goes into the
# record:

# %%
print(never_met.sql)
