"""A long benchmark's finished steps, kept in a folder: run again, it goes on with the step that it had not finished."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import measured
from tests.provenance import commit

FIGURES = "figures.json"


class Kept:
    """A folder with what steps made, and their figures."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._file = folder, folder / FIGURES
        folder.mkdir(parents=True, exist_ok=True)
        self.steps: dict[str, dict[str, Any]] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def step(self, name: str, module: str, contender: str, *arguments: str) -> dict[str, Any]:
        """Measure a contender, or return its figures where it ran to its end before."""
        if name not in self.steps:
            figures = measured(module, contender, *arguments)
            self.steps[name] = figures | {"at": f"{datetime.now():%Y-%m-%d %H:%M}", "commit": commit()}
            self._file.write_text(json.dumps(self.steps, indent=1))
        return self.steps[name]
