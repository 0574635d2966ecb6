"""Tasks go from Parquet to shards, whatever ends the process in between."""

import json

import numpy as np
import pandas as pd
import pytest

from skmeta import FewShotRegressor
from skmeta.bulk import adapt_parquet, adapting, predict_parquet, predicting
from skmeta.bulk.buckets import read_bucket
from skmeta.utils.files import FolderLock
from tests.bulk.conftest import (
    COLUMNS,
    close,
    in_memory,
    shards_in,
    table_of,
    write,
)
from tests.quick import TASK, X, Y, classifier, regressor


def test_it_equals_adapt_in_memory(meta, table, tmp_path):
    support = write(table, tmp_path / "s.parquet")
    tasks = adapt_parquet(
        meta, support, tmp_path / "tasks", groups="wave", rows_per_shard=70, **COLUMNS
    )
    assert (tasks.n_tasks, tasks.n_rows) == (30, 360)
    assert len(shards_in(tasks.path)) > 3
    out = predict_parquet(meta, tasks, support, tmp_path / "answers.parquet")
    answers = pd.read_parquet(out)
    close(answers["y"], in_memory(meta, table, table))
    np.testing.assert_array_equal(answers["wave"], table["wave"])


def test_sorted_rows_are_cut_where_they_are_and_others_are_not(meta, table, tmp_path):
    support = write(table, tmp_path / "s.parquet")
    is_sorted = table["wave"].is_monotonic_increasing
    tasks = adapt_parquet(
        meta, support, tmp_path / "tasks", groups="wave", rows_per_shard=70, **COLUMNS
    )
    plan = json.loads((tasks.path / "manifest.json").read_text())
    assert plan["by"] == ("runs" if is_sorted else "hash")
    assert not (tasks.path / "rows").exists()


def test_a_task_that_comes_again_is_learnt_once_from_all_its_rows(meta, tmp_path):
    whole = table_of()
    table = pd.concat([whole[3:], whole[:3]])  # sorted but for the first task
    support = write(table, tmp_path / "s.parquet")
    tasks = adapt_parquet(
        meta, support, tmp_path / "tasks", groups="wave", rows_per_shard=70, **COLUMNS
    )
    assert tasks.n_tasks == 30
    out = predict_parquet(meta, tasks, support, tmp_path / "answers.parquet")
    close(pd.read_parquet(out)["y"], in_memory(meta, table, table))


def test_other_work_is_refused_and_dropped_when_asked(meta, saved, tmp_path):
    support = write(table_of(), tmp_path / "s.parquet")
    folder = tmp_path / "tasks"
    adapt_parquet(saved, support, folder, groups="wave", **COLUMNS)
    other = regressor(algorithm="r2d2", random_state=1).fit(X, Y, groups=TASK)
    with pytest.raises(ValueError, match=r"differs in model\..*--restart"):
        adapt_parquet(other, support, folder, groups="wave", **COLUMNS)
    adapt_parquet(meta, support, folder, groups="wave", **COLUMNS)  # what was saved
    write(table_of(X, Y + 1), support)
    with pytest.raises(ValueError, match=r"differs in rows\."):
        adapt_parquet(meta, support, folder, groups="wave", **COLUMNS)
    with pytest.raises(ValueError, match="another model"):
        predict_parquet(other, folder, support, tmp_path / "answers.parquet")
    again = adapt_parquet(
        other, support, folder, groups="wave", restart=True, **COLUMNS
    )
    assert again.n_tasks == 30


