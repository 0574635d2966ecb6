"""Logits, logarithms of probabilities and distances, by their equations."""

import numpy as np
import pytest
import sklearn
from scipy.special import expit, log_softmax, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmeta
from skmeta import FewShotClassifier, MetaClassifier
from skmeta.algorithms import ProtoNet
from skmeta.ensemble import MetaStackingClassifier
from tests.conftest import QUICK


def adapted(meta, digits, own, n_rows=10):
    """Adapt to some digits, and return rows of them that were not seen."""
    X, y = digits
    rows = np.concatenate([np.flatnonzero(y == digit)[:n_rows] for digit in own])
    meta.adapt(X[rows], y[rows])
    new = np.setdiff1d(np.flatnonzero(np.isin(y, own)), rows)
    return X[new], y[new]


@pytest.mark.parametrize("own", [(7,), (6, 9), (6, 7, 9)])
def test_decisions_are_the_logits_of_the_probabilities(per_task, digits, own):
    for meta in per_task.values():
        X, _ = adapted(meta, digits, own)
        decisions, proba = meta.decision_function(X), meta.predict_proba(X)
        if len(own) == 2:
            assert decisions.shape == (len(X),)
            np.testing.assert_allclose(expit(decisions), proba[:, 1], atol=1e-6)
            best = meta.classes_[(decisions > 0).astype(int)]
        else:
            assert decisions.shape == (len(X), len(own))
            np.testing.assert_allclose(softmax(decisions, axis=1), proba, atol=1e-6)
            best = meta.classes_[decisions.argmax(axis=1)]
        np.testing.assert_array_equal(meta.predict(X), best)


def test_classes_that_a_task_lacks_have_no_logit_and_are_infinitely_far(
    per_task, digits
):
    X, y = digits
    meta = per_task["protonet"]
    rows = [np.flatnonzero(np.isin(y, own))[:40] for own in ((1, 2), (2, 7, 9))]
    groups = np.repeat(["a", "b"], 40)
    rows = np.concatenate(rows)
    meta.adapt(X[rows], y[rows], groups=groups)
    lacks = np.array([[False, False, True, True], [True, False, False, False]])
    for answers, without in [
        (meta.decision_function(X[rows], groups=groups), -np.inf),
        (meta.predict_log_proba(X[rows], groups=groups), -np.inf),
        (meta.distances(X[rows], groups=groups), np.inf),
    ]:
        expected = np.repeat(lacks, 40, axis=0)
        np.testing.assert_array_equal(answers == without, expected)


def test_a_probability_of_zero_still_has_a_logarithm(per_task, digits):
    meta = per_task["protonet"]
    X, _ = adapted(meta, digits, (6, 7, 9))
    logs, proba = meta.predict_log_proba(X), meta.predict_proba(X)
    likely = proba > 1e-6
    np.testing.assert_allclose(logs[likely], np.log(proba[likely]), atol=1e-4)
    meta.module_.log_scale.data += 7  # so sure that single precision has no number
    try:
        assert (meta.predict_proba(X) == 0).any()
        assert np.isfinite(meta.predict_log_proba(X)).all()
        expected = log_softmax(meta.decision_function(X), axis=1)
        np.testing.assert_array_equal(meta.predict_log_proba(X), expected)
    finally:
        meta.module_.log_scale.data -= 7


@pytest.mark.parametrize("normalize", ["global", "task"])
@pytest.mark.parametrize("distance", ["euclidean", "cosine", "manhattan"])
def test_distances_are_those_from_the_mean_embedding_of_each_class(
    digits, distance, normalize
):
    X, y = digits
    meta = MetaClassifier(
        ProtoNet(distance), tasks="classes", normalize=normalize, **QUICK
    ).fit(X[y < 6], y[y < 6])
    few = np.flatnonzero(y >= 6)[:40]
    meta.adapt(X[few], y[few])
    got = meta.distances(X[100:130])
    embedded, rows = meta.transform(X[few]), meta.transform(X[100:130])
    for column, label in enumerate(meta.classes_):
        prototype = embedded[y[few] == label].mean(axis=0)
        expected = {
            "euclidean": ((rows - prototype) ** 2).sum(axis=1),
            "manhattan": np.abs(rows - prototype).sum(axis=1),
            "cosine": 1
            - rows
            @ prototype
            / np.linalg.norm(rows, axis=1)
            / np.linalg.norm(prototype),
        }[distance]
        np.testing.assert_allclose(got[:, column], expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(
        meta.classes_[got.argmin(axis=1)], meta.predict(X[100:130])
    )


def test_what_has_no_prototypes_says_so(per_task, digits):
    X, _ = adapted(per_task["maml"], digits, (6, 7))
    with pytest.raises(ValueError, match=r"MAML.* no prototypes.*'protonet'"):
        per_task["maml"].distances(X)


def test_an_ensemble_decides_by_what_its_members_say_together(wine):
    X, y, groups = wine
    stack = MetaStackingClassifier(
        [
            ("protonet", MetaClassifier("protonet", n_shot=4, **QUICK)),
            ("own", LogisticRegression(max_iter=50)),
        ],
        weights="equal",
        random_state=0,
    ).fit(X, y, groups=groups)
    stack.adapt(X[:20], y[:20])
    decisions, proba = stack.decision_function(X), stack.predict_proba(X)
    np.testing.assert_allclose(softmax(decisions, axis=1), proba)
    np.testing.assert_allclose(np.exp(stack.predict_log_proba(X)), proba)
    best = stack.classes_[decisions.argmax(axis=1)]
    np.testing.assert_array_equal(stack.predict(X), best)
    with pytest.raises(ValueError, match="an embedding of its own"):
        stack.distances(X)


def test_an_ordinary_classifier_decides_among_the_labels_of_its_task(wine):
    X, y, groups = wine
    pipe = make_pipeline(
        StandardScaler(),
        MetaClassifier("protonet", n_shot=4, **QUICK),
    )
    with sklearn.config_context(enable_metadata_routing=True):
        pipe.fit(X, y, groups=groups)
    two = np.flatnonzero(y < 2)
    few = FewShotClassifier(pipe).fit(X[two[::9]], y[two[::9]])
    decisions = few.decision_function(X[two])
    assert decisions.shape == (len(two),)
    np.testing.assert_allclose(expit(decisions), few.predict_proba(X[two])[:, 1], 1e-4)
    np.testing.assert_array_equal(decisions > 0, few.predict(X[two]) == 1)
    np.testing.assert_allclose(
        np.exp(few.predict_log_proba(X[two])), few.predict_proba(X[two]), rtol=1e-4
    )
    assert few.distances(X[two]).shape == (len(two), 2)
    assert cross_val_score(few, X[two], y[two], scoring="roc_auc").mean() > 0.9
    calibrated = CalibratedClassifierCV(few, cv=3).fit(X[two], y[two])
    assert calibrated.score(X[two], y[two]) > 0.8


def test_decisions_go_to_each_row_of_its_own_task_by_routing(wine):
    X, y, groups = wine
    pipe = make_pipeline(StandardScaler(), MetaClassifier("protonet", **QUICK))
    with sklearn.config_context(enable_metadata_routing=True):
        pipe.fit(X, y, groups=groups)
        skmeta.adapt(pipe, X, y, groups=groups)
        Z = pipe[0].transform(X)
        for verb in ("decision_function", "predict_log_proba"):
            np.testing.assert_array_equal(
                getattr(pipe, verb)(X, groups=groups),
                getattr(pipe[-1], verb)(Z, groups=groups),
            )
