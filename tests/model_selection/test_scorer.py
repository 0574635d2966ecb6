"""A scorer runs episodes: any metric, any estimator, no change to what it judges."""

import warnings
from functools import partial

import numpy as np
import pytest
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.linear_model import Ridge
from sklearn.metrics import (
    f1_score,
    log_loss,
    make_scorer,
    mean_squared_error,
    roc_auc_score,
)
from sklearn.model_selection import GroupKFold, cross_val_score, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metadata_routing import get_routing_for_object

from skmeta import (
    FewShotClassifier,
    MetaClassifier,
    MetaRegressor,
    NotAdaptedError,
)
from skmeta.episodes.sampling import draw_support
from skmeta.model_selection import ClassKFold, PerTask, Pooled, few_shot_scorer
from tests.conftest import QUICK


@pytest.fixture(scope="module")
def two_wines(wine):
    X, y, _ = wine
    keep = y < 2
    y = np.array(["barolo", "grignolino"])[y[keep]]
    return X[keep], y, np.arange(len(y)) % 10


@pytest.fixture(scope="module")
def shared(two_wines):
    X, y, groups = two_wines
    return MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)


@pytest.fixture(scope="module")
def regressor(diabetes):
    X, y, groups = diabetes
    return MetaRegressor("maml", n_shot=8, **QUICK).fit(X, y, groups=groups)


def _alphabets(digits):
    """Digits in groups of classes of their own."""
    X, y = digits
    return X, y, y // 2


def test_accuracy_and_r2_agree_with_score(two_wines, shared, diabetes, regressor):
    X, y, groups = two_wines
    assert few_shot_scorer("accuracy")(shared, X, y, groups=groups) == (
        shared.score(X, y, groups=groups)
    )
    X, y, groups = diabetes
    scorer = few_shot_scorer("r2", n_shot=8)
    assert scorer(regressor, X, y, groups=groups) == pytest.approx(
        regressor.score(X, y, groups=groups), rel=1e-6
    )


def test_labels_that_are_names_inside_a_task_agree_with_score(digits, per_task):
    X, y, groups = _alphabets(digits)
    for meta in per_task.values():
        score = few_shot_scorer("accuracy", random_state=0)(meta, X, y, groups=groups)
        assert score == pytest.approx(meta.score(X, y, groups=groups), abs=1e-12)


def test_auc_is_that_of_each_task_alone(two_wines, shared):
    X, y, groups = two_wines
    support = draw_support(groups, 5, np.random.default_rng(0))
    aucs = []
    for group in np.unique(groups):
        own = groups == group
        alone = FewShotClassifier(shared).fit(X[own & support], y[own & support])
        query = own & ~support
        proba = alone.predict_proba(X[query])[:, 1]
        aucs.append(roc_auc_score(y[query], proba))
    scorer = few_shot_scorer("roc_auc")
    per_task = scorer.per_task(shared, X, y, groups=groups)
    np.testing.assert_allclose(per_task, aucs, atol=1e-6)
    np.testing.assert_array_equal(per_task.index, np.unique(groups))
    assert scorer(shared, X, y, groups=groups) == pytest.approx(np.mean(aucs))


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (log_loss, "neg_log_loss"),
        (partial(f1_score, average="macro"), "f1_macro"),
        (make_scorer(f1_score, average="macro"), "f1_macro"),
    ],
)
def test_functions_and_scorers_serve_as_names_do(function, name, wine):
    X, y, groups = wine
    meta = MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)
    by_name = few_shot_scorer(name)(meta, X, y, groups=groups)
    assert few_shot_scorer(function)(meta, X, y, groups=groups) == by_name


def test_losses_are_negated(diabetes, regressor):
    X, y, groups = diabetes
    by_name = few_shot_scorer("neg_mean_squared_error")(regressor, X, y, groups=groups)
    assert by_name < 0
    assert few_shot_scorer(mean_squared_error)(regressor, X, y, groups) == by_name


def test_log_loss_knows_classes_that_a_query_lacks(wine):
    X, y, groups = wine
    groups = np.where(y == 0, 99, groups)  # a task of one class of three
    meta = MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)
    scores = few_shot_scorer("neg_log_loss").per_task(meta, X, y, groups=groups)
    assert np.isfinite(scores).all()


