"""Which sites, apps, stations and papers draw more of the target than of the electorate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

from campaignkit import charts
from campaignkit.checks import check_scalar, column_names
from campaignkit.errors import BadValue, NotEnoughData, listed
from campaignkit.outreach.audiences import audience
from campaignkit.result import Result
from campaignkit.stats.arrays import Floats
from campaignkit.stats.intervals.shrinkage import shrunk_means
from campaignkit.stats.survey.audience_index import LogIndexes, exceeds, log_indexes, simultaneous
from campaignkit.stats.survey.totals import stratified_totals
from campaignkit.tables import Roles, check_numbers, open_roles, weights
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import counted, share

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Channels", "channels"]


@dataclass(frozen=True, eq=False, repr=False)
class Channels(Result):
    """Channels by how much more the target uses them than everyone does, the largest index first.

    `table` has one row per channel:

    - ``channel``; ``n``, ``n_targets``: respondents who use it, and those of them in the target;
    - ``share``, ``target_share``: the weighted share of everyone, and of the target, who use it;
    - ``index``: the second over the first, times 100; null if nobody uses it;
    - ``lower``, ``upper``: a band around the indexes that covers all channels at once with the confidence level; null
      if no respondent in the target uses it (the index is then 0, and its error is not known);
    - ``shrunk``: the index drawn toward those of the other channels. Show it; do not judge by it: it draws in too far
      the one channel that really stands out;
    - ``p_value`` and ``p_adjusted``: for the hypothesis that the target uses it as everyone does; adjusted for all
      channels, by the largest of their joint z;
    - ``declared``: "more", "less" or null: whether the band excludes 100;
    - ``people``, ``people_lower``, ``people_upper``: people in the target it reaches, in the weights' unit.

    Attributes
    ----------
    together : polars.DataFrame
        What channels add to each other, each next one adding the most: ``channel``, ``added``, ``reached`` (people in
        the target reached by it or any before it), ``reached_share`` with ``lower`` and ``upper``.
    respondents, targets : int
    set_aside : int
        Respondents with a null target or channel.
    confidence_level : float
    """

    together: pl.DataFrame
    respondents: int
    targets: int
    set_aside: int
    confidence_level: float

    def summary(self) -> str:
        """Say which channels draw more of the target, and how many people the first few reach."""
        more = self.table.filter(pl.col("declared") == "more")
        sentences = [
            f"{counted(self.respondents, 'respondent')}, {self.targets:,} of them in the target, were asked about "
            f"{counted(self.table.height, 'channel')}."
        ]
        if more.height:
            names = listed(
                [f"{row['channel']} (index {row['index']:.0f}, {row['lower']:.0f} to {row['upper']:.0f})"
                 for row in more.iter_rows(named=True)], 4
            )  # fmt: skip
            draw = "draws" if more.height == 1 else "draw"
            sentences.append(f"{names} {draw} more of the target than of everyone, with all channels compared at once.")
        else:
            sentences.append(
                "No channel clearly draws more of the target than of everyone, with all channels compared at once."
            )
        sentences.append(self._reached())
        if self.set_aside:
            sentences.append(f"{counted(self.set_aside, 'respondent')} without an answer were set aside.")
        return " ".join([*sentences, "Intervals cover the sample alone; people may not use what they say they use."])

    def _reached(self) -> str:
        first, following = self.together.row(0, named=True), min(2, self.together.height - 1)
        text = f"{first['channel']} alone reaches {share(first['reached_share'])} of the target"
        if not following:
            return f"{text}."
        last = self.together.row(following, named=True)
        people = f"{audience(last['reached'])} people"
        more = counted(following, "channel")
        return f"{text}; with the next {more} it is {share(last['reached_share'])}, or {people}."

    def chart(self) -> alt.TopLevelMixin:
        """Draw each channel's index with its band."""
        rows = self.table.filter(pl.col("index").is_not_null())
        rows = rows.with_columns(declared=pl.col("declared").fill_null("unclear"))
        return charts.intervals(
            rows, "channel", "index", series="declared", description=self.summary(), reference=100, number=",.0f",
            title="Target index by channel (100 = average), with a band for all channels at once",
        )  # fmt: skip


def channels(
    usage: object,
    target: str,
    channels: str | Iterable[str],
    *,
    weight: str | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
    seed: int = 0,
) -> Channels:
    """Find the channels where the target is, from a survey of who uses what.

    Parameters
    ----------
    usage : table
        One row per respondent.
    target : str
        Whether the respondent is in the target: booleans or 0/1.
    channels : str or list of str
        Yes/no columns: whether the respondent uses a site, app, station or paper.
    weight : str or None
        How many people a respondent stands for. None: 1.
    confidence_level : float
        Confidence level of the band, for all channels at once.
    seed : int
        Seed of the draws behind the band.

    Returns
    -------
    Channels

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        A column is not yes/no, or plays two parts.
    NotEnoughData
        No respondent is in the target, or all are.

    Notes
    -----
    The band is around the logarithm of the plain index. Its covariance is linearized over weighted respondents, and its
    width comes from the largest of the joint z. Shrunk intervals fail for exactly the channel one looks for: if one of
    twelve really stands out, its shrunk 95% interval covers about half the time.

    References
    ----------
    Hothorn, Bretz and Westfall (2008), Biometrical Journal 50, 346–363; Binder (1983), International Statistical Review
    51, 279–292.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> import campaignkit as ck
    >>> rng = np.random.default_rng(2)
    >>> target = rng.random(3000) < 0.3
    >>> forum, paper = rng.random(3000) < 0.1 + 0.1 * target, rng.random(3000) < 0.3
    >>> usage = pl.DataFrame({"target": target, "forum": forum, "paper": paper})
    >>> found = ck.outreach.channels(usage, "target", ["forum", "paper"])
    >>> found.table.select("channel", "declared").rows()
    [('forum', 'more'), ('paper', None)]
    """
    names = column_names(channels, "channels")
    if not names:
        raise BadValue("channels is empty; name the columns of what respondents use.")
    check_scalar(target, "target", typ=str)
    check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
    check_scalar(seed, "seed", typ=int)
    uses, wanted, w, set_aside = _read(usage, target, names, weight)
    logs = log_indexes(uses, wanted, w)
    table = _table(names, uses, wanted, w, logs, confidence_level, seed).sort("index", descending=True, nulls_last=True)
    together = _together(names, uses, wanted, w, confidence_level)
    return Channels(table, together, len(w), int(wanted.sum()), set_aside, confidence_level)


