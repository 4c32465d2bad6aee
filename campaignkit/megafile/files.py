"""What lies in an exports folder: files, the members of zips, their first lines, their bytes. No meaning yet."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import tomllib
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, cast

from campaignkit.errors import LayoutError

MANIFEST = "manifest.toml"
HEAD_BYTES = 1 << 18

_SKIPPED = ("readme", "truth", MANIFEST, ".", "__macosx")
_SUFFIXES = (".csv", ".txt", ".tsv", ".xls", ".gz", ".zip", ".dat")
_BROKEN = (zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile, RuntimeError)


@dataclass(frozen=True)
class ExportFile:
    """One file to read: lying in the folder, or a member of a zip.

    Attributes
    ----------
    path : Path
        Where it lies.
    member : str or None
        Its name within a zip; None for a file by itself.
    name : str
        How it is called in `.sources`: the path within the folder, and the member behind "!".
    """

    path: Path
    member: str | None
    name: str

    @contextmanager
    def open(self) -> Generator[BinaryIO]:
        """Open its bytes, decompressed.

        Raises
        ------
        LayoutError
            If the archive is damaged or cut short, also while reading.
        """
        try:
            if self.member is not None:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as stream:
                    yield cast("BinaryIO", stream)
            elif self.path.suffix.lower() == ".gz":
                with gzip.open(self.path) as stream:
                    yield cast("BinaryIO", io.BufferedReader(cast("Any", stream)))
            else:
                with self.path.open("rb") as stream:
                    yield stream
        except _BROKEN as error:
            raise damaged(self.name, error) from error

    def head(self) -> bytes:
        """Return its first bytes."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES)


def damaged(name: str, error: Exception) -> LayoutError:
    """Return the error for an archive that can't be unpacked."""
    return LayoutError(f"{name} can't be unpacked ({error}). It is damaged or cut short: fetch it again.")


def list_files(folder: Path) -> list[ExportFile]:
    """Return the files of an exports folder, zips opened into their members, in order of name.

    Raises
    ------
    LayoutError
        If the folder is missing or empty, or a zip can't be opened.
    """
    if not folder.is_dir():
        raise LayoutError(f"There is no folder {str(folder)!r} to read exports from.")
    found: list[ExportFile] = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.casefold().startswith(_SKIPPED) for part in parts):
            found += _members(path, "/".join(parts))
    if not found:
        raise LayoutError(f"{str(folder)!r} holds no exports (looked for {', '.join(_SUFFIXES)}).")
    return found


def _members(path: Path, name: str) -> list[ExportFile]:
    if path.suffix.lower() not in _SUFFIXES:
        return []
    if path.suffix.lower() != ".zip":
        return [ExportFile(path, None, name)]
    try:
        with zipfile.ZipFile(path) as archive:
            members = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except _BROKEN as error:
        raise damaged(name, error) from error
    kept = [m for m in members if not m.rsplit("/", 1)[-1].casefold().startswith(_SKIPPED) and "__MACOSX" not in m]
    return [ExportFile(path, member, f"{name}!{member}") for member in sorted(kept)]


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
    try:
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise LayoutError(f"{MANIFEST} is not valid TOML: {error}.") from error
    for name, entry in manifest.items():
        if not isinstance(entry, dict) or not set(entry) <= {"layout", "as_of"}:
            raise LayoutError(f'{MANIFEST}: ["{name}"] may say layout and as_of, and nothing else.')
        if not isinstance(entry.get("as_of", date.min), date):
            raise LayoutError(f'{MANIFEST}: as_of of "{name}" must be a date, like 2012-10-01 without quotes.')
    return manifest


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
    """Return a file's first whole lines as text, line ends as newlines; undecodable bytes as U+FFFD."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head).removeprefix("\ufeff")
    text = text.replace("\r\n", "\n")
    return text if len(head) < HEAD_BYTES else text[: text.rfind("\n") + 1]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as it lies, in lower hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
