"""Rows without a target, in tables: which stay, and whom they serve."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from skmeta import MetaDataset
from skmeta.algorithms import GP
from skmeta.ensemble import MetaStackingRegressor
from skmeta.episodes import Spec
from skmeta.evaluation import comparison as module
from skmeta.evaluation import evaluate, make_problem
from skmeta.evaluation.table_file import read_table
from skmeta.evaluation.unlabelled import said_of_unlabelled
from skmeta.model_selection import Pooled
from tests.evaluation.test_result import HOSTILE, table_of_shops


def gap(table, rows):
    """Take the targets of some rows away."""
    table.loc[rows, "sold"] = np.nan
    return table


def test_rows_without_a_target_stay_with_their_tasks(table):
    problem = make_problem(gap(table, [0, 1, 13]), target="sold", groups="store")
    assert len(problem.y) == len(problem.X) == 57
    assert problem.unlabelled_groups.tolist() == ["s0", "s0", "s2"]
    expected = table.loc[[0, 1, 13], ["area", "open"]]
    pd.testing.assert_frame_equal(problem.unlabelled, expected.reset_index(drop=True))
    assert "3 rows without a target ('sold' is missing): unlabelled" in problem.notes[0]


def test_both_sides_have_the_unlabelled_rows_of_their_tasks_last(table):
    table = gap(table, [*range(0, 60, 6)])
    problem = make_problem(table, target="sold", groups="store")
    for test, (_, y, groups) in ((False, problem.train), (True, problem.test)):
        tasks = problem.tasks(np.asarray, test=test)
        n_own = len(y)
        np.testing.assert_array_equal(tasks.y[:n_own], y)
        assert np.isnan(tasks.y[n_own:].astype(float)).all()
        assert sorted(tasks.groups[n_own:]) == sorted(set(groups))
        assert len(tasks.X) == n_own + len(set(groups))


def test_a_task_without_any_target_is_left_out_and_counted(table):
    problem = make_problem(gap(table, [*range(6), 7]), target="sold", groups="store")
    assert "s0" not in problem.groups
    assert problem.unlabelled_groups.tolist() == ["s1"]
    assert problem.notes[1].startswith("6 rows of 1 task without any target")


def test_words_among_numbers_are_no_unlabelled_rows(table, tmp_path):
    words = table["sold"].astype(object)
    words[3], words[20], words[40] = "broken", "?", None
    path = tmp_path / "table.csv"
    table.assign(sold=words).to_csv(path, index=False)
    read = read_table(path, target="sold", groups="store")
    problem = make_problem(read, target="sold", groups="store")
    assert problem.unlabelled_groups.tolist() == ["s3", "s6"]
    assert len(problem.y) == 57
    assert "1 row without a target ('sold' holds none there)" in "".join(problem.notes)


def test_what_comes_after_rows_that_are_asked_is_not_known_before(table):
    table["day"] = np.tile([3, 1, 2, 6, 5, 4], 10)
    table = gap(table, [1, 5])  # the first day of s0, and the fourth
    options = {"target": "sold", "groups": "store", "time": "day"}
    problem = make_problem(table, fewest_rows=2, **options)
    assert problem.unlabelled["day"].tolist() == [1]
    assert (
        "1 row without a target ('sold' is missing) left out: they come after"
        in (problem.notes[1])
    )
    later = make_problem(table, fewest_rows=3, **options)
    assert later.unlabelled["day"].tolist() == [1, 4]


def test_what_comes_after_a_row_that_is_not_given_is_not_known_before(table):
    table["given"] = np.tile([True, True, False, True, False, False], 10)
    table = gap(table, [1, 3])
    options = {"target": "sold", "groups": "store", "in_support": "given"}
    first = make_problem(table, support="first", **options)
    assert first.n_unlabelled == 1
    assert make_problem(table, **options).n_unlabelled == 2


class Noting(BaseEstimator):
    """A learner that notes how many rows it is fitted to."""

    def fit(self, X, y, groups=None):
        self.n_rows_ = (len(X), len(y), len(groups))
        return self


class NotingUnlabelled(Noting):
    _takes_unlabelled = True


def test_rows_without_targets_go_to_fits_that_take_them():
    tasks = MetaDataset(np.eye(4), [0.5, np.nan, 2.0, 1.0], [1, 1, 2, 2])
    assert module._fit(Noting(), tasks).n_rows_ == (3, 3, 3)
    assert module._fit(NotingUnlabelled(), tasks).n_rows_ == (4, 4, 4)


@pytest.mark.parametrize("classes", [False, True])
def test_only_meta_learners_meet_rows_without_targets(classes, monkeypatch):
    table = table_of_shops()
    if classes:
        table[HOSTILE] = np.where(table[HOSTILE] > 100, "much", "little")
    table.loc[np.arange(len(table)) % 10 < 3, HOSTILE] = np.nan
    seen = {}
    fit = module._fit

    def noted(learner, tasks):
        fitted = fit(learner, tasks)
        name = type(learner).__name__
        original = type(fitted).adapt

        def adapt(self, X=None, y=None, groups=None, **given):
            seen.setdefault(name, []).append(y is not None and pd.isna(y).any())
            return original(self, X, y, groups, **given)

        monkeypatch.setattr(type(fitted), "adapt", adapt)
        return fitted

    monkeypatch.setattr(module, "_fit", noted)
    result = evaluate(
        table,
        target=HOSTILE,
        groups="shop",
        shots=[1, 3],
        algorithms=["r2d2"],
        plain=["pooled linear"],
        max_epochs=1,
        out=None,
    )
    met = {name: any(had) for name, had in seen.items()}
    kind = "Classifier" if classes else "Regressor"
    assert met == {f"Meta{kind}": True, "Pooled": False}
    assert result.unlabelled_said.startswith("36 rows without a target stood beside")
    assert result.unlabelled_said.endswith("none of these learns from them here.")


class Learner:
    """Something fitted that takes rows without targets."""

    _takes_unlabelled = True

    def __init__(self, normalize="global", worth=None, n_targets=1):
        self.normalize = normalize
        if worth is not None:
            self.algorithm_ = GP(unlabelled="auto" if worth == "auto" else worth)
            self.unlabelled_ = (0.0, 0.0)
            self.spec_ = Spec(2, 1, "regressor", n_targets=n_targets)


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        (Learner("task"), "They counted for it."),
        (Learner(worth=(1.0, 0.5)), "They counted for it."),
        (Learner(worth="auto"), "on the tasks to learn from, none gained."),
        (
            Learner(worth=(1.0, 0.5), n_targets=2),
            "none of these learns from them here.",
        ),
        (Learner(), "none of these learns from them here."),
    ],
)
def test_who_used_them_is_said(learner, said):
    stack = MetaStackingRegressor()
    stack.named_estimators_ = {"one": [Learner()], "other": [learner, Learner()]}
    for each in (learner, stack):
        assert said_of_unlabelled(5, {"it": each}).endswith(said)


def test_of_several_those_are_named_that_used_them():
    fitted = {"a": Learner("task"), "b": Learner(), "c": Learner("task")}
    said = said_of_unlabelled(5, fitted)
    assert said.endswith("They counted for a and c; b left them alone.")
    assert said_of_unlabelled(0, fitted) == ""
    assert not getattr(Pooled, "_takes_unlabelled", False)
