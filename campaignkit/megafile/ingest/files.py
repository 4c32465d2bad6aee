"""What lies in an exports folder: which files are read, which are not and why, their first lines. No meaning yet."""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from campaignkit.errors import LayoutError
from campaignkit.megafile.ingest.archives import HEAD_BYTES, ExportFile, damaged, members_of
from campaignkit.megafile.ingest.statistical_files import READERS
from campaignkit.megafile.ingest.table_files import TABLES, WORKBOOKS, is_workbook, sheets_of, unlike_its_name

MANIFEST = "manifest.toml"

#: Names that are no exports, whoever put them there; everything else that is not read is said.
CONTACT_WORDS = "contact_results.toml"  # a campaign's own words, read by suppression.contact_results
_NO_EXPORTS = ("truth", MANIFEST, CONTACT_WORDS, "__macosx", ".ds_store", "thumbs.db", "desktop.ini")
_READ_NOT = ("readme", "truth", ".")
_SUFFIXES = (".csv", ".txt", ".tsv", ".xls", ".gz", ".zip", ".dat", *WORKBOOKS, *TABLES, *READERS)
_BY_PATH = (*WORKBOOKS, *TABLES, *READERS)  # what reads them wants a file
_UNREADABLE = {
    ".bz2": "packed with bzip2: unpack it", ".xz": "packed with xz: unpack it",
    ".zst": "packed with zstd: unpack it", ".7z": "a 7z archive: unpack it", ".rar": "a RAR archive: unpack it",
    ".tar": "a tar archive: unpack it", ".tgz": "a tar archive: unpack it", ".pdf": "a PDF",
    ".json": "JSON: write it as JSON lines (.jsonl), an object a line",
}  # fmt: skip


@dataclass(frozen=True)
class Skipped:
    """A file or folder that is not read, and why."""

    name: str
    reason: str


@dataclass
class Listing:
    """What lies in a folder: the files to read, in order of name, and what is not read."""

    files: list[ExportFile] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def list_files(folder: Path) -> list[ExportFile]:
    """Return the files of an exports folder that are read; see `list_folder`."""
    return list_folder(folder).files


def list_folder(folder: Path) -> Listing:
    """Return what lies in an exports folder, zips opened into their members.

    Raises
    ------
    LayoutError
        If the folder is missing or holds nothing to read, or a zip can't be opened.
    """
    if not folder.is_dir():
        raise LayoutError(f"There is no folder {str(folder)!r} to read exports from.")
    listing = Listing()
    for path in _walk(folder, folder, listing):
        name = shown_name("/".join(path.relative_to(folder).parts))
        why = _why_not(path)
        if why is not None:
            listing.skipped.append(Skipped(name, why))
        elif path.suffix.lower() == ".zip":
            _open_zip(path, name, listing)
        elif is_workbook(path):
            listing.files += [ExportFile(path, sheet, f"{name}!{sheet}") for sheet in sheets_of(path, name)]
        else:
            listing.files.append(ExportFile(path, None, name))
    if not listing.files:
        left = "".join(f" {skipped.name}: {skipped.reason}." for skipped in listing.skipped[:5])
        raise LayoutError(f"{str(folder)!r} holds no exports (looked for {', '.join(_SUFFIXES)}).{left}")
    return listing


def shown_name(name: str) -> str:
    r"""Return a file's name as text that can be stored: bytes that are no UTF-8 as ``\xff``.

    Examples
    --------
    >>> shown_name(b"caf\xe9.csv".decode("utf-8", "surrogateescape"))
    'caf\\xe9.csv'
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _walk(root: Path, folder: Path, listing: Listing) -> Iterator[Path]:
    """Yield the paths under a folder, in order; folders that are not looked into are noted."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        listing.skipped.append(
            Skipped(shown_name(str(folder.relative_to(root))) + "/", f"unreadable: {error.strerror}")
        )
        return
    for path in entries:
        if path.name.casefold() in _NO_EXPORTS or path.name.startswith("._") or _is_readme(path.name):
            continue
        if not path.is_dir():
            yield path
        elif why := _name_says(path.name) or ("a link to a folder, not followed" if path.is_symlink() else None):
            listing.skipped.append(Skipped(shown_name(str(path.relative_to(root))) + "/", why))
        else:
            yield from _walk(root, path, listing)


def _is_readme(name: str) -> bool:
    """Return whether a name is a readme's whole name, whatever its suffix."""
    return name.casefold().partition(".")[0] == "readme" and not name.casefold().endswith(
        (".csv", ".tsv", *WORKBOOKS, *TABLES, *_UNREADABLE)
    )


