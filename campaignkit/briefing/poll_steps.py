"""The step about polls: where each group stands, what moved, and why."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from campaignkit import charts
from campaignkit import polls as survey
from campaignkit.briefing import checks as look
from campaignkit.briefing.changes import Changes, changes
from campaignkit.briefing.parts import Check, Figure, Part, table_of
from campaignkit.briefing.pictures import picture
from campaignkit.briefing.since import PARTS, in_parts
from campaignkit.briefing.tonight import Tonight
from campaignkit.errors import NotEnoughData
from campaignkit.sql import quote_identifiers
from campaignkit.wording import counted, share


def polls(tonight: Tonight) -> Part:
    """Report where each group stands, what moved since the last page, and why."""
    wanted, megafile = tonight.settings.polls, tonight.megafile
    if wanted is None:
        return Part()
    groups, columns = {name: name for name in wanted.by}, quote_identifiers(list(wanted.by))
    voter = " AND ".join(f"({text})" for text in wanted.frame)
    asked = megafile.interviews(list(wanted.question), {"_voter": voter, **groups}, yes=list(wanted.yes),
                                no=list(wanted.no))  # fmt: skip
    frame = megafile.universe(*wanted.frame).features(groups)
    known = frame.aggregate(columns, columns).pl()
    rows = asked.filter("_voter").join(known, on=list(wanted.by), how="semi", nulls_equal=True)
    by, day, stream = list(wanted.by), "asked_on", "stream"
    weighed = megafile.universe(*wanted.frame) if wanted.frame_weight else frame
    now = survey.trends(rows, "supports", by, day, stream=stream, frame=weighed, frame_weight=wanted.frame_weight,
                        window=wanted.nights)  # fmt: skip
    before = [dt.date.fromisoformat(page["last"]) for page in tonight.kept("polls")][-1:]
    why, reason = _why(rows, by, before, now.last)
    parts = _parted(now, rows, before, why, (wanted, weighed))
    everyone = now.table.row(0, named=True)
    level = f"{share(everyone['lower'])} to {share(everyone['upper'])}"
    query = f"polls.trends over {counted(rows.height, 'interview')} of {' / '.join(wanted.question)}"
    tables = [table_of("polls", "Where each group stands, and what changed since the last page", query, parts,
                       dict.fromkeys(("change", *PARTS), "points"))]  # fmt: skip
    if why is not None:
        tables.append(table_of("night", "The latest night against the nights before", "briefing.changes over the same",
                               why.table, {"estimate": "points", "std_error": "points", "lower": "points",
                                           "upper": "points"}, most=60))  # fmt: skip
    stands = f"{share(everyone['estimate'])} of all voters support us as of {now.last} ({level})."
    split = parts.row(0, named=True)
    if split["change"] is not None:
        stands += f" The change since the last page is {in_parts(split)}."
    return Part(
        "The polls", [stands, reason],
        [Figure("Support in the polls", share(everyone["estimate"]), level, "polls")], tables,
        [picture("Where each group stands", f"{stands} {reason}", _groups(parts), None)],
        [*_poll_checks(why), *_silent(rows, wanted.quiet_nights)], kept={"last": str(now.last)},
    )  # fmt: skip


def _why(rows: pl.DataFrame, by: list[str], before: list[dt.date], last: dt.date) -> tuple[Changes | None, str]:
    if before and before[0] >= last:
        return None, "No interviews came in since the last page, so nothing here is news."
    try:
        why = changes(rows, "supports", by, "asked_on", stream="stream", since=before[0] if before else None)
    except NotEnoughData as error:
        return None, f"It is too early to tell a move from chance: {error}"
    return why, why.summary()


def _parted(now: Any, rows: pl.DataFrame, before: list[dt.date], why: Changes | None, asked: Any) -> pl.DataFrame:
    """Return each group's estimate, and its change since the last page in three parts that add up to it.

    New data: what the new interviews say of the day before. The rest is real where `changes` names the group, else
    chance.
    """
    wanted, frame = asked
    table = now.table.select("variable", "level", "n", "estimate", "lower", "upper")
    day = pl.col("asked_on").dt.date() if rows["asked_on"].dtype == pl.Datetime else pl.col("asked_on")
    earlier = rows.filter(day <= before[0]) if before else rows.head(0)
    if earlier.is_empty() or before[0] >= now.last:
        return table.with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("change", *PARTS))
    then = survey.trends(earlier, "supports", list(wanted.by), "asked_on", stream="stream", frame=frame,
                         frame_weight=wanted.frame_weight, window=wanted.nights)  # fmt: skip
    keys = ["variable", "level"]
    again = now.path.filter(pl.col("date") == then.last).select(*keys, again="estimate")
    both = table.join(then.table.select(*keys, before="estimate"), on=keys, how="left", nulls_equal=True)
    both = both.join(again, on=keys, how="left", nulls_equal=True, maintain_order="left")
    named = why is not None and why.cause == "move"
    name = pl.format("{} {}", "variable", pl.col("level").fill_null("null"))
    moved = name.is_in(list(why.named)) if why is not None and named else pl.lit(False)
    rest = pl.col("estimate") - pl.col("again")
    return both.select(
        *table.columns, change=pl.col("estimate") - pl.col("before"), new_data=pl.col("again") - pl.col("before"),
        real=pl.when(moved).then(rest).otherwise(0.0), chance=pl.when(moved).then(0.0).otherwise(rest),
    )  # fmt: skip


def _groups(parts: pl.DataFrame) -> Any:
    alt = charts.house()
    level = pl.col("level").fill_null("unknown")
    rows = parts.select(
        group=pl.when(pl.col("variable") == "all").then(level).otherwise(pl.format("{} {}", "variable", level)),
        estimate="estimate", lower="lower", upper="upper",
    ).head(24)  # fmt: skip
    rows = rows.with_columns(pl.col("group").str.replace_all("_", " "))
    base = alt.Chart(rows).encode(y=alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=110)))
    x = {"title": None, "axis": alt.Axis(format=".0%", tickCount=5), "scale": alt.Scale(zero=False)}
    even = alt.Chart(pl.DataFrame({"x": [0.5]})).mark_rule(strokeDash=[3, 3], opacity=0.5).encode(x="x:Q")
    bars = base.mark_rule(strokeWidth=2, color=charts.PALETTE[0]).encode(x=alt.X("lower:Q", **x), x2="upper:Q")
    return alt.layer(even, bars, base.mark_point(opacity=1).encode(x=alt.X("estimate:Q", **x))).properties(
        height=alt.Step(17)
    )


def _poll_checks(why: Changes | None) -> list[Check]:
    if why is None or why.cause not in ("export", "mix", "unclear"):
        return []
    rows = why.table.filter("claimed").sort("p_value")
    row = rows.row(0, named=True) if rows.height else {"n": 0, "p_adjusted": None}
    what = {"export": "The poll export of {} looks wrong.",
            "mix": "The poll stream {} reached a different mix of people than usual.",
            "unclear": "Something in the polls changed, and the cause is unclear ({})."}  # fmt: skip
    to_do = "Do not report its numbers as news. Ask the vendor what changed, and look again tomorrow."
    return [Check("warning", what[why.cause].format(", ".join(why.named_in_words())), f"{row['n']:,} interviews",
                  f"the {why.nights} nights before", to_do)]  # fmt: skip


def _silent(rows: pl.DataFrame, nights: int) -> list[Check]:
    days = rows.select("stream", "asked_on").unique().sort("stream", "asked_on")
    gap = pl.col("asked_on").diff().dt.total_days().max().fill_null(1)
    last = days.group_by("stream", maintain_order=True).agg(last=pl.col("asked_on").max(), gap=gap)
    return look.silent(last, rows["asked_on"].max(), nights)
