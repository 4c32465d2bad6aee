"""What every answer is: a table, a chart and a sentence.

Examples
--------
A room's own result says what its table means and how to speak and draw it; it holds no arithmetic:

>>> from dataclasses import dataclass
>>> import polars as pl
>>> from campaignkit import charts
>>> @dataclass(frozen=True, eq=False, repr=False)
... class Regions(Result):
...     people: int
...
...     def summary(self) -> str:
...         return f"{self.people:,} people live in {self.table.height} regions."
...
...     def chart(self):
...         return charts.bars(self.table, "region", "n", description=self.summary())
>>> found = Regions(pl.DataFrame({"region": ["West", "East"], "n": [1200, 300]}), people=1500)
>>> found.summary()
'1,500 people live in 2 regions.'
>>> found.table["n"].to_list()
[1200, 300]
>>> print(found)
1,500 people live in 2 regions.
shape: (2, 2)
┌────────┬──────┐
│ region ┆ n    │
│ ---    ┆ ---  │
│ str    ┆ i64  │
╞════════╪══════╡
│ West   ┆ 1200 │
│ East   ┆ 300  │
└────────┴──────┘
"""

from __future__ import annotations

import html
import itertools
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import polars as pl

from campaignkit import charts, labels
from campaignkit.errors import BadValue
from campaignkit.saving import PICTURES, TABLES, ending_of, page, table_bytes, write_whole

if TYPE_CHECKING:
    import altair as alt
    from great_tables import GT

__all__ = ["Result"]

ROWS_SHOWN = 10
TINY = 1e-5  # a column whose numbers are all smaller shows them with a power of ten

_P_VALUE = re.compile(r"(^|_)p_(value|adjusted)$")
_numbered = itertools.count(1)  # tables share a page, where ids must differ

NO_MATH = "mathjax_ignore tex2jax_ignore"  # JupyterLab would set what stands between two dollar signs as a formula

# great-tables' own style paints the page's other tables too, and is white in a dark Lab; this does neither.
STYLE = """<style>
.ck-result table.gt_table { border-collapse: collapse; margin: .5em 0; font-size: .9em; color: inherit;
  width: auto; }
.ck-result .gt_table th, .ck-result .gt_table td { padding: .3em .8em; border: 0; text-align: left;
  color: inherit; background: transparent; white-space: nowrap; font-variant-numeric: tabular-nums; }
.ck-result .gt_table th { font-weight: 600; border-bottom: 2px solid rgba(127,127,127,.6); }
.ck-result .gt_table td { border-bottom: 1px solid rgba(127,127,127,.25); }
.ck-result .gt_table .gt_right { text-align: right; }
.ck-result .ck-table { overflow-x: auto; }
.ck-result .ck-summary { font-size: 1.05em; max-width: 46em; }
.ck-result .ck-more { font-size: .85em; opacity: .75; margin: .3em 0 0; }
</style>"""


