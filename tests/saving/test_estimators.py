"""What is saved comes back bit for bit, without any code."""

import datetime
import functools
import io
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from sklearn import config_context
from sklearn.datasets import load_diabetes
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import LRScheduler

import skmeta
from skmeta import FewShotClassifier, FewShotRegressor, MetaRegressor, plugins
from skmeta.algorithms import MAML, ProtoNet
from skmeta.backbones import MLP, Correction
from skmeta.builtin import skmeta_algorithms
from skmeta.distances import Mahalanobis
from skmeta.ensemble import MetaStackingClassifier
from skmeta.model_selection import PerTask
from tests.data.make_format1 import wine
from tests.saving.conftest import TINY, small, table, through_file

pytestmark = pytest.mark.filterwarnings("ignore:.*too small:UserWarning")


def assert_same(one, other, X, **which):
    for method in ("predict", "predict_proba", "transform"):
        if hasattr(one, method):
            mine = getattr(one, method)(X, **which)
            np.testing.assert_array_equal(mine, getattr(other, method)(X, **which))


def every_kind():
    kinds = []
    for name, cls in skmeta_algorithms().items():
        for kind in cls.kinds:
            spaces = cls.label_spaces if kind == "classifier" else ["values"]
            for space in spaces:
                kinds.append(pytest.param(name, space, id=f"{name}-{space}"))
    return kinds


@pytest.mark.parametrize("normalize", ["global", "task"])
@pytest.mark.parametrize(("name", "space"), every_kind())
def test_every_algorithm_answers_the_same_after_load(name, space, normalize, tmp_path):
    if space == "values":
        X, y = load_diabetes(return_X_y=True)
        groups = np.arange(len(y)) % 6
        meta = MetaRegressor(name, MLP((8,)), normalize=normalize, **TINY)
    else:
        X, y, groups = table()
        meta = small(algorithm=name, label_space=space, normalize=normalize)
    meta.fit(X, y, groups=groups).adapt(X, y, groups=groups)
    again = through_file(meta, tmp_path / "a")
    assert_same(meta, again, X, groups=groups)
    # The meta-knowledge is all there too, for tasks to come.
    assert_same(meta.adapt(X[:40], y[:40]), again.adapt(X[:40], y[:40]), X)
    assert [*again.history_] == [*meta.history_]
    assert repr(again) == repr(meta)


@pytest.mark.parametrize("n_groups", [1, 5])
@pytest.mark.parametrize(
    "named",
    [
        lambda g: g,
        lambda g: g / 4,
        lambda g: g.astype(np.uint8),
        lambda g: g % 2 == 0,
        lambda g: np.array(list("abcdef"))[g],
        lambda g: np.array(list("abcdef"), dtype=object)[g],
        lambda g: np.datetime64("2024-01-01") + g.astype("m8[D]"),
        lambda g: pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(g, "D"),
        lambda g: np.array([datetime.date(2024, 1, 1 + each) for each in g]),
        lambda g: pd.Series(np.array(list("abcdef"))[g], dtype="string"),
    ],
)
def test_tasks_keep_their_names_of_any_type(named, n_groups, tmp_path):
    X, y, groups = table(n_groups)
    names = named(groups)
    meta = small(tasks="table").fit(X, y).adapt(X, y, groups=names)
    again = through_file(meta, tmp_path / "a")
    assert again.adapted_.names.dtype == meta.adapted_.names.dtype
    assert_same(meta, again, X, groups=names)


@pytest.mark.parametrize(
    "named",
    [
        np.array(["barolo", "grignolino", "barbera"]),
        np.array(["barolo", "grignolino", "barbera"], dtype=object),
        np.array([-1, 7, 3], dtype=np.int16),
        np.array([0.0, 1.0, 2.0]),
        np.array([True, False, True]),
    ],
    ids=lambda named: str(named.dtype),
)
@pytest.mark.parametrize("space", ["shared", "per_task"])
def test_classes_keep_their_type(named, space, tmp_path):
    X, y, groups = table()
    meta = small(label_space=space).fit(X, named[y], groups=groups)
    again = through_file(meta.adapt(X, named[y]), tmp_path / "a")
    assert again.classes_.dtype == meta.classes_.dtype
    assert again.predict(X).dtype == meta.predict(X).dtype
    assert_same(meta, again, X)


