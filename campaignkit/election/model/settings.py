"""The scales of a forecast: fixed ones, and those learned from earlier elections."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.special import ndtri

from campaignkit.checks import check_scalar
from campaignkit.stats.arrays import Floats
from campaignkit.stats.regression.variance_components import Variances

GRID = 8  # points for each learned scale


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Standard deviations of a forecast, on the logit scale (.04 is one point of the vote at 50%).

    The first three are None by default: they are then learned from earlier elections and integrated over.

    Attributes
    ----------
    swing_sd : float or None
        Of a state's swing since the last election, beyond the nation's.
    shared_bias_sd : float or None
        Of the error shared by all polls of an election.
    state_bias_sd : float or None
        Of the further error shared by all polls of a state.
    swing_prior_sd, prior_sd : float
        The scale of the half-normal prior of swing_sd, and of each of the two biases.
    national_sd : float
        Of the nation's swing since the last election (or from the fundamentals). The swings of 1976 to 2008 have a
        standard deviation of .18.
    drift_sd : float
        Of one day's drift of the national vote; similar states drift together. .0115 is 5 points of the vote in 300
        days.
    house_sd, mode_sd, population_sd, sponsor_sd : float
        Of the effects of pollsters, of modes, of populations, and of a party as sponsor.
    noise_sd : float
        Of a poll's own error beyond sampling.
    unadjusted_sd : float
        Of an error that changes from day to day (correlation .7) and is shared by pollsters who do not weight by party.
        0: there is none.
    adjusters : tuple of str
        The first words of the names of pollsters who do weight by party.
    unit_national : bool
        Whether the states' covariance is scaled so that the national vote has variance 1: swing_sd and state_bias_sd
        then refer to the national vote.
    national_by_turnout : bool
        Whether a national poll measures the states' mean logit, weighted by turnout. False: it measures the national
        share, linearized at the prior.
    integrate : bool
        Whether learned scales are integrated over. False: the scales under which earlier elections are likeliest are
        treated as known (the plug-in), which is overconfident.

    Examples
    --------
    >>> Settings(shared_bias_sd=0.05).shared_bias_sd
    0.05
    >>> Settings(noise_sd=-1)
    Traceback (most recent call last):
    ...
    campaignkit.errors.BadValue: noise_sd is -1; a number >= 0 was expected.
    """

    swing_sd: float | None = None
    shared_bias_sd: float | None = None
    state_bias_sd: float | None = None
    swing_prior_sd: float = 0.24
    prior_sd: float = 0.12
    national_sd: float = 0.2
    drift_sd: float = 0.0115
    house_sd: float = 0.06
    mode_sd: float = 0.02
    population_sd: float = 0.02
    sponsor_sd: float = 0.08
    noise_sd: float = 0.04
    unadjusted_sd: float = 0.0
    adjusters: tuple[str, ...] = ()
    unit_national: bool = False
    national_by_turnout: bool = False
    integrate: bool = True

    def __post_init__(self) -> None:
        """Refuse an impossible scale."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_sd"):
                above = 0 if field.name in ("prior_sd", "swing_prior_sd", "swing_sd") else None
                check_scalar(value, field.name, typ=float, ge=0, gt=above, optional=field.default is None)

    @classmethod
    def published_2012(cls, days_left: int = 0) -> Settings:
        """Return the settings of The Economist's model for 2012, every scale fixed.

        Parameters
        ----------
        days_left : int
            Days from the forecast to the election.

        References
        ----------
        Heidemanns, Gelman & Morris (2020), Harvard Data Science Review 2 (4).

        Examples
        --------
        >>> Settings.published_2012().swing_sd
        0.12
        """
        return cls(
            swing_sd=4 * (0.03 + 10**-6.6 * days_left**2), shared_bias_sd=0.0, state_bias_sd=4 * 0.013,
            national_sd=0.0, drift_sd=4 * 0.05 / 300**0.5, house_sd=0.06, mode_sd=0.0, population_sd=0.0,
            sponsor_sd=0.0, noise_sd=0.04, unadjusted_sd=0.02, unit_national=True, national_by_turnout=True,
            adjusters=("ABC", "Washington Post", "Ipsos", "Pew", "YouGov", "NBC"),
        )  # fmt: skip

    def grid(self) -> Variances:
        """Return every combination of the scales: the prior's quantiles where a scale is learned, else its value.

        Examples
        --------
        >>> Settings(swing_sd=0.1).grid().swing.shape
        (64,)
        """
        middles = (np.arange(GRID) + 0.5) / GRID
        half_normal = ndtri(0.5 + middles / 2)  # quantiles, so that all points have the same prior weight

        def points(given: float | None, scale: float) -> Floats:
            return scale * half_normal if given is None else np.array([given])

        swing, shared, own = np.meshgrid(
            points(self.swing_sd, self.swing_prior_sd),
            points(self.shared_bias_sd, self.prior_sd),
            points(self.state_bias_sd, self.prior_sd),
            indexing="ij",
        )
        national = np.full(swing.size, self.national_sd)
        return Variances(swing.ravel(), national, own.ravel(), shared.ravel())

    @property
    def learned(self) -> tuple[str, ...]:
        """The scales that are learned.

        Examples
        --------
        >>> Settings(swing_sd=0.1).learned
        ('shared_bias_sd', 'state_bias_sd')
        """
        return tuple(name for name in ("swing_sd", "shared_bias_sd", "state_bias_sd") if getattr(self, name) is None)
