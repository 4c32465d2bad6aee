"""Whether the arms hold as many as were to be in them, and whether outcomes are missing alike in all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.special import chdtrc

from campaignkit.errors import BadValue, listed
from campaignkit.experiments.moments.groups import Design, Groups
from campaignkit.wording import p_value

ALARM = 0.001
FAR_FROM_EVEN = 1.5  # times the smallest arm, from which unequal arms are taken for planned
MOST_TIMES = 50


@dataclass(frozen=True)
class Sizes:
    """The arms' sizes beside those planned.

    Attributes
    ----------
    table
        One row per arm: arm, units (people, or clusters where whole clusters were assigned), expected (units).
    p_value
        Of the sizes, were the arms drawn in the planned shares; below 0.001 the experiment is not to be trusted.
    missing_p
        The outcomes' p-values of being missing alike in all arms; no entry where none is missing.
    stated
        Whether the shares were given; else equal ones are taken for planned.
    inferred
        How many times the smallest arm each was taken for planned, since they are far from even and no shares were
        given; None: not so.
    """

    table: pl.DataFrame
    p_value: float
    missing_p: Mapping[str, float]
    stated: bool
    inferred: tuple[float, ...] | None = None

    @property
    def mismatch(self) -> bool:
        """Whether the sizes differ from the stated ones, or from equal ones, by more than chance (p < 0.001)."""
        return self.p_value < ALARM

    @property
    def alarm(self) -> bool:
        """Whether they do, and not by so much that it must have been planned."""
        return self.mismatch and self.inferred is None

    def sentence(self) -> str:
        """Say whether the arms are as planned, first of all."""
        if self.alarm:
            plan = "planned" if self.stated else "equal"
            mend = "" if self.stated else " If other shares were planned, pass them: shares={arm: share}."
            text = (
                f"Arm sizes are not {plan} ({p_value(self.p_value)}), so assignment may not be random. Do not rely on "
                f"any difference below until you know why.{mend}"
            )
        elif self.inferred is not None:
            times = " : ".join(f"{x:g}" for x in self.inferred)
            text = (
                f"Arm sizes are uneven; this assumes {times} was planned ({', '.join(map(str, self.table['arm']))}). "
                "To check against the plan, pass shares={arm: share}."
            )
        else:
            text = f"Arm sizes match the plan (sample ratio {p_value(self.p_value)})."
        worst = [name for name, p in self.missing_p.items() if p < ALARM]
        if worst:
            text += f" Check this: {listed(worst)} is missing more often in some arms than in others."
        return text


def check_sizes(groups: Groups, names: list[Any], design: Design, shares: Mapping[Any, float] | None) -> Sizes:
    """Test the arms' sizes, and their missing outcomes, by chi-squared."""
    whole = design.roles.cluster is not None and not groups.spans
    by_arm = (
        groups.table.group_by(design.roles.arms[0])
        .agg(pl.col("units" if whole else "rows").sum())
        .sort(design.roles.arms[0])
    )
    seen = by_arm.to_series(1).to_numpy().astype(float)
    inferred = _inferred(seen) if shares is None else None
    expected = _shares(names, shares) * seen.sum()
    p = float(chdtrc(len(names) - 1, np.sum((seen - expected) ** 2 / expected))) if len(names) > 1 else 1.0
    table = pl.DataFrame({"arm": names, "units": seen.astype(int), "expected": expected})
    missing = {outcome.name: _missing(groups, design, outcome.rows, outcome.missing) for outcome in groups.outcomes}
    return Sizes(table, p, {k: v for k, v in missing.items() if v is not None}, shares is not None, inferred)


def _inferred(seen: np.ndarray) -> tuple[float, ...] | None:
    """Return the plan that arms far from even are near to, in whole or half multiples of the smallest; None: even."""
    times = seen / seen.min()
    if times.max() < FAR_FROM_EVEN:
        return None
    near = np.round(2 * times) / 2 if times.max() < MOST_TIMES else np.round(times)
    return tuple(near.tolist())


def _shares(names: list[Any], shares: Mapping[Any, float] | None) -> np.ndarray:
    if shares is None:
        return np.full(len(names), 1 / len(names))
    if set(shares) != set(names):
        odd = sorted(map(repr, set(shares) ^ set(names)))
        raise BadValue(f"shares names other arms than the data hold; the difference is {listed(odd)}.")
    planned = np.array([float(shares[name]) for name in names])
    if not (planned > 0).all():
        raise BadValue("shares holds a share that is not above 0.")
    return planned / planned.sum()


def _missing(groups: Groups, design: Design, rows: np.ndarray, missing: np.ndarray) -> float | None:
    if not missing.any():
        return None
    frame = groups.table.select(design.roles.arms[0], yes=pl.Series(missing), no=pl.Series(rows))
    counts = (
        frame.group_by(design.roles.arms[0]).agg(pl.col("yes", "no").sum()).select("yes", "no").to_numpy().astype(float)
    )
    if len(counts) < 2:
        return None
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(chdtrc(len(counts) - 1, np.nansum((counts - expected) ** 2 / expected)))
