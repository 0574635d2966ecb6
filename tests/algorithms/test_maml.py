"""MAML against its equation: naive loops and finite differences, in float64."""

import numpy as np
import pytest
import torch

from skmeta.algorithms import ANIL, BOIL, FOMAML, MAML, MetaSGD, Spec
from skmeta.backbones import MLP
from skmeta.episodes import Batch, Episode
from skmeta.testing import parametrize_with_checks
from tests.batches import CLASSIFIER, PER_TASK, REGRESSOR, SPECS, naive_meta_loss

STEPS = pytest.mark.parametrize("inner_steps", [1, 3])


def meta_gradient(loss, module):
    learnt = [weight for weight in module.parameters() if weight.requires_grad]
    return torch.autograd.grad(loss, learnt)


def by_meta_loss(algorithm, module, episode):
    loss = algorithm.meta_loss(module, episode)
    return loss, meta_gradient(loss, module)


def by_meta_backward(algorithm, module, episode):
    """What ``fit`` takes: written out for ReLU networks, by autograd for others."""
    module.zero_grad()
    loss = algorithm.meta_backward(module, episode)
    learnt = [weight for weight in module.parameters() if weight.requires_grad]
    return loss, tuple(weight.grad for weight in learnt)


BOTH_WAYS = pytest.mark.parametrize("gradient_of", [by_meta_loss, by_meta_backward])


@SPECS
@STEPS
@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("algorithm_class", [MAML, ANIL, BOIL])
@BOTH_WAYS
def test_meta_gradient_equals_a_naive_loop_over_tasks(
    make, spec, inner_steps, first_order, algorithm_class, gradient_of
):
    if algorithm_class is BOIL and spec is PER_TASK:
        with pytest.raises(ValueError, match="do not differ"):
            make(BOIL(), spec)
        return
    algorithm = algorithm_class(
        inner_lr=0.3,
        inner_steps=inner_steps,
        first_order=first_order,
        learn_inner_lr=False,
    )
    module, episode = make(algorithm, spec)
    loss, gradients = gradient_of(algorithm, module, episode)
    naive = naive_meta_loss(algorithm, module, episode, spec, alpha=0.3)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        gradients, meta_gradient(naive, module), rtol=1e-9, atol=1e-12
    )


@SPECS
@STEPS
@pytest.mark.parametrize("learn_inner_lr", [False, "tensor", "element"])
def test_meta_gradient_equals_finite_differences(
    make, spec, inner_steps, learn_inner_lr
):
    algorithm = MAML(0.3, inner_steps, learn_inner_lr=learn_inner_lr)
    module, episode = make(algorithm, spec)
    learnt = [weight for weight in module.parameters() if weight.requires_grad]
    _, gradients = by_meta_backward(algorithm, module, episode)
    rng, step = np.random.default_rng(0), 1e-5
    for weight, gradient in zip(learnt, gradients, strict=True):
        flat = weight.data.view(-1)
        at = int(rng.integers(len(flat)))
        before, losses = flat[at].item(), []
        for moved in (before + step, before - step):
            flat[at] = moved
            losses.append(algorithm.meta_loss(module, episode).item())
        flat[at] = before
        slope = (losses[0] - losses[1]) / (2 * step)
        assert slope == pytest.approx(gradient.view(-1)[at].item(), rel=1e-5, abs=1e-9)


def test_one_step_on_one_weight_by_hand():
    """theta' = theta - alpha * 2 x (theta x - y), from theta = 1, by the equation."""
    algorithm = MAML(inner_lr=0.1, inner_steps=1, learn_inner_lr=False)
    module = algorithm.build(MLP(()), Spec(1, 1, "regressor")).double()
    module.tip.head.weight.data.fill_(1.0)
    module.tip.head.bias.data.fill_(0.0)

    def one_row(x, y):
        return Batch(
            torch.tensor([[[x]]], dtype=torch.float64),
            torch.tensor([[y]], dtype=torch.float64),
            torch.tensor([[True]]),
            torch.tensor([0]),
        )

    support, query = one_row(2.0, 5.0), one_row(1.0, 0.0)
    # Residual 2 - 5 = -3: weight 1 + 0.1 * 2 * 3 * 2 = 2.2, bias 0 + 0.1 * 2 * 3 = 0.6.
    state = algorithm.adapt(module, support)
    assert state.weights["head.weight"].item() == pytest.approx(2.2)
    assert state.weights["head.bias"].item() == pytest.approx(0.6)
    # The query answers 2.2 + 0.6 = 2.8. Its loss is 2.8^2; through the step
    # d(2.8)/d(theta) = (1 - 0.1 * 2 * 4) - 0.1 * 2 * 2 = -0.2.
    loss = algorithm.meta_loss(module, Episode(support, query))
    assert loss.item() == pytest.approx(2.8**2)
    loss.backward()
    assert module.tip.head.weight.grad.item() == pytest.approx(2 * 2.8 * -0.2)


