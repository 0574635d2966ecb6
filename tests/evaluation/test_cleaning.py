"""Columns as people keep them become what they hold, and every change is told."""

import warnings
from datetime import time
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from skmeta.evaluation.cleaning import AsTyped, typed, useless


def cleaned(values, decimal="."):
    table = pd.DataFrame({"x": values})
    table, notes, _ = typed(table, decimal=decimal)
    return table["x"], notes


@pytest.mark.parametrize(
    ("texts", "decimal", "numbers", "told"),
    [
        (["1,299.50", "12.00", "3"], ".", [1299.5, 12, 3], "commas between thousands"),
        (["1.299,50", "12,00", "3"], ",", [1299.5, 12, 3], "points between thousands"),
        (["1.299,50", "12,00", "3"], ".", [1299.5, 12, 3], "a comma before decimals"),
        (["12,5", "1,25", "3"], ".", [12.5, 1.25, 3], "a comma before decimals"),
        (["1 299", "12\u202f000", "3"], ".", [1299, 12000, 3], "spaces between"),
        (["1'299.5", "12'000", "3"], ".", [1299.5, 12000, 3], "spaces between"),
        (["$ 5.50", "$1,000.25", "$3"], ".", [5.5, 1000.25, 3], "amounts of money"),
        (["5,50 €", "1.000,25 €", "3 €"], ",", [5.5, 1000.25, 3], "amounts of money"),
        (["12 %", "7.5%", "100%"], ".", [12, 7.5, 100], "percentages"),
        (["(5.5)", "−3", "+2e3"], ".", [-5.5, -3, 2000], "numbers"),
        (["0.125", "0.250", "3"], ",", [0.125, 0.25, 3], "a point before decimals"),
        (["0,125", "0,250", "3"], ".", [0.125, 0.25, 3], "a comma before decimals"),
    ],
)
def test_numbers_in_text_are_read_and_told(texts, decimal, numbers, told):
    column, (note,) = cleaned(texts, decimal)
    np.testing.assert_allclose(column, numbers)
    assert note.startswith("'x' holds ")
    assert told in note


@pytest.mark.parametrize(
    ("decimal", "numbers"), [(".", [1234, 2500, 999]), (",", [1.234, 2.5, 999])]
)
def test_what_a_column_leaves_open_the_file_decides(decimal, numbers):
    column, _ = cleaned(["1,234", "2,500", "999"], decimal)
    np.testing.assert_allclose(column, numbers)


@pytest.mark.parametrize("mark", ["?", "n/a", "-", "N.A.", "#DIV/0!", "unknown", ""])
def test_a_mark_among_numbers_is_a_gap(mark):
    column, notes = cleaned(["1.5", mark, "2.5", " 3 "])
    np.testing.assert_array_equal(column, [1.5, np.nan, 2.5, 3])
    assert "1 value is a gap" in notes[0]
    assert mark in notes[0]


def test_a_few_odd_words_among_many_numbers_are_gaps_and_named():
    texts = [str(i / 4) for i in range(200)] + ["see note", "broken"]
    column, notes = cleaned(texts)
    assert column.isna().sum() == 2
    assert "'see note' and 'broken'" in notes[0]
    mixed = [str(i % 10) for i in range(20)] + ["north", "south"]
    column, notes = cleaned(mixed)
    assert column.tolist() == mixed  # a tenth is no slip
    assert not notes


@pytest.mark.parametrize(
    "texts",
    [
        ["007", "012", "100"],  # names
        ["4000123412341234567", "4000123412341234568"],  # one number, as a float
        ["5 €", "5 $", "7 €"],
        ["3 %", "0.4", "5 %"],  # shares, or not
        ["1-2", "3-4", "5"],
        ["A1", "B2", "A1"],
        ["1.2.3", "4.5.6", "7.8.9"],
        ["north", "south", "north"],
    ],
)
def test_what_is_no_number_stays_as_it_is(texts):
    column, notes = cleaned(texts)
    assert column.tolist() == texts
    assert not notes


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        ([1, "2", 3.5, "?"], [1, 2, 3.5, np.nan]),  # as Excel keeps them
        ([1, None, 3], [1, np.nan, 3]),
        ([Decimal("1.25"), Decimal("2.50"), None], [1.25, 2.5, np.nan]),
        ([1.5, "1,200"], [1.5, 1200]),
    ],
)
def test_objects_that_are_numbers_or_text_of_them_are_numbers(values, numbers):
    column, _ = cleaned(pd.Series(values, dtype=object))
    np.testing.assert_array_equal(column, numbers)
    column, _ = cleaned(pd.Series([1.5, "2.500,25"], dtype=object), ",")
    np.testing.assert_array_equal(column, [1.5, 2500.25])


