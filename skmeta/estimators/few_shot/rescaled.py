"""Whether a few rows were scaled by themselves on their way to a meta-learner.

A transformer that scikit-learn fits together with a few-shot estimator sees the few
rows alone, and the meta-learner knows columns and targets in the units of its training.
Nobody tells a ``fit`` what stands before it, so the callers are asked, as they are for
the labels behind numbers.
"""

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from skmeta.pipelines import last_step, transform, transform_targets
from skmeta.tables.unlabelled import missing_cells
from skmeta.utils.messages import callers, silenced, warn

__all__ = ["warn_if_rescaled"]

# Standard deviations of the training by which a column's mean may be off, and how many
# times wider or narrower than in the training it may be.
_OFF, _TIMES = 1.0, 2.0

_FITTED = {
    "columns": "FrozenEstimator(scaler)",
    "targets": "func=scaler.transform, inverse_func=scaler.inverse_transform",
}


def warn_if_rescaled(name: str, meta: Any, X: Any, y: Any) -> None:
    """Warn if somebody around a ``fit`` of ours has fitted a scale to its few rows.

    Only where rows are in another unit than those of the training, too: who has scaled
    each training task by itself may go on so.

    Parameters
    ----------
    name : str
        Who is fitted.
    meta : estimator
        The fitted meta-learner, or what stands around it.
    X, y : array-like
        What the ``fit`` was given.
    """
    for frame in callers():
        caller, known = frame.f_locals.get("self"), frame.f_locals
        if frame.f_code.co_name != "fit":
            caller = None
        if isinstance(caller, Pipeline) and len(caller.steps) > 1:
            before = caller[:-1]
            if _is_off_columns(meta, X) and _learns_of_rows(before, known["X"]):
                _warn(name, meta, before, "columns")
                return
        if isinstance(caller, TransformedTargetRegressor):
            given = np.asarray(known["y"])
            given = given if given.ndim == 2 else given[:, np.newaxis]
            before = caller.transformer_
            if _is_off_targets(meta, y) and _learns_of_rows(before, given):
                _warn(name, meta, before, "targets")
                return


def _warn(name: str, meta: Any, before: Any, what: str) -> None:
    kind = type(last_step(meta)).__name__
    warn(
        f"{before} was fitted to these few rows alone, and the {kind} inside {name} "
        f"knows {what} in the units of its training, which are others. Put what is "
        f"fitted with the training around the {kind}, and {name} around both; or hand "
        f"on what is fitted already, {_FITTED[what]}."
    )


def _is_off_columns(meta: Any, X: Any) -> bool:
    try:
        with silenced():
            Z = np.asarray(transform(meta, X), dtype=float)
    except (TypeError, ValueError):  # which adapting will say better
        return False
    return _is_off(Z, _learner_of(meta), "")


def _is_off_targets(meta: Any, y: Any) -> bool:
    try:
        with silenced():
            values = np.asarray(transform_targets(meta, y), dtype=float)
    except (TypeError, ValueError):
        return False
    return _is_off(values.reshape(len(values), -1), _learner_of(meta), "target_")


def _learner_of(meta: Any) -> Any:
    """Return a meta-learner that takes rows as they come, one of several."""
    learner = last_step(meta)
    members = [*getattr(learner, "named_estimators_", {}).values()]
    fits = [each[0] if isinstance(each, list) else each for each in members]
    known = [each for each in fits if hasattr(each, "mean_")]
    return known[0] if known else learner


def _is_off(values: np.ndarray, learner: Any, of: str) -> bool:
    """Tell whether most columns that vary are in another unit than in the training."""
    if getattr(learner, "normalize_", None) in (None, "task"):
        return False  # whatever their unit
    mean, scale = (getattr(learner, f"{of}{each}_", None) for each in ("mean", "scale"))
    if mean is None or values.shape[1:] not in (np.shape(mean), (1,)):
        return False
    known = values[np.isfinite(values).all(axis=1)]
    if len(known) < 3:
        return False
    z = ((known - mean) / scale)[:, np.ptp(known, axis=0) > 0]
    std = z.std(axis=0)
    off = (np.abs(z.mean(axis=0)) > _OFF) | (std > _TIMES) | (std < 1 / _TIMES)
    return bool(off.mean() > 0.5) if off.size else False


def _learns_of_rows(transformer: Any, X: Any) -> bool:
    """Tell whether it makes another thing of a row if it is fitted to other rows.

    Of a row that lacks nothing: what fills gaps does so by the other rows, and leaves
    units as they are.
    """
    half = slice(None, None, 2)
    try:
        with silenced():
            rows = X.iloc[half] if hasattr(X, "iloc") else np.asarray(X)[half]
            other = clone(transformer).fit(rows)
            gaps = missing_cells(rows)
            whole = rows if gaps is None else rows[~gaps.any(axis=1)]
            one, two = (each.transform(whole) for each in (transformer, other))
            one, two = (np.asarray(each, dtype=float) for each in (one, two))
    except Exception:  # a step that wants targets, or more rows: nothing is known of it
        return False
    return one.shape != two.shape or not np.allclose(one, two, equal_nan=True)
