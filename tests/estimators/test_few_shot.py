"""Few-shot estimators go wherever a scikit-learn estimator goes."""

import copy

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import StackingRegressor, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmeta import FewShotClassifier, FewShotRegressor, MetaClassifier, MetaRegressor
from tests.quick import TASK, X, Y, classifier, regressor, wine

ALGORITHMS = ["maml", "anil", "protonet"]


@pytest.fixture(scope="module")
def digits():
    """Digits seen in training are 0 to 6; 7, 8 and 9 are new."""
    X, y = load_digits(return_X_y=True)
    return X[y < 7], y[y < 7], X[y >= 7], y[y >= 7]


@pytest.fixture(scope="module")
def metas(digits):
    X, y, *_ = digits
    return {
        algorithm: MetaClassifier(
            algorithm,
            tasks="classes",
            n_way=3,
            max_epochs=4,
            tasks_per_epoch=128,
            lr=0.01,
            random_state=0,
        ).fit(X, y)
        for algorithm in ALGORITHMS
    }


@pytest.fixture(params=ALGORITHMS)
def meta(request, metas):
    """A fitted meta-learner, which must come out of the test as it came in."""
    meta = metas[request.param]
    weights = copy.deepcopy(meta.module_.state_dict())
    kinds = [type(weight) for weight in meta.module_.parameters()]
    adapted, classes = meta.adapted_, meta.classes_
    yield meta
    after = meta.module_.state_dict()
    assert after.keys() == weights.keys()
    assert all(torch.equal(after[name], weights[name]) for name in weights)
    assert [type(weight) for weight in meta.module_.parameters()] == kinds
    assert not meta.module_.training
    assert meta.adapted_ is adapted
    assert meta.classes_ is classes


def test_fit_is_adaptation(meta, digits):
    *_, X, y = digits
    few_shot = FewShotClassifier(meta).fit(X[:15], y[:15])
    adapted = copy.deepcopy(meta).adapt(X[:15], y[:15])
    np.testing.assert_array_equal(few_shot.classes_, [7, 8, 9])
    np.testing.assert_array_equal(few_shot.predict(X), adapted.predict(X))
    np.testing.assert_array_equal(few_shot.predict_proba(X), adapted.predict_proba(X))
    assert few_shot.score(X[15:], y[15:]) == adapted.score(X[15:], y[15:]) > 0.4
    assert few_shot.n_features_in_ == 64
    assert few_shot.meta is meta


def test_it_is_cross_validated(meta, digits):
    *_, X, y = digits
    scores = cross_val_score(
        FewShotClassifier(meta), X[:60], y[:60], cv=3, error_score="raise"
    )
    assert scores.mean() > 0.6
    proba = cross_val_predict(
        FewShotClassifier(meta), X[:60], y[:60], cv=3, method="predict_proba"
    )
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)


def test_it_votes_with_others(meta, digits):
    *_, X, y = digits
    names = np.array(list("abcdefghij"))[y]
    voting = VotingClassifier(
        [
            ("few_shot", FewShotClassifier(meta)),
            ("logistic", LogisticRegression(max_iter=1000)),
        ],
        voting="soft",
    ).fit(X[:30], names[:30])
    assert voting.named_estimators_["few_shot"].meta is meta
    assert voting.score(X[30:], names[30:]) > 0.7


def test_it_is_calibrated(meta, digits):
    *_, X, y = digits
    calibrated = CalibratedClassifierCV(FewShotClassifier(meta), cv=3, ensemble=True)
    calibrated.fit(X[:90], y[:90])
    assert all(
        each.estimator.meta is meta for each in calibrated.calibrated_classifiers_
    )
    assert calibrated.score(X[90:], y[90:]) > 0.45  # chance is a third


def test_it_ends_a_pipeline(meta, digits):
    *_, X, y = digits
    pipe = make_pipeline(FunctionTransformer(), FewShotClassifier(meta))
    plain = FewShotClassifier(meta).fit(X[:15], y[:15])
    np.testing.assert_array_equal(pipe.fit(X[:15], y[:15]).predict(X), plain.predict(X))


