"""The few-shot classifier goes wherever a scikit-learn classifier goes."""

import copy

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmeta import FewShotClassifier, MetaClassifier
from tests.quick import TASK, X


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


def test_it_is_a_classifier(metas):
    assert is_classifier(FewShotClassifier(metas["maml"]))


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


@pytest.mark.parametrize("never", ["hot", "zero"])  # amid labels that are known, beyond
def test_labels_that_the_meta_learner_does_not_know_are_not_declared(never):
    names = np.array(["high", "low", "mid"])[np.arange(len(X)) % 3]
    meta = MetaClassifier("r2d2", max_epochs=1, tasks_per_epoch=8, random_state=0)
    meta.fit(X, names, groups=TASK)
    few = FewShotClassifier(meta).partial_fit(X[:2], ["low", "mid"])
    with pytest.raises(ValueError, match=f"'{never}'.* unknown to the shared"):
        few.partial_fit(X[2:4], ["mid", "low"], classes=["low", "mid", never])
    np.testing.assert_array_equal(few.classes_, ["low", "mid"])
    codes = FewShotClassifier(meta, classes="all", encoded_labels=["low", "mid", never])
    with pytest.raises(ValueError, match=f"'{never}'.* unknown to the shared"):
        codes.fit(X[:2], [1, 2] if never < "low" else [0, 1])
