"""Prototypical networks against their equations, computed row by row."""

import pytest
import torch
from torch.nn.functional import softplus

from skmeta.algorithms import Algorithm, ProtoNet, Spec
from skmeta.algorithms.shared.by_class import split_again
from skmeta.algorithms.shared.graph import mixed, spread
from skmeta.backbones import MLP, Identity
from skmeta.distances import Cosine, Mahalanobis, Manhattan
from skmeta.episodes import Episode
from skmeta.testing import parametrize_with_checks
from tests.algorithms import transfer
from tests.batches import CLASSIFIER, PER_TASK


def build(algorithm, spec):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return algorithm.build(MLP((6, 5)), spec).double()


def naive_log_probabilities(module, episode, t, *, shared):
    """Equations 1 and 2 of Snell et al., with the priors of a shared label space."""
    support, query = episode
    n_classes = int(support.n_classes[t])
    embedded = [
        (module.backbone(support.X[t, i]), int(support.y[t, i]))
        for i in range(support.X.shape[1])
        if support.mask[t, i]
    ]
    prototypes, log_shares = [], []
    for k in range(n_classes):
        own = [z for z, label in embedded if label == k]
        total, count = torch.zeros(5, dtype=torch.float64), float(len(own))
        for z in own:
            total = total + z
        if shared:
            strength = softplus(module.raw_strength[k, 0])
            prototypes.append((strength * module.prior[k] + total) / (strength + count))
            log_shares.append((softplus(module.raw_count[k]) + count).log())
        else:
            prototypes.append(total / max(count, 1.0))
            log_shares.append(torch.tensor(0.0, dtype=torch.float64))
    rows = []
    for j in range(query.X.shape[1]):
        if query.mask[t, j]:
            z = module.backbone(query.X[t, j])
            logits = [
                share - module.log_scale.exp() * ((z - c) ** 2).sum()
                for c, share in zip(prototypes, log_shares, strict=True)
            ]
            rows.append(torch.stack(logits).log_softmax(dim=0))
    return torch.stack(rows)


@pytest.mark.parametrize("spec", [CLASSIFIER, PER_TASK], ids=["shared", "per_task"])
@pytest.mark.parametrize("learn_scale", [True, False])
def test_probabilities_and_gradient_equal_a_naive_computation(
    spec, learn_scale, episode_for
):
    algorithm = ProtoNet(learn_scale=learn_scale)
    module, episode = build(algorithm, spec), episode_for(spec)
    losses = []
    for t in range(3):
        log_p = naive_log_probabilities(
            module, episode, t, shared=spec.label_space == "shared"
        )
        y = episode.query.y[t][episode.query.mask[t]]
        losses.append(-log_p[torch.arange(len(y)), y].mean())
    naive = torch.stack(losses).mean()
    loss = algorithm.meta_loss(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    learnt = [weight for weight in module.parameters() if weight.requires_grad]
    torch.testing.assert_close(
        torch.autograd.grad(loss, learnt),
        torch.autograd.grad(naive, learnt),
        rtol=1e-9,
        atol=1e-12,
    )


def test_training_judges_what_adapt_and_predict_answer_with_a_prior(episode_for):
    module, generator = build(ProtoNet(), CLASSIFIER), torch.Generator().manual_seed(0)
    episode = Episode(
        *(
            batch._replace(
                offset=torch.randn(*batch.mask.shape, 2, 4, generator=generator)
            )
            for batch in episode_for(CLASSIFIER)
        )
    )
    torch.testing.assert_close(
        ProtoNet().meta_loss(module, episode),
        Algorithm.meta_loss(ProtoNet(), module, episode),
    )


def test_fixed_scale_is_the_papers():
    module = build(ProtoNet(learn_scale=False), PER_TASK)
    assert module.log_scale.exp().item() == 1.0


def test_prototype_is_the_class_mean_of_raw_rows(episode_for):
    algorithm = ProtoNet()
    module = algorithm.build(Identity(), PER_TASK).double()
    support = episode_for(PER_TASK).support
    prototypes = algorithm.adapt(module, support).prototypes
    members = support.mask[1] & (support.y[1] == 2)
    torch.testing.assert_close(prototypes[1, 2], support.X[1][members].mean(dim=0))


def test_a_class_without_a_row_has_the_prior_prototype(episode_for):
    algorithm = ProtoNet()
    module = build(algorithm, CLASSIFIER)
    support = episode_for(CLASSIFIER).support
    support = support._replace(y=torch.zeros_like(support.y))
    prototypes = algorithm.adapt(module, support).prototypes
    torch.testing.assert_close(prototypes[:, 1:], module.prior[1:].expand(3, 3, 5))


def test_has_a_prior_in_shared_label_spaces_only():
    assert ProtoNet().has_prior(CLASSIFIER)
    assert not ProtoNet().has_prior(PER_TASK)
    assert ProtoNet().has_prior(Spec(3, 2, "classifier"))


def test_more_splits_average_the_losses_of_other_supports(episode_for):
    module, episode = build(ProtoNet(), PER_TASK), episode_for(PER_TASK)
    rows, in_support = episode.join()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        loss = ProtoNet(n_splits=3).meta_loss(module, episode)
        torch.manual_seed(0)
        losses = [ProtoNet().meta_loss(module, episode)]
        for _ in range(2):
            in_support = split_again(rows, in_support)
            again = Episode(
                rows._replace(mask=in_support),
                rows._replace(mask=rows.mask & ~in_support),
            )
            losses.append(ProtoNet().meta_loss(module, again))
    torch.testing.assert_close(loss, torch.stack(losses).mean())


@parametrize_with_checks(
    "algorithm",
    [
        ProtoNet(Cosine()),
        ProtoNet(Manhattan()),
        ProtoNet(Mahalanobis(rank=2)),
        ProtoNet(learn_scale=False),
    ],
)
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)


