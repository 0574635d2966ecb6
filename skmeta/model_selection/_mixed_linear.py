"""A linear model for each task, drawn towards that of all tasks."""

from itertools import product

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge

from skmeta.episodes.bounds import Bounds
from skmeta.model_selection._effects import (
    add_class_effects,
    add_value_effects,
    class_effects,
    value_effects,
)
from skmeta.model_selection._rows import Scaler
from skmeta.model_selection._simulated import (
    choose,
    folds_of_tasks,
    mean_task_loss,
    row_losses,
    simulate,
)
from skmeta.model_selection._strategy import (
    Strategy,
    log_probabilities_of,
    stand_in,
)

__all__ = ["MixedLinear"]

# How far beyond the range of training a column may come, in its standard deviations.
# The line goes on there; far beyond that the equations have no solution in numbers.
_ROOM = 1e3

# Of the variance that the pooled model leaves, what is not the tasks' own.
_NOISE = 0.7


class MixedLinear(Strategy):
    r"""Linear model per task with a prior centred on the pooled one: a mixed model.

    A task's intercept and slopes :math:`w_t` are random effects around the pooled ones
    :math:`w_0`, which a ridge or logistic regression fits to the rows of all training
    tasks. They minimise

    .. math:: \sum_i \ell(y_i, w_t^\top x_i)
              + \sum_j (w_{tj} - w_{0j})^2 / (2 s_j^2)

    over the support, with the squared error in units of the noise, or the softmax
    log-loss for :math:`\ell` (the weights of every class have the prior). It is what a
    statistician sets against meta-learning: where tasks differ little and nearly
    linearly, it is hard to beat. The prior variances :math:`s_j^2`, one for all slopes
    and one for the intercept, are those with the least loss on simulated supports and
    queries of training tasks, around a pooled model of other tasks.

    For values, or classes that mean the same in every task.

    Parameters
    ----------
    kind : {"classifier", "regressor"}
        Kind of target.
    slope_variances : sequence of float, default=(0.0, 0.006, 0.02, 0.06, 0.2, 0.6)
        Candidates for the prior variance of the slopes, of standardised features. For
        values in units of the variance that the pooled model leaves.
    intercept_variances : sequence of float, default=(0.03, 0.1, 0.3, 1.0, 2.0, 5.0)
        Candidates for the prior variance of the intercept.
    C : float, default=0.5
        Inverse strength of the L2 penalty on the pooled weights, of classes.
    alpha : float, default=1.0
        Strength of the penalty on the pooled weights, of values.
    max_shot : int, default=10
        Most rows of a simulated support.
    n_folds : int, default=3
        Parts of the training tasks, each left out once to choose the variances.
    n_draws : int, default=8
        Simulated supports of each task.
    support : {"random", "first"}, default="random"
        Which rows of a task simulated supports are: any, or the first.
    preprocessor : transformer, default=None
        Fitted to the training rows; None standardises, and turns the columns of a
        DataFrame to numbers.
    random_state : int, default=0
        Draws folds of tasks and supports.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in classification.
    label_space_ : "shared"
        Labels recur from task to task, in classification.
    preprocessor_ : transformer
        Fitted.
    pooled_ : Ridge or LogisticRegression
        Of all training rows.
    noise_ : float
        Variance that the pooled model leaves on tasks that it has not seen; of values.
    slope_variance_, intercept_variance_ : float
        What was chosen.

    Raises
    ------
    ValueError
        By ``fit``, for labels that are names inside a task.

    References
    ----------
    N. M. Laird and J. H. Ware, Random-Effects Models for Longitudinal Data, Biometrics
    38, 1982: equation 3.2 is the prediction of the effects of values.

    Examples
    --------
    >>> import numpy as np
    >>> from skmeta.model_selection import MixedLinear
    >>> rng = np.random.default_rng(0)
    >>> X, task = rng.normal(size=(300, 2)), np.arange(300) % 10
    >>> y = X[:, 0] + rng.normal(size=10)[task] > 0  # tasks differ in their level
    >>> model = MixedLinear("classifier")
    >>> model = model.fit(X[task < 9], y[task < 9], groups=task[task < 9])
    >>> X_new, y_new = X[task == 9], y[task == 9]
    >>> answers = model.adapt(X_new[:10], y_new[:10]).predict(X_new[10:])
    >>> bool((answers == y_new[10:]).mean() > 0.8)
    True
    """

    def __init__(
        self,
        kind,
        *,
        slope_variances=(0.0, 0.006, 0.02, 0.06, 0.2, 0.6),
        intercept_variances=(0.03, 0.1, 0.3, 1.0, 2.0, 5.0),
        C=0.5,
        alpha=1.0,
        max_shot=10,
        n_folds=3,
        n_draws=8,
        support="random",
        preprocessor=None,
        random_state=0,
    ):
        self.kind = kind
        self.slope_variances = slope_variances
        self.intercept_variances = intercept_variances
        self.C = C
        self.alpha = alpha
        self.max_shot = max_shot
        self.n_folds = n_folds
        self.n_draws = n_draws
        self.support = support
        self.preprocessor = preprocessor
        self.random_state = random_state

    def _answers_as(self):
        return stand_in(self.kind)

    def _learn(self, X, y, task):
        self._refuse_names_inside_tasks()
        preprocessor = Scaler() if self.preprocessor is None else self.preprocessor
        self.preprocessor_ = clone(preprocessor).fit(X)
        Z = self._numbers(X)
        self.low_, self.high_ = Z.min(axis=0), Z.max(axis=0)
        self.room_ = _ROOM * np.where(self.low_ < self.high_, Z.std(axis=0), 1.0)
        Z = self._design(X)
        self._choose_variances(Z, y, task)
        self._learn_pooled(Z, y)

    def _learn_pooled(self, Z, y):
        if self._classifies:
            model = LogisticRegression(C=self.C, max_iter=500)
        else:
            model = Ridge(self.alpha)
        self.pooled_ = model.fit(Z[:, :-1], y)

    def _choose_variances(self, Z, y, task):
        """Take those that predict the rest of left-out tasks best of a few rows."""
        numbers, n_tasks = self._as_numbers(y), task.max() + 1
        offset = np.empty(numbers.shape if self._classifies else len(y))
        for fitted, held in folds_of_tasks(task, self.n_folds, self.random_state):
            self._learn_pooled(Z[fitted], y[fitted])
            offset[held] = self._offset(Z[held])
        if not self._classifies:
            self.noise_ = float(np.var(numbers[:, 0] - offset)) + 1e-9
        draws = simulate(
            task, self.max_shot, self.n_draws, self.random_state, self.support
        )

        def loss(variances):
            return sum(loss_of(support, query, variances) for support, query in draws)

        def loss_of(support, query, variances):
            known = Z[support], offset[support], numbers[support], task[support]
            effects = self._effects(*known, n_tasks, *variances)
            answers = self._add(Z[query], offset[query], effects, task[query])
            return mean_task_loss(row_losses(numbers[query], answers), task[query])

        candidates = product(self.slope_variances, self.intercept_variances)
        self.slope_variance_, self.intercept_variance_ = choose(candidates, loss)

    def _effects(self, Z, offset, numbers, task, n_tasks, slope, intercept):
        variance = np.append(np.full(Z.shape[1] - 1, slope), intercept)
        if self._classifies:
            return class_effects(Z, offset, numbers, task, n_tasks, variance)
        rest, noise = numbers[:, 0] - offset, _NOISE * self.noise_
        return value_effects(Z, rest, task, n_tasks, self.noise_ * variance, noise)

    def _add(self, Z, offset, effects, task):
        of_classes = self._classifies
        add = add_class_effects if of_classes else add_value_effects
        return add(Z, offset, effects, task)

    def _adapt_to_nothing(self):
        self.effects_ = None

    def _adapt(self, X, y, task):
        Z = self._design(X)
        self.effects_ = self._effects(
            Z,
            self._offset(Z),
            self._as_numbers(y),
            task,
            len(self.names_),
            self.slope_variance_,
            self.intercept_variance_,
        )

    def _values(self, X, task):
        Z = self._design(X)
        if self.effects_ is None:
            return self._offset(Z)
        return self._add(Z, self._offset(Z), self.effects_, task)

    def _probabilities(self, X, task):
        Z = self._design(X)
        offset, effects = self._offset(Z), self.effects_
        if effects is None:
            effects = np.zeros((1, Z.shape[1], offset.shape[1]))
        return self._add(Z, offset, effects, task)

    def _design(self, X):
        Z = self._numbers(X)
        if hasattr(self, "room_"):  # none in earlier files
            Z = Bounds(self.low_, self.high_, self.room_).clip(Z)
        return np.column_stack([Z, np.ones(len(Z))])

    def _numbers(self, X):
        return np.asarray(self.preprocessor_.transform(X), dtype=float)

    def _offset(self, Z):
        if self._classifies:
            return log_probabilities_of(self.pooled_, Z[:, :-1], self.classes_)
        return self.pooled_.predict(Z[:, :-1])
