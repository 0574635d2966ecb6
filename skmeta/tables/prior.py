"""The prior: what the rows of all tasks together say, before a task has spoken.

A prior has one part or several, each a scikit-learn estimator. In training every task
is answered by estimators that have not seen it; new rows by those fitted to all.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import has_fit_parameter
from threadpoolctl import threadpool_limits

from skmeta.tables.own_rows import rows_for
from skmeta.tables.quick_linear import QuickLinear
from skmeta.tables.rows import TaskRows
from skmeta.tables.sizes import unit_of
from skmeta.tables.small_trees import SmallTrees
from skmeta.tables.trust import learn_trust
from skmeta.utils.processes import agreed
from skmeta.utils.threads import side_by_side

__all__ = ["Prior", "cross_fit", "make_part"]

NAMES = ("boosting", "linear")

# Folds of tasks, fewer where rows are so many that each half of them says enough.
_FOLDS = ((20_000, 5), (100_000, 3), (None, 2))

# Trees of "boosting" and their leaves, up to so many rows and beyond. Small trees leave
# to a kernel what they would only half see, and answer in a third of the time.
_MANY = 100_000
_TREES, _TREES_OF_MANY = (60, 8), (150, 15)

# No probability counts as less, that its logarithm be a number.
_LEAST_PROBABILITY = 1e-4

# Held by a fit of boosting.
_BINNING = threading.Lock()

# Rows that are answered at once by an estimator, and by what is quicker.
_ROWS_AT_ONCE = 2**17
_FEW_AT_ONCE = 2**13


def make_part(
    given: str | BaseEstimator, kind: str, seed: int, n_rows: int = 0
) -> BaseEstimator:
    """Make a part of a prior.

    Parameters
    ----------
    given : {"boosting", "linear"} or estimator
        Gradient-boosted trees, a linear model of standardised columns, or any other
        estimator, of which a copy is made.
    kind : {"classifier", "regressor"}
        Kind of target.
    seed : int
        Of what is random in it and has no seed of its own.
    n_rows : int, default=0
        Rows to fit it to: with more than 100,000, "boosting" has more and larger trees.

    Returns
    -------
    estimator
        Not fitted.

    Raises
    ------
    ValueError
        If the name is unknown, or the estimator of another kind or without
        probabilities of classes.
    TypeError
        If it is no estimator.
    """
    if not isinstance(given, str):
        _check_part(given, kind)
        return _seed(clone(given), seed)
    if given not in NAMES:
        raise ValueError(
            f"prior must be one of {list(NAMES)} or an estimator, not {given!r}."
        )
    from sklearn import ensemble, linear_model  # slow to import

    classifies = kind == "classifier"
    if given == "boosting":
        cls = (
            ensemble.HistGradientBoostingClassifier
            if classifies
            else ensemble.HistGradientBoostingRegressor
        )
        n_trees, n_leaves = _TREES if n_rows <= _MANY else _TREES_OF_MANY
        return cls(
            learning_rate=0.1,
            max_leaf_nodes=n_leaves,
            max_iter=n_trees,
            early_stopping=False,
            random_state=seed,
        )
    linear = (
        linear_model.LogisticRegression(C=0.5, max_iter=500)
        if classifies
        else linear_model.Ridge()
    )
    return make_pipeline(StandardScaler(), linear)


def _seed(part: BaseEstimator, seed: int) -> BaseEstimator:
    """Seed what would draw from NumPy's generator, which belongs to the process."""
    if isinstance(part, FrozenEstimator):
        return part
    parameters = part.get_params()
    frozen = tuple(
        f"{name}__"
        for name, value in parameters.items()
        if isinstance(value, FrozenEstimator)
    )
    unseeded = [
        name
        for name, value in parameters.items()
        if value is None
        and name.rpartition("__")[2] == "random_state"
        and not name.startswith(frozen)
    ]
    return part.set_params(**dict.fromkeys(unseeded, seed))


