"""Tests on one board: the arms, what was known on each day, and what the winner is worth as it is rolled out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from campaignkit.errors import BadValue, NotEnoughData
from campaignkit.result import Result
from campaignkit.widgets.panels import panel_of
from campaignkit.widgets.shell import Shell, guarded, ipywidgets, live_chart, readout

if TYPE_CHECKING:
    import altair as alt


class ExperimentBoard(Shell):
    """Look through tests: one at a time, with a slider for what moves in it.

    An analysis with `sequence` has its days: the interval as it stood on each. Winners have the roll-out: what sending
    the winner to a part of the list is worth. A test-and-roll has the size of the test. Any other result is shown as it
    is.

    Parameters
    ----------
    results : Result, iterable of Result, or mapping of str to Result
        What `experiments.analyze`, `winners`, `test_and_roll` and the others returned; a mapping names them.
    recipients : int or None
        How many the winner could be sent to, for winners that do not know it. None: 100,000.

    Raises
    ------
    NotEnoughData
        If there is no result.
    BadValue
        If something among them is no result.

    Examples
    --------
    >>> import campaignkit as ck
    >>> sent = ck.sample.draw("email", 20_000, seed=5).table
    >>> best = ck.experiments.winners(sent, "email_id", "gave", recipients=100_000)
    >>> board = ck.widgets.ExperimentBoard({"June deadline": best})
    >>> board.slider.value = 10  # of 20 steps: half of the list
    >>> board.readout.headline.endswith(" if deadline_june_01 goes to 50,000")
    True
    """

    def __init__(
        self, results: Result | Iterable[Result] | Mapping[str, Result], *, recipients: int | None = None
    ) -> None:
        w = ipywidgets()
        self.results = _named(results)
        self.recipients = recipients or 100_000
        first = next(iter(self.results))
        wide = {"layout": w.Layout(width="480px"), "style": {"description_width": "80px"}}
        self.readout = readout()
        self.test = w.Dropdown(options=list(self.results), value=first, description="Test", **wide)
        self.slider = w.SelectionSlider(options=[("", 0)], description="Day", continuous_update=False, **wide)
        self._panel = panel_of(self.results[first], self.recipients)
        self.chart = live_chart(self._panel.chart())
        self.test.observe(lambda _: self._changed(), "value")
        self.slider.observe(lambda _: self._moved(), "value")
        self.box = w.VBox([self.test, self.readout, self.slider, self.chart]).add_class("ck-widget")
        self._changed()

    @property
    def result(self) -> Result:
        """The test on the board.

        Examples
        --------
        >>> import campaignkit as ck
        >>> sent = ck.sample.draw("email", 5_000, seed=5).table
        >>> board = ck.widgets.ExperimentBoard({"June deadline": ck.experiments.winners(sent, "email_id", "gave")})
        >>> board.result is board.results["June deadline"]
        True
        """
        return self.results[self.test.value]

    @guarded
    def _changed(self) -> None:
        """Put another test on the board, at its first view."""
        self._panel = panel_of(self.result, self.recipients)
        self.chart.chart = self._panel.chart()
        steps = self._panel.steps
        self.slider.layout.display = None if steps else "none"
        self.slider.description = self._panel.moves
        self.slider.options = [(text, place) for place, text in enumerate(steps)] or [("", 0)]
        self.slider.value = self._panel.start()
        self._show()

    @guarded
    def _moved(self) -> None:
        if self.slider.value is not None:
            self._show()

    def _show(self) -> None:
        """Show the step; a helper of handlers, which put its errors on the screen."""
        self.readout.headline, self.readout.detail = self._panel.sentences(self.slider.value)
        if self._panel.steps:
            self.chart.params.step = self.slider.value

    def still(self) -> alt.TopLevelMixin:
        """Return the test's chart as it stands, which needs no kernel.

        Examples
        --------
        >>> import campaignkit as ck
        >>> sent = ck.sample.draw("email", 5_000, seed=5).table
        >>> board = ck.widgets.ExperimentBoard({"June deadline": ck.experiments.winners(sent, "email_id", "gave")})
        >>> board.slider.value = 10
        >>> [param["value"] for param in board.still().to_dict()["params"] if param["name"] == "step"]
        [10]
        """
        return self._panel.chart(self.slider.value)


def _named(results: Any) -> dict[str, Result]:
    """Return results by their names; those without one are named by what they are and their outcome."""
    if isinstance(results, Mapping):
        named = dict(results)
    else:
        listed = [results] if isinstance(results, Result) else list(results)
        named = {
            f"{place}. {type(result).__name__} {getattr(result, 'outcome', '')}".strip(): result
            for place, result in enumerate(listed, 1)
        }
    if not named:
        raise NotEnoughData("There is no result to put on the board.")
    for name, result in named.items():
        if not isinstance(result, Result):
            raise BadValue(f"{name!r} is {type(result).__name__}; a result of ck.experiments was expected.")
    return named