def test_threads_may_share_the_meta_learner(meta, digits):
    *_, X, y = digits

    def answers(start):
        few_shot = FewShotClassifier(meta).fit(
            X[start : start + 30], y[start : start + 30]
        )
        return few_shot.predict_proba(X[:100])

    starts = range(0, 480, 4)
    in_threads = Parallel(n_jobs=4, backend="threading")(map(delayed(answers), starts))
    for start, proba in zip(starts, in_threads, strict=True):
        np.testing.assert_array_equal(proba, answers(start))


def test_cross_validation_in_threads_equals_one_after_another(meta, digits):
    *_, X, y = digits
    few_shot = FewShotClassifier(meta)
    with_threads = Parallel(n_jobs=4, backend="threading")(
        delayed(cross_val_score)(few_shot, X[:90], y[:90], error_score="raise")
        for _ in range(6)
    )
    alone = cross_val_score(few_shot, X[:90], y[:90])
    for scores in with_threads:
        np.testing.assert_array_equal(scores, alone)


def test_a_clone_shares_the_fitted_meta_learner_and_not_the_task(meta, digits):
    *_, X, y = digits
    few_shot = FewShotClassifier(meta).fit(X[:15], y[:15])
    other = clone(few_shot)
    assert other.meta is meta
    with pytest.raises(NotFittedError):
        other.predict(X)
    other.fit(X[15:25][y[15:25] != 8], y[15:25][y[15:25] != 8])
    np.testing.assert_array_equal(few_shot.classes_, [7, 8, 9])
    np.testing.assert_array_equal(other.classes_, [7, 9])


def test_parameters_of_a_fitted_meta_learner_stay(meta, digits):
    few_shot = clone(FewShotClassifier(meta))
    before = meta.n_shot
    with pytest.raises(ValueError, match="cannot change a fitted meta-learner"):
        few_shot.set_params(meta__n_shot=7)
    assert meta.n_shot == before


def test_a_clone_of_an_unfitted_meta_learner_is_its_own():
    meta = MetaClassifier()
    assert clone(FewShotClassifier(meta)).meta is not meta


def test_an_unfitted_meta_learner_is_refused(digits):
    *_, X, y = digits
    with pytest.raises(NotFittedError):
        FewShotClassifier(MetaClassifier()).fit(X, y)


def test_what_was_adapted_to_before_does_not_matter(digits):
    X_old, y_old, X, y = digits
    meta = MetaClassifier("protonet", tasks="classes", max_epochs=1, random_state=0)
    meta.fit(X_old, y_old)
    expected = FewShotClassifier(meta).fit(X[:9], y[:9]).predict_proba(X)
    groups = np.repeat([0, 1], 20)
    meta.adapt(X_old[:40], y_old[:40], groups=groups)
    before = meta.predict(X_old, groups=np.zeros(len(X_old), dtype=int))
    few_shot = FewShotClassifier(meta).fit(X[:9], y[:9])
    np.testing.assert_array_equal(few_shot.predict_proba(X), expected)
    np.testing.assert_array_equal(
        meta.predict(X_old, groups=np.zeros(len(X_old), dtype=int)), before
    )


def test_column_names_are_checked():
    table, y = load_digits(return_X_y=True, as_frame=True)
    meta = MetaClassifier("protonet", tasks="classes", max_epochs=1).fit(table, y)
    few_shot = FewShotClassifier(meta).fit(table[:40], y[:40])
    np.testing.assert_array_equal(few_shot.feature_names_in_, table.columns)
    with pytest.raises(ValueError, match="feature names"):
        few_shot.predict(table[table.columns[::-1]])


