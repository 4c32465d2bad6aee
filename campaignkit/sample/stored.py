"""The small sample campaign, built once and kept: what notebooks and tests open."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from campaignkit.megafile import Megafile
from campaignkit.progress import Steps
from campaignkit.sample.exports import write

SMALL = 130_000  # people in the small sample
SEED = 2012

_PACKAGE = Path(__file__).resolve().parents[1]


def exports_folder(progress: bool | None = None) -> Path:
    """Return the folder of the small sample's exports: `sample_data/` of a checkout, else made in the user's cache.

    Parameters
    ----------
    progress : bool or None
        Whether to show the making. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.

    Examples
    --------
    >>> (exports_folder() / "truth").is_dir()
    True
    """
    beside = _PACKAGE.parent / "sample_data"
    if beside.is_dir():
        return beside
    folder = _cache() / f"sample_data-{_digest(sorted((_PACKAGE / 'sample').rglob('*.py')))}"
    if not folder.is_dir():
        steps = Steps("sample", progress)
        with steps.step(f"writing the exports of a campaign of {SMALL:,} people"):
            _put(folder)
        steps.close()
    return folder


def megafile(progress: bool | None = None) -> Megafile:
    """Open the sample campaign's megafile; the first call builds it and keeps it under `build/`.

    It is built anew when the code that builds it or the exports change. The campaign, its hosts and its people
    are invented; places, file layouts and calendars are real.

    Parameters
    ----------
    progress : bool or None
        Whether to show the building. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.

    Returns
    -------
    Megafile
        About 130,000 people as of 2012-10-01, open for reading.

    Examples
    --------
    >>> import campaignkit as ck
    >>> ck.sample.megafile().as_of
    datetime.date(2012, 10, 1)
    """
    exports = exports_folder(progress)
    code = sorted(path for path in (_PACKAGE / "megafile").rglob("*") if path.suffix in {".py", ".sql", ".toml"})
    path = _cache() / f"sample-{_digest([*code, *sorted(exports.rglob('*.*'))])}.duckdb"
    if not path.exists():  # two who build it at once each make their own, and the last one's stays
        own = path.with_name(f"{os.getpid()}-{path.name}")
        Megafile.build(exports, own, progress=progress).close()
        own.replace(path)
    return Megafile.open(path)


def _put(folder: Path) -> None:
    """Write the exports beside `folder`, and put them there whole, unless another process was quicker."""
    part = folder.with_name(f"{folder.name}.{os.getpid()}")
    write(part, SMALL, SEED)
    try:
        part.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(part)


def _cache() -> Path:
    if (_PACKAGE.parent / "pyproject.toml").exists():
        return _PACKAGE.parent / "build"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "campaignkit"


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
