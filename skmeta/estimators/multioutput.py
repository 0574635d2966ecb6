"""scikit-learn's estimators that hand on one target after another are found out.

A meta-learner inside ``MultiOutputRegressor`` is fitted once for each target, and then
knows no task: these estimators have no ``adapt``. It learns all targets by itself.
"""

from typing import Any

from skmeta.utils.messages import callers

__all__ = ["refuse_target_by_target"]

_HANDS_ON = "sklearn.multioutput"


def refuse_target_by_target(estimator: Any) -> None:
    """Refuse a ``fit`` that is called by an estimator of ``sklearn.multioutput``.

    They tell nothing of what they do, and may do it in another process, so the callers
    are asked: those between a ``fit`` and the user's own code.

    Raises
    ------
    ValueError
        If one of them is such.
    """
    for frame in callers():
        if frame.f_globals.get("__name__") == _HANDS_ON:
            raise ValueError(
                "MultiOutputRegressor, MultiOutputClassifier and chains fit one copy "
                "for each target, and have no adapt to learn a new task by. "
                f"{type(estimator).__name__} learns several targets by itself: call "
                "its fit with y of shape (n_rows, n_targets)."
            )
