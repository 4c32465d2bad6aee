"""A score and a ranking that are fitted already, to try their methods on."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from campaignkit.sample.world import draw

if TYPE_CHECKING:
    from campaignkit.voters import Persuasion, Score


@cache
def score() -> Score:
    """Return a score of who enters host_a's contest, fitted on 4,000 people of the sample campaign.

    Examples
    --------
    >>> import campaignkit as ck
    >>> ck.sample.score().name
    'enters'
    """
    from campaignkit.voters import fit_score  # heavy beside the rest of the room

    people = draw("contest", 4_000, seed=1, host="host_a", appeal=4.0).table
    features = {"basics": ["sex", "age_band"], "consumer": ["homeowner"]}
    return fit_score(people, "entered", features, name="enters", purpose="volunteer", unit="person")


@cache
def persuasion() -> Persuasion:
    """Return a ranking by what a call about health does, fitted on 100,000 people of the sample campaign.

    Examples
    --------
    >>> import campaignkit as ck
    >>> ck.sample.persuasion().name
    'persuasion'
    """
    from campaignkit.voters import Bands, fit_persuasion

    calls = draw("scripts", 100_000, seed=0).table
    return fit_persuasion(
        calls, "arm", "supports_after", ["sex", Bands("age", [35, 65]), "state"],
        control="control", treatment="health", unit="person", interactions=[("sex", "age")],
    )  # fmt: skip
