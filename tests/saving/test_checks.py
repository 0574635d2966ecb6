"""Whoever writes a file can write its checksum: what it says is looked through."""

import copy
import json
import random
import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import skmeta
from skmeta import FewShotClassifier, LoadError, MetaClassifier
from skmeta.backbones import MLP
from skmeta.saving import file as saved_file
from skmeta.saving.estimators import pack_estimator
from tests.saving.conftest import TINY, assert_refused, edited, small, table

pytestmark = pytest.mark.filterwarnings("ignore:.*too small:UserWarning")

BILLION = 10**9


def built(kind, name, **given):
    return {"$": kind, "name": name, "distribution": "skmeta", "version": ""} | {
        "params": given
    }


def forged(data, path, value):
    """Return a file that says something else at a place."""

    def change(document):
        *way, last = path.split("/")
        place = document["estimator"]
        for key in way:
            place = place[int(key) if isinstance(place, list) else key]
        place[last] = value

    return edited(data, change)


STATE = {"bit_generator": "MT19937", "has_gauss": 0, "gauss": 0.0}


def random_state(key="fitted.scale_", position=BILLION):
    key = {"$": "items", "dtype": "<u4", "shape": [624], "items": [1] * 624}
    return {
        "$": "RandomState",
        "state": {**STATE, "state": {"key": key, "pos": position}},
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        # Memory that a few bytes ask for.
        ("fitted/scale_", {"$": "items", "dtype": f"<U{BILLION}"} | {"shape": [1]} | {
            "items": ["a"]
        }),
        ("fitted/scale_", {"$": "items", "dtype": f"({BILLION},)f8", "shape": [1]} | {
            "items": [1.0]
        }),
        ("fitted/classes_", {"$": "array", "dtype": f"<U{BILLION}", "name": "scale_"}),
        ("fitted/backbone_", built("backbone", "mlp", hidden=[BILLION])),
        ("fitted/backbone_", built("backbone", "resnet_mlp", n_blocks=BILLION)),
        ("fitted/algorithm_", built("algorithm", "maml++", inner_steps=BILLION)),
        ("spec/n_features", BILLION),
        ("spec/n_outputs", BILLION),
        ("fitted/scale_", {"$": "tensor", "name": "module_.backbone.0.weight"}),
        # Positions that lead beyond an array.
        ("params/random_state", random_state()),
        ("params/random_state", random_state(position=-1)),
        ("adapted/n_tasks", 0),
        ("adapted/n_tasks", BILLION),
        ("adapted/_order", {"$": "items", "dtype": "<i8", "shape": [1], "items": [7]}),
        ("adapted/labels/members", {"$": "items", "dtype": "<i8", "shape": [1]} | {
            "items": [10**6]
        }),
        # Things that nobody saves.
        ("fitted/augment_", built("dataset", "sinusoids")),
        ("params/augment", built("dataset", "omniglot")),
        ("fitted/checkpoint_dir", "/tmp"),
        ("fitted/device", "cuda"),
        ("fitted/net_", 1),
        ("fitted/__class__", 1),
        ("fitted/__sklearn_clone__", 1),
        ("fitted/n_features_in_", True),
        ("fitted/backbone_", 10**400),
        ("fitted/normalize_", "all"),
        ("fitted/tasks_", "all"),
        ("fitted/n_way_", 0),
        ("fitted/given_class_weight_", "all"),
        ("spec/kind", "regressor"),
        ("spec/n_train_classes", -1),
        ("weights", []),
        ("history", 7),
        ("history", [7]),
        ("adapted/labels", None),
        ("adapted/_states", {"$": "tuple", "items": []}),
        ("class", "MetaRegressor"),
        ("params/lr", {"$": "date", "is": 5}),
        ("params/lr", {"$": "timestamp", "is": "9" * 40}),
    ],
)  # fmt: skip
def test_what_cannot_have_been_saved_is_refused(saved, path, value, tmp_path):
    data = forged(saved, path, value)
    tracemalloc.start()
    assert_refused(data, tmp_path, "refused.skmeta")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * len(data) + 2**22


NONE = {"$": "items", "dtype": "<i8", "shape": [1], "items": [1]}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[(key, None) for key in ("X", "y", "sizes")],
        *[(key, NONE) for key in ("X", "y", "sizes", "weight", "offset")],
    ],
)
def test_supports_of_other_tasks_are_refused(meta, key, value, tmp_path):
    with_supports = pack_estimator(meta, supports=True)
    data = forged(with_supports, f"supports/{key}", value)
    assert_refused(data, tmp_path, "refused.skmeta")