def test_a_regressor_stacks():
    X, y = load_diabetes(return_X_y=True)
    meta = MetaRegressor(
        "maml", max_epochs=2, tasks_per_epoch=64, n_query=5, random_state=0
    ).fit(X[:300], y[:300], groups=np.arange(300) % 12)
    few_shot = FewShotRegressor(meta)
    assert is_regressor(few_shot)
    assert not is_classifier(few_shot)
    stacked = StackingRegressor([("few_shot", few_shot), ("ridge", Ridge())], cv=3)
    stacked.fit(X[300:], y[300:])
    assert stacked.score(X[300:], y[300:]) > 0.1
    expected = copy.deepcopy(meta).adapt(X[300:], y[300:]).predict(X)
    np.testing.assert_array_equal(few_shot.fit(X[300:], y[300:]).predict(X), expected)
    assert meta.adapted_ is None


def test_it_is_a_classifier(metas):
    assert is_classifier(FewShotClassifier(metas["maml"]))


@pytest.mark.parametrize("meta", ["maml", None])
def test_a_name_is_no_fitted_meta_learner(meta):
    with pytest.raises(TypeError, match=r"MetaClassifier\(...\).fit"):
        FewShotClassifier(meta).fit([[0.0], [1.0]], [0, 1])


@pytest.mark.filterwarnings("ignore:Meta-learning does not help", "ignore:.*too small")
def test_a_meta_learner_makes_an_ordinary_estimator():
    X_w, y, groups = wine()
    meta = classifier(label_space="per_task").fit(X_w, y, groups=groups)
    few_shot = meta.as_classifier()
    assert type(few_shot) is FewShotClassifier
    assert few_shot.meta is meta
    vote = VotingClassifier([("a", few_shot), ("b", meta.as_classifier())])
    assert vote.fit(X_w[::4], y[::4]).score(X_w, y) > 0.6
    few_shot = regressor().fit(X, Y, groups=TASK).as_regressor()
    assert type(few_shot) is FewShotRegressor
    assert few_shot.fit(X[:6], Y[:6]).predict(X).shape == Y.shape


def test_rows_count_by_their_weights_where_the_meta_learner_takes_them():
    meta = regressor(algorithm="r2d2").fit(X, Y, groups=TASK)
    weight = np.array([0.3, 2.0, 1.0, 0.5, 4.0])
    few_shot = FewShotRegressor(meta).fit(X[:5], Y[:5], sample_weight=weight)
    meta.adapt(X[:5], Y[:5], sample_weight=weight)
    np.testing.assert_array_equal(few_shot.predict(X), meta.predict(X))


def test_rows_are_repeated_by_their_weights_where_it_takes_none():
    A, b, task = wine()
    meta = classifier("metaoptnet").fit(A, b, groups=task)
    A, b = A[::20], b[::20]
    few_shot, times = FewShotClassifier(meta), np.arange(len(b)) % 3
    few_shot.fit(A, b, sample_weight=times)
    rows = np.repeat(np.arange(len(b)), times)
    np.testing.assert_array_equal(
        few_shot.predict_proba(A),
        FewShotClassifier(meta).fit(A[rows], b[rows]).predict_proba(A),
    )
    with pytest.raises(ValueError, match="takes no weights of rows"):
        few_shot.fit(A, b, sample_weight=times + 0.5)
    with pytest.raises(ValueError, match="Divide them by a number"):
        few_shot.fit(A, b, sample_weight=times * 1e6)


