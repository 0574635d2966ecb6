"""Equal names of tasks have one hash, in whatever column and process they stand."""

import numpy as np
import pandas as pd
import pytest

from skmeta.distributed.columns import hash_of, kind_of

NUMBERS = pd.Series([3, 0, 7, 3])
WORDS = pd.Series(["a", "b", "b", "c"])
DATES = pd.Series(pd.to_datetime(["2020-01-01", "2021-05-06"]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NUMBERS, NUMBERS.astype(float)),
        (NUMBERS, NUMBERS.astype("Int32")),
        (NUMBERS, NUMBERS.astype(object)),
        (NUMBERS, NUMBERS.astype("category")),
        (pd.Series([0.0, 1.0]), pd.Series([-0.0, 1.0])),
        (pd.Series([True, False]), pd.Series([1, 0])),
        (WORDS, WORDS.astype(object)),
        (WORDS, WORDS.astype("string")),
        (WORDS, WORDS.astype("string[pyarrow]")),
        (WORDS, WORDS.astype("category")),
        (DATES, DATES.astype("datetime64[s]")),
        (DATES, DATES.astype(object)),
    ],
)
def test_a_name_has_one_hash_in_columns_of_any_type(one, other):
    np.testing.assert_array_equal(hash_of(one), hash_of(other))


def test_different_names_have_different_hashes():
    assert len(np.unique(hash_of(pd.Series(np.arange(1000))))) == 1000
    assert hash_of(pd.Series([1]))[0] != hash_of(pd.Series(["1"]))[0]
    mixed = hash_of(pd.Series([1, "1", 2.5], dtype=object))
    assert len(np.unique(mixed)) == 3


@pytest.mark.skipif(pd.__version__ >= "4", reason="all words have a type of their own")
@pytest.mark.filterwarnings("ignore:The 'future.infer_string' option")
def test_words_are_objects_where_pandas_has_no_type_for_them():
    """As before pandas 3."""
    with pd.option_context("future.infer_string", False):
        plain = pd.Series(WORDS.tolist())
        assert plain.dtype == object
        for words in (plain, plain.astype("category")):
            np.testing.assert_array_equal(hash_of(words), hash_of(WORDS))


def test_every_process_hashes_alike():
    """Python's own hashes of words are others in every process."""
    assert hash_of(WORDS)[:2].tolist() == [-4496393130729816112, -5758684491630436641]
    assert hash_of(NUMBERS)[0] == 6732024472757944893


@pytest.mark.parametrize(
    "missing",
    [
        pd.Series([1.0, np.nan]),
        pd.Series(["a", None]),
        pd.Series([pd.NA, 1], dtype="Int8"),
    ],
)
def test_a_missing_group_is_an_error(missing):
    with pytest.raises(ValueError, match="groups contains NaN, 1 times"):
        hash_of(missing)


def test_what_is_no_name_is_an_error():
    with pytest.raises(ValueError, match="groups are numbers, words, dates"):
        hash_of(pd.Series([("a", 1)]))
    with pytest.raises(ValueError, match="groups are numbers, words, dates"):
        kind_of(pd.Series(pd.to_timedelta([1], unit="s")).dtype)