@pytest.mark.parametrize("values", [[1, "red", 2, "blue"], [True, False, None]])
def test_objects_of_other_kinds_stay_what_they_are(values):
    column, notes = cleaned(pd.Series(values, dtype=object))
    assert column.dropna().map(str).tolist() == [
        str(v) for v in values if v is not None
    ]
    assert not notes


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["24.12.2025", "31.01.2026"], "day.month.year"),
        (["24/12/2025 08:30", "31/01/2026 17:05"], "day/month/year"),
        (["12/24/2025", "01/31/2026"], "month/day/year"),
        (["2025/12/24", "2026/01/31"], "year/month/day"),
        (["24 Dec 2025", "31 Jan 2026"], "day, name of the month, year"),
        (["December 24, 2025", "January 31, 2026"], "name of the month, day, year"),
        (["24.12.25", "31.01.26"], "day.month.year"),
    ],
)
def test_dates_in_the_usual_formats_are_read(texts, told):
    column, (note,) = cleaned(texts)
    days = column.dt.normalize()
    assert days.tolist() == [pd.Timestamp(2025, 12, 24), pd.Timestamp(2026, 1, 31)]
    assert note == f"'x' holds dates, {told}"


@pytest.mark.parametrize(("decimal", "month"), [(".", 2), (",", 1)])
def test_where_no_date_tells_days_from_months_the_note_says_so(decimal, month):
    column, (note,) = cleaned(["02/01/2026", "03/04/2026"], decimal)
    assert column.dt.month[0] == month
    assert "no date tells" in note
    column, (note,) = cleaned(["02/01/2026", "03/14/2026"], decimal)
    assert column.dt.month[0] == 2
    assert "no date tells" not in note


def test_iso_dates_stay_text_unless_there_are_marks_among_them():
    column, notes = cleaned(["2025-12-24", "2026-01-31"])
    assert column.tolist() == ["2025-12-24", "2026-01-31"]
    assert not notes
    column, notes = cleaned(["2025-12-24", "?"])
    assert column[0] == pd.Timestamp(2025, 12, 24)
    assert "year-month-day; 1 value is a gap: '?'" in notes[0]


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("Unnamed: 0", range(40), "it numbers the rows"),
        ("nr", range(7, 47), "it numbers the rows"),
        ("order_id", np.random.default_rng(0).permutation(40), "called an id"),
        ("code", [f"x{i % 7}{i}" for i in range(40)], "another text in every row"),
        ("note", [None] * 40, "it is empty"),
    ],
)
def test_columns_that_tell_nothing_of_other_rows_are_left_out(name, values, why):
    table = pd.DataFrame({name: list(values), "sold": [0, 1] * 20})
    assert list(useless(table)) == [name]
    assert why in useless(table)[name]


def test_others_that_look_alike_stay():
    rng = np.random.default_rng(0)
    for name, values in {
        "price": rng.permutation(40),  # whole, and no two alike
        "year": np.arange(40) // 2,
        "paid": rng.permutation(40) / 3,
        "grid": rng.permutation(40),  # no id
        "moment": [f"2025-12-24 10:00:{i:02}" for i in range(40)],
    }.items():
        assert not useless(pd.DataFrame({name: values}))


def test_what_is_kept_is_never_left_out():
    table = pd.DataFrame({"n": range(30), "day": range(30), "nr": range(30)})
    assert list(useless(table, keep=["n", "day"])) == ["nr"]


def test_marks_among_names_of_targets_and_tasks_are_gaps():
    table = pd.DataFrame({"sold": ["yes", "?", "no "], "store": ["a", "b ", "n/a"]})
    cleaned, notes, _ = typed(table, target="sold", groups="store")
    assert cleaned.sold.isna().tolist() == [False, True, False]
    assert cleaned.store.tolist()[:2] == ["a", "b"]
    assert cleaned.store.isna()[2]
    assert notes == [
        "'sold' holds names; 1 value is a gap: '?'",
        "'store' holds names; 1 value is a gap: 'n/a'",
    ]


