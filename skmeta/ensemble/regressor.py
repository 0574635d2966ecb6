"""Several regressors together."""

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from skmeta.ensemble.adapted import AdaptedMembers
from skmeta.ensemble.base import BaseMetaStacking
from skmeta.ensemble.defaults import value_members
from skmeta.ensemble.members import LearntTasks
from skmeta.estimators.conformal import Intervals
from skmeta.estimators.few_shot import FewShotRegressor
from skmeta.estimators.scoring import r2_per_task
from skmeta.saving.kinds import savable
from skmeta.tables.rows import TaskRows

__all__ = ["MetaStackingRegressor"]


@savable
class MetaStackingRegressor(RegressorMixin, Intervals, BaseMetaStacking):
    r"""Several regressors together, weighted by tasks that were left out.

    As :class:`MetaStackingClassifier`, with the mean :math:`\sum_m w_m(k) f_m(x)` of
    the members' values, and weights chosen by its squared error.

    Parameters
    ----------
    estimators : list of (str, estimator), default=None
        Members by name: meta-learners, strategies of :mod:`skmeta.model_selection`,
        Pipelines that end in one, or any regressor, of which every task gets a clone.
        None stands for a few that suit.
    weights : {"auto", "equal", "greedy"}, default="auto"
        As in :class:`MetaStackingClassifier`.
    n_shot : int or (int, int), default=(1, 10)
        Support rows that members are judged with, and that those of
        ``estimators=None`` are trained with. ``score`` splits tasks by the highest.
    support : {"random", "first"}, default="random"
        Which rows of a task are known first, as in :class:`MetaStackingClassifier`.
    cv : int, splitter or iterable, default=None
        Which tasks are left out, as in :class:`MetaStackingClassifier`.
    refit : bool, default=True
        Fit the members again on all tasks, or let the fits of all folds answer
        together.
    unknown_task : {"error", "prior"}, default="error"
        Answer to rows of a group that was not adapted to.
    random_state : int, RandomState instance or None, default=None
        Seed of the tasks that are left out, their supports, and of the members of
        ``estimators=None``.

    Attributes
    ----------
    named_estimators_ : Bunch
        The members, fitted on all tasks, or with ``refit=False`` a list of each
        member's fits; without those that failed.
    weights_ : ndarray of shape (n_sizes, n_members)
        Weights of the members for each number of support rows; between the numbers
        they are interpolated. Of several targets (n_sizes, n_members, n_targets).
    support_sizes_ : ndarray of shape (n_sizes,)
        These numbers.
    losses_ : ndarray of shape (n_sizes, n_members)
        Squared error of each member on the tasks that were left out, in units of the
        variance of their targets; NaN where it has no answer, or where nothing was left
        out. Of several targets (n_sizes, n_members, n_targets).
    n_tasks_ : int
        Tasks that ``fit`` saw.
    calibration_ : Calibration
        How far answers to tasks that were not learnt from are off, after
        :meth:`calibrate`.
    n_features_in_ : int
        Features of a row.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if ``X`` had any.
    target_names_ : ndarray of shape (n_targets,)
        Names of several targets, if ``y`` had any.

    See Also
    --------
    MetaStackingClassifier : The same for classes.
    skmeta.MetaRegressor : One meta-learner.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.ensemble import MetaStackingRegressor
    >>> X, y, task = make_sinusoids(n_tasks=30, n_rows=20, random_state=0)
    >>> members = [
    ...     ("r2d2", MetaRegressor("r2d2", max_epochs=5, random_state=0)),
    ...     ("own", Ridge()),
    ... ]
    >>> stack = MetaStackingRegressor(members, random_state=0)
    >>> stack = stack.fit(X, y, groups=task).adapt(X[:10], y[:10])
    >>> stack.predict(X[10:20]).shape
    (10,)
    """

    # RegressorMixin comes first, for its tags, with a score that knows no tasks.
    score = BaseMetaStacking.score

    _kind = "regressor"
    _metric = staticmethod(r2_score)
    _scores_per_task = staticmethod(r2_per_task)

    def __init__(
        self,
        estimators: list[tuple[str, Any]] | None = None,
        *,
        weights: Literal["auto", "equal", "greedy"] = "auto",
        n_shot: int | tuple[int, int] = (1, 10),
        support: Literal["random", "first"] = "random",
        cv: Any = None,
        refit: bool = True,
        unknown_task: Literal["error", "prior"] = "error",
        random_state: Any = None,
    ):
        self.estimators = estimators
        self.weights = weights
        self.n_shot = n_shot
        self.support = support
        self.cv = cv
        self.refit = refit
        self.unknown_task = unknown_task
        self.random_state = random_state

    @overload
    def predict(
        self,
        X: ArrayLike,
        groups: ArrayLike | None = None,
        return_std: Literal[False] = False,
    ) -> np.ndarray: ...
    @overload
    def predict(
        self,
        X: ArrayLike,
        groups: ArrayLike | None = None,
        *,
        return_std: Literal[True],
    ) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def predict(
        self, X: ArrayLike, groups: ArrayLike | None, return_std: Literal[True]
    ) -> tuple[np.ndarray, np.ndarray]: ...
    def predict(
        self,
        X: ArrayLike,
        groups: ArrayLike | None = None,
        return_std: bool = False,
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        r"""Predict the value of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.
        return_std : bool, default=False
            Return the standard deviation of each value too: of the mixture, with the
            variance :math:`\sum_m w_m s_m^2 + \sum_m w_m (f_m - f)^2`, where the
            members that know no :math:`s_m` are taken for as sure as the others.

        Returns
        -------
        values : ndarray of shape (n_rows,) or (n_rows, n_targets)
            Values, in the order of the rows.
        deviations : ndarray of shape (n_rows,) or (n_rows, n_targets)
            Standard deviations of new targets; only if asked for.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        ValueError
            If a group was not adapted to and ``unknown_task="error"``, or if standard
            deviations are asked for and no member knows them.
        """
        adapted, X, task = self._current(X, groups)
        values = self._answer(adapted, X, task)
        if not return_std:
            return values
        deviations = self._deviations(adapted, X, task, values)
        if np.isnan(deviations).any():
            raise ValueError(
                "No member knows standard deviations. Add one that does, such as "
                "MetaRegressor('cnp')."
            )
        return values, deviations

    def _deviations(
        self, adapted: AdaptedMembers, X: Any, task: np.ndarray, values: np.ndarray
    ) -> np.ndarray:
        """Say how sure the mixture is, NaN where no member knows."""
        within = self._mean(adapted, X, task, _variances)
        # Whose square has no more digits.
        level = values.mean(axis=0) if len(values) else 0.0
        square = self._mean(
            adapted, X, task, lambda *asked: (LearntTasks.values(*asked) - level) ** 2
        )
        between = np.maximum(square - (values - level) ** 2, 0)
        return np.sqrt(within + between)

    def as_regressor(self) -> FewShotRegressor:
        """Make an ordinary regressor, whose ``fit`` learns one task.

        Returns
        -------
        FewShotRegressor
            Over this ensemble, which it never changes.
        """
        return FewShotRegressor(self)

    # What is asked of targets ---------------------------------------------------------

    def _learn_targets(self, rows: TaskRows, classes: Any) -> None:
        pass

    def _default_members(self, seed: int | None) -> list[tuple[str, Any]]:
        return value_members(self.n_shot, seed, self.support)

    def _cells(self, rows: TaskRows) -> np.ndarray:
        return rows.task

    def _strata(self, rows: TaskRows) -> None:
        return None

    def _is_known(self, rows: TaskRows) -> np.ndarray:
        return np.ones(len(rows), dtype=bool)

    def _answer(self, adapted: AdaptedMembers, X: Any, task: np.ndarray) -> np.ndarray:
        return self._mean(adapted, X, task, LearntTasks.values)

    def _values_and_spreads(
        self, adapted: AdaptedMembers, X: Any, task: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Answer rows, and say in what unit errors of each are measured."""
        values = self._answer(adapted, X, task)
        deviations = self._deviations(adapted, X, task, values)
        deviations = np.maximum(deviations, np.finfo(float).tiny)  # NaN stays
        return values, np.where(np.isnan(deviations), 1.0, deviations)


def _variances(known: LearntTasks, X: Any, task: np.ndarray) -> np.ndarray | None:
    deviations = known.deviations(X, task)
    return None if deviations is None else deviations**2