def test_tasks_where_the_metric_is_undefined_are_left_out_and_counted(
    two_wines, shared
):
    X, y, groups = two_wines
    scorer = few_shot_scorer("roc_auc")
    odd = np.where(groups == 3, 0, groups)
    odd = np.where((odd == 0) & (y == "barolo"), 4, odd)  # task 0 has one class left
    with pytest.warns(UserWarning, match="undefined for 1 of 9 tasks") as caught:
        score = scorer(shared, X, y, groups=odd)
    assert len(caught) == 1
    assert np.isnan(scorer.per_task(shared, X, y, groups=odd)[0])
    assert 0.5 < score <= 1
    one = y == "barolo"
    with pytest.raises(ValueError, match=r"undefined for every task.*lacks classes"):
        scorer(shared, X[one], y[one], groups=groups[one])


def test_r2_of_a_task_of_one_value_is_undefined(diabetes, regressor):
    X, y, groups = diabetes
    y = np.where(groups == 0, 0.1, y)
    with pytest.warns(UserWarning, match="r2 is undefined for 1 of 12 tasks"):
        few_shot_scorer("r2")(regressor, X, y, groups=groups)


def test_a_task_of_one_row_is_said_to_be_one(diabetes, regressor):
    X, y, groups = diabetes
    alone = np.r_[99, groups[1:]]
    why = "undefined for 1 of 13 tasks, which are left out: they have one row or"
    with pytest.warns(UserWarning, match=why):
        few_shot_scorer("neg_mean_absolute_error")(regressor, X, y, groups=alone)


def test_the_current_task_stays(two_wines, shared):
    X, y, groups = two_wines
    meta = FewShotClassifier(shared).fit(X[:9], y[:9]).learner_
    before, current = meta.predict_proba(X), meta.adapted_
    few_shot_scorer("roc_auc", n_shot=0)(meta, X, y, groups=groups)
    few_shot_scorer("roc_auc")(meta, X, y, groups=groups)
    assert meta.adapted_ is current
    assert meta.unknown_task == "error"
    np.testing.assert_array_equal(meta.predict_proba(X), before)


def test_pipelines_are_judged_through_their_transformers(two_wines):
    X, y, groups = two_wines
    scaler = StandardScaler().fit(X)
    meta = MetaClassifier("protonet", **QUICK)
    meta.fit(scaler.transform(X), y, groups=groups)
    scorer = few_shot_scorer("roc_auc")
    expected = scorer(meta, scaler.transform(X), y, groups=groups)
    pipe = make_pipeline(scaler, make_pipeline("passthrough", meta))
    assert scorer(pipe, X, y, groups=groups) == expected


def test_plain_estimators_are_fitted_to_the_support_of_each_task(diabetes):
    X, y, groups = diabetes
    support = draw_support(groups, 5, np.random.default_rng(0))
    losses = []
    for group in np.unique(groups):
        own = groups == group
        ridge = Ridge().fit(X[own & support], y[own & support])
        query = own & ~support
        losses.append(mean_squared_error(y[query], ridge.predict(X[query])))
    scorer = few_shot_scorer("neg_mean_squared_error")
    unfitted = Ridge()
    assert scorer(unfitted, X, y, groups=groups) == pytest.approx(-np.mean(losses))
    assert not hasattr(unfitted, "coef_")


def test_without_groups_the_remedies_are_named(two_wines, shared):
    X, y, _ = two_wines
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        few_shot_scorer("accuracy")(shared, X, y)


def test_no_prior_to_judge_is_said(digits, per_task):
    X, y, groups = _alphabets(digits)
    with pytest.raises(ValueError, match="asks for a prior"):
        few_shot_scorer("accuracy", n_shot=0)(per_task["maml"], X, y, groups=groups)


def test_classes_are_drawn_where_labels_are_names(digits, per_task):
    X, y = digits
    meta = per_task["protonet"]
    new = y >= 6

    def score(**kwargs):
        return few_shot_scorer("accuracy", n_episodes=60, **kwargs)(
            meta, X[new], y[new]
        )

    assert score(n_way=2) > score(n_way=4) > 0.5  # fewer classes are easier
    assert score(n_way=4, n_shot=10) > score(n_way=4, n_shot=1)
    with pytest.raises(ValueError, match="has no meaning for a regressor"):
        few_shot_scorer("r2", n_way=2)(
            PerTask(Ridge()).fit(X, y, groups=y % 5), X, y, groups=y % 5
        )


def test_few_classes_of_a_group_are_drawn(digits, per_task):
    X, y = digits
    groups = y // 5
    scorer = few_shot_scorer("roc_auc", n_way=2, n_repeats=2)  # defined for two classes
    assert scorer(per_task["protonet"], X, y, groups=groups) > 0.8


