"""What is said beside every file of people that leaves a megafile: when, who, how many, under which date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from campaignkit.megafile.audience import Audience
from campaignkit.spreadsheets import Drafts


def put_with_manifest(
    universe: Audience, path: Path, drafts: Drafts, written_as: str, rows: int, own: Mapping[str, Any]
) -> list[Path]:
    """Add a manifest to drafted files, note the export, put all in place; return where, the manifest last."""
    entry = {
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": [{"name": name, "sha256": digest} for name, digest in drafts.digests()],
        "format": written_as,
        "rows": rows,
        "channel": None,
        "universe": universe.sql,
        "as_of": str(universe.as_of),
        "megafile": str(universe.megafile.path.resolve()),
    }  # fmt: skip
    entry |= own
    manifest = path.with_name(path.name + ".manifest.json")
    drafts.add(manifest, (json.dumps(entry, indent=2, ensure_ascii=False) + "\n").encode())
    universe.megafile.note_export(entry)
    return drafts.put_in_place()
