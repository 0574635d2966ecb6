"""Answers over Dask frames are those of one call in memory, row by row."""

import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmeta
from skmeta import MetaClassifier, MetaRegressor
from skmeta.distributed import adapt, adapt_predict
from skmeta.distributed.beside import Model
from skmeta.distributed.columns import Columns, numbered
from skmeta.distributed.work import in_order, learn
from skmeta.ensemble import MetaStackingRegressor
from skmeta.model_selection import plain_ways
from skmeta.pipelines import to_send
from skmeta.utils.sending import Sent

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")

FEATURES = ["a", "b", "c"]
QUICK = {"max_epochs": 1, "tasks_per_epoch": 32, "random_state": 0}


def table(n_tasks, seed):
    """Rows of tasks of several sizes, mixed."""
    rng = np.random.default_rng(seed)
    task = rng.permutation(np.arange(n_tasks).repeat(rng.integers(3, 12, n_tasks)))
    X = rng.normal(size=(len(task), 3))
    y = np.einsum("rf,rf->r", X, 1 + rng.normal(size=(n_tasks, 3))[task])
    frame = pd.DataFrame(X, columns=FEATURES)
    frame["store"] = [f"store {number}" for number in task]
    return frame.assign(y=y, label=np.where(y > 0, "high", "low"))


TRAIN, SUPPORT, QUERY = table(30, 0), table(20, 1), table(20, 2)
QUERY = QUERY.set_axis(10 * np.arange(len(QUERY)), axis=0).rename_axis("row")
NAMES = {"groups": "store", "target": "y"}


def frames(n_support=3, n_query=4):
    return dd.from_pandas(SUPPORT, n_support), dd.from_pandas(QUERY, n_query)


def fitted(model, target="y", by_name=True):
    X = TRAIN[FEATURES] if by_name else TRAIN[FEATURES].to_numpy()
    with sklearn.config_context(enable_metadata_routing=True):
        return model.fit(X, TRAIN[target], groups=TRAIN.store)


@pytest.fixture(scope="module", autouse=True)
def _here():
    with dask.config.set(scheduler="sync"):
        yield


@pytest.fixture(scope="module")
def models():
    members = [
        ("gp", MetaRegressor("gp", **QUICK)),
        ("r2d2", MetaRegressor("r2d2", **QUICK)),
    ]
    return {
        "gp": fitted(MetaRegressor("gp", **QUICK)),
        "array": fitted(MetaRegressor("r2d2", **QUICK), by_name=False),
        "pipeline": fitted(
            make_pipeline(StandardScaler(), MetaRegressor("maml", **QUICK))
        ),
        "stack": fitted(MetaStackingRegressor(members, random_state=0)),
        "labels": fitted(MetaClassifier("protonet", **QUICK), "label"),
    }


def in_memory(model, verb="predict", target="y"):
    X, asked = SUPPORT[FEATURES], QUERY[FEATURES]
    if not hasattr(model, "feature_names_in_"):
        X, asked = X.to_numpy(), asked.to_numpy()
    skmeta.adapt(model, X, SUPPORT[target], groups=SUPPORT.store)
    with sklearn.config_context(enable_metadata_routing=True):
        return getattr(model, verb)(asked, groups=QUERY.store)


@pytest.mark.parametrize("name", ["gp", "array", "pipeline", "stack", "labels"])
def test_answers_are_those_of_one_call(name, models):
    target = "label" if name == "labels" else "y"
    want = in_memory(models[name], target=target)
    given = {"groups": "store", "target": target, "features": FEATURES}
    one = adapt_predict(models[name], *frames(), **given, npartitions=1)
    assert one.divisions == frames()[1].divisions
    one = one.compute()
    assert one.index.equals(QUERY.index)
    assert one.index.name == "row"
    assert one.name == target
    np.testing.assert_array_equal(one.to_numpy(), want)  # bit for bit
    # Tasks that share a block are padded alike, which may change the last bit.
    several = adapt_predict(models[name], *frames(), **given).compute()
    assert several.index.equals(QUERY.index)
    if name == "labels":
        assert (several.to_numpy() == want).all()
    else:
        scale = np.abs(want).max()
        np.testing.assert_allclose(several.to_numpy(), want, atol=1e-6 * scale)


