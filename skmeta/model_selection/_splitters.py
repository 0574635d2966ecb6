"""Splits of whole tasks and of whole classes."""

import numpy as np
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit
from sklearn.utils import check_random_state

from skmeta.tables.groups import encode_groups

__all__ = ["ClassKFold", "TaskSplit"]


class ClassKFold(BaseCrossValidator):
    """K folds of disjoint classes: no class of a test fold was trained on.

    For ``tasks="classes"``, where a new task is made of classes never seen.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds; there must be two classes for each.
    shuffle : bool, default=True
        Shuffle the classes before they are dealt out. They are often in an order that
        means something.
    random_state : int, RandomState instance or None, default=0
        Shuffles.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.model_selection import ClassKFold
    >>> y = np.repeat(["a", "b", "c", "d"], 3)
    >>> for train, test in ClassKFold(2, shuffle=False).split(y, y):
    ...     print(np.unique(y[train]), np.unique(y[test]))
    ['c' 'd'] ['a' 'b']
    ['a' 'b'] ['c' 'd']
    """

    def __init__(self, n_splits=5, *, shuffle=True, random_state=0):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds."""
        return self.n_splits

    def _iter_test_indices(self, X=None, y=None, groups=None):
        if y is None:
            raise ValueError("ClassKFold deals out the classes of y: pass y.")
        classes, label = np.unique(np.asarray(y).ravel(), return_inverse=True)
        if self.n_splits < 2 or len(classes) < 2 * self.n_splits:
            raise ValueError(
                f"ClassKFold needs two folds or more and two classes for each: there "
                f"are {len(classes)} classes for n_splits={self.n_splits}."
            )
        order = np.arange(len(classes))
        if self.shuffle:
            check_random_state(self.random_state).shuffle(order)
        for fold in np.array_split(order, self.n_splits):
            yield np.flatnonzero(np.isin(label, fold))


class TaskSplit(BaseShuffleSplit):
    """Hold out a share of whole tasks, once or some times.

    It differs from ``GroupShuffleSplit`` in that it asks for ``groups`` by metadata
    routing wherever they are passed, splits once by default, counts tasks
    exactly (at least two on either side, so that there is a spread over tasks), and is
    the same split at every call.

    Parameters
    ----------
    n_splits : int, default=1
        Number of splits.
    test_size : float or int, default=0.3
        Share or number of the tasks held out.
    random_state : int, RandomState instance or None, default=0
        Draws the tasks.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.model_selection import TaskSplit
    >>> store = np.repeat(["a", "b", "c", "d", "e"], 2)
    >>> train, test = next(TaskSplit(test_size=2).split(store, groups=store))
    >>> len(np.unique(store[train])), len(np.unique(store[test]))
    (3, 2)
    """

    __metadata_request__split = {"groups": True}

    def __init__(self, n_splits=1, *, test_size=0.3, random_state=0):
        super().__init__(
            n_splits=n_splits, test_size=test_size, random_state=random_state
        )

    def _iter_indices(self, X, y=None, groups=None):
        if groups is None:
            raise ValueError("TaskSplit holds out whole tasks: pass groups=.")
        names, task = encode_groups(groups, np.asarray(groups))
        n_test = self.test_size
        if isinstance(n_test, float):
            n_test = max(2, round(n_test * len(names)))
        if not 1 <= n_test <= len(names) - 2:
            raise ValueError(
                f"{len(names)} tasks cannot be split with test_size={self.test_size}: "
                "two tasks or more must stay to learn from."
            )
        rng = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            held_out = np.isin(task, rng.permutation(len(names))[:n_test])
            yield np.flatnonzero(~held_out), np.flatnonzero(held_out)
