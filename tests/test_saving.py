"""What is saved comes back bit for bit, without any code, or there is a clear error."""

import datetime
import functools
import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from safetensors import safe_open
from sklearn import config_context
from sklearn.datasets import load_diabetes, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import LRScheduler

import skmeta
from skmeta import (
    FewShotClassifier,
    FewShotRegressor,
    LoadError,
    MetaClassifier,
    MetaRegressor,
    SaveError,
    plugins,
)
from skmeta.algorithms import CNP, MAML, ProtoNet
from skmeta.backbones import MLP, Correction
from skmeta.builtin import skmeta_algorithms
from skmeta.distances import Mahalanobis
from skmeta.saving import file as saved_file
from skmeta.saving.estimators import pack_estimator
from tests.data.make_format1 import diabetes, wine

DATA = Path(__file__).parent / "data"
TINY = {"max_epochs": 1, "tasks_per_epoch": 8, "batch_size": 8, "n_query": 5}
TINY |= {"random_state": 0, "early_stopping": False}
pytestmark = pytest.mark.filterwarnings("ignore:.*too small:UserWarning")


def table(n_groups=6):
    X, y = load_wine(return_X_y=True)
    return X, y, np.arange(len(y)) % n_groups


def small(**parameters):
    given = {"algorithm": "protonet", "backbone": MLP((8,)), **TINY, **parameters}
    return MetaClassifier(**given)


@pytest.fixture(scope="module")
def meta():
    X, y, groups = table()
    return small().fit(X, y, groups=groups).adapt(X, y, groups=groups)


def through_file(estimator, path):
    estimator.save(path)
    return skmeta.load(path)


def assert_same(one, other, X, **which):
    for method in ("predict", "predict_proba", "transform"):
        if hasattr(one, method):
            mine = getattr(one, method)(X, **which)
            np.testing.assert_array_equal(mine, getattr(other, method)(X, **which))


# The same answers -----------------------------------------------------------------


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
        "device": torch.device("cpu"),
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
    for name in {"algorithm", "backbone", "augment", "device", "normalize"}:
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


def test_the_file_says_who_wrote_it_to_any_reader_of_safetensors(meta, tmp_path):
    meta.save(tmp_path / "a")
    with safe_open(tmp_path / "a", framework="np") as opened:
        document = json.loads(opened.metadata()["skmeta"])
        names = set(opened.keys())
    assert document["format"] == 1
    assert document["versions"]["torch"] == torch.__version__
    assert document["versions"].keys() >= {"skmeta", "scikit-learn", "numpy", "python"}
    assert {f"module_.{name}" for name in meta.module_.state_dict()} <= names


# Tomorrow -------------------------------------------------------------------------

ADAPTED_KEYS = {"_bounds", "_order", "_states", "n_tasks", "names"}
SHARED_KEYS = {"algorithm_", "backbone_", "mean_", "n_features_in_", "n_tasks_"}
SHARED_KEYS |= {"feature_names_in_", "scale_", "within_", "_sklearn_output_config"}
CLASSIFIER_KEYS = SHARED_KEYS | {"class_weight_", "classes_", "label_space_"}
REGRESSOR_KEYS = SHARED_KEYS | {"target_mean_", "target_scale_", "target_within_"}


def document_of(estimator):
    if hasattr(estimator, "set_output"):
        estimator.set_output(transform="default")
    return saved_file.unpack(pack_estimator(estimator))[0]["estimator"]


def test_the_keys_of_format_1_are_those_that_files_have():
    """Where this fails, files of yesterday are unreadable: map the new name there."""
    X, y, groups = wine()
    meta = small().fit(X, y, groups=groups).adapt(X, y, groups=groups)
    content = document_of(meta)
    assert content.keys() == {
        *("class", "params", "routing", "fitted", "spec", "history", "weights"),
        "adapted",
    }
    assert content["fitted"].keys() == CLASSIFIER_KEYS
    assert content["adapted"].keys() == {*ADAPTED_KEYS, "labels"}
    labels = {"vocabulary", "members", "first", "n_classes"}
    assert content["adapted"]["labels"].keys() == labels
    assert content["spec"].keys() == {
        *("n_features", "n_outputs", "kind", "label_space", "n_train_classes")
    }
    few_shot = document_of(FewShotClassifier(meta).fit(X, y))
    assert few_shot.keys() == {"class", "meta", "params", "learnt", "adapted"}
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    groups = np.arange(len(y)) % 6
    meta = MetaRegressor("maml", **TINY).fit(X, y, groups=groups)
    content = document_of(meta.adapt(X, y, groups=groups))
    assert content["fitted"].keys() == REGRESSOR_KEYS
    assert content["adapted"].keys() == ADAPTED_KEYS