def _name_says(name: str) -> str | None:
    begins = next((begin for begin in _READ_NOT if name.casefold().startswith(begin)), None)
    return None if begins is None else f"its name begins with {begins!r}: give it another if it is an export"


def _why_not(path: Path) -> str | None:
    """Return why a file is not read; None: it is."""
    suffix = path.suffix.lower()
    if suffix in _UNREADABLE:
        return _UNREADABLE[suffix]
    if why := _name_says(path.name):
        return why
    if suffix not in _SUFFIXES:
        return f"no export by its name: those end in {', '.join(_SUFFIXES)}"
    try:
        return unlike_its_name(path) if stat.S_ISREG(path.stat().st_mode) else "no file"
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _open_zip(path: Path, name: str, listing: Listing) -> None:
    members, hidden = members_of(path, name)
    again = "another member of this zip has the same name and stands after it: that one is read"
    listing.skipped += [Skipped(shown_name(f"{name}!{member}"), again) for member in hidden]
    for member in members:
        last = member.rsplit("/", 1)[-1]
        if "__macosx" in member.casefold() or last.casefold() in _NO_EXPORTS or _is_readme(last):
            continue
        suffix = f".{last.rpartition('.')[2]}".lower()
        nested = "an archive within an archive: unpack it" if suffix in (".zip", ".gz") else None
        nested = "a workbook, table or SPSS file within an archive: unpack it" if suffix in _BY_PATH else nested
        if why := _UNREADABLE.get(suffix) or nested or _name_says(last):
            listing.skipped.append(Skipped(shown_name(f"{name}!{member}"), why))
        else:
            listing.files.append(ExportFile(path, member, shown_name(f"{name}!{member}")))


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what manifest.toml says of files: by name, `layout` and `as_of`.

    Raises
    ------
    LayoutError
        If it can't be read or says something else.
    """
    path = folder / MANIFEST
    if not path.exists():
        return {}
    manifest = parse_toml(read_text(path, MANIFEST), MANIFEST)
    for name, entry in manifest.items():
        if not isinstance(entry, dict) or not set(entry) <= {"layout", "as_of"}:
            raise LayoutError(f'{MANIFEST}: ["{name}"] may say layout and as_of, and nothing else.')
        if not isinstance(entry.get("layout", ""), str):
            raise LayoutError(f'{MANIFEST}: layout of "{name}" must be a layout\'s name, in quotes.')
        as_of = entry.get("as_of", date.min)
        if not isinstance(as_of, date) or isinstance(as_of, datetime):
            raise LayoutError(f'{MANIFEST}: as_of of "{name}" must be a date, like 2012-10-01 without quotes.')
    return manifest


def read_text(path: Path, name: str) -> str:
    """Return a text file of the analyst's own.

    Raises
    ------
    LayoutError
        If it can't be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LayoutError(f"{name} is not UTF-8 (byte {error.start:,}). Save it as UTF-8.") from error
    except OSError as error:
        raise damaged(name, error) from error


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Return what a TOML text says.

    Raises
    ------
    LayoutError
        If it is not valid TOML.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError, OverflowError) as error:
        raise LayoutError(f"{name} is not valid TOML: {error}.") from error


def sniff_encoding(head: bytes, layout_encoding: str) -> str:
    """Return the encoding to read a file as: a byte order mark decides, else what the layout says.

    A file whose layout says UTF-16 and that holds neither a byte order mark nor a zero byte is read as UTF-8.

    Examples
    --------
    >>> sniff_encoding("Peña".encode("utf-16"), "utf-8")
    'utf-16'
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if layout_encoding == "utf-16":
        return "utf-16-le" if b"\0" in head else "utf-8"
    return layout_encoding


def head_text(head: bytes, encoding: str) -> str:
    """Return a file's first whole lines as text, line ends as newlines; undecodable bytes as U+FFFD.

    A file whose lines end in carriage returns alone, as old Excel for the Mac writes them, is read as such.
    """
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head).removeprefix("\ufeff")
    text = text.replace("\r\n", "\n")
    if ends_in_carriage_returns(head):
        text = text.replace("\r", "\n")
    return text if len(head) < HEAD_BYTES else text[: text.rfind("\n") + 1]


def ends_in_carriage_returns(head: bytes) -> bool:
    """Return whether a file's lines end in carriage returns alone: there are some, and no newline."""
    return b"\r" in head and b"\n" not in head


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as it lies, in lower hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
