"""Michigan 2006, the 191,243 who got no letter: a logit on cells beside boosted trees, on ten splits by block."""

import numpy as np
import polars as pl
import pytest

from campaignkit.splits import shares_of, split_keys
from campaignkit.voters import Spline, fit_score
from tests.real.published import published

PAST = ["primary_00", "general_00", "primary_02", "general_02", "primary_04", "general_04"]
CROSSED = [tuple(PAST), *(("age", vote) for vote in PAST), ("age", "hh_size"), ("age", "sex")]
CROSSED += [("hh_size", "primary_02"), ("hh_size", "primary_04")]


@pytest.fixture(scope="module")
def controls():
    return pl.read_parquet(published("gotv_2006/social_pressure.parquet")).filter(treatment="No Postcard")


def trees(table: pl.DataFrame, held: np.ndarray) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    x = table.select(*PAST, "age", "hh_size", male=pl.col("sex") == "Male").to_numpy().astype(float)
    y = table["primary_06"].to_numpy()
    fitted = HistGradientBoostingClassifier(random_state=0).fit(x[~held], y[~held])
    return roc_auc_score(y[held], fitted.predict_proba(x[held])[:, 1])


@pytest.mark.slow
def test_ranks_as_boosted_trees_do_and_is_calibrated(controls):
    ours, theirs, errors = [], [], []
    for seed in range(10):
        score = fit_score(
            controls, "primary_06", [*PAST, Spline("age", 1, 6), "sex", "hh_size"], interactions=CROSSED,
            name="voted", purpose="turnout", cluster="cluster", seed=seed, ridge=1.0,
        )  # fmt: skip
        held = shares_of(split_keys(controls["cluster"], str(seed))) >= 0.75
        assert score.quality.rows == held.sum()
        ours.append(score.auc)
        theirs.append(trees(controls, held))
        errors.append(score.quality.ece)
    print(f"AUC {np.mean(ours):.4f}, trees {np.mean(theirs):.4f}; ECE {np.mean(errors):.4f}")
    assert abs(np.mean(theirs) - np.mean(ours)) < 0.002
    assert np.mean(errors) <= 0.01
