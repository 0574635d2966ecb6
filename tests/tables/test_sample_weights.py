"""Weights of rows and of classes, and supports that rare classes take part in."""

from functools import partial

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from skmeta import (
    FewShotClassifier,
    FewShotRegressor,
    MetaClassifier,
    MetaRegressor,
    plugins,
)
from skmeta.algorithms import CNP, MatchingNet
from skmeta.backbones import MLP
from skmeta.builtin import skmeta_algorithms
from skmeta.tables.labels import TaskLabels
from skmeta.tables.sample_weights import (
    balanced_in_tasks,
    check_class_weight,
    check_weights,
)
from skmeta.testing.algorithms import laws

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*are too small for"
)

QUICK = {"max_epochs": 2, "tasks_per_epoch": 32, "n_query": 5, "random_state": 0}
WEIGHING = ["maml", "protonet", "cnp", CNP(attention=True), "matching", "r2d2"]


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return X, y, np.random.default_rng(0).integers(9, size=len(y))


def fitted(algorithm, wine, estimator=MetaClassifier, **options):
    X, y, groups = wine
    meta = estimator(algorithm, **{**QUICK, **options})
    return meta.fit(X, y, groups=groups)


def answers(meta, X):
    return meta.predict_proba(X) if hasattr(meta, "predict_proba") else meta.predict(X)


@pytest.mark.parametrize("normalize", ["global", "task"])
@pytest.mark.parametrize("label_space", ["shared", "per_task", None])
@pytest.mark.parametrize("algorithm", WEIGHING, ids=str)
def test_in_adapt_a_weight_is_a_number_of_rows(wine, algorithm, label_space, normalize):
    X, y, _ = wine
    if label_space is None:
        if algorithm in ("protonet", "matching"):
            pytest.skip("for classes only")
        meta = fitted(algorithm, wine, MetaRegressor, normalize=normalize)
    else:
        meta = fitted(algorithm, wine, label_space=label_space, normalize=normalize)
    few, weight = np.arange(0, 178, 12), np.arange(15) % 3
    repeated = np.repeat(few, weight)
    expected = answers(meta.adapt(X[repeated], y[repeated]), X)
    weighted = answers(meta.adapt(X[few], y[few], sample_weight=weight), X)
    np.testing.assert_allclose(weighted, expected, rtol=1e-3, atol=2e-4)
    plain = answers(meta.adapt(X[few], y[few]), X)
    error = np.abs(weighted - expected).max()
    assert np.abs(plain - expected).max() > 5 * error
    ones = answers(meta.adapt(X[few], y[few], sample_weight=np.ones(15)), X)
    np.testing.assert_allclose(ones, plain, rtol=1e-4, atol=1e-5)


def test_in_adapt_a_task_without_weight_is_not_there(wine):
    X, y, groups = wine
    meta = fitted("protonet", wine)
    weight = (groups != 3).astype(float)
    meta.adapt(X, y, groups=groups, sample_weight=weight)
    with pytest.raises(ValueError, match=r"No task was adapted for the groups \[3\]"):
        meta.predict(X, groups=groups)
    there = groups != 3
    got = meta.predict_proba(X[there], groups=groups[there])
    meta.adapt(X[there], y[there], groups=groups[there])
    expected = meta.predict_proba(X[there], groups=groups[there])
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("estimator", [MetaClassifier, MetaRegressor])
def test_in_fit_rows_without_weight_are_not_there_and_ones_change_nothing(
    wine, estimator
):
    X, y, groups = wine
    there = np.arange(len(y)) % 4 > 0
    meta = estimator("maml", **QUICK)
    few, expected = clone(meta).fit(X[there], y[there], groups=groups[there]), None
    expected = answers(few.adapt(X[:9], y[:9]), X)
    weighted = clone(meta).fit(X, y, groups=groups, sample_weight=there.astype(float))
    got = answers(weighted.adapt(X[:9], y[:9]), X)
    np.testing.assert_array_equal(got, expected)
    ones = clone(meta).fit(X, y, groups=groups, sample_weight=np.ones(len(y)))
    plain = clone(meta).fit(X, y, groups=groups)
    np.testing.assert_allclose(
        answers(ones.adapt(X[:9], y[:9]), X),
        answers(plain.adapt(X[:9], y[:9]), X),
        rtol=1e-3,
        atol=1e-4,
    )


