"""Rows and tasks that join those an ensemble is adapted to, and tasks that leave."""

from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skmeta.ensemble.adapted import AdaptedMembers
from skmeta.ensemble.adapting import AdaptingStacking
from skmeta.exceptions import NotAdaptedError
from skmeta.tables.groups import find_tasks, names_to_join
from skmeta.tables.labels import TaskLabels
from skmeta.tables.meta_dataset.dataset import MetaDataset, unpack_support
from skmeta.tables.rows import TaskRows, join_targets
from skmeta.utils.rollback import kept_on_failure
from skmeta.utils.threads import one_at_a_time
from skmeta.utils.unique import find

__all__ = ["IncrementalStacking"]


class IncrementalStacking(AdaptingStacking):
    """An ensemble whose current tasks may change a few at a time."""

    def partial_adapt(
        self,
        X: ArrayLike | MetaDataset,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Add rows to tasks that are adapted to, and tasks to those that are.

        As :meth:`adapt` with all rows at once, those of earlier calls first. Members
        that have ``partial_adapt``, as meta-learners do, learn anew the tasks that get
        rows; others, such as strategies, adapt to all rows anew, at the cost of that.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Support rows. Of a meta-dataset, the supports of its tasks.
        y : array-like of shape (n_rows,), default=None
            Targets of the rows.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, an earlier or a new one. Without, rows are added to the
            only task.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts. Members that take no weights are left out of the
            answers from then on, with a warning.

        Returns
        -------
        self : object
            The ensemble, ready to predict.

        Raises
        ------
        ValueError
            As ``adapt``; if rows come without groups and there are several tasks, or
            with groups for a task without a name; and if the earlier rows are not
            there, because a file had none. The tasks are as they were then.
        """
        check_is_fitted(self)
        X, y, groups = unpack_support(X, y, groups)
        if X is None or y is None:
            raise ValueError("partial_adapt adds labelled rows: pass X and y.")
        rows = self._read_rows(X, y, groups, reset=False)
        if sample_weight is not None:
            rows = rows.weighed(sample_weight)
        with one_at_a_time(self), kept_on_failure(self):
            self._set_adapted(self._learn_more(rows))
        return self

    def forget(self, groups: ArrayLike | None = None) -> Self:
        """Drop tasks that were adapted to, with the rows that were kept of them.

        Members that cannot do so adapt to all other rows anew.

        Parameters
        ----------
        groups : array-like of shape (n_tasks,) or a single name, default=None
            Names of the tasks. Without, the only task.

        Returns
        -------
        self : object
            The ensemble. Without any task left, it answers like one that has not been
            adapted yet.

        Raises
        ------
        NotAdaptedError
            If there is no current task.
        ValueError
            If there is no such task, or if there are several and none is named; or if
            a member needs the other rows, and a file had none.
        """
        check_is_fitted(self)
        with one_at_a_time(self), kept_on_failure(self):
            adapted = self.adapted_
            if adapted is None:
                raise NotAdaptedError("There is no current task to forget.")
            self._set_adapted(adapted.without(find_tasks(adapted.names, groups)))
        return self

    def _learn_more(self, rows: TaskRows) -> AdaptedMembers:
        adapted = self.adapted_
        if adapted is None or (adapted.names is None and adapted.has_no_row):
            return self._learn(rows, keep=True)
        rows = replace(rows, names=names_to_join(adapted.names, rows.names))
        if not adapted.learnt:
            return self._learn(adapted.with_first(rows), keep=True)
        return adapted.extended(rows, self._labels_with(adapted, rows))

    def _labels_with(
        self, adapted: AdaptedMembers, rows: TaskRows
    ) -> TaskLabels | None:
        """Return the classes of the tasks that get rows, earlier ones among them."""
        own = self._labels(rows)
        if own is None or getattr(self, "label_space_", None) != "per_task":
            return own
        assert adapted.labels is not None  # of the same kind of target
        place, known = np.zeros(1, dtype=np.intp), np.ones(1, dtype=bool)
        if rows.names is not None:
            assert adapted.names is not None  # or the rows had no names
            place, known = find(rows.names, adapted.names)
        labels, task = adapted.labels.take(place[known]).pairs()
        return TaskLabels.per_task(
            join_targets([labels, rows.y]),
            np.concatenate([np.flatnonzero(known)[task], rows.task]),
            rows.n_tasks,
        )[0]
