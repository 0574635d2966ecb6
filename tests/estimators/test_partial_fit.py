"""More tasks after the first ones."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context

import skmeta
from skmeta import NotAdaptedError
from skmeta.algorithms import ProtoNet
from tests.quick import TASK, X, Y, classifier, regressor, wine

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*too small"
)


def weights(meta):
    return torch.cat([each.flatten() for each in meta.module_.state_dict().values()])


@pytest.mark.parametrize("changed", ["features", "targets"])
def test_rows_in_other_units_than_those_of_the_first_call_are_warned_of(changed):
    first = TASK < 15
    meta = regressor().partial_fit(X[first], Y[first], groups=TASK[first])
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*far outside")
        meta.partial_fit(X[~first], Y[~first], groups=TASK[~first])
    other = np.where(TASK == 17, 1000.0, 1.0)
    X_other = X * other[:, None] if changed == "features" else X
    Y_other = Y * other if changed == "targets" else Y
    message = r"Some of the rows of \[17\] are far outside.* standardised as those"
    with pytest.warns(UserWarning, match=message):
        meta.partial_fit(X_other[~first], Y_other[~first], groups=TASK[~first])


def test_partial_fit_goes_on_from_the_weights_that_are_there():
    meta = regressor()
    old = TASK < 15
    meta.partial_fit(X[old], Y[old], groups=TASK[old])
    first, scale = meta.module_, meta.scale_
    before = weights(meta)
    meta.partial_fit(5 * X[~old], Y[~old], groups=TASK[~old])
    assert len(meta.history_) == 2  # one pass in a call
    # Two small steps of Adam away, not as far as other first weights would be.
    n_steps = 2
    assert 0 < (weights(meta) - before).abs().max() < 2 * n_steps * meta.net_.lr
    assert meta.scale_ is scale
    torch.testing.assert_close(  # who shares the old weights keeps them
        torch.cat([each.flatten() for each in first.state_dict().values()]), before
    )
    # The optimizer remembers its steps: two batches in each call.
    steps = {float(each["step"]) for each in meta.net_.optimizer_.state.values()}
    assert steps == {4.0}


def test_partial_fit_goes_on_after_fit_and_after_load(tmp_path):
    meta = regressor().fit(X, Y, groups=TASK).adapt(X[:5], Y[:5])
    meta.save(tmp_path / "a")
    for each in (meta, skmeta.load(tmp_path / "a")):
        each.partial_fit(X, Y, groups=TASK)
        assert len(each.history_) == 3
        with pytest.raises(NotAdaptedError):  # by other meta-knowledge
            each.predict(X)


def test_partial_fit_learns():
    meta = regressor(tasks_per_epoch=256)
    for _ in range(15):
        meta.partial_fit(X, Y, groups=TASK)
    losses = meta.history_[:, "train_loss"]
    assert np.mean(losses[-3:]) < 0.9 * losses[0]


def test_the_first_call_settles_shared_labels():
    X, y, groups = wine()
    few = y != "barbera"
    names = np.unique(y)
    meta = classifier(label_space="shared")
    meta.partial_fit(X[few], y[few], groups=groups[few], classes=names)
    meta.partial_fit(X, y, groups=groups)
    assert meta.adapt().predict_proba(X).shape == (len(X), 3)
    assert meta.classes_.tolist() == names.tolist()
    meta.partial_fit(X, y, groups=groups, classes=names[::-1])
    with pytest.raises(ValueError, match="not those of the first call"):
        meta.partial_fit(X, y, groups=groups, classes=names[:2])
    undeclared = classifier(label_space="shared")
    undeclared.partial_fit(X[few], y[few], groups=groups[few])
    before = weights(undeclared)
    with pytest.raises(ValueError, match=r"'barbera'.*unknown"):
        undeclared.partial_fit(X, y, groups=groups)
    assert torch.equal(weights(undeclared), before)


def test_new_tasks_may_bring_labels_of_their_own():
    X, y, groups = wine()
    meta = classifier(label_space="per_task").partial_fit(X, y, groups=groups)
    meta.partial_fit(X, np.char.add(y, " new"), groups=groups)
    assert meta.adapt(X, y).score(X, y) > 0.6


@pytest.mark.parametrize("algorithm", ["simpleshot", "baseline++"])
def test_an_algorithm_of_training_classes_refuses_new_ones(algorithm):
    X, y, groups = wine()
    meta = classifier(algorithm, label_space="per_task")
    meta.partial_fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="classes of training"):
        meta.partial_fit(X, y, groups=groups)
    shared = classifier(algorithm, label_space="shared")
    for _ in range(2):
        shared.partial_fit(X, y, groups=groups)


def test_partial_fit_checks_the_columns():
    frame = pd.DataFrame(np.hstack([X, X]), columns=["a", "b"])
    meta = regressor().partial_fit(frame, Y, groups=TASK)
    with pytest.raises(ValueError, match="feature names"):
        meta.partial_fit(frame[["b", "a"]], Y, groups=TASK)
    with pytest.raises(ValueError, match="pass groups="):
        meta.partial_fit(frame, Y)


def test_partial_fit_asks_for_groups():
    with config_context(enable_metadata_routing=True):
        for meta in (regressor(), classifier()):
            requests = meta.get_metadata_routing().partial_fit.requests
            assert requests["groups"] is True


def test_the_second_loss_waits_while_calls_bring_other_classes():
    X, y, _ = wine()
    algorithm = ProtoNet(class_loss=1.0)
    meta = classifier(algorithm, tasks="classes").partial_fit(X, y)
    head = meta.module_.class_loss.classifier.weight.clone()
    # Its classifier learns nothing, and loses what the decay takes.
    meta.partial_fit(X, np.char.add(y, " new"))
    moved = meta.module_.class_loss.classifier.weight - head
    assert (head * moved <= 0).all()
    meta.adapt(X, y).score(X, y)
    trained = classifier(algorithm, tasks="classes").fit(X, y)
    trained.partial_fit(X, y)
    assert len(trained.history_) == 3
