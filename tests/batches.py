"""Padded batches of unequal tasks, and MAML by naive loops, to test with."""

import pytest
import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy, mse_loss

from skmeta.algorithms import BOIL, Spec
from skmeta.episodes import Batch

CLASSIFIER = Spec(3, 4, "classifier", "shared")
PER_TASK = Spec(3, 0, "classifier", "per_task")
REGRESSOR = Spec(3, 1, "regressor")
SPECS = pytest.mark.parametrize(
    "spec", [CLASSIFIER, PER_TASK, REGRESSOR], ids=["shared", "per_task", "regressor"]
)


def make_batch(spec, sizes, generator):
    """Draw padded rows of tasks of unequal size."""
    n_tasks, width = len(sizes), max(sizes)
    mask = torch.arange(width) < torch.tensor(sizes).unsqueeze(-1)
    X = torch.randn(n_tasks, width, 3, generator=generator, dtype=torch.float64)
    if spec.kind == "regressor":
        n_classes = torch.zeros(n_tasks, dtype=torch.long)
        y = torch.randn(n_tasks, width, generator=generator, dtype=torch.float64)
    else:
        n_classes = torch.full((n_tasks,), 4)
        if spec.label_space == "per_task":
            n_classes = torch.tensor([2, 4, 3])
        y = torch.randint(0, 100, (n_tasks, width), generator=generator)
        y = y % n_classes.unsqueeze(-1)
    return Batch(X * mask.unsqueeze(-1), y * mask, mask, n_classes)


def calibrated(calibration, logits, y):
    """Scale logits of a task by its support's labels, and add their shrunken shares."""
    a, b = calibration.sureness
    odds = 10 * calibration.odds
    pi, t, n = odds.softmax(dim=0), (10 * calibration.trust).square(), len(y)
    n_k = torch.bincount(y, minlength=len(odds))
    shares = (n_k + pi / t) / (n + 1 / t)
    return (a + b * n / (n + 5)).exp() * logits + odds + shares.log() - pi.log()


def naive_meta_loss(algorithm, module, episode, spec, alpha):
    """The equation, one task and one step at a time."""
    loss_of = mse_loss if spec.kind == "regressor" else cross_entropy
    losses = []
    for t in range(len(episode.support.X)):
        weights = dict(module.tip.named_parameters())
        if spec.label_space == "per_task":
            n = int(episode.support.n_classes[t])
            weights |= {
                name: weights[name].detach().expand(n, *weights[name].shape[1:])
                for name in ("head.weight", "head.bias")
            }
            for name in ("head.weight", "head.bias"):
                weights[name] = weights[name].clone().requires_grad_()

        def loss_on(batch, weights, t=t):
            real = batch.mask[t]
            rows = module.trunk(batch.X[t][real])
            outputs = functional_call(module.tip, weights, (rows,))
            if batch.offset is not None:
                outputs = outputs + batch.offset[t][real].mean(dim=1)
            if spec.kind == "regressor":
                outputs = outputs.squeeze(-1)
            return loss_of(outputs, batch.y[t][real])

        for _ in range(algorithm.inner_steps):
            gradients = torch.autograd.grad(
                loss_on(episode.support, weights),
                list(weights.values()),
                create_graph=True,
            )
            if algorithm.first_order:
                gradients = [gradient.detach() for gradient in gradients]
            weights = {
                name: weight
                if isinstance(algorithm, BOIL) and name.startswith("head.")
                else weight - alpha * gradient
                for (name, weight), gradient in zip(
                    weights.items(), gradients, strict=True
                )
            }
        losses.append(loss_on(episode.query, weights))
    return torch.stack(losses).mean()
