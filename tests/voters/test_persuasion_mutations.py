"""Each way of getting it wrong fails a test that is named here."""

import sys

import numpy as np
import pytest

from campaignkit.stats.causal import effect_learners
from campaignkit.stats.prediction import uplift
from campaignkit.stats.prediction.uplift import Outcomes
from campaignkit.voters import persuasion, recipes
from campaignkit.voters.model import effect_model, experiment_cells
from tests.stats.causal import test_effect_learners
from tests.stats.prediction import test_uplift
from tests.voters import test_persuasion, test_priority


def no_holdout(monkeypatch):
    def splits(self):
        every = np.ones(len(self.fold), bool)
        return [(every, every)]

    monkeypatch.setattr(experiment_cells.ExperimentCells, "splits", splits)


def all_others_judge(monkeypatch):
    def splits(self):
        return [(self.fold != number, self.fold == number) for number in range(experiment_cells.FOLDS)]

    monkeypatch.setattr(experiment_cells.ExperimentCells, "splits", splits)


def cluster_ignored(monkeypatch):
    right = experiment_cells._outcomes
    monkeypatch.setattr(experiment_cells, "_outcomes", lambda cells: right(cells.drop("g", strict=False)))


def clusters_not_summed(monkeypatch):
    monkeypatch.setattr(Outcomes, "variance", lambda self, gradient: float(gradient**2 @ self.squares))


def arms_swapped(monkeypatch):
    right = experiment_cells._outcomes

    def swapped(cells):
        of = right(cells)
        return Outcomes(~of.treated, of.yes, of.weight, of.squares, of.cluster)

    monkeypatch.setattr(experiment_cells, "_outcomes", swapped)


def plain_class_transformation(monkeypatch):
    def plain(terms, of, fold, ridge=None, modeled=False):
        n = of.weight / 2
        return effect_learners.EffectFit(
            2 * effect_learners.fit_terms(terms, n, n * (of.treated == of.yes), 1.0).beta, 1.0
        )

    monkeypatch.setattr(effect_model, "doubly_robust", plain)


def propensities_taken_for_equal(monkeypatch):
    monkeypatch.setattr(persuasion, "covariate_balance_p_value", lambda terms, of: 1.0)


def own_fold_fits(monkeypatch):
    right = effect_learners.pseudo_outcomes
    monkeypatch.setattr(
        effect_learners, "pseudo_outcomes", lambda terms, of, fold, *rest: right(terms, of, (fold + 1) % 2, *rest)
    )


def the_best_ranking_without_harm(monkeypatch):
    right = uplift._area

    def area(steps, of):
        return right(np.minimum(steps, 1) if steps.max() == 2 else steps, of)

    monkeypatch.setattr(uplift, "_area", area)


def opponents_brought_out(monkeypatch):
    priority = sys.modules["campaignkit.voters.priority"]  # the room gives the function of that name
    right = priority._gained

    def gained(of):
        return right(of | {"support": 1 - (1 - of["support"]) / 2})

    monkeypatch.setattr(priority, "_gained", gained)


def leaked_future(monkeypatch):
    right = recipes.Recipe.dates
    monkeypatch.setattr(recipes.Recipe, "dates", lambda self, mf, as_of=None: (right(self, mf, as_of)[1],) * 2)


MUTATIONS = [
    (no_holdout, test_persuasion.test_a_ranking_is_judged_by_people_it_never_saw),
    (all_others_judge, test_persuasion.test_nobody_is_judged_by_those_whom_they_fitted),
    (cluster_ignored, test_persuasion.test_households_widen_the_interval),
    (clusters_not_summed, test_uplift.test_clusters_count_as_one_draw),
    (arms_swapped, test_persuasion.test_the_planted_come_first),
    (plain_class_transformation, test_persuasion.test_unequal_arms_are_ranked_right),
    (propensities_taken_for_equal, test_persuasion.test_arms_that_follow_a_feature_are_allowed_for_and_said),
    (own_fold_fits, test_effect_learners.test_doubly_robust_is_scikit_learns_on_the_same_folds),
    (the_best_ranking_without_harm, test_uplift.test_qini_is_scikit_uplifts_of_every_world),
    (opponents_brought_out, test_priority.test_net_votes_are_those_counted_out),
    (leaked_future, test_priority.test_recipes_know_nothing_of_the_time_that_they_foretell),
]


@pytest.mark.parametrize("named", [named for _, named in MUTATIONS])
def test_unmutated_it_passes(named):
    named()


@pytest.mark.parametrize(("mutation", "named"), MUTATIONS, ids=lambda x: x.__name__)
def test_a_mutation_fails_its_test(monkeypatch, mutation, named):
    mutation(monkeypatch)
    with pytest.raises(AssertionError):
        named()