def test_in_fit_rows_of_great_weight_are_learnt():
    # Two kinds of rows contradict each other; the weights say which is right.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2))
    truth, groups = (X[:, 0] > 0).astype(int), np.arange(600) % 20
    wrong = rng.random(600) < 0.5
    y = np.where(wrong, 1 - truth, truth)
    meta = MetaClassifier("cnp", max_epochs=15, tasks_per_epoch=64, random_state=0)
    for trusted, expected in [(~wrong, 1.0), (wrong, 0.0)]:
        weight = np.where(trusted, 1.0, 1e-3)
        meta.fit(X, y, groups=groups, sample_weight=weight)
        agrees = (meta.adapt().predict(X) == truth).mean()
        assert agrees == pytest.approx(expected, abs=0.1)


def test_weights_are_refused_by_algorithms_that_ignore_them(wine):
    X, y, groups = wine
    full = MetaClassifier(MatchingNet(full_context=True), **QUICK)
    with pytest.raises(ValueError, match="takes no weights of rows: leave sample_wei"):
        full.fit(X, y, groups=groups, sample_weight=np.ones(len(y)))
    with pytest.raises(ValueError, match="leave class_weight out"):
        clone(full).set_params(class_weight="balanced").fit(X, y, groups=groups)
    full.fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="takes no weights"):
        full.adapt(X[:9], y[:9], sample_weight=np.ones(9))
    weight = np.ones(len(y))  # of the score alone
    assert full.score(X, y, groups=groups, sample_weight=weight) == full.score(
        X, y, groups=groups
    )


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(178), "zero"),
        (-np.ones(178), "[Nn]egative"),
        (np.ones(7), "sample_weight"),
        (np.full(178, np.nan), "NaN"),
    ],
)
def test_weights_that_are_none_are_errors(wine, weight, message):
    X, y, groups = wine
    with pytest.raises(ValueError, match=message):
        MetaClassifier("maml", **QUICK).fit(X, y, groups=groups, sample_weight=weight)


@pytest.mark.parametrize("algorithm", ["maml", "fomaml", "anil", "maml++", "imaml"])
def test_written_out_gradients_of_relu_networks_are_weighed(algorithm):
    relu = MLP(hidden=(8, 8), activation="relu")
    laws.a_row_of_weight_two_counts_twice(algorithm, backbone=relu)


def test_few_shot_estimators_take_weights(wine):
    X, y, _ = wine
    weight = np.arange(9) % 2 + 1.0
    for estimator, few_shot in [
        (MetaClassifier, partial(FewShotClassifier, classes="all")),
        (MetaRegressor, FewShotRegressor),
    ]:
        meta = fitted("maml", wine, estimator)
        few = few_shot(meta).fit(X[:9], y[:9], sample_weight=weight)
        meta.adapt(X[:9], y[:9], sample_weight=weight)
        np.testing.assert_array_equal(answers(few, X), answers(meta, X))