def test_any_shared_class_vector_gives_the_same_predictions(make):
    """Why the class vector of per-task label spaces is zero and not learnt."""
    algorithm = MAML(inner_lr=0.5, inner_steps=4)
    module, episode = make(algorithm, PER_TASK)

    def probabilities():
        state = algorithm.adapt(module, episode.support)
        return algorithm.predict(module, state, episode.query.X).softmax(dim=-1)

    zero = probabilities()
    module.tip.head.weight.data.normal_()
    torch.testing.assert_close(probabilities(), zero, rtol=1e-9, atol=1e-12)


def test_adapt_steps_count_after_training_only(make):
    algorithm = MAML(inner_steps=1, adapt_steps=0)
    module, episode = make(algorithm, REGRESSOR)
    start = module.tip.head.weight
    module.train()
    trained = algorithm.adapt(module, episode.support).weights["head.weight"]
    module.eval()
    adapted = algorithm.adapt(module, episode.support).weights["head.weight"]
    assert not torch.equal(trained[0], start)
    assert torch.equal(adapted[0], start)


def test_anil_shares_one_backbone(make):
    algorithm = ANIL()
    module, episode = make(algorithm, REGRESSOR)
    state = algorithm.adapt(module, episode.support)
    assert set(state.weights) == {"head.weight", "head.bias"}


@pytest.mark.parametrize(
    ("named", "setting"),
    [
        (FOMAML(inner_steps=3), MAML(inner_steps=3, first_order=True)),
        (ANIL(0.2), MAML(0.2, adapt_only="head")),
        (BOIL(0.2), MAML(0.2, adapt_only="body")),
        (MetaSGD(), MAML(inner_steps=2, learn_inner_lr="element")),
    ],
    ids=lambda algorithm: type(algorithm).__name__,
)
def test_named_variants_are_settings_of_maml(make, named, setting):
    module, episode = make(setting, CLASSIFIER)
    own, settings = (by_meta_backward(a, module, episode) for a in (named, setting))
    torch.testing.assert_close(own, settings, rtol=0, atol=0)
    assert {**named.get_params(), **setting.get_params()} == setting.get_params()
    assert type(named).adapt is MAML.adapt


def test_pseudo_rows_shorten_the_step_of_small_supports(make):
    """With n rows a step is n / (n + pseudo_rows) of the paper's."""
    steps = []
    for pseudo_rows in (0.0, 5.0):
        algorithm = MAML(0.1, 1, learn_inner_lr=False, pseudo_rows=pseudo_rows)
        module, episode = make(algorithm, REGRESSOR)
        if not steps:
            support = episode.support
        moved = algorithm.adapt(module, support).weights["head.weight"]
        steps.append(moved - module.tip.head.weight)
    shorter = torch.tensor([n / (n + 5.0) for n in (5, 7, 4)], dtype=torch.float64)
    torch.testing.assert_close(steps[1], steps[0] * shorter.view(3, 1, 1))


def test_a_step_that_leads_astray_ends_those_after_it(make):
    """The second of three is far too long; the last is not known to be any better."""
    algorithm = MAML(0.1, 3, learn_inner_lr="step")
    module, episode = make(algorithm, REGRESSOR)
    for rate in module.rates:
        rate.data[1] = 1e3
    start, *path = algorithm._path(
        module, episode.support, 3, first_order=False, every=True
    )
    for name, weight in start.weights.items():
        first, *others = (state.weights[name] for state in path)
        assert not torch.equal(first, weight.expand_as(first))
        for other in others:
            assert torch.equal(other, weight.expand_as(other))


def test_a_task_gone_astray_leaves_the_gradient_of_the_others_finite(make):
    """In single precision, where what its steps would have led to overflows."""
    algorithm = MAML(inner_lr=0.2, learn_inner_lr=False)
    module, episode = make(algorithm, REGRESSOR)
    module = module.float()
    support, query = (batch._replace(X=batch.X.float()) for batch in episode)
    far = torch.tensor([1e6, 1.0, 1.0])
    support = support._replace(
        X=support.X * far[:, None, None], y=support.y.float() * far[:, None]
    )
    query = query._replace(y=query.y.float())
    for gradient_of in (by_meta_loss, by_meta_backward):
        _, gradients = gradient_of(algorithm, module, Episode(support, query))
        assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize(
    "wrong",
    [
        {"inner_lr": -0.1},
        {"inner_steps": 2.5},
        {"inner_steps": -1},
        {"adapt_steps": -1},
        {"learn_inner_lr": "elementwise"},
        {"learn_inner_lr": True},
        {"adapt_only": "Head"},
        {"pseudo_rows": -5},
    ],
    ids=str,
)
def test_a_wrong_hyperparameter_is_named(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        MAML(**wrong).build(MLP(), CLASSIFIER)


def test_a_whole_number_is_a_step_size():
    module = MAML(inner_lr=1).build(MLP((4,)), CLASSIFIER)
    assert {rate.item() for rate in module.rates} == {1.0}


def test_the_default_step_size_suits_the_kind_of_target():
    rates = [MAML().build(MLP((4,)), spec).rates[0] for spec in (CLASSIFIER, REGRESSOR)]
    assert [round(rate.item(), 6) for rate in rates] == [0.5, 0.1]


@parametrize_with_checks(
    "algorithm",
    [
        MAML(pseudo_rows=3.0),
        MAML(inner_steps=2, adapt_steps=4),
        MAML(learn_inner_lr=False),
    ],
)
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)
