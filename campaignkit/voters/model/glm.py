"""A logit on cells as statsmodels' results: their data are cells, their coefficients and covariance the fit's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from campaignkit.errors import BadValue
from campaignkit.voters.model.logit_model import LogitModel, ModelFit


def glm_results(fit: ModelFit | None) -> Any:
    """Return a binomial GLM's results on cells with the outcome and without it, people being frequency weights.

    Columns are named as patsy would: ``Intercept``, ``sex[M]``, ``sex[M]:age_band[40–49]``.
    """
    if fit is None or not isinstance(fit.model, LogitModel):
        raise BadValue("Only a logit that was fitted here has a GLM; not boosted trees, nor a score that was loaded.")
    import pandas as pd  # comes with statsmodels
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM, GLMResults, GLMResultsWrapper

    cells, design = fit.cells, fit.model.design
    names = [_name(term, level) for term, level in design.names]
    counts = np.concatenate([cells.k, cells.n - cells.k])
    outcome = np.repeat([1.0, 0.0], len(cells.n))
    rows = counts > 0
    x = pd.DataFrame(np.tile(design.terms(cells.codes).matrix(), (2, 1))[rows], columns=names)
    y = pd.Series(outcome[rows], name="outcome")
    model = GLM(y, x, family=families.Binomial(), freq_weights=counts[rows])
    model.scaletype = None
    model.mu = model.family.fitted(x.to_numpy() @ fit.model.beta)
    results: Any = GLMResults(model, fit.model.beta, fit.covariance, 1.0)
    results.method, results.converged = "Newton on cells", True
    results.fit_history = {"iteration": 0, "params": [fit.model.beta]}
    results.cov_type = fit.errors
    return GLMResultsWrapper(results)


def _name(term: str, level: str) -> str:
    if not level:
        return "Intercept"
    parts = zip(term.split(" × "), level.split(" × "), strict=True)
    return ":".join(f"{feature}[{value}]" for feature, value in parts)
