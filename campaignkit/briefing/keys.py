"""Is a step up to date? A digest of everything it depends on: its code, its parameters, the content of its inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from campaignkit.briefing.standing import unmarked
from campaignkit.briefing.steps import STEPS, Step
from campaignkit.briefing.tonight import Tonight, digest


def key_of(tonight: Tonight, step: Step) -> str:
    """Return the digest of everything a step depends on."""
    own: dict[str, Any] = {"accept": tonight.accept} if step.name == "files" and tonight.accept else {}
    own |= {name: _plain(getattr(tonight.settings, name)) for name in step.settings}
    inputs: list[Any] = [tonight.state(), tonight.earlier, *(_files_of(tonight, step))]
    if step.reads_scores:
        inputs += [tonight.scores(), sorted(tonight.stopped)]
    if step.name == "page":
        inputs += [tonight.parts.get(each.name) for each in STEPS if each.name != step.name]
    return digest([_code(), step.name, own, inputs])


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


def _files_of(tonight: Tonight, step: Step) -> Sequence[Any]:
    """Return the content of the files outside the megafile that a step reads or must have left."""
    settings = tonight.settings
    if step.name == "files":
        exports = settings.path(settings.exports)
        paths = [*sorted(exports.rglob("*")), *(settings.path(name) for name in settings.layouts)]
        return [(str(path.relative_to(settings.folder)), _sha256(path)) for path in paths if path.is_file()]
    if step.name in ("forecast", "money") and settings.forecast and settings.forecast.polls != "polls_2012":
        return [_sha256(settings.path(settings.forecast.polls))]
    if step.name == "lists":
        written = sorted(path for path in (tonight.folder / "lists").rglob("*") if path.is_file())
        return [(path.name, _sha256(path)) for path in written if not path.name.endswith(".manifest.json")]
    if step.name == "page":
        dated = [f"pages/{tonight.megafile.as_of}{kind}" for kind in (".html", ".pdf")]
        return [_sha256(tonight.folder / name) for name in ("page.html", "page.json", "page.pdf", *dated)]
    return []


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    if path.name in ("page.html", "page.json"):
        return hashlib.sha256(unmarked(path)).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _code() -> str:
    """Return the digest of the package's own files: when any of it changes, every step runs again."""
    package = Path(__file__).resolve().parents[1]
    kinds = {".py", ".toml", ".sql", ".css", ".typ"}
    files = [path for path in sorted(package.rglob("*")) if path.suffix in kinds]
    return digest([(str(path.relative_to(package)), _sha256(path)) for path in files])
