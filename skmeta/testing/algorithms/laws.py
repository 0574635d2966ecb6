"""The laws that every algorithm keeps: those of its answers here, and a list of all.

Each is written as a function of a trial (:mod:`skmeta.testing.algorithms.trial`) that
raises where it is broken. As a :class:`~skmeta.testing.Law` it is called with an
algorithm::

    laws.padding_changes_nothing(MAML())
"""

from collections.abc import Iterator, Sequence

import torch

from skmeta.episodes.episode import Episode
from skmeta.testing.algorithms.learning_laws import (
    a_state_may_be_carried,
    adapt_leaves_the_module_unchanged,
    copies_learn_the_same,
    distances_are_of_the_classes_of_a_task,
    embedding_has_a_vector_per_row,
    every_parameter_gets_a_gradient,
    meta_loss_is_finite,
    state_has_tasks_first,
    states_of_calls_may_be_joined,
)
from skmeta.testing.algorithms.prior_laws import (
    a_constant_of_the_prior_shifts_values,
    a_prior_that_says_nothing_is_none,
    padding_has_no_prior,
    the_prior_is_heard,
)
from skmeta.testing.algorithms.target_laws import (
    a_learner_for_each_target,
    gradients_of_targets_add_up,
)
from skmeta.testing.algorithms.tasks import PLACES, Rows, pad
from skmeta.testing.algorithms.trial import AlgorithmTrial, has_prior, is_per_task
from skmeta.testing.algorithms.unlabelled_laws import (
    rows_without_labels_are_left_alone,
    rows_without_labels_have_no_order,
)
from skmeta.testing.expect import expect_same
from skmeta.testing.law import BreachError, Law, lawmaker

__all__ = ["ALGORITHM_LAWS"]

# How much farther out than usual rows and targets are that must do no harm.
_FAR = 1e3
# Answers may be so many times as large as the largest target of the support.
_MODERATE = 100.0
# Distances of one far row from all others, in standard deviations; how many times as
# large as usual answers to the others may be; and as the target that is far itself.
_DISTANCES = (10.0, 100.0, 1000.0)
_WITHIN, _IN_PROPORTION = 10.0, 3.0

law = lawmaker("algorithm", AlgorithmTrial.trials)


@law("return (tasks, rows, outputs) and use skmeta.algorithms.mask_absent_classes.")
def outputs_fit_the_task(trial: AlgorithmTrial) -> None:
    """Outputs have a column per class, ``-inf`` for classes that a task lacks."""
    tasks = [trial.task(n_classes=2), trial.task(n_classes=4)]
    _expect_answers(trial, tasks, "for tasks of 2 and 4 classes")


@law(
    "a padded row has X = 0 and y = 0, which is a real class; only support.mask tells "
    "it from a real row. skmeta.algorithms.task_losses leaves it out."
)
def padding_changes_nothing(trial: AlgorithmTrial) -> None:
    """Padding, in whatever place, changes neither predictions nor meta-gradient."""
    task, longer, X = trial.task(), trial.task(11, n_classes=5), trial.rows(2, 5)
    alone = trial.answer([task], X[:1])
    for place in PLACES:
        padded = trial.answer(pad([task], 3, place), X[:1])
        expect_same(f"3 padded rows at the {place} of the support", padded, alone)
    beside = trial.answer([task, longer], X)[:1, :, : alone.shape[-1]]
    expect_same("a task with more rows and classes in the batch", beside, alone)
    gap = torch.zeros_like(X[:1, :2])
    spread = trial.answer([task], torch.cat([X[:1], gap], dim=1))[:, :-2]
    expect_same("2 padded rows in the query", spread, alone)

    support, query = trial.tasks(), trial.tasks()
    loss, gradients = trial.meta_step(Episode(pad(support), pad(query)))
    padded_loss, padded_gradients = trial.meta_step(
        Episode(pad(support, 2, "middle"), pad(query, 2, "front"))
    )
    what = "2 padded rows in the support and the query of an episode, in the "
    expect_same(what + "loss of meta_backward", padded_loss, loss)
    for name, gradient in gradients.items():
        if gradient is not None:
            expect_same(f"{what}gradient of {name}", padded_gradients[name], gradient)


@law(
    "reduce over axes of rows or classes, never over tasks; sum an inner loss over "
    "tasks, so that each gets its own gradient."
)
def batch_equals_tasks_one_by_one(trial: AlgorithmTrial) -> None:
    """A batch of tasks is answered as the tasks one by one."""
    tasks, X = trial.tasks(), trial.queries()
    together = trial.answer(tasks, X)
    for i, task in enumerate(tasks):
        alone = trial.answer([task], X[i : i + 1])
        expect_same(f"2 tasks beside task {i}", together[i : i + 1], alone)


