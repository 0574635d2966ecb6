"""Mean and covariance of a task's rows: all that the kernel learner meta-learns."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from skmeta.algorithms.gaussian.scale import RowScale
from skmeta.algorithms.gaussian.support import Support
from skmeta.algorithms.shared.training_classes import ClassLoss
from skmeta.backbones.base import Backbone, width_of
from skmeta.episodes.episode import Batch
from skmeta.episodes.spec import Spec
from skmeta.nn import Linear, apply
from skmeta.utils.asking import largest
from skmeta.utils.devices import wide_type

__all__ = ["Kernel", "KernelLearner"]

# Logarithms of the first variances: of the constant, of the squared exponentials on the
# inputs and on the embedding, of the noise, and of every slope.
_FIRST = {"constant": -1.0, "inputs": -2.0, "embedding": -2.0, "noise": 0.0}
_FIRST_SLOPE = -4.0
_LEAST_NOISE = 1e-4

# Below it, in standard deviations of a feature, rounding would tell equal rows apart:
# exponents are differences of squares over squared lengths, in single precision.
_LEAST_LENGTH = 0.05

# What the first of the parts of a prior counts, if there are two.
_FIRST_SHARE = 0.7

# Logarithms of the odds of a process that leaves the prior out, and of one that
# compares embeddings, before any row; and how much the evidence of a support counts
# then, for few rows say too much. Chosen on held-out training tasks of real tables.
# Where columns tell the class for certain, a share of e ** -2 for a process that does
# not know it would be most of the log-loss; values lose nothing by it.
_ODDS_WITHOUT_PRIOR = {"classifier": -10.0, "regressor": -2.0}
_ODDS_ON_EMBEDDING = -1.0
_TRUST = 0.5

# Exponentials are powers of two, which take a third of the time of powers of e.
_LOG2_E = math.log2(math.e)

# Powers below it are as good as zero. Where they leave the normal numbers of single
# precision, from 2 ** -126 on, a processor takes ten times as long for each.
_LEAST_EXPONENT = -86.0

# A prior's answer is drawn nearer, as a feature, beyond this size.
_FAR = 6.0


class Kernel(NamedTuple):
    """Covariance of rows: its parameters for every process."""

    constant: Tensor  # (processes, 1, 1), as the next two
    inputs: Tensor  # variance of the squared exponential on the inputs
    embedding: Tensor  # and on the embedding
    slopes: Tensor  # (processes, 1, inputs): variances
    sharpness: Tensor  # (processes, 1, inputs): 1 / length ** 2

    def between(self, rows: Tensor, others: Tensor) -> Tensor:
        """Return covariances, (tasks, processes, rows, others)."""
        if rows.shape[1] < others.shape[1]:
            return self.between(others, rows).mT
        d, n = self.slopes.shape[-1], len(self.slopes)
        a, b = rows[..., :d], others[..., :d]
        # All that is linear in rows or in pairs of them is one product of matrices,
        # whose factor that is repeated has the fewer rows: passes over all pairs of
        # rows take most of the time.
        factors = torch.cat([self.slopes, self._sharp()])  # (2 * processes, 1, inputs)
        far = -self._half_norm(b)
        level = torch.cat([self.constant.squeeze(-1).expand_as(far), far], dim=1)
        products = torch.baddbmm(
            level.flatten(1).unsqueeze(-1),
            (b.unsqueeze(1) * factors).flatten(1, 2),
            a.mT,
        )
        linear, near = products.unflatten(1, (2, n, -1)).unbind(dim=1)
        near = _exp2(near - self._half_norm(a).unsqueeze(2))
        # Embeddings may be long, and covariances must stay positive definite.
        near_embedded = _squared_exponential(
            *(each[..., d:].to(wide_type(each)) for each in (others, rows))
        ).to(near)
        covariance = torch.addcmul(linear, self.inputs, near)
        return torch.addcmul(covariance, self.embedding, near_embedded.unsqueeze(1)).mT

    def times(
        self, rows: Tensor, others: Tensor, weights: Tensor, mean: Tensor
    ) -> Tensor:
        """Multiply covariances by weights of the others, and add means.

        The same as ``between(rows, others) @ weights``, transposed, in half the time:
        what is linear in the rows is a few numbers for each process, and of no pair.

        Parameters
        ----------
        rows : Tensor of shape (tasks, rows, inputs and embedding)
            Rows to answer.
        others : Tensor of shape (tasks, others, inputs and embedding)
            Rows that are known.
        weights : Tensor of shape (tasks, processes, others, outputs)
            Weights.
        mean : Tensor of shape (tasks, processes, outputs, rows)
            Added to the products.

        Returns
        -------
        Tensor of shape (tasks, processes, outputs, rows)
            Sums.
        """
        d, n = self.slopes.shape[-1], len(self.slopes)
        a, b, weights = rows[..., :d], others[..., :d], weights.mT
        slopes = (weights.flatten(1, 2) @ b).unflatten(1, (n, -1)) * self.slopes
        level = self.constant * weights.sum(dim=-1, keepdim=True)
        sharp = (b.unsqueeze(1) * self._sharp()).flatten(1, 2)
        far = self._half_norm(b).unsqueeze(-1) + self._half_norm(a).unsqueeze(2)
        near = _exp2(far.flatten(1, 2).baddbmm_(sharp, a.mT, beta=-1))
        left, right = others[..., d:], rows[..., d:]
        if others.shape[1]:  # what all rows have in common costs digits of distances
            left, right = left - left[:, :1], right - left[:, :1]
        embedded = _squared_exponential(left, right)
        # (tasks, processes * outputs, rows)
        sums = (mean + level).flatten(1, 2).baddbmm_(slopes.flatten(1, 2), a.mT)
        sums.baddbmm_((self.embedding * weights).flatten(1, 2), embedded)
        sums = sums.unflatten(1, (n, -1)).flatten(0, 1)
        weights = (self.inputs * weights).flatten(0, 1)
        near = near.unflatten(1, (n, -1)).flatten(0, 1)
        return sums.baddbmm_(weights, near).unflatten(0, (-1, n))

    def _sharp(self) -> Tensor:
        return _LOG2_E * self.sharpness

    def _half_norm(self, inputs: Tensor) -> Tensor:
        """Return half of the squared length of inputs, in powers of two."""
        return (0.5 * self._sharp().squeeze(1)) @ inputs.square().mT

    def variance(self, rows: Tensor) -> Tensor:
        """Return the variance of every row, (tasks, processes, rows)."""
        d = self.slopes.shape[-1]
        squares = rows[..., :d].square() @ self.slopes.squeeze(1).T
        level = (self.constant + self.inputs + self.embedding).squeeze(-1)
        return squares.mT + level


class KernelLearner(nn.Module):
    """A few Gaussian processes that share an embedding.

    Parameters
    ----------
    backbone : Backbone
        Makes the network to the embedding.
    spec : Spec
        Sizes and kinds.
    width : int
        Width of the embedding.

    Attributes
    ----------
    around_prior, on_embedding : bool Tensor of shape (processes,)
        Which processes have the prior in their mean and inputs, and which have the
        embedding in their kernel.
    log_odds : Tensor of shape (processes,)
        Logarithm of their odds before any row.
    """

    around_prior: Tensor
    on_embedding: Tensor
    sees: Tensor
    first: Tensor
    log_odds: Tensor

    def __init__(self, backbone: Backbone, spec: Spec, width: int):
        super().__init__()
        self.kind = spec.kind
        self.n_outputs = spec.n_outputs
        self.n_features = spec.n_features
        self.n_inputs = spec.n_features + spec.n_parts * spec.n_outputs
        processes = [(False, False), (False, True)]
        if spec.n_parts:
            processes = [(True, False), (False, False), (True, True)]
        around_prior = torch.tensor([each for each, _ in processes])
        on_embedding = torch.tensor([each for _, each in processes])
        odds = _ODDS_ON_EMBEDDING * on_embedding
        if spec.n_parts:
            odds = odds + _ODDS_WITHOUT_PRIOR[spec.kind] * ~around_prior
        self.register_buffer("log_odds", odds)
        self.register_buffer("around_prior", around_prior)
        self.register_buffer("on_embedding", on_embedding)
        sees = torch.ones(len(processes), self.n_inputs)
        sees[:, spec.n_features :] = around_prior.to(sees).unsqueeze(1)
        self.register_buffer("sees", sees, persistent=False)

        n, d = len(processes), self.n_inputs
        self.sees_prior = getattr(backbone, "takes_any_width", True)
        self.backbone = backbone.build(d if self.sees_prior else spec.n_features)
        self.project = Linear(width_of(self.backbone), width, bias=False)
        self.skip = Linear(d, width, bias=False)
        nn.init.normal_(self.skip.weight, std=0.3 / d**0.5)
        first = [_FIRST["constant"], _FIRST["inputs"], _FIRST["embedding"]]
        first += [_FIRST_SLOPE] * d + [0.5 * math.log(d) + 0.3] * d  # slopes, lengths
        self.register_buffer("first", torch.tensor(first))
        self.log_kernel = nn.Parameter(torch.zeros(n, len(first)))  # beside the first
        self.log_noise = self.parts = self.bias = None
        if spec.kind == "regressor":
            self.log_noise = nn.Parameter(torch.full((n,), _FIRST["noise"]))
        if spec.n_parts:
            rest = (1 - _FIRST_SHARE) / max(spec.n_parts - 1, 1)
            shares = [_FIRST_SHARE, *[rest] * (spec.n_parts - 1)]
            if spec.n_parts == 1:
                shares = [1.0]
            self.parts = nn.Parameter(torch.tensor([shares] * n))
        self.row_scale = None
        if spec.n_parts and spec.kind == "regressor" and spec.long_tails:
            self.row_scale = RowScale()
        if spec.n_outputs:
            self.bias = nn.Parameter(torch.zeros(n, spec.n_outputs))
        self.class_loss: ClassLoss | None = None

    # Rows ---------------------------------------------------------------------------

    def inputs(self, X: Tensor, offset: Tensor | None) -> Tensor:
        """Return features and the prior's answers, (tasks, rows, inputs)."""
        if self.n_inputs == self.n_features:
            return X
        if offset is None:
            offset = X.new_zeros(*X.shape[:2], self.n_inputs - self.n_features)
        near = _FAR * torch.tanh(offset.flatten(2) / _FAR)
        return torch.cat([X, near], dim=-1)

    def embed(
        self, X: Tensor, offset: Tensor | None, mask: Tensor | None = None
    ) -> Tensor:
        """Return the embedding of rows, (tasks, rows, width)."""
        return self._embed(X, self.inputs(X, offset), mask)

    def _embed(self, X: Tensor, inputs: Tensor, mask: Tensor | None) -> Tensor:
        seen = inputs if self.sees_prior else X
        return self.project(apply(self.backbone, seen, mask)) + self.skip(inputs)

    def rows(
        self, X: Tensor, offset: Tensor | None, mask: Tensor | None = None
    ) -> Tensor:
        """Return inputs and embedding side by side."""
        inputs = self.inputs(X, offset)
        return torch.cat([inputs, self._embed(X, inputs, mask)], dim=-1)

    def support(self, batch: Batch) -> Support:
        """Make a batch ready for the linear algebra."""
        return self.scaled(self.unscaled(batch), self.told(batch.X, batch.offset))

    def unscaled(self, batch: Batch) -> Support:
        """Make a batch ready, but for how much its rows deviate."""
        width = self.n_outputs or largest(batch.n_classes)
        mean = self.mean(batch.X, batch.offset, width).mT
        return Support(
            self.rows(batch.X, batch.offset, batch.mask),
            mean,
            batch.y,
            batch.counts(mean),
            batch.n_classes,
        )

    # How much rows deviate ----------------------------------------------------------

    def told(self, X: Tensor, offset: Tensor | None) -> Tensor | None:
        """Return the values that the prior tells, (tasks, processes, rows)."""
        if self.row_scale is None:
            return None
        assert self.parts is not None  # of a prior
        # Chosen by what is best for the mean; the process that has no prior in its mean
        # keeps the first ones.
        shares = self.parts.detach()
        if offset is None:
            return X.new_zeros(len(X), len(shares), X.shape[1])
        return shares @ offset.squeeze(-1).mT

    def scaled(self, support: Support, told: Tensor | None) -> Support:
        """Add how much rows of a support deviate, by what is told of them."""
        if told is None:
            return support
        assert self.row_scale is not None  # or nothing is told
        level = self.row_scale.beyond(told, support.y, support.counts)
        return support._replace(scale=self.scale(told, level), level=level)

    def scale(self, told: Tensor, level: Tensor) -> Tensor:
        """Return how much rows deviate, (tasks, processes, rows)."""
        assert self.row_scale is not None  # or nothing is told
        return self.row_scale(told + level.unsqueeze(-1))

    def importance(self, told: Tensor, level: Tensor) -> Tensor:
        """Return how much rows count in training, (tasks, processes, rows)."""
        assert self.row_scale is not None  # or nothing is told
        return self.row_scale.importance(told + level.unsqueeze(-1))

    def log_share(self, evidence: Tensor) -> Tensor:
        """Return the logarithm of the weight of every process.

        ``evidence``, (tasks, processes), is the logarithm of how likely the support is.
        """
        weighed = self.log_odds + _TRUST * evidence
        return weighed.to(self.log_kernel).log_softmax(dim=-1)

    # Moments ------------------------------------------------------------------------

    def mean(self, X: Tensor, offset: Tensor | None, n_outputs: int) -> Tensor:
        """Return the mean of every process, (tasks, processes, outputs, rows)."""
        bias = X.new_zeros(len(self.on_embedding), n_outputs)
        return self._mean(X, bias if self.bias is None else self.bias, offset)

    def ahead(self, X: Tensor, offset: Tensor | None) -> Tensor:
        """Return how far the second of two classes is ahead in the mean."""
        assert self.bias is not None  # of shared classes
        if offset is not None:
            offset = offset[..., 1:] - offset[..., :1]
        return self._mean(X, self.bias[:, 1:] - self.bias[:, :1], offset)

    def _mean(self, X: Tensor, bias: Tensor, offset: Tensor | None) -> Tensor:
        mean = bias.unsqueeze(-1)
        if offset is not None and self.parts is not None:
            shares = self.parts * self.around_prior.unsqueeze(1)  # (processes, parts)
            for part, share in zip(offset.unbind(2), shares.T, strict=True):
                mean = torch.addcmul(mean, share[:, None, None], part.mT.unsqueeze(1))
        return mean.expand(len(X), -1, -1, X.shape[1])

    def kernel(self) -> "Kernel":
        """Return the covariance with the parameters that it has now."""
        d = self.n_inputs
        # The embedding, and the prior, count in the processes that have them.
        part = (self.first + self.log_kernel).exp().unsqueeze(1)
        sees = self.sees.unsqueeze(1)
        return Kernel(
            part[..., :1],
            part[..., 1:2],
            part[..., 2:3] * self.on_embedding[:, None, None],
            sees * part[..., 3 : 3 + d],
            sees / part[..., 3 + d :].clamp(min=_LEAST_LENGTH).square(),
        )

    def noise(self) -> Tensor:
        """Return the variance of the noise of every process, (processes,)."""
        assert self.log_noise is not None  # of values
        return self.log_noise.exp() + _LEAST_NOISE


def _squared_exponential(a: Tensor, b: Tensor) -> Tensor:
    """Return ``exp(-|a - b|^2 / 2)`` of all pairs of rows.

    Squares of long rows leave no digits of a short distance: in single precision rows
    of length 3,000 are a distance of 1 apart, or none, by chance.
    """
    # Not a product, whose rounding depends on the place of a row among others.
    far = a.square().sum(-1, keepdim=True) + b.square().sum(-1).unsqueeze(-2)
    return _exp2(far.baddbmm_(a, b.mT, beta=-0.5 * _LOG2_E, alpha=_LOG2_E))


def _exp2(x: Tensor) -> Tensor:
    """Return ``2 ** x``, in place, of numbers that rounding may have made positive."""
    return x.clamp_(_LEAST_EXPONENT, 0.0).exp2_()