@pytest.mark.parametrize(
    ("algorithm", "named"),
    {
        "anil": "State",
        "baseline++": "_State",
        "boil": "State",
        "cnp": "_Averages",
        "fomaml": "State",
        "imaml": "State",
        "maml": "State",
        "maml++": "State",
        "matching": "_State",
        "metaoptnet": "_State",
        "metasgd": "State",
        "pooled": "State",
        "protonet": "_State",
        "r2d2": "_State",
        "relation": "_State",
        "reptile": "State",
        "siamese": "_State",
        "simpleshot": "_State",
    }.items(),
)
@pytest.mark.parametrize("normalize", ["global", "task"])
def test_the_class_of_a_state_has_the_name_that_files_have(algorithm, named, normalize):
    X, y, groups = table()
    space = plugins.get("algorithm", algorithm).label_spaces[0]
    meta = small(algorithm=algorithm, label_space=space, normalize=normalize)
    content = document_of(meta.fit(X, y, groups=groups).adapt(X, y))
    (state,) = content["adapted"]["_states"]["items"]
    if normalize == "task":
        assert state["name"] == "TaskScaledState"
        state, statistics, _ = state["items"]
        assert statistics["name"] == "Statistics"
    assert state["name"] == named


def test_attention_of_a_process_has_the_name_that_files_have():
    X, y, groups = table()
    meta = small(algorithm=CNP(attention=True)).fit(X, y, groups=groups)
    (state,) = document_of(meta.adapt(X, y))["adapted"]["_states"]["items"]
    assert state["name"] == "_Rows"


def test_what_a_user_hung_on_an_estimator_is_kept(tmp_path):
    X, y, groups = table()
    meta = small().fit(X, y, groups=groups)
    meta.note = "trained on the cellar of 2024"
    assert through_file(meta, tmp_path / "a").note == meta.note


def test_a_file_of_format_1_still_answers_as_on_its_day():
    expected = json.loads((DATA / "format1.json").read_text())
    X, _, groups = wine()
    classifier = skmeta.load(DATA / "format1_classifier.skmeta")
    proba = classifier.predict_proba(X, groups=groups)[::6]
    np.testing.assert_allclose(proba, expected["proba"], rtol=1e-4, atol=1e-6)
    labels = classifier.predict(X, groups=groups)[::6]
    assert labels.tolist() == expected["classes"]
    X, y, groups = diabetes()
    few_shot = skmeta.load(DATA / "format1_regressor.skmeta")
    assert isinstance(few_shot, FewShotRegressor)
    for answer, name in [
        (few_shot.predict(X), "few_shot"),
        (few_shot.meta.predict(X, groups=groups), "of_groups"),
        (few_shot.fit(X[:20], y[:20]).predict(X), "few_shot"),
    ]:
        np.testing.assert_allclose(answer[::16], expected[name], rtol=1e-4)


# Errors ---------------------------------------------------------------------------


class Mine(MLP):
    """A backbone that no plugin offers."""


class Offer:
    @staticmethod
    @skmeta.hookimpl
    def skmeta_backbones():
        return {"mine": Mine}


def test_what_is_not_registered_cannot_be_saved_and_nothing_is_written(tmp_path):
    X, y, groups = table()
    meta = small(backbone=Mine((8,))).fit(X, y, groups=groups)
    with pytest.raises(SaveError, match=r"backbone: Mine .*skmeta\.plugins\.register"):
        meta.save(tmp_path / "a")
    assert not os.listdir(tmp_path)
    name = plugins.register(Offer(), "at-home")
    try:
        again = through_file(meta, tmp_path / "a")
        assert type(again.backbone) is Mine
    finally:
        plugins.unregister(name)
    with pytest.raises(LoadError, match=r"'mine' of the plugin 'at-home'.*register"):
        skmeta.load(tmp_path / "a")


@pytest.mark.parametrize("value", [torch.tanh, len, lambda a, b: a, object()])
def test_functions_and_objects_cannot_be_saved(value, tmp_path):
    writer = skmeta.saving.values.Writer()
    with pytest.raises(SaveError, match="Cannot save distance"):
        writer.write(value, "distance")


def test_callbacks_are_left_out_with_a_warning(tmp_path):
    X, y, groups = table()
    callbacks = [LRScheduler("StepLR", step_size=1)]
    meta = small(callbacks=callbacks).fit(X, y, groups=groups)
    with pytest.warns(UserWarning, match="LRScheduler"):
        meta.save(tmp_path / "a")
    assert skmeta.load(tmp_path / "a").callbacks is None
    assert meta.callbacks is callbacks


