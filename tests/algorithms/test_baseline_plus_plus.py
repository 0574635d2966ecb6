"""Baseline++ against its equations, row by row and step by step."""

import pytest
import torch
from torch.nn.functional import cosine_similarity, cross_entropy

from skmeta.algorithms import Spec
from skmeta.algorithms.baseline_plus_plus import BaselinePlusPlus
from skmeta.backbones import Identity
from skmeta.episodes import Batch
from skmeta.testing import parametrize_with_checks
from tests.algorithms.transfer import (
    CLASSIFIER,
    SPACES,
    build,
    gradients,
    naive_class_loss,
    real_rows,
)


@SPACES
def test_baseline_loss_and_gradient_equal_a_naive_computation(
    spec, labelled_episode_for
):
    algorithm = BaselinePlusPlus()
    module, episode = build(algorithm, spec), labelled_episode_for(spec)

    def logits_of(x):
        z = module.backbone(x)
        cosines = [cosine_similarity(z, w, dim=0) for w in module.vectors]
        return module.log_scale.exp() * torch.stack(cosines)

    naive = naive_class_loss(logits_of, episode)
    loss = algorithm.meta_loss(module, episode)
    torch.testing.assert_close(loss, naive, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        gradients(loss, module), gradients(naive, module), rtol=1e-9, atol=1e-12
    )


def unit(Z):
    return Z / Z.norm(dim=-1, keepdim=True)


@SPACES
@pytest.mark.parametrize("inner_steps", [0, 1, 7])
def test_fine_tuning_is_gradient_descent_on_the_vectors(
    spec, inner_steps, labelled_episode_for
):
    algorithm = BaselinePlusPlus(inner_lr=0.3, inner_steps=inner_steps)
    module, (support, query) = build(algorithm, spec), labelled_episode_for(spec)
    outputs = algorithm.predict(module, algorithm.adapt(module, support), query.X)
    scale = module.log_scale.exp().detach()
    for t in range(3):
        X, y, _ = real_rows(support, t)
        n_classes = int(support.n_classes[t])
        Z = module.backbone(X).detach()
        if spec is CLASSIFIER:
            w = module.vectors.detach().clone()
        else:
            w = torch.stack([unit(Z)[y == k].mean(dim=0) for k in range(n_classes)])

        def logits(Z, w):
            return scale * unit(Z) @ unit(w).T

        w.requires_grad_()
        descent = torch.optim.SGD([w], lr=0.3)
        for _ in range(inner_steps):
            descent.zero_grad()
            cross_entropy(logits(Z, w), y).backward()
            descent.step()
        expected = logits(module.backbone(query.X[t]), w).log_softmax(dim=-1)
        torch.testing.assert_close(
            outputs[t, :, :n_classes], expected, rtol=1e-9, atol=1e-9
        )


def test_without_rows_the_vectors_of_training_answer(labelled_episode_for):
    algorithm = BaselinePlusPlus()
    module, support = (
        build(algorithm, CLASSIFIER),
        labelled_episode_for(CLASSIFIER).support,
    )
    support = support._replace(mask=torch.zeros_like(support.mask))
    vectors = algorithm.adapt(module, support).vectors
    assert torch.equal(vectors, module.vectors.expand_as(vectors))


def test_a_class_whose_rows_embed_to_zero_gives_finite_answers():
    """As where all units of a ReLU network are off."""
    algorithm = BaselinePlusPlus()
    module = algorithm.build(Identity(), Spec(2, 0, "classifier", "per_task"))
    X = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    support = Batch(
        X, torch.tensor([[0, 1, 1]]), torch.ones(1, 3).bool(), torch.tensor([2])
    )
    outputs = algorithm.predict(module, algorithm.adapt(module, support), X)
    assert outputs.isfinite().all()


@parametrize_with_checks("algorithm", [BaselinePlusPlus(inner_lr=1.0, inner_steps=5)])
def test_the_laws_hold_with_other_settings(algorithm, check):
    check(algorithm)
