"""Who competes is chosen on tasks to learn from, and the new tasks have no say."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from skmeta.evaluation import make_problem
from skmeta.evaluation.choice import Choice, splits_of_tasks
from skmeta.evaluation.comparison import compare_learners
from skmeta.evaluation.findings import Result


def problem_of(n_tasks, n_rows=8, short=()):
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(n_tasks), n_rows)
    keep = ~(np.isin(task, short) & (np.arange(len(task)) % n_rows > 2))
    x = rng.normal(size=len(task))
    y = x + rng.normal(size=n_tasks)[task] + rng.normal(scale=0.1, size=len(task))
    table = pd.DataFrame({"x": x, "y": y, "task": task})[keep]
    return make_problem(table, target="y", groups="task", fewest_rows=4)


@pytest.mark.parametrize(("n_tasks", "n_splits"), [(20, 3), (90, 1)])
def test_few_tasks_are_left_out_in_turn_and_many_once(n_tasks, n_splits):
    problem = problem_of(n_tasks, short=(0, 1, 2))
    groups = problem.train[2]
    splits = splits_of_tasks(problem, 3, 0)
    assert len(splits) == n_splits
    left_out = [np.unique(groups[judged]) for _, judged in splits]
    for (learnt, judged), names in zip(splits, left_out, strict=True):
        assert not set(groups[learnt]) & set(names)
        assert len(learnt) + len(judged) == len(groups)
        assert not set(names) & {"0", "1", "2"}  # they are too small to be judged on
    if n_splits == 3:
        usable = set(groups) - {"0", "1", "2"}
        assert sorted(np.concatenate(left_out)) == sorted(usable)


def found(problem, **parameters):
    return compare_learners(
        problem,
        ["r2d2"],
        plain=["mean", "own linear", "pooled linear"],
        shots=[2, 4, 6],
        metric="neg_mean_squared_error",
        max_epochs=1,
        random_state=0,
        **parameters,
    )


@pytest.mark.slow
def test_the_new_tasks_have_no_say_in_the_choice():
    problem = problem_of(24)
    choice = found(problem).choice
    assert (choice.meta, choice.shots) == ("r2d2", 4)
    assert choice.plain == "own linear"
    assert choice.scores.index[0] == choice.scores.idxmax()
    rng = np.random.default_rng(0)
    problem.y = problem.y.copy()
    problem.y[problem.in_test] = 100 * rng.normal(size=problem.in_test.sum())
    again = found(problem)
    pd.testing.assert_series_equal(again.choice.scores, choice.scores)
    assert again.choice.plain == "own linear"
    assert again.verdict.duel.plain == "own linear"
    assert again.names_by_score[0] != "own linear"  # which others would have been
    assert set(again.others.estimator) == {"mean", "pooled linear"}


def test_those_without_a_score_come_last():
    scores = pd.Series({"b": 0.9, "x": 0.5})
    choice = Choice.of(scores, ["a", "b"], ["x", "y"], shots=1, n_tasks=3)
    assert (choice.meta, choice.plain) == ("b", "x")
    choice = Choice.of(scores.iloc[:0], ["a", "b"], ["x", "y"], shots=1, n_tasks=3)
    assert (choice.meta, choice.plain) == ("a", "x")


@pytest.mark.parametrize("outcome", ["helps", "level", "hurts"])
def test_the_meta_learner_is_recommended_only_where_it_helps(outcome):
    result = SimpleNamespace(
        choice=Choice("gp", "mean", 5, pd.Series(dtype=float), 3),
        verdict=SimpleNamespace(outcome=outcome),
    )
    assert (Result.recommended.fget(result) == "gp") == (outcome == "helps")
