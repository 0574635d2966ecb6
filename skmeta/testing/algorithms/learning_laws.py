"""The laws of what an algorithm learns: module, gradients, state and copies."""

import pickle
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from skmeta.testing.algorithms.tasks import pad
from skmeta.testing.algorithms.trial import AlgorithmTrial, has_prior, is_per_task
from skmeta.testing.expect import (
    copies,
    expect_gradients,
    expect_same,
    expect_unchanged,
    snapshot,
)
from skmeta.testing.law import BreachError, lawmaker

__all__ = [
    "a_state_may_be_carried",
    "adapt_leaves_the_module_unchanged",
    "copies_learn_the_same",
    "distances_are_of_the_classes_of_a_task",
    "embedding_has_a_vector_per_row",
    "every_parameter_gets_a_gradient",
    "meta_loss_is_finite",
    "state_has_tasks_first",
    "states_of_calls_may_be_joined",
]

law = lawmaker("algorithm", AlgorithmTrial.trials)

_N_TASKS = 7  # unlike any other size


@law(
    "work on copies of the parameters (weight.expand, functional_call) and take inner "
    "gradients by torch.autograd.grad; return what is learnt as the state."
)
def adapt_leaves_the_module_unchanged(trial: AlgorithmTrial) -> None:
    """Adapting and predicting change neither parameters, buffers nor modes."""
    support, X = trial.told(pad(trial.tasks())), trial.queries()
    for training in (False, True):
        for recording in (False, True):
            module = trial.build().train(training)
            before = snapshot(module)
            with trial.seeded(module), torch.set_grad_enabled(recording):
                state = trial.algorithm.adapt(module, support)
                trial.algorithm.predict(module, state, *trial.asked(X))
            when = f"after adapt in {'training' if training else 'evaluation'} mode"
            # Running statistics follow the training.
            expect_unchanged(before, snapshot(module), when, buffers=not training)


@law(
    "clamp counts, norms and probabilities away from zero before dividing or taking a "
    "logarithm or a root."
)
def meta_loss_is_finite(trial: AlgorithmTrial) -> None:
    """The loss and the meta-gradient are finite, for the smallest supports too."""
    few = 3 if is_per_task(trial) else 1
    for n_rows in [6, few, 0] if has_prior(trial) else [6, few]:
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
def every_parameter_gets_a_gradient(trial: AlgorithmTrial) -> None:
    """Every parameter that requires a gradient gets one from ``meta_backward``."""
    steps = [trial.meta_step(trial.episode(), training=True) for _ in range(3)]
    expect_gradients([gradients for _, gradients in steps], "episodes")


@law(
    "hyperparameters are set in __init__ as they are given, all else lives in the "
    "module and the state, and their classes stand at the top of a file."
)
def copies_learn_the_same(trial: AlgorithmTrial) -> None:
    """A clone or a pickle of the algorithm has its parameters and learns the same."""
    algorithm, support, X = trial.algorithm, pad(trial.tasks()), trial.queries()
    state = trial.adapt(support)
    answer = trial.predict(state, X)
    for how, twin in copies(algorithm):
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
def state_has_tasks_first(trial: AlgorithmTrial) -> None:
    """The state is a pytree of tensors; picking tasks from it picks their answers."""
    n_tasks = _N_TASKS
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


def _has_tasks_first(trial: AlgorithmTrial) -> bool:
    """Tell whether a state can be carried; the law before says why where it cannot."""
    leaves = tree_leaves(trial.adapt(pad(trial.tasks(_N_TASKS))))
    return all(
        isinstance(leaf, Tensor) and leaf.shape[:1] == (_N_TASKS,) for leaf in leaves
    )


@law(
    "read the values of a state's tensors, never strides, storage or identity: an "
    "estimator lays them out row by row, joins those of several calls of adapt, picks "
    "tasks from them, with fewer classes than the others, and brings them back from a "
    "file.",
    applies=_has_tasks_first,
)
def a_state_may_be_carried(trial: AlgorithmTrial) -> None:
    """Cut and joined, picked, laid out anew or pickled, a state answers the same."""
    state, X = trial.adapt(pad(trial.tasks(_N_TASKS))), trial.rows(_N_TASKS, 5)
    answer, embedding = trial.predict(state, X), _embedding(trial, state, X)
    for how, carried in _carried(state):
        expect_same(f"a state {how}", trial.predict(carried, X), answer)
        if embedding is not None:
            again = trial.embed(carried, X)
            expect_same(f"the embedding by a state {how}", again, embedding)
    _expect_parts_alike(trial)