@dataclass(frozen=True)
class Prior:
    r"""Fitted estimators, and how their answers become offsets of outputs.

    A value v becomes :math:`(v - m) / s`. The probabilities :math:`p_k` of classes
    become :math:`\log p_k` minus its mean over the classes, where no probability counts
    as less than 0.0001, times the trust in the part.

    Parameters
    ----------
    parts : list of estimators
        One or more, fitted.
    classes : ndarray of shape (n_classes,), default=None
        Labels in the order of the outputs; None for values.
    columns : ndarray of shape (n_features,), default=None
        Names of the columns, if the parts were fitted to a DataFrame.
    mean, scale : float
        Of the targets, which values are given in.
    trust : ndarray of shape (parts,), default=None
        By what the logarithms of probabilities of each part are multiplied; None for 1.
    """

    parts: list[Any]
    classes: np.ndarray | None = None
    columns: np.ndarray | None = None
    mean: float = 0.0
    scale: float = 1.0
    trust: np.ndarray | None = None  # files of before have none

    @property
    def n_outputs(self) -> int:
        """Outputs of every part: the classes, or one value."""
        return 1 if self.classes is None else len(self.classes)

    def offsets(
        self, X: np.ndarray, changed: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> np.ndarray:
        """Answer rows.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Features, as ``fit`` of an estimator got them.
        changed : callable, default=None
            Makes of some rows those that are answered, of the same type.

        Returns
        -------
        float32 ndarray of shape (n_rows, parts, outputs)
            In units of the outputs of an algorithm.
        """
        shape = (len(X), len(self.parts), self.n_outputs)
        offsets = np.empty(shape, dtype=np.float32)
        quick = self._quick if SmallTrees.can_answer(X) else {}

        def answer(start: int) -> None:
            rows = slice(start, start + _FEW_AT_ONCE)
            given = X[rows] if changed is None else changed(X[rows])
            for place, part in quick.items():
                offsets[rows, place] = self._offset(part, given)

        if quick:
            starts = range(0, len(X), _FEW_AT_ONCE)
            with side_by_side([], _FEW_AT_ONCE, X.shape[1], len(starts)) as each:
                list(each(answer, starts))
        for start in range(0, len(X), _ROWS_AT_ONCE) if len(quick) < shape[1] else ():
            rows = slice(start, start + _ROWS_AT_ONCE)
            given = X[rows] if changed is None else changed(X[rows])
            given = with_columns(given, self.columns)
            for place, part in enumerate(self.parts):
                if place not in quick:
                    offsets[rows, place] = self._offset(part, given)
        if self.trust is not None:
            offsets *= np.asarray(self.trust, dtype=np.float32)[:, np.newaxis]
        return offsets

    @cached_property
    def _quick(self) -> dict[int, SmallTrees | QuickLinear]:
        """Take the parts apart that can be asked at less expense, by their places."""
        found = (SmallTrees.of(part) or QuickLinear.of(part) for part in self.parts)
        return {place: part for place, part in enumerate(found) if part is not None}

    def __getstate__(self) -> dict[str, Any]:
        # What is quick is made of the parts again.
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def _offset(self, part: Any, X: Any) -> np.ndarray:
        if self.classes is None:
            values = np.asarray(part.predict(X), dtype=float)
            if values.size != len(X):
                raise ValueError(_wrong_shape(part, X, values))
            values = values.reshape(-1, 1)
            return (values - self.mean) / self.scale
        if len(self.classes) == 2 and isinstance(part, (SmallTrees, QuickLinear)):
            log_odds = part.log_odds(X)
            if log_odds is not None:
                second = _half_of(log_odds)
                return np.stack([-second, second]).T
        # Classes before rows: sums over few columns take longer than all else.
        p = np.zeros((len(self.classes), len(X)))
        given = np.asarray(part.predict_proba(X))
        if given.shape != (len(X), len(part.classes_)):
            raise ValueError(_wrong_shape(part, X, given))
        p[np.searchsorted(self.classes, part.classes_)] = given.T
        log_p = np.log(np.maximum(p, _LEAST_PROBABILITY, out=p), out=p)
        log_p -= log_p.mean(axis=0)
        return log_p.T


def _wrong_shape(part: Any, X: Any, given: np.ndarray) -> str:
    return f"The prior {part!r} answers {len(X)} rows by an array of {given.shape}."


def _half_of(log_odds: np.ndarray) -> np.ndarray:
    """Return centred log-probabilities of the second of two classes.

    They are half of the log-odds, but where the less likely class has less than the
    least probability.
    """
    size, most = np.abs(log_odds), -np.log(_LEAST_PROBABILITY)
    if size.max(initial=0.0) > most - 1:
        size = np.minimum(size, most - np.log1p(np.exp(-size)))
        log_odds = np.copysign(size, log_odds)
    return 0.5 * log_odds


def with_columns(X: np.ndarray, columns: np.ndarray | None) -> Any:
    """Make a DataFrame of rows whose columns have names."""
    if columns is None:
        return X
    try:
        import pandas as pd
    except ImportError:  # the names came from another library's frame
        return X
    return pd.DataFrame(X, columns=columns)


def cross_fit(
    parts: Sequence[Any],
    rows: TaskRows,
    *,
    weight: np.ndarray | None = None,
    classes: np.ndarray | None = None,
    columns: np.ndarray | None = None,
    mean: float = 0.0,
    scale: float = 1.0,
    check_trust: Sequence[bool] = (),
) -> tuple[Prior, Any]:
    """Fit a prior, and answer every row by what was fitted to other tasks.

    Folds are of tasks; of rows where there is one task only.

    Parameters
    ----------
    parts : sequence of estimators
        Not fitted; cloned.
    rows : TaskRows
        Rows of all tasks. Of many on disk, a sample of them is fitted to.
    weight : ndarray of shape (n_rows,), default=None
        How much each row counts.
    classes, columns, mean, scale
        As in :class:`Prior`.
    check_trust : sequence of bool, default=()
        Of each part, whether it may be surer of classes than it is right. What it says
        of tasks that it has not seen tells how far it is believed.

    Returns
    -------
    prior : Prior
        Fitted to all rows, or to the sample.
    offsets : float32 ndarray or RowSource of shape (n_rows, parts, outputs)
        As :meth:`Prior.offsets`, of priors that have not seen the row's task.

    Raises
    ------
    ValueError
        If a part takes no weights and there are some, or answers by no numbers.
    """
    seen, chosen = rows.sample()
    if classes is None and unit_of(seen.y) != 1.0:
        # Boosting computes in single precision, and the linear model squares.
        seen, mean, scale = replace(seen, y=(seen.y - mean) / scale), 0.0, 1.0
    if weight is not None:
        weight = weight[chosen]

    def fit(chosen: Any) -> Prior:
        X, y = seen.X[chosen], seen.y[chosen]
        own = None if weight is None else weight[chosen]
        fitted = []
        for part in parts:
            kept, values = X, y
            if isinstance(chosen, slice):  # else the rows are copies
                kept, values = rows_for(part, X), rows_for(part, y)
            with _alone(part):
                fitted.append(_fit(part, with_columns(kept, columns), values, own))
        return Prior(fitted, classes, columns, mean, scale)

    # As many threads would win little on a table, and wait for each other beside other
    # processes.
    with threadpool_limits(limits=1, user_api="openmp"):
        prior = agreed(fit(slice(None)))
        is_sample = len(seen) < len(rows)
        if is_sample and len(np.unique(seen.task)) == 1:
            rows.need_all("A prior of a single task")
        checks = prior.classes is not None and any(check_trust)
        others = []  # fitted to all folds but one
        offsets = np.zeros((len(seen), len(parts), prior.n_outputs), dtype=np.float32)
        for known, asked in _folds(seen):
            other = fit(known)
            if checks or not is_sample:
                offsets[asked] = other.offsets(seen.X[asked])
            if is_sample:
                others.append(other)
        _refuse_no_numbers(parts, offsets)
        if prior.classes is not None and checks:
            label = np.searchsorted(prior.classes, seen.y)
            trust = learn_trust(offsets, label, weight, check_trust)
            prior = replace(prior, trust=agreed(trust))
        if is_sample:
            others = [replace(each, trust=prior.trust) for each in others]
            return prior, _offsets_when_read(agreed(others), seen, rows)
        if prior.trust is not None:
            offsets *= prior.trust[:, np.newaxis]
    return prior, rows.as_in_table(agreed(offsets))


def _refuse_no_numbers(parts: Sequence[Any], offsets: np.ndarray) -> None:
    bad = ~np.isfinite(offsets).all(axis=(0, 2))
    if bad.any():
        raise ValueError(
            f"The prior {parts[int(bad.argmax())]!r} answers some rows of tasks "
            "that it was not fitted to by NaN or infinity. Put before it what "
            "keeps its answers finite, such as a scaler, or choose another prior."
        )


def _offsets_when_read(priors: list[Prior], seen: TaskRows, rows: TaskRows) -> Any:
    """Answer rows when they are read, by what a sample without their task has taught.

    A task that the sample lacks is answered by any of the folds.
    """
    fold = np.full(rows.n_tasks, -1)
    for number, (_, asked) in enumerate(_folds(seen)):
        fold[seen.task[asked]] = number
    fold = np.where(fold < 0, np.arange(len(fold)) % len(priors), fold)
    fold = fold.astype(np.int8)

    def answer(X: np.ndarray, task: np.ndarray) -> np.ndarray:
        shape = (len(X), len(priors[0].parts), priors[0].n_outputs)
        offsets = np.empty(shape, dtype=np.float32)
        own = fold[task]
        for number, prior in enumerate(priors):
            asked = own == number
            if asked.any():
                offsets[asked] = prior.offsets(X[asked])
        return offsets

    return rows.with_task(answer, rows.X)


def _folds(rows: TaskRows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    n_folds = next(n for most, n in _FOLDS if most is None or len(rows) <= most)
    n_tasks = len(np.unique(rows.task))
    if n_tasks > 1:
        return GroupKFold(min(n_folds, n_tasks)).split(rows.X, groups=rows.task)
    if len(rows) == 1:
        return iter([(np.zeros(1, dtype=np.intp),) * 2])
    n_folds = min(n_folds, len(rows))
    return KFold(n_folds, shuffle=True, random_state=0).split(rows.X)


def _alone(part: Any) -> contextlib.AbstractContextManager[Any]:
    """Keep fits of boosting in several threads from overlapping.

    Its binning replaces the process's filters of warnings for a moment; of two that
    overlap, one would give back the other's.
    """
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
    )

    is_boosting = isinstance(
        part, (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
    )
    return _BINNING if is_boosting else contextlib.nullcontext()


def _fit(part: Any, X: Any, y: np.ndarray, weight: np.ndarray | None) -> Any:
    part = clone(part)
    if is_classifier(part) and len(np.unique(y)) == 1:
        from sklearn.dummy import DummyClassifier

        part = DummyClassifier()
    if weight is None:
        return part.fit(X, y)
    last, prefix = part, ""
    while isinstance(last, Pipeline):
        step, last = last.steps[-1]
        prefix += f"{step}__"
    if not has_fit_parameter(last, "sample_weight"):
        raise ValueError(
            f"The prior {part!r} takes no weights of rows: leave sample_weight and "
            "class_weight out, or choose a prior that takes them, such as 'boosting'."
        )
    # Where metadata is routed, a Pipeline wants its steps to ask for weights first.
    with config_context(enable_metadata_routing=False):
        return part.fit(X, y, **{f"{prefix}sample_weight": weight})


def _check_part(part: Any, kind: str) -> None:
    """Refuse what cannot be a part of a prior for a kind of target."""
    suits = is_classifier if kind == "classifier" else is_regressor
    if isinstance(part, type) or not hasattr(part, "fit") or not suits(part):
        raise ValueError(
            f"prior must be a {kind} or one of {list(NAMES)} here, not {part!r}."
        )
    if kind == "classifier" and not hasattr(part, "predict_proba"):
        raise ValueError(
            f"The prior {part!r} gives no probabilities. Choose a classifier with "
            "predict_proba, or wrap it in CalibratedClassifierCV."
        )
