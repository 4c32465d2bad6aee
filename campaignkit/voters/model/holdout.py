"""Who a model is judged by: a share of people, or none, chosen by hash; and what every fit refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from campaignkit.checks import PURPOSES, check_scalar
from campaignkit.errors import BadValue
from campaignkit.tables import Roles


@dataclass(frozen=True)
class Holdout:
    """Who is held out.

    Attributes
    ----------
    share : float or None
        Of clusters (or units). None: nobody, or folds in turn.
    seed : int
        Another seed, others.
    """

    share: float | None = None
    seed: int = 0


def check_fit(
    name: str, purpose: str, ridge: float | None, holdout: float | None, confidence_level: float, seed: int
) -> None:
    """Refuse arguments of a fit that can't be right; `ridge` may be None where the room lets it be chosen."""
    check_scalar(name, "name", typ=str)
    check_scalar(purpose, "purpose", choices=list(PURPOSES))
    check_scalar(ridge, "ridge", typ=float, ge=0, optional=True)
    check_scalar(holdout, "holdout", typ=float, gt=0, lt=1, optional=True)
    check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
    check_scalar(seed, "seed", typ=int)


def check_cells(cells: pl.DataFrame, roles: Roles) -> None:
    """Refuse an outcome that is neither yes nor no (column ``odd``), and rows without an id (``unknown``).

    Raises
    ------
    BadValue
        There are some.
    """
    if cells["odd"].any():
        raise BadValue(f"outcome: column {roles.outcomes[0]!r} holds other values than true/false or 0/1.")
    if "unknown" in cells.columns and cells["unknown"].any():
        count = cells.filter("unknown")["n"].sum()
        raise BadValue(f"unit: {roles.unit or roles.cluster!r} is null in {count:,} rows; say who they are.")


def roles_from_dict(saved: Mapping[str, Any]) -> Roles:
    """Return roles that were saved as JSON."""
    parts: dict[str, Any] = {part: tuple(value) if isinstance(value, list) else value for part, value in saved.items()}
    return Roles(**parts)
