"""Meta-learning for people who use scikit-learn.

Fit on many related tasks, adapt to a new one with a handful of rows, predict::

    meta = MetaClassifier("maml").fit(X, y, groups=store)
    meta.adapt(X_few, y_few).predict(X_new)
"""

from skmeta.estimators import MetaClassifier, MetaRegressor
from skmeta.exceptions import NotAdaptedError
from skmeta.few_shot import FewShotClassifier, FewShotRegressor
from skmeta.hookspecs import hookimpl
from skmeta.meta_dataset import MetaDataset
from skmeta.pipelines import adapt
from skmeta.preprocessing import make_preprocessor

__version__ = "0.1.0.dev0"

__all__ = [
    "FewShotClassifier",
    "FewShotRegressor",
    "MetaClassifier",
    "MetaDataset",
    "MetaRegressor",
    "NotAdaptedError",
    "adapt",
    "hookimpl",
    "make_preprocessor",
]
