"""The universe builder's controls, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from campaignkit.errors import BadValue
from campaignkit.vocabulary import AGE_BANDS, AGE_LABELS
from campaignkit.widgets import atlas
from campaignkit.widgets.choices import DOLLARS, OLDEST, YOUNGEST, Choices, named
from campaignkit.widgets.selection import CONTACT, GIVING, Selection
from campaignkit.widgets.shell import ipywidgets

MOST_BOXES = 8  # values shown as boxes to tick; more become a list
ANYONE = "anyone"
MOST_STEPS = 100  # that can be taken back
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
    states, counties, age, giving, dollars, contact, also, undo, reset : ipywidgets
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
        self.reset = _button("Everyone again", "Clear all", self.clear)
        self.undo = _button("Undo", "Take the last step back", self.take_back, disabled=True)
        self._past: list[list[Any]] = []
        self.states.observe(lambda _: self._offer_counties(), "value")
        for control in self._all():
            control.observe(lambda _: self._tell(), "value")
        self._now = self._values()
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
        return w.VBox([*parts, heading("Anything else"), self.also, w.HBox([self.undo, self.reset])]).add_class(
            "ck-controls"
        )

    def _tell(self) -> None:
        """Tell of a change, and remember what stood before it."""
        if self._quiet:
            return
        values = self._values()
        if values != self._now:
            self._past, self._now = [*self._past, self._now][-MOST_STEPS:], values
            self.undo.disabled = False
        self._changed()

    def _values(self) -> list[Any]:
        return [control.value for control in self._all()]

    def take_back(self) -> None:
        """Set every control to what it was before the last change, and tell of it once."""
        if not self._past:
            return
        self._quiet = True
        try:
            self._now = self._past.pop()
            for control, value in zip(self._all(), self._now, strict=True):  # states stand before their counties
                control.value = value
        finally:
            self._quiet = False
        self.undo.disabled = not self._past
        self._changed()

    def toggle(self, group: str, value: str | None) -> None:
        """Pick a value of a state, sex, party, race or age band, or, where it is picked, let it go.

        Raises
        ------
        BadValue
            The controls do not have it.
        """
        if group == "age_band":
            bounds = _ages_of(value)
            self.age.value = (YOUNGEST, OLDEST) if tuple(self.age.value) == bounds else bounds
            return
        control = self.states if group == "state" else getattr(self, group)
        if isinstance(control, dict) and not _is_list(control):
            if value not in control:
                raise BadValue(f"Nobody in the file has the {group} {named(value)!r}.")
            control[value].value = not control[value].value
            return
        among = control[None] if isinstance(control, dict) else control
        picked = list(among.value)
        if value not in [option for _, option in among.options]:
            raise BadValue(f"Nobody in the file has the {group} {named(value)!r}.")
        among.value = tuple(one for one in picked if one != value) if value in picked else (*picked, value)

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
        self._tell()

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


def _ages_of(band: str | None) -> tuple[int, int]:
    """Return the slider's ends for an age band.

    Examples
    --------
    >>> _ages_of("40–49"), _ages_of("70+"), _ages_of("under 18")
    ((40, 49), (70, 100), (15, 17))
    """
    starts = [YOUNGEST, *(end for end, _ in AGE_BANDS)]
    ends = [*(end - 1 for end, _ in AGE_BANDS), OLDEST]
    if band not in AGE_LABELS:
        raise BadValue('People of unknown age are picked by "And also": age IS NULL.')
    place = AGE_LABELS.index(band)
    return starts[place], ends[place]


def _button(text: str, tooltip: str, pressed: Callable[[], None], *, disabled: bool = False) -> Any:
    w = ipywidgets()
    button = w.Button(description=text, tooltip=tooltip, disabled=disabled, layout=w.Layout(width="150px"))
    button.on_click(lambda _: pressed())
    return button


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