def test_partitions_of_the_frames_do_not_matter_only_those_of_tasks(models):
    first, second = (
        adapt_predict(models["gp"], *frames(*each), **NAMES, npartitions=3).compute()
        for each in [(3, 4), (5, 2)]
    )
    pd.testing.assert_series_equal(first, second, check_exact=True)


def test_tasks_are_kept_and_asked_again(models):
    support, query = frames()
    tasks = adapt(models["labels"], support, groups="store", target="label").persist()
    assert tasks.npartitions == 3
    said = tasks.predict(query).compute()
    chances = tasks.predict_proba(query).compute()
    assert [*chances.columns] == ["high", "low"]
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)
    assert (chances.idxmax(axis=1) == said).all()
    renamed = query.rename(columns={"store": "shop"})
    again = tasks.predict(renamed[renamed.shop == "store 3"], groups="shop").compute()
    assert again.equals(said[QUERY.store == "store 3"])


def test_answers_stand_beside_the_rows_that_were_asked(models):
    support, query = frames()
    answers = adapt_predict(models["gp"], support, query, **NAMES)
    both = query.assign(answer=answers).compute()
    assert both.answer.corr(both.y) == pytest.approx(answers.compute().corr(QUERY.y))
    # Divisions that nobody knows stay so.
    unknown = adapt_predict(models["gp"], support, query.clear_divisions(), **NAMES)
    assert not unknown.known_divisions
    pd.testing.assert_series_equal(unknown.compute(), both.answer.rename("y"))


@pytest.mark.parametrize("filesystem", ["fsspec", "arrow"])
def test_files_that_dask_reads_together_are_partitions_still(
    filesystem, models, tmp_path
):
    """Of few columns, of which it makes two partitions where the frame says four."""
    wide = QUERY.assign(**{f"other{number}": 0.0 for number in range(20)})
    for number, rows in enumerate(np.array_split(np.arange(len(wide)), 4)):
        wide.iloc[rows].to_parquet(tmp_path / f"{number}.parquet")
    rows = dd.read_parquet(tmp_path, filesystem=filesystem, calculate_divisions=True)
    query = rows[[*FEATURES, "store"]]
    assert query.assign(z=0).optimize().npartitions < query.npartitions == 4
    answers = adapt_predict(models["gp"], frames()[0], query, **NAMES)
    want = adapt_predict(models["gp"], *frames(), **NAMES).compute()
    assert answers.divisions == query.divisions
    for number in range(4):
        part = answers.partitions[number].compute()
        assert part.index.equals(query.partitions[number].compute().index)
    pd.testing.assert_series_equal(answers.compute(), want, check_exact=True)
    beside = query.assign(answer=answers).compute()
    pd.testing.assert_series_equal(beside.answer.rename("y"), want, check_exact=True)


@pytest.mark.parametrize("known", [True, False])
def test_labels_that_are_categories_are_no_gaps(known, models):
    want = adapt_predict(
        models["labels"], *frames(), groups="store", target="label"
    ).compute()
    kind = SUPPORT.label.astype("category")
    support = dd.from_pandas(SUPPORT.assign(label=kind), 3)
    index = QUERY.index.astype("category")
    query = dd.from_pandas(QUERY.set_axis(index, axis=0), 4, sort=False)
    if not known:
        support = support.assign(label=support.label.cat.as_unknown())
    got = adapt_predict(
        models["labels"], support, query, groups="store", target="label"
    ).compute()
    assert got.tolist() == want.tolist()
    assert got.index.tolist() == want.index.tolist()


def test_the_model_stays_as_it_was_and_later_changes_come_too_late(models):
    meta = MetaRegressor("r2d2", **QUICK)
    fitted(meta).adapt(SUPPORT[FEATURES], SUPPORT.y, groups=SUPPORT.store)
    before = meta.adapted_
    answers = adapt_predict(meta, *frames(), **NAMES)
    want = answers.compute()
    assert meta.adapted_ is before
    meta.fit(TRAIN[FEATURES], -TRAIN.y, groups=TRAIN.store)
    pd.testing.assert_series_equal(answers.compute(), want)


