"""Stacking over tasks: fit members on some tasks, weigh them by others, mix them."""

import copy
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import GroupKFold
from sklearn.utils import Bunch, Tags, get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y, check_is_fitted, validate_data

from skmeta.ensemble.adapted import AdaptedMembers, prior_of
from skmeta.ensemble.held_out import support_sizes
from skmeta.ensemble.incremental import IncrementalStacking
from skmeta.ensemble.judging import (
    Judged,
    fit_all,
    judge,
    warn_of_failures,
    with_neighbours,
)
from skmeta.ensemble.members import LearntTasks, say_before
from skmeta.ensemble.rejection import JointRejection
from skmeta.ensemble.weights import greedy, interpolate, shrunk
from skmeta.episodes.sampling import shot_range
from skmeta.episodes.validation import can_be_split
from skmeta.estimators.calibration import Calibration, TrainingRows
from skmeta.estimators.html import HTMLReprMixin
from skmeta.estimators.multioutput import refuse_target_by_target
from skmeta.exceptions import LoadError
from skmeta.model_selection import TaskSplit
from skmeta.pipelines import to_send
from skmeta.saving.checks import check_names
from skmeta.saving.mixin import SavingMixin
from skmeta.tables.columns import naming_the_preprocessor
from skmeta.tables.groups import GROUPS_NEEDED, locate
from skmeta.tables.labels import TaskLabels
from skmeta.tables.meta_dataset.dataset import MetaDataset, unpack, unpack_support
from skmeta.tables.rows import TaskRows, check_no_rows
from skmeta.tables.targets import (
    as_indicators,
    as_they_are,
    check_n_targets,
    has_columns,
    n_targets_of,
    target_names_of,
)
from skmeta.utils.messages import count
from skmeta.utils.random import generator
from skmeta.utils.rollback import kept_on_failure
from skmeta.utils.threads import one_at_a_time

__all__ = ["BaseMetaStacking", "flat"]

# Attributes that a file has in another form.
_WRITTEN_APART = ("named_estimators_", "adapted_", "calibration_")
_WRITTEN_APART += ("_metadata_request", "unknown_")
_WRITTEN_APART += ("_training_groups",)  # in no file: they may be names of people

_FEWEST_TASKS = 4  # to leave some out and learn from the others
_LEFT_OUT = 1 / 3
_N_FOLDS = 3


