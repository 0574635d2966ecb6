"""What meta-learning has to beat: plain ways to predict for a new user."""

from __future__ import annotations

from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta.model_selection import (
    MixedLinear,
    PerTask,
    Pooled,
    PooledWithTaskMean,
)

__all__ = ["make_baselines"]


def make_baselines(random_state: int | None = 0) -> dict[str, BaseEstimator]:
    """Return the baselines of the demo by name.

    Parameters
    ----------
    random_state : int or None, default=0
        For those that draw.

    Returns
    -------
    baselines : dict of str to estimator
        Unfitted strategies of :mod:`skmeta.model_selection`, or a Pipeline that ends in
        one.
    """
    boosting = HistGradientBoostingClassifier(
        learning_rate=0.05, max_leaf_nodes=15, random_state=random_state
    )
    logistic = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    # Features are standardised by all training users: few rows do not know the scale.
    per_user = make_pipeline(StandardScaler(), PerTask(LogisticRegression(C=0.1)))
    return {
        "pooled logistic": Pooled(logistic),
        "pooled boosting": Pooled(boosting),
        "boosting + user mean": PooledWithTaskMean(boosting, random_state=random_state),
        "logistic per user": per_user,
        "mixed logistic": MixedLinear(
            "classifier", C=0.1, max_shot=20, random_state=random_state
        ),
    }
