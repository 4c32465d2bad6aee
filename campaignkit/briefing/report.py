"""The page as HTML: no script, no network, every text escaped, every number linked to its table."""

from __future__ import annotations

import datetime as dt
import html
import re
from pathlib import Path
from typing import Any

from campaignkit.wording import dollars, number

_NUMBER = re.compile(r"\d{4}-\d\d-\d\d|(?<![\w.])[+−]?\$?\d+(?:,\d{3})*(?:\.\d+)?%?")
_CSS = Path(__file__).with_name("page.css")
PLACES = {"rate": 1, "points": 1}
WORDS = {"true": "yes", "false": "no"}


def html_page(twin: dict[str, Any], svgs: dict[str, list[str]]) -> str:
    """Return the whole page.

    Parameters
    ----------
    twin : dict
        What the page says, as its JSON twin has it.
    svgs : dict
        The charts' pictures, by part.
    """
    title = _text(twin["title"])
    parts = {name: part for name, part in twin["parts"].items() if name != "checks"}
    shown = "\n".join(_part(name, part, svgs.get(name, [])) for name, part in parts.items() if part["sentences"])
    level = "stop" if not twin["trusted"] else "warning" if twin["checks"] else "well"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}, {_text(twin["as_of"])}</title>
<style>
{_CSS.read_text("utf-8")}</style>
</head>
<body>
<p class="verdict {level}" role="status"><strong>{_SIGNS[level]}</strong> {_text(twin["verdict"])}</p>
<header>
<h1>{title}</h1>
<p class="day"><time datetime="{_text(twin["as_of"])}">{_day(twin["as_of"])}</time>{_since(twin)}</p>
</header>
<main>
{_figures(twin["parts"])}
<div class="parts">
{shown}
</div>
{_checks(twin["checks"])}
</main>
<footer class="appendix">
<h2 id="tables">Tables and queries</h2>
<p>Each number above leads to the table it is from, and each table to the query that made it. The same numbers are in
<code>page.json</code>.</p>
{"".join(_table(table) for part in twin["parts"].values() for table in part["tables"])}
</footer>
</body>
</html>
"""


_SIGNS = {"well": "All is well.", "warning": "Look first.", "stop": "Stop."}


def _text(value: Any) -> str:
    return html.escape(str(value))


def _day(text: str) -> str:
    day = dt.date.fromisoformat(text)
    return f"{day:%A, %B} {day.day}, {day.year}"


def _since(twin: dict[str, Any]) -> str:
    return f" <span>changes since {_day(twin['since'])}</span>" if twin["since"] else " <span>the first page</span>"


def _figures(parts: dict[str, Any]) -> str:
    figures = [figure for part in parts.values() for figure in part["figures"]]
    cards = "".join(
        f'<li><a href="#t-{_text(each["table"])}"><span class="label">{_text(each["label"])}</span>'
        f'<span class="value">{_text(each["text"])}</span><span class="note">{_text(each["note"])}</span></a></li>\n'
        for each in figures
    )
    return f'<ul class="figures" aria-label="In short">\n{cards}</ul>' if cards else ""


def _part(name: str, part: dict[str, Any], svgs: list[str]) -> str:
    tables = [table["name"] for table in part["tables"]]
    told = [(sentence, tables[:1]) for sentence in part["sentences"]]
    told += [(sentence, tables[1:2] or tables) for sentence in part.get("changes", ())]
    lines = "".join(f"<p>{linked(sentence, table[0] if table else None)}</p>\n" for sentence, table in told)
    drawn = "".join(
        f"<figure>{_described(svg, chart)}<figcaption>{_text(chart['title'])}</figcaption></figure>\n"
        for chart, svg in zip(part["charts"], svgs, strict=True)
    )
    title = _text(part["title"])
    return f'<section id="{name}" aria-labelledby="h-{name}">\n<h2 id="h-{name}">{title}</h2>\n{lines}{drawn}</section>'


def _described(svg: str, chart: dict[str, str]) -> str:
    """Return a picture with its text for those who cannot see it, its parts hidden from screen readers."""
    inside = re.sub(r' (?:role|aria-[a-z]+|tabindex)="[^"]*"', "", svg)
    return inside.replace("<svg", f'<svg role="img" aria-label="{_text(chart["description"])}"', 1)


def linked(sentence: str, table: str | None) -> str:
    """Return a sentence, escaped, with each number leading to its table; dates are left alone.

    Examples
    --------
    >>> linked("On 2012-10-02, 48.8% <all>", "polls")
    'On 2012-10-02, <a class="n" href="#t-polls">48.8%</a> &lt;all&gt;'
    """
    pieces, at = [], 0
    for match in _NUMBER.finditer(sentence):
        pieces.append(_text(sentence[at : match.start()]))
        text, at = match[0], match.end()
        is_date = len(text) == 10 and text[4] == "-"
        pieces.append(
            _text(text) if is_date or table is None else f'<a class="n" href="#t-{_text(table)}">{_text(text)}</a>'
        )
    return "".join([*pieces, _text(sentence[at:])])


def _checks(checks: list[dict[str, str]]) -> str:
    title = '<h2 id="h-checks">What is not to be trusted today</h2>'
    if not checks:
        return f'<section id="checks" aria-labelledby="h-checks">{title}\n<p>Every check passed.</p></section>'
    rows = "".join(
        f'<tr class="{check["level"]}"><th scope="row">{_text(check["what"])}</th>'
        f"<td>{_text(check['number'] or '–')}</td><td>{_text(check['past'] or '–')}</td>"
        f"<td>{_text(check['to_do'])}</td></tr>\n"
        for check in checks
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("What", "Tonight", "Before", "What to do"))
    return (
        f'<section id="checks" aria-labelledby="h-checks">{title}\n'
        '<div class="wide" tabindex="0" role="region" aria-label="Checks"><table>'
        f"<caption>Checks that did not pass, the worst first</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}"
        "</tbody></table></div></section>"
    )


def _table(table: dict[str, Any]) -> str:
    head = "".join(
        f'<th scope="col"{_side(table, name)}>{_text(name.replace("_", " "))}</th>' for name in table["columns"]
    )
    rows = "".join(_row(table, row) for row in table["rows"])
    return (
        f'<section class="table" id="t-{_text(table["name"])}" aria-label="{_text(table["title"])}">'
        f'<div class="wide" tabindex="0" role="region" aria-label="{_text(table["title"])}"><table>'
        f"<caption>{_text(table['title'])}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
        f"<details><summary>The query</summary><pre>{_text(table['query'])}</pre></details></section>\n"
    )


def _row(table: dict[str, Any], row: list[Any]) -> str:
    cells = [f"<td{_side(table, name)}>{_text(cell(value, table['kinds'].get(name)))}</td>"
             for name, value in zip(table["columns"], row, strict=True)]  # fmt: skip
    return f"<tr>{''.join(cells)}</tr>\n"


def _side(table: dict[str, Any], column: str) -> str:
    return ' class="right"' if column in table["kinds"] else ""


def cell(value: Any, kind: str | None) -> str:
    """Return a value of a table in words.

    Examples
    --------
    >>> cell(0.5123, "rate"), cell(-0.004, "points"), cell(1234, "count"), cell(None, "rate"), cell(True, None)
    ('51.2%', '−0.4', '1,234', '–', 'yes')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return WORDS[str(value).lower()]
    if kind == "rate":
        return f"{value:.1%}".replace("-", "−")
    if kind == "points":
        return f"{100 * value:+.1f}".replace("-", "−")
    if kind == "money":
        return dollars(value, 0)
    if kind == "change":
        return f"{value:+,.0f}".replace("-", "−")
    if kind == "count":
        return f"{value:,}"
    return number(value) if isinstance(value, float) else str(value)
