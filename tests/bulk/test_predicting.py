"""Answers come in the order of the rows, whatever order that is."""

import os
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmeta
from skmeta import make_preprocessor
from skmeta.bulk import TaskFolder, adapt_parquet, predict_parquet
from skmeta.ensemble import MetaStackingRegressor
from skmeta.evaluation.cleaning import AsTyped
from skmeta.model_selection import PerTask, Pooled, PooledWithResidual
from skmeta.pipelines import last_step, restore_targets, transform
from tests import forked
from tests.bulk.conftest import (
    COLUMNS,
    close,
    in_memory,
    run_killed,
    shards_in,
    table_of,
    write,
)
from tests.quick import TASK, X, Y, classifier, regressor

STATUS = Path("/proc/self/status")


def ridge():
    return make_pipeline(StandardScaler(), Ridge())


@pytest.fixture(scope="module")
def support(tmp_path_factory):
    return write(table_of(), tmp_path_factory.mktemp("support") / "s.parquet")


@pytest.fixture(scope="module")
def tasks(meta, support, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks") / "tasks"
    how = {"groups": "wave", "rows_per_shard": 70, **COLUMNS}
    return adapt_parquet(meta, support, folder, **how)


def test_columns_are_kept_and_groups_may_have_another_name(meta, tasks, tmp_path):
    table = table_of().sample(frac=1, random_state=1).rename(columns={"wave": "w"})
    table["id"] = [f"row {i}" for i in range(len(table))]
    rows = write(table[["id", "w", "x"]], tmp_path / "q.parquet")
    out = tmp_path / "new" / "answers.parquet"
    predict_parquet(meta, tasks, rows, out, groups="w", keep=["id"])
    answers = pd.read_parquet(out)
    assert [*answers] == ["w", "id", "y"]
    assert answers["id"].tolist() == table["id"].tolist()
    support = table_of()
    close(answers["y"], in_memory(meta, support, table.rename(columns={"w": "wave"})))
    assert [path.name for path in out.parent.iterdir()] == ["answers.parquet"]


def test_unknown_tasks_are_refused_or_answered_by_the_prior(tmp_path, monkeypatch):
    meta = regressor(algorithm="anil").fit(X, Y, groups=TASK)
    support = write(table_of(), tmp_path / "s.parquet")
    how = {"groups": "wave", "rows_per_shard": 70, **COLUMNS}
    tasks = adapt_parquet(meta, support, tmp_path / "tasks", **how)
    table = table_of(task=np.where(TASK < 25, TASK, TASK + 100))
    rows, out = write(table, tmp_path / "q.parquet"), tmp_path / "a.parquet"
    with pytest.raises(ValueError, match=r"groups \[125, 126"):
        predict_parquet(meta, tasks, rows, out, unknown_task="error")
    done = [*(tmp_path / "a.parquet.unfinished").glob("part-*")]
    assert done
    load, asked = TaskFolder.load, []

    def counted(self, number, model):
        asked.append(number)
        return load(self, number, model)

    monkeypatch.setattr(TaskFolder, "load", counted)
    predict_parquet(meta, tasks, rows, out, unknown_task="prior")
    assert len(asked) == tasks.n_shards - len(done)  # what was done was kept
    meta.unknown_task = "prior"
    close(pd.read_parquet(out)["y"], in_memory(meta, table_of(), table))


def test_text_for_numbers_is_no_name_of_a_task(meta, tasks, tmp_path):
    table = table_of(task=TASK.astype(str))
    rows = write(table, tmp_path / "q.parquet")
    with pytest.raises(ValueError, match="'wave' holds text, and tasks are called by"):
        predict_parquet(meta, tasks, rows, tmp_path / "a.parquet")


def test_numbers_with_a_point_are_names_if_they_are_whole(meta, tasks, tmp_path):
    table = table_of(task=TASK.astype(float))
    rows = write(table, tmp_path / "q.parquet")
    out = predict_parquet(meta, tasks, rows, tmp_path / "a.parquet")
    close(pd.read_parquet(out)["y"], in_memory(meta, table_of(), table_of()))
    rows = write(table.assign(wave=table["wave"] + 0.5), rows)
    with pytest.raises(ValueError, match="no integer"):
        predict_parquet(meta, tasks, rows, tmp_path / "b.parquet")


def test_answers_of_something_else_are_not_replaced_unasked(
    meta, tasks, support, tmp_path
):
    out = write(table_of(), tmp_path / "answers.parquet")
    with pytest.raises(ValueError, match=r"holds something else.*--restart"):
        predict_parquet(meta, tasks, support, out)
    predict_parquet(meta, tasks, support, out, restart=True)
    time = out.stat().st_mtime_ns
    predict_parquet(meta, tasks, support, out)  # it is there
    assert out.stat().st_mtime_ns == time


def test_rows_are_not_written_over(meta, tasks, tmp_path):
    folder = tmp_path / "rows"
    folder.mkdir()
    rows = write(table_of(), folder / "q.parquet")
    before = rows.read_bytes()
    for source, out in [(rows, rows), (folder, rows), (folder, folder / "a.parquet")]:
        with pytest.raises(ValueError, match="among the rows that are read"):
            predict_parquet(meta, tasks, source, out, restart=True)
    with pytest.raises(ValueError, match="among the rows that are read"):
        adapt_parquet(meta, folder, folder / "tasks", groups="wave", **COLUMNS)
    assert [(path, path.read_bytes()) for path in folder.iterdir()] == [(rows, before)]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"proba": True}, "the model has values"),
        ({"keep": ["y"]}, r"\['y'\] would be there twice"),
        ({"keep": ["id"]}, "no column 'id'"),
        ({"groups": "wav"}, "no column 'wav'"),
    ],
)
def test_what_cannot_be_asked_is_said(how, said, meta, tasks, support, tmp_path):
    with pytest.raises(ValueError, match=said):
        predict_parquet(meta, tasks, support, tmp_path / "a.parquet", **how)


