"""Charts that several rooms draw: bars, and estimates with their intervals."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit.charts.figure import house
from campaignkit.charts.theme import PALETTE, ROW, WIDTH
from campaignkit.errors import BadValue
from campaignkit.labels import label as called
from campaignkit.tables import check_columns, check_numbers

if TYPE_CHECKING:
    import altair as alt

LINE = 32  # letters of a label that fit beside a chart
TITLE = 54  # letters of a title that fit above it
POINTS = "+.1%"  # the number of a difference of shares, which is drawn in points


def bars(
    table: pl.DataFrame,
    label: str,
    value: str,
    *,
    description: str,
    series: str | None = None,
    title: str | None = None,
    number: str | None = None,
) -> alt.LayerChart:
    """Return horizontal bars, one for each row, in the table's order, with its number at the end.

    Parameters
    ----------
    table : polars.DataFrame
        One row for each bar.
    label : str
        The column of names, written at the left. Null shows as "(null)".
    value : str
        The column of lengths. A null draws no bar, and says "not known".
    description : str
        What the chart shows, in a sentence, for those who cannot see it.
    series : str or None
        A column that splits each label into bars side by side, in colors, without their numbers. None: one bar for
        each label.
    title : str or None
        Text above the chart. None: none.
    number : str or None
        The d3-format of the numbers. None: percent where `value` is named as a share (see :func:`is_share`),
        else with thousands apart.

    Returns
    -------
    altair.LayerChart

    Examples
    --------
    >>> table = pl.DataFrame({"region": ["West", "East"], "entered_rate": [0.18, 0.12]})
    >>> chart = bars(table, "region", "entered_rate", description="The West entered most: 18%, beside 12%.")
    >>> [layer["mark"]["type"] for layer in chart.to_dict()["layer"]]
    ['bar', 'text']
    """
    alt = house()
    rows = _picked(table, label, series, {"value": value})
    show = number or _number(value, rows["value"])
    base = alt.Chart(rows).encode(
        tooltip=_tips(label, series, {"value": value}, show), **_rows_and_colors(rows, label, series)
    )
    x = {"title": _axis_title(value), "axis": alt.Axis(format=show)}
    layers = [base.mark_bar(cornerRadiusEnd=2).encode(x=alt.X("value:Q", **x))]
    if series is None:
        said = f"isValid(datum.value) ? format(datum.value, '{show}') : 'not known'"
        numbers = base.transform_calculate(end="max(datum.value, 0)", said=said)
        layers.append(numbers.mark_text(align="left", dx=5).encode(x=alt.X("end:Q", **x), text="said:N"))
    return alt.layer(*layers).properties(description=description, **_shape(rows, series, title))


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
        A column that splits each label into estimates side by side, in colors. None: one for each label.
    reference : float or None
        Where to draw a dashed line to compare with, such as 0 for an effect. None: no line.
    title : str or None
        Text above the chart. None: none.
    number : str or None
        The d3-format of the numbers; "+.1%" for differences of shares, which are drawn in points. None: percent where
        `estimate` is named as a share (see :func:`is_share`), else with thousands apart.

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
    show = number or _number(estimate, rows["estimate"])
    of_axis = None if title and estimate == "estimate" else _axis_title(estimate)  # the title says of what
    if show == POINTS:
        rows, show, of_axis = rows.with_columns(pl.col(*numbers) * 100), "+.1~f", "points"
    x = {"title": of_axis, "axis": alt.Axis(format=show), "scale": alt.Scale(zero=False)}
    tips = _tips(label, series, numbers, show)
    base = alt.Chart(rows).encode(tooltip=tips, **_rows_and_colors(rows, label, series))
    whole = base.transform_filter("isValid(datum.lower) && isValid(datum.upper)")
    line = whole.mark_rule(strokeWidth=2, color=PALETTE[0]).encode(x=alt.X("lower:Q", **x), x2="upper:Q")
    layers = [line, base.mark_point(opacity=1).encode(x=alt.X("estimate:Q", **x))]
    if reference is not None:
        mark = alt.Chart(pl.DataFrame({"at": [float(reference)]})).mark_rule(strokeDash=[4, 3], opacity=0.6)
        layers.insert(0, mark.encode(x=alt.X("at:Q", **x)))
    return alt.layer(*layers).properties(description=description, **_shape(rows, series, title))


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


def _rows_and_colors(rows: pl.DataFrame, label: str, series: str | None) -> dict[str, Any]:
    alt = house()
    # The order is spelled out, as layers that leave out rows would otherwise each put in their own.
    order = {name: rows[name].unique(maintain_order=True).to_list() for name in rows.columns}
    above = alt.Axis(titleAngle=0, titleAnchor="end", titleAlign="right", titleBaseline="bottom", titleX=-6, titleY=-4)
    if long := {text: _lines(text) for text in order["label"] if len(text) > LINE}:
        above.labelExpr = f"({json.dumps(long)})[datum.label] || datum.label"
    encoding: dict[str, Any] = {"y": alt.Y("label:N", sort=order["label"], title=_axis_title(label), axis=above)}
    if series is not None:
        encoding["yOffset"] = alt.YOffset("series:N", sort=order["series"])
        encoding["color"] = alt.Color("series:N", sort=order["series"], title=_axis_title(series))
    return encoding


def _tips(label: str, series: str | None, numbers: dict[str, str], show: str) -> list[Any]:
    alt = house()
    names = {"label": label} | ({} if series is None else {"series": series})
    tips = [alt.Tooltip(f"{new}:N", title=_axis_title(old)) for new, old in names.items()]
    return tips + [alt.Tooltip(f"{new}:Q", title=_axis_title(old), format=show) for new, old in numbers.items()]


def _lines(text: str) -> list[str]:
    """Return a long label on two lines, its middle shortened where they do not hold it.

    Examples
    --------
    >>> _lines("region West and sex F and age 40–49")
    ['region West and sex F and age', '40–49']
    >>> _lines("a" * 30 + " " + "b" * 90 + " the end")[1][-8:]
    ' the end'
    """
    first, *rest = textwrap.wrap(text, LINE)
    second = " ".join(rest)
    return [first, second if len(second) <= LINE else f"{second[: LINE // 2 - 1]}…{second[-LINE // 2 :]}"]


def _shape(rows: pl.DataFrame, series: str | None, title: str | None) -> dict[str, Any]:
    alt = house()
    row = ROW + 10 if (rows["label"].str.len_chars() > LINE).any() else ROW
    height = alt.Step(row) if series is None else alt.Step(row // 2, **{"for": "offset"})
    lines = [] if title is None else textwrap.wrap(title, TITLE)
    return {"width": WIDTH, "height": height} | ({} if title is None else {"title": lines if lines[1:] else title})


def _number(column: str, values: pl.Series) -> str:
    """Return the d3-format of a column: percent of shares, else as many digits as its size needs."""
    if is_share(column):
        return ".1~%"
    size = values.drop_nans().abs().max()
    return ",.3~r" if isinstance(size, float) and size < 1 else ",.2~f"


def _axis_title(column: str) -> str:
    return called(column)
