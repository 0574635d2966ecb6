"""Parameters of parameters, which may be the name of an object."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import BaseEstimator

from skmeta import plugins

__all__ = ["NestedParametersMixin"]

# What a parameter's names stand for; others are not made by plugins.
_KINDS = {
    "algorithm": "algorithm",
    "backbone": "backbone",
    "distance": "distance",
    "augment": "augmentation",
}


class NestedParametersMixin(BaseEstimator):
    """An estimator with parameters that are an object, or the name of one."""

    def set_params(self, **params: Any) -> Self:
        """Set parameters, and parameters of those that are objects.

        Parameters
        ----------
        **params : dict
            Values by name; ``algorithm__inner_lr`` is that of the object ``algorithm``.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter, or if it is one of a name such as "maml",
            which stands for an object with the default parameters.
        """
        own = self.get_params(deep=False)
        for key in params:
            outer, nested, _ = key.partition("__")
            value = params.get(outer, own.get(outer))
            if nested and outer in own and not hasattr(value, "set_params"):
                raise ValueError(_why_not(key, outer, value))
        return super().set_params(**params)


def _why_not(key: str, outer: str, value: Any) -> str:
    """Say what to do about a parameter of what has none."""
    why, such = "has no parameters", "an object that has them"
    if isinstance(value, str):
        why = "is a name, and stands for what has the default parameters"
        such = _made_of(_KINDS.get(outer), value)
    return (
        f"{key} cannot be set: {outer}={value!r} {why}. Set {outer} to {such} first, "
        f"or together with it, in a grid as a list of one: {outer}=[{such}]."
    )


def _made_of(kind: str | None, name: str) -> str:
    """Say how the object is made that a name stands for."""
    try:
        made = None if kind is None else plugins.get(kind, name)
    except ValueError:  # nobody knows it
        made = None
    return "an object" if made is None else f"{made.__name__}()"