def test_a_file_without_calibration_has_no_intervals(saved, tasks, support, tmp_path):
    with pytest.raises(ValueError, match="call calibrate"):
        predict_parquet(saved, tasks, support, tmp_path / "a.parquet", interval=0.5)


def test_intervals_equal_those_in_memory(support, tmp_path):
    table = table_of()
    meta = regressor(algorithm="r2d2").fit(X, Y, groups=TASK).calibrate(cv=2)
    meta.save(tmp_path / "m.skmeta")
    tasks = adapt_parquet(meta, support, tmp_path / "tasks", groups="wave", **COLUMNS)
    out = tmp_path / "a.parquet"
    predict_parquet(tmp_path / "m.skmeta", tasks, support, out, interval=0.5)
    answers = pd.read_parquet(out)
    in_memory(meta, table, table)
    ends = meta.predict_interval(
        table[["x"]].to_numpy(), groups=table["wave"], coverage=0.5
    )
    close(answers[["y_low", "y_high"]], np.column_stack(ends))


def test_intervals_of_another_calibration_are_not_those_that_are_there(
    support, tmp_path
):
    meta = regressor(algorithm="r2d2").fit(X, Y, groups=TASK).calibrate(cv=2)
    meta.save(tmp_path / "m.skmeta")
    tasks = adapt_parquet(meta, support, tmp_path / "tasks", groups="wave", **COLUMNS)
    out = tmp_path / "a.parquet"
    predict_parquet(meta, tasks, support, out, interval=0.5)
    time = out.stat().st_mtime_ns
    predict_parquet(tmp_path / "m.skmeta", tasks, support, out, interval=0.5)
    assert out.stat().st_mtime_ns == time  # a file keeps the calibration
    meta.calibrate(cv=3)
    with pytest.raises(ValueError, match="holds something else"):
        predict_parquet(meta, tasks, support, out, interval=0.5)


def test_labels_of_tasks_have_no_common_probabilities(tmp_path):
    labels = np.where(Y > 0, "up", "down")
    meta = classifier("protonet", label_space="per_task").fit(X, labels, groups=TASK)
    table = table_of(y=labels)
    support = write(table, tmp_path / "s.parquet")
    how = {"groups": "wave", "rows_per_shard": 70, **COLUMNS}
    tasks = adapt_parquet(meta, support, tmp_path / "tasks", **how)
    out = predict_parquet(meta, tasks, support, tmp_path / "a.parquet")
    assert (pd.read_parquet(out)["y"] == in_memory(meta, table, table)).all()
    with pytest.raises(ValueError, match="labels of its own"):
        predict_parquet(meta, tasks, support, tmp_path / "b.parquet", proba=True)


