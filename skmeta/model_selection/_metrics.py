"""Any scikit-learn metric, task by task."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import get_scorer, get_scorer_names, make_scorer

from skmeta.model_selection._task_metrics import form_of
from skmeta.utils.messages import silenced

__all__ = ["Metric"]

# Squared error of all tasks together, against that of their shrunken support means.
SKILL = "skill"

# How scikit-learn names what is better when it is less.
_LOSSES = ("_error", "_loss", "_deviance")


class Metric:
    """A scorer that is asked for one task at a time, of answers that are known.

    Parameters
    ----------
    metric : str or callable
        Name of a scikit-learn scorer, or "skill"; a function ``metric(y_true,
        y_pred)``, of which those named as losses are negated, so that more is better;
        or a scorer.
    """

    def __init__(self, metric: str | Callable):
        # Skill compares squared errors with those of another, who is asked later.
        self.is_skill = isinstance(metric, str) and metric == SKILL
        self.scorer = _as_scorer("neg_mean_squared_error" if self.is_skill else metric)
        self.name = metric if isinstance(metric, str) else _name(metric)
        self._form = form_of(self.scorer)
        asks = getattr(self.scorer, "_response_method", None)
        asks = (asks,) if isinstance(asks, str) else asks
        self.needs_probabilities = asks is not None and "predict" not in asks
        self.takes_labels = asks is not None and "predict" in asks
        function = getattr(self.scorer, "_score_func", None)
        known = inspect.signature(function).parameters if function else {}
        self._takes_vocabulary = self.needs_probabilities and "labels" in known
        # Those that compare with the variance of the targets.
        self._needs_variance = "force_finite" in known or (
            function is not None and _name(function).startswith("d2_")
        )

    def per_task(
        self,
        y: np.ndarray,
        answers: np.ndarray,
        task: np.ndarray,
        n_tasks: int,
        classes: list[np.ndarray] | None = None,
    ) -> np.ndarray:
        """Score the answers of each task.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
            True targets.
        answers : list of ndarray, one of each task
            Labels or values of shape (rows,), or probabilities of shape (rows,
            classes), of the task's rows in their order.
        task : int ndarray of shape (n_rows,)
            Task of each row.
        n_tasks : int
            Number of tasks.
        classes : list of ndarray, default=None
            Classes of each task, in the order of the columns; None in regression.

        Returns
        -------
        float ndarray of shape (n_tasks,)
            NaN where the metric is undefined, or where a task has no rows.
        """
        scores = np.full(n_tasks, np.nan)
        order = np.argsort(task, kind="stable")
        bounds = np.searchsorted(task[order], np.arange(n_tasks + 1))
        at_once = self._at_once(y[order], answers, bounds, classes)
        if at_once is not None:
            scores[np.diff(bounds) > 0] = at_once
            return scores
        # With routing on, a scorer takes the labels that it was not asked to.
        routing = sklearn.config_context(enable_metadata_routing=True)
        with silenced(UndefinedMetricWarning), routing:
            for each in range(n_tasks):
                own = order[bounds[each] : bounds[each + 1]]
                if len(own):
                    known = None if classes is None else classes[each]
                    scores[each] = self._score(y[own], answers[each], known)
        return scores

    def _at_once(self, y, answers, bounds, classes) -> np.ndarray | None:
        """Score all tasks that have rows; None where it takes scikit-learn's calls."""
        sizes = np.diff(bounds)
        filled = np.flatnonzero(sizes)
        if self._form is None or not len(filled):
            return None
        own = None
        if classes is not None:
            own = classes[filled[0]]
            alike = all(classes[each] is own for each in filled)
            if not (alike or self.takes_labels):
                return None
        parts = [answers[each] for each in filled]
        if len({part.shape[1:] for part in parts}) > 1:
            return None
        whole = np.concatenate(parts)
        if len(whole) != len(y):
            return None
        return self._form(y, whole, bounds[:-1][filled], sizes[filled], own)

    def _score(self, y, answers, classes) -> float:
        if self._needs_variance and (len(y) < 2 or (y == y[0]).all()):
            return np.nan
        unknown = np.empty(0) if classes is None else np.setdiff1d(y, classes)
        if len(unknown) and answers.ndim == 2:  # their probability is none
            wider = np.union1d(classes, unknown)
            whole = np.zeros((len(y), len(wider)), dtype=answers.dtype)
            whole[:, np.searchsorted(wider, classes)] = answers
            answers, classes = whole, wider
        if classes is None:
            answered = _Values(answers)
        elif answers.ndim == 1:
            answered = _Labels(answers, classes)
        else:
            answered = _Probabilities(answers, classes)
        extra = {"labels": classes} if self._takes_vocabulary else {}
        try:
            return float(self.scorer(answered, np.zeros((len(y), 1)), y, **extra))
        except ValueError:
            if classes is not None and (
                len(classes) < 2 or (y == y[0]).all() or len(unknown)
            ):
                return np.nan  # of one class, or of one too many for it
            raise


class _Values(RegressorMixin, BaseEstimator):
    """Stands for the learner of a task whose answers are known."""

    def __init__(self, answers):
        self.answers = answers

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        return self.answers


class _Labels(ClassifierMixin, _Values):
    def __init__(self, answers, classes):
        super().__init__(answers)
        self.classes = classes

    @property
    def classes_(self):
        return self.classes


class _Probabilities(_Labels):
    def predict(self, X):
        return self.classes[self.answers.argmax(axis=1)]

    def predict_proba(self, X):
        return self.answers


def _as_scorer(metric: Any) -> Callable:
    if isinstance(metric, str):
        return get_scorer(metric)
    if not callable(metric):
        raise TypeError(
            "metric must be the name of a scikit-learn scorer, a function "
            f"metric(y_true, y_pred) or a scorer, not {metric!r}."
        )
    if hasattr(metric, "get_metadata_routing") or _takes_estimator(metric):
        return metric
    function: Any = metric.func if isinstance(metric, partial) else metric
    for name in get_scorer_names():
        known = get_scorer(name)
        if getattr(known, "_score_func", None) is function and not getattr(
            known, "_kwargs", None
        ):
            response = known._response_method
            break
    else:
        response = "predict"
    averages = isinstance(metric, partial) and "average" in metric.keywords
    # Or scikit-learn 1.8 wants the label 1 of what means all labels.
    no_label = averages and metric.keywords["average"] != "binary"
    return make_scorer(
        metric,
        response_method=response,
        greater_is_better=not _name(function).endswith(_LOSSES),
        **({"pos_label": None} if no_label and _takes(metric, "pos_label") else {}),
    )


def _takes(metric: Callable, parameter: str) -> bool:
    return parameter in inspect.signature(metric).parameters


def _takes_estimator(metric: Callable) -> bool:
    first = next(iter(inspect.signature(metric).parameters), "")
    return first in ("estimator", "est", "clf", "model")


def _name(metric: Callable) -> str:
    if isinstance(metric, partial):
        metric = metric.func
    function = getattr(metric, "_score_func", metric)
    return getattr(function, "__name__", type(function).__name__)
