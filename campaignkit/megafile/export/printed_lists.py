"""Lists on paper: a workbook to print, and sheets with boxes to tick."""

from __future__ import annotations

import io
import json
import re

import polars as pl

from campaignkit.errors import BadValue
from campaignkit.spreadsheets import SHEET_ROWS
from campaignkit.wording import counted

_SMALL = re.compile(r"\b(Mc)([a-z])")

#: The sheets' document: texts come as data, so that none of them is read as markup.
_TYPST = """
#let sheets = json(bytes(sys.inputs.sheets))
#set page(paper: "us-letter", flipped: true, margin: (x: 1.2cm, top: 1.4cm, bottom: 1.4cm), footer: context [
  #set text(7pt)
  Personal data: return or shred this sheet. #h(1fr) #counter(page).display("1 of 1", both: true)])
#set text(font: "Libertinus Serif", size: 9pt, hyphenate: false)
#for (at, sheet) in sheets.enumerate() {
  if at > 0 { pagebreak() }
  heading(level: 1, text(14pt, sheet.title))
  text(8pt, sheet.subtitle)
  v(4pt)
  table(
    columns: sheet.widths.map(w => w * 1fr) + (3.4fr,),
    stroke: (x: none, y: .4pt + luma(60%)),
    inset: (x: 3pt, y: 5pt),
    align: (at, row) => if at < sheet.numbers.len() and sheet.numbers.at(at) { right } else { left },
    table.header(..(sheet.header + ("Result",)).map(name => strong(name))),
    ..sheet.rows.map(row => row + ([☐ Yes #h(3pt) ☐ No #h(3pt) ☐ Not in #h(3pt) ☐ Wrong],)).flatten(),
  )
}
"""


def as_printed(table: pl.DataFrame) -> pl.DataFrame:
    """Return a list as it is read: names in proper case, phones as they are dialed, headers without underscores.

    Examples
    --------
    >>> listed = pl.DataFrame({"first_name": ["ANN"], "last_name": ["MCKAY"], "phone": ["+16145550123"]})
    >>> as_printed(listed).row(0, named=True)
    {'First name': 'Ann', 'Last name': 'McKay', 'Phone': '(614) 555-0123', 'Phone digits': '16145550123'}
    """
    names = [name for name in ("first_name", "last_name", "city", "address") if name in table.columns]
    table = table.with_columns(pl.col(name).map_elements(proper, pl.String) for name in names)
    if "phone" in table.columns:
        dialed = pl.col("phone").str.replace(r"^\+1(\d{3})(\d{3})(\d{4})$", "($1) $2-$3")
        table = table.with_columns(phone=dialed, phone_digits=pl.col("phone").str.strip_prefix("+"))
    if "rank_value" in table.columns and table["rank_value"].null_count() == table.height:
        table = table.drop("rank_value")
    return table.rename(_header)


def proper(name: str) -> str:
    """Return a name that is all capitals or all small in proper case; any other as it stands.

    Examples
    --------
    >>> [proper(name) for name in ("O'BRIEN", "mcdonald", "DE LA CRUZ", "VanDyke", "12 ELM ST")]
    ["O'Brien", 'McDonald', 'De La Cruz', 'VanDyke', '12 Elm St']
    """
    if not (name.isupper() or name.islower()):
        return name
    capital = re.sub(r"[^\W\d_]+", lambda word: word[0].capitalize(), name)
    return _SMALL.sub(lambda start: start[1] + start[2].upper(), capital)


def _header(name: str) -> str:
    return "Zip" if name == "zip5" else name[:1].upper() + name[1:].replace("_", " ")


def workbook(parts: dict[str, pl.DataFrame], title: str) -> bytes:
    """Return a workbook with one sheet per part, landscape, as wide as the paper, its header on every page.

    Raises
    ------
    BadValue
        XlsxWriter is not installed, or a part has more rows than a sheet.
    """
    try:
        from xlsxwriter import Workbook
    except ImportError as error:
        raise BadValue("An .xlsx file needs XlsxWriter: pip install 'campaignkit[excel]'.") from error
    with io.BytesIO() as content:
        with Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
            for name, part in zip(_sheet_names(list(parts)), parts.values(), strict=True):
                if part.height > SHEET_ROWS:
                    raise BadValue(f"A sheet holds {SHEET_ROWS:,} rows, {name!r} has {part.height:,}; write a csv.")
                part.write_excel(book, name, autofit=True, table_style="Table Style Light 1", freeze_panes=(1, 0))
                sheet = book.get_worksheet_by_name(name)
                sheet.set_landscape()
                sheet.fit_to_pages(1, 0)
                sheet.repeat_rows(0)
                sheet.set_header(f"&L{title.replace('&', '&&')}&R&A")
                sheet.set_footer("&LPersonal data: return or shred this sheet.&R&P of &N")
        return content.getvalue()


def _sheet_names(names: list[str]) -> list[str]:
    """Return names that Excel takes: at most 31 characters, none of []:*?/\\, no two alike."""
    safe = [re.sub(r"[\[\]:*?/\\']", " ", name)[:25].strip() or "unnamed" for name in names]
    folded = [name.casefold() for name in safe]
    return [f"{name} {at}" if folded.count(name.casefold()) > 1 else name for at, name in enumerate(safe, 1)]


def call_sheets(parts: dict[str, pl.DataFrame], title: str) -> bytes:
    """Return a PDF with each part on pages of its own, and boxes to tick for what came of each.

    Raises
    ------
    BadValue
        typst is not installed.
    """
    try:
        import typst
    except ImportError as error:
        raise BadValue("A .pdf list needs typst: pip install 'campaignkit[pdf]'.") from error
    sheets = [_sheet(name, part, title) for name, part in parts.items()]
    return typst.compile(_TYPST.encode(), sys_inputs={"sheets": json.dumps(sheets)})


def _sheet(name: str, part: pl.DataFrame, title: str) -> dict[str, object]:
    part = part.drop("Phone digits", "Person id", strict=False)
    texts = [[_text(value) for value in column] for column in part]
    widths = [max(4, min(24, *[max(map(len, [column.name, *text]))])) for column, text in zip(part, texts, strict=True)]
    return {
        "title": title if name == "list" else f"{title}, {name}",
        "subtitle": f"{counted(part.height, 'person', 'people')}, best first",
        "header": part.columns, "rows": [list(row) for row in zip(*texts, strict=True)],
        "widths": [width / 10 for width in widths], "numbers": [kind.is_numeric() for kind in part.dtypes],
    }  # fmt: skip


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
