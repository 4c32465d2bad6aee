"""What every widget stands on: a readout, a chart that changes in place, and errors that show on the screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaignkit import charts
from campaignkit.errors import CampaignkitError

if TYPE_CHECKING:
    import altair as alt

_HERE = Path(__file__).parent
STALE = "ck-stale"


def ipywidgets() -> Any:
    """Return ipywidgets, imported when the first widget is made.

    Raises
    ------
    CampaignkitError
        If it is not installed.
    """
    return _needed("ipywidgets")


def _needed(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise CampaignkitError(
            f"Widgets need {error.name}, which comes with the lab extra: pip install 'campaignkit[lab]'."
        ) from error


@cache
def _classes() -> tuple[type, type]:
    """Return the readout's and the chart's classes; what they stand on is imported when the first widget is made."""
    anywidget, traitlets = _needed("anywidget"), _needed("traitlets")
    alt = charts.house()
    css = (_HERE / "widgets.css").read_text(encoding="utf-8")

    class Readout(anywidget.AnyWidget):
        """A headline, a line below it, an error, SQL, and a sign while it works; all text, never HTML."""

        _esm = (_HERE / "readout.js").read_text(encoding="utf-8")
        _css = css
        headline = traitlets.Unicode("").tag(sync=True)
        detail = traitlets.Unicode("").tag(sync=True)
        error = traitlets.Unicode("").tag(sync=True)
        sql = traitlets.Unicode("").tag(sync=True)
        title = traitlets.Unicode("As SQL").tag(sync=True)
        busy = traitlets.Bool(False).tag(sync=True)

    class LiveChart(alt.JupyterChart):
        """Altair's JupyterChart, drawn by the Vega that the house's figures bring along."""

        _esm = (_HERE / "live.js").read_text(encoding="utf-8")

    return Readout, LiveChart


def readout(**traits: str) -> Any:
    """Return a readout."""
    return _classes()[0](**traits)


def live_chart(chart: alt.TopLevelMixin) -> Any:
    """Return a chart whose params and selections are shared with Python."""
    room = {"left": 5, "top": 5, "right": 20, "bottom": 5}  # an axis's last label reaches beyond the plot
    return _classes()[1](chart, debounce_wait=60, embed_options=charts.EMBED | {"padding": room})


class Shell:
    """The parent of the widgets: what is displayed is `box`, and below it whatever `readout` and `shown` say.

    A subclass makes `box`, `readout` and `chart` in its ``__init__``.
    """

    box: Any
    readout: Any
    chart: Any
    failure = ""  # of the handler that runs

    def still(self) -> alt.TopLevelMixin:
        """Return the chart as it stands now, for where nothing is live: a book, a mail."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Show the widget; in the book, where no kernel answers, its chart as it stands."""
        text = f"{type(self).__name__}: {self.readout.headline} {self.readout.detail}".strip()
        if charts.page_has_vega():
            return {"text/plain": text, "text/html": charts.figure(self.still())}
        charts.make_live()
        return self.box._repr_mimebundle_() | {"text/plain": text}


def guarded(handler: Callable[..., None]) -> Callable[..., None]:
    """Return a widget's handler with its errors put on the screen; ipywidgets would lose them.

    The handler is a method of a Shell. While it works the readout is busy, which shows after a moment. What it left
    half done stays as it was, and is drawn as stale: it is not what the controls say. The next one that works takes the
    error away; a handler that sets off others has failed where one of them has.
    """

    @wraps(handler)
    def run(self: Shell, *arguments: Any) -> None:
        outermost = not self.readout.busy
        if outermost:
            self.failure, self.readout.busy = "", True
        try:
            handler(self, *arguments)
        except Exception as error:  # the screen is where all of them belong
            kind = "" if isinstance(error, CampaignkitError) else f"{type(error).__name__}: "
            self.failure = f"{kind}{error}"
        if outermost:
            self.readout.error, self.readout.busy = self.failure, False
            mark_stale(self)

    return run


def mark_stale(shell: Shell) -> None:
    """Draw what is shown as stale after an error, and as it is after a handler that worked."""
    if (box := getattr(shell, "box", None)) is not None:
        (box.add_class if shell.readout.error else box.remove_class)(STALE)
