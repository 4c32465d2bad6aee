"""Steps about people: files, checks, scores, contacts, lists."""

from __future__ import annotations

import datetime as dt
import warnings
from typing import Any

import polars as pl

from campaignkit import charts, voters
from campaignkit.briefing import checks as look
from campaignkit.briefing.parts import Check, Figure, Part, table_of
from campaignkit.briefing.pictures import picture
from campaignkit.briefing.settings import List, Persuasion
from campaignkit.briefing.since import PARTS, PAST, count_changes, signed
from campaignkit.briefing.tonight import Tonight
from campaignkit.errors import BadValue
from campaignkit.megafile.call_list import FORMATS
from campaignkit.sql import quote_literal
from campaignkit.voters.recipes import RECIPES
from campaignkit.wording import counted

RIDGE = 1.0  # of recipes: a rare level where nobody has the outcome yet must not stop a night
FATES = ("new", "changed", "unchanged", "older", "vanished", "rejected")

BY_SOURCE = """SELECT source, sum(files)::BIGINT AS files, sum(new)::BIGINT AS new, sum(changed)::BIGINT AS changed,
       sum(unchanged)::BIGINT AS unchanged, sum(older)::BIGINT AS older, sum(vanished)::BIGINT AS vanished,
       sum(rejected)::BIGINT AS rejected
FROM night_source WHERE night > ? GROUP BY source ORDER BY source"""
LINKS = """SELECT source, count(*) AS records, count(*) FILTER (matched_by IS NOT NULL) AS linked
FROM source_record GROUP BY source ORDER BY source"""
SUPPRESSIONS = """SELECT channel, count(*) AS closed FROM suppression WHERE until IS NULL GROUP BY channel
ORDER BY channel"""
CONTACTS = """SELECT channel, count(*) FILTER (contacted_on = ?::DATE) AS on_the_last_day,
       count(*) FILTER (contacted_on > ?::DATE - 7) AS in_seven_days,
       count(*) FILTER (contacted_on > ?::DATE - 14 AND contacted_on <= ?::DATE - 7) AS in_the_seven_before,
       count(DISTINCT person_id) AS people_ever
FROM contact WHERE contacted_on <= ?::DATE GROUP BY channel ORDER BY channel"""
BY_DAY = """SELECT contacted_on AS day, channel, count(*) AS contacts FROM contact
WHERE contacted_on > ?::DATE - 28 AND contacted_on <= ?::DATE GROUP BY ALL ORDER BY ALL"""
ARMS = """SELECT a.person_id, a.arm, CASE f.answer {yes} {no} END AS supports
FROM assignment a LEFT JOIN (SELECT person_id, any_value(answer) AS answer FROM survey_response
                             WHERE question = ? GROUP BY 1) f USING (person_id)
WHERE a.experiment = ? QUALIFY count(*) OVER (PARTITION BY a.person_id) = 1"""


