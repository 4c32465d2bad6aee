"""Which code a kept table came from."""

from __future__ import annotations

import subprocess
from pathlib import Path

REPO = Path(__file__).parents[1]


def commit() -> str:
    """Say which code this is."""
    at, dirty = (
        subprocess.run(["git", *asked], cwd=REPO, capture_output=True, text=True).stdout.strip()
        for asked in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "campaignkit"])
    )
    return f"commit {at}{' and changes not yet committed' if dirty else ''}"
