"""How far boosted trees may bend: the leaf size, penalty, learning rate and rounds of the least held-out log loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from campaignkit.stats.arrays import Floats

PARTS = 5  # of the people, each in turn held out; of many, one alone
ENOUGH = 2_500  # held-out entries after which no further part is
PATIENCE = 10  # rounds without gain after which a setting stops
LEAF = 20  # people in the smallest leaf, as scikit-learn has it; `leaf` of a setting counts in these
#: Tried in turn; scikit-learn's own, without any penalty, was never the best on 4,000 or 20,000 people.
SETTINGS: tuple[dict[str, float], ...] = (
    {"learning_rate": 0.1, "leaf": 1, "l2_regularization": 10.0},
    {"learning_rate": 0.05, "leaf": 5, "l2_regularization": 10.0},
    {"learning_rate": 0.05, "leaf": 25, "l2_regularization": 100.0},
)
MOST_ROUNDS = 200


def chosen(learner: Any, x: Floats, y: Floats, weight: Floats, people: Floats, seed: int) -> dict[str, Any]:
    """Return the setting of least held-out log loss, as scikit-learn's gradient boosting takes it.

    Parameters
    ----------
    learner : type
        ``HistGradientBoostingClassifier``.
    x : array
        One row per entry: people alike in all features and in the outcome.
    y, weight, people : array
        Each entry's outcome, weight, and how many people it stands for. People are held out, not entries: each
        fifth has its share of every entry's weight, drawn at random.
    seed : int
    """
    rng = np.random.default_rng(seed)
    parts = rng.multinomial(np.maximum(np.round(people), 1).astype(int), np.full(PARTS, 1 / PARTS))
    shares = parts / parts.sum(axis=1, keepdims=True)
    best, least = {}, np.inf
    for setting in SETTINGS:
        options = _options(setting, people) | {"random_state": seed}
        losses = np.mean(
            [_held_out(learner, options, x, y, weight, shares[:, part]) for part in _judges(len(y))], axis=0
        )
        rounds = int(np.argmin(losses))
        if losses[rounds] < least:
            best, least = options | {"max_iter": max(rounds, 1)}, float(losses[rounds])
    return best


def _judges(entries: int) -> range:
    return range(min(max(ENOUGH * PARTS // entries, 1), PARTS))


def _options(setting: dict[str, float], people: Floats) -> dict[str, Any]:
    """Return a setting with its leaf in entries, of which scikit-learn counts them."""
    leaf = max(int(np.ceil(LEAF * setting["leaf"] * len(people) / people.sum())), 1)
    options = {name: value for name, value in setting.items() if name != "leaf"}
    return options | {"min_samples_leaf": leaf, "max_iter": MOST_ROUNDS, "early_stopping": False}


def _held_out(learner: Any, options: dict[str, Any], x: Floats, y: Floats, weight: Floats, share: Floats) -> Floats:
    """Return the held-out log loss after each round, the last known one where it stopped before."""
    learned, held = share < 1, share > 0
    model = learner(**options | {"early_stopping": True, "n_iter_no_change": PATIENCE, "tol": 0.0})
    model.fit(
        x[learned], y[learned], sample_weight=(weight * (1 - share))[learned],
        X_val=x[held], y_val=y[held], sample_weight_val=(weight * share)[held],
    )  # fmt: skip
    losses = -np.asarray(model.validation_score_)
    return np.r_[losses, np.full(options["max_iter"] + 1 - len(losses), losses[-1])]
