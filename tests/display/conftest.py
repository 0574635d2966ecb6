"""Learners to show, and figures that are closed again."""

import matplotlib.pyplot as plt
import pytest
from sklearn.datasets import load_digits

from skmeta import MetaClassifier, MetaRegressor
from skmeta.datasets import make_sinusoids


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def sinusoids():
    return make_sinusoids(n_tasks=20, n_rows=20, random_state=0)


@pytest.fixture(scope="module")
def maml(sinusoids):
    X, y, task = sinusoids
    meta = MetaRegressor("maml", max_epochs=3, early_stopping=True, random_state=0)
    return meta.fit(X, y, groups=task)


@pytest.fixture(scope="module")
def protonet():
    X, y = load_digits(return_X_y=True)
    meta = MetaClassifier("protonet", tasks="classes", max_epochs=1, random_state=0)
    return meta.fit(X[y < 7], y[y < 7]), X[y >= 7], y[y >= 7]
