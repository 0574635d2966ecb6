"""Adapt a meta-learner that stands at the end of a Pipeline."""

import copy
from typing import Any, TypeVar

from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

__all__ = ["adapt", "last_step", "transform", "with_last_step"]

Fitted = TypeVar("Fitted")


def adapt(
    pipeline: Fitted,
    X: Any = None,
    y: ArrayLike | None = None,
    groups: ArrayLike | None = None,
) -> Fitted:
    """Adapt the last step of a fitted Pipeline through its transformers.

    The transformers stay as they are, as does the meta-knowledge; only the current task
    of the last step changes, in place.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; its last step is a meta-learner or again such a Pipeline. A meta-learner
        alone and a fitted search such as ``GridSearchCV`` over either are taken too.
    X : array-like of shape (n_rows, n_features), default=None
        Support rows, as the first step takes them. Without any, the current task is
        known by the prior alone.
    y : array-like of shape (n_rows,), default=None
        Targets of the rows.
    groups : array-like of shape (n_rows,), default=None
        Task of each row, to adapt to many tasks in one call.

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
    meta.adapt(None if X is None else transform(pipeline, X), y, groups=groups)
    return pipeline


def last_step(estimator: Any) -> Any:
    """Return what answers inside pipelines and fitted searches."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator


def with_last_step(estimator: Any, last: Any) -> Any:
    """Return a shallow copy in which another object answers, what is fitted shared."""
    if isinstance(estimator, Pipeline):
        outer = copy.copy(estimator)
        name, inner = estimator.steps[-1]
        outer.steps = [*estimator.steps[:-1], (name, with_last_step(inner, last))]
        return outer
    if hasattr(estimator, "best_estimator_"):
        outer = copy.copy(estimator)
        outer.best_estimator_ = with_last_step(estimator.best_estimator_, last)
        return outer
    return last


def transform(estimator: Any, X: Any) -> Any:
    """Send rows through everything that stands before the last step."""
    while True:
        if isinstance(estimator, Pipeline):
            if len(estimator.steps) > 1:
                X = estimator[:-1].transform(X)
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return X
