"""Who changed sides, of people who said it twice before an event and twice after, when any report may be wrong.

Four parameters (support before, leaving, joining, the chance of a wrong report) explain sixteen patterns of reports.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from campaignkit.stats.arrays import Floats

PATTERNS = np.array([[(at >> place) & 1 for place in (3, 2, 1, 0)] for at in range(16)])  # before, before, after, after
BEFORE, AFTER = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])  # the four true states
STEPS, EVIDENCE = 400, 3.84  # twice the log likelihood by which switching in a direction has to be told from none


@dataclass(frozen=True)
class Reports:
    """What repeated reports say.

    Attributes
    ----------
    supported : float
        The share that supported before.
    left, joined : float
        Of those who supported before, how many do not after; of the others, how many do. 0 where the reports do not
        tell switching in that direction from wrong reports.
    misreport : float
        The chance that a report is not the person's choice.
    switched : array
        The probability of each of the `PATTERNS` that its people changed sides.
    """

    supported: float
    left: float
    joined: float
    misreport: float
    switched: Floats


def repeated_reports(counts: Floats) -> Reports:
    """Fit how many changed sides and how often reports are wrong.

    Parameters
    ----------
    counts : array of 16
        How many people gave each of the `PATTERNS`.

    References
    ----------
    Dawid and Skene (1979), Applied Statistics 28, 20–28; Poterba and Summers (1986), Econometrica 54, 1319–1338.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> before = rng.random(5000) < 0.5
    >>> after = before & (rng.random(5000) > 0.1)
    >>> said = np.stack([before, before, after, after]) ^ (rng.random((4, 5000)) < 0.03)
    >>> found = repeated_reports(np.bincount(np.array([8, 4, 2, 1]) @ said, minlength=16).astype(float))
    >>> round(found.left, 2), found.joined, round(found.misreport, 2)
    (0.11, 0.0, 0.03)
    """
    whole = _fit(counts, True, True)
    allowed = [whole[0] - _fit(counts, *without)[0] > EVIDENCE / 2 for without in ((False, True), (True, False))]
    _, (supported, left, joined, wrong), states = whole if all(allowed) else _fit(counts, *allowed)
    switched = (states[:, BEFORE != AFTER].sum(axis=1)) / states.sum(axis=1)
    return Reports(float(supported), float(left), float(joined), float(wrong), switched)


def _fit(counts: Floats, leaving: bool, joining: bool) -> tuple[float, Floats, Floats]:
    """Return the log likelihood at its largest, the parameters, and the joint chances of pattern and state."""
    errors = (PATTERNS[:, None, :2] != BEFORE[:, None]).sum(axis=2) + (PATTERNS[:, None, 2:] != AFTER[:, None]).sum(
        axis=2
    )
    total = counts.sum()
    at = np.array([PATTERNS[:, 0] @ counts / total, 0.05 * leaving, 0.05 * joining, 0.05])
    at[0] = np.clip(at[0], 0.01, 0.99)
    for _ in range(STEPS):
        states = _chances(at, errors)
        share = states * (counts / states.sum(axis=1))[:, None]
        of = share.sum(axis=0)
        new = np.array([
            (of[2] + of[3]) / total, of[2] / max(of[2] + of[3], 1e-12), of[1] / max(of[0] + of[1], 1e-12),
            (share * errors).sum() / (4 * total),
        ])  # fmt: skip
        new = np.clip(new, [1e-6, 0, 0, 1e-6], [1 - 1e-6, 1, 1, 0.49])
        done, at = np.abs(new - at).max() < 1e-7, new
        if done:
            break
    states = _chances(at, errors)
    return float(counts @ np.log(states.sum(axis=1))), at, states


def _chances(at: Floats, errors: Floats) -> Floats:
    supported, left, joined, wrong = at
    prior = np.array(
        [(1 - supported) * (1 - joined), (1 - supported) * joined, supported * left, supported * (1 - left)]
    )
    return prior * wrong**errors * (1 - wrong) ** (4 - errors)
