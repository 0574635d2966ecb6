"""What ``fit`` was given and does not use is told of."""

from typing import Any

import numpy as np

from skmeta.utils.messages import listed, warn

__all__ = ["warn_of_ignored"]

# Rows that tell whether groups are but the classes once more.
_SEEN = 10_000


def warn_of_ignored(
    tasks: str, kind: str, y: Any, groups: Any, in_support: Any, classes: Any
) -> None:
    """Warn of arguments that mean nothing beside the parameters.

    Groups that tell no more than there is, one for all rows or one for each class of a
    pool, are none.

    Parameters
    ----------
    tasks : {"groups", "classes", "table"}
        What tasks are made of.
    kind : {"classifier", "regressor"}
        Kind of target.
    y : array-like of shape (n_rows,)
        Targets.
    groups, in_support, classes : array-like or None
        As ``fit`` was given them.
    """
    if classes is not None and kind == "regressor":
        warn(
            "classes are declared for labels, and values are learnt: they are ignored."
        )
    if tasks == "groups":
        return
    ignored = ["groups"] if groups is not None and _tell_more(groups, y, tasks) else []
    if in_support is not None:
        ignored.append("in_support")
    if ignored:
        what = "one task of all rows" if tasks == "table" else "tasks of the classes"
        warn(
            f"tasks={tasks!r} makes {what}, and ignores {listed(ignored)}. To learn "
            "from the tasks that groups name, set tasks='groups', the default; if a "
            "search needs groups for its folds alone, call "
            "set_fit_request(groups=False)."
        )


def _tell_more(groups: Any, y: Any, tasks: str) -> bool:
    """Tell whether groups split rows otherwise than ``tasks`` does by itself.

    Rows are sampled. What cannot be compared is taken to differ.
    """
    try:
        step = max(1, len(groups) // _SEEN)
        names, labels = (
            np.asarray(_every(values, step)).astype(str) for values in (groups, y)
        )
    except (TypeError, ValueError, KeyError):  # no values of rows
        return True
    if names.ndim != 1 or len(names) != len(labels):
        return True
    group = np.unique(names, return_inverse=True)[1]
    if not len(group) or not group.max():
        return False
    if tasks == "table" or labels.ndim != 1:
        return True
    label = np.unique(labels, return_inverse=True)[1]
    pairs = len(np.unique(group * (label.max() + 1) + label))
    return not pairs == group.max() + 1 == label.max() + 1


def _every(values: Any, step: int) -> Any:
    """Return every so many-th of some values, as they are in the order of the rows."""
    of_frame = getattr(values, "iloc", None)
    if of_frame is not None:
        return of_frame[::step]
    if hasattr(values, "sizes"):  # an index of tasks
        return values[np.arange(0, len(values), step)]
    return values[::step]
