"""Which friends the app's users could ask: their lists linked to the people on file, without those who said no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from campaignkit import charts
from campaignkit.checks import PURPOSES, check_scalar, refuse_panel_reports, refuse_soliciting
from campaignkit.errors import BadValue
from campaignkit.megafile.connection import Connection
from campaignkit.megafile.linkage.link_sources import THRESHOLD
from campaignkit.megafile.suppression.rules import MEANS, is_closed
from campaignkit.megafile.universe import Universe
from campaignkit.megafile.universes import make_universe
from campaignkit.restrictions import remember
from campaignkit.result import Result
from campaignkit.sql import quote_identifier
from campaignkit.wording import counted, share

if TYPE_CHECKING:
    import altair as alt

#: By which a sharer can be sent their asks.
CHANNELS = ("email", "text", "phone")

_HAS_THE_APP = """p.person_id IN (SELECT s.person_id FROM source_record s
    SEMI JOIN social_tie t ON t.supporter_id = s.record_key WHERE s.source = 'supporter')"""

#: Why a tie is left out, in the order in which it is looked at, and SQL that says so.
_STEPS = (
    ("the sharer is nobody on file", "s.person_id IS NULL"),
    ("the friend may be one of several people", "f.matched_by IS NULL AND c.record_id IS NOT NULL"),
    ("the friend was not found on file", "f.matched_by IS NULL"),
    ("the link is too unlikely", "coalesce(f.match_probability, 1) < $min_probability"),
    ("tied to themselves", "f.person_id = s.person_id"),
    ("the friend is not in the universe", "e.person_id IS NULL"),
    ("the friend is suppressed", "f.person_id IN (FROM closed)"),
    ("the sharer may not be reached", "r.person_id IS NULL"),
)
_AMBIGUOUS = _STEPS[1][0]


@dataclass(frozen=True, eq=False, repr=False)
class Ties(Result):
    """Who of the app's users could ask which of their friends.

    `table` has one row per sharer and friend, as `outreach.friend_asks` takes it:

    - ``sharer``, ``friend``: their person_ids; ``sharer_key``, ``friend_key``: what the app calls them;
    - ``sharer_first_name``, and ``sharer_email`` or ``sharer_phone``, by the channel: where their asks are sent;
    - ``friend_first_name``, ``friend_last_name``, ``friend_city``: as the friend list has them, for the script;
    - ``tied_on``; ``strength``: of the tie, from 0 to 1, as the app scores it; null where it gives none;
      ``matched_by``: the deterministic rule that linked the friend, or "model"; ``match_probability``: the
      model's, and 1 for a rule.

    Attributes
    ----------
    funnel : polars.DataFrame
        ``step``, ``removed`` and ``left``, one row per reason to leave ties out, from all ties to those of the table.
    channel, purpose : str
    friends : str
        Who may be asked about, in words.

    Examples
    --------
    >>> import campaignkit as ck
    >>> ties = ck.sample.megafile().ties(channel="text")
    >>> ties.table["match_probability"].min() >= 0.8, ties.friends
    (True, 'voter')
    """

    leaves_by: ClassVar[str] = "choose who is asked with outreach.friend_asks, and write that with .write(path)"

    funnel: pl.DataFrame
    channel: str
    purpose: str
    friends: str

    @property
    def expected_wrong(self) -> float:
        """The share of the ties that the model expects to reach someone other than the friend.

        Examples
        --------
        >>> import campaignkit as ck
        >>> ties = ck.sample.megafile().ties()
        >>> 0 < ties.expected_wrong < 0.01
        True
        """
        return float(1 - self.table["match_probability"].mean()) if self.table.height else 0.0  # ty: ignore

    def summary(self) -> str:
        """Say how many ties are left of how many, how sure they are, and how many are ambiguous."""
        removed = dict(self.funnel.select("step", "removed").iter_rows())
        people = self.table.select(pl.col("sharer", "friend").n_unique()).row(0)
        text = (
            f"{self.table.height:,} of {counted(self.funnel['left'][0], 'tie')} can be asked along: "
            f"{counted(people[0], 'sharer')} and {counted(people[1], 'friend')} ({self.friends})."
        )
        if self.table.height:
            text += f" The model expects {share(self.expected_wrong)} of them to reach someone other than the friend."
            text += self._without_strength()
        if removed[_AMBIGUOUS]:
            text += f" {counted(removed[_AMBIGUOUS], 'tie')} to friends who may be one of several people are left out."
        return text

    def _without_strength(self) -> str:
        missing = self.table["strength"].null_count()
        if missing in (0, self.table.height):
            return " The friend lists give no strength of ties." if missing else ""
        return f" {counted(missing, 'tie')} {'has' if missing == 1 else 'have'} no strength: the app gives none."

    def chart(self) -> alt.TopLevelMixin:
        """Draw how many ties are left after each step."""
        funnel = self.funnel.rename({"left": "ties left"})
        title = "Ties left after each step"
        return charts.bars(funnel, "step", "ties left", description=self.summary(), title=title)


class SocialTies(Connection):
    """What a `Megafile` knows of who is whose friend."""

    def ties(
        self,
        friends: Universe | None = None,
        *,
        channel: str = "email",
        purpose: str = "turnout",
        min_probability: float = THRESHOLD,
    ) -> Ties:
        """Return who of the app's users could ask which of their friends.

        The friends of the app's lists were linked when the megafile was built, by name, birth date and city, as
        everybody is. Left out, and counted: friends who may be one of several people on file, who were not found, and
        who may not be asked about.

        Parameters
        ----------
        friends : Universe or None
            Who may be asked about, such as ``mf.universe("voter and not voted_early")``. None: everybody on a voter
            file.
        channel : {"email", "text", "phone"}
            How sharers are sent their asks. Who may not be reached by it is no sharer (`Universe.call_list`).
        purpose : str
            What for: turnout, persuade, volunteer or fundraise.
        min_probability : float
            The least probability of a friend's link, from .8, below which the megafile links nobody. A link by a
            deterministic rule counts as 1.

        Returns
        -------
        Ties

        Raises
        ------
        SourceRestricted
            If `friends` may not serve the purpose.
        BadValue
            If an argument is not as said above, or `friends` is of another megafile.

        Notes
        -----
        A friend is left out who is suppressed on any channel, by their own word or because their number or address is
        closed: a friend's word in the campaign's name is a way around what somebody told the campaign. It is as of now,
        whatever the universe's date; make ties anew on the day.

        Where a share w of the links is wrong, somebody else's vote stands for the friend's in w of the outcomes, and no
        ask was about them: an effect measured through these ties comes out as (1 − w) of what it is, and takes
        1 / (1 − w)² as many friends to show. Links that were missed cost asks, and no bias.

        Examples
        --------
        >>> import campaignkit as ck
        >>> mf = ck.sample.megafile()
        >>> ties = mf.ties(mf.universe("voter", state="OH"))
        >>> ties.table.columns[:2], ties.funnel["left"][-1] == ties.table.height
        (['sharer', 'friend'], True)
        """
        check_scalar(channel, "channel", choices=CHANNELS)
        check_scalar(purpose, "purpose", choices=list(PURPOSES))
        check_scalar(min_probability, "min_probability", typ=float, ge=THRESHOLD, le=1)
        friends = make_universe(self, ("voter",), None, {}) if friends is None else friends
        _check_friends(self, friends, purpose)
        sharers = Universe(self, friends.as_of, _HAS_THE_APP, "has the app")
        reachable = sharers.call_list(channel, purpose, per_household=None, per_phone=None, cooldown_days=None).table
        means = MEANS[channel]
        contact = reachable.select("person_id", "first_name", pl.col(means).alias("contact"))
        with self.cursor() as cursor:
            cursor.register("reachable", contact)
            rows = cursor.sql(_query(friends.where, means), params={"min_probability": float(min_probability)}).pl()
            cursor.unregister("reachable")
        table = rows.filter(step=len(_STEPS)).drop("step")
        return Ties(
            remember(table, friends.restricted), _funnel(rows["step"]), channel, purpose, friends.description
        )  # fmt: skip


def _check_friends(megafile: Connection, friends: Universe, purpose: str) -> None:
    if not isinstance(friends, Universe):
        raise BadValue(f"friends is {friends!r}; a universe was expected, such as mf.universe('voter').")
    if friends.megafile is not megafile:
        raise BadValue("friends is a universe of another megafile; make it of this one.")
    friends.matched()
    refuse_soliciting(purpose, friends.restricted, "Ask along ties without it.")
    refuse_panel_reports(purpose, friends.restricted)


def _query(friends: str, means: str) -> str:
    """Return SQL with one row per tie, and the step at which it is left out."""
    closed = " OR ".join(is_closed(channel) for channel in MEANS)
    falls = " ".join(f"WHEN {condition} THEN {step}" for step, (_, condition) in enumerate(_STEPS))
    return f"""
        WITH eligible AS (SELECT p.person_id FROM person p WHERE {friends}),
        closed AS (SELECT p.person_id FROM person p WHERE p.confidential OR {closed}),
        candidate AS (SELECT DISTINCT record_id FROM candidate_pair)
        SELECT s.person_id AS sharer, f.person_id AS friend, t.supporter_id AS sharer_key, f.record_key AS friend_key,
               r.first_name AS sharer_first_name, r.contact AS {quote_identifier(f"sharer_{means}")},
               f.first_name AS friend_first_name, f.last_name AS friend_last_name, f.city AS friend_city, t.tied_on,
               t.strength, f.matched_by, coalesce(f.match_probability, 1.0) AS match_probability,
               CASE {falls} ELSE {len(_STEPS)} END AS step
        FROM social_tie t JOIN record k USING (record_id)
        LEFT JOIN source_record f ON f.source = k.person_source AND f.record_key = k.person_key
        LEFT JOIN source_record s ON s.source = 'supporter' AND s.record_key = t.supporter_id
        LEFT JOIN candidate c ON c.record_id = f.record_id
        LEFT JOIN eligible e ON e.person_id = f.person_id
        LEFT JOIN reachable r ON r.person_id = s.person_id
        ORDER BY sharer, friend, friend_key"""


def _funnel(steps: pl.Series) -> pl.DataFrame:
    counts = dict(steps.value_counts().iter_rows())
    removed = [0, *(counts.get(step, 0) for step in range(len(_STEPS)))]
    table = pl.DataFrame({"step": ["ties in the friend lists", *(name for name, _ in _STEPS)], "removed": removed})
    return table.with_columns(left=steps.len() - pl.col("removed").cum_sum())
