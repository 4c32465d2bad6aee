"""The command line: `campaignkit demo | sample | inspect | build | refresh | night | notebooks | lab`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl

from campaignkit.errors import BadValue, CampaignkitError
from campaignkit.megafile import Megafile
from campaignkit.megafile.inspection import inspect
from campaignkit.sample.stored import DROPS, SEED, exports_folder
from campaignkit.sample.stored import build as build_sample
from campaignkit.sample.stored import megafile as sample_megafile
from campaignkit.sample.truth import link_quality

_LAYOUT = "a layout of your own (TOML), a folder of them, or a glob in quotes"
_ACCEPT = "take in a snapshot although it holds far fewer records than the one before"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, or 1 with the error on standard error; of a night its own code, and 2 with an error."""
    ours, jupyters = _jupyters_apart(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(ours)
    options.rest = jupyters
    try:
        return options.run(options) or 0
    except CampaignkitError as error:
        print(f"campaignkit: {error}", file=sys.stderr)
        return 2 if options.run is _night else 1
    except KeyboardInterrupt:
        print("campaignkit: stopped; nothing was changed", file=sys.stderr)
        return 130


def _jupyters_apart(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return our own arguments, and what `lab` passes on to JupyterLab: all from its first option.

    Examples
    --------
    >>> _jupyters_apart(["lab", "mine", "--port", "8898"])
    (['lab', 'mine'], ['--port', '8898'])
    """
    options = [at for at, word in enumerate(arguments) if word.startswith("-")]
    if arguments[:1] != ["lab"] or not options or {"-h", "--help"} & {*arguments}:
        return [*arguments], []
    return [*arguments[: options[0]]], [*arguments[options[0] :]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="campaignkit", description="One table of people from a campaign's many files. Start with: campaignkit demo"
    )
    parser.add_argument("--version", action="version", version=f"campaignkit {version('campaignkit')}")
    commands = parser.add_subparsers(required=True, metavar="command")
    demo = commands.add_parser("demo", help="build the sample campaign's megafile and show how well it did")
    demo.set_defaults(run=_demo)
    sample = commands.add_parser("sample", help="write a sample campaign's exports, with the truth beside them")
    sample.add_argument("folder", type=Path)
    sample.add_argument("--people", type=int, default=130_000)
    sample.add_argument("--seed", type=int, default=SEED)
    sample.add_argument("--drop", choices=list(DROPS), default=min(DROPS), help="the exports of which day")
    sample.set_defaults(run=_sample)
    inspect = commands.add_parser("inspect", help="say what files of your own hold, and draft a layout for each")
    inspect.add_argument("files", nargs="+", metavar="FILE", help="files, folders or globs")
    inspect.add_argument(
        "--save", type=Path, metavar="FOLDER", help="write the drafts there; those there are left alone"
    )
    inspect.add_argument("--layout", action="append", default=[], help=_LAYOUT)
    inspect.set_defaults(run=_inspect)
    build = commands.add_parser("build", help="build a megafile from a folder of exports")
    build.add_argument("folder", type=Path)
    build.add_argument("path", type=Path)
    build.add_argument("--layout", action="append", default=[], help=_LAYOUT)
    build.add_argument("--as-of", metavar="DATE", help="the date of files in which nothing says one, like 2012-10-01")
    build.add_argument("--accept", action="append", default=[], metavar="FILE", help=_ACCEPT)
    build.set_defaults(run=_build)
    refresh = commands.add_parser("refresh", help="take a night's new files into a megafile")
    refresh.add_argument("folder", type=Path)
    refresh.add_argument("path", type=Path)
    refresh.add_argument("--layout", action="append", default=[], help=_LAYOUT)
    refresh.add_argument("--as-of", metavar="DATE", help="as of `build`")
    refresh.add_argument("--accept", action="append", default=[], metavar="FILE", help=_ACCEPT)
    refresh.set_defaults(run=_refresh)
    _night_parser(commands)
    notebooks = commands.add_parser("notebooks", help="write the example notebooks, and make the sample they open")
    notebooks.add_argument("folder", type=Path, help="where to; notebooks that are there already are left as they are")
    notebooks.set_defaults(run=_notebooks)
    lab = commands.add_parser("lab", help="open JupyterLab on the example notebooks; its own options are passed on")
    lab.add_argument("folder", type=Path, nargs="?", default=Path("campaignkit_notebooks"), help="as of `notebooks`")
    lab.set_defaults(run=_lab)
    return parser


def _night_parser(commands: Any) -> None:
    night = commands.add_parser("night", help="all of campaign.toml in one command, and one page in the morning")
    night.add_argument(
        "what", nargs="?", choices=["run", "init"], default="run", help="init: write a first campaign.toml"
    )
    night.add_argument("megafile", nargs="?", type=Path, help="init: the megafile to write it from")
    night.add_argument("--settings", type=Path, default=Path("campaign.toml"), metavar="FILE")
    night.add_argument("--check", action="store_true", help="read the settings back in plain English; run nothing")
    night.add_argument("--from", dest="start", metavar="STEP", help="run this step and all after it, up to date or not")
    night.add_argument("--only", metavar="STEP", help="run this step alone")
    night.add_argument("--dry-run", action="store_true", help="report what would run; run nothing")
    night.add_argument("--json", action="store_true", help="print JSON")
    night.add_argument("--accept", action="append", default=[], metavar="FILE", help=_ACCEPT)
    night.set_defaults(run=_night)


def _night(options: argparse.Namespace) -> int:
    from campaignkit import briefing

    if options.what == "init":
        return _night_init(options)
    if options.check:
        settings = briefing.read_settings(options.settings)
        with Megafile.open(settings.path(settings.megafile)) as megafile:
            said, wrong = briefing.read_back(settings, megafile)
        print("\n".join([*said, *(f"WRONG: {line}" for line in wrong)] if wrong else [*said, "Every name is there."]))
        return 2 if wrong else 0
    try:
        done = briefing.night(
            options.settings, start=options.start, only=options.only, dry_run=options.dry_run, accept=options.accept,
            progress=False if options.json else None,
        )  # fmt: skip
    except CampaignkitError:
        raise
    except Exception as error:  # its code must not be 1, which says that the night ran
        raise CampaignkitError(
            f"The night failed, and the page before stands. {type(error).__name__}: {error}"
        ) from error
    if options.json:
        print(done.to_json())
    else:
        _show(done.summary(), done.table)
    return done.code


def _night_init(options: argparse.Namespace) -> int:
    from campaignkit import briefing

    if options.megafile is None or options.settings.exists():
        there = f"{options.settings} is there already" if options.megafile else "say which: night init campaign.duckdb"
        raise BadValue(f"No settings are written: {there}.")
    with Megafile.open(options.megafile) as megafile:
        text = briefing.first_settings(megafile)
    options.settings.write_text(text, encoding="utf-8")
    print(f"{options.settings} is written. Next: campaignkit night --check")
    return 0


def _sample(options: argparse.Namespace) -> None:
    _, write_drop = DROPS[options.drop]
    written = write_drop(options.folder, options.people, options.seed)
    _show("Written", written)


def _build(options: argparse.Namespace) -> None:
    with Megafile.build(
        options.folder, options.path, layouts=options.layout, accept=options.accept, as_of=options.as_of, progress=True
    ) as megafile:
        _report(megafile)


def _inspect(options: argparse.Namespace) -> None:
    found = inspect(options.files, layouts=options.layout)
    for file in found.files:
        _show(file.name, found.table.filter(pl.col("file") == file.name).select(
            "column", pl.col("samples").list.join(" | ").alias("begins with"), "looks_like", "format",
            pl.col("seems_to_be").fill_null("(a column of your own)"), "why").fill_null(""))  # fmt: skip
    print(f"\n{found.summary()}")
    if options.save is None:
        for name, text in found.layouts.items():
            print(f"\n# {name}.toml\n{text}")
        print(
            "# --save FOLDER writes these layouts as files; look them over, then: campaignkit build … --layout FOLDER"
        )
    else:
        paths = ", ".join(map(str, found.save_layouts(options.save)))
        print(f"\nDrafts: {paths}.\nLook them over, then: campaignkit build FOLDER PATH --layout {options.save}")


def _refresh(options: argparse.Namespace) -> None:
    with Megafile.open(options.path) as megafile:
        night = megafile.refresh(options.folder, layouts=options.layout, accept=options.accept, as_of=options.as_of,
                                 progress=True)  # fmt: skip
        _show(night.summary(), night.table)


def _demo(options: argparse.Namespace) -> None:
    exports, started = exports_folder(), time.monotonic()
    print(f"Building one megafile from the exports in {exports.name}/ …", flush=True)
    with build_sample(progress=True) as megafile:
        _report(megafile)
        _show("Links held against the truth, by pair of sources", link_quality(megafile, exports / "truth"))
        size = megafile.path.stat().st_size / 1e6
        print(f"\n{megafile}\n{time.monotonic() - started:.0f} s, {size:.0f} MB. {_after_demo()}")


def _after_demo() -> str:
    """Return the next command, one that works here: the notebooks, which open the megafile that was just built."""
    if (Path.cwd() / "Makefile").exists() and Path(__file__).resolve().parents[1] == Path.cwd():
        return "Next, the notebooks: make lab"
    if find_spec("jupyterlab") is None:
        return "Next, the notebooks: pip install 'campaignkit[lab]', then campaignkit lab"
    return "Next, the notebooks: campaignkit lab"


def _report(megafile: Megafile) -> None:
    sources = megafile.sources
    _show(
        "What was read",
        sources.select("file", "layout", "records", "accepted", "rejected", "duplicates", "people"),
    )
    totals = sources.select(pl.col("records", "accepted", "rejected").sum()).row(0, named=True)
    print("\nRecords in {records:,}, accepted {accepted:,}, rejected {rejected:,}.".format(**totals))
    _show(
        "Why records were rejected",
        megafile.rejects.group_by("reason").len("records").sort("records", descending=True),
    )
    _show("What linked records to people", megafile.sql("""
        SELECT coalesce(matched_by, '(first record of a person)') AS tier, count(*) AS records
        FROM source_record GROUP BY tier ORDER BY records DESC"""))  # fmt: skip


def _show(title: str, table: pl.DataFrame) -> None:
    width = int(os.environ.get("COLUMNS", "140"))
    with pl.Config(
        tbl_rows=60, tbl_cols=20, tbl_width_chars=width, fmt_str_lengths=60, tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True, tbl_formatting="UTF8_BORDERS_ONLY", thousands_separator=",", float_precision=3,
    ):  # fmt: skip
        print(f"\n{title}\n{table}")


def _notebooks(options: argparse.Namespace) -> None:
    written, kept = write_notebooks(options.folder)
    left = f"; {len(kept)} that were there are left as they are" if kept else ""
    print(f"{len(written)} notebooks written to {options.folder}/{left}.", flush=True)
    with sample_megafile(progress=True) as megafile:
        print(f"The sample they open is ready: {megafile}.\nNext: campaignkit lab {options.folder}")


def _lab(options: argparse.Namespace) -> None:
    if find_spec("jupyterlab") is None:
        raise BadValue("JupyterLab is not installed here: pip install 'campaignkit[lab]'")
    write_notebooks(options.folder)
    start = "/lab/tree/00_start_here.ipynb"
    where = [f"--notebook-dir={options.folder}", f"--LabApp.default_url={start}"]
    command = [sys.executable, "-m", "jupyterlab", *where, *options.rest]
    subprocess.run(command, check=False)


def write_notebooks(folder: Path) -> tuple[list[str], list[str]]:
    """Write the example notebooks into a folder, for JupyterLab to open.

    Parameters
    ----------
    folder : Path
        Where to. It is made; a notebook of the same name there is left alone, as somebody may have worked in it.

    Returns
    -------
    tuple of list of str
        The names written, and the names left alone.

    Raises
    ------
    BadValue
        If jupytext, which comes with `campaignkit[lab]`, is not installed.
    """
    if find_spec("jupytext") is None:
        raise BadValue("notebooks are written by jupytext, which is not installed here: pip install 'campaignkit[lab]'")
    import jupytext

    written, kept = [], []
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(_sources().glob("*.py")):
        path = folder / f"{source.stem}.ipynb"
        (kept if path.exists() else written).append(path.name)
        if not path.exists():
            jupytext.write(jupytext.read(source, fmt="py:percent"), path)
    return written, kept


def _sources() -> Path:
    """Return the folder of the notebooks' sources: the package's own in a wheel, else the checkout's."""
    package = Path(__file__).resolve().parent
    return next(folder for folder in (package / "notebooks", package.parent / "notebooks") if folder.is_dir())


if __name__ == "__main__":
    sys.exit(main())
