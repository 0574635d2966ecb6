"""Learn from some of the tasks and keep the others, again and again."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import _safe_indexing
from tqdm.auto import tqdm

from skmeta.engine.hooks import unheard
from skmeta.estimators.calibration import TrainingRows
from skmeta.model_selection._simulated import folds_of_tasks
from skmeta.tables.groups import encode_groups
from skmeta.utils.messages import silenced

__all__ = ["cross_fit", "units_of"]

_BAR_DELAY = 1.0  # seconds

# Classes that fits without some of them need.
_FEWEST_CLASSES = 4


def units_of(estimator: Any, rows: TrainingRows) -> np.ndarray:
    """Number what is left out together: tasks, classes of a pool or rows of a table.

    Parameters
    ----------
    estimator : meta-learner or ensemble
        Fitted to the rows.
    rows : TrainingRows
        What it was fitted to.

    Returns
    -------
    int ndarray of shape (n_rows,)
        Unit of each row, 0, 1, ...
    """
    tasks = _tasks_of(estimator, rows)
    y = np.asarray(rows.y)
    if tasks == "groups":
        return encode_groups(rows.groups, y)[1]
    if tasks == "classes":
        return np.unique(y.ravel(), return_inverse=True)[1]
    return np.arange(len(y))


def cross_fit(
    estimator: Any, rows: TrainingRows, n_folds: int, seed: int
) -> Iterator[tuple[Any, np.ndarray]]:
    """Fit clones to some of the tasks each, so that every task is left out once.

    Parameters
    ----------
    estimator : meta-learner or ensemble
        Fitted to the rows; it stays as it is.
    rows : TrainingRows
        What it was fitted to.
    n_folds : int
        Clones; fewer where there are fewer tasks.
    seed : int
        Draws who is left out.

    Yields
    ------
    learner : estimator
        Fitted.
    left_out : int ndarray
        Numbers of the rows that it has not seen. Nothing is yielded where there are too
        few tasks, or classes, to leave some out.
    """
    unit = units_of(estimator, rows)
    of_classes = _tasks_of(estimator, rows) == "classes"
    if unit.max() + 1 < (_FEWEST_CLASSES if of_classes else 2):
        return
    folds = folds_of_tasks(unit, n_folds, seed)
    for train, test in tqdm(folds, desc="calibrating", unit="fit", delay=_BAR_DELAY):
        yield _fit(estimator, rows, train), test


def _tasks_of(estimator: Any, rows: TrainingRows) -> str:
    """Say where ``fit`` took tasks from, whatever has been set since."""
    known = rows.parameters or estimator.get_params(deep=False)
    tasks: str = known.get("tasks", "groups")
    return tasks


def _as_fitted(estimator: Any, rows: TrainingRows) -> Any:
    """Clone an estimator with the parameters that it had in ``fit``."""
    learner = clone(estimator)
    if rows.parameters is None:
        return learner
    now = estimator.get_params()
    changed = {
        name.partition("__")[0]
        for name, value in rows.parameters.items()
        if not (name in now and (value is now[name] or _are_equal(value, now[name])))
    }
    # An object of then, and what its parameters were.
    return learner.set_params(
        **{
            name: clone(value, safe=False)
            for name, value in rows.parameters.items()
            if name.partition("__")[0] in changed
        }
    )


def _are_equal(one: Any, other: Any) -> bool:
    """Tell whether plain values are equal; objects are not."""
    plain = (str, bool, int, float, tuple)
    return isinstance(one, plain) and isinstance(other, plain) and one == other


def _fit(estimator: Any, rows: TrainingRows, chosen: np.ndarray) -> Any:
    """Fit a clone to some of the rows, to which labels mean the same."""
    learner = unheard(_as_fitted(estimator, rows))
    known = learner.get_params(deep=False)
    how = {"warm_start": False, "checkpoint_dir": None, "verbose": 0, "reject": None}
    given: dict[str, Any] = {}
    if is_classifier(estimator) and _tasks_of(estimator, rows) != "classes":
        how["label_space"] = estimator.label_space_
        if estimator.label_space_ == "shared":
            given["classes"] = estimator.classes_
    learner.set_params(**{name: each for name, each in how.items() if name in known})
    # The other processes of the fit may not be asked for the same.
    alone = {
        name: False
        for name in learner.get_params()
        if name == "accelerate" or name.endswith("__accelerate")
    }
    learner.set_params(**alone)
    for name in ("groups", "sample_weight", "in_support"):
        each = getattr(rows, name)
        if each is not None:
            given[name] = _safe_indexing(np.asarray(each), chosen)
    X, y = _safe_indexing(rows.X, chosen), _safe_indexing(np.asarray(rows.y), chosen)
    with silenced():  # the fit to all of them has said it
        return learner.fit(X, y, **given)