def _read(usage: object, target: str, names: list[str], weight: str | None) -> tuple[Floats, Floats, Floats, int]:
    opened = open_roles(usage, Roles(outcomes=(target,), by=tuple(names), weight=weight))
    check_numbers(opened.frame, target, *names, argument="target and channels")
    table = opened.collect([target, *names, *([] if weight is None else [weight])])
    for name in (target, *names):
        known = table[name].drop_nulls().cast(pl.Float64)
        if not known.is_in([0.0, 1.0]).all():
            odd = known.filter(~known.is_in([0.0, 1.0]))[0]
            raise BadValue(f"Column {name!r} holds {odd!r}; yes and no (booleans or 0/1) were expected.")
    kept = table.drop_nulls([target, *names])
    w = np.ones(kept.height) if weight is None else weights(kept[weight])
    wanted = kept[target].cast(pl.Float64).to_numpy()
    if not 0 < (w * wanted).sum() < w.sum():
        raise NotEnoughData(
            f"{'No' if not wanted.any() else 'Every'} respondent is in the target; there is nothing to compare."
        )
    return kept.select(pl.col(names).cast(pl.Float64)).to_numpy(), wanted, w, table.height - kept.height


def _table(
    names: list[str], uses: Floats, wanted: Floats, w: Floats, indexes: LogIndexes, confidence_level: float, seed: int
) -> pl.DataFrame:
    width, largest = simultaneous(indexes.covariance, confidence_level, seed)
    error = np.where(indexes.std_error > 0, indexes.std_error, np.nan)
    value, half = indexes.log_index, width * error
    with np.errstate(invalid="ignore"):
        z = value / error
        index, lower, upper = (100 * np.exp(x) for x in (value, value - half, value + half))
        declared = [
            "more" if low > 100 else "less" if high < 100 else None for low, high in zip(lower, upper, strict=True)
        ]
    known = np.isfinite(error)
    shrunk = np.full(len(names), np.nan)
    if known.sum() > 1:
        shrunk[known] = 100 * np.exp(shrunk_means(value[known], error[known], scale=1.0, seed=seed).draws.mean(axis=0))
    p = 2 * (1 - ndtr(np.abs(z)))
    people = [stratified_totals((wanted * use)[:, None], w, np.zeros(len(w), np.int64)).estimate(0, confidence_level)
              for use in uses.T]  # fmt: skip
    table = pl.DataFrame(
        {
            "channel": names, "n": uses.sum(axis=0).astype(int), "n_targets": (wanted @ uses).astype(int),
            "share": w @ uses / w.sum(), "target_share": (w * wanted) @ uses / (w * wanted).sum(), "index": index,
            "lower": lower, "upper": upper, "shrunk": shrunk, "p_value": p,
            "p_adjusted": np.where(known, exceeds(z, largest), np.nan), "declared": declared,
            "people": [x.value for x in people], "people_lower": [x.lower for x in people],
            "people_upper": [x.upper for x in people],
        },
        schema_overrides={"declared": pl.String},
    )  # fmt: skip
    return table.with_columns(pl.col(pl.Float64).fill_nan(None))


def _together(names: list[str], uses: Floats, wanted: Floats, w: Floats, confidence_level: float) -> pl.DataFrame:
    """Return the channels, each next one adding the most people in the target, nobody counted twice."""
    who = w * wanted
    open_, left, rows, before = np.ones(len(w)), list(range(len(names))), [], 0.0
    half = float(ndtri(0.5 + confidence_level / 2))
    while left:
        best = max(left, key=lambda at: (float((who * open_) @ uses[:, at]), -at))
        left.remove(best)
        open_ = open_ * (1 - uses[:, best])
        seen = wanted * (1 - open_)
        totals = stratified_totals(np.stack([seen, wanted], axis=1), w, np.zeros(len(w), np.int64))
        reached, of = totals.total
        part = reached / of
        gradient = np.array([1 / of, -part / of])
        error = float(np.sqrt(gradient @ totals.covariance @ gradient))
        rows.append(
            (names[best], reached - before, reached, part, max(part - half * error, 0), min(part + half * error, 1))
        )
        before = reached
    return pl.DataFrame(rows, schema=["channel", "added", "reached", "reached_share", "lower", "upper"], orient="row")
