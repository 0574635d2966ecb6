"""A distance between images that small deformations of them do not change."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skmeta.distances.base import Distance

__all__ = ["Tangent"]

_TINY = 1e-12  # so that an image without any edge has a tangent plane, of no extent


class Tangent(Distance):
    r"""Tangent distance: squared distance of two images, up to small deformations.

    To first order, an image b that is shifted, turned, scaled or sheared a little is
    :math:`b + \alpha T_b`, with a row of :math:`T_b` for each of the six parameters of
    an affine map: the derivative of the image by it. The distance is what is left of
    :math:`a - b` once the best deformation of either is taken away (Simard et al.
    1993, section 2, with one plane at a time),

    .. math::
        d(a, b) = \tfrac12 \, [\delta(a, b) + \delta(b, a)], \qquad
        \delta(a, b) = \min_\alpha \|a - b - \alpha T_b\|^2
                       + \lambda \, \tfrac16 \|T_b\|^2 \, \|\alpha\|^2 .

    The second term keeps deformations small. An algorithm that learns from few
    training classes cannot find out from them what deformations leave any class what it
    is, and need not: they are the same for all. The rows must be images, as they come
    or from a backbone that makes images of images, such as
    :class:`~skmeta.backbones.Identity` and ``Correction``.

    Parameters
    ----------
    image_shape : (int, int) or (int, int, int), default=(28, 28)
        Height and width, or channels, height and width, of the images whose pixels are
        the features.
    ridge : float, default=0.01
        Strength :math:`\lambda` of the penalty on the deformation.

    References
    ----------
    P. Simard, Y. LeCun, J. Denker. Efficient pattern recognition using a new
    transformation distance. NeurIPS 5, 1993.

    Examples
    --------
    A stroke, the same one a pixel further, and one across:

    >>> import torch
    >>> from skmeta.distances import Tangent
    >>> stroke = torch.tensor([0.0, 1.0, 2.0, 1.0, 0.0, 0.0]).repeat(6, 1)
    >>> images = torch.stack([stroke, stroke.roll(1, dims=1), stroke.T]).flatten(1)
    >>> distance = Tangent(image_shape=(6, 6)).build(n_features=36)
    >>> near, across = distance(images[:1], images[1:])[0]
    >>> bool(near < 0.3 * across)
    True
    """

    is_squared = True

    def __init__(self, image_shape: Sequence[int] = (28, 28), ridge: float = 0.01):
        self.image_shape = image_shape
        self.ridge = ridge

    def build(self, n_features: int) -> nn.Module:
        """Return a module without parameters.

        Raises
        ------
        ValueError
            If rows of ``n_features`` are no images of ``image_shape``, or ``ridge`` is
            not positive.
        """
        shape = tuple(self.image_shape)
        if len(shape) not in (2, 3) or math.prod(shape) != n_features:
            raise ValueError(
                f"image_shape={shape!r} does not fit embeddings of {n_features} "
                "numbers: give (height, width) or (channels, height, width) of the "
                "images, and a backbone that keeps them images, such as 'identity' or "
                "'correction'."
            )
        if not self.ridge > 0:
            raise ValueError(f"ridge must be positive, not {self.ridge!r}.")
        return _Tangent((1, *shape)[-3:], self.ridge)


class _Tangent(nn.Module):
    def __init__(self, shape: tuple[int, ...], ridge: float):
        super().__init__()
        self.shape = shape
        self.ridge = ridge

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        # |a - b|^2, less the mean of the parts that lie in the planes at a and at b.
        squares = a.square().sum(-1).unsqueeze(-1) + b.square().sum(-1).unsqueeze(-2)
        apart = squares - 2 * a @ b.mT
        in_planes = self._in_plane(a, b) + self._in_plane(b, a).mT
        return apart - 0.5 * in_planes

    def _in_plane(self, a: Tensor, b: Tensor) -> Tensor:
        """Square of the part of a - b that deformations of b explain: (..., n, m)."""
        plane = self._plane(b)  # (..., m, 6, d)
        own = (plane @ b.unsqueeze(-1)).squeeze(-1)  # (..., m, 6)
        # One product for all, and no tensor (n, m, d).
        along = a @ plane.flatten(-3, -2).mT  # (..., n, 6 m)
        along = along.unflatten(-1, own.shape[-2:]) - own.unsqueeze(-3)
        return along.square().sum(-1)

    def _plane(self, b: Tensor) -> Tensor:
        """Tangent vectors, made orthonormal but for the ridge: (..., m, 6, d)."""
        T = _derivatives(b.unflatten(-1, self.shape))
        gram = T @ T.mT
        penalty = self.ridge * gram.diagonal(dim1=-2, dim2=-1).mean(-1) + _TINY
        eye = torch.eye(6, dtype=T.dtype, device=T.device)
        root = torch.linalg.cholesky(gram + penalty[..., None, None] * eye)
        return torch.linalg.solve_triangular(root, T, upper=False)


def _derivatives(images: Tensor) -> Tensor:
    """Differentiate images by affine maps: (..., c, h, w) -> (..., 6, c h w)."""
    height, width = images.shape[-2:]
    padded = nn.functional.pad(images, (1, 1, 1, 1))  # blank beyond the edge
    by_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    by_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2

    def places(n: int) -> Tensor:
        # A turn or a stretch by 1 moves what is half way to the edge by a pixel.
        half = (n - 1) / 2
        return torch.linspace(-half, half, n).to(images) / max(1.0, n / 4)

    x, y = places(width), places(height).unsqueeze(-1)
    moved = [by_x, by_y, x * by_x, y * by_x, x * by_y, y * by_y]
    return torch.stack(moved, dim=-4).flatten(-3)
