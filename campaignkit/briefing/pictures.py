"""Charts as SVG inside the page: they take on its colors, and need no script."""

from __future__ import annotations

import re
from typing import Any

from campaignkit import charts
from campaignkit.briefing.parts import Chart

WIDTH, HEIGHT = 290, 170
SLACK = 18  # pixels at the left: the page's font may be wider than the one that labels were measured by


def picture(title: str, description: str, chart: Any, height: int | None = HEIGHT, width: int = WIDTH) -> Chart:
    """Return an Altair chart as the page has it.

    Parameters
    ----------
    title : str
        Above it.
    description : str
        What it shows, for those who cannot see it.
    chart : altair chart
        Without title or width of its own.
    height : int or None
        In pixels. None: the chart's own.
    width : int
        In pixels, without the labels.

    Examples
    --------
    >>> import polars as pl
    >>> alt = charts.house()
    >>> bars = alt.Chart(pl.DataFrame({"n": [3]})).mark_bar().encode(x="n:Q")
    >>> made = picture("Donors", "Three donors.", bars)
    >>> made.svg[:4], "currentColor" in made.svg, "<script" in made.svg
    ('<svg', True, False)
    """
    charts.house()
    sized = chart.properties(width=width, **({} if height is None else {"height": height}))
    svg = charts.still(
        sized.properties(description=description, padding={"left": SLACK, "right": 5, "top": 5, "bottom": 5}).to_dict()
    )
    svg = re.sub(r"^.*?(?=<svg)", "", svg, flags=re.S)
    marked = re.sub(r'(id="|url\(#|href="#)', lambda match: f"{match[1]}{_anchor(title)}-", svg)
    # The last digits of a sum depend on the order in which threads came, and would make another page of the same night.
    rounded = re.sub(r"-?\d+\.\d{3,}(?:e-?\d+)?", lambda match: f"{float(match[0]):.2f}", marked)
    return Chart(title, description, rounded)


def _anchor(text: str) -> str:
    return re.sub(r"\W+", "-", text.casefold()).strip("-")
