"""Steps about votes: e-mail tests, polls, the forecast, the money, television."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl

from campaignkit import charts, election, experiments, outreach
from campaignkit import polls as survey
from campaignkit.briefing import checks as look
from campaignkit.briefing.changes import Changes, changes
from campaignkit.briefing.parts import Check, Figure, Part, table_of
from campaignkit.briefing.pictures import picture
from campaignkit.briefing.tonight import Tonight
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.sql import quote_identifiers
from campaignkit.wording import change, counted, points, share

CLOSEST = 10  # states in the chart
SENT = """SELECT s.person_id, coalesce('h' || p.household_id, 'p' || s.person_id) AS household,
       concat_ws(' · ', s.subject, s.sender, s.message) AS variant, count(e.person_id) > 0 AS gave
FROM email_send s JOIN person p USING (person_id)
LEFT JOIN email_event e ON e.person_id = s.person_id AND e.email_id = s.email_id AND e.event = 'gift'
WHERE s.test = ? GROUP BY ALL ORDER BY ALL"""


def emails(tonight: Tonight) -> Part:
    """Say which variant of each e-mail test to send, and how good it really is."""
    wanted = tonight.settings.emails
    if wanted is None or not wanted.tests:
        return Part()
    rows, sentences = [], []
    for test in wanted.tests:
        sent = tonight.sql(SENT, [test])
        best = experiments.winners(sent, "variant", "gave", cluster="household")
        top = best.table.row(0, named=True)
        sentences.append(
            f"{test}: send “{top['arm']}”. Of those who get it {share(top['estimate'])} should give, not the "
            f"{share(top['level'])} of the test; it is the best with probability {top['probability_best']:.0%}."
        )
        rows.append(best.table.head(5).select(pl.lit(test).alias("test"), variant="arm", sent="n", gave_rate="level",
                                              estimate="estimate", lower="lower", upper="upper",
                                              probability_best="probability_best"))  # fmt: skip
    query = f"experiments.winners over:\n{SENT}"
    best = pl.concat(rows)
    drawn = picture("The best variants, shrunk for having been picked", " ".join(sentences), _variants(best), None, 150)
    return Part("E-mail", sentences, tables=[table_of("emails", "E-mail tests: the five best variants", query, best)],
                charts=[drawn])  # fmt: skip


def _variants(best: pl.DataFrame) -> Any:
    alt = charts.house()
    rows = best.select(pl.col("variant").str.replace_all(" · ", ", "), "estimate", "lower", "upper")
    base = alt.Chart(rows).encode(y=alt.Y("variant:N", sort=None, title=None, axis=alt.Axis(labelLimit=270)))
    x = {"title": None, "axis": alt.Axis(format=".1%", tickCount=4), "scale": alt.Scale(zero=False)}
    bars = base.mark_rule(strokeWidth=2, color=charts.PALETTE[0]).encode(x=alt.X("lower:Q", **x), x2="upper:Q")
    points_ = base.mark_point(opacity=1).encode(x=alt.X("estimate:Q", **x))
    return alt.layer(bars, points_).properties(height=alt.Step(19))


def polls(tonight: Tonight) -> Part:
    """Say where each group stands, what moved since the page before, and why."""
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
    tables = [table_of("polls", "Where each group stands, and what is left of the change", query, parts,
                       dict.fromkeys(("change", "new_data", "real", "chance"), "points"))]  # fmt: skip
    if why is not None:
        tables.append(table_of("night", "The latest night beside the nights before", "briefing.changes over the same",
                               why.table, {"estimate": "points", "std_error": "points", "lower": "points",
                                           "upper": "points"}, most=60))  # fmt: skip
    stands = f"{share(everyone['estimate'])} of everyone are for us on {now.last} ({level})."
    split = parts.row(0, named=True)
    if split["change"] is not None:
        pieces = ", ".join(
            f"{change(split[name], 'rate')} {name.replace('_', ' ')}" for name in ("new_data", "real", "chance")
        )
        stands += f" That is {change(split['change'], 'rate')} beside the page before: {pieces}."
    return Part(
        "The polls", [stands, reason],
        [Figure("For us in the polls", share(everyone["estimate"]), level, "polls")], tables,
        [picture("Where each group stands", f"{stands} {reason}", _groups(parts), None)],
        [*_poll_checks(why), *_silent(rows, wanted.quiet_nights)], {"last": str(now.last)},
    )  # fmt: skip


def _why(rows: pl.DataFrame, by: list[str], before: list[dt.date], last: dt.date) -> tuple[Changes | None, str]:
    if before and before[0] >= last:
        return None, "No interview is newer than the page before: whatever is told of a change is not news."
    try:
        why = changes(rows, "supports", by, "asked_on", stream="stream", since=before[0] if before else None)
    except NotEnoughData as error:
        return None, f"What moved can't be told from chance yet: {error}"
    return why, why.summary()


def _parted(now: Any, rows: pl.DataFrame, before: list[dt.date], why: Changes | None, asked: Any) -> pl.DataFrame:
    """Return each group's estimate, and its change since the page before in three parts that sum to it.

    New data: what the new interviews say of the day before. The rest is real where `changes` names the group, else
    chance.
    """
    wanted, frame = asked
    table = now.table.select("variable", "level", "n", "estimate", "lower", "upper")
    day = pl.col("asked_on").dt.date() if rows["asked_on"].dtype == pl.Datetime else pl.col("asked_on")
    earlier = rows.filter(day <= before[0]) if before else rows.head(0)
    if earlier.is_empty() or before[0] >= now.last:
        return table.with_columns(
            pl.lit(None, pl.Float64).alias(name) for name in ("change", "new_data", "real", "chance")
        )
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
            "mix": "The poll stream {} reached other people than usual.",
            "unclear": "Something in the polls is unlike before, and it can't be told what ({})."}  # fmt: skip
    to_do = "Do not read its numbers as news; ask the vendor what changed, and look again tomorrow."
    return [Check("warning", what[why.cause].format(", ".join(why.named)), f"{row['n']:,} interviews",
                  f"the {why.nights} nights before", to_do)]  # fmt: skip


def _silent(rows: pl.DataFrame, nights: int) -> list[Check]:
    days = rows.select("stream", "asked_on").unique().sort("stream", "asked_on")
    gap = pl.col("asked_on").diff().dt.total_days().max().fill_null(1)
    last = days.group_by("stream", maintain_order=True).agg(last=pl.col("asked_on").max(), gap=gap)
    return look.silent(last, rows["asked_on"].max(), nights)


def _public_polls(tonight: Tonight) -> pl.DataFrame:
    name = tonight.settings.forecast.polls  # ty: ignore
    if name == "polls_2012":
        return election.polls_2012()
    path = tonight.settings.path(name)
    if not path.is_file():
        raise BadValue(f"[forecast] polls: there is no file {name!r}.")
    return pl.read_parquet(path) if Path(name).suffix == ".parquet" else pl.read_csv(path, try_parse_dates=True)


def _odds(tonight: Tonight, as_of: dt.date) -> Any:
    wanted = tonight.settings.forecast
    return election.forecast(_public_polls(tonight), election.results(), on=wanted.on, as_of=min(as_of, wanted.on))  # ty: ignore


def forecast(tonight: Tonight) -> Part:
    """Say the chances by state, and which parts of each change are new polls, days gone by, and the draws' noise."""
    wanted = tonight.settings.forecast
    if wanted is None:
        return Part()
    as_of = tonight.megafile.as_of
    odds = _odds(tonight, as_of)
    drawn = odds.simulate(wanted.elections, wanted.seed)
    table = odds.table.select("state", "state_name", "electoral_votes", "polls", "estimate", "lower", "upper", "chance")
    sentences = [odds.summary()]
    before = tonight.kept("forecast")[-1:]
    tables = [table_of("states", "Each state's share and chance", f"election.forecast(…, as_of={as_of})",
                       table.sort((pl.col("estimate") - 0.5).abs()), most=60)]  # fmt: skip
    win, note = drawn.win_probability, f"in {wanted.elections:,} drawn elections"
    if before:
        then = _odds(tonight, dt.date.fromisoformat(before[0]["as_of"]))
        moved = election.compare(odds, then, n=wanted.elections, seed=wanted.seed)
        sentences.append(f"Since {before[0]['as_of']}: {moved.summary()} By polls is new data; none of it is known "
                         "to be a real change of the voters.")  # fmt: skip
        note = f"{change(moved.table.row(-1, named=True)['change'], 'rate')} since {before[0]['as_of']}"
        tables.append(table_of("moved", "What moved each chance", "election.compare(tonight, the page before)",
                               moved.table.sort(pl.col("change").abs(), descending=True),
                               {"yesterday": "rate", "today": "rate", "change": "points", "days": "points",
                                "polls": "points", "settings": "points", "noise": "points"}))  # fmt: skip
    return Part(
        "The forecast", sentences, [Figure("Chance of winning", f"{win:.0%}", note, "states")], tables,
        [picture("The closest states", odds.summary(), _states(table), None)], kept={"as_of": str(as_of)},
    )  # fmt: skip


