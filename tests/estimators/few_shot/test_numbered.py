"""Who in scikit-learn hands on numbers in place of labels, and of which."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier, _bagging, _base
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import _validation
from sklearn.multiclass import OneVsRestClassifier, _fit_binary, _fit_ovo_binary

from skmeta.estimators.few_shot.numbered import (
    _VOTES,
    NO_LABELS,
    _of_ensemble,
    _of_worker,
    numberings,
)

LABELS = np.array(["a", "b"])


def test_functions_of_scikit_learn_are_known_by_the_names_that_they_have():
    for function, known, by, labels in [
        (_base._fit_single_estimator, {}, _VOTES, None),
        (_fit_binary, {}, NO_LABELS, None),
        (_fit_ovo_binary, {"i": 1, "j": 3}, NO_LABELS, [1, 3]),
        (
            _bagging._parallel_build_estimators,
            {"ensemble": SimpleNamespace(classes_=LABELS)},
            "BaggingClassifier",
            LABELS,
        ),
        (
            _validation._fit_and_predict,
            {"method": "predict_proba"},
            "cross_val_predict",
            None,
        ),
        (
            _validation.cross_val_predict,
            {"le": SimpleNamespace(classes_=LABELS)},
            "cross_val_predict",
            LABELS,
        ),
    ]:
        found = _of_worker(function.__name__, known)
        assert found.by == by
        np.testing.assert_array_equal(found.labels, labels)
    assert _of_worker("_fit_and_predict", {"method": "predict"}) is None
    assert _of_worker("cross_val_predict", {}) is None
    assert _of_worker("fit", {}) is None


@pytest.mark.parametrize("cls", [VotingClassifier, StackingClassifier])
def test_votes_and_stacks_know_their_labels(cls):
    ensemble = cls([("one", LogisticRegression())])
    ensemble.classes_ = LABELS
    assert _of_ensemble(ensemble) == (_VOTES, LABELS)


def test_others_number_labels_in_some_cases_only():
    calibrated = CalibratedClassifierCV(method="temperature")
    calibrated.classes_ = LABELS.astype(object)
    assert _of_ensemble(calibrated).labels is calibrated.classes_
    calibrated.classes_ = np.array([3, 7])
    assert _of_ensemble(calibrated) is None
    calibrated = CalibratedClassifierCV(method="isotonic")
    calibrated.classes_ = LABELS.astype(object)
    assert _of_ensemble(calibrated) is None
    X, y = np.arange(6)[:, np.newaxis], np.array(list("aabbcc"))
    one_of_two = OneVsRestClassifier(LogisticRegression()).fit(X[:4], y[:4])
    assert _of_ensemble(one_of_two).by == NO_LABELS
    assert _of_ensemble(one_of_two).labels.tolist() == ["a", "b"]
    assert _of_ensemble(one_of_two.fit(X, y)) is None
    assert _of_ensemble(LogisticRegression()) is None


def test_nobody_numbers_labels_of_a_plain_call():
    assert numberings() == []
