"""The states' outlines: us-atlas (Mike Bostock, ISC license), made from the Census Bureau's, beside this file."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "us_atlas" / "states-albers-10m.json"

#: The number that the Census Bureau gives each state, by its two letters.
FIPS = {
    "AL": "01", "AK": "02", "AZ": "04", "AR": "05", "CA": "06", "CO": "08", "CT": "09", "DE": "10", "DC": "11",
    "FL": "12", "GA": "13", "HI": "15", "ID": "16", "IL": "17", "IN": "18", "IA": "19", "KS": "20", "KY": "21",
    "LA": "22", "ME": "23", "MD": "24", "MA": "25", "MI": "26", "MN": "27", "MS": "28", "MO": "29", "MT": "30",
    "NE": "31", "NV": "32", "NH": "33", "NJ": "34", "NM": "35", "NY": "36", "NC": "37", "ND": "38", "OH": "39",
    "OK": "40", "OR": "41", "PA": "42", "RI": "44", "SC": "45", "SD": "46", "TN": "47", "TX": "48", "UT": "49",
    "VT": "50", "VA": "51", "WA": "53", "WV": "54", "WI": "55", "WY": "56",
}  # fmt: skip


@cache
def outlines() -> dict[str, Any]:
    """Return the TopoJSON of the states, projected already (Albers, 975 by 610)."""
    return json.loads(_FILE.read_text(encoding="utf-8"))


def names() -> dict[str, str]:
    """Return the states' names by their two letters.

    Examples
    --------
    >>> names()["OH"], len(names())
    ('Ohio', 51)
    """
    by_number = {shape["id"]: shape["properties"]["name"] for shape in outlines()["objects"]["states"]["geometries"]}
    return {letters: by_number[number] for letters, number in FIPS.items()}
