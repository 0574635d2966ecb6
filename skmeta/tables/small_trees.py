"""Answers of boosting whose trees are small, for many rows at a time.

scikit-learn walks down every tree row by row, and every second node is a branch that
the processor has guessed wrong. A tree of few nodes can be asked all at once: each
node's answer is a bit, and the bits of a row are the number of its value in a table.
Nodes of all trees that ask about one column are asked in one call.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["SmallTrees"]

# Nodes of a tree, without its leaves: as many bits as a byte has.
_MOST_NODES = 8

# Rows from which it is worth calling NumPy for the nodes of a column; rows, and trees,
# in each call, whose answers then stay in the cache.
_LEAST_ROWS = 512
_ROWS_AT_ONCE = 4096
_TREES_AT_ONCE = 64

# Types of numbers that are compared as they are.
_KINDS = (np.dtype(np.float32), np.dtype(np.float64))


class _Tree(NamedTuple):
    """Nodes by number, and the value that each set of their answers leads to."""

    features: np.ndarray  # (nodes,): column that each node asks about
    thresholds: np.ndarray  # (nodes,): so much goes left
    values: np.ndarray  # (2 ** nodes,): bit i is set where node i sends the row left


class SmallTrees:
    """What a fitted boosting says, to the last bit, in a tenth of the time.

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
        every = [tree for each in trees for tree in each]
        self.groups = [
            _Group.of(every[start : start + _TREES_AT_ONCE])
            for start in range(0, len(every), _TREES_AT_ONCE)
        ]
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

        for start in range(0, len(X), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            columns = np.ascontiguousarray(X[rows].T)
            values, number = np.empty(columns.shape[1]), 0
            for group in self.groups:
                answers = group.ask(columns)
                for table, own in zip(group.values, answers, strict=True):
                    # None is out of range: "clip" alone writes without a copy between.
                    table.take(own, out=values, mode="clip")
                    sums[number % len(sums), rows] += values
                    number += 1
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
        nodes["feature_idx"][inner].astype(np.intp),
        nodes["num_threshold"][inner],
        nodes["value"][place],
    )


class _Group(NamedTuple):
    """Trees that are asked together."""

    thresholds: dict[tuple[int, np.dtype], np.ndarray]  # (nodes, 1) of a column, sorted
    n_nodes: int  # different ones
    levels: np.ndarray  # (bits, trees): a node of each tree, that of the highest first
    values: list[np.ndarray]  # of each tree, (2 ** bits,)

    @classmethod
    def of(cls, trees: list[_Tree]) -> _Group:
        """Find the different nodes of trees, and where each tree has them."""
        features = np.concatenate([tree.features for tree in trees])
        asked = np.concatenate([tree.thresholds for tree in trees])
        nodes, number = np.unique(
            np.stack([features, asked], axis=1), axis=0, return_inverse=True
        )
        thresholds = {}
        for feature in np.unique(features):
            own = nodes[nodes[:, 0] == feature, 1]
            for kind in _KINDS:
                thresholds[int(feature), kind] = _rounded(own, kind)[:, np.newaxis]
        sizes = [len(tree.features) for tree in trees]
        # What a tree with fewer nodes than others says does not depend on more of them.
        levels = np.zeros((max(sizes), len(trees)), dtype=np.intp)
        values, start = [], 0
        for place, (tree, size) in enumerate(zip(trees, sizes, strict=True)):
            own = number.ravel()[start : start + size]
            levels[len(levels) - size :, place] = own[::-1]
            values.append(np.tile(tree.values, 2 ** (len(levels) - size)))
            start += size
        return cls(thresholds, len(nodes), levels, values)

    def ask(self, columns: np.ndarray) -> np.ndarray:
        """Return what the nodes of every tree say, uint8 bits of shape (trees, rows).

        ``columns``, (features, rows), are those of the rows, without gaps.
        """
        n_rows = columns.shape[1]
        left, start = np.empty((self.n_nodes, n_rows), dtype=bool), 0
        for (feature, kind), thresholds in self.thresholds.items():
            if kind == columns.dtype:
                stop = start + len(thresholds)
                np.less_equal(columns[feature], thresholds, out=left[start:stop])
                start = stop
        answers = np.zeros((self.levels.shape[1], n_rows), dtype=np.uint8)
        bits = np.empty_like(answers)
        for nodes in self.levels:
            # Shifts of bytes, unlike sums, are not computed many at a time.
            answers += answers
            left.view(np.uint8).take(nodes, axis=0, out=bits, mode="clip")
            answers |= bits
        return answers


def _rounded(thresholds: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return the largest numbers of a type that are not above thresholds."""
    near = thresholds.astype(dtype)
    return np.where(near <= thresholds, near, np.nextafter(near, dtype.type(-np.inf)))
