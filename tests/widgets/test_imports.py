"""The room itself costs little: ipywidgets and Altair come with the first widget that is made."""

import subprocess
import sys

import pytest

LATE = ("altair", "anywidget", "IPython", "ipywidgets", "vl_convert")


@pytest.mark.slow
def test_opening_the_room_imports_no_widgets():
    code = f"import campaignkit as ck, sys; ck.widgets.UniverseBuilder; print([m for m in {LATE} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.slow
def test_without_them_the_error_says_what_to_install():
    for name, call in (("anywidget", "shell.readout()"), ("ipywidgets", "shell.ipywidgets()")):
        code = (
            f"import sys; sys.modules[{name!r}] = None\n"
            "from campaignkit.widgets import shell\n"
            f"try: {call}\n"
            "except Exception as error: print(error)"
        )
        said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        assert f"Widgets need {name}" in said
        assert "pip install 'campaignkit[lab]'" in said