def test_weights_are_routed_where_they_are_requested(wine):
    X, y, groups = wine
    weight = np.where(y == 0, 5.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        meta = MetaClassifier("protonet", **QUICK)
        meta.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        search = GridSearchCV(
            make_pipeline(scaler, meta),
            {"metaclassifier__n_shot": [3]},
            cv=GroupKFold(2),
            error_score="raise",
        )
        search.fit(X, y, groups=groups, sample_weight=weight)
    train, test = next(GroupKFold(2).split(X, y, groups))
    scaler = StandardScaler().fit(X[train])
    Z = scaler.transform(X)
    alone = clone(meta).set_params(n_shot=3)
    alone.fit(Z[train], y[train], groups[train], sample_weight=weight[train])
    score = alone.score(
        Z[test], y[test], sample_weight=weight[test], groups=groups[test]
    )
    assert search.cv_results_["split0_test_score"][0] == pytest.approx(score)


def test_balanced_weights_are_those_of_scikit_learn(wine):
    _, y, _ = wine
    meta = fitted("protonet", wine, class_weight="balanced")
    expected = compute_class_weight("balanced", classes=np.unique(y), y=y)
    np.testing.assert_allclose(meta.class_weight_, expected)


@pytest.mark.parametrize("label_space", ["shared", "per_task"])
def test_class_weights_are_weights_of_rows(wine, label_space):
    X, y, _ = wine
    few = np.r_[0:8, 60:63, 140]  # 8, 3 and 1 of the classes
    by_class = {0: 0.5, 2: 3.0}
    meta = fitted("maml", wine, label_space=label_space, class_weight=by_class)
    weighted = meta.adapt(X[few], y[few]).predict_proba(X)
    weight = np.array([0.5, 1.0, 3.0])[y[few]]
    meta.given_class_weight_ = None
    expected = meta.adapt(X[few], y[few], sample_weight=weight).predict_proba(X)
    np.testing.assert_allclose(weighted, expected, atol=1e-6)


def test_balanced_per_task_labels_count_the_same_in_each_support(wine):
    X, y, _ = wine
    few = np.r_[0:8, 60:63, 140]
    meta = fitted("maml", wine, label_space="per_task", class_weight="balanced")
    balanced = meta.adapt(X[few], y[few]).predict_proba(X)
    weight = 12 / (3 * np.array([8, 3, 1]))[y[few]]
    meta.given_class_weight_ = None
    expected = meta.adapt(X[few], y[few], sample_weight=weight).predict_proba(X)
    np.testing.assert_allclose(balanced, expected, atol=1e-6)


def test_balanced_weights_of_a_task_are_those_of_scikit_learn(wine):
    def balanced(y, task, weight=None):
        labels, codes = TaskLabels.per_task(y, task, 9)
        blocks = [
            (y[own], task[own], None if weight is None else weight[own])
            for own in (slice(50), slice(50, None))
        ]
        return balanced_in_tasks(labels, blocks)[labels.first[task] + codes]

    _, y, task = wine
    weight = balanced(y, task)
    for t in range(9):
        own = y[task == t]
        expected = compute_sample_weight("balanced", own)
        np.testing.assert_allclose(weight[task == t], expected)
    # A weight of 2 is a row given twice here as well.
    twice = np.repeat(np.arange(len(y)), 1 + np.arange(len(y)) % 2)
    repeated = balanced(y[twice], task[twice])
    weighted = balanced(y, task, 1.0 + np.arange(len(y)) % 2)
    np.testing.assert_allclose(weighted[twice], repeated)


def test_class_weights_of_no_class_are_errors(wine):
    with pytest.raises(ValueError, match="class_weight names \\['red'\\]"):
        fitted("maml", wine, class_weight={"red": 2.0})
    with pytest.raises(ValueError, match=r"not positive and finite: \{0: -1\}"):
        fitted("maml", wine, class_weight={0: -1})
    # Whose rows count for nothing cannot be learnt.
    with pytest.raises(ValueError, match=r"not positive and finite: \{0: 0\}"):
        fitted("maml", wine, class_weight={0: 0})
    with pytest.raises(ValueError, match=r"finite: \{0: inf, 1: nan\}"):
        fitted("maml", wine, class_weight={0: np.inf, 1: np.nan})


WEIGHS = [
    name
    for name, cls in skmeta_algorithms().items()
    if "classifier" in cls.kinds and "per_task" in cls.label_spaces
    if plugins.resolve("algorithm", name).uses_weights
]


@pytest.mark.parametrize("name", WEIGHS)
def test_a_class_of_more_weight_is_likelier_whatever_the_algorithm(name, wine):
    X, y, _ = wine
    meta = fitted(name, wine, label_space="per_task", n_way=2)
    few = np.r_[np.flatnonzero(y == 0)[:4], np.flatnonzero(y == 1)[:4]]
    plain = meta.adapt(X[few], y[few]).predict_proba(X)
    meta.given_class_weight_ = {0: 50.0, 1: 0.02}
    heavy = meta.adapt(X[few], y[few]).predict_proba(X)
    assert heavy[:, 0].mean() > plain[:, 0].mean()
    np.testing.assert_array_equal(
        meta.predict(X)[heavy[:, 0] > 0.51], 0, "predict and predict_proba differ"
    )


@pytest.mark.parametrize("name", ["protonet", "simpleshot", "relation", "baseline++"])
def test_the_weight_of_a_mean_multiplies_its_odds(name, wine):
    X, y, _ = wine
    meta = fitted(name, wine, label_space="per_task", n_way=3)
    groups = np.where(y == 2, 1, np.arange(len(y)) % 2)  # a task of two, one of three
    plain = meta.adapt(X, y, groups=groups).predict_proba(X, groups=groups)
    meta.given_class_weight_ = {1: 3.0}
    heavy = meta.adapt(X, y, groups=groups).predict_proba(X, groups=groups)
    sure = plain[:, :2].min(axis=1) > 1e-4
    odds = (heavy[sure, 1] / heavy[sure, 0]) / (plain[sure, 1] / plain[sure, 0])
    np.testing.assert_allclose(odds, 3, rtol=1e-3)
    assert (heavy[groups == 0][:, 2] == 0).all()
    meta.given_class_weight_ = "balanced"
    if name != "baseline++":  # whose steps weigh rows
        balanced = meta.adapt(X, y, groups=groups).predict_proba(X, groups=groups)
        np.testing.assert_allclose(balanced, plain, atol=1e-5)


def rare_class(n_tasks, seed):
    """Make tasks whose class 1, a tenth of the rows, is hard to tell."""
    rng = np.random.default_rng(seed)
    y = (rng.random((n_tasks, 60)) < 0.1).astype(int)
    centre = rng.normal(size=(n_tasks, 1, 3))
    X = rng.normal(size=(n_tasks, 60, 3)) + (y[..., np.newaxis] * (1 + 0.3 * centre))
    return X.reshape(-1, 3), y.ravel(), np.repeat(np.arange(n_tasks), 60)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["maml", "cnp"])
