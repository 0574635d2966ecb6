r"""Ridge, logistic regression and nearest neighbours of many tasks at once.

A model of scikit-learn costs about a millisecond to be made, checked and fitted,
whatever the number of its rows. Of thousands of tasks of a few rows each that is all
the time there is; the sums themselves take none. Here they are done for all tasks
together, padded, with the answers that a loop over tasks gives.

Logistic regression goes to the minimum itself, by Newton's method with step halving, of

.. math:: C \sum_i s_i \ell(y_i, w^\top x_i + b) + \|w\|^2 / 2,

where scikit-learn's stops at its ``tol``. Of a task with fewer rows than features it is
solved in the space of its rows, which :math:`X^\top = QR` spans: :math:`w = Q u`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, log_expit, logsumexp, softmax
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from skmeta.model_selection._effects import (
    add_value_effects,
    padded_tasks,
    value_effects,
)
from skmeta.tables.groups import Spans

__all__ = ["ManyLogistic", "ManyNearest", "ManyRidge", "many_of"]

_MOST_CELLS = 1_000_000
_MOST_STEPS = 60
# Of the gradient, to which every row adds one at most.
_SMALL = 1e-9
# Unknowns of a task; of more, their matrices take longer than the loop.
_MOST_UNKNOWNS = 128
# As scikit-learn has them by default: who stops earlier wants what comes of that.
_LOOSEST, _FEWEST_STEPS = 1e-4, 100
_KNOWN = (Ridge, LogisticRegression, KNeighborsClassifier, KNeighborsRegressor)


def many_of(estimator: BaseEstimator) -> ManyRidge | ManyLogistic | ManyNearest | None:
    """Return what does for many tasks what an estimator does for one.

    Parameters
    ----------
    estimator : estimator
        Not fitted.

    Returns
    -------
    ManyRidge, ManyLogistic, ManyNearest or None
        None where there is nothing but the loop: for estimators of other classes, and
        for parameters that ask for something else, or are wrong.
    """
    if type(estimator) not in _KNOWN:
        return None
    try:
        estimator._validate_params()
    except ValueError:  # scikit-learn says what is wrong, when it is fitted
        return None
    given: dict[str, Any] = estimator.get_params(deep=False)
    if type(estimator) is Ridge:
        alpha: Any = given["alpha"]
        exact = given["solver"] in ("auto", "cholesky", "svd") and not given["positive"]
        if exact and isinstance(alpha, (int, float)) and alpha > 0:
            return ManyRidge(float(alpha), bool(given["fit_intercept"]))
    if type(estimator) is LogisticRegression and _is_smooth(given):
        return ManyLogistic(
            float(given["C"]),
            bool(given["fit_intercept"]),
            given["class_weight"] == "balanced",
        )
    if type(estimator) in (KNeighborsClassifier, KNeighborsRegressor):
        euclidean = given["metric"] == "minkowski" and given["p"] == 2
        if euclidean and given["weights"] == "uniform" and not given["metric_params"]:
            return ManyNearest(int(given["n_neighbors"]))
    return None


def _is_smooth(given: dict[str, Any]) -> bool:
    """Tell whether a logistic regression has only an L2 penalty, and its end."""
    return (
        given["solver"] in ("lbfgs", "newton-cg", "newton-cholesky")
        and given["penalty"] in ("deprecated", "l2")
        and not given["l1_ratio"]
        and given["class_weight"] in (None, "balanced")
        and 0 < given["C"] < np.inf
        and given["tol"] <= _LOOSEST
        and given["max_iter"] >= _FEWEST_STEPS
    )


class ManyRidge:
    """Ridge regression of each task, with an intercept that is not penalised.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    fit_intercept : bool
        Whether there is one.
    """

    def __init__(self, alpha: float, fit_intercept: bool):
        self.alpha = alpha
        self.fit_intercept = fit_intercept

    def fit(
        self, X: np.ndarray, y: np.ndarray, task: np.ndarray, n_tasks: int
    ) -> dict[str, np.ndarray] | None:
        """Learn of the rows of all tasks.

        Parameters
        ----------
        X : float ndarray of shape (n_rows, n_features)
            Rows.
        y : float ndarray of shape (n_rows,)
            Values.
        task : int ndarray of shape (n_rows,)
            Task of each row; every task has some.
        n_tasks : int
            Number of tasks.

        Returns
        -------
        dict of str to ndarray
            What ``answers`` asks for.
        """
        X_mean, y_mean = np.zeros((n_tasks, X.shape[1])), np.zeros(n_tasks)
        if self.fit_intercept:
            spans = Spans(task, n_tasks)
            at, size = spans.first, spans.sizes
            X_mean = np.add.reduceat(X[spans.rows], at) / size[:, np.newaxis]
            y_mean = np.add.reduceat(y[spans.rows], at) / size
        even = np.ones(X.shape[1])
        rest = y - y_mean[task]
        slopes = value_effects(X - X_mean[task], rest, task, n_tasks, even, self.alpha)
        return {"slopes": slopes, "level": y_mean - (X_mean * slopes).sum(axis=1)}

    @staticmethod
    def answers(
        learnt: dict[str, np.ndarray], X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        """Return the value of each row by the model of its task."""
        return add_value_effects(X, learnt["level"][task], learnt["slopes"], task)


class ManyLogistic:
    """Logistic regression of each task: of two classes, or multinomial of more.

    Parameters
    ----------
    C : float
        Inverse strength of the penalty.
    fit_intercept : bool
        Whether there is one, which is not penalised.
    balanced : bool
        Whether rows count as if classes of a task were of one size.
    """

    def __init__(self, C: float, fit_intercept: bool, balanced: bool):
        self.C = C
        self.fit_intercept = fit_intercept
        self.balanced = balanced

    def fit(
        self, X: np.ndarray, y: np.ndarray, task: np.ndarray, n_tasks: int
    ) -> dict[str, np.ndarray] | None:
        """Learn of the rows of all tasks.

        Parameters
        ----------
        X : float ndarray of shape (n_rows, n_features)
            Rows.
        y : float ndarray of shape (n_rows, n_classes)
            1 for the class that a row is of. Classes are numbered inside each task, the
            first n of a task that has n.
        task : int ndarray of shape (n_rows,)
            Task of each row; every task has some.
        n_tasks : int
            Number of tasks.

        Returns
        -------
        dict of str to ndarray, or None
            What ``answers`` asks for; "knows" tells which classes the model of a task
            has seen, none where there is one alone, and no model. None where it is too
            much at once, or has not come to an end.
        """
        n_of = np.zeros((n_tasks, y.shape[1]))
        np.add.at(n_of, task, y)
        knows, sizes = n_of > 0, np.bincount(task, minlength=n_tasks)
        n_known = knows.sum(axis=1)
        weight = np.ones(len(y))
        if self.balanced:
            weight = (sizes / n_known)[task] / n_of[task, y.argmax(axis=1)]
        slopes = np.zeros((n_tasks, X.shape[1], y.shape[1]))
        level = np.where(knows, 0.0, -np.inf)  # (tasks, classes)
        for n_classes in np.unique(n_known[n_known > 1]):
            alike = np.flatnonzero(n_known == n_classes)
            own = np.flatnonzero(n_known[task] == n_classes)
            found = self._fit_alike(
                X[own],
                y[own, :n_classes],
                np.searchsorted(alike, task[own]),
                weight[own],
                len(alike),
            )
            if found is None:
                return None
            slopes[alike, :, :n_classes], level[alike, :n_classes] = found
        knows[n_known < 2] = False
        return {"slopes": slopes, "level": level, "knows": knows}

    def _fit_alike(self, X, y, task, weight, n_tasks):
        """Learn tasks of as many classes; None where it is too much, or has no end.

        Returns slopes, (tasks, features, classes), and levels, (tasks, classes).
        """
        n_classes = y.shape[1]
        n_columns = n_classes if n_classes > 2 else 1
        slopes = np.zeros((n_tasks, X.shape[1], n_classes))
        level = np.zeros((n_tasks, n_classes))
        width = min(int(np.bincount(task).max()), X.shape[1]) + 1
        if width * n_columns > _MOST_UNKNOWNS:
            return None
        cells = max(X.shape[1], width * n_columns**2)
        for tasks, rows, mask in padded_tasks(task, n_tasks, cells):
            own = X[rows] * mask  # (tasks, rows, features)
            basis = None
            if own.shape[1] < own.shape[2]:
                basis, turned = np.linalg.qr(own.swapaxes(1, 2))
                own = turned.swapaxes(1, 2)
            found = _newton(
                np.concatenate([own, self.fit_intercept * mask], axis=2),
                y[rows] if n_columns > 1 else y[rows][..., 1:],
                self.C * weight[rows] * mask[..., 0],
                penalty=np.append(np.ones(own.shape[2]), not self.fit_intercept),
            )
            if found is None:
                return None
            of_rows, of_all = found[:, :-1], found[:, -1]
            if basis is not None:
                of_rows = basis @ of_rows
            if n_columns == 1:  # of the second class, against the first
                slopes[tasks, :, 1], level[tasks, 1] = of_rows[..., 0], of_all[:, 0]
            else:
                slopes[tasks], level[tasks] = of_rows, of_all
        return slopes, level

    @staticmethod
    def answers(
        learnt: dict[str, np.ndarray], X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        """Return the probabilities of each row by the model of its task."""
        logits = learnt["level"][task]
        slopes = learnt["slopes"]
        at_once = max(_MOST_CELLS // slopes[0].size, 1)
        for first in range(0, len(task), at_once):
            own = slice(first, first + at_once)
            logits[own] += np.einsum("nd,ndc->nc", X[own], slopes[task[own]])
        return softmax(logits, axis=1)


def _newton(
    design: np.ndarray, target: np.ndarray, weight: np.ndarray, penalty: np.ndarray
) -> np.ndarray | None:
    """Minimise the penalised log-loss of many tasks.

    Parameters
    ----------
    design : float ndarray of shape (n_tasks, n_rows, n_effects)
        Rows; the last column is the intercept's.
    target : float ndarray of shape (n_tasks, n_rows, n_columns)
        1 for a row's class; a single column for two classes.
    weight : float ndarray of shape (n_tasks, n_rows)
        Of rows, 0 on padding.
    penalty : float ndarray of shape (n_effects,)
        1 for effects that are penalised, 0 for others.

    Returns
    -------
    float ndarray of shape (n_tasks, n_effects, n_columns), or None
        Where every task has come to its minimum.
    """
    n_tasks, _, n_effects = design.shape
    n_columns = target.shape[2]
    turned, spread = design.swapaxes(1, 2), weight[..., np.newaxis]
    penalty = penalty[:, np.newaxis]
    u = np.zeros((n_tasks, n_effects, n_columns))

    def loss_of(u, own):
        f = design[own] @ u
        if n_columns == 1:
            each = target[own] * log_expit(f) + (1 - target[own]) * log_expit(-f)
            each = -each[..., 0]
        else:
            each = logsumexp(f, axis=2) - (target[own] * f).sum(axis=2)
        return (weight[own] * each).sum(axis=1) + (penalty * u**2).sum(axis=(1, 2)) / 2

    loss = loss_of(u, slice(None))
    most = weight.sum(axis=1)[:, np.newaxis] * np.abs(design).max(axis=1)
    limit = _SMALL * np.maximum(most, 1.0)[..., np.newaxis]  # (tasks, effects, 1)
    active = np.arange(n_tasks)
    for _ in range(_MOST_STEPS):
        f = design[active] @ u[active]
        p = expit(f) if n_columns == 1 else softmax(f, axis=2)
        wrong = spread[active] * (p - target[active])
        gradient = turned[active] @ wrong + penalty * u[active]
        left = ~(np.abs(gradient) <= limit[active]).all(axis=(1, 2))
        active, gradient, p = active[left], gradient[left], p[left]
        if not len(active):
            return u
        try:
            step = _newton_step(design[active], gradient, p, weight[active], penalty)
        except np.linalg.LinAlgError:  # features of scales too far apart
            return None
        slope = (gradient * step).sum(axis=(1, 2))
        length = np.ones((len(active), 1, 1))
        for _ in range(30):  # halve where it does not go down
            new = u[active] - length * step
            new_loss = loss_of(new, active)
            enough = loss[active] - 1e-4 * length[:, 0, 0] * slope
            close = 1e-12 * np.abs(loss[active])  # where sums tell no more
            worse = new_loss > enough + close
            if not worse.any():
                break
            length[worse] /= 2
        u[active], loss[active] = new, new_loss
    return None


def _newton_step(design, gradient, p, weight, penalty) -> np.ndarray:
    """Solve for the step of each task, (tasks, effects, columns)."""
    n_tasks, _, n_effects = design.shape
    n_columns = p.shape[2]
    turned = design.swapaxes(1, 2)
    hessian = np.empty((n_tasks, n_columns, n_effects, n_columns, n_effects))
    for one in range(n_columns):
        for other in range(one, n_columns):
            curve = -p[..., one] * p[..., other] + (one == other) * p[..., one]
            block = turned @ (design * (weight * curve)[..., np.newaxis])
            hessian[:, one, :, other] = block
            hessian[:, other, :, one] = block
    # The intercepts of all classes may be shifted together: that changes nothing.
    if n_columns > 1:
        hessian[:, :, -1, :, -1] += 1.0
    hessian = hessian.reshape(n_tasks, n_columns * n_effects, -1)
    place = np.arange(n_columns * n_effects)
    hessian[:, place, place] += np.tile(penalty[:, 0], n_columns)
    right = gradient.swapaxes(1, 2).reshape(n_tasks, -1, 1)
    found = np.linalg.solve(hessian, right)
    return found.reshape(n_tasks, n_columns, n_effects).swapaxes(1, 2)


class ManyNearest:
    """The mean of the nearest rows of a task's support; the first of equally near ones.

    Parameters
    ----------
    n_neighbors : int
        How many.
    """

    def __init__(self, n_neighbors: int):
        self.n_neighbors = n_neighbors

    def fit(
        self, X: np.ndarray, y: np.ndarray, task: np.ndarray, n_tasks: int
    ) -> dict[str, np.ndarray] | None:
        """Keep the rows of all tasks; None where a task has too few.

        Parameters
        ----------
        X : float ndarray of shape (n_rows, n_features)
            Rows.
        y : float ndarray of shape (n_rows,) or (n_rows, n_classes)
            Values, or 1 for the class that a row is of.
        task : int ndarray of shape (n_rows,)
            Task of each row; every task has some.
        n_tasks : int
            Number of tasks.

        Returns
        -------
        dict of str to ndarray, or None
            What ``answers`` asks for.
        """
        if np.bincount(task, minlength=n_tasks).min() < self.n_neighbors:
            return None
        learnt = {"rows": X.copy(), "targets": y.copy(), "task": task}
        if y.ndim == 2:
            n_of = np.zeros((n_tasks, y.shape[1]))
            np.add.at(n_of, task, y)
            learnt["knows"] = n_of > 0
        return learnt

    def answers(
        self, learnt: dict[str, np.ndarray], X: np.ndarray, task: np.ndarray
    ) -> np.ndarray:
        """Return the mean target of the rows nearest to each row, in its task."""
        targets = learnt["targets"]
        n_tasks = int(learnt["task"].max()) + 1
        known = Spans(learnt["task"], n_tasks)
        out = np.empty((len(task), *targets.shape[1:]))
        order = np.argsort(known.sizes[task], kind="stable")
        first = 0
        while first < len(order):
            # Sizes grow, so that the last of a chunk says how wide all are padded.
            sizes = known.sizes[task[order[first:]]]
            cells = sizes * max(X.shape[1], 1) * np.arange(1, len(sizes) + 1)
            most = max(int(np.searchsorted(cells, _MOST_CELLS, side="right")), 1)
            asked = order[first : first + most]
            rows, mask = known.pad(task[asked])  # (asked, rows)
            apart = X[asked, np.newaxis] - learnt["rows"][rows]
            far = np.where(mask, np.einsum("nrd,nrd->nr", apart, apart), np.inf)
            near = np.argsort(far, axis=1, kind="stable")[:, : self.n_neighbors]
            out[asked] = targets[np.take_along_axis(rows, near, axis=1)].mean(axis=1)
            first += most
        return out
