"""Finding out what is to be learnt from a table."""

import numpy as np
import pandas as pd
import pytest

from skmeta.evaluation import InputError, make_problem


def test_whole_tasks_are_kept_for_judging(table):
    problem = make_problem(table, target="sold", groups="store")
    learnt, judged = set(problem.train[2]), set(problem.test[2])
    assert not learnt & judged
    assert len(judged) == 3
    assert learnt | judged == set(table["store"])
    again = make_problem(table, target="sold", groups="store", random_state=1)
    assert set(again.test[2]) != judged


def test_the_target_and_the_groups_are_not_learnt_from(table):
    problem = make_problem(table, target="sold", groups="store", drop=["open"])
    assert list(problem.X) == ["area"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.tile([True, False], 30), "classification"),
        (np.tile(["a", "b", "c"], 20), "classification"),
        (pd.Categorical(np.tile(["a", "b"], 30)), "classification"),
        (np.tile([0, 1, 2], 20), "classification"),
        (np.tile([0.0, 1.0], 30), "classification"),
        (np.arange(60), "regression"),
        (np.linspace(0, 1, 60), "regression"),
        (np.tile([0.5, 1.5], 30), "regression"),
    ],
)
def test_the_kind_of_target_is_found_out(table, values, kind):
    problem = make_problem(table.assign(sold=values), target="sold", groups="store")
    assert problem.kind == kind
    forced = make_problem(
        table.assign(sold=np.tile([0, 1, 2], 20)),
        target="sold",
        groups="store",
        task="regression",
    )
    assert forced.kind == "regression"


def test_rows_without_target_or_task_are_left_out_and_counted(table):
    table.loc[[0, 7], "sold"] = np.nan
    table.loc[[9], "sold"] = np.inf
    table.loc[[11], "store"] = None
    problem = make_problem(table, target="sold", groups="store")
    assert len(problem.y) == 56
    assert problem.notes[0].startswith("1 row without a target ('sold' holds none")
    assert problem.notes[1].startswith("1 row without a task")
    assert problem.notes[2].startswith("2 rows without a target ('sold' is missing)")


def test_columns_that_know_missing_values_by_themselves_are_read(table):
    given = {"sold": "Float64", "store": "string", "open": "boolean"}
    table = table.astype(given)
    table.loc[[0, 7], ["sold", "open"]] = pd.NA
    problem = make_problem(table, target="sold", groups="store")
    assert len(problem.y) == 58
    counts = table.assign(sold=pd.array(np.tile([0, 1, 2], 20), dtype="Int64"))
    counts.loc[3, "sold"] = pd.NA
    problem = make_problem(counts, target="sold", groups="store")
    assert problem.kind == "classification"
    assert problem.y.dtype == np.int64


def test_numeric_tasks_have_names_without_a_point(table):
    table["store"] = np.repeat(np.arange(10.0), 6)
    table.loc[0, "store"] = np.nan
    assert "3" in make_problem(table, target="sold", groups="store").groups


def test_tasks_too_small_to_judge_are_learnt_from(table):
    small = pd.DataFrame({"store": list("xyz"), "area": 0.0, "sold": 1.0, "open": True})
    table = pd.concat([table, small])
    for seed in range(5):
        problem = make_problem(
            table, target="sold", groups="store", fewest_rows=2, random_state=seed
        )
        assert not set("xyz") & set(problem.test[2])
        assert set("xyz") < set(problem.train[2])


def test_names_of_labels_inside_tasks_are_seen(table):
    table["label"] = table["store"] + np.tile(["-a", "-b"], 30)
    problem = make_problem(table, target="label", groups="store")
    assert problem.label_space == "per_task"


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"target": "solt"}, "no column 'solt'. Did you mean 'sold'?"),
        ({}, {"groups": "Stores"}, "Did you mean 'store'?"),
        ({}, {"groups": "zzz"}, "It has: 'store', 'area', 'sold', 'open'"),
        ({}, {"drop": ["opne"]}, "Did you mean 'open'?"),
        ({}, {"groups": "sold"}, "cannot be both"),
        ({}, {"drop": ["area", "open"]}, "No column is left"),
        ({"sold": 3}, {}, "is 3 in every row"),
        ({"sold": np.nan}, {}, "nothing but missing"),
        ({"store": "one"}, {}, "makes 1 task with 2 rows"),
        ({"store": np.arange(60)}, {}, "makes 0 tasks with 2 rows or more (60 have"),
        ({"sold": [f"t{i}" for i in range(60)]}, {}, "too many to be classes"),
        ({"sold": "a"}, {"task": "regression"}, "Regression needs numbers"),
        ({}, {"task": "classification"}, "holds numbers such as"),
    ],
)
def test_what_cannot_be_learnt_is_said(table, change, options, message):
    given = {"target": "sold", "groups": "store"} | options
    with pytest.raises(InputError) as error:
        make_problem(table.assign(**change), **given)
    assert message in str(error.value)


