"""Answers of boosting whose trees are small, for many rows at a time.

scikit-learn walks down every tree row by row, and every second node is a branch that
the processor has guessed wrong. A tree of few nodes can be asked all at once: each
node's answer is a bit, and the bits of a row are the number of its value in a table.
Nodes of all trees that ask about one column are asked in one call. Trees of more nodes
than a byte has bits have two tables: that of the upper nodes says where a row leaves
them, and that of the lower ones what it finds from there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = ["SmallTrees"]

# Nodes of a part of a tree, without its leaves: as many bits as a byte has.
_MOST_NODES = 8

# Rows from which it is worth calling NumPy for the nodes of a column; rows in each
# call, and trees whose nodes, and whose values, are looked up at once. What a call
# works on about fits in the cache; many short calls would make threads wait for each
# other, since each lets go of Python's lock.
_LEAST_ROWS = 512
_ROWS_AT_ONCE = 8192
_TREES_AT_ONCE = 64
_VALUES_AT_ONCE = 16

# Types of numbers that are compared as they are.
_KINDS = (np.dtype(np.float32), np.dtype(np.float64))


class _Tree(NamedTuple):
    """Upper nodes, lower nodes, and the value that the answers of both lead to."""

    features: list[np.ndarray]  # (nodes,) of each part: column that a node asks about
    thresholds: list[np.ndarray]  # (nodes,) of each part: so much goes left
    # (2 ** upper nodes,): where a row leaves the upper nodes; bit i is set where node i
    # sends it left
    exits: np.ndarray
    values: np.ndarray  # (exits, 2 ** lower nodes)


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
        at_once = _whole_iterations(_TREES_AT_ONCE, len(first))
        self.groups = [
            _Group.of(every[start : start + at_once])
            for start in range(0, len(every), at_once)
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
            most sixteen nodes over numbers.
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
        if len(X) < _LEAST_ROWS or X.dtype not in _KINDS:
            return False
        return not np.isnan(X.min(initial=np.inf))  # a gap is less than all numbers

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

    def log_odds(self, X: np.ndarray) -> np.ndarray | None:
        """Answer rows with the logarithm of the odds of the second of two classes.

        Parameters
        ----------
        X : float ndarray of shape (n_rows, n_features)
            Numbers, none missing.

        Returns
        -------
        float64 ndarray of shape (n_rows,) or None
            None if there are more classes.
        """
        return self._sums(X)[0] if len(self.first) == 1 else None

    def _sums(self, X: np.ndarray) -> np.ndarray:
        """Add up what the trees say, (outputs, rows)."""
        sums = np.empty((len(self.first), len(X)))
        sums[:] = self.first[:, np.newaxis]

        for start in range(0, len(X), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            columns = np.ascontiguousarray(X[rows].T)
            for group in self.groups:
                group.add_to(sums[:, rows], columns)
        return sums


def _whole_iterations(n_trees: int, n_outputs: int) -> int:
    """Round a number of trees, one of each output after the other."""
    return n_outputs * max(1, n_trees // n_outputs)


def _take(nodes: np.ndarray) -> _Tree:
    """Number the nodes of a tree, and find the leaf behind each set of answers."""
    inner = _from_the_root(nodes)
    if len(inner) > 2 * _MOST_NODES or nodes["is_categorical"][inner].any():
        raise ValueError("The tree is too large, or asks about categories.")
    parts = [inner[:_MOST_NODES], inner[_MOST_NODES:]]
    ends = _ends(nodes, parts[0], np.zeros(1, dtype=np.intp))[0]
    places, exits = np.unique(ends, return_inverse=True)
    return _Tree(
        [nodes["feature_idx"][part].astype(np.intp) for part in parts],
        [nodes["num_threshold"][part] for part in parts],
        exits,
        nodes["value"][_ends(nodes, parts[1], places)],
    )


def _from_the_root(nodes: np.ndarray) -> np.ndarray:
    """List the nodes that are no leaves, each after the one above it."""
    level, found = np.zeros(1, dtype=np.intp), [np.empty(0, dtype=np.intp)]
    while len(level := level[nodes["is_leaf"][level] == 0]):
        found.append(level)
        level = np.concatenate([nodes["left"][level], nodes["right"][level]])
        level = level.astype(np.intp)
    return np.concatenate(found)


def _ends(nodes: np.ndarray, part: np.ndarray, begin: np.ndarray) -> np.ndarray:
    """Find where rows leave a part of the nodes, (places, sets of answers).

    ``begin`` are the places to start from, (places,).
    """
    bit = np.full(len(nodes), -1)  # of a node that is not among them
    bit[part] = np.arange(len(part))
    answers = np.arange(2 ** len(part))
    place = np.repeat(begin[:, np.newaxis], len(answers), axis=1)
    while (goes := bit[place] >= 0).any():
        left = answers >> np.maximum(bit[place], 0) & 1 == 1
        below = np.where(left, nodes["left"][place], nodes["right"][place])
        place = np.where(goes, below, place)
    return place


class _Group(NamedTuple):
    """Trees that are asked together."""

    thresholds: dict[tuple[int, np.dtype], np.ndarray]  # (nodes, 1) of a column, sorted
    n_nodes: int  # different ones
    # (bits, trees) of the upper and of the lower nodes: a node of each tree, that of
    # the highest bit first
    levels: list[np.ndarray]
    # Where the values begin for each set of answers of the upper nodes of each tree,
    # (trees * 2 ** upper bits,), None where there are no lower ones, and the values.
    begins: np.ndarray | None
    values: np.ndarray

    @classmethod
    def of(cls, trees: list[_Tree]) -> _Group:
        """Find the different nodes of trees, and where each tree has them."""
        features = np.concatenate([each for tree in trees for each in tree.features])
        asked = np.concatenate([each for tree in trees for each in tree.thresholds])
        nodes, number = np.unique(
            np.stack([features, asked], axis=1), axis=0, return_inverse=True
        )
        thresholds = {}
        for feature in np.unique(features):
            own = nodes[nodes[:, 0] == feature, 1]
            for kind in _KINDS:
                thresholds[int(feature), kind] = _rounded(own, kind)[:, np.newaxis]
        sizes = np.array([[len(part) for part in tree.features] for tree in trees])
        upper, lower = sizes.max(axis=0).tolist()
        # What a tree with fewer nodes than others says does not depend on more of them.
        levels = [np.zeros((n, len(trees)), dtype=np.intp) for n in (upper, lower)]
        begins, tables, start, n_values = [], [], 0, 0
        for place, tree in enumerate(trees):
            for level, size in zip(levels, sizes[place], strict=True):
                own = number.ravel()[start : start + size]
                level[len(level) - size :, place] = own[::-1]
                start += size
            exits = np.tile(tree.exits, 2 ** (upper - sizes[place, 0]))
            values = np.tile(tree.values, 2 ** (lower - sizes[place, 1]))
            if lower:
                begins.append(n_values + (exits << lower))
                tables.append(values.ravel())
            else:
                tables.append(values[exits, 0])
            n_values += values.size
        begin = np.concatenate(begins) if lower else None
        return cls(thresholds, len(nodes), levels, begin, np.concatenate(tables))

    def add_to(self, sums: np.ndarray, columns: np.ndarray) -> None:
        """Add what the trees say, one after another, to (outputs, rows).

        ``columns``, (features, rows), are those of the rows, without gaps.
        """
        n_rows = columns.shape[1]
        left, start = np.empty((self.n_nodes, n_rows), dtype=bool), 0
        for (feature, kind), thresholds in self.thresholds.items():
            if kind == columns.dtype:
                stop = start + len(thresholds)
                np.less_equal(columns[feature], thresholds, out=left[start:stop])
                start = stop
        upper, lower = (self._answers(level, left) for level in self.levels)
        n_sets, n_trees = 1 << len(self.levels[0]), len(upper)
        at_once = min(_whole_iterations(_VALUES_AT_ONCE, len(sums)), n_trees)
        # What has been added up stands before what is to be added.
        values = np.empty((len(sums) + at_once, n_rows))
        place = np.empty((at_once, n_rows), dtype=np.intp)
        for first in range(0, n_trees, at_once):
            some = slice(first, first + at_once)
            starts = n_sets * np.arange(n_trees)[some, np.newaxis]
            own = place[: len(starts)]
            np.add(upper[some], starts, out=own)
            # None is out of range: "clip" alone writes without a copy between.
            if self.begins is not None:
                own = self.begins.take(own, mode="clip")
                own += lower[some]
            stop = len(sums) + len(own)
            values[: len(sums)] = sums
            self.values.take(own, out=values[len(sums) : stop], mode="clip")
            said = values[:stop].reshape(-1, len(sums), n_rows)
            np.add.reduce(said, axis=0, out=sums)

    @staticmethod
    def _answers(levels: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Put the answers of nodes together, uint8 bits of shape (trees, rows)."""
        answers = np.zeros((levels.shape[1], left.shape[1]), dtype=np.uint8)
        bits = np.empty_like(answers)
        for nodes in levels:
            # Shifts of bytes, unlike sums, are not computed many at a time.
            answers += answers
            left.view(np.uint8).take(nodes, axis=0, out=bits, mode="clip")
            answers |= bits
        return answers


def _rounded(thresholds: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return the largest numbers of a type that are not above thresholds."""
    near = thresholds.astype(dtype)
    return np.where(near <= thresholds, near, np.nextafter(near, dtype.type(-np.inf)))