def test_column_names_are_kept_and_checked(tmp_path):
    X, y, groups = wine()
    meta = small().fit(X, y, groups=groups).adapt(X, y)
    meta.set_output(transform="pandas")
    again = through_file(meta, tmp_path / "a")
    assert list(again.feature_names_in_) == list(X.columns)
    pd.testing.assert_frame_equal(again.transform(X), meta.transform(X))
    with pytest.raises(ValueError, match="feature names"):
        again.predict(X[X.columns[::-1]])


def test_parameters_come_back_as_they_were(tmp_path):
    X, y, groups = table()
    parameters = {
        "algorithm": ProtoNet(distance=Mahalanobis()),
        "backbone": Correction(MLP((8,))),
        "augment": ["feature_noise", plugins.get("augmentation", "feature_masking")()],
        "n_shot": (2, 5),
        "optimizer": functools.partial(torch.optim.SGD, momentum=0.5),
        "random_state": np.random.RandomState(3),
        "normalize": None,
    }
    meta = small(**parameters).fit(X, y, groups=groups)
    again = through_file(meta, tmp_path / "a")
    one, other = meta.get_params(), again.get_params()
    assert repr(one["random_state"].get_state()) == repr(
        other["random_state"].get_state()
    )
    assert other["optimizer"].func is torch.optim.SGD
    assert other["optimizer"].keywords == {"momentum": 0.5}
    assert other["n_shot"] == (2, 5)
    for name in {"algorithm", "backbone", "augment", "normalize"}:
        assert repr(one[name]) == repr(other[name])
    assert type(again.algorithm.distance) is Mahalanobis


def test_what_was_never_adapted_is_loaded_so(tmp_path):
    X, y, groups = table()
    again = through_file(small().fit(X, y, groups=groups), tmp_path / "a")
    with pytest.raises(skmeta.NotAdaptedError):
        again.predict(X)


def test_training_goes_on_after_load(meta, tmp_path):
    X, y, groups = table()
    again = through_file(meta, tmp_path / "a").set_params(warm_start=True)
    again.fit(X, y, groups=groups)
    assert len(again.history_) == 2


def test_few_shot_estimators_are_kept_with_their_task(meta, tmp_path):
    X, y, groups = table()
    few_shot = FewShotClassifier(meta).fit(X[::5], y[::5])
    again = through_file(few_shot, tmp_path / "a")
    assert_same(few_shot, again, X)
    assert again.learner_.module_ is again.meta.module_
    assert_same(few_shot.fit(X[:90], y[:90]), again.fit(X[:90], y[:90]), X)
    # The task of the meta-learner itself is another matter, and kept as well.
    assert_same(meta, again.meta, X, groups=groups)


def test_few_shot_estimators_keep_what_labels_they_were_given(tmp_path):
    X, y, groups = table()
    few_shot = FewShotClassifier(small().fit(X, y, groups=groups))
    two = y > 0
    few_shot.fit(X[two], y[two])
    assert_same(few_shot, through_file(few_shot, tmp_path / "a"), X)
    np.testing.assert_array_equal(few_shot.classes_, [1, 2])
    bag = BaggingClassifier(few_shot, 2, random_state=0).fit(X[two], y[two])
    assert_same(bag.estimators_[0], through_file(bag.estimators_[0], tmp_path / "b"), X)


def test_a_few_shot_estimator_with_another_meta_learner_set_is_kept(meta, tmp_path):
    X, y, groups = table()
    few_shot = FewShotClassifier(meta).fit(X[::5], y[::5])
    few_shot.set_params(meta=small(algorithm="maml").fit(X, y, groups=groups))
    assert_same(few_shot, through_file(few_shot, tmp_path / "a"), X)


def test_metadata_requests_are_kept(meta, tmp_path):
    with config_context(enable_metadata_routing=True):
        mine = pickle.loads(pickle.dumps(meta)).set_score_request(sample_weight=True)
        again = through_file(mine, tmp_path / "a")
        assert str(again.get_metadata_routing()) == str(mine.get_metadata_routing())


