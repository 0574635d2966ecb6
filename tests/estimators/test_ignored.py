"""What fit was given and does not use, it tells of."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV, GroupKFold

from skmeta import MetaDataset
from tests.quick import TASK, X, Y, classifier, regressor, wine

pytestmark = pytest.mark.filterwarnings("ignore:Meta-learning does not help")
WINE, CULTIVAR, _ = wine()
BARREL = np.arange(len(WINE)) % 7
POOL = {"tasks": "classes", "n_way": 2}


def told(fit):
    """Return what a call warns of that it ignores."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    return [str(each.message) for each in caught if "ignore" in str(each.message)]


@pytest.mark.parametrize("kind", [np.asarray, list, pd.Series])
def test_groups_beside_tasks_of_one_table_are_told_of_once(kind):
    (message,) = told(lambda: regressor(tasks="table").fit(X, Y, kind(TASK)))
    assert "tasks='table' makes one task of all rows, and ignores groups" in message
    (message,) = told(lambda: classifier(**POOL).fit(WINE, CULTIVAR, kind(BARREL)))
    assert "tasks='classes' makes tasks of the classes, and ignores groups" in message
    (message,) = told(lambda: regressor(tasks="table").partial_fit(X, Y, kind(TASK)))
    assert "ignores groups" in message


def test_a_meta_dataset_beside_tasks_of_one_table_is_told_of():
    waves = MetaDataset(X, Y, TASK, in_support=np.arange(len(Y)) % 2 == 0)
    (message,) = told(lambda: regressor(tasks="table").fit(waves))
    assert "ignores groups and in_support" in message


@pytest.mark.parametrize(
    "fit",
    [
        lambda: regressor().fit(X, Y, TASK),
        lambda: regressor(tasks="table").fit(X, Y),
        lambda: regressor(tasks="table").fit(X, Y, np.zeros(len(Y))),
        lambda: classifier(**POOL).fit(WINE, CULTIVAR),
        lambda: classifier(**POOL).fit(WINE, CULTIVAR, CULTIVAR),
        lambda: classifier(**POOL).fit(MetaDataset(WINE, CULTIVAR, CULTIVAR)),
        lambda: classifier().fit(WINE, CULTIVAR, BARREL, classes=[*set(CULTIVAR)]),
    ],
)
def test_nothing_is_said_where_nothing_is_lost(fit):
    assert told(fit) == []


def test_who_needs_groups_for_folds_alone_can_say_so():
    with sklearn.config_context(enable_metadata_routing=True):
        table = regressor(tasks="table", max_epochs=1).set_fit_request(groups=False)
        table.set_score_request(groups=False)
        search = GridSearchCV(table, {"lr": [0.01]}, cv=GroupKFold(2))
        assert told(lambda: search.fit(X, Y, groups=TASK)) == []


def test_classes_of_values_are_told_of():
    (message,) = told(lambda: regressor().fit(X, Y, TASK, classes=[1, 2]))
    assert "values are learnt" in message
