"""The bytes of one exported file, decompressed: plain, gz, or the member of a zip. Damage and bombs are one error."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from campaignkit.errors import LayoutError, SourceRestricted
from campaignkit.megafile.ingest.statistical_files import as_csv, column_labels, is_statistical
from campaignkit.megafile.ingest.table_files import is_table, is_workbook, open_table

#: A file that unpacks to more than this many times its size, and to more than `BOMB_BYTES`, is no export: text of
#: people's records packs 4 to 30 times smaller, a file of one repeated byte 1,000 times.
BOMB_RATIO = 100
BOMB_BYTES = 4 << 20

HEAD_BYTES = 1 << 18

_BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, RuntimeError,
    NotImplementedError, struct.error, OSError, ValueError, KeyError, IndexError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class ExportFile:
    """One file to read: lying in the folder, or a member of a zip, or a sheet of a workbook.

    Attributes
    ----------
    path : Path
        Where it lies.
    member : str or None
        Its name within a zip or workbook; None for a file by itself. Of two members of one name it is the last.
    name : str
        How it is called in `.sources`: the path within the folder, and the member behind "!".
    """

    path: Path
    member: str | None
    name: str

    @cached_property
    def is_sheet(self) -> bool:
        """Whether it is a workbook's sheet."""
        return self.member is not None and is_workbook(self.path)

    @property
    def made_text(self) -> bool:
        """Whether its text is made here, as CSV in UTF-8, from a file that is none."""
        return self.is_sheet or is_table(self.path) or (self.member is None and is_statistical(self.path))

    @contextmanager
    def open(self) -> Generator[BinaryIO]:
        """Open its bytes, decompressed.

        Raises
        ------
        LayoutError
            If it may not be read, or is an archive that is damaged, cut short, locked by a password, or unpacks to
            far more than an export does; also while reading.
        """
        try:
            stream, packed = self._opened()
        except (LayoutError, SourceRestricted):  # which are a ValueError and an OSError too
            raise
        except _BROKEN as error:
            raise damaged(self.name, error) from error
        with stream:
            yield cast("BinaryIO", _Checked(self.name, stream, packed))

    def _opened(self) -> tuple[BinaryIO, int | None]:
        """Return its stream, and how many bytes it is unpacked from; None where it is not packed."""
        if self.is_sheet or is_table(self.path):
            return open_table(self.path, self.member, self.name), None
        if self.member is None and is_statistical(self.path):
            return io.BytesIO(as_csv(self.path, self.name)), None
        if self.member is not None:
            with zipfile.ZipFile(self.path) as archive:
                entry = archive.getinfo(self.member)
                refuse_bomb(self.name, entry.compress_size, entry.file_size)
                return cast("BinaryIO", archive.open(entry)), entry.compress_size
        if self.path.suffix.lower() == ".gz":
            packed = self.path.stat().st_size
            if is_bomb(packed, _unpacked_by_its_trailer(self.path)):
                self._unpack(packed)
            return self._gunzipped(), packed
        return self.path.open("rb"), None

    def _gunzipped(self) -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", gzip.open(self.path))))

    def _unpack(self, packed: int) -> None:
        """Unpack a gz whose last bytes say that it is a bomb, before its lines are read: they may be junk instead."""
        with self._gunzipped() as stream:
            checked = _Checked(self.name, stream, packed)
            while checked.read(HEAD_BYTES):
                pass

    def labels(self) -> list[str]:
        """Return what an SPSS or Stata file says of its columns, in their order; [] for any other file."""
        return column_labels(self.path, self.name) if self.member is None and is_statistical(self.path) else []

    def head(self) -> bytes:
        """Return its first bytes."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES)


class _Checked:
    """A stream whose failures are errors of ours, and that stops at what only a bomb unpacks to."""

    def __init__(self, name: str, stream: BinaryIO, packed: int | None) -> None:
        self.name, self.stream, self.packed, self.unpacked = name, stream, packed, 0

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        try:
            text = self.stream.read(size)
        except _BROKEN as error:
            raise damaged(self.name, error) from error
        self.unpacked += len(text)
        if self.packed is not None:
            refuse_bomb(self.name, self.packed, self.unpacked)
        return text


def refuse_bomb(name: str, packed: int, unpacked: int) -> None:
    """Refuse an archive that unpacks to far more than an export does.

    Raises
    ------
    LayoutError
        If it is more than `BOMB_BYTES` and more than `BOMB_RATIO` times its packed size.
    """
    if is_bomb(packed, unpacked):
        raise LayoutError(
            f"{name} unpacks {packed:,} bytes to {unpacked:,} or more, over {BOMB_RATIO} times: no export does. "
            "Take it away; if it is whole, unpack it yourself and put the file there."
        )


def is_bomb(packed: int, unpacked: int) -> bool:
    """Return whether so many bytes unpack to more than an export does.

    Examples
    --------
    >>> is_bomb(10_000, 3_000_000), is_bomb(10_000, 30_000_000)
    (False, True)
    """
    return unpacked > BOMB_BYTES and unpacked > BOMB_RATIO * packed


def _unpacked_by_its_trailer(path: Path) -> int:
    """Return the size that a gz file's last four bytes give for its last part (RFC 1952, section 2.3.1)."""
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - 4, 0))
        return int.from_bytes(stream.read(4), "little")


def damaged(name: str, error: Exception) -> LayoutError:
    """Return the error for a file that can't be opened, or an archive that can't be unpacked."""
    if isinstance(error, PermissionError):
        return LayoutError(f"{name} may not be read ({error.strerror}). Ask for leave to read it, or take it away.")
    if isinstance(error, OSError) and error.errno is not None:
        return LayoutError(f"{name} can't be read ({error.strerror}).")
    return LayoutError(f"{name} can't be unpacked ({error}). It is damaged or cut short: fetch it again.")


def members_of(path: Path, name: str) -> tuple[list[str], list[str]]:
    """Return a zip's members by name, in order, and the names that a later member of the same name hides.

    Raises
    ------
    LayoutError
        If it can't be opened.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except _BROKEN as error:
        raise damaged(name, error) from error
    kept = sorted(set(names))
    return kept, sorted(name for name in kept for _ in range(names.count(name) - 1))
