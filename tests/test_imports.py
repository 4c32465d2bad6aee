"""`import campaignkit` is cheap, and heavy libraries are imported only where they are used."""

import subprocess
import sys

HEAVY = (
    "altair",
    "great_tables",
    "nicknames",
    "pandas",
    "pyspark",
    "scipy",
    "sklearn",
    "splink",
    "statsmodels",
    "vl_convert",
)


def modules_after(code):
    out = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(' '.join(sys.modules))"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(out.stdout.split())


def test_import_campaignkit_imports_nothing_heavy():
    assert not modules_after("import campaignkit") & {*HEAVY, "polars", "duckdb"}


def test_opening_a_room_imports_nothing_it_does_not_use():
    code = "import campaignkit as ck; ck.Megafile, ck.Universe, ck.Result, ck.charts, ck.errors, ck.sample"
    assert not modules_after(code) & set(HEAVY)


def test_every_public_name_is_there():
    code = (
        "import campaignkit as ck; [getattr(ck, name) for name in ck.__all__]; assert set(ck.__all__) <= set(dir(ck))"
    )
    modules_after(code)
