"""Stacking over tasks: fit members on some tasks, weigh them by others, mix them."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch, Tags, get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils.metaestimators import _BaseComposition

from skmeta.ensemble.held_out import support_sizes
from skmeta.ensemble.incremental import IncrementalStacking
from skmeta.ensemble.judging import (
    Judged,
    fit_all,
    judge,
    warn_of_failures,
    with_neighbours,
)
from skmeta.ensemble.members import say_before
from skmeta.ensemble.parts import parts_of, take_parts
from skmeta.ensemble.rejection import JointRejection
from skmeta.ensemble.splits import split_tasks
from skmeta.ensemble.weights import greedy, shrunk
from skmeta.episodes.sampling import shot_range
from skmeta.estimators.calibration import Calibration, TrainingRows
from skmeta.estimators.html import HTMLReprMixin
from skmeta.estimators.multioutput import refuse_target_by_target
from skmeta.saving.mixin import SavingMixin
from skmeta.tables.groups import GROUPS_NEEDED
from skmeta.tables.meta_dataset.dataset import MetaDataset, unpack
from skmeta.tables.rows import TaskRows
from skmeta.tables.targets import n_targets_of
from skmeta.utils.messages import count
from skmeta.utils.random import generator
from skmeta.utils.rollback import kept_on_failure

__all__ = ["BaseMetaStacking"]


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

    # Parameters.
    estimators: list[tuple[str, Any]] | None
    weights: str
    n_shot: int | tuple[int, int]
    support: Literal["random", "first"]
    cv: Any
    refit: bool
    unknown_task: str
    random_state: Any

    # What fit learns, besides what AdaptingStacking answers by.
    losses_: np.ndarray
    n_tasks_: int
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
        fitted, judged = self._fit_members(
            rows, None if classes is None else self.classes_
        )
        self._learn_weights(fitted, judged, n_targets_of(rows.y))
        self._learn_unknown(fitted, judged)
        self.named_estimators_ = Bunch(**fitted)
        self.n_tasks_ = len(np.unique(rows.task))
        self.largest_task_ = int(np.bincount(rows.task).max())
        self.calibration_ = Calibration(given.kept(self))
        self._training_groups = rows.names
        self.adapted_ = None
        return self

    def _fit_members(
        self, rows: TaskRows, declared: np.ndarray | None
    ) -> tuple[dict[str, Any], list[Judged]]:
        """Fit those that can be, and ask them about tasks that were left out."""
        rng = generator(self.random_state)
        seed = int(rng.integers(np.iinfo(np.int32).max))
        members = self._named_members(seed)
        failures: dict[str, Exception] = {}
        label_space = getattr(self, "label_space_", None)
        judged: list[Judged] = []
        folds: list[dict[str, Any]] = []
        weighs = self.weights != "equal" and len(members) > 1
        if weighs or not self.refit or self._rejects():
            splits = split_tasks(rows, self.cv, label_space, seed, refit=self.refit)
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
                declared=declared,
                keep=not self.refit,
            )
        ready = {name: each for name, each in members.items() if name not in failures}
        if self.refit or not folds:
            fitted = fit_all(ready, rows, label_space, failures, declared=declared)
        else:
            fitted = {name: [fold[name] for fold in folds] for name in ready}
        warn_of_failures(failures, members)
        return fitted, judged

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
        for pair in given:
            if not (isinstance(pair, (tuple, list)) and len(pair) == 2):
                raise TypeError(
                    "estimators lists pairs of a name and an estimator, such as "
                    f"[('own', Ridge())], not {pair!r}."
                )
        self._validate_names([name for name, _ in given])
        for name, member in given:
            if (
                isinstance(member, type)
                or not hasattr(member, "fit")
                or get_tags(member).estimator_type != self._kind
            ):
                raise TypeError(
                    f"{type(self).__name__} takes members that are a {self._kind}; "
                    f"{name!r} is {member!r}."
                )
        return dict(given)

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

    # In files -----------------------------------------------------------------------

    def _parts(self, *, supports: bool = False) -> dict[str, Any]:
        return parts_of(self, supports=supports)

    def _take_parts(self, parts: dict[str, Any]) -> None:
        take_parts(self, parts)

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
