"""Meta-learners inside what scikit-learn has for choosing, joining and explaining."""

import numpy as np
import pytest
import sklearn
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skmeta
from skmeta import FewShotClassifier, MetaClassifier, MetaRegressor
from skmeta.algorithms import ANIL, MAML, ProtoNet
from skmeta.backbones import MLP
from skmeta.model_selection import TaskSplit, few_shot_scorer

from .conftest import QUICK

TINY = {**QUICK, "tasks_per_epoch": 32}
AUC = few_shot_scorer("roc_auc", n_shot=10)


@pytest.fixture(scope="module")
def cancer():
    """Breast cancers, string labels, in ten clinics."""
    X, y = load_breast_cancer(return_X_y=True)
    names = np.array(["malignant", "benign"])[y]
    return X, names, np.random.default_rng(0).permutation(np.arange(len(y)) % 10)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def _pipe(algorithm="protonet"):
    return make_pipeline(StandardScaler(), MetaClassifier(algorithm, **TINY))


@pytest.fixture(scope="module")
def fitted(cancer):
    X, y, groups = cancer
    old = groups < 8
    with sklearn.config_context(enable_metadata_routing=True):
        return _pipe().fit(X[old], y[old], groups=groups[old])


@pytest.fixture(scope="module")
def clinic(cancer):
    """A clinic that `fitted` has not seen."""
    X, y, groups = cancer
    return X[groups == 9], y[groups == 9]


# Choosing -------------------------------------------------------------------------


def test_grid_search_over_algorithms_as_names_and_objects(cancer, routing):
    X, y, groups = cancer
    grid = [
        {
            "metaclassifier__algorithm": ["protonet", ProtoNet("cosine")],
            "standardscaler": [MinMaxScaler()],
        },
        {
            "metaclassifier__algorithm": [MAML(inner_steps=1)],
            "metaclassifier__algorithm__inner_lr": [1e-6, 0.3],
        },
    ]
    search = GridSearchCV(
        _pipe(), grid, scoring=AUC, cv=GroupKFold(2), error_score="raise"
    ).fit(X, y, groups=groups)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 4
    assert scores.max() > 0.9
    best = search.best_estimator_
    assert search.score(X, y, groups=groups) == AUC(best, X, y, groups=groups)


def test_a_search_answers_for_several_tasks_by_its_best_estimator(cancer, routing):
    X, y, groups = cancer
    search = GridSearchCV(
        _pipe(), {"metaclassifier__n_shot": [3]}, scoring=AUC, cv=TaskSplit()
    ).fit(X, y, groups=groups)
    few = np.random.default_rng(0).permutation(len(y))[:200]
    skmeta.adapt(search, X[few], y[few], groups=groups[few])
    # scikit-learn's searches hand nothing on to predict but X.
    with pytest.raises(TypeError, match="unexpected keyword argument 'groups'"):
        search.predict(X, groups=groups)
    answers = search.best_estimator_.predict(X, groups=groups)
    assert (answers == y).mean() > 0.7
    skmeta.adapt(search, X[few[:40]], y[few[:40]])  # a single task needs no groups
    assert (search.predict(X) == y).mean() > 0.7


def test_randomized_search_draws_nested_parameters(cancer, routing):
    X, y, groups = cancer
    search = RandomizedSearchCV(
        _pipe(MAML(inner_steps=1)),
        {
            "metaclassifier__algorithm__inner_lr": loguniform(1e-3, 1),
            "metaclassifier__backbone__hidden": [(8,), (16, 16)],
        },
        n_iter=3,
        scoring=AUC,
        cv=TaskSplit(),
        random_state=0,
        error_score="raise",
    )
    search.set_params(estimator__metaclassifier__backbone=MLP())
    search.fit(X, y, groups=groups)
    best = search.best_params_
    meta = search.best_estimator_[-1]
    assert meta.algorithm_.inner_lr == best["metaclassifier__algorithm__inner_lr"]
    assert meta.backbone_.hidden == best["metaclassifier__backbone__hidden"]


def test_halving_search_spends_epochs_on_the_best(cancer, routing):
    X, y, groups = cancer
    search = HalvingGridSearchCV(
        _pipe(),
        {"metaclassifier__algorithm": [ANIL(), "protonet", ProtoNet("cosine")]},
        resource="metaclassifier__max_epochs",
        max_resources=3,
        min_resources=1,
        factor=3,
        scoring=AUC,
        cv=GroupKFold(2),
        error_score="raise",
    ).fit(X, y, groups=groups)
    epochs = search.cv_results_["param_metaclassifier__max_epochs"]
    np.testing.assert_array_equal(epochs, [1, 1, 1, 3])
    assert search.best_estimator_[-1].max_epochs == 3


def test_cross_validate_with_several_metrics(cancer, routing):
    X, y, groups = cancer
    metrics = ["accuracy", "roc_auc", "neg_log_loss"]
    result = cross_validate(
        _pipe(),
        X,
        y,
        params={"groups": groups},
        cv=GroupKFold(3),
        scoring={each: few_shot_scorer(each, n_shot=10) for each in metrics},
        return_estimator=True,
        return_indices=True,
        error_score="raise",
    )
    for fold, test in enumerate(result["indices"]["test"]):
        pipe = result["estimator"][fold]
        for each in metrics:
            expected = few_shot_scorer(each, n_shot=10)(
                pipe, X[test], y[test], groups=groups[test]
            )
            assert result[f"test_{each}"][fold] == expected


