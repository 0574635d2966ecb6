"""What the networks of the libraries need to become backbones."""

from numbers import Integral, Real

from torch import Tensor, nn

__all__ = ["RowWise", "require"]


class RowWise(nn.Module):
    """A network of a table of rows, for rows with any leading axes.

    The libraries' networks take ``(rows, features)`` and no more axes.

    Parameters
    ----------
    network : nn.Module
        Maps (rows, features) to (rows, out_features).
    out_features : int
        Width of the embedding.
    """

    def __init__(self, network: nn.Module, out_features: int):
        super().__init__()
        self.network = network
        self.out_features = out_features

    def forward(self, X: Tensor) -> Tensor:
        """Map ``(..., features)`` to ``(..., out_features)``."""
        embedded = self.network(X.reshape(-1, X.shape[-1]))
        return embedded.reshape(*X.shape[:-1], self.out_features)


_RANGES = {
    "a positive whole number": lambda v: _is_whole(v) and v > 0,
    "a probability in [0, 1)": lambda v: isinstance(v, Real) and 0 <= v < 1,
    "a positive number": lambda v: isinstance(v, Real) and v > 0,
}


def require(what: str, **values: object) -> None:
    """Raise a ValueError that names the first value which is not ``what``."""
    for name, value in values.items():
        if not _RANGES[what](value):
            raise ValueError(f"{name} must be {what}, not {value!r}.")


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
