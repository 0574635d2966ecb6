"""
A custom backbone
=================

The network between features and answer is any torch module. Here it knows something of
the data: the targets are waves, so it offers sines to the head.
"""

# %%
# A backbone is a small parameter object with ``build``. Its parameters show in
# ``get_params``, so ``clone`` and grids reach them.

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from skmeta import MetaRegressor
from skmeta.backbones import Backbone
from skmeta.datasets import make_sinusoids
from skmeta.model_selection import compare


class Sine(nn.Module):
    """The sine of every entry."""

    def forward(self, x):
        return torch.sin(x)


class Waves(Backbone):
    """Mixtures of sines of learnt frequencies and phases."""

    def __init__(self, width=32, frequency=4.0, out_features=16):
        self.width = width
        self.frequency = frequency
        self.out_features = out_features

    def build(self, n_features):
        first = nn.Linear(n_features, self.width)
        nn.init.uniform_(first.weight, -self.frequency, self.frequency)
        nn.init.uniform_(first.bias, -np.pi, np.pi)
        network = nn.Sequential(first, Sine(), nn.Linear(self.width, self.out_features))
        network.out_features = self.out_features
        return network


# %%
# Sinusoids of random amplitude and phase are the tasks. ``compare`` fits both networks
# on some of them and judges on the others, by the same five points of each.

X, y, task = make_sinusoids(n_tasks=300, n_rows=30, noise=0.1, random_state=0)
settings = {"n_shot": 5, "max_epochs": 15, "lr": 0.01, "random_state": 0}
candidates = {
    "MLP": MetaRegressor("r2d2", "mlp", **settings),
    "Waves": MetaRegressor("r2d2", Waves(), **settings),
}
result = compare(candidates, X, y, task, metric="neg_mean_squared_error", n_repeats=1)
print(result)

# %%
# One new wave, five points.

X_new, y_new, _ = make_sinusoids(n_tasks=1, n_rows=5, random_state=7)
grid = np.linspace(-5, 5, 200).reshape(-1, 1)
figure, axes = plt.subplots(layout="constrained")
for name, meta in candidates.items():
    meta.fit(X, y, groups=task)
    axes.plot(grid, meta.adapt(X_new, y_new).predict(grid), label=name)
axes.plot(X_new, y_new, "ko", label="the five points")
axes.legend()
axes.set(xlabel="x", ylabel="y")
plt.show()
