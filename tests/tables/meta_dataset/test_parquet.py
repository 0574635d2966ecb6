"""Sets of tasks in files that may be larger than memory."""

import gc
import pickle
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.preprocessing import FunctionTransformer

from skmeta import MetaClassifier, MetaDataset, make_preprocessor
from skmeta.ensemble import MetaStackingRegressor
from skmeta.model_selection import MixedLinear
from skmeta.tables.meta_dataset import parquet as reading
from skmeta.tables.meta_dataset import storage
from skmeta.tables.stored import rows as stored
from skmeta.tables.unlabelled import missing_targets
from tests import forked
from tests.quick import classifier, regressor

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*are too small for"
)

QUICK = {"max_epochs": 2, "tasks_per_epoch": 32, "n_query": 4, "random_state": 0}


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


def test_features_are_known_by_their_names_later(files, many):
    """As those of a table in memory, whose columns in another order are refused."""
    pd = pytest.importorskip("pandas")
    path, (X, y, _, groups) = files
    held = MetaDataset(pd.DataFrame(X, columns=["x0", "x1", "x2"]), y, groups)
    for tasks in (from_files(path, "y"), from_files(path, "y")[:20], held):
        for meta in (regressor(), MetaStackingRegressor(MEMBERS, random_state=0)):
            meta.fit(tasks)
            assert meta.feature_names_in_.tolist() == ["x0", "x1", "x2"]
            first = held["store 7"]
            expected = meta.adapt(first.X, first.y).predict(first.X)
            assert meta.score(tasks) == meta.score(held[list(tasks.names)])
            with pytest.raises(ValueError, match="should match those"):
                meta.predict(first.X[["x2", "x1", "x0"]])
            wrong = from_files(path, "y", columns=["x1", "x0", "x2"])
            verbs = [verb for verb in VERBS if hasattr(meta, verb)]
            for verb in verbs:
                with pytest.raises(ValueError, match="should match those"):
                    getattr(meta, verb)(wrong)
            np.testing.assert_array_equal(meta.predict(first.X), expected)


VERBS = ("adapt", "partial_adapt", "partial_fit", "score", "calibrate")
MEMBERS = [("own", Ridge()), ("mixed", MixedLinear("regressor"))]


def test_a_folder_of_parquet_files_is_one_meta_dataset(table, parquet, monkeypatch):
    X, y, groups = table
    monkeypatch.setattr("skmeta.tables.arrow._AT_ONCE", 7)
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