@dataclass(frozen=True, eq=False, repr=False)
class Result(ABC):
    """The parent of every answer.

    A subclass adds fields for what the table cannot say, and must give :meth:`summary`. It gives
    :meth:`chart` where there is something to see, and :meth:`percentages` where the names of columns do not
    tell. It is made with ``@dataclass(frozen=True, eq=False, repr=False)``: tables cannot be compared with
    ``==``, and the repr is this class's.

    In a notebook it shows as its sentence, its chart and its first rows; elsewhere as its sentence and table.

    Parameters
    ----------
    table : polars.DataFrame
        The answer, one row per thing, with columns in snake_case.
    labels : mapping of str to str
        Labels of one's own, see :meth:`labeled`.

    Examples
    --------
    >>> import campaignkit as ck
    >>> found = ck.sample.megafile().universe("donor").by("region")
    >>> isinstance(found, ck.Result), found.table.columns
    (True, ['region', 'n', 'share'])
    """

    #: Of a table of people who can be reached by it: how they leave the notebook, which `save` then refuses to do.
    leaves_by: ClassVar[str] = ""

    table: pl.DataFrame
    labels: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    def labeled(self, names: Mapping[str, str]) -> Self:
        """Return the same answer with labels of one's own in its sentence and chart; the table keeps its names.

        Parameters
        ----------
        names : mapping of str to str
            What a column, an outcome or a value is to be called, by its name.

        Examples
        --------
        >>> import campaignkit as ck
        >>> invited = ck.sample.megafile().universe("invited('host_a')")
        >>> found = invited.by("sex", measures=["entered('host_a')"]).labeled({"host_a": "Lorna Vale"})
        >>> "entered Lorna Vale's contest" in found.summary()
        True
        """
        return replace(self, labels={**self.labels, **names})

    def label(self, name: str) -> str:
        """Return what a column, an outcome or a value is called: its label, or its name in plain words.

        Examples
        --------
        >>> import campaignkit as ck
        >>> found = ck.sample.megafile().universe("donor").by("region")
        >>> found.label("income_band"), found.labeled({"income_band": "household income"}).label("income_band")
        ('income', 'household income')
        """
        return labels.label(name, self.labels)

    @abstractmethod
    def summary(self) -> str:
        """Return one or two sentences to be read aloud: the numbers, and what they do not show.

        Examples
        --------
        >>> import campaignkit as ck
        >>> found = ck.sample.megafile().universe("donor", state="OH").by("sex")
        >>> found.summary().partition(" people ")[2].partition(", at ")[0]
        '(donor and state OH), in 3 groups by sex; the largest is women'
        """

    def chart(self) -> alt.TopLevelMixin | None:
        """Return an Altair chart that has a ``description``; None where there is nothing to draw.

        Examples
        --------
        >>> import campaignkit as ck
        >>> found = ck.sample.megafile().universe("donor").by("region")
        >>> found.chart().to_dict()["description"] == found.summary()
        True
        """
        return None

    def percentages(self) -> list[str]:
        """Return the table's columns to be shown in percent: those named as a rate or a share.

        Their values are shares: 0.12 shows as 12.0%.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.megafile().universe("donor").by("region").percentages()
        ['share']
        """
        return [name for name in self.table.columns if charts.is_share(name)]

    def columns_first(self) -> list[str]:
        """Return the columns that a notebook shows first, where the sentence's numbers are; `table` keeps its order.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.megafile().universe("donor").by("region").columns_first()
        []
        """
        return []

    def __repr__(self) -> str:
        """Return the sentence and the table."""
        return f"{self.summary()}\n{self.table}"

    def _repr_html_(self) -> str:
        """Return the sentence, the chart and the first rows, for a notebook."""
        chart = self.chart()
        if chart is not None:
            charts.make_live()
        return self.as_html(chart)

    def as_html(self, chart: alt.TopLevelMixin | None = None) -> str:
        """Return the sentence, the chart (None: its own) and the first rows as HTML for a page.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ck.sample.megafile().universe("donor").by("region").as_html().count("<figure")
        1
        """
        chart = self.chart() if chart is None else chart
        return "\n".join(
            [
                f'<div class="ck-result {NO_MATH}">',
                STYLE,
                f'<p class="ck-summary">{html.escape(self.summary())}</p>',
                "" if chart is None else charts.figure(chart),
                _table_html(self._as_shown(), self.percentages()),
                "</div>",
            ]
        )

    def _as_shown(self) -> pl.DataFrame:
        first = [name for name in self.columns_first() if name in self.table.columns]
        return self.table.select(*first, *(name for name in self.table.columns if name not in first))

    def save(self, path: str | Path) -> Path:
        """Write the answer as a file, by the ending of its path; whole, or what stood there stands.

        Parameters
        ----------
        path : str or Path
            ``.html``: the sentence, the chart (live, without a network) and the table's first rows, as one page.
            ``.png``, ``.svg``, ``.pdf``: the chart on white. ``.csv``, ``.xlsx``: the whole table, where no cell runs
            as a formula. ``.parquet``: the whole table. ``.json``: the sentence and the whole table.

        Returns
        -------
        Path

        Raises
        ------
        BadValue
            The path ends otherwise or cannot be written, there is no chart, .xlsx needs what is not installed, or the
            table holds people's data, which leave by a way of their own (`leaves_by`); their chart can be saved.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> donors = ck.sample.megafile().universe("donor").by("region")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [donors.save(f"{folder}/donors{ending}").name for ending in (".html", ".png", ".csv")]
        ['donors.html', 'donors.png', 'donors.csv']
        """
        ending = ending_of(path)
        if self.leaves_by and ending not in PICTURES:
            raise BadValue(f"The table holds people's data: {self.leaves_by}.")
        if ending in TABLES:
            return write_whole(path, table_bytes(self.table, ending, self.summary()))
        if ending == ".html":
            return write_whole(path, page(self.summary(), self.as_html()))
        chart = self.chart()
        if chart is None:
            raise BadValue(f"There is no chart to save as {ending}; its table can be saved as .csv or .xlsx.")
        return write_whole(path, charts.picture(chart, ending[1:]))


