"""Steps about votes: e-mail tests, the forecast, the money, television."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl

from campaignkit import charts, election, experiments, outreach
from campaignkit.briefing.parts import Figure, Part, table_of
from campaignkit.briefing.pictures import picture
from campaignkit.briefing.since import PARTS, drawn_error, in_parts, rate_change, signed, spend_changes
from campaignkit.briefing.tonight import Tonight
from campaignkit.election.model.states import state_name
from campaignkit.errors import BadValue
from campaignkit.wording import change, dollars, points, share

CLOSEST = 10  # states in the chart
SURE = 0.95  # probability of being the best, from which a new leader is more than chance
SENT = """SELECT s.person_id, coalesce('h' || p.household_id, 'p' || s.person_id) AS household,
       concat_ws(' · ', s.subject, s.sender, s.message) AS variant, count(e.person_id) > 0 AS gave,
       min(s.sent_on) AS sent_on
FROM email_send s JOIN person p USING (person_id)
LEFT JOIN email_event e ON e.person_id = s.person_id AND e.email_id = s.email_id AND e.event = 'gift'
WHERE s.test = ? GROUP BY ALL ORDER BY ALL"""


def emails(tonight: Tonight) -> Part:
    """Say which variant of each e-mail test to send, how good it is, and what changed since the last page."""
    wanted = tonight.settings.emails
    if wanted is None or not wanted.tests:
        return Part()
    rows, sentences, changed, kept = [], [], [], {}
    for test in wanted.tests:
        sent = tonight.sql(SENT, [test])
        best = experiments.winners(sent, "variant", "gave", cluster="household")
        top = best.table.row(0, named=True)
        sentences.append(
            f"{test}: send “{top['arm']}”. Expect {share(top['estimate'])} of recipients to give, not the "
            f"{share(top['level'])} seen in the test. It has a {top['probability_best']:.0%} chance of being the best."
        )
        rows.append(best.table.head(5).select(pl.lit(test).alias("test"), variant="arm", sent="n", gave_rate="level",
                                              estimate="estimate", lower="lower", upper="upper",
                                              probability_best="probability_best"))  # fmt: skip
        kept[test] = {"counts": _given(sent), "best": top["arm"]}
        for page in tonight.kept("emails")[-1:]:
            changed += [_email_change(test, sent, page, top)] if test in page["tests"] else []
    query = f"experiments.winners over:\n{SENT}"
    best = pl.concat(rows)
    drawn = picture(
        "The best variants, corrected for having been picked", " ".join(sentences), _variants(best), None, 150
    )
    tables = [table_of("emails", "E-mail tests: the five best variants", query, best)]
    if changed:
        since, kinds = pl.DataFrame([row for row, _ in changed]), dict.fromkeys(("change", *PARTS), "points")
        tables.append(table_of("email_changes", "E-mail tests: what changed since the last page", SENT, since, kinds))
    told = [text for _, text in changed]
    return Part("E-mail", sentences, tables=tables, charts=[drawn], changes=told,
                kept={"as_of": str(tonight.megafile.as_of), "tests": kept})  # fmt: skip


def _given(sent: pl.DataFrame) -> tuple[int, int]:
    """Return how many gave, and of how many sends."""
    return int(sent["gave"].sum()), sent.height


def _email_change(
    test: str, sent: pl.DataFrame, page: dict[str, Any], top: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """Return what changed in a test since the last page, as a row and in words."""
    before, day = page["tests"][test], dt.date.fromisoformat(page["as_of"])
    now, again = _given(sent), _given(sent.filter(pl.col("sent_on").fill_null(day) <= day))
    parts = rate_change(now, again, tuple(before["counts"]))
    sends, givers = now[1] - before["counts"][1], now[0] - before["counts"][0]
    row = {"test": test, "new_sends": sends, "new_givers": givers} | parts
    if not (sends or givers):
        return row, f"{test}: no sends and no gifts came in since {day}."
    text = f"{test}: sends {signed(sends)}, givers {signed(givers)} since {day}. "
    text += f"The share who gave changed by {in_parts(parts)}."
    if before["best"] != top["arm"]:
        chance = ", and chance explains the switch" if top["probability_best"] < SURE else ""
        text += f" The last page had “{before['best']}” first{chance}."
    return row, text


def _variants(best: pl.DataFrame) -> Any:
    alt = charts.house()
    rows = best.select(pl.col("variant").str.replace_all(" · ", ", "), "estimate", "lower", "upper")
    base = alt.Chart(rows).encode(y=alt.Y("variant:N", sort=None, title=None, axis=alt.Axis(labelLimit=270)))
    x = {"title": None, "axis": alt.Axis(format=".1%", tickCount=4), "scale": alt.Scale(zero=False)}
    bars = base.mark_rule(strokeWidth=2, color=charts.PALETTE[0]).encode(x=alt.X("lower:Q", **x), x2="upper:Q")
    points_ = base.mark_point(opacity=1).encode(x=alt.X("estimate:Q", **x))
    return alt.layer(bars, points_).properties(height=alt.Step(19))


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
    """Report the chances by state, and split each change into new polls, passing days and simulation noise."""
    wanted = tonight.settings.forecast
    if wanted is None:
        return Part()
    as_of = tonight.megafile.as_of
    odds = _odds(tonight, as_of)
    drawn = odds.simulate(wanted.elections, wanted.seed)
    table = odds.table.select("state", "state_name", "electoral_votes", "polls", "estimate", "lower", "upper", "chance")
    told: list[str] = []
    before = tonight.kept("forecast")[-1:]
    tables = [table_of("states", "Each state's share and chance", f"election.forecast(…, as_of={as_of})",
                       table.sort((pl.col("estimate") - 0.5).abs()), most=60)]  # fmt: skip
    win, note = drawn.win_probability, f"in {wanted.elections:,} drawn elections"
    if before:
        then = _odds(tonight, dt.date.fromisoformat(before[0]["as_of"]))
        moved = election.compare(odds, then, n=wanted.elections, seed=wanted.seed)
        told.append(f"Since {before[0]['as_of']}: {moved.summary()} New polls are new data. No part of it is "
                         "known to be a real change among voters.")  # fmt: skip
        note = f"{change(moved.table.row(-1, named=True)['change'], 'rate')} since {before[0]['as_of']}"
        tables.append(table_of("moved", "What moved each chance", "election.compare(tonight, the last page)",
                               moved.table.sort(pl.col("change").abs(), descending=True),
                               {"yesterday": "rate", "today": "rate", "change": "points", "days": "points",
                                "polls": "points", "settings": "points", "noise": "points"}))  # fmt: skip
    return Part(
        "The forecast", [odds.summary()], [Figure("Chance of winning", f"{win:.0%}", note, "states")], tables,
        [picture("The closest states", odds.summary(), _states(table), None)], changes=told, kept={"as_of": str(as_of)},
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
    """Say where the budget should go, and what of the change since the last page is more than chance."""
    wanted, goal = tonight.settings.money, tonight.settings.forecast
    if wanted is None or goal is None:
        return Part()
    as_of = tonight.megafile.as_of
    plan = _plan(tonight, as_of)
    funded = plan.table.filter(pl.col("spend") > 0)
    table = funded.select("state", "spend", "shift", "first_unit", "funded_probability", "best_probability")
    first = state_name(funded["state"][0]) if funded.height else "nowhere"
    kinds = {"spend": "money", "funded_probability": "rate", "best_probability": "rate"}
    tables = [table_of("money", "Where the budget goes", f"election.allocate(…, {wanted.budget:,.0f})", table, kinds)]
    asked, spend = repr((wanted, goal)), _spends(plan)
    told = []
    for page in tonight.kept("money")[-1:]:
        if page["asked"] == asked and page["spend"] and spend:
            changes, sentence = _money_change(tonight, plan, page)
            told.append(sentence)
            tables.append(table_of("money_changes", "Dollars by state: what changed since the last page",
                                   "election.allocate(…) of both days", changes,
                                   {"spend": "money"} | dict.fromkeys(("change", *PARTS), "change")))  # fmt: skip
    return Part(
        "The money", [plan.summary()],
        [Figure("First dollars go to", first, f"+{points(plan.gain)} points for the whole budget", "money")], tables,
        [picture("Dollars by state", plan.summary(), _spent(table), None)] if table.height else [],
        changes=told, kept={"as_of": str(as_of), "asked": asked, "spend": spend},
    )  # fmt: skip


def _plan(tonight: Tonight, as_of: dt.date, last: dict[str, float] | None = None) -> Any:
    wanted, goal = tonight.settings.money, tonight.settings.forecast
    drawn = _odds(tonight, as_of).simulate(goal.elections, goal.seed)  # ty: ignore
    results = election.results()
    latest = results.filter(pl.col("year") < goal.on.year)["year"].max()  # ty: ignore
    voters = dict(results.filter(pl.col("year") == latest).select("state", "total_votes").iter_rows())
    response = {"effect": wanted.effect, "scale": wanted.scale, "voters": voters}  # ty: ignore
    response |= {} if wanted.std_error is None else {"std_error": wanted.std_error}  # ty: ignore
    return election.allocate(drawn, wanted.budget, responses=response, last_cycle=last, seed=goal.seed)  # ty: ignore


def _money_change(tonight: Tonight, plan: Any, page: dict[str, Any]) -> tuple[pl.DataFrame, str]:
    """Return how the plan changed since the last page, and whether chance explains it.

    It does where the earlier plan would bring as much, within two standard errors of the simulation.
    """
    before, day = page["spend"], page["as_of"]
    now = _spends(plan)
    loss = _plan(tonight, tonight.megafile.as_of, before).last_cycle_loss
    error = 2 * drawn_error(plan.win_before, tonight.settings.forecast.elections)  # ty: ignore
    changes = spend_changes(now, _spends(_plan(tonight, dt.date.fromisoformat(day))), before, real=loss > error)
    moved = float((changes["change"].abs().sum()) / 2)
    if moved < 1:
        return changes, f"The plan has not changed since {day}."
    text = f"{dollars(moved, 0)} changed states since {day}. "
    if loss > error:
        return changes, f"{text}The change is real: keeping the last page's plan would cost {points(loss)} points."
    return changes, (
        f"{text}Chance explains it: keeping the last page's plan would cost {points(max(loss, 0.0))} points, and the "
        f"simulation can't see less than {points(error)}."
    )


def _spends(plan: Any) -> dict[str, float]:
    return dict(plan.table.select("state", pl.col("spend").round()).filter(pl.col("spend") > 0).iter_rows())


def _spent(table: pl.DataFrame) -> Any:
    alt = charts.house()
    base = alt.Chart(table.head(CLOSEST)).encode(y=alt.Y("state:N", sort=None, title=None))
    x = alt.X("spend:Q", title=None, axis=alt.Axis(format="$,.2~s", tickCount=4))
    label = base.mark_text(align="left", dx=4).encode(x=x, text=alt.Text("spend:Q", format="$,.3~s"))
    return alt.layer(base.mark_bar(height=12).encode(x=x), label).properties(height=alt.Step(19))


def television(tonight: Tonight) -> Part:
    """Report which spots to buy and what they should deliver."""
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
        tables=[table_of("television", "What the plan should deliver", "outreach.buy_plan(…)", promise, kinds),
                table_of("spots", "The first spots to buy", "outreach.buy_plan(…).table", plan.table, {}, 12)],
    )  # fmt: skip
