"""The universe builder's controls, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaignkit.widgets import atlas
from campaignkit.widgets.choices import DOLLARS, OLDEST, YOUNGEST, Choices, named
from campaignkit.widgets.selection import CONTACT, GIVING, Selection
from campaignkit.widgets.shell import ipywidgets

MOST_BOXES = 8  # values shown as boxes to tick; more become a list
ANYONE = "anyone"
VOTED = {ANYONE: None, "voted": True, "did not vote": False}


class Controls:
    """The controls, made of what a megafile offers.

    Parameters
    ----------
    offered : Choices
        What there is to choose.
    changed : callable
        Called without arguments when anything has changed.

    Attributes
    ----------
    box : ipywidgets.VBox
        What is displayed.
    states, counties, age, giving, dollars, contact, also, reset : ipywidgets
        The single controls.
    sex, race, party, voted, scores : dict
        Those that come in numbers, by value, election or score; `sex`, `race` and `party` hold one list under None
        where there are many values.
    """

    def __init__(self, offered: Choices, changed: Callable[[], None]) -> None:
        w = ipywidgets()
        self.offered = offered
        self._changed = changed
        self._quiet = False
        wide = {"layout": w.Layout(width="310px"), "style": {"description_width": "92px"}}
        full = atlas.names()
        states = [(f"{named(state)}  {full.get(state or '', '')}".strip(), state) for state in offered.states]
        self.states = w.SelectMultiple(options=states, description="States", rows=5, **wide)
        self.counties = w.SelectMultiple(options=[], description="Counties", rows=4, disabled=True, **wide)
        self.sex, self.race, self.party = (_marks(getattr(offered, name)) for name in ("sex", "race", "party"))
        self.age = w.IntRangeSlider(
            value=(YOUNGEST, OLDEST),
            min=YOUNGEST,
            max=OLDEST,
            step=1,
            description="Age",
            continuous_update=False,
            **wide,
        )
        self.voted = {
            day: w.Dropdown(options=list(VOTED), description=day, tooltip=f"General election of {day}", **wide)
            for day in offered.elections
        }
        self.giving = w.Dropdown(options=list(GIVING), description="Giving", **wide)
        self.dollars = w.BoundedFloatText(
            value=0, min=0, max=1e9, step=25, description="At least $", tooltip=f"Quickest at {DOLLARS}", **wide
        )
        ways = [f"{answer} by {way}" for way in offered.channels for answer in ("never tried", "tried")]
        self.contact = w.Dropdown(options=[*CONTACT, *ways], description="Contact", **wide)
        self.scores = {
            name: w.SelectionRangeSlider(
                options=[(f"{edge:g}", edge) for edge in steps], index=(0, len(steps) - 1), description=name,
                continuous_update=False, **wide,
            )
            for name, steps in offered.scores.items()
        }  # fmt: skip
        self.also = w.Text(
            description="And also", tooltip="Any condition that mf.universe takes",
            placeholder="such as last_gift_days > 30", continuous_update=False, **wide,
        )  # fmt: skip
        self.reset = w.Button(description="Everyone again", tooltip="Clear all", layout=w.Layout(width="150px"))
        self.reset.on_click(lambda _: self.clear())
        self.states.observe(lambda _: self._offer_counties(), "value")
        for control in self._all():
            control.observe(lambda _: self._tell(), "value")
        self.box = self._laid_out(w)

    def _all(self) -> list[Any]:
        groups = [self.sex, self.race, self.party, self.voted, self.scores]
        single = [self.states, self.counties, self.age, self.giving, self.dollars, self.contact, self.also]
        return single + [control for group in groups for control in group.values()]

    def _laid_out(self, w: Any) -> Any:
        def heading(text: str) -> Any:
            return w.Label(text).add_class("ck-heading")

        def marks(group: dict[Any, Any]) -> Any:
            return w.HBox(list(group.values())).add_class("ck-marks")

        parts = [heading("Where and how old"), self.states, self.counties, self.age]
        for title, group in (("Sex", self.sex), ("Party", self.party), ("Race", self.race)):
            parts += [heading(title), marks(group)]
        parts += [heading("General elections"), *self.voted.values()] if self.voted else []
        parts += [heading("Gifts and contact"), self.giving, self.dollars, self.contact]
        parts += [heading("Scores"), *self.scores.values()] if self.scores else []
        return w.VBox([*parts, heading("Anything else"), self.also, self.reset]).add_class("ck-controls")

    def _tell(self) -> None:
        if not self._quiet:
            self._changed()

    def _offer_counties(self) -> None:
        """Offer the counties of the states chosen, keeping those that were."""
        kept = [county for county in self.counties.value if county[0] in self.states.value]
        several = len(self.states.value) > 1
        options = [
            (f"{county}, {state}" if several else county, (state, county))
            for state, county in self.offered.counties
            if state in self.states.value
        ]
        quiet, self._quiet = self._quiet, True
        self.counties.options = options
        self.counties.value = kept
        self.counties.disabled = not options
        self._quiet = quiet

    def clear(self) -> None:
        """Set every control back, and tell of it once."""
        self._quiet = True
        try:
            for control in (self.states, self.counties):
                control.value = ()
            for group in (self.sex, self.race, self.party):
                for control in group.values():
                    control.value = () if _is_list(group) else False
            for control in self.voted.values():
                control.value = ANYONE
            for control in self.scores.values():
                control.index = (0, len(control.options) - 1)
            self.age.value, self.dollars.value, self.also.value = (YOUNGEST, OLDEST), 0.0, ""
            self.giving.value = self.contact.value = ANYONE
        finally:
            self._quiet = False
        self._changed()

    def selection(self) -> Selection:
        """Return what the controls say."""
        return Selection(
            states=tuple(self.states.value),
            counties=tuple(self.counties.value),
            sex=_marked(self.sex), race=_marked(self.race), party=_marked(self.party),
            ages=tuple(self.age.value),
            voted=tuple((day, yes) for day, control in self.voted.items() if (yes := VOTED[control.value]) is not None),
            giving=self.giving.value,
            dollars=float(self.dollars.value),
            scores=self._scores(),
            contact=self.contact.value,
            also=self.also.value,
        )  # fmt: skip

    def _scores(self) -> tuple[tuple[str, float | None, float | None], ...]:
        bounds_by_score = []
        for name, control in self.scores.items():
            (low, high), steps = control.value, self.offered.scores[name]
            bounds = low if low > steps[0] else None, high if high < steps[-1] else None
            bounds_by_score += [(name, *bounds)] if bounds != (None, None) else []
        return tuple(bounds_by_score)


def _marks(values: tuple[str | None, ...]) -> dict[Any, Any]:
    """Return a box to tick for each value, or, of many, one list of them under None."""
    w = ipywidgets()
    if len(values) > MOST_BOXES:
        options = [(named(value), value) for value in values]
        return {None: w.SelectMultiple(options=options, rows=5, layout=w.Layout(width="310px"))}
    return {value: w.Checkbox(value=False, description=named(value), indent=False) for value in values}


def _marked(group: dict[Any, Any]) -> tuple[str | None, ...]:
    if _is_list(group):
        return tuple(group[None].value)
    return tuple(value for value, control in group.items() if control.value)


def _is_list(group: dict[Any, Any]) -> bool:
    return list(group) == [None] and hasattr(group[None], "rows")
