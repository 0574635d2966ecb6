"""What a file has brought fits together, or is refused.

A checksum finds damage. Whoever writes a file can write its checksum, so that what is
read is looked through as well: nothing in it may lead beyond the ends of an array, into
a wrong attribute, or to answers that are no numbers.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from skmeta.engine.adapted import AdaptedTasks
from skmeta.engine.rejection import Rejection
from skmeta.engine.supports import Supports
from skmeta.episodes.spec import Spec
from skmeta.exceptions import LoadError
from skmeta.tables.labels import TaskLabels
from skmeta.tables.prior import Prior
from skmeta.tables.priors import Priors

__all__ = [
    "check_adapted",
    "check_history",
    "check_learnt",
    "check_names",
    "check_supports",
]

_OF_COLUMNS = ("mean_", "scale_", "low_", "high_", "within_")
_OF_TARGETS = ("target_mean_", "target_scale_", "target_low_", "target_high_")
_OF_TARGETS += ("target_within_", "target_spread_", "target_widest_")

# Numbers of a row that is tried; of wider ones none is.
_WIDEST_TRIAL = 2**20


def check_names(names: Iterable[str], estimator: Any, taken: Iterable[str]) -> None:
    """Refuse names that are no attributes of a fit.

    Parameters
    ----------
    names : iterable of str
        What a file would set.
    estimator : object
        What it would be set on.
    taken : iterable of str
        Parameters, and what is set in a way of its own.

    Raises
    ------
    LoadError
        If a name is one of these, a method, or Python's own.
    """
    taken = {*taken, *dir(type(estimator))}  # a method stays one
    for name in names:
        if name in taken or name.startswith("__"):
            raise LoadError(f"It sets {name!r}, which is no attribute of a fit.")


def check_history(rows: Any) -> list[dict[str, Any]]:
    """Return the rows of a history, or raise a LoadError."""
    if not isinstance(rows, list) or not all(type(row) is dict for row in rows):
        raise LoadError("Its history is none.")
    return rows


def check_learnt(meta: Any) -> None:
    """Refuse what ``fit`` cannot have learnt: sizes that differ, numbers out of range.

    Raises
    ------
    LoadError
        If something is so.
    """
    spec = meta.spec_
    sizes = {"n_features": 1, "n_outputs": 0, "n_train_classes": 0, "n_parts": 0}
    sizes["n_targets"] = 1
    for name, least in sizes.items():
        if not _is_count(getattr(spec, name), least):
            raise LoadError(f"Its {name} is {getattr(spec, name)!r}.")
    flags = spec.from_pool, spec.fixed_split, spec.of_images
    if spec.kind != meta._kind or any(type(flag) is not bool for flag in flags):
        raise LoadError("It was learnt for targets of another kind.")
    targets = [*range(spec.n_targets)]
    if any(target not in targets for target in spec.long_tails):
        raise LoadError(f"Its long_tails are {spec.long_tails!r}.")
    temperatures = meta._temperatures() or (1.0,) * spec.n_targets
    if len(temperatures) != spec.n_targets or not all(
        isinstance(each, float) and 1 <= each < np.inf for each in temperatures
    ):
        raise LoadError(f"Its temperature is {meta.temperature_!r}.")
    if spec.label_space not in ("shared", "per_task"):
        raise LoadError(f"Its label_space is {spec.label_space!r}.")
    n_features = meta.n_features_in_
    if n_features != spec.n_features:
        raise LoadError(f"It was learnt from {n_features!r} columns.")
    for name in (*_OF_COLUMNS, *_OF_TARGETS):
        width = n_features if name in _OF_COLUMNS else spec.n_targets
        shapes: list[tuple[int, ...]] = [(), (width,)]
        _check_numbers(name, getattr(meta, name, None), shapes)
    if getattr(meta, "normalize_", None) not in ("global", "task", "robust", None):
        raise LoadError(f"It was standardised by {meta.normalize_!r}.")
    if getattr(meta, "tasks_", "groups") not in ("groups", "classes", "table"):
        raise LoadError(f"Its tasks were {meta.tasks_!r}.")
    if not _is_count(getattr(meta, "n_way_", 1), 1):
        raise LoadError(f"Its tasks had {meta.n_way_!r} classes.")
    names = getattr(meta, "feature_names_in_", None)
    if names is not None and np.shape(names) != (n_features,):
        raise LoadError("It has other columns than names of them.")
    if spec.kind == "classifier":
        n_classes = len(_flat("classes_", meta.classes_))
        # Of several targets each is a label, which a row has or has not.
        known = spec.n_outputs if spec.n_targets == 1 else spec.n_targets
        if n_classes != known and spec.label_space == "shared":
            raise LoadError(f"It has {n_classes} classes for {known} outputs.")
        weight = getattr(meta, "class_weight_", None)  # not in format 1
        _check_numbers("class_weight_", weight, [(n_classes,)])
        given = getattr(meta, "given_class_weight_", None)  # nor in the first of 2
        if given not in (None, "balanced") and not isinstance(given, dict):
            raise LoadError(f"Its classes are weighed by {given!r}.")
    names = getattr(meta, "target_names_", None)
    if names is not None and np.shape(names) != (spec.n_targets,):
        raise LoadError("It has other targets than names of them.")
    _check_priors(meta.prior_, spec)
    rejection = getattr(meta, "unknown_", None)
    if rejection is not None and not (
        isinstance(rejection, Rejection) and rejection.fits(n_features, spec.n_outputs)
    ):
        raise LoadError("What it has learnt of unknown classes is out of range.")


def check_adapted(adapted: AdaptedTasks, meta: Any) -> None:
    """Refuse tasks that cannot have been adapted to, and try one of each state.

    Raises
    ------
    LoadError
        If they do not fit together, or give no answer.
    """
    n_tasks = adapted.n_tasks
    if not _is_count(n_tasks, 1):
        raise LoadError(f"It has adapted to {n_tasks!r} tasks.")
    order = _indices("order", adapted.order, n_tasks)
    bounds = _indices("bounds", adapted.bounds, n_tasks + 1)
    if not (
        len(order) == n_tasks
        and np.array_equal(np.sort(order), np.arange(n_tasks))
        and bounds[0] == 0
        and bounds[-1] == n_tasks
        and (np.diff(bounds) > 0).all()
        and len(adapted.states) == len(bounds) - 1
    ):
        raise LoadError("Its tasks are not those of its states.")
    names = adapted.names
    if names is not None and n_tasks - len(_flat("names", names)) not in (0, 1):
        raise LoadError("It has other tasks than names of them.")
    has_labels = meta._kind == "classifier" and meta.spec_.n_targets == 1
    if (adapted.labels is not None) != has_labels:
        raise LoadError("Its tasks are of another kind.")
    if adapted.labels is not None:
        _check_labels(adapted.labels, n_tasks)
    others = adapted.n_unlabelled
    if others is not None and len(_indices("rows", others, 2**62)) != n_tasks:
        raise LoadError("Its unlabelled rows are of other tasks.")
    for state, size in zip(adapted.states, np.diff(bounds).tolist(), strict=True):
        for leaf in tree_leaves(state):
            if not isinstance(leaf, Tensor) or not leaf.ndim or len(leaf) != size:
                raise LoadError("What it has learnt of tasks is no state of them.")
    _try(adapted, meta)


def check_supports(supports: Supports, adapted: AdaptedTasks, meta: Any) -> None:
    """Refuse rows that tasks cannot have been learnt from.

    Raises
    ------
    LoadError
        If they are of other tasks, or hold what is no number.
    """
    sizes = _flat("sizes of supports", supports.sizes)
    n_rows = adapted.n_rows
    if n_rows is None or not np.array_equal(sizes, n_rows[adapted.order]):
        raise LoadError("Its supports are of other tasks.")
    _check_rows(supports, sizes, meta)
    others = supports.unlabelled
    if others is not None:
        more = _flat("sizes of unlabelled rows", others.sizes)
        if more.shape != sizes.shape or more.dtype.kind != "i" or (more < 0).any():
            raise LoadError("Its unlabelled rows are of other tasks.")
        _check_rows(others, more, meta)


def _check_rows(supports: Supports, sizes: np.ndarray, meta: Any) -> None:
    """Refuse rows of tasks of such sizes that are none."""
    total, prior = int(sizes.sum()), meta.prior_
    n_outputs = 0 if prior is None else prior.n_outputs
    targets = (meta.spec_.n_targets,) if meta.spec_.n_targets > 1 else ()
    shapes: dict[str, list[tuple[int, ...]]] = {
        "X": [(total, meta.n_features_in_)],
        "weight": [(total,)],
        "offset": [(total, meta.spec_.n_parts, n_outputs, *targets)],
    }
    for name, allowed in shapes.items():
        _check_numbers(f"{name} of supports", getattr(supports, name), allowed)
    if (
        not isinstance(supports.y, np.ndarray)
        or supports.y.shape != (total, *targets)
        or supports.X is None
        or supports.X.dtype != np.float32
        or (supports.offset is None) != (prior is None)
        or (supports.weight is not None and not (supports.weight > 0).all())
    ):
        raise LoadError("Its supports are none.")


def _try(adapted: AdaptedTasks, meta: Any) -> None:
    """Answer one row for the first task of every state."""
    n_features = meta.n_features_in_
    if n_features > _WIDEST_TRIAL:
        return
    # Not by the prior itself, which may refuse a row of zeros.
    prior = meta.prior_
    n_outputs = 1 if prior is None else prior.n_outputs
    shape: tuple[int, ...] = (1, meta.spec_.n_parts, n_outputs)
    if meta.spec_.n_targets > 1:
        shape = (*shape, meta.spec_.n_targets)
    said = np.zeros(shape, dtype=np.float32)
    table = meta._table(
        np.zeros((1, n_features)), offset=None if prior is None else said
    )
    rows, mask = np.zeros((1, 1), dtype=np.intp), np.ones((1, 1), dtype=bool)
    learner = adapted.learner
    given = [table.features(rows, mask), table.offsets(rows, mask)]
    given = [each.to(learner.device) for each in given if each is not None]
    for state, task in zip(
        adapted.states, adapted.order[adapted.bounds[:-1]], strict=True
    ):
        one = tree_map(lambda leaf: leaf[:1], state)
        with torch.no_grad():
            outputs = learner.algorithm.predict(learner.module, one, *given)
        labels = adapted.labels
        least = meta.spec_.n_targets if labels is None else labels.n_classes[task]
        if outputs.ndim != 3 or outputs.shape[:2] != (1, 1) or outputs.shape[2] < least:
            raise LoadError("What it has learnt of tasks answers nothing.")


def _check_labels(labels: TaskLabels, n_tasks: int) -> None:
    n_labels = len(_flat("vocabulary", labels.vocabulary))
    members = _indices("members", labels.members, n_labels)
    first = _indices("first", labels.first, len(members) + 1)
    n_classes = _indices("n_classes", labels.n_classes, len(members) + 1)
    if not (
        len(first) == len(n_classes) == n_tasks
        and (first + n_classes <= len(members)).all()
    ):
        raise LoadError("Its tasks have other classes than labels of them.")


def _check_priors(prior: Any, spec: Spec) -> None:
    if prior is None or spec.n_targets == 1:
        _check_prior(prior, spec.n_parts)
        return
    if not isinstance(prior, Priors) or len(prior.targets) != spec.n_targets:
        raise LoadError("Its prior is none.")
    for of_target in prior.targets:
        _check_prior(of_target, spec.n_parts)


def _check_prior(prior: Any, n_parts: int) -> None:
    if prior is None:
        if n_parts:
            raise LoadError("It lacks its prior.")
        return
    if not isinstance(prior, Prior) or len(prior.parts) != n_parts:
        raise LoadError("Its prior is none.")
    _check_numbers("mean", prior.mean, [()])
    _check_numbers("scale", prior.scale, [()])
    _check_numbers("trust", prior.trust, [(n_parts,)])


def _check_numbers(name: str, value: Any, shapes: list[tuple[int, ...]]) -> None:
    if value is None:
        return
    numbers = np.asarray(value)
    lowest = np.finfo(float).tiny if name.endswith("scale_") else -np.inf
    if (
        numbers.shape not in shapes
        or numbers.dtype.kind not in "iuf"
        or not np.isfinite(numbers).all()
        or not (numbers >= lowest).all()
    ):
        raise LoadError(f"Its {name} is out of range.")


def _is_count(value: Any, least: int) -> bool:
    return type(value) is int and least <= value < 2**62


def _flat(name: str, value: Any) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.ndim != 1:
        raise LoadError(f"Its {name} are no list.")
    return value


def _indices(name: str, value: Any, end: int) -> np.ndarray:
    """Return whole numbers from 0 up to an end, or raise a LoadError."""
    value = _flat(name, value)
    if value.dtype.kind not in "iu" or (
        len(value) and (value.min() < 0 or value.max() >= end)
    ):
        raise LoadError(f"Its {name} are out of range.")
    return value
