"""Four streams of interviews and a panel around an event, of an electorate whose every movement is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl

from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue
from campaignkit.sample.electorate import BY, PARTIES, PAST_VOTES, Electorate, electorate, with_errors
from campaignkit.sample.outreach import STREAMS
from campaignkit.sample.people import gather
from campaignkit.sample.voters import logistic

EVENT = dt.date(2012, 10, 4)  # the day after the first debate
PARTY_ERROR, RECALL_ERROR = 0.05, 0.08
BACK_ONCE_MORE = 0.85  # of those who gave one report before (or after), how many gave a second
REPORTS = ("before_1", "before_2", "after_1", "after_2")
TOWARD = {"van": (-0.3, 0.3), "phone": (0.9, -0.2), "online": (-0.8, 0.1), "text": (-1.2, -0.2)}  # the old; our party


def polls(
    stream: Callable[[str], np.random.Generator], people: int, *, days: int = 30, event: int | None = 15,
    swing: float = 0.0, going_home: bool = True, movers: int = 0, drift: float = 0.04, at_once: bool = False,
    walk: float = 0.01, house: float = 0.08, answering: str = "alike", quiet: float = 0.3, panel: int = 4_000,
    again: float = 0.62, misreport: float = 0.03,
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:  # fmt: skip
    """Draw interviews, a panel and the electorate's counts, with the truth; see `sample.draw`."""
    check_scalar(days, "days", typ=int, ge=1)
    check_scalar(answering, "answering", choices=("alike", "party", "choice"))
    check_scalar(misreport, "misreport", typ=float, ge=0, lt=0.5)
    if event is not None and not 0 < event < days:
        raise BadValue(f"event is {event}; None or a day between 1 and {days - 1} was expected.")
    world, moved = electorate(
        stream("electorate"), days, walk=walk, movers=movers, drift=drift, at_once=at_once, event=event, swing=swing,
        going_home=going_home, wobble=misreport,
    )  # fmt: skip
    first = EVENT - dt.timedelta(days=days // 2 if event is None else event)
    rng = stream("interviews")
    effects = rng.normal(0, house, len(STREAMS))
    effects -= effects.mean()  # what all streams lean together no poll can tell
    still = Stillness(world, event, answering, quiet)
    interviews = pl.concat(
        [
            stream_interviews(rng, world, still, name, people // len(STREAMS), shift)
            for name, shift in zip(STREAMS, effects, strict=True)
        ]
    )
    interviews = interviews.with_columns(asked_on=pl.lit(first) + pl.duration(days=pl.col("day"))).drop("day")
    tables = {"interviews": interviews.with_row_index("interview"), "frame": _frame(world)}
    truth = {
        "groups": world.truth().with_columns(asked_on=pl.lit(first) + pl.duration(days=pl.col("day"))).drop("day"),
        "houses": pl.DataFrame({"stream": STREAMS, "effect": effects}),
        "moved": moved.with_columns(relative=pl.Series(world.relative(moved))),
    }
    if event is not None and panel:
        tables["panel"], truth["panel"] = panel_reports(stream("panel"), world, still, event, panel, again, first)
    return tables, truth


class Stillness:
    """How much less each kind of voter answers after an event, by what it is or by what it chooses now."""

    def __init__(self, world: Electorate, event: int | None, answering: str, quiet: float):
        ours = (world.table["party"] == "D").to_numpy() * 0.5 + (world.table["past_vote"] == "D").to_numpy() * 0.5
        self.by_party = quiet * ours if answering == "party" else np.zeros(len(ours))
        self.by_choice = quiet if answering == "choice" else 0.0
        self.event = event

    def answers(self, day: int) -> tuple[np.ndarray, float]:
        """Return how willing each kind is on a day (1: as before), and how much supporters are beside others."""
        if self.event is None or day < self.event:
            return np.ones(len(self.by_party)), 1.0
        return 1 - self.by_party, 1 - self.by_choice


def stream_interviews(
    rng: np.random.Generator, world: Electorate, still: Stillness, name: str, size: int, shift: float,
    volume_drift: float = 0.5,
) -> pl.DataFrame:  # fmt: skip
    """Draw a stream's interviews: its volume and mix drift, its house effect stays."""
    days, says = len(world.logit), world.says(shift)
    old, ours = TOWARD[name]
    age = world.table["age_band"].replace_strict(BY["age_band"][0], np.linspace(-1, 1, 6), return_dtype=pl.Float64)
    ours = ours * (world.table["party"] == "D").to_numpy()
    regions = world.table["region"].unique(maintain_order=True)
    keen = rng.normal(0, 0.25, len(regions))[world.table["region"].replace_strict(regions, range(len(regions)))]
    volume = np.exp(rng.normal(0, volume_drift) * np.linspace(-1, 1, days) + rng.normal(0, 0.25, days))
    each_day = rng.multinomial(size, volume / volume.sum())
    toward = rng.normal(0, 0.4)  # how the stream's age mix drifts over the time
    rows = []
    for day in range(days):
        willing, supporters = still.answers(day)
        mix = np.exp((old + toward * day / days) * age.to_numpy() / 2 + ours + keen)
        p = says[day] * supporters
        chance = world.share * mix * willing * (p + 1 - says[day])
        kind = rng.choice(len(chance), each_day[day], p=chance / chance.sum())
        support = rng.random(len(kind)) < (p / (p + 1 - says[day]))[kind]
        rows.append(_said(rng, world, kind).with_columns(day=pl.lit(day), supports=pl.Series(support)))
    return pl.concat(rows).select(pl.lit(name).alias("stream"), pl.all())


def _said(rng: np.random.Generator, world: Electorate, kind: np.ndarray) -> pl.DataFrame:
    """Return what people of some kinds say of themselves: party and past vote with errors."""
    rows = world.table[kind.astype(np.uint32)]
    return rows.with_columns(
        with_errors(rng, rows, "party", PARTIES, PARTY_ERROR),
        with_errors(rng, rows, "past_vote", PAST_VOTES, RECALL_ERROR),
    )


def _frame(world: Electorate) -> pl.DataFrame:
    """Return the electorate's counts by attributes, of seven million."""
    shares = world.table.select(*BY).with_columns(n=pl.Series(7e6 * world.share))
    return shares.group_by(*BY, maintain_order=True).agg(pl.col("n").sum().round().cast(pl.Int64))


def panel_reports(
    rng: np.random.Generator, world: Electorate, still: Stillness, event: int, size: int, again: float, first: dt.date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw a panel: two reports before the event, two after it, of those who answer again."""
    kind = rng.choice(len(world.share), size, p=world.share)
    before, after = logistic(world.logit[event - 1])[kind], logistic(world.logit[event])[kind]
    choice = rng.random(size) < before
    leaves = np.where(choice, np.maximum(before - after, 0) / before, np.maximum(after - before, 0) / (1 - before))
    changed = rng.random(size) < leaves
    now = choice ^ changed
    willing, supporters = still.answers(event)
    relative = willing[kind] * np.where(now, supporters, 1.0)
    back = rng.random(size) < np.minimum(again * relative / relative.mean(), 1.0)
    given = {
        "before_1": np.ones(size, bool), "before_2": rng.random(size) < BACK_ONCE_MORE,
        "after_1": back, "after_2": back & (rng.random(size) < BACK_ONCE_MORE),
    }  # fmt: skip
    table = _said(rng, world, kind).select(pl.int_range(size, dtype=pl.Int64).alias("person"), pl.all())
    for name in REPORTS:
        held = choice if name.startswith("before") else now
        report = pl.Series(name, held ^ (rng.random(size) < world.wobble))
        table = table.with_columns(pl.when(pl.Series(given[name])).then(report).alias(name))
    table = table.with_columns(_asked(rng, name, event, len(world.logit), first, size) for name in REPORTS)
    table = table.with_columns(pl.when(pl.col(name).is_not_null()).then(pl.col(f"{name}_on")) for name in REPORTS)
    truth = table.select("person").with_columns(
        before=pl.Series(choice), after=pl.Series(now), switched=pl.Series(changed)
    )
    return table, truth


def _asked(rng: np.random.Generator, name: str, event: int, days: int, first: dt.date, size: int) -> pl.Series:
    """Return when each report was asked for: the halves before, and the halves after the event."""
    low, high = (0, event) if name.startswith("before") else (event, days)
    middle = max((low + high) // 2, low + 1)
    low, high = (low, middle) if name.endswith("1") else (min(middle, high - 1), high)
    day0 = (first - dt.date(1970, 1, 1)).days
    return gather([dt.date.fromordinal(dt.date(1970, 1, 1).toordinal() + day0 + at) for at in range(low, high)],
                  rng.integers(0, high - low, size)).alias(f"{name}_on")  # fmt: skip
