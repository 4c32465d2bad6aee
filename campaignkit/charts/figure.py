"""The house style for Altair, and figures that draw without a network.

A figure is a still SVG with its spec beside it. Where a page holds Vega's script, the still gives way to a
live chart. In a notebook the script comes with the first chart shown, or with :func:`setup`; the book brings
its own and says so with ``CAMPAIGNKIT_VEGA=page``.

Text and axes are drawn in CSS's ``currentColor``, so that a live chart takes on the colours of the page,
light or dark; a still, which cannot, stands on a white card.
"""

from __future__ import annotations

import base64
import html
import json
import os
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit.errors import BadValue
from campaignkit.progress import in_notebook
from campaignkit.tables import check_columns, check_numbers

if TYPE_CHECKING:
    import altair as alt

__all__ = ["PALETTE", "bars", "figure", "intervals", "is_share", "setup", "vega_script"]

# Okabe and Ito's colours, the three that show on both white and black first. A grey stands for their yellow,
# which white swallows, and their black, which black does.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif'
INK = "currentColor"
WIDTH = 460
ROW = 24  # pixels for one label's row

READY = "campaignkit:vega"  # the event by which a page says that Vega has come

FIGURE = """<figure class="ck-figure" style="margin:.5em 0;overflow-x:auto;color:inherit">
<img alt="{alt}" src="data:image/svg+xml;base64,{svg}" style="max-width:100%;background:#fff;padding:8px;\
box-sizing:border-box;border-radius:4px">
<script type="application/json">{spec}</script>
<script>(() => {{
  const figure = document.currentScript.closest("figure");
  const draw = async () => {{
    const live = document.createElement("div");
    const spec = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    await window.vegaEmbed(live, spec, {options});
    figure.querySelector("img").replaceWith(live);
  }};
  if (window.vegaEmbed) draw(); else window.addEventListener("{ready}", draw, {{ once: true }});
}})();</script>
</figure>"""

# SVG, for currentColor follows the page's theme there without drawing anew; the menu only saves, as its other
# entries lead outside.
EMBED = {
    "mode": "vega-lite",
    "renderer": "svg",
    "actions": {"export": True, "source": False, "compiled": False, "editor": False},
}


# --- the house style ------------------------------------------------------------------------------------


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


@cache
def house() -> Any:
    """Return Altair with the house's style and renderer on.

    They are turned on once, so that an analyst who then chooses another keeps it.
    """
    import altair as alt

    alt.theme.register("campaignkit", enable=True)(style)
    alt.renderers.register("campaignkit", _render)
    alt.renderers.enable("campaignkit")
    return alt


def _render(spec: dict[str, Any], **_metadata: Any) -> dict[str, str]:
    make_live()
    return {"text/html": figure(spec), "text/plain": spec["description"]}


# --- figures --------------------------------------------------------------------------------------------


def figure(chart: alt.TopLevelMixin | dict[str, Any]) -> str:
    """Return a chart as one HTML figure that needs no network.

    Parameters
    ----------
    chart : altair chart or dict
        A chart, or its Vega-Lite spec. It must have a ``description``, for those who cannot see it.

    Returns
    -------
    str
        A ``<figure>`` with a still SVG, which a live chart replaces where the page holds Vega.

    Raises
    ------
    BadValue
        If the chart has no description.

    Examples
    --------
    >>> table = pl.DataFrame({"region": ["West", "East"], "n": [3, 1]})
    >>> shown = figure(bars(table, "region", "n", description="Donors: West 3, East 1."))
    >>> shown[:25], 'alt="Donors: West 3, East 1."' in shown
    ('<figure class="ck-figure"', True)
    """
    house()
    spec = chart if isinstance(chart, dict) else chart.to_dict()
    description = str(spec.get("description") or "").strip()
    if not description:
        raise BadValue(
            "the chart has no description for those who cannot see it; add one: "
            'chart.properties(description="Bar chart of donors by region: the West leads.")'
        )
    return FIGURE.format(
        alt=html.escape(description),
        svg=base64.b64encode(still(spec).encode()).decode(),
        spec=_inert(spec),
        options=json.dumps(EMBED),
        ready=READY,
    )


def still(spec: dict[str, Any]) -> str:
    """Return the SVG of a Vega-Lite spec; data that the spec would fetch from outside is refused."""
    import vl_convert

    return vl_convert.vegalite_to_svg(spec, vl_version=_vega_lite(), allowed_base_urls=[])


def _inert(spec: dict[str, Any]) -> str:
    # Inside <script> nothing is unescaped but the end tag is looked for: no "<" from the data may stay.
    return json.dumps(spec, ensure_ascii=True).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


# --- Vega's script --------------------------------------------------------------------------------------


