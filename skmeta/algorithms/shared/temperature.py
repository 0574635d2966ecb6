"""How far a task is believed: the temperature of its likelihood."""

import copy
import math
from numbers import Real
from typing import Any, TypeVar

__all__ = ["at_temperature", "check_temperature"]

_Algorithm = TypeVar("_Algorithm", bound=Any)


def at_temperature(algorithm: _Algorithm, temperature: float) -> _Algorithm:
    """Copy an algorithm, with another ``temperature``."""
    own: _Algorithm = copy.copy(algorithm).set_params(temperature=temperature)
    return own


def check_temperature(temperature: Any) -> float:
    """Return the number that a parameter ``temperature`` stands for.

    Parameters
    ----------
    temperature : "auto" or float
        By what the rows of a support are divided.

    Returns
    -------
    float
        1 for "auto".

    Raises
    ------
    ValueError
        If it is neither "auto" nor a number from 1 on.

    Examples
    --------
    >>> from skmeta.algorithms.shared.temperature import check_temperature
    >>> check_temperature("auto"), check_temperature(4)
    (1.0, 4.0)
    """
    if isinstance(temperature, str) and temperature == "auto":
        return 1.0
    if isinstance(temperature, Real) and 1 <= float(temperature) < math.inf:
        return float(temperature)
    raise ValueError(
        f"temperature must be 'auto' or a number from 1 on, not {temperature!r}."
    )
