"""Calls of a function here, in other processes or on other machines."""

import os
import platform
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import joblib
import sklearn
from joblib.parallel import get_active_backend

from skmeta.utils.messages import warn
from skmeta.utils.sending import Sent

__all__ = ["call_all", "is_sequential"]

# Arguments from this size on are mapped into memory by processes of one machine.
_MAPPED = 10_000  # bytes


def is_sequential() -> bool:
    """Tell whether calls are to be made here, one after another."""
    backend, n_jobs = get_active_backend()
    is_local = type(backend).__module__.startswith("joblib._parallel_backends")
    return (is_local or _is_ray(backend)) and (n_jobs or 1) == 1


def call_all(function: Callable[..., Any], calls: Iterable[tuple]) -> list[Any]:
    """Call a function with each tuple of arguments, where ``joblib`` has been told to.

    That is here, one after another, unless the user's code is in a block of
    ``joblib.parallel_config``. What is large, and the same in several calls, comes as
    a :class:`skmeta.utils.sending.Sent`.

    Parameters
    ----------
    function : callable
        Found by its name in other processes.
    calls : iterable of tuple
        Positional arguments of each call.

    Returns
    -------
    list
        What the calls return, in their order.

    Warns
    -----
    Warning
        What is warned of in other processes, each message once; and if Ray, which
        has one job by default, was not told to take more.

    Examples
    --------
    >>> import joblib
    >>> from skmeta.utils.parallel import call_all
    >>> with joblib.parallel_config("threading", n_jobs=2):
    ...     call_all(divmod, [(7, 2), (9, 4)])
    [(3, 1), (2, 1)]
    """
    over_ray = _is_ray(get_active_backend()[0])
    if not (calls := list(calls)):
        return []  # or processes would start for nothing
    if is_sequential():
        if over_ray:
            warn(
                'parallel_config("ray") has one job where it is not told how many: all '
                'is computed in this process. parallel_config("ray", n_jobs=-1) takes '
                "the processors that Ray has."
            )
        return [function(*call) for call in calls]
    config, here = sklearn.get_config(), (os.getpid(), platform.node())
    parallel = joblib.Parallel(max_nbytes=_MAPPED)
    if over_ray:
        calls = [tuple(map(_in_ray, call)) for call in calls]
    told = parallel(
        joblib.delayed(_call)(function, config, here, *call) for call in calls
    )
    said = [each for _, warned in told for each in warned]
    for message, category in dict.fromkeys(said):
        warn(message, category)
    return [result for result, _ in told]


def _is_ray(backend: Any) -> bool:
    return type(backend).__module__.startswith("ray.")


def _in_ray(argument: Any) -> Any:
    return argument.in_ray if isinstance(argument, Sent) else argument


def _call(
    function: Callable[..., Any], config: dict[str, Any], here: Any, *call: Any
) -> tuple[Any, list[tuple[str, type[Warning]]]]:
    """Return what a call returns, and what it warned of where nobody reads that."""
    with sklearn.config_context(**config):
        if (os.getpid(), platform.node()) == here:
            return function(*call), []
        # One level of processes is enough: those of others are at work already.
        with (
            warnings.catch_warnings(record=True) as caught,
            joblib.parallel_config("sequential"),
        ):
            warnings.simplefilter("always")
            result = function(*call)
    return result, [(str(each.message), each.category) for each in caught]
