"""The distances of pytorch-metric-learning, by skmeta's contract."""

from numbers import Real

import torch
from pytorch_metric_learning import distances as library
from torch import Tensor, nn
from torch.func import vmap

from skmeta.distances import Distance

__all__ = ["SNR", "CosineSimilarity", "Lp"]


class Lp(Distance):
    r"""Distance in an Lp norm, of embeddings scaled to length 1 by default.

    :math:`d(a, b) = \|\hat a - \hat b\|_p^{power}`, ``LpDistance`` of the library. On
    the unit sphere distances are bounded, so that a margin means the same throughout
    the training. The length of a zero vector stays 0.

    Parameters
    ----------
    p : float, default=2
        Norm, 1 or more; ``float("inf")`` takes the largest difference.
    power : float, default=1
        Power of the distance, 1 or more; 2 squares it.
    normalize : bool, default=True
        Scale embeddings to length 1 in the same norm first.

    Attributes
    ----------
    is_squared : bool
        True for ``power=2``, whose square root is a distance.

    Examples
    --------
    >>> import torch
    >>> from skmeta_metric import Lp
    >>> distance = Lp(normalize=False).build(n_features=2)
    >>> distance(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]))
    tensor([[5.]])
    """

    def __init__(self, p: float = 2, power: float = 1, normalize: bool = True):
        self.p = p
        self.power = power
        self.normalize = normalize

    @property
    def is_squared(self) -> bool:
        """Tell whether the square root of it is a distance."""
        return self.power == 2

    def build(self, n_features: int) -> nn.Module:
        """Return the function as a module without parameters.

        Raises
        ------
        ValueError
            If p or power is less than 1, where a gradient can be infinite.
        """
        for name in ("p", "power"):
            value = getattr(self, name)
            if not (isinstance(value, Real) and value >= 1):
                raise ValueError(
                    f"{name} must be a number from 1 on, not {value!r}. Below, the "
                    "gradient is infinite where rows coincide."
                )
        return _Compared(
            library.LpDistance(
                p=self.p, power=self.power, normalize_embeddings=self.normalize
            )
        )


class CosineSimilarity(Distance):
    r"""One minus the cosine, ``CosineSimilarity`` of the library.

    :math:`d(a, b) = 1 - a^\top b / (\|a\| \, \|b\|)`, between 0 and 2; a zero vector
    has distance 1 to every vector. The same as skmeta's own "cosine".

    Examples
    --------
    >>> import torch
    >>> from skmeta_metric import CosineSimilarity
    >>> distance = CosineSimilarity().build(n_features=2)
    >>> distance(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([[0., 1.]])
    """

    def build(self, n_features: int) -> nn.Module:
        """Return the function as a module without parameters."""
        return _Compared(library.CosineSimilarity())


class SNR(Distance):
    r"""Ratio of noise to signal, ``SNRDistance`` of the library (Yuan et al. 2019).

    :math:`d(a, b) = \mathrm{var}(a - b) / \mathrm{var}(a)`, with variances over the
    components of an embedding. It is not symmetric: the first argument is the signal,
    which in skmeta's algorithms is a new row. A row whose components are all equal has
    no signal; it is compared as if they were 1 and -1 in turn.

    Parameters
    ----------
    normalize : bool, default=True
        Scale embeddings to length 1 first.

    References
    ----------
    T. Yuan, W. Deng, J. Tang, Y. Tang, B. Chen. Signal-to-noise ratio: a robust
    distance metric for deep metric learning. CVPR 2019.

    Examples
    --------
    >>> import torch
    >>> from skmeta_metric import SNR
    >>> distance = SNR(normalize=False).build(n_features=2)
    >>> distance(torch.tensor([[1.0, -1.0]]), torch.tensor([[1.0, -1.0], [2.0, 1.0]]))
    tensor([[0.0000, 0.2500]])
    """

    def __init__(self, normalize: bool = True):
        self.normalize = normalize

    def build(self, n_features: int) -> nn.Module:
        """Return the function as a module without parameters.

        Raises
        ------
        ValueError
            If the embedding has one component, which has no variance.
        """
        if n_features < 2:
            raise ValueError(
                "The distance 'snr' compares variances over the components of an "
                f"embedding and needs two or more, not {n_features}."
            )
        return _Compared(library.SNRDistance(normalize_embeddings=self.normalize))


class _Compared(nn.Module):
    """A distance of the library, for any leading axes and without infinite slopes."""

    def __init__(self, compare: library.BaseDistance):
        super().__init__()
        self.compare = compare

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Compare rows (..., n, d) with rows (..., m, d)."""
        leading = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        if 0 in leading:
            return torch.zeros_like(a @ b.mT)
        if isinstance(self.compare, library.SNRDistance):
            a = _with_signal(a)
        if self.compare.normalize_embeddings:
            a, b = _without_slope_at_zero(a), _without_slope_at_zero(b)
        if not leading:
            return self._distance(a, b)
        a, b = (x.expand(*leading, *x.shape[-2:]) for x in (a, b))
        # The library knows two axes only.
        d = vmap(self._distance)(a.flatten(0, -3), b.flatten(0, -3))
        return d.unflatten(0, leading)

    def _distance(self, a: Tensor, b: Tensor) -> Tensor:
        d = self.compare(a, b)
        return 1 - d if self.compare.is_inverted else d


def _without_slope_at_zero(x: Tensor) -> Tensor:
    # Scaling to length 1 has a slope of 1e12 there.
    return x.masked_fill((x == 0).all(dim=-1, keepdim=True), 0.0)


def _with_signal(x: Tensor) -> Tensor:
    rounding = torch.finfo(x.dtype).eps ** 2 * x.square().mean(dim=-1, keepdim=True)
    flat = x.var(dim=-1, keepdim=True) <= rounding
    place = torch.arange(x.shape[-1], device=x.device)
    return torch.where(flat, (1 - 2 * (place % 2)).to(x), x)