def test_weights_and_missing_targets_reach_their_tasks(models):
    is_known = SUPPORT.groupby("store").cumcount() % 2 == 0
    known = dd.from_pandas(SUPPORT[is_known], 3)
    _, query = frames()
    given = {**NAMES, "npartitions": 1}
    half = adapt_predict(models["gp"], known, query, **given)
    weighed = dd.from_pandas(SUPPORT.assign(weight=is_known.astype(float)), 3)
    given["sample_weight"] = "weight"
    weighed = adapt_predict(models["gp"], weighed, query, **given)
    np.testing.assert_allclose(weighed.compute(), half.compute(), rtol=1e-4, atol=1e-4)
    missing = dd.from_pandas(SUPPORT.assign(y=SUPPORT.y.where(is_known)), 3)
    given = {**NAMES, "features": FEATURES}
    one = adapt_predict(models["array"], missing, query, **given).compute()
    other = adapt_predict(models["array"], known, query, **given).compute()
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_intervals_need_a_calibration_and_hold_the_answers():
    meta = fitted(MetaRegressor("r2d2", **QUICK))
    support, query = frames()
    with pytest.raises(NotFittedError, match=r"call calibrate\(\)"):
        adapt_predict(meta, support, query, **NAMES, method="predict_interval")
    meta.calibrate()
    tasks = adapt(meta, support, **NAMES)
    ends = tasks.predict_interval(query, coverage=0.5).compute()
    assert [*ends.columns] == ["low", "high"]
    assert ends.index.equals(QUERY.index)
    said = tasks.predict(query).compute()
    assert ((ends.low <= said) & (said <= ends.high)).all()


def test_unknown_groups_are_an_error_or_the_prior(models):
    support, query = frames()
    some = support[support.store != "store 3"]
    with pytest.raises(ValueError, match=r"No task was adapted for .*store 3"):
        adapt_predict(models["gp"], some, query, **NAMES).compute()
    meta = fitted(MetaRegressor("gp", unknown_task="prior", **QUICK))
    for rows in (some, support[support.store == "none"]):
        answers = adapt_predict(meta, rows, query, **NAMES).compute()
        asked = QUERY.store == "store 3"
        zero = meta.adapt().predict(QUERY[FEATURES][asked])
        np.testing.assert_allclose(answers[asked], zero, rtol=1e-5)


def test_groups_of_other_types_meet(models):
    numbers = [
        frame.assign(store=frame.store.str[6:].astype(int))
        for frame in (SUPPORT, QUERY)
    ]
    support, query = (dd.from_pandas(frame, 3) for frame in numbers)
    want = adapt_predict(models["gp"], support, query, **NAMES).compute()
    as_floats = query.assign(store=query.store.astype(float))
    got = adapt_predict(models["gp"], support, as_floats, **NAMES).compute()
    pd.testing.assert_series_equal(got, want, check_exact=True)
    words = query.assign(store=query.store.astype("string"))
    with pytest.raises(ValueError, match="no task would be found"):
        adapt_predict(models["gp"], support, words, **NAMES)
    categories = [
        dd.from_pandas(frame.assign(store=frame.store.astype("category")), 3)
        for frame in (SUPPORT, QUERY)
    ]
    got = adapt_predict(models["gp"], *categories, **NAMES).compute()
    want = adapt_predict(models["gp"], *frames(3, 3), **NAMES).compute()
    pd.testing.assert_series_equal(got, want, check_exact=True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"groups": "shop"}, r"support frame has no column 'shop'; it has \['a'"),
        ({"target": "z"}, "support frame has no column 'z'"),
        ({"target": "a"}, r"\['a'\] cannot be learnt"),
        ({"features": ["a", "b"]}, "fitted to 3 features, and 2 columns"),
        ({"features": ["a", "b", "d"]}, "support frame has no column 'd'"),
        ({"sample_weight": "w"}, "support frame has no column 'w'"),
        ({"method": "score"}, "method must be one of"),
        ({"method": "predict_proba"}, "has no probabilities of classes"),
    ],
)
def test_what_is_not_there_is_said_at_once(changed, message, models):
    error = TypeError if "probabilities" in message else ValueError
    with pytest.raises(error, match=message):
        adapt_predict(models["gp"], *frames(), **NAMES | changed)


