"""A campaign and its truth, in memory: batches of households, each drawn from its own seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
import polars as pl

from campaignkit.errors import BadValue, nearest
from campaignkit.sample import calls, contests, effects, emails, gifts, outreach, places, television, viewers, voters
from campaignkit.sample import people as population
from campaignkit.sample import polls as poll_streams
from campaignkit.sample import sharing as friends_asks
from campaignkit.sample.intended import intended

BATCH = 130_000


@dataclass(frozen=True)
class Drawn:
    """Tables and their truth.

    Attributes
    ----------
    tables
        What the campaign could have seen, by name.
    truth
        What only the generator knows, by name.

    Examples
    --------
    >>> import campaignkit as ck
    >>> drawn = ck.sample.draw("quick_donate", 2_000, seed=1)
    >>> list(drawn.tables), list(drawn.truth)
    (['quick_donate', 'gifts'], ['person', 'effects'])
    """

    tables: dict[str, pl.DataFrame]
    truth: dict[str, pl.DataFrame]

    def __getitem__(self, name: str) -> pl.DataFrame:
        """Return one table, or else one truth frame."""
        return self.tables[name] if name in self.tables else self.truth[name]

    @property
    def table(self) -> pl.DataFrame:
        """The first table; the only one of a single experiment.

        Examples
        --------
        >>> import campaignkit as ck
        >>> drawn = ck.sample.draw("scripts", 2_000, seed=1)
        >>> drawn.table is drawn["scripts"]
        True
        """
        return next(iter(self.tables.values()))


def stream(seed: int, batch: int, part: str) -> np.random.Generator:
    """Return the random numbers of one part of one batch; no part disturbs another's."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(batch + 1, crc32(part.encode()))))