class BaseMetaStacking(
    SavingMixin, HTMLReprMixin, IncrementalStacking, _BaseComposition
):
    """Stacking for any kind of target; the two classes say what their targets are."""

    # Rows know their task by ``groups``; scikit-learn's meta-estimators pass it on
    # where metadata routing is on.
    __metadata_request__fit = {"groups": True, "classes": True, "in_support": True}
    __metadata_request__predict = {"groups": True}
    __metadata_request__score = {"groups": True, "support": True, "in_support": True}

    _parameter_constraints = {
        "estimators": [list, None],
        "weights": [StrOptions({"auto", "equal", "greedy"})],
        "n_shot": [Interval(Integral, 0, None, closed="left"), tuple, list],
        "support": [StrOptions({"random", "first"})],
        "cv": ["cv_object"],
        "refit": ["boolean"],
        "unknown_task": [StrOptions({"error", "prior"})],
        "random_state": ["random_state"],
    }

    _kind: ClassVar[str]

    # Parameters.
    estimators: list[tuple[str, Any]] | None
    weights: str
    n_shot: int | tuple[int, int]
    support: Literal["random", "first"]
    cv: Any
    refit: bool
    unknown_task: str
    random_state: Any

    # What fit learns.
    named_estimators_: Bunch
    weights_: np.ndarray
    losses_: np.ndarray
    support_sizes_: np.ndarray
    n_tasks_: int
    n_features_in_: int
    adapted_: AdaptedMembers | None
    unknown_: JointRejection | None

    def fit(
        self,
        X: ArrayLike | MetaDataset,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        classes: ArrayLike | None = None,
        in_support: ArrayLike | None = None,
    ) -> Self:
        """Fit the members on some tasks, weigh them by the others, refit them on all.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Rows of all tasks, or the tasks themselves.
        y : array-like of shape (n_rows,) or (n_rows, n_targets)
            Targets. Only a :class:`skmeta.MetaDataset` brings its own. Rows with a
            missing one are left out. Several are learnt by every member, and weighed
            each by itself; those of a classifier are labels that a row has or has not,
            1 and 0.
        groups : array-like of shape (n_rows,)
            Task of each row.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts. Members that take no weights are left out.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come, of a classifier with a shared label space;
            by default those in ``y``. Without meaning for a regressor.
        in_support : bool array-like of shape (n_rows,), default=None
            True for rows that are always support, False for query, as a
            :class:`skmeta.MetaDataset` has them too: members are judged by these
            supports, and those that can are trained with them.

        Returns
        -------
        self : object
            The fitted ensemble.

        Raises
        ------
        ValueError
            If ``groups`` is not given, if no member can be fitted, or if ``classes``
            are declared for labels that are only names inside a task.

        Warns
        -----
        UserWarning
            If members cannot be fitted; they are left out.
        """
        refuse_target_by_target(self)
        X, y, groups, given = unpack(X, y, groups, in_support)
        with kept_on_failure(self):
            return self._fit(X, y, groups, sample_weight, classes, given)

    def _fit(
        self,
        X: Any,
        y: Any,
        groups: Any,
        sample_weight: Any,
        classes: Any,
        in_support: Any,
    ) -> Self:
        self._validate_params()
        given = TrainingRows(X, y, groups, sample_weight, in_support).labelled()
        if groups is None:
            raise ValueError(GROUPS_NEEDED)
        rows = self._read_rows(X, y, groups, in_support, reset=True)
        rows = replace(rows, unlabelled=None)
        if not len(rows):
            raise ValueError("No row has a target to learn from: all of y is missing.")
        if sample_weight is not None:
            rows = rows.weighed(sample_weight)
        self._learn_targets(rows, classes)
        classes = None if classes is None else self.classes_
        rng = generator(self.random_state)
        seed = int(rng.integers(np.iinfo(np.int32).max))
        members = self._named_members(seed)
        failures: dict[str, Exception] = {}
        label_space = getattr(self, "label_space_", None)
        judged: list[Judged] = []
        folds: list[dict[str, Any]] = []
        weighs = self.weights != "equal" and len(members) > 1
        if weighs or not self.refit or self._rejects():
            splits = self._splits(rows, seed)
            self._check_splits(splits)
            judged, folds = judge(
                members,
                rows,
                splits,
                support_sizes(*shot_range(self.n_shot, label_space or "shared")),
                getattr(self, "classes_", None),
                label_space,
                rng,
                failures,
                support=self.support,
                declared=classes,
                keep=not self.refit,
            )
        ready = {name: each for name, each in members.items() if name not in failures}
        if self.refit or not folds:
            fitted: dict[str, Any] = fit_all(
                ready, rows, label_space, failures, declared=classes
            )
        else:
            fitted = {name: [fold[name] for fold in folds] for name in ready}
        warn_of_failures(failures, members)
        self._learn_weights(fitted, judged, n_targets_of(rows.y))
        self._learn_unknown(fitted, judged)
        self.named_estimators_ = Bunch(**fitted)
        self.n_tasks_ = len(np.unique(rows.task))
        self.largest_task_ = int(np.bincount(rows.task).max())
        self.calibration_ = Calibration(given.kept())
        self._training_groups = rows.names
        self.adapted_ = None
        return self

    def adapt(
        self,
        X: ArrayLike | MetaDataset | None = None,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Let every member learn the current task, or tasks, from a few labelled rows.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset, default=None
            Support rows. Without any, the current task is known by the priors alone, of
            the members that have one. Of a meta-dataset, every task is learnt from its
            support.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
            Targets of the rows. Those with a missing one, NaN, None or pandas.NA, go to
            the members that take them.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, to adapt to many tasks in one call. Without, all rows
            belong to one task.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts. Members that take no weights are left out of the
            answers, with a warning.

        Returns
        -------
        self : object
            The ensemble, ready to predict.

        Raises
        ------
        ValueError
            If a label is unknown to a shared label space, if there is no row and no
            member has a prior, or if no member takes weights.
        """
        check_is_fitted(self)
        X, y, groups = unpack_support(X, y, groups)
        if X is None:
            check_no_rows(y, groups, sample_weight)
            if not self._has_prior():
                raise ValueError(
                    "adapt() without rows answers by a prior, and no member has one. "
                    "Pass some labelled rows."
                )
            learnt = self._learn_nothing()
            with one_at_a_time(self):
                self._set_adapted(learnt)
            return self
        if y is None:
            raise ValueError("adapt learns from labelled rows: pass y as well.")
        rows = self._read_rows(X, y, groups, reset=False)
        if sample_weight is not None:
            rows = rows.weighed(sample_weight)
        learnt = self._learn(rows, keep=True)
        with one_at_a_time(self):
            self._set_adapted(learnt)
        return self

    # Members and their weights ------------------------------------------------------

    @abstractmethod
    def _learn_targets(self, rows: TaskRows, classes: Any) -> None:
        """Learn what the targets mean; all labels may be declared as ``classes``."""

    @abstractmethod
    def _default_members(self, seed: int | None) -> list[tuple[str, Any]]:
        """Return what ``estimators=None`` stands for."""

    def _named_members(self, seed: int) -> dict[str, Any]:
        """Return the members by name, not fitted.

        Raises
        ------
        ValueError, TypeError
            If there are none, or if a name or a kind of target does not suit.
        """
        given = self.estimators
        if given is None:
            given = self._default_members(seed)
        if not given:
            raise ValueError("estimators is empty: name a member, or pass None.")
        self._validate_names([name for name, _ in given])
        for name, member in given:
            if get_tags(member).estimator_type != self._kind:
                raise TypeError(
                    f"{type(self).__name__} takes members that are a {self._kind}; "
                    f"{name!r} is {member!r}."
                )
        return dict(given)

    def _splits(
        self, rows: TaskRows, seed: int
    ) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        """Say which tasks are left out; none where there are too few to judge on."""
        cell = None
        if getattr(self, "label_space_", None) == "per_task":
            cell = TaskLabels.per_task(rows.y, rows.task, rows.n_tasks)[1]
        usable = can_be_split(rows.task, cell, rows.in_support)
        n_tasks = len(np.unique(rows.task[usable]))
        if n_tasks < _FEWEST_TASKS:
            return []
        splitter: Any = self.cv
        if splitter is None:
            splitter = TaskSplit(test_size=_LEFT_OUT, random_state=seed)
            if not self.refit:
                splitter = _N_FOLDS
        if isinstance(splitter, Integral):
            n_folds = min(int(splitter), n_tasks)
            splitter = GroupKFold(n_folds, shuffle=True, random_state=seed)
        if self.cv is not None and not isinstance(self.cv, Integral):
            if hasattr(splitter, "split"):
                return splitter.split(rows.X, rows.y, rows.task)
            return splitter
        # To leave out a task that nobody can be asked about would tell nothing.
        able, rest = np.flatnonzero(usable), np.flatnonzero(~usable)
        return [
            (np.sort(np.concatenate([able[train], rest])), able[test])
            for train, test in splitter.split(able, groups=rows.task[able])
        ]

    def _learn_weights(
        self, fitted: Mapping[str, Any], judged: list[Judged], n_targets: int
    ) -> None:
        """Weigh the members for every support size; all the same if none was judged."""
        sizes, weights, losses = [], [], []
        members = [*fitted]
        before = dict(zip(members, say_before(fitted.values()), strict=True))
        if self.weights == "equal":
            judged = []
        shape: tuple[int, ...] = (len(members), n_targets)
        for each, wider in zip(judged, with_neighbours(judged), strict=True):
            own, loss = np.zeros(shape), np.full(shape, np.nan)
            place = [members.index(name) for name in each.members if name in members]
            kept = np.isin(each.members, members)
            first = np.array([before.get(name, 1.0) for name in each.members])
            for target, answers in enumerate(wider.answers):
                found = (
                    greedy(answers)
                    if self.weights == "greedy"
                    else shrunk(answers, first)
                )
                own[place, target] = found[kept]
                loss[place, target] = each.answers[target].losses()[kept]
            total = own.sum(axis=0)
            if total.all():  # who was judged may have failed in the last fit
                sizes.append(each.size)
                weights.append(own / total)
                losses.append(loss)
        if not sizes:
            sizes = [0]
            weights = [np.full(shape, 1 / len(members))]
            losses = [np.full(shape, np.nan)]
        self.support_sizes_ = np.array(sizes)
        self.weights_, self.losses_ = (
            np.array(each) if n_targets > 1 else np.array(each)[..., 0]
            for each in (weights, losses)
        )

    def _check_splits(self, splits: Any) -> None:
        """Refuse to go on without tasks that are left out, where they are needed."""

    def _rejects(self) -> bool:
        """Tell whether rows may be of no known class."""
        return False

    def _learn_unknown(  # nothing, where it is not asked for
        self, fitted: Mapping[str, Any], judged: list[Judged]
    ) -> None:
        """Learn how many known rows look unknown to the members together."""

    # The current tasks --------------------------------------------------------------

    def _has_prior(self) -> bool:
        members = flat(self.named_estimators_).values()
        return any(prior_of(member) is not None for member in members)

    def _learn(self, rows: TaskRows, *, keep: bool = False) -> AdaptedMembers:
        """Let members learn tasks; those without rows are known by the priors."""
        label_space = getattr(self, "label_space_", None)
        labels = self._labels(rows)
        members = flat(self.named_estimators_)
        return AdaptedMembers(members, rows, labels, label_space, keep)

    def _learn_nothing(self) -> AdaptedMembers:
        """Let members know a task by their priors."""
        nothing = np.empty(0, dtype=np.intp)
        empty = TaskRows(np.empty((0, self.n_features_in_)), nothing, nothing)
        return self._learn(empty)

    def _labels(self, rows: TaskRows) -> TaskLabels | None:
        """Return the classes of tasks, in classification."""
        return None

    def _set_adapted(self, adapted: AdaptedMembers | None) -> None:
        """Make these the current tasks, or have none."""
        self.adapted_ = adapted

    def _current(self, X: Any, groups: Any) -> tuple[AdaptedMembers, Any, np.ndarray]:
        """Return what was adapted to, the validated rows, and the task of each."""
        check_is_fitted(self)
        X = self._validate_features(X)
        adapted: AdaptedMembers = self._current_or_prior(
            groups, "unknown_task='prior': no member has a prior."
        )
        task = locate(
            adapted.names, groups, X, self.unknown_task, self._trained_groups()
        )
        return adapted, X, task

    def _mean(
        self,
        adapted: AdaptedMembers,
        X: Any,
        task: np.ndarray,
        ask: Callable[[LearntTasks, Any, np.ndarray], np.ndarray | None],
    ) -> np.ndarray:
        """Mix the members' answers to rows, by the support size of each row's task."""
        weights = interpolate(self.weights_, self.support_sizes_, self._sizes(adapted))
        n_fits = [len(_fits(each)) for each in self.named_estimators_.values()]
        weights = np.repeat(weights, n_fits, axis=1)  # every member has as many fits
        return adapted.mean(X, task, ask, weights[task])

    def _to_send(self) -> Self:
        """Return a shallow copy without tasks, and members like it."""
        sent = copy.copy(self)
        sent.adapted_ = None
        sent.named_estimators_ = Bunch(
            **{
                name: [to_send(fit) for fit in each]
                if type(each) is list
                else to_send(each)
                for name, each in self.named_estimators_.items()
            }
        )
        return sent

    def _sizes(self, adapted: AdaptedMembers) -> np.ndarray:
        return np.append(adapted.size, 0.0)  # the last, of tasks that are not known

    # Rows ---------------------------------------------------------------------------

    def _validate_rows(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, np.ndarray]:
        numeric = self._kind == "regressor"
        y = as_they_are(y)
        several, names = has_columns(y), target_names_of(y)
        with naming_the_preprocessor(X, type(self).__name__):
            checked, y = validate_data(
                self,
                X,
                y,
                reset=reset,
                dtype="numeric",
                y_numeric=numeric,
                multi_output=several,
            )
        return _as_given(X, checked), self._checked(y, names, reset)

    def _validate_targets(self, y: Any, names: Any, *, reset: bool) -> np.ndarray:
        numeric = self._kind == "regressor"
        y = as_they_are(y)
        y = _check_y(y, multi_output=has_columns(y), y_numeric=numeric, estimator=self)
        return self._checked(y, names, reset)

    def _checked(self, y: np.ndarray, names: Any, reset: bool) -> np.ndarray:
        """Check what validated targets hold, and keep the names of their columns."""
        several = has_columns(y)
        if self._kind != "regressor":
            y = as_indicators(y) if several else y
            if not several:
                check_classification_targets(y)
        if not reset:
            check_n_targets(y, self._n_targets)
        elif several and names is not None:
            self.target_names_ = names
        elif hasattr(self, "target_names_"):  # of an earlier fit
            del self.target_names_
        return y

    @property
    def _n_targets(self) -> int:
        """Number of targets that ``fit`` has learnt, which are weighed apart."""
        return 1 if self.weights_.ndim == 2 else self.weights_.shape[2]

    def _any_target(self) -> np.ndarray:
        """Return one target that is known, for rows none of which has one."""
        return np.zeros(1) if self._n_targets == 1 else np.zeros((1, self._n_targets))

    def _validate_features(self, X: Any, *, reset: bool = False) -> Any:
        with naming_the_preprocessor(X, type(self).__name__):
            checked = validate_data(self, X, reset=reset, dtype="numeric")
        return _as_given(X, checked)

    # In files -----------------------------------------------------------------------

    def _parts(self, *, supports: bool = False) -> dict[str, Any]:
        """Return what fit and adapt have learnt, for a file."""
        own = {*self._get_param_names(), *_WRITTEN_APART}
        parts = {name: each for name, each in vars(self).items() if name not in own}
        adapted = self.adapted_
        members = flat(self.named_estimators_)
        learners = iter((members if adapted is None else adapted.learners()).values())
        parts["members"] = {
            name: [next(learners) for _ in each]
            if type(each) is list
            else next(learners)
            for name, each in self.named_estimators_.items()
        }
        parts["adapted"] = None if adapted is None else adapted.parts(supports)
        if self._calibration().is_ready:
            parts["calibration"] = self.calibration_.parts()
        unknown = getattr(self, "unknown_", None)
        if unknown is not None:
            parts["unknown"] = unknown.parts()
        return parts

    def _take_parts(self, parts: dict[str, Any]) -> None:
        """Take over what :meth:`_parts` returned."""
        self.named_estimators_ = Bunch(**parts.pop("members"))
        adapted = parts.pop("adapted")
        if "calibration" in parts:
            self._take_calibration(parts.pop("calibration"))
        if "unknown" in parts:
            known = parts.pop("unknown")
            self.unknown_ = JointRejection.of_parts(known, self.named_estimators_)
        self.adapted_ = None
        if adapted is not None:
            members = flat(self.named_estimators_)
            label_space = parts.get("label_space_")
            self.adapted_ = AdaptedMembers.of_parts(members, adapted, label_space)
        check_names(parts, self, {*self._get_param_names(), *_WRITTEN_APART})
        for name, value in parts.items():
            setattr(self, name, value)
        self._check_parts()

    def _check_parts(self) -> None:
        """Refuse members of a file that are not fitted, and weights of others."""
        for member in flat(self.named_estimators_).values():
            check_is_fitted(member)
        shape = len(self.support_sizes_), len(self.named_estimators_)
        if (
            not shape[1]
            or self.weights_.shape[:2] != shape
            or self.weights_.ndim not in (2, 3)
            or not (np.isfinite(self.weights_).all() and (self.weights_ >= 0).all())
        ):
            raise LoadError("Its weights are not those of its members.")

    # Parameters, and what scikit-learn asks ------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with those of the members.

        Parameters
        ----------
        deep : bool, default=True
            Return members by their names too, and their parameters as
            ``<name>__<parameter>``.

        Returns
        -------
        dict
            Values by name.
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, members by name, and parameters of members.

        Parameters
        ----------
        **params : dict
            ``<name>=`` sets a member, ``<name>__<parameter>=`` a parameter of one.
            Where ``estimators`` is None, the members that it stands for become
            ``estimators``.

        Returns
        -------
        self : object
            This ensemble.
        """
        of_members = params.keys() - self._get_param_names()
        if of_members and self.estimators is None and "estimators" not in params:
            self.estimators = self._default_members(None)
        self._set_params("estimators", **params)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether the members are fitted and weighed."""
        return hasattr(self, "adapted_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _sk_visual_block_(self) -> _VisualBlock:
        given = self.estimators or self._default_members(None)
        names, members = zip(*given, strict=True)
        return _VisualBlock("parallel", members, names=names, dash_wrapped=False)

    def _html_rows(self) -> dict[str, str]:
        if not hasattr(self, "adapted_"):
            return {}
        rows = {
            "learnt from": count(self.n_tasks_, "task"),
            "rows have": count(self.n_features_in_, "feature"),
        }
        for size, weights in zip(self.support_sizes_, self.weights_, strict=True):
            mean = weights.reshape(len(weights), -1).mean(axis=1)  # over targets
            said = zip(self.named_estimators_, mean, strict=True)
            shares = ", ".join(f"{name} {weight:.2f}" for name, weight in said)
            rows[f"weights from {count(size, 'support row')} on"] = shares
        adapted = self.adapted_
        rows["current task"] = "none: call adapt(X, y)"
        if adapted is not None:
            rows["current task"] = count(len(adapted.n_support), "task")
        return rows


def _fits(member: Any) -> list[Any]:
    """Return the fits of a member: one, or one for each fold."""
    return member if type(member) is list else [member]


def flat(named: Mapping[str, Any]) -> dict[str, Any]:
    """Name every fit of every member."""
    return {
        f"{name}/{place}" if type(member) is list else name: fit
        for name, member in named.items()
        for place, fit in enumerate(_fits(member))
    }


def _as_given(X: Any, checked: np.ndarray) -> Any:
    """Return a table by its columns, for members that know them by name."""
    return X if hasattr(X, "iloc") else checked
