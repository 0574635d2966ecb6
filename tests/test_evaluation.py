"""Reading a table and finding out what is to be learnt from it."""

import numpy as np
import pandas as pd
import pytest

from skmeta.evaluation import InputError, make_problem, read_table
from skmeta.evaluation.comparison import _far_off
from skmeta.evaluation.verdict import make_verdict
from skmeta.evaluation.wording import MetricWording
from skmeta.utils.messages import count, listed

ROWS = "store,area,sold\n" + "".join(f"{i % 8},{i},{i % 3}\n" for i in range(40))


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "store": np.repeat([f"s{i}" for i in range(10)], 6),
            "area": rng.normal(size=60),
            "sold": rng.normal(size=60),
            "open": np.tile([True, False], 30),
        }
    )


# Reading -------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_read_whatever_stands_between_columns(tmp_path, separator):
    path = tmp_path / "t.csv"
    path.write_text(ROWS.replace(",", separator))
    table = read_table(path)
    assert list(table) == ["store", "area", "sold"]
    assert table.shape == (40, 3)


def test_parquet_is_read_as_it_was_written(tmp_path, table):
    pytest.importorskip("pyarrow")
    table["day"] = pd.Timestamp("2024-02-29")
    table.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "t.parquet"), table)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr("skmeta.evaluation.table_file.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install pyarrow"):
        read_table(tmp_path / "t.parquet")


def test_a_missing_file_is_answered_with_the_closest_names(tmp_path):
    (tmp_path / "sales.csv").write_text(ROWS)
    with pytest.raises(InputError, match=r"Did you mean 'sales\.csv'\?"):
        read_table(tmp_path / "slaes.csv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"a,b\n", "no rows"),
        ("t.csv", b"a,b\n\xff\xfe\x00,1\n", "UTF-8"),
        ("t.csv", b'a,b\n1,2,3,4\n"', "cannot be read as CSV"),
        ("t.parquet", b"no parquet", "cannot be read as Parquet"),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, content, message):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_table(path)
    assert name in str(error.value)


def test_columns_of_one_name_are_named(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    monkeypatch.setattr("skmeta.evaluation.table_file._read_csv", lambda path: twice)
    with pytest.raises(InputError, match="columns of one name: 'a'"):
        read_table(tmp_path / "t.csv")


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)


# Problems ------------------------------------------------------------------------


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
    assert problem.notes[0].startswith("3 rows without a target")
    assert problem.notes[1].startswith("1 row without a task")


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


# Verdicts ------------------------------------------------------------------------


def _scores(gain, n_tasks=20, noise=0.05):
    rng = np.random.default_rng(0)
    rows = []
    for task in range(n_tasks):
        level = rng.normal(0.7, 0.1)
        own = rng.normal(0, noise)
        for shots in (1, 5, 10):
            rows.append(("maml", shots, task, level + gain + own))
            rows.append(("cnp", shots, task, level + gain - 0.2))
            rows.append(("ridge", shots, task, level))
            rows.append(("dummy", shots, task, level - 0.3))
    return pd.DataFrame(rows, columns=["estimator", "shots", "task", "score"])


@pytest.mark.parametrize(
    ("gain", "outcome", "says"),
    [
        (0.1, "helps", "Meta-learning helps here"),
        (-0.1, "hurts", "does not help here"),
        (0.0, "level", "does not clearly help"),
    ],
)
def test_the_verdict_is_plain(gain, outcome, says):
    scores = _scores(gain)
    verdict = make_verdict(
        scores,
        ["cnp", "maml"],
        ["dummy", "ridge"],
        metric=MetricWording("accuracy"),
        shot="labelled row",
    )
    assert verdict.outcome == outcome
    assert says in verdict.headline
    duel = verdict.duel
    assert (duel.shots, duel.meta, duel.plain) == (5, "maml", "ridge")
    assert duel.n_won + duel.n_lost == 20
    assert ("Take the plain way, ridge" in verdict.text) == (outcome != "helps")
    assert [each.shots for each in verdict.duels] == [1, 5, 10]


def test_too_few_tasks_decide_nothing():
    verdict = make_verdict(
        _scores(0.3, n_tasks=3),
        ["maml"],
        ["ridge"],
        metric=MetricWording("accuracy"),
        shot="labelled row",
    )
    assert verdict.outcome == "level"
    assert "judge on more of them" in verdict.text


def test_shots_that_one_has_no_answer_at_are_passed_over():
    scores = _scores(0.1)
    scores = scores[(scores.shots > 1) | (scores.estimator == "maml")]
    given = {"metric": MetricWording("accuracy"), "shot": "labelled row"}
    assert [
        d.shots for d in make_verdict(scores, ["maml"], ["ridge"], **given).duels
    ] == [
        5,
        10,
    ]
    with pytest.raises(ValueError, match="No task has a score"):
        make_verdict(scores, ["maml"], ["nobody"], **given)


def test_tasks_that_one_cannot_be_scored_on_are_left_out():
    scores = _scores(0.1)
    scores.loc[(scores.task == 4) & (scores.estimator == "maml"), "score"] = np.nan
    verdict = make_verdict(
        scores,
        ["maml"],
        ["ridge"],
        metric=MetricWording("accuracy"),
        shot="labelled row",
    )
    assert 4 not in verdict.duel.tasks
    assert len(verdict.duel.tasks) == 19


def test_a_learner_that_diverged_on_a_task_is_told_of():
    scores = _scores(-0.1)
    scores["score"] *= -1
    assert _far_off(scores) == []
    scores.loc[scores.index[4], "score"] = -1e9
    name = scores.estimator.iloc[4]
    assert _far_off(scores)[0].startswith(f"{name}: its answers are far off on 1 task")


def test_errors_are_written_as_people_read_them():
    error = MetricWording("neg_mean_squared_error")
    assert (error.title, error.better) == ("mean squared error", "lower")
    assert [error.show(v) for v in (-0.12345, -123.45, -12345.6)] == [
        "0.123",
        "123",
        "12,346",
    ]
    assert error.show(-2.5e20) == "2.5e+20"
    assert error.show_gain(0.5) == "+0.500"
    assert MetricWording("r2").show(-0.25) == "−0.250"
    assert MetricWording("accuracy").show(float("nan")) == "–"


def test_other_numbers_of_shots_with_another_answer_are_named():
    scores = _scores(0.1)
    late = (scores.shots == 10) & (scores.estimator == "ridge")
    scores.loc[late, "score"] += 0.3
    verdict = make_verdict(
        scores,
        ["maml"],
        ["ridge"],
        metric=MetricWording("accuracy"),
        shot="labelled row",
    )
    assert verdict.outcome == "helps"
    assert "After 10 labelled rows, ridge is ahead of maml by 0.193" in verdict.text
    assert "After 1 labelled" not in verdict.text


def test_words():
    assert count(1, "task") == "1 task"
    assert count(1200, "class", "classes") == "1,200 classes"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a"]) == "a"