@pytest.mark.parametrize(
    ("name", "number"), [("X", np.nan), ("weight", -1.0), ("weight", np.inf)]
)
def test_supports_that_are_no_numbers_are_refused(name, number, tmp_path):
    X, y, groups = table()
    meta = small().fit(X, y, groups=groups)
    meta.adapt(X, y, groups=groups, sample_weight=np.ones(len(y)))
    document, tensors = saved_file.unpack(pack_estimator(meta, supports=True))
    tensors[document["estimator"]["supports"][name]["name"]][-1] = number
    data = saved_file.pack_text(json.dumps(document), tensors)
    assert_refused(data, tmp_path, "refused.skmeta")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(saved, value, tmp_path):
    document, tensors = saved_file.unpack(saved)
    tensors["module_.backbone.0.bias"][3] = value
    data = saved_file.pack_text(json.dumps(document), tensors)
    assert_refused(data, tmp_path, r"backbone\.0\.bias.* not finite")


@pytest.mark.parametrize("name", ["mean_", "scale_", "low_", "high_"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_scale_that_is_no_number_is_refused(saved, name, value, tmp_path):
    document, tensors = saved_file.unpack(saved)
    tensors[name][0] = value
    data = saved_file.pack_text(json.dumps(document), tensors)
    assert_refused(data, tmp_path, f"{name} is out of range")


def test_weights_of_another_shape_are_refused_by_name(saved, tmp_path):
    document, tensors = saved_file.unpack(saved)
    tensors["module_.backbone.0.weight"] = torch.zeros(8, 12)
    data = saved_file.pack_text(json.dumps(document), tensors)
    assert_refused(data, tmp_path, r"another network, by \['backbone\.0\.weight'\]")


def test_a_few_shot_estimator_is_given_no_other_attribute(meta, tmp_path):
    X, y, _ = table()
    few_shot = FewShotClassifier(meta).fit(X, y)
    few_shot_file = pack_estimator(few_shot)

    def change(document):
        document["estimator"]["learnt"]["checkpoint_dir"] = "/tmp"

    (tmp_path / "a").write_bytes(edited(few_shot_file, change))
    assert skmeta.load(tmp_path / "a").learner_.checkpoint_dir is None


def test_a_network_that_looks_at_its_weights_is_built_within_bounds(tmp_path):
    """It cannot be made of shapes alone."""

    class Looks(MLP):
        def build(self, n_features):
            network = super().build(n_features)
            assert network[0].weight.abs().max().item() > 0
            return network

    class Offer:
        @staticmethod
        @skmeta.hookimpl
        def skmeta_backbones():
            return {"looks": Looks}

    X, y, groups = table()
    name = skmeta.plugins.register(Offer(), "at-home")
    try:
        meta = small(backbone=Looks((8,))).fit(X, y, groups=groups).adapt(X, y)
        (tmp_path / "a").write_bytes(data := pack_estimator(meta))
        again = skmeta.load(tmp_path / "a")
        np.testing.assert_array_equal(again.predict(X), meta.predict(X))
        data = forged(data, "fitted/backbone_/params/hidden", [10**5, 10**5])
        assert_refused(data, tmp_path, "its weights do not fill")
    finally:
        skmeta.plugins.unregister(name)


def test_a_prior_that_knows_no_row_of_zeros_is_kept(tmp_path):
    X, y, groups = table()
    X = np.c_[X, 5 + groups % 2]
    columns = ColumnTransformer([("one", OneHotEncoder(), [13])], remainder="drop")
    prior = make_pipeline(columns, LogisticRegression())
    meta = small(algorithm="gp", prior=prior).fit(X, y, groups=groups).adapt(X, y)
    meta.save(tmp_path / "a")
    again = skmeta.load(tmp_path / "a")
    np.testing.assert_array_equal(again.predict_proba(X), meta.predict_proba(X))


HOSTILE = [
    *(None, True, -1, 0, 2, 10**6, 2**63, 10**30, 1e308, "", "x", [], {}, [[]]),
    *({"$": "float", "is": "nan"}, {"$": "tensor", "name": "mean_"}, "9" * 5000),
    *({"$": "array", "dtype": "<f8", "name": "mean_"}, {"$": "device", "is": "no"}),
    {"$": "items", "dtype": "object", "shape": [BILLION], "items": [1]},
    {"$": "estimator", "content": {"class": "MetaClassifier"}},
    {"$": "estimator", "content": {"prior": {}}},
    {"$": "dict", "items": [[[], 1]]},
    {"$": "frame", "columns": [["a", 1]]},
]


def places(value, before=()):
    inside = []
    if isinstance(value, dict):
        inside = [*value.items()]
    elif isinstance(value, list):
        inside = [*enumerate(value)]
    found = [(*before, key) for key, _ in inside]
    for key, each in inside:
        found += places(each, (*before, key))
    return found


def test_any_forgery_is_an_answer_or_a_load_error(meta, saved, tmp_path):
    X, _, groups = table()
    document, tensors = saved_file.unpack(saved)
    rng, outcomes = random.Random(0), {"refused": 0, "answered": 0}
    for _ in range(150):
        own = copy.deepcopy(document)
        *way, last = rng.choice(places(own))
        place = own
        for key in way:
            place = place[key]
        if rng.random() < 0.2:
            del place[last]
        else:
            place[last] = copy.deepcopy(rng.choice(HOSTILE))
        path = tmp_path / "forged"
        path.write_bytes(saved_file.pack_text(json.dumps(own), dict(tensors)))
        try:
            again = skmeta.load(path)
        except LoadError:
            outcomes["refused"] += 1
            continue
        try:
            answers = again.predict(X, groups=groups)
        except ValueError:  # of what is not fitted, or of a parameter that is none
            continue
        assert answers.shape == (len(X),)
        outcomes["answered"] += 1
    assert outcomes["refused"] > 75 > 5 < outcomes["answered"]


# What is of a machine ---------------------------------------------------------------


def test_paths_and_callbacks_and_devices_stay_where_they_are(tmp_path):
    X, y, groups = table()
    meta = small(checkpoint_dir=tmp_path / "fit").fit(X, y, groups=groups)
    meta.device = "cuda:1"  # as after a training there
    meta.save(tmp_path / "a")
    again = skmeta.load(tmp_path / "a")
    assert (again.checkpoint_dir, again.callbacks, again.device) == (None, None, "cpu")
    assert b"fit.checkpoint" not in (data := (tmp_path / "a").read_bytes())
    assert str(tmp_path).encode() not in data
    assert again.adapt(X, y).predict(X).shape == (len(X),)


def test_a_file_of_a_gpu_machine_is_loaded_on_the_cpu(saved, tmp_path):
    (tmp_path / "a").write_bytes(
        forged(saved, "params/device", {"$": "device", "is": "cuda:0"})
    )
    assert skmeta.load(tmp_path / "a").device == "cpu"


@pytest.mark.parametrize("device", ["banana", "cuda:77", "meta"])
def test_a_device_that_is_not_there_is_named(meta, device, tmp_path):
    X, y, groups = table()
    meta.save(tmp_path / "a")
    with pytest.raises(ValueError, match=rf"device='{device}'.*Pass 'cpu'"):
        skmeta.load(tmp_path / "a", device=device)
    with pytest.raises(ValueError, match=rf"device='{device}'.*Pass 'cpu'"):
        MetaClassifier("protonet", device=device, **TINY).fit(X, y, groups=groups)


def test_one_task_alone_and_many_states_of_tasks_are_what_may_be_saved(
    monkeypatch, tmp_path
):
    X, y, groups = table()
    meta = small(label_space="per_task").fit(X, y, groups=groups)
    (tmp_path / "one").write_bytes(pack_estimator(meta.adapt(X[:50], y[:50])))
    again = skmeta.load(tmp_path / "one")
    assert again.adapted_.n_tasks == 1
    np.testing.assert_array_equal(again.predict(X), meta.predict(X))
    monkeypatch.setattr("skmeta.engine.chunks.ROWS_AT_ONCE", 30)
    monkeypatch.setattr("skmeta.engine.chunks._JOINED", 1)
    meta.adapt(X, y, groups=groups)
    assert len(meta.adapted_.states) == 3
    (tmp_path / "many").write_bytes(pack_estimator(meta))
    again = skmeta.load(tmp_path / "many")
    answers = (each.predict_proba(X, groups=groups) for each in (again, meta))
    np.testing.assert_array_equal(*answers)
