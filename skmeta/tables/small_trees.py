"""Answers of boosting whose trees are small, for many rows at a time.

scikit-learn walks down every tree row by row, and every second node is a branch that
the processor has guessed wrong. A tree of few nodes can be asked all at once: each
node's answer is a bit, and the bits of a row are the number of its value in a table.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skmeta.utils.threads import side_by_side

__all__ = ["SmallTrees"]

# Nodes of a tree, without its leaves: as many bits as a byte has.
_MOST_NODES = 8

# Rows from which it is worth calling NumPy for every node, and rows in each call, whose
# columns then stay in the cache.
_LEAST_ROWS = 512
_ROWS_AT_ONCE = 8192

# Types of numbers that are compared as they are.
_KINDS = (np.dtype(np.float32), np.dtype(np.float64))

_SHIFTS = np.arange(_MOST_NODES, dtype=np.uint8)


class _Tree(NamedTuple):
    """Nodes by number, and the value that each set of their answers leads to."""

    features: list[int]  # column that each node asks about
    thresholds: dict[np.dtype, list[Any]]  # of numbers of a type: so much goes left
    values: np.ndarray  # (2 ** nodes,): bit i is set where node i sends the row left


class SmallTrees:
    """What a fitted boosting says, to the last bit, in a sixth of the time.

    Parameters
    ----------
    trees : list of list of _Tree
        For every iteration those of every output.
    first : float64 ndarray of shape (outputs,)
        What is said before any tree.
    loss : object
        scikit-learn's, which knows what sums of trees stand for.
    classes : ndarray of shape (n_classes,) or None
        The estimator's; None for values.
    """

    def __init__(
        self,
        trees: list[list[_Tree]],
        first: np.ndarray,
        loss: Any,
        classes: np.ndarray | None,
    ):
        self.trees = trees
        self.first = first
        self.loss = loss
        self.classes_ = classes

    @classmethod
    def of(cls, part: Any) -> SmallTrees | None:
        """Take a fitted estimator apart.

        Parameters
        ----------
        part : estimator
            Any.

        Returns
        -------
        SmallTrees or None
            None unless it is scikit-learn's histogram-based boosting with trees of at
            most eight nodes over numbers.
        """
        from sklearn.ensemble import (
            HistGradientBoostingClassifier,
            HistGradientBoostingRegressor,
        )

        kinds = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
        if type(part) not in kinds:
            return None
        try:  # none of this is public
            if part._preprocessor is not None:  # some columns are categories
                return None
            trees = [[_take(tree.nodes) for tree in each] for each in part._predictors]
            first, loss = np.ravel(part._baseline_prediction), part._loss
        except (AttributeError, KeyError, ValueError):  # or they are not small
            return None
        return cls(trees, first, loss, getattr(part, "classes_", None))

    @staticmethod
    def can_answer(X: np.ndarray) -> bool:
        """Tell whether rows are enough to be worth it, and have no gaps."""
        return len(X) >= _LEAST_ROWS and X.dtype in _KINDS and not np.isnan(X).any()

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Answer rows with values.

        Parameters
        ----------
        X : float ndarray of shape (n_rows, n_features)
            Numbers, none missing.

        Returns
        -------
        float64 ndarray of shape (n_rows,)
            As the estimator's ``predict``.
        """
        return self.loss.link.inverse(self._sums(X)[0])

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Answer rows with probabilities.

        Parameters
        ----------
        X : float ndarray of shape (n_rows, n_features)
            Numbers, none missing.

        Returns
        -------
        float64 ndarray of shape (n_rows, classes)
            As the estimator's ``predict_proba``.
        """
        return self.loss.predict_proba(np.asfortranarray(self._sums(X).T))

    def _sums(self, X: np.ndarray) -> np.ndarray:
        """Add up what the trees say, (outputs, rows)."""
        sums = np.empty((len(self.first), len(X)))
        sums[:] = self.first[:, np.newaxis]

        def add(start: int) -> None:
            rows = slice(start, start + _ROWS_AT_ONCE)
            ask = _Asking(np.ascontiguousarray(X[rows].T))
            for trees in self.trees:
                for output, tree in enumerate(trees):
                    sums[output, rows] += ask(tree)

        starts = range(0, len(X), _ROWS_AT_ONCE)
        with side_by_side([], _ROWS_AT_ONCE, X.shape[1], len(starts)) as each:
            list(each(add, starts))
        return sums


def _take(nodes: np.ndarray) -> _Tree:
    """Number the nodes of a tree, and find the leaf behind each set of answers."""
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    if len(inner) > _MOST_NODES or nodes["is_categorical"][inner].any():
        raise ValueError("The tree is too large, or asks about categories.")
    bit = np.zeros(len(nodes), dtype=np.intp)
    bit[inner] = np.arange(len(inner))
    answers = np.arange(2 ** len(inner))
    place = np.zeros(len(answers), dtype=np.intp)
    while (goes := nodes["is_leaf"][place] == 0).any():
        left = answers >> bit[place] & 1 == 1
        below = np.where(left, nodes["left"][place], nodes["right"][place])
        place = np.where(goes, below, place)
    return _Tree(
        nodes["feature_idx"][inner].tolist(),
        {kind: _rounded(nodes["num_threshold"][inner], kind) for kind in _KINDS},
        nodes["value"][place],
    )


class _Asking:
    """Asks trees about rows whose columns are given one by one, (features, rows)."""

    def __init__(self, columns: np.ndarray):
        self.columns = columns
        n = columns.shape[1]
        self.left = np.empty(n, dtype=bool)
        self.bit = np.empty(n, dtype=np.uint8)
        self.answers = np.empty(n, dtype=np.uint8)
        self.values = np.empty(n)

    def __call__(self, tree: _Tree) -> np.ndarray:
        """Return the values of a tree, which hold until the next one is asked."""
        self.answers[:] = 0
        is_left = self.left.view(np.uint8)
        thresholds = tree.thresholds[self.columns.dtype]
        for feature, threshold, shift in zip(
            tree.features, thresholds, _SHIFTS, strict=False
        ):
            np.less_equal(self.columns[feature], threshold, out=self.left)
            np.left_shift(is_left, shift, out=self.bit)
            np.bitwise_or(self.answers, self.bit, out=self.answers)
        # None is out of range: "clip" alone writes without a copy in between.
        return tree.values.take(self.answers, out=self.values, mode="clip")


def _rounded(thresholds: np.ndarray, dtype: np.dtype) -> list[Any]:
    """Return the largest numbers of a type that are not above thresholds."""
    near = thresholds.astype(dtype)
    near = np.where(near <= thresholds, near, np.nextafter(near, dtype.type(-np.inf)))
    return list(near)
