"""What workers do with a partition: let a copy of the model learn it, and answer."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from skmeta import pipelines
from skmeta.distributed.beside import Model
from skmeta.distributed.columns import ROWS, Columns
from skmeta.pipelines import last_step, restore_targets, transform, with_last_step
from skmeta.utils.messages import show
from skmeta.utils.sending import Sent
from skmeta.utils.threads import one_thread

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEARNT", "answer", "in_order", "learn"]

# The column of what was learnt; a partition has one row of it.
LEARNT = "learnt"

TWICE = (
    "Rows were lost or came twice on their way between partitions: the frame gave "
    "other rows when a part of it was computed again. Persist it first, or read it "
    "from where it does not change."
)


def learn(support: pd.DataFrame, sent: Sent, columns: Columns) -> pd.DataFrame:
    """Adapt a copy of the model to the tasks of a partition.

    Parameters
    ----------
    support : DataFrame
        All rows of the partition's tasks, in any order.
    sent : Sent
        The model, a :class:`Model`.
    columns : Columns
        What the columns are.

    Returns
    -------
    DataFrame of shape (1, 1)
        What was learnt, as bytes; None where the partition has no task.
    """
    import pandas as pd

    model: Model = sent.open()
    data = None
    if len(support):
        support = _sorted(support)
        weights = {}
        if columns.weight is not None:
            weights["sample_weight"] = support["weight"].to_numpy()
        learner = _copy(model)
        with one_thread():
            pipelines.adapt(
                learner,
                columns.X(support),
                columns.y(support),
                groups=support["group"],
                **weights,
            )
        data = model.dumps(last_step(learner))
    return pd.DataFrame({LEARNT: pd.Series([data], dtype=object)})


def answer(
    query: pd.DataFrame,
    learnt: pd.DataFrame,
    sent: Sent,
    columns: Columns,
    verb: str,
    how: dict[str, Any],
    meta: pd.DataFrame,
) -> pd.DataFrame:
    """Answer the rows of a partition by what was learnt of the same tasks.

    Parameters
    ----------
    query : DataFrame
        Rows to answer.
    learnt : DataFrame
        What :func:`learn` returned.
    sent, columns
        As :func:`learn` takes them.
    verb : str
        What the model is asked for, such as "predict_proba".
    how : dict
        Further arguments of it.
    meta : DataFrame
        An empty answer.

    Returns
    -------
    DataFrame
        Answers in the columns of ``meta``, with ``place`` and ``index`` of each row.
    """
    import pandas as pd

    if not len(query):
        return meta
    query = _sorted(query)
    model: Model = sent.open()
    data = learnt[LEARNT].iloc[0]
    pipeline = _copy(model)
    if data is not None:
        pipeline = with_last_step(pipeline, model.loads(data))
    elif getattr(last_step(pipeline), "unknown_task", "error") != "prior":
        unknown = np.unique(np.asarray(query["group"]))
        raise ValueError(
            f"No task was adapted for the groups {show(unknown)}: no row of them is in "
            "the support frame. Set unknown_task='prior' to answer them by what is "
            "common to all tasks."
        )
    with one_thread():
        given = _ask(pipeline, verb, columns.X(query), query["group"], how)
    answers = pd.DataFrame(dict(zip(meta.columns, given.T, strict=False)))
    answers = answers.astype(meta.dtypes[answers.columns].to_dict())
    own = query.reset_index(drop=True)
    return answers.assign(place=own["place"], index=own["index"])


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    """Put rows into the order of the whole frame, as each came once."""
    rows = rows.sort_values("place")
    if not rows["place"].is_unique:
        raise RuntimeError(TWICE)
    return rows


def _ask(pipeline: Any, verb: str, X: Any, groups: Any, how: dict[str, Any]) -> Any:
    """Return answers of shape (n_rows, n_columns)."""
    if verb == "predict_interval":
        return np.column_stack(
            pipelines.predict_interval(pipeline, X, groups=groups, **how)
        )
    if verb == "predict_set":
        return pipelines.predict_set(pipeline, X, groups=groups, **how)
    asked = getattr(last_step(pipeline), verb)
    answers = np.asarray(asked(transform(pipeline, X, groups), groups=groups))
    if verb == "predict":
        answers = np.asarray(restore_targets(pipeline, answers))
    return answers.reshape(len(answers), -1)


def in_order(answers: pd.DataFrame, index: Any, names: list[Any]) -> pd.DataFrame:
    """Put answers of one partition into the order of the rows that were asked."""
    import pandas as pd

    answers = answers.sort_index()
    number = answers.index.to_numpy() % ROWS
    if not np.array_equal(number, np.arange(len(answers))):
        raise RuntimeError(TWICE)
    answers.index = pd.Index(answers["index"], name=index)
    return answers.drop(columns="index").set_axis(names, axis=1)


def _copy(model: Model) -> Any:
    """Copy the model so far that it can adapt while other threads do so, too."""
    return with_last_step(model.fitted, copy.copy(last_step(model.fitted)))