def test_a_failed_save_leaves_the_old_file(meta, tmp_path, monkeypatch):
    meta.save(tmp_path / "a")
    before = (tmp_path / "a").read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        meta.save(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == before
    assert os.listdir(tmp_path) == ["a"]


def test_an_unfitted_estimator_is_not_saved(tmp_path):
    with pytest.raises(skmeta.exceptions.NotFittedError):
        small().save(tmp_path / "a")


def edited(data, change):
    """Rewrite the JSON of a file, with a checksum that agrees."""
    document, tensors = saved_file.unpack(data)
    change(document)
    return saved_file.pack_text(json.dumps(document), tensors)


@pytest.fixture(scope="module")
def saved(meta, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "a"
    meta.save(path)
    return path.read_bytes()


def assert_refused(data, tmp_path, match):
    path = tmp_path / "refused.skmeta"
    path.write_bytes(data)
    with pytest.raises(LoadError, match=match) as caught:
        skmeta.load(path)
    assert "refused.skmeta" in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.1, 0.5, 0.99, 0.9999])
def test_a_truncated_file_is_refused(saved, share, tmp_path):
    assert_refused(saved[: int(share * len(saved))], tmp_path, "damaged|not written")


def test_a_flipped_bit_anywhere_is_noticed(saved, tmp_path):
    for place in np.linspace(0, len(saved) - 1, 40).astype(int):
        data = bytearray(saved)
        data[place] ^= 0x10
        assert_refused(bytes(data), tmp_path, "damaged|not written")


def test_other_files_are_refused(saved, tmp_path):
    assert_refused(pickle.dumps({"a": 1}), tmp_path, "is a pickle.*joblib.load")
    assert_refused(struct.pack("<Q", 2) + b"{}", tmp_path, "not written by skmeta")
    with pytest.raises(FileNotFoundError):
        skmeta.load(tmp_path / "nowhere")


def test_a_later_format_asks_for_an_upgrade(saved, tmp_path):
    def later(document):
        document["format"] = 2
        document["versions"]["skmeta"] = "9.1"

    assert_refused(edited(saved, later), tmp_path, r"format 2, of skmeta 9\.1.*Upgrade")


def test_a_missing_plugin_is_named(saved, tmp_path):
    def of_a_plugin(document):
        algorithm = document["estimator"]["fitted"]["algorithm_"]
        algorithm |= {"name": "gpx", "distribution": "skmeta-gpx", "version": "1.2"}

    match = r"'gpx' of skmeta-gpx 1\.2.*pip install 'skmeta-gpx==1\.2'"
    assert_refused(edited(saved, of_a_plugin), tmp_path, match)


@pytest.mark.parametrize(
    "value",
    [
        {"$": "optimizer", "name": "os.system"},
        {"$": "optimizer", "name": "lr_scheduler"},
        {"$": "named", "name": "Tensor", "items": []},
        {"$": "partial", "of": {"$": "date", "is": "2024-01-01"}, "with": {}},
        {"$": "partial", "of": "os.system", "with": {}},
        {"$": "algorithm", "name": "os", "distribution": "os", "version": ""},
        {"$": "eval", "is": "1"},
        {"$": "items", "dtype": "nothing", "shape": [0], "items": []},
        {"$": "array", "dtype": "O", "name": "nothing"},
        {"$": ["list"]},
    ],
)
def test_a_forged_file_can_only_say_what_is_known(saved, value, tmp_path):
    def forge(document):
        document["estimator"]["fitted"]["scale_"] = value

    assert_refused(edited(saved, forge), tmp_path, "refused.skmeta")


def test_a_forged_file_cannot_replace_a_method(saved, tmp_path):
    def forge(document):
        document["estimator"]["fitted"]["predict"] = 1

    assert_refused(edited(saved, forge), tmp_path, "no attribute of a fit")


# skops ----------------------------------------------------------------------------


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


def test_skops_keeps_an_unfitted_estimator():
    data = skops.io.dumps(small(algorithm=MAML(inner_steps=2)))
    again = skops.io.loads(data, trusted=skmeta.TRUSTED_TYPES)
    assert again.algorithm.inner_steps == 2
    assert not hasattr(again, "module_")


def test_pickles_keep_the_optimizer(meta):
    again = pickle.loads(pickle.dumps(meta))
    assert again.net_.optimizer_.state


def test_a_folder_that_is_not_there_is_named(wine, tmp_path):
    X, y, groups = wine
    meta = MetaClassifier(max_epochs=1, tasks_per_epoch=8, random_state=0)
    meta.fit(X, y, groups=groups)
    with pytest.raises(FileNotFoundError, match=r"no folder '.*elsewhere'"):
        meta.save(tmp_path / "elsewhere" / "wine.skmeta")