def test_every_kind_of_number_is_one(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {
        "price": pa.array([Decimal("1.25"), Decimal("-2.50"), None, Decimal(7)]),
        "flag": pa.array([True, False, None, True]),
        "n": pa.array([1, 2, None, 3], pa.int16()),
        "label": [0, 1, 0, 1],
        "store": pa.array(["b", "a", "b", "a"]).dictionary_encode(),
    }
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet")
    tasks = read(tmp_path / "a.parquet")
    expected = [[1.25, 1, 1], [-2.5, 0, 2], [np.nan] * 3, [7, 1, 3]]
    np.testing.assert_array_equal(tasks.X, expected)
    assert tasks.y.tolist() == [0, 1, 0, 1]
    assert tasks.groups.tolist() == ["b", "a", "b", "a"]


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
    assert np.ravel(tasks[12].X).tolist() == [0, 1, 2, 3]


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
    peak, n_tasks = map(int, forked.run_code(code).split())
    assert n_tasks == n_rows // 100
    np.testing.assert_array_equal(np.load(tmp_path / "features.npy"), X)
    assert peak < X.nbytes / 3, peak / X.nbytes


# More than half a million rows, where targets and tasks are not in memory either ------


@pytest.fixture
def many(monkeypatch):
    monkeypatch.setattr(stored, "_FEW", 0)


WORDS = np.array(["no", "maybe", "yes"])


@pytest.fixture(params=["sorted", "shuffled"])
def files(request, tmp_path):
    """Return a folder of files of row groups, and the same table in memory."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    groups = np.repeat([f"store {i}" for i in rng.permutation(30)], 40)
    order = np.arange(len(groups))
    if request.param == "shuffled":
        rng.shuffle(order)
    X = rng.normal(size=(len(groups), 3)).astype(np.float32)
    y = X[:, 0] + rng.normal(size=30)[np.unique(groups, return_inverse=True)[1]]
    X, y, groups = X[order], y[order], groups[order]
    words = WORDS[np.digitize(y, [-0.5, 0.5])]
    for place, part in enumerate(np.array_split(np.arange(len(y)), 3)):
        columns = {f"x{j}": X[part, j] for j in range(3)}
        columns |= {"y": y[part], "word": words[part], "store": groups[part]}
        columns["known"] = X[part, 1] > 0
        path = tmp_path / "files" / f"part-{place}.parquet"
        path.parent.mkdir(exist_ok=True)
        parquet.write_table(pa.table(columns), path, row_group_size=70)
    return tmp_path / "files", (X, y, words, groups)


def from_files(path, target, **options):
    options = {"groups": "store", "columns": ["x0", "x1", "x2"], **options}
    return MetaDataset.from_parquet(path, target=target, **options)


def test_many_rows_are_the_same_meta_dataset(files, many, monkeypatch):
    monkeypatch.setattr("skmeta.tables.arrow._AT_ONCE", 33)
    path, (X, y, words, groups) = files
    for target, expected in (("y", y), ("word", words)):
        tasks = from_files(path, target)
        assert isinstance(tasks.y, np.memmap)
        np.testing.assert_array_equal(tasks.X, X)
        np.testing.assert_array_equal(tasks.y, expected)
        np.testing.assert_array_equal(tasks.groups, groups)
        assert "on disk" in repr(tasks)
        assert "<td>store 12</td><td>40</td>" in tasks._repr_html_()
        held = MetaDataset(X, expected, groups)
        for name in ("store 7", "store 12"):
            np.testing.assert_array_equal(tasks[name].X, held[name].X)
            np.testing.assert_array_equal(tasks[name].y, held[name].y)
        for part, other in zip(
            tasks.train_test_split(test_size=7, random_state=0),
            held.train_test_split(test_size=7, random_state=0),
            strict=True,
        ):
            np.testing.assert_array_equal(part.names, other.names)
            np.testing.assert_array_equal(part.X, other.X)
            np.testing.assert_array_equal(part.y, other.y)
            np.testing.assert_array_equal(part.groups, other.groups)
        double = tasks.transform(FunctionTransformer(lambda x: 2 * x))
        np.testing.assert_array_equal(double.X, 2 * X)
        np.testing.assert_array_equal(double["store 7"].y, tasks["store 7"].y)


@pytest.mark.parametrize("target", ["y", "word"])
def test_fit_learns_the_same_of_files_as_of_memory(files, many, target):
    path, (X, y, words, groups) = files
    meta = regressor(algorithm="cnp") if target == "y" else classifier("maml")
    held = clone(meta).fit(X, y if target == "y" else words, groups)
    for tasks in (from_files(path, target), pickled(from_files(path, target))):
        read = clone(meta).fit(tasks)
        for ours, theirs in zip(
            read.module_.parameters(), held.module_.parameters(), strict=True
        ):
            assert (ours == theirs).all()
    with pytest.raises(ValueError, match="do not pass them"):
        clone(meta).fit(from_files(path, target), y)


def test_given_supports_stay_on_disk_and_teach_as_those_of_memory(files, many):
    path, (X, y, _, groups) = files
    tasks = from_files(path, "y", support="known")
    held = MetaDataset(X, y, groups, in_support=X[:, 1] > 0)
    assert isinstance(tasks.in_support, np.memmap)
    assert "<td>40</td>" in tasks._repr_html_()
    for own, other in zip(
        tasks.train_test_split(test_size=7, random_state=0),
        held.train_test_split(test_size=7, random_state=0),
        strict=True,
    ):
        np.testing.assert_array_equal(own.in_support, other.in_support)
    learners = [regressor(algorithm="cnp").fit(each) for each in (tasks, held)]
    assert (
        learners[0].history_[-1]["train_loss"]
        == (learners[1].history_[-1]["train_loss"])
    )
    with pytest.raises(ValueError, match="True and False"):
        from_files(path, "y", support="x1")


def test_a_pool_of_classes_comes_out_of_files(files, many):
    path, (X, _, words, _) = files
    tasks = from_files(path, "word", groups="word")
    learners = [
        classifier(tasks="classes", n_way=2).fit(*given)
        for given in ((tasks,), (X, words))
    ]
    assert (
        learners[0].history_[-1]["train_loss"]
        == (learners[1].history_[-1]["train_loss"])
    )


def pickled(tasks):
    return pickle.loads(pickle.dumps(tasks))


def test_arrow_tables_and_datasets_are_read_as_files_are(files, many, tmp_path):
    import pyarrow as pa
    from pyarrow import dataset, feather

    path, (X, y, _, groups) = files
    table = dataset.dataset(path).to_table()
    feather.write_feather(table, tmp_path / "t.feather")
    for each in (
        table,
        feather.read_table(tmp_path / "t.feather", memory_map=True),
        dataset.dataset(tmp_path / "t.feather", format="feather"),
        pa.Table.from_batches(table.to_batches(max_chunksize=50)),
    ):
        tasks = MetaDataset.from_arrow(
            each, target="y", groups="store", columns=["x0", "x1", "x2"]
        )
        np.testing.assert_array_equal(tasks.X, X)
        np.testing.assert_array_equal(tasks.y, y)
        np.testing.assert_array_equal(tasks.groups, groups)


def test_files_that_go_or_change_while_they_are_read_are_errors(
    files, many, monkeypatch
):
    path, _ = files
    batches = reading._batches

    def spoiled(how):
        def read(opened, columns):
            if len(columns) > 1:  # the pass over the features
                how()
            return batches(opened, columns)

        return read

    parts = sorted(path.glob("*.parquet"))
    monkeypatch.setattr(reading, "_batches", spoiled(lambda: parts[2].write_bytes(b"")))
    with pytest.raises(OSError, match="cannot be read to its end"):
        from_files(path, "y")
    parts[2].unlink()
    monkeypatch.setattr(reading, "_batches", spoiled(parts[1].unlink))
    with pytest.raises(OSError, match="cannot be read to its end"):
        from_files(path, "y")


def test_gaps_in_many_targets_or_groups_are_errors(tmp_path, many):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as writer

    for target, store, message in (
        ([1.0, None], ["a", "b"], "lacks 1 of 2 values"),
        ([1.0, 2.0], ["a", None], "groups contains NaN"),
    ):
        table = pa.table({"x": [1.0, 2.0], "y": target, "store": store})
        writer.write_table(table, tmp_path / "gaps.parquet")
        with pytest.raises(ValueError, match=message):
            MetaDataset.from_parquet(
                tmp_path / "gaps.parquet", target="y", groups="store"
            )


@pytest.mark.parametrize("kind", ["Float64", "Int64", "string", "boolean"])
def test_a_missing_target_in_a_file_is_an_unlabelled_row_as_in_memory(
    tmp_path, table, kind
):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    X, y, groups = table
    gaps = np.arange(len(y)) % 5 == 2
    column = pd.Series(y).astype("int64").astype(kind).mask(gaps)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=column, store=groups)
    frame.to_parquet(tmp_path / "gaps.parquet")
    read = MetaDataset.from_parquet(
        tmp_path / "gaps.parquet", target="y", groups="store"
    )
    given = MetaDataset(X, column, groups)
    assert read.y.dtype == given.y.dtype
    assert missing_targets(read.y).tolist() == gaps.tolist()
    assert read.y[~gaps].tolist() == given.y[~gaps].tolist()
    learner = regressor if kind == "Float64" else classifier
    probe = read.X[gaps]
    answers = [
        learner().fit(each).adapt(each["a"].X, each["a"].y).transform(probe)
        for each in (read, given)
    ]
    np.testing.assert_array_equal(*answers)


def test_the_index_that_pandas_writes_is_no_feature(tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"x": [1.0, 2], "y": [0, 1], "g": [0, 1]}, index=[7, 9])
    frame.to_parquet(tmp_path / "t.parquet")
    tasks = MetaDataset.from_parquet(tmp_path, target="y", groups="g")
    assert tasks.X.tolist() == [[1], [2]]
    named = frame.set_index("x")
    named.to_parquet(tmp_path / "t.parquet")
    tasks = MetaDataset.from_parquet(tmp_path, target="y", groups="g", columns=["x"])
    assert tasks.X.tolist() == [[1], [2]]
    known = make_preprocessor().fit(frame[["x"]])
    tasks = MetaDataset.from_parquet(
        tmp_path, target="y", groups="g", columns=["x"], preprocessor=known
    )
    np.testing.assert_allclose(tasks.X, known.transform(frame[["x"]]))


def test_no_digit_is_lost_where_the_first_file_is_of_shorter_numbers(tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"x": [0.1, 0.2], "y": [0.1, 0.2], "g": [0, 1]})
    frame.astype("float32").to_parquet(tmp_path / "1.parquet")
    frame.to_parquet(tmp_path / "2.parquet")
    tasks = MetaDataset.from_parquet(tmp_path, target="y", groups="g")
    assert tasks.X[2:, 0].tolist() == [0.1, 0.2]
    assert tasks.y[2:].tolist() == [0.1, 0.2]
    frame.astype({"y": str}).to_parquet(tmp_path / "3.parquet")
    with pytest.raises(ValueError, match=r"Column 'y' is double, and \w*string in"):
        MetaDataset.from_parquet(tmp_path, target="y", groups="g")


@pytest.mark.parametrize("is_many", [False, True])
def test_a_task_without_a_name_is_refused_in_every_writing(is_many, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    if is_many:
        monkeypatch.setattr(stored, "_FEW", 1)
    for gap in (np.nan, None):
        groups = pa.array([1.0, gap, 2.0], pa.float64())
        table = pa.table({"x": [1.0, 2, 3], "y": [1.0, 2, 3], "g": groups})
        with pytest.raises(ValueError, match=r"groups contains NaN: .* lacks 1 of 3"):
            MetaDataset.from_arrow(table, target="y", groups="g")


def test_a_target_is_nothing_else():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"x": [1.0, 2], "y": [1.0, 2], "g": [0, 1]})
    for named in (
        {"target": "y", "groups": "g", "columns": ["x", "y"]},
        {"target": "y", "groups": "g", "support": "y"},
    ):
        with pytest.raises(ValueError, match="cannot be learnt"):
            MetaDataset.from_arrow(table, **named)
    with pytest.raises(ValueError, match="name one column each"):
        MetaDataset.from_arrow(table, target=["x", "y"], groups="g")


def test_one_column_may_be_named_by_itself():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"ab": [1.0, 2], "a": [0.0, 0], "y": [1.0, 2], "g": [0, 1]})
    tasks = MetaDataset.from_arrow(table, target="y", groups="g", columns="ab")
    assert tasks.X.tolist() == [[1], [2]]


def test_frames_are_taken_as_tables_and_others_refused():
    pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"x": [1.0, 2], "y": [0, 1], "g": ["a", "b"]}, index=[7, 9])
    tasks = MetaDataset.from_arrow(frame, target="y", groups="g")
    assert tasks.X.tolist() == [[1], [2]]
    with pytest.raises(TypeError, match="takes a table or a dataset of pyarrow"):
        MetaDataset.from_arrow({"x": [1.0]}, target="y", groups="g")
