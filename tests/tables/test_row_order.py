"""Targets and groups that pandas has in another order than the rows."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skmeta import MetaDataset, MetaRegressor
from skmeta.tables.row_order import warn_of_other_order
from tests.conftest import QUICK

pytestmark = pytest.mark.filterwarnings("ignore:Meta-learning does not help")

WARNED = "have the same index, in different orders"


@pytest.fixture(scope="module")
def table():
    """Twelve tasks of ten rows; y is not sorted."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": rng.normal(size=120),
            "y": rng.normal(size=120),
            "task": np.arange(120) % 12,
        }
    )


@pytest.mark.parametrize("name", ["y", "groups"])
def test_every_verb_warns_of_what_was_sorted_alone(table, name):
    meta = MetaRegressor("r2d2", **QUICK)
    given = {"y": table["y"], "groups": table["task"]}
    meta.fit(table[["x"]], **given)
    given[name] = given[name].sort_values(kind="stable")
    for verb in (meta.fit, meta.adapt, meta.score):
        with pytest.warns(UserWarning, match=f"X and {name} {WARNED}"):
            verb(table[["x"]], **given)
    with pytest.warns(UserWarning, match=f"X and {name} {WARNED}"):
        MetaDataset(table[["x"]], **given)
    if name == "groups":
        with pytest.warns(UserWarning, match=f"X and {name} {WARNED}"):
            meta.predict(table[["x"]], groups=given["groups"])


def test_what_it_says_to_do_puts_rows_in_their_order(table):
    y = table["y"].sort_values()
    assert not y.equals(table["y"])
    assert y.loc[table.index].equals(table["y"])


def test_other_names_and_names_that_come_twice_tell_nothing(table):
    X, y = table[["x"]], table["y"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_other_order(X, y=y, groups=table["task"].to_numpy())
        warn_of_other_order(X, y=y.rename(lambda row: row + 1))
        warn_of_other_order(X, y=y.iloc[:-1])
        warn_of_other_order(X.set_axis([0] * 120), y=y.set_axis([0] * 120))
        warn_of_other_order(X.to_numpy(), y=y.sort_values())
        warn_of_other_order([[1.0], [2.0]], y=[1.0, 2.0])
