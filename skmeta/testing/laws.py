"""The laws that every algorithm keeps.

Each is written as a function of a :class:`~skmeta.testing.trial.Trial` that raises
where it is broken. As a :class:`~skmeta.testing.Law` it is called with an algorithm::

    laws.padding_changes_nothing(MAML())
"""

import pickle

import torch
from sklearn.base import clone
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from skmeta.episodes import Episode
from skmeta.testing.expect import (
    BreachError,
    expect_answers,
    expect_no_idle,
    expect_same,
    expect_same_parameters,
    expect_unchanged,
    keep_largest,
    snapshot,
)
from skmeta.testing.law import Law, lawmaker
from skmeta.testing.rows import PLACES, Rows, pad
from skmeta.testing.trial import Trial, trials
from skmeta.training import seeded

__all__ = ["ALGORITHM_LAWS"]

law = lawmaker("algorithm", trials)


def _per_task(trial: Trial) -> bool:
    return trial.spec.label_space == "per_task"


def _has_prior(trial: Trial) -> bool:
    return trial.algorithm.has_prior(trial.spec)


@law("return (tasks, rows, outputs) and use skmeta.algorithms.mask_absent_classes.")
def outputs_fit_the_task(trial: Trial) -> None:
    """Outputs have a column per class, ``-inf`` for classes that a task lacks."""
    tasks = [trial.task(n_classes=2), trial.task(n_classes=4)]
    expect_answers(trial, tasks, "for tasks of 2 and 4 classes")


@law(
    "a padded row has X = 0 and y = 0, which is a real class; only support.mask tells "
    "it from a real row. skmeta.algorithms.task_losses leaves it out."
)
def padding_changes_nothing(trial: Trial) -> None:
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
def batch_equals_tasks_one_by_one(trial: Trial) -> None:
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
def support_order_does_not_matter(trial: Trial) -> None:
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
    applies=_per_task,
)
def renaming_labels_renames_predictions(trial: Trial) -> None:
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
    "work on copies of the parameters (weight.expand, functional_call) and take inner "
    "gradients by torch.autograd.grad; return what is learnt as the state."
)
def adapt_leaves_the_module_unchanged(trial: Trial) -> None:
    """Adapting and predicting change neither parameters, buffers nor modes."""
    support, X = pad(trial.tasks()), trial.queries()
    for training in (False, True):
        for recording in (False, True):
            module = trial.build().train(training)
            before = snapshot(module)
            with seeded(trial.seed, "cpu"), torch.set_grad_enabled(recording):
                state = trial.algorithm.adapt(module, support)
                trial.algorithm.predict(module, state, X)
            expect_unchanged(before, snapshot(module), training)


@law(
    "no variance of a single row, no division by a count of zero, no logarithm of an "
    "empty class."
)
def one_class_or_one_row_is_enough(trial: Trial) -> None:
    """One class or one row in the support gives finite outputs."""
    expect_answers(trial, [trial.task(1, n_classes=1)], "for one row")
    task = trial.task(n_classes=1)
    for code in range(max(task.n_classes, 1)):
        same = task._replace(y=torch.full_like(task.y, code))
        what = "for one value" if trial.spec.kind == "regressor" else f"class {code}"
        expect_answers(trial, [same], f"{what} in {len(same.y)} rows")


@law(
    "multiply what is summed over rows by Batch.counts instead of the mask, losses "
    "too (skmeta.algorithms.task_losses does), or declare uses_weights = False.",
    applies=lambda trial: (
        trial.algorithm.uses_weights and not trial.algorithm.uses_row_order
    ),
)
def a_row_of_weight_two_counts_twice(trial: Trial) -> None:
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
    applies=_has_prior,
)
def empty_support_is_answered_by_the_prior(trial: Trial) -> None:
    """A task without any support row gets finite outputs where there is a prior."""
    expect_answers(trial, [trial.no_rows()], "for no row")
    expect_answers(trial, [trial.no_rows(), trial.task()], "for no row beside a task")


