"""From scored pairs to links: who a record is, where one person can have one record, and where many."""

from __future__ import annotations

import polars as pl

_MOST_ROUNDS = 8
_MOST_TAKEN = 0.9  # of people who have a record in a source, however many seem to
_NOT_TAKEN = 100  # people who are taken to have none beforehand: of a few nothing is learned


def share_standing(
    candidates: pl.DataFrame, records: int, one_per_person: bool, of: tuple[int, int] | None = None
) -> float:
    """Return the share of a source's records whose person is among existing people, by EM.

    Where a person has one record only, who is nobody's candidate but one's is likelier to be that one: his own record
    would have shown. The odds are then divided by the share of people without a record too, and what comes back is
    the share that has such odds.

    Parameters
    ----------
    candidates : DataFrame
        record_id, person_id, odds (as if half of the records had their person); each pair once.
    records : int
        How many records look for their person; those without a candidate too.
    one_per_person : bool
        Whether the source has each person once.
    of : (int, int) or None
        How many records the source has still to link, and how many people there are for them. None: too many people
        for it to matter.

    Examples
    --------
    >>> pairs = pl.DataFrame({"record_id": [1, 2], "person_id": [7, 9], "odds": [900.0, 900.0]})
    >>> round(share_standing(pairs, 4, True), 2)
    0.5
    """
    share = with_odds = 0.5
    for _ in range(_MOST_ROUNDS):
        expected_matches = float(_among_rivals(candidates, with_odds, one_per_person)["match_probability"].sum())
        share = (expected_matches + 1) / (records + 2)
        taken = min(share * of[0] / (of[1] + _NOT_TAKEN), _MOST_TAKEN) if of and one_per_person else 0.0
        with_odds = share / (share + (1 - share) * (1 - taken))
    return with_odds


def choose(candidates: pl.DataFrame, share: float, threshold: float, one_per_person: bool) -> pl.DataFrame:
    """Return the candidates who are likely enough beside their rivals.

    A record is one of its candidates or none of them: the odds of each are held against the odds of all (and, where a
    person has one record only, against those of the person's other records). Two who fit alike get at most one half
    each, so a tie is no link. Whoever is linked is out of the running for the rest, who are looked at again.

    Parameters
    ----------
    candidates : DataFrame
        record_id, person_id, odds (as if half of the records had their person); each pair once.
    share : float
        The share of the records that have their person among existing people.
    threshold : float
        The least probability of a link, at least one half.
    one_per_person : bool
        Whether the records are of a source that has each person once.

    Returns
    -------
    DataFrame
        record_id, person_id, match_probability, each record once.

    Examples
    --------
    >>> pairs = pl.DataFrame({"record_id": [1, 1, 2], "person_id": [7, 8, 9], "odds": [90.0, 90.0, 90.0]})
    >>> choose(pairs, 0.5, 0.8, True).select("record_id", "person_id").rows()
    [(2, 9)]
    """
    chosen = []
    for _ in range(_MOST_ROUNDS):
        likeliest = _among_rivals(candidates, share, one_per_person)
        likeliest = likeliest.filter(pl.col("match_probability") >= threshold)
        chosen.append(likeliest)
        candidates = candidates.join(likeliest, on="record_id", how="anti")
        if likeliest.is_empty() or not one_per_person:
            break
        candidates = candidates.join(likeliest, on="person_id", how="anti")
    return pl.concat(chosen).select("record_id", "person_id", "match_probability").sort("record_id")


def _among_rivals(candidates: pl.DataFrame, share: float, one_per_person: bool) -> pl.DataFrame:
    odds = pl.col("odds") * (share / (1 - share))
    rivals = odds.sum().over("record_id")
    if one_per_person:
        rivals = rivals + odds.sum().over("person_id") - odds
    return candidates.with_columns(match_probability=(odds / (1 + rivals)).round(6))


def partners(pairs: pl.DataFrame, records: int) -> float:
    """Return how many partners a record has in its own source on average, by EM over the odds of pairs a, b."""
    average = 1.0
    for _ in range(_MOST_ROUNDS):
        odds = pairs["odds"] * average
        average = float((2 * (odds / (1 + odds)).sum() + 1) / (records + 1))
    return average


def likely(pairs: pl.DataFrame, average: float, threshold: float) -> pl.DataFrame:
    """Return the pairs within a source that are likely enough to be one person, the likeliest first.

    A record may have any number of partners; `average` is how many it has on average.

    Examples
    --------
    >>> likely(pl.DataFrame({"a": [1, 1], "b": [2, 3], "odds": [90.0, 0.1]}), 0.6, 0.8).select("a", "b").rows()
    [(1, 2)]
    """
    odds = pl.col("odds") * average
    scored = pairs.with_columns(match_probability=(odds / (1 + odds)).round(6))
    scored = scored.filter(pl.col("match_probability") >= threshold)
    return scored.sort("match_probability", "a", "b", descending=[True, False, False])


def within_source(roots: pl.DataFrame, why: pl.DataFrame, linked: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Settle a source that may have many records of a person.

    Parameters
    ----------
    roots : DataFrame
        record_id, root of its records that are held to be one person with another, see `components`.
    why : DataFrame
        record_id, matched_by, match_probability of these.
    linked : DataFrame
        record_id, person_id of its records that are linked to people who existed before.

    Returns
    -------
    links : DataFrame
        record_id, person_id, matched_by, match_probability of records that follow a linked one. Where records that
        hang together are linked to two people, the rest follow neither.
    groups : DataFrame
        record_id, root, matched_by, match_probability of the others that hang together: new people.
    """
    roots = roots.join(linked, on="record_id", how="left")
    people = pl.col("person_id").drop_nulls()
    roots = roots.with_columns(
        people=people.n_unique().over("root"), the_one=pl.col("person_id").max().over("root")
    ).filter(pl.col("person_id").is_null())
    follow = roots.filter(pl.col("people") == 1).join(why, on="record_id")
    groups = roots.filter(pl.col("people") != 1).with_columns(root=pl.col("record_id").min().over("root"))
    return (
        follow.select("record_id", "matched_by", "match_probability", person_id="the_one"),
        groups.join(why, on="record_id").select("record_id", "root", "matched_by", "match_probability"),
    )
