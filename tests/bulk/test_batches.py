"""Batches from anywhere, without a file of rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

import skmeta
from skmeta import make_preprocessor
from skmeta.bulk import adapt_batches, adapt_parquet, predict_batches
from skmeta.bulk import batches as batches_of
from skmeta.pipelines import last_step, transform
from tests.bulk.conftest import COLUMNS, close, in_memory, table_of, write
from tests.quick import TASK, X, Y, regressor


def batches(*columns, size=50):
    for start in range(0, len(TASK), size):
        yield tuple(column[start : start + size] for column in columns)


def test_tasks_that_end_in_a_later_batch_are_learnt_whole(meta):
    answers, known = [], []
    for adapted in adapt_batches(meta, batches(X, Y, TASK), rows_at_once=80):
        own = np.isin(TASK, adapted.adapted_.names)
        answers.append(adapted.predict(X[own], groups=TASK[own]))
        known += adapted.adapted_.names.tolist()
    assert known == [*range(30)]
    assert len(answers) > 3
    close(np.concatenate(answers), in_memory(meta, table_of(), table_of()))


@pytest.mark.parametrize("names", [TASK, np.array([f"wave {t}" for t in TASK])])
def test_a_task_that_comes_again_is_an_error(names, meta):
    names = names.copy()
    names[-3:] = names[0]
    learnt = adapt_batches(meta, batches(X, Y, names), rows_at_once=80)
    with pytest.raises(ValueError, match="come again after others"):
        for _ in learnt:
            pass


def test_a_category_that_comes_later_is_no_gap():
    kind = np.where(np.arange(len(TASK)) % 100 < 50, "a", "b")
    rows = pd.DataFrame({"x": X[:, 0], "kind": pd.Categorical(kind)})
    pipe = make_pipeline(
        make_preprocessor(), regressor(algorithm="r2d2", tasks="table")
    )
    pipe.fit(rows, Y)
    # Each batch has but one of the two, and knows of no other.
    given = (
        (each.assign(kind=each["kind"].cat.remove_unused_categories()), y, task)
        for each, y, task in batches(rows, Y, TASK)
    )
    [adapted] = adapt_batches(pipe, given)
    wanted = skmeta.adapt(pipe, rows, Y, groups=TASK)
    asked = transform(pipe, rows)
    close(
        last_step(adapted).predict(asked, groups=TASK),
        last_step(wanted).predict(asked, groups=TASK),
    )


def test_rows_are_joined_once_however_long_a_task_is(meta, monkeypatch):
    joined, stack_rows = [], batches_of.stack_rows

    def counted(*rows):
        joined.extend(len(each) for each in rows)
        return stack_rows(*rows)

    monkeypatch.setattr(batches_of, "stack_rows", counted)
    names = np.where(np.arange(len(TASK)) < 340, 0, TASK)
    given = batches(X, Y, names, size=3)
    assert len([*adapt_batches(meta, given, rows_at_once=30)]) == 2
    assert sum(joined) <= len(X) + 30


def test_batches_are_answered_in_their_order(meta, tmp_path):
    support = write(table_of(), tmp_path / "s.parquet")
    how = {"groups": "wave", "rows_per_shard": 70, **COLUMNS}
    tasks = adapt_parquet(meta, support, tmp_path / "tasks", **how)
    order = np.random.default_rng(0).permutation(len(TASK))
    given = batches(X[order], TASK[order])
    answers = [*predict_batches(meta, tasks, given, shards_at_once=2)]
    asked = table_of(X[order], Y[order], TASK[order])
    close(np.concatenate(answers), in_memory(meta, table_of(), asked))
    for unknown in (TASK + 25, TASK.astype(str)):
        with pytest.raises(ValueError, match="No task was adapted"):
            [*predict_batches(meta, tasks, batches(X, unknown))]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([7, "seven"], "all integers of up to 64 bits, all text or all floats"),
        ([2**70, 2**70 + 1], "all integers of up to 64 bits"),
        ([(1, 2), (1, 3)], r"one value per row, not the shape \(360, 2\)"),
        (np.array(["2026-01-01", "2026-01-02"], "M8[ns]"), "holds timestamp"),
    ],
)
def test_names_that_no_folder_has_are_refused(meta, names, said):
    groups = [names[task % 2] for task in TASK]
    if isinstance(names, np.ndarray):
        groups = np.array(groups)
    with pytest.raises(ValueError, match=said):
        [*adapt_batches(meta, [(X, Y, groups)])]
