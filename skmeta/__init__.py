"""Meta-learning for people who use scikit-learn.

Fit on many related tasks, adapt to a new one with a handful of rows, predict::

    meta = MetaClassifier("maml").fit(X, y, groups=store)
    meta.adapt(X_few, y_few).predict(X_new)
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from skmeta._version import __version__

if TYPE_CHECKING:
    from skmeta import ensemble
    from skmeta.estimators import MetaClassifier, MetaRegressor
    from skmeta.estimators.few_shot import FewShotClassifier, FewShotRegressor
    from skmeta.exceptions import LoadError, NotAdaptedError, SaveError
    from skmeta.hookspecs import API_VERSION, hookimpl
    from skmeta.pipelines import (
        adapt,
        forget,
        partial_adapt,
        predict_interval,
        predict_set,
    )
    from skmeta.saving import TRUSTED_TYPES, load, save
    from skmeta.tables.meta_dataset.dataset import MetaDataset
    from skmeta.tables.preprocessing import make_preprocessor

__all__ = [
    "API_VERSION",
    "TRUSTED_TYPES",
    "FewShotClassifier",
    "FewShotRegressor",
    "LoadError",
    "MetaClassifier",
    "MetaDataset",
    "MetaRegressor",
    "NotAdaptedError",
    "SaveError",
    "__version__",
    "adapt",
    "ensemble",
    "forget",
    "hookimpl",
    "load",
    "make_preprocessor",
    "partial_adapt",
    "predict_interval",
    "predict_set",
    "save",
]

# Where each name is, for torch takes seconds to import and is needed for few of them.
_HOMES = {
    "estimators": ["MetaClassifier", "MetaRegressor"],
    "estimators.few_shot": ["FewShotClassifier", "FewShotRegressor"],
    "exceptions": ["LoadError", "NotAdaptedError", "SaveError"],
    "hookspecs": ["API_VERSION", "hookimpl"],
    "pipelines": [
        "adapt",
        "forget",
        "partial_adapt",
        "predict_interval",
        "predict_set",
    ],
    "saving": ["TRUSTED_TYPES", "load", "save"],
    "tables.meta_dataset.dataset": ["MetaDataset"],
    "tables.preprocessing": ["make_preprocessor"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

# What ``skmeta.`` leads to without an import of its own.
_ROOMS = frozenset(
    {
        *("algorithms", "augmentations", "backbones", "bulk", "datasets", "display"),
        *("distances", "ensemble", "episodes", "evaluation", "hookspecs"),
        *("model_selection", "nn", "plugins", "testing"),
    }
)


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(f"skmeta.{_HOME_OF[name]}"), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"skmeta.{name}")
    else:
        words = f"module 'skmeta' has no attribute {name!r}"
        raise AttributeError(words, name=name, obj=sys.modules["skmeta"])
    globals()[name] = value  # asked once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
