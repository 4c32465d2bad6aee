"""A small campaign's exports, as campaignkit's own sample writes them, for breaking: their names and bytes."""

from __future__ import annotations

import functools
import gzip
import tempfile
import zipfile
from pathlib import Path

from campaignkit import sample

PEOPLE = 60


@functools.cache
def exports() -> dict[str, bytes]:
    """Return each export's bytes, decompressed, by a name that says its layout and date."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        sample.write(folder, people=PEOPLE, seed=14)
        for path in sorted(Path(folder).iterdir()):
            if path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    found |= {path.stem + Path(name).suffix: archive.read(name) for name in archive.namelist()}
            elif path.suffix == ".gz":
                found[path.stem] = gzip.decompress(path.read_bytes())
            elif path.suffix == ".csv":
                found[path.name] = path.read_bytes()
    return found


def encoding_of(data: bytes) -> str:
    """Return the encoding of an export of the sample."""
    return "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "cp1252" if not _is_utf8(data) else "utf-8"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