def test_a_pooled_learner_never_learns_the_query_of_its_own_episode():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2, 300, 3)), rng.integers(10, size=300)
    nearest = Pooled(KNeighborsClassifier(1)).fit(X[0], y, groups=y)
    nearest.tasks = "classes"
    # There is nothing to learn, but the nearest neighbour remembers what it has seen.
    score = few_shot_scorer("accuracy", n_way=2, n_episodes=30)
    assert score(nearest, X[1], y) < 0.62


def test_a_task_of_one_class_tells_nothing(digits, per_task):
    X, y, groups = _alphabets(digits)
    groups = np.where(y == 9, 9, groups)  # and 8 alone stays in group 4
    with pytest.warns(UserWarning, match="undefined for 2 of 6 tasks"):
        few_shot_scorer("accuracy")(per_task["protonet"], X, y, groups=groups)


def test_as_many_episodes_as_asked_for(two_wines, shared):
    X, y, groups = two_wines
    few = few_shot_scorer("accuracy", n_episodes=4)
    many = few_shot_scorer("accuracy", n_episodes=25)
    assert len(few.per_task(shared, X, y, groups=groups)) == 4
    assert len(many.per_task(shared, X, y, groups=groups)) == 10
    one, more = (
        few_shot_scorer("accuracy", n_repeats=n, random_state=1) for n in (1, 30)
    )
    everyone = few_shot_scorer("accuracy", n_repeats=30, random_state=2)
    middle = everyone(shared, X, y, groups=groups)
    assert more(shared, X, y, groups=groups) == pytest.approx(middle, abs=0.03)
    assert one(shared, X, y, groups=groups) != middle


def test_class_folds_judge_on_classes_never_seen(digits):
    X, y = digits
    meta = MetaClassifier("protonet", tasks="classes", n_way=2, **QUICK)
    result = cross_validate(
        meta,
        X,
        y,
        cv=ClassKFold(3),
        scoring={
            "auc": few_shot_scorer("roc_auc", n_episodes=10),
            "accuracy": few_shot_scorer("accuracy", n_episodes=10),
        },
        error_score="raise",
        return_indices=True,
        return_estimator=True,
    )
    assert (result["test_auc"] > 0.8).all()
    assert (result["test_accuracy"] < result["test_auc"]).all()
    tested = [np.unique(y[test]) for test in result["indices"]["test"]]
    np.testing.assert_array_equal(np.sort(np.concatenate(tested)), np.arange(10))
    for fitted, test in zip(result["estimator"], tested, strict=True):
        assert not np.isin(fitted.classes_, test).any()


def test_it_asks_for_groups_and_says_what_it_is():
    scorer = few_shot_scorer("roc_auc", n_shot=3)
    routing = get_routing_for_object(scorer)
    assert routing.score.requests == {"groups": True, "in_support": True}
    assert repr(scorer) == "FewShotScorer(metric='roc_auc', n_shot=3)"
    with pytest.raises(TypeError, match="name of a scikit-learn scorer"):
        few_shot_scorer(3)(None, [[0]], [0], groups=[0])


def test_scoring_is_quiet(two_wines, shared):
    X, y, groups = two_wines
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        few_shot_scorer("neg_log_loss")(shared, X, y, groups=groups)


@pytest.mark.parametrize("metric", ["roc_auc_ovr", "neg_log_loss", "accuracy"])
def test_a_search_by_a_plain_scorer_is_told_of_this_one(metric):
    X, y = load_iris(return_X_y=True)
    groups = np.arange(len(y)) % 10
    meta = MetaClassifier("protonet", max_epochs=1, tasks_per_epoch=32)
    named = rf"few_shot_scorer\('{metric}'\)"
    how = {"cv": GroupKFold(2), "params": {"groups": groups}}
    with config_context(enable_metadata_routing=True):
        with pytest.raises(NotAdaptedError, match=named):
            cross_val_score(meta, X, y, scoring=metric, error_score="raise", **how)
        scores = cross_val_score(meta, X, y, scoring=few_shot_scorer(metric), **how)
    assert np.isfinite(scores).all()


def test_nobody_else_is_told_of_it():
    X, y = load_iris(return_X_y=True)
    meta = MetaClassifier("protonet", max_epochs=1, tasks_per_epoch=32)
    meta.fit(X, y, groups=np.arange(len(y)) % 10)
    with pytest.raises(NotAdaptedError) as caught:
        meta.predict(X)
    assert "few_shot_scorer" not in str(caught.value)
