"""The small sample campaign, built once and kept: what notebooks and tests open. October's files come on top."""

from __future__ import annotations

import hashlib
import os
import re
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

_KEPT = 4  # megafiles of the sample: both drops, of two versions of the code
_OURS = re.compile(r"sample-[0-9a-f]{16}\.duckdb")
_PACKAGE = Path(__file__).resolve().parents[1]


def exports_folder(progress: bool | None = None, *, drop: str = "2012-10-01") -> Path:
    """Return the folder of the small sample's exports: `sample_data/` of a checkout, else made in the user's cache.

    Parameters
    ----------
    progress : bool or None
        Whether to show the making. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.
    drop : str
        Which exports: all of ``"2012-10-01"``, or the polls, asks of friends and early votes of ``"2012-10-31"``.

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
        ``"2012-10-31"``: what a refresh with the files of that day made of it; all else is of 2012-10-01.

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
    path = _path(drop, progress)
    with _one_at_a_time(path):
        if path.exists():
            return Megafile.open(path)
        if drop == min(DROPS):
            return _built(path, progress)
        return _refreshed(drop, path, progress)


def build(progress: bool | None = None) -> Megafile:
    """Build the sample campaign's megafile though it may be there already, and keep it where `megafile` finds it."""
    path = _path(min(DROPS), progress)
    with _one_at_a_time(path):
        return _built(path, progress)


def _path(drop: str, progress: bool | None) -> Path:
    """Return where the megafile of a drop is kept, by what makes it: the exports and the code that reads them."""
    exports = [exports_folder(progress, drop=day) for day in DROPS if day <= drop]
    code = sorted(path for path in (_PACKAGE / "megafile").rglob("*") if path.suffix in {".py", ".sql", ".toml"})
    read = [path for folder in exports for path in sorted(folder.rglob("*.*"))]
    return _cache() / f"sample-{_digest([*code, *read])}.duckdb"


def _built(path: Path, progress: bool | None) -> Megafile:
    built = Megafile.build(exports_folder(progress), path, progress=progress)
    _forget_old(path)
    return built


def _refreshed(drop: str, path: Path, progress: bool | None) -> Megafile:
    """Refresh a copy of the first drop's megafile, and put it there whole."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        with megafile(progress) as first:
            part = Path(shutil.copy(first.path, folder))
        with Megafile.open(part) as copy:
            copy.refresh(exports_folder(progress, drop=drop), progress=progress)
        part.rename(path)
    _forget_old(path)
    return Megafile.open(path)


def _forget_old(path: Path) -> None:
    """Remove samples that other code built, but for the last few: one that is open stays until it is closed."""
    ours = (file for file in path.parent.glob("sample-*.duckdb") if _OURS.fullmatch(file.name))
    kept = sorted(ours, key=lambda file: file.stat().st_mtime, reverse=True)
    for old in kept[_KEPT:]:
        for file in (old, old.with_suffix(".building"), old.with_name(f"{old.name}.exports.jsonl")):
            file.unlink(missing_ok=True)


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
