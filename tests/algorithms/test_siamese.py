"""Siamese networks against the contrastive loss, computed pair by pair."""

import math

import pytest
import torch

from skmeta.algorithms.siamese import Siamese
from skmeta.backbones import MLP
from skmeta.distances import Cosine, Euclidean, Mahalanobis, Manhattan
from skmeta.episodes import Episode
from skmeta.testing import parametrize_with_algorithm_checks
from tests.algorithms import transfer
from tests.batches import PER_TASK, make_batch
from tests.noisy_digits import check_learns

PREDICT_BY = pytest.mark.parametrize("predict_by", ["nearest", "mean"])
DISTANCES = {
    "euclidean": lambda a, b: (a - b).norm(),
    "manhattan": lambda a, b: (a - b).abs().sum(),
    "cosine": lambda a, b: 1 - a @ b / (a.norm() * b.norm()),
}


@pytest.fixture
def make():
    """Build a learner in float64 with an episode of three unequal tasks."""
    generator = torch.Generator().manual_seed(1)

    def build(algorithm):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            module = algorithm.build(MLP((6, 5), "tanh"), PER_TASK).double()
        support = make_batch(PER_TASK, [9, 12, 7], generator)
        return module, Episode(support, make_batch(PER_TASK, [6, 3, 8], generator))

    return build


def real_rows(module, batch, t):
    real = batch.mask[t]
    return [
        (module.backbone(x), int(label))
        for x, label in zip(batch.X[t][real], batch.y[t][real], strict=True)
    ]


def naive_contrastive(support, query, distance, margin):
    """Hadsell et al., equation 4 without its factors of one half."""
    pairs = [(a, b) for a in support for b in query]
    pairs += [(a, b) for i, a in enumerate(support) for b in support[:i]]
    losses = []
    for (a, label_a), (b, label_b) in pairs:
        y, d = float(label_a != label_b), distance(a, b)
        losses.append((1 - y) * d**2 + y * torch.relu(margin - d) ** 2)
    return torch.stack(losses).mean()


def naive_log_probabilities(support, z, n_classes, scale, distance, predict_by):
    logits = torch.full((n_classes,), -torch.inf, dtype=torch.float64)
    for k in range(n_classes):
        own = [distance(a, z) for a, label in support if label == k]
        if own:
            d = min(own) if predict_by == "nearest" else sum(own) / len(own)
            logits[k] = -scale * d
    log_p = logits.log_softmax(dim=0)
    return torch.where(logits > -torch.inf, log_p, -20.0)


@PREDICT_BY
@pytest.mark.parametrize("distance", list(DISTANCES))
@pytest.mark.parametrize("margin", [0.4, 1.5])
def test_loss_and_gradient_equal_a_naive_computation(
    distance, margin, predict_by, make
):
    algorithm = Siamese(distance, margin=margin, predict_by=predict_by)
    module, episode = make(algorithm)
    d = DISTANCES[distance]
    contrastive, entropy = [], []
    for t in range(3):
        support = real_rows(module, episode.support, t)
        query = real_rows(module, episode.query, t)
        contrastive.append(naive_contrastive(support, query, d, margin))
        n_classes = int(episode.support.n_classes[t])
        for_scale = [
            naive_log_probabilities(
                [(a.detach(), label) for a, label in support],
                z.detach(),
                n_classes,
                module.log_scale.exp(),
                d,
                predict_by,
            ).log_softmax(dim=0)[label]
            for z, label in query
        ]
        entropy.append(-torch.stack(for_scale).mean())
    naive = (torch.stack(contrastive) + torch.stack(entropy)).mean()
    loss = algorithm.meta_loss(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    learnt = list(module.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss, learnt),
        torch.autograd.grad(naive, learnt),
        rtol=1e-8,
        atol=1e-12,
    )


@PREDICT_BY
def test_predictions_equal_a_naive_computation(predict_by, make):
    algorithm = Siamese(predict_by=predict_by)
    module, (support, query) = make(algorithm)
    outputs = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    for t in range(3):
        n_classes = int(support.n_classes[t])
        for z, got in zip(
            (z for z, _ in real_rows(module, query, t)),
            outputs[t][query.mask[t]],
            strict=True,
        ):
            expected = naive_log_probabilities(
                real_rows(module, support, t),
                z,
                n_classes,
                module.log_scale.exp(),
                DISTANCES["euclidean"],
                predict_by,
            )
            torch.testing.assert_close(got[:n_classes], expected)


@pytest.mark.parametrize("distance", [Euclidean(), Mahalanobis(rank=2)], ids=repr)
def test_coinciding_rows_leave_the_gradient_finite(distance, make):
    algorithm = Siamese(distance)
    module, (support, _) = make(algorithm)
    twins = support._replace(X=torch.ones_like(support.X))
    algorithm.meta_loss(module, Episode(twins, twins)).backward()
    for weight in module.parameters():
        assert weight.grad.isfinite().all()


def test_the_scale_is_learnt_on_the_side(make):
    algorithm = Siamese()
    module, episode = make(algorithm)
    gradients = []
    for log_scale in (0.0, 2.0):
        torch.nn.init.constant_(module.log_scale, log_scale)
        module.zero_grad()
        algorithm.meta_loss(module, episode).backward()
        assert module.log_scale.grad != 0
        gradients.append([weight.grad for weight in module.backbone.parameters()])
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"predict_by": "median"}, "predict_by must be 'nearest' or 'mean'"),
        ({"margin": 0.0}, "margin must be positive"),
        ({"margin": math.nan}, "margin must be positive"),
    ],
)
def test_bad_parameters_are_an_error(parameters, match):
    with pytest.raises(ValueError, match=match):
        Siamese(**parameters).build(MLP(), PER_TASK)


@parametrize_with_algorithm_checks(
    [
        Siamese(predict_by="mean"),
        Siamese(Cosine()),
        Siamese(Manhattan(), margin=10.0),
        Siamese(Mahalanobis(rank=2)),
    ]
)
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)


@pytest.mark.slow
@PREDICT_BY
def test_learns_what_tells_new_digits_apart(predict_by):
    check_learns(Siamese(predict_by=predict_by), max_epochs=4)


def test_the_second_loss_tells_training_classes_apart(labelled_episode_for):
    spec = transfer.PER_TASK
    transfer.check_second_loss(Siamese(), labelled_episode_for(spec), spec)
