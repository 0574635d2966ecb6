"""A file of ONNX answers as the learner does, and says what it cannot hold."""

import json
import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta import FewShotClassifier, MetaClassifier, MetaRegressor
from skmeta.algorithms import ProtoNet
from skmeta.backbones import Conv4
from skmeta.datasets import make_sinusoids
from skmeta.onnx import prior_answers, to_onnx
from skmeta.onnx.export import _chosen, _meta_of, _of_support, _of_task
from tests.quick import TASK, X, Y, regressor

onnx = pytest.importorskip("onnx", reason="the extra onnx")
pytest.importorskip("onnxscript", reason="the extra onnx")
runtime = pytest.importorskip("onnxruntime", reason="the extra onnx")

HOW = {"max_epochs": 2, "tasks_per_epoch": 32, "random_state": 0}


@pytest.fixture(scope="module")
def sines():
    X, y, groups = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    return X.astype(np.float32), y, groups


def run(file, **given):
    """Return what a runtime answers, by the names of the outputs."""
    session = runtime.InferenceSession(file.SerializeToString())
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(None, given), strict=True))


def note(file):
    [entry] = [each for each in file.metadata_props if each.key == "skmeta"]
    return json.loads(entry.value)


def test_a_task_of_values_is_answered_alike(sines, tmp_path):
    X, y, groups = sines
    meta = MetaRegressor("maml", normalize="task", **HOW)
    meta.fit(X, y, groups=groups).adapt(X[:60], y[:60], groups=groups[:60])
    file = to_onnx(meta, tmp_path / "task.onnx", group=1)
    asked = np.concatenate([X[20:60], [[-30.0], [90.0]]]).astype(np.float32)  # far, too
    expected = meta.predict(asked, groups=np.ones(len(asked), int))
    written = onnx.load(tmp_path / "task.onnx")
    for each in (file, written):
        found = run(each, X=asked)["values"]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        assert note(each)["group"] == 1
    other = meta.predict(asked, groups=np.zeros(len(asked), int))
    assert np.abs(found - other).max() > 1e-3  # or any task would do


@pytest.mark.slow
def test_what_a_prior_says_is_an_input(sines):
    X, y, groups = sines
    meta = MetaRegressor("gp", prior="linear", normalize="robust", **HOW)
    meta.fit(X, y, groups=groups).adapt(X[:20], y[:20])
    asked = np.concatenate([X, [[-30.0], [90.0]]]).astype(np.float32)
    found = run(to_onnx(meta), X=asked, prior=prior_answers(meta, asked))["values"]
    np.testing.assert_allclose(found, meta.predict(asked), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="prior=None"):
        to_onnx(meta, with_support=True)


def test_classes_are_answered_by_their_labels(sines):
    X, y, groups = sines
    labels = np.array(["low", "high"])[(y > 0).astype(int)]
    meta = MetaClassifier("protonet", **HOW).fit(X, labels, groups=groups)
    file = to_onnx(meta.adapt(X[:20], labels[:20]))
    found = run(file, X=X)
    assert found["label"].tolist() == meta.predict(X).tolist()
    np.testing.assert_allclose(found["probabilities"], meta.predict_proba(X), atol=1e-5)
    assert note(file)["classes"] == ["high", "low"]


@pytest.mark.parametrize("algorithm", ["protonet", "gp"])
def test_yes_and_no_are_answered_as_such(sines, algorithm):
    X, y, groups = sines
    meta = MetaClassifier(algorithm, prior=None, **HOW).fit(X, y > 0, groups=groups)
    found = run(to_onnx(meta.adapt(X[:20], y[:20] > 0)), X=X)
    assert found["label"].dtype == bool
    np.testing.assert_array_equal(found["label"], meta.predict(X))
    np.testing.assert_allclose(found["probabilities"], meta.predict_proba(X), atol=1e-5)


def test_labels_inside_tasks_are_those_of_the_task():
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    backbone = Conv4((8, 8), channels=(4, 4))
    learner = ProtoNet(unlabelled=(0.0, 0.0))
    meta = MetaClassifier(learner, backbone, tasks="classes", **HOW)
    meta.fit(X[y < 6], y[y < 6])
    few = FewShotClassifier(meta).fit(X[y > 6][:30], y[y > 6][:30])
    file = to_onnx(few)
    found = run(file, X=X[y > 6])
    assert found["label"].tolist() == few.predict(X[y > 6]).tolist()
    assert note(file)["classes"] == [7, 8, 9]
    with pytest.raises(ValueError, match="n_classes=5"):
        to_onnx(meta, with_support=True)
    file = to_onnx(meta, with_support=True, n_classes=3)
    codes = (y[y > 6][:30] - 7).astype(np.int64)
    again = run(file, X_support=X[y > 6][:30], y_support=codes, X=X[y > 6])
    np.testing.assert_allclose(
        again["probabilities"], found["probabilities"], atol=1e-5
    )
    assert (again["label"] + 7 == found["label"]).all()