@pytest.mark.parametrize("adapts", [True, False])
def test_an_ensemble_is_kept_with_its_members_and_its_requests(meta, adapts, tmp_path):
    X, y, groups = table()
    members = [("meta", meta), ("own", PerTask(LogisticRegression(max_iter=500)))]
    stack = MetaStackingClassifier(
        members, weights="equal", refit=False, random_state=0
    )
    with config_context(enable_metadata_routing=True):
        stack.set_score_request(sample_weight=True)
        bare = skops.io.loads(skops.io.dumps(stack), trusted=skmeta.TRUSTED_TYPES)
        assert not bare.__sklearn_is_fitted__()
        assert [name for name, _ in bare.estimators] == ["meta", "own"]
        stack.fit(X, y, groups=groups)
        if adapts:
            stack.adapt(X, y, groups=groups)
        again = through_file(stack, tmp_path / "a")
        for each in (bare, again):
            requests = str(stack.get_metadata_routing())
            assert str(each.get_metadata_routing()) == requests
    assert [*again.named_estimators_] == ["meta", "own"]
    if adapts:
        assert_same(stack, again, X, groups=groups)
    few = X[::9], y[::9]
    assert_same(stack.adapt(*few), again.adapt(*few), X)


def test_what_a_user_hung_on_an_estimator_is_kept(tmp_path):
    X, y, groups = table()
    meta = small().fit(X, y, groups=groups)
    meta.note = "trained on the cellar of 2024"
    assert through_file(meta, tmp_path / "a").note == meta.note


def test_callbacks_are_left_out_with_a_warning(tmp_path):
    X, y, groups = table()
    callbacks = [LRScheduler("StepLR", step_size=1)]
    meta = small(callbacks=callbacks).fit(X, y, groups=groups)
    with pytest.warns(UserWarning, match="LRScheduler"):
        meta.save(tmp_path / "a")
    assert skmeta.load(tmp_path / "a").callbacks is None
    assert meta.callbacks is callbacks


def test_an_unfitted_estimator_is_not_saved(tmp_path):
    with pytest.raises(skmeta.exceptions.NotFittedError):
        small().save(tmp_path / "a")


def test_skops_keeps_a_pipeline_with_the_trusted_types(meta):
    X, y, groups = table()
    pipeline = make_pipeline(StandardScaler(), small(algorithm="maml", tasks="table"))
    pipeline.fit(X, y)
    data = skops.io.dumps(pipeline)
    assert set(skops.io.get_untrusted_types(data=data)) <= set(skmeta.TRUSTED_TYPES)
    assert_same(pipeline, skops.io.loads(data, trusted=skmeta.TRUSTED_TYPES), X)
    for estimator in (meta, FewShotClassifier(meta).fit(X[:90], y[:90])):
        data = skops.io.dumps(estimator)
        again = skops.io.loads(data, trusted=skmeta.TRUSTED_TYPES)
        which = {"groups": groups} if estimator is meta else {}
        assert_same(estimator, again, X, **which)


def test_few_shot_estimators_are_known_by_the_name_of_their_room():
    room = "skmeta.estimators.few_shot"
    for cls in (FewShotClassifier, FewShotRegressor):
        assert pickle.loads(f"c{room}\n{cls.__name__}\n.".encode()) is cls
    X, y, groups = table()
    few_shot = FewShotClassifier(small().fit(X, y, groups=groups)).fit(X[::5], y[::5])
    new, old = io.BytesIO(skops.io.dumps(few_shot)), io.BytesIO()
    with zipfile.ZipFile(new) as given, zipfile.ZipFile(old, "w") as file:
        for name in given.namelist():
            content = given.read(name)
            of_room = content.replace(f"{room}.classifier".encode(), room.encode())
            assert (name == "schema.json") == (of_room != content)
            file.writestr(name, of_room)
    again = skops.io.loads(old.getvalue(), trusted=skmeta.TRUSTED_TYPES)
    assert_same(few_shot, again, X)


def test_skops_keeps_an_unfitted_estimator():
    data = skops.io.dumps(small(algorithm=MAML(inner_steps=2)))
    again = skops.io.loads(data, trusted=skmeta.TRUSTED_TYPES)
    assert again.algorithm.inner_steps == 2
    assert not hasattr(again, "module_")


def test_pickles_keep_the_optimizer(meta):
    again = pickle.loads(pickle.dumps(meta))
    assert again.net_.optimizer_.state
