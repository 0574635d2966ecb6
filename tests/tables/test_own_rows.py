"""Who changes a table after fit or adapt does not change answers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmeta.model_selection import PerTask, Pooled
from skmeta.tables.own_rows import rows_for
from tests.quick import TASK, X, Y, classifier, regressor


@pytest.mark.parametrize(
    ("estimator", "copies"),
    [
        (KNeighborsRegressor(), True),
        (KernelRidge(), True),
        (Ridge(), False),
        (make_pipeline(StandardScaler(), KNeighborsRegressor()), False),
        (make_pipeline(StandardScaler(copy=False), KNeighborsRegressor()), True),
        (make_pipeline(FunctionTransformer(), KNeighborsRegressor()), True),
        (make_pipeline("passthrough", Ridge()), True),
    ],
)
def test_only_those_who_may_keep_rows_get_copies(estimator, copies):
    for rows in (X, pd.DataFrame(X), X.tolist()):
        assert (rows_for(estimator, rows) is not rows) == copies


LEARNERS = {
    "prior of neighbours": lambda: regressor(
        algorithm="gp", prior=KNeighborsRegressor()
    ),
    "prior of kernels": lambda: regressor(algorithm="gp", prior=KernelRidge()),
    "neighbours of a task": lambda: PerTask(KNeighborsRegressor(2)),
    "neighbours of a task, one by one": lambda: PerTask(
        KNeighborsRegressor(2, metric="manhattan")
    ),
    "neighbours of all tasks": lambda: Pooled(KNeighborsRegressor(2)),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_answers_stay_when_the_table_changes(name):
    learner, right = LEARNERS[name](), LEARNERS[name]()
    for verb in ("fit", "adapt"):
        given = X.copy(), Y.copy(), TASK.copy()
        getattr(right, verb)(X, Y, groups=TASK)
        getattr(learner, verb)(*given[:2], groups=given[2])
        for each in given:
            each[:] = 7
    np.testing.assert_array_equal(
        learner.predict(X, groups=TASK), right.predict(X, groups=TASK)
    )


def test_probabilities_of_a_prior_stay_when_the_table_changes():
    labels = (Y > 0).astype(int)
    answers = []
    for own in (X, X.copy()):
        meta = classifier("gp", prior=KNeighborsClassifier())
        meta.fit(own, labels, groups=TASK)
        if own is not X:
            own[:] = 7
        meta.adapt(X[:40], labels[:40], groups=TASK[:40])
        answers.append(meta.predict_proba(X[:40], groups=TASK[:40]))
    np.testing.assert_array_equal(*answers)