def _states(table: pl.DataFrame) -> Any:
    alt = charts.house()
    rows = table.sort((pl.col("estimate") - 0.5).abs()).head(CLOSEST).sort("chance", descending=True)
    base = alt.Chart(rows).encode(y=alt.Y("state_name:N", sort=None, title=None))
    x = alt.X(
        "chance:Q", title="chance of winning the state", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])
    )
    label = base.mark_text(align="left", dx=4).encode(x=x, text=alt.Text("chance:Q", format=".0%"))
    return alt.layer(base.mark_bar(height=12).encode(x=x), label).properties(height=alt.Step(19))


def money(tonight: Tonight) -> Part:
    """Say what the money should do."""
    wanted, goal = tonight.settings.money, tonight.settings.forecast
    if wanted is None or goal is None:
        return Part()
    drawn = _odds(tonight, tonight.megafile.as_of).simulate(goal.elections, goal.seed)
    results = election.results()
    latest = results.filter(pl.col("year") < goal.on.year)["year"].max()
    voters = dict(results.filter(pl.col("year") == latest).select("state", "total_votes").iter_rows())
    response = {"effect": wanted.effect, "scale": wanted.scale, "voters": voters}
    response |= {} if wanted.std_error is None else {"std_error": wanted.std_error}
    plan = election.allocate(drawn, wanted.budget, responses=response, seed=goal.seed)
    funded = plan.table.filter(pl.col("spend") > 0)
    table = funded.select("state", "spend", "shift", "first_unit", "funded_probability", "best_probability")
    first = funded["state"][0] if funded.height else "nowhere"
    kinds = {"spend": "money", "funded_probability": "rate", "best_probability": "rate"}
    return Part(
        "The money", [plan.summary()],
        [Figure("First money goes to", first, f"{points(plan.gain)} points for all of it", "money")],
        [table_of("money", "Where the budget goes", f"election.allocate(…, {wanted.budget:,.0f})", table, kinds)],
        [picture("Dollars by state", plan.summary(), _spent(table), None)] if table.height else [],
    )  # fmt: skip