@law(
    "reduce over rows by a sum, a mean or attention, or declare uses_row_order = True.",
    applies=lambda trial: not trial.algorithm.uses_row_order,
)
def support_order_does_not_matter(trial: AlgorithmTrial) -> None:
    """The order of the support rows does not matter."""
    task, X = trial.task(), trial.rows(1, 5)
    order = trial.order(len(task.y))
    moved = task._replace(X=task.X[order], y=task.y[order])
    expect_same(
        f"the support rows in the order {order.tolist()}",
        trial.answer([moved], X),
        trial.answer([task], X),
    )


@law(
    "a class code is only a name inside its task: no parameter may belong to a code.",
    applies=is_per_task,
)
def renaming_labels_renames_predictions(trial: AlgorithmTrial) -> None:
    """In per-task label spaces, renaming the labels renames the predictions."""
    task, X = trial.task(), trial.rows(1, 5)
    name = trial.order(task.n_classes)
    renamed = trial.answer([task._replace(y=name[task.y])], X)
    expect_same(
        f"the classes renamed to {name.tolist()}",
        renamed[..., name],
        trial.answer([task], X)[..., : task.n_classes],
    )


@law(
    "no variance of a single row, no division by a count of zero, no logarithm of an "
    "empty class."
)
def one_class_or_one_row_is_enough(trial: AlgorithmTrial) -> None:
    """One class or one row in the support gives finite outputs."""
    _expect_answers(trial, [trial.task(1, n_classes=1)], "for one row")
    task = trial.task(n_classes=1)
    for code in range(max(task.n_classes, 1)):
        same = task._replace(y=torch.full_like(task.y, code))
        what = "for one value" if trial.spec.kind == "regressor" else f"class {code}"
        _expect_answers(trial, [same], f"{what} in {len(same.y)} rows")


@law(
    "multiply what is summed over rows by Batch.counts instead of the mask, losses "
    "too (skmeta.algorithms.task_losses does), or declare uses_weights = False.",
    applies=lambda trial: (
        trial.algorithm.uses_weights and not trial.algorithm.uses_row_order
    ),
)
def a_row_of_weight_two_counts_twice(trial: AlgorithmTrial) -> None:
    """A row of weight 2 counts as one given twice, and weights of 1 as none."""
    task, new, X = trial.task(), trial.task(), trial.rows(1, 5)
    ones = task._replace(weight=torch.ones_like(task.X[:, 0]))
    answer = trial.answer([task], X)
    expect_same("weights of 1", trial.answer([ones], X), answer)
    both = [0, len(task.y) - 1]
    weighted, repeated = _weigh(task, both), _repeat(task, both)
    expect_same(
        "the first and the last support row of weight 2",
        trial.answer([weighted], X),
        trial.answer([repeated], X),
    )
    got, got_gradients = trial.meta_step(
        Episode(pad([weighted]), pad([_weigh(new, [1])]))
    )
    loss, gradients = trial.meta_step(
        Episode(pad([repeated]), pad([_repeat(new, [1])]))
    )
    expect_same("the loss of rows of weight 2", got, loss)
    for name, gradient in gradients.items():
        if gradient is not None:
            expect_same(
                f"the gradient of {name}, for rows of weight 2",
                got_gradients[name],
                gradient,
            )


def _weigh(task: Rows, rows: list[int]) -> Rows:
    weight = torch.ones(len(task.y), dtype=task.X.dtype)
    weight[rows] = 2.0
    return task._replace(weight=weight)


def _repeat(task: Rows, rows: list[int]) -> Rows:
    order = [*range(len(task.y)), *rows]
    return task._replace(X=task.X[order], y=task.y[order])


@law(
    "without rows the answer is the prior; an algorithm that has none says so by "
    "has_prior.",
    applies=has_prior,
)
def empty_support_is_answered_by_the_prior(trial: AlgorithmTrial) -> None:
    """A task without any support row gets finite outputs where there is a prior."""
    _expect_answers(trial, [trial.no_rows()], "for no row")
    _expect_answers(trial, [trial.no_rows(), trial.task()], "for no row beside a task")


@law(
    "bound what a step or a solution may do: take back steps of gradient descent that "
    "raise the support loss, as skmeta's own do, regularise what is solved."
)
def far_rows_give_no_wild_answer(trial: AlgorithmTrial) -> None:
    """Support rows a thousand times too far out give finite, moderate answers."""
    trial = trial.with_relu()
    task, X = trial.task(), trial.rows(1, 5)
    one = task.X.clone()
    one[0] *= _FAR
    far = {
        "one support row": task._replace(X=one),
        "all support rows": task._replace(X=task.X * _FAR),
    }
    if trial.spec.kind == "regressor":
        far["all support targets"] = task._replace(y=task.y * _FAR)
    for where, moved in far.items():
        what = f"for {where} {_FAR:,.0f} times farther out"
        _expect_answers(trial, [moved, task], what)
        if trial.spec.kind == "regressor":
            largest = trial.answer([moved], X).abs().max().item()
            most = _MODERATE * max(1.0, moved.y.abs().max().item())
            if largest > most:
                raise BreachError(
                    f"{what}, an answer of size {largest:.2g} where targets have "
                    f"{moved.y.abs().max().item():.2g} at most"
                )


