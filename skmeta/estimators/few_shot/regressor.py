"""The few-shot regressor."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from skmeta import pipelines
from skmeta.estimators.few_shot.base import BaseFewShotEstimator
from skmeta.saving.kinds import savable

__all__ = ["FewShotRegressor"]


@savable
class FewShotRegressor(RegressorMixin, BaseFewShotEstimator):
    """An ordinary regressor that learns one task from a few rows.

    ``fit`` adapts a fitted meta-learner that it never changes. Cloning it shares the
    fitted meta-learner.

    Parameters
    ----------
    meta : MetaRegressor
        A fitted meta-learner.

    Attributes
    ----------
    learner_ : MetaRegressor
        The meta-learner adapted to the task.
    n_features_in_ : int
        Features of a row.

    Examples
    --------
    >>> from skmeta import FewShotRegressor, MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=50, n_rows=20, random_state=0)
    >>> meta = MetaRegressor("maml", max_epochs=1, random_state=0).fit(
    ...     X, y, groups=task
    ... )
    >>> FewShotRegressor(meta).fit(X[:10], y[:10]).predict(X[10:12]).shape
    (2,)
    """

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn more rows of the task, as ``fit`` would with all of them.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Support rows; the first call is ``fit``.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts.

        Returns
        -------
        self : object
            The fitted estimator. The meta-learner stays as it was.

        Raises
        ------
        ValueError
            If the earlier rows are not there, because a file had none.
        """
        if not hasattr(self, "learner_"):
            return self.fit(X, y, sample_weight=sample_weight)
        self._add(X, y, sample_weight)
        return self

    def predict_interval(
        self, X: ArrayLike, *, coverage: float = 0.9
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predict an interval for the target of each row.

        The first call calibrates the meta-learner by the tasks it was fitted to; all
        that share it profit.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        coverage : float, default=0.9
            Of rows drawn from new tasks, one from each, at least this share is in its
            interval.

        Returns
        -------
        low, high : ndarray of shape (n_rows,)
            Ends of the intervals.
        """
        check_is_fitted(self)
        return pipelines.predict_interval(self.learner_, X, coverage=coverage)
