"""The meta-learning regressor."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils._param_validation import StrOptions

from skmeta.algorithms.base import Algorithm
from skmeta.augmentations import Augmentation
from skmeta.backbones.base import Backbone
from skmeta.engine.adapted import AdaptedTasks
from skmeta.episodes.sampling import shot_range
from skmeta.estimators import few_shot
from skmeta.estimators.base import BaseMetaEstimator
from skmeta.estimators.conformal import Intervals
from skmeta.estimators.values import Values
from skmeta.saving.kinds import savable
from skmeta.utils.messages import count, warn

if TYPE_CHECKING:
    from skmeta.estimators.few_shot import FewShotRegressor

__all__ = ["MetaRegressor"]

# So many times the rows of training are still alike.
_MUCH = 2


# Its verbs: fit and partial_fit are in base.py; adapt, transform and fit_transform in
# adapting.py, above which base.py stands; score in scoring.py; calibrate and
# predict_interval in conformal.py; save in saving/mixin.py. What is asked of targets is
# in targets.py.
@savable
class MetaRegressor(RegressorMixin, Values, Intervals, BaseMetaEstimator):
    r"""Regressor that learns from many tasks how to learn a new one from a few rows.

    ``fit`` meta-trains on many tasks, ``adapt`` learns the current one, ``predict``
    answers.

    Parameters
    ----------
    algorithm : str or Algorithm, default="gp"
        How the learner is meta-trained and adapts: a registered name or an object from
        :mod:`skmeta.algorithms`. ``python -m skmeta plugins`` lists the names.
    backbone : str, Backbone or torch.nn.Module, default="mlp"
        Network from features to an embedding: a registered name, an object from
        :mod:`skmeta.backbones`, or any torch module that maps rows to rows. It starts
        from the module's weights and leaves the module as it is.
    prior : "auto", "boosting", "linear", estimator, list of them or None, \
            default="auto"
        What the rows of all tasks together say before a task has spoken, by a regressor
        of scikit-learn or one made by its name, as in :class:`MetaClassifier`.
    tasks : {"groups", "table"}, default="groups"
        Where tasks come from. "groups": rows that share a value of ``groups`` are a
        task. "table": a task is a random part of one table, and after ``fit`` the
        table itself is the current task.
    n_shot : int, (int, int) or "auto", default="auto"
        Support rows per episode; best as many as ``adapt`` will get. A pair is a range
        to draw from; a low end of 0 trains the answer before any row is seen. "auto" is
        (1, 10) for "gp", (0, 10) for "cnp", and 5 else.
    n_query : int or "auto", default="auto"
        Query rows per episode. "auto" is 30 for "gp", and 15 else.
    support : {"random", "first"}, default="random"
        Which rows of a task are known first, in training and in every few-shot score:
        any, or those that come first in the table, as in :class:`MetaClassifier`.
    augment : str, Augmentation or list of them, default=None
        Task augmentation, as in :class:`MetaClassifier`.
    normalize : {"global", "task", "robust", None}, default="global"
        Standardise features and targets by mean and standard deviation over all tasks,
        or each task by those of its support, as in :class:`MetaClassifier`; values are
        given back in the unit of the targets. A support's target that is beyond the
        range of the training by x standard deviations counts as
        :math:`10 \tanh(x / 10)` beyond it, and no answer lies further out than such a
        target: a slope learnt from three rows may lead anywhere. Except with "task",
        which is for tasks that may have a unit of their own.
    max_epochs, batch_size, tasks_per_epoch, lr, lr_schedule, optimizer
        As in :class:`MetaClassifier`.
    early_stopping, validation_fraction, patience
        As in :class:`MetaClassifier`.
    unknown_task, callbacks, device, compile, accelerate, precision
        As in :class:`MetaClassifier`.
    warm_start, verbose, random_state
        As in :class:`MetaClassifier`.
    checkpoint_dir, checkpoint_every
        As in :class:`MetaClassifier`.

    Attributes
    ----------
    module_ : torch.nn.Module
        Meta-knowledge: what ``fit`` leaves behind.
    net_ : EpisodicNet
        The skorch net that trained it.
    prior_ : Prior or None
        The fitted prior.
    n_shot_, n_query_ : int or (int, int), int
        Support and query rows of the episodes, as they were chosen.
    tasks_ : {"groups", "table"}
        Of what tasks were made, by which answers are calibrated.
    normalize_ : {"global", "task", "robust"} or None
        How features were standardised; another ``normalize`` counts in the next
        ``fit``.
    history_ : skmeta.engine.history.History
        skorch's history, with ``to_frame()``: losses of every epoch, in units of
        standardised targets.
    algorithm_, backbone_ : Algorithm, Backbone
        The resolved parameters.
    temperature_ : float, tuple of float or None
        How little ``gp`` believes few rows of a new task, from 1 on, for each of
        several targets: :class:`~skmeta.algorithms.GP`. None where there is none, by
        the algorithm, for fewer than ten tasks or after Ctrl-C.
    n_tasks_ : int
        Tasks that ``fit`` saw; classes or rows where tasks are made of them.
    calibration_ : Calibration
        How far answers to tasks that were not learnt from are off, after
        :meth:`calibrate`.
    n_features_in_ : int
        Features of a row.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if ``X`` had any.
    target_names_ : ndarray of shape (n_targets,)
        Names of several targets, if ``y`` was a DataFrame of them.

    See Also
    --------
    FewShotRegressor : An ordinary regressor over a fitted meta-learner.
    MetaClassifier : The same for classes.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=100, n_rows=30, random_state=0)
    >>> meta = MetaRegressor("maml", max_epochs=3, random_state=0)
    >>> meta = meta.fit(X, y, groups=task)
    >>> X_new, y_new, _ = make_sinusoids(n_tasks=1, n_rows=20, random_state=1)
    >>> meta.adapt(X_new[:10], y_new[:10]).predict(X_new[10:]).shape
    (10,)
    """

    # RegressorMixin comes first, for its tags, with a score that knows no tasks.
    score = BaseMetaEstimator.score

    _parameter_constraints = {
        **BaseMetaEstimator._parameter_constraints,
        "tasks": [StrOptions({"groups", "table"})],
    }

    def __init__(
        self,
        algorithm: str | Algorithm = "gp",
        backbone: str | Backbone | torch.nn.Module = "mlp",
        *,
        prior: str | BaseEstimator | Sequence[str | BaseEstimator] | None = "auto",
        tasks: Literal["groups", "table"] = "groups",
        n_shot: int | tuple[int, int] | Literal["auto"] = "auto",
        n_query: int | Literal["auto"] = "auto",
        support: Literal["random", "first"] = "random",
        augment: str | Augmentation | Sequence[str | Augmentation] | None = None,
        normalize: Literal["task", "global", "robust"] | None = "global",
        max_epochs: int | Literal["auto"] = "auto",
        batch_size: int = 32,
        tasks_per_epoch: int = 512,
        lr: float | Literal["auto"] = "auto",
        lr_schedule: Literal["auto", "constant", "one_cycle"] = "auto",
        optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
        early_stopping: bool | Literal["auto"] = "auto",
        validation_fraction: float | Literal["auto"] = "auto",
        patience: int = 10,
        unknown_task: Literal["error", "prior"] = "error",
        callbacks: Sequence[Any] | None = None,
        device: str | torch.device = "cpu",
        compile: bool = False,
        accelerate: bool = False,
        precision: Literal["float32", "bfloat16"] = "float32",
        warm_start: bool = False,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 1,
        verbose: int = 0,
        random_state: Any = None,
    ):
        self.algorithm = algorithm
        self.backbone = backbone
        self.prior = prior
        self.tasks = tasks
        self.n_shot = n_shot
        self.n_query = n_query
        self.support = support
        self.augment = augment
        self.normalize = normalize
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.tasks_per_epoch = tasks_per_epoch
        self.lr = lr
        self.lr_schedule = lr_schedule
        self.optimizer = optimizer
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.unknown_task = unknown_task
        self.callbacks = callbacks
        self.device = device
        self.compile = compile
        self.accelerate = accelerate
        self.precision = precision
        self.warm_start = warm_start
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose
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
        """Predict the value of each row with its own task's learner.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.
        return_std : bool, default=False
            Return the standard deviation of each value too, for algorithms that know
            it, such as "gp" and "cnp". They are learnt: after a short training (few
            epochs, or few ``tasks_per_epoch``) they are up to twice too wide, and after
            a full one within a tenth or so, from three known rows on.
            :meth:`predict_interval` sets them right.

        Returns
        -------
        values : ndarray of shape (n_rows,) or (n_rows, n_targets)
            Values, in the order of the rows and the unit of the targets.
        deviations : ndarray of shape (n_rows,) or (n_rows, n_targets)
            Standard deviations of new targets, in the same unit; only if asked for.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        ValueError
            If a group was not adapted to and ``unknown_task="error"``, or if standard
            deviations are asked of an algorithm that has none.

        Warns
        -----
        UserWarning
            If standard deviations are asked after fewer support rows than "cnp" was
            trained with, or more than twice as many.
        """
        adapted, X, task = self._current(X, groups)
        values = self._answer(adapted, X, task)
        if not return_std:
            return values
        if not hasattr(self.algorithm_, "predict_std"):
            raise ValueError(
                f"{self.algorithm_} predicts values without standard deviations. "
                "Choose an algorithm that has them, 'gp' or 'cnp'."
            )
        self._warn_if_unsure(adapted, task)
        deviations = self._by_target(adapted.deviations(self._table(X), task))
        deviations = deviations * self.target_scale_
        return values, self._as_given(deviations)

    def _warn_if_unsure(self, adapted: AdaptedTasks, task: np.ndarray) -> None:
        """Warn of deviations after other numbers of rows than were trained with."""
        if self.algorithm_.sure_of_any_shot or adapted.n_rows is None:
            return
        low, high = shot_range(self.n_shot_, self.spec_.label_space)
        asked = np.unique(task)
        n_rows = adapted.n_rows[asked]
        unsure = asked[(n_rows < low) | (n_rows > _MUCH * max(high, 1))]
        if not len(unsure):
            return
        n_rows = adapted.n_rows[unsure]
        known = f"{low}" if low == high else f"{low} to {high}"
        warn(
            f"{count(len(unsure), 'task')} {'has' if len(unsure) == 1 else 'have'} "
            f"{n_rows.min()} to {n_rows.max()} support rows, and {self.algorithm_} was "
            f"trained with {known}: standard deviations of other numbers are a guess, "
            "mostly too small. Train for all numbers that may come, such as "
            f"n_shot=({min(low, n_rows.min())}, {max(high, n_rows.max())})."
        )

    def as_regressor(self) -> "FewShotRegressor":
        """Make an ordinary regressor, whose ``fit`` learns one task.

        Returns
        -------
        FewShotRegressor
            Over this meta-learner, which it never changes.
        """
        return few_shot.FewShotRegressor(self)
