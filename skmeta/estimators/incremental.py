"""Tasks one by one: rows and tasks that join those adapted to, and tasks that leave."""

from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skmeta.engine.adapted import AdaptedTasks
from skmeta.engine.changes import extended, without
from skmeta.engine.supports import Supports
from skmeta.episodes.table import Table
from skmeta.estimators.adapting import AdaptingEstimator
from skmeta.exceptions import NotAdaptedError
from skmeta.tables.groups import find_tasks, names_to_join
from skmeta.tables.meta_dataset.dataset import MetaDataset, unpack_support
from skmeta.tables.rows import TaskRows
from skmeta.tables.unlabelled import UnlabelledRows
from skmeta.utils.rollback import kept_on_failure
from skmeta.utils.threads import one_at_a_time
from skmeta.utils.unique import find

__all__ = ["IncrementalEstimator"]


class IncrementalEstimator(AdaptingEstimator):
    """A fitted meta-learner whose current tasks may change a few at a time."""

    def partial_adapt(
        self,
        X: ArrayLike | MetaDataset,
        y: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Add rows to tasks that are adapted to, and tasks to those that are.

        As :meth:`adapt` with all rows at once, those of earlier calls first, at the
        cost of the tasks that get rows: each of them is learnt anew from all its rows,
        the others stay as they are. Before any adaptation it is ``adapt`` itself.

        Earlier rows are kept in memory for that, as 4 bytes a feature. A file has them
        only if :meth:`save` was told ``supports=True``; without, rows can come for new
        tasks alone.

        Threads may call it side by side, and ask for answers meanwhile: changes of
        tasks wait for each other, and who asks sees the tasks before or after one.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features) or MetaDataset
            Support rows. Of a meta-dataset, the supports of its tasks.
        y : array-like of shape (n_rows,), default=None
            Targets of the rows; a missing one marks a row without a label, as in
            ``adapt``. Where labels are names inside a task, there may be new
            ones.
        groups : array-like of shape (n_rows,), default=None
            Task of each row, an earlier or a new one. Without, rows are added to the
            only task.
        sample_weight : array-like of shape (n_rows,), default=None
            How much each row counts, as in ``adapt``; rows that come without count 1.

        Returns
        -------
        self : object
            The estimator, ready to predict.

        Raises
        ------
        ValueError
            If rows come without groups and there are several tasks, or with groups for
            a task without a name; if a label is unknown to a shared label space; if the
            algorithm takes no weights; or if the earlier rows of a task are not there,
            because a file had none. Whatever is raised, Ctrl-C included, the tasks are
            as they were.

        Warns
        -----
        UserWarning
            If rows are far outside the range of those that ``fit`` has seen.

        See Also
        --------
        adapt : Forgets what was adapted to before.
        forget : Drops tasks.
        partial_fit : Goes on with meta-training.

        Examples
        --------
        >>> from skmeta import MetaRegressor
        >>> from skmeta.datasets import make_sinusoids
        >>> X, y, task = make_sinusoids(n_tasks=50, n_rows=20, random_state=0)
        >>> meta = MetaRegressor("maml", max_epochs=1, random_state=0)
        >>> meta = meta.fit(X, y, groups=task).adapt(X, y, groups=task)
        >>> more, values, _ = make_sinusoids(n_tasks=1, n_rows=3, random_state=1)
        >>> groups = [49, 50, 50]  # a row for a task that is known, two for a new one
        >>> meta = meta.partial_adapt(more, values, groups=groups)
        >>> len(meta.predict(more, groups=groups))
        3
        """
        check_is_fitted(self)
        X, y, groups = unpack_support(X, y, groups)
        if X is None or y is None:
            raise ValueError("partial_adapt adds labelled rows: pass X and y.")
        rows = self._read_rows(X, y, groups, reset=False)
        rows = self._weigh(rows, sample_weight, self.algorithm_)
        self._warn_if_far(rows)
        with one_at_a_time(self), kept_on_failure(self):
            self._set_adapted(self._learn_more(rows))
        return self

    def forget(self, groups: ArrayLike | None = None) -> Self:
        """Drop tasks that were adapted to, with the rows that were kept of them.

        What is left is as if they had never been there.

        Parameters
        ----------
        groups : array-like of shape (n_tasks,) or a single name, default=None
            Names of the tasks. Without, the only task.

        Returns
        -------
        self : object
            The estimator. Without any task left, it answers like one that has not been
            adapted yet.

        Raises
        ------
        NotAdaptedError
            If there is no current task.
        ValueError
            If there is no such task, or if there are several and none is named.
            Nothing is dropped then.
        """
        check_is_fitted(self)
        with one_at_a_time(self), kept_on_failure(self):
            adapted = self.adapted_
            if adapted is None:
                raise NotAdaptedError("There is no current task to forget.")
            self._set_adapted(without(adapted, find_tasks(adapted.names, groups)))
        return self

    def _learn_more(self, rows: TaskRows) -> AdaptedTasks:
        """Learn anew the tasks that get rows, beside what is known of the others."""
        adapted = self.adapted_
        if adapted is None or (adapted.names is None and adapted.has_no_row):
            return self._learn(rows, keep=True)
        rows = replace(rows, names=names_to_join(adapted.names, rows.names))
        place, known = np.zeros(1, dtype=np.intp), np.ones(1, dtype=bool)
        if rows.names is not None:
            assert adapted.names is not None  # or the rows had no names
            place, known = find(rows.names, adapted.names)
        parts, tasks = [self._supports(rows)], [np.arange(rows.n_tasks)]
        if known.any():
            earlier, which = adapted.supports_of(place[known])
            parts.insert(0, earlier)
            tasks.insert(0, np.flatnonzero(known)[which])
        whole = Supports.join(parts)
        task = np.repeat(np.concatenate(tasks), whole.sizes)
        others, beside = whole.unlabelled, None
        rows = TaskRows(whole.X, whole.y, task, rows.names, whole.weight)
        if others is not None:
            of_others = np.repeat(np.concatenate(tasks), others.sizes)
            without = UnlabelledRows(others.X, of_others, np.ones(len(of_others), bool))
            rows = replace(rows, unlabelled=without)
            nothing = self._no_targets(len(of_others))
            beside = Table(others.X, nothing, offset=others.offset), of_others
        self._refuse_without_labels(rows)
        if not len(rows):
            anew = self._learn_nothing(rows.names, beside, rows, beside_prior=False)
            return extended(adapted, anew)
        targets, n_classes, labels = self._encode(rows, rows.n_tasks)
        weight = self._support_weights(rows)
        if weight is not None:
            weight = weight.astype(np.float32)
        table = Table(whole.X, targets, weight=weight, offset=whole.offset)
        anew = AdaptedTasks(
            adapted.learner,
            table,
            task,
            n_classes,
            names=rows.names,
            labels=labels,
            rows=rows,
            unlabelled=beside,
        )
        return extended(adapted, anew)

    def _supports(self, rows: TaskRows) -> Supports:
        """Make rows what the engine keeps of them."""
        others = self._unlabelled(rows)
        unlabelled = None
        if others is not None:
            table, task = others
            nothing = self._no_targets(len(task))
            unlabelled = self._supports(TaskRows(table.X, nothing, task, rows.names))
        table = self._table(rows.X)
        order = np.argsort(rows.task, kind="stable")
        X = table.features(order, np.ones(len(order), dtype=bool)).numpy()
        return Supports(
            X,
            rows.y[order],
            np.bincount(rows.task, minlength=rows.n_tasks),
            None if rows.weight is None else rows.weight[order],
            None if table.offset is None else table.offset[order],
            unlabelled,
        )
