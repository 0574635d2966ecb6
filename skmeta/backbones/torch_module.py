"""Any torch module as a backbone."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from skmeta import plugins
from skmeta.backbones.base import Backbone, with_width

__all__ = ["TorchModule", "as_backbone"]


class TorchModule(Backbone):
    """A network that is there already, such as a pretrained one.

    Meta-training starts from its weights, each time anew, and leaves it as it is. How
    wide the embedding is shows when two rows go through it.

    A learner over it is kept by pickle and joblib. A file of :func:`skmeta.save` holds
    no code and cannot bring a module: for that, write a :class:`Backbone` that builds
    it, and register it.

    Parameters
    ----------
    module : nn.Module
        Maps (rows, n_features) to (rows, width), each row by itself. Parameters that
        need no gradient stay as they are.

    Examples
    --------
    The estimators wrap a module by themselves:

    >>> from torch import nn
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    >>> network = nn.Sequential(nn.Linear(1, 16), nn.Tanh())
    >>> meta = MetaRegressor("r2d2", network, max_epochs=1, random_state=0)
    >>> meta.fit(X, y, groups=task).transform(X).shape
    (400, 16)
    """

    takes_any_width = False

    def __init__(self, module: nn.Module):
        self.module = module

    def build(self, n_features: int) -> nn.Module:
        """Copy the module, and find out how wide its embedding is.

        Raises
        ------
        ValueError
            If it does not take such rows, or makes no row of numbers of each.
        """
        network = copy.deepcopy(self.module).to(device="cpu", dtype=torch.float32)
        name = type(network).__name__
        network.eval()  # two rows of zeros are nothing to learn from
        try:
            with torch.no_grad():
                embedded: Any = network(torch.zeros(2, n_features))
        except Exception as error:  # of any module
            raise ValueError(
                f"The backbone {name} takes no rows of {n_features} features "
                f"({type(error).__name__}: {error})."
            ) from error
        network.train()
        shape = tuple(embedded.shape) if isinstance(embedded, Tensor) else None
        if shape is None or len(shape) != 2 or shape[0] != 2:
            raise ValueError(
                f"A backbone maps (rows, {n_features}) to (rows, width), and {name} "
                f"makes {'no tensor' if shape is None else shape} of (2, {n_features})."
            )
        return with_width(network, shape[1])


def as_backbone(value: Any) -> Any:
    """Return the backbone that a name, a module or an object stands for.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if isinstance(value, nn.Module) and not hasattr(value, "build"):
        return TorchModule(value)
    return plugins.resolve("backbone", value)