def files(tonight: Tonight) -> Part:
    """Take the night's files in, and report what came in since the last page."""
    settings, megafile = tonight.settings, tonight.megafile
    layouts = [settings.path(name) for name in settings.layouts]
    exports = settings.path(settings.exports)
    if not exports.is_dir():
        raise BadValue(f"The exports folder {str(exports)!r} does not exist.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks say them
        if any(path.is_file() for path in exports.rglob("*")):
            megafile.refresh(exports, layouts=layouts, accept=tonight.accept, progress=False)
    since, before = tonight.since
    came = tonight.sql(BY_SOURCE, [since])
    people = tonight.sql("SELECT people FROM refresh_log ORDER BY night DESC LIMIT 1").item()
    nights = tonight.sql(
        "SELECT coalesce(sum(added), 0)::BIGINT, coalesce(sum(merged), 0)::BIGINT, coalesce(sum(ended), 0)::BIGINT "
        "FROM refresh_log WHERE night > ?", [since],
    ).row(0)  # fmt: skip
    added, merged, ended = nights
    totals = {name: int(came[name].sum()) for name in ("files", *FATES)}
    news = (
        f"{counted(totals['files'], 'file')} came in{f' since {before}' if before else ''}: {totals['new']:,} new "
        f"records, {totals['changed']:,} changed, {totals['vanished']:,} vanished, {totals['rejected']:,} rejected. "
        f"{added:,} people were added, {merged:,} merged into another person, {ended:,} removed."
    )
    return Part(
        "The file", [news],
        [Figure("People on file", f"{people:,}", f"{added:,} added" if before else "as first read", "sources")],
        [table_of("sources", "Records by source since the last page", BY_SOURCE, came)],
    )  # fmt: skip


def checks(tonight: Tonight) -> Part:
    """Check what came in, and keep what the next night compares with."""
    links, closed = tonight.sql(LINKS), tonight.sql(SUPPRESSIONS)
    counts = dict(closed.iter_rows())
    noticed = [*look.arrived(tonight), *look.linked(tonight, links), *look.suppressed(tonight, counts)]
    noticed += [
        Check(
            "stop",
            f"The megafile contradicts itself: {line}.",
            line,
            "0",
            "Restore last night's megafile, or rebuild it.",
        )
        for line in tonight.megafile.check()
    ]
    kept = {
        "links": {source: [linked, records] for source, records, linked in links.iter_rows()},
        "suppressions": counts,
    }
    shares = links.with_columns(linked_share=pl.col("linked") / pl.col("records"))
    return Part(
        "Checks",
        tables=[
            table_of("links", "Records linked to a person another record knows", LINKS, shares),
            table_of("suppressions", "People off limits, by channel", SUPPRESSIONS, closed),
        ],
        checks=noticed, kept=kept,
    )  # fmt: skip


def scores(tonight: Tonight) -> Part:
    """Refit the scores, write them to the megafile, and report how good they are."""
    wanted = tonight.settings.scores
    if wanted is None:
        return Part()
    rows, noticed, past = [], [], tonight.kept("scores")
    for name, fitted, who in _fitted(tonight):
        written = fitted.write_scores(tonight.megafile, who)
        quality = getattr(fitted, "quality", None)
        if quality is None:  # a ranking by persuasion
            rows.append((name, written, None, None, fitted.qini.value, fitted.qini.lower, fitted.qini.upper))
        else:
            rows.append((name, written, quality.auc, quality.ece, None, None, None))
            noticed += look.calibrated(name, quality.ece, quality.ece_noise, past)
        noticed += [Check("warning", f"The score {name} {text}", "", "", "Do not rank a list by it.")
                  for text in [fitted.warning] if text]  # fmt: skip
    columns = ["score", "people", "auc", "calibration_error", "qini", "qini_lower", "qini_upper"]
    table = pl.DataFrame(rows, columns, orient="row")
    names = ", ".join(table["score"])
    return Part(
        "Scores", [f"{counted(table.height, 'score')} refit on tonight's data and written to the megafile: {names}."],
        tables=[table_of("scores", "Scores, judged on people held out of the fit", "the fits of campaign.toml",
                         table, {"qini": "number", "qini_lower": "number", "qini_upper": "number",
                                 "calibration_error": "rate"})],
        checks=noticed, kept={name: ece for name, _, _, ece, *_ in rows if ece is not None},
    )  # fmt: skip


def _fitted(tonight: Tonight) -> Any:
    """Yield each score's name, fit, and who is scored."""
    megafile, wanted = tonight.megafile, tonight.settings.scores
    for name in wanted.recipes:  # ty: ignore
        recipe = RECIPES[name]
        yield name, recipe.fit(megafile, ridge=RIDGE), recipe.current(megafile)
    if turnout := wanted.turnout:  # ty: ignore
        totals = megafile.table("county_turnout") if turnout.like or turnout.test_on else None
        yield "turnout", voters.fit_turnout(
            megafile.universe("voter"), election=turnout.election, fit_on=turnout.fit_on, test_on=turnout.test_on,
            totals=totals, like=turnout.like,
        ), None  # fmt: skip
    if persuasion := wanted.persuasion:  # ty: ignore
        fitted = _persuasion(tonight, persuasion)
        yield "persuasion", fitted, megafile.universe("voter").features(["person_id", *persuasion.features])


def _persuasion(tonight: Tonight, wanted: Persuasion) -> Any:
    """Fit who the experiment's contact moved, on what was known before its arms were drawn."""
    megafile = tonight.megafile
    drawn = tonight.sql("SELECT min(assigned_on) FROM assignment WHERE experiment = ?", [wanted.experiment]).item()
    known = megafile.universe(f"assigned({quote_literal(wanted.experiment)})", as_of=drawn)
    facts = known.features(["person_id", "household_id", *wanted.features]).pl()
    query = ARMS.format(yes="WHEN ? THEN true", no="WHEN ? THEN false")
    arms = tonight.sql(query, [wanted.yes, wanted.no, wanted.question, wanted.experiment])
    return voters.fit_persuasion(
        facts.join(arms, on="person_id", maintain_order="left").sort("person_id"), "arm", "supports",
        list(wanted.features), control=wanted.control, treatment=list(wanted.treatment), unit="person_id",
        cluster="household_id", restricted=known.restricted,
    )  # fmt: skip


def contacts(tonight: Tonight) -> Part:
    """Report contacts on the last day and in the last weeks, and what changed since the last page."""
    as_of = tonight.megafile.as_of
    day = tonight.sql("SELECT max(contacted_on) FROM contact WHERE contacted_on <= ?", [as_of]).item()
    if day is None:
        return Part("Contact and persuasion", ["The megafile holds no contacts."])
    table = tonight.sql(CONTACTS, [day] * 5)
    week, before = int(table["in_seven_days"].sum()), int(table["in_the_seven_before"].sum())
    page_before = tonight.kept("contacts")[-1:]
    first = min([day, *(dt.date.fromisoformat(page["day"]) for page in page_before)])
    by_day = tonight.sql(BY_DAY, [first, day])
    sentence = (
        f"{week:,} contacts in the seven days through {day}, against {before:,} in the seven before; "
        f"{int(table['on_the_last_day'].sum()):,} on the last day."
    )
    drawn = [] if by_day.is_empty() else [picture("Contacts a day", sentence, _by_day(by_day))]
    tables = [table_of("contacts", f"Contacts through {day}", CONTACTS, table)]
    since = [count_changes(by_day, page, day) for page in page_before]
    tables += [table_of("contact_changes", "Contacts in seven days: what changed since the last page", BY_DAY, each,
                        dict.fromkeys(("change", *PARTS), "change")) for each in since]  # fmt: skip
    told = [
        _contact_change(each.row(0, named=True), page["day"]) for each, page in zip(since, page_before, strict=True)
    ]
    by_channel = dict(table.select("channel", "in_seven_days").drop_nulls().iter_rows())
    return Part(
        "Contact and persuasion", [sentence, *_moved(tonight)],
        [Figure("Contacts in seven days", f"{week:,}", f"{before:,} in the seven before", "contacts")],
        tables, drawn, changes=told, kept={"day": str(day), "week": by_channel | {"all": week}},
    )  # fmt: skip


def _contact_change(row: dict[str, Any], day: str) -> str:
    """Say how the seven-day count changed, and why."""
    late, real, chance = (signed(row[part]) for part in PARTS)
    if row["a_day"] is None:
        return f"No contacts came in dated after {day}; late records changed the count by {late}."
    usual = f"{row['usual_low']:,} to {row['usual_high']:,}"
    return (
        f"The seven-day count changed by {signed(row['change'])} since {day} (late records {late}, real change {real}, "
        f"chance {chance}). {row['a_day']:,.0f} contacts a day since then; the {PAST} days before ranged from {usual}."
    )


def _moved(tonight: Tonight) -> list[str]:
    """Report the persuasion ranking, where it was fitted tonight."""
    rows = tonight.parts.get("scores", {}).get("tables", [])
    ranked = [row for table in rows for row in table["rows"] if row[4] is not None]
    return [
        f"Persuasion ranking: Qini {row[4]:.2f} ({row[5]:.2f} to {row[6]:.2f}; calling in random order scores 0)"
        + ("." if row[5] > 0 else ". It may do no better than calling in random order.")
        for row in ranked
    ]


def _by_day(rows: pl.DataFrame) -> Any:
    alt = charts.house()
    return alt.Chart(rows).mark_bar().encode(
        x=alt.X("day:T", title=None, axis=alt.Axis(format="%b %-d", tickCount=4)),
        y=alt.Y("contacts:Q", title=None, axis=alt.Axis(format=",~s", tickCount=4)),
        color=alt.Color("channel:N", title=None),
    )  # fmt: skip


def lists(tonight: Tonight) -> Part:
    """Write the lists, unless the night is not to be trusted."""
    wanted = tonight.settings.lists
    if not wanted:
        return Part()
    if "checks" not in tonight.parts:
        raise BadValue("No list is written before the night was checked. Run the night without only='lists' first.")
    if tonight.stopped:
        return Part("Lists", [f"No lists were written tonight. {' '.join(tonight.stopped)}"])
    rows, noticed = [], []
    for each in wanted:
        with warnings.catch_warnings(record=True) as raised:
            warnings.simplefilter("always")
            rows += _written(tonight, each)
        noticed += [Check("warning", f"List {each.name}: {text.message}", "", "", "Read this before handing it out.")
                  for text in raised]  # fmt: skip
    table = pl.DataFrame(rows, ["list", "file", "people", "of", "channel", "purpose"], orient="row")
    names = "; ".join(
        f"{name} ({people:,} of {of:,})" for name, people, of in table.select("list", "people", "of").rows()
    )
    total = int(table["people"].sum())
    return Part(
        "Lists", [f"{counted(len(wanted), 'list')} written: {names}."],
        [Figure("People on tonight's lists", f"{total:,}", counted(len(wanted), "list"), "lists")],
        [table_of("lists", "Lists written, people off limits taken out",
                  "Universe.call_list(…) as campaign.toml has it", table)], checks=noticed,
    )  # fmt: skip


def _written(tonight: Tonight, wanted: List) -> list[tuple[Any, ...]]:
    universe = tonight.megafile.universe(*wanted.who)
    made = universe.call_list(wanted.channel, purpose=wanted.purpose, rank_by=wanted.rank_by, limit=wanted.limit)
    folder = tonight.folder / "lists" / str(tonight.megafile.as_of)
    path = folder / f"{wanted.name}{FORMATS[wanted.format]}"
    made.write(path, wanted.format)
    start = int(made.funnel["left"][0])
    return [(wanted.name, f"{folder.name}/{path.name}", made.table.height, start, wanted.channel, wanted.purpose)]
