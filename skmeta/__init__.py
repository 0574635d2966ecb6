"""Meta-learning for people who use scikit-learn.

Fit on many related tasks, adapt to a new one with a handful of rows, predict::

    meta = MetaClassifier("maml").fit(X, y, groups=store)
    meta.adapt(X_few, y_few).predict(X_new)
"""

from skmeta import ensemble
from skmeta._version import __version__
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
