# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Do charts draw?
#
# A notebook for the tests: an answer with a chart and a table, and two linked charts with a brush.

# %%
from dataclasses import dataclass

import altair as alt
import polars as pl

from campaignkit import charts
from campaignkit.result import Result

# %% [markdown]
# An answer as a room gives it. Its labels try to break out of the page.


# %%
@dataclass(frozen=True, eq=False, repr=False)
class Entered(Result):
    """Made-up rates of entry, by region."""

    def summary(self) -> str:
        """Return a sentence with a tag in it."""
        return "Entry was highest in the <b>West</b>; the intervals overlap, so the order is not settled."

    def percentages(self) -> list[str]:
        """Return the columns that are shares here."""
        return ["entered_rate", "lower", "upper"]

    def chart(self) -> alt.LayerChart:
        """Return points with intervals."""
        title = "Who entered, by region"
        return charts.intervals(
            self.table, "region", "entered_rate", description=self.summary(), reference=0.12, title=title
        )


names = ["West", "South", "Midwest & Plains", "</script><script>document.title='broken'</script>", None]
names += [f"District {number}" for number in range(1, 10)]
rates = [0.18 - 0.007 * place for place in range(len(names))]
table = pl.DataFrame(
    {
        "region": names,
        "n": [9_000 * (place + 1) for place in range(len(names))],
        "entered_rate": rates,
        "lower": [rate - 0.02 for rate in rates],
        "upper": [rate + 0.02 for rate in rates],
        "p_value": [0.00012 * (place + 1) ** 3 for place in range(len(names))],
    }
)
Entered(table)

# %% [markdown]
# Brush over the ages: the bars below count the people within.

# %%
ages = pl.DataFrame({"age": list(range(18, 90)) * 3, "party": ["D"] * 72 + ["R"] * 72 + ["U"] * 72}).with_columns(
    people=(pl.col("age") * 37 % 101 + pl.col("party").replace_strict({"D": 40, "R": 30, "U": 15}))
)
brush = alt.selection_interval(encodings=["x"])
by_age = alt.Chart(ages, height=140).mark_bar().encode(x="age:Q", y="sum(people):Q").add_params(brush)
by_party = (
    alt.Chart(ages, height=100)
    .mark_bar()
    .encode(x="sum(people):Q", y="party:N", color=alt.Color("party:N", legend=None))
    .transform_filter(brush)
)
(by_age & by_party).properties(description="People by age, and below them by party within the ages brushed.")

# %%
charts.bars(
    pl.DataFrame({"half": ["search", "held out"] * 2, "host": ["A", "A", "B", "B"], "n": [1200, 900, 700, 710]}),
    "host",
    "n",
    series="half",
    description="Host A drew more in the half searched than in the half held out; host B drew alike in both.",
)

# %%
table.head(3)