@pytest.mark.parametrize(
    "name",
    [
        *("s.parquet", "rows.parquet", "part-00000.parquet", "shard-000000.csv"),
        *("rows/0.parquet", ".manifest.json.old"),
    ],
)
def test_a_folder_of_other_files_is_left_alone(name, meta, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    support = write(table_of(), tmp_path / name)
    for restart in (False, True):
        with pytest.raises(ValueError, match="not empty"):
            adapt_parquet(
                meta, support, tmp_path, groups="wave", restart=restart, **COLUMNS
            )
    assert support.exists()


def test_rows_that_have_gone_from_a_bucket_are_missed(meta, tmp_path, monkeypatch):
    table = table_of().sample(frac=1, random_state=0)
    support = write(table, tmp_path / "s.parquet")
    how = {"groups": "wave", "rows_per_shard": 70, **COLUMNS}
    tasks = adapt_parquet(meta, support, tmp_path / "tasks", **how)
    for module in (adapting, predicting):
        monkeypatch.setattr(module, "read_bucket", without_first_row)
    with pytest.raises(ValueError, match="Rows have gone"):
        adapt_parquet(meta, support, tmp_path / "again", **how)
    with pytest.raises(ValueError, match="Rows have gone"):
        predict_parquet(meta, tasks, support, tmp_path / "a.parquet")


def without_first_row(folder, number):
    rows = read_bucket(folder, number)
    yield next(rows).slice(1)
    yield from rows


def test_one_process_at_a_time(meta, tmp_path):
    support = write(table_of(), tmp_path / "s.parquet")
    folder = tmp_path / "tasks"
    folder.mkdir()
    lock = FolderLock(folder)
    assert lock.acquire()
    with pytest.raises(ValueError, match="Another process"):
        adapt_parquet(meta, support, folder, groups="wave", **COLUMNS)
    lock.release()


def words(change):
    """Return support rows with a change, and what is asked and said of them."""
    table = table_of()
    how = {"groups": "wave", **COLUMNS}
    if change == "column":
        return table, {**how, "columns": ["xx"]}, r"no column 'xx'.*\['x'\]"
    if change == "groups":
        return table, {**how, "groups": "wage"}, r"no column 'wage'.*'wave'"
    if change == "gap":
        return table.assign(wave=table["wave"].astype("Int64").shift()), how, "NaN"
    if change == "date":
        days = pd.to_datetime(table["wave"], unit="D")
        return table.assign(wave=days), how, "integers, text or floats"
    if change == "target":
        return table.assign(z=1), {"groups": "wave", "columns": ["x"]}, "Which column"
    if change == "unnamed":
        return table, {"groups": "wave"}, "knows no names"
    if change == "width":
        return table.assign(z=1), {"groups": "wave", "target": "y"}, "fitted to 1 col"
    if change == "leak":
        return table, {**how, "columns": ["y"]}, "cannot be learnt"
    return table.assign(x=np.nan), how, r"(?s)shard 0, .* of 0 to 29: .*NaN"


@pytest.mark.parametrize(
    "change",
    [
        *("column", "groups", "gap", "date", "target", "unnamed"),
        *("width", "leak", "values"),
    ],
)
def test_what_cannot_be_learnt_is_said(change, meta, tmp_path):
    table, how, said = words(change)
    support = write(table, tmp_path / "s.parquet")
    with pytest.raises(ValueError, match=said):
        adapt_parquet(meta, support, tmp_path / "tasks", **how)


def test_files_that_are_none_and_models_that_are_none(meta, tmp_path):
    with pytest.raises(ValueError, match="no file or folder"):
        adapt_parquet(meta, tmp_path / "s.parquet", tmp_path / "t", groups="wave")
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match="cannot be read as Parquet"):
        adapt_parquet(meta, torn, tmp_path / "t", groups="wave")
    empty = write(table_of()[:0], tmp_path / "empty.parquet")
    with pytest.raises(ValueError, match="no row"):
        adapt_parquet(meta, empty, tmp_path / "t", groups="wave")
    few = FewShotRegressor(meta)
    with pytest.raises(TypeError, match="learns one task"):
        adapt_parquet(few, empty, tmp_path / "t", groups="wave")


def test_a_folder_of_files_is_one_table_and_a_file_may_lack_no_column(meta, tmp_path):
    table, folder = table_of(), tmp_path / "rows"
    folder.mkdir()
    write(table[:200], folder / "a.parquet")
    write(table[200:], folder / "b.parquet")
    tasks = adapt_parquet(meta, folder, tmp_path / "tasks", groups="wave", **COLUMNS)
    out = predict_parquet(meta, tasks, folder, tmp_path / "answers.parquet")
    close(pd.read_parquet(out)["y"], in_memory(meta, table, table))
    write(table[200:].drop(columns="x"), folder / "b.parquet")
    with pytest.raises(ValueError, match=r"b.parquet' has no columns \['x'\]"):
        adapt_parquet(meta, folder, tmp_path / "others", groups="wave", **COLUMNS)


def test_words_as_groups_and_labels_and_rows_without_a_label(tmp_path):
    y = np.where(Y > 0, "up", "down").astype(object)
    names = np.array([f"wave {task}" for task in TASK])
    meta = classifier("r2d2").fit(X, y.astype(str), groups=names)
    y[5::12] = None
    table = table_of(X, y, names).sample(frac=1, random_state=0)
    table["wave"] = table["wave"].astype("category")
    support = write(table, tmp_path / "s.parquet")
    tasks = adapt_parquet(
        meta, support, tmp_path / "tasks", groups="wave", rows_per_shard=70, **COLUMNS
    )
    out = predict_parquet(meta, tasks, support, tmp_path / "a.parquet", proba=True)
    answers = pd.read_parquet(out)
    table["wave"] = table["wave"].astype(str)
    wanted = in_memory(meta, table, table)
    assert (answers["y"] == wanted).all()
    shares = meta.predict_proba(table[["x"]].to_numpy(), groups=table["wave"])
    close(answers[["proba_down", "proba_up"]], shares)


def test_groups_may_be_the_names_of_folders(meta, tmp_path):
    table = table_of()
    table.to_parquet(tmp_path / "rows", partition_cols=["wave"], index=False)
    how = {"groups": "wave", "rows_per_shard": 70, **COLUMNS}
    tasks = adapt_parquet(meta, tmp_path / "rows", tmp_path / "tasks", **how)
    assert tasks.n_tasks == 30
    out = predict_parquet(meta, tasks, tmp_path / "rows", tmp_path / "a.parquet")
    answers = pd.read_parquet(out)
    order = np.argsort(answers["wave"].to_numpy(), kind="stable")
    close(answers["y"].to_numpy()[order], in_memory(meta, table, table))


