"""The beginning of a file as rows of text: its encoding, delimiter, quotes and header, told from the bytes alone."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from campaignkit.errors import LayoutError
from campaignkit.megafile.ingest.archives import ExportFile
from campaignkit.megafile.ingest.files import head_text, sniff_encoding
from campaignkit.megafile.ingest.layout import MOST_HEADER, unique_header
from campaignkit.megafile.ingest.layout_fit import DELIMITERS
from campaignkit.megafile.inspecting.headers import meaning_of

MOST_ROWS = 1_000

#: A cell that no header has: a number, a date, a phone, an address, an e-mail address.
_VALUE = re.compile(r"[\d\s.,/:$€()+-]*\d[\d\s.,/:$€()+-]*|[^@\s]+@[^@\s]+\.[^@\s]+|\d+ .*|[A-Z]{2}\d{6,}")


@dataclass(frozen=True)
class Sampled:
    """A file's beginning.

    Attributes
    ----------
    file : ExportFile
    encoding, delimiter, quote : str
        As a layout says them.
    header : list of str
        Unique column names; where there is no header, ``column 1`` and on.
    has_header : bool
    rows : list of list of str
        Up to `MOST_ROWS` rows that have as many fields as the header, trimmed.
    rows_read : int
        How many rows were looked at, also those with another number of fields.
    """

    file: ExportFile
    encoding: str
    delimiter: str
    quote: str
    header: list[str]
    has_header: bool
    rows: list[list[str]]
    rows_read: int

    def values(self, place: int) -> list[str]:
        """Return what a column holds, empty cells left out."""
        return [row[place] for row in self.rows if row[place]]


def sample_file(file: ExportFile) -> Sampled:
    """Return the beginning of a file.

    Raises
    ------
    LayoutError
        If it is empty, or no table.
    """
    head = file.head()
    if not head.strip():
        raise LayoutError(f"{file.name} is empty. Take it away, or fetch it again.")
    encoding = "utf-8" if file.made_text else told_encoding(head)
    text = head_text(head, sniff_encoding(head, encoding))
    first = text.partition("\n")[0]
    if len(first) > MOST_HEADER:
        raise LayoutError(f"{file.name}: its first line has over {MOST_HEADER:,} characters: it is not a text table.")
    delimiter, quote = (",", '"') if file.made_text else _delimiter_and_quote(text)
    rows = [[cell.strip() for cell in row] for row in _parse(text, delimiter, quote) if row]
    if not rows:
        raise LayoutError(f"{file.name} holds no line that reads as a table's.")
    has_header = file.made_text or looks_like_header(rows[0], rows[1:])
    header = unique_header(rows[0]) if has_header else [f"column {n}" for n in range(1, _width(rows) + 1)]
    below = rows[1:] if has_header else rows
    whole = [row for row in below if len(row) == len(header)]
    return Sampled(file, encoding, delimiter, quote, header, has_header, whole, len(below))


def told_encoding(head: bytes) -> str:
    """Return a text's encoding as layouts name it: by a byte order mark, zero bytes, or whether it is valid UTF-8.

    Examples
    --------
    >>> [told_encoding("Peña".encode(name)) for name in ("utf-8", "cp1252", "utf-16", "utf-16-le")]
    ['utf-8', 'cp1252', 'utf-16', 'utf-16']
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head[:200]:
        return "utf-16"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return (
            "utf-8"
            if error.start > len(head) - 4 and len(head) > 4 and error.reason == "unexpected end of data"
            else "cp1252"
        )
    return "utf-8"


def _delimiter_and_quote(text: str) -> tuple[str, str]:
    """Return the delimiter and quote under which most lines have the most common number of fields, more than one."""
    line = text.partition("\n")[0]
    stray = line.count('"') % 2 == 1  # opens a field that nothing closes: quotes are ordinary characters here
    best, most = (",", "" if stray else '"'), (0.0, 0)
    for quote in ("",) if stray else ('"', ""):
        for delimiter in DELIMITERS:
            counts = [len(row) for row in _parse(text, delimiter, quote, most=200) if row]
            usual = max(set(counts), key=counts.count, default=0)
            fit = (counts.count(usual) / max(len(counts), 1) if usual > 1 else 0.0, usual)
            if (round(fit[0], 2), fit[1]) > (round(most[0], 2), most[1]):
                best, most = (delimiter, quote), fit
    return best


def _parse(text: str, delimiter: str, quote: str, most: int = MOST_ROWS) -> list[list[str]]:
    quoting = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter, quotechar=quote or '"', quoting=quoting):
            rows.append(row)
            if len(rows) == most:
                break
    except csv.Error:
        pass
    return rows


def _width(rows: list[list[str]]) -> int:
    counts = [len(row) for row in rows]
    return max(set(counts), key=counts.count)


def looks_like_header(first: list[str], below: list[list[str]]) -> bool:
    """Return whether a first row names columns: it holds no values, and no name twice where the rows below do.

    Examples
    --------
    >>> looks_like_header(["Last, First", "Zip"], [["Lee, Ann", "44101"]])
    True
    >>> looks_like_header(["Lee, Ann", "44101"], [["Ray, Bo", "44102"]])
    False
    """
    named = [cell for cell in first if cell]
    known = sum(meaning_of(cell).meaning is not None for cell in named)
    values = sum(_VALUE.fullmatch(cell) is not None for cell in named)
    if values > len(named) / 10 and known <= values:
        return False
    if known >= 2 or (known and len(named) <= 3):
        return True
    again = sum(cell in {row[place] for row in below if place < len(row)} for place, cell in enumerate(first) if cell)
    return bool(named) and values == 0 and again < len(named) / 4 and len(named) > len(first) / 2
