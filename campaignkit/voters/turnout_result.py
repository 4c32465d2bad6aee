"""A score of who will vote: how it was tested, and what moves with the level of turnout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from campaignkit import wording
from campaignkit.errors import BadValue
from campaignkit.voters.model.shifted_model import COUNTS
from campaignkit.voters.score_result import Score
from campaignkit.voters.screens import Screens, screens

if TYPE_CHECKING:
    import altair as alt

PLACE = ("state", "county")
DAYS = ("fit_on", "election", "test_on")
TESTS = ("tested", "tested_to_totals")


@dataclass(frozen=True, eq=False, repr=False)
class Turnout(Score):
    """A score of who will vote.

    It is a `Score` of the election it was fitted on, and more:

    Attributes
    ----------
    fit_on, election : date
        The election it was fitted on, and the one it is for.
    test_on : date or None
        The election it was tested on, later than `fit_on`.
    tested : Score or None
        The same score judged by everybody on the rolls at `test_on`, as it is.
    tested_to_totals : Score or None
        The same, moved to that election's county totals: how good the ranking and the shape are once the level is
        known.
    counties : polars.DataFrame or None
        How the score was moved to the totals of `election`: as `shift_to` says; None: it was not.
    """

    fit_on: date = date.min
    election: date = date.min
    test_on: date | None = None
    tested: Score | None = None
    tested_to_totals: Score | None = None
    counties: pl.DataFrame | None = None
    _now: Any = None

    def summary(self) -> str:
        """Say how well the next election was foretold, and what moves with its level."""
        if self.tested is None:
            start = f"Fitted on {self.fit_on:%Y-%m-%d}, for {self.election:%Y-%m-%d}; not tested on a later election."
            return f"{start} {super().summary()}"
        q = self.tested.quality
        tested = (
            f"Fitted on {self.fit_on:%Y-%m-%d} and tested on the {q.rows:,} people on the rolls on "
            f"{self.test_on:%Y-%m-%d}: it ranks a voter above a non-voter in {q.auc:.1%} of pairs (AUC) and is off by "
            f"{wording.points(q.ece)} points on average"
        )
        if self.tested_to_totals is not None:
            tested += (
                f", {wording.points(self.tested_to_totals.quality.ece)} after it is moved to that day's county totals"
            )
        return f"{tested}. {self._level()} It says who tends to vote, not who a call would bring out."

    def _level(self) -> str:
        if self.counties is None:
            return (
                f"For {self.election:%Y-%m-%d} its level is that of {self.fit_on:%Y-%m-%d}, because no totals were "
                "given."
            )
        moved = self.counties.filter(pl.col("left_as_it_is").is_null())
        return (
            f"For {self.election:%Y-%m-%d}, {moved.height} of {self.counties.height} counties were moved to their "
            f"totals, {moved['total'].sum():,.0f} votes."
        )

    def chart(self) -> alt.TopLevelMixin:
        """Draw the calibration at the test, or in the fit where there was none."""
        tested = self.tested_to_totals or self.tested
        return super().chart() if tested is None else tested.chart()

    def write_scores(
        self, mf: Any, data: Any = None, *, unit: str | None = None, restricted: Iterable[str] | None = None
    ) -> int:
        """Write everybody's chance to vote at the election to come; see `Score.write_scores`.

        Where `data` is None, it is everybody on the rolls.

        Examples
        --------
        >>> import shutil
        >>> import tempfile
        >>> import campaignkit as ck
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with ck.Megafile.open(shutil.copy(ck.sample.megafile().path, folder)) as mf:
        ...         voters = mf.universe("voter", "state == 'NC'")
        ...         turnout = ck.voters.fit_turnout(voters, election="2012-11-06", fit_on="2008-11-04", features=())
        ...         turnout.write_scores(mf) == mf.universe("score('turnout') > 0").count()
        True
        """
        return super().write_scores(mf, self._now if data is None else data, unit=unit, restricted=restricted)

    def _to_dict(self) -> dict[str, Any]:
        days = {name: day and day.isoformat() for name in DAYS for day in [getattr(self, name)]}
        tests = {name: score and score._to_dict() for name in TESTS for score in [getattr(self, name)]}
        return (
            super()._to_dict()
            | days
            | tests
            | {"counties": None if self.counties is None else self.counties.to_dicts()}
        )

    @classmethod
    def _fields(cls, saved: dict[str, Any]) -> dict[str, Any]:
        fields = super()._fields(saved)
        fields |= {name: saved[name] and date.fromisoformat(saved[name]) for name in DAYS}
        fields |= {name: saved[name] and Score(**Score._fields(saved[name])) for name in TESTS}
        rows = saved["counties"]
        schema = dict.fromkeys(PLACE, pl.String) | COUNTS
        return fields | {"counties": None if rows is None else pl.DataFrame(rows, schema=schema)}

    def screens(self, by: str = "age_band") -> Screens:
        """Compare likely-voter screens with weighting everybody by their chance, at the test election.

        Parameters
        ----------
        by : str
            A column of the test's table, or "age_band", in whose shares an electorate is judged.

        Examples
        --------
        >>> import campaignkit as ck
        >>> voters = ck.sample.megafile().universe("voter", "state == 'NC'")
        >>> turnout = ck.voters.fit_turnout(
        ...     voters, election="2012-11-06", fit_on="2008-11-04", test_on="2010-11-02", features=()
        ... )
        >>> turnout.screens().table["screen"][0]
        'all on the rolls'
        """
        tested = self.tested_to_totals or self.tested
        if tested is None:
            raise BadValue("Screens are judged at a later election: fit_turnout(..., test_on=...).")
        return screens(tested, by)