def with_days(table):
    days = pd.date_range("2024-01-01", periods=6).astype(str)
    shuffled = table.assign(day=np.tile(days, 10)).sample(frac=1, random_state=0)
    return shuffled.reset_index(drop=True)


def test_rows_are_put_in_the_order_of_time(table):
    table = with_days(table)
    table.loc[5, "day"] = None
    problem = make_problem(table, target="sold", groups="store", time="day")
    assert problem.support == "first"
    assert problem.notes == ["1 row without a time ('day' is missing) left out"]
    assert "day" in problem.X
    for store in np.unique(problem.groups):
        own = problem.groups == store
        assert problem.X["day"][own].is_monotonic_increasing
        expected = table[table["store"] == store].dropna().sort_values("day")
        np.testing.assert_array_equal(problem.y[own], expected["sold"])
    dropped = make_problem(
        table, target="sold", groups="store", time="day", drop=["day"]
    )
    np.testing.assert_array_equal(dropped.y, problem.y)
    assert "day" not in dropped.X
    at_random = make_problem(
        table, target="sold", groups="store", time="day", support="random"
    )
    assert at_random.support == "random"


def test_random_rows_are_doubted_where_dates_pass(table):
    told = {"target": "sold", "groups": "store"}
    assert make_problem(table, **told).caution == ""
    table = with_days(table)
    assert make_problem(table, **told, time="day").caution == ""
    assert make_problem(table, **told, support="first").caution == ""
    assert make_problem(table, **told, drop=["day"]).caution == ""
    caution = make_problem(table, **told).caution
    assert "drawn at random, and “day” holds dates" in caution
    assert caution.endswith("--time day.")


@pytest.mark.parametrize("kind", [bool, int, float])
def test_given_supports_are_read_and_not_learnt_from(table, kind):
    few = np.tile([True, False, True, False, False, False], 10)
    few[table["store"] == "s3"] = True  # nothing to ask
    table = table.assign(known=few.astype(kind))
    problem = make_problem(
        table, target="sold", groups="store", in_support="known", fewest_rows=3
    )
    np.testing.assert_array_equal(problem.in_support, few)
    assert "known" not in problem.X
    assert "s3" not in problem.test[2]
    np.testing.assert_array_equal(problem.train_support, few[~problem.in_test])
    np.testing.assert_array_equal(problem.test_support, few[problem.in_test])
    with pytest.raises(InputError, match="makes 0 tasks with 3 rows or more given and"):
        make_problem(
            table, target="sold", groups="store", in_support="known", fewest_rows=4
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": "dya"}, "Did you mean 'day'?"),
        ({"time": "sold"}, "'sold' cannot be both the target and the time."),
        ({"time": "store"}, "'store' cannot be both the groups and the time."),
        ({"time": "word"}, "'word' holds 'x'"),
        ({"in_support": "area"}, "must say true or false of every row"),
        ({"in_support": "gaps"}, "it holds gaps"),
    ],
)
def test_columns_that_say_nothing_of_time_or_support_are_refused(
    table, options, message
):
    table = with_days(table).assign(word="x", gaps=[True, None] * 30)
    with pytest.raises(InputError) as error:
        make_problem(table, target="sold", groups="store", **options)
    assert message in str(error.value)


def test_long_numbers_of_classes_are_not_rounded_to_one(table):
    long = 4_000_123_412_341_234_567 + np.tile([0, 1], 30)
    problem = make_problem(table.assign(sold=long), target="sold", groups="store")
    np.testing.assert_array_equal(problem.y, long)


def test_moments_of_a_place_are_learnt_from(table):
    moment = pd.date_range("2026-03-28", periods=60, freq="h", tz="Europe/Berlin")
    table = table.assign(moment=moment)
    options = {"target": "sold", "groups": "store"}
    problem = make_problem(table, **options)
    assert "“moment” holds dates" in problem.caution
    late = make_problem(table.iloc[::-1], time="moment", **options)
    np.testing.assert_array_equal(late.y, problem.y)