def test_codes_in_place_of_labels_are_led_back_to_what_they_stand_for():
    A, b, task = wine()
    meta = classifier().fit(A, b, groups=task)
    labels, codes = np.unique(b, return_inverse=True)
    named = FewShotClassifier(meta).fit(A[::9], b[::9])
    coded = FewShotClassifier(meta, encoded_labels=True).fit(A[::9], codes[::9])
    np.testing.assert_array_equal(coded.classes_, [0, 1, 2])
    np.testing.assert_array_equal(labels[coded.predict(A)], named.predict(A))
    np.testing.assert_array_equal(coded.predict_proba(A), named.predict_proba(A))
    two = np.flatnonzero(codes != 1)[::9]  # whose codes may be 0 and 1, or 0 and 2
    with pytest.raises(ValueError, match="must hold all of the codes 0 to 2"):
        coded.fit(A[two], codes[two] // 2)
    named.fit(A[two], b[two])
    coded.set_params(encoded_labels=labels[[2, 0]]).fit(A[two], codes[two] // 2)
    np.testing.assert_array_equal(labels[coded.predict(A) * 2], named.predict(A))
    with pytest.raises(ValueError, match="must hold codes 0 to 1 of the labels"):
        coded.fit(A[two], codes[two])
    with pytest.raises(ValueError, match=r"encoded_labels must be .*not 'yes'"):
        coded.set_params(encoded_labels="yes").fit(A[two], codes[two])


# More rows ----------------------------------------------------------------------------


def same_answers(one, other, rows):
    np.testing.assert_array_equal(one.classes_, other.classes_)
    np.testing.assert_allclose(
        one.predict_proba(rows), other.predict_proba(rows), atol=1e-4
    )
    np.testing.assert_array_equal(one.predict(rows), other.predict(rows))


def test_rows_of_a_partial_fit_are_learnt_as_by_one_fit(meta, digits):
    *_, X, y = digits
    order = np.argsort(y[:30], kind="stable")  # a class after the other
    X, y, rows = X[:30][order], y[:30][order], X[30:60]
    few = FewShotClassifier(meta)
    for part in np.array_split(np.arange(30), 4):
        few.partial_fit(X[part], y[part], classes=[7, 8, 9])
    same_answers(few, FewShotClassifier(meta).fit(X, y), rows)
    assert few.meta is meta


@pytest.mark.parametrize(
    ("given", "y"),
    [
        ({}, LABELS := np.array(["mid", "high", "low", "mid"] * 5)),
        ({"classes": "all"}, LABELS),
        ({"encoded_labels": ["high", "low", "mid"]}, np.array([2, 0, 1, 2] * 5)),
    ],
)
def test_labels_of_all_tasks_join_those_of_the_first_rows(given, y):
    names = np.array(["high", "low", "mid"])[np.arange(len(X)) % 3]
    meta = MetaClassifier("r2d2", max_epochs=1, tasks_per_epoch=8, random_state=0)
    meta.fit(X, names, groups=TASK)
    few = FewShotClassifier(meta, **given).partial_fit(X[:2], y[:2])
    few.partial_fit(X[2:20], y[2:20])
    whole = FewShotClassifier(meta, **given).fit(X[:20], y)
    same_answers(few, whole, X[:30])
    declared = FewShotClassifier(meta, **given)
    declared.partial_fit(X[:1], y[:1], classes=np.unique(y))
    np.testing.assert_array_equal(declared.classes_, whole.classes_)
    assert declared.predict_proba(X[:4]).shape == (4, 3)
    with pytest.raises(ValueError, match=r"unknown|must hold codes"):
        few.partial_fit(X[:1], [17] if "encoded_labels" in given else ["never"])
    same_answers(few, whole, X[:30])


def test_values_of_a_partial_fit_are_learnt_as_by_one_fit():
    meta = regressor().fit(X, Y, groups=TASK)
    few = FewShotRegressor(meta).partial_fit(X[:4], Y[:4])
    first = few.predict(X)
    twin = copy.copy(few).partial_fit(X[4:9], Y[4:9], sample_weight=np.full(5, 2.0))
    np.testing.assert_array_equal(few.predict(X), first)
    weight = np.repeat([1.0, 2.0], [4, 5])
    whole = FewShotRegressor(meta).fit(X[:9], Y[:9], sample_weight=weight)
    np.testing.assert_allclose(twin.predict(X), whole.predict(X), atol=1e-4)
    with pytest.raises(ValueError, match="pass X and y"):
        few.partial_fit(X, None)
