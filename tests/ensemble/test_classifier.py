"""Classes: probabilities of shared labels, and of labels inside one task."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss

from skmeta import FewShotClassifier, MetaClassifier
from skmeta.ensemble import MetaStackingClassifier
from skmeta.ensemble.weights import interpolate
from skmeta.model_selection import PerTask, Pooled
from tests.ensemble.conftest import class_members
from tests.quick import TINY


@pytest.fixture(scope="module")
def stack(classes):
    X, y, task = classes
    return MetaStackingClassifier(class_members(), random_state=0).fit(
        X, y, groups=task
    )


def test_logarithms_of_probabilities_are_mixed(stack, classes):
    X, y, _ = classes
    proba = stack.adapt(X[:9], y[:9]).predict_proba(X)
    assert stack.classes_.tolist() == ["no", "yes"]
    best = stack.classes_[proba.argmax(axis=1)]
    np.testing.assert_array_equal(stack.predict(X), best)
    own, pooled = (
        np.maximum(
            stack.named_estimators_[name].adapt(X[:9], y[:9]).predict_proba(X), 1e-4
        )
        for name in ("own", "pooled")
    )
    [weights] = interpolate(stack.weights_, stack.support_sizes_, np.array([9]))
    product = own ** weights[0] * pooled ** weights[1]
    expected = product / product.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(proba, expected)


def test_the_losses_are_log_losses(classes):
    X, y, task = classes
    even = ("even", Pooled(DummyClassifier(strategy="prior")))
    stack = MetaStackingClassifier([even, *class_members()], random_state=0)
    losses = stack.fit(X, y, groups=task).losses_
    share = (y == "yes").mean()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    np.testing.assert_allclose(losses[:, 0], entropy, rtol=0.05)


def test_an_ordinary_classifier_learns_one_task(stack, classes):
    X, y, _ = classes
    few_shot = FewShotClassifier(stack).fit(X[:9], y[:9])
    proba = stack.adapt(X[:9], y[:9]).predict_proba(X)
    np.testing.assert_array_equal(few_shot.predict_proba(X), proba)
    assert log_loss(y[9:15], few_shot.predict_proba(X[9:15])) < 1


def test_labels_inside_tasks_are_answered_by_those_of_the_task(classes):
    X, y, task = classes
    own = np.array([f"{t}-{label}" for t, label in zip(task, y, strict=True)])
    members = [
        ("protonet", MetaClassifier("protonet", **TINY)),
        ("logistic", LogisticRegression()),
    ]
    stack = MetaStackingClassifier(members, n_shot=(1, 5), random_state=0)
    stack.fit(X, own, groups=task)
    assert stack.label_space_ == "per_task"
    assert stack.support_sizes_.max() <= 5  # of each class
    support = np.arange(len(y)) % 15 < 10
    stack.adapt(X[support], own[support], groups=task[support])
    answers = stack.predict(X, groups=task)
    assert [each.split("-")[0] for each in answers] == task.astype(str).tolist()
    proba = stack.predict_proba(X, groups=task)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert (proba[:15, 2:] == 0).all()  # labels of other tasks
    np.testing.assert_array_equal(stack.adapted_.size, 5)  # rows of each class
    assert stack.score(X, own, groups=task) > 0.6


def test_a_member_of_another_label_space_is_left_out_with_a_reason(classes):
    X, y, task = classes
    odd = MetaClassifier("protonet", label_space="per_task", **TINY)
    stack = MetaStackingClassifier([("odd", odd), *class_members()], random_state=0)
    with pytest.warns(
        UserWarning, match="'odd' .*'per_task', the ensemble for 'shared'"
    ):
        stack.fit(X, y, groups=task)
    assert "odd" not in stack.named_estimators_


def test_a_label_that_only_left_out_tasks_have_judges_nobody(classes):
    X, y, task = classes
    y = y.astype("<U5")
    y[(task == 3) & (np.arange(len(y)) % 3 == 0)] = "maybe"
    split = np.flatnonzero(task > 5), np.flatnonzero(task <= 5)
    stack = MetaStackingClassifier(class_members(), cv=[split], random_state=0)
    stack.fit(X, y, groups=task)
    assert [*stack.named_estimators_] == ["own", "pooled"]
    assert stack.adapt(X[:9], y[:9]).predict_proba(X).shape == (len(y), 3)


def test_labels_that_are_not_known_are_named(stack, classes):
    X = classes[0]
    with pytest.raises(ValueError, match=r"Labels \['never'\] are unknown"):
        stack.adapt(X[:2], ["yes", "never"])


def test_one_class_is_an_error(classes):
    X, _, task = classes
    with pytest.raises(ValueError, match="one class"):
        MetaStackingClassifier(class_members()).fit(X, np.zeros(len(X)), groups=task)


def test_members_without_probabilities_are_nearly_certain(classes):
    X, y, task = classes
    stack = MetaStackingClassifier([("ridge", PerTask(RidgeClassifier()))])
    stack.fit(X, y, groups=task).adapt(X[:9], y[:9])
    vote = stack.named_estimators_["ridge"].adapt(X[:9], y[:9]).predict(X)
    np.testing.assert_array_equal(stack.predict(X), vote)
    np.testing.assert_allclose(stack.predict_proba(X).max(axis=1), 1 / (1 + 1e-4))


def test_groups_are_asked_for_by_every_verb(stack):
    routing = stack.get_metadata_routing()
    for method in ("fit", "predict", "predict_proba", "score"):
        assert getattr(routing, method).requests["groups"] is True
