"""Tasks are held out from so many on, and the small ones are told of as they are."""

import warnings

import numpy as np
import pytest

from skmeta.episodes.table import Table
from skmeta.episodes.validation import make_samplers


def samplers(sizes, n_shot=5, **how):
    task = np.repeat(np.arange(len(sizes)), sizes)
    X = np.zeros((len(task), 1))
    given = {"tasks": "groups", "early_stopping": "auto", "validation_fraction": 0.1}
    given |= {"mix_tasks": 0.0, "n_way": 1, "n_classes": 0, "n_query": 5} | how
    return make_samplers(
        Table(X, np.zeros(len(task), dtype=np.float32)),
        task,
        None,
        n_shot=(n_shot, n_shot),
        rng=np.random.default_rng(0),
        **given,
    )


@pytest.mark.parametrize(("n_tasks", "held_out"), [(5, 0), (6, 2), (30, 3)])
def test_tasks_are_held_out_from_six_on(n_tasks, held_out):
    train, valid = samplers([20] * n_tasks)
    assert (0 if valid is None else valid.n_tasks_) == held_out
    assert train.n_tasks_ == n_tasks - held_out


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ([20] * 4, None),
        ([20, 20, 3, 20], "1 of 4 training tasks are too small for 5 support rows"),
        ([20, 1, 20, 20], "1 tasks have one row only and are left out."),
        ([20, 1, 3, 20], "smaller. 1 more have one row only and are left out."),
    ],
)
def test_no_more_is_said_of_small_tasks_than_is_so(sizes, said):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        samplers(sizes, early_stopping=False)
    if said is None:
        assert not caught
        return
    [message] = [str(each.message) for each in caught]
    assert said in message
    assert "0 of" not in message
