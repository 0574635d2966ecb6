"""Matching networks against their equations, computed row by row."""

import pytest
import torch

from skmeta.algorithms.matching import MatchingNet
from skmeta.backbones import MLP
from skmeta.distances import Euclidean, Mahalanobis, Manhattan
from skmeta.episodes import Episode
from skmeta.testing import parametrize_with_algorithm_checks
from skmeta.testing.algorithms.laws import support_order_does_not_matter
from tests.algorithms import transfer
from tests.batches import CLASSIFIER, PER_TASK, make_batch
from tests.noisy_digits import check_learns

SPECS = pytest.mark.parametrize(
    "spec", [CLASSIFIER, PER_TASK], ids=["shared", "per_task"]
)
FULL_CONTEXT = pytest.mark.parametrize("full_context", [False, True])


@pytest.fixture
def make():
    """Build a learner in float64 with an episode of three unequal tasks."""
    generator = torch.Generator().manual_seed(1)

    def build(algorithm, spec):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = algorithm.build(MLP((6, 5), "tanh"), spec).double()
        support = make_batch(spec, [9, 12, 7], generator)
        return module, Episode(support, make_batch(spec, [6, 3, 8], generator))

    return build


def lstm_step(x, h, c, w_ih, w_hh, b_ih, b_hh):
    i, f, g, o = (w_ih @ x + b_ih + w_hh @ h + b_hh).chunk(4)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def naive_read(reader, rows):
    """g of appendix A.2, one row at a time."""
    outputs = list(rows)
    for suffix, order in [
        ("_l0", range(len(rows))),
        ("_l0_reverse", reversed(range(len(rows)))),
    ]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(reader, name + suffix) for name in names]
        h = c = torch.zeros(5, dtype=torch.float64)
        for i in order:
            h, c = lstm_step(rows[i], h, c, *weights)
            outputs[i] = outputs[i] + h
    return outputs


def naive_match(matcher, x, rows, n_steps):
    """f of appendix A.1, equations 3 to 6."""
    weights = (matcher.weight_ih, matcher.weight_hh, matcher.bias_ih, matcher.bias_hh)
    h, c = x, torch.zeros(5, dtype=torch.float64)
    for _ in range(n_steps):
        attention = torch.stack([h @ g for g in rows]).softmax(dim=0)
        r = sum(a * g for a, g in zip(attention, rows, strict=True))
        h, c = lstm_step(torch.cat([x, r]), h, c, *weights)
        h = h + x
    return h


def naive_loss(algorithm, module, episode, t, *, shared):
    support, query = episode
    real = support.mask[t]
    rows = [module.backbone(x) for x in support.X[t][real]]
    labels, weights = support.y[t][real].tolist(), [1.0] * len(rows)
    if algorithm.full_context:
        rows = naive_read(module.reader, rows)
    if shared:
        rows, labels = [*rows, *module.prior], [*labels, 0, 1, 2, 3]
        weights = [*weights, *module.log_weight.exp()]
    losses = []
    for x, label in zip(
        query.X[t][query.mask[t]], query.y[t][query.mask[t]], strict=True
    ):
        z = module.backbone(x)
        if algorithm.full_context:
            z = naive_match(module.matcher, z, rows, algorithm.processing_steps)
        cosines = [z @ g / (z.norm() * g.norm()) for g in rows]
        attention = [
            w * (-module.log_scale.exp() * (1 - cosine)).exp()
            for w, cosine in zip(weights, cosines, strict=True)
        ]
        log_p = []
        for k in range(int(support.n_classes[t])):
            own = [a for a, code in zip(attention, labels, strict=True) if code == k]
            without = torch.tensor(-20.0, dtype=torch.float64)
            log_p.append((sum(own) / sum(attention)).log() if own else without)
        losses.append(-torch.stack(log_p).log_softmax(dim=0)[label])
    return torch.stack(losses).mean()


@SPECS
@FULL_CONTEXT
@pytest.mark.parametrize("learn_scale", [True, False])
def test_loss_and_gradient_equal_a_naive_computation(
    spec, full_context, learn_scale, make
):
    algorithm = MatchingNet(
        full_context=full_context, processing_steps=3, learn_scale=learn_scale
    )
    module, episode = make(algorithm, spec)
    shared = spec.label_space == "shared"
    naive = torch.stack(
        [naive_loss(algorithm, module, episode, t, shared=shared) for t in range(3)]
    ).mean()
    loss = algorithm.meta_loss(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    learnt = [weight for weight in module.parameters() if weight.requires_grad]
    torch.testing.assert_close(
        torch.autograd.grad(loss, learnt),
        torch.autograd.grad(naive, learnt),
        rtol=1e-8,
        atol=1e-12,
    )


@parametrize_with_algorithm_checks(
    [
        MatchingNet(Euclidean(), learn_scale=False),
        MatchingNet(Manhattan()),
        MatchingNet(Mahalanobis(rank=2)),
        MatchingNet(full_context=True),
        MatchingNet(Euclidean(), full_context=True, processing_steps=1),
    ]
)
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)


def test_only_full_context_depends_on_the_order_of_rows():
    assert not MatchingNet().uses_row_order
    assert MatchingNet(full_context=True).uses_row_order

    class Unaware(MatchingNet):
        uses_row_order = False

    with pytest.raises(AssertionError, match="rows in the order"):
        support_order_does_not_matter(Unaware(full_context=True))


@FULL_CONTEXT
def test_probabilities_sum_to_one_and_no_class_underflows(full_context, make):
    algorithm = MatchingNet("euclidean", full_context=full_context)
    module, episode = make(algorithm, PER_TASK)
    with torch.no_grad():
        module.log_scale += 10.0  # exp(-s d) is zero for almost every row
    state = algorithm.adapt(module, episode.support)
    log_p = algorithm.predict(module, state, episode.query.X)
    own = state.has_rows.unsqueeze(1).expand_as(log_p)
    assert log_p[own].isfinite().all()
    assert log_p[own].min() < -1000
    total = log_p.masked_fill(~own, -torch.inf).exp().sum(dim=-1)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_a_class_without_a_row_is_improbable_but_possible(make):
    algorithm = MatchingNet()
    module, (support, query) = make(algorithm, PER_TASK)
    support = support._replace(y=torch.zeros_like(support.y))
    outputs = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    assert (outputs[..., 0] == 0).all()
    assert (outputs[:, :, 1] == -20).all()
    assert (outputs[0, :, 2:] == -torch.inf).all()  # a task of two classes


@pytest.mark.parametrize("steps", [0, -1])
def test_processing_steps_must_be_positive(steps):
    algorithm = MatchingNet(full_context=True, processing_steps=steps)
    with pytest.raises(ValueError, match="processing_steps must be at least 1"):
        algorithm.build(MLP(), PER_TASK)


@pytest.mark.slow
@FULL_CONTEXT
def test_learns_what_tells_new_digits_apart(full_context):
    check_learns(MatchingNet(full_context=full_context))


@transfer.SPACES
@pytest.mark.parametrize(
    "algorithm", [MatchingNet(), MatchingNet(full_context=True)], ids=repr
)
def test_the_second_loss_tells_training_classes_apart(
    algorithm, spec, labelled_episode_for
):
    transfer.check_second_loss(algorithm, labelled_episode_for(spec), spec)
