"""Pick an audience by hand, and see at once how many they are and who."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from campaignkit.widgets.audience_chart import CLICKS, AudienceChart
from campaignkit.widgets.controls import Controls
from campaignkit.widgets.cube import Cube, Tally
from campaignkit.widgets.selection import Selection
from campaignkit.widgets.shell import Shell, guarded, ipywidgets, live_chart, readout

if TYPE_CHECKING:
    import altair as alt

    from campaignkit.megafile import Megafile, Universe

ANSWERED = {
    "cube": "counted in the cube",
    "people": "counted person by person, in memory",
    "megafile": "counted in the megafile",
}


class UniverseBuilder(Shell):
    """Pick an audience with controls: a live count, who they are, and the SQL; `.universe` is what was built.

    Every control narrows the audience; one that is not touched leaves everybody in, those with an unknown value too. A
    click on a state or bar picks it as its control would, a second one lets it go; "Undo" takes the last step back.
    Counts are exact always: they come from a cube where what was picked lies at the edges of its bins, from every
    person's codes in memory for counties, single years, scores and dollars at their steps, and from the megafile for
    the rest.

    Parameters
    ----------
    megafile : Megafile
        Whose people. Making the cube takes about 1.5 s for a million people.
    progress : bool or None
        Whether to show the making of the cube. None: yes, unless in CI or CAMPAIGNKIT_PROGRESS=0.

    Attributes
    ----------
    controls : Controls
        The single controls, which can be set from code too.

    Examples
    --------
    >>> import campaignkit as ck
    >>> mf = ck.sample.megafile()
    >>> pick = ck.widgets.UniverseBuilder(mf)
    >>> pick.controls.states.value = ("OH",)
    >>> pick.controls.age.value = (40, 49)
    >>> pick.predicates
    ["state in ('OH')", 'age between 40 and 49']
    >>> pick.count == pick.universe.count() == mf.universe("age between 40 and 49", state="OH").count()
    True
    """

    def __init__(self, megafile: Megafile, *, progress: bool | None = None) -> None:
        w = ipywidgets()
        self.megafile = megafile
        self._cube = Cube(megafile, progress)
        everyone = self._cube.tally(Selection())
        self._audience = AudienceChart(everyone, clickable=True)
        self._clicks: dict[str, frozenset[int]] = {}
        self._tally = everyone
        self.readout = readout()
        self._query = readout(title="As SQL")
        self.chart = live_chart(self._audience.chart(everyone))
        self.controls = Controls(self._cube.offered, self._recount)
        shown = w.VBox([self.readout, self.chart, self._query]).add_class("ck-shown")
        self.box = w.HBox([self.controls.box, shown]).add_class("ck-widget")
        self.chart.selections.observe(self._clicked, list(CLICKS))
        self._recount()

    @guarded
    def _clicked(self, change: Any) -> None:
        """Pick what was clicked in the map or among the bars, or let it go: what the selection has more or less."""
        rows = change["new"].value or []
        places = frozenset(int(row["at"]) for row in rows if row.get("at") is not None)
        before, self._clicks[change["name"]] = self._clicks.get(change["name"], frozenset()), places
        for group, value in self._audience.clicked(sorted(places ^ before)):
            self.controls.toggle(group, value)

    @guarded
    def _recount(self) -> None:
        tally = self._cube.tally(self.controls.selection())
        query = self.universe.sql
        self._tally = tally
        share = tally.people / self._audience.everyone.people if self._audience.everyone.people else 0.0
        self.readout.headline = f"{tally.people:,} people"
        self.readout.detail = (
            f"{share:.1%} of the file's {self._audience.everyone.people:,} · {ANSWERED[tally.answered_by]} in "
            f"{tally.seconds * 1000:,.0f} ms · ticks mark the whole file{self._beyond(tally)}{self._cautions(tally)}"
        )
        self._query.sql = query
        self.chart.params.tally = self._audience.numbers(tally)

    def _cautions(self, tally: Tally) -> str:
        nobody = " · nobody fits all of what is picked: Undo takes the last step back" if not tally.people else ""
        stale = " · a newer megafile lies at its path: .reopen() it and make this anew" if self.megafile.stale else ""
        return nobody + stale

    def _beyond(self, tally: Tally) -> str:
        beyond = self._audience.unmapped(tally)
        return f" · {beyond:,} not on the map: no state known" if beyond else ""

    @property
    def predicates(self) -> list[str]:
        """What was picked, as `Megafile.universe` takes it.

        Examples
        --------
        >>> import campaignkit as ck
        >>> pick = ck.widgets.UniverseBuilder(ck.sample.megafile(), progress=False)
        >>> pick.controls.states.value = ("OH",)
        >>> pick.predicates
        ["state in ('OH')"]
        """
        return self.controls.selection().predicates()

    @property
    def universe(self) -> Universe:
        """The people who were picked.

        Raises
        ------
        ColumnNotFound, BadValue
            If "And also" holds what is no condition, as the screen says too.

        Examples
        --------
        >>> import campaignkit as ck
        >>> pick = ck.widgets.UniverseBuilder(ck.sample.megafile(), progress=False)
        >>> pick.controls.states.value = ("OH",)
        >>> pick.universe.by("state").table["state"].to_list()
        ['OH']
        """
        return self.megafile.universe(*self.predicates)

    @property
    def count(self) -> int:
        """How many they are, as shown; after an error, the last count that worked.

        Examples
        --------
        >>> import campaignkit as ck
        >>> pick = ck.widgets.UniverseBuilder(ck.sample.megafile(), progress=False)
        >>> pick.controls.states.value = ("OH",)
        >>> pick.readout.headline == f"{pick.count:,} people"
        True
        """
        return self._tally.people

    def still(self) -> alt.TopLevelMixin:
        """Return the map and the breakdowns as they stand, as a chart that needs no kernel.

        Examples
        --------
        >>> import campaignkit as ck
        >>> pick = ck.widgets.UniverseBuilder(ck.sample.megafile(), progress=False)
        >>> pick.controls.states.value = ("OH",)
        >>> f"{pick.count:,} people, {pick.count:,} of them in OH" in pick.still().description
        True
        """
        return self._audience.chart(self._tally)
