"""Several classifiers together."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions

from skmeta.ensemble.adapted import AdaptedMembers
from skmeta.ensemble.base import BaseMetaStacking
from skmeta.ensemble.defaults import class_members
from skmeta.ensemble.judging import Judged
from skmeta.ensemble.members import LearntTasks, flat
from skmeta.ensemble.rejection import JointRejection, auroc_of
from skmeta.estimators.conformal import Sets
from skmeta.estimators.decisions import Decisions
from skmeta.estimators.few_shot import FewShotClassifier
from skmeta.estimators.scoring import (
    accuracy_per_task,
    class_cells,
    is_known,
    mean_accuracy,
)
from skmeta.estimators.unknown_label import (
    choose_unknown_label,
    refuse_for_indicators,
    refuse_unknown_label,
    share_to_keep,
    with_unknown,
)
from skmeta.saving.kinds import savable
from skmeta.tables.labels import (
    TaskLabels,
    choose_label_space,
    encode,
    refuse_declared_names,
    refuse_undeclared,
)
from skmeta.tables.rows import TaskRows
from skmeta.tables.targets import refuse_for_labels

__all__ = ["MetaStackingClassifier"]

_TOO_FEW = (
    "reject learns from tasks that are left out how many known rows look unknown, and "
    "there are too few tasks, or too few rows in them, to leave some out. Give more, "
    "or set reject=None."
)


@savable
class MetaStackingClassifier(ClassifierMixin, Decisions, Sets, BaseMetaStacking):
    r"""Several classifiers together, weighted by tasks that were left out.

    Members are fitted on a part of the tasks and asked about the others: each task
    that was left out is learnt from a few of its rows and answered on the rest. The
    logarithms of their probabilities are mixed by weights :math:`w_m(k) \ge 0` of sum 1
    that depend on the number k of support rows,

    .. math:: p(y \mid x) \propto \prod_m p_m(y \mid x)^{w_m(k)},

    and chosen by the log-loss on the tasks that were left out. (The mean of the
    probabilities themselves was worse on all tables it was tried on.) Then all members
    are fitted again, on all tasks.

    Parameters
    ----------
    estimators : list of (str, estimator), default=None
        Members by name: meta-learners, strategies of :mod:`skmeta.model_selection`,
        Pipelines that end in one, or any classifier, of which every task gets a clone
        (:class:`skmeta.model_selection.PerTask`). None stands for a few that suit the
        label space.
    weights : {"auto", "equal", "greedy"}, default="auto"
        "greedy": selection with replacement [1]_ of what lowers the loss of the mixture
        most. "equal": all members have the same say, and nothing is left out to judge
        them. "auto": for n tasks that were left out, :math:`n / (n + 100)` of the
        greedy weights, the rest by each member's own loss :math:`l_m`, as
        :math:`\pi_m l_m^{-6}` with :math:`\pi_m = 4` for meta-learners around a prior
        and 1 for others: few tasks cannot say more than which members are good.
    label_space : {"auto", "shared", "per_task"}, default="auto"
        Whether a label means the same in every task, as in
        :class:`skmeta.MetaClassifier`. Members have their own parameter, those of
        ``estimators=None`` this one.
    n_shot : int or (int, int), default=(1, 10)
        Support rows that members are judged with, and that those of
        ``estimators=None`` are trained with: of each class for per-task labels, in all
        for shared ones. ``score`` splits tasks by the highest.
    support : {"random", "first"}, default="random"
        Which rows of a task are known first, as in :class:`skmeta.MetaClassifier`: on
        the tasks that members are judged by, in ``score``, and in the training of those
        of ``estimators=None``.
    cv : int, splitter or iterable, default=None
        Which tasks are left out: None for a third of them, once; an int for as many
        folds (fewer if there are fewer tasks); or what splits rows by ``groups``, such
        as :class:`skmeta.model_selection.TaskSplit`. With fewer than four tasks none is
        left out, and weights are equal.
    refit : bool, default=True
        Fit the members again on all tasks. If False, the fits of all folds answer
        together, with the mean of their answers as a member's own; ``cv=None`` is then
        three folds.
    unknown_task : {"error", "prior"}, default="error"
        Answer to rows of a group that was not adapted to. "prior" mixes the members
        that have one.
    reject : float, bool or None, default=None
        Answer ``unknown_label`` to rows that look as if they were of no class that
        their task knows, and keep this share of those that are; True keeps 95 %. What
        such rows look like is told by the members that reject rows themselves, those of
        ``estimators=None`` or ``MetaClassifier(reject=True)`` among ``estimators``; the
        tasks that were left out to weigh members say where the share ends
        (:meth:`unknown_score`). Another share may be set after ``fit``. It holds for
        new classes that are as unlike as training classes are to each other; of others
        far fewer rows may be kept (docs/unknown.md).
    unknown_label : label, default="auto"
        Answer to rows that are rejected, as in :class:`skmeta.MetaClassifier`.
    random_state : int, RandomState instance or None, default=None
        Seed of the tasks that are left out, their supports, and of the members of
        ``estimators=None``.

    Attributes
    ----------
    named_estimators_ : Bunch
        The members, fitted on all tasks, or with ``refit=False`` a list of each
        member's fits; without those that failed.
    weights_ : ndarray of shape (n_sizes, n_members)
        Weights of the members for each number of support rows; between the numbers
        they are interpolated. Of several columns of labels (n_sizes, n_members,
        n_labels).
    support_sizes_ : ndarray of shape (n_sizes,)
        These numbers, of each class for per-task labels.
    losses_ : ndarray of shape (n_sizes, n_members)
        Log-loss of each member on the tasks that were left out; NaN where it has no
        answer, or where nothing was left out. Of several columns of labels (n_sizes,
        n_members, n_labels).
    classes_ : ndarray of shape (n_classes,)
        Labels of the current tasks together; in a shared label space all labels. Of
        several columns of labels their numbers, 0, 1, ...
    label_space_ : {"shared", "per_task"}
        Label space.
    n_tasks_ : int
        Tasks that ``fit`` saw.
    unknown_ : JointRejection or None
        What members say together of rows of unknown classes, where ``reject`` asked for
        it.
    unknown_label_ : label or None
        Answer to rows that are rejected.
    calibration_ : Calibration
        How far answers to tasks that were not learnt from are off, after
        :meth:`calibrate`.
    n_features_in_ : int
        Features of a row.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if ``X`` had any.
    target_names_ : ndarray of shape (n_labels,)
        Names of several columns of labels, if ``y`` had any.

    See Also
    --------
    MetaStackingRegressor : The same for numeric targets.
    skmeta.MetaClassifier : One meta-learner.

    References
    ----------
    .. [1] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, Ensemble Selection from
       Libraries of Models, ICML 2004. That weights depend on the size of the support,
       and what they are drawn to, is ours.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skmeta import MetaClassifier
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.ensemble import MetaStackingClassifier
    >>> X, y, task = make_sinusoids(n_tasks=30, n_rows=20, random_state=0)
    >>> y = y > 0
    >>> members = [
    ...     ("cnp", MetaClassifier("cnp", max_epochs=3, random_state=0)),
    ...     ("own", LogisticRegression()),
    ... ]
    >>> stack = MetaStackingClassifier(members, random_state=0)
    >>> stack = stack.fit(X, y, groups=task).adapt(X[:10], y[:10])
    >>> stack.predict_proba(X[10:20]).shape
    (10, 2)
    >>> stack.weights_.shape == (len(stack.support_sizes_), 2)
    True
    """

    __metadata_request__predict_proba = {"groups": True}

    # ClassifierMixin comes first, for its tags, with a score that knows no tasks.
    score = BaseMetaStacking.score

    _kind = "classifier"
    _metric = staticmethod(mean_accuracy)
    _scores_per_task = staticmethod(accuracy_per_task)

    _parameter_constraints = {
        **BaseMetaStacking._parameter_constraints,
        "label_space": [StrOptions({"auto", "shared", "per_task"})],
        "reject": ["boolean", Interval(Real, 0, 1, closed="neither"), None],
        "unknown_label": [object],
    }

    reject: float | bool | None
    unknown_label: Any

    label_space_: Literal["shared", "per_task"]
    classes_: np.ndarray
    unknown_label_: Any

    def __init__(
        self,
        estimators: list[tuple[str, Any]] | None = None,
        *,
        weights: Literal["auto", "equal", "greedy"] = "auto",
        label_space: Literal["auto", "shared", "per_task"] = "auto",
        n_shot: int | tuple[int, int] = (1, 10),
        support: Literal["random", "first"] = "random",
        cv: Any = None,
        refit: bool = True,
        unknown_task: Literal["error", "prior"] = "error",
        reject: float | bool | None = None,
        unknown_label: Any = "auto",
        random_state: Any = None,
    ):
        self.estimators = estimators
        self.weights = weights
        self.label_space = label_space
        self.n_shot = n_shot
        self.support = support
        self.cv = cv
        self.refit = refit
        self.unknown_task = unknown_task
        self.reject = reject
        self.unknown_label = unknown_label
        self.random_state = random_state

    def predict(self, X: ArrayLike, groups: ArrayLike | None = None) -> np.ndarray:
        """Predict the class of each row.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_labels)
            The label of the highest probability; ``unknown_label_`` for rows that are
            rejected. Where ``fit`` had several columns of labels, 1 for those that a
            row has rather than not, else 0.

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
        """Predict the probability of each class.

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
            row has each.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        ValueError
            If a group was not adapted to and ``unknown_task="error"``.
        """
        return self._probabilities(*self._current(X, groups))

    def distances(self, X: ArrayLike, groups: ArrayLike | None = None) -> np.ndarray:
        """Refuse: members have embeddings of their own, and distances in them.

        Parameters
        ----------
        X, groups
            Ignored.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            "Members of an ensemble compare rows each in an embedding of its own, and "
            "their distances have no unit in common. Ask a member that has prototypes: "
            "named_estimators_[name].adapt(X, y).distances(X_new)."
        )

    def unknown_score(
        self, X: ArrayLike, groups: ArrayLike | None = None
    ) -> np.ndarray:
        """Tell how much each row looks as if it were of no class that its task knows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Query rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, needed where several tasks were adapted to.

        Returns
        -------
        ndarray of shape (n_rows,)
            From 0 to 1: the share of rows of known classes that look less unknown, as
            it was in the tasks that were left out to weigh the members, learnt from as
            many support rows. ``predict`` rejects what is above ``reject``.

        Raises
        ------
        NotAdaptedError
            If ``adapt`` has not been called.
        ValueError
            If ``fit`` was not asked for it by ``reject``, if no member that rejects
            rows knows the task, or if a group was not adapted to and
            ``unknown_task="error"``.
        """
        return self._unknown_scores(*self._current(X, groups))

    def _class_logits(self, X: Any, groups: Any) -> np.ndarray:
        return self._logits(*self._current(X, groups))

    def as_classifier(self) -> FewShotClassifier:
        """Make an ordinary classifier, whose ``fit`` learns one task.

        Returns
        -------
        FewShotClassifier
            Over this ensemble, which it never changes.
        """
        return FewShotClassifier(self)

    # What is asked of targets ---------------------------------------------------------

    @property
    def _has_several(self) -> bool:  # as Decisions and Sets ask
        return self._n_targets > 1

    def _learn_targets(self, rows: TaskRows, classes: Any) -> None:
        self.unknown_ = self.unknown_label_ = None  # not those of an earlier fit
        if self._rejects():
            refuse_for_indicators(rows.y)
            self.unknown_label_ = choose_unknown_label(self.unknown_label, rows.y)
            labels = rows.y if classes is None else classes
            refuse_unknown_label(labels, self.unknown_label_)
        if rows.y.ndim == 2:
            self._refuse_what_is_for_classes(classes)
            self.label_space_, self.classes_ = "shared", np.arange(rows.y.shape[1])
            return
        self.classes_ = np.unique(rows.y if classes is None else classes)
        refuse_undeclared(rows.y, self.classes_)
        if len(self.classes_) < 2:
            raise ValueError(
                "Classifier can't train when only one class is present: "
                f"y holds the one class {self.classes_.tolist()[0]!r}."
            )
        known: Any = self.label_space
        if known == "auto":
            known = "shared"  # who declares labels means them in every task
            if classes is None:
                known = choose_label_space(rows.y, rows.task)
        if classes is not None:
            refuse_declared_names(known)
        self.label_space_ = known

    def _refuse_what_is_for_classes(self, classes: Any) -> None:
        given = {
            "label_space='per_task'": self.label_space == "per_task",
            "classes": classes is not None,
        }
        refuse_for_labels([name for name, is_given in given.items() if is_given])

    def _default_members(self, seed: int | None) -> list[tuple[str, Any]]:
        known = self.label_space if seed is None else self.label_space_
        rejecting = {}
        if self._rejects():
            rejecting = {"reject": True, "unknown_label": self.unknown_label}
        return class_members(known, self.n_shot, seed, self.support, **rejecting)

    def _rejects(self) -> bool:
        return share_to_keep(self.reject) is not None

    def _check_splits(self, splits: Any) -> None:
        if self._rejects() and isinstance(splits, list) and not splits:
            raise ValueError(_TOO_FEW)

    def _learn_unknown(
        self, fitted: Mapping[str, Any], judged: Sequence[Judged]
    ) -> None:
        if not self._rejects():
            return
        aurocs = {}
        for name, fits in fitted.items():
            own = [auroc_of(fit) for fit in flat({name: fits}).values()]
            known = [each for each in own if each is not None]
            if known:
                aurocs[name] = float(np.mean(known))
        if not aurocs:
            raise ValueError(
                "reject asks members what rows of unknown classes look like, and none "
                "of them has learnt it: name some that do, such as "
                "estimators=[('gp', MetaClassifier('gp', reject=True)), ...]."
            )
        told = {each.size: each.unknown for each in judged}
        self.unknown_ = JointRejection.learn(aurocs, told)
        if self.unknown_ is None:
            raise ValueError(_TOO_FEW)

    def _cells(self, rows: TaskRows) -> np.ndarray:
        return class_cells(rows) if self.label_space_ == "per_task" else rows.task

    def _strata(self, rows: TaskRows) -> None:
        return None

    def _is_known(self, rows: TaskRows) -> np.ndarray:
        if self._has_several:
            return np.ones(len(rows), dtype=bool)
        known = is_known(rows.y, self.classes_, self.label_space_)
        return known & (rows.y != self.unknown_label_) if self._rejects() else known

    def _labels(self, rows: TaskRows) -> TaskLabels | None:
        if self._has_several:
            return None
        if getattr(self, "unknown_", None) is not None:
            refuse_unknown_label(rows.y, self.unknown_label_)
        if self.label_space_ == "per_task" and len(rows):
            return TaskLabels.per_task(rows.y, rows.task, rows.n_tasks)[0]
        if len(rows):
            encode(rows.y, self.classes_)  # says which are not known
        return TaskLabels.shared(self.classes_, rows.n_tasks)

    def _set_adapted(self, adapted: AdaptedMembers | None) -> None:
        super()._set_adapted(adapted)
        if self._has_several:
            return
        if adapted is not None:
            self.classes_ = _labels_of(adapted).vocabulary
        elif self.label_space_ == "per_task":  # they were names inside those tasks
            self.classes_ = self.classes_[:0]

    def _logits(self, adapted: AdaptedMembers, X: Any, task: np.ndarray) -> np.ndarray:
        """Mix the logarithms of the members' probabilities."""
        if self._has_several:  # the log odds of each label
            logs = self._mean(adapted, X, task, LearntTasks.label_log_probabilities)
            return logs[..., 1] - logs[..., 0]
        labels = _labels_of(adapted)
        logs = self._mean(
            adapted,
            X,
            task,
            lambda known, X, task: known.log_probabilities(X, task, labels.vocabulary),
        )
        if self.label_space_ == "per_task":  # the labels of other tasks are ruled out
            width = labels.n_classes.max()
            has = labels.spread(np.ones((len(task), width), dtype=bool), task)
            logs = np.where(has, logs, -np.inf)
        return logs

    def _probabilities(
        self, adapted: AdaptedMembers, X: Any, task: np.ndarray
    ) -> np.ndarray:
        logits = self._logits(adapted, X, task)
        return expit(logits) if self._has_several else softmax(logits, axis=1)

    def _answer(self, adapted: AdaptedMembers, X: Any, task: np.ndarray) -> np.ndarray:
        probabilities = self._probabilities(adapted, X, task)
        if self._has_several:
            return (probabilities > 0.5).astype(np.int64)
        best = probabilities.argmax(axis=1)
        answers = _labels_of(adapted).vocabulary[best]
        share = share_to_keep(self.reject)
        if share is None:
            return answers
        is_unknown = self._unknown_scores(adapted, X, task) > share
        return with_unknown(answers, is_unknown, self.unknown_label_)

    def _unknown_scores(
        self, adapted: AdaptedMembers, X: Any, task: np.ndarray
    ) -> np.ndarray:
        known = getattr(self, "unknown_", None)
        if known is None:
            raise ValueError(
                "What rows of unknown classes look like was not learnt: set "
                "reject=True, or the share of known rows to keep, and call fit."
            )
        member_of = {
            fit: name
            for name, fits in self.named_estimators_.items()
            for fit in flat({name: fits})
        }
        return known.shares(adapted, X, task, member_of)


def _labels_of(adapted: AdaptedMembers) -> TaskLabels:
    """Return the classes of tasks, which those of a classifier have."""
    assert adapted.labels is not None
    return adapted.labels
