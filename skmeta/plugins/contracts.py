"""What a hook may return: names, each with something of the right kind."""

from __future__ import annotations

from typing import Any

from skmeta.hookspecs import KINDS

__all__ = ["check_entry", "check_instance", "check_returned", "resolved"]

# By kind, the base class and what it has that skmeta calls. Inheriting from it is not
# asked for: a class with the same methods is as good.
_CLASSES = {
    "algorithm": (
        "skmeta.algorithms.Algorithm",
        ("build", "adapt", "predict", "meta_backward", "get_params"),
    ),
    "backbone": ("skmeta.backbones.Backbone", ("build", "get_params")),
    "distance": ("skmeta.distances.Distance", ("build", "get_params")),
    "augmentation": (
        "skmeta.augmentations.Augmentation",
        ("augment", "n_train_classes", "get_params"),
    ),
}
_FUNCTIONS = KINDS.keys() - _CLASSES.keys()  # datasets


def check_returned(kind: str, returned: object) -> dict:
    """Return what a hook returned, or raise a TypeError if it is no dict."""
    if not isinstance(returned, dict):
        raise TypeError(
            f"{KINDS[kind]}() must return a dict, not a {type(returned).__name__}"
        )
    return returned


def check_entry(kind: str, name: object, thing: object) -> None:
    """Raise a TypeError where a name or what it stands for is of the wrong type."""
    if not isinstance(name, str) or not name.strip() or ":" in name:
        raise TypeError(
            f"{KINDS[kind]}() must use non-empty str without ':' as names, not {name!r}"
        )
    if kind in _FUNCTIONS:
        if not callable(thing):
            raise TypeError(f"it must be a function, not {thing!r}")
        return
    if not isinstance(thing, type):
        raise TypeError(f"it must be a class, not {thing!r}")
    base, methods = _CLASSES[kind]
    missing = [method for method in methods if not hasattr(thing, method)]
    if missing:
        raise TypeError(
            f"the class {thing.__name__} has no {', no '.join(missing)}; "
            f"inherit from {base}"
        )


def check_instance(kind: str, value: object) -> None:
    """Raise a TypeError where a parameter is given what cannot be of its kind."""
    if kind in _FUNCTIONS:
        return
    base, (first, *_) = _CLASSES[kind]
    if isinstance(value, type):
        raise TypeError(
            f"Pass an instance as {kind}, {value.__name__}(...), not the class."
        )
    if not hasattr(value, first):
        raise TypeError(
            f"{value!r} is no {kind}, for it has no {first}: pass a name, or an "
            f"instance of a class that inherits from {base}. All names: "
            "python -m skmeta plugins"
        )


def resolved(kind: str, registered: Any) -> Any:
    """Return what a name stands for: an instance with the default hyperparameters.

    The name of a dataset stands for the function itself.

    Raises
    ------
    TypeError
        If a class cannot do without arguments.
    """
    if kind in _FUNCTIONS:
        return registered
    try:
        return registered()
    except Exception as error:
        raise TypeError(
            f"the {kind} {registered.__name__} cannot be made without arguments, as a "
            f"name needs it: {error}"
        ) from error
