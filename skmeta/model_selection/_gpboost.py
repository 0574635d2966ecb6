"""Boosting with a random intercept of the task, by the package gpboost."""

from __future__ import annotations

import numpy as np

from skmeta.model_selection._boosting import need
from skmeta.model_selection._rows import as_frame, stack_rows
from skmeta.model_selection._strategy import Strategy, stand_in
from skmeta.utils.messages import silenced

__all__ = ["GPBoost"]


class GPBoost(Strategy):
    """Fit boosting and a random intercept of the task together, to old and new rows.

    Needs the package ``gpboost``. All is fitted anew at every adaptation, to the
    training rows and the supports of all new tasks. More than two classes are told
    apart one against the rest.

    For values, or classes that mean the same in every task.

    Parameters
    ----------
    kind : {"classifier", "regressor"}
        Kind of target.
    n_estimators : int, default=120
        Trees.
    learning_rate : float, default=0.05
        Weight of a tree.
    max_depth : int, default=4
        Of a tree.
    min_child_samples : int, default=10
        Fewest rows of a leaf.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in classification.
    label_space_ : "shared"
        Labels recur from task to task, in classification.
    boosters_ : list of gpboost.Booster
        Fitted last: one of values and of two classes, or one of each class.

    Raises
    ------
    ImportError
        By ``fit``, if gpboost is not there.
    ValueError
        By ``fit``, for labels that are names inside a task.

    References
    ----------
    F. Sigrist, Gaussian Process Boosting, Journal of Machine Learning Research 23,
    2022: algorithm 1.
    """

    def __init__(
        self,
        kind,
        *,
        n_estimators=120,
        learning_rate=0.05,
        max_depth=4,
        min_child_samples=10,
    ):
        self.kind = kind
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_samples = min_child_samples

    @property
    def _learns_of_other_tasks(self):
        return True

    def _answers_as(self):
        return stand_in(self.kind)

    def _learn(self, X, y, task):
        self._refuse_names_inside_tasks()
        need("gpboost")
        # Copies, for their owner may change them.
        self.rows_ = as_frame(X).copy(), self._targets(y).copy(), task

    def _targets(self, y):
        """Put what each booster learns in a column."""
        numbers = self._as_numbers(y)
        return numbers[:, 1:] if numbers.shape[1] == 2 else numbers

    def _adapt_to_nothing(self):
        self.first_ = self.rows_[2].max() + 1
        self._fit(*self.rows_)

    def _adapt(self, X, y, task):
        frame, targets, old = self.rows_
        self.first_ = old.max() + 1
        self._fit(
            stack_rows(frame, as_frame(X, frame)),
            np.concatenate([targets, self._targets(y)]),
            np.concatenate([old, self.first_ + task]),
        )

    def _fit(self, frame, targets, task):
        self.mean_, self.scale_ = np.zeros(targets.shape[1]), 1.0
        if not self._classifies:  # of large targets it learns nothing
            self.mean_, self.scale_ = targets.mean(axis=0), targets.std() or 1.0
        targets = (targets - self.mean_) / self.scale_
        rows, categories = _numbers(frame)
        self.boosters_ = [self._train(rows, own, task, categories) for own in targets.T]

    def _train(self, rows, target, task, categories):
        import gpboost

        values = not self._classifies
        model = gpboost.GPModel(
            group_data=task,
            likelihood="gaussian" if values else "bernoulli_logit",
            num_parallel_threads=1,
        )
        with silenced():  # it warns of being given categories
            return gpboost.train(
                params={
                    "objective": "regression_l2" if values else "binary",
                    "learning_rate": self.learning_rate,
                    "max_depth": self.max_depth,
                    "min_data_in_leaf": self.min_child_samples,
                    "num_threads": 1,
                    "verbose": -1,
                },
                train_set=gpboost.Dataset(rows, target, categorical_feature=categories),
                gp_model=model,
                num_boost_round=self.n_estimators,
            )

    def _ask(self, X, task):
        """Return the mean that each booster expects, (n_rows, n_boosters)."""
        rows, _ = _numbers(as_frame(X, self.rows_[0]))
        answers = [
            booster.predict(
                data=rows, group_data_pred=self.first_ + task, pred_latent=False
            )["response_mean"]
            for booster in self.boosters_
        ]
        return np.column_stack(answers)

    def _values(self, X, task):
        return self._ask(X, task)[:, 0] * self.scale_ + self.mean_[0]

    def _probabilities(self, X, task):
        likely = self._ask(X, task)
        if likely.shape[1] == 1:
            return np.column_stack([1 - likely, likely])
        likely = np.maximum(likely, np.finfo(float).tiny)
        return likely / likely.sum(axis=1, keepdims=True)


def _numbers(frame) -> tuple[np.ndarray, list[int]]:
    """Turn categories into codes; return also where they are."""
    where = [place for place, dtype in enumerate(frame.dtypes) if dtype == "category"]
    columns = [
        frame.iloc[:, place].cat.codes.replace(-1, np.nan)
        if place in where
        else frame.iloc[:, place]
        for place in range(frame.shape[1])
    ]
    return np.column_stack(columns).astype(float), where