@pytest.mark.parametrize("spec", [CLASSIFIER, PER_TASK], ids=["shared", "per_task"])
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_unlabelled_rows_refine_prototypes_as_a_naive_loop(spec, weight, episode_for):
    """Equation 3 of Ren et al., with a weight and, for shared labels, the prior."""
    algorithm = ProtoNet(unlabelled=(weight, 0.0))
    module, episode = build(algorithm, spec), episode_for(spec)
    support, others = episode
    state = algorithm.adapt(module, support._replace(unlabelled=others))
    plain = algorithm.adapt(module, support)
    for t in range(3):
        n_classes = int(support.n_classes[t])
        log_p = naive_log_probabilities(
            module, episode, t, shared=spec.label_space == "shared"
        )
        free = others.X[t][others.mask[t]]
        for k in range(n_classes):
            total, count = torch.zeros(5, dtype=torch.float64), 0.0
            if spec.label_space == "shared":
                count = softplus(module.raw_strength[k, 0])
                total = count * module.prior[k]
            for i in range(support.X.shape[1]):
                if support.mask[t, i] and support.y[t, i] == k:
                    total, count = total + module.backbone(support.X[t, i]), count + 1
            for j in range(len(free)):
                z = weight * log_p[j, k].exp()
                total, count = total + z * module.backbone(free[j]), count + z
            torch.testing.assert_close(state.prototypes[t, k], total / count)
    torch.testing.assert_close(state.log_odds, plain.log_odds)


def test_the_graph_has_its_share_in_assignments_and_answers(episode_for):
    module, episode = build(ProtoNet(), PER_TASK), episode_for(PER_TASK)
    support, others = episode
    both = support._replace(unlabelled=others)
    one = ProtoNet(unlabelled=(1.0, 1.0)).adapt(module, both)
    graph = spread(support, others, 0)
    p = graph.probabilities(None, support.mask.shape[1])
    embedded = module.backbone(support.X)
    own = module.average(
        embedded, support, module.backbone(others.X), p * others.mask.unsqueeze(-1)
    )
    torch.testing.assert_close(one.learnt.prototypes, own.prototypes)
    X = others.X
    alone = mixed(one, torch.zeros(3, X.shape[1], 4).double(), X, None)
    answers = ProtoNet(unlabelled=(1.0, 1.0)).predict(module, one, X)
    torch.testing.assert_close(answers, alone)


@transfer.SPACES
@pytest.mark.parametrize("algorithm", [ProtoNet(), ProtoNet(n_splits=2)], ids=repr)
def test_the_second_loss_tells_training_classes_apart(
    algorithm, spec, labelled_episode_for
):
    transfer.check_second_loss(algorithm, labelled_episode_for(spec), spec)