def setup() -> None:
    """Turn the house style on for every Altair chart, and make charts live in this notebook.

    Not needed where the first chart is one of campaignkit's own, which does the same. The cell's output holds
    Vega's script (0.9 MB), once for the whole notebook; without it, charts are stills.

    Examples
    --------
    >>> setup()  # outside of a notebook it sets the style and shows nothing
    """
    house()
    if in_notebook() and not page_has_vega():
        _emit()


def make_live() -> None:
    """Send Vega's script to the notebook with the first chart, and again when the cell holding it reruns."""
    if not in_notebook() or page_has_vega():
        return
    cell, run = _here()
    held_by, held_run = _holder.get("cell"), _holder.get("run")
    rerun = cell is not None and cell == held_by and run != held_run
    if not _holder or rerun:
        _emit()


_holder: dict[str, str | None] = {}  # the notebook cell whose output holds the script, and which run of it


def _emit() -> None:
    from IPython.display import HTML, display

    _holder["cell"], _holder["run"] = _here()
    display(HTML(f"<script>{vega_script()}</script>"))


def _here() -> tuple[str | None, str | None]:
    """Return the running cell's id (None where the front end does not tell) and the id of this run of it."""
    from IPython import get_ipython

    message = get_ipython().get_parent()
    return message.get("metadata", {}).get("cellId"), message.get("header", {}).get("msg_id")


def page_has_vega() -> bool:
    """Return whether the page that shows this brings Vega itself, as the book's do."""
    return os.environ.get("CAMPAIGNKIT_VEGA") == "page"


def vega_script() -> str:
    """Return the JavaScript that makes a page's figures live: Vega, Vega-Lite and Vega-Embed, whole.

    It takes seconds to bundle, so it is kept in the user's cache folder (``$XDG_CACHE_HOME/campaignkit``),
    one file for each version of Vega-Lite and vl-convert.

    Examples
    --------
    >>> "window.vegaEmbed" in vega_script()
    True
    """
    kept = _cache_folder() / f"vega-lite-{_vega_lite()}-vl-convert-{version('vl-convert-python')}.js"
    if kept.is_file():
        return kept.read_text(encoding="utf-8")
    import vl_convert

    announce = f"window.vegaEmbed = vegaEmbed; window.dispatchEvent(new Event({READY!r}));"
    bundle = vl_convert.javascript_bundle(announce, _vega_lite()).replace("</script", "<\\/script")
    script = f"(() => {{\n{bundle}\n}})();\n"  # within a function its names cannot clash with the page's
    _keep(kept, script)
    return script


def _vega_lite() -> str:
    import altair as alt

    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "campaignkit"


