"""What a megafile offers to choose from: its states, parties, elections, scores, each as it stands in the file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from campaignkit.sql import quote_identifier, quote_literal

if TYPE_CHECKING:
    from campaignkit.megafile import Megafile

ELECTIONS = 3  # the latest general ones; each is one bit of the cube's history
CHANNELS = 8
SCORES = 6
STEPS = 20  # of a score's slider, at which the cube is exact
YOUNGEST, OLDEST = 15, 100  # the slider's ends, which are open: whoever is younger or older is within
DOLLARS = (25, 50, 100, 250, 500, 1000)  # where the cube is exact


@dataclass(frozen=True)
class Choices:
    """What there is to choose.

    Attributes
    ----------
    states, sex, race, party : tuple of str or None
        The values in the file, None last where somebody has none.
    counties : tuple of (state, county)
        In order.
    elections : tuple of str
        Dates of the latest general elections, oldest first.
    channels : tuple of str
        Ways in which people were tried.
    scores : dict of str to tuple of float
        For each score the edges of its steps.
    """

    states: tuple[str | None, ...]
    counties: tuple[tuple[str, str], ...]
    sex: tuple[str | None, ...]
    race: tuple[str | None, ...]
    party: tuple[str | None, ...]
    elections: tuple[str, ...]
    channels: tuple[str, ...]
    scores: dict[str, tuple[float, ...]]


def choices(megafile: Megafile) -> Choices:
    """Read what a megafile offers."""
    states, sex, race, party = (_values(megafile, column) for column in ("state", "sex", "race", "party"))
    counties = megafile.sql(
        "SELECT DISTINCT state, county FROM person WHERE state IS NOT NULL AND county IS NOT NULL ORDER BY ALL"
    )
    elections = megafile.sql(
        "SELECT DISTINCT election_date::VARCHAR AS day FROM vote_history "
        "WHERE election_type = 'general' AND election_date <= ? ORDER BY day DESC LIMIT ?",
        [megafile.as_of, ELECTIONS],
    )
    ranges = megafile.sql(
        "SELECT name, min(value), max(value) FROM score GROUP BY name ORDER BY name LIMIT ?", [SCORES]
    )
    return Choices(
        states=states, sex=sex, race=race, party=party,
        counties=tuple(counties.rows()),
        elections=tuple(sorted(elections["day"].to_list())),
        channels=tuple(megafile.values("contact", "channel")[:CHANNELS]),
        scores={name: edges(low, high) for name, low, high in ranges.rows() if low is not None},
    )  # fmt: skip


def _values(megafile: Megafile, column: str) -> tuple[str | None, ...]:
    name = quote_identifier(column)
    return tuple(megafile.sql(f"SELECT DISTINCT {name} AS value FROM person ORDER BY 1 NULLS LAST")["value"].to_list())


def edges(low: float, high: float) -> tuple[float, ...]:
    """Return the steps' edges of a scale that holds all values: 0 to 1, 0 to 100, or as wide as need be.

    Examples
    --------
    >>> edges(0.02, 0.97)[:3], edges(-0.4, 0.4)[0], edges(3, 88)[-1]
    ((0.0, 0.05, 0.1), -0.4, 100.0)
    """
    for least, most in ((0.0, 1.0), (0.0, 100.0)):
        if least <= low and high <= most:
            break
    else:
        return _round_edges(low, high)
    return tuple(round(least + (most - least) * step / STEPS, 10) for step in range(STEPS + 1))


def _round_edges(low: float, high: float) -> tuple[float, ...]:
    """Return about STEPS edges at multiples of 1, 2 or 5 of a power of ten."""
    rough = max(high - low, 1e-6) / STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(place * step, 10) for place in range(first, max(last, first + 1) + 1))


def named(value: str | None) -> str:
    """Return a value as it is shown."""
    return "unknown" if value is None else value


def among(column: str, values: tuple[str | None, ...]) -> str:
    """Return the predicate that a column is one of some values, null among them or not.

    Examples
    --------
    >>> among("party", ("D", None))
    "(party in ('D') or party is null)"
    """
    known = [value for value in values if value is not None]
    parts = [f"{column} in {quote_literal(known)}"] if known else []
    parts += [f"{column} is null"] if None in values else []
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"
