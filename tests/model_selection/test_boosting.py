"""Boosting that plain ways have in common."""

import numpy as np
import pytest
import torch  # noqa: F401, which brings OpenMP
from sklearn.dummy import DummyRegressor
from threadpoolctl import threadpool_info, threadpool_limits

from skmeta.model_selection import Pooled


@pytest.mark.parametrize(("n_rows", "expected"), [(60, {1}), (2**15, {2})])
def test_boosting_of_few_rows_is_left_to_one_thread(n_rows, expected):
    numbers = []

    class Boosting(DummyRegressor):
        def fit(self, X, y):
            found = threadpool_info()
            numbers.extend(e["num_threads"] for e in found if e["user_api"] == "openmp")
            return super().fit(X, y)

    X, task = np.zeros((n_rows, 1)), np.arange(n_rows) % 6
    with threadpool_limits(2, user_api="openmp"):
        pooled = Pooled(Boosting()).fit(X, task * 1.0, task)
        pooled.adapt(X[:2], task[:2] * 1.0)
    assert {*numbers} == expected
