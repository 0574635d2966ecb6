"""An algorithm on trial: a module built for small generated tasks."""

import contextlib
from collections.abc import Iterator, Sequence
from copy import copy
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from skmeta.algorithms.base import Algorithm, Spec
from skmeta.backbones import MLP, Backbone
from skmeta.episodes import Batch, Episode
from skmeta.training import seeded

__all__ = ["PLACES", "Rows", "Trial", "pad"]

PLACES = ("end", "front", "middle")

_N_FEATURES = 3
_N_LABELS = 3  # of a shared label space
_N_TRAIN_CLASSES = 5  # where labels are per task
_PERTURBATION = 0.05


class Rows(NamedTuple):
    """Labelled rows of one task, without padding."""

    X: Tensor  # (rows, features)
    y: Tensor  # (rows,)
    n_classes: int  # 0 in regression
    weight: Tensor | None = None  # (rows,), 1 if None


def pad(tasks: Sequence[Rows], extra: int = 0, place: str = "end") -> Batch:
    """Stack tasks into a batch.

    Parameters
    ----------
    tasks : sequence of Rows
        Tasks of any size.
    extra : int, default=0
        Rows of padding beyond what the longest task needs.
    place : {"end", "front", "middle"}, default="end"
        Where the padding stands.

    Returns
    -------
    Batch
        Features and targets are 0 on padding; one row wide at least.
    """
    width = max(1, extra + max(len(task.y) for task in tasks))
    X = tasks[0].X.new_zeros(len(tasks), width, _N_FEATURES)
    y = tasks[0].y.new_zeros(len(tasks), width)
    mask = torch.zeros(len(tasks), width, dtype=torch.bool)
    weight = None
    if any(task.weight is not None for task in tasks):
        weight = torch.zeros(len(tasks), width, dtype=X.dtype)
    for i, task in enumerate(tasks):
        n_rows = len(task.y)
        n_first = {"end": n_rows, "front": 0, "middle": n_rows // 2}[place]
        row = torch.arange(n_rows)
        row[n_first:] += width - n_rows
        X[i, row], y[i, row], mask[i, row] = task.X, task.y, True
        if weight is not None:
            weight[i, row] = 1.0 if task.weight is None else task.weight
    n_classes = torch.tensor([task.n_classes for task in tasks])
    return Batch(X, y, mask, n_classes, weight=weight)


class Trial:
    """An algorithm on trial, for one kind of target and one label space.

    All is in float64 and evaluation mode, so that two ways to one result agree to many
    digits. Parameters are moved a little from where they start, for a parameter that
    starts at zero would hide what is done with it.

    Parameters
    ----------
    algorithm : Algorithm
        What is tried.
    kind : {"classifier", "regressor"}
        Kind of target.
    label_space : {"shared", "per_task"}
        Whether a class code means the same in every task.
    backbone : Backbone, default=None
        A small multilayer perceptron if None.
    seed : int, default=0
        Decides the parameters and the tasks.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        kind: str,
        label_space: str,
        backbone: Backbone | None = None,
        seed: int = 0,
    ):
        n_outputs = n_train_classes = _N_LABELS
        if kind == "regressor":
            n_outputs, n_train_classes = 1, 0
        elif label_space == "per_task":
            n_outputs, n_train_classes = 0, _N_TRAIN_CLASSES
        self.spec = Spec(_N_FEATURES, n_outputs, kind, label_space, n_train_classes)
        self.algorithm = algorithm
        self.seed = seed
        self._backbone = backbone or MLP(hidden=(8, 8), activation="tanh")
        self._rng = torch.Generator().manual_seed(seed)

    def __str__(self) -> str:
        if self.spec.kind == "regressor":
            return "regressor"
        return f"classifier with {self.spec.label_space} labels"

    # The learner -------------------------------------------------------------------

    def build(self) -> nn.Module:
        """Build a module, the same each time."""
        with seeded(self.seed, "cpu"):
            module = self.algorithm.build(self._backbone, self.spec)
        rng = torch.Generator().manual_seed(self.seed + 1)
        module = module.double().eval()
        with torch.no_grad():
            for weight in module.parameters():
                noise = torch.randn(weight.shape, generator=rng, dtype=torch.float64)
                weight.add_(noise, alpha=_PERTURBATION)
        return module

    @cached_property
    def module(self) -> nn.Module:
        """The module that most laws look at."""
        return self.build()

    def using(self, algorithm: Algorithm, module: nn.Module | None = None) -> "Trial":
        """Return this trial of another algorithm, or of another module."""
        other = copy(self)
        other.algorithm = algorithm
        other.module = other.build() if module is None else module
        return other

    def adapt(self, support: Batch) -> Any:
        """Adapt as an estimator does: recording nothing, from a fixed seed."""
        with self._deployed():
            return self.algorithm.adapt(self.module, support)

    def predict(self, state: Any, X: Tensor) -> Tensor:
        """Predict as an estimator does."""
        with self._deployed():
            return self.algorithm.predict(self.module, state, X)

    def embed(self, state: Any, X: Tensor) -> Tensor:
        """Embed as an estimator does."""
        with self._deployed():
            return self.algorithm.embed(self.module, state, X)

    def answer(self, tasks: Sequence[Rows] | Batch, X: Tensor) -> Tensor:
        """Adapt to tasks and predict their query rows."""
        support = tasks if isinstance(tasks, Batch) else pad(tasks)
        return self.predict(self.adapt(support), X)

    def meta_step(
        self, episode: Episode, training: bool = False
    ) -> tuple[Tensor, dict[str, Tensor | None]]:
        """Run ``meta_backward``; return its loss and the gradients.

        Rows get the training class that they have in the episodes of a training.
        """
        episode = Episode(*map(self._with_train_classes, episode))
        module = self.build().train(training)
        with seeded(self.seed, "cpu"), torch.enable_grad():
            loss = self.algorithm.meta_backward(module, episode)
        gradients = {
            name: weight.grad
            for name, weight in module.named_parameters()
            if weight.requires_grad
        }
        return torch.as_tensor(loss), gradients

    def _with_train_classes(self, batch: Batch) -> Batch:
        if self.spec.kind == "regressor":
            return batch
        label = batch.y
        if not self.spec.n_outputs:  # code 0 is another class in every task
            task = torch.arange(len(batch.y)).unsqueeze(1)
            label = (batch.y + task) % self.spec.n_train_classes
        return batch._replace(label=torch.where(batch.mask, label, -1))

    @contextlib.contextmanager
    def _deployed(self) -> Iterator[None]:
        with seeded(self.seed, "cpu"), torch.no_grad():
            yield

    # Tasks -------------------------------------------------------------------------

    def task(self, n_rows: int = 6, n_classes: int = 3) -> Rows:
        """Draw a task; each class has a row if there are rows enough.

        Parameters
        ----------
        n_rows : int, default=6
            Rows.
        n_classes : int, default=3
            Classes where labels are per task; other label spaces decide themselves.
        """
        X = self.rows(n_rows)
        if self.spec.kind == "regressor":
            return Rows(X, self.rows(n_rows)[:, 0], 0)
        n_classes = self.spec.n_outputs or n_classes
        order = torch.randperm(n_rows, generator=self._rng)
        return Rows(X, order % n_classes, n_classes)

    def tasks(self, n_tasks: int = 3, n_rows: int = 6, n_classes: int = 3) -> list:
        """Draw tasks of one size, which need no padding."""
        return [self.task(n_rows, n_classes) for _ in range(n_tasks)]

    def no_rows(self, n_classes: int = 3) -> Rows:
        """Return a task without any row."""
        task = self.task(n_classes=n_classes)
        return task._replace(X=task.X[:0], y=task.y[:0])

    def rows(self, *shape: int) -> Tensor:
        """Draw features."""
        return torch.randn(
            *shape, _N_FEATURES, generator=self._rng, dtype=torch.float64
        )

    def episode(self, n_tasks: int = 3, n_rows: int = 6) -> Episode:
        """Draw a meta-batch that needs no padding."""
        return Episode(pad(self.tasks(n_tasks, n_rows)), pad(self.tasks(n_tasks)))

    def order(self, n: int) -> Tensor:
        """Draw an order of n things that is not their own."""
        order = torch.randperm(n, generator=self._rng)
        return order if (order != torch.arange(n)).any() else order.roll(1)
