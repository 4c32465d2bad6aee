"""Which friends each sharer should ask, with some asks held out to measure what they did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from campaignkit.checks import check_scalar, column_names
from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.outreach.friend_asks_result import Asks
from campaignkit.splits import canonical_ids, shares_of, split_keys
from campaignkit.stats.arrays import Floats, Mask, Whole
from campaignkit.stats.optimize.b_matching import match
from campaignkit.tables import check_numbers, open_columns

__all__ = ["friend_asks"]

OWN = ("ask", "value", "held_out")  # columns that the answer adds


def friend_asks(
    ties: object,
    value: str,
    *,
    asks_per_sharer: int = 5,
    sharers_per_friend: int = 1,
    strength: str | None = None,
    second_ask: float = 0.5,
    holdout: float | None = 0.1,
    holdout_by: str = "friend",
    placeholders: str | Iterable[str] | None = None,
    sharer: str = "sharer",
    friend: str = "friend",
    seed: int = 0,
) -> Asks:
    """Choose which friends each sharer is asked to reach, near the best choice there is, and hold some asks out.

    Parameters
    ----------
    ties : table
        One row per sharer and friend: their ids, `value`, and the other columns named below.
    value : str
        What asking the friend is worth: a score for persuasion, turnout, early voting or registration. Ties with a
        value of 0 or less are never asked.
    asks_per_sharer : int
        The most friends a sharer is asked about.
    sharers_per_friend : int
        The most sharers who are asked about one friend.
    strength : str or None
        How likely the sharer is to pass the ask on and be heard: a number of at least 0 that multiplies `value`.
        None: the same for all ties.
    second_ask : float
        What a friend's second ask is worth, as a share of the first; the third is worth this share of the second.
    holdout : float or None
        The share of friends whose asks are planned but not sent, drawn by the hash of the friend's id and `seed` alone,
        so that those asked can be compared with those who would have been asked. None: all asks are sent, and what they
        do cannot be measured.
    holdout_by : {"friend", "sharer"}
        Whose coin flip it is: all asks about a friend are held out, or all asks of a sharer. Use "sharer" only if asks
        cannot be held back one by one; it shows less.
    placeholders : str or list of str, optional
        Columns of `ties` to carry along for the script: names, a polling place.
    sharer, friend : str
        Columns of ids; a person has the same id in both.
    seed : int
        Seed of the holdout.

    Returns
    -------
    Asks

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        `value` or `strength` is not a number, is infinite or (strength) negative, or an argument is not as described.
    NotEnoughData
        No tie is left to ask along, or the holdout holds out nobody, or everybody.

    Notes
    -----
    A b-matching by auction (`stats.optimize.b_matching`), with an upper bound on what any choice of asks is worth. Ties
    to nobody (null), to oneself, and without a known value are set aside and counted; the best of repeated ties counts.
    The holdout costs its share of the asks: a sharer whose ask is held out gets no other, because then one friend's
    ask would depend on another friend's coin flip.

    References
    ----------
    Bertsekas (1988), Annals of Operations Research 14, 105–123; Jones, Bond, Bakshy, Eckles and Fowler (2017), PLOS ONE
    12, e0173851, for friends who are asked about by friends.

    Examples
    --------
    >>> import polars as pl
    >>> import campaignkit as ck
    >>> ties = pl.DataFrame({"sharer": [1, 1, 2], "friend": [8, 9, 8], "gain": [0.05, 0.04, 0.03]})
    >>> asks = ck.outreach.friend_asks(ties, "gain", asks_per_sharer=1, holdout=None)
    >>> asks.table.select("sharer", "friend").rows(), round(asks.optimality, 2)
    ([(1, 9), (2, 8)], 1.0)
    """
    carried = column_names(placeholders, "placeholders")
    check_scalar(holdout_by, "holdout_by", choices=("friend", "sharer"))
    _check(asks_per_sharer, sharers_per_friend, second_ask, holdout, seed, [sharer, friend, *carried])
    names = list(dict.fromkeys([sharer, friend, value, *([] if strength is None else [strength]), *carried]))
    opened = open_columns(ties, names, "ties")
    check_numbers(opened.frame, value, *([] if strength is None else [strength]), argument="value and strength")
    table = opened.collect(names)
    kept = _kept(table, value, strength, sharer, friend)
    network = kept.network
    matched = match(
        network.start, network.friend, network.worth, len(network.friends), asks_per_sharer, sharers_per_friend,
        second_ask,
    )  # fmt: skip
    asks = table[network.row[matched.tie]].select(sharer, friend, *(name for name in carried if name not in OWN))
    worth = network.worth[matched.tie] * second_ask**matched.slot
    asks = asks.with_columns(ask=pl.Series(matched.slot + 1), value=pl.Series(worth))
    coins = asks[friend if holdout_by == "friend" else sharer]
    asks = asks.with_columns(held_out=pl.Series(_held_out(coins, holdout, seed, holdout_by)))
    asked = np.bincount(np.searchsorted(network.start, matched.tie, side="right") - 1, minlength=len(network.sharers))
    return Asks(
        asks.sort(sharer, "value", descending=[False, True], maintain_order=True), sharer, friend,
        _nobody_to_ask(kept, asked), kept.set_aside, matched.value, matched.bound, kept.sharers.len(),
        len(network.friends), asks_per_sharer, sharers_per_friend, holdout, holdout_by, np.bincount(asked),
    )  # fmt: skip


def _check(asks: object, sharers: object, second: object, holdout: object, seed: object, names: list[str]) -> None:
    check_scalar(asks, "asks_per_sharer", typ=int, ge=1, le=100)
    check_scalar(sharers, "sharers_per_friend", typ=int, ge=1, le=100)
    check_scalar(second, "second_ask", typ=float, gt=0, le=1)
    check_scalar(holdout, "holdout", typ=float, gt=0, lt=1, optional=True)
    check_scalar(seed, "seed", typ=int)
    if names[0] == names[1]:
        raise BadValue(f"sharer and friend are both {names[0]!r}; name two columns.")
    if taken := [name for name in names if name in OWN]:
        raise BadValue(f"Column {taken[0]!r} of ties has the name of a column that the asks add; rename it.")


@dataclass(frozen=True)
class _Network:
    """Ties to ask along, sharer by sharer, the best first."""

    row: Whole  # of the table
    start: Whole
    friend: Whole
    worth: Floats
    sharers: pl.Series
    friends: pl.Series


@dataclass(frozen=True)
class _Kept:
    """The ties that count, who is a sharer at all, and what was set aside."""

    network: _Network
    sharers: pl.Series
    set_aside: pl.DataFrame


def _kept(table: pl.DataFrame, value: str, strength: str | None, sharer: str, friend: str) -> _Kept:
    worth, unknown = _worth(table, value, strength)
    nobody = (table[sharer].is_null() | table[friend].is_null()).to_numpy()
    own = _same(table[sharer], table[friend]) & ~nobody
    unknown = unknown & ~nobody & ~own
    worthless = (worth <= 0) & ~nobody & ~own & ~unknown
    row = np.flatnonzero(~(nobody | own | unknown | worthless))
    if not row.size:
        raise NotEnoughData(f"None of {table.height:,} ties is left to ask along; {value!r} must be above 0 for some.")
    network, doubled = _network(table, row, worth, sharer, friend)
    counts = {
        "no sharer or friend": nobody.sum(), "tied to themselves": own.sum(), "value not known": unknown.sum(),
        "worth nothing": worthless.sum(), "the same tie again": doubled,
    }  # fmt: skip
    aside = pl.DataFrame({"problem": list(counts), "ties": [int(count) for count in counts.values()]})
    return _Kept(network, table[sharer].drop_nulls().unique(), aside)


def _worth(table: pl.DataFrame, value: str, strength: str | None) -> tuple[Floats, Mask]:
    """Return each tie's worth, and whether it is not known."""
    worth = table[value].cast(pl.Float64).fill_null(np.nan).to_numpy()
    if strength is not None:
        strong = table[strength].cast(pl.Float64).fill_null(np.nan).to_numpy()
        if (strong < 0).any():
            raise BadValue(f"strength: column {strength!r} is below 0 in {int((strong < 0).sum()):,} rows.")
        worth = worth * strong
    if endless := int(np.isinf(worth).sum()):
        raise BadValue(f"value: column {value!r} is infinite in {endless:,} rows.")
    return worth, np.isnan(worth)