def test_the_index_that_pandas_writes_is_not_the_target(meta, tmp_path):
    frame = table_of().set_axis([f"x{i}" for i in range(360)])
    (tmp_path / "rows").mkdir()
    path = tmp_path / "rows" / "s.parquet"
    frame.to_parquet(path)  # with its index, as pandas does
    named = regressor(algorithm="r2d2").fit(frame[["x"]], Y, groups=TASK)
    tasks = adapt_parquet(named, path, tmp_path / "tasks", groups="wave")
    assert (tasks.features, tasks.target) == (["x"], ["y"])
    of_array = adapt_parquet(meta, path, tmp_path / "two", groups="wave", target="y")
    assert of_array.features == ["x"]


def test_columns_that_were_an_index_are_learnt_from_where_the_model_was(tmp_path):
    frame = table_of()
    named = regressor(algorithm="r2d2").fit(frame[["x"]], Y, groups=TASK)
    frame.set_index(["wave", "x"]).to_parquet(tmp_path / "s.parquet")
    tasks = adapt_parquet(
        named, tmp_path / "s.parquet", tmp_path / "tasks", groups="wave"
    )
    out = predict_parquet(named, tasks, tmp_path / "s.parquet", tmp_path / "a.parquet")
    close(pd.read_parquet(out)["y"], in_memory(named, frame, frame))


def test_files_of_a_folder_may_write_their_numbers_in_several_ways(meta, tmp_path):
    frame = table_of()
    folder = tmp_path / "rows"
    folder.mkdir()
    cut = 180
    write(frame[:cut].astype({"x": "float32", "wave": "int8"}), folder / "1.parquet")
    far = frame[cut:].assign(wave=frame["wave"][cut:] + 2**40)
    write(far, folder / "2.parquet")
    whole = pd.concat([frame[:cut].astype({"x": "float32"}).astype({"x": float}), far])
    tasks = adapt_parquet(meta, folder, tmp_path / "tasks", groups="wave", **COLUMNS)
    out = predict_parquet(meta, tasks, folder, tmp_path / "a.parquet")
    close(pd.read_parquet(out)["y"], in_memory(meta, whole, whole))


def test_names_that_are_one_without_their_last_characters_are_refused(meta, tmp_path):
    frame = table_of().assign(wave=["a" + "\0" * (task % 2) for task in TASK])
    support = write(frame, tmp_path / "s.parquet")
    with pytest.raises(ValueError, match="character of number 0"):
        adapt_parquet(meta, support, tmp_path / "tasks", groups="wave", **COLUMNS)


def test_a_task_may_be_called_by_infinity(meta, tmp_path):
    far = np.array([-np.inf, *range(1, 29), np.inf])[TASK]
    frame = table_of().assign(wave=far)
    support = write(frame, tmp_path / "s.parquet")
    tasks = adapt_parquet(
        meta, support, tmp_path / "tasks", groups="wave", rows_per_shard=10, **COLUMNS
    )
    assert tasks.n_shards == 30
    out = predict_parquet(meta, tasks, support, tmp_path / "a.parquet")
    close(pd.read_parquet(out)["y"], in_memory(meta, frame, frame))


@pytest.mark.parametrize("is_sorted", [True, False])
def test_a_shard_that_has_gone_is_learnt_again(meta, tmp_path, is_sorted):
    frame = table_of() if is_sorted else table_of().sample(frac=1, random_state=0)
    support = write(frame, tmp_path / "s.parquet")

    def adapt():
        how = {"groups": "wave", "rows_per_shard": 100, **COLUMNS}
        return adapt_parquet(meta, support, tmp_path / "tasks", **how)

    before = shards_in(adapt().path)
    (tmp_path / "tasks" / [*before][1]).unlink()
    assert shards_in(adapt().path) == before
    assert not (tmp_path / "tasks" / "rows").exists()


@pytest.mark.parametrize("limit", [0, 1.5, "many"])
def test_shards_have_a_whole_number_of_rows(meta, table, tmp_path, limit):
    support = write(table, tmp_path / "s.parquet")
    with pytest.raises(ValueError, match="rows_per_shard must be a whole number"):
        adapt_parquet(
            meta,
            support,
            tmp_path / "tasks",
            groups="wave",
            rows_per_shard=limit,
            **COLUMNS,
        )


def test_one_column_may_be_named_by_itself_and_coverage_is_checked_first(
    meta, tmp_path
):
    frame = table_of().rename(columns={"x": "size"}).assign(day=range(360))
    support = write(frame, tmp_path / "s.parquet")
    how = {"groups": "wave", "target": "y", "columns": "size"}
    tasks = adapt_parquet(meta, support, tmp_path / "tasks", **how)
    out = predict_parquet(meta, tasks, support, tmp_path / "a.parquet", keep="day")
    assert [*pd.read_parquet(out)] == ["wave", "day", "y"]
    with pytest.raises(ValueError, match="coverage is the share"):
        predict_parquet(meta, tasks, support, tmp_path / "b.parquet", interval=1.5)
    assert not (tmp_path / "b.parquet.unfinished").exists()