def test_learning_curve_over_rows_of_the_training_tasks(cancer, routing):
    X, y, groups = cancer
    sizes, train, test = learning_curve(
        _pipe(),
        X,
        y,
        params={"groups": groups},
        train_sizes=[0.3, 1.0],
        cv=GroupKFold(2),
        scoring=AUC,
        error_score="raise",
    )
    assert sizes[0] < sizes[1]
    assert train.shape == test.shape == (2, 2)
    assert (test > 0.8).all()


# Adapting a Pipeline --------------------------------------------------------------


def test_a_pipeline_is_adapted_through_its_transformers(fitted, clinic):
    X, y = clinic
    pipe = make_pipeline(*[step for _, step in fitted.steps])
    assert skmeta.adapt(pipe, X[:20], y[:20]) is pipe
    scaler, meta = pipe[0], pipe[-1]
    expected = meta.adapt(scaler.transform(X[:20]), y[:20]).predict_proba(
        scaler.transform(X)
    )
    np.testing.assert_array_equal(pipe.predict_proba(X), expected)
    assert pipe.score(X[20:], y[20:]) > 0.85
    skmeta.adapt(make_pipeline("passthrough", pipe), X[:5], y[:5])
    np.testing.assert_array_equal(
        pipe.predict_proba(X),
        meta.adapt(scaler.transform(X[:5]), y[:5]).predict_proba(scaler.transform(X)),
    )
    skmeta.adapt(pipe)  # by the prior
    assert pipe.predict(X).shape == y.shape


def test_a_pipeline_is_adapted_to_many_tasks(fitted, cancer, routing):
    X, y, groups = cancer
    pipe = make_pipeline(*[step for _, step in fitted.steps])
    skmeta.adapt(pipe, X[:300], y[:300], groups=groups[:300])
    right = pipe.predict(X[300:], groups=groups[300:]) == y[300:]
    assert right.mean() > 0.85


def test_what_cannot_be_adapted_is_named(clinic):
    X, y = clinic
    pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    with pytest.raises(TypeError, match="ends in LogisticRegression"):
        skmeta.adapt(pipe, X, y)
    with pytest.raises(NotFittedError):
        skmeta.adapt(_pipe(), X, y)


# Joining and explaining -----------------------------------------------------------


def _few_shot(fitted, **kwargs):
    """The scaler that the meta-learner was trained behind, then its few-shot face."""
    return make_pipeline(
        FrozenEstimator(fitted[0]), FewShotClassifier(fitted[-1], **kwargs)
    )


@pytest.mark.parametrize("ensemble", [VotingClassifier, StackingClassifier])
def test_ensembles_that_number_labels_are_understood(ensemble, fitted, clinic):
    X, y = clinic
    logistic = make_pipeline(StandardScaler(), LogisticRegression())
    soft = {"voting": "soft"} if ensemble is VotingClassifier else {"cv": 2}
    answers = []
    for how in ({}, {"encoded_labels": True}):
        ours = _few_shot(fitted, **how)
        both = ensemble([("ours", ours), ("logistic", logistic)], **soft)
        both.fit(X[:30], y[:30])
        assert set(both.predict(X)) <= {"malignant", "benign"}
        assert both.score(X[30:], y[30:]) > 0.85
        answers.append(both.predict_proba(X))
    np.testing.assert_array_equal(*answers)


def test_encoded_labels_answer_as_labels_do(fitted, clinic):
    X, y = clinic
    labels = _few_shot(fitted).fit(X[:20], y[:20])
    codes = _few_shot(fitted, encoded_labels=True)
    assert clone(codes)[-1].encoded_labels
    classes, y_codes = np.unique(y, return_inverse=True)
    codes.fit(X[:20], y_codes[:20])
    np.testing.assert_array_equal(codes.predict_proba(X), labels.predict_proba(X))
    np.testing.assert_array_equal(classes[codes.predict(X)], labels.predict(X))
    np.testing.assert_array_equal(codes.classes_, [0, 1])
    with pytest.raises(ValueError, match="must hold all of the codes 0 to 1"):
        codes.fit(X[:5], np.zeros(5, dtype=int))


def test_calibration_and_importance_in_a_pipeline(fitted, clinic):
    X, y = clinic
    calibrated = CalibratedClassifierCV(_few_shot(fitted), cv=2, method="sigmoid")
    calibrated.fit(X[:30], y[:30])
    assert calibrated.score(X[30:], y[30:]) > 0.8
    adapted = _few_shot(fitted).fit(X[:30], y[:30])
    importance = permutation_importance(
        adapted, X[30:], y[30:], scoring="roc_auc", n_repeats=2, random_state=0
    ).importances_mean
    assert importance.shape == (30,)
    assert importance.max() > 0
    # A column that stands still cannot matter.
    still = X.copy()
    still[:, 0] = X[0, 0]
    importance = permutation_importance(
        adapted, still[30:], y[30:], scoring="neg_log_loss", n_repeats=1, random_state=0
    ).importances_mean
    assert importance[0] == 0
    assert np.abs(importance[1:]).max() > 0


def test_a_regressor_is_searched_by_any_metric(diabetes, routing):
    X, y, groups = diabetes
    search = GridSearchCV(
        make_pipeline(StandardScaler(), MetaRegressor("anil", **QUICK)),
        {"metaregressor__n_shot": [3, 6]},
        scoring=few_shot_scorer("neg_median_absolute_error"),
        cv=GroupKFold(2),
        error_score="raise",
    ).fit(X, y, groups=groups)
    assert (search.cv_results_["mean_test_score"] < 0).all()
