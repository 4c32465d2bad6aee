"""What every step is given: the settings, the megafile, what steps before it left, and what earlier pages kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from campaignkit.briefing.settings import Settings
from campaignkit.megafile import Megafile

PAST = 14  # earlier pages that checks look back at


@dataclass
class Tonight:
    """One night's work.

    Attributes
    ----------
    settings : Settings
    megafile : Megafile
        Open for reading; steps that write move it on.
    parts : dict
        What each step left, as JSON has it.
    accept : tuple of str
        Snapshots to take in however short they are.
    """

    settings: Settings
    megafile: Megafile
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    accept: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder of the page."""
        return self.settings.path(self.settings.briefing)

    @property
    def night(self) -> int:
        """The megafile's latest night."""
        return int(self.megafile.sql("SELECT max(night) FROM refresh_log").item())

    @property
    def earlier(self) -> list[dict[str, Any]]:
        """What pages of earlier nights kept, oldest first."""
        tonight = self.night
        return [page for page in self._pages if page["night"] < tonight][-PAST:]

    @cached_property
    def _pages(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text("utf-8")) for path in sorted((self.folder / "history").glob("night-*.json"))]

    def kept(self, step: str) -> list[Any]:
        """Return what a step kept on earlier nights, oldest first."""
        return [page["kept"][step] for page in self.earlier if page["kept"].get(step)]

    @property
    def since(self) -> tuple[int, str | None]:
        """The night and the date of the page before; of the first page, the night before its own."""
        return (self.earlier[-1]["night"], self.earlier[-1]["as_of"]) if self.earlier else (self.night - 1, None)

    @property
    def stopped(self) -> list[str]:
        """What says that this night is not to be trusted."""
        checks = (check for part in self.parts.values() for check in part["checks"])
        return [check["what"] for check in checks if check["level"] == "stop"]

    def sql(self, query: str, params: list[Any] | None = None) -> pl.DataFrame:
        """Run a query of the megafile."""
        return self.megafile.sql(query, params)

    def state(self) -> str:
        """Return the digest of what the megafile was made from and what an analyst added, its scores apart."""
        files = self.sql("SELECT file, sha256, as_of::VARCHAR, night FROM source_file ORDER BY file_id").rows()
        skipped = self.sql("SELECT night, file, reason FROM skipped_file ORDER BY ALL").rows()
        added = self.sql("""
            SELECT name, bit_xor(hash(person_id, value))::VARCHAR, count(*) FROM added_value GROUP BY ALL
            UNION ALL SELECT name, bit_xor(hash(person_id))::VARCHAR, count(*) FROM tag GROUP BY ALL
            ORDER BY ALL""")
        return digest([files, skipped, self.night, added.rows()])

    def scores(self) -> str:
        """Return the digest of its scores."""
        return digest(self.sql("""
            SELECT name, scored_on::VARCHAR, count(*), bit_xor(hash(person_id, value))::VARCHAR, max(restricted),
                   max(warning)
            FROM score GROUP BY ALL ORDER BY ALL""").rows())  # fmt: skip


def digest(value: Any) -> str:
    """Return the SHA-256 of anything JSON holds.

    Examples
    --------
    >>> digest({"a": 1})[:8]
    'f9d86028'
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
