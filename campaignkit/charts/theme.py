"""The house style for Altair: colors, type and sizes.

Text and axes are drawn in CSS's ``currentColor``, so that a live chart takes on the colors of the page, light or dark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt

# Okabe and Ito's colors, the three that show on both white and black first. A grey stands for their yellow,
# which white swallows, and their black, which black does.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif'
INK = "currentColor"
WIDTH = 460
ROW = 24  # pixels for one label's row


def style() -> alt.theme.ThemeConfig:
    """Return the house style as Altair's theme functions do: a dict with Vega-Lite's ``config``."""
    quiet = {"labelColor": INK, "titleColor": INK, "labelOpacity": 0.85, "titleOpacity": 0.85}
    text = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 500}
    axis = {"domain": False, "ticks": False, "labelPadding": 6, "titlePadding": 10, "labelLimit": 220}
    lines = {"gridColor": INK, "gridOpacity": 0.13, "domainColor": INK, "tickColor": INK}
    title = {
        "anchor": "start",
        "frame": "group",
        "fontSize": 15,
        "fontWeight": 600,
        "offset": 14,
        "color": INK,
    }
    subtitle = {"subtitleColor": INK, "subtitleFontSize": 12, "subtitlePadding": 5}
    legend = {"orient": "top", "titleOrient": "left", "symbolType": "circle", "labelLimit": 220}
    config: Any = {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": None, "continuousWidth": WIDTH, "continuousHeight": 300, "step": ROW},
        "title": title | subtitle,
        "axis": axis | lines | quiet | text,
        "axisDiscrete": {"grid": False},
        "axisQuantitative": {"tickCount": 6, "labelFlush": False},
        "legend": legend | quiet | text,
        "header": quiet | text,
        "bar": {"color": PALETTE[0]},
        "line": {"color": PALETTE[0], "strokeWidth": 2},
        "area": {"color": PALETTE[0], "opacity": 0.6},
        "point": {"color": PALETTE[0], "filled": True, "size": 70},
        "circle": {"color": PALETTE[0]},
        "rule": {"color": INK},
        "tick": {"color": INK},
        "text": {"color": INK, "fontSize": 12},
        "range": {"category": list(PALETTE), "diverging": {"scheme": "blueorange"}}
        | {name: {"scheme": "viridis"} for name in ("heatmap", "ramp")},
    }
    return {"config": config}
