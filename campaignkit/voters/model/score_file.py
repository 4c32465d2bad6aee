"""A score as a file: JSON with a fingerprint of what it holds, so that a changed one is not read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from campaignkit.errors import BadValue

T = TypeVar("T")

LARGEST = 200_000_000  # bytes of a score's file

#: What goes wrong when a file holds other things than `save` wrote.
_WRONG = (
    OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError,
    pl.exceptions.PolarsError,
)  # fmt: skip


def save(path: str | Path, kind: str, kept: Mapping[str, Any]) -> Path:
    """Write what is kept of a score, of a kind such as "score"; return the path.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load(save(f"{folder}/x.json", "score", {"name": "x"}), "score", dict)
    {'name': 'x'}
    """
    path = Path(path)
    content = json.loads(json.dumps(kept, ensure_ascii=False))  # as it will be read: texts for keys, lists for tuples
    whole = {"kind": kind, "version": 2, "sha256": _fingerprint(content), "content": content}
    path.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
    return path


def load(path: str | Path, kind: str, made: Callable[[dict[str, Any]], T]) -> T:
    """Return what `made` makes of a file that `save` wrote.

    Parameters
    ----------
    path : str or Path
    kind : str
        What kind it must be.
    made : callable
        From what was kept to the score.

    Raises
    ------
    BadValue
        The file is none that `save` wrote, is of another kind, or was changed since: what it says of restrictions and
        of its own quality could not be trusted.
    """
    try:
        if Path(path).stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST:,} bytes")
        whole = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(whole, dict) or whole.get("kind") != kind or whole.get("version") != 2:
            raise ValueError(f"it is no {kind} that this version saved; fit and save it again")
        if not isinstance(whole.get("content"), dict) or whole.get("sha256") != _fingerprint(whole["content"]):
            raise ValueError("it was changed after it was saved; fit and save it again")
        return made(whole["content"])
    except _WRONG as error:
        raise BadValue(f"{str(path)!r} holds no {kind} that was saved: {error or type(error).__name__}.") from error


def _fingerprint(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