@law(
    "let no single row decide: take back steps that lead astray, regularise what is "
    "solved, average what is summed up."
)
def one_far_row_leaves_ordinary_answers(trial: AlgorithmTrial) -> None:
    """One row, feature or target 10 to 1000 times out does no harm to ordinary rows.

    Their answers stay within ten times what targets are, or answers without it; where
    the target itself is out, in proportion to it at worst.
    """
    trial = trial.with_relu()
    task, X = trial.task(), trial.rows(1, 5)
    usual = trial.answer([task], X)
    most = _WITHIN * max(1.0, task.y.abs().max().item(), usual.abs().max().item())
    moved = list(_with_one_far(task, trial.spec.kind == "regressor"))
    outputs = trial.answer([each for *_, each in moved], X.expand(len(moved), -1, -1))
    outputs = outputs[..., : max(task.n_classes, 1)]
    for (where, distance, _), own in zip(moved, outputs, strict=True):
        what = f"for {where} at {distance:g} standard deviations"
        if not own.isfinite().all():
            raise BreachError(f"{what}, answers to ordinary rows are not finite")
        allowed = most + (_IN_PROPORTION * distance if where == _TARGET else 0.0)
        largest = own.abs().max().item()
        if trial.spec.kind == "regressor" and largest > allowed:
            raise BreachError(
                f"{what}, an answer of size {largest:.2g} to an ordinary row"
            )
    far = torch.cat([X, *(distance * X for distance in _DISTANCES)], dim=1)
    beside = trial.answer([task], far)[:, : X.shape[1]]
    expect_same("rows far out in the query", beside, usual)


_TARGET = "one target"


def _with_one_far(task: Rows, values: bool) -> Iterator[tuple[str, float, Rows]]:
    for distance in _DISTANCES:
        row, cell, column = task.X.clone(), task.X.clone(), task.X.clone()
        row[0] *= distance / row[0].norm()
        cell[0, 0] = distance
        column[:, 0] += distance
        yield "one support row", distance, task._replace(X=row)
        yield "one feature of a support row", distance, task._replace(X=cell)
        yield "one feature of all support rows", distance, task._replace(X=column)
        if values:
            y = task.y.clone()
            y[0] = distance
            yield _TARGET, distance, task._replace(y=y)


ALGORITHM_LAWS: tuple[Law, ...] = (
    outputs_fit_the_task,
    padding_changes_nothing,
    batch_equals_tasks_one_by_one,
    support_order_does_not_matter,
    renaming_labels_renames_predictions,
    adapt_leaves_the_module_unchanged,
    one_class_or_one_row_is_enough,
    a_row_of_weight_two_counts_twice,
    empty_support_is_answered_by_the_prior,
    far_rows_give_no_wild_answer,
    one_far_row_leaves_ordinary_answers,
    a_prior_that_says_nothing_is_none,
    a_constant_of_the_prior_shifts_values,
    padding_has_no_prior,
    the_prior_is_heard,
    rows_without_labels_are_left_alone,
    rows_without_labels_have_no_order,
    meta_loss_is_finite,
    every_parameter_gets_a_gradient,
    copies_learn_the_same,
    state_has_tasks_first,
    a_state_may_be_carried,
    states_of_calls_may_be_joined,
    embedding_has_a_vector_per_row,
    distances_are_of_the_classes_of_a_task,
    a_learner_for_each_target,
    gradients_of_targets_add_up,
)
"""The laws of algorithms, in the order in which they are tried."""


def _expect_answers(trial: AlgorithmTrial, tasks: Sequence[Rows], what: str) -> None:
    """Expect finite outputs of each task's own classes and no others."""
    n_rows = 5
    outputs = trial.answer(tasks, trial.rows(len(tasks), n_rows))
    shape = tuple(outputs.shape)
    n_outputs = [task.n_classes or 1 for task in tasks]
    per_task = trial.spec.label_space == "per_task"
    if len(shape) != 3 or shape[:2] != (len(tasks), n_rows):
        raise BreachError(
            f"{what}, {n_rows} query rows each, outputs have shape {shape}"
        )
    if shape[2] < max(n_outputs) or (not per_task and shape[2] > max(n_outputs)):
        raise BreachError(
            f"{what}, outputs have {shape[2]} columns for {max(n_outputs)}"
        )
    for own, n in zip(outputs, n_outputs, strict=True):
        wrong = int((~own[:, :n].isfinite()).sum())
        if wrong:
            raise BreachError(f"{what}, {wrong} of {n_rows * n} outputs are not finite")
        if (own[:, n:] != -torch.inf).any():
            highest = own[:, n:].max().item()
            raise BreachError(
                f"{what}, a class that a task lacks has logit {highest:.2g}"
            )