def test_the_query_is_checked_too(models):
    support, query = frames()
    with pytest.raises(ValueError, match="query frame has no column 'b'"):
        adapt_predict(models["gp"], support, query.drop(columns="b"), **NAMES)
    with pytest.raises(ValueError, match="in the support frame 'label' are no numbers"):
        adapt_predict(
            models["array"], support, query, **NAMES, features=["a", "b", "label"]
        )
    holes = dd.from_pandas(SUPPORT.assign(store=SUPPORT.store.where(SUPPORT.a > -1)), 2)
    with pytest.raises(ValueError, match="groups contains NaN"):
        adapt_predict(models["gp"], holes, query, **NAMES).compute()


def test_models_that_cannot_be_parted_are_refused(models):
    support, query = frames()
    with pytest.raises(NotFittedError):
        adapt(MetaRegressor(), support, **NAMES)
    with pytest.raises(TypeError, match="adapt needs a meta-learner"):
        adapt(StandardScaler().fit(TRAIN[FEATURES]), support, **NAMES)
    together = plain_ways("regressor", rivals=False)["boosting + group"]
    fitted(together)
    with pytest.raises(ValueError, match="learns from the supports of all tasks"):
        adapt(together, support, **NAMES)
    own = fitted(MetaClassifier("protonet", label_space="per_task", **QUICK), "label")
    tasks = adapt(own, support, groups="store", target="label")
    assert set(tasks.predict(query).compute()) == {"high", "low"}
    with pytest.raises(ValueError, match="Labels are names inside a task"):
        tasks.predict_proba(query)


def test_rows_are_learnt_in_the_order_of_the_frame_in_whatever_order_they_come(models):
    rows = numbered(adapt(models["gp"], frames()[0], **NAMES).columns.taken(SUPPORT), 0)
    model = Model(to_send(models["gp"]))
    sent, columns = Sent(model), Columns(FEATURES, "store", ["y"], by_name=True)
    mixed = rows.sample(frac=1, random_state=0)
    one, other = (
        model.loads(learn(each, sent, columns)["learnt"][0]).predict(
            QUERY[FEATURES], groups=QUERY.store
        )
        for each in (rows, mixed)
    )
    np.testing.assert_array_equal(one, other)


def test_rows_that_come_twice_or_not_at_all_are_an_error(models):
    taken = adapt(models["gp"], frames()[0], **NAMES).columns.taken(SUPPORT)
    rows = numbered(taken, 0)
    sent = Sent(Model(models["gp"]))
    columns = Columns(FEATURES, "store", ["y"], by_name=True)
    assert learn(rows, sent, columns).shape == (1, 1)
    with pytest.raises(RuntimeError, match="came twice"):
        learn(pd.concat([rows, rows[:1]]), sent, columns)
    answers = pd.DataFrame({"a0": [1.0, 2.0, 3.0], "index": [7, 8, 9]})
    assert in_order(answers, "row", ["y"]).y.tolist() == [1.0, 2.0, 3.0]
    for lost in (answers[1:], answers.loc[[0, 2]], answers.loc[[0, 1, 1, 2]]):
        with pytest.raises(RuntimeError, match="Rows were lost or came twice"):
            in_order(lost, "row", ["y"])


def test_without_dask_the_extra_is_named(models, monkeypatch):
    support, _ = frames()
    monkeypatch.setitem(sys.modules, "dask.dataframe", None)
    with pytest.raises(ImportError, match=r"skmeta\[dask\]"):
        adapt(models["gp"], support, **NAMES)


def test_frames_of_pandas_are_no_dask_frames(models):
    with pytest.raises(
        TypeError, match="support must be a Dask DataFrame, not DataFrame"
    ):
        adapt(models["gp"], SUPPORT, **NAMES)