def test_ensembles_keep_what_their_members_learn(tmp_path):
    members = [
        ("r2d2", regressor(algorithm="r2d2")),
        ("own", PerTask(ridge())),
        ("shifted", PooledWithResidual(ridge())),
    ]
    stack = MetaStackingRegressor(members, weights="equal", random_state=0)
    stack.fit(X, Y, groups=TASK).save(tmp_path / "stack.skmeta")
    table = table_of().sample(frac=1, random_state=0)
    support = write(table, tmp_path / "s.parquet")
    how = {"groups": "wave", "rows_per_shard": 120, **COLUMNS}
    model = tmp_path / "stack.skmeta"
    tasks = adapt_parquet(model, support, tmp_path / "tasks", **how)
    out = predict_parquet(model, tasks, support, tmp_path / "a.parquet")
    close(pd.read_parquet(out)["y"], in_memory(stack, table, table))


def test_ensembles_answer_several_targets(tmp_path):
    table = table_of().assign(z=Y**2)
    support = write(table, tmp_path / "s.parquet")
    stack = MetaStackingRegressor([("own", PerTask(ridge()))], weights="equal")
    X_of, y = table[["x"]].to_numpy(), table[["y", "z"]]
    stack.fit(X_of, y, groups=table["wave"])
    how = {"groups": "wave", "columns": ["x"], "target": ["y", "z"]}
    tasks = adapt_parquet(stack, support, tmp_path / "tasks", **how)
    out = predict_parquet(stack, tasks, support, tmp_path / "a.parquet")
    stack.adapt(X_of, y, groups=table["wave"])
    told = pd.read_parquet(out)[["y", "z"]].to_numpy()
    close(told, stack.predict(X_of, groups=table["wave"]))


def test_members_that_learn_of_other_tasks_are_refused(support, tmp_path):
    members = [("r2d2", regressor(algorithm="r2d2")), ("pooled", Pooled(ridge()))]
    stack = MetaStackingRegressor(members, weights="equal").fit(X, Y, groups=TASK)
    with pytest.raises(ValueError, match="members pooled learn"):
        adapt_parquet(stack, support, tmp_path / "tasks", groups="wave", **COLUMNS)


def test_pipelines_take_columns_by_name_and_targets_in_their_unit(tmp_path):
    table = table_of().assign(other=1.0)
    pipe = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), regressor(algorithm="r2d2", tasks="table")),
        transformer=StandardScaler(),
    ).fit(table[["other", "x"]], table["y"])
    shuffled = table.sample(frac=1, random_state=0)
    support = write(shuffled[["wave", "x", "y", "other"]], tmp_path / "s.parquet")
    tasks = adapt_parquet(pipe, support, tmp_path / "tasks", groups="wave")
    assert (tasks.features, tasks.target) == (["other", "x"], ["y"])
    out = predict_parquet(pipe, tasks, support, tmp_path / "a.parquet")
    rows = shuffled[["other", "x"]]
    skmeta.adapt(pipe, rows, shuffled["y"], groups=shuffled["wave"])
    asked = transform(pipe, rows)
    wanted = last_step(pipe).predict(asked, groups=shuffled["wave"])
    close(pd.read_parquet(out)["y"], restore_targets(pipe, wanted))


