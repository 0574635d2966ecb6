"""What is told of an estimator before it is judged, and what it takes to fit it."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from skmeta.episodes.rounds import Round
from skmeta.episodes.sampling import check_support
from skmeta.model_selection._strategy import Strategy
from skmeta.pipelines import last_step
from skmeta.tables.groups import encode_groups
from skmeta.tables.labels import infer_label_space
from skmeta.tables.targets import has_columns
from skmeta.tables.unlabelled import known_targets, missing_targets

__all__ = [
    "adapts",
    "fit_on_tasks",
    "innermost",
    "is_fitted",
    "label_space_of",
    "rounds_for",
    "support_of",
]


def innermost(estimator: Any) -> Any:
    """Return what answers inside pipelines and searches, fitted or not."""
    inner = last_step(estimator)
    if hasattr(inner, "estimator") and hasattr(inner, "refit"):  # a search, not fitted
        return innermost(inner.estimator)
    return inner


def adapts(estimator: Any) -> bool:
    """Tell whether an estimator, fitted or not, ends in one that adapts."""
    return hasattr(innermost(estimator), "adapt")


def support_of(estimators: Iterable[Any], asked: str | None) -> str:
    """Tell which rows of a task are known first to those that are judged together.

    Parameters
    ----------
    estimators : iterable of estimator
        What is judged.
    asked : {"random", "first"} or None
        As the user says; None is as the meta-learners among them have it, and "random"
        where there is none.

    Raises
    ------
    ValueError
        If it is no choice, or if the meta-learners differ.
    """
    if asked is not None:
        return check_support(asked)
    inner = [innermost(each) for each in estimators]
    own = {
        check_support(each.support)
        for each in inner
        if hasattr(each, "support") and not isinstance(each, Strategy)
    }
    if len(own) > 1:
        raise ValueError(
            "Some of the meta-learners have support='first' and some 'random', and all "
            "are judged by the same rows: say support= which."
        )
    return own.pop() if own else "random"


def is_fitted(estimator: Any) -> bool:
    """Tell whether ``fit`` was called."""
    try:
        check_is_fitted(estimator)
    except (sklearn.exceptions.NotFittedError, TypeError):
        return False
    return True


def fit_on_tasks(
    estimator: Any, X: Any, y: Any, groups: Any, in_support: Any = None
) -> Any:
    """Fit a clone on training tasks; groups find their way through pipelines.

    Given supports go to what can train with them.
    """
    given = {"groups": groups}
    if in_support is not None and has_fit_parameter(innermost(estimator), "in_support"):
        given["in_support"] = in_support
    with sklearn.config_context(enable_metadata_routing=True):
        return clone(estimator).fit(X, y, **given)


def label_space_of(estimator: Any, y: Any, groups: Any) -> str | None:
    """Return the label space of an estimator, or what the labels look like."""
    if not is_classifier(estimator):
        return None
    known = getattr(last_step(estimator), "label_space_", None)
    if known is not None:
        return known
    if has_columns(y):  # labels that a row has or has not
        return "shared"
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
