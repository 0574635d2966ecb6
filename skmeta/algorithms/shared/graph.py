r"""The graph of a task's rows, labelled or not, and what it says of classes.

Rows near each other along a manifold tend to have like targets. Which are near is told
by a graph of nearest neighbours, whose edges have self-tuning weights (Zelnik-Manor and
Perona 2004): with :math:`r_i` the distance of row i from its k-th neighbour, its square
a hundredth of the mean square at least,

.. math::
    W_{ij} = \exp\Big(-\frac{|x_i - x_j|^2}{r_i r_j}\Big) \text{ if i is a neighbour of
    j or j of i}, \qquad L = \frac{D - W}{\bar d}, \quad D = \mathrm{diag}(W 1),

with the mean degree :math:`\bar d`, so that the size of L depends neither on the unit
of the features nor on the number of rows. That is :func:`laplacian`.

:func:`spread` tells the classes of all rows of the graph by those of a few: the least
squares of a Gaussian process on the graph,

.. math::
    g = a \, G_{\cdot l} \, (G_{ll} + \nu I)^{-1} (Y - q), \qquad
    G \propto (\epsilon I + L^2)^{-1},

with labels Y of the labelled rows l, and q what was expected of them beforehand: 1 / K
of each of K classes where nothing is known. G has a mean of 1 on its diagonal. That
labels are taken less what was expected is what keeps a few of them from being drowned
(Calder et al. 2020). The probability of a class at a row is :math:`\mathrm{softmax}(o
+ g)`, o the logits of q, and a row that is not in the graph has the mean of
:math:`\mathrm{softmax}(g)` of the rows that it is nearest to (Bengio et al. 2006,
section 11.3.2), times its own q.

References
----------
L. Zelnik-Manor, P. Perona. Self-tuning spectral clustering. NeurIPS 2004.

J. Calder, B. Cook, M. Thorpe, D. Slepčev. Poisson learning: graph based semi-supervised
learning at very low label rates. ICML 2020.

Y. Bengio, O. Delalleau, N. Le Roux. Label propagation and quadratic criterion. In
Semi-supervised learning, MIT Press 2006.
"""

import math
from numbers import Real
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from skmeta.algorithms.shared.losses import absent_classes
from skmeta.algorithms.shared.offsets import mean_offset
from skmeta.algorithms.shared.reuse import once
from skmeta.episodes.episode import Batch
from skmeta.utils.asking import largest
from skmeta.utils.devices import wide_type

__all__ = [
    "MOST_GRAPH_ROWS",
    "N_NEIGHBORS",
    "GraphRows",
    "WithGraph",
    "beside_graph",
    "check_unlabelled",
    "evenly_spaced",
    "few_unlabelled",
    "graph_rows",
    "laplacian",
    "mixed",
    "nearest",
    "spread",
]

N_NEIGHBORS = 10

# Rows of a task that a graph has at most, for its cost is the cube of their number.
MOST_GRAPH_ROWS = 1024

# A feature x is x / sqrt(1 + (x / 10)^2) before its range is taken, which no single row
# can make much wider so.
_BOUND = 10.0

# What spreads labels, chosen on digits: the ridge of the graph, the size of its logits,
# and the noise of labels.
_RIDGE, _AMPLITUDE, _NOISE = 0.005, 20.0, 0.1

# The least probability that a graph gives a class which the task has.
_LEAST = 1e-4

# Distances that differ by less than rounding are the same: all rows at one distance are
# neighbours, or none, so that their order does not decide.
_SAME = 1e-9

# The least of squared distances to k-th neighbours, in units of their mean.
_LEAST_REACH = 0.01
_TINY = 1e-30


class GraphRows(NamedTuple):
    """The rows of a graph as they are compared: in units of their range in the task.

    In it a column that is hardly ever anything else than 0 is not as far apart as one
    that varies, as it would be in units of its standard deviation.
    """

    rows: Tensor  # (tasks, rows, features): from 0 to 1, 0 on padding
    mask: Tensor  # (tasks, rows): False on padding
    low: Tensor  # (tasks, 1, features), as the next: where 0 is
    width: Tensor  # and how far 1 is from there

    def of(self, X: Tensor) -> Tensor:
        """Return other rows, (tasks, others, features), in these units."""
        return (_bounded(X) - self.low) / self.width


