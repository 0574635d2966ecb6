"""The names that files have stay as they are, and files of all formats load."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

import skmeta
from skmeta import FewShotClassifier, FewShotRegressor, MetaRegressor, plugins
from skmeta.algorithms import CNP
from skmeta.saving import file as saved_file
from skmeta.saving.estimators import pack_estimator
from tests.data.make_format1 import diabetes, wine
from tests.saving.conftest import TINY, small, table

DATA = Path(__file__).parents[1] / "data"
pytestmark = pytest.mark.filterwarnings("ignore:.*too small:UserWarning")


ADAPTED_KEYS = {"_bounds", "_order", "_states", "n_rows", "n_tasks", "names"}
SHARED_KEYS = {"algorithm_", "augment_", "backbone_", "mean_", "n_tasks_"}
SHARED_KEYS |= {"n_features_in_", "feature_names_in_", "scale_", "within_"}
SHARED_KEYS |= {"_sklearn_output_config"}
SHARED_KEYS |= {"low_", "high_", "n_query_", "n_shot_", "prior_"}
SHARED_KEYS |= {"largest_task_", "normalize_", "tasks_", "unlabelled_"}
SHARED_KEYS |= {"temperature_"}
CLASSIFIER_KEYS = SHARED_KEYS | {"class_weight_", "classes_", "label_space_"}
CLASSIFIER_KEYS |= {"given_class_weight_", "n_way_", "unknown_", "unknown_label_"}
REGRESSOR_KEYS = SHARED_KEYS | {"target_mean_", "target_scale_", "target_within_"}
REGRESSOR_KEYS |= {"target_low_", "target_high_", "target_spread_"}
REGRESSOR_KEYS |= {"target_widest_"}


def document_of(estimator, **how):
    if hasattr(estimator, "set_output"):
        estimator.set_output(transform="default")
    return saved_file.unpack(pack_estimator(estimator, **how))[0]["estimator"]


def test_the_keys_of_format_3_are_those_that_files_have():
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
        *("n_features", "n_outputs", "kind", "label_space", "n_train_classes"),
        *("from_pool", "n_parts"),
    }
    few_shot = document_of(FewShotClassifier(meta).fit(X, y))
    assert few_shot.keys() == {"class", "meta", "params", "learnt", "adapted", "task"}
    assert few_shot["task"].keys() == {"classes", "labels"}
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    groups = np.arange(len(y)) % 6
    meta = MetaRegressor("maml", **TINY).fit(X, y, groups=groups)
    content = document_of(meta.adapt(X, y, groups=groups))
    assert content["fitted"].keys() == REGRESSOR_KEYS
    assert content["adapted"].keys() == ADAPTED_KEYS
    for each in (meta, FewShotRegressor(meta).fit(X, y)):
        content = document_of(each, supports=True)
        keys = {"X", "y", "sizes", "weight", "offset"}
        assert content["supports"].keys() == keys


NAMED = {
    "anil": "State",
    "baseline++": "_State",
    "boil": "State",
    "cnp": "_Averages",
    "fomaml": "State",
    "gp": "Posterior",
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
}
"""What files call the state of every built-in algorithm."""


def test_a_calibration_has_the_keys_that_files_have():
    X, y, groups = table()
    meta = small(algorithm="cnp", label_space="shared").fit(X, y, groups=groups)
    meta.calibrate(X, y, groups=groups)
    keys = {"sizes", "n_tasks", "scores", "levels"}
    assert document_of(meta)["calibration"].keys() == keys


def test_the_keys_of_several_targets_are_those_that_files_have():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    both = y.to_frame("later").assign(before=-y)
    meta = MetaRegressor("r2d2", prior="linear", **TINY)
    content = document_of(meta.fit(X, both, groups=np.arange(len(y)) % 6))
    assert content["fitted"].keys() == REGRESSOR_KEYS | {"target_names_"}
    assert content["spec"]["n_targets"] == 2
    assert content["fitted"]["prior_"]["content"].keys() == {"priors"}


def test_the_state_of_every_built_in_algorithm_has_a_name_in_files():
    entries = plugins.entries("algorithm")
    assert {e.name for e in entries if e.distribution == "skmeta"} == NAMED.keys()


@pytest.mark.parametrize(("algorithm", "named"), NAMED.items())
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


def test_a_prior_has_the_keys_that_files_have():
    X, y, groups = table()
    meta = small(algorithm="gp", prior="linear", label_space="shared")
    content = document_of(meta.fit(X, y, groups=groups))
    (kept,) = content["fitted"]["prior_"]["content"]
    assert kept == "prior"
    keys = {"parts", "classes", "columns", "mean", "scale"}
    assert content["fitted"]["prior_"]["content"]["prior"].keys() == keys


@pytest.mark.filterwarnings("ignore:Meta-learning does not help:UserWarning")
def test_what_is_known_of_unknown_classes_has_the_keys_that_files_have():
    X, y, groups = table()
    meta = small(algorithm="protonet", label_space="shared", reject=True)
    content = document_of(meta.fit(X, y, groups=groups).adapt(X, y))
    learnt = content["fitted"]["unknown_"]["content"]["rejection"]
    assert learnt.keys() == {
        *("units", "sizes", "center", "spread", "aurocs", "weights", "levels"),
        *("farthest", "beyond"),
    }
    assert learnt["units"].keys() == {
        *("embedding", "features", "whitening", "means", "feature_means"),
    }
    (state,) = content["adapted"]["_states"]["items"]
    assert state["name"] == "LandmarkedState"


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


def test_a_file_of_format_2_still_answers_as_on_its_day():
    expected = json.loads((DATA / "format2.json").read_text())
    X, _, groups = wine()
    classifier = skmeta.load(DATA / "format2_classifier.skmeta")
    assert len(classifier.prior_.parts) == 1
    proba = classifier.predict_proba(X[::4], groups=groups[::4])[::6]
    np.testing.assert_allclose(proba, expected["proba"], rtol=1e-3, atol=1e-5)
    X, y, groups = diabetes()
    few_shot = skmeta.load(DATA / "format2_regressor.skmeta")
    values, std = few_shot.meta.predict(X, groups=groups, return_std=True)
    for answer, name in [
        (values, "of_groups"),
        (std, "std_of_groups"),
        (few_shot.predict(X), "few_shot"),
        (few_shot.fit(X[:20], y[:20]).predict(X), "few_shot"),
    ]:
        np.testing.assert_allclose(answer[::16], expected[name], rtol=1e-3)
