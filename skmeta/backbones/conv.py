"""Convolutional network for images."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor, gcd, isqrt, prod
from numbers import Integral
from typing import Literal

from torch import nn

from skmeta.backbones.base import Backbone, with_width
from skmeta.nn import Conv2d, Flatten, GroupNorm, Images, MaxPool2d, Pieces

__all__ = ["Conv4"]

# Channels times pixels of all that goes through at once where no gradient is asked for:
# 16 MB. From 32 MB on the allocator takes each map from the system, at twice the time.
_NUMBERS_AT_ONCE = 2**22

_MOST_GROUPS, _FEWEST_IN_GROUP = 8, 4  # channels that are normalised together


class Conv4(Backbone):
    """Four convolutional blocks, for images that come as flat rows.

    A block is a 3 x 3 convolution, a 2 x 2 max-pool, a norm and ReLU: the network of
    Vinyals et al. (2016) and Snell et al. (2017) for few-shot images, but that they
    pool last, which treats four times as many pixels. The last maps, flattened, are the
    embedding.

    Parameters
    ----------
    image_shape : tuple of int, default=(28, 28)
        Height and width, or channels, height and width, of the image in a row. Rows
        hold their pixels in that order: all of the first channel first.
    channels : int or sequence of int, default=64
        Maps of every block; a sequence says it for each, and how many blocks there are.
        Where a map has shrunk to one pixel further blocks gain little: for images of
        8 x 8, two blocks, ``(64, 64)``, learn faster than four.
    norm : {"group", "batch", "layer", None}, default="group"
        "group" normalises groups of channels of each image (Wu & He 2018), eight of
        them or as many as have four channels or more; "layer" all channels together.
        Both suit every algorithm. "batch" is batch normalisation, as in the papers: a
        little better for metric-based algorithms, and refused where every task has
        weights of its own.
    ceil_mode : bool, default=True
        Pool what is left over at the edge of a map of odd size. False drops it, as in
        the papers, and so ends with a map of 1 x 1 rather than 2 x 2 from 28 x 28.
    precision : {"float32", "bfloat16"}, default="float32"
        What convolutions compute in. On processors that know bfloat16, such as CPUs
        with AVX-512 BF16 or AMX, it is twice as fast or more; numbers have three
        digits then. Weights and the embedding are float32 in any case. It is for
        metric-based algorithms: through inner steps, errors of rounding grow.

    References
    ----------
    O. Vinyals, C. Blundell, T. Lillicrap, K. Kavukcuoglu, D. Wierstra. Matching
    networks for one shot learning. NeurIPS 2016.

    Y. Wu, K. He. Group normalization. ECCV 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmeta import MetaClassifier
    >>> from skmeta.backbones import Conv4
    >>> X, y = load_digits(return_X_y=True)
    >>> backbone = Conv4(image_shape=(8, 8), channels=(16, 16))
    >>> meta = MetaClassifier(
    ...     "protonet", backbone, tasks="classes", tasks_per_epoch=16, max_epochs=1
    ... )
    >>> meta = meta.fit(X[y < 6], y[y < 6])
    >>> few, new = X[y >= 6], y[y >= 6]
    >>> meta.adapt(few[:20], new[:20]).predict(few[20:]).shape
    (694,)
    """

    takes_any_width = False
    of_images = True

    def __init__(
        self,
        image_shape: tuple[int, ...] = (28, 28),
        channels: int | Sequence[int] = 64,
        norm: Literal["group", "batch", "layer", None] = "group",
        ceil_mode: bool = True,
        precision: Literal["float32", "bfloat16"] = "float32",
    ):
        self.image_shape = image_shape
        self.channels = channels
        self.norm = norm
        self.ceil_mode = ceil_mode
        self.precision = precision

    def build(self, n_features: int) -> nn.Module:
        """Chain the blocks; ``out_features`` is the size of the last maps.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or rows do not hold such images.
        """
        widths = self._widths()
        self._validate(widths, n_features)
        n_channels, *size = (1, *self.image_shape)[-3:]
        layers: list[nn.Module] = [Images((n_channels, *size))]
        for n_in, n_out in pairwise([n_channels, *widths]):
            # A batch norm would take away what a bias adds.
            bias = self.norm != "batch"
            layers.append(Conv2d(n_in, n_out, kernel_size=3, padding=1, bias=bias))
            if max(size) > 1:  # what has shrunk to one pixel is pooled no further
                window = tuple(min(2, length) for length in size)
                layers.append(MaxPool2d(window, ceil_mode=self.ceil_mode))
                size = [self._pooled(length) for length in size]
            layers += [*self._norm(n_out), nn.ReLU()]
        largest = prod(self.image_shape[-2:]) * max(widths)
        network = Pieces(
            *layers,
            Flatten(),
            at_once=max(1, _NUMBERS_AT_ONCE // largest),
            bfloat16=self.precision == "bfloat16",
        )
        return with_width(network, widths[-1] * prod(size))

    def _norm(self, n_channels: int) -> list[nn.Module]:
        if self.norm is None:
            return []
        if self.norm == "batch":
            return [nn.BatchNorm2d(n_channels)]
        return [GroupNorm(self._n_groups(n_channels), n_channels)]

    def _n_groups(self, n_channels: int) -> int:
        # Few channels in a group would leave next to nothing of a map of one pixel.
        if self.norm == "layer" or n_channels % _FEWEST_IN_GROUP:
            return 1
        return gcd(_MOST_GROUPS, n_channels // _FEWEST_IN_GROUP)

    def _pooled(self, length: int) -> int:
        halves = length / min(2, length)
        return ceil(halves) if self.ceil_mode else floor(halves)

    def _widths(self) -> list[int]:
        if isinstance(self.channels, (int, Integral)):
            return [int(self.channels)] * 4
        return list(self.channels)

    def _validate(self, widths: list[int], n_features: int) -> None:
        shape = self.image_shape
        if (
            not isinstance(shape, Sequence)
            or len(shape) not in (2, 3)
            or not all(_is_positive(size) for size in shape)
        ):
            raise ValueError(
                "image_shape must be (height, width) or (channels, height, width) of "
                f"positive ints, not {shape!r}."
            )
        if not widths or not all(_is_positive(width) for width in widths):
            raise ValueError(
                "channels must be a positive int, or one for each block, "
                f"not {self.channels!r}."
            )
        if self.norm not in ("group", "batch", "layer", None):
            raise ValueError(
                f"norm must be 'group', 'batch', 'layer' or None, not {self.norm!r}."
            )
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(
                f"precision must be 'float32' or 'bfloat16', not {self.precision!r}."
            )
        if prod(shape) != n_features:
            raise ValueError(
                f"image_shape={shape!r} makes {prod(shape)} features of a row, and "
                f"there are {n_features}. Pass the shape of your images as (height, "
                f"width) or (channels, height, width){_example(n_features)}."
            )


def _is_positive(value: object) -> bool:
    return isinstance(value, Integral) and int(value) >= 1


def _example(n_features: int) -> str:
    side = isqrt(n_features)
    return f", such as {(side, side)}" if side**2 == n_features else ""
