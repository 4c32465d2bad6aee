"""Why the polls moved overnight: a real move in a group, a different mix of people, a bad export, or chance."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from scipy.special import ndtri

from campaignkit.briefing.changes_result import Changes
from campaignkit.checks import as_date, check_scalar, column_names
from campaignkit.errors import NotEnoughData
from campaignkit.megafile.refresh.drift import moved
from campaignkit.polls.model.day_counts import DayCounts, count_days
from campaignkit.polls.model.frames import levels_of
from campaignkit.polls.model.trend_model import Attributes
from campaignkit.stats.arrays import Floats
from campaignkit.stats.survey.fresh_night import Foretold, foretell, surprise, unlike_counts, unlike_mix
from campaignkit.tables import open_columns
from campaignkit.vocabulary import CONFIDENCE_LEVEL
from campaignkit.wording import counted

__all__ = ["Changes", "changes"]

LEAST_NIGHTS = 6  # before the latest, to know what is usual
FALSE = {"move": 0.02, "answers": 0.01, "mix": 0.01, "volume": 0.01}  # chance of any false claim, by kind; 5% in all
SWAPPED = -1.0  # of the slope: answers no longer go with what was foretold, as no group's move makes them
APART = 1.5  # of z²: how far the best explanation must be ahead of one that is not nested in it
POWER = 0.8


def changes(
    responses: Any,
    outcome: str,
    by: str | Iterable[str],
    date: str,
    *,
    stream: str,
    since: str | dt.date | None = None,
    nights: int = 14,
    confidence_level: float = CONFIDENCE_LEVEL,
) -> Changes:
    """Tell whether the latest night of interviews shows a real move, a different mix, a bad export, or chance.

    Parameters
    ----------
    responses : table
        One row per interview.
    outcome : str
        Booleans or 0/1. Null: no answer.
    by : str or list of str
        Attributes; their levels are the groups.
    date : str
        The day of the interview.
    stream : str
        Who asked.
    since : date or ISO text or None
        Everything after this day counts as the latest night. None: the last day alone.
    nights : int
        How many days before it to compare with.
    confidence_level : float
        Of the intervals.

    Returns
    -------
    Changes

    Raises
    ------
    BadValue, ColumnNotFound
        As `polls.trends`.
    NotEnoughData
        Fewer than six nights come before, or none after `since`.

    Notes
    -----
    A logit (levels, streams, a line over the nights) is fitted to all nights but one, which it then foretells. Earlier
    nights, so left out, tell how much a night differs beyond sampling; the latest is held against that. Contrasts:
    each group's answers, each stream's beside the others', the slope of a stream's answers on what was foretold (−2
    where yes and no are swapped; it must be below −1), each stream's share without answer (as a night's files are held
    against those before), each stream's mix by
    attribute (Pearson's statistic beside a line through the nights, over its usual size), and its count.
    Streams of which anything but the mean answer is off are left out before a move is looked for, which must be
    seen in the other streams together. A move that another group explains nearly as well is said not to be told.

    Examples
    --------
    >>> import campaignkit as ck
    >>> drawn = ck.sample.draw("polls", 8_000, seed=3, days=15, event=None, panel=0)
    >>> night = ck.briefing.changes(drawn["interviews"], "supports", ["sex", "race"], "asked_on", stream="stream")
    >>> night.cause, night.nights
    ('chance', 14)
    """
    names = column_names(by, "by")
    check_scalar(nights, "nights", typ=int, ge=LEAST_NIGHTS)
    check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
    night = _Night.read(responses, outcome, names, date, stream, since, nights)
    rows = [*night.volumes(), *night.missing(), *night.mixes(), *night.answers()]
    off = {row["level"] for row in rows if row["claimed"] and row["kind"] != "answers"}
    rows = [*night.moves(off), *rows]
    cause, named = _cause(rows, off, night)
    z = float(ndtri(0.5 + confidence_level / 2))
    table = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        lower=pl.col("estimate") - z * pl.col("std_error"), upper=pl.col("estimate") + z * pl.col("std_error")
    )
    moves = table.filter((pl.col("kind") == "move") & (pl.col("std_error") > 0))
    hurdle = float(-ndtri(FALSE["move"] / 2 / max(moves.height, 1)) + ndtri(POWER))
    errors = moves["std_error"].median()
    return Changes(
        table.select("kind", "variable", "level", "n", "estimate", "std_error", "lower", "upper", "p_value",
                     "p_adjusted", "claimed"),
        cause, named, night.latest, night.counts.n.shape[1] - 1, int(night.counts.n[:, -1].sum()),
        hurdle * float(errors if isinstance(errors, float) else np.nan),
    )  # fmt: skip


@dataclass(frozen=True)
class _Night:
    """Interviews by unit and night, the latest night last, and each night as the others foretell it."""

    counts: DayCounts
    unanswered: tuple[Floats, Floats]
    attributes: Attributes
    foretold: list[Foretold]
    cells: list[np.ndarray]
    latest: tuple[dt.date, dt.date]

    @classmethod
    def read(
        cls, responses: Any, outcome: str, by: list[str], date: str, stream: str, since: Any, nights: int
    ) -> _Night:  # fmt: skip
        counts = count_days(responses, outcome, by, date, stream)
        day = counts.days[-2] if since is None and len(counts.days) > 1 else since
        last = as_date(day, "since") if day is not None else counts.days[-1]
        before = [at for at in counts.days if at <= last][-nights:]
        fresh = [at for at in counts.days if at > last]
        if len(before) < LEAST_NIGHTS or not fresh:
            raise NotEnoughData(
                f"{counted(len(before), 'night')} with interviews through {last} and {len(fresh)} after. Telling a "
                f"move from chance takes at least {LEAST_NIGHTS} before and one after."
            )
        merged = _merged(counts, before, fresh)
        attributes = Attributes(tuple(by), [levels_of(merged.units[name]) for name in by])
        return cls(merged, _asked(responses, date, stream, outcome, merged, before, fresh), attributes,
                   *_foretold(merged, attributes), (fresh[0], fresh[-1]))  # fmt: skip

    @property
    def streams(self) -> list[str]:
        return [str(name) for name in self.counts.streams]

    def volumes(self) -> list[dict]:
        """Hold each stream's count against the nights before."""
        asked = self.counts.n
        totals = np.array([asked[self.counts.stream_codes == at].sum(axis=0) for at in range(len(self.streams))])
        return _rows("volume", [("stream", name) for name in self.streams], totals[:, -1], unlike_counts(totals))

    def missing(self) -> list[dict]:
        """Hold each stream's share without an answer against the nights before, as a night's files are held."""
        rows = []
        for name, none, asked in zip(self.streams, *self.unanswered, strict=True):
            now, n, was, m = int(none[-1]), int(asked[-1]), int(none[:-1].sum()), int(asked[:-1].sum())
            claimed = moved(now, n, was, m)
            rows.append({"kind": "missing", "variable": "stream", "level": name, "n": n, "claimed": claimed,
                         "estimate": now / max(n, 1) - was / max(m, 1)})  # fmt: skip
        return rows

    def mixes(self) -> list[dict]:
        """Hold who each stream reached against who it reached before."""
        inside = self.attributes.indicators(self.attributes.codes(self.counts.units))
        sizes = np.cumsum([0, *map(len, self.attributes.levels)])
        rows = []
        for at, name in enumerate(self.streams):
            own = self.counts.stream_codes == at
            levels = inside[own].T @ self.counts.n[own]
            each = [unlike_mix(levels[a:b]) for a, b in pairwise(sizes)]
            which = int(np.nanargmin(each)) if np.isfinite(each).any() else 0
            best = min(each[which] * len(each), 1.0)
            rows.append((self.attributes.by[which], name, self.counts.n[own, -1].sum(), best))
        names = [(variable, level) for variable, level, _, _ in rows]
        return _rows("mix", names, np.array([r[2] for r in rows]), np.array([r[3] for r in rows]))

    def answers(self) -> list[dict]:
        """Hold each stream's answers against the others', and against what is known of people."""
        code = self.counts.stream_codes
        rows = []
        for kind in ("answers", "order"):
            weights = [
                np.array([_stream_weight(kind, code[unit] == at, night) for at in range(len(self.streams))])
                for unit, night in zip(self.cells, self.foretold, strict=True)
            ]
            gaps = surprise(self.foretold, weights)
            sizes = np.array([self.counts.n[code == at, -1].sum() for at in range(len(self.streams))])
            names = [("stream", name) for name in self.streams]
            rows += _rows(kind, names, sizes, gaps.p_value, gaps.estimate, gaps.std_error)
        return rows

    def moves(self, off: set[str]) -> list[dict]:
        """Hold each group's answers, of the streams that are not off, against the nights before."""
        inside = self.attributes.indicators(self.attributes.codes(self.counts.units)).T
        inside = np.concatenate([np.ones((1, inside.shape[1])), inside])
        trusted = ~np.isin(np.array(self.streams)[self.counts.stream_codes], list(off))
        weights = []
        for unit, night in zip(self.cells, self.foretold, strict=True):
            own = inside[:, unit] * trusted[unit]
            total = (own * night.n).sum(axis=1, keepdims=True)
            weights.append(np.divide(own, total, out=np.zeros_like(own), where=total > 0))
        gaps = surprise(self.foretold, weights)
        names = [("all", "everyone"), *((name, str(level)) for name, level in self.attributes.groups)]
        sizes = (inside * trusted) @ self.counts.n[:, -1]
        return _rows("move", names, sizes, gaps.p_value, gaps.estimate, gaps.std_error)


def _merged(counts: DayCounts, before: list[dt.date], fresh: list[dt.date]) -> DayCounts:
    """Return counts whose last night is all fresh days together."""
    at = [counts.days.index(day) for day in before]
    new = [counts.days.index(day) for day in fresh]
    n, k = (np.column_stack([each[:, at], each[:, new].sum(axis=1)]) for each in (counts.n, counts.k))
    kept = n.sum(axis=1) > 0
    units = counts.units.filter(pl.Series(kept))
    return DayCounts(
        units, counts.by, levels_of(units["_stream"]), [*before, fresh[-1]], n[kept], k[kept], counts.set_aside
    )  # fmt: skip


def _asked(
    responses: Any, date: str, stream: str, outcome: str, counts: DayCounts, before: list[dt.date], fresh: list[dt.date]
) -> tuple[Floats, Floats]:
    """Return the interviews without an answer, and all, streams × nights."""
    opened = open_columns(responses, [date, stream, outcome]).lazy()
    rows = opened.select(
        day=nw.col(date).cast(nw.Date), stream=nw.col(stream).cast(nw.String),
        none=nw.col(outcome).is_null().cast(nw.Int64), one=nw.lit(1),
    ).group_by("day", "stream").agg(nw.col("none").sum(), nw.col("one").sum())  # fmt: skip
    nights = {day: at for at, day in enumerate(before)} | dict.fromkeys(fresh, len(before))
    none, asked = np.zeros((2, len(counts.streams), len(before) + 1))
    place = {str(name): at for at, name in enumerate(counts.streams)}
    for day, name, missing, each in rows.collect("polars").iter_rows():
        if day in nights and name in place:
            none[place[name], nights[day]] += missing
            asked[place[name], nights[day]] += each
    return none, asked


def _foretold(counts: DayCounts, attributes: Attributes) -> tuple[list[Foretold], list[np.ndarray]]:
    unit, night = np.nonzero(counts.n)
    at = np.array([(day - counts.days[0]).days for day in counts.days], float)
    codes, streams = attributes.codes(counts.units), np.eye(len(counts.streams))[counts.stream_codes]
    still = np.concatenate([np.ones((len(codes), 1)), attributes.indicators(codes), streams], axis=1)
    x = np.column_stack([still[unit], (at / at[-1] - 0.5)[night]])
    nights = foretell(x, counts.n[unit, night], counts.k[unit, night], night)
    return nights, [unit[night == each] for each in range(len(nights))]


def _stream_weight(kind: str, own: np.ndarray, night: Foretold) -> Floats:
    """Return a stream's mean gap less the others', or its gap's slope on what was foretold."""
    n = own * night.n
    if not n.sum():
        return np.zeros(len(own))
    if kind == "order":
        apart = own * (night.p - (n @ night.p) / n.sum())
        return apart / max(float(night.n @ apart**2), 1e-300)
    others = ~own * 1.0
    rest = others @ night.n
    return own / n.sum() - (others / rest if rest else 0.0)


def _rows(
    kind: str, names: list[tuple[str, str]], sizes: Floats, p: Floats, estimate: Any = None, error: Any = None
) -> list[dict]:
    tested = max(int(np.isfinite(p).sum()), 1)
    hurdle = FALSE["answers" if kind == "order" else kind] / (2 if kind in ("answers", "order") else 1)
    return [
        {
            "kind": kind, "variable": variable, "level": level, "n": int(sizes[at]),
            "estimate": None if estimate is None else float(estimate[at]),
            "std_error": None if error is None else float(error[at]),
            "p_value": float(p[at]) if np.isfinite(p[at]) else None,
            "p_adjusted": float(min(p[at] * tested, 1)) if np.isfinite(p[at]) else None,
            "claimed": bool(p[at] * tested <= hurdle and (kind != "order" or estimate[at] < SWAPPED)),
        }
        for at, (variable, level) in enumerate(names)
    ]  # fmt: skip


def _cause(rows: list[dict], off: set[str], night: _Night) -> tuple[str, tuple[str, ...]]:
    """Return what the night's claims come to."""
    claimed = {
        kind: [r for r in rows if r["kind"] == kind and r["claimed"]] for kind in ("move", *FALSE, "missing", "order")
    }
    broken = sorted({row["level"] for kind in ("volume", "missing", "order") for row in claimed[kind]})
    if broken:
        return "export", tuple(broken)
    best = _best_move([row for row in rows if row["kind"] == "move" and row["p_value"] is not None])
    mixed = tuple(sorted({row["level"] for row in claimed["mix"]}))
    alone = [row["level"] for row in claimed["answers"] if row["level"] not in off]
    if mixed and not claimed["move"]:
        return "mix", mixed
    if alone or (claimed["move"] and (best is None or mixed)):
        return "unclear", tuple(alone) or tuple(f"{r['variable']} {r['level']}" for r in claimed["move"][:3])
    if claimed["move"] and best is not None:
        return "move", (best,)
    return "chance", ()


def _best_move(rows: list[dict]) -> str | None:
    """Return the group that moved; None where another explains it nearly as well."""
    ranked = sorted(((row["estimate"] / row["std_error"]) ** 2, f"{row['variable']} {row['level']}") for row in rows
                    if row["std_error"] > 0)[::-1]  # fmt: skip
    if len(ranked) > 1 and ranked[0][0] - ranked[1][0] < APART:
        return None
    return ranked[0][1].replace("all everyone", "everyone") if ranked else None
