"""How many tasks are too small for the shots asked, and which shots suit."""

import numpy as np
import pandas as pd
import pytest

from skmeta.evaluation import make_problem
from skmeta.evaluation.shots import note_on_shots


def problem_of(sizes, given=None):
    task = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=len(task)), "shop": task})
    table = table.assign(sold=rng.normal(size=len(task)))
    return make_problem(table, target="sold", groups="shop")


def test_small_tasks_are_counted_and_shots_that_suit_are_named():
    problem = problem_of([5] * 2 + [9] * 17 + [30])
    note = note_on_shots(problem, [1, 5, 10])
    assert note.startswith("19 of 20 tasks have too few rows for 10 known rows and one")
    assert note.endswith("--shots 1 4 8 suits 90% of them")


def test_shots_that_suit_all_are_not_spoken_of():
    problem = problem_of([11] * 20)
    assert note_on_shots(problem, [1, 10]) is None
    assert "1 of 21 tasks" in note_on_shots(problem_of([3] + [11] * 20), [1, 10])
    # nearly all are large enough: there is nothing better to ask for
    assert "suits" not in note_on_shots(problem_of([3] + [11] * 20), [1, 10])


@pytest.mark.parametrize("most", [2, 5, 8])
def test_the_shots_named_leave_nine_tasks_in_ten(most):
    sizes = np.random.default_rng(most).integers(most, 4 * most, size=30) + 1
    note = note_on_shots(problem_of(sizes), [1, 4 * most])
    named = int(note.split("--shots ")[1].split(" suits")[0].split()[-1])
    assert (sizes > named).mean() >= 0.9 > (sizes > named + 1).mean()