class WithGraph(NamedTuple):
    """What a task has learnt, and beside it what its graph says of classes."""

    learnt: Any  # what the algorithm makes of the labelled rows, or of all
    graph: GraphRows
    logits: Tensor  # (tasks, rows, classes): g above
    share: Tensor  # (tasks,): how much the graph's answers count among all
    n_classes: Tensor  # (tasks,)

    def probabilities(self, offset: Tensor | None, start: int) -> Tensor:
        """Return those of classes at the rows from ``start`` on, given their prior."""
        logits = self.logits[:, start:]
        if offset is not None:
            logits = logits + mean_offset(offset)
        absent = absent_classes(logits.shape[-1], self.n_classes)
        return logits.masked_fill(absent, -torch.inf).softmax(dim=-1)


class Neighbours(NamedTuple):
    """The nearest rows of a graph to others, and how much each counts."""

    place: Tensor  # (tasks, others, neighbours): among the rows of the graph
    share: Tensor  # (tasks, others, neighbours): sums to 1


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return those of all pairs of rows, (tasks, rows of a, rows of b)."""
    squares = a.square().sum(-1, keepdim=True) + b.square().sum(-1).unsqueeze(-2)
    return (squares - 2 * a @ b.mT).clamp(min=0.0)


def laplacian(rows: Tensor, mask: Tensor, n_neighbors: int = N_NEIGHBORS) -> Tensor:
    """Make the graph of nearest neighbours of every task, and return its Laplacian.

    Parameters
    ----------
    rows : Tensor of shape (tasks, rows, d)
        Rows, by what they are compared.
    mask : bool Tensor of shape (tasks, rows)
        False on padding, which has no neighbours.
    n_neighbors : int, default=10
        Neighbours of each row; more where others are just as near, and all others in a
        task that has fewer.

    Returns
    -------
    float64 Tensor of shape (tasks, rows, rows)
        Symmetric and positive semidefinite, its rows and columns 0 on padding.

    Examples
    --------
    Three rows on a line, the middle one a neighbour of both others:

    >>> import torch
    >>> from skmeta.algorithms.shared.graph import laplacian
    >>> L = laplacian(torch.tensor([[[0.0], [1.0], [2.0]]]), torch.ones(1, 3).bool(), 1)
    >>> L.round(decimals=2).tolist()
    [[[0.75, -0.75, 0.0], [-0.75, 1.5, -0.75], [0.0, -0.75, 0.75]]]
    """
    rows = rows.double()
    n = rows.shape[1]
    squares = squared_distances(rows, rows)
    apart = torch.eye(n, dtype=torch.bool, device=rows.device)
    is_pair = mask.unsqueeze(-1) & mask.unsqueeze(-2) & ~apart
    # Rounding is in units of the largest numbers that were subtracted.
    slack = _SAME * rows.square().sum(-1).amax(dim=-1)[:, None, None]
    far = squares.masked_fill(~is_pair, torch.inf)
    n_others = (mask.sum(dim=1, keepdim=True) - 1).clamp(min=0)
    place = (n_others.clamp(max=n_neighbors) - 1).clamp(min=0).expand(-1, n)
    nearest_few = far.topk(min(n_neighbors, n), dim=-1, largest=False).values
    reach = nearest_few.gather(-1, place.unsqueeze(-1))  # squared
    reach = reach.masked_fill(reach.isinf(), 0.0)
    is_near = (squares <= reach + slack) & is_pair
    # Of rows that come more often than they have neighbours it would be 0, and others
    # would be infinitely far.
    usual = reach.sum(dim=1, keepdim=True) / mask.sum(dim=1)[:, None, None].clamp(min=1)
    radius = torch.maximum(reach, _LEAST_REACH * usual).sqrt()
    W = torch.exp(-squares / (radius * radius.mT + slack + _TINY))
    W = torch.where(is_near | is_near.mT, W, 0.0)
    degree = W.sum(dim=-1)
    mean = degree.sum(dim=-1) / mask.sum(dim=-1).clamp(min=1)
    L = torch.diag_embed(degree) - W
    return L / mean.clamp(min=_TINY)[:, None, None]


def nearest(
    rows: Tensor, others: Tensor, mask: Tensor, n_neighbors: int = N_NEIGHBORS
) -> Neighbours:
    r"""Find the rows of the graph that others are nearest to.

    Parameters
    ----------
    rows : Tensor of shape (tasks, others, d)
        Rows that are not in the graph.
    others : Tensor of shape (tasks, rows, d)
        Rows of the graph.
    mask : bool Tensor of shape (tasks, rows)
        False on padding.
    n_neighbors : int, default=10
        Neighbours of each row.

    Returns
    -------
    Neighbours
        A neighbour at distance r counts :math:`\exp(-r^2 / \overline{r^2})`, with the
        mean over the neighbours.
    """
    squares = squared_distances(rows.double(), others.double())
    squares = squares.masked_fill(~mask.unsqueeze(1), torch.inf)
    k = min(n_neighbors, others.shape[1])
    few, index = squares.topk(k, dim=-1, largest=False)
    is_real = few.isfinite()
    few = few.masked_fill(~is_real, 0.0)
    mean = few.sum(-1, keepdim=True) / is_real.sum(-1, keepdim=True).clamp(min=1)
    share = torch.exp(-few / (mean + _TINY)) * is_real
    share = share / share.sum(-1, keepdim=True).clamp(min=_TINY)
    return Neighbours(index, share.to(rows))


def evenly_spaced(rows: Tensor, mask: Tensor, n: int) -> Tensor:
    """Choose n of the rows of every task that stand for all.

    They are evenly spaced in the order of a fixed projection, so that neither the order
    of the rows nor other tasks decide.

    Parameters
    ----------
    rows : Tensor of shape (tasks, rows, d)
        Rows.
    mask : bool Tensor of shape (tasks, rows)
        False on padding.
    n : int
        How many; of a task that has fewer, some come twice.

    Returns
    -------
    int Tensor of shape (tasks, n)
        Places of the rows.
    """
    rows = rows.to(wide_type(rows))
    # Frequencies without a common measure: no two columns cancel by chance.
    direction = torch.arange(1, rows.shape[-1] + 1).to(rows).sqrt().frac() - 0.45
    key = (rows @ direction).masked_fill(~mask, torch.inf)
    place = torch.arange(n, device=key.device) + 0.5
    place = place * mask.sum(dim=1, keepdim=True) / n
    return key.argsort(dim=1, stable=True).take_along_dim(place.long(), dim=1)


def graph_rows(support: Batch, unlabelled: Batch) -> GraphRows:
    """Put the rows of a graph together, labelled ones first."""
    X = _bounded(torch.cat([support.X, unlabelled.X], dim=1))
    mask = torch.cat([support.mask, unlabelled.mask], dim=1)
    real = mask.unsqueeze(-1)
    low = X.masked_fill(~real, torch.inf).amin(dim=1, keepdim=True)
    high = X.masked_fill(~real, -torch.inf).amax(dim=1, keepdim=True)
    width = high - low
    has_rows = mask.any(dim=1)[:, None, None]
    low = torch.where(has_rows, low, 0.0)
    width = torch.where(has_rows & (width > 0), width, 1.0)
    return GraphRows(torch.where(real, (X - low) / width, 0.0), mask, low, width)


def _bounded(X: Tensor) -> Tensor:
    return X / (1 + (X / _BOUND).square()).sqrt()


def few_unlabelled(support: Batch) -> Batch:
    """Return the rows without labels, or as many that stand for all as a graph takes.

    Together with the labelled rows they are :data:`MOST_GRAPH_ROWS` at most.
    """
    rows = support.unlabelled
    assert rows is not None
    most = max(1, MOST_GRAPH_ROWS - support.mask.shape[1])
    if rows.mask.shape[1] <= most:
        return rows
    is_large = rows.mask.sum(dim=1) > most
    place = (~rows.mask).to(torch.int8).argsort(dim=1, stable=True)[:, :most]
    chosen = evenly_spaced(rows.X, rows.mask, most)
    place = torch.where(is_large.unsqueeze(1), chosen, place)
    offset = rows.offset
    if offset is not None:
        offset = offset.take_along_dim(place[..., None, None], dim=1)
    return Batch(
        rows.X.take_along_dim(place.unsqueeze(-1), dim=1),
        rows.y.take_along_dim(place, dim=1),
        rows.mask.take_along_dim(place, dim=1),
        rows.n_classes,
        offset=offset,
    )


def spread(support: Batch, unlabelled: Batch, n_outputs: int) -> WithGraph:
    """Spread the labels of a support over the graph of all rows.

    Parameters
    ----------
    support, unlabelled : Batch
        Rows with class codes and without.
    n_outputs : int
        Labels of a shared label space, else 0.

    Returns
    -------
    WithGraph
        With nothing learnt beside, and a share of 0.
    """
    n = support.mask.shape[1]
    graph = graph_rows(support, unlabelled)
    mask = graph.mask
    L = laplacian(graph.rows, mask)
    eye = torch.eye(L.shape[-1], dtype=L.dtype, device=L.device)
    G = torch.linalg.inv(_RIDGE * eye + L @ L)
    is_pair = mask.unsqueeze(-1) & mask.unsqueeze(-2)
    G = torch.where(is_pair, G, 0.0)
    total = G.diagonal(dim1=-2, dim2=-1).sum(-1) / mask.sum(-1).clamp(min=1)
    G = G / total[:, None, None]
    n_classes = n_outputs or largest(support.n_classes)
    expected = expected_classes(support, n_classes).double()
    root = support.counts(expected).sqrt().unsqueeze(-1)
    A = root * G[:, :n, :n] * root.mT + _NOISE * eye[:n, :n]
    unexpected = one_hot(support.y, n_classes) - expected
    weights = root * torch.linalg.solve(A, root * unexpected)
    logits = _AMPLITUDE * G[..., :n] @ weights
    share = torch.zeros_like(support.X[:, 0, 0])
    return WithGraph((), graph, logits.to(support.X), share, support.n_classes)


def beside_graph(
    learnt: Any, support: Batch, unlabelled: Batch, n_outputs: int, share: float
) -> WithGraph:
    """Put what the graph of all rows says beside what was learnt of a support.

    The graph of a task without a labelled row, or without another, has no share.
    """
    graph = once(spread, support, unlabelled, n_outputs)
    says = support.mask.any(dim=1) & unlabelled.mask.any(dim=1)
    return graph._replace(learnt=learnt, share=share * says.to(graph.share))


def check_unlabelled(unlabelled: Any) -> tuple[float, float]:
    """Return the weight and the share that a parameter ``unlabelled`` stands for.

    Raises
    ------
    ValueError
        If it is neither "auto", which is (0, 0), nor a weight and a share.
    """
    if isinstance(unlabelled, str) and unlabelled == "auto":
        return 0.0, 0.0
    is_pair = isinstance(unlabelled, (tuple, list)) and len(unlabelled) == 2
    if is_pair and all(isinstance(each, Real) for each in unlabelled):
        weight, share = map(float, unlabelled)
        if 0 <= weight < math.inf and 0 <= share <= 1:
            return weight, share
    raise ValueError(
        "unlabelled must be 'auto' or a weight from 0 on and a share from 0 to 1, such "
        f"as (1.0, 0.5), not {unlabelled!r}."
    )


def expected_classes(batch: Batch, n_classes: int) -> Tensor:
    """Return the probabilities of classes before a label is known, (tasks, rows, K)."""
    logits = batch.X.new_zeros(*batch.y.shape, n_classes)
    if batch.offset is not None:
        logits = logits + mean_offset(batch.offset)
    absent = absent_classes(n_classes, batch.n_classes)
    return torch.where(absent, 0.0, logits.masked_fill(absent, -torch.inf).softmax(-1))


def mixed(state: WithGraph, logits: Tensor, X: Tensor, offset: Tensor | None) -> Tensor:
    """Mix an algorithm's answers to rows with what the graph says of them.

    Parameters
    ----------
    state : WithGraph
        The graphs.
    logits : Tensor of shape (tasks, rows, classes)
        Of the algorithm; ``-inf`` for classes that a task lacks.
    X : Tensor of shape (tasks, rows, features)
        The rows.
    offset : Tensor of shape (tasks, rows, parts, classes) or None
        What the prior says of them.

    Returns
    -------
    Tensor of shape (tasks, rows, classes)
        Logarithms of the mixed probabilities.
    """
    place, share = once(_nearest_in, state.graph, X)
    p = state.probabilities(None, 0)
    near = p.unsqueeze(1).expand(-1, X.shape[1], -1, -1)
    near = near.take_along_dim(place.unsqueeze(-1), dim=2)
    absent = absent_classes(p.shape[-1], state.n_classes)
    own = (share.unsqueeze(-1) * near).sum(dim=2).clamp(min=_LEAST).log()
    if offset is not None:
        own = own + mean_offset(offset)
    own = own.masked_fill(absent, -torch.inf).log_softmax(dim=-1)
    part = state.share[:, None, None]
    both = torch.logaddexp(
        (1 - part).log() + logits.log_softmax(dim=-1), part.log() + own
    )
    return torch.where(part > 0, both, logits)


def _nearest_in(graph: GraphRows, X: Tensor) -> Neighbours:
    return nearest(graph.of(X), graph.rows, graph.mask)