def _keep(path: Path, text: str) -> None:
    """Write a file whole or not at all; where the folder cannot be written, do without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as part:
            part.write(text)
        os.replace(name, path)
    except OSError:
        return


# --- charts that several rooms draw ---------------------------------------------------------------------


def bars(
    table: pl.DataFrame,
    label: str,
    value: str,
    *,
    description: str,
    series: str | None = None,
    title: str | None = None,
    number: str | None = None,
) -> alt.Chart:
    """Return horizontal bars, one for each row, in the table's order.

    Parameters
    ----------
    table : polars.DataFrame
        One row for each bar.
    label : str
        The column of names, written at the left. Null shows as "(null)".
    value : str
        The column of lengths. A null draws no bar.
    description : str
        What the chart shows, in a sentence, for those who cannot see it.
    series : str or None
        A column that splits each label into bars side by side, in colours. None: one bar for each label.
    title : str or None
        Text above the chart. None: none.
    number : str or None
        The d3-format of the numbers. None: per cent where `value` is named as a share (see :func:`is_share`),
        else with thousands apart.

    Returns
    -------
    altair.Chart

    Examples
    --------
    >>> table = pl.DataFrame({"region": ["West", "East"], "entered_rate": [0.18, 0.12]})
    >>> chart = bars(table, "region", "entered_rate", description="The West entered most: 18%, beside 12%.")
    >>> chart.to_dict()["encoding"]["x"]["axis"]["format"]
    '.1~%'
    """
    alt = house()
    rows = _picked(table, label, series, {"value": value})
    show = number or _number(value)
    chart = alt.Chart(rows).mark_bar(cornerRadiusEnd=2)
    chart = chart.encode(
        x=alt.X("value:Q", title=_spoken(value), axis=alt.Axis(format=show)),
        tooltip=_tips(label, series, {"value": value}, show),
        **_rows_and_colours(rows, label, series),
    )
    return chart.properties(description=description, **_shape(series, title))


def intervals(
    table: pl.DataFrame,
    label: str,
    estimate: str = "estimate",
    lower: str = "lower",
    upper: str = "upper",
    *,
    description: str,
    series: str | None = None,
    reference: float | None = None,
    title: str | None = None,
    number: str | None = None,
) -> alt.LayerChart:
    """Return estimates as points with their intervals as lines, one for each row, in the table's order.

    Parameters
    ----------
    table : polars.DataFrame
        One row for each estimate.
    label : str
        The column of names, written at the left. Null shows as "(null)".
    estimate, lower, upper : str
        The columns of the estimate and its interval's ends. A null estimate draws no point, a null end no
        line.
    description : str
        What the chart shows, in a sentence, for those who cannot see it.
    series : str or None
        A column that splits each label into estimates side by side, in colours. None: one for each label.
    reference : float or None
        Where to draw a dashed line to compare with, such as 0 for an effect. None: no line.
    title : str or None
        Text above the chart. None: none.
    number : str or None
        The d3-format of the numbers. None: per cent where `estimate` is named as a share (see
        :func:`is_share`), else with thousands apart.

    Returns
    -------
    altair.LayerChart

    Examples
    --------
    >>> table = pl.DataFrame({"arm": ["a", "b"], "estimate": [0.3, 0.1], "lower": [0.1, -0.1], "upper": [0.5, 0.3]})
    >>> chart = intervals(table, "arm", reference=0, description="Effects by arm: a 0.3, b 0.1.")
    >>> len(chart.to_dict()["layer"])
    3
    """
    alt = house()
    numbers = {"estimate": estimate, "lower": lower, "upper": upper}
    rows = _picked(table, label, series, numbers)
    show = number or _number(estimate)
    x = {"title": _spoken(estimate), "axis": alt.Axis(format=show), "scale": alt.Scale(zero=False)}
    tips = _tips(label, series, numbers, show)
    base = alt.Chart(rows).encode(tooltip=tips, **_rows_and_colours(rows, label, series))
    whole = base.transform_filter("isValid(datum.lower) && isValid(datum.upper)")
    line = whole.mark_rule(strokeWidth=2, color=PALETTE[0]).encode(x=alt.X("lower:Q", **x), x2="upper:Q")
    layers = [line, base.mark_point(opacity=1).encode(x=alt.X("estimate:Q", **x))]
    if reference is not None:
        mark = alt.Chart(pl.DataFrame({"at": [float(reference)]})).mark_rule(strokeDash=[4, 3], opacity=0.6)
        layers.insert(0, mark.encode(x=alt.X("at:Q", **x)))
    return alt.layer(*layers).properties(description=description, **_shape(series, title))


def is_share(column: str) -> bool:
    """Return whether a column is named as a share of something, so that 0.12 is read as 12%.

    Examples
    --------
    >>> is_share("entered_rate"), is_share("share"), is_share("generated")
    (True, True, False)
    """
    return not {"rate", "share"}.isdisjoint(column.casefold().split("_"))


def _picked(table: pl.DataFrame, label: str, series: str | None, numbers: dict[str, str]) -> pl.DataFrame:
    """Return the named columns under plain names (Vega reads dots and brackets in a name as paths)."""
    texts = {"label": label} | ({} if series is None else {"series": series})
    check_columns(table, *texts.values())
    check_numbers(table, *numbers.values(), argument="the chart")
    rows = table.select(
        *(pl.col(old).cast(pl.String).fill_null("(null)").alias(new) for new, old in texts.items()),
        *(pl.col(old).cast(pl.Float64).alias(new) for new, old in numbers.items()),
    )
    if twice := rows.select(list(texts)).is_duplicated().sum():
        raise BadValue(
            f"{twice} rows have the same {' and '.join(map(repr, texts.values()))} as another row, "
            "and would be drawn over each other"
        )
    return rows


def _rows_and_colours(rows: pl.DataFrame, label: str, series: str | None) -> dict[str, Any]:
    alt = house()
    # The order is spelled out, as layers that leave out rows would otherwise each put in their own.
    order = {name: rows[name].unique(maintain_order=True).to_list() for name in rows.columns}
    above = alt.Axis(titleAngle=0, titleAnchor="end", titleAlign="right", titleBaseline="bottom", titleX=-6, titleY=-4)
    encoding: dict[str, Any] = {"y": alt.Y("label:N", sort=order["label"], title=_spoken(label), axis=above)}
    if series is not None:
        encoding["yOffset"] = alt.YOffset("series:N", sort=order["series"])
        encoding["color"] = alt.Color("series:N", sort=order["series"], title=_spoken(series))
    return encoding


def _tips(label: str, series: str | None, numbers: dict[str, str], show: str) -> list[Any]:
    alt = house()
    names = {"label": label} | ({} if series is None else {"series": series})
    tips = [alt.Tooltip(f"{new}:N", title=_spoken(old)) for new, old in names.items()]
    return tips + [alt.Tooltip(f"{new}:Q", title=_spoken(old), format=show) for new, old in numbers.items()]


def _shape(series: str | None, title: str | None) -> dict[str, Any]:
    alt = house()
    height = alt.Step(ROW) if series is None else alt.Step(ROW // 2, **{"for": "offset"})
    return {"width": WIDTH, "height": height} | ({} if title is None else {"title": title})


def _number(column: str) -> str:
    return ".1~%" if is_share(column) else ",~f"


def _spoken(column: str) -> str:
    return column.replace("_", " ")
