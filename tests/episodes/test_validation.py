"""Tasks that are held out can be judged on, and what is said of small ones is so."""

import warnings

import numpy as np
import pytest

from skmeta import MetaClassifier, MetaRegressor
from skmeta.algorithms import R2D2
from skmeta.ensemble import MetaStackingClassifier, MetaStackingRegressor
from skmeta.episodes.sampling import shot_range
from skmeta.episodes.table import Table
from skmeta.episodes.validation import can_be_split, make_samplers
from tests.quick import TINY

DRAW = {"tasks": "groups", "mix_tasks": 0.0, "n_way": 5, "n_shot": (1, 1), "n_query": 3}


def samplers(task, cell=None, **options):
    options = {"early_stopping": "auto", "validation_fraction": 0.1} | DRAW | options
    table = Table(np.zeros((len(task), 1)), np.zeros(len(task), dtype=np.float32))
    return make_samplers(table, task, cell, rng=np.random.default_rng(1), **options)


def few_large_tasks(n_rows=20, n_small=1500):
    """Eight tasks with rows, among many of a single one."""
    task = np.r_[np.repeat(np.arange(8), n_rows), 8 + np.arange(n_small)]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(len(task), 3))
    return X, X[:, 0] + rng.normal(size=task.max() + 1)[task], task


@pytest.mark.parametrize(("n_tasks", "held_out"), [(5, 0), (6, 2), (30, 3)])
def test_tasks_are_held_out_from_six_on(n_tasks, held_out):
    train, valid = samplers(np.repeat(np.arange(n_tasks), 20))
    assert (0 if valid is None else valid.n_tasks_) == held_out
    assert train.n_tasks_ == n_tasks - held_out


def test_only_tasks_with_a_support_and_a_query_row_can_be_split():
    task = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 2])
    cell = np.array([0, 0, 0, 0, 0, 1, 1, 0, 0, 1])
    assert can_be_split(np.array([4, 1, 4, 0, 0])).tolist() == [1, 0, 1, 1, 1]
    # Of two classes there must be two rows each.
    assert can_be_split(task, cell).tolist() == [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.99])
def test_held_out_are_usable_tasks_and_two_usable_ones_are_left(fraction):
    task = np.r_[np.repeat(np.arange(8), 2), 8 + np.arange(200)]
    train, valid = samplers(task, validation_fraction=fraction)
    n_held_out = min(max(2, round(fraction * 8)), 6)
    assert (valid.n_tasks_, train.n_tasks_) == (n_held_out, 8 - n_held_out)


def test_auto_counts_usable_tasks():
    five = np.r_[np.repeat(np.arange(5), 2), 5 + np.arange(200)]
    assert samplers(five)[1] is None
    assert samplers(np.r_[five, 5])[1].n_tasks_ == 2


def test_too_few_usable_tasks_are_no_validation():
    task = np.r_[np.repeat(np.arange(3), 5), 3 + np.arange(200)]
    with pytest.raises(ValueError, match="and 3 are too few for that"):
        samplers(task, early_stopping=True)


@pytest.mark.parametrize("random_state", range(2))
def test_values_of_held_out_tasks_are_judged_in_every_epoch(random_state):
    X, y, task = few_large_tasks()
    meta = MetaRegressor(
        "r2d2", early_stopping=True, **TINY | {"random_state": random_state}
    )
    history = meta.fit(X, y, groups=task).history_.to_frame()
    assert np.isfinite(history["valid_loss"]).all()


@pytest.mark.parametrize("random_state", range(2))
def test_classes_of_held_out_tasks_are_judged_in_every_epoch(random_state):
    X, _, task = few_large_tasks()
    label = np.char.add(task.astype(str), np.where(X[:, 0] > 0, "a", "b"))
    meta = MetaClassifier(
        "protonet", early_stopping=True, **TINY | {"random_state": random_state}
    )
    meta.set_params(label_space="per_task").fit(X, label, groups=task)
    assert np.isfinite(meta.history_.to_frame()["valid_loss"]).all()


@pytest.mark.parametrize("random_state", range(2))
def test_held_out_classes_of_a_pool_have_rows(random_state):
    X, _, label = few_large_tasks()
    meta = MetaClassifier(
        "protonet",
        tasks="classes",
        early_stopping=True,
        **TINY | {"random_state": random_state},
    )
    history = meta.fit(X, label).history_.to_frame()
    assert np.isfinite(history["valid_loss"]).all()


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("random_state", [0])
def test_an_ensemble_weighs_by_tasks_that_can_be_judged(cv, random_state):
    X, y, task = few_large_tasks()
    members = [
        ("good", MetaRegressor(R2D2(ridge=0.1), **TINY)),
        ("bad", MetaRegressor(R2D2(ridge=1e9, learn_ridge=False), **TINY)),
    ]
    ensemble = MetaStackingRegressor(members, cv=cv, random_state=random_state)
    ensemble.fit(X, y, groups=task)
    assert np.isfinite(ensemble.losses_).all()
    assert ensemble.support_sizes_.max() > 1


def test_an_ensemble_weighs_by_tasks_with_two_classes_of_two_rows():
    X, _, task = few_large_tasks()
    label = np.char.add(task.astype(str), np.where(X[:, 0] > 0, "a", "b"))
    members = [
        (name, MetaClassifier(name, **TINY)) for name in ("protonet", "matching")
    ]
    ensemble = MetaStackingClassifier(members, random_state=0, label_space="per_task")
    assert np.isfinite(ensemble.fit(X, label, groups=task).losses_).all()


@pytest.mark.parametrize(
    ("n_shot", "sizes", "said"),
    [
        (5, [6] * 8, None),
        (5, [6] * 8 + [1], "1 training task has one row only and is left out."),
        (5, [6] * 8 + [1] * 3, "3 training tasks have one row only and are left out."),
        (5, [6] * 7 + [4], "1 of 8 training tasks is too small for 5 support rows and"),
        (5, [6] * 6 + [4, 2], "2 of 8 training tasks are too small for 5 support rows"),
        ((1, 10), [6] * 6 + [4, 2], None),  # they have supports of the range
        ((3, 10), [6] * 6 + [4, 2], "1 of 8 training tasks is too small for 3 support"),
    ],
)
def test_what_is_said_of_small_tasks_is_so(n_shot, sizes, said):
    task = np.repeat(np.arange(len(sizes)), sizes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        samplers(task, early_stopping=False, n_shot=shot_range(n_shot, "shared"))
    messages = [str(warning.message) for warning in caught]
    assert len(messages) == (said is not None)
    assert all(message.startswith(said) for message in messages)
