"""Members: fitted on tasks, adapted to new ones, asked for what they answer."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
import sklearn
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from skmeta.model_selection import PerTask
from skmeta.model_selection._inspect import adapts
from skmeta.model_selection._rows import stack_rows
from skmeta.pipelines import (
    last_step,
    restore_targets,
    transform,
    transform_targets,
    transforms_targets,
    with_last_step,
)
from skmeta.tables.rows import TaskRows
from skmeta.tables.unlabelled import with_missing

__all__ = [
    "LearntTasks",
    "fit_member",
    "fits_of",
    "flat",
    "learns_of_other_tasks",
    "say_before",
]

# A probability that counts as none.
_LEAST = 1e-4

# What a meta-learner around a prior counts for before it is judged; others, one.
_AROUND_PRIOR = 2.0


def fit_member(
    estimator: Any,
    rows: TaskRows,
    label_space: str | None,
    declared: np.ndarray | None = None,
) -> Any:
    """Fit a clone of a member on tasks.

    Parameters
    ----------
    estimator : estimator
        A meta-learner, a strategy, a Pipeline or search that ends in one, or any other
        estimator, of which every task gets a clone of its own.
    rows : TaskRows
        Rows of the tasks.
    label_space : {"shared", "per_task"} or None
        What labels mean; None in regression.
    declared : ndarray of shape (n_classes,), default=None
        The labels, if they were told beforehand.

    Returns
    -------
    estimator
        Fitted.

    Raises
    ------
    Exception
        Whatever its ``fit`` raises; ValueError if it takes no weights and there are, or
        if it thinks that labels mean something else.
    """
    if not adapts(estimator):
        estimator = PerTask(estimator)
    given: dict[str, Any] = {"groups": rows.task}
    if rows.weight is not None:
        passes_on = isinstance(estimator, Pipeline)
        if not passes_on and not has_fit_parameter(estimator, "sample_weight"):
            raise ValueError(f"{type(estimator).__name__}.fit takes no sample_weight.")
        given["sample_weight"] = rows.weight
    if rows.in_support is not None and has_fit_parameter(
        last_step(estimator), "in_support"
    ):
        given["in_support"] = rows.in_support
    if declared is not None and has_fit_parameter(last_step(estimator), "classes"):
        given["classes"] = declared
    with sklearn.config_context(enable_metadata_routing=True):  # through pipelines
        member = clone(estimator).fit(rows.X, rows.y, **given)
    last = last_step(member)
    if isinstance(last, PerTask) and label_space is not None:
        last.label_space_ = label_space  # nothing it has learnt depends on it
    own = getattr(last, "label_space_", label_space)
    if own != label_space:
        raise ValueError(
            f"it takes the label space for {own!r}, the ensemble for {label_space!r}: "
            "set label_space in one of them"
        )
    return member


def fits_of(member: Any) -> list[Any]:
    """Return the fits of a member: one, or one for each fold."""
    return member if type(member) is list else [member]


def flat(named: Mapping[str, Any]) -> dict[str, Any]:
    """Name every fit of every member."""
    return {
        f"{name}/{place}" if type(member) is list else name: fit
        for name, member in named.items()
        for place, fit in enumerate(fits_of(member))
    }


def learns_of_other_tasks(member: Any) -> bool:
    """Tell whether the supports of all new tasks change the answers to each."""
    return getattr(last_step(member), "_learns_of_other_tasks", False)


def say_before(members: Iterable[Any]) -> np.ndarray:
    """Return how much say each member has before it is judged.

    A meta-learner around a prior, as "gp" is by default, counts as much as two others:
    on real tables it is mostly the best one, which few tasks cannot tell from chance.

    Parameters
    ----------
    members : iterable of estimator
        Fitted, or lists of each one's fits.

    Returns
    -------
    ndarray of shape (n_members,)
        1 or 2.
    """
    firsts = [each[0] if isinstance(each, list) else each for each in members]
    has_prior = [getattr(last_step(each), "prior_", None) for each in firsts]
    return np.array([1.0 if prior is None else _AROUND_PRIOR for prior in has_prior])


class LearntTasks:
    """What a fitted member has learnt of some tasks; the member stays as it is.

    Parameters
    ----------
    member : estimator
        As :func:`fit_member` returned it.
    rows : TaskRows or None
        Supports. None: nothing, so that it answers by its prior.

    Raises
    ------
    ValueError
        If there are no rows and it has no prior, or if it takes no weights.
    """

    def __init__(self, member: Any, rows: TaskRows | None):
        self.member = member
        self.has_tasks = rows is not None
        # A shallow copy shares what fit has learnt, which adapting only reads.
        self.learner = copy.copy(last_step(member))
        if rows is None:
            self.learner.adapt()
        else:
            self._tell("adapt", rows)

    @classmethod
    def of(cls, member: Any) -> "LearntTasks":
        """Take a member that is adapted already."""
        learnt = cls.__new__(cls)
        learnt.member, learnt.learner = member, last_step(member)
        learnt.has_tasks = True
        return learnt

    @classmethod
    def of_none(cls, member: Any) -> "LearntTasks":
        """Take a member that knows no task yet, and is asked about none."""
        learnt = cls.of(member)
        learnt.learner = copy.copy(learnt.learner)
        return learnt

    @property
    def takes_more(self) -> bool:
        """Whether rows can be added to what it knows, and tasks forgotten."""
        return hasattr(self.learner, "partial_adapt")

    def with_more(self, rows: TaskRows) -> Self:
        """Return what is known when rows have come as well."""
        more = self._copy()
        more._tell("partial_adapt", rows)
        return more

    def without(self, tasks: np.ndarray) -> Self:
        """Return what is known without some of the tasks."""
        fewer = self._copy()
        fewer.learner.forget(tasks)
        return fewer

    def _copy(self) -> Self:
        twin = copy.copy(self)
        twin.learner = copy.copy(self.learner)
        return twin

    def _tell(self, verb: str, rows: TaskRows) -> None:
        weights = {}
        if rows.weight is not None:
            weights["sample_weight"] = rows.weight
            if not has_fit_parameter(self.learner, "sample_weight"):
                name = type(self.learner).__name__
                raise ValueError(f"{name}.{verb} takes no sample_weight.")
        X, y, task, others = rows.X, rows.y, rows.task, rows.unlabelled
        if others is not None and getattr(self.learner, "_takes_unlabelled", False):
            X = stack_rows(X, others.X)
            task = np.concatenate([task, others.task])
            y = with_missing(y, np.arange(len(task)) >= len(y))
            if weights:
                more = np.ones(len(others.task))
                weights["sample_weight"] = np.concatenate([rows.weight, more])
        targets = transform_targets(self.member, y)
        Z = transform(self.member, X, renamed=True)
        getattr(self.learner, verb)(Z, targets, groups=task, **weights)

    def adapted_member(self) -> Any:
        """Return the member with what it has learnt of the tasks."""
        return with_last_step(self.member, self.learner)

    def values(self, X: Any, task: np.ndarray) -> np.ndarray:
        """Predict the value of each row, (n_rows,) or (n_rows, n_targets)."""
        values = restore_targets(self.member, self._ask("predict", X, task))
        return np.asarray(values, dtype=np.float64)

    def deviations(self, X: Any, task: np.ndarray) -> np.ndarray | None:
        """Give the standard deviation of each value, None if it does not know it."""
        algorithm = getattr(self.learner, "algorithm_", None)
        if not hasattr(algorithm, "predict_std") or transforms_targets(self.member):
            return None
        return self._ask("predict", X, task, return_std=True)[1].astype(np.float64)

    def log_probabilities(
        self, X: Any, task: np.ndarray, classes: np.ndarray
    ) -> np.ndarray:
        """Predict the logarithm of the probability of classes, (n_rows, n_classes).

        No class is ruled out, and a label counts as nearly certain where there are no
        probabilities.
        """
        if hasattr(self.learner, "predict_proba"):
            out = np.zeros((len(task), len(classes)))
            known = np.isin(self.learner.classes_, classes)
            columns = np.searchsorted(classes, self.learner.classes_[known])
            out[:, columns] = self._ask("predict_proba", X, task)[:, known]
        else:
            out = self._ask("predict", X, task)[:, np.newaxis] == classes
        return np.log(np.maximum(out, _LEAST))  # NaN stays

    def unknown_shares(self, X: Any, task: np.ndarray) -> np.ndarray | None:
        """Tell how unknown rows look, (n_rows,), None if it does not reject rows."""
        if getattr(self.learner, "unknown_", None) is None:
            return None
        return np.asarray(self._ask("unknown_score", X, task))

    def label_log_probabilities(self, X: Any, task: np.ndarray) -> np.ndarray:
        """Predict the logarithms of how likely rows lack and have each label.

        Of shape (n_rows, n_labels, 2).
        """
        verb = "predict_proba" if hasattr(self.learner, "predict_proba") else "predict"
        having = np.asarray(self._ask(verb, X, task), dtype=np.float64)
        return np.log(np.maximum(np.stack([1 - having, having], axis=-1), _LEAST))

    def _ask(self, verb: str, X: Any, task: np.ndarray, **how: Any) -> Any:
        groups = {"groups": task} if self.has_tasks else {}
        Z = transform(self.member, X, renamed=True)
        return getattr(self.learner, verb)(Z, **groups, **how)
