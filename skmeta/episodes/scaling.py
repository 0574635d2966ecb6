"""Standardisation of every task by its own support."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from skmeta.episodes.episode import Batch, Episode

__all__ = [
    "TaskScaled",
    "TaskScaling",
    "robust_scale",
    "usual_scale",
    "within_variance",
]

# The spread of a support counts as if so many rows more had the spread that rows of a
# task have on average.
_PSEUDO_ROWS = 2.0

# A feature that varies less than this inside tasks, in units of its variance over all
# rows, tells tasks apart. It keeps its place.
_CONSTANT = 1e-9

# Deviations from the mean of a task up to which its features stay as they are.
_USUAL = 10.0

# Numbers of a table that are looked at at once.
_AT_ONCE = 2**22


class Statistics(NamedTuple):
    """Where the rows of every task lie, each (tasks, 1, features or targets)."""

    mean: Tensor
    std: Tensor


class TaskScaling(NamedTuple):
    r"""How tasks are standardised: by statistics of their supports, cautiously.

    In units in which a feature has mean 0 and variance 1 over the rows of all training
    tasks, let :math:`\sigma^2` be the variance inside tasks and :math:`\tau^2 = 1 -
    \sigma^2` that of their means. From a support of n rows with mean m, a row of the
    task is standardised by

    .. math::
        \mu = w \, m, \qquad w = \frac{n \tau^2}{n \tau^2 + \sigma^2}, \qquad
        s^2 = \frac{\sum_i (x_i - m)^2 + k \sigma^2}{\max(n - 1, 0) + k}
              + (1 - w) \, \tau^2

    with k = 2. That is the mean and the variance to be expected of a new row of the
    task (as in a random-effects model): of the global statistics :math:`\mu = 0`,
    :math:`s = 1` without any row, near those of the support with many, and finite with
    one. Features that are constant inside every training task keep the global ones.
    Features more than ten s from :math:`\mu` are drawn nearer, to twenty at most.

    Parameters
    ----------
    within : Tensor of shape (features,)
        Variance inside tasks :math:`\sigma^2` of each feature.
    target_within : Tensor of shape (targets,), default=None
        The same of the targets, which are standardised as well; None for classes.
    """

    within: Tensor
    target_within: Tensor | None = None

    def of_features(self, support: Batch) -> Statistics:
        """Estimate where the features of every task lie, by all rows of its support.

        Those without targets count one each.
        """
        values, counts = support.X, support.counts(support.X)
        others = support.unlabelled
        if others is not None:
            values = torch.cat([values, others.X], dim=1)
            counts = torch.cat([counts, others.counts(counts)], dim=1)
        return _statistics(values, counts, self.within.to(values))

    def of_targets(self, support: Batch) -> Statistics | None:
        """Estimate where the targets of every task lie; None for classes."""
        if self.target_within is None:
            return None
        within = self.target_within.to(support.X).view(-1)
        y = support.y if support.y.ndim == 3 else support.y.unsqueeze(-1)
        counts = support.counts(support.X)
        return _statistics(y, counts, within)  # of (tasks, rows, targets)

    def standardise(self, episode: Episode) -> Episode:
        """Standardise a meta-batch by its supports, queries included."""
        features = self.of_features(episode.support)
        targets = self.of_targets(episode.support)
        return Episode(*(_scaled(batch, features, targets) for batch in episode))


def _statistics(values: Tensor, counts: Tensor, within: Tensor) -> Statistics:
    share = counts.to(values).unsqueeze(-1)  # (tasks, rows, 1)
    n = share.sum(dim=1, keepdim=True)
    mean = (share * values).sum(dim=1, keepdim=True) / torch.where(n > 0, n, 1.0)
    squares = (share * (values - mean).square()).sum(dim=1, keepdim=True)
    between = 1 - within
    w = n * between / (n * between + within)
    spread = (squares + _PSEUDO_ROWS * within) / ((n - 1).clamp(min=0) + _PSEUDO_ROWS)
    variance = spread + (1 - w) * between
    keeps = within <= _CONSTANT
    return Statistics(
        (w * mean).masked_fill(keeps, 0.0), variance.masked_fill(keeps, 1.0).sqrt()
    )


def _scaled(batch: Batch, features: Statistics, targets: Statistics | None) -> Batch:
    X = _nearer((batch.X - features.mean) / features.std)
    batch = batch._replace(X=torch.where(batch.mask.unsqueeze(-1), X, 0.0))
    if batch.unlabelled is not None:
        others = _scaled(batch.unlabelled, features, targets)
        batch = batch._replace(unlabelled=others)
    if targets is None:
        return batch
    if batch.y.ndim == 2:
        y = (batch.y - targets.mean[..., 0]) / targets.std[..., 0]
        batch = batch._replace(y=torch.where(batch.mask, y, 0.0))
    else:
        y = (batch.y - targets.mean) / targets.std
        batch = batch._replace(y=torch.where(batch.mask.unsqueeze(-1), y, 0.0))
    if batch.offset is None:
        return batch
    offset = _scaled_offset(batch.offset, targets)
    mask = batch.mask.view(*batch.mask.shape, *[1] * (offset.ndim - 2))
    return batch._replace(offset=torch.where(mask, offset, 0.0))


def _nearer(X: Tensor) -> Tensor:
    r"""Draw standardised features nearer that are far from all rows of their task.

    Beyond ten deviations x becomes :math:`10 + 10 \tanh(x / 10 - 1)`, likewise on the
    other side.
    """
    inside = X.clamp(-_USUAL, _USUAL)
    return inside + _USUAL * ((X - inside) / _USUAL).tanh()


def _scaled_offset(offset: Tensor, targets: Statistics) -> Tensor:
    """Standardise what the prior says of values, (tasks, rows, parts, 1, targets).

    Of a single target it has no last axis.
    """
    mean, std = targets
    if offset.ndim == 5:
        mean, std = (each[:, :, None, None] for each in targets)
    else:
        mean, std = (each.unsqueeze(-1) for each in targets)
    return (offset - mean) / std


class ScaledState(NamedTuple):
    learnt: Any
    features: Statistics
    targets: Statistics | tuple[()]  # not None, which torch takes for a tensor


@dataclass(frozen=True)
class TaskScaled:
    """An algorithm whose tasks are standardised before it learns and answers them.

    Parameters
    ----------
    algorithm : Algorithm
        Learns and answers.
    scaling : TaskScaling
        How tasks are standardised.
    """

    algorithm: Any
    scaling: TaskScaling

    @property
    def adapts_weights(self) -> bool:
        """As that of the algorithm."""
        return self.algorithm.adapts_weights

    def adapt(self, module: nn.Module, support: Batch) -> ScaledState:
        """Learn standardised tasks, and keep by what they were."""
        features = self.scaling.of_features(support)
        targets = self.scaling.of_targets(support)
        support = _scaled(support, features, targets)
        return ScaledState(
            self.algorithm.adapt(module, support), features, targets or ()
        )

    def predict(self, module: nn.Module, state: ScaledState, *rows: Tensor) -> Tensor:
        """Answer rows, values in the unit that they had."""
        outputs = self.algorithm.predict(module, state.learnt, *_rows(state, *rows))
        if not state.targets:
            return outputs
        return outputs * state.targets.std + state.targets.mean

    def predict_std(
        self, module: nn.Module, state: ScaledState, *rows: Tensor
    ) -> Tensor:
        """Give standard deviations, in the unit that the values had."""
        std = self.algorithm.predict_std(module, state.learnt, *_rows(state, *rows))
        return std * state.targets.std if state.targets else std

    def distances(self, module: nn.Module, state: ScaledState, *rows: Tensor) -> Tensor:
        """Measure distances of standardised rows from prototypes."""
        return self.algorithm.distances(module, state.learnt, *_rows(state, *rows))

    def embed(self, module: nn.Module, state: ScaledState, *rows: Tensor) -> Tensor:
        """Embed standardised rows."""
        return self.algorithm.embed(module, state.learnt, *_rows(state, *rows))


def _rows(
    state: ScaledState, X: Tensor, offset: Tensor | None = None
) -> tuple[Tensor, ...]:
    """Standardise features, and what the prior says of the rows if there is one."""
    X = _nearer((X - state.features.mean) / state.features.std)
    if offset is None:
        return (X,)
    if state.targets:
        offset = _scaled_offset(offset, Statistics(*state.targets))
    return X, offset


def usual_scale(
    blocks: Iterable[tuple[np.ndarray, np.ndarray | None]],
) -> tuple[np.ndarray, np.ndarray]:
    """Measure columns by their mean and standard deviation, in one pass.

    Parameters
    ----------
    blocks : iterable of (values, weight)
        A part of the rows each, or all of them: values (n_rows, n_columns), and weights
        of rows (n_rows,) or None.

    Returns
    -------
    mean, scale : float64 ndarray of shape (n_columns,)
        The standard deviation; 1 for a constant column.
    """
    scaler = StandardScaler()
    for values, weight in blocks:
        scaler.partial_fit(values, sample_weight=weight)
    return scaler.mean_, scaler.scale_


def robust_scale(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure columns by their middle half, which no outlier moves (RealMLP).

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Any numbers.

    Returns
    -------
    median, scale : float64 ndarray of shape (n_columns,)
        The distance of the quartiles; half the range of a column without any; 1 for a
        constant one.

    References
    ----------
    D. Holzmüller, L. Grinsztajn, I. Steinwart. Better by default: strong pre-tuned MLPs
    and boosted trees on tabular data. NeurIPS 2024, section 3.1.
    """
    if values.dtype in (np.bool_, np.float16):  # which hold no differences
        values = values.astype(float)
    low, first, median, third, high = np.quantile(values, np.linspace(0, 1, 5), axis=0)
    scale = np.where(third > first, third - first, (high - low) / 2)
    return median, np.where(scale > 0, scale, 1.0)


