"""What a file that no layout knows seems to hold, column by column, and a layout to begin with."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from glob import glob
from pathlib import Path

import polars as pl

from campaignkit.errors import BadValue, LayoutError, listed
from campaignkit.megafile.ingest.archives import ExportFile, members_of
from campaignkit.megafile.ingest.files import head_text, list_folder, sniff_encoding
from campaignkit.megafile.ingest.layout import FitsNothing, Layout, load_layouts, own_layouts
from campaignkit.megafile.ingest.layout_fit import as_made_text, choose_layout
from campaignkit.megafile.ingest.table_files import is_workbook, sheets_of
from campaignkit.megafile.inspecting.guesses import Guess, guess_columns
from campaignkit.megafile.inspecting.sampled import Sampled, sample_file
from campaignkit.megafile.inspecting.starter import layout_name, starter
from campaignkit.result import Result

SAMPLES = 3

#: Meanings that are not columns of source_record, as the table calls them.
_CALLED = {
    "name": "first_name and last_name", "amount": "gift.amount", "given_on": "gift.given_on", "key": "key",
    "person_key": "person key", "last_vote": "vote_history", "election_date": "vote_history",
    "election_type": "vote_history",
}  # fmt: skip
_OF_ADDRESS = (
    "house_character",
    "house_number",
    "house_half",
    "street_before",
    "street_name",
    "street_type",
    "street_after",
    "address_whole",
)
_CALLED |= dict.fromkeys(_OF_ADDRESS, "address") | dict.fromkeys(("unit_type", "unit_number"), "unit")

SCHEMA = {
    "file": pl.String, "column": pl.String, "samples": pl.List(pl.String), "filled": pl.Float64,
    "looks_like": pl.String, "format": pl.String, "seems_to_be": pl.String, "sure": pl.Int64, "why": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class InspectedFile:
    """What one file, sheet or member of a zip seems to be.

    Attributes
    ----------
    name : str
    sampled : Sampled
        Its encoding, delimiter, quotes, header and first rows.
    guesses : list of Guess
        What each column seems to be.
    fits : str or None
        The layout that fits it; None: none does.
    nearest : str
        Which layout comes nearest and what it lacks.
    toml : str
        A layout to begin with.
    """

    name: str
    sampled: Sampled
    guesses: list[Guess]
    fits: str | None
    nearest: str
    toml: str


@dataclass(frozen=True, eq=False, repr=False)
class Inspection(Result):
    """What files seem to hold.

    `table` has one row per column: file, column, samples (its first values), filled (the share of cells that hold
    anything), looks_like (date, email, dollars, zip, … by its content), format (of dates), seems_to_be (the column of
    source_record or of a fact that it would fill; null: a column of one's own), sure (3 and 4 by its very name,
    2 by a name with words beside it, 1 by its content or place alone, 0 nothing) and why.

    Attributes
    ----------
    files : tuple of InspectedFile
        With each a `toml`, the layout to begin with.
    """

    files: tuple[InspectedFile, ...]

    @property
    def layouts(self) -> dict[str, str]:
        """The layouts to begin with, as TOML, by the name each has.

        Examples
        --------
        >>> import campaignkit as ck
        >>> list(ck.inspect(ck.sample.exports_folder() / "supporters_20121001.csv.gz").layouts)
        ['supporters']
        """
        named: dict[str, str] = {}
        for file in self.files:
            name, again = layout_name(file.sampled), 2
            while name in named:
                name, again = f"{layout_name(file.sampled)}_{again}", again + 1
            was = f'"{layout_name(file.sampled)}"'
            named[name] = file.toml.replace(f"name = {was}", f'name = "{name}"', 1).replace(
                f"source = {was}", f'source = "{name}"', 1
            )
        return named

    def save_layouts(self, folder: str | Path) -> list[Path]:
        """Write each file's layout into a folder, to be looked over and built with; return where they lie.

        Parameters
        ----------
        folder : str or Path
            It is made; a layout that is there already is left alone, as somebody may have edited it.

        Examples
        --------
        >>> import tempfile
        >>> import campaignkit as ck
        >>> found = ck.inspect(ck.sample.exports_folder() / "supporters_20121001.csv.gz")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path.name for path in found.save_layouts(folder)]
        ['supporters.toml']
        """
        Path(folder).mkdir(parents=True, exist_ok=True)
        paths = []
        for name, text in self.layouts.items():
            path = Path(folder) / f"{name}.toml"
            if not path.exists():
                path.write_text(text, encoding="utf-8")
            paths.append(path)
        return paths

    def summary(self) -> str:
        """Say of each file how it is written, what of it is understood and what comes nearest."""
        return "\n".join(_said(file) for file in self.files)

    def chart(self) -> None:
        """Return None: there is nothing to draw."""

    def _repr_html_(self) -> str:
        layouts = "".join(
            f"<details><summary>{html.escape(name)}.toml, a layout to begin with</summary>"
            f"<pre>{html.escape(text)}</pre></details>" for name, text in self.layouts.items()
        )  # fmt: skip
        return super()._repr_html_() + layouts


def inspect(
    path: str | Path | Iterable[str | Path], *, layouts: Iterable[str | Path] = (), changed_on: date | None = None
) -> Inspection:
    """Say what files seem to hold, column by column, and draft a layout for each.

    Columns are told by their names (as voter files, CRMs and spreadsheets call them) and by what stands in them: e-mail
    addresses, phones, ZIP codes, dates and how they are written, money, yes and no, parties, states' voter ids. A file
    without a header is told by content and place alone. Every guess is marked as one in the layout: look it over.

    Parameters
    ----------
    path : str, Path or iterable of them
        Files of any kind that a build reads, folders of them, or globs.
    layouts : iterable of str or Path
        Your own layouts, beside the built-in ones, that a file may fit already.
    changed_on : date or None
        The date that a layout gives a file in which nothing says one. None: when the file was last changed.

    Returns
    -------
    Inspection

    Raises
    ------
    BadValue
        If there is no file at a path.
    LayoutError
        If a file is empty, damaged, or no table.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import campaignkit as ck
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "signups_20121001.csv"
    ...     written = file.write_text("Full Name;E-mail;Zip;Joined\\nLee, Ann;a@x.org;44101;01.10.2012\\n")
    ...     found = ck.inspect(file)
    >>> found.table.select("column", "seems_to_be").rows()
    [('Full Name', 'first_name and last_name'), ('E-mail', 'email'), ('Zip', 'zip5'), ('Joined', None)]
    """
    known = load_layouts(own_layouts(layouts))
    files = tuple(_inspected(file, known, changed_on) for file in _files(path))
    rows = [row for file in files for row in _rows(file)]
    return Inspection(pl.DataFrame(rows, schema=SCHEMA, orient="row"), files)


def _files(path: str | Path | Iterable[str | Path]) -> list[ExportFile]:
    """Return the files that paths, folders and globs name; zips and workbooks as what is in them."""
    files = []
    for given in [path] if isinstance(path, str | Path) else path:
        paths = [Path(given)] if Path(given).exists() else [Path(name) for name in sorted(glob(str(given)))]
        if not paths:
            raise BadValue(f"There is no file at {str(given)!r}.")
        for lying in paths:
            files += list_folder(lying).files if lying.is_dir() else _within(lying)
    return files


def _within(path: Path) -> list[ExportFile]:
    if is_workbook(path):
        return [ExportFile(path, sheet, f"{path.name}!{sheet}") for sheet in sheets_of(path, path.name)]
    if path.suffix.lower() == ".zip":
        return [ExportFile(path, member, f"{path.name}!{member}") for member in members_of(path, path.name)[0]]
    return [ExportFile(path, None, path.name)]


def _inspected(file: ExportFile, layouts: list[Layout], changed_on: date | None) -> InspectedFile:
    sampled = sample_file(file)
    guesses = guess_columns(sampled)
    fits, nearest = _fitting(file, layouts)
    changed = changed_on or datetime.fromtimestamp(file.path.stat().st_mtime).date()
    return InspectedFile(file.name, sampled, guesses, fits, nearest, starter(sampled, guesses, changed))


def _fitting(file: ExportFile, layouts: list[Layout]) -> tuple[str | None, str]:
    """Return the layout that fits a file, or what comes nearest and what it lacks."""
    head = file.head()
    heads = {e: head_text(head, sniff_encoding(head, e)) for e in ("utf-8", "cp1252", "utf-16")}
    try:
        fitting = choose_layout([as_made_text(x) for x in layouts] if file.made_text else layouts, heads, file.name)
        return fitting.name, f"It fits {fitting.name} ({fitting.title}) as it is."
    except FitsNothing as error:
        return None, str(error).partition(". ")[2]
    except LayoutError as error:
        return None, str(error)


def called(guess: Guess) -> str | None:
    """Return what a column would fill, as the table calls it; None: a column of one's own."""
    return _CALLED.get(guess.meaning or "", guess.meaning)


def _rows(file: InspectedFile) -> list[tuple[object, ...]]:
    return [
        (
            file.name, guess.column, list(guess.content.values)[:SAMPLES], guess.content.filled, guess.content.kind,
            guess.content.format, called(guess), guess.sure, guess.why or None,
        )
        for guess in file.guesses
    ]  # fmt: skip


def _said(file: InspectedFile) -> str:
    sampled, told = file.sampled, sum(guess.meaning is not None for guess in file.guesses)
    parts = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
    how = (
        "typed" if file.sampled.file.made_text
        else f"{sampled.encoding} text parted by {parts.get(sampled.delimiter, sampled.delimiter)}"
    )  # fmt: skip
    header = "" if sampled.has_header else ", without a header"
    others = [guess.column for guess in file.guesses if guess.meaning is None and guess.content.kind != "empty"]
    own = f" Columns of your own: {listed(others)}." if others else ""
    odd = sampled.rows_read - len(sampled.rows)
    uneven = f" {odd:,} of its first {sampled.rows_read:,} rows have another number of fields." if odd else ""
    return f"{file.name}: {how}{header}; {told} of {len(file.guesses)} columns understood.{own}{uneven} {file.nearest}"
