"""Targets are taken for what they are, and for nothing else."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression, Ridge

from skmeta import FewShotClassifier, MetaClassifier, MetaRegressor
from skmeta.ensemble import MetaStackingClassifier, MetaStackingRegressor
from skmeta.model_selection import PerTask, TaskMean, few_shot_curve
from skmeta.tables.targets import as_they_are

QUICK = {"max_epochs": 1, "tasks_per_epoch": 4, "random_state": 0}
QUICK |= {"early_stopping": False}

X, LABEL = load_wine(return_X_y=True)
X = X[:, :2]
TASK = np.arange(len(X)) % 6


def classifiers():
    return [
        MetaClassifier("protonet", **QUICK),
        PerTask(LogisticRegression()),
        MetaStackingClassifier([("mean", TaskMean("classifier"))], random_state=0),
    ]


def regressors():
    return [
        MetaRegressor("r2d2", **QUICK),
        PerTask(Ridge()),
        MetaStackingRegressor([("mean", TaskMean("regressor"))], random_state=0),
    ]


@pytest.mark.parametrize("missing", [False, True], ids=["all known", "one missing"])
@pytest.mark.parametrize("learner", classifiers(), ids=repr)
def test_a_number_and_the_word_for_it_are_not_one_label(learner, missing):
    y = [1 if label == 0 else str(label) for label in LABEL]
    if missing:
        y[0] = None
    with pytest.raises(ValueError, match="y holds words and numbers"):
        learner.fit(X, y, groups=TASK)


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]"])
@pytest.mark.parametrize("learner", classifiers(), ids=repr)
def test_large_integers_of_pandas_stay_apart(learner, dtype):
    pytest.importorskip("pyarrow")
    y = pd.Series(2**60 + LABEL, dtype=dtype)
    learner.fit(X, y, groups=TASK).adapt(X, y, groups=TASK)
    assert learner.classes_.tolist() == [2**60, 2**60 + 1, 2**60 + 2]
    assert set(learner.predict(X, groups=TASK)) <= set(learner.classes_)
    if isinstance(learner, MetaClassifier):
        few = FewShotClassifier(learner).fit(X, y)
        assert few.classes_.dtype == np.int64


@pytest.mark.parametrize("missing", [False, True], ids=["all known", "one missing"])
def test_judges_tell_large_integers_of_pandas_apart(missing):
    labels = [LABEL, 2**60 + LABEL]
    scores = []
    for each in labels:
        y = pd.Series(each, dtype="Int64")
        y[:6] = pd.NA if missing else y[:6]
        way = PerTask(LogisticRegression())
        scores.append(few_shot_curve(way, X, y, TASK, shots=(9,)).score[0])
    assert scores[0] == scores[1] < 1


@pytest.mark.parametrize("learner", regressors(), ids=repr)
def test_dates_are_no_values_with_a_gap_among_them_either(learner):
    y = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(LABEL, unit="D"))
    for each in (y, y.where(np.arange(len(y)) > 0)):
        with pytest.raises(ValueError, match="must hold numbers"):
            learner.fit(X, each, groups=TASK)


def test_a_mask_hides_targets():
    value, hidden = X[:, 0].copy(), np.arange(len(X)) % 5 == 0
    gaps = np.where(hidden, np.nan, value)
    value[hidden] = 1e6
    meta = MetaRegressor("r2d2", **QUICK)
    answers = [
        meta.fit(X, y, groups=TASK).adapt(X[:9], y[:9]).predict(X)
        for y in (np.ma.masked_array(value, mask=hidden), gaps)
    ]
    np.testing.assert_array_equal(*answers)


def test_a_mask_over_a_part_of_a_row_is_refused():
    y = np.ma.masked_array(X.copy(), mask=False)
    y[3, 1] = np.ma.masked
    with pytest.raises(ValueError, match="Mask all of them"):
        MetaRegressor("r2d2", **QUICK).fit(X, y, groups=TASK)


def test_usual_targets_are_not_copied():
    for y in (np.arange(3), pd.Series([1.0, 2.0]), pd.Series(["a", "b"]), None):
        assert as_they_are(y) is y


@pytest.mark.parametrize("values", [[1.0, 2.0], (1, 2), {"a": 1}, np.ones(2)])
@pytest.mark.parametrize("learner", [MetaClassifier, MetaRegressor])
def test_targets_that_are_lists_are_told_of(learner, values):
    y = pd.Series([values] * 12, dtype=object)
    X, groups = np.arange(12.0)[:, None], np.arange(12) % 3
    kind = type(values).__name__
    with pytest.raises(ValueError, match=f"y holds values of type {kind}, such as"):
        learner().fit(X, y, groups=groups)


def test_numbers_among_gaps_are_the_same_where_no_gap_is():
    """A slice of a column with gaps is of objects, too, and may have none."""
    grade = np.arange(len(X)) % 3 + 1
    y = pd.Series([None, *grade[1:].tolist()], dtype=object)
    meta = MetaClassifier("r2d2", **QUICK).fit(X, y, groups=TASK)
    rows = slice(1, 10)
    answers = [
        meta.adapt(X[rows], own[rows]).predict(X) for own in (y, y.to_numpy(), grade)
    ]
    assert meta.classes_.tolist() == [1, 2, 3]
    assert answers[0].dtype.kind == "i"
    np.testing.assert_array_equal(answers[0], answers[2])
    np.testing.assert_array_equal(answers[1], answers[2])
