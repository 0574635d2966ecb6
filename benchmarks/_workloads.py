"""The meta-steps that are timed: tasks, and their network of torch's own layers."""

import itertools

import torch
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
    "images": (16, 25, 75, SIDE**2, None, 5, 3),
}
OF_A_CPU = ("sine", "tab", "big", "conv")  # the others are for accelerators


class Workload:
    """One row of the table above, with random tasks, on a device."""

    def __init__(self, name, device="cpu"):
        self.name, self.device = name, device
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
        ).to(device)

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
        return algorithm.build(self.backbone, self.spec).train().to(self.device)

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
                    nn.GroupNorm(self.n_groups(), CHANNELS),
                    nn.ReLU(),
                ]
                n_in = CHANNELS
            self._n_maps = len(self.weights()[-2][0])
            layers += [nn.Flatten(), nn.Linear(self._n_maps, self.classes)]
            network = nn.Sequential(*layers)
        with torch.no_grad():
            for own, given in zip(network.parameters(), self.weights(), strict=True):
                own.copy_(given)
        return network.to(self.device)

    def n_groups(self):
        layers = self.backbone.build(self.features).modules()
        return next(each.num_groups for each in layers if isinstance(each, GroupNorm))