def within_variance(
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
    n_tasks: int,
    mean: np.ndarray | float,
    scale: np.ndarray | float,
) -> np.ndarray:
    """Measure the variance inside tasks, in units of the variance over all rows.

    Parameters
    ----------
    blocks : iterable of (values, task)
        A part of the rows each, or all of them: values (n_rows, n_columns), which may
        be memory-mapped, and the task of each row (n_rows,).
    n_tasks : int
        Number of tasks.
    mean, scale : ndarray of shape (n_columns,) or float
        Mean and standard deviation over all rows.

    Returns
    -------
    float32 ndarray of shape (n_columns,)
        Between 0 and 1.
    """
    total: Any = 0.0  # (tasks, columns)
    squares: Any = 0.0  # (columns,)
    sizes = np.zeros((n_tasks, 1), dtype=np.intp)
    for given, own in _small_parts(blocks):
        rows = (given - mean) / scale
        member = csr_array(
            (np.ones(len(own)), (own, np.arange(len(own)))), shape=(n_tasks, len(own))
        )
        total = total + member @ rows
        squares = squares + np.square(rows).sum(axis=0)
        sizes += np.bincount(own, minlength=n_tasks)[:, np.newaxis]
    inside = squares - (np.square(total) / np.maximum(sizes, 1)).sum(axis=0)
    n_spare = sizes.sum() - np.count_nonzero(sizes)
    if not n_spare:  # one row of each task tells nothing of their insides
        return np.ones(len(squares), dtype=np.float32)
    return np.clip(inside / n_spare, 0.0, 1.0).astype(np.float32)


def _small_parts(
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cut blocks of rows into parts whose numbers fit into memory at once."""
    for values, task in blocks:
        at_once = max(1, _AT_ONCE // max(1, values.shape[1]))
        for start in range(0, len(values), at_once):
            part = slice(start, start + at_once)
            yield values[part], task[part]
