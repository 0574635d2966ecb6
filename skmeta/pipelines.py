"""Adapt a meta-learner, and more, that stands inside estimators of scikit-learn.

Pipelines, fitted searches, a TransformedTargetRegressor and a FrozenEstimator hand on
what they are asked; what answers inside is their last step here.
"""

import copy
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn import config_context
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

__all__ = [
    "adapt",
    "forget",
    "last_step",
    "partial_adapt",
    "predict_interval",
    "predict_set",
    "restore_targets",
    "to_send",
    "transform",
    "transform_targets",
    "transforms_targets",
    "with_last_step",
]

Fitted = TypeVar("Fitted")


def adapt(
    pipeline: Fitted,
    X: Any = None,
    y: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Fitted:
    """Adapt the last step of a fitted Pipeline through its transformers.

    The transformers stay as they are, as does the meta-knowledge; only the current task
    of the last step changes, in place.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; its last step is a meta-learner or again such a Pipeline. A meta-learner
        alone, a fitted search such as ``GridSearchCV``, a
        ``TransformedTargetRegressor`` or a ``FrozenEstimator`` over either are taken
        too, in whatever order.
    X : array-like of shape (n_rows, n_features), default=None
        Support rows, as the first step takes them. Without any, the current task is
        known by the prior alone.
    y : array-like of shape (n_rows,), default=None
        Targets of the rows, before a ``TransformedTargetRegressor`` transforms them;
        missing ones stay so.
    groups : array-like of shape (n_rows,), default=None
        Task of each row, to adapt to many tasks in one call.
    sample_weight : array-like of shape (n_rows,), default=None
        How much each row counts.

    Returns
    -------
    pipeline : Pipeline
        The same object, ready to predict. With several tasks, ``pipeline.predict(X,
        groups=...)`` needs ``sklearn.set_config(enable_metadata_routing=True)``.

    Raises
    ------
    TypeError
        If the last step is not a meta-learner.
    NotFittedError
        If the pipeline is not fitted.

    Examples
    --------
    >>> import skmeta
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> X, y = load_digits(return_X_y=True)
    >>> meta = skmeta.MetaClassifier(
    ...     "protonet", tasks="classes", max_epochs=1, random_state=0
    ... )
    >>> pipe = make_pipeline(MinMaxScaler(), meta).fit(X[y < 6], y[y < 6])
    >>> X_new, y_new = X[y >= 6], y[y >= 6]
    >>> answers = skmeta.adapt(pipe, X_new[:20], y_new[:20]).predict(X_new[20:])
    >>> bool((answers == y_new[20:]).mean() > 0.5)
    True
    """
    meta = _last_with(pipeline, "adapt")
    if X is None:
        meta.adapt(None, y, **_given(groups, sample_weight))
    else:
        y = None if y is None else transform_targets(pipeline, y)
        Z = transform(pipeline, X, groups)
        meta.adapt(Z, y, **_given(groups, sample_weight))
    return pipeline


def partial_adapt(
    pipeline: Fitted,
    X: Any,
    y: ArrayLike,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Fitted:
    """Add rows, and tasks, to what the last step of a fitted Pipeline is adapted to.

    As ``partial_adapt`` of the last step does it, through the transformers before it.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted, as :func:`adapt` takes it.
    X : array-like of shape (n_rows, n_features)
        Support rows, as the first step takes them.
    y : array-like of shape (n_rows,)
        Targets of the rows, before a ``TransformedTargetRegressor`` transforms them.
    groups : array-like of shape (n_rows,), default=None
        Task of each row, an earlier or a new one.
    sample_weight : array-like of shape (n_rows,), default=None
        How much each row counts.

    Returns
    -------
    pipeline : Pipeline
        The same object, ready to predict.

    Raises
    ------
    TypeError
        If the last step is not a meta-learner.
    NotFittedError
        If the pipeline is not fitted.

    Examples
    --------
    >>> import skmeta
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    >>> meta = skmeta.MetaRegressor("maml", tasks="table", max_epochs=1, random_state=0)
    >>> pipe = make_pipeline(StandardScaler(), meta).fit(X, y)
    >>> pipe = skmeta.adapt(pipe, X[:5], y[:5])
    >>> skmeta.partial_adapt(pipe, X[5:8], y[5:8]).predict(X[8:10]).shape
    (2,)
    """
    meta = _last_with(pipeline, "partial_adapt")
    y = transform_targets(pipeline, y)
    Z = transform(pipeline, X, groups)
    meta.partial_adapt(Z, y, **_given(groups, sample_weight))
    return pipeline


def forget(pipeline: Fitted, groups: ArrayLike | None = None) -> Fitted:
    """Drop tasks that the last step of a fitted Pipeline is adapted to.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted, as :func:`adapt` takes it.
    groups : array-like of shape (n_tasks,) or a single name, default=None
        Names of the tasks. Without, the only task.

    Returns
    -------
    pipeline : Pipeline
        The same object.

    Raises
    ------
    TypeError
        If the last step is not a meta-learner.
    ValueError
        If there is no such task, or if there are several and none is named.
    """
    _last_with(pipeline, "forget").forget(groups)
    return pipeline


def _last_with(pipeline: Any, verb: str) -> Any:
    """Return the fitted meta-learner inside, or say that there is none."""
    meta = last_step(pipeline)
    if not hasattr(meta, verb):
        raise TypeError(
            f"{verb} needs a Pipeline that ends in a meta-learner, such as "
            f"MetaClassifier or MetaRegressor; this one ends in {meta!r}."
        )
    check_is_fitted(pipeline)
    return meta


def _given(groups: Any, sample_weight: Any) -> dict[str, Any]:
    """Name what comes beside rows; not every learner takes weights."""
    given: dict[str, Any] = {"groups": groups}
    if sample_weight is not None:
        given["sample_weight"] = sample_weight
    return given


def predict_interval(
    pipeline: Any,
    X: Any,
    *,
    groups: ArrayLike | None = None,
    coverage: float = 0.9,
) -> tuple[np.ndarray, np.ndarray]:
    """Predict the interval of each row with the last step of a fitted Pipeline.

    Parameters
    ----------
    pipeline : Pipeline
        As :func:`adapt` takes it, and adapted.
    X : array-like of shape (n_rows, n_features)
        Query rows, as the first step takes them.
    groups : array-like of shape (n_rows,), default=None
        Task of each row, needed where several tasks were adapted to.
    coverage : float, default=0.9
        Share of rows, one drawn from each new task, in their intervals.

    Returns
    -------
    low, high : ndarray of shape (n_rows,)
        Ends of the intervals, in the unit that a ``TransformedTargetRegressor`` is
        given.

    Raises
    ------
    TypeError
        If the last step predicts no intervals.
    NotFittedError
        If it is not fitted, adapted or calibrated: ``calibrate`` of the last step says
        more.

    Examples
    --------
    >>> import skmeta
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=60, n_rows=20, random_state=0)
    >>> scaler = StandardScaler().fit(X)
    >>> meta = skmeta.MetaRegressor("r2d2", max_epochs=2, random_state=0)
    >>> pipe = make_pipeline(scaler, meta.fit(scaler.transform(X), y, groups=task))
    >>> pipe = skmeta.adapt(pipe, X[:5], y[:5])
    >>> low, high = skmeta.predict_interval(pipe, X[5:20])
    >>> bool((low < high).all())
    True
    """
    ends = _ask(pipeline, "predict_interval", X, groups=groups, coverage=coverage)
    low, high = (_restore_finite(pipeline, end) for end in ends)
    return np.minimum(low, high), np.maximum(low, high)  # of a falling transformation


def predict_set(
    pipeline: Any,
    X: Any,
    *,
    groups: ArrayLike | None = None,
    coverage: float = 0.9,
) -> np.ndarray:
    """Predict the set of classes of each row with the last step of a fitted Pipeline.

    Parameters
    ----------
    pipeline, X, groups, coverage
        As in :func:`predict_interval`.

    Returns
    -------
    bool ndarray of shape (n_rows, n_classes)
        A column for each of the last step's ``classes_``.

    Raises
    ------
    TypeError
        If the last step predicts no sets.
    NotFittedError
        If it is not fitted, adapted or calibrated.
    """
    sets: np.ndarray = _ask(
        pipeline, "predict_set", X, groups=groups, coverage=coverage
    )
    return sets


def _ask(pipeline: Any, verb: str, X: Any, **how: Any) -> Any:
    """Ask the last step, which need not be a verb of the steps around it."""
    meta = last_step(pipeline)
    if not hasattr(meta, verb):
        raise TypeError(f"{verb} is nothing that {meta!r} can.")
    check_is_fitted(pipeline)
    return getattr(meta, verb)(transform(pipeline, X, how.get("groups")), **how)


def _restore_finite(pipeline: Any, ends: np.ndarray) -> np.ndarray:
    """Bring ends of intervals back to the unit of the targets; infinite ones stay."""
    is_finite = np.isfinite(ends)
    restored = restore_targets(pipeline, np.where(is_finite, ends, 0.0))
    return np.where(is_finite, restored, ends)


def last_step(estimator: Any) -> Any:
    """Return what answers inside pipelines, fitted searches and the like."""
    while (inner := _inside(estimator)) is not None:
        estimator = inner
    return estimator


def _inside(estimator: Any) -> Any:
    """Return what an estimator hands on to, None if it answers itself."""
    if isinstance(estimator, Pipeline):
        return estimator.steps[-1][1]
    if isinstance(estimator, FrozenEstimator):  # first: it has all that is inside
        return estimator.estimator
    if isinstance(estimator, TransformedTargetRegressor):
        return getattr(estimator, "regressor_", estimator.regressor)
    return getattr(estimator, "best_estimator_", None)


def with_last_step(estimator: Any, last: Any) -> Any:
    """Return a shallow copy in which another object answers, what is fitted shared."""
    inner = _inside(estimator)
    if inner is None:
        return last
    outer, inner = copy.copy(estimator), with_last_step(inner, last)
    if isinstance(estimator, Pipeline):
        outer.steps = [*estimator.steps[:-1], (estimator.steps[-1][0], inner)]
    elif isinstance(estimator, FrozenEstimator):
        outer.estimator = inner
    elif isinstance(estimator, TransformedTargetRegressor):
        outer.regressor_ = inner
    else:
        outer.best_estimator_ = inner
    return outer


def to_send(estimator: Any) -> Any:
    """Return a shallow copy that knows no task, for other processes.

    They adapt it to tasks of their own; what only further training needs stays here.
    """
    last = last_step(estimator)
    if hasattr(last, "_to_send"):
        return with_last_step(estimator, last._to_send())
    return estimator


def transform(
    estimator: Any, X: Any, groups: Any = None, *, renamed: bool = False
) -> Any:
    """Send rows through everything that stands before the last step.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like of shape (n_rows, n_features)
        Rows.
    groups : array-like of shape (n_rows,), default=None
        Task of each row, for steps that ask for it.
    renamed : bool, default=False
        Tasks are numbers here, whatever the user calls them.

    Returns
    -------
    array-like
        Rows as the last step takes them.

    Raises
    ------
    ValueError
        If a step asks for groups where tasks are ``renamed``.
    """
    while (inner := _inside(estimator)) is not None:
        if isinstance(estimator, Pipeline) and len(estimator.steps) > 1:
            before = estimator[:-1]
            if (groups is None and not renamed) or not _asks_for_groups(before):
                # As Pipeline.predict does: its transform would ask whether steps are
                # fitted, and one that learns nothing does not know.
                for _, step in before.steps:
                    if step is not None and step != "passthrough":
                        X = step.transform(X)
            elif renamed:
                raise ValueError(
                    f"{before!r} asks for the groups of rows to transform them, which "
                    "judges and ensembles do not know by their names: transform X "
                    "beforehand."
                )
            else:
                with config_context(enable_metadata_routing=True):
                    X = before.transform(X, groups=groups)
        estimator = inner
    return X


def _asks_for_groups(steps: Pipeline) -> bool:
    """Tell whether a transformer requests groups, as ``Pipeline.predict`` hands on."""
    asked: Any = steps.get_metadata_routing().consumes("transform", ["groups"])
    return bool(asked)


def transform_targets(estimator: Any, y: Any) -> Any:
    """Send targets on as a TransformedTargetRegressor around the last step does."""
    for each in _target_transformers(estimator):
        values = _as_floats(y)
        known = ~np.isnan(values)
        if values.ndim == 2:  # all targets of a row, or none
            known = known.any(axis=1)
        if known.any():  # a row may have no target
            values[known] = _through(each.transform, values[known])
        y = values
    return y


def restore_targets(estimator: Any, values: Any) -> Any:
    """Bring values of the last step back to the unit of the targets."""
    for each in reversed(_target_transformers(estimator)):
        values = _through(each.inverse_transform, values)
    return values


def transforms_targets(estimator: Any) -> bool:
    """Tell whether the last step learns other targets than it is given."""
    return bool(_target_transformers(estimator))


def _target_transformers(estimator: Any) -> list[Any]:
    """List what transforms targets, the outermost first."""
    transformers = []
    while (inner := _inside(estimator)) is not None:
        if isinstance(estimator, TransformedTargetRegressor):
            transformers.append(getattr(estimator, "transformer_", None))
        estimator = inner
    return transformers


def _as_floats(y: Any) -> np.ndarray:
    """Return targets as new floats, NaN for those that are missing."""
    if hasattr(y, "isna"):  # pandas.NA is no float
        return np.array(y.to_numpy(dtype=float, na_value=np.nan))
    return np.array(y, dtype=float)


def _through(function: Any, values: np.ndarray) -> np.ndarray:
    """Apply what takes columns to the values of a target, or to several."""
    if values.ndim == 2:
        return np.asarray(function(values))
    return np.asarray(function(np.reshape(values, (-1, 1)))).reshape(-1)
