"""Gaussian processes with a meta-learnt kernel, around a prior."""

from typing import Any, Literal

import torch
from skorch.callbacks import GradientNormClipping
from torch import Tensor
from torch.nn.functional import pad

from skmeta.algorithms.base import Algorithm
from skmeta.algorithms.gaussian import (
    KernelLearner,
    Posterior,
    Support,
    adapt_exactly,
    adapt_large,
)
from skmeta.algorithms.shared.averaging import AverageWeights
from skmeta.algorithms.shared.losses import absent_classes, mean_of_rows
from skmeta.algorithms.shared.training_classes import make_class_loss
from skmeta.backbones.base import Backbone
from skmeta.episodes.episode import Batch, Episode
from skmeta.episodes.spec import Spec

__all__ = ["GP"]

# Support rows beyond which a few of them stand for all.
_MOST_ROWS = 256

# Columns beyond which boosting would take longer than all else.
_WIDE = 200

# What the loss of every process by itself counts beside that of their mixture.
_OWN_LOSS = 1.0


class GP(Algorithm):
    kinds = ("classifier", "regressor")
    uses_weights = True
    uses_prior = True
    learns_prior = True
    default_lr = 0.01

    def __init__(
        self,
        width: int = 16,
        n_steps: int = 12,
        class_loss: float | Literal["auto"] = "auto",
    ):
        self.width = width
        self.n_steps = n_steps
        self.class_loss = class_loss

    def default_prior(self, spec: Spec) -> tuple[str, ...]:
        """Name boosting and a linear model; of wide tables the latter alone."""
        if spec.label_space != "shared":
            return ()
        return ("boosting", "linear") if spec.n_features <= _WIDE else ("linear",)

    def default_episode(self, spec: Spec) -> tuple[int | tuple[int, int], int]:
        """Train for supports of 1 to 10 rows, where labels mean the same in all tasks.

        Where they do not, 5 rows of each class, and 15 to judge by.
        """
        return ((1, 10), 30) if spec.label_space == "shared" else (5, 15)

    def callbacks(self) -> list[Any]:
        """Keep outer steps short where a task is very unlikely, and average them."""
        return [("clip", GradientNormClipping(1.0)), ("average", AverageWeights())]

    def build(self, backbone: Backbone, spec: Spec) -> KernelLearner:
        """Hold the backbone, the kernels, the mixture and the second loss.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        for name in ("width", "n_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {self!r}.")
        module = KernelLearner(backbone, spec, self.width)
        module.class_loss = make_class_loss(self.width, spec, self.class_loss)
        return module

    def adapt(self, module: KernelLearner, support: Batch) -> Posterior:
        """Condition the processes of every task on its support."""
        rows = module.support(support)
        if rows.y.shape[1] <= _MOST_ROWS:
            return adapt_exactly(module, rows, self.n_steps)
        is_large = (rows.counts > 0).sum(dim=1) > _MOST_ROWS
        large, small = (mask.nonzero().squeeze(1) for mask in (is_large, ~is_large))
        parts = []
        if len(large):
            parts.append(adapt_large(module, _tasks(rows, large), _MOST_ROWS))
        if len(small):
            few = _front(_tasks(rows, small))
            parts.append(_widened(adapt_exactly(module, few, self.n_steps)))
        order = torch.cat([large, small]).argsort()
        joined = (torch.cat(leaves)[order] for leaves in zip(*parts, strict=True))
        return Posterior(*joined)

    def predict(
        self,
        module: KernelLearner,
        state: Posterior,
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Answer rows with the mixture of the processes."""
        outputs, _ = self._processes(module, state, X, offset)
        log_share = state.log_share[..., None, None]
        if module.kind == "classifier":
            return (log_share + outputs.log_softmax(dim=-1)).logsumexp(dim=1)
        return (log_share.exp() * outputs).sum(dim=1)

    def predict_std(
        self,
        module: KernelLearner,
        state: Posterior,
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Tell how sure the answers are, in regression.

        Parameters
        ----------
        module : nn.Module
            What :meth:`build` returned.
        state : Posterior
            What :meth:`adapt` returned.
        X : Tensor of shape (tasks, rows, n_features)
            Query rows.
        offset : Tensor of shape (tasks, rows, parts, 1), default=None
            What the prior says of them.

        Returns
        -------
        Tensor of shape (tasks, rows, 1)
            Standard deviations of the targets, their noise included, in units of the
            targets as they were learnt.
        """
        values, variance = self._processes(module, state, X, offset)
        share = state.log_share.exp()[..., None, None]
        mean = (share * values).sum(dim=1, keepdim=True)
        spread = variance.unsqueeze(-1) + (values - mean).square()
        return (share * spread).sum(dim=1).sqrt()

    def embed(
        self,
        module: KernelLearner,
        state: Posterior,
        X: Tensor,
        offset: Tensor | None = None,
    ) -> Tensor:
        """Map rows to the embedding that kernels compare."""
        return module.embed(X, offset)

    def meta_loss(self, module: KernelLearner, episode: Episode) -> Tensor:
        """Return minus the log density, or log-probability, of the queries.

        That of the mixture, and the mean of those of every process by itself; and the
        second loss of pools of classes.
        """
        state = self.adapt(module, episode.support)
        log_p = self._log_density(module, state, episode.query)
        mixture = (state.log_share.unsqueeze(-1) + log_p).logsumexp(dim=1)
        own = _OWN_LOSS * log_p.mean(dim=1)
        loss = -mean_of_rows(mixture + own, episode.query).mean()
        if module.class_loss is None:
            return loss
        rows, _ = episode.join()
        embedded = module.embed(rows.X, rows.offset, rows.mask)
        return loss + module.class_loss(embedded, rows)

    def validation_loss(
        self,
        module: KernelLearner,
        state: Posterior,
        outputs: Tensor,
        query: Batch,
    ) -> Tensor:
        """Return minus the log density, or log-probability, of the queries."""
        log_p = self._log_density(module, state, query)
        mixture = (state.log_share.unsqueeze(-1) + log_p).logsumexp(dim=1)
        return -mean_of_rows(mixture, query).mean()

    def _processes(
        self,
        module: KernelLearner,
        state: Posterior,
        X: Tensor,
        offset: Tensor | None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Answer rows by every process, with the variances of values."""
        rows = module.rows(X, offset, mask)
        k = module.kernel(rows, state.rows)  # (tasks, processes, rows, support)
        outputs = module.mean(X, offset, state.n_classes) + k @ state.weights
        if module.kind == "classifier":
            absent = absent_classes(outputs.shape[-1], state.n_classes).unsqueeze(1)
            return outputs.masked_fill(absent, -torch.inf), k
        explained = ((k @ state.precision) * k).sum(dim=-1)
        variance = (module.variance(rows) - explained).clamp(min=0.0)
        return outputs, variance + module.noise().unsqueeze(-1)

    def _log_density(
        self, module: KernelLearner, state: Posterior, query: Batch
    ) -> Tensor:
        """Return that of every row by every process, (tasks, processes, rows)."""
        outputs, variance = self._processes(
            module, state, query.X, query.offset, query.mask
        )
        if module.kind == "classifier":
            y = query.y[:, None, :, None].expand(*outputs.shape[:3], 1)
            return outputs.log_softmax(dim=-1).gather(-1, y).squeeze(-1)
        error = (outputs.squeeze(-1) - query.y.unsqueeze(1)).square()
        return -0.5 * (error / variance + variance.log())


def _tasks(support: Support, tasks: Tensor) -> Support:
    return Support(*(leaf[tasks] for leaf in support))


def _front(support: Support) -> Support:
    """Put the real rows first and cut the rest, of tasks that are small enough."""
    place = (support.counts <= 0).to(torch.int8).argsort(dim=1, stable=True)
    place = place[:, :_MOST_ROWS]
    return Support(
        support.rows.take_along_dim(place.unsqueeze(-1), dim=1),
        support.mean.take_along_dim(place[:, None, :, None], dim=2),
        support.y.take_along_dim(place, dim=1),
        support.counts.take_along_dim(place, dim=1),
        support.n_classes,
    )


def _widened(state: Posterior) -> Posterior:
    """Pad to the number of rows that large tasks keep."""
    more = _MOST_ROWS - state.rows.shape[1]
    precision = state.precision
    if precision.ndim == 4:
        precision = pad(precision, (0, more, 0, more))
    return state._replace(
        rows=pad(state.rows, (0, 0, 0, more)),
        weights=pad(state.weights, (0, 0, 0, more)),
        precision=precision,
    )
