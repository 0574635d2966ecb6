"""What is told of an estimator before it is judged, and what it takes to fit it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from skmeta.episodes.rounds import Round
from skmeta.pipelines import last_step
from skmeta.tables.groups import encode_groups
from skmeta.tables.labels import infer_label_space
from skmeta.tables.unlabelled import known_targets, missing_targets

__all__ = ["adapts", "fit_on_tasks", "is_fitted", "label_space_of", "rounds_for"]


def adapts(estimator: Any) -> bool:
    """Tell whether an estimator, fitted or not, ends in one that adapts."""
    inner = last_step(estimator)
    if hasattr(inner, "estimator") and hasattr(inner, "refit"):  # a search, not fitted
        return adapts(inner.estimator)
    return hasattr(inner, "adapt")


def is_fitted(estimator: Any) -> bool:
    """Tell whether ``fit`` was called."""
    try:
        check_is_fitted(estimator)
    except (sklearn.exceptions.NotFittedError, TypeError):
        return False
    return True


def fit_on_tasks(estimator: Any, X: Any, y: Any, groups: Any) -> Any:
    """Fit a clone on training tasks; groups find their way through pipelines."""
    with sklearn.config_context(enable_metadata_routing=True):
        return clone(estimator).fit(X, y, groups=groups)


def label_space_of(estimator: Any, y: Any, groups: Any) -> str | None:
    """Return the label space of an estimator, or what the labels look like."""
    if not is_classifier(estimator):
        return None
    known = getattr(last_step(estimator), "label_space_", None)
    if known is not None:
        return known
    missing = missing_targets(y)
    if missing is not None:
        y, groups = known_targets(y, missing), _safe_indexing(groups, ~missing)
    y = np.asarray(y).ravel()
    return infer_label_space(y, encode_groups(groups, y)[1])


def rounds_for(estimator: Any, drawn: Round) -> Iterator[Round]:
    """Give a learner that learns of all supports together one episode at a time."""
    if getattr(last_step(estimator), "_learns_of_other_tasks", False):
        return drawn.apart()
    return iter([drawn])