@law(
    "clamp counts, norms and probabilities away from zero before dividing or taking a "
    "logarithm or a root."
)
def meta_loss_is_finite(trial: Trial) -> None:
    """The loss and the meta-gradient are finite, for the smallest supports too."""
    few = 3 if _per_task(trial) else 1
    for n_rows in [6, few, 0] if _has_prior(trial) else [6, few]:
        episode = trial.episode(n_rows)
        loss, gradients = trial.meta_step(episode, training=True)
        where = f"for episodes of {n_rows} support rows"
        if loss.numel() != 1 or not loss.isfinite().all():
            raise BreachError(f"meta_backward returns {loss.tolist()} {where}")
        for name, gradient in gradients.items():
            if gradient is not None and not gradient.isfinite().all():
                raise BreachError(f"the gradient of {name} is not finite {where}")


@law(
    "a parameter that the query loss does not depend on cannot be learnt: look for "
    "detach, no_grad and invariances, or make it a buffer or requires_grad=False."
)
def every_parameter_gets_a_gradient(trial: Trial) -> None:
    """Every parameter that requires a gradient gets one from ``meta_backward``."""
    largest: dict[str, float] = {}
    for _ in range(3):
        _, gradients = trial.meta_step(trial.episode(), training=True)
        keep_largest(largest, gradients)
    expect_no_idle(largest, "episodes")


@law(
    "hyperparameters are set in __init__ as they are given, all else lives in the "
    "module and the state, and their classes stand at the top of a file."
)
def copies_learn_the_same(trial: Trial) -> None:
    """A clone or a pickle of the algorithm has its parameters and learns the same."""
    algorithm, support, X = trial.algorithm, pad(trial.tasks()), trial.queries()
    state = trial.adapt(support)
    answer = trial.predict(state, X)
    for how, twin in [
        ("a clone", clone(algorithm)),
        ("a pickle", pickle.loads(pickle.dumps(algorithm))),
    ]:
        expect_same_parameters(how, twin, algorithm)
        heir = trial.using(twin, trial.module)
        expect_same(f"{how} given module and state", heir.predict(state, X), answer)
        anew = trial.using(twin)
        expect_same(f"{how} that builds anew", anew.answer(support, X), answer)
    module, state = pickle.loads(pickle.dumps((trial.module, state)))
    again = trial.using(algorithm, module).predict(state, X)
    expect_same("a pickle of module and state", again, answer)


@law(
    "every leaf of the state is a tensor of shape (tasks, ...); numbers common to all "
    "tasks belong in the module. Detach what is learnt where gradients are off."
)
def state_has_tasks_first(trial: Trial) -> None:
    """The state is a pytree of tensors; picking tasks from it picks their answers."""
    n_tasks = 7  # unlike any other size
    state, X = trial.adapt(pad(trial.tasks(n_tasks))), trial.rows(n_tasks, 5)
    for leaf in tree_leaves(state):
        if not isinstance(leaf, Tensor):
            raise BreachError(f"a leaf of the state is a {type(leaf).__name__}")
        if leaf.shape[:1] != (n_tasks,):
            shape = tuple(leaf.shape)
            raise BreachError(
                f"for {n_tasks} tasks a leaf of the state has shape {shape}"
            )
        if leaf.requires_grad:
            raise BreachError("under torch.no_grad the state still carries a graph")
    picked = torch.tensor([4, 0, 0])
    own = tree_map(lambda leaf: leaf[picked], state)
    expect_same(
        f"picking the tasks {picked.tolist()} of {n_tasks}",
        trial.predict(own, X[picked]),
        trial.predict(state, X)[picked],
    )


@law(
    "keep the backbone's network as module.backbone, or override embed; adapt to an "
    "empty support too, with which an estimator embeds before it knows a task."
)
def embedding_has_a_vector_per_row(trial: Trial) -> None:
    """``embed`` maps each row to a finite vector, after an empty support too."""
    for tasks in (trial.tasks(2), [trial.no_rows(1)]):
        X = trial.rows(len(tasks), 5)
        embedding = trial.embed(trial.adapt(pad(tasks)), X)
        shape = tuple(embedding.shape)
        if len(shape) != 3 or shape[:2] != X.shape[:2]:
            raise BreachError(
                f"embed maps X of shape {tuple(X.shape)} to shape {shape}"
            )
        if not embedding.isfinite().all():
            raise BreachError(f"embed is not finite for {len(tasks[0].y)} support rows")


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
    meta_loss_is_finite,
    every_parameter_gets_a_gradient,
    copies_learn_the_same,
    state_has_tasks_first,
    embedding_has_a_vector_per_row,
)
"""The laws of algorithms, in the order in which they are tried."""