def _expect_parts_alike(trial: AlgorithmTrial) -> None:
    """Expect the same of tasks that are asked without those of other classes."""
    state = trial.adapt(pad([trial.task(n_classes=2), trial.task(n_classes=4)]))
    X = trial.rows(2, 5)
    whole = trial.predict(state, X)
    for i in range(2):
        part = tree_map(lambda leaf, own=i: leaf[own : own + 1], state)
        alone = trial.predict(part, X[i : i + 1])
        same = f"task {i} of 2 with 2 and 4 classes, asked alone"
        expect_same(same, alone, whole[i : i + 1, :, : alone.shape[-1]])


@law(
    "let a state say of a task nothing that depends on the others of the same call, "
    "such as the difference from a mean over tasks: partial_adapt joins what was "
    "learnt in several calls.",
    applies=_has_tasks_first,
)
def states_of_calls_may_be_joined(trial: AlgorithmTrial) -> None:
    """Joined, the states of two calls of ``adapt`` answer as each by itself."""
    one, grown, other = trial.tasks(3)
    before = grown._replace(X=grown.X[:-1], y=grown.y[:-1])
    first = trial.adapt(pad([one, before, other]))
    later = trial.adapt(pad([grown, trial.task()]))  # with a row more, and a task
    first = tree_map(lambda leaf: torch.cat([leaf[:1], leaf[2:]]), first)
    later = tree_map(lambda leaf: torch.cat(leaf.split(1)), later)
    if _shapes(first) != _shapes(later):
        return  # they stay apart
    joined, X = tree_map(lambda *both: torch.cat(both), first, later), trial.rows(4, 5)
    alone = [trial.predict(first, X[:2]), trial.predict(later, X[2:])]
    expect_same("a state joined to another", trial.predict(joined, X), torch.cat(alone))


def _shapes(state: Any) -> list[torch.Size]:
    return [leaf.shape[1:] for leaf in tree_leaves(state)]


def _carried(state: Any) -> Iterator[tuple[str, Any]]:
    """Go through the ways in which a state comes from adapt to predict."""
    for how, carry in [
        ("cut into single tasks and joined", lambda leaf: torch.cat(leaf.split(1))),
        ("picked by task", lambda leaf: leaf[torch.arange(len(leaf))]),
        ("laid out row by row", lambda leaf: leaf.new_empty(leaf.shape).copy_(leaf)),
    ]:
        yield how, tree_map(carry, state)
    yield "that was pickled", pickle.loads(pickle.dumps(state))


def _embedding(trial: AlgorithmTrial, state: Any, X: Tensor) -> Tensor | None:
    """Embed, if it can at all; the next law says why where it cannot."""
    try:
        return trial.embed(state, X)
    except Exception:
        return None


@law(
    "keep the backbone's network as module.backbone, or override embed; adapt to an "
    "empty support too, with which an estimator embeds before it knows a task."
)
def embedding_has_a_vector_per_row(trial: AlgorithmTrial) -> None:
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


@law(
    "return (tasks, rows, classes), at least 0, and inf for classes that a task lacks; "
    "or leave distances out.",
    applies=lambda trial: hasattr(trial.algorithm, "distances"),
)
def distances_are_of_the_classes_of_a_task(trial: AlgorithmTrial) -> None:
    """``distances`` has a column per class, infinite for classes that a task lacks."""
    tasks, X = [trial.task(n_classes=2), trial.task(n_classes=4)], trial.rows(2, 5)
    distances = trial.distances(trial.adapt(pad(tasks)), X)
    most = max(task.n_classes for task in tasks)
    if distances.shape != (2, 5, most):
        raise BreachError(
            f"distances maps X of shape {tuple(X.shape)} and {most} classes to shape "
            f"{tuple(distances.shape)}"
        )
    for task, own in zip(tasks, distances, strict=True):
        known, lacked = own[:, : task.n_classes], own[:, task.n_classes :]
        if not (known.isfinite() & (known >= 0)).all():
            raise BreachError(
                "a distance to a class of the task is no number from 0 on"
            )
        if (lacked != torch.inf).any():
            raise BreachError(
                f"a class that a task lacks is {lacked.min().item():.2g} away"
            )
