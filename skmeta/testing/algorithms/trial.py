"""An algorithm on trial: a module built for small generated tasks."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import cached_property, partial
from typing import Any, Self

import torch
from torch import Tensor, nn

from skmeta.algorithms.base import Algorithm
from skmeta.backbones import MLP, Backbone
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec
from skmeta.testing.algorithms.tasks import SMALLER, Rows, Size, pad
from skmeta.testing.building import build_perturbed
from skmeta.testing.expect import gradients_of
from skmeta.testing.law import Trial
from skmeta.testing.situations import Situation, situations
from skmeta.utils.random import may_draw, seeded

__all__ = ["AlgorithmTrial", "has_prior", "is_per_task", "takes_prior"]

_N_PARTS = 2  # one would hide what is done with several

# From features (tasks, rows, features) to what a prior says, (tasks, rows, parts,
# outputs), and 0 where they are 0, on padding.
_Prior = Callable[[Tensor], Tensor]


class AlgorithmTrial(Trial):
    """An algorithm on trial, in one situation.

    All is in float64 and evaluation mode, so that two ways to one result agree to many
    digits.

    Parameters
    ----------
    algorithm : Algorithm
        What is tried.
    situation : Situation
        Kind of target and label space, and whether there is a prior. It says of rows
        what their features decide.
    backbone : Backbone, default=None
        A small multilayer perceptron if None.
    seed : int, default=0
        Decides the parameters and the tasks.
    size : Size, default=None
        How large the tasks are.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        situation: Situation,
        backbone: Backbone | None = None,
        seed: int = 0,
        size: Size | None = None,
    ):
        self._size = size or Size()
        self.situation = situation
        self.spec = situation.spec(self._size.n_features, self._size.n_classes)
        self.subject = self.algorithm = algorithm
        self.seed = seed
        self._given_backbone = backbone
        self.backbone = backbone or MLP(hidden=(8, 8), activation="tanh")
        self._rng = torch.Generator().manual_seed(seed)
        self._prior: _Prior | None = None
        if situation.n_parts:
            self._prior = _make_prior(self.spec, seed)

    @classmethod
    def trials(cls, algorithm: Algorithm, **options: Any) -> Iterator[Self]:
        """Make a trial for every situation that an algorithm declares.

        Where it takes a prior there is another one with it.
        """
        for situation in situations(algorithm):
            yield cls(algorithm, situation, **options)
        if not getattr(algorithm, "uses_prior", False):
            return
        for situation in situations(algorithm):
            if situation.label_space == "shared":
                told = situation._replace(n_parts=_N_PARTS)
                yield cls(algorithm, told, **options)

    @property
    def case(self) -> str:
        """Kind of target and label space."""
        return str(self.situation)

    @property
    def size(self) -> str:
        """How large the tasks are."""
        return str(self._size)

    def smaller(self) -> Iterator[Self]:
        """Make the same trial with smaller tasks, the smallest first."""
        for size in SMALLER:
            if size != self._size:
                yield type(self)(
                    self.algorithm,
                    self.situation,
                    self._given_backbone,
                    self.seed,
                    size,
                )

    # The learner -------------------------------------------------------------------

    def build(self) -> nn.Module:
        """Build a module, the same each time."""
        build = partial(self.algorithm.build, self.backbone)
        return build_perturbed(build, self.spec, self.seed)

    @cached_property
    def module(self) -> nn.Module:
        """The module that most laws look at."""
        return self.build()

    def using(self, algorithm: Algorithm, module: nn.Module | None = None) -> Self:
        """Return this trial of another algorithm, or of another module."""
        other = copy(self)
        other.algorithm = algorithm
        other.module = other.build() if module is None else module
        return other

    def with_relu(self) -> Self:
        """Return this trial with an embedding that knows no bound, if none was given.

        That of the small multilayer perceptron has one, and hides what has none.
        """
        if self._given_backbone is not None:
            return self
        other = copy(self)
        other.backbone = MLP(hidden=(8, 8))
        other.module = other.build()
        return other

    def with_prior(self, prior: _Prior | None) -> Self:
        """Return this trial, of the same module, with another prior or with none."""
        other = copy(self)
        other._prior = prior
        return other

    def offset(self, X: Tensor) -> Tensor:
        """Return what the prior says of rows."""
        assert self._prior is not None
        return self._prior(X)

    def told(self, batch: Batch) -> Batch:
        """Add what the prior says of a batch, if there is one and it is not there."""
        if self._prior is None or batch.offset is not None:
            return batch
        return batch._replace(offset=self.offset(batch.X))

    def asked(self, X: Tensor) -> tuple[Tensor, ...]:
        """Return what ``predict`` gets of rows: them, and what the prior says."""
        return (X,) if self._prior is None else (X, self.offset(X))

    def adapt(self, support: Batch) -> Any:
        """Adapt as an estimator does: recording nothing, from a fixed seed."""
        with self._deployed():
            return self.algorithm.adapt(self.module, self.told(support))

    def predict(self, state: Any, X: Tensor) -> Tensor:
        """Predict as an estimator does."""
        with self._deployed():
            return self.algorithm.predict(self.module, state, *self.asked(X))

    def embed(self, state: Any, X: Tensor) -> Tensor:
        """Embed as an estimator does."""
        with self._deployed():
            return self.algorithm.embed(self.module, state, *self.asked(X))

    def distances(self, state: Any, X: Tensor) -> Tensor:
        """Measure distances as an estimator does."""
        algorithm: Any = self.algorithm  # not all have them
        with self._deployed():
            return algorithm.distances(self.module, state, *self.asked(X))

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
        episode = self.trained_on(episode)
        module = self.build().train(training)
        with self.seeded(module), torch.enable_grad():
            loss = self.algorithm.meta_backward(module, episode)
        return torch.as_tensor(loss), gradients_of(module)

    def trained_on(self, episode: Episode) -> Episode:
        """Add the prior and the training classes that a training has."""
        return Episode(*map(self._with_train_classes, map(self.told, episode)))

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
        with self.seeded(self.module), torch.no_grad():
            yield

    def seeded(self, module: nn.Module) -> contextlib.AbstractContextManager[None]:
        """Let the algorithm draw from a fixed seed; watched only if it may draw."""
        watch = may_draw([self.algorithm, *module.modules()])
        return seeded(self.seed, watch=watch)

    # Tasks -------------------------------------------------------------------------

    def task(self, n_rows: int | None = None, n_classes: int | None = None) -> Rows:
        """Draw a task; each class has a row if there are rows enough.

        Parameters
        ----------
        n_rows : int, default=None
            Rows, the trial's own number if None.
        n_classes : int, default=None
            Classes where labels are per task, the trial's own number if None; other
            label spaces decide themselves.
        """
        n_rows = self._size.n_rows if n_rows is None else n_rows
        X = self.rows(n_rows)
        if self.spec.kind == "regressor":
            return Rows(X, self.rows(n_rows)[:, 0], 0)
        n_classes = self.spec.n_outputs or n_classes or self._size.n_classes
        order = torch.randperm(n_rows, generator=self._rng)
        return Rows(X, order % n_classes, n_classes)

    def tasks(
        self, n_tasks: int | None = None, n_rows: int | None = None
    ) -> list[Rows]:
        """Draw tasks of one size, which need no padding."""
        n_tasks = self._size.n_tasks if n_tasks is None else n_tasks
        return [self.task(n_rows) for _ in range(n_tasks)]

    def no_rows(self, n_classes: int | None = None) -> Rows:
        """Return a task without any row."""
        task = self.task(n_classes=n_classes)
        return task._replace(X=task.X[:0], y=task.y[:0])

    def rows(self, *shape: int) -> Tensor:
        """Draw features."""
        shape = (*shape, self._size.n_features)
        return torch.randn(shape, generator=self._rng, dtype=torch.float64)

    def queries(self) -> Tensor:
        """Draw the features of five query rows for each task of :meth:`tasks`."""
        return self.rows(self._size.n_tasks, 5)

    def episode(self, n_rows: int | None = None) -> Episode:
        """Draw a meta-batch that needs no padding, of ``n_rows`` support rows."""
        return Episode(pad(self.tasks(n_rows=n_rows)), pad(self.tasks()))

    def order(self, n: int) -> Tensor:
        """Draw an order of n things that is not their own."""
        order = torch.randperm(n, generator=self._rng)
        return order if (order != torch.arange(n)).any() else order.roll(1)


def is_per_task(trial: AlgorithmTrial) -> bool:
    """Tell whether labels are only names inside a task."""
    return trial.spec.label_space == "per_task"


def takes_prior(trial: AlgorithmTrial) -> bool:
    """Tell whether there is a prior, and an algorithm that takes it."""
    return trial.spec.n_parts > 0


def has_prior(trial: AlgorithmTrial) -> bool:
    """Tell whether the algorithm answers without a support row."""
    return trial.algorithm.has_prior(trial.spec)


def _make_prior(spec: Spec, seed: int) -> _Prior:
    rng = torch.Generator().manual_seed(seed)
    shape = (spec.n_parts, spec.n_outputs)
    slopes = torch.randn(
        spec.n_features, *shape, generator=rng, dtype=torch.float64
    ).flatten(1)

    def prior(X: Tensor) -> Tensor:
        return (X @ slopes).tanh().unflatten(-1, shape)

    return prior
