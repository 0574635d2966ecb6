"""The meta-steps that are timed: tasks, and their network in torch and in JAX."""

import itertools

import jax
import jax.numpy as jnp
import torch
from jax import lax
from torch import nn

from skmeta.algorithms import MAML, Spec
from skmeta.backbones import MLP, Conv4
from skmeta.episodes import Batch, Episode
from skmeta.nn import GroupNorm

INNER_LR = 0.1
SIDE, CHANNELS = 28, 32
# tasks, support rows, query rows, features, hidden (None: conv4), classes (0: values),
# inner steps
WORKLOADS = {
    "sine": (25, 10, 10, 1, (40, 40), 0, 1),
    "tab": (32, 25, 75, 20, (64, 64), 5, 5),
    "big": (32, 25, 75, 64, (256, 256), 5, 5),
    "conv": (4, 5, 25, SIDE**2, None, 5, 3),
}


class Workload:
    """One row of the table above, with random tasks."""

    def __init__(self, name):
        self.name = name
        shape = WORKLOADS[name]
        self.tasks, self.shot, self.queries, self.features = shape[:4]
        self.hidden, self.classes, self.steps = shape[4:]
        self.kind = "classifier" if self.classes else "regressor"
        self.spec = Spec(self.features, self.classes or 1, self.kind)
        self.backbone = (
            MLP(self.hidden)
            if self.hidden
            else Conv4(image_shape=(SIDE, SIDE), channels=CHANNELS)
        )
        self.module = self.learner(self.maml())
        generator = torch.Generator().manual_seed(0)
        self.episode = Episode(
            self._batch(self.shot, generator), self._batch(self.queries, generator)
        )

    def _batch(self, rows, generator):
        shape = (self.tasks, rows)
        X = torch.randn(*shape, self.features, generator=generator)
        y = torch.randn(shape, generator=generator)
        if self.classes:
            y = torch.randint(self.classes, shape, generator=generator)
        n_classes = torch.full((self.tasks,), self.classes)
        return Batch(X, y, torch.ones(shape, dtype=torch.bool), n_classes)

    def maml(self, **parameters):
        return MAML(INNER_LR, self.steps, learn_inner_lr=False, **parameters)

    def learner(self, algorithm):
        torch.manual_seed(0)
        return algorithm.build(self.backbone, self.spec).train()

    def loss(self, outputs, y):
        if self.classes:
            return nn.functional.cross_entropy(outputs, y)
        return (outputs.squeeze(-1) - y).square().mean()

    def weights(self):
        """Weights that all contenders start from."""
        return [w.detach() for w in self.learner(self.maml()).tip.parameters()]

    def network(self):
        """The same network of torch's own layers."""
        if self.hidden:
            sizes = [self.features, *self.hidden, self.classes or 1]
            layers = []
            for n_in, n_out in itertools.pairwise(sizes):
                layers += [nn.Linear(n_in, n_out), nn.ReLU()]
            network = nn.Sequential(*layers[:-1])
        else:
            layers, n_in = [nn.Unflatten(-1, (1, SIDE, SIDE))], 1
            for _ in range(4):
                layers += [
                    nn.Conv2d(n_in, CHANNELS, 3, padding=1),
                    nn.MaxPool2d(2, ceil_mode=self.backbone.ceil_mode),
                    nn.GroupNorm(self._n_groups(), CHANNELS),
                    nn.ReLU(),
                ]
                n_in = CHANNELS
            self._n_maps = len(self.weights()[-2][0])
            layers += [nn.Flatten(), nn.Linear(self._n_maps, self.classes)]
            network = nn.Sequential(*layers)
        with torch.no_grad():
            for own, given in zip(network.parameters(), self.weights(), strict=True):
                own.copy_(given)
        return network

    def _n_groups(self):
        layers = self.backbone.build(self.features).modules()
        return next(each.num_groups for each in layers if isinstance(each, GroupNorm))

    def jax_weights(self):
        return [jnp.array(weight.numpy()) for weight in self.weights()]

    def jax_network(self):
        """Return a function of weights and rows."""
        if self.hidden:
            return _jax_mlp
        n_groups, ceil_mode = self._n_groups(), self.backbone.ceil_mode
        return lambda weights, X: _jax_conv4(weights, X, n_groups, ceil_mode)


def _jax_mlp(weights, X):
    for matrix, shift in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        X = jax.nn.relu(X @ matrix.T + shift)
    return X @ weights[-2].T + weights[-1]


def _jax_conv4(weights, X, n_groups, ceil_mode):
    X = X.reshape(-1, 1, SIDE, SIDE)
    for kernel, bias, scale, shift in zip(*(iter(weights[:-2]),) * 4, strict=True):
        X = lax.conv_general_dilated(X, kernel, (1, 1), "SAME")
        X = X + bias[:, None, None]
        X = lax.reduce_window(
            X,
            -jnp.inf,
            lax.max,
            (1, 1, 2, 2),
            (1, 1, 2, 2),
            "SAME" if ceil_mode else "VALID",
        )
        groups = X.reshape(len(X), n_groups, -1)
        mean = groups.mean(axis=-1, keepdims=True)
        variance = groups.var(axis=-1, keepdims=True)
        X = ((groups - mean) * lax.rsqrt(variance + 1e-5)).reshape(X.shape)
        X = jax.nn.relu(X * scale[:, None, None] + shift[:, None, None])
    return X.reshape(len(X), -1) @ weights[-2].T + weights[-1]
