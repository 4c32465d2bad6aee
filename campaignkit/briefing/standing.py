"""The page that stands while tonight's is missing: whoever opens it is told so in its first line."""

from __future__ import annotations

import html
import json
import os
from contextlib import suppress
from pathlib import Path

ROOM = 2048  # bytes kept free for the mark: it is written over them, so that it can be made on a full disk too
BLANK = " " * (ROOM - 1) + "\n"
AFTER = {"page.html": b"<body>\n", "page.json": b"{\n"}  # what stands before the room


def with_room(name: str, text: str) -> str:
    """Return a page or its twin with room for a mark.

    Examples
    --------
    >>> len(with_room("page.json", "{}")), with_room("page.json", '{\\n "night": 3}').count(" ") > 2000
    (2, True)
    """
    before = AFTER[name].decode()
    return text.replace(before, before + BLANK, 1)


def mark(folder: Path, text: str | None) -> None:
    """Say in the first line of the page and in its twin that they are not tonight's; None takes it back.

    Nothing else of either changes by a byte. The PDF has no room for it and goes; it stands in `pages/`, as all do.
    Where nothing can be written at all, nothing is said: the command's own message and exit code do.
    """
    for name in AFTER:
        with suppress(OSError):
            _write_over(folder / name, "" if text is None else _fitting(name, text))
    if text is not None:
        with suppress(OSError):
            (folder / "page.pdf").unlink(missing_ok=True)


def unmarked(path: Path) -> bytes:
    """Return a page's content as it was before it was marked."""
    content = path.read_bytes()
    at = _room(path.name, content)
    return content if at is None else content[:at] + BLANK.encode() + content[at + ROOM :]


def _write_over(path: Path, line: str) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        at = _room(path.name, path.read_bytes())
        if at is not None:
            os.pwrite(handle, line.encode().ljust(ROOM - 1) + b"\n", at)
            os.fsync(handle)
    finally:
        os.close(handle)


def _room(name: str, content: bytes) -> int | None:
    """Return where a page's room begins. None: an older version wrote it, without any."""
    at = content.find(AFTER[name]) + len(AFTER[name]) if name in AFTER and AFTER[name] in content else None
    return at if at is not None and content[at + ROOM - 1 : at + ROOM] == b"\n" else None


def _fitting(name: str, text: str) -> str:
    """Return the mark, its text cut to the room."""
    said = text
    while len((line := _line(name, said)).encode()) > ROOM - 1:
        said = said[:-10].rstrip(" …") + "…"
    return line


def _line(name: str, text: str) -> str:
    if name == "page.json":
        return f' "not_tonight": {json.dumps(text, ensure_ascii=False)},'
    return f'<p class="verdict stop" role="alert"><strong>Not tonight’s page.</strong> {html.escape(text)}</p>'
