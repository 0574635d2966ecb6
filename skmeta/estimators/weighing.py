"""How much rows count, in meta-training and in adaptation."""

import numpy as np

from skmeta import plugins
from skmeta.weights import check_weights

__all__ = ["WeighingMixin"]


class WeighingMixin:
    """What a meta-trained estimator makes of weights of rows.

    A kind of target with classes narrows :meth:`_row_weights` and :meth:`_strata`.
    """

    def _weigh(self, sample_weight, X, y, task, names=None) -> tuple:
        """Validate weights, and leave out the rows of weight 0."""
        if sample_weight is None:
            return X, y, task, names, None
        self._check_uses_weights("sample_weight")
        weight = check_weights(sample_weight, X)
        kept = weight > 0
        if not kept.all():
            X, y, weight = X[kept], y[kept], weight[kept]
            present, task = np.unique(task[kept], return_inverse=True)
            names = None if names is None else names[present]
        return X, y, task, names, weight

    def _check_uses_weights(self, name: str) -> None:
        algorithm = plugins.resolve("algorithm", self.algorithm)
        if not algorithm.uses_weights:
            raise ValueError(
                f"{algorithm} takes no weights of rows: leave {name} out, or choose an "
                "algorithm with uses_weights, such as 'maml' or 'cnp'."
            )

    def _row_weights(
        self, y: np.ndarray, task: np.ndarray, weight: np.ndarray | None
    ) -> np.ndarray | None:
        """Return how much rows count, from their sample weights."""
        return weight

    def _strata(self, y: np.ndarray) -> np.ndarray | None:
        """Return what a draw of rows from a task is to keep the proportions of."""
        return None
