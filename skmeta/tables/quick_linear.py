"""Answers of a linear model of standardised columns, in one product.

scikit-learn's Pipeline checks rows twice and copies them three times on their way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, softmax

__all__ = ["QuickLinear"]


class QuickLinear:
    """What a fitted linear model says, to rounding, in a third of the time.

    Parameters
    ----------
    mean, weights : float64 ndarray of shape (n_features,) and (n_features, outputs)
        Subtracted from rows, and multiplied with what is left.
    level : float64 ndarray of shape (outputs,)
        What is said of the mean.
    classes : ndarray of shape (n_classes,) or None
        The estimator's; None for values.
    """

    def __init__(
        self,
        mean: np.ndarray,
        weights: np.ndarray,
        level: np.ndarray,
        classes: np.ndarray | None,
    ):
        self.mean = mean
        self.weights = weights
        self.level = level
        self.classes_ = classes

    @classmethod
    def of(cls, part: Any) -> QuickLinear | None:
        """Take a fitted estimator apart.

        Parameters
        ----------
        part : estimator
            Any.

        Returns
        -------
        QuickLinear or None
            None unless it is a Pipeline of a StandardScaler and a LogisticRegression or
            a Ridge.
        """
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        if type(part) is not Pipeline or len(part) != 2:
            return None
        scaler, model = part[0], part[1]
        if type(scaler) is not StandardScaler or not scaler.with_mean:
            return None
        # liblinear learns each of several classes by itself.
        is_logistic = type(model) is LogisticRegression and model.solver != "liblinear"
        if not scaler.with_std or not (is_logistic or type(model) is Ridge):
            return None
        coef = np.atleast_2d(model.coef_).astype(float)
        weights = coef.T / scaler.scale_[:, np.newaxis]
        level = np.broadcast_to(np.asarray(model.intercept_, dtype=float), len(coef))
        return cls(scaler.mean_, weights, level, getattr(model, "classes_", None))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Answer rows with values.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Numbers, none missing.

        Returns
        -------
        float64 ndarray of shape (n_rows,) or (n_rows, outputs)
            As the estimator's ``predict``.
        """
        answers = self._decide(X)
        return answers[:, 0] if answers.shape[1] == 1 else answers

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Answer rows with probabilities.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Numbers, none missing.

        Returns
        -------
        float64 ndarray of shape (n_rows, classes)
            As the estimator's ``predict_proba``.
        """
        logits = self._decide(X)
        if logits.shape[1] > 1:
            return np.asarray(softmax(logits, axis=1))
        second = expit(logits[:, 0])
        return np.stack([1 - second, second]).T

    def log_odds(self, X: np.ndarray) -> np.ndarray | None:
        """Answer rows with the logarithm of the odds of the second of two classes.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Numbers, none missing.

        Returns
        -------
        float64 ndarray of shape (n_rows,) or None
            None if there are more classes.
        """
        return self._decide(X)[:, 0] if len(self.level) == 1 else None

    def _decide(self, X: np.ndarray) -> np.ndarray:
        # Before the product: columns may be far from zero. A product with a vector
        # would take all of OpenBLAS's threads, beside which others are at work.
        near = X.astype(np.float64)
        near -= self.mean
        if len(self.level) == 1:
            answers = np.einsum("rf,f->r", near, self.weights[:, 0])[:, np.newaxis]
        else:
            answers = near @ self.weights
        answers += self.level
        return answers
