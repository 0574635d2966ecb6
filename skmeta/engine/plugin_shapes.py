"""Which plugin gives arrays of a wrong shape, where a training has failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from skmeta import plugins
from skmeta.backbones.base import width_of
from skmeta.utils.random import seeded

__all__ = ["naming_wrong_shapes", "refuse_wrong_shapes"]


@contextmanager
def naming_wrong_shapes(
    algorithm: Any, backbone: Any, n_features: int
) -> Iterator[None]:
    """Raise what :func:`refuse_wrong_shapes` says where torch fails inside the block.

    An error that has other reasons goes on as it is.
    """
    try:
        yield
    except (RuntimeError, IndexError) as error:  # in words of torch
        wrong = _wrong_shapes(algorithm, backbone, n_features)
        if wrong is None:
            raise
        raise wrong from error


def _wrong_shapes(algorithm: Any, backbone: Any, n_features: int) -> ValueError | None:
    try:
        refuse_wrong_shapes(algorithm, backbone, n_features)
    except ValueError as wrong:
        return wrong
    except (RuntimeError, IndexError, TypeError):  # which says no more
        return None
    return None


def refuse_wrong_shapes(algorithm: Any, backbone: Any, n_features: int) -> None:
    """Try a backbone, and the distance of an algorithm, on a few rows.

    Parameters
    ----------
    algorithm : Algorithm
        Perhaps with a ``distance``.
    backbone : Backbone
        What embeds rows.
    n_features : int
        Columns of the rows.

    Raises
    ------
    ValueError
        If one answers by another shape than it must; with both shapes.
    """
    with torch.no_grad(), seeded(0):
        network = backbone.build(n_features).eval()
        width = width_of(network)
        embedded = network(torch.zeros(2, 3, n_features))
        _refuse(backbone, "embeds rows", (2, 3, n_features), embedded, (2, 3, width))
        given = getattr(algorithm, "distance", None)
        if given is None:
            return
        distance = plugins.resolve("distance", given)
        between = distance.build(width)(
            torch.zeros(2, 3, width), torch.zeros(2, 4, width)
        )
        about = f"(2, 3, {width}) and (2, 4, {width})"
        _refuse(distance, "measures rows", about, between, (2, 3, 4))


def _refuse(
    plugin: Any, does: str, given: Any, answer: Any, expected: tuple[int, ...]
) -> None:
    shape = getattr(answer, "shape", None)
    if shape is not None and tuple(shape) == expected:
        return
    got = type(answer).__name__ if shape is None else f"a tensor of {tuple(shape)}"
    raise ValueError(
        f"{plugin} {does} of shape {given} by {got}, and must by a tensor of "
        f"{expected}. python -m skmeta plugins --check goes through what is expected."
    )