def _spent(table: pl.DataFrame) -> Any:
    alt = charts.house()
    base = alt.Chart(table.head(CLOSEST)).encode(y=alt.Y("state:N", sort=None, title=None))
    x = alt.X("spend:Q", title=None, axis=alt.Axis(format="$,.2~s", tickCount=4))
    label = base.mark_text(align="left", dx=4).encode(x=x, text=alt.Text("spend:Q", format="$,.3~s"))
    return alt.layer(base.mark_bar(height=12).encode(x=x), label).properties(height=alt.Step(19))


def television(tonight: Tonight) -> Part:
    """Say which spots to buy, and what they promise."""
    wanted, megafile = tonight.settings.television, tonight.megafile
    if wanted is None:
        return Part()
    who = outreach.audiences(
        megafile.table("viewing"), megafile.universe(*wanted.target), ["network", "daypart"], unit="person_id",
        weight="weight", market="market", exposures="days", days=wanted.days, panel=megafile.table("panel_home"),
    )  # fmt: skip
    plan = outreach.buy_plan(who, megafile.table("avail"), wanted.budget, goal=wanted.goal)
    promise = plan.promise.select("quantity", "estimate", "lower", "upper")
    kinds = dict.fromkeys(("estimate", "lower", "upper"), "number")
    return Part(
        "Television", [plan.summary()],
        tables=[table_of("television", "What the plan promises", "outreach.buy_plan(…)", promise, kinds),
                table_of("spots", "The first spots to buy", "outreach.buy_plan(…).table", plan.table, {}, 12)],
    )  # fmt: skip
