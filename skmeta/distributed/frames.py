"""Adapt to the tasks of Dask frames, and answer rows of them where they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skmeta.distributed.beside import Model
from skmeta.distributed.columns import ROWS, Columns, kind_of, names_of
from skmeta.distributed.shuffling import SHUFFLE, as_counted, by_task, once
from skmeta.distributed.work import LEARNT, answer, in_order, learn
from skmeta.pipelines import last_step, to_send
from skmeta.utils.sending import Sent

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd

__all__ = ["DistributedTasks", "adapt", "adapt_predict"]


def adapt(
    model: Any,
    support: dd.DataFrame,
    *,
    groups: Any,
    target: Any,
    features: list[Any] | None = None,
    sample_weight: Any = None,
    npartitions: int | None = None,
) -> DistributedTasks:
    """Adapt a fitted meta-learner to all tasks of a Dask frame, partition by partition.

    The rows of a task may lie in several partitions: they are brought together first,
    by a hash of their group. What is learnt stays with the workers.

    Parameters
    ----------
    model : meta-learner, ensemble or Pipeline
        Fitted, as :func:`skmeta.adapt` takes it. It is copied as it is now, without
        the tasks that it knows.
    support : dask.dataframe.DataFrame
        Support rows: features, groups and targets. A missing target marks an
        unlabelled row.
    groups : hashable
        Name of the column with the task of each row.
    target : hashable or list
        Name of the column of targets, or of several.
    features : list, default=None
        Names of the columns of features, in the order of ``fit``. None takes those
        that ``fit`` has seen, or all other columns if it has seen an array.
    sample_weight : hashable, default=None
        Name of the column of weights.
    npartitions : int, default=None
        Partitions to bring tasks into, each of which a worker must hold in memory. None
        takes as many as ``support`` has.

    Returns
    -------
    DistributedTasks
        Nothing is computed yet; ``persist()`` begins.

    Raises
    ------
    ImportError
        If Dask is not installed.
    TypeError
        If ``support`` is no Dask frame or ``model`` no meta-learner.
    NotFittedError
        If ``model`` is not fitted.
    ValueError
        If a column is not there or not of a kind that serves, or if what the model
        answers depends on which tasks are learnt together. What is found in the rows
        themselves, such as a missing group, is raised when they are computed.

    Notes
    -----
    Which tasks share a partition depends on their names and ``npartitions``, not on
    workers: answers are the same bit for bit on one worker and on a hundred of the same
    kind of processor, and after workers have died. Tasks of a partition are
    padded together, so that another ``npartitions`` may change the last bit of an
    answer; with ``npartitions=1`` answers are those of one ``adapt`` of all rows.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.distributed import adapt
    >>> X, y, task = make_sinusoids(n_tasks=40, n_rows=20, random_state=0)
    >>> meta = MetaRegressor("r2d2", max_epochs=2, random_state=0)
    >>> meta = meta.fit(X, y, groups=task)
    >>> table = pd.DataFrame({"x": X[:, 0], "y": y, "task": task})
    >>> frame = dd.from_pandas(table, npartitions=3)
    >>> tasks = adapt(meta, frame, groups="task", target="y").persist()
    >>> answers = tasks.predict(frame).compute()
    >>> bool((answers.index == table.index).all())
    True
    """
    _check_dask(support, "support")
    check_is_fitted(model)
    last = last_step(model)
    if not hasattr(last, "adapt"):
        raise TypeError(
            "adapt needs a meta-learner, or a Pipeline that ends in one; this one ends "
            f"in {last!r}."
        )
    members = getattr(last, "named_estimators_", {})
    for each in [last, *_flat(members.values())]:
        if getattr(last_step(each), "_learns_of_other_tasks", False):
            raise ValueError(
                f"{last_step(each)!r} learns from the supports of all tasks together, "
                "and would give other answers in every partition. Choose another one."
            )
    targets = names_of(target)
    others = {groups, sample_weight, *targets}
    known = getattr(model, "feature_names_in_", None)
    if features is None and known is not None:
        features = list(known)
    elif features is None:
        features = [name for name in support.columns if name not in others]
    columns = Columns(features, groups, targets, sample_weight, known is not None)
    columns.check(support._meta, "support")
    n_features = getattr(model, "n_features_in_", len(features))
    if len(features) != n_features:
        raise ValueError(
            f"The model was fitted to {n_features} features, and {len(features)} "
            f"columns are left for them: {features}. Name them by features=."
        )
    sent = Sent(Model(to_send(model))).detached()
    learnt = by_task(support, columns, npartitions).map_partitions(
        learn,
        once(sent),
        columns,
        meta={LEARNT: object},
        enforce_metadata=False,
    )
    return DistributedTasks(learnt, sent, columns, support._meta)


@dataclass(frozen=True)
class DistributedTasks:
    """What a meta-learner has learnt of tasks, in partitions of a Dask frame.

    :func:`adapt` makes it.

    Parameters
    ----------
    learnt : dask.dataframe.DataFrame
        What was learnt, a row for each partition. It holds what is of the tasks alone,
        so that it may be moved, spilled and recomputed.
    sent : Sent
        The model, which workers get once.
    columns : Columns
        What the columns of the support were.
    meta : pandas.DataFrame
        An empty support.
    """

    learnt: dd.DataFrame
    sent: Sent
    columns: Columns
    meta: pd.DataFrame

    @property
    def npartitions(self) -> int:
        """Number of partitions that tasks are in."""
        return self.learnt.npartitions

    def persist(self) -> DistributedTasks:
        """Adapt now, and keep what is learnt in the memory of the workers.

        Returns
        -------
        DistributedTasks
            The same tasks, for any number of questions.
        """
        return replace(self, learnt=self.learnt.persist())

    def predict(self, query: dd.DataFrame, *, groups: Any = None) -> Any:
        """Answer each row with its own task's learner.

        Parameters
        ----------
        query : dask.dataframe.DataFrame
            Rows with the features and groups of the support; other columns are left
            alone.
        groups : hashable, default=None
            Name of the column with the task of each row; None if it is that of the
            support.

        Returns
        -------
        dask.dataframe.Series or DataFrame
            Answers, named like the target, with the index, the order, the partitions
            and the divisions of ``query``. Values are in double precision.

        Raises
        ------
        ValueError
            If columns are not there, or of other kinds than those of the support. When
            it is computed: if a group was not adapted to, unless the model has
            ``unknown_task="prior"``.
        """
        return self._answers(query, groups, "predict", self._target_meta())

    def predict_proba(self, query: dd.DataFrame, *, groups: Any = None) -> Any:
        """Predict the probability of each class.

        Parameters
        ----------
        query, groups
            As :meth:`predict` takes them.

        Returns
        -------
        dask.dataframe.DataFrame
            A column for each class, or for each target if there are several.

        Raises
        ------
        ValueError
            If labels are only names inside a task, so that no one knows the columns
            beforehand.
        """
        return self._answers(query, groups, "predict_proba", self._class_meta(float))

    def predict_interval(
        self, query: dd.DataFrame, *, groups: Any = None, coverage: float = 0.9
    ) -> Any:
        """Predict the interval of each value.

        Parameters
        ----------
        query, groups
            As :meth:`predict` takes them.
        coverage : float, default=0.9
            Share of rows, one drawn from each new task, in their intervals.

        Returns
        -------
        dask.dataframe.DataFrame
            Columns ``low`` and ``high``.

        Raises
        ------
        TypeError
            If the model predicts no intervals.
        NotFittedError
            If it was not calibrated before :func:`adapt`.
        """
        self._check_calibrated("predict_interval")
        meta = _empty({"low": np.float64, "high": np.float64})
        return self._answers(
            query, groups, "predict_interval", meta, {"coverage": coverage}
        )

    def predict_set(
        self, query: dd.DataFrame, *, groups: Any = None, coverage: float = 0.9
    ) -> Any:
        """Predict the set of classes of each row.

        Parameters
        ----------
        query, groups, coverage
            As :meth:`predict_interval` takes them.

        Returns
        -------
        dask.dataframe.DataFrame
            A column of truth values for each class.

        Raises
        ------
        TypeError, NotFittedError
            As :meth:`predict_interval` does.
        ValueError
            If labels are only names inside a task.
        """
        self._check_calibrated("predict_set")
        meta = self._class_meta(bool)
        return self._answers(query, groups, "predict_set", meta, {"coverage": coverage})

    # What answers look like ----------------------------------------------------------

    @property
    def _last(self) -> Any:
        return last_step(self.sent.open().fitted)

    def _target_meta(self) -> pd.DataFrame:
        dtype: Any = np.float64
        if is_classifier(self._last):
            labels = self.meta[self.columns.target].iloc[:0]
            return labels.astype({n: self._label_type(k) for n, k in labels.items()})
        return _empty(dict.fromkeys(self.columns.target, dtype))

    def _label_type(self, labels: pd.Series) -> Any:
        """Return the type of answers; not of categories, for there may be others.

        Dask may not know them yet, and the model may answer with a label that the
        support does not have. Of what is no category pandas makes a gap.
        """
        from pandas import CategoricalDtype

        if not isinstance(labels.dtype, CategoricalDtype):
            return labels.dtype
        classes = getattr(self._last, "classes_", None)
        if classes is not None and classes.dtype.kind in "biuf":
            return classes.dtype
        return object  # words, or labels inside tasks

    def _class_meta(self, dtype: Any) -> pd.DataFrame:
        last = self._last
        if not hasattr(last, "predict_proba"):
            raise TypeError(f"{last!r} has no probabilities of classes.")
        if getattr(last, "label_space_", "shared") == "per_task":
            raise ValueError(
                "Labels are names inside a task here, and a frame needs the same "
                "columns for all tasks: ask predict."
            )
        names = self.columns.target
        if len(names) == 1:
            names = last.classes_.tolist()
        return _empty(dict.fromkeys(names, dtype))

    def _check_calibrated(self, verb: str) -> None:
        last = self._last
        if not hasattr(last, verb):
            raise TypeError(f"{verb} is nothing that {last!r} can.")
        if not last._calibration().is_ready:
            raise NotFittedError(
                f"{verb} needs to know how far off answers to new tasks are, and "
                "workers do not have the rows of the training: call calibrate() of the "
                "meta-learner before adapt."
            )

    def _answers(
        self,
        query: dd.DataFrame,
        groups: Any,
        verb: str,
        meta: pd.DataFrame,
        how: dict[str, Any] | None = None,
    ) -> Any:
        import dask.dataframe as dd

        _check_dask(query, "query")
        groups = self.columns.groups if groups is None else groups
        columns = replace(self.columns, groups=groups, target=[], weight=None)
        columns.check(query._meta, "query")
        self._check_alike(query._meta, groups)
        names = [*meta.columns]
        ours = meta.set_axis([f"a{n}" for n in range(len(names))], axis=1)
        ours = ours.assign(place=np.empty(0, np.int64), index=query._meta.index[:0])
        asked = as_counted(query[[*dict.fromkeys([*columns.features, groups])]])
        rows = by_task(asked, columns, self.npartitions, with_index=True)
        answers = rows.map_partitions(
            answer,
            self.learnt,
            once(self.sent),
            columns,
            verb,
            how or {},
            ours,
            meta=ours,
            align_dataframes=False,
        )
        starts = [number * ROWS for number in range(query.npartitions + 1)]
        answers = answers.set_index("place", divisions=starts, shuffle_method=SHUFFLE)
        shape = meta.set_axis(query._meta.index[:0], axis=0)
        whole = answers.map_partitions(
            in_order, query._meta.index.name, names, meta=shape
        ).clear_divisions()
        if query.known_divisions:
            whole = dd.from_delayed(
                whole.to_delayed(), meta=shape, divisions=query.divisions
            )
        if verb == "predict" and len(names) == 1:
            return whole[names[0]]
        return whole

    def _check_alike(self, query: pd.DataFrame, groups: Any) -> None:
        """Refuse groups that cannot be those of the support."""
        kinds = {
            kind_of(frame[name].dtype)
            for frame, name in ((self.meta, self.columns.groups), (query, groups))
        }
        if len(kinds - {"any"}) > 1:
            raise ValueError(
                f"groups of the support are {self.meta[self.columns.groups].dtype}, "
                f"and those of the query {query[groups].dtype}: no task would be found."
            )


def adapt_predict(
    model: Any,
    support: dd.DataFrame,
    query: dd.DataFrame,
    *,
    groups: Any,
    target: Any,
    method: str = "predict",
    features: list[Any] | None = None,
    sample_weight: Any = None,
    npartitions: int | None = None,
) -> Any:
    """Adapt to all tasks of a Dask frame and answer the rows of another.

    Parameters
    ----------
    model, support, groups, target, features, sample_weight
        As :func:`adapt` takes them.
    query : dask.dataframe.DataFrame
        Rows to answer, with the features and groups of the support.
    method : str, default="predict"
        What to ask: "predict", "predict_proba", "predict_interval" or "predict_set".
    npartitions : int, default=None
        Partitions to bring tasks into, each of which a worker must hold in memory. None
        takes as many as the larger of the two frames has.

    Returns
    -------
    dask.dataframe.Series or DataFrame
        Answers, indexed and ordered like the rows of ``query``.

    Raises
    ------
    ImportError, TypeError, NotFittedError, ValueError
        As :func:`adapt` and the methods of :class:`DistributedTasks`.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> from skmeta.distributed import adapt_predict
    >>> X, y, task = make_sinusoids(n_tasks=40, n_rows=20, random_state=0)
    >>> meta = MetaRegressor("r2d2", max_epochs=2, random_state=0)
    >>> meta = meta.fit(X, y, groups=task)
    >>> table = pd.DataFrame({"x": X[:, 0], "y": y, "task": task})
    >>> support = dd.from_pandas(table[::2], npartitions=2)
    >>> query = dd.from_pandas(table[1::2], npartitions=3)
    >>> answers = adapt_predict(meta, support, query, groups="task", target="y")
    >>> answers.compute().shape
    (400,)
    """
    _check_dask(support, "support")
    _check_dask(query, "query")
    verbs = ("predict", "predict_proba", "predict_interval", "predict_set")
    if method not in verbs:
        raise ValueError(f"method must be one of {verbs}, not {method!r}.")
    tasks = adapt(
        model,
        support,
        groups=groups,
        target=target,
        features=features,
        sample_weight=sample_weight,
        npartitions=npartitions or max(support.npartitions, query.npartitions),
    )
    return getattr(tasks, method)(query)


def _empty(dtypes: dict[Any, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({name: np.empty(0, dtype) for name, dtype in dtypes.items()})


def _flat(members: Any) -> list[Any]:
    """List all fits of members, which may have several."""
    flat = []
    for each in members:
        flat += each if isinstance(each, list) else [each]
    return flat


def _check_dask(frame: Any, which: str) -> None:
    """Say what is missing where it is not Dask's."""
    try:
        import dask.dataframe as dd
    except ImportError as error:
        raise ImportError(
            "skmeta.distributed needs Dask: pip install 'skmeta[dask]'."
        ) from error
    if not isinstance(frame, dd.DataFrame):
        raise TypeError(
            f"{which} must be a Dask DataFrame, not {type(frame).__name__}: "
            "dask.dataframe.from_pandas and read_parquet make one."
        )
