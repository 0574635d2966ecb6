"""Devices that torch can compute on."""

import torch
from torch import Tensor

__all__ = ["check_device", "wide_type"]


def check_device(device: str | torch.device) -> None:
    """Refuse a device that torch cannot compute on here.

    Parameters
    ----------
    device : str or torch.device
        As torch takes it, such as "cpu" or "cuda:1".

    Raises
    ------
    ValueError
        If there is no such device, or if torch has not been built for it.

    Examples
    --------
    >>> from skmeta.utils.devices import check_device
    >>> check_device("cpu")
    """
    try:
        torch.zeros(1, device=device).item()
    # torch raises any kind of them, AssertionError among others.
    except Exception as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise ValueError(
            f"device={str(device)!r} is none that torch can compute on here "
            f"({reason or type(error).__name__}). Pass 'cpu', or another device of "
            "this machine."
        ) from error


def wide_type(tensor: Tensor) -> torch.dtype:
    """Return float64, or the type of a tensor on a device that lacks it.

    Examples
    --------
    >>> import torch
    >>> from skmeta.utils.devices import wide_type
    >>> wide_type(torch.zeros(1))
    torch.float64
    """
    return tensor.dtype if tensor.device.type == "mps" else torch.float64
