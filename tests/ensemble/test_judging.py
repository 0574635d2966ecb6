"""Members judged on tasks that they were not fitted to."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from skmeta.ensemble.judging import Judged, judge, with_neighbours
from skmeta.ensemble.weights import HeldOutAnswers
from skmeta.model_selection import PerTask, Pooled, TaskSplit

SIZES = np.array([0, 1, 3, 10])


def judged(members, rows, cv=None):
    cv = TaskSplit(random_state=0) if cv is None else cv
    splits = list(cv.split(rows.X, rows.y, rows.task))
    failures = {}
    rng = np.random.default_rng(0)
    found, fits = judge(members, rows, splits, SIZES, None, None, rng, failures)
    return found, fits, splits, failures


def test_nobody_is_judged_on_a_task_that_it_was_fitted_to(rows):
    asked = []

    class Watching(Pooled):
        def predict(self, X, groups=None):
            asked.append((self.rows_[0], X))
            return super().predict(X, groups)

    judged({"watching": Watching(Ridge())}, rows, TaskSplit(2, random_state=0))
    assert len(asked) == 2 * len(SIZES)
    for known, query in asked:
        assert not np.isin(query[:, 0], known[:, 0]).any()


def test_every_size_has_the_same_tasks_and_who_has_no_answer_is_not_there(rows):
    members = {"own": PerTask(LinearRegression()), "pooled": Pooled(Ridge())}
    found, fits, splits, failures = judged(members, rows)
    assert [each.size for each in found] == SIZES.tolist()
    assert [each.members for each in found] == [["pooled"], *[["own", "pooled"]] * 3]
    left_out = np.unique(rows.task[splits[0][1]])
    for each in found:
        assert each.answers[0].n_tasks == len(left_out)
    assert [*fits[0]] == ["own", "pooled"]
    assert not failures


def test_folds_are_judged_together(rows):
    found, fits, _, _ = judged({"pooled": Pooled(Ridge())}, rows, TaskSplit(3))
    assert len(fits) == 3
    assert found[1].answers[0].n_tasks == 3 * round(0.3 * rows.n_tasks)


class Late(Pooled):
    """Fails when it is asked."""

    def _adapt(self, X, y, task):
        raise RuntimeError("too late")


def test_who_fails_when_it_is_asked_is_left_out_too(rows):
    members = {"late": Late(Ridge()), "pooled": Pooled(Ridge())}
    found, _, _, failures = judged(members, rows)
    assert str(failures["late"]) == "too late"
    assert {name for each in found for name in each.members} == {"pooled"}


def answers(size, members=("one", "other"), n_rows=4):
    columns = np.full((n_rows, len(members)), float(size))
    task = np.arange(n_rows)
    answers = HeldOutAnswers(columns, task, np.ones(n_rows))
    return Judged(size, [*members], [answers])


@pytest.mark.parametrize(
    ("place", "expected"), [(0, [0]), (1, [1, 3]), (2, [1, 3, 6]), (3, [3, 6])]
)
def test_a_size_is_judged_with_those_beside_it_but_none_with_no_row(place, expected):
    each = with_neighbours([answers(size) for size in (0, 1, 3, 6)])[place]
    assert np.unique(each.answers[0].answers).tolist() == expected
    assert each.answers[0].n_tasks == 4  # a task in two sizes is one


def test_sizes_that_others_have_answered_are_not_judged_together():
    first, second = with_neighbours([answers(1, ["one"]), answers(3)])
    assert np.unique(first.answers[0].answers).tolist() == [1]
    assert np.unique(second.answers[0].answers).tolist() == [3]
