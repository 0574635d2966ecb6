"""The control against plain training and plain fine-tuning by torch's optimizers."""

import copy

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch.nn.functional import cross_entropy, mse_loss

from skmeta import MetaClassifier
from skmeta.algorithms import Spec
from skmeta.algorithms.pooled import Pooled
from skmeta.backbones import MLP
from skmeta.datasets import load_movielens
from skmeta.testing import parametrize_with_algorithm_checks
from tests.batches import CLASSIFIER, REGRESSOR

SPECS = pytest.mark.parametrize(
    "spec", [CLASSIFIER, REGRESSOR], ids=["classifier", "regressor"]
)


def build(algorithm, spec, activation="relu"):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone = MLP((6, 5), activation=activation)
        return algorithm.build(backbone, spec).double()


def loss_on(network, X, y):
    outputs = network(X)
    if y.is_floating_point():
        return mse_loss(outputs.squeeze(-1), y)
    return cross_entropy(outputs, y)


@SPECS
def test_training_is_the_plain_loss_of_one_network_on_all_rows(spec, episode_for):
    algorithm = Pooled()
    module, episode = build(algorithm, spec).train(), episode_for(spec)
    losses = []
    for t in range(3):
        X, y = (
            torch.cat([part[t][batch.mask[t]] for batch, part in parts])
            for parts in (
                [(batch, batch.X) for batch in episode],
                [(batch, batch.y) for batch in episode],
            )
        )
        losses.append(loss_on(module.tip, X, y))
    naive = torch.stack(losses).mean()
    learnt = list(module.parameters())
    expected = torch.autograd.grad(naive, learnt)
    loss = algorithm.meta_backward(module, episode)
    torch.testing.assert_close(loss, naive.detach(), rtol=1e-12, atol=1e-12)
    got = tuple(weight.grad for weight in learnt)
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-12)


@SPECS
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(
    ("algorithm", "optimizer"),
    [
        (Pooled(0.2, 6), lambda weights: torch.optim.SGD(weights, lr=0.2)),
        (
            Pooled(0.01, 6, "adam"),
            lambda weights: torch.optim.Adam(weights, lr=0.01, betas=(0.0, 0.999)),
        ),
    ],
    ids=["sgd", "adam"],
)
def test_fine_tuning_is_that_of_torch_on_each_task_alone(
    spec, activation, algorithm, optimizer, episode_for
):
    module, (support, query) = build(algorithm, spec, activation), episode_for(spec)
    module.eval()
    answers = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    for t in range(3):
        network = copy.deepcopy(module.tip)
        stepping = optimizer(network.parameters())
        for _ in range(6):
            stepping.zero_grad()
            real = support.mask[t]
            loss_on(network, support.X[t][real], support.y[t][real]).backward()
            stepping.step()
        expected = network(query.X[t])
        torch.testing.assert_close(answers[t], expected, rtol=1e-8, atol=1e-9)


def test_without_steps_the_one_network_answers_every_task(episode_for):
    algorithm = Pooled(adapt_steps=0)
    module, (support, query) = (
        build(algorithm, REGRESSOR).eval(),
        episode_for(REGRESSOR),
    )
    answers = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    torch.testing.assert_close(answers, module.tip(query.X))


def test_labels_that_are_names_inside_a_task_are_refused(digits):
    X, y = digits
    with pytest.raises(ValueError, match="does not learn 'per_task' label spaces"):
        MetaClassifier(Pooled(), tasks="classes", max_epochs=1).fit(X, y)


@pytest.mark.parametrize(
    "wrong", [{"inner_lr": 0.0}, {"adapt_steps": 1.5}, {"pseudo_rows": -1}], ids=str
)
def test_a_wrong_hyperparameter_is_named(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"Pooled cannot work with {name}={value!r}"):
        Pooled(**wrong).build(MLP(), CLASSIFIER)


def test_has_a_prior():
    assert Pooled().has_prior(CLASSIFIER)
    assert Pooled().has_prior(Spec(3, 1, "regressor"))


@parametrize_with_algorithm_checks(
    [Pooled(0.003, 5, "adam"), Pooled(adapt_steps=3, pseudo_rows=5.0)]
)
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)


@pytest.mark.slow
def test_ten_ratings_of_a_new_viewer_help_the_network_of_all_viewers():
    films = load_movielens(random_state=0)
    meta = MetaClassifier(
        Pooled(), MLP((64,)), n_query=50, max_epochs=15, lr=3e-3, random_state=0
    ).fit(films.X_train, films.y_train, groups=films.groups_train)
    X, y, viewer = films.X_test, films.y_test, films.groups_test
    few = (viewer.groupby(viewer).cumcount() < 10).to_numpy()
    losses = []
    for adapt_steps in (0, Pooled().adapt_steps):
        meta.algorithm_.set_params(adapt_steps=adapt_steps)
        meta.adapt(X[few], y[few], groups=viewer[few])
        answers = meta.predict_proba(X[~few], groups=viewer[~few])
        losses.append(log_loss(y[~few], answers, labels=meta.classes_))
    assert losses[1] < losses[0] - 0.02, np.round(losses, 3)
    assert losses[0] < 0.67, np.round(losses, 3)  # the shares of both classes: 0.69
