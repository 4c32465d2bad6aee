"""The small sample campaign, built once and kept: what notebooks and tests open. October's polls come on top."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from campaignkit.checks import check_scalar
from campaignkit.megafile import Megafile
from campaignkit.progress import Steps
from campaignkit.sample.exports import write
from campaignkit.sample.tracking_files import write_tracking

SMALL = 130_000  # people in the small sample
SEED = 2012
DROPS = {"2012-10-01": ("sample_data", write), "2012-10-31": ("sample_data_20121031", write_tracking)}

_PACKAGE = Path(__file__).resolve().parents[1]


def exports_folder(progress: bool | None = None, *, drop: str = "2012-10-01") -> Path:
    """Return the folder of the small sample's exports: `sample_data/` of a checkout, else made in the user's cache.

    Parameters
    ----------
    progress : bool or None
        Whether to show the making. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.
    drop : str
        Which exports: all of ``"2012-10-01"``, or the polls of ``"2012-10-31"``.

    Examples
    --------
    >>> (exports_folder() / "truth").is_dir()
    True
    """
    check_scalar(drop, "drop", choices=list(DROPS))
    name, write_drop = DROPS[drop]
    beside = _PACKAGE.parent / name
    if beside.is_dir():
        return beside
    folder = _cache() / f"{name}-{_digest(sorted((_PACKAGE / 'sample').rglob('*.py')))}"
    if not folder.is_dir():
        steps = Steps("sample", progress)
        with steps.step(f"writing the exports of a campaign of {SMALL:,} people"):
            _put(folder, write_drop)
        steps.close()
    return folder


def megafile(progress: bool | None = None, *, drop: str = "2012-10-01") -> Megafile:
    """Open the sample campaign's megafile; the first call builds it and keeps it under `build/`.

    It is built anew when the code that builds it or the exports change. The campaign, its hosts and its people
    are invented; places, file layouts and calendars are real.

    Parameters
    ----------
    progress : bool or None
        Whether to show the building. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.
    drop : str
        ``"2012-10-31"``: what a refresh with the tracking polls of that day made of it; all else is of 2012-10-01.

    Returns
    -------
    Megafile
        About 130,000 people as of `drop`, open for reading.

    Examples
    --------
    >>> import campaignkit as ck
    >>> ck.sample.megafile().as_of
    datetime.date(2012, 10, 1)
    """
    check_scalar(drop, "drop", choices=list(DROPS))
    exports = [exports_folder(progress, drop=day) for day in DROPS if day <= drop]
    code = sorted(path for path in (_PACKAGE / "megafile").rglob("*") if path.suffix in {".py", ".sql", ".toml"})
    read = [path for folder in exports for path in sorted(folder.rglob("*.*"))]
    path = _cache() / f"sample-{_digest([*code, *read])}.duckdb"
    with _one_at_a_time(path):
        if path.exists():
            return Megafile.open(path)
        if len(exports) == 1:
            return Megafile.build(exports[0], path, progress=progress)
        return _refreshed(exports[1], path, progress)


def _refreshed(exports: Path, path: Path, progress: bool | None) -> Megafile:
    """Refresh a copy of the first drop's megafile, and put it there whole."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        with megafile(progress) as first:
            part = Path(shutil.copy(first.path, folder))
        with Megafile.open(part) as copy:
            copy.refresh(exports, progress=progress)
        part.rename(path)
    return Megafile.open(path)


@contextmanager
def _one_at_a_time(path: Path) -> Generator[None]:
    """Let whoever else needs the sample now wait for the first to build it."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".building").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _put(folder: Path, write_drop: Callable[[Path, int, int], object]) -> None:
    """Write the exports beside `folder`, and put them there whole, unless another process was quicker."""
    part = folder.with_name(f"{folder.name}.{os.getpid()}")
    write_drop(part, SMALL, SEED)
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
