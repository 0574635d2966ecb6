"""The laws of rows without labels, ``Batch.unlabelled``."""

import copy

from torch import Tensor

from skmeta.episodes.episode import Batch
from skmeta.testing.algorithms.tasks import pad
from skmeta.testing.algorithms.trial import AlgorithmTrial
from skmeta.testing.expect import expect_same
from skmeta.testing.law import lawmaker

__all__ = [
    "rows_without_labels_are_left_alone",
    "rows_without_labels_have_no_order",
]

law = lawmaker("algorithm", AlgorithmTrial.trials)

_N_UNLABELLED = 12


def _uses_unlabelled(trial: AlgorithmTrial) -> bool:
    return getattr(trial.algorithm, "uses_unlabelled", False)


def _with_others(trial: AlgorithmTrial, support: Batch, others: Batch) -> Batch:
    return trial.told(support)._replace(unlabelled=trial.told(others))


def _without_targets(batch: Batch) -> Batch:
    return batch._replace(y=batch.y * 0)


@law(
    "learn from Batch.unlabelled only what a support without it could not tell, and "
    "declare uses_unlabelled = True; or do not look at it.",
    applies=lambda trial: not _uses_unlabelled(trial),
)
def rows_without_labels_are_left_alone(trial: AlgorithmTrial) -> None:
    """Rows without labels change no answer of an algorithm that does not use them."""
    support, X = pad([trial.task()]), trial.rows(1, 5)
    others = _without_targets(pad([trial.task(_N_UNLABELLED)]))
    expect_same(
        f"{_N_UNLABELLED} rows without labels beside the support",
        trial.answer(_with_others(trial, support, others), X),
        trial.answer(support, X),
    )


@law(
    "reduce over rows of Batch.unlabelled by what knows no order, leave out those that "
    "its mask is False for, and learn a task without them as if there were no "
    "Batch.unlabelled.",
    applies=_uses_unlabelled,
)
def rows_without_labels_have_no_order(trial: AlgorithmTrial) -> None:
    """Neither the order of rows without labels nor their padding matters."""
    support, X = pad([trial.task()]), trial.rows(1, 5)
    task = trial.task(_N_UNLABELLED)
    order = trial.order(_N_UNLABELLED)
    moved = task._replace(X=task.X[order])
    none = pad([task])
    none = none._replace(X=none.X * 0, mask=none.mask & False)
    choice = trial.algorithm.unlabelled_choices(trial.spec)[-1]  # of the most
    algorithm = copy.copy(trial.algorithm).set_params(unlabelled=choice)
    counted = trial.using(algorithm, trial.module)

    def answer(others: Batch) -> Tensor:
        batch = _with_others(counted, support, _without_targets(others))
        return counted.answer(batch, X)

    usual, how = answer(pad([task])), f" with unlabelled={choice}"
    what = f"rows without labels in the order {order.tolist()}{how}"
    expect_same(what, answer(pad([moved])), usual)
    what = f"3 padded rows in the middle of those without labels{how}"
    expect_same(what, answer(pad([task], 3, "middle")), usual)
    expect_same(f"padding alone{how}", answer(none), counted.answer(support, X))
