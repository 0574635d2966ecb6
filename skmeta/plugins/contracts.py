"""What a hook may return: names, each with something of the right kind."""

from __future__ import annotations

from typing import Any

from skmeta.hookspecs import KINDS

__all__ = ["check_dict", "check_offer", "instance_of"]

# By kind, the base class and what it has that skmeta calls. Inheriting from it is not
# asked for: a class with the same methods is as good.
_CONTRACTS = {
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


def check_dict(kind: str, returned: object) -> dict:
    """Return what a hook returned, or raise a TypeError if it is no dict."""
    if not isinstance(returned, dict):
        raise TypeError(
            f"{KINDS[kind]}() must return a dict, not a {type(returned).__name__}"
        )
    return returned


def check_offer(kind: str, name: object, thing: object) -> None:
    """Raise a TypeError where a name or what it stands for is of the wrong type."""
    if not isinstance(name, str) or not name.strip() or ":" in name:
        raise TypeError(
            f"{KINDS[kind]}() must use non-empty str without ':' as names, not {name!r}"
        )
    if kind == "dataset":
        if not callable(thing):
            raise TypeError(f"it must be a function, not {thing!r}")
        return
    if not isinstance(thing, type):
        raise TypeError(f"it must be a class, not {thing!r}")
    base, methods = _CONTRACTS[kind]
    missing = [method for method in methods if not hasattr(thing, method)]
    if missing:
        raise TypeError(
            f"the class {thing.__name__} has no {', no '.join(missing)}; "
            f"inherit from {base}"
        )


def instance_of(kind: str, cls: type) -> Any:
    """Make an instance with the default hyperparameters, which a name stands for.

    Raises
    ------
    TypeError
        If the class cannot do without arguments.
    """
    try:
        return cls()
    except Exception as error:
        raise TypeError(
            f"the {kind} {cls.__name__} cannot be made without arguments, as a name "
            f"needs it: {error}"
        ) from error
