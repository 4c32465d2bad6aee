"""Multilevel regression and poststratification: every area and group of the electorate from one survey."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from campaignkit.checks import check_scalar, column_names
from campaignkit.errors import BadValue, nearest
from campaignkit.polls.model.areas import shrunk_areas
from campaignkit.polls.model.cell_model import CellModel, fit_cells
from campaignkit.polls.model.effects import effects_of, read_features
from campaignkit.polls.model.frames import FrameCells, read_frame
from campaignkit.polls.model.poststratify import Groups, Poststratification, groups_of
from campaignkit.polls.model.responses import Responses, direct_means, read_responses, unreached
from campaignkit.polls.mrp_result import Mrp, effect_table, estimate_table, scale_table
from campaignkit.stats.arrays import Floats
from campaignkit.vocabulary import CONFIDENCE_LEVEL

DRAWS = 1_000


def mrp(
    responses: object,
    outcome: str,
    by: str | Iterable[str],
    frame: object,
    *,
    area: str | None = None,
    area_features: object | None = None,
    shrink_areas: bool | None = None,
    interactions: Iterable[tuple[str, str]] = (),
    weight: str | None = None,
    cluster: str | None = None,
    frame_weight: str | None = None,
    survey_error: float | None = None,
    estimate_by: Iterable[str | tuple[str, ...]] | str | None = None,
    confidence_level: float = CONFIDENCE_LEVEL,
    seed: int = 0,
) -> Mrp:
    """Estimate a share in every area and group, from interviews and a frame of who votes.

    Parameters
    ----------
    responses : table
        One row per interview.
    outcome : str
        Whether the person is for us: booleans or 0/1. Null is no answer; such interviews are set aside and counted.
    by : str or list of str
        Attributes that interviews and frame both have, such as sex, age band and education.
    frame : table
        Who votes: a table of counts, or people one row each, such as a universe of the megafile. Interviews with a
        level that it does not have are refused.
    area : str or None
        Of the attributes the one that is a place, such as the state; it need not be in `by` too. None: there is none.
    area_features : table or None
        One row per area: `area`, and what areas are like. Numbers (the last election's share, best as a logit) are
        standardised and get a coefficient; texts (a region) are kinds of area, each with an intercept. None: nothing is
        known of them.
    shrink_areas : bool or None
        Whether areas are estimated once more, by their own interviews with the model's help, and drawn toward what
        their features say; see `Notes`. None: where there are features.
    interactions : list of (str, str)
        Pairs of attributes whose combinations get an intercept of their own.
    weight : str or None
        An interview's weight. None: 1. Interviews count by it, all together for as many as their unequal weights leave
        (Kish's effective sample size).
    cluster : str or None
        What interviews were drawn by or are alike by, such as the precinct. None: they are independent.
    frame_weight : str or None
        How many voters a row of the frame stands for: its column of counts, or of a universe a fact such as
        ``score('turnout')``. None: 1.
    survey_error : float or None
        By how much a survey may be wrong in all groups alike beyond sampling, a standard deviation in shares: .015 is a
        point and a half. No survey can tell its own; past polls missed by 1.2 points (president) to 2.3. None: no
        interval of an election is given.
    estimate_by : list of str or tuple of str, optional
        Attributes to be estimated by; tuples are combinations. None: everyone, the area and each of `by`.
    confidence_level : float
        Of the intervals.
    seed : int
        Of the draws.

    Returns
    -------
    Mrp

    Raises
    ------
    ColumnNotFound
        A column is missing.
    BadValue
        The outcome is not yes and no; a level is in the interviews and not in the frame; an area has no features.
    NotEnoughData
        Nobody answered, or all alike.

    Notes
    -----
    A binomial logit on cells with an intercept for each level of each attribute, normal with a standard deviation of
    their own (beforehand a half-normal(0.5) times itself, so that none is taken for 0), which are integrated over:
    Laplace's marginal likelihood at 32 weighted points about its mode. Clusters' design effect is estimated from their
    residuals and divides what interviews count.

    With `shrink_areas` an area's estimate is the model's plus the mean residual of its own interviews, drawn toward a
    regression on the features by normal shrinkage; in each draw the cells of an area are shifted alike to agree with
    it. A cell model alone lets an area's composition speak where it may say different things in different places.

    References
    ----------
    Gelman and Little (1997), Survey Methodology 23, 127–135; Ghitza and Gelman (2013), American Journal of Political
    Science 57, 762–776; Chung, Rabe-Hesketh, Dorie, Gelman and Liu (2013), Psychometrika 78, 685–709; Fay and
    Herriot (1979), Journal of the American Statistical Association 74, 269–277; Shirani-Mehr, Rothschild, Goel and
    Gelman (2018), Journal of the American Statistical Association 113, 607–614.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> import campaignkit as ck
    >>> rng = np.random.default_rng(1)
    >>> frame = pl.DataFrame({"state": ["OH", "OH", "PA", "PA"], "sex": ["F", "M"] * 2, "people": [60, 50, 70, 60]})
    >>> asked = frame[rng.integers(0, 4, 800)]
    >>> women = (pl.col("sex") == "F") & (pl.col("state") == "PA")
    >>> asked = asked.with_columns(ours=pl.Series(rng.random(800) < 0.4) | women)
    >>> pairs = [("state", "sex")]
    >>> found = ck.polls.mrp(asked, "ours", "sex", frame, area="state", frame_weight="people", interactions=pairs)
    >>> found.table.filter(attribute="state").select("level", (pl.col("estimate") > 0.5).alias("ahead")).rows()
    [('OH', False), ('PA', True)]
    """  # fmt: skip
    names = column_names(by, "by")
    check_scalar(area, "area", typ=str, optional=True)
    attributes = names if area is None or area in names else [area, *names]
    if not attributes:
        raise BadValue("by is empty; name the attributes that interviews and frame share.")
    pairs = _pairs(interactions, attributes)
    wanted = _wanted(estimate_by, attributes)
    _check(area, area_features, shrink_areas, survey_error, confidence_level, seed)
    cells = read_frame(frame, attributes, frame_weight)
    read = read_responses(responses, outcome, cells, weight, cluster)
    features = None if area_features is None else read_features(area_features, str(area), cells.levels[str(area)])
    model = fit_cells(effects_of(cells, area, features, pairs), read, DRAWS, seed)
    merged, groups = read.without_clusters(), groups_of(cells, wanted)
    stratified = Poststratification(cells, model.effects)
    areas = None
    if features is not None and shrink_areas is not False:
        mean = stratified.mean(model.draws)
        own = shrunk_areas(cells, merged, mean, str(area), features, model.design_effect, DRAWS, seed)
        areas = (cells.codes[:, cells.by.index(str(area))], own)
    shares = stratified.shares(groups, model.draws, areas)
    return _result(cells, merged, model, groups, shares, survey_error, confidence_level, seed)


def _result(
    frame: FrameCells, responses: Responses, model: CellModel, groups: Groups, shares: Floats,
    survey_error: float | None, confidence_level: float, seed: int,
) -> Mrp:  # fmt: skip
    n, direct = direct_means(responses, groups.places(responses.codes), groups.table.height)
    table = estimate_table(groups.table, n, direct, shares, survey_error, confidence_level, seed)
    missing = unreached(frame, responses)
    return Mrp(
        table, effect_table(model, confidence_level), scale_table(model, confidence_level), missing,
        float(missing["voters"].sum() / frame.voters.sum()), int(responses.n.sum()), responses.set_aside,
        model.design_effect, model.effective_points, survey_error, confidence_level, shares,
    )  # fmt: skip


def _check(
    area: str | None, area_features: object, shrink_areas: Any, survey_error: Any, confidence_level: float, seed: int
) -> None:
    if area_features is not None and area is None:
        raise BadValue("area_features is given, but area is None; name the column that both have.")
    check_scalar(shrink_areas, "shrink_areas", typ=bool, optional=True)
    if shrink_areas and area_features is None:
        raise BadValue("shrink_areas needs area_features: what areas are drawn toward.")
    check_scalar(survey_error, "survey_error", typ=float, ge=0, lt=0.2, optional=True)
    check_scalar(confidence_level, "confidence_level", typ=float, gt=0, lt=1)
    check_scalar(seed, "seed", typ=int)


def _pairs(interactions: Any, attributes: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for pair in interactions:
        if not isinstance(pair, tuple | list) or len(pair) != 2 or pair[0] == pair[1]:
            raise BadValue(f"interactions holds {pair!r}; pairs of two attributes were expected.")
        _known(pair, attributes, "interactions")
        pairs.append((pair[0], pair[1]))
    return pairs


def _wanted(estimate_by: Any, attributes: Sequence[str]) -> list[tuple[str, ...]]:
    if estimate_by is None:
        return [(), *((name,) for name in attributes)]
    given = [estimate_by] if isinstance(estimate_by, str) else list(estimate_by)
    groups = [group if isinstance(group, tuple) else (group,) for group in given]
    if not groups or len(set(groups)) < len(groups):
        raise BadValue("estimate_by is empty, or names a group twice.")
    for group in groups:
        _known(group, attributes, "estimate_by")
    return groups


def _known(names: Sequence[Any], attributes: Sequence[str], argument: str) -> None:
    for name in names:
        if name not in attributes:
            raise BadValue(f"{argument} names {name!r}, which is not among by and area{nearest(str(name), attributes)}")
