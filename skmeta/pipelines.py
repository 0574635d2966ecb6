"""Adapt a meta-learner that stands inside estimators of scikit-learn.

Pipelines, fitted searches, a TransformedTargetRegressor and a FrozenEstimator hand on
what they are asked; what answers inside is their last step here.
"""

import copy
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

__all__ = [
    "adapt",
    "last_step",
    "restore_targets",
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
    meta = last_step(pipeline)
    if not hasattr(meta, "adapt"):
        raise TypeError(
            f"adapt needs a Pipeline that ends in a meta-learner, such as "
            f"MetaClassifier or MetaRegressor; this one ends in {meta!r}."
        )
    check_is_fitted(pipeline)
    given: dict[str, Any] = {"groups": groups}
    if sample_weight is not None:
        given["sample_weight"] = sample_weight
    if X is None:
        meta.adapt(None, y, **given)
    else:
        y = None if y is None else transform_targets(pipeline, y)
        meta.adapt(transform(pipeline, X), y, **given)
    return pipeline


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


def transform(estimator: Any, X: Any) -> Any:
    """Send rows through everything that stands before the last step."""
    while (inner := _inside(estimator)) is not None:
        if isinstance(estimator, Pipeline) and len(estimator.steps) > 1:
            X = estimator[:-1].transform(X)
        estimator = inner
    return X


def transform_targets(estimator: Any, y: Any) -> Any:
    """Send targets on as a TransformedTargetRegressor around the last step does."""
    for each in _target_transformers(estimator):
        values = _as_floats(y)
        known = ~np.isnan(values)
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
    """Apply what takes columns to a row of values."""
    return np.asarray(function(np.reshape(values, (-1, 1)))).reshape(-1)
