"""Ready specifications of scores: who, what is predicted, from which facts, and as of when, so that nothing leaks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from campaignkit.checks import check_scalar
from campaignkit.errors import BadValue
from campaignkit.restrictions import remember
from campaignkit.sql import quote_identifier
from campaignkit.voters.score import Score, fit_score

__all__ = ["RECIPES", "Recipe", "comes_back", "gives_by_mail", "gives_online", "volunteers"]

ID = "person_id"
BASICS = {"age_band": "age_band", "sex": "sex", "race": "race", "state": "state", "party": "party"}
VOTED = {"votes_general": "votes('general')", "votes_primary": "votes('primary')"}
CONSUMER = {
    name: name for name in ("income_band", "education", "homeowner", "married", "children", "urbanicity", "interest")
}
GAVE = {"gifts_online": "gift_count('online')", "gave_mail": "gave('mail')", "gift_days": "last_gift_days"}
HELPED = {"volunteered": "volunteered()", "texts": "texts_allowed()"}


@dataclass(frozen=True)
class Recipe:
    """What a score predicts, for which people, on which facts.

    A score is fitted on the facts as of `days` before a date and on what happened between: whatever the features say
    was known before the outcome began. It is then used on the facts as of that date.

    Attributes
    ----------
    name : str
        The score's name.
    purpose : str
        As for `fit_score`.
    predicts : str
        In words.
    who : tuple of str
        Predicates of a universe as of the earlier date.
    outcome : str
        A fact as of the later date. ``{days}`` stands for the window.
    days : int
        From the earlier date to the later.
    blocks : mapping of str to mapping of str to str
        Block → column → fact, as of the earlier date.

    Examples
    --------
    >>> gives_online.outcome.format(days=gives_online.days), gives_online.purpose
    ("gave('online', '90d')", 'fundraise')
    """

    name: str
    purpose: str
    predicts: str
    who: tuple[str, ...]
    outcome: str
    days: int
    blocks: Mapping[str, Mapping[str, str]]

    @property
    def features(self) -> dict[str, list[str]]:
        """Block → columns, as `fit_score` takes them.

        Examples
        --------
        >>> gives_online.features["giving"]
        ['gifts_online', 'gave_mail', 'gift_days']
        """
        return {block: list(columns) for block, columns in self.blocks.items()}

    @property
    def facts(self) -> dict[str, str]:
        """Column → fact.

        Examples
        --------
        >>> gives_online.facts["gave_mail"]
        "gave('mail')"
        """
        return {column: fact for columns in self.blocks.values() for column, fact in columns.items()}

    def over(self, days: int) -> Recipe:
        """Return the same over another number of days.

        Examples
        --------
        >>> volunteers.over(30).days, volunteers.days
        (30, 90)
        """
        check_scalar(days, "days", typ=int, ge=1)
        return replace(self, days=days)

    def dates(self, mf: Any, as_of: dt.date | str | None = None) -> tuple[dt.date, dt.date]:
        """Return the date of the features that fit, and the date to which the outcome is known (None: the latest).

        Examples
        --------
        >>> import campaignkit as ck
        >>> [str(day) for day in volunteers.dates(ck.sample.megafile())]
        ['2012-07-03', '2012-10-01']
        """
        later = mf.universe(as_of=as_of).as_of
        return later - dt.timedelta(days=self.days), later

    def known(self, mf: Any, as_of: dt.date | str | None = None) -> Any:
        """Return the table to fit on.

        Parameters
        ----------
        mf : Megafile
        as_of : date, str or None
            The date to which the outcome is known. None: the megafile's own.

        Returns
        -------
        DuckDB relation
            ``person_id``, ``household_id``, the features as of `days` before, and ``outcome``.

        Raises
        ------
        BadValue
            The megafile knows nothing after the given date, or nobody has the outcome's fact.

        Examples
        --------
        >>> import campaignkit as ck
        >>> volunteers.known(ck.sample.megafile()).columns[-1]
        'outcome'
        """
        earlier, later = self.dates(mf, as_of)
        then, now = mf.universe(*self.who, as_of=earlier), mf.universe(as_of=later)
        facts = {column: then.translated(fact) for column, fact in self.facts.items()}
        facts["outcome"] = now.translated(self.outcome.format(days=self.days))
        chosen = ", ".join(f"{fact.sql} AS {quote_identifier(column)}" for column, fact in facts.items())
        known = mf.relation(f"SELECT p.{ID}, p.household_id, {chosen} FROM person p WHERE {then.where}")
        return remember(known, then.restricted.union(*(fact.restricted for fact in facts.values())))

    def current(self, mf: Any, as_of: dt.date | str | None = None) -> Any:
        """Return who to score: the same people and facts, all as of the later date.

        Examples
        --------
        >>> import campaignkit as ck
        >>> "outcome" in volunteers.current(ck.sample.megafile()).columns
        False
        """
        return mf.universe(*self.who, as_of=as_of).features(self.facts)

    def fit(self, mf: Any, as_of: dt.date | str | None = None, **options: Any) -> Score:
        """Fit the score.

        Parameters
        ----------
        mf, as_of
            As for `known`.
        **options
            As for `fit_score`: ridge, model, holdout, confidence_level, seed, interactions.

        Returns
        -------
        Score
            Write it with ``score.write_scores(mf, recipe.current(mf))``.

        Examples
        --------
        >>> import dataclasses
        >>> import campaignkit as ck
        >>> plain = dataclasses.replace(volunteers, blocks={"helping": {"volunteered": "volunteered()"}})
        >>> score = plain.fit(ck.sample.megafile())
        >>> score.name, score.auc > 0.5
        ('volunteers', True)
        """
        if taken := {"name", "purpose", "unit", "cluster", "weight"} & options.keys():
            raise BadValue(f"A recipe has its own {sorted(taken)[0]}; call fit_score(recipe.known(mf), …) to choose.")
        return fit_score(
            self.known(mf, as_of), "outcome", self.features, name=self.name, purpose=self.purpose, unit=ID,
            cluster="household_id", **options,
        )  # fmt: skip


gives_online = Recipe(
    "gives_online", "fundraise", "a supporter gives online within 90 days", ("in_source('supporter')",),
    "gave('online', '{days}d')", 90, {"basics": BASICS, "giving": GAVE, "helping": HELPED, "consumer": CONSUMER},
)  # fmt: skip
gives_by_mail = Recipe(
    "gives_by_mail", "fundraise", "a supporter gives by mail within 180 days", ("in_source('supporter')",),
    "gave('mail', '{days}d')", 180, {"basics": BASICS, "giving": GAVE, "helping": HELPED, "consumer": CONSUMER},
)  # fmt: skip
volunteers = Recipe(
    "volunteers", "volunteer", "a supporter does a shift within 90 days", ("in_source('supporter')",),
    "volunteered('{days}d')", 90,
    {"basics": BASICS, "voting": VOTED, "giving": GAVE, "helping": HELPED, "consumer": CONSUMER},
)  # fmt: skip
comes_back = Recipe(
    "comes_back", "volunteer", "who is off the e-mail list joins it again within 180 days",
    ("in_source('unsubscriber')", "suppressed('email')", "not enrolled('email_list')"), "enrolled('email_list')", 180,
    {"basics": BASICS, "giving": GAVE, "helping": HELPED, "consumer": CONSUMER},
)  # fmt: skip

RECIPES = {recipe.name: recipe for recipe in (gives_online, gives_by_mail, volunteers, comes_back)}
