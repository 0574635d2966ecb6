"""The classes that files hold, by the name that files have for them."""

import importlib
from typing import TypeVar

__all__ = ["HOMES", "TRUSTED_TYPES", "is_kind", "kind", "savable"]

_Estimator = TypeVar("_Estimator")

HOMES = {
    "MetaClassifier": "skmeta.estimators.classifier",
    "MetaRegressor": "skmeta.estimators.regressor",
    "FewShotClassifier": "skmeta.estimators.few_shot.classifier",
    "FewShotRegressor": "skmeta.estimators.few_shot.regressor",
    "MetaStackingClassifier": "skmeta.ensemble.classifier",
    "MetaStackingRegressor": "skmeta.ensemble.regressor",
}
"""Where each of them is: it is imported when a file is met that has one."""

TRUSTED_TYPES = [f"{home}.{name}" for name, home in HOMES.items()]
"""What ``skops.io.load(..., trusted=)`` has to trust to load estimators of skmeta."""

# What files of skops call them that are older than the files of their room.
TRUSTED_TYPES += [
    f"skmeta.estimators.few_shot.{name}"
    for name in ("FewShotClassifier", "FewShotRegressor")
]

_KNOWN: dict[str, type] = {}


def savable(cls: type[_Estimator]) -> type[_Estimator]:
    """Enter a class that files may bring.

    Saving stands below the estimators and cannot import them: they name themselves.
    """
    assert HOMES[cls.__name__] == cls.__module__
    _KNOWN[cls.__name__] = cls
    return cls


def kind(name: str) -> type:
    """Return the class that files call so.

    Parameters
    ----------
    name : str
        As a file has it.

    Raises
    ------
    KeyError
        If there is none.
    """
    if name not in _KNOWN:
        importlib.import_module(HOMES[name])
    return _KNOWN[name]


def is_kind(cls: type) -> bool:
    """Tell whether files may bring a class."""
    return cls in _KNOWN.values()
