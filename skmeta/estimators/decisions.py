"""What a classifier says of its classes besides their labels and probabilities."""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_expit, log_softmax

__all__ = ["Decisions", "decisions"]


class Decisions:
    """Logits and logarithms of probabilities, of what answers rows by logits."""

    __metadata_request__decision_function = {"groups": True}
    __metadata_request__predict_log_proba = {"groups": True}

    @property
    def _has_several(self) -> bool:
        """Whether a row has or has not each of several labels, with logits apart."""
        return False

    @abstractmethod
    def _class_logits(self, X: Any, groups: Any) -> np.ndarray:
        """Answer rows by a logit for every label in ``classes_``."""

    def decision_function(
        self, X: ArrayLike, groups: ArrayLike | None = None
    ) -> np.ndarray:
        """Say how much speaks for each class: logits of ``predict_proba``.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_classes)
            A column for every label in ``classes_``, ``-inf`` where a row's task does
            not know the label; ``predict`` answers the label of the highest. Of two
            labels, the logit of the second less that of the first: above 0 where
            ``predict`` answers the second. Where ``fit`` had several columns of
            labels, above 0 where ``predict`` answers that a row has the label.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        ValueError
            If a group was not adapted to and ``unknown_task="error"``.
        """
        logits = self._class_logits(X, groups)
        return logits if self._has_several else decisions(logits)

    def predict_log_proba(
        self, X: ArrayLike, groups: ArrayLike | None = None
    ) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        It is computed from the logits, so that it is a number also where the
        probability of a class is too small for one.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            A column for every label in ``classes_``, ``-inf`` where a row's task does
            not know the label.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        ValueError
            If a group was not adapted to and ``unknown_task="error"``.
        """
        logits = self._class_logits(X, groups)
        if self._has_several:
            return np.asarray(log_expit(logits))
        return np.asarray(log_softmax(logits, axis=1))


def decisions(logits: np.ndarray) -> np.ndarray:
    """Give logits (n_rows, n_classes) the shape that scikit-learn has for decisions.

    Returns
    -------
    ndarray of shape (n_rows,) or (n_rows, n_classes)
        Of two classes the difference.
    """
    if logits.shape[1] != 2:
        return logits
    return np.asarray(logits[:, 1] - logits[:, 0])
