"""Oriented gradients of images: a backbone that knows something before training."""

import math
from collections.abc import Sequence
from numbers import Integral

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from skmeta.backbones.base import Backbone, with_width
from skmeta.nn import Flatten, Images

__all__ = ["OrientedGradients"]

_TINY = 1e-12  # so that a blank image has a gradient everywhere, of next to no length


class OrientedGradients(Backbone):
    r"""Histograms of oriented gradients, for images that come as flat rows.

    At every pixel v the image has a gradient with length m(v) and direction
    :math:`\theta(v)`. It counts for each of K directions, as far as it points there,
    and is added up in the neighbourhood of the points u of a grid,

    .. math::
        h_k(u) = \sum_v e^{-|u - v|^2 / 2 \sigma^2} \, m(v)
                 \max\!\big(0, \cos(\theta(v) - 2 \pi k / K)\big)^p,
        \qquad k = 1, \dots, K.

    The embedding is the square root of each number's share of the whole,

    .. math:: z = \sqrt{h / (\|h\|_1 + \epsilon)},

    the scheme "L1-sqrt" of Dalal & Triggs (2005, section 6.4) with one block, and it is
    again an image, of K channels. Histograms of the directions of gradients are due to
    Freeman & Roth (1995). That a gradient counts for several directions smoothly,
    rather than for the nearest two, makes the embedding differentiable.

    Nothing is learnt. Strokes that are a little thicker, fainter or displaced have
    similar embeddings, which a learner cannot find out from few training classes.
    With ``Correction(base=OrientedGradients(...))`` it starts from there.

    Parameters
    ----------
    image_shape : tuple of int, default=(28, 28)
        Height and width, or channels, height and width, of the image in a row. The
        gradients of several channels are counted together.
    n_orientations : int, default=8
        Directions K around the circle.
    smoothing : float, default=2.0
        Standard deviation :math:`\sigma` of a neighbourhood, in pixels. For images of
        8 x 8, 0.8 serves.
    stride : int, default=4
        Pixels between neighbouring points of the grid; twice the smoothing loses
        little.
    sharpness : float, default=8.0
        Exponent p, at least 1: the higher, the fewer directions a gradient counts for.
        With 8, half way between two of eight directions it counts half for either.

    References
    ----------
    W. T. Freeman, M. Roth. Orientation histograms for hand gesture recognition. IEEE
    International Workshop on Automatic Face and Gesture Recognition, 1995.

    N. Dalal, B. Triggs. Histograms of oriented gradients for human detection. CVPR
    2005.

    Examples
    --------
    A stroke, the same one fainter, and one across:

    >>> import torch
    >>> from skmeta.backbones import OrientedGradients
    >>> stroke = torch.tensor([0.0, 1.0, 2.0, 1.0, 0.0, 0.0]).repeat(6, 1)
    >>> images = torch.stack([stroke, stroke / 2, stroke.T]).flatten(1)
    >>> network = OrientedGradients((6, 6), smoothing=1, stride=1).build(36)
    >>> near, across = torch.cdist(network(images)[:1], network(images)[1:])[0]
    >>> bool(near < 1e-3 < 0.5 < across)
    True
    """

    takes_any_width = False

    def __init__(
        self,
        image_shape: Sequence[int] = (28, 28),
        n_orientations: int = 8,
        smoothing: float = 2.0,
        stride: int = 4,
        sharpness: float = 8.0,
    ):
        self.image_shape = image_shape
        self.n_orientations = n_orientations
        self.smoothing = smoothing
        self.stride = stride
        self.sharpness = sharpness

    def build(self, n_features: int) -> nn.Module:
        """Chain the steps; ``out_features`` is orientations times points of the grid.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or rows do not hold such images.
        """
        self._validate(n_features)
        shape = (1, *self.image_shape)[-3:]
        network = nn.Sequential(Images(shape), _Histograms(self), Flatten())
        height, width = (math.ceil(size / self.stride) for size in shape[1:])
        return with_width(network, self.n_orientations * height * width)

    def _validate(self, n_features: int) -> None:
        shape = tuple(self.image_shape)
        if len(shape) not in (2, 3) or math.prod(shape) != n_features:
            raise ValueError(
                f"image_shape={shape!r} does not fit rows of {n_features} features: "
                "give (height, width) or (channels, height, width) of the images."
            )
        for name, least in {"n_orientations": 2, "stride": 1}.items():
            value = getattr(self, name)
            if not (isinstance(value, Integral) and int(value) >= least):
                raise ValueError(
                    f"{name} must be a whole number from {least} on, not {value!r}."
                )
        if not self.smoothing > 0:
            raise ValueError(f"smoothing must be positive, not {self.smoothing!r}.")
        if not self.sharpness >= 1:
            raise ValueError(f"sharpness must be 1 or more, not {self.sharpness!r}.")


class _Histograms(nn.Module):
    carries_task_axis = True  # there are no weights, and each image is by itself

    directions: Tensor  # (orientations, 2)
    bell: Tensor  # (2 radius + 1,)

    def __init__(self, settings: OrientedGradients):
        super().__init__()
        self.sharpness = settings.sharpness
        self.stride = settings.stride
        angle = 2 * math.pi * torch.arange(settings.n_orientations)
        angle = angle / settings.n_orientations
        directions = torch.stack([angle.cos(), angle.sin()], dim=-1)
        radius = math.ceil(3 * settings.smoothing)
        near = torch.arange(-radius, radius + 1) / settings.smoothing
        # Settings, not knowledge: they are no part of a saved state.
        self.register_buffer("directions", directions, persistent=False)
        self.register_buffer("bell", (-near.square() / 2).exp(), persistent=False)

    def forward(self, X: Tensor) -> Tensor:
        """Map (..., rows, channels, h, w) to (..., rows, orientations, h', w')."""
        images = X.flatten(0, -4)
        padded = pad(images, (1, 1, 1, 1), mode="replicate")  # the edge is no edge
        by_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
        by_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
        slope = torch.stack([by_x, by_y], dim=-1)  # (images, channels, h, w, 2)
        length = (slope.square().sum(dim=-1, keepdim=True) + _TINY).sqrt()
        cosine = (slope / length) @ self.directions.T
        votes = length * cosine.clamp(min=0) ** self.sharpness
        votes = votes.sum(dim=1).movedim(-1, 1)  # (images, orientations, h, w)
        # A bell is one along each axis, after another.
        flat, radius = votes.flatten(0, 1).unsqueeze(1), len(self.bell) // 2
        for axis in (0, 1):
            shape, step, margin = [1, 1, 1, 1], [1, 1], [0, 0]
            shape[2 + axis], step[axis], margin[axis] = -1, self.stride, radius
            flat = conv2d(flat, self.bell.view(shape), stride=step, padding=margin)
        h = flat.view(*votes.shape[:2], *flat.shape[-2:])
        share = h / (h.sum(dim=(1, 2, 3), keepdim=True) + _TINY)
        return (share + _TINY).sqrt().unflatten(0, X.shape[:-3])