def batches(people: int) -> list[tuple[int, int]]:
    """Return the first person and the size of each batch."""
    count = -(-people // BATCH)
    edges = np.linspace(0, people, count + 1).astype(int)
    return [(int(low), int(high - low)) for low, high in pairwise(edges)]


def county_effects(seed: int) -> np.ndarray:
    """Return each place's own leaning, the same in all batches."""
    return stream(seed, -1, "county").normal(0, 0.45, places.places().height)


def batch(seed: int, number: int, first: int, size: int) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Draw one batch: its people, ballots and campaign tables, and the cells of its effects."""
    rng = lambda part: stream(seed, number, part)  # noqa: E731 - every line below needs it
    # a household never holds more than its people, so numbers from `first` on are free
    people = population.people(rng("people"), size, first, first)
    people, ballots = voters.behave(rng("voters"), people, county_effects(seed))
    people = _on_file(rng("file"), people)
    supporters = people.filter("supporter")
    quick = gifts.quick_donate(rng("gifts"), supporters)
    past = pl.col("person").is_in(quick["donors"]["person"].implode())
    supporters = supporters.with_columns(past_donor=past)
    invitations, seen_contest = contests.contests(rng("contests"), supporters)
    mailed, seen_email = emails.emails(rng("emails"), supporters.filter("email_on_file"))
    called, seen_calls = calls.call_experiment(rng("calls"), people, roster(seed))
    back, seen_back = calls.winback(rng("winback"), supporters)
    asked, seen_asked = outreach.surveys(rng("surveys"), people)
    wanted = people.select("person", target=pl.Series(viewers.turnout_target(people, ballots)))
    media, seen_media = viewers.media_use(rng("media use"), asked, wanted)
    tables = {
        "people": people,
        "ballots": ballots,
        "contest": invitations,
        "donors": quick["donors"],
        "gifts": _all_gifts(quick, mailed["email_gifts"], back),
        "mail_gifts": gifts.mail_gifts(rng("mail"), supporters),
        "email_sends": mailed["email_sends"],
        "email_events": mailed["email_events"],
        "scripts": called,
        "winback": back,
        "shifts": outreach.shifts(rng("shifts"), supporters),
        "text_optins": outreach.text_optins(rng("texts"), supporters.filter("phone_on_file")),
        "friends": outreach.tie_strengths(rng("tie strength"), outreach.friends(rng("friends"), people), people),
        "surveys": asked,
        "media_use": media,
        "doors": outreach.doors(rng("doors"), people),
    }
    seen = [
        seen_contest,
        gifts.came_out(quick["donors"]),
        seen_email,
        seen_calls,
        seen_back,
        seen_asked,
        seen_media,
        _basics(people),
    ]
    return tables, pl.concat(seen)


def _on_file(rng: np.random.Generator, people: pl.DataFrame) -> pl.DataFrame:
    """Say what the campaign's own list holds of each supporter: 40% without a phone, 12% without an e-mail."""
    size = len(people)
    return people.with_columns(
        phone_on_file=pl.Series(rng.random(size) < 0.6), email_on_file=pl.Series(rng.random(size) < 0.88)
    )


def _all_gifts(quick: dict[str, pl.DataFrame], mailed: pl.DataFrame, back: pl.DataFrame) -> pl.DataFrame:
    joined = quick["donors"].select("person", enrolled=pl.col("enrolled_on").cast(pl.Int64))
    returned = back.drop_nulls("gift_amount").select(
        "person", amount="gift_amount", day=pl.col("gift_on").cast(pl.Int64), refcode=pl.lit("winback")
    )
    extra = pl.concat(
        [
            mailed.select("person", "amount", "day", "refcode"),
            returned.select("person", "amount", "day", "refcode"),
        ]
    )
    extra = extra.join(joined, on="person", how="left", maintain_order="left").with_columns(
        quick_donate=(pl.col("day") >= pl.col("enrolled")).fill_null(False)
    )
    own = quick["gifts"].with_columns(refcode=pl.lit(None, dtype=pl.String))
    names = ["person", "day", "amount", "quick_donate", "refcode"]
    return (
        pl.concat([own.select(names), extra.select(names)])
        .sort("person", "day", "amount")
        .select(
            "person",
            pl.col("day").cast(pl.Int32).cast(pl.Date).alias("given_on"),
            "amount",
            "quick_donate",
            "refcode",
        )
    )


def _basics(people: pl.DataFrame) -> pl.DataFrame:
    swing = people.filter(pl.col("county").is_not_null())
    voters_only = swing.filter("registered")
    parts = [effects.cells(swing, "people", value, []) for value in ("supporter", "registered", "supports")] + [
        effects.cells(voters_only, "voters", value, []) for value in ("p_turnout", "will_vote", "file_old_address")
    ]
    signed = swing.filter("supporter").with_columns(unregistered=~pl.col("registered"))
    parts.append(effects.cells(signed, "swing_supporters", "unregistered", []))
    parts.append(effects.cells(signed.filter("unregistered"), "unregistered_supporters", "trap", []))
    families = people.with_columns(junior=pl.col("suffix") == "JR").with_columns(pl.col("junior").fill_null(False))
    parts += [effects.cells(families, "families", value, []) for value in ("twin", "junior")]
    return pl.concat(parts)


def roster(seed: int) -> pl.DataFrame:
    """Return the campaign's callers."""
    return calls.roster(stream(seed, -1, "roster"))


def campaign_television(
    seed: int, first: dict[str, pl.DataFrame]
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Return the campaign's television with its truth: the voters of the first batch stand for all viewers."""
    return viewers.campaign_television(lambda part: stream(seed, -1, part), first["people"], first["ballots"])


def each_batch(people: int, seed: int) -> Iterator[tuple[int, dict[str, pl.DataFrame], pl.DataFrame]]:
    """Yield each batch's number, tables and cells, one at a time."""
    for number, (first, size) in enumerate(batches(people)):
        yield number, *batch(seed, number, first, size)


def _world(people: int, seed: int) -> Drawn:
    drawn = list(each_batch(people, seed))
    tables = {name: pl.concat([part[1][name] for part in drawn]) for name in drawn[0][1]}
    watched, known = campaign_television(seed, drawn[0][1])
    tables |= watched | {"callers": roster(seed)}
    tables["guesses"] = emails.guesses(stream(seed, -1, "guesses"))
    truth = {
        "effects": effects.total([part[2] for part in drawn]),
        "variants": emails.variants(),
        "intended": intended(),
        **known,
    }
    return Drawn(tables, truth)


def _contest(
    people: int,
    seed: int,
    host: str = "host_a",
    appeal: float | None = None,
    share: float | None = None,
    **world: float,
) -> Drawn:
    crowd = population.attributes(stream(seed, 0, "people"), people)
    if share is not None:
        fans = contests.fans_of(host, crowd)
        kept = stream(seed, 0, "share").random(people) < share / (1 - share) * (~fans).sum() / max(fans.sum(), 1)
        crowd = crowd.filter(pl.Series(~fans | kept))
    table = contests.contest(stream(seed, 0, "contests"), crowd, host, appeal, **world)
    seen = effects.cells(table, "contest", "entered", ["host", "fan"])
    truth = table.select("person", "fan", "p_enter")
    return Drawn({"contest": table.drop("fan", "p_enter")}, {"person": truth, "effects": effects.total([seen])})


def _email(people: int, seed: int, test: str = "deadline_june") -> Drawn:
    crowd = population.attributes(stream(seed, 0, "people"), people)
    table = emails.email(stream(seed, 0, "emails"), crowd, test)
    seen = effects.cells(table, "email", "gave", ["email_id"])
    truth = {"variants": emails.variants().filter(pl.col("test") == test), "effects": effects.total([seen])}
    return Drawn({"email": table.drop("p_gift")}, truth)


def _quick_donate(people: int, seed: int, hidden: float = 0.0) -> Drawn:
    crowd = population.attributes(stream(seed, 0, "people"), people)
    rng = stream(seed, 0, "scores")
    school = crowd["education"].replace_strict(population.EDUCATIONS, range(5), return_dtype=pl.Int8).to_numpy() - 2
    logit = -1.9 + 0.45 * school + 0.01 * (crowd["age"].to_numpy() - 47) + rng.normal(0, 0.6, people)
    crowd = crowd.with_columns(p_give_online=pl.Series(voters.logistic(logit)))
    drawn = gifts.quick_donate(stream(seed, 0, "gifts"), crowd, hidden)
    hidden_columns = ["y0", "y1", "p_enrol"]
    truth = {
        "person": drawn["donors"].select("person", *hidden_columns),
        "effects": effects.total([gifts.came_out(drawn["donors"])]),
    }
    return Drawn({"quick_donate": drawn["donors"].drop(hidden_columns), "gifts": drawn["gifts"]}, truth)


def _scripts(people: int, seed: int) -> Drawn:
    rng = stream(seed, 0, "scripts")
    crowd = population.attributes(stream(seed, 0, "people"), people).with_columns(
        state=population.gather(list(places.SWING), rng.integers(0, 2, people)),
        p_supports=pl.Series(rng.beta(2, 2.4, people)),
    )
    table = calls.scripts(stream(seed, 0, "calls"), crowd, roster(seed))
    known = ["y_control", "y_economy", "y_health"]
    seen = pl.concat([effects.cells(table, "scripts", value, ["group"]) for value in known])
    truth = {"person": table.select("person", "p_supports", *known), "effects": effects.total([seen])}
    return Drawn({"scripts": table.drop("p_supports", *known)}, truth)


def _tv_market(people: int, seed: int, markets: int = 3, networks: int = 60, budget: float | None = None) -> Drawn:
    return Drawn(*television.tv_market(lambda part: stream(seed, 0, part), people, markets, networks, budget))


def _polls(people: int, seed: int, **options: Any) -> Drawn:
    return Drawn(*poll_streams.polls(lambda part: stream(seed, 0, part), people, **options))


def _sharing(people: int, seed: int, **options: Any) -> Drawn:
    return Drawn(*friends_asks.sharing(lambda part: stream(seed, 0, part), people, seed=seed, **options))


_DOORS: dict[str, Callable[..., Drawn]] = {
    "world": _world,
    "contest": _contest,
    "email": _email,
    "quick_donate": _quick_donate,
    "scripts": _scripts,
    "tv_market": _tv_market,
    "polls": _polls,
    "sharing": _sharing,
}


def draw(what: str, people: int, seed: int = 2012, **options: object) -> Drawn:
    """Draw analysis-ready tables with their truth, in memory.

    Parameters
    ----------
    what
        ``"world"`` for everything; ``"contest"``, ``"email"``, ``"quick_donate"`` or ``"scripts"`` for one tidy table;
        ``"tv_market"`` for a viewing panel with a rate card and last cycle's buys; ``"polls"`` for four streams of
        interviews and a panel around an event; ``"sharing"`` for friends who are asked about, with a holdout, and what
        they did.
    people
        How many people; of ``tv_market``, in the panel; of ``polls``, interviews; of ``sharing``, sharers.
    seed
        The same seed draws the same tables.
    options
        ``contest``: host, appeal (odds ratio; 1.0 plants nothing), share (of people in the planted group; None: as
        many as there are), rate (of entering outside it), main (odds ratio of each main effect), together (how much
        people of a household do alike). ``email``: test. ``quick_donate``: hidden (how much
        enrolling follows what no table shows). ``tv_market``: markets, networks, budget (dollars that last cycle's
        buyer spent; None: enough for 200 rating points or so). ``polls``: days, event (the first day after it, from 0;
        None: there is none), swing (the change that it makes, as a share of the electorate), going_home (whether
        soft supporters from the other side make it, or everyone alike), movers, drift and at_once (how many groups
        move apart from the rest, by how much over the days, and whether on the event's day), walk and house (standard
        deviations on the logit scale: of a day's step of everyone, of the streams' effects), answering (after the
        event ``"alike"``, or our people answer less, told by ``"party"`` and past vote or by their current
        ``"choice"``) and quiet (by how much), panel (people; 0: none), again (how many of them answer after the
        event), misreport (the chance that a report is not the person's choice).
        ``sharing``: direct and spilled (what a message adds to the chance to vote, and all of one's friends' messages),
        homophily, heavy (how unequally sharers have friends), delivered and leaked (of those asked about and held out,
        who a message reached), popular (how much likelier people with many ties are to vote and to open a message),
        holdout, holdout_by, asks_per_sharer, sharers_per_friend, graph (ties of your own, two columns of numbers, in
        place of drawn ones).

    Returns
    -------
    `Drawn`: ``.tables``, ``.truth``, and ``.table`` for the main one.

    Examples
    --------
    >>> draw("contest", 1000, seed=1, host="host_a").table.height
    1000
    """
    if what not in _DOORS:
        raise BadValue(f"draw knows no {what!r}{nearest(what, _DOORS)} It knows: {', '.join(_DOORS)}.")
    if people < 1000:
        raise BadValue(f"people is {people}; a sample needs at least 1,000 for its planted effects.")
    return _DOORS[what](people, seed, **options)