def test_a_few_new_rows_are_read_as_the_table_was():
    table = pd.DataFrame(
        {
            "price": ["1.299,50", "12,00", "3,25"],
            "day": ["24.12.2025", "31.01.2026", "01.02.2026"],
            "code": ["1", "x", "y"],
        }
    )
    read, _, reading = typed(table, decimal=",")
    reader = AsTyped(**reading).fit(read)
    pd.testing.assert_frame_equal(reader.transform(table), read)
    new = pd.DataFrame(
        {"price": ["7", "?", None], "day": ["02.03.2026", "soon", None], "code": "2"}
    )
    seen = reader.transform(new)
    np.testing.assert_array_equal(seen["price"], [7, np.nan, np.nan])
    assert seen["day"][0] == pd.Timestamp(2026, 3, 2)
    assert seen["day"].isna().tolist() == [False, True, True]
    assert seen["code"].tolist() == ["2"] * 3
    assert new["price"][0] == "7"  # the user's table stays as it is


def test_dates_by_iso_are_read_and_what_is_written_otherwise_is_told():
    """As of a service whose dates have not been through somebody's table."""
    read, _, reading = typed(pd.DataFrame({"day": ["24.12.2025", "31.12.2025"]}))
    reader = AsTyped(**reading).fit(read.assign(price=1.5))
    new = pd.DataFrame({"day": ["2026-03-02", "2026-03-02T18:00", None], "price": "2"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = reader.transform(new)
    moments = [pd.Timestamp(2026, 3, 2), pd.Timestamp(2026, 3, 2, 18)]
    assert seen["day"].tolist()[:2] == moments
    assert seen["day"].isna()[2]
    new = pd.DataFrame({"day": ["12/24/2025", "?", "31.12.2025"], "price": "?"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a few odd ones are gaps, as in the table
        reader.transform(new)
    with pytest.warns(UserWarning, match="'day' in 1 of 1 rows, such as '12/24/2025'"):
        assert reader.transform(new[:2])["day"].isna().all()


def test_text_and_dates_that_arrow_holds_are_read():
    pa = pytest.importorskip("pyarrow")
    texts = {"price": ["1.299,50", "?"], "day": ["24.12.2025", "31.12.2025"]}
    table = pd.DataFrame(texts)
    held = table.astype(pd.ArrowDtype(pa.string()))
    read, notes, reading = typed(table, decimal=",")
    of_arrow = typed(held, decimal=",")
    pd.testing.assert_frame_equal(of_arrow[0], read)
    assert of_arrow[1:] == (notes, reading)
    seen = AsTyped(**reading).fit(read).transform(held)
    pd.testing.assert_frame_equal(seen, read)


def test_new_rows_have_the_decimals_of_their_column():
    table = pd.DataFrame({"mass": ["12,5", "1,25"], "price": ["1,000.5", "2.25"]})
    read, _, reading = typed(table)
    new = pd.DataFrame({"mass": ["3,125"], "price": ["3,125"]})  # each for itself open
    seen = AsTyped(**reading).fit(read).transform(new)
    assert seen.to_dict("list") == {"mass": [3.125], "price": [3125.0]}


def test_new_rows_may_mix_numbers_and_text():
    reader = AsTyped().fit(pd.DataFrame({"mass": [1.5, 2.5]}))
    new = pd.DataFrame({"mass": pd.Series([3, "1.25", "?"], dtype=object)})
    np.testing.assert_array_equal(reader.transform(new)["mass"], [3, 1.25, np.nan])


def test_periods_and_times_of_day_are_moments_and_durations():
    table = pd.DataFrame(
        {
            "month": pd.period_range("2025-12", periods=2, freq="M"),
            "at": [time(6), time(18, 30)],
        }
    )
    read, notes, reading = typed(table)
    assert read["month"].tolist() == [
        pd.Timestamp(2025, 12, 1),
        pd.Timestamp(2026, 1, 1),
    ]
    assert read["at"].tolist() == [pd.Timedelta(hours=6), pd.Timedelta(hours=18.5)]
    assert not notes
    again = AsTyped(**reading).fit(read).transform(table)
    pd.testing.assert_frame_equal(again, read)


def test_rows_of_one_name_and_columns_called_by_numbers_are_read():
    read = pd.DataFrame({"0": [1.5, 2.5], "a": [1.0, 2.0]})
    new = pd.DataFrame({0: ["1.5", "?", "7"], "a": [1, 2, 3]}, index=[4, 4, 4])
    seen = AsTyped().fit(read).transform(new)
    assert [*seen] == ["0", "a"]
    assert [*seen.index] == [4, 4, 4]
    assert seen["0"].tolist()[::2] == [1.5, 7.0]
    assert [*new] == [0, "a"]


def test_tables_of_arrow_are_read_like_frames():
    pa = pytest.importorskip("pyarrow")
    reader = AsTyped(",").fit(pd.DataFrame({"price": [12.5, 1299.0]}))
    seen = reader.transform(pa.table({"price": ["1.299,00", "2,5"]}))
    assert seen["price"].tolist() == [1299.0, 2.5]
