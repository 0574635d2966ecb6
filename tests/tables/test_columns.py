"""Errors about columns that are no numbers say which, and who makes numbers of them."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_wine

from skmeta import MetaClassifier, MetaRegressor, make_preprocessor
from skmeta.bulk import adapt_batches, adapt_parquet, predict_parquet
from skmeta.ensemble import MetaStackingClassifier
from skmeta.model_selection import TaskMean
from skmeta.tables.columns import naming_the_preprocessor

BAD = {
    "missing values": [1.0, np.nan, 3.0],
    "text": ["1,234", "3", "12 %"],
    "dates": pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"]),
}


def frame(kind, n_rows=3):
    values = np.resize(np.asarray(BAD[kind]), n_rows)
    return pd.DataFrame({"height": np.arange(float(n_rows)), "odd one": values})


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return X[:, :2], y, np.arange(len(y)) % 8


def told(kind):
    return rf"{kind} in column \['odd one'\].*make_preprocessor\(\)"


DATES = BAD["dates"]


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"day": DATES}),
        pd.DataFrame({"day": DATES.as_unit("s")}),
        pd.DataFrame({"age": DATES - DATES[0]}),
        DATES.to_numpy()[:, None],
        np.ma.masked_array([[1.0], [2.0], [999.0]], mask=[[0], [0], [1]]),
    ],
    ids=["nanoseconds", "seconds", "durations", "an array", "a mask"],
)
def test_no_number_is_made_of_dates_alone_or_of_what_a_mask_hides(X):
    learner = MetaRegressor("r2d2", tasks="table", max_epochs=1, tasks_per_epoch=2)
    with pytest.raises(ValueError, match=r"make_preprocessor\(\)"):
        learner.fit(X, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("kind", BAD)
def test_every_verb_names_the_column_and_the_cure(kind, wine):
    X, y, groups = wine
    good = pd.DataFrame(X, columns=["height", "odd one"])
    bad = frame(kind, len(y))
    meta = MetaClassifier("protonet", max_epochs=1, tasks_per_epoch=32)
    with pytest.raises(ValueError, match=told(kind)):
        meta.fit(bad, y, groups=groups)
    meta.fit(good, y, groups=groups).adapt(good, y)
    with pytest.raises(ValueError, match=told(kind)):
        meta.adapt(bad, y)
    with pytest.raises(ValueError, match=told(kind)):
        meta.predict(bad)
    with pytest.raises(ValueError, match=told(kind)):
        MetaStackingClassifier().fit(bad, y, groups=groups)


LISTS = {
    "lists": [[1.0, 2.0], [3.0]],
    "lists and gaps": [None, [3.0]],
    "arrays": [np.ones(2), np.zeros(2)],
    "dictionaries": [{"a": 1}, {"b": 2}],
}


@pytest.mark.parametrize("kind", LISTS)
def test_every_verb_names_columns_of_lists_or_other_objects(kind, wine, tmp_path):
    X, y, groups = wine
    good = pd.DataFrame(X, columns=["height", "odd one"])
    values = pd.Series([LISTS[kind][i % 2] for i in range(len(y))], dtype=object)
    bad = good.assign(**{"odd one": values})
    what = "other objects" if kind == "dictionaries" else "lists"
    named = rf"{what} in column \['odd one'\]"
    error = TypeError if kind == "dictionaries" else ValueError
    meta = MetaClassifier("protonet", max_epochs=1, tasks_per_epoch=32)
    with pytest.raises(error, match=named):
        meta.fit(bad, y, groups=groups)
    meta.fit(good, y, groups=groups).adapt(good, y)
    for call in (meta.predict, lambda X: meta.adapt(X, y)):
        with pytest.raises(error, match=named) as caught:
            call(bad)
        assert "make_preprocessor" not in str(caught.value)
    rows = tmp_path / "rows.parquet"
    bad.assign(y=y, task=groups).to_parquet(rows)
    with pytest.raises(error, match=named):
        adapt_parquet(meta, rows, tmp_path / "bad", groups="task", target="y")
    with pytest.raises(error, match=named):
        next(adapt_batches(meta, [(bad, y, np.sort(groups))]))
    tasks = tmp_path / "tasks"
    good.assign(y=y, task=groups).to_parquet(tmp_path / "good.parquet")
    adapt_parquet(meta, tmp_path / "good.parquet", tasks, groups="task", target="y")
    with pytest.raises(error, match=named):
        predict_parquet(meta, tasks, rows, tmp_path / "answers.parquet")


def test_rows_of_different_lengths_are_told_of(wine):
    X, y, groups = wine
    rows = X.tolist()
    rows[5] = [1.0]
    with pytest.raises(ValueError, match="Row 0 of X has 2 features and row 5 has 1"):
        MetaClassifier().fit(rows, y, groups=groups)


@pytest.mark.parametrize("kind", BAD)
def test_the_cure_cures(kind, wine):
    _, y, groups = wine
    X = make_preprocessor().fit_transform(frame(kind, len(y)), y)
    MetaClassifier("protonet", max_epochs=1, tasks_per_epoch=32).fit(
        X, y, groups=groups
    )


@pytest.mark.parametrize("table", [[[1, np.nan]], [["a", 1]], [[1, None]]])
def test_columns_without_names_have_numbers(table):
    X = np.array(table, dtype=object)
    with (
        pytest.raises(ValueError, match=r"in column \[[01]\]"),
        naming_the_preprocessor(X, "MetaClassifier"),
    ):
        raise ValueError("Input X contains NaN.\nAnd a page about other estimators.")


def test_other_errors_are_left_alone(wine):
    X, y, groups = wine
    meta = MetaClassifier()
    with pytest.raises(ValueError, match="infinity") as caught:
        meta.fit(np.where(X > 14, np.inf, X), y, groups=groups)
    assert "make_preprocessor" not in str(caught.value)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples"):
        meta.fit(X, y[:-1], groups=groups)


@pytest.mark.parametrize(
    "make",
    [
        partial(MetaClassifier, "protonet", max_epochs=1),
        partial(TaskMean, "classifier"),
        MetaStackingClassifier,
    ],
)
def test_a_column_or_a_row_in_place_of_a_table_is_told_of(make, wine):
    X, y, groups = wine
    table = pd.DataFrame(X, columns=["alcohol", "acid"])
    with pytest.raises(ValueError, match=r"Expected (a 2-dim|2D)"):
        make().fit(table["alcohol"], y, groups=groups)
    if make is MetaStackingClassifier:  # fits too long
        return
    fitted = make().fit(table, y, groups=groups).adapt(table[:5], y[:5])
    with pytest.raises(ValueError, match=r"Expected (a 2-dim|2D)"):
        fitted.predict(table.iloc[0])


def test_sparse_rows_are_refused_with_the_cure(wine):
    X, y, groups = wine
    with pytest.raises(TypeError, match="toarray"):
        MetaClassifier().fit(csr_matrix(X), y, groups=groups)
