"""Tables of polars and Arrow are learnt from as those of pandas are."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from skmeta import MetaClassifier, MetaRegressor, make_preprocessor
from skmeta.ensemble import MetaStackingRegressor
from skmeta.evaluation import read_table
from skmeta.model_selection import MixedLinear, PooledWithResidual

pd = pytest.importorskip("pandas")


def as_polars(table):
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")  # hands tables over
    return polars.from_pandas(table)


def as_arrow(table):
    return pytest.importorskip("pyarrow").Table.from_pandas(table)


@pytest.fixture(params=[as_polars, as_arrow])
def convert(request):
    return request.param


@pytest.fixture(scope="module")
def table():
    """Return 20 tasks of 8 rows, as a DataFrame of pandas with gaps in the targets."""
    rng = np.random.default_rng(0)
    store = np.repeat([f"store {i}" for i in range(20)], 8)
    rows = pd.DataFrame({"store": store, "price": rng.normal(size=160)})
    rows["day"] = pd.date_range("2025-01-01", periods=160)
    rows["kind"] = rng.choice(["a", "b"], 160)
    rows["sales"] = rows["price"] + np.repeat(rng.normal(size=20), 8)
    rows["sold"] = np.where(rows["sales"] > 0, "yes", "no")
    rows.loc[::9, ["sales", "sold"]] = None  # rows without a target
    return rows


def answers(estimator, table, target):
    """Return what is learnt from columns of a table, and what it calls them."""
    X = table.select(["price"]) if hasattr(table, "select") else table[["price"]]
    y, groups = table[target], table["store"]
    estimator.fit(X, y, groups=groups).adapt(X, y, groups=groups)
    return estimator.predict(X, groups=groups), list(estimator.feature_names_in_)


@pytest.mark.parametrize("kind", [MetaClassifier, MetaRegressor])
def test_answers_are_those_of_pandas(kind, table, convert):
    target = "sold" if kind is MetaClassifier else "sales"

    def fresh():
        return kind("maml", max_epochs=1, tasks_per_epoch=8, random_state=0)

    expected, names = answers(fresh(), table, target)
    given, given_names = answers(fresh(), convert(table), target)
    assert np.array_equal(given, expected)
    assert given_names == names == ["price"]


def test_preprocessing_reads_dates_and_words_of_them(table, convert):
    columns = ["price", "day", "kind"]
    expected = make_preprocessor().fit_transform(table[columns])
    given = make_preprocessor().fit_transform(convert(table[columns]))
    assert np.array_equal(np.asarray(given), np.asarray(expected))


def test_evaluate_reads_them(table, convert):
    expected = read_table(table, target="sales", groups="store")
    given = read_table(convert(table), target="sales", groups="store")
    assert list(given) == list(expected)
    for name in ("price", "day", "sales"):
        np.testing.assert_array_equal(given[name], expected[name])


def test_a_query_of_polars_is_refused_by_what_to_do(table):
    with pytest.raises(ValueError, match="collect"):
        read_table(as_polars(table).lazy(), target="sales", groups="store")


@pytest.fixture(scope="module")
def numbers(table):
    rng = np.random.default_rng(1)
    rows = table[["price", "store"]].assign(size=rng.normal(size=len(table)))
    rows["sales"] = rows["price"] + rows["size"] + rng.normal(size=len(table)) / 9
    return rows


@pytest.mark.parametrize(
    "kind",
    [
        lambda: MixedLinear("regressor"),
        lambda: PooledWithResidual(Ridge()),
        lambda: MetaStackingRegressor(
            [("mixed", MixedLinear("regressor")), ("own", Ridge())], random_state=0
        ),
    ],
)
def test_who_knows_columns_by_name_takes_any_table_and_arrays_later(
    kind, numbers, convert
):
    X, y, store = numbers[["price", "size"]], numbers["sales"], numbers["store"]
    other = convert(X)
    fitted = kind().fit(X, y, groups=store)
    expected = fitted.adapt(X, y, groups=store).predict(X, groups=store)
    assert np.allclose(fitted.predict(other, groups=store), expected)
    assert np.allclose(fitted.adapt(other, y, store).predict(X, store), expected)
    given = kind().fit(other, y, groups=store).adapt(X, y, groups=store)
    assert np.allclose(given.predict(other, groups=store), expected)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        answers = fitted.adapt(X.to_numpy(), y, store).predict(X.to_numpy(), store)
    assert np.allclose(answers, expected)
