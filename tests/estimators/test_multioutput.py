"""Meta-learners inside estimators that hand on one target after another."""

import numpy as np
import pytest
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta import FewShotRegressor
from tests.quick import TASK, X, Y, classifier, regressor

VALUES = np.column_stack([Y, -Y])
LABELS = (VALUES > 0).astype(int)


@pytest.mark.parametrize("around", [MultiOutputRegressor, RegressorChain])
@pytest.mark.parametrize("inside", [lambda meta: meta, make_pipeline])
def test_regressors_of_one_target_after_another_are_told_of_fit(around, inside):
    meta = inside(regressor(tasks="table"))
    with pytest.raises(ValueError, match=r"y of shape \(n_rows, n_targets\)"):
        around(meta).fit(X, VALUES)


@pytest.mark.parametrize("around", [MultiOutputClassifier, ClassifierChain])
def test_classifiers_of_one_target_after_another_are_told_of_fit(around):
    meta = make_pipeline(StandardScaler(), classifier(tasks="table"))
    with pytest.raises(ValueError, match="MetaClassifier learns several targets"):
        around(meta).fit(X, LABELS)


def test_it_is_found_out_in_other_threads():
    meta = MultiOutputRegressor(regressor(tasks="table"), n_jobs=2)
    with pytest.raises(ValueError, match="learns several targets"):
        meta.fit(X, VALUES)


def test_one_task_may_be_learnt_one_target_after_another():
    meta = regressor().fit(X, Y, groups=TASK)
    few = MultiOutputRegressor(FewShotRegressor(meta)).fit(X[:9], VALUES[:9])
    one = FewShotRegressor(meta).fit(X[:9], -Y[:9])
    np.testing.assert_array_equal(few.predict(X[:4])[:, 1], one.predict(X[:4]))
