"""A panel asked before an event and after it: what the same people changed, and who of them changed sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.polls.model.frames import as_texts
from campaignkit.stats.arrays import Floats
from campaignkit.stats.survey.repeated_reports import PATTERNS, Reports, repeated_reports
from campaignkit.tables import Roles, open_roles, yes_or_no

SAMPLES, WIDER = 400, 1.25  # bootstrap samples; by how much panels' errors are larger than theirs
FLAGGED = 0.5


@dataclass(frozen=True)
class Panel:
    """A panel's people.

    Attributes
    ----------
    table : polars.DataFrame
        One row per person: the unit, party, past vote, the reports, and their means ``_before`` and ``_after`` (null
        where there is none).
    unit, party, past_vote : str
    before, after : list of str
        The reports' columns.
    """

    table: pl.DataFrame
    unit: str
    party: str
    past_vote: str
    before: list[str]
    after: list[str]

    @property
    def back(self) -> pl.DataFrame:
        """Those who reported before and after."""
        return self.table.drop_nulls(["_before", "_after"])

    @property
    def composition(self) -> pl.DataFrame:
        """How many of those who reported before are of each party and past vote."""
        asked = self.table.drop_nulls("_before")
        return asked.group_by(self.party, self.past_vote, maintain_order=True).agg(voters=pl.len().cast(pl.Float64))


def read_panel(
    panel: object, unit: str, party: str, past_vote: str, before: Sequence[str], after: Sequence[str]
) -> Panel:
    """Read a panel.

    Raises
    ------
    BadValue
        A person has two rows or no id, or a report is no yes or no.
    NotEnoughData
        Nobody reported before, or nobody of those again after.
    """
    roles = Roles(outcomes=(*before, *after), by=(party, past_vote), unit=unit)
    frame = open_roles(panel, roles).lazy()
    reports = [yes_or_no(frame, name, "before and after").alias(name) for name in (*before, *after)]
    table = as_texts(frame.select(unit, party, past_vote, *reports).collect("polars").to_native(), [party, past_vote])
    if table[unit].null_count() or table[unit].is_duplicated().any():
        raise BadValue(f"unit: column {unit!r} is null or the same in several rows; one row per person was expected.")
    mean = lambda names: pl.mean_horizontal(pl.col(name).cast(pl.Float64) for name in names)  # noqa: E731
    people = Panel(
        table.with_columns(_before=mean(before), _after=mean(after)), unit, party, past_vote, [*before], [*after]
    )
    if people.back.height < 2:
        raise NotEnoughData(
            "Nobody in the panel reported both before and after; there is no change of the same people."
        )
    return people


@dataclass(frozen=True)
class SamePeople:
    """The change of those who reported before and after, with its bootstrap samples.

    Attributes
    ----------
    estimate, std_error : float
        Weighted to a composition; the error is the bootstrap's, widened.
    who : polars.DataFrame
        One row per party and past vote: ``n``, ``share``, ``estimate``, ``std_error``.
    """

    estimate: float
    std_error: float
    who: pl.DataFrame


def same_people(panel: Panel, composition: pl.DataFrame, seed: int) -> SamePeople:
    """Estimate the change of the same people, weighted to a composition (party, past vote, ``voters``)."""
    keys, back = [panel.party, panel.past_vote], panel.back
    cells = composition.with_columns(share=pl.col("voters") / pl.col("voters").sum()).with_row_index("_cell")
    back = back.join(cells, on=keys, how="inner", nulls_equal=True)
    change = (back["_after"] - back["_before"]).to_numpy()
    cell, share = back["_cell"].to_numpy(), cells["share"].to_numpy()
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(change), np.full(len(change), 1 / len(change)), SAMPLES)
    inside = np.eye(len(share))[cell]
    n, total = inside.sum(axis=0), change @ inside
    ns, totals = times @ inside, (times * change) @ inside
    drawn = _weighted(ns, totals, share)
    each = totals / np.where(ns > 0, ns, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.array([WIDER * np.nanstd(each[:, at]) if n[at] else np.nan for at in range(len(share))])
        middle = total / n
    who = cells.select(*keys, "share").with_columns(
        n=pl.Series(n.astype(np.int64)), estimate=pl.Series(middle), std_error=pl.Series(error)
    )
    estimate = float(_weighted(n[None], total[None], share)[0])
    return SamePeople(
        estimate, WIDER * float(drawn.std()), who.with_columns(pl.col("estimate", "std_error").fill_nan(None))
    )


def _weighted(n: Floats, total: Floats, share: Floats) -> Floats:
    """Return means over cells by their shares, those without anyone left out."""
    seen = n > 0
    means = np.where(seen, total / np.where(seen, n, 1), 0.0)
    return (means * share).sum(axis=1) / (seen * share).sum(axis=1)


def flag(panel: Panel) -> tuple[Reports | None, pl.DataFrame]:
    """Return what four reports say, and who they say to have changed sides: the unit, before, after, probability.

    None, and nobody, where there are not two columns of reports each or nobody gave all four.
    """
    schema = {
        panel.unit: panel.table.schema[panel.unit],
        "before": pl.Boolean,
        "after": pl.Boolean,
        "probability": pl.Float64,
    }
    names = [*panel.before, *panel.after]
    four = panel.table.drop_nulls(names)
    if len(panel.before) != 2 or len(panel.after) != 2 or four.is_empty():
        return None, pl.DataFrame(schema=schema)
    pattern = four.select(names).to_numpy().astype(np.int64) @ np.array([8, 4, 2, 1])
    reports = repeated_reports(np.bincount(pattern, minlength=16).astype(float))
    probability = reports.switched[pattern]
    reported = PATTERNS[pattern]
    flagged = four.select(panel.unit).with_columns(
        before=pl.Series(reported[:, :2].sum(axis=1) > 1), after=pl.Series(reported[:, 2:].sum(axis=1) > 1),
        probability=pl.Series(probability),
    )  # fmt: skip
    return reports, flagged.filter((pl.col("probability") > FLAGGED) & (pl.col("before") != pl.col("after")))