def _same(one: pl.Series, two: pl.Series) -> Mask:
    if one.dtype != two.dtype:
        one, two = canonical_ids(one), canonical_ids(two)
    return (one == two).fill_null(False).to_numpy()


def _codes(ids: pl.Series) -> tuple[Whole, pl.Series]:
    """Return ids as numbers from 0, and the ids by number."""
    return (ids.rank("dense") - 1).cast(pl.Int64).to_numpy(), ids.unique().sort()


def _network(table: pl.DataFrame, row: Whole, worth: Floats, sharer: str, friend: str) -> tuple[_Network, int]:
    """Return ties sharer by sharer in falling order of worth, each once, and how many came again."""
    one, sharers = _codes(table[sharer][row])
    two, friends = _codes(table[friend][row])
    rising = np.full(len(row), 0x7FFFFFFF, np.int64) - worth[row].astype(np.float32).view(np.int32)  # falls with worth
    order = np.argsort((one << 32) | rising, kind="stable")
    pair = one[order] * len(friends) + two[order]
    ordered = np.sort(pair)
    if doubled := int((ordered[1:] == ordered[:-1]).sum()):
        order = order[np.sort(np.unique(pair, return_index=True)[1])]
    one, row = one[order], row[order]
    start = np.searchsorted(one, np.arange(len(sharers) + 1))
    return _Network(row, start, two[order], worth[row], sharers, friends), doubled


def _held_out(people: pl.Series, holdout: float | None, seed: int, kind: str) -> Mask:
    """Return whose asks are not sent: a coin for each friend, or sharer."""
    if holdout is None:
        return np.zeros(len(people), bool)
    coin = shares_of(split_keys(canonical_ids(people), f"friend asks {seed}")) < holdout
    if not 0 < coin.sum() < len(coin):
        which = "nobody" if not coin.any() else "everybody"
        raise NotEnoughData(
            f"holdout is {holdout:g}, which holds out {which} among {people.n_unique():,} {kind}s; what the asks do "
            "could not be measured. Choose another share, or say holdout=None."
        )
    return coin


def _nobody_to_ask(kept: _Kept, asked: Whole) -> pl.DataFrame:
    """Return the sharers without an ask, with why."""
    network = kept.network
    without = network.sharers.filter(pl.Series(asked == 0)).to_frame()
    column = kept.sharers.name
    tied = without.with_columns(reason=pl.lit("others ask all their friends"))
    others = kept.sharers.to_frame().join(network.sharers.to_frame(), on=column, how="anti")
    return pl.concat([tied, others.with_columns(reason=pl.lit("no friend worth asking"))]).sort(column)