def test_balanced_classes_raise_the_balanced_accuracy(algorithm):
    X, y, groups = rare_class(100, seed=0)
    X_new, y_new, new = rare_class(40, seed=1)
    few = np.arange(len(new)) % 60 < 20
    scores = {}
    for class_weight in (None, "balanced"):
        meta = MetaClassifier(
            algorithm,
            class_weight=class_weight,
            n_shot=20,
            max_epochs=15,
            random_state=0,
        )
        meta.fit(X, y, groups=groups)
        meta.adapt(X_new[few], y_new[few], groups=new[few])
        predicted = meta.predict(X_new[~few], groups=new[~few])
        scores[class_weight] = balanced_accuracy_score(y_new[~few], predicted)
    assert scores["balanced"] > scores[None] + 0.05, scores


def test_scores_of_stratified_supports_know_the_rare_class():
    X, y, groups = rare_class(30, seed=0)
    meta = MetaClassifier("maml", n_shot=4, stratify=True, **QUICK)
    meta.fit(X, y, groups=groups)
    assert 0 < meta.score(X, y, groups=groups) <= 1
    seen = []
    learn = meta._learn

    def spy(rows):
        y, task = rows.y, rows.task
        seen.extend(len(np.unique(y[task == t])) for t in np.unique(task))
        return learn(rows)

    meta._learn = spy
    meta.score(X, y, groups=groups)
    there = [len(np.unique(y[groups == g])) for g in np.unique(groups)]
    assert seen == there


def test_weights_beyond_single_precision_are_refused_and_tiny_ones_are_zero():
    weights = np.array([0.0, 1e-45, 1e-31, 1e-29, 1.0])
    assert check_weights(weights, weights).tolist() == [0, 0, 0, 1e-29, 1]
    with pytest.raises(ValueError, match=r"reaches 1e\+20.*divide all"):
        check_weights(weights * 1e20, weights)
    with pytest.raises(ValueError, match="All weights are zero"):
        check_weights(weights[:3], weights[:3])


@pytest.mark.parametrize("weight", ["2", np.nan, np.inf, 1e20, 0, -1])
def test_class_weights_are_positive_numbers(weight):
    with pytest.raises(ValueError, match=r"positive and finite.*'a'"):
        check_class_weight({"a": weight}, np.array(["a", "b"]))


@pytest.mark.parametrize("of_tasks", [True, False])
def test_score_takes_one_weight_of_zero_or_more_for_each_row(wine, of_tasks):
    X, y, groups = wine
    meta = MetaClassifier("protonet", **QUICK).fit(X, y, groups=groups)
    meta.adapt(X, y)
    task = {"groups": groups} if of_tasks else {}
    usual = meta.score(X[:80], y[:80], **{k: v[:80] for k, v in task.items()})
    task = {k: v[:80] for k, v in task.items()}
    assert meta.score(X[:80], y[:80], sample_weight=2.0, **task) == usual
    for wrong in (np.where(y[:80] == 0, -1.0, 1.0), np.ones(79)):
        with pytest.raises(ValueError, match=r"[Nn]egative|expected"):
            meta.score(X[:80], y[:80], sample_weight=wrong, **task)