def _table_html(table: pl.DataFrame, percentages: list[str]) -> str:
    """Return the first rows as HTML, with a line that says how many rows are not shown."""
    # What scrolls can be reached by keyboard: one box of ours, and not great-tables' own within it.
    formatted = _formatted(table.head(ROWS_SHOWN), percentages).as_raw_html()
    shown = re.sub(r"<style>.*?</style>|overflow-[xy]:auto;", "", formatted, flags=re.S)
    hidden = table.height - ROWS_SHOWN
    more = f'<p class="ck-more">{hidden:,} more rows in <code>.table</code></p>' if hidden > 0 else ""
    if hidden == 1:
        more = more.replace("rows", "row")
    return f'<div class="ck-table" tabindex="0" role="group" aria-label="Table">{shown}</div>{more}'


def _formatted(rows: pl.DataFrame, percentages: list[str]) -> GT:
    """Return rows as a great-tables table (which escapes all text), with a dash for null."""
    from great_tables import GT

    shown = GT(rows, id=f"ck-{next(_numbered)}")
    for name, kind in rows.schema.items():
        if name in percentages and kind.is_numeric():
            shown = shown.fmt_percent(name, decimals=1)
        elif _P_VALUE.search(name) and kind.is_float():
            shown = shown.fmt(_p_value, columns=name)
        elif kind.is_integer() and not _is_label(name):
            shown = shown.fmt_integer(name)
        elif kind.is_float() or kind.is_decimal():
            tiny = 0 < _largest(rows[name]) < TINY
            shown = (
                shown.fmt_scientific(name, decimals=1)
                if tiny
                else shown.fmt_number(name, decimals=_decimals(rows[name]))
            )
    return shown.sub_missing(missing_text="–")


def _is_label(column: str) -> bool:
    """Return whether a column's integers are names rather than amounts, as a year or an id is."""
    return column.casefold().split("_")[-1] in {"id", "year", "district", "precinct", "zip5"}


def _p_value(value: float | None) -> str:
    if value is None:
        return ""
    return "&lt;0.001" if value < 0.001 else f"{value:.3f}"


def _decimals(column: pl.Series) -> int:
    """Return the decimals that show the column's largest number to three digits, and all others alike."""
    largest = _largest(column)
    return min(max(2 - math.floor(math.log10(largest)), 0), 6) if largest else 2


def _largest(column: pl.Series) -> float:
    """Return the size of the column's largest number; 0: it has none."""
    sizes = column.cast(pl.Float64).abs()
    largest: Any = sizes.filter(sizes.is_finite()).max()
    return largest or 0.0
