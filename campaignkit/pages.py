"""Several answers on one page, with text between: what goes to those who do not open a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path

from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue
from campaignkit.result import Result
from campaignkit.saving import ending_of, page, write_whole

__all__ = ["report"]


def report(parts: Iterable[Result | str], path: str | Path, *, title: str) -> Path:
    """Write answers and text, in order, as one HTML page that opens without a network.

    Parameters
    ----------
    parts : iterable of Result or str
        An answer stands with its sentence, its chart and its table's first rows. A text is a paragraph; one that
        begins with ``"## "`` is a heading. Texts are shown as they are: they are no HTML.
    path : str or Path
        Ends in ``.html``; written whole, or what stood there stands.
    title : str
        The page's name and first heading.

    Returns
    -------
    Path

    Raises
    ------
    BadValue
        A part is neither, or a table of people's data; there is none; or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import campaignkit as ck
    >>> donors = ck.sample.megafile().universe("donor")
    >>> parts = ["## Where they live", donors.by("region"), "Half a page for Monday."]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     text = ck.report(parts, f"{folder}/monday.html", title="Donors").read_text()
    >>> "<h1>Donors</h1>" in text, "<h2>Where they live</h2>" in text
    (True, True)
    """
    check_scalar(title, "title", typ=str)
    ending_of(path, (".html",))
    body = [_as_html(part) for part in parts]
    if not body:
        raise BadValue("parts is empty: a page needs an answer or a text.")
    return write_whole(path, page(title, "\n".join([f"<h1>{html.escape(title)}</h1>", *body])))


def _as_html(part: Result | str) -> str:
    if isinstance(part, Result):
        if part.leaves_by:
            raise BadValue(f"parts holds a table of people's data: {part.leaves_by}. Its .summary() can stand here.")
        return part.as_html()
    if not isinstance(part, str):
        raise BadValue(f"parts holds {type(part).__name__}; a part is a Result or a text.")
    if part.startswith("## "):
        return f"<h2>{html.escape(part[3:])}</h2>"
    return "\n".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in part.split("\n\n"))