def test_the_pipeline_of_evaluate_takes_the_table_as_it_is(tmp_path):
    table = table_of().assign(kind=np.resize(["a", "b", None], 360), id=range(360))
    table.loc[::7, "x"] = np.nan
    features = ["kind", "x"]
    clip = FunctionTransformer(np.clip, kw_args={"a_min": -4, "a_max": 4})
    steps = make_pipeline(make_preprocessor(), StandardScaler(), clip)
    rows = steps.fit_transform(table[features])
    meta = regressor(algorithm="r2d2").fit(rows, table["y"], groups=table["wave"])
    reader = AsTyped().fit(table[features])
    pipe = Pipeline([("reader", reader), *steps.steps, ("learner", meta)])
    joblib.dump(pipe, tmp_path / "model.joblib")
    support = write(table.sample(frac=1, random_state=0), tmp_path / "s.parquet")
    how = {"groups": "wave", "target": "y", "rows_per_shard": 90}
    model = tmp_path / "model.joblib"
    tasks = adapt_parquet(model, support, tmp_path / "tasks", **how)
    assert tasks.features == features
    out = predict_parquet(model, tasks, support, tmp_path / "a.parquet")
    table = pd.read_parquet(support)
    skmeta.adapt(pipe, table[features], table["y"], groups=table["wave"])
    asked = transform(pipe, table[features])
    close(
        pd.read_parquet(out)["y"], last_step(pipe).predict(asked, groups=table["wave"])
    )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_killed_in_the_middle_and_called_again_the_result_is_the_same(saved, tmp_path):
    """Rows of any order, killed in buckets, between shards and between answers."""
    table = table_of().sample(frac=1, random_state=0)
    rows = write(table, tmp_path / "s.parquet")
    how = {"groups": "wave", "rows_per_shard": 70, **COLUMNS}
    whole = adapt_parquet(saved, rows, tmp_path / "whole", **how)
    wanted = predict_parquet(saved, whole, rows, tmp_path / "wanted.parquet")
    folder, out = tmp_path / "tasks", tmp_path / "answers.parquet"
    adapt = f"adapt_parquet({str(saved)!r}, {str(rows)!r}, {str(folder)!r}, **{how})"
    given = ", ".join(repr(str(path)) for path in (saved, whole.path, rows, out))
    predict = f"predict_parquet({given})"
    run_killed(
        (adapt, "skmeta.bulk.adapting", "hashes", 4),
        (adapt, "skmeta.bulk.adapting", "pack_tasks", 2),
        (predict, "skmeta.bulk.predicting", "names_of", 5),
        (predict, "skmeta.bulk.predicting", "read_bucket", 2),
        (predict, "skmeta.bulk.predicting", "chain", 0),
    )
    assert not out.exists()
    done = shards_in(folder)
    assert len(done) == 2
    with pytest.raises(ValueError, match="not complete"):
        TaskFolder(folder)
    times = {name: (folder / name).stat().st_mtime_ns for name in done}
    adapt_parquet(saved, rows, folder, **how)
    assert shards_in(folder) == shards_in(whole.path)  # byte for byte
    assert times == {name: (folder / name).stat().st_mtime_ns for name in done}
    predict_parquet(saved, whole, rows, out)
    assert out.read_bytes() == wanted.read_bytes()
    assert not [*tmp_path.glob("*.unfinished"), *tmp_path.glob("**/.*")]


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="the system tells no peak of a process")
def test_memory_does_not_grow_with_the_tasks(tmp_path):
    """Four times the tasks, of rows in any order, take about the same memory."""
    wide = np.repeat(X, 40, axis=1)
    regressor(algorithm="r2d2").fit(wide, Y, groups=TASK).save(tmp_path / "m.skmeta")
    for n_copies in (30, 120):
        table = pd.DataFrame(np.tile(wide, (n_copies, 1))).rename(columns=str)
        table["y"] = np.tile(Y, n_copies)
        table["wave"] = np.repeat(30 * np.arange(n_copies), len(Y)) + np.tile(
            TASK, n_copies
        )
        table = table.sample(frac=1, random_state=0)
        write(table, tmp_path / f"{n_copies}.parquet", row_group_size=1000)
    # Not ru_maxrss, which begins with that of the process that has started this one.
    code = """
import re
from pathlib import Path
from skmeta.bulk import adapt_parquet, buckets, predict_parquet
buckets._WAITING = 2**20
for name in ("30", "120"):
    rows = name + ".parquet"
    how = {"groups": "wave", "target": "y", "rows_per_shard": 1000}
    tasks = adapt_parquet("m.skmeta", rows, name, **how)
    predict_parquet("m.skmeta", tasks, rows, name + ".answers")
    print(*re.findall(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text()))
"""
    said = forked.run_code(code, cwd=tmp_path)
    few, many = (1024 * int(line) for line in said.split())
    assert many - few < 25e6  # in one shard and buffer it is 70 MB
