"""Layers for images whose weights may carry a task axis.

A convolution with weights of its own for every task is one grouped convolution, a group
per task, in which the channels of all tasks lie side by side. So images come as
(tasks, rows, channels, height, width), and what a layer returns has the memory layout
that the next one needs: channels last and, where weights differ, inside them the tasks.
Nothing is copied from layer to layer.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from skmeta.nn.group_norm import group_norm

__all__ = ["Conv2d", "Flatten", "GroupNorm", "Images", "MaxPool2d", "Pieces"]


class Images(nn.Module):
    """Shape flat rows into images.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height and width.

    Examples
    --------
    >>> import torch
    >>> from skmeta.nn import Images
    >>> Images((3, 8, 8))(torch.ones(4, 10, 192)).shape  # four tasks of ten rows
    torch.Size([4, 10, 3, 8, 8])
    """

    carries_task_axis = True

    def __init__(self, image_shape: Sequence[int]):
        super().__init__()
        self.image_shape = tuple(image_shape)

    def forward(self, X: Tensor) -> Tensor:
        """Map ``(..., pixels)`` to ``(..., channels, height, width)``."""
        return X.unflatten(-1, self.image_shape)

    def extra_repr(self) -> str:
        """Name the shape."""
        return str(self.image_shape)


class Flatten(nn.Flatten):
    """Lay out images as rows, ``(..., channels, height, width)`` to ``(..., pixels)``.

    The pixels are in the order of the three axes, whatever the layout in memory.

    Examples
    --------
    >>> import torch
    >>> from skmeta.nn import Flatten
    >>> Flatten()(torch.ones(4, 10, 3, 8, 8)).shape
    torch.Size([4, 10, 192])
    """

    carries_task_axis = True

    def __init__(self) -> None:
        super().__init__(start_dim=-3)


class Conv2d(nn.Conv2d):
    """Convolution; with weights ``(tasks, out, in, *kernel)`` every task has its own.

    Parameters and attributes are those of :class:`torch.nn.Conv2d`, for one group and
    zeros as padding.

    Raises
    ------
    ValueError
        If there are several groups, or padding with anything but zeros.

    Examples
    --------
    >>> import torch
    >>> from skmeta.nn import Conv2d, apply_per_task
    >>> layer, images = Conv2d(1, 8, kernel_size=3), torch.ones(4, 10, 1, 5, 5)
    >>> own = {k: p.expand(4, *p.shape) for k, p in layer.named_parameters()}
    >>> apply_per_task(layer, own, images).shape  # four tasks of ten rows
    torch.Size([4, 10, 8, 3, 3])
    """

    carries_task_axis = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.groups != 1 or self.padding_mode != "zeros":
            raise ValueError(
                "skmeta.nn.Conv2d has groups=1 and padding_mode='zeros' only. Take "
                "torch.nn.Conv2d, which works as well where every task has weights of "
                "its own, but slower."
            )

    def forward(self, X: Tensor) -> Tensor:
        """Convolve ``(..., rows, channels, height, width)``."""
        weight, bias = self.weight, self.bias
        padding: Any = self.padding  # a word, or numbers
        window = self.stride, padding, self.dilation
        if weight.ndim == 4:
            if bias is None or bias.ndim == 1:
                return _unstack(conv2d(_stack(X), weight, bias, *window), X.shape[:-3])
            images = conv2d(_stack(X), weight, None, *window)
            return _unstack(images, X.shape[:-3]) + bias[:, None, :, None, None]
        n_tasks = len(weight)
        if bias is not None:
            bias = bias.expand(n_tasks, -1).flatten()
        images = _interleave(X)
        images = conv2d(images, weight.flatten(0, 1), bias, *window, n_tasks)
        return _part(images, n_tasks)


class MaxPool2d(nn.MaxPool2d):
    """Maximum over windows of every image.

    Parameters and attributes are those of :class:`torch.nn.MaxPool2d`.

    Examples
    --------
    >>> import torch
    >>> from skmeta.nn import MaxPool2d
    >>> MaxPool2d(2)(torch.ones(4, 10, 3, 8, 8)).shape  # four tasks of ten rows
    torch.Size([4, 10, 3, 4, 4])
    """

    carries_task_axis = True

    def forward(self, X: Tensor) -> Tensor:
        """Pool ``(..., rows, channels, height, width)``."""
        if _is_interleaved(X):
            return _part(super().forward(_interleave(X)), len(X))
        return _unstack(super().forward(_stack(X)), X.shape[:-3])


class GroupNorm(nn.GroupNorm):
    """Group normalisation of each image; scale and shift may carry a task axis.

    The channels of an image are split in groups, and each group is brought to mean 0
    and variance 1 (Wu & He 2018). One group is layer normalisation, a group per channel
    instance normalisation. Parameters and attributes are those of
    :class:`torch.nn.GroupNorm`.

    References
    ----------
    Y. Wu, K. He. Group normalization. ECCV 2018.

    Examples
    --------
    >>> import torch
    >>> from skmeta.nn import GroupNorm
    >>> images = torch.arange(4.0).view(1, 1, 2, 1, 2)  # two channels of two pixels
    >>> GroupNorm(num_groups=1, num_channels=2)(images).flatten().tolist()
    [-1.34..., -0.44..., 0.44..., 1.34...]
    """

    carries_task_axis = True

    def forward(self, X: Tensor) -> Tensor:
        """Normalise ``(..., rows, channels, height, width)``."""
        if X.ndim == 4:  # as inside vmap, for which channels must come first in memory
            return super().forward(X.contiguous())
        if all(p is None or p.ndim == 1 for p in (self.weight, self.bias)):
            return _unstack(super().forward(_stack(X)), X.shape[:-3])
        n_tasks = len(X)
        scale, shift = (
            p.expand(n_tasks, -1).flatten() for p in (self.weight, self.bias)
        )
        images = _interleave(X).to(scale)  # autocast leaves it in half precision
        n_groups = n_tasks * self.num_groups
        return _part(group_norm(images, n_groups, scale, shift, self.eps), n_tasks)


class Pieces(nn.Sequential):
    """A chain of layers that takes rows in pieces when no gradient is asked for.

    What a convolution returns is many times as large as the rows it sees. Training
    needs it whole; answering does not.

    Parameters
    ----------
    *layers : nn.Module
        Layers to chain, none of which mixes rows in evaluation.
    at_once : int, default=1024
        Rows of all tasks in a piece.
    bfloat16 : bool, default=False
        Let torch's autocast compute what gains by it in bfloat16. The output is float32
        all the same.

    Examples
    --------
    >>> import torch
    >>> from skmeta.nn import Linear, Pieces
    >>> network = Pieces(Linear(3, 2), at_once=100).eval()
    >>> with torch.no_grad():
    ...     network(torch.ones(4, 1000, 3)).shape  # four tasks of a thousand rows
    torch.Size([4, 1000, 2])
    """

    carries_task_axis = True

    def __init__(self, *layers: nn.Module, at_once: int = 1024, bfloat16: bool = False):
        super().__init__(*layers)
        self.at_once = at_once
        self.in_bfloat16 = bfloat16

    def forward(self, X: Tensor) -> Tensor:
        """Map ``(..., rows, features)`` by all layers in turn."""
        # What is written down as a graph is for any number of rows.
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self._chain(X)
        n_rows = X.shape[:-1].numel()
        if n_rows <= self.at_once:
            return self._chain(X)
        pieces = X.split(max(1, self.at_once * X.shape[-2] // n_rows), dim=-2)
        return torch.cat([self._chain(piece) for piece in pieces], dim=-2)

    def _chain(self, X: Tensor) -> Tensor:
        if not self.in_bfloat16:
            return super().forward(X)
        with torch.autocast(X.device.type, dtype=torch.bfloat16):
            return super().forward(X).to(X)


# From (tasks, rows, channels, height, width) to (images, channels, height, width) and
# back. All is done in places of memory, channels last: a reshape of what has another
# layout copies it, of what has this one does not.


def _stack(X: Tensor) -> Tensor:
    """Make every row of every task an image."""
    return _channels_last(X.movedim(-3, -1).flatten(0, -4))


def _unstack(images: Tensor, leading: torch.Size) -> Tensor:
    return images.unflatten(0, leading)


def _interleave(X: Tensor) -> Tensor:
    """Make the n-th rows of all tasks one image, with the channels of all."""
    return _channels_last(X.permute(1, 3, 4, 0, 2).flatten(3))


def _part(images: Tensor, n_tasks: int) -> Tensor:
    return images.unflatten(1, (n_tasks, -1)).transpose(0, 1)


def _is_interleaved(X: Tensor) -> bool:
    return X.ndim == 5 and X.stride(0) < X.stride(1)


def _channels_last(pixels: Tensor) -> Tensor:
    """Map (images, height, width, channels) to (images, channels, height, width)."""
    # Through one axis for both, or torch takes one channel for channels first.
    return pixels.flatten(2).unflatten(2, pixels.shape[2:]).movedim(3, 1)