@pytest.mark.slow
def test_a_meta_learner_learns_the_support_it_is_given(sines):
    X, y, groups = sines
    meta = MetaRegressor("maml", **HOW).fit(X, y, groups=groups)
    file = to_onnx(meta, with_support=True)
    for n_rows in (1, 7, 20):
        few = {"X_support": X[:n_rows], "y_support": y[:n_rows].astype(np.float32)}
        found = run(file, X=X[:40], **few)["values"]
        expected = meta.adapt(X[:n_rows], y[:n_rows]).predict(X[:40])
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_what_no_graph_can_hold_is_refused(sines, capsys):
    X, y, groups = sines
    meta = MetaRegressor("gp", prior=None, **HOW)
    with pytest.raises(TypeError, match="last step"):
        to_onnx(make_pipeline(StandardScaler(), meta))
    meta.fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="write adapted tasks"):
        to_onnx(meta, with_support=True)
    assert capsys.readouterr() == ("", "")  # torch has pages to say
    both = MetaRegressor("maml", **HOW).fit(X, np.c_[y, y], groups=groups)
    with pytest.raises(ValueError, match="one target"):
        to_onnx(both.adapt(X[:9], np.c_[y, y][:9]))
    labels = np.digitize(y, [-1, 0, 1])
    rejecting = MetaClassifier("protonet", reject=True, **HOW)
    rejecting.fit(X, labels, groups=groups).adapt(X[:9], labels[:9])
    with pytest.raises(ValueError, match="reject=None"):
        to_onnx(rejecting)


def test_rows_far_from_nought_are_given_in_double_precision():
    X, y, groups = make_sinusoids(n_tasks=8, n_rows=20, random_state=0)
    seconds = 1.7e9 + X
    meta = MetaRegressor("maml", prior=None, **HOW).fit(seconds, y, groups=groups)
    meta.adapt(seconds[:9], y[:9])
    with pytest.warns(UserWarning, match="columns 0 vary so little"):
        to_onnx(meta)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = to_onnx(meta, dtype="float64")
    found = run(file, X=seconds)["values"]
    np.testing.assert_allclose(found, meta.predict(seconds), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="dtype must be"):
        to_onnx(meta, dtype="float16")


def test_what_graphs_have_no_type_for_is_refused(sines):
    X, y, groups = sines
    far = MetaRegressor("r2d2", **HOW).fit(X, y * 1e50, groups=groups)
    with pytest.raises(ValueError, match="answer in single precision"):
        to_onnx(far.adapt(X[:9], y[:9] * 1e50))
    days = np.array("2026-01-01", "M8[D]") + (y > 0)
    large = (y > 0) + np.uint64(2**63)
    for labels in (days, large):
        meta = MetaClassifier("protonet", **HOW).fit(X, labels, groups=groups)
        with pytest.raises(ValueError, match="ONNX answers by words, numbers"):
            to_onnx(meta.adapt(X[:9], labels[:9]))


def test_a_graph_is_of_one_task_and_says_nothing_of_rows_of_its_own():
    """The row that shows what comes in may lie far from all rows of the table."""
    far = X + 1e4
    meta = regressor(normalize="global").fit(far, Y, groups=TASK)
    meta.adapt(far, Y, groups=TASK)
    with pytest.raises(ValueError, match="graph is of one: name it by group="):
        to_onnx(meta)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*far outside")
        to_onnx(meta, group=TASK[0])


# As modules, before they are written down: torch is trusted to do that.


def answers(estimator, X, *given, n_classes=None):
    """Answer by what to_onnx lets torch write, as float64 numpy, or a pair of them."""
    meta = _meta_of(estimator)
    if given:
        module, _, labels = _of_support(meta, n_classes)
    else:
        module, _, labels = _of_task(meta, None, _chosen(estimator))
    tensors = [torch.as_tensor(each) for each in (*given, X)]
    with torch.no_grad():
        found = module.eval()(*tensors)
    return found, labels


@pytest.mark.parametrize("codes", ["auto", ["low", "top"]], ids=["names", "codes"])
def test_a_few_shot_classifier_answers_by_the_labels_of_its_support(sines, codes):
    X, y, groups = sines
    labels = np.array(["low", "high", "top"])[np.digitize(y, [0, 0.5])]
    meta = MetaClassifier("protonet", label_space="shared", **HOW)
    meta.fit(X, labels, groups=groups)
    few = np.flatnonzero(labels != "high")[:9]
    given = labels[few]
    if codes != "auto":
        given = np.searchsorted(codes, given)
    one = FewShotClassifier(meta, encoded_labels=codes).fit(X[few], given)
    (found, code), names = answers(one, X)
    np.testing.assert_allclose(found, one.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(names[code], one.predict(X))


def test_a_target_beyond_the_training_is_drawn_nearer_in_a_graph_too(sines):
    X, y, groups = sines
    meta = MetaRegressor("r2d2", prior=None, **HOW).fit(X, y, groups=groups)
    few, wild = X[:6], y[:6].astype(np.float32).copy()
    wild[0] = 500.0
    found, _ = answers(meta, X, few, wild)
    expected = meta.adapt(few, wild).predict(X)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
