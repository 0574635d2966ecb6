"""The meta-learning classifier."""

import os
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions

from skmeta.algorithms.base import Algorithm
from skmeta.augmentations import Augmentation
from skmeta.backbones.base import Backbone
from skmeta.estimators import few_shot
from skmeta.estimators.base import BaseMetaEstimator
from skmeta.estimators.classes import labels_of
from skmeta.estimators.conformal import Sets
from skmeta.estimators.decisions import Decisions
from skmeta.estimators.images import image_parameters
from skmeta.estimators.rejecting import Rejecting
from skmeta.saving.kinds import savable

if TYPE_CHECKING:
    from skmeta.estimators.few_shot import FewShotClassifier

__all__ = ["MetaClassifier"]


# Its verbs: fit and partial_fit are in base.py; adapt, transform and fit_transform in
# adapting.py, above which base.py stands; score in scoring.py; decision_function and
# predict_log_proba in decisions.py; unknown_score in rejecting.py; calibrate and
# predict_set in conformal.py; save in saving/mixin.py. What is asked of targets is in
# targets.py.
@savable
class MetaClassifier(ClassifierMixin, Rejecting, Decisions, Sets, BaseMetaEstimator):
    r"""Classifier that learns from many tasks how to learn a new one from a few rows.

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
        What the rows of all tasks together say before a task has spoken, by a
        classifier of scikit-learn or one made by its name: gradient-boosted trees, or a
        logistic regression of standardised columns. The algorithm learns how tasks
        deviate from it. Training tasks are answered by what was fitted to others, in
        folds of tasks. It gets the columns that ``fit`` got, by name where they have
        names, and the weights of rows and classes. An estimator that is surer of the
        other folds than it is right is believed less, with a warning if far less.
        "auto" is what the algorithm
        recommends: boosting and linear for "gp" with shared labels (linear alone beyond
        200 columns), none for the others. Per-task labels have none.
    tasks : {"groups", "classes", "table"}, default="groups"
        Where tasks come from. "groups": rows that share a value of ``groups`` are a
        task. "classes": a task is ``n_way`` classes drawn from one table. "table": a
        task is a random part of one table. After the last two, the table itself is
        the current task.
    label_space : {"auto", "shared", "per_task"}, default="auto"
        "shared": a label means the same in every task. "per_task": labels are only
        names inside one task, and a new task may have labels and numbers of classes
        never seen. "auto": per task for ``tasks="classes"``, or where most rows have a
        label that occurs in a single task only; it warns where that is not plain.
    n_way : int, default=5
        Classes per episode, for per-task labels.
    n_shot : int, (int, int) or "auto", default="auto"
        Support rows per episode: of each class for per-task labels, in all for shared
        labels, where they come in their natural proportions. What helps most is to
        choose it as large as the support that ``adapt`` will get. A pair is a range to
        draw from; a low end of 0 trains the answer before any row is seen. "auto" is
        (1, 10) for "gp" and shared labels, and 5 else.
    n_query : int or "auto", default="auto"
        Query rows per episode, counted as ``n_shot`` is. "auto" is 30 for "gp" and
        shared labels, and 15 else.
    support : {"random", "first"}, default="random"
        Which rows of a task are known first, in training and in every few-shot score.
        "random": any. "first": those that come first in the table, which is to be
        sorted by time within tasks. Where tasks drift, random rows tell of the future,
        and a score by them flatters. In training a task is cut at a random place, at
        the same share of all its classes: the ``n_shot`` rows up to the cut are the
        support, rows that come after it the query. A score takes the first rows of a
        task, and all that follow for the query. Supports that are given
        (``in_support``) stay given.
    stratify : bool, default=False
        In a shared label space, draw the support of training episodes and of the
        few-shot score such that every class of a task has its share of it, and a row at
        least as long as ``n_shot`` allows. Without, a rare class is often left out.
        Per-task supports are balanced anyway, and the first rows of a task are what
        they are: not with ``support="first"``.
    class_weight : dict, "balanced" or None, default=None
        Weights of classes, in the training and in ``adapt``: by label (1 for labels
        that are not named), or such that all classes count the same, in the whole
        table of ``fit`` for shared labels and in each support for per-task labels.
        They multiply ``sample_weight``. Where a class is the mean of its rows, as
        prototypes are in per-task label spaces, no weight of all of them changes it:
        there a class is balanced as it is, and a dict adds the logarithms of its
        weights to the log odds of the classes.
    mix_tasks : float, default=0.0
        For per-task labels of groups: share of the training episodes whose classes come
        from all tasks together, which makes many more tasks out of few.
    augment : str, Augmentation, list of them or None, default="auto"
        Task augmentation: changes of the training episodes that make new tasks of old
        ones, against memorising a few tasks or classes. Registered names or objects
        from :mod:`skmeta.augmentations`; a list acts in its order. "auto" is
        ``FeatureNoise(scale=0.1, within=0.5)`` where tasks are drawn from a pool of ten
        classes or more, ``tasks="classes"``, and the algorithm has ``class_loss``; of
        fifty or more, with a backbone that learns filters of images, such as
        ``Conv4``, it is :func:`~skmeta.augmentations.image_augmentations`. It is None
        elsewhere, or where ``normalize=None`` leaves features in units of their own.
    normalize : {"global", "task", "robust", None}, default="global"
        Standardise the features by mean and standard deviation over all tasks, or each
        task by those of its support, which is for tasks that differ in level and
        scale. From few rows they are guessed with caution, and from none they are the
        global ones: with :math:`\sigma^2` and :math:`\tau^2` the shares of the global
        variance inside tasks and between them, n support rows with mean m give the mean
        :math:`w \, m` with :math:`w = n \tau^2 / (n \tau^2 + \sigma^2)`, and the
        variance :math:`(\sum_i (x_i - m)^2 + 2 \sigma^2) / (\max(n - 1, 0) + 2) +
        (1 - w) \, \tau^2`, all in units of the global ones. Features that are constant
        inside tasks keep the global ones. "robust" takes
        median and distance of the quartiles, and draws every feature smoothly below 3
        (as RealMLP does, Holzmüller et al. 2024), for columns with outliers or heavy
        tails. In all but "task" a feature of a new row that is beyond the range of the
        training rows by x standard deviations comes to :math:`3 \tanh(x / 3)` beyond
        it, so that no row is far outside; with "task" it may lie anywhere, and counts
        as 20 deviations from the mean of its task at most. None leaves all within the
        range as it is, and lets rows come as far beyond it as it is wide.
    max_epochs : int or "auto", default="auto"
        Passes over ``tasks_per_epoch`` tasks. "auto" is what the algorithm recommends,
        ``default_epochs``: 20 for "gp", 200 for most; at most 40 for a pool of ten
        classes or more where none is held out to stop the training, for algorithms that
        have ``class_loss``, and 12 where ``augment="auto"`` is of images.
    batch_size : int, default=32
        Tasks in a meta-batch.
    tasks_per_epoch : int, default=512
        Tasks drawn in an epoch.
    lr : float or "auto", default="auto"
        Learning rate of the outer optimizer. "auto" is what the algorithm is best
        trained with, ``default_lr``: 0.06 for "gp", 0.001 for most, and 0.002 for most
        where ``augment="auto"`` is of images.
    lr_schedule : {"auto", "constant", "one_cycle"}, default="auto"
        "one_cycle" raises the rate to ``lr`` and lowers it to nothing, once in a
        training, which ends by itself: ``early_stopping="auto"`` holds out nothing.
        "auto" does so for algorithms with ``trains_in_one_cycle``, such as "gp", and
        with ``lr="auto"`` where ``augment="auto"`` is of images. A
        :class:`skorch.callbacks.LRScheduler` among ``callbacks`` comes first.
    optimizer : type or "auto", default="auto"
        Outer optimizer. "auto" is :class:`torch.optim.Adam`, with ``weight_decay=1e-3``
        where ``augment="auto"`` is noise.
    early_stopping : bool or "auto", default="auto"
        Hold out a part of the tasks (or of the classes or rows where tasks are
        drawn from them), stop when their loss has not fallen for ``patience`` epochs
        (or their accuracy not risen, for ``tasks="classes"``), and end with the best
        epoch's weights. "auto" does so from 6 tasks, 200 rows,
        or as many classes on as leave ``n_way`` of them to validate on, and not where
        the training ends by itself, in one cycle of ``lr``.
    validation_fraction : float or "auto", default="auto"
        Part to hold out. "auto" is a tenth for most algorithms; with labels that mean
        the same in every task, "r2d2" holds out up to 30 tasks and a quarter of all,
        "metaoptnet" up to 60 and 40 %.
    patience : int, default=10
        Epochs without improvement before training stops.
    unknown_task : {"error", "prior"}, default="error"
        Answer to rows of a group that was not adapted to.
    reject : float, bool or None, default=None
        Answer ``unknown_label`` to rows that look as if they were of no class that
        their task knows: a share such as 0.95, or True for that, of the rows of known
        classes is kept. What such rows look like is learnt from training classes that
        are left out in turn (:meth:`unknown_score`), which needs at least four of them
        for per-task labels. Where labels mean the same in every task, an unknown class
        is one that no task of ``fit`` has, and at least three labels are needed.
        Probabilities stay as they are. ``fit`` then trains up to four learners more,
        without some of the classes each. The share holds for new classes that are as
        unlike as training classes are to each other; of others far fewer rows may be
        kept (docs/unknown.md).
    unknown_label : label, default="auto"
        Answer to rows that are rejected. "auto" is -1 for numbers and "unknown" for
        words. It must be no label: where rows to be judged on have it, they are of
        unknown classes, and ``score`` counts their rejection as right.
    callbacks : list of skorch callbacks, default=None
        Called during meta-training. One that raises KeyboardInterrupt counts as Ctrl-C:
        the best weights are kept, and the caller gets the exception.
    device : str, default="cpu"
        Where torch computes; another one, set later, in the next ``fit``.
    compile : bool, default=False
        Take meta-steps in few calls. On a CUDA device they are captured as graphs,
        which takes about as long as some steps of each size: it pays for all but short
        trainings (docs/scale.md). Elsewhere they are compiled by :func:`torch.compile`,
        which may take a minute. Where it is not possible (on a GPU, of steps that wait
        for its numbers; else without a C++ compiler, or for second-order gradients of
        other networks than linear layers with ReLU), the step runs as it is, with a
        warning.
    accelerate : bool, default=False
        Let the processes that ``accelerate launch`` has started, on this machine or on
        several, train together: each takes a part of every meta-batch. All must call
        ``fit`` with the same data and parameters, and all end with the same
        meta-learner, that of one process up to rounding. Without a launcher nothing
        changes. It takes ``pip install skmeta[accelerate]``; docs/scale.md tells more.
    precision : {"float32", "bfloat16"}, default="float32"
        What networks compute in while they are trained. "bfloat16" is mixed precision:
        products of matrices and convolutions in bfloat16 by :class:`torch.autocast`;
        weights, norms, distances, linear systems, losses, validation and all that comes
        after ``fit`` in float32. For large networks on a GPU, and on CPUs with
        instructions for it; small ones gain nothing. "maml" and its kin then
        differentiate by autograd what is written out in float32 (linear layers with
        ReLU).
    warm_start : bool, default=False
        Let ``fit`` go on from the weights of the last one and its optimizer's memory,
        for ``max_epochs`` more with the present ``lr``, ``patience`` and ``callbacks``.
    checkpoint_dir : str or path-like, default=None
        Folder where ``fit`` notes how far it is, so that a fit that was killed goes on
        when it is started again with the same data and parameters, and with an int as
        ``random_state`` ends bit for bit as if nothing had happened. Empty again when
        the training has ended. For one fit at a time, so not for grid searches. It
        must be as safe as your code: what callbacks of your own hold may be a pickle.
    checkpoint_every : int, default=1
        Epochs from one checkpoint to the next.
    verbose : int, default=0
        Show a progress bar if positive.
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights and episodes. With an int, two fits are bit-identical on
        a CPU.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the current tasks together; in a shared label space all labels.
    label_space_ : {"shared", "per_task"}
        Label space.
    module_ : torch.nn.Module
        Meta-knowledge: what ``fit`` leaves behind.
    net_ : EpisodicNet
        The skorch net that trained it.
    prior_ : Prior or None
        The fitted prior.
    n_shot_, n_query_ : int or (int, int), int
        Support and query rows of the episodes, as they were chosen.
    tasks_, n_way_ : {"groups", "classes", "table"}, int
        Of what tasks were made, by which answers are calibrated.
    normalize_ : {"global", "task", "robust"} or None
        How features were standardised; another ``normalize`` counts in the next
        ``fit``.
    history_ : skmeta.engine.history.History
        skorch's history, with ``to_frame()``: losses of every epoch.
    algorithm_, backbone_ : Algorithm, Backbone
        The resolved parameters.
    augment_ : list of Augmentation
        What changed the training episodes.
    unknown_ : Rejection or None
        What was learnt of rows of unknown classes, where ``reject`` asked for it.
    unknown_label_ : label or None
        Answer to rows that are rejected.
    given_class_weight_ : dict, "balanced" or None
        How classes were weighed; another ``class_weight`` counts in the next ``fit``.
    n_tasks_ : int
        Tasks that ``fit`` saw; classes or rows where tasks are made of them.
    calibration_ : Calibration
        How far answers to tasks that were not learnt from are off, after
        :meth:`calibrate`.
    n_features_in_ : int
        Features of a row.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if ``X`` had any.

    See Also
    --------
    FewShotClassifier : An ordinary classifier over a fitted meta-learner.
    MetaRegressor : The same for numeric targets.

    Examples
    --------
    Classes as a pool of tasks: learn to tell digits 0 to 6, then tell 7, 8 and 9 from
    five rows each.

    >>> from sklearn.datasets import load_digits
    >>> from skmeta import MetaClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> meta = MetaClassifier("protonet", tasks="classes", max_epochs=3, random_state=0)
    >>> meta = meta.fit(X[y < 7], y[y < 7])
    >>> X_new, y_new = X[y >= 7], y[y >= 7]
    >>> meta = meta.adapt(X_new[:15], y_new[:15])
    >>> meta.classes_
    array([7, 8, 9])
    >>> bool(meta.score(X_new[15:], y_new[15:]) > 0.5)
    True
    """

    __metadata_request__predict_proba = {"groups": True}

    # ClassifierMixin comes first, for its tags, with a score that knows no tasks.
    score = BaseMetaEstimator.score

    _parameter_constraints = {
        **BaseMetaEstimator._parameter_constraints,
        "reject": ["boolean", Interval(Real, 0, 1, closed="neither"), None],
        "unknown_label": [object],
        "tasks": [StrOptions({"groups", "classes", "table"})],
        "label_space": [StrOptions({"auto", "shared", "per_task"})],
        "n_way": [Interval(Integral, 2, None, closed="left")],
        "stratify": ["boolean"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "mix_tasks": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        algorithm: str | Algorithm = "gp",
        backbone: str | Backbone | torch.nn.Module = "mlp",
        *,
        prior: str | BaseEstimator | Sequence[str | BaseEstimator] | None = "auto",
        tasks: Literal["groups", "classes", "table"] = "groups",
        label_space: Literal["auto", "shared", "per_task"] = "auto",
        n_way: int = 5,
        n_shot: int | tuple[int, int] | Literal["auto"] = "auto",
        n_query: int | Literal["auto"] = "auto",
        support: Literal["random", "first"] = "random",
        stratify: bool = False,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        mix_tasks: float = 0.0,
        augment: str | Augmentation | Sequence[str | Augmentation] | None = "auto",
        normalize: Literal["task", "global", "robust"] | None = "global",
        max_epochs: int | Literal["auto"] = "auto",
        batch_size: int = 32,
        tasks_per_epoch: int = 512,
        lr: float | Literal["auto"] = "auto",
        lr_schedule: Literal["auto", "constant", "one_cycle"] = "auto",
        optimizer: Callable[..., torch.optim.Optimizer] | Literal["auto"] = "auto",
        early_stopping: bool | Literal["auto"] = "auto",
        validation_fraction: float | Literal["auto"] = "auto",
        patience: int = 10,
        unknown_task: Literal["error", "prior"] = "error",
        reject: float | bool | None = None,
        unknown_label: Any = "auto",
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
        self.label_space = label_space
        self.n_way = n_way
        self.n_shot = n_shot
        self.n_query = n_query
        self.support = support
        self.stratify = stratify
        self.class_weight = class_weight
        self.mix_tasks = mix_tasks
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
        self.reject = reject
        self.unknown_label = unknown_label
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

    @classmethod
    def for_images(
        cls,
        image_shape: Sequence[int] = (28, 28),
        *,
        ink: bool = True,
        channels: int | Sequence[int] = 64,
        **parameters: Any,
    ) -> Self:
        """Make a classifier of images with what few-shot images are learnt best by.

        A prototypical network on four blocks of convolutions, trained on episodes of
        forty classes, one row each to learn from, that are turned, distorted and laid
        over one another, in one cycle of the learning rate. It is not yet fitted.

        Parameters
        ----------
        image_shape : (int, int) or (int, int, int), default=(28, 28)
            Height and width, or channels, height and width, of the images whose pixels
            are the features of a row.
        ink : bool, default=True
            Whether images are ink on an empty page, 0 where there is none and as bright
            everywhere, such as handwriting: then classes are laid over one another
            (:class:`~skmeta.augmentations.ClassOverlay`) and pixels stay as they are.
            False is for pictures.
        channels : int or sequence of int, default=64
            Maps of every block of :class:`~skmeta.backbones.Conv4`.
        **parameters
            Of :class:`MetaClassifier`, in place of those chosen here.
            ``max_epochs=100`` takes eight times as long and errs in 6.8 % of Omniglot's
            20-way one-shot trials, where 12 epochs err in 11.7 %. Where classes come
            in groups that new tasks will have too, such as alphabets, pass
            ``tasks="groups", mix_tasks=0.5`` here, and ``groups`` to ``fit``.

        Returns
        -------
        MetaClassifier
            Not yet fitted.

        Notes
        -----
        The obvious ``MetaClassifier("protonet", Conv4(), tasks="classes")`` turns and
        distorts images of fifty classes or more by itself, and is for five classes and
        five rows of each.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from skmeta import MetaClassifier
        >>> X, y = load_digits(return_X_y=True)
        >>> meta = MetaClassifier.for_images(
        ...     (8, 8), channels=(16, 16), max_epochs=2, tasks_per_epoch=8
        ... )
        >>> meta = meta.fit(X[y < 7] / 16, y[y < 7])
        >>> X_new, y_new = X[y >= 7] / 16, y[y >= 7]
        >>> meta.adapt(X_new[:15], y_new[:15]).predict(X_new[15:]).shape
        (518,)
        """
        chosen = image_parameters(image_shape, ink=ink, channels=channels)
        return cls(**chosen | parameters)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # Episodes of a pool are drawn from its classes, of which a row has one.
        several = self.tasks != "classes"
        tags.target_tags.multi_output = tags.classifier_tags.multi_label = several
        return tags

    def predict(self, X: ArrayLike, groups: ArrayLike | None = None) -> np.ndarray:
        """Predict the class of each row with its own task's learner.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_labels)
            Labels, in the order of the rows; ``unknown_label_`` for rows that are
            rejected; 0 and 1 where ``fit`` had several columns.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        ValueError
            If a group was not adapted to and ``unknown_task="error"``.
        """
        return self._answer(*self._current(X, groups))

    def predict_proba(
        self, X: ArrayLike, groups: ArrayLike | None = None
    ) -> np.ndarray:
        """Predict the probability of each class with each row's own task's learner.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            A column for every label in ``classes_``, zero where a row's task does not
            know the label. Where ``fit`` had several columns of labels, how likely a
            row has each, as ``MLPClassifier`` has it.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        ValueError
            If a group was not adapted to and ``unknown_task="error"``.
        """
        return self._probabilities(*self._current(X, groups))

    def distances(self, X: ArrayLike, groups: ArrayLike | None = None) -> np.ndarray:
        """Measure how far each row is from the prototype of each class.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            The algorithm's own distance in the embedding ("euclidean" is squared): a
            column for every label in ``classes_``, infinite where a row's task does
            not know the label.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        ValueError
            If the algorithm has no prototypes, if ``fit`` had several columns of
            labels, or if a group was not adapted to and ``unknown_task="error"``.
        """
        adapted, X, task = self._current(X, groups)
        if not hasattr(self.algorithm_, "distances"):
            raise ValueError(
                f"{self.algorithm_} compares no prototypes, and so has no distances to "
                "any. Choose an algorithm that does, such as 'protonet' or "
                "'simpleshot'; transform gives the embedding of rows for distances of "
                "your own."
            )
        if self._has_several:
            raise ValueError(
                "distances are to the prototypes of the classes of one column, and fit "
                "had several. Fit a meta-learner to each of them."
            )
        nearness = -adapted.distances(self._table(X), task)
        return -labels_of(adapted).spread(nearness, task, -np.inf)

    def _class_logits(self, X: Any, groups: Any) -> np.ndarray:
        adapted, X, task = self._current(X, groups)
        if self._has_several:
            return self._label_logits(adapted, X, task)
        logits = self._logits(adapted, X, task)
        return labels_of(adapted).spread(logits, task, -np.inf)

    def as_classifier(self) -> "FewShotClassifier":
        """Make an ordinary classifier, whose ``fit`` learns one task.

        Returns
        -------
        FewShotClassifier
            Over this meta-learner, which it never changes.
        """
        return few_shot.FewShotClassifier(self)
