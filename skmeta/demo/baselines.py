"""What meta-learning has to beat: plain ways to predict for a new user.

All follow `skmeta.demo.evaluation.Method`.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from .evaluation import random_ranks

MAX_SUPPORT = 20  # supports simulated on training users have 0 to 20 rows


def make_baselines(random_state: int | None = 0) -> dict[str, BaseEstimator]:
    """Return the baselines of the demo by name.

    Parameters
    ----------
    random_state : int or None, default=0
        For those that draw.

    Returns
    -------
    baselines : dict of str to estimator
        Unfitted; each is an `skmeta.demo.evaluation.Method`.
    """
    boosting = HistGradientBoostingClassifier(
        learning_rate=0.05, max_leaf_nodes=15, random_state=random_state
    )
    logistic = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    return {
        "pooled logistic": Pooled(logistic),
        "pooled boosting": Pooled(boosting),
        "boosting + user mean": SupportMean(boosting, random_state=random_state),
        "logistic per user": PerUser(),
        "hierarchical logistic": Hierarchical(random_state=random_state),
    }


class Pooled(BaseEstimator):
    """One classifier for all users; the support is not used.

    Parameters
    ----------
    estimator : classifier
        Fitted on the rows of all training users.
    """

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y, groups):
        """Fit the classifier on all rows; `groups` is not used."""
        self.estimator_ = clone(self.estimator).fit(X, y)
        return self

    def predict_proba(
        self, X_support, y_support, groups_support, X_query, groups_query
    ) -> np.ndarray:
        """Return P(y = 1) per query row."""
        return self.estimator_.predict_proba(X_query)[:, 1]


class SupportMean(BaseEstimator):
    """One classifier for all users that is told the size and mean of the support.

    It is trained the way it is used: on random supports of training users, of 0 to 20
    rows, and the user's other rows.

    Parameters
    ----------
    estimator : classifier
        Must accept NaN: the mean of an empty support.
    n_draws : int, default=4
        Supports drawn per training user.
    random_state : int or None, default=0
        Draws the supports.
    """

    def __init__(self, estimator, *, n_draws=4, random_state=0):
        self.estimator = estimator
        self.n_draws = n_draws
        self.random_state = random_state

    def fit(self, X, y, groups):
        """Fit the classifier on simulated supports and the rows outside them."""
        X, y, groups = np.asarray(X), np.asarray(y), np.asarray(groups)
        rng = check_random_state(self.random_state)
        users, codes = np.unique(groups, return_inverse=True)
        parts = []
        for _ in range(self.n_draws):
            size = rng.randint(MAX_SUPPORT + 1, size=len(users))[codes]
            support = random_ranks(groups, rng) < size
            told = self._tell(
                X[~support], groups[~support], y[support], groups[support]
            )
            parts.append((told, y[~support]))
        X_told, y_told = map(np.concatenate, zip(*parts, strict=True))
        self.estimator_ = clone(self.estimator).fit(X_told, y_told)
        return self

    def predict_proba(
        self, X_support, y_support, groups_support, X_query, groups_query
    ) -> np.ndarray:
        """Return P(y = 1) per query row."""
        X_told = self._tell(X_query, groups_query, y_support, groups_support)
        return self.estimator_.predict_proba(X_told)[:, 1]

    @staticmethod
    def _tell(X, groups, y_support, groups_support):
        users, codes = np.unique(groups, return_inverse=True)
        known = np.isin(groups_support, users)
        places = np.searchsorted(users, np.asarray(groups_support)[known])
        labels = np.asarray(y_support)[known]
        size = np.bincount(places, minlength=len(users))
        total = np.bincount(places, weights=labels, minlength=len(users))
        mean = np.divide(total, size, where=size > 0, out=np.full(len(users), np.nan))
        return np.column_stack([X, size[codes], mean[codes]])


class PerUser(BaseEstimator):
    """A logistic regression per user, of the support alone.

    Features are standardised by the training users, the only use made of them besides
    the answer for an empty support: their share of likes. A support with one label
    gives its share of likes, with one imaginary row of each label added.

    Parameters
    ----------
    C : float, default=0.1
        Inverse strength of the L2 penalty.
    """

    def __init__(self, C=0.1):
        self.C = C

    def fit(self, X, y, groups):
        """Learn the scale of the features and the share of likes."""
        self.scaler_ = StandardScaler().fit(np.asarray(X))
        self.prior_ = np.mean(y)
        return self

    def predict_proba(
        self, X_support, y_support, groups_support, X_query, groups_query
    ) -> np.ndarray:
        """Return P(y = 1) per query row."""
        y_support, groups_support = np.asarray(y_support), np.asarray(groups_support)
        groups_query = np.asarray(groups_query)
        X_query = self.scaler_.transform(np.asarray(X_query))
        if len(y_support):
            X_support = self.scaler_.transform(np.asarray(X_support))
        proba = np.full(len(X_query), self.prior_)
        for user in np.unique(groups_support):
            support, query = groups_support == user, groups_query == user
            labels = y_support[support]
            if len(np.unique(labels)) == 1:
                proba[query] = (labels.sum() + 1) / (len(labels) + 2)
            elif query.any():
                model = LogisticRegression(C=self.C).fit(X_support[support], labels)
                proba[query] = model.predict_proba(X_query[query])[:, 1]
        return proba


class Hierarchical(BaseEstimator):
    r"""Logistic regression per user with a prior centred on the pooled weights.

    The weights :math:`w_t` of user t minimise

    .. math:: \sum_i \log(1 + e^{-y_i w_t^\top x_i})
              + \sum_j (w_{tj} - w_{0j})^2 / (2 s_j^2)

    over the support (labels -1, 1), with :math:`w_0` the pooled weights. The prior
    variances :math:`s_j^2`, one for all weights and one for the bias, are those with
    the least log-loss on simulated supports and queries of held-out training users.

    Parameters
    ----------
    variances : sequence of float
        Candidates for the prior variance of the weights.
    bias_variances : sequence of float
        Candidates for the prior variance of the bias.
    random_state : int or None, default=0
        Draws held-out users and supports.
    """

    def __init__(
        self,
        *,
        variances=(0.003, 0.01, 0.02, 0.04, 0.08, 0.16),
        bias_variances=(0.25, 0.5, 1.0, 2.0),
        random_state=0,
    ):
        self.variances = variances
        self.bias_variances = bias_variances
        self.random_state = random_state

    def fit(self, X, y, groups):
        """Choose the prior variances on held-out users, then fit the pooled weights."""
        X, y, groups = np.asarray(X), np.asarray(y), np.asarray(groups)
        rng = check_random_state(self.random_state)
        splitter = GroupShuffleSplit(1, test_size=0.3, random_state=rng)
        fitted, held_out = next(splitter.split(X, y, groups))
        self._fit_pooled(X[fitted], y[fitted])
        X_new, y_new, groups_new = X[held_out], y[held_out], groups[held_out]
        ranks = random_ranks(groups_new, rng)
        users, codes = np.unique(groups_new, return_inverse=True)
        support = ranks < rng.randint(1, MAX_SUPPORT + 1, size=len(users))[codes]
        query = ranks >= MAX_SUPPORT
        rows_of_user = np.bincount(codes[query])
        weight = 1 / rows_of_user[codes[query]]  # every user counts the same
        best = np.inf
        for variance in self.variances:
            for bias_variance in self.bias_variances:
                candidate = variance, bias_variance
                proba = self._adapt_and_predict(
                    X_new[support],
                    y_new[support],
                    groups_new[support],
                    X_new[query],
                    groups_new[query],
                    *candidate,
                )
                loss = log_loss(y_new[query], proba, sample_weight=weight)
                if loss < best:
                    best, (self.variance_, self.bias_variance_) = loss, candidate
        return self._fit_pooled(X, y)

    def predict_proba(
        self, X_support, y_support, groups_support, X_query, groups_query
    ) -> np.ndarray:
        """Return P(y = 1) per query row."""
        return self._adapt_and_predict(
            np.asarray(X_support),
            np.asarray(y_support),
            np.asarray(groups_support),
            np.asarray(X_query),
            np.asarray(groups_query),
            self.variance_,
            self.bias_variance_,
        )

    def _fit_pooled(self, X, y):
        self.scaler_ = StandardScaler().fit(X)
        pooled = LogisticRegression(C=0.1, max_iter=500)
        pooled.fit(self.scaler_.transform(X), y)
        self.weights_ = np.append(pooled.coef_[0], pooled.intercept_)
        return self

    def _design(self, X):
        if not len(X):
            return np.empty((0, len(self.weights_)))
        return np.column_stack([self.scaler_.transform(X), np.ones(len(X))])

    def _adapt_and_predict(
        self, X_support, y_support, groups_support, X_query, groups_query, s2, s2_bias
    ):
        users, query_codes = np.unique(groups_query, return_inverse=True)
        known = np.isin(groups_support, users)
        codes = np.searchsorted(users, groups_support[known])
        X, y, mask = _pad(
            self._design(X_support[known]), y_support[known], codes, len(users)
        )
        variances = np.append(np.full(len(self.weights_) - 1, s2), s2_bias)
        weights = _map_weights(X, y, mask, self.weights_, 1 / variances)
        logits = np.einsum("nd,nd->n", self._design(X_query), weights[query_codes])
        return expit(logits)


def _pad(X, y, codes, n_users):
    """Stack the rows of each user: (users, rows, features), (users, rows), mask."""
    counts = np.bincount(codes, minlength=n_users)
    order = np.argsort(codes, kind="stable")
    rows = np.arange(len(codes)) - np.repeat(counts.cumsum() - counts, counts)
    place = codes[order], rows
    X_padded = np.zeros((n_users, counts.max(initial=0), X.shape[1]))
    y_padded, mask = np.zeros(X_padded.shape[:2]), np.zeros(X_padded.shape[:2])
    X_padded[place], y_padded[place], mask[place] = X[order], y[order], 1.0
    return X_padded, y_padded, mask


def _map_weights(X, y, mask, prior_mean, prior_precision, n_steps=10):
    """Return the MAP weights of every user, (users, features), by Newton's method."""
    weights = np.tile(prior_mean, (len(X), 1))
    for _ in range(n_steps):
        proba = expit(np.einsum("tnd,td->tn", X, weights))
        error = mask * (proba - y)
        gradient = np.einsum("tn,tnd->td", error, X)
        gradient += prior_precision * (weights - prior_mean)
        curvature = mask * proba * (1 - proba)
        hessian = (X * curvature[..., None]).swapaxes(1, 2) @ X
        hessian += np.diag(prior_precision)
        weights -= np.linalg.solve(hessian, gradient[..., None])[..., 0]
    return weights
