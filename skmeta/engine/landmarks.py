"""Where the classes of adapted tasks lie, to tell rows of none of them by."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from skmeta.algorithms.shared import sum_by_class
from skmeta.episodes.episode import Batch

__all__ = ["CLUES", "Landmarked", "LandmarkedState", "Units"]

CLUES = ("odds", "class", "row", "class by features", "class by whitened features")
"""What speaks for a row of no known class, in the order of what ``clues`` returns."""

# Distances are not told apart below this one, in units of usual ones.
_LEAST = 1e-4


class Units(NamedTuple):
    """What distances are measured in, and where classes lie that all tasks know.

    Parameters
    ----------
    embedding : float
        Root mean square of the distance of two training rows in the embedding.
    features : Tensor of shape (features,)
        Standard deviation of each feature over the training rows, as networks see it.
    whitening : Tensor of shape (features, features) or (features,)
        Maps features to some whose covariance inside classes is one.
    means : Tensor of shape (classes, d), default=None
        Mean embedding of each label of a shared label space.
    feature_means : Tensor of shape (classes, features), default=None
        Their mean features.
    """

    embedding: float
    features: Tensor
    whitening: Tensor
    means: Tensor | None = None
    feature_means: Tensor | None = None


class LandmarkedState(NamedTuple):
    """What was learnt of tasks, and where their rows and classes lie."""

    learnt: Any
    rows: Tensor  # (tasks, rows, d), embedded
    is_row: Tensor  # (tasks, rows)
    means: Tensor  # (tasks, classes, d)
    feature_means: Tensor  # (tasks, classes, features)
    is_class: Tensor  # (tasks, classes)


@dataclass(frozen=True)
class Landmarked:
    r"""An algorithm that keeps where the support rows of tasks and their classes lie.

    The clues of a row x that it is of no class of its task, with the embedding f, the
    support rows :math:`x_i` and the classes' means :math:`c_k` of :math:`f(x_i)` and
    :math:`m_k` of :math:`x_i`, are

    .. math::
        \log \frac{1 - \max_k p_k(x)}{\max_k p_k(x)}, \quad
        \log \min_k \|f(x) - c_k\|, \quad \log \min_i \|f(x) - f(x_i)\|, \quad
        \log \min_k \|D (x - m_k)\|, \quad \log \min_k \|W (x - m_k)\|,

    with D the inverse standard deviations of the features and W what whitens rows
    inside training classes. Where labels mean the same in every task, means count the
    mean over all training rows as one row more, and it stands among the rows.

    Parameters
    ----------
    algorithm : Algorithm or TaskScaled
        Learns and answers.
    units : Units
        What distances are measured in.
    """

    algorithm: Any
    units: Units

    @property
    def adapts_weights(self) -> bool:
        """As that of the algorithm."""
        return self.algorithm.adapts_weights

    def __str__(self) -> str:
        return str(self.algorithm)

    def adapt(self, module: nn.Module, support: Batch) -> LandmarkedState:
        """Learn tasks, and keep where their rows lie."""
        learnt = self.algorithm.adapt(module, support)
        asked = [support.X] if support.offset is None else [support.X, support.offset]
        rows = self.algorithm.embed(module, learnt, *asked)
        rows = torch.where(support.mask.unsqueeze(-1), rows, 0.0)
        known = self.units.means
        n_outputs = 0 if known is None else len(known)
        means, count = _means(rows, support, n_outputs, known)
        feature_means, _ = _means(
            support.X, support, n_outputs, self.units.feature_means
        )
        return LandmarkedState(
            learnt, rows, support.mask, means, feature_means, count.squeeze(-1) > 0
        )

    def predict(
        self, module: nn.Module, state: LandmarkedState, *asked: Tensor
    ) -> Tensor:
        """Answer rows."""
        return self.algorithm.predict(module, state.learnt, *asked)

    def embed(
        self, module: nn.Module, state: LandmarkedState, *asked: Tensor
    ) -> Tensor:
        """Embed rows."""
        return self.algorithm.embed(module, state.learnt, *asked)

    def predict_std(
        self, module: nn.Module, state: LandmarkedState, *asked: Tensor
    ) -> Tensor:
        """Give standard deviations."""
        return self.algorithm.predict_std(module, state.learnt, *asked)

    def distances(
        self, module: nn.Module, state: LandmarkedState, *asked: Tensor
    ) -> Tensor:
        """Measure distances of rows from prototypes."""
        return self.algorithm.distances(module, state.learnt, *asked)

    def clues(
        self, module: nn.Module, state: LandmarkedState, *asked: Tensor
    ) -> Tensor:
        """Tell what speaks for rows being of no known class, (tasks, rows, clues)."""
        units, X = self.units, asked[0]
        logits = self.predict(module, state, *asked)
        first = logits.argmax(dim=-1, keepdim=True)
        others = logits.scatter(-1, first, -torch.inf).logsumexp(dim=-1)
        embedded = self.embed(module, state, *asked)
        rows, is_row = state.rows, state.is_row
        if units.means is not None:
            n_tasks = len(rows)
            rows = torch.cat([rows, units.means.to(rows).expand(n_tasks, -1, -1)], 1)
            always = is_row.new_ones(n_tasks, len(units.means))
            is_row = torch.cat([is_row, always], dim=1)
        clues = [
            others - logits.gather(-1, first).squeeze(-1),
            _log_nearest(embedded, state.means, state.is_class, units.embedding),
            _log_nearest(embedded, rows, is_row, units.embedding),
        ]
        for scale in (1 / units.features, units.whitening):
            near, points = _scaled(X, scale), _scaled(state.feature_means, scale)
            unit = X.shape[-1] ** 0.5
            clues.append(_log_nearest(near, points, state.is_class, unit))
        return torch.stack(clues, dim=-1)


def _means(
    rows: Tensor, support: Batch, n_outputs: int, known: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Average the rows of every class, and what is known of it as another row."""
    total, count = sum_by_class(rows, support, n_outputs)
    if known is not None:
        total, count = total + known.to(total), count + 1
    return total / torch.where(count > 0, count, 1.0), count


def _scaled(X: Tensor, scale: Tensor) -> Tensor:
    scale = scale.to(X)
    return X @ scale if scale.ndim == 2 else X * scale


def _log_nearest(a: Tensor, b: Tensor, is_there: Tensor, unit: float) -> Tensor:
    # Not by products of matrices, which would find equal rows a little apart.
    distances = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    distances = distances.masked_fill(~is_there.unsqueeze(1), torch.inf)
    return (distances.amin(dim=-1) / unit).clamp(_LEAST, 1 / _LEAST**4).log()
