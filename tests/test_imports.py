"""`import campaignkit` is cheap, and heavy libraries are imported only where they are used."""

import subprocess
import sys

import pytest

from campaignkit import sample

HEAVY = (
    "altair",
    "anywidget",
    "great_tables",
    "ipywidgets",
    "jupytext",
    "nicknames",
    "pandas",
    "pyspark",
    "scipy",
    "sklearn",
    "splink",
    "statsmodels",
    "tqdm",
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


SENT = """
import campaignkit as ck
sent = ck.sample.draw("email", 2_000, seed=5).table
found = ck.experiments.winners(sent, "email_id", "gave")
found.summary(), repr(found)
"""


def test_an_answer_without_a_picture_imports_no_picture():
    assert modules_after(SENT) & set(HEAVY) <= {"scipy"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("use", "imported"),
    [("found.chart()", {"altair"}), ("found._repr_html_()", {"altair", "great_tables", "vl_convert"})],
)
def test_pictures_and_tables_are_imported_where_they_are_shown(use, imported):
    found = modules_after(SENT + use) & set(HEAVY)
    assert imported <= found
    own = {"anywidget", "ipywidgets"}  # Altair imports these itself, where they are installed
    assert found <= imported | own | {"scipy"}


def test_opening_and_asking_a_megafile_imports_no_linkage():
    sample.megafile().close()  # built, should it not be
    code = "import campaignkit as ck; ck.sample.megafile().universe('donor').by('region').summary()"
    assert not modules_after(code) & (set(HEAVY) - {"scipy"})


def test_every_public_name_is_there():
    code = (
        "import campaignkit as ck; [getattr(ck, name) for name in ck.__all__]; assert set(ck.__all__) <= set(dir(ck))"
    )
    modules_after(code)
